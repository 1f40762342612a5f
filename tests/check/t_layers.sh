#!/bin/sh
# A folder of src/ includes only what it is said to know (README, "How it is
# built inside"), and no file or function outgrows its bar.
set -eu
cd "${CSH_SRC:-.}"
status=0

# knows FOLDER ALLOWED... - besides itself and system headers.
knows() {
    folder=$1; shift
    allowed=" $folder $* "
    for file in src/"$folder"/*.[chS]; do
        sed -n 's/^ *# *include *"\([a-z]*\)\/.*/\1/p' "$file" | sort -u | while read -r other; do
            case $allowed in
            *" $other "*) ;;
            *) echo "$file knows $other, which src/$folder may not" ;;
            esac
        done
    done
}

found=$(
    knows base
    knows driver base
    knows track base
    knows shadow base track
    knows verify base track
    knows report base weights
    knows weights base
    knows engine base driver weights track shadow verify report
    knows interpose base driver track engine
    knows cli base driver shadow engine report weights
    # base knows nothing of CUDA; the policy sees no driver, lock or clock.
    grep -ln 'cuda\.h\|cudaTypedefs' src/base/*.[ch] | sed 's/$/ knows CUDA/' || true
    grep -n 'include.*\(cuda\|lock\|time\|calls\|driver\|pthread\|stdatomic\)' src/engine/policy.[ch] |
        sed 's/$/ (the policy is pure)/' || true
)
if [ -n "$found" ]; then
    echo "$found"
    status=1
fi

# Files of at most 500 lines; functions of at most 80, from the line of the
# opening brace in the first column to that of the closing one.
files=$(find src include tests examples -name '*.[chS]' -o -name '*.cu' | sort)
long=$(for file in $files; do
    case $file in *surface*.h|tests/sim/entries.h) continue ;; esac # tables
    awk -v file="$file" '
        /^\{/ { start = NR }
        /^\}/ { if (start && NR - start + 1 > 80) print file ":" start ": a function of " NR - start + 1 " lines"; start = 0 }
        END { if (NR > 500) print file ": " NR " lines" }' "$file"
done)
if [ -n "$long" ]; then
    echo "$long"
    status=1
fi
[ -n "$files" ] || status=1
exit $status
