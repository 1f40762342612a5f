#!/bin/sh
# The built object: exports exactly the table, unversioned; needs nothing but
# libc, no newer one than promised, and of musl nothing that it has not.
. "$(dirname "$0")/harness.sh"

defined() {
    nm -D --defined-only --with-symbol-versions "$CSH_SHIM" |
        awk '{ print $3 }' | grep -v '^__odr_asan\|^__asan\|^__ubsan' |
        sort >"$scratch/defined"
    { "$CSH_BIN/print_surface" --exports; cat "$scratch/api"; } |
        sort >"$scratch/promised"
    diff "$scratch/promised" "$scratch/defined"
}

needed() {
    readelf -d "$CSH_SHIM" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p' \
        >"$scratch/needed"
    echo libc.so.6 | diff - "$scratch/needed"
}

glibc_ceiling() {
    nm -D --undefined-only --with-symbol-versions "$CSH_SHIM" |
        sed -n 's/.*@GLIBC_\([0-9.]*\)$/\1/p' | sort -Vu >"$scratch/versions"
    newest=$(tail -n 1 "$scratch/versions")
    echo "newest symbol version: $newest"
    [ "$(printf '%s\n2.34\n' "$newest" | sort -V | tail -n 1)" = 2.34 ]
}

# Undefined symbols that are not weak, against what musl defines.
musl_has_all() {
    nm -D --undefined-only "$CSH_SHIM" | awk '$1 == "U" { sub(/@.*/, "", $2)
        print $2 }' | sort -u >"$scratch/strong"
    nm -D --defined-only "$1" | awk '{ print $3 }' | sort -u >"$scratch/musl"
    [ -s "$scratch/strong" ] && [ -s "$scratch/musl" ] &&
        comm -23 "$scratch/strong" "$scratch/musl" >"$scratch/missing"
    cat "$scratch/missing"
    [ ! -s "$scratch/missing" ]
}

# What a library header checks by assert() would end the program.
aborts_in_debug_builds_only() {
    ! nm -D --undefined-only "$CSH_SHIM" | grep -q __assert_fail ||
        nm "$CSH_SHIM" | grep -q 'csh_lock_abort$'
}

# The public interface, as it was promised (t_api.sh).
sed -n 's/^extern .*[ *]\(cushadow_[a-z_]*\)(.*/\1/p' \
    "$CSH_SRC/tests/check/api_kept.c" >"$scratch/api"
check "exports are the two tables, the interface and dlsym" defined
# A sanitizer brings its own libraries and symbols.
if [ -z "${CSH_SANITIZER_PRELOAD:-}" ]; then
    check "needs nothing but libc.so.6" needed
    check "no symbol newer than glibc 2.34" glibc_ceiling
    for musl in /lib/ld-musl-*.so.1 /usr/lib/*-linux-musl/libc.so; do
        if [ -e "$musl" ]; then
            check "what musl lacks is weak ($musl)" musl_has_all "$musl"
        fi
    done
fi
check "no assert but in debug builds" aborts_in_debug_builds_only
check "stays loaded" sh -c 'readelf -d "$1" | grep -q NODELETE' sh "$CSH_SHIM"
finish
