#!/bin/sh
# libc's calls that the shim exports do in a program without CUDA what they do
# without the shim: under glibc, under musl, and under other allocators.
. "$(dirname "$0")/harness.sh"
[ -z "${CSH_SANITIZER_PRELOAD:-}" ] ||
    skip "the sanitizer's allocator answers otherwise"

# alike NAME COMMAND... - same output and status with and without the shim.
alike() {
    subject=$1
    shift
    "$@" >"$scratch/plain" 2>&1
    echo "status $?" >>"$scratch/plain"
    LD_PRELOAD="$CSH_SHIM${LD_PRELOAD:+:$LD_PRELOAD}" "$@" \
        >"$scratch/shadowed" 2>&1
    echo "status $?" >>"$scratch/shadowed"
    check "$subject: the same is said" \
        diff "$scratch/plain" "$scratch/shadowed"
    check "$subject: ends well" grep -q '^status 5$' "$scratch/plain"
}

source=$(dirname "$0")/host_calls.c
check "builds" "$CC" -O1 -w -o "$scratch/program" "$source"
alike glibc "$scratch/program"
if command -v musl-gcc >/dev/null; then
    check "builds with musl" musl-gcc -O1 -w -o "$scratch/musl" "$source"
    alike musl "$scratch/musl"
fi
for library in libtcmalloc_minimal.so.4 libmimalloc.so.2.0 libjemalloc.so.2; do
    # The linker only warns about what it cannot preload.
    if LD_PRELOAD=$library "$scratch/program" 2>&1 | grep -q preload; then
        echo "not installed: $library"
        continue
    fi
    LD_PRELOAD=$library
    export LD_PRELOAD
    alike "$library" "$scratch/program"
    unset LD_PRELOAD
done
finish
