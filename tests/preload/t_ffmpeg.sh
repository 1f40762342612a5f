#!/bin/sh
# A program of the distribution that looks for the driver by itself.
. "$(dirname "$0")/harness.sh"
command -v ffmpeg >/dev/null || skip "no ffmpeg"
# With the run time in front ffmpeg crashes by itself, with and without us.
[ -z "${CSH_SANITIZER_PRELOAD:-}" ] || skip "not with a sanitizer's run time"

# It wants names that only drivers with OpenGL have.
PRELOAD_FIRST=$CSH_BIN/librecorder.so
RECORDER_ADDS=1
export RECORDER_ADDS


run_both() {
    # Once in hundreds of runs it crashes by itself: that is nothing to compare.
    for _ in 1 2 3; do
        SIMCUDA_COUNTERS=$scratch/plain.json plain sh "$scratch/run" \
            >"$scratch/plain" 2>&1 </dev/null
        grep -q 'Segmentation fault' "$scratch/plain" || break
    done
    for mode in off verify; do
        CUSHADOW_MODE=$mode SIMCUDA_COUNTERS=$scratch/$mode.json \
            shadowed sh "$scratch/run" >"$scratch/$mode" 2>&1 </dev/null
        check "$1, mode $mode" diff "$scratch/plain" "$scratch/$mode"
    done
}

# A script of its own, because the environment goes to programs only.
ffmpeg_does() {
    cat >"$scratch/run" <<C
ffmpeg -hide_banner -nostdin -nostats -loglevel error $* 2>&1 |
    sed 's/@ 0x[0-9a-f]*/@/g'
C
}

ffmpeg_does -hwaccels
run_both "list of accelerators"
ffmpeg_does -f lavfi -i testsrc=duration=0.2:size=64x64:rate=5 -f md5 -
run_both "work without a GPU"
rm -f "$scratch"/*.json
ffmpeg_does -init_hw_device cuda=gpu -f lavfi \
    -i testsrc=duration=0.2:size=64x64:rate=5 \
    -vf format=nv12,hwupload,hwdownload,format=nv12 -f md5 -
run_both "frames through the device"
for mode in plain off verify; do
    check "it reached the driver, $mode" \
        grep -q '"cuInit"' "$scratch/$mode.json"
done
counted "$scratch/plain.json" >"$scratch/plain.calls"
counted "$scratch/off.json" >"$scratch/off.calls"
check "same calls reach the driver" \
    diff "$scratch/plain.calls" "$scratch/off.calls"
finish
