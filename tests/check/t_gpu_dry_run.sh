#!/bin/sh
# What is measured on a GPU, run on the simulated driver: every part starts,
# ends within its time and answers, and what it says is marked as no GPU's.
# Without any driver it says so and is skipped.
set -eu
: "${CSH_BUILD:?}" "${CSH_SRC:?}"
[ -z "${CSH_SANITIZE:-}" ] || { echo "skip: programs of another build"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CFLAGS='-Wall -Wextra -Wshadow -Wmissing-prototypes -Wvla -Wformat=2 -Werror'
export CFLAGS

sh "$CSH_SRC/tests/gpu/run.sh" --sim --short --out "$work/results" >"$work/log" 2>&1 ||
    { cat "$work/log" "$work/results/log.txt"; exit 1; }
report=$work/results/report.txt
status=0

# expect WORDS - a line of the report.
expect() {
    grep -q "$1" "$report" || { echo "the report has no: $1"; status=1; }
}

expect '^SIMULATED DRIVER: a dry run. No figure below is a GPU'
for part in facts open_points bench transparency models; do
    expect "^== $part: over"
    [ -s "$work/results/$part.jsonl" ] || { echo "$part says nothing"; status=1; }
    ! grep -v '"simulated": true\|"raw": \|"name": "digests"' "$work/results/$part.jsonl" || status=1
done
expect '^plain_is_readable  *True'
expect '^offload_beside_a_kernel_is_right  *True'
expect '^shim: offload_beside_a_kernel_is_right  *True'
expect '^driver API: codes and VMM  *same'
expect "^digests: {'value': 'agree'"
# An arm with the shim elided something, one without did not.
expect '^| verify-alias .*| [1-9][0-9]*% | 1 |$'
expect '^| plain .*| - | 1 |$'
# What contradicts the design, or differs, is marked.
! grep -e '<--' -e 'failed' -e 'did not run' "$report" || status=1
[ "$(find "$work/results" -type f | wc -l)" -le 8 ] || { ls "$work/results"; status=1; }

# The same without a driver.
if ! ldconfig -p | grep -q libcuda.so.1; then
    result=0
    env -u LD_LIBRARY_PATH sh "$CSH_SRC/tests/gpu/run.sh" --out "$work/none" facts >"$work/none.log" 2>&1 || result=$?
    [ $result -eq 77 ] || { echo "status $result without a driver"; cat "$work/none.log"; status=1; }
fi
[ $status -eq 0 ] || cat "$report" "$work/results/log.txt"
exit $status
