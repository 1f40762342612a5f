#!/bin/sh
# make_ptx.sh - makes the kept PTX text from the device source.
#
# usage: make_ptx.sh [OUT]          default: fingerprint.ptx beside this file
#
# clang's NVPTX back end writes an old ISA for an old target, which every
# driver since CUDA 6 can compile; NVIDIA's own compiler writes its newest,
# which drivers older than itself refuse. CLANG names the compiler. The first
# lines of the text record it, for tests/check/t_ptx_current.sh.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/fingerprint.ptx}
clang=${CLANG:-clang}
arch=sm_50

version=$("$clang" --version | sed -n 1p)
text=$("$clang" -x cuda --cuda-gpu-arch=$arch --cuda-device-only \
    -nocudainc -nocudalib -Wno-unknown-cuda-version -Wall -Wextra -Werror \
    -O3 -I "$here/.." -S -o - "$here/fingerprint_kernel.h")

{
    echo "// Kept text: made from fingerprint_kernel.h by make_ptx.sh."
    echo "// Compiler: $version"
    printf '%s\n' "$text"
} >"$out"
