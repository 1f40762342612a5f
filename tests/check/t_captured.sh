#!/bin/sh
# The captured texts under examples/ are what their script prints today: the
# same lines of a summary, whatever the figures; the same checks of a doctor,
# whatever the machine.
set -eu
: "${CSH_BUILD:?}" "${CSH_SRC:?}"
[ -z "${CSH_SANITIZER_PRELOAD:-}" ] || { echo "SKIP: not with a sanitizer's run time"; exit 77; }
[ -e "$CSH_BUILD/examples/swap" ] || { echo "SKIP: examples/swap is not built: jansson is missing"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset LD_PRELOAD LD_LIBRARY_PATH
status=0

summary_shape() {
    sed -E 's/[0-9][0-9.,]*( ([KMGT]i)?B| s|%)?( |$)/N\3/g; s/[0-9][0-9.,]*/N/g; s/ +/ /g'
}

# Names of checks; and each finding has a verdict.
doctor_shape() {
    sed -nE 's/^(ok|slower|BAD) +([a-z]+) .*/\2/p; s/^(\$.*)/\1/p'
}

for what in summary doctor; do
    sh "$CSH_SRC/examples/captured.sh" $what "$CSH_BUILD" >"$work/now"
    ${what}_shape <"$work/now" >"$work/shape.now"
    ${what}_shape <"$CSH_SRC/examples/$what.txt" >"$work/shape.kept"
    [ "$(wc -l <"$work/shape.now")" -gt 15 ] || { echo "FAIL: a short $what"; status=1; }
    if ! diff -u "$work/shape.kept" "$work/shape.now"; then
        echo "FAIL: sh examples/captured.sh $what BUILD >examples/$what.txt"
        status=1
    fi
done
exit $status
