#!/bin/sh
# Installs what is missing where it may, builds, and runs every test that
# needs no GPU: the plain build, then the same tests under ASan and UBSan.
# The last line is `N passed, N failed`, with `, N skipped` if any were.
#
#     sh tests/run.sh [--all] [--werror]
#
# --all adds what CI wants besides: clang, its thread-safety analysis, TSan
# over the tests with threads, cppcheck, clang-tidy, gcc -fanalyzer, shellcheck,
# the oldest and the newest toolkit headers, every reader of foreign bytes
# fuzzed for a fixed number of runs, and a distribution archive that builds and
# tests itself (make distcheck).
#
# Of each compiler there is a debug and a release build: gcc's are plain,
# sanitized and threads, and that of the archive; clang's are clang-debug and
# clang.
set -eu
cd "$(dirname "$0")/.."
top=$(pwd)
# shellcheck source=.ci/packages.sh
. ./.ci/packages.sh

all=no werror=
while [ $# -gt 0 ]; do
    case $1 in
    --all) all=yes ;;
    --werror) werror=--enable-werror ;;
    *) sed -n '2,/^set -eu/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
    esac
    shift
done

passed=0 failed=0 skipped=0

# configured NAME ARGUMENTS... - configures and builds in build-NAME; what went
# wrong is shown.
configured() {
    folder=$top/build-$1; shift
    mkdir -p "$folder"
    echo "== ${folder##*/build-}: configure $*"
    if (cd "$folder" && "$top/configure" -q "$@" >configure.log 2>&1 &&
        make -j"$(nproc)" >make.log 2>&1); then
        return 0
    fi
    tail -n 20 "$folder/configure.log"
    grep -n -A3 'error\|warning' "$folder/make.log" | head -n 60 || true
    echo "== the build failed"
    failed=$((failed + 1))
    return 1
}

