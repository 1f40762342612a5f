#!/bin/sh
# Fuzzes every reader of bytes from outside, for a fixed number of runs each
# from fixed seeds, under ASan and UBSan. Of RUNS the model files get all, the
# others the share that the table below has: some write all there is to show.
# Needs clang with its run time (Debian: clang, libclang-rt-dev), jansson and
# python3.
#
#     sh tests/fuzz/run.sh [RUNS [FOLDER]]
#     sh tests/fuzz/run.sh keep FOLDER
#     sh tests/fuzz/run.sh coverage
#
# Each target begins with inputs that a person wrote, below, and those that are
# kept in corpus/ beside this file: one input a line, in base64. An input that
# fails is kept in FOLDER (default: a folder that goes, and the input is
# printed); the built program of that name there makes it again: fuzz_headers
# FILE. What was found interesting is left there, too, in a folder of the
# target, and a later run with the same FOLDER begins with it. "keep" puts
# into corpus/ the fewest and shortest of those that reach what all of them do;
# "coverage" says how much of each reader the kept ones reach (llvm-profdata,
# llvm-cov of Debian's llvm).
set -eu
source=${CSH_SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
verb=run
case ${1:-} in
keep | coverage) verb=$1; shift ;;
esac
runs=300000
[ $verb != run ] || [ $# -eq 0 ] || { runs=$1; shift; }
folder=${1:-}
if [ -z "$folder" ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi
sanitizers=address,undefined
[ $verb != coverage ] || sanitizers=fuzzer-no-link
export LLVM_PROFILE_FILE="$folder/%p.profraw"

# The targets: what part of RUNS each gets, its longest input, and the sources
# that it is made of. (The ELF reader of src/driver/ is no target: it reads
# what the loader itself has loaded by these very headers.)
each() {
    "$@" fuzz_options 3 2048 weights/rules.c
    "$@" fuzz_headers 1 2048 'weights/*.c'
    "$@" fuzz_report 10 8192 'cli/report_*.c weights/jansson.c'
    "$@" fuzz_live 100 2048 'weights/*.c report/*.c cli/frame.c cli/canvas.c cli/prometheus.c'
    "$@" fuzz_kernel 10 4096 'shadow/headroom.c shadow/budget.c shadow/pressure.c shadow/page_state.c
        shadow/vma_marks.c shadow/chunk.c report/process_memory.c'
    "$@" fuzz_program 10 4096
}

# built NAME SHARE LONGEST SOURCES - the target of that name.
built() {
    name=$1 wrapped=''
    mkdir -p "$folder/$name.inputs"
    [ "$name" != fuzz_kernel ] || wrapped=-Wl,--wrap=syscall,--wrap=open,--wrap=read,--wrap=close
    [ $verb != coverage ] || wrapped="$wrapped -fprofile-instr-generate -fcoverage-mapping"
    # shellcheck disable=SC2046,SC2086 # lists of words
    ${FUZZ_CC:-clang} -g -O1 -std=gnu11 -D_GNU_SOURCE -I"$source/src" -I"$source/tests/fuzz" $wrapped \
        -fsanitize=fuzzer,$sanitizers -fno-sanitize-recover=undefined -o "$folder/$name" \
        "$source/tests/fuzz/$name.c" "$source/tests/fuzz/fuzz.c" \
        $(for one in ${4:-}; do echo "$source"/src/$one; done) "$source"/src/base/*.c -lpthread
}
each built
printf '\001\002\000 a model \033[31m of \342\200\256 no name' >"$folder/fuzz_live.inputs/text"
echo '"\xff\xff\xff\xff\xff\xff\xff\xff"' >"$folder/fuzz_live.words"

# Each line: a variable, by a byte of the table's order from the blank on.
cat >"$folder/fuzz_options.inputs/sound" <<'END'
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
cat >"$folder/fuzz_options.inputs/odd" <<'END'
/models/a.safetensors
CUSHADOW_WEIGHTS=file=,min=2,max=1,,all
CUSHADOW_MOED=off
CUSHADOW_MIN_BYTES=18446744073709551616T
CUSHADOW_MIN_BYTES
CUSHADOW_VRAM_KEEP=101%
CUSHADOW_STRICT=2
END
cat >"$folder/fuzz_options.words" <<'END'
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
    open("%s/fuzz_headers.inputs/%s" % (folder, name), "wb").write(data)
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
open(folder + "/fuzz_headers.words", "w").write("".join('"%s"\n' % w for w in words))
PY

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
    open("%s/fuzz_report.inputs/%s" % (folder, name), "wb").write(b"\xff".join(f.encode() for f in files))
keep("stats", stats)
keep("trace", trace)
keep("run", trace, stats)
keep("two", trace, stats, other)
keep("cut", trace[:-300])
words = ["<z", "</z>", "\\\"><z", '\\"ph\\":\\"X\\"', '\\"ts\\":', '\\"dur\\":', '\\"burst\\":', '\\"model\\":', "1e308", "-1",
         "9223372036854775807", "\\xff", "\\x0a", '\\"outcome\\":\\"elided\\"', "VRAM of ", "parked of ", "VRAM of device ", "[[[[", "\\\\u0001"]
open(folder + "/fuzz_report.words", "w").write("".join('"%s"\n' % w for w in words))
PY

# Files of the kernel by their letters, and the smallest of programs.
python3 - "$folder" <<'PY'
import struct, sys
folder = sys.argv[1]
texts = {
    "a": "12:cpu,cpuacct:/x\n4:memory:/x/y\n0::/z.slice/w\n",
    "b": "MemTotal:       16384000 kB\nMemFree: 8000000 kB\nMemAvailable:   9000000 kB\n"
         "CommitLimit: 9000000 kB\nCommitted_AS: 100 kB\n",
    "c": "2\n", "d": "1073741824\n", "e": "max\n", "f": "900000000\n",
    "g": "anon 1\ninactive_file 4096\nactive_file 8192\ntotal_inactive_file 5\nhierarchical_memory_limit 9\n",
    "h": "low 0\nhigh 7\nmax 3\noom 0\n",
    "i": "some avg10=0.00 avg60=0.00 avg300=0.00 total=99000000\nfull avg10=0.00 total=1\n",
    "j": "some avg10=9.00 avg60=0.00 avg300=0.00 total=88000000\n",
    "k": "9223372036854771712\n", "l": "12345\n", "m": "150000 100000\n", "n": "-1\n", "o": "100000\n",
    "p": "5.15.90.1-microsoft-standard-WSL2\n",
    "q": "00001000-00002000 rw-p 00000000 00:00 0 \n7f0000000000-7f0000010000 rw-s 00001000 08:01 77  /a b\n",
    "r": "00001000-00002000 rw-p 00000000 00:00 0 \nSize: 4 kB\nVmFlags: rd wr mr mw me dc lo \n"
         "7f0000000000-7f0000010000 rw-p 00000000 00:00 0\nVmFlags: rd wf dd \n",
    "s": "Name:\tx\nRssAnon:\t  100 kB\nRssFile: 7 kB\nRssShmem: 1 kB\n", "t": "",
}
def keep(target, name, data):
    open("%s/%s.inputs/%s" % (folder, target, name), "wb").write(data)
whole = b"\xff".join((letter + text).encode() for letter, text in texts.items())
keep("fuzz_kernel", "whole", b"\0" + whole)
keep("fuzz_kernel", "bytes", b"\1" + whole)
keep("fuzz_kernel", "version_1", b"\0" + whole.replace(b"m150000", b"u150000").replace(b"n-1", b"n150000"))
words = [text.split()[0] for text in texts.values() if text] + [
    "max", "18446744073709551615", "4611686018427387904", "memory", "cpu", "::/", ",", "VmFlags: ", "some ", "total=", "-1"]
open(folder + "/fuzz_kernel.words", "w").write("".join('"%s"\n' % w for w in words) + '"\\xff"\n"\\x0a"\n')

def elf(interpreter, kind=3):
    strings = b"\0malloc\0libcuda.so.1\0" + interpreter
    dynamic = struct.pack("<QQQQQQ", 1, 8, 1, 1, 0, 0)
    symbols = bytes(24) + struct.pack("<IBBHQQ", 1, 18, 0, 5, 64, 8)
    at = 64 + 56
    parts = [(3, strings, 0), (6, dynamic, 1), (11, symbols, 1)]
    sections, body = struct.pack("<IIQQQQIIQQ", *[0] * 10), b""
    for type_, data, link in parts:
        sections += struct.pack("<IIQQQQIIQQ", 0, type_, 0, 0, at + len(body), len(data), link, 0, 1, 0)
        body += data
    header = b"\x7fELF\2\1\1" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", kind, MACHINE, 1, 0, 64, at + len(body), 0, 64, 56, 1, 64, 4, 1)
    segment = struct.pack("<IIQQQQQQ", 3 if interpreter else 1, 4, at + 22, 0, 0, len(interpreter), 0, 1)
    return header + segment + body + sections
import platform
MACHINE = 183 if platform.machine() == "aarch64" else 62
keep("fuzz_program", "dynamic", elf(b"/lib64/ld-linux-x86-64.so.2\0"))
keep("fuzz_program", "static", elf(b""))
keep("fuzz_program", "script", b"#!/usr/bin/env -S python3 -u\nprint()\n")
open(folder + "/fuzz_program.words", "w").write('"\\x7fELF"\n"#!/"\n"malloc"\n"/env "\n"\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff"\n')
PY

# taken_out NAME - the kept inputs of a target, as files of the folder.
taken_out() {
    mkdir -p "$folder/$1.kept"
    [ ! -f "$source/tests/fuzz/corpus/$1" ] || python3 -c 'import base64, hashlib, sys
for line in open(sys.argv[1]):
    data = base64.b64decode(line)
    open(sys.argv[2] + "/" + hashlib.sha1(data).hexdigest(), "wb").write(data)' \
        "$source/tests/fuzz/corpus/$1" "$folder/$1.kept"
}
each taken_out

# run NAME SHARE LONGEST - the last lines of a run.
run() {
    if ! "$folder/$1" -runs=$((runs / $2)) -seed=1 -max_len="$3" -rss_limit_mb=4096 \
        -timeout=20 -dict="$folder/$1.words" -artifact_prefix="$folder/" \
        -print_final_stats=1 "$folder/$1.inputs" "$folder/$1.kept" >"$folder/log" 2>&1; then
        tail -n 60 "$folder/log"
        exit 1
    fi
    echo "$1:"
    grep -E '^stat::number_of_executed_units|^stat::average' "$folder/log"
    grep -Eo 'cov: [0-9]+ ft: [0-9]+ corp: [0-9]+' "$folder/log" | tail -n 1
}

# keep NAME SHARE LONGEST - in corpus/, without what is so long that its worth
# is not a reader's.
keep() {
    rm -rf "$folder/$1.merged"
    mkdir -p "$folder/$1.merged" "$source/tests/fuzz/corpus"
    "$folder/$1" -merge=1 -max_len="$3" -timeout=20 "$folder/$1.merged" "$folder/$1.inputs" "$folder/$1.kept" \
        >"$folder/log" 2>&1 || { tail -n 20 "$folder/log"; exit 1; }
    python3 -c 'import base64, os, sys
data = [open(sys.argv[1] + "/" + name, "rb").read() for name in os.listdir(sys.argv[1])]
data.sort(key=lambda one: (len(one), one))
text, left = "", 12000
for one in data:
    line = base64.b64encode(one).decode() + "\n"
    left -= len(line)
    text += line if left >= 0 else ""
open(sys.argv[2], "w").write(text)
print("%s: %d of %d inputs, %d bytes" % (sys.argv[3], text.count("\n"), len(data), len(text)))' \
        "$folder/$1.merged" "$source/tests/fuzz/corpus/$1" "$1"
}

# coverage NAME - lines of each reader's source that the kept inputs reach.
coverage() {
    rm -f "$folder"/*.profraw
    "$folder/$1" -runs=0 "$folder/$1.inputs" "$folder/$1.kept" >"$folder/log" 2>&1 || { tail -n 20 "$folder/log"; exit 1; }
    llvm-profdata merge -o "$folder/profile" "$folder"/*.profraw
    echo "$1:"
    llvm-cov report "$folder/$1" -instr-profile="$folder/profile" 2>/dev/null | awk '
        /\.[ch] / && $8 > 0 && $8 != $9 { printf "    %-36s %4d lines, %s\n", $1, $8, $10 }'
}
each $verb
