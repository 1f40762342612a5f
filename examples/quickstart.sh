#!/bin/sh
# From a fresh clone to the main job: installs what is missing where it may,
# builds, and lets examples/swap move models in and out of VRAM, first without
# and then with the shim, on the GPU if there is one, else on the simulated
# driver. Needs Debian and the CUDA toolkit.
#
#     sh examples/quickstart.sh [--cycles N] [--total BYTES] [--simulated]
#                               [[NAME=]FILE.safetensors...]
#
# Without files it uses real weights (MiniLM, if pip can fetch them) and files
# with SDXL's tensors, scaled down to the machine or to --total. One weight of
# the first model is patched in VRAM in each cycle. Exit status 0 only if both
# runs computed the same from every bit of every weight.
set -eu
started_in=$(pwd)
cd "$(dirname "$0")/.."
# shellcheck source=.ci/packages.sh
. ./.ci/packages.sh

# Where the build puts things.
mkdir -p "${CSH_BUILD:-build}"
build=$(cd "${CSH_BUILD:-build}" && pwd)
shim=$build/.libs/libcushadow.so
simulated_folder=$build/tests/sim/.libs
swap=$build/examples/swap
make_model=$build/examples/make_model
out=$build/quickstart

# Speeds of the simulated link in GB/s: from pinned memory to the device and
# back, and either way with pageable memory. A demonstration, not a GPU: the
# simulated device runs kernels on a host core, hundreds of times slower than
# a GPU, so its link is slow as well.
link=4,4,0.5
cycles=4
total=
simulated=no
mib=1048576

usage() {
    sed -n '2,/^set -eu/{/^#/s/^# \{0,1\}//p}' "$0"
    exit "$1"
}

parse() {
    while [ $# -gt 0 ]; do
        case $1 in
        --cycles) cycles=${2:?--cycles needs a number}; shift 2 ;;
        --total) total=${2:?--total needs a number of bytes}; shift 2 ;;
        --simulated) simulated=yes; shift ;;
        --help) usage 0 ;;
        --*) usage 2 >&2 ;;
        *) break ;;
        esac
    done
    n_files=$#
}

# quietly LOG COMMAND... - shows the end of the log if the command fails.
quietly() {
    log=$1; shift
    "$@" >"$log" 2>&1 || { tail -n 40 "$log" >&2; exit 1; }
}

build_all() {
    mkdir -p "$out"
    # Once there, make itself brings these up to date.
    [ -x configure ] || quietly "$out/autoreconf.log" autoreconf -i
    if [ ! -e "$build/Makefile" ]; then
        top=$(pwd)
        (cd "$build" && quietly configure.out "$top/configure" -q)
    fi
    quietly "$out/make.log" make -C "$build" -j"$(nproc)" all
    for file in "$shim" "$swap" "$make_model"; do
        [ -e "$file" ] || { echo "the build made no $file" >&2; exit 1; }
    done
}

# Sets driver to gpu or simulated, and says which.
choose_driver() {
    driver=simulated
    if [ "$simulated" = no ] && "$swap" --probe >"$out/gpu" 2>"$out/no-gpu"
    then
        driver=gpu
        free_vram=$(sed -n 2p "$out/gpu")
        echo "Driver: the GPU of this machine, $(sed -n 1p "$out/gpu")."
        return
    fi
    [ "$simulated" = yes ] || sed 's/^swap: /No GPU to use: /' "$out/no-gpu"
    echo "Driver: the simulated driver, which keeps device memory in RAM."
}

# What stands in the shim's way here; what does not is in $out/doctor.
examine() {
    set -- doctor
    [ "$driver" = gpu ] || set -- doctor --sim
    "$build/cushadow" "$@" "$swap" >"$out/doctor" || :
    awk '/^ok/ { shown = 0 } /^(slower|BAD)/ { shown = 1 } shown' "$out/doctor"
}

# least A B
least() {
    if [ "$1" -lt "$2" ]; then echo "$1"; else echo "$2"; fi
}

