#!/bin/sh
# `cushadow doctor` as a command: its exit status, a line a check, and programs
# that only a compiler can make.
set -u
: "${CSH_BUILD:?}"
[ -z "${CSH_SANITIZER_PRELOAD:-}" ] || { echo "SKIP: not with a sanitizer's run time"; exit 77; }
doctor="$CSH_BUILD/cushadow doctor"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unset LD_PRELOAD LD_LIBRARY_PATH
status=0

# ends STATUS ARGUMENTS... - runs it; the outputs are kept.
ends() {
    wanted=$1; shift
    $doctor "$@" >"$folder/out" 2>"$folder/err"
    got=$?
    [ "$got" -eq "$wanted" ] || { echo "status of doctor $*: $got, wanted $wanted"; status=1; }
}

# says TEXT
says() {
    tr -s ' \n' ' ' <"$folder/out" | grep -q -- "$1" || { echo "not said: $1"; cat "$folder/out"; status=1; }
}

ends 0 --help
checks=$(sed -n '/looked at:$/,$s/^  \([a-z]*\)  *[a-zA-Z].*/\1/p' "$folder/out" | sort)
[ "$(echo "$checks" | wc -l)" -ge 15 ] || { echo "few checks: $checks"; status=1; }
ends 0 --sim sh
printed=$(sed -n 's/^\(ok\|slower\|BAD\) *\([a-z]*\) .*/\2/p' "$folder/out" | sort)
[ "$checks" = "$printed" ] || { echo "named: $checks; printed: $printed"; status=1; }
[ ! -s "$folder/err" ] || { cat "$folder/err"; status=1; }
[ "$(grep -v / "$folder/out" | wc -L)" -lt 80 ] || { echo "a line is too long"; status=1; } # but for paths
grep -q '^BAD' "$folder/out" && { echo "BAD with status 0"; status=1; }

# No driver is there to be found, or it has no GPU: 1. Bad use: 2.
SIMCUDA_FAULT=cuInit:1:100 ends 1 --sim
says 'BAD gpu'
ends 1 --sim no-such-program-here
ends 2 --no-such-option
ends 2 sh and arguments
[ ! -s "$folder/out" ] || { echo "bad use printed something"; status=1; }

printf '#include <stdlib.h>\nint main(void) { return malloc(1) == NULL; }\n' >"$folder/p.c"
printf '#include <stddef.h>\nvoid *malloc(size_t n) { (void)n; return NULL; }\n' >"$folder/m.c"
cc=${CC:-cc}
if $cc -static -o "$folder/static" "$folder/p.c" 2>/dev/null; then
    ends 1 --sim "$folder/static"
    says 'BAD reach .* static executable'
fi
if $cc -o "$folder/own" "$folder/p.c" "$folder/m.c"; then
    ends 0 --sim "$folder/own"
    says 'slower allocator the program defines a malloc of its own'
fi
library=$(ls /usr/lib/*/libjemalloc.so.2 /usr/lib/*/libtcmalloc_minimal.so.4 2>/dev/null | head -n 1)
if [ -n "$library" ] && $cc -Wl,--no-as-needed -o "$folder/linked" "$folder/p.c" "$library"; then
    ends 0 --sim "$folder/linked"
    says "slower allocator malloc is that of ${library##*/}"
fi
if command -v musl-gcc >/dev/null && musl-gcc -o "$folder/musl" "$folder/p.c" 2>/dev/null; then
    ends 0 --sim "$folder/musl"
    says "slower allocator malloc is musl's"
fi
exit $status
