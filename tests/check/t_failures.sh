#!/bin/sh
# README's table of what can go wrong names tests, reasons, gauges and variables
# that there are: a test by its file and what it does there.
set -eu
cd "${CSH_SRC:-.}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
sed -n '/^<!-- failures: begin/,/^<!-- failures: end/p' README.md |
    grep '^| ' | sed '1d' >"$scratch/rows"
[ "$(wc -l <"$scratch/rows")" -ge 20 ] || { echo "the table has few rows"; exit 1; }

# words COLUMN - what is between backticks in a column, one a line.
words() {
    awk -F'|' -v column="$1" '{ print NR " " $column }' "$scratch/rows" |
        awk '{ row = $1; n = split($0, part, "`")
            for (i = 2; i <= n; i += 2) print row "\t" part[i] }'
}

# source_of TEST - the file that the test of that name is in.
source_of() {
    case $1 in
    app_*) echo "tests/cycle/$1.c" ;;
    test_*) echo "tests/unit/$1.c" ;;
    *.tap) echo "tests/cycle/$1" ;;
    t_*) find tests/preload tests/check -name "$1" ;;
    esac
}

words 5 >"$scratch/tests"
while IFS="$(printf '\t')" read -r row file && IFS="$(printf '\t')" read -r _ name; do
    source=$(source_of "$file")
    [ -n "$source" ] && [ -f "$source" ] || { echo "row $row: no test $file"; continue; }
    # A program's scenario is one of its table, or a function that it names.
    case $file in
    app_*) grep -q "[\"(]${name}[\",)]" "$source" ;;
    test_*) grep -q "START_TEST($name)" "$source" ;;
    *) grep -q "check \".*$name" "$source" ;;
    esac || echo "row $row: $source has no $name"
    echo "$row" >>"$scratch/shown"
done <"$scratch/tests" >"$scratch/found"
awk 'END { for (i = 1; i <= NR; i++) print i }' "$scratch/rows" |
    while read -r row; do
        grep -qx "$row" "$scratch/shown" || echo "row $row names no test"
    done >>"$scratch/found"

words 4 | while IFS="$(printf '\t')" read -r row word; do
    case $word in
    CUSHADOW_*=*) word=${word%%=*} ;;
    esac
    case $word in
    CUSHADOW_*) grep -q "X([a-z_]*, ${word#CUSHADOW_}, " src/base/option_table.h ;;
    *) grep -q "X($word,$\|X($word, *\(\\\\\|\"\)\|X($word, " src/base/counter_table.h ;;
    esac || echo "row $row: nothing is called $word"
done >>"$scratch/found"
cat "$scratch/found"
[ ! -s "$scratch/found" ]