# Bytes for the made models. The job holds each twice in RAM for a while, and
# the shim once more; the largest of them is three quarters of all.
choose_total() {
    available=$(awk '/^MemAvailable:/ { printf "%.0f", $2 * 1024 }' \
        /proc/meminfo)
    if [ "$driver" = gpu ]; then
        total=$(least $((available / 5)) $((free_vram - 512 * mib)))
        room=$(df -Pk "${HOME:-.}" | awk 'NR == 2 { printf "%.0f", $4 * 1024 }')
        total=$(least "$total" $((room / 2)))
        total=$(least "$total" 7000000000) # SDXL's tensors as they are
    else
        total=$(least $((available / 16)) $((512 * mib)))
    fi
    total=$((total / (16 * mib) * (16 * mib))) # the same name next time
}

# weights [NAME=]FILE... - CUSHADOW_WEIGHTS that registers the tensors of the
# files, so that the statistics call them by their names, and learns the rest.
# What a pattern would take for more than itself is matched by ?.
weights() {
    list=learn
    for model in "$@"; do
        file=$(printf %s "${model#*=}" | tr '],[*\\' '?????')
        list=$list,manifest=$file
    done
    echo "$list"
}

# run NAME PRELOADED NAME=FILE... - one run of the job, its figures in $out.
run() {
    name=$1 preloaded=$2; shift 2
    rules=$(weights "$@")
    set -- "$swap" --cycles "$cycles" --patch "$patched" \
        --json "$out/$name.json" "$@"
    if [ "$driver" = simulated ]; then
        set -- LD_LIBRARY_PATH="$simulated_folder" SIMCUDA_LINK="$link" \
            SIMCUDA_COUNTERS="$out/$name.counters" "$@"
    fi
    if [ -n "$preloaded" ]; then
        # On the simulated device the proof's kernel is as slow as all others.
        [ "$driver" = gpu ] || set -- \
            CUSHADOW_PROOF_TIMEOUT_MS="${CUSHADOW_PROOF_TIMEOUT_MS:-20000}" \
            "$@"
        set -- LD_PRELOAD="$preloaded" CUSHADOW_WEIGHTS="$rules" \
            CUSHADOW_STATS_FILE="$out/$name.statistics" "$@"
    fi
    rm -f "$out/$name.json" "$out/$name.counters" "$out/$name.statistics"
    if ! env "$@" >"$out/$name.txt" 2>"$out/$name.stderr"; then
        echo "the run $name the shim failed:" >&2
        cat "$out/$name.txt" "$out/$name.stderr" >&2
        exit 1
    fi
    head -n 20 "$out/$name.stderr" >&2
}

# named FILE - NAME=PATH for [NAME=]FILE, with a path that holds anywhere.
named() {
    case $1 in
    *=*) path=${1#*=} name=${1%%=*} ;;
    *) path=$1 name= ;;
    esac
    case $name in
    */*) path=$1 name= ;; # the equals sign is part of the path
    esac
    if [ -z "$name" ]; then
        name=${path##*/}
        name=$(echo "${name%.safetensors}" | tr '=' '_')
    fi
    case $path in
    /*) ;;
    *) path=$started_in/$path ;;
    esac
    echo "$name=$path"
}

show() {
    set -- "$out/without.json" "$out/with.json"
    if [ "$driver" = simulated ]; then
        set -- "$@" "$out/without.counters" "$out/with.counters"
        echo
        echo "SIMCUDA_LINK=$link: a simulated link of that many GB/s (pinned" \
            "to the device,"
        echo "pinned back, pageable). Figures of the simulated driver are" \
            "not GPU speed."
    fi
    status=0
    python3 examples/compare.py "$@" || status=1
    echo
    if [ -s "$out/with.statistics" ]; then
        cat "$out/with.statistics"
    else
        echo "The shim wrote no statistics: was it loaded?" >&2
        status=1
    fi
    return $status
}

parse "$@"
shift $(($# - n_files))
# shellcheck disable=SC2086 # a list of words
ensure_packages $packages_build
echo "Building in $build ..."
build_all
choose_driver
examine
if [ $# -eq 0 ]; then
    [ -n "$total" ] || choose_total
    echo "Preparing models ..."
    sh examples/models.sh "$make_model" "$total" >"$out/models"
    while read -r model; do
        set -- "$@" "$model"
    done <"$out/models"
fi
for model in "$@"; do # each is taken from the front and put at the end
    set -- "$@" "$(named "$model")"
    shift
done
patched=${1%%=*}
echo "Models, going round $cycles times, a weight of $patched patched in" \
    "VRAM in each:"
printf '    %s\n' "$@"
echo "Running without the shim ..."
run without "" "$@"
echo "Running with the shim ..."
run with "$shim" "$@"
show
