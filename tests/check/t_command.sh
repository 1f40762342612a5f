#!/bin/sh
# The cushadow command: what it hands to the program, which status it ends
# with.
set -u
: "${CSH_BUILD:?}"
if [ -n "${CSH_SANITIZE:-}" ]; then
    echo "a shim with a sanitizer cannot be preloaded into other programs"
    exit 77
fi
command=$CSH_BUILD/cushadow
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
status=0
unset LD_PRELOAD LD_LIBRARY_PATH CUSHADOW_MODE

# is WHAT EXPECTED FOUND
is() {
    [ "$2" = "$3" ] || { echo "$1: expected '$2', found '$3'"; status=1; }
}

# ends STATUS ARGUMENTS... - runs the command; its outputs are kept.
ends() {
    expected=$1; shift
    "$command" "$@" >"$folder/out" 2>"$folder/err"
    is "status of: $*" "$expected" "$?"
}

shim=$CSH_BUILD/.libs/libcushadow.so

ends 7 run --mode=copy --min-bytes=1M -- sh -c \
    'echo "$LD_PRELOAD $CUSHADOW_MODE $CUSHADOW_MIN_BYTES"; exit 7'
is "environment" "$shim copy 1M" "$(cat "$folder/out")"

# Options end at the program's name, whose own are left alone.
ends 0 run sh -c 'echo "$1"' name --mode=off
is "the program's arguments" "--mode=off" "$(cat "$folder/out")"

# What was preloaded stays, and stays first.
other=$(sed -n 's/.* \(\/[^ ]*libc\.so\.6\)$/\1/p' /proc/self/maps | head -n 1)
[ -n "$other" ] || { echo "no libc found"; status=1; }
LD_PRELOAD=$other "$command" run sh -c 'echo "$LD_PRELOAD"' >"$folder/out" 2>&1
is "LD_PRELOAD" "$other:$shim" "$(cat "$folder/out")"

LD_LIBRARY_PATH=/nowhere "$command" run --sim sh -c \
    'echo "$LD_LIBRARY_PATH"' >"$folder/out" 2>&1
is "LD_LIBRARY_PATH" "$CSH_BUILD/tests/sim/.libs:/nowhere" "$(cat "$folder/out")"

# Its own failures, each with its status and one reason on stderr.
ends 125 run
ends 125 run --mode=bogus sh -c 'echo started'
is "nothing was started" "" "$(cat "$folder/out")"
said_of() { grep -c -- "$1" "$folder/err"; }
is "which value is bad, and what is not" 1 "$(said_of '^cushadow run: --mode is "bogus", but must be one of: verify')"
is "lines about it" 1 "$(wc -l <"$folder/err")"
ends 125 run --weights=min=2,max=1 true
is "what a list must be" 1 "$(said_of 'min= at most max=$')"
ends 125 run --no-such-option true
is "where the options are" 1 "$(said_of 'run --help')"
ends 125 run --library=/no/such/shim true
ends 127 run no-such-program-here
ends 126 run /etc/passwd
ends 2 no-such-command
ends 2
ends 2 version please
ends 2 options please

# A blank in the shim's path would end the name in LD_PRELOAD.
mkdir "$folder/a b" && ln -s "$shim" "$folder/a b/libcushadow.so"
cp "$shim" "$folder/a b/copy.so"
ends 125 run "--library=$folder/a b/copy.so" true

# Help and tables come from the table of variables: each has its option.
ends 0 run --help
ends 0 --help
ends 0 version
is "version" "cushadow" "$(cut -d' ' -f1 "$folder/out")"
ends 0 options
variables=$(sed -n 's/^  CUSHADOW_\([A-Z_]*\)$/\1/p' "$folder/out" | tr 'A-Z_' 'a-z-' | sort)
ends 0 options --names
names=$(sed 's/^--//' "$folder/out" | grep -vx 'help\|library\|sim' | sort)
[ -n "$variables" ] || { echo "no variables"; status=1; }
is "names of options" "$variables" "$names"
for name in $names; do
    "$command" run --help | grep -q -- "^  --$name=VALUE" ||
        { echo "run --help is silent on --$name"; status=1; }
done

# A static executable is run, and its user told.
printf 'int main(void) { return 3; }\n' >"$folder/s.c"
if ${CC:-cc} -static -o "$folder/s" "$folder/s.c" 2>/dev/null; then
    ends 3 run "$folder/s"
    grep -q 'static executable' "$folder/err" || { echo "static: not told"; status=1; }
fi
exit $status
