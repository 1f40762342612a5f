#!/bin/sh
# examples/refusals.txt is what examples/refusals.sh prints today: the same
# lines, whatever the figures. The kept run is one in which offloads could be
# mapped; an older kernel says other things, and only the counts are asked of
# it.
set -eu
: "${CSH_BUILD:?}" "${CSH_SRC:?}"
[ -z "${CSH_SANITIZER_PRELOAD:-}" ] || { echo "SKIP: not with a sanitizer's run time"; exit 77; }
[ -e "$CSH_BUILD/examples/swap" ] || { echo "SKIP: examples/swap is not built: jansson is missing"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

shape() {
    sed -E 's/[0-9][0-9.,]*( ([KMGT]i)?B)?/N/g; s/ +/ /g'
}

sh "$CSH_SRC/examples/refusals.sh" "$CSH_BUILD" >"$work/now"
if grep 'takes no filter' "$work/now"; then
    echo "SKIP: the kernel takes no filter"
    exit 77
fi
# says_how - how offloads are mapped depends on the kernel.
says_how() {
    sed 's/\(offloads are mapped to host memory\), .*/\1/'
}
shape <"$work/now" | says_how >"$work/shape.now"
shape <"$CSH_SRC/examples/refusals.txt" | says_how >"$work/shape.kept"
if grep -q 'offloads are mapped' "$work/now" &&
    ! diff -u "$work/shape.kept" "$work/shape.now"; then
    echo "FAIL: sh examples/refusals.sh BUILD >examples/refusals.txt"
    exit 1
fi
# Six hindrances and none, and each run ended well.
[ "$(grep -c '^== ' "$work/now")" -eq 7 ]
# Each refusal is counted, and nothing else is.
hindered() {
    got=$(grep -Ec "^ *$1 +[1-9]" "$work/now" || true)
    [ "$got" -eq "$2" ] || { echo "FAIL: $1 in $got runs, wanted $2"; exit 1; }
}
hindered refusals 1
hindered registrations_refused 1
hindered slabs_without_file 2
hindered pinned_bytes 6
if grep 'the program ended with' "$work/now"; then
    exit 1
fi
