#!/bin/sh
# The page of cushadow report in a browser, light and dark: the colours of what
# it draws are there. Needs chromium (Debian: chromium), which .ci/packages.sh does
# not name: it is 75 packages, 140 MB to fetch. Skipped where it is missing or
# does not start; look at the pictures with
#
#     KEEP=FOLDER sh tests/check/t_report_browser.sh
set -u
: "${CSH_BUILD:?}" "${CSH_SRC:?}" "${CSH_BIN:?}" "${CSH_SIM:?}" "${CSH_SHIM:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
skip() {
    echo "SKIP: $*"
    exit 77
}
[ -z "${CSH_SANITIZE:-}" ] || skip "the page is the same under a sanitizer"
command -v chromium >/dev/null || skip "chromium is not there (optional: 140 MB; Debian: apt-get install chromium)"

env -u LD_PRELOAD LD_LIBRARY_PATH="$CSH_SIM" LD_PRELOAD="$CSH_SHIM" CUSHADOW_PROOF_TIMEOUT_MS=20000 \
    CUSHADOW_STATS=json CUSHADOW_STATS_FILE="$work/stats" CUSHADOW_TRACE="$work/trace" \
    "$CSH_BIN/app_modes" 4 4 1048576 async >/dev/null || exit 1
"$CSH_BUILD/cushadow" report "$work/trace" "$work/stats" -o "$work/page.html" 2>"$work/err" || skip "$(cat "$work/err")"

# picture NAME ARGUMENT... - what the browser draws.
picture() {
    name=$1; shift
    env -u LD_PRELOAD -u LD_LIBRARY_PATH timeout 100 chromium --headless --no-sandbox --disable-gpu --hide-scrollbars \
        --user-data-dir="$work/$name" --window-size=800,720 "$@" --screenshot="$work/$name.png" \
        "file://$work/page.html" >"$work/log" 2>&1
    [ -s "$work/$name.png" ] || skip "chromium makes no picture: $(tail -n 1 "$work/log")"
    [ -z "${KEEP:-}" ] || cp "$work/$name.png" "$work/page.html" "$KEEP"
}

# Elided, served and the page behind, of report_style.c.
status=0
picture light
python3 "$CSH_SRC/tests/check/png_colours.py" "$work/light.png" 60 0a9a7d 3d7de0 f6f7f9 ffffff || status=1
picture dark --blink-settings=preferredColorScheme=0
python3 "$CSH_SRC/tests/check/png_colours.py" "$work/dark.png" 60 2cc7a3 6aa3f5 10151c 18202a || status=1
exit $status
