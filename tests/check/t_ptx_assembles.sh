#!/bin/sh
# t_ptx_assembles.sh - the toolkit's assembler takes the kept PTX text for
# every architecture that it knows, without spills; and NVIDIA's own compiler
# takes the device source. 77: no ptxas, no nvcc, or no g++ for it, here.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
ptx=$top/src/verify/fingerprint.ptx
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tool() {
    for dir in "${CUDA_HOME:-}/bin" /usr/local/cuda/bin /usr/bin; do
        if [ -x "$dir/$1" ]; then
            echo "$dir/$1"
            return
        fi
    done
    command -v "$1" || true
}

ptxas=$(tool ptxas)
nvcc=$(tool nvcc)
if [ -z "$ptxas" ] || [ -z "$nvcc" ]; then
    echo "SKIP: no ptxas or no nvcc here"
    exit 77
fi

kernels=$(grep -c '[.]entry' "$ptx")

check() { # architecture, PTX file
    if ! "$ptxas" -v -arch="$1" -o "$work/cubin" "$2" >"$work/log" 2>&1 ||
        [ "$(grep -c ' 0 bytes stack frame, 0 bytes spill stores' \
            "$work/log")" -ne "$kernels" ]
    then
        echo "FAIL: $1"
        cat "$work/log"
        exit 1
    fi
    echo "$1:$(sed -n 's/.*Used \([0-9]* registers\).*/ \1/p' "$work/log" |
        tr '\n' ',')"
}

n=0
for arch in $("$nvcc" --list-gpu-arch | sed 's/compute_/sm_/'); do
    check "$arch" "$ptx"
    n=$((n + 1))
done
if [ "$n" -eq 0 ]; then
    echo "FAIL: $nvcc lists no architecture"
    exit 1
fi

echo "$n architectures assembled"

if ! command -v g++ >/dev/null; then
    echo "SKIP: the source was not compiled: no g++, which nvcc needs"
    exit 77
fi
arch=$("$nvcc" --list-gpu-arch | sed -n 1p)
"$nvcc" -x cu -ptx -arch="$arch" -I "$top/src" -o "$work/nvcc.ptx" \
    "$top/src/verify/fingerprint_kernel.h"
check "$(echo "$arch" | sed 's/compute_/sm_/')" "$work/nvcc.ptx"
