#!/bin/sh
# How much of src/ the tests run: at least 90% of its lines and 80% of its
# branches, or this fails. What none runs is listed in
# build-coverage/coverage.txt. Needs gcc and gcovr; takes as long as two runs
# of the tests.
#
#     sh .ci/coverage.sh
#
# Left out are branches that only the compiler sees (for exceptions, which C
# has not), and nothing else. Not run, because the figures' own files get in
# the way: limits on the size of files, and the object's symbols.
set -eu
cd "$(dirname "$0")/.."
top=$(pwd)
mkdir -p build-coverage
cd build-coverage
find . -name '*.gcda' -delete
"$top/configure" -q --enable-debug \
    CFLAGS="-g -O1 --coverage -fprofile-update=atomic -fprofile-abs-path" >configure.log
make -j"$(nproc)" >make.log 2>&1
tests=$(printf 'include Makefile\nlist_tests:\n\t@echo $(TESTS)\n' |
    make -s -f - list_tests | tr ' ' '\n' | grep '^tests/' |
    grep -v '^tests/sim/\|t_object\|t_refusals\|t_gpu_dry_run\|t_ffmpeg\|watch_model\|t_ptx_\|t_bars')
# shellcheck disable=SC2086 # a list of words
make -j"$(nproc)" -k check TESTS="$(echo $tests)" >check.log 2>&1 || :
# Tests that a file of figures disturbs are judged by the other builds.
grep -E '^(FAIL|ERROR)' check.log || :
gcovr -r "$top" --object-directory . -f "$top/src/" \
    --exclude-throw-branches --exclude-unreachable-branches \
    --fail-under-line 90 --fail-under-branch 80 \
    --print-summary --txt coverage.txt src .libs
