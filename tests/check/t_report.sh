#!/bin/sh
# cushadow report: a page of runs on the simulated driver, whole whatever the
# names in it are; a clear error for what is no run.
set -u
: "${CSH_BUILD:?}" "${CSH_SRC:?}" "${CSH_BIN:?}" "${CSH_SIM:?}" "${CSH_SHIM:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
export ASAN_OPTIONS
unset CUSHADOW_MODE CUSHADOW_TRACE CUSHADOW_STATS_FILE
unset LD_PRELOAD

fail() {
    echo "$*"
    status=1
}

# traced NAME PROGRAM... - trace and statistics of a run.
traced() {
    name=$1; shift
    env CYCLE_SHIM=1 LD_LIBRARY_PATH="$CSH_SIM" LD_PRELOAD="${CSH_SANITIZER_PRELOAD:+$CSH_SANITIZER_PRELOAD }$CSH_SHIM" \
        CUSHADOW_PROOF_TIMEOUT_MS=20000 CUSHADOW_STATS=json CUSHADOW_STATS_FILE="$work/$name.stats" \
        CUSHADOW_TRACE="$work/$name.trace" "$@" >/dev/null || fail "$name failed"
}

# page WORDS FILE... - the page of these files, checked.
page() {
    words=$1; shift
    "$CSH_BUILD/cushadow" report "$@" -o "$work/page.html" 2>"$work/err" || { fail "report $*: $(cat "$work/err")"; return; }
    [ ! -s "$work/err" ] || fail "$(cat "$work/err")"
    # shellcheck disable=SC2086 # words
    python3 "$CSH_SRC/tests/check/report_page.py" "$work/page.html" $words || fail "the page of $*"
}

# refused TEXT FILE... - no page, and one line that says why.
refused() {
    text=$1; shift
    rm -f "$work/none.html"
    "$CSH_BUILD/cushadow" report "$@" -o "$work/none.html" >"$work/out" 2>"$work/err"
    [ $? -eq 125 ] || fail "$*: exit status"
    [ ! -e "$work/none.html" ] || fail "$*: a page all the same"
    [ "$(wc -l <"$work/err")" -eq 1 ] && grep -q "$text" "$work/err" || fail "$*: expected '$text', got '$(cat "$work/err")'"
}

CUSHADOW_MODE=observe traced before "$CSH_BIN/app_modes" 4 4 1048576 async
traced after "$CSH_BIN/app_modes" 4 4 1048576 async
traced hostile "$CSH_BIN/app_trace" hostile
SIMCUDA_MEMORY=128M CUSHADOW_VRAM_KEEP=80% traced parked "$CSH_BIN/app_modes" 4 4 1048576 async

if ! "$CSH_BUILD/cushadow" report "$work/after.stats" >/dev/null 2>"$work/err" && grep -q jansson "$work/err"; then
    echo "SKIP: $(cat "$work/err")"
    exit 77
fi

page 'model verify 75% elided proven unload' "$work/after.trace" "$work/after.stats"
page 'elided 75%' "$work/after.stats"
page '4 unload' "$work/after.trace"
page 'before after observe less' "$work/before.trace" "$work/before.stats" "$work/after.trace" "$work/after.stats"
page 'before after observe less' "$work/before.stats" "$work/after.trace" "$work/before.trace" "$work/after.stats"

# Parked memory: drawn, in the tables and among the sums, where there is some.
page 'parked\u0020at\u0020most of\u0020VRAM\u0020parked\u0020at\u0020most VRAM\u0020parked,\u0020at\u0020most parked\u0020in\u0020VRAM' \
    "$work/after.trace" "$work/after.stats" "$work/parked.trace" "$work/parked.stats"
[ "$(grep -c '<path class="ak"' "$work/page.html")" -eq 2 ] || fail "parked memory is not drawn once for the model and once for all"
page '' "$work/after.trace" "$work/after.stats"
! grep -q '"ak"\|class="parked"' "$work/page.html" || fail "parked memory of a run that has none"

