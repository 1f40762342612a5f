#!/bin/sh
# Whatever is under version control is in the distribution archive, for a test
# whose script was forgotten fails there only, after everything else.
set -eu
cd "${CSH_SRC:-.}"
if [ -z "$(git ls-files configure.ac 2>/dev/null)" ]; then
    echo "SKIP: not under version control"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

printf 'include Makefile\nlist:\n\t@printf "%%s\\n" $(DISTFILES)\n' |
    make -s -C "${CSH_BUILD:?}" -f - list | sed "s|^$(pwd)/||" |
    sort -u >"$folder/distributed"
git ls-files | grep -v '^\.git' | sort >"$folder/tracked"

left=$(comm -23 "$folder/tracked" "$folder/distributed")
[ "$(wc -l <"$folder/distributed")" -gt 100 ] || { echo "no list"; exit 1; }
if [ -n "$left" ]; then
    echo "not in the distribution archive:"
    echo "$left"
    exit 1
fi
