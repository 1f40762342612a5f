#!/bin/sh
# No file, function, line or object outgrows its bar: 500 lines a file, 80 a
# function and 15 in the median, 80 columns a line, and the shim what README
# says of it.
set -eu
cd "${CSH_SRC:-.}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Tables are as long as what they list.
find src include tests examples -name '*.[chS]' -o -name '*.cu' | sort |
    grep -v 'surface[a-z_]*\.h$\|^tests/sim/entries_[a-z_]*\.h$' >"$scratch/files"
[ "$(wc -l <"$scratch/files")" -gt 300 ] || { echo "few files were found"; exit 1; }

# A function goes from the line of the opening brace in the first column to
# that of the closing one. Bytes that begin no character take no column.
LC_ALL=C xargs awk '
    FNR == 1 { n_lines[n_files++] = 0; name[n_files - 1] = FILENAME; start = 0 }
    { n_lines[n_files - 1] = FNR; line = $0; gsub(/[\200-\277]/, "", line) }
    length(line) > 80 { print FILENAME ":" FNR ": a line of " length(line) " columns" }
    /^\{/ { start = FNR }
    /^\}/ && start {
        length_of = FNR - start + 1
        if (length_of > 80)
            print FILENAME ":" start ": a function of " length_of " lines"
        if (FILENAME ~ /^src\//)
            print length_of >"'"$scratch"'/functions"
        start = 0
    }
    END {
        for (i = 0; i < n_files; ++i)
            if (n_lines[i] > 500)
                print name[i] ": " n_lines[i] " lines"
    }' <"$scratch/files" >"$scratch/found"

median=$(sort -n "$scratch/functions" | awk '{ n[NR] = $1 } END { print n[int((NR + 1) / 2)] }')
[ "${median:-99}" -le 15 ] ||
    echo "src: the median function has $median lines" >>"$scratch/found"

# most BYTES WHAT HAS - one of the object's measures.
most() {
    echo "$2: $3 bytes of $1"
    [ "$3" -le "$1" ] || echo "$2: $3 bytes, more than $1" >>"$scratch/found"
}

# Sanitizers and coverage put much of their own into it.
case ${CSH_SANITIZE:-}$(nm "${CSH_SHIM:?}" | grep -o -m1 '__gcov_init\|__asan_init\|__tsan_init' || :) in
'')
    strip -o "$scratch/shim" "$CSH_SHIM"
    most 1310720 "the shim, stripped" "$(wc -c <"$scratch/shim")"
    # shellcheck disable=SC2046 # text, data, bss
    set -- $(size "$scratch/shim" | tail -n 1)
    most 524288 "its memory to write to" "$(($2 + $3))"
    for bar in "1.25 MiB stripped" "512 KiB to write to"; do
        grep -q "$bar" README.md || echo "README does not say: $bar" >>"$scratch/found"
    done
    ;;
esac
cat "$scratch/found"
[ ! -s "$scratch/found" ]