# Names are text wherever they stand.
page '</script><b line\ufffdline\ufffd a\"b\\c</x> \u202e' "$work/hostile.trace" "$work/hostile.stats"
mkdir "$work/<img src=x onerror=y>&'"
cp "$work/after.stats" "$work/<img src=x onerror=y>&'/<b>'\"&.json"
page "<b>'\\\"&.json" "$work/<img src=x onerror=y>&'/<b>'\"&.json"
python3 - "$work" <<'PY'
import json, sys
work = sys.argv[1]
evil = "</title></style><script>alert(1)</script><svg onload=x>&#x3c;\"'"
stats = json.load(open(work + "/after.stats"))
def spoil(value, key=""):
    if isinstance(value, dict):
        return {(evil + k if "gauge" in key or "process" in key else k): spoil(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [spoil(v, key) for v in value]
    return evil if isinstance(value, str) else 2**63 - 1 if key != "schema" and isinstance(value, int) else value
json.dump(spoil(stats), open(work + "/evil.stats", "w"))
lines = open(work + "/after.trace").read().split("\n")
out = []
for line in lines:
    if line.startswith("{"):
        event = json.loads(line.rstrip(","))
        if event["ph"] == "C" and event["cat"] == "model":
            event["name"] = "VRAM of " + evil
            parked = dict(event, cat="parked", name="parked of " + evil)
            out.append(json.dumps(parked) + ",")
        elif event["name"] == "cushadow":
            event["args"] = {"program": evil, "mode": evil}
        elif event["ph"] == "X":
            event["args"]["model"] = evil
            event["args"]["bytes"] = 2**63 - 1
            event["dur"] = 1e300
        line = json.dumps(event) + ","
    out.append(line)
open(work + "/evil.trace", "w").write("\n".join(out))
open(work + "/values.trace", "w").write('[\n{"name":"load","ph":"X","ts":-5,"dur":"x","pid":[],"args":{"bytes":-1,"outcome":"elided"}},\n'
    '{"name":"load","ph":"X","ts":1e400000,"dur":1,"args":3},\n')
open(work + "/no-values.trace", "w").write('[\n{"name":"load","ph":"X","ts":-5,"dur":"x","pid":[],"args":{"bytes":-1,"outcome":"elided"}},\n'
    '{"ph":"X"},\n{},\n{"name":"offload","ph":"X","ts":1,"dur":null,"args":{"outcome":"served","bytes":1.5}},\n'
    '{"name":"VRAM of device 99999999999999999999","ph":"C","cat":"device","ts":1,"args":{"bytes":1}}\n]')
def counter(category, name, ts, mib):
    return json.dumps({"name": name, "cat": category, "ph": "C", "ts": ts, "pid": 7, "tid": 0, "args": {"bytes": mib << 20}})
open(work + "/kept.trace", "w").write("[\n" + ",\n".join(
    [counter("model", "VRAM of m", 1, 4), counter("model", "VRAM of m", 500, 1), counter("parked", "parked of m", 600, 3),
     counter("parked", "parked of m", 700, 2), counter("memory", "parked", 700, 2), '{"name":"end","ph":"i","ts":1000}']) + "\n]\n")
for model in stats["models"]:
    model["parked"] = {"tensors": 1, "bytes": 7 << 20}
json.dump(stats, open(work + "/kept.stats", "w"))
many = ['[\n{"name":"process_name","ph":"M","pid":7}']
for i in range(700):
    many.append('{"name":"load","ph":"X","ts":%d,"dur":1,"pid":7,"args":{"bytes":5,"outcome":"elided","model":"m%d"}}' % (10 * i, i))
open(work + "/many.trace", "w").write(",\n".join(many))
PY
page '<script>alert(1)</script>' "$work/evil.trace" "$work/evil.stats"
page '4.00\u0020MiB\u0020in\u0020VRAM\u0020at\u0020most 3.00\u0020MiB\u0020parked\u0020at\u0020most 2.00\u0020MiB\u0020parked 1.00\u0020MiB2.00' "$work/kept.trace"
page '7.00\u0020MiB\u0020parked' "$work/kept.stats"
page '' "$work/no-values.trace"
page 'm511 more' "$work/many.trace"

# What was cut off is said; up to there it is a run.
# In the middle of an event, wherever two thirds of the file are.
head -c $(($(stat -c %s "$work/after.trace") * 2 / 3)) "$work/after.trace" | sed '$d' >"$work/cut.trace"
printf '{"name":"offl' >>"$work/cut.trace"
page 'whole' "$work/cut.trace"
[ "$(grep -c 'class="note"' "$work/page.html")" -eq 1 ] || fail "a cut trace is not said to be one"

: >"$work/empty"
echo 'cushadow: offloads' >"$work/text"
echo '{"schema":2,"copies":{}}' >"$work/newer"
echo '{"schema":1' >"$work/half"
echo '[1,2,3]' >"$work/array"
printf '[\n{"name":"x","ph":"M","pid":1},\nnonsense\n{"ph":"X"}]\n' >"$work/broken"
printf '[\n{"name":"%070000d","ph":"M","pid":1},\n{}\n' 1 >"$work/long"
head -c 100000 /dev/zero | tr '\0' '[' >"$work/deep"
refused 'empty file' "$work/empty"
refused 'neither a trace nor statistics' "$work/text"
refused 'schema 1' "$work/newer"
refused 'no JSON' "$work/half"
refused 'first line is no event' "$work/array"
refused 'event 2 is no JSON' "$work/broken"
refused 'first line is no event' "$work/long"
refused 'first line is no event' "$work/deep"
refused 'event 2 is no JSON' "$work/values.trace"
refused 'No such file' "$work/nowhere"
refused 'cannot be read' "$work"
refused 'more than 8 runs' "$work/after.stats" "$work/after.stats" "$work/after.stats" "$work/after.stats" \
    "$work/after.stats" "$work/after.stats" "$work/after.stats" "$work/after.stats" "$work/after.stats"
"$CSH_BUILD/cushadow" report "$work/after.stats" -o "$work/nowhere/page.html" 2>"$work/err" && fail "a page in no folder"
grep -q 'No such file' "$work/err" || fail "$(cat "$work/err")"
if [ -e /dev/full ] && "$CSH_BUILD/cushadow" report "$work/after.stats" >/dev/full 2>/dev/null; then
    fail "a full disk is no error"
fi
"$CSH_BUILD/cushadow" report >/dev/null 2>&1
[ $? -eq 2 ] || fail "no files"
"$CSH_BUILD/cushadow" report --help | grep -q '^Usage: cushadow report' || fail "--help"
exit $status
