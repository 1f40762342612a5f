#!/bin/sh
# Fuzzes every reader of bytes from outside, for a fixed number of runs each
# from fixed seeds, under ASan and UBSan: the options with CUSHADOW_WEIGHTS'
# rules, the readers of model files, those of `cushadow report` (traces and
# statistics) with its page, and what reads and shows the figures that
# processes share. Of RUNS the model files get all, the options a third, the report a
# tenth and the figures a hundredth: these write all there is to show. Needs
# clang with its run time (Debian: clang, libclang-rt-dev), jansson and python3.
#
#     sh tests/fuzz/run.sh [RUNS [FOLDER]]
#
# An input that fails is kept in FOLDER (default: a folder that goes, and the
# input is printed); the built program of that name there makes it again:
# fuzz_headers FILE. What was found interesting is kept there, too, a folder a
# target, and a later run with the same FOLDER begins with it; beside it go the
# inputs that a person wrote, below.
set -eu
source=${CSH_SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
runs=${1:-300000}
folder=${2:-}
if [ -z "$folder" ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi
mkdir -p "$folder/corpus"

# built NAME FILE... - the target of that name.
built() {
    name=$1; shift
    ${FUZZ_CC:-clang} -g -O1 -std=gnu11 -D_GNU_SOURCE -I"$source/src" \
        -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
        -o "$folder/$name" "$source/tests/fuzz/$name.c" "$@" \
        "$source"/src/base/*.c -lpthread
}
built fuzz_options "$source"/src/weights/rules.c
built fuzz_headers "$source"/src/weights/*.c
built fuzz_report "$source"/src/cli/report_*.c "$source"/src/weights/jansson.c
built fuzz_live "$source"/src/weights/*.c "$source"/src/report/*.c "$source"/src/cli/frame.c \
    "$source"/src/cli/canvas.c "$source"/src/cli/prometheus.c
mkdir -p "$folder/figures"
printf '\001\002\000 a model \033[31m of \342\200\256 no name' >"$folder/figures/text"
echo '"\xff\xff\xff\xff\xff\xff\xff\xff"' >"$folder/figure_words"

# Each line: a variable, by a byte of the table's order from the blank on.
mkdir -p "$folder/environments"
cat >"$folder/environments/sound" <<'END'
 verify
CUSHADOW_HOST=alias
CUSHADOW_MIN_BYTES=64K
CUSHADOW_RAM_LIMIT=50%
CUSHADOW_PINNED_LIMIT=2G
CUSHADOW_PROOF_TIMEOUT_MS=250
CUSHADOW_WEIGHTS=learn,file=*.safetensors,manifest=/models/[a-z]*,min=1M,max=2g
CUSHADOW_LOG=debug:/tmp/log-%p
CUSHADOW_THREADS=auto
PATH=/models/x.safetensors
END
cat >"$folder/environments/odd" <<'END'
/models/a.safetensors
CUSHADOW_WEIGHTS=file=,min=2,max=1,,all
CUSHADOW_MOED=off
CUSHADOW_MIN_BYTES=18446744073709551616T
CUSHADOW_MIN_BYTES
CUSHADOW_VRAM_KEEP=101%
CUSHADOW_STRICT=2
END
cat >"$folder/environment_words" <<'END'
"CUSHADOW_WEIGHTS="
"CUSHADOW_"
"file="
"manifest="
"min="
"max="
"learn"
"all"
"none"
"auto"
"%p"
"100%"
"18446744073709551615"
"1000000001"
",,"
"[!"
"\x0a"
END

# One sound input of each kind, and words that inputs are made of.
python3 - "$folder" <<'PY'
import struct, sys
folder = sys.argv[1]
def keep(name, data):
    open("%s/corpus/%s" % (folder, name), "wb").write(data)
header = (b'{"__metadata__":{"format":"pt"},"a":{"dtype":"F16","shape":[2,4],'
          b'"data_offsets":[0,16]},"b":{"dtype":"U8","shape":[8],"data_offsets":[16,24]}}')
keep("json", b"J" + header)
keep("safetensors", b"S" + struct.pack("<Q", len(header)) + header + bytes(24))
text = lambda t: struct.pack("<Q", len(t)) + t
pairs = (text(b"general.alignment") + struct.pack("<II", 4, 32) +
         text(b"tokens") + struct.pack("<IIQ", 9, 8, 2) + text(b"x") + text(b"yz") +
         text(b"ids") + struct.pack("<IIQ", 9, 5, 2) + bytes(8) +
         text(b"nested") + struct.pack("<IIQIQ", 9, 9, 1, 0, 3) + bytes(3))
info = lambda name, n, kind, at: text(name) + struct.pack("<IQIQ", 1, n, kind, at)
gguf = (b"GGUF" + struct.pack("<IQQ", 3, 2, 4) + pairs +
        info(b"w0", 8, 0, 0) + info(b"w1", 32, 8, 32))
keep("gguf", b"G" + gguf + bytes(-len(gguf) % 32 + 66))
long = b"G" + struct.pack("<4sIQQ", b"GGUF", 3, 1, 0) + info(b"n" * 700, 8, 24, 0)
keep("long-name", long + bytes(64))
keep("index", b'I{"metadata":{"total_size":1.5e3},"weight_map":{"a":"s-1","b":"s-2","c":"s-1"}}')
keep("pipeline", b'P{"_class_name":"X","unet":["d","U"],"none":[null,null],"n":1}')
words = ["GGUF", '\\"dtype\\":', '\\"shape\\":[', '\\"data_offsets\\":[', '\\"F32\\"', '\\"weight_map\\":{',
         "__metadata__", "general.alignment", "9223372036854775807", "18446744073709551616", "-1", "1e9",
         "[[[[[[[[", "\\\\u0000", "\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff", "\\x00\\x00\\x00\\x80", "../", "[0,"]
open(folder + "/words", "w").write("".join('"%s"\n' % w for w in words))
PY

mkdir -p "$folder/pages"
python3 - "$folder" <<'PY'
import json, sys
folder = sys.argv[1]
tally = lambda n: {"calls": n, "bytes": n << 20}
row = lambda o, r: dict(outcome=o, reason=r, variable="", **tally(3))
side = {"asked": tally(5), "elided": tally(3), "served": tally(2), "passed": tally(0), "failed": tally(0),
        "reasons": [row("elided", "proven"), row("served", "dirty")]}
move = dict(times=2, ns=12345678, reasons=side["reasons"], **tally(5))
place = {"tensors": 1, "bytes": 1 << 20}
model = {"model": "", "label": "model 1 (4 tensors, 4.00 MiB)", "tensors": 4, "bytes": 4 << 20, "loads": move,
         "unloads": move, "on_device": place, "in_shadows": place, "weights": []}
stats = json.dumps({"schema": 1, "pid": 7, "mode": "verify", "copies": {"d2h": side, "h2d": side}, "models": [model],
                    "rules": {}, "gauges": {"shadow_bytes_peak": 1 << 22, "proofs": 3, "captured_cpu_ns": 5}, "process": {"rss_anon_bytes": 4096}})
span = lambda name, at, **args: {"name": name, "cat": "copy", "ph": "X", "ts": at, "dur": 5.125, "pid": 7, "tid": 1, "args": args}
count = lambda name, cat, at, n: {"name": name, "cat": cat, "ph": "C", "ts": at, "pid": 7, "tid": 0, "args": {"bytes": n}}
events = [{"name": "process_name", "ph": "M", "pid": 7, "tid": 0, "args": {"name": "<zap>"}},
          {"name": "cushadow", "cat": "trace", "ph": "i", "ts": 1.5, "pid": 7, "tid": 0, "s": "p",
           "args": {"schema": 1, "program": "<zap>", "mode": "verify"}},
          span("load", 10.25, bytes=1 << 20, outcome="passed", reason="unlearned", burst=1),
          count("VRAM of device 0", "device", 15, 1 << 20),
          span("proof", 400000.5, bytes=1 << 20, outcome="equal"),
          span("offload", 400000.25, bytes=1 << 20, outcome="elided", reason="proven", group=1, burst=1),
          count("VRAM of model 1", "model", 400007, 1 << 20),
          count("parked of model 1", "parked", 400009, 1 << 20),
          count("shadows", "memory", 400008, 1 << 20), count("pinned slabs", "memory", 400008, 2 << 20),
          span("load", 900000, bytes=5, outcome="served", reason="unchanged", model="<zodel>", tensor="t"),
          {"name": "trace full", "cat": "trace", "ph": "i", "ts": 900010, "pid": 7, "tid": 0, "s": "p", "args": {"most_bytes": 65536}},
          {"name": "events left out", "cat": "trace", "ph": "C", "ts": 900010, "pid": 7, "tid": 0, "args": {"events": 4}},
          {"name": "trace end", "cat": "trace", "ph": "i", "ts": 900011, "pid": 7, "tid": 0, "s": "p", "args": {"left_out": 5}}]
trace = "[\n" + ",\n".join(json.dumps(e) for e in events) + "\n]\n"
other = trace.replace('"pid": 7', '"pid": 8')
def keep(name, *files):
    open("%s/pages/%s" % (folder, name), "wb").write(b"\xff".join(f.encode() for f in files))
keep("stats", stats)
keep("trace", trace)
keep("run", trace, stats)
keep("two", trace, stats, other)
keep("cut", trace[:-300])
words = ["<z", "</z>", "\\\"><z", '\\"ph\\":\\"X\\"', '\\"ts\\":', '\\"dur\\":', '\\"burst\\":', '\\"model\\":', "1e308", "-1",
         "9223372036854775807", "\\xff", "\\x0a", '\\"outcome\\":\\"elided\\"', "VRAM of ", "parked of ", "VRAM of device ", "[[[[", "\\\\u0001"]
open(folder + "/page_words", "w").write("".join('"%s"\n' % w for w in words))
PY

# fuzzed NAME RUNS CORPUS WORDS LONGEST - the last lines of a run.
fuzzed() {
    if ! "$folder/$1" -runs="$2" -seed=1 -max_len="$5" -rss_limit_mb=4096 \
        -timeout=20 -dict="$folder/$4" -artifact_prefix="$folder/" \
        -print_final_stats=1 "$folder/$3" >"$folder/log" 2>&1; then
        tail -n 60 "$folder/log"
        exit 1
    fi
    echo "$1:"
    grep -E '^stat::number_of_executed_units|^stat::average' "$folder/log"
    grep -Eo 'cov: [0-9]+ ft: [0-9]+ corp: [0-9]+' "$folder/log" | tail -n 1
}
fuzzed fuzz_options $((runs / 3)) environments environment_words 2048
fuzzed fuzz_headers "$runs" corpus words 2048
fuzzed fuzz_report $((runs / 10)) pages page_words 8192
fuzzed fuzz_live $((runs / 100)) figures figure_words 2048
