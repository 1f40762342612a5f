#!/bin/sh
# A page to look at: quickstart.sh's job on the simulated driver, first in mode
# observe, which changes nothing, then with everything on; `cushadow report`
# makes a page of both. examples/report.html is one, report.png its picture.
#
#     sh examples/report.sh PAGE.html [PICTURE.png [BUILD]]
#
# The picture is taken by chromium, if it is there. Its times are those of a
# simulated link (SIMCUDA_LINK, here 2,2,0.25 GB/s) and of a busy machine's two
# processors, not of a GPU.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
page=${1:?PAGE.html}
picture=${2:-}
build=$(cd "${3:-${CSH_BUILD:-build}}" && pwd)
total=${REPORT_BYTES:-268435456}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sh "$here/models.sh" "$build/examples/make_model" "$total" >"$work/models"
set --
rules=learn
while read -r model; do
    set -- "$@" "$model"
    rules=$rules,manifest=${model#*=}
done <"$work/models"

# Slow machines: a proof may take its time.
export CUSHADOW_PROOF_TIMEOUT_MS=20000 SIMCUDA_LINK="${SIMCUDA_LINK:-2,2,0.25}"
for mode in observe verify; do
    "$build/cushadow" run --sim --mode=$mode --weights="$rules" --trace="$work/$mode.trace" \
        --stats=json --stats-file="$work/$mode.stats" \
        "$build/examples/swap" --cycles 4 --patch "${1%%=*}" "$@" >"$work/out" 2>&1 ||
        { cat "$work/out" >&2; exit 1; }
done
"$build/cushadow" report "$work/observe.trace" "$work/observe.stats" \
    "$work/verify.trace" "$work/verify.stats" -o "$page"

[ -n "$picture" ] || exit 0
case $page in
/*) ;;
*) page=$PWD/$page ;;
esac
if ! command -v chromium >/dev/null; then
    echo "no picture: chromium is not there" >&2
    exit 0
fi
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/chromium" \
    --window-size=1180,1560 --screenshot="$picture" "file://$page" 2>"$work/out" || { cat "$work/out" >&2; exit 1; }
