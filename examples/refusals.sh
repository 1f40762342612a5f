#!/bin/sh
# What a user reads when the shim cannot have what it wants: runs examples/swap
# on the simulated driver under one hindrance after the other and prints, for
# each, the command, the lines of the log, and the line at exit. The program
# gets its bytes every time. examples/refusals.txt is a captured run.
#
#     sh examples/refusals.sh [BUILD] >examples/refusals.txt
#
# The figures are those of two small made-up models, not of a GPU.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-${CSH_BUILD:-build}}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Slow machines: a proof may take its time.
CUSHADOW_PROOF_TIMEOUT_MS=20000
export CUSHADOW_PROOF_TIMEOUT_MS

"$build/examples/make_model" --folder "$work" --total 12582912 --seed 7 \
    "$here/sdxl/text_encoder.tsv" "$here/sdxl/vae.tsv" >/dev/null

# no_memfd COMMAND... - with a filter that answers memfd_create with ENOSYS, as
# some containers have it.
no_memfd() {
    python3 - "$@" <<'P'
import ctypes, os, platform, struct, sys
number = {"x86_64": 319, "aarch64": 279}[platform.machine()]
# Load the number of the call; is it memfd_create? Then an errno, else go on.
steps = [(0x20, 0, 0, 0), (0x15, 0, 1, number),
         (0x06, 0, 0, 0x00050000 | 38), (0x06, 0, 0, 0x7FFF0000)]
code = b"".join(struct.pack("HBBI", *step) for step in steps)
text = ctypes.create_string_buffer(code, len(code))
program = struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(text))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program, 0, 0):
    sys.exit("refusals: the kernel takes no filter")
os.execvp(sys.argv[1], sys.argv[1:])
P
}

# swaps COMMAND... - the program under the shim; what it says itself is left
# out, and of the log's lines the process and the time.
swaps() {
    status=0
    "$@" env LD_LIBRARY_PATH="$build/tests/sim/.libs" CUSHADOW_LOG=info:"$work/log" \
        CUSHADOW_STATS_FILE="$work/statistics" \
        LD_PRELOAD="${CSH_SANITIZER_PRELOAD:+$CSH_SANITIZER_PRELOAD }$build/.libs/libcushadow.so" \
        "$build/examples/swap" --cycles 3 "$work/text_encoder.safetensors" \
        "$work/vae.safetensors" >"$work/out" 2>&1 || status=$?
    # The limits are in the subshell of the command, so what reads is not.
    [ $status -eq 0 ] || { echo "the program ended with $status"; cat "$work/out"; }
}

# shows TITLE - what was written by the last run.
shows() {
    echo "== $1"
    [ ! -e "$work/log" ] ||
        sed 's/^cushadow\[[0-9.]*\] [0-9.]* /cushadow: /; s/ [0-9]* bytes / N bytes /' \
            "$work/log" | sort | uniq -c | sed 's/^ *\([0-9]*\) /\1x /'
    sed -n 1p "$work/statistics"
    sed -n '/reasons, most bytes first/,/reloads, host to device/p' "$work/statistics" |
        grep '(CUSHADOW_[A-LN-Z]' || true
    grep -E '^ *(refusals|registrations_refused|slabs_without_file|evictions|slab_bytes|pinned_bytes) ' \
        "$work/statistics" || true
    echo
    rm -f "$work/log" "$work/statistics"
}

swaps command
shows "nothing refused"

CUSHADOW_RAM_LIMIT=4M
export CUSHADOW_RAM_LIMIT
swaps command
shows "CUSHADOW_RAM_LIMIT=4M: room for a third"
unset CUSHADOW_RAM_LIMIT

CUSHADOW_PINNED_LIMIT=0
export CUSHADOW_PINNED_LIMIT
swaps command
shows "CUSHADOW_PINNED_LIMIT=0: nothing may be pinned"
unset CUSHADOW_PINNED_LIMIT

SIMCUDA_PIN_LIMIT=1M
export SIMCUDA_PIN_LIMIT
swaps command
shows "the driver registers no more than 1M"
unset SIMCUDA_PIN_LIMIT

swaps no_memfd
shows "memfd_create is refused"

(ulimit -f 64; swaps command)
shows "ulimit -f 64: no file above 32 KiB"

(ulimit -l 64; swaps command)
shows "ulimit -l 64: the program may lock 64 KiB"
