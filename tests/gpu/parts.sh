#!/bin/sh
# One part of run.sh, which sets the environment for it: answers on stdout, a
# line of JSON each, all else on stderr.
#
#     parts.sh facts|open_points|bench|transparency|models
set -u
: "${bin:?}" "${scratch:?}" "${simulated:?}" "${short:?}" "${limit:?}"
: "${python:?}" "${CSH_SHIM:?}" "${CSH_BUILD:?}"
every=300 rounds=3 jobs=$(($(nproc) / 2))
[ $jobs -ge 2 ] || jobs=2
[ $jobs -le 8 ] || jobs=8
each=$((limit / 4)) # seconds, of a check
[ $each -le 25 ] || each=25
[ $each -ge 1 ] || each=1
arms=''
if [ "$short" = yes ]; then
    every=900 rounds=1 jobs=2
fi
[ "$simulated" = no ] || as_simulated=--simulated

# say NAME VALUE [REMARK] - one answer, also behind half a line.
say() {
    "$python" -c 'import json, sys
row = {"name": sys.argv[1], "simulated": sys.argv[2] == "yes",
       "value": sys.argv[3]}
if len(sys.argv) > 4: row["remark"] = sys.argv[4]
print("\n" + json.dumps(row))' "$1" "$simulated" "$2" ${3:+"$3"}
}

# shadowed COMMAND... - with the shim, in which proofs on a host core are slow.
shadowed() {
    [ "$simulated" = no ] || set -- CUSHADOW_PROOF_TIMEOUT_MS=20000 "$@"
    env LD_PRELOAD="$CSH_SHIM" "$@"
}

libcuda_names() {
    path=$("$python" -c 'import ctypes
ctypes.CDLL("libcuda.so.1")
print([l.split()[-1] for l in open("/proc/self/maps") if "libcuda.so" in l][0])
') || return 0
    say libcuda "$path"
    command -v nm >/dev/null || return 0
    nm -D --undefined-only "$path" | awk '$NF ~ /^cu[A-Z]/ { print $NF }' |
        tr '\n' ' ' >"$scratch/undefined"
    say libcuda_undefined "$(cat "$scratch/undefined")" \
        "names of its own that it resolves from outside"
    nm -D --defined-only "$path" | sed -n 's/.* \(cu[A-Z][^@]*\)@\(@.*\)/\1@\2/p' |
        head -n 3 | tr '\n' ' ' >"$scratch/versions"
    say libcuda_versions "$(cat "$scratch/versions")" "empty: not versioned"
    nm -D --defined-only "$path" | awk '{ print $NF }' | grep '^cu[A-Z]' |
        sed 's/@.*//' | sort -u >"$scratch/exported"
    sed -n 's/.*SIM_ENTRY([a-zA-Z_]*, *\(cu[A-Za-z0-9_]*\).*/\1/p; s/^ *X(\(cu[A-Za-z0-9_]*\).*/\1/p' \
        tests/sim/entries_*.h src/driver/surface*.h | sort -u >"$scratch/known"
    comm -23 "$scratch/exported" "$scratch/known" | head -n 40 |
        tr '\n' ' ' >"$scratch/newer"
    say libcuda_not_in_the_tables "$(cat "$scratch/newer")"
}

part_facts() {
    if [ "$simulated" = yes ]; then
        "$bin/facts" 4194304 || say facts failed "exit status $?"
    else
        (sleep 3; nvidia-smi --query-gpu=name,driver_version,pcie.link.gen.current,pcie.link.width.current,clocks.sm,clocks.mem,temperature.gpu \
            --format=csv >"$scratch/smi" 2>&1) &
        "$bin/facts" || say facts failed "exit status $?"
        wait
        say nvidia_smi "$(tail -n 1 "$scratch/smi")" \
            "$(head -n 1 "$scratch/smi")"
    fi
    say date "$(date -u +%Y-%m-%d)"
    say commit "$(git rev-parse HEAD 2>/dev/null || cat .gpu-kit/commit)"
    say memory "$(grep -E '^Mem(Total|Available)' /proc/meminfo | tr -s ' \n' ' ')"
    say processors "$(nproc)"
    "$CSH_BUILD/cushadow" doctor >"$scratch/doctor" 2>&1
    grep -E '^(ok|slower|BAD)' "$scratch/doctor" | while read -r line; do
        say "doctor" "$line"
    done
    [ "$simulated" = yes ] || libcuda_names
}

# point PROGRAM NAME PREFIX COMMAND... - one check, which cannot stop others.
point() {
    program=$1 name=$2 prefix=$3; shift 3
    status=0
    timeout --foreground -k 2 "$each" "$@" "$bin/$program" "$name" >"$scratch/answers" \
        2>"$scratch/errors" || status=$?
    sed "s/\"name\": \"/&$prefix/" "$scratch/answers"
    cat "$scratch/errors" >&2
    case $status in
    0) ;;
    124 | 137) say "$prefix$name" late "not over after $each s" ;;
    *) say "$prefix$name" failed "exit status $status: $(tail -n 1 "$scratch/errors")" ;;
    esac
}

