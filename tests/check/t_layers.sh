#!/bin/sh
# A folder of src/ includes only what it is said to know (README, "How it is
# built inside").
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
exit $status
