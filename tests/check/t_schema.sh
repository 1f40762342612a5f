#!/bin/sh
# Everything that a run's JSON holds is described in the manual, and its
# schema is the one that the manual names.
set -eu
: "${CSH_BUILD:?}" "${CSH_SRC:?}"
[ -z "${CSH_SANITIZER_PRELOAD:-}" ] || { echo "SKIP: not with a sanitizer's run time"; exit 77; }
[ -e "$CSH_BUILD/examples/swap" ] || { echo "SKIP: examples/swap is not built: jansson is missing"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset LD_PRELOAD LD_LIBRARY_PATH

printf 'a.weight\tF32\t256x256\nb.weight\tF32\t256x300\n' >"$work/made.tsv"
"$CSH_BUILD/examples/make_model" --folder "$work" "$work/made.tsv" >/dev/null
# One of them is learned: its model has no name.
CUSHADOW_PROOF_TIMEOUT_MS=20000 "$CSH_BUILD/cushadow" run --sim --stats=json --stats-file="$work/stats.json" \
    "--weights=manifest=$work/made.safetensors,max=280K,learn" \
    "$CSH_BUILD/examples/swap" --cycles 2 --patch m "m=$work/made.safetensors" >/dev/null

python3 - "$work/stats.json" "$CSH_SRC/src/cli/cushadow.7" <<'PY'
import json, re, sys

statistics = json.load(open(sys.argv[1]))
manual = open(sys.argv[2], encoding="utf-8").read()
section = manual[manual.index(".Ss JSON"):manual.index(".Sh LOG")]
said = set(re.findall(r"[a-z_][a-z_0-9]+", " ".join(re.findall(
    r"^\.(?:It )?Li (.*)", section, re.M))))
tables = set(re.findall(r"^\.It Li ([a-z_0-9]+)", manual, re.M))
assert statistics["schema"] == 1 and re.search(
    r"^\.It Li schema\n1\.", section, re.M), "schema"
assert statistics["models"] and statistics["models"][0]["weights"], "a poor run"

def walk(value, where, known):
    if isinstance(value, dict):
        for key, part in value.items():
            assert key in known, f"{where}.{key} is not in the manual"
            inner = tables if key in ("gauges", "rules", "process") else said
            walk(part, f"{where}.{key}", inner)
    elif isinstance(value, list):
        for part in value:
            walk(part, where, known)

for key, value in statistics.items():
    walk({key: value}, "", said)
for group in ("gauges", "rules", "process"):
    missing = [name for name in statistics[group] if name not in tables]
    assert not missing, missing
for direction in statistics["copies"].values():
    for row in direction["reasons"]:
        assert row["reason"] in tables and row["outcome"] in tables, row
PY