# tables NAME COMMAND... - which private tables a program asks for.
tables() {
    name=$1; shift
    shadowed CUSHADOW_COHORT=1 CUSHADOW_LOG=info \
        timeout --foreground -k 2 30 "$@" \
        >/dev/null 2>"$scratch/log" || :
    say "$name" "$(sed -n 's/.*private table \([0-9a-f-]*\) was.*/\1/p' \
        "$scratch/log" | sort -u | tr '\n' ' ')" \
        "private tables beyond those of driver/export_tables.c; each ends cohorts"
}

# reach NAME COMMAND... - whether the copies of a program that uses the
# runtime come to the shim: all its bytes, as the shim counts them.
reach() {
    name=$1 asked=0; shift
    shadowed CUSHADOW_MIN_BYTES=1 CUSHADOW_STATS=json \
        CUSHADOW_STATS_FILE="$scratch/reach.%p" \
        timeout --foreground -k 2 30 "$@" >"$scratch/answers" 2>&1 || :
    for file in "$scratch"/reach.*; do
        asked=$("$python" -c 'import json, sys
copies = json.load(open(sys.argv[1]))["copies"]
print(copies["h2d"]["asked"]["bytes"], copies["d2h"]["asked"]["bytes"])' \
            "$file" 2>/dev/null) || asked=0
        rm -f "$file"
    done
    say "$name" "$asked" "bytes to and from the device that the shim saw; \
$(grep '^# bytes' "$scratch/answers" || tail -n 1 "$scratch/answers")"
}

part_open_points() {
    for program in open_lookup open_memory open_host open_streams open_costs \
        open_beside; do
        for name in $(timeout --foreground -k 1 5 "$bin/$program" --list ||
            say "$program" failed "it does not list its checks" >&3); do
            point "$program" "$name" "" env
        done
    done
    with_shim="LD_PRELOAD=$CSH_SHIM"
    [ "$simulated" = no ] ||
        with_shim="$with_shim CUSHADOW_PROOF_TIMEOUT_MS=1000"
    # shellcheck disable=SC2086 # words
    point open_beside offload_beside_a_kernel "shim: " env $with_shim
    # shellcheck disable=SC2086 # words
    point open_streams download_has_come "shim: " env $with_shim
    # shellcheck disable=SC2086 # words
    point open_streams uploads "shim: " env $with_shim
    # shellcheck disable=SC2086 # words
    point open_costs freed_weight "parking shim: " env $with_shim \
        CUSHADOW_VRAM_KEEP=auto
    # shellcheck disable=SC2086 # words
    point open_costs single_calls "shim: " env $with_shim
    [ "$simulated" = no ] || return 0
    for kind in static shared per_thread; do
        reach "runtime_copies_reach_the_shim_$kind" \
            "$bin/program_runtime_$kind" copies
    done
    for library in $("$python" tests/gpu/runtime_calls.py --list); do
        reach "runtime_copies_reach_the_shim_$(basename "$library")" \
            "$python" tests/gpu/runtime_calls.py "$library"
    done
    tables tables_runtime "$bin/program_runtime_static" copies graph pool
    tables tables_torch "$python" tests/gpu/torch_programs.py swaps
}

# calls PREFIX BYTES COMMAND...
calls() {
    prefix=$1 bytes=$2 status=0; shift 2
    timeout --foreground -k 2 60 "$@" "$bin/bench_calls" "$bytes" \
        >"$scratch/answers" || status=$?
    sed "s/\"name\": \"/&$prefix/" "$scratch/answers"
    [ $status -eq 0 ] || say "${prefix}bench_calls" failed "exit status $status"
}

# single_calls BYTES - without the shim and with it, in turns: the short ones
# three times.
single_calls() {
    with_shim="LD_PRELOAD=$CSH_SHIM CUSHADOW_STATS=off"
    [ "$simulated" = no ] ||
        with_shim="$with_shim CUSHADOW_PROOF_TIMEOUT_MS=20000"
    for bytes in 0 0 "$1"; do
        calls '' "$bytes" env
        # shellcheck disable=SC2086 # words
        calls 'shim: ' "$bytes" env $with_shim
        # shellcheck disable=SC2086 # words
        calls 'cohorts: ' 0 env $with_shim CUSHADOW_COHORT=1
    done
}

part_bench() {
    if [ "$simulated" = yes ]; then
        "$bin/facts" --ceilings 4194304
        single_calls 1048576
        "$python" tests/gpu/bench.py --simulated --every "$every" \
            --rounds "$rounds" --seconds "$((limit / 2))" \
            ${arms:+--arms "$arms"} --patience 60
        return
    fi
    worse=0 began=$(date +%s)
    "$bin/facts" --ceilings
    single_calls 2147483648
    left=$((limit - ($(date +%s) - began) - 10))
    set -- --rounds 15 --ram "${CSH_GPU_RAM:-0}"
    "$python" tests/gpu/bench.py --kind torch --seconds $((left * 5 / 10)) \
        "$@" || worse=1
    left=$((limit - ($(date +%s) - began) - 10))
    "$python" tests/gpu/bench.py --kind c --seconds "$left" "$@" || worse=1
    "$bin/facts" --ceilings
    return "$worse"
}

part_transparency() {
    "$python" tests/gpu/transparency.py ${as_simulated:+"$as_simulated"} \
        --seconds "$((limit - 5))" --scratch "$scratch" --jobs "$jobs" "$@"
}

exec 3>&1
case $1 in
facts) part_facts ;;
open_points) part_open_points ;;
bench) part_bench ;;
transparency) part_transparency toolkit torch other ;;
models) part_transparency models ;;
esac
