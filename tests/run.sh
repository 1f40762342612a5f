#!/bin/sh
# Installs what is missing where it may, builds, and runs every test that
# needs no GPU: the plain build, then the same tests under ASan and UBSan.
# The last line is `N passed, N failed, N skipped`.
#
#   sh tests/run.sh [--werror] [--only plain|sanitized]
set -eu
cd "$(dirname "$0")/.."
top=$(pwd)
. ./.ci/packages.sh

werror= only=
while [ $# -gt 0 ]; do
    case $1 in
    --werror) werror=--enable-werror ;;
    --only) only=$2; shift ;;
    *) echo "usage: sh tests/run.sh [--werror] [--only plain|sanitized]" >&2
       exit 2 ;;
    esac
    shift
done

passed=0 failed=0 skipped=0

# add_up FOLDER - adds the counts of the Automake test summary in its log,
# which ends with lines such as "# PASS:  12".
add_up() {
    eval "$(awk '/^# (PASS|XFAIL):/ { p += $3 } /^# (FAIL|XPASS|ERROR):/ { f += $3 }
        /^# SKIP:/ { s += $3 }
        END { printf "p=%d f=%d s=%d\n", p, f, s }' "$1/check.log")"
    # A check that printed no counts did not test anything.
    if [ $((p + f + s)) -eq 0 ]; then f=1; fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# run NAME CONFIGURE-ARGUMENTS... - configures, builds and checks in
# build-NAME; what failed is shown in full.
run() {
    name=$1; shift
    mkdir -p "$top/build-$name"
    echo "== $name: configure $*"
    if ! (cd "$top/build-$name" && "$top/configure" -q "$@" >configure.log 2>&1 &&
          make -j"$(nproc)" >make.log 2>&1); then
        tail -n 40 "$top/build-$name/configure.log"
        grep -n -A3 'error\|warning' "$top/build-$name/make.log" | head -60 || true
        echo "== $name: the build failed"
        failed=$((failed + 1))
        return 0
    fi
    (cd "$top/build-$name" && make -j"$(nproc)" -k check) >"$top/build-$name/check.log" 2>&1 || true
    grep -E '^(FAIL|ERROR|SKIP)' "$top/build-$name/check.log" || true
    if grep -q '^FAIL\|^ERROR\|rror:' "$top/build-$name/check.log"; then
        grep -n -A3 'rror:' "$top/build-$name/check.log" | head -40 || true
        if [ -f "$top/build-$name/test-suite.log" ]; then
            tail -n 200 "$top/build-$name/test-suite.log"
        fi
    fi
    add_up "$top/build-$name"
}

ensure_packages
if [ ! -x configure ] || [ configure.ac -nt configure ] || [ Makefile.am -nt configure ]; then
    autoreconf -fi >autoreconf.log 2>&1 || { cat autoreconf.log; exit 1; }
    rm -f autoreconf.log
fi
[ "$only" = sanitized ] || run plain --enable-debug $werror
[ "$only" = plain ] || run sanitized --enable-debug --enable-sanitizers=address,undefined $werror

if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
