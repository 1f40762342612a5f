#!/bin/sh
# What is measured on a GPU, run on the simulated driver: every part starts,
# ends within its time and answers, and what it says is marked as no GPU's.
# Programs that crash, hang or lie are told, and hide nothing of the others.
# Results can be kept and said in README. Without any driver it says so and is
# skipped.
set -eu
: "${CSH_BUILD:?}" "${CSH_SRC:?}"
[ -z "${CSH_SANITIZE:-}" ] || { echo "skip: programs of another build"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gpu=$CSH_SRC/tests/gpu
status=0

# expect FILE WORDS - a line of it.
expect() {
    grep -q -e "$2" "$1" || { echo "$(basename "$1") has no: $2"; status=1; }
}

# ---- all of it ----
CFLAGS='-Wall -Wextra -Wshadow -Wmissing-prototypes -Wvla -Wformat=2 -Werror'
export CFLAGS
sh "$gpu/run.sh" --sim --short --out "$work/results" >"$work/log" 2>&1 ||
    { cat "$work/log" "$work/results/log.txt"; exit 1; }
report=$work/results/report.txt
expect "$report" '^SIMULATED DRIVER: a dry run. No figure below is a GPU'
for part in facts open_points bench transparency models; do
    expect "$report" "^== $part: over"
    [ -s "$work/results/$part.jsonl" ] || { echo "$part says nothing"; status=1; }
    ! grep -v '"simulated": true\|"raw": \|"name": "digests"\|^$' "$work/results/$part.jsonl" || status=1
done
expect "$report" '^plain_is_readable  *True'
expect "$report" '^memfd_registers  *True'
expect "$report" '^offload_beside_a_kernel_is_right  *True'
expect "$report" '^shim: offload_beside_a_kernel_is_right  *True'
expect "$report" '^parking shim: freed_weight_is_known  *False'
expect "$report" '^driver API: codes and VMM  *same  *(.*[1-9][0-9]* of [0-9]* bytes elided, 1 processes)'
expect "$report" "^digests: {'value': 'agree'"
# Every arm was there. Those with the shim elided something, others did not.
for arm in verify-alias cohort parked verify-copy; do
    expect "$report" "^| $arm .*| [1-9][0-9]*% | .*| 1 |$"
done
for arm in plain floor kept pinned flat off plain-dirty; do
    expect "$report" "^| $arm .*| - | - | .*| 1 |$"
done
for arm in dirty copy; do
    expect "$report" "^| $arm .*| 0% | .*| 1 |$"
done
expect "$report" '^c parked: .*h2d elided: parked'
expect "$report" '^    offload, elided: proven  *2.0 calls'
expect "$report" '^fingerprint, share of the read ceiling'
if [ -x "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" ]; then
    ! grep -q 'program_runtime.*error' "$work/results/log.txt" || status=1
fi
# What contradicts the design, or differs, is marked, and told again at the end.
! grep -e '<--' -e 'failed' -e 'did not run' "$report" || status=1
tail -n 1 "$report" | grep -qx nothing || { echo "something needs a look"; status=1; }
[ "$(find "$work/results" -type f | wc -l)" -le 8 ] || { ls "$work/results"; status=1; }

# ---- the plot, where something draws it: every arm is in it ----
for python in python3 /usr/bin/python3; do
    "$python" -c 'import matplotlib' 2>/dev/null || continue
    rm -f "$work/results/bench.svg"
    "$python" -W error::UserWarning "$gpu/report.py" "$work/results" >"$work/drawn" || status=1
    for arm in plain floor kept pinned flat off plain-dirty verify-alias cohort parked verify-copy dirty copy; do
        expect "$work/results/bench.svg" "<!-- $arm -->"
    done
    expect "$work/results/bench.svg" '<!-- .*SIMULATED, no GPU figures -->'
    break
done

# ---- results are kept and said ----
python3 "$gpu/record.py" --check || status=1
mkdir "$work/kept"
cp "$CSH_SRC/README.md" "$work/README.md"
keep() {
    python3 "$gpu/record.py" --results "$work/kept" --readme "$work/README.md" "$@" >"$work/record.log"
}
! keep "$work/results" || { echo "a dry run was recorded"; status=1; }
cmp "$CSH_SRC/README.md" "$work/README.md" || status=1
keep --simulated "$work/results" || { cat "$work/record.log"; status=1; }
expect "$work/README.md" '^| verify-alias '
expect "$work/README.md" '^Recorded on 20.*: Simulated CUDA device'
expect "$work/README.md" 'no figure is a GPU'
keep --check || { echo "what was just recorded is not what README says"; status=1; }
python3 "$gpu/report.py" "$work/results" "$work"/kept/* >"$work/again"
expect "$work/again" '^nothing differs by more than a tenth'

# ---- a crash, a hang, and what comes after them ----
# run.sh takes the programs of a build that has them: here some that misbehave.
broken=$work/broken
mkdir -p "$broken/bin" "$broken/.libs" "$broken/tests"
ln -s "$CSH_BUILD/.libs/libcushadow.so" "$broken/.libs/"
ln -s "$CSH_BUILD/cushadow" "$broken/cushadow"
ln -s "$CSH_BUILD/tests/sim" "$broken/tests/sim"
misbehave() { # NAME - by what stdin has.
    { echo '#!/bin/sh'; cat; } >"$broken/bin/$1"
    chmod +x "$broken/bin/$1"
}
misbehave facts <<'END'
echo '{"name": "half", "simulated": true, "value": 1}'
printf '{"name": "cut'
kill -SEGV $$
END
misbehave open_lookup <<'END'
case $1 in
--list) echo hangs; echo crashes; echo answers ;;
hangs) exec sleep 100 ;;
crashes) kill -SEGV $$ ;;
*) echo '{"name": "after_all", "simulated": true, "value": true, "assumed": false}' ;;
esac
END
misbehave open_memory <<'END'
exec sleep 100
END
misbehave program_codes <<'END'
echo same
[ -z "$LD_PRELOAD" ] || echo not the same
END
CSH_BUILD=$broken CUDA_HOME=/none sh "$gpu/run.sh" --sim --short --minutes 2 --out "$work/bad" \
    facts open_points transparency >"$work/bad.log" 2>&1 && { echo "a difference is not told"; status=1; }
report=$work/bad/report.txt
expect "$report" '^half  *1'
expect "$report" '^facts  *failed .*exit status 139'
expect "$report" '^hangs  *late '
expect "$report" '^crashes  *failed '
expect "$report" '^after_all  *True .*<-- the design takes it to be False'
expect "$report" '^== open_points: '
expect "$report" '^driver API: codes and VMM  *differs'
expect "$report" '^transparency: driver API: codes and VMM  *differs'

# The same of the benchmark: one arm ends early, one hangs, one has wrong bytes.
misbehave bench_swap <<'END'
[ "$1" != kept ] || exit 3
echo '{"bytes": 100, "tensors": 1}'
digest=1
[ -z "${LD_PRELOAD:-}" ] || digest=2
while read -r word; do
    [ "$1" != pinned ] || exec sleep 100
    echo "{\"load_s\": 1, \"unload_s\": 1, \"free_s\": 1, \"load_user_s\": 1, \"load_system_s\": 1, \"unload_user_s\": 1, \"unload_system_s\": 1, \"digest\": \"$digest\"}"
done
END
CSH_GPU_BIN=$broken/bin CSH_SHIM=$CSH_BUILD/.libs/libcushadow.so \
    python3 "$gpu/bench.py" --simulated --every 1 --rounds 2 --seconds 20 --patience 1 \
    --arms plain,kept,pinned,off >"$work/bench" 2>"$work/bench.log" && { echo "wrong bytes are not told"; status=1; }
expect "$work/bench" '"name": "kept", .*"failed": true'
expect "$work/bench" '"name": "pinned", .*"failed": true'
expect "$work/bench" '"name": "plain", .*"rounds": 2'
expect "$work/bench" '"name": "digests", "value": "differ"'

# ---- without a driver ----
if ! ldconfig -p | grep -q libcuda.so.1; then
    result=0
    env -u LD_LIBRARY_PATH CSH_BUILD="$CSH_BUILD" sh "$gpu/run.sh" --out "$work/none" facts >"$work/none.log" 2>&1 || result=$?
    [ $result -eq 77 ] || { echo "status $result without a driver"; cat "$work/none.log"; status=1; }
fi
[ $status -eq 0 ] || cat "$work/results/report.txt" "$work/results/log.txt" "$work/bad.log" "$work/bench" "$work/bench.log"
exit $status
