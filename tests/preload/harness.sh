# shellcheck shell=sh
# harness.sh - sourced by the t_*.sh of this folder: runs programs on the
# simulated driver with and without the shim in front of them.
#
# From the environment: CSH_SHIM (libcushadow.so), CSH_SIM (folder with
# libcuda.so.1), CSH_BIN (folder with the built programs and libraries of this
# one), and optionally CSH_SANITIZER_PRELOAD (a sanitizer's run time, which
# must come before the shim), CUDA_HOME and CC.
#
# A script ends with `finish`: 0 if every check held, 1 if not. `skip REASON`
# ends it with 77. Only for checks that cannot be made here.
set -u
: "${CSH_SHIM:?}" "${CSH_SIM:?}" "${CSH_BIN:?}"
CUDA_HOME=${CUDA_HOME:-/usr/local/cuda}
CC=${CC:-cc}
# What the shim says at exit is not the program's own output.
CUSHADOW_STATS=${CUSHADOW_STATS:-off}
# Proofs run on the host here, on few and busy cores: a slow one is no hang.
CUSHADOW_PROOF_TIMEOUT_MS=${CUSHADOW_PROOF_TIMEOUT_MS:-20000}
export CUSHADOW_STATS CUSHADOW_PROOF_TIMEOUT_MS
if [ -n "${CSH_SANITIZER_PRELOAD:-}" ]; then
    # Programs that are not ours are not looked at for leaks.
    export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
fi

failures=0
checks=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

skip() {
    echo "skipped: $*"
    exit 77
}

finish() {
    echo "$((checks - failures)) of $checks checks held"
    [ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
    exit $?
}

# check NAME COMMAND... - the command's exit status is the verdict.
check() {
    claim=$1
    shift
    checks=$((checks + 1))
    "$@" >"$scratch/check" 2>&1
    status=$?
    if [ "$status" -ne 0 ]; then
        echo "FAILED: $claim (exit status $status)"
        sed 's/^/    /' "$scratch/check" | head -40
        failures=$((failures + 1))
    fi
}

# The value of LD_PRELOAD around what is given: a sanitizer's run time first,
# then PRELOAD_FIRST, last PRELOAD_LAST.
preload() {
    printf '%s' "${CSH_SANITIZER_PRELOAD:+$CSH_SANITIZER_PRELOAD:}"
    printf '%s' "${PRELOAD_FIRST:+$PRELOAD_FIRST:}$1"
    printf '%s' "${PRELOAD_LAST:+:$PRELOAD_LAST}"
}

# plain COMMAND... - on the simulated driver, without the shim.
plain() {
    env APP_EXPECTS=plain LD_LIBRARY_PATH="$CSH_SIM:$CSH_BIN" \
        LD_PRELOAD="$(preload '')" "$@"
}

# shadowed COMMAND... - on the simulated driver, under the shim.
shadowed() {
    env APP_EXPECTS=shim LD_LIBRARY_PATH="$CSH_SIM:$CSH_BIN" \
        LD_PRELOAD="$(preload "$CSH_SHIM")" "$@"
}

# counted FILE - what reached the driver, without what differs in each run: the
# process, and with threads the order of lines and how much there was at once.
counted() {
    grep -v '"pid"' "$1" | sed 's/, "peak_bytes": [0-9]*//' | sort
}

# same NAME COMMAND... - the program shall say the same on stdout and stderr
# and end with the same status with and without the shim, in each mode; and
# with nothing but forwarding, the same calls shall reach the driver.
same() {
    subject=$1
    shift
    SIMCUDA_COUNTERS=$scratch/plain.json plain "$@" \
        >"$scratch/plain.out" 2>"$scratch/plain.err" </dev/null
    echo "status $?" >>"$scratch/plain.out"
    for mode in off verify; do
        CUSHADOW_MODE=$mode SIMCUDA_COUNTERS=$scratch/$mode.json \
            shadowed "$@" >"$scratch/$mode.out" 2>"$scratch/$mode.err" \
            </dev/null
        echo "status $?" >>"$scratch/$mode.out"
        for what in out err; do
            check "$subject: same $what, mode $mode" \
                diff "$scratch/plain.$what" "$scratch/$mode.$what"
        done
    done
    counted "$scratch/plain.json" >"$scratch/plain.calls"
    counted "$scratch/off.json" >"$scratch/off.calls"
    check "$subject: the driver was reached" \
        grep -q "\"${REACHES:-cuInit}\"" "$scratch/plain.calls"
    check "$subject: same calls reach the driver" \
        diff "$scratch/plain.calls" "$scratch/off.calls"
    check "$subject: ends well" grep -q '^status 0$' "$scratch/plain.out"
    rm -f "$scratch"/*.json "$scratch"/*.calls
}
