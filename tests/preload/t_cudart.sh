#!/bin/sh
# Programs built with nvcc and the toolkit's own runtime, static, shared and
# for per-thread default streams: each of the runtime's requests is answered
# with the wrapper of exactly that entry, or with the driver's own pointer
# where there is no wrapper. The runtime then asks for a private export table,
# which the simulated driver does not have; that is how far this goes.
. "$(dirname "$0")/harness.sh"
[ -x "$CUDA_HOME/bin/nvcc" ] || skip "no nvcc in $CUDA_HOME"
command -v g++ >/dev/null || skip "no g++, which nvcc needs"

# What look-ups find: without cohorts only what is always hooked.
"$CSH_BIN/print_surface" --rows >"$scratch/rows"
awk -F '\t' '$5 !~ /^(watched|opened|private|legacy)$/ { print $1 }' \
    "$scratch/rows" >"$scratch/hooked"
cut -f 1 "$scratch/rows" >"$scratch/watched"
source=$(dirname "$0")/cudart.cu
expected_requests=440

# judge LINES - fields: kind, name, version, flags, object, symbol, and the
# symbol that the driver says it found, "-" for none.
judge() {
    awk -F '\t' -v exports="$scratch/${served:-hooked}" '
        BEGIN { while ((getline line < exports) > 0) hooked[line] = 1 }
        {
            if ($7 == "-") good = $5 == "-"
            else if ($7 in hooked) {
                good = $5 ~ /^libcushadow\.so/ && $6 == $7
                wrappers++
            } else good = $5 == "libcuda.so.1" && $6 == $7
            if (!good) { print "wrong answer: " $0; wrong++ }
        }
        END {
            printf "%d answers, %d wrappers\n", NR, wrappers
            exit wrong > 0 || wrappers < 40
        }' "$1"
}

# What the recorder saw beside what the driver says that it answered.
paired_with_driver() {
    grep '^gpa' "$scratch/answers" | cut -f 2-4 >"$scratch/asked"
    cut -f 1-3 "$scratch/lookups" | diff "$scratch/asked" - &&
        grep '^gpa' "$scratch/answers" |
        paste - "$scratch/lookups" | cut -f 1-6,10 >"$scratch/pairs"
}

build() {
    # shellcheck disable=SC2086 # options
    "$CUDA_HOME/bin/nvcc" -o "$scratch/$1" "$source" $2 \
        -Xlinker "-rpath=$CUDA_HOME/lib64"
}

runtime_requests() {
    rm -f "$scratch/answers" "$scratch/lookups"
    RECORDER_LOG=$scratch/answers SIMCUDA_LOOKUPS=$scratch/lookups \
        SIMCUDA_COUNTERS=$scratch/counters \
        PRELOAD_FIRST=$CSH_BIN/librecorder.so shadowed "$scratch/$1" &&
        paired_with_driver &&
        judge "$scratch/pairs" &&
        [ "$(wc -l <"$scratch/pairs")" -eq "$expected_requests" ] &&
        grep -q '"cuGetExportTable"' "$scratch/counters"
}

# Nothing that the runtime asks for as it starts ends cohorts for good: not the
# names, and not its private tables.
nothing_is_forbidden() {
    rm -f "$scratch/log" "$scratch/counters"
    CUSHADOW_LOG=debug:$scratch/log SIMCUDA_COUNTERS=$scratch/counters \
        shadowed "$scratch/$1" &&
        grep -q '"cuGetExportTable"' "$scratch/counters" &&
        ! grep 'cohorts off' "$scratch/log"
}

# An old driver's runtime, or one that hides the resolver: every entry by its
# ELF name.
runtime_fallback() {
    rm -f "$scratch/answers"
    RECORDER_LOG=$scratch/answers RECORDER_HIDES=cuGetProcAddress_v2 \
        PRELOAD_FIRST=$CSH_BIN/librecorder.so shadowed "$scratch/$1" &&
        grep -v 'cuGetProcAddress_v2' "$scratch/answers" |
        awk -F '\t' -v OFS='\t' '{ $7 = $5 == "-" ? "-" : $2; print }' \
            >"$scratch/pairs" &&
        judge "$scratch/pairs" &&
        [ "$(wc -l <"$scratch/pairs")" -ge 430 ]
}

for variant in "static -cudart static" "shared -cudart shared" \
    "per-thread -cudart static --default-stream per-thread"; do
    name=${variant%% *}
    check "$name: builds" build "$name" "${variant#* }"
    check "$name: every request is answered rightly" runtime_requests "$name"
    check "$name: every dlsym is answered rightly" runtime_fallback "$name"
    export CUSHADOW_COHORT=1 served=watched
    check "$name: every request, with cohorts" runtime_requests "$name"
    check "$name: every dlsym, with cohorts" runtime_fallback "$name"
    check "$name: starting forbids no cohorts" nothing_is_forbidden "$name"
    unset CUSHADOW_COHORT served
    REACHES=cuGetExportTable same "$name" "$scratch/$name"
done
finish
