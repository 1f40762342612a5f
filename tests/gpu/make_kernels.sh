#!/bin/sh
# Makes gpu_kernels.ptx from gpu_kernels.cu with clang 14 or later, for every
# driver that takes PTX 6.0, as examples/swap_kernels.sh does.
set -eu
cd "$(dirname "$0")"
${CLANG:-clang} -x cuda --cuda-gpu-arch=sm_50 --cuda-device-only \
    -Xclang -target-feature -Xclang +ptx60 -nocudainc -nocudalib -O2 -S \
    -Wall -Wno-unknown-cuda-version -o - gpu_kernels.cu |
    sed -e '/^[[:space:]]*\/\//d' -e '/^[[:space:]]*$/d' >gpu_kernels.ptx
