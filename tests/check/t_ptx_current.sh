#!/bin/sh
# t_ptx_current.sh - the kept PTX text is what its source gives today, with
# the compiler that the text names. 77: that compiler is not here.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
kept=$top/src/verify/fingerprint.ptx
made=$(mktemp)
trap 'rm -f "$made"' EXIT

want=$(sed -n 's,^// Compiler: ,,p' "$kept" | sed -n 1p)
if [ -z "$want" ]; then
    echo "FAIL: $kept does not name its compiler"
    exit 1
fi
major=$(echo "$want" | sed 's/.*version \([0-9]*\).*/\1/')
found=
for clang in ${CLANG:-} clang "clang-$major"; do
    have=$("$clang" --version 2>/dev/null | sed -n 1p) || have=
    if [ "$have" = "$want" ]; then
        found=$clang
        break
    fi
done
if [ -z "$found" ]; then
    echo "SKIP: no '$want' here"
    exit 77
fi
CLANG=$found sh "$top/src/verify/make_ptx.sh" "$made"
if ! cmp "$kept" "$made"; then
    echo "FAIL: run src/verify/make_ptx.sh with $found"
    exit 1
fi
echo "the kept text is what $want gives"
