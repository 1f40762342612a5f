# shellcheck shell=sh
# cycle.sh - sourced by the .tap scripts of this folder: runs programs against
# the simulated driver with and without the shim and prints TAP.
#
# Needs from the harness: CSH_SHIM (libcushadow.so), CSH_SIM (folder with
# libcuda.so.1), CSH_BIN (folder with the test programs), and optionally
# CSH_SANITIZER_PRELOAD (the run time that must come before the shim).
set -u
: "${CSH_SHIM:?}" "${CSH_SIM:?}" "${CSH_BIN:?}"

# Proofs run on the host here, on few and busy cores: a slow one is no hang.
CUSHADOW_PROOF_TIMEOUT_MS=${CUSHADOW_PROOF_TIMEOUT_MS:-20000}
# Counted, for the programs ask, and written where nobody reads.
CUSHADOW_STATS_FILE=${CUSHADOW_STATS_FILE:-/dev/null}
export CUSHADOW_PROOF_TIMEOUT_MS CUSHADOW_STATS_FILE

# The programs are small and end soon: they do not give back what they hold.
# The shim keeps its shadows to the end, on purpose.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
export ASAN_OPTIONS

number=0
failures=0

# plain COMMAND... - on the simulated driver, without the shim.
plain() {
    LD_LIBRARY_PATH=$CSH_SIM "$@"
}

# shadowed COMMAND... - on the simulated driver, under the shim.
shadowed() {
    env CYCLE_SHIM=1 LD_LIBRARY_PATH="$CSH_SIM" \
        LD_PRELOAD="${CSH_SANITIZER_PRELOAD:+$CSH_SANITIZER_PRELOAD }$CSH_SHIM" "$@"
}

# conserved PROGRAM ARGUMENT... - one of the test programs under the shim, whose
# statistics, in $work/stats.json, say of each byte what became of it.
conserved() {
    bin=$CSH_BIN/$1; shift
    rm -f "$work"/*.json
    CUSHADOW_STATS=json CUSHADOW_STATS_FILE=$work/stats.json SIMCUDA_COUNTERS=$work/counters.json \
        shadowed "$bin" "$@" || return 1
    python3 "${srcdir:-.}/tests/cycle/conservation.py" "$work/stats.json" "$work/counters.json"
}

# check NAME COMMAND... - one TAP line by the command's exit status; 77 is a
# program on a machine without what it needs.
check() {
    name=$1; shift
    number=$((number + 1))
    result=0
    "$@" >check.out.$$ 2>&1 || result=$?
    case $result in
    0) echo "ok $number - $name" ;;
    77) echo "ok $number - $name # SKIP $(head -n 1 check.out.$$)" ;;
    *)
        echo "not ok $number - $name (exit status $result)"
        sed 's/^/# /' check.out.$$
        failures=$((failures + 1))
        ;;
    esac
    rm -f check.out.$$
}


finish() {
    echo "1..$number"
    [ "$failures" -eq 0 ]
}