# add_up LOG - adds the counts of the Automake test summaries in it, which end
# with lines such as "# PASS:  12". A log without any tested nothing.
add_up() {
    p=0 f=0 s=0
    eval "$(awk '/^# (PASS|XFAIL):/ { p += $3 } /^# (FAIL|XPASS|ERROR):/ { f += $3 }
        /^# SKIP:/ { s += $3 }
        END { printf "p=%d f=%d s=%d\n", p, f, s }' "$1")"
    [ $((p + f + s)) -gt 0 ] || { tail -n 40 "$1"; f=1; }
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# checked NAME [TESTS...] - the tests of a build, all or those named.
checked() {
    folder=$top/build-$1; shift
    (cd "$folder" && make -j"$(nproc)" -k check ${1:+TESTS="$*"}) \
        >"$folder/check.log" 2>&1 || true
    grep -E '^(FAIL|ERROR)' "$folder/check.log" | cut -c1-200 || true
    grep '^SKIP' "$folder/check.log" | cut -c1-200 | while read -r line; do
        log=${line#SKIP: } why=
        case $log in # why: TAP has it in the line, a script in its own log
        *.sh) why=$(sed -n '/^[Ss][Kk][Ii][Pp][a-z]*: /{s///p;q}' "$folder/${log%.sh}.log") ;;
        esac
        echo "$line${why:+: $why}"
    done
    if grep -Eq '^(FAIL|ERROR)' "$folder/check.log" && [ -f "$folder/test-suite.log" ]; then
        grep -Ev '^(ok|PASS)' "$folder/test-suite.log" | head -n 200
    fi
    add_up "$folder/check.log"
}

# job NAME COMMAND... - one verdict by exit status; 77 is a skip.
job() {
    name=$1; shift
    echo "== $name"
    verdict=0
    "$@" >"$top/build-plain/job.log" 2>&1 || verdict=$?
    if [ "$verdict" -eq 0 ]; then
        passed=$((passed + 1))
    elif [ "$verdict" -eq 77 ]; then
        echo "SKIP: $name: $(tail -n 1 "$top/build-plain/job.log")"
        skipped=$((skipped + 1))
    else
        tail -n 60 "$top/build-plain/job.log"
        echo "== $name: failed"
        failed=$((failed + 1))
    fi
}

tidy() {
    find src -name '*.c' | sort | xargs -P"$(nproc)" -n16 sh .ci/tidy.sh
}

analyze() {
    find src -name '*.c' | sort | xargs -P"$(nproc)" -n4 sh .ci/analyze.sh
}

# Not asked: uninitvar, which takes the loops of utlist for ones that never
# run; the compilers and the sanitizers look for the same. It cannot follow the
# table that forward.c is made from.
cpp_check() {
    cppcheck -q --enable=warning,portability,performance --inline-suppr \
        --error-exitcode=1 --suppress=missingIncludeSystem \
        --suppress=preprocessorErrorDirective --suppress=uninitvar \
        --suppress=unknownMacro:src/interpose/forward.c -D__x86_64__ -D_GNU_SOURCE \
        -D__CUDA_API_VERSION_INTERNAL -DCUDA_VERSION=13000 '-DElfW(type)=Elf64_##type' \
        -Isrc -Iinclude src
}

# What runs where, so that all of it takes half an hour on two cores
# (CI allows 45 minutes): the plain build and the archive run every test. The
# other builds leave out what looks at texts and models, which are the same in
# each; where a sanitizer cannot run a test, or only for less long, the test
# itself knows. Under TSan run only tests with threads, five to twenty times as
# slow there; clang's debug build runs the same. Longer runs: make check-long.
once="tests/check/watch_model.tap tests/check/t_layers.sh tests/check/t_ptx_assembles.sh
    tests/check/t_ptx_current.sh tests/check/t_ptx_loads.sh tests/check/t_ptx_protocol.sh
    tests/check/t_park_policy.sh tests/check/t_gpu_dry_run.sh tests/check/sim_surface.tap
    tests/check/t_interop_types.sh tests/check/t_report_browser.sh"

# all_but_once NAME - the tests of a build that are run in it.
all_but_once() {
    printf 'include Makefile\nlist_tests:\n\t@echo $(TESTS)\n' |
        make -s -C "$top/build-$1" -f - list_tests | tr ' ' '\n' |
        grep '^tests/' | grep -vxF "$(printf '%s\n' $once)"
}

# The programs with threads, and those in which the shim and the simulated
# device work on one page.
with_threads="tests/unit/test_log tests/unit/test_identify tests/unit/test_statistics tests/unit/test_options
    tests/unit/test_streams tests/unit/test_store tests/unit/test_store_uses tests/unit/test_slab
    tests/unit/test_slab_pins tests/unit/test_prover_threads tests/unit/test_workers
    tests/unit/test_workers_process tests/unit/test_fingerprint_shared tests/unit/test_park_table
    tests/unit/test_park_addresses tests/sim/test_threads
    tests/preload/t_threads.sh tests/cycle/elide.tap"

# shellcheck disable=SC2086,SC2046 # lists of words
ensure_packages $packages_build $packages_tests $([ $all = no ] || echo $packages_ci)
if [ ! -x configure ] || [ configure.ac -nt configure ] || [ Makefile.am -nt Makefile.in ]; then
    autoreconf -fi >autoreconf.log 2>&1 || { cat autoreconf.log; exit 1; }
    rm -f autoreconf.log
fi
if configured plain --enable-debug $werror; then checked plain; fi
if configured sanitized --enable-debug --enable-sanitizers=address,undefined $werror; then
    # shellcheck disable=SC2046 # a list of words
    checked sanitized $(all_but_once sanitized)
fi
if [ "$all" = yes ]; then
    if configured clang --disable-debug CC=clang $werror; then
        # shellcheck disable=SC2046
        checked clang $(all_but_once clang)
    fi
    if configured clang-debug --enable-debug CC=clang $werror; then
        # shellcheck disable=SC2086
        checked clang-debug $with_threads
    fi
    if configured threads --enable-debug --enable-sanitizers=thread $werror; then
        # shellcheck disable=SC2086
        checked threads $with_threads
    fi
    job cppcheck cpp_check
    job clang-tidy tidy
    job "gcc -fanalyzer" analyze
    job "oldest and newest toolkit headers" sh .ci/headers.sh
    # Not asked: variables of sourced files; -nt and ulimit -l, which dash
    # has too.
    # shellcheck disable=SC2046 # a list of files
    job shellcheck shellcheck -S warning -e SC2154,SC2034,SC3013,SC3045 \
        .ci/run $(find .ci examples src tests -name '*.sh' -o -name '*.tap')
    job fuzz env FUZZ_CC=clang sh tests/fuzz/run.sh
    job distcheck make -C build-plain -j"$(nproc)" distcheck
fi

if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
