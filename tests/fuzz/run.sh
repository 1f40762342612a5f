#!/bin/sh
# Fuzzes the readers of model files for a fixed number of runs from fixed
# seeds, under ASan and UBSan; needs clang with its run time (Debian: clang,
# libclang-rt-dev), jansson and python3.
#
#     sh tests/fuzz/run.sh [RUNS [FOLDER]]
#
# An input that fails is kept in FOLDER (default: a folder that goes, and the
# input is printed); the built fuzz_headers there makes it again:
# fuzz_headers FILE.
set -eu
source=${CSH_SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
runs=${1:-300000}
folder=${2:-}
if [ -z "$folder" ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi
mkdir -p "$folder/corpus"

# shellcheck disable=SC2046 # a list of files
${FUZZ_CC:-clang} -g -O1 -std=gnu11 -D_GNU_SOURCE -I"$source/src" \
    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
    -o "$folder/fuzz_headers" "$source/tests/fuzz/fuzz_headers.c" \
    $(ls "$source"/src/weights/*.c "$source"/src/base/*.c) -lpthread

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

if ! "$folder/fuzz_headers" -runs="$runs" -seed=1 -max_len=2048 -rss_limit_mb=4096 \
    -timeout=20 -dict="$folder/words" -artifact_prefix="$folder/" \
    -print_final_stats=1 "$folder/corpus" >"$folder/log" 2>&1; then
    tail -n 60 "$folder/log"
    exit 1
fi
grep -E '^stat::number_of_executed_units|^stat::average' "$folder/log"
grep -Eo 'cov: [0-9]+ ft: [0-9]+ corp: [0-9]+' "$folder/log" | tail -n 1
