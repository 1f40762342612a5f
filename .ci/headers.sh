#!/bin/sh
# Compiles all of src/ against the oldest toolkit headers that are supported
# and the newest that were tried, which PyPI has; what they generate is taken
# from the build in build-plain. Ends with 77, saying so, where they cannot be
# had.
#
#     sh .ci/headers.sh
set -eu
oldest=nvidia-cuda-runtime-cu12==12.0.107
newest=nvidia-cuda-runtime==13.5.37
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

for package in $oldest $newest; do
    if ! python3 -m pip download -q --disable-pip-version-check --no-deps \
        -d "$folder/$package" "$package" >"$folder/log" 2>&1; then
        echo "Skipped: $package cannot be had: $(tail -n 1 "$folder/log")"
        exit 77
    fi
    python3 -m zipfile -e "$folder/$package"/*.whl "$folder/$package"
    include=$(dirname "$(find "$folder/$package" -name cuda.h)")
    version=$(sed -n 's/^#define CUDA_VERSION  *//p' "$include/cuda.h")
    echo "$package: headers of version $version"
    [ -n "$version" ]
    find src -name '*.c' | sort | xargs -P"$(nproc)" -n16 sh -c '
        include=$1; shift
        for file in "$@"; do
            ${CC:-gcc} -std=gnu11 -O1 -fsyntax-only -Wall -Wextra -Werror \
                -D_GNU_SOURCE -D__CUDA_API_VERSION_INTERNAL -Isrc -Iinclude \
                -Ibuild-plain/src -DCSH_VERSION=\"0\" -DCSH_BINDIR=\"/usr/bin\" \
                -DCSH_LIBDIR=\"/usr/lib\" -isystem "$include" "$file" || exit 255
        done' sh "$include"
done
