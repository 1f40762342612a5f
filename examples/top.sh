#!/bin/sh
# Prints what `cushadow top` shows of examples/swap on the simulated driver, at
# three moments of a swap, as a terminal of 100 by 16 has it (tmux):
# examples/top.txt is a captured run.
#
#     sh examples/top.sh [BUILD] >examples/top.txt
#
# The program is stopped at each moment, so that the moment lasts; the figures
# are those of two small made-up models, not of a GPU. Needs tmux and python3.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-${CSH_BUILD:-build}}" && pwd)
for program in tmux python3; do
    command -v $program >/dev/null || { echo "top.sh: $program is missing" >&2; exit 77; }
done
work=$(mktemp -d)
swap=
trap 'tmux -S "$work/tmux" kill-server 2>/dev/null || :; [ -z "$swap" ] || kill -KILL "$swap" 2>/dev/null || :; rm -rf "$work"' EXIT

# Slow machines: a proof may take its time. A slow link: a load takes its own.
CUSHADOW_PROOF_TIMEOUT_MS=20000 SIMCUDA_LINK=0.05,0.05,0.05
export CUSHADOW_PROOF_TIMEOUT_MS SIMCUDA_LINK

"$build/examples/make_model" --folder "$work" --total 50331648 --seed 7 \
    "$here/sdxl/text_encoder.tsv" "$here/sdxl/vae.tsv" >/dev/null
cd "$work"
# Shadows of one of the models may be pinned, not of both.
"$build/cushadow" run --sim '--weights=manifest=*.safetensors,learn' --pinned-limit=32M --stats-file=/dev/null \
    "$build/examples/swap" --cycles 1000 --no-check text_encoder.safetensors vae.safetensors >/dev/null 2>&1 &
swap=$!

# stops_when MOMENT - stops the program in it: MiB in VRAM of the first model,
# of the second, and in shadows of both, between bounds.
stops_when() {
    python3 - "$build/cushadow" "$swap" "$@" <<'PY'
import json, os, signal, subprocess, sys, time
command, pid, bounds = sys.argv[1], int(sys.argv[2]), [float(x) for x in sys.argv[3:]]

def is_now():
    done = subprocess.run([command, "stat", "--json", str(pid)], capture_output=True)
    if done.returncode != 0:
        return False
    models = {m["model"].split(".")[0]: m for m in json.loads(done.stdout)["models"]}
    if len(models) < 2:
        return False
    values = [models[name]["on_device"]["bytes"] for name in ("text_encoder", "vae")]
    values.append(sum(m["in_shadows"]["bytes"] for m in models.values()))
    return all(bounds[2 * i] <= value / 2**20 <= bounds[2 * i + 1] for i, value in enumerate(values))

for _ in range(3000):
    if is_now():
        os.kill(pid, signal.SIGSTOP)
        if is_now():
            sys.exit(0)
        os.kill(pid, signal.SIGCONT)
    time.sleep(0.01)
sys.exit("top.sh: that moment did not come")
PY
}

# shown TITLE - what the terminal has, once it has looked again.
shown() {
    echo "--- $1"
    sleep 2.1
    tmux -S "$work/tmux" capture-pane -p | sed 's/[[:space:]]*$//' | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'
    echo
    kill -CONT "$swap"
}

# Once it shares something.
until "$build/cushadow" stat --json "$swap" >/dev/null 2>&1; do sleep 0.1; done
tmux -S "$work/tmux" -f /dev/null -u new-session -d -x 100 -y 18 \
    "LC_ALL=C.UTF-8 '$build/cushadow' top --interval=2 $swap"
stops_when 6 24 0 0 40 100
shown "the first model is on its way to VRAM"
stops_when 0 0 15 30 40 100
shown "the second has taken its place"
stops_when 0 0 0 0 40 100
shown "both are in shadows"
