#!/bin/sh
# Makes swap_kernels.ptx from swap_kernels.cu, or with --check says whether
# the kept file is what this machine's clang makes. clang 14 or later.
#
#     sh examples/swap_kernels.sh [--check]
set -eu

folder=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
kept=$folder/swap_kernels.ptx
raw=$(mktemp)
fresh=$(mktemp)
trap 'rm -f "$raw" "$fresh"' EXIT

# Neither the toolkit nor its headers are used. A driver that knows PTX 6.0
# (CUDA 9) or later takes it, and compiles it for whatever GPU there is.
(cd "$folder" && ${CLANG:-clang} -x cuda --cuda-gpu-arch=sm_50 \
    --cuda-device-only -Xclang -target-feature -Xclang +ptx60 \
    -nocudainc -nocudalib -ffp-contract=off -O2 -S -Wall \
    -Wno-unknown-cuda-version -o "$raw" swap_kernels.cu)
sed -e '/^[[:space:]]*\/\//d' -e '/^[[:space:]]*$/d' "$raw" >"$fresh"

if [ "${1:-}" = --check ]; then
    cmp "$fresh" "$kept" || {
        echo "examples/swap_kernels.ptx is stale: run $0" >&2
        exit 1
    }
else
    cp "$fresh" "$kept"
fi
