#!/bin/sh
# Everything that needs a GPU, by one command, in less than nine minutes:
#
#     sh tests/gpu/run.sh [--sim] [--short] [--out FOLDER] [--minutes N]
#                         [PART...]
#     sh tests/gpu/run.sh --prepare
#     sh tests/gpu/run.sh --record FOLDER...
#
# Parts (default: all, in this order): facts, open_points, bench,
# transparency, models. Each has its share of the time that is left, and its
# own file of results in FOLDER (default: build-gpu/results): PART.jsonl, a line
# of JSON for each answer, written as it comes. report.txt puts them together,
# holds them against the targets and compares with what was recorded last under
# tests/gpu/results; it is printed, too. log.txt has what went to stderr;
# bench.svg is a plot. A part that fails or is stopped keeps what it had found,
# and the others go on.
#
# --sim runs all that can run on the simulated driver, as a dry run: no figure
# from it is a GPU's, and the results say so. --short makes it a test.
#
# --record keeps what runs on a GPU have left, later folders adding to and
# taking the place of earlier ones, as tests/gpu/results/DATE-CARD, and puts
# the table and the plot into README.
#
# Where only some parts are named they share the time of all.
#
# CSH_BUILD names a build that is there; else it is built here, by autoconf if
# that is installed, or from what --prepare put into .gpu-kit on a machine that
# has it, or, where nothing can be built, what it had built (commit first: it
# holds what there was then). CSH_GPU_RAM: bytes of RAM, for machines that are
# given theirs as they use it.
#
# Exit status: 0; 1 if something differs that must not, or cannot be built;
# 77 without a GPU.
set -u
started=$(date +%s)
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
here=tests/gpu # no blanks in it
order='facts open_points bench transparency models'
python=${PYTHON:-python3}
command -v "${CC:=cc}" >/dev/null || CC=gcc
CUDA_HOME=${CUDA_HOME:-/usr/local/cuda}
[ -r "$CUDA_HOME/include/cuda.h" ] ||
    CUDA_HOME=$(dirname "$(dirname "$(readlink -f "$(command -v nvcc)")")")
export CC CUDA_HOME

usage() {
    sed -n '2,/^set -u/{/^#/s/^# \{0,1\}//p}' "$0"
    exit "$1"
}

