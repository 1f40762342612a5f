# shellcheck shell=sh
# aliased.sh - sourced by the alias*.tap scripts: runs programs that expect so
# many bytes to be mapped, and so many to be copied.
. "${srcdir:-.}/tests/cycle/cycle.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A sanitizer's allocator is not glibc's.
if [ -n "${CSH_SANITIZER_PRELOAD:-}" ]; then
    ALIAS_COPIES=1
    export ALIAS_COPIES
fi

# counted COMMAND... - under the shim; it counted what the program expects.
counted() {
    rm -f "$work/stats.json"
    CUSHADOW_STATS=json CUSHADOW_STATS_FILE=$work/stats.json \
        shadowed "$@" >"$work/expected" || return $?
    python3 "${srcdir:-.}/tests/cycle/mapped.py" "$work/stats.json" \
        "$work/expected"
}

# with "NAME=VALUE..." COMMAND... - the same with settings.
with() {
    settings=$1
    shift
    # shellcheck disable=SC2086,SC2163
    (export $settings; counted "$@")
}
