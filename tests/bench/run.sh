#!/bin/sh
# Runs the benchmarks, all or those named, and prints one line a figure:
# NAME VALUE UNIT. What it is about goes to stderr.
#
#     sh tests/bench/run.sh [NAME...]
#
# CSH_BUILD names the build folder (default: build), in which everything has
# been built. One more benchmark is one file bench_NAME.c, NAME without its
# unit, and one row below.
set -eu
cd "$(dirname "$0")/../.."

build=$(cd "${CSH_BUILD:-build}" && pwd)
shim=$build/.libs/libcushadow.so
programs=$build/tests/bench

# name ("cohort" in it: with CUSHADOW_COHORT=1), driver that it runs on, words that the shim's statistics must hold
# afterwards ("-": none), so that a shim that switched itself off is not
# measured by mistake
benchmarks='
launch_overhead_ns  noop  -
launch_overhead_cohort_ns  noop  -
launch_overhead_all_ns  noop  -
stats_on_over_off_ratio  simulated  "proven"
trace_off_over_none_ratio  simulated  "proven"
lookup_overhead_ns  noop  "small"
proof_overhead_us  simulated  "proven"
fingerprint_cpu_over_copy_ratio  noop  -
simulated_cohort_over_single_ratio  simulated  "cohort"
fingerprint_threads_speedup_ratio  noop  -
capture_cpu_seconds_per_gb  simulated  "modified"
first_load_cpu_seconds_per_gb_upload  simulated  "first"
first_load_cpu_seconds_per_gb_offload  simulated  "first"
first_load_cpu_seconds_per_gb_background  simulated  "first"
shadow_ready_seconds_per_gb_upload  simulated  "first"
shadow_ready_seconds_per_gb_offload  simulated  "first"
shadow_ready_seconds_per_gb_background  simulated  "first"
shadow_memory_ratio  simulated  -
ram_per_model_byte_kept_ratio  simulated  -
sdxl_bytes_mapped_percent  noop  -
sdxl_unload_host_ms  noop  -
park_link_over_optimum_ratio  noop  -
park_covers_ns_blocks_N  noop  -
link_bytes_abab_room  simulated  "parked"
link_bytes_abab_tight  simulated  "proven"
link_bytes_abab_off  simulated  "proven"
'

# driver_folder DRIVER
driver_folder() {
    case $1 in
    noop) echo "$programs/.libs" ;;
    simulated) echo "$build/tests/sim/.libs" ;;
    esac
}

# ready_of NAME STATISTICS - from a call that captures to the shadow, for 1 GB.
ready_of() {
    python3 -c 'import json, sys
gauges = json.load(open(sys.argv[2]))["gauges"]
print(sys.argv[1], "%.3f" % (gauges["captured_ready_ns"] /
                             gauges["captured_bytes"]), "s")' "$1" "$2"
}

# run_one NAME DRIVER WORDS
run_one() {
    folder=$(driver_folder "$2")
    program=${1%_*} capture=upload rules=learn log=warn way=
    case $1 in # both figures of a way to capture come from one program
    *_per_gb_upload | *_per_gb_offload | *_per_gb_background)
        program=first_load_cpu_seconds_per_gb
        capture=${1##*_} rules=all,max=8M
        ;;
    park_covers_*) program=park_covers ;; # one figure for each N
    park_*) program=park_replay ;;
    link_bytes_abab_*) program=link_bytes_abab way=${1##*_} ;;
    *_all_*) rules=all log=debug:/dev/null ;;
    esac
    for file in "$shim" "$folder/libcuda.so.1" "$programs/bench_$program"; do
        [ -e "$file" ] || { echo "$file is not built" >&2; return 1; }
    done
    statistics=$(mktemp)
    status=0
    cohort=0
    case $1 in *_cohort_*) cohort=1 ;; esac
    env LD_LIBRARY_PATH="$folder" LD_PRELOAD="$shim" CUSHADOW_STATS=json \
        CUSHADOW_COHORT=$cohort CUSHADOW_CAPTURE=$capture \
        CUSHADOW_WEIGHTS=$rules CUSHADOW_LOG=$log \
        CUSHADOW_STATS_FILE="$statistics" "$programs/bench_$program" \
        ${way:+"$way"} >"$statistics.out" || status=1
    case $1 in
    shadow_ready_*) ready_of "$1" "$statistics" || status=1 ;;
    *) cat "$statistics.out" ;;
    esac
    if [ "$3" != - ] && ! grep -q "$3" "$statistics"; then
        echo "$1: the shim did not do what is measured" >&2
        status=1
    fi
    rm -f "$statistics" "$statistics.out"
    return $status
}

wanted=" $* "
known=
failed=0
while read -r name driver words; do
    [ -n "$name" ] || continue
    known="$known $name"
    case $wanted in
    "  " | *" $name "*) run_one "$name" "$driver" "$words" || failed=1 ;;
    esac
done <<ROWS
$benchmarks
ROWS
for name in "$@"; do
    case "$known " in
    *" $name "*) ;;
    *) echo "no benchmark $name; there are:$known" >&2; failed=1 ;;
    esac
done
exit $failed