# What the machine's image does not hold.
unpack_wheels() {
    [ -d .gpu-kit/wheels ] || return 0
    "$python" -m pip install -q --no-index --no-deps --no-compile \
        --no-cache-dir --target "$scratch/site" .gpu-kit/wheels/*.whl &&
        export PYTHONPATH="$scratch/site${PYTHONPATH:+:$PYTHONPATH}"
}

# weight_of PART - of the time that the build leaves.
weight_of() {
    case $1 in
    facts) echo 5 ;;
    open_points) echo 12 ;;
    bench) echo 42 ;;
    transparency) echo 24 ;;
    models) echo 17 ;;
    esac
}

# ---- building -------------------------------------------------------------

prepare() {
    build=${CSH_BUILD:-build}
    rm -rf .gpu-kit && mkdir -p .gpu-kit/include || exit 1
    make -C "$build" dist >/dev/null || exit 1
    xz -dc "$build"/cushadow-*.tar.xz | gzip >.gpu-kit/cushadow.tar.gz
    for header in uthash utlist utarray utstring; do
        cp "/usr/include/$header.h" .gpu-kit/include/ 2>/dev/null || :
    done
    git rev-parse HEAD >.gpu-kit/commit 2>/dev/null || :
    mkdir -p .gpu-kit/built/.libs
    cp "$build/cushadow" .gpu-kit/built/ &&
        cp "$build/.libs/libcushadow.so" .gpu-kit/built/.libs/ || exit 1
    bin=.gpu-kit/built/bin
    build_programs || exit 1
    "$python" -m pip download -q --no-deps --only-binary=:all: \
        --python-version 3.12 -d .gpu-kit/wheels diffusers \
        importlib-metadata || echo "without diffusers, which stays unproven"
    size=$(du -sk .gpu-kit | cut -f 1)
    echo ".gpu-kit is ready: take its $size KiB along."
    [ "$size" -lt 49152 ] || { echo "that is too much" >&2; exit 1; }
}

configured() { # SOURCES
    mkdir -p build-gpu/build
    (cd build-gpu/build && CPPFLAGS="-I$top/.gpu-kit/include" \
        "$1/configure" -q && make -j"$(nproc)" all)
}

# Sets CSH_BUILD.
build_shim() {
    CSH_BUILD=$top/build-gpu/build
    build_from_sources && return
    [ -d .gpu-kit/built ] || return 1
    echo "it cannot be built here: what was built for it is taken" >&2
    CSH_BUILD=$top/.gpu-kit/built
}

build_from_sources() {
    if command -v autoreconf >/dev/null &&
        echo '#include <uthash.h>' | $CC -E - >/dev/null 2>&1; then
        autoreconf -i && configured "$top"
    elif [ -f .gpu-kit/cushadow.tar.gz ]; then
        mkdir -p build-gpu/sources
        tar xzf .gpu-kit/cushadow.tar.gz -C build-gpu/sources &&
            configured "$(echo "$top"/build-gpu/sources/cushadow-*)"
    else
        echo "no autoconf or uthash, and no .gpu-kit: see --prepare" >&2
        return 1
    fi
}

# compile NAME SOURCE... - one of the programs of this folder.
compile() {
    name=$1; shift
    # shellcheck disable=SC2086 # flags are words
    $CC -std=gnu11 -O2 -g -D_GNU_SOURCE -D__CUDA_API_VERSION_INTERNAL \
        -Isrc -I"$here" -I"$bin" -isystem "$CUDA_HOME/include" \
        ${CFLAGS:-} -o "$bin/$name" "$@" -lpthread -ldl
}

build_programs() {
    gpu="$here/gpu.c"
    mkdir -p "$bin"
    sh src/verify/embed_text.sh swap_kernels_ptx <examples/swap_kernels.ptx \
        >"$bin/swap_kernels_ptx.h" &&
        compile facts $here/facts.c $gpu &&
        compile open_memory $here/open_memory.c $gpu &&
        compile open_streams $here/open_streams.c $gpu &&
        compile open_beside $here/open_beside.c $gpu &&
        compile open_host $here/open_host.c $gpu &&
        compile open_costs $here/open_costs.c $gpu &&
        compile open_lookup $here/open_lookup.c $gpu src/driver/lookup.c &&
        compile bench_calls $here/bench_calls.c $gpu &&
        compile program_codes $here/program_codes.c $gpu &&
        compile bench_swap $here/bench_swap.c examples/swap_device.c \
            examples/swap_driver.c examples/swap_digest.c
}

# With the toolkit's own compiler, side by side; what cannot be built is
# unproven.
build_runtime_programs() {
    for kind in ${1:-static shared per_thread}; do
        flags="-cudart $kind"
        [ "$kind" != per_thread ] ||
            flags='-cudart shared --default-stream per-thread'
        # shellcheck disable=SC2086 # options
        "$CUDA_HOME/bin/nvcc" -O2 $flags -Xlinker -rpath="$CUDA_HOME/lib64" \
            -o "$bin/program_runtime_$kind" $here/program_runtime.cu &
    done
    wait
}

build_all() {
    if [ -z "${CSH_BUILD:-}" ]; then
        mkdir -p build-gpu
        build_shim || return 1
    fi
    CSH_BUILD=$(cd "$CSH_BUILD" && pwd)
    CSH_SHIM=$CSH_BUILD/.libs/libcushadow.so
    bin=$scratch/bin
    export CSH_BUILD CSH_SHIM CSH_GPU_BIN="$bin"
    [ -e "$CSH_SHIM" ] || return 1
    if [ -d "$CSH_BUILD/bin" ]; then
        cp -r "$CSH_BUILD/bin" "$bin"
    else
        build_programs
    fi
}

# ---- parts ----------------------------------------------------------------

# note PART WORDS - how it ended: one more of its answers.
note() {
    printf '\n{"name": "part", "simulated": %s, "value": "%s"}\n' \
        "$([ "$simulated" = yes ] && echo true || echo false)" "$2" \
        >>"$out/$1.jsonl"
}

# run_part PART - within its share of what is left, in processes of its own.
run_part() {
    began=$(date +%s) status=0
    left=$((started + minutes * 60 - 25 - began))
    limit=$((left * $(weight_of "$1") / all_weights))
    all_weights=$((all_weights - $(weight_of "$1")))
    [ "$limit" -ge 3 ] || { note "$1" "not begun: no time was left"; return; }
    echo "== $1, at most $limit s"
    export limit bin scratch simulated short python
    timeout -k 10 "$limit" sh $here/parts.sh "$1" \
        >"$out/$1.jsonl" 2>>"$out/log.txt" || status=$?
    took="$(($(date +%s) - began)) s"
    case $status in
    0) said="over after $took" ;;
    124 | 137) said="STOPPED after $took; what it had found is kept" ;;
    *) said="exit status $status after $took" failed=1 ;;
    esac
    echo "$said"
    note "$1" "$said"
}

# ---- the whole ------------------------------------------------------------

simulated=no short=no minutes=9 out='' parts='' failed=0
while [ $# -gt 0 ]; do
    case $1 in
    --sim) simulated=yes ;;
    --short) short=yes ;;
    --out) out=${2:?}; shift ;;
    --minutes) minutes=${2:?}; shift ;;
    --prepare) prepare; exit ;;
    --record) shift; "$python" $here/record.py "$@"; exit ;;
    --help) usage 0 ;;
    -*) usage 2 >&2 ;;
    *)
        case " $order " in
        *" $1 "*) parts="$parts $1" ;;
        *) echo "no part $1; there are: $order" >&2; exit 2 ;;
        esac
        ;;
    esac
    shift
done
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
CSH_SRC=$top
PYTHONDONTWRITEBYTECODE=1
export CSH_SRC PYTHONDONTWRITEBYTECODE
out=${out:-build-gpu/results}
mkdir -p "$out" && out=$(cd "$out" && pwd) || exit 1
: >"$out/log.txt"
build_all >"$scratch/build.log" 2>&1 || {
    tail -n 40 "$scratch/build.log" >&2
    exit 1
}
if [ "$simulated" = yes ]; then
    echo "SIMULATED DRIVER: a dry run; no figure is a GPU's."
    LD_LIBRARY_PATH=$CSH_BUILD/tests/sim/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    export LD_LIBRARY_PATH
    build_runtime_programs static >>"$out/log.txt" 2>&1
else
    "$bin/open_lookup" odd_requests >"$scratch/probe" 2>&1
    [ $? -ne 77 ] || { cat "$scratch/probe"; exit 77; }
    ! grep -q '"simulated": true' "$scratch/probe" || {
        echo "that is the simulated driver: say --sim" >&2
        exit 1
    }
    build_runtime_programs >>"$out/log.txt" 2>&1
    unpack_wheels >>"$out/log.txt" 2>&1
fi
all_weights=0
for part in ${parts:-$order}; do
    all_weights=$((all_weights + $(weight_of "$part")))
done
for part in $order; do
    case " ${parts:-$order} " in
    *" $part "*) run_part "$part" ;;
    esac
done
recorded=
for folder in "$here"/results/*/; do # in the order of their dates
    [ ! -d "$folder" ] || recorded=$folder
done
"$python" $here/report.py "$out" ${recorded:+"$recorded"}
exit $failed
