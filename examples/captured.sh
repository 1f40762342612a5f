#!/bin/sh
# What a user reads of a run: prints the summary of examples/swap on the
# simulated driver, as quickstart.sh runs it, first in mode observe and then
# with everything on, or what `cushadow doctor` says of that machine and
# program. examples/summary.txt and examples/doctor.txt are captured runs.
#
#     sh examples/captured.sh summary [BUILD] >examples/summary.txt
#     sh examples/captured.sh doctor [BUILD] >examples/doctor.txt
#
# The figures are those of two small made-up models, not of a GPU.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
what=${1:?summary or doctor}
build=$(cd "${2:-${CSH_BUILD:-build}}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Slow machines: a proof may take its time.
CUSHADOW_PROOF_TIMEOUT_MS=20000
export CUSHADOW_PROOF_TIMEOUT_MS

# swaps OPTION... - prints the command and its summary.
swaps() {
    echo "$ cushadow run --sim $* swap --cycles 3 --patch text_encoder text_encoder.safetensors vae.safetensors"
    "$build/cushadow" run --sim "$@" "$build/examples/swap" --cycles 3 --patch text_encoder \
        "$work/text_encoder.safetensors" "$work/vae.safetensors" \
        >"$work/out" 2>"$work/err" || { cat "$work/out" "$work/err" >&2; exit 1; }
}

case $what in
summary)
    "$build/examples/make_model" --folder "$work" --total 12582912 --seed 7 \
        "$here/sdxl/text_encoder.tsv" "$here/sdxl/vae.tsv" >/dev/null
    cd "$work"
    swaps --mode=observe '--weights=manifest=*.safetensors,learn'
    cat "$work/err"
    swaps --stats-file=summary.txt '--weights=manifest=*.safetensors,learn'
    cat "$work/err"
    cat summary.txt
    ;;
doctor)
    # The paths of this machine are nobody's business.
    echo "$ cushadow doctor --sim swap"
    "$build/cushadow" doctor --sim "$build/examples/swap" >"$work/out" || status=$?
    sed "s|$build/||g" "$work/out"
    echo "$ echo \$?"
    echo "${status:-0}"
    ;;
*)
    echo "captured.sh: summary or doctor, not $what" >&2
    exit 2
    ;;
esac
