#!/bin/sh
# What of parked memory goes first: the figures that README and the plot show
# are those of the shim's own functions, replayed now, and the way that is
# kept is nowhere worse than the least recently used and close to the best.
#
#   t_park_policy.sh            compares
#   t_park_policy.sh --update   writes them; tests/bench/park_plot.py then
#                               draws the plot
set -eu
: "${CSH_BUILD:?}" "${CSH_SRC:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
cd "$CSH_SRC"

{
    printf '# sequence\tpolicy\tvram\tlink_bytes_per_byte_loaded\n'
    "$CSH_BUILD/tests/bench/bench_park_replay" --table
} >"$work/cases"

# The means over all sizes of VRAM.
awk -F '\t' '
    BEGIN {
        print "| models are used | `lru` | `size` | `kept` | `optimum` |"
        print "|---|---|---|---|---|"
    }
    /^#/ { next }
    !($1 in seen) { seen[$1]; names[++n] = $1 }
    { sum[$1, $2] += $4; all[$2] += $4; count[$1, $2]++; cases[$2]++ }
    function row(name, a, b, c, d) {
        printf "| %s | %.3f | %.3f | **%.3f** | %.3f |\n", name, a, b, c, d
    }
    function mean(name, policy) {
        return sum[name, policy] / count[name, policy]
    }
    END {
        for (i = 1; i <= n; i++)
            row(names[i], mean(names[i], "lru"), mean(names[i], "size"),
                mean(names[i], "kept"), mean(names[i], "optimum"))
        row("all", all["lru"] / cases["lru"], all["size"] / cases["size"],
            all["kept"] / cases["kept"], all["optimum"] / cases["optimum"])
    }' "$work/cases" >"$work/table"

# No case is worse than with the least recently used, or better than the best
# by more than evicting whole blocks explains; all together are within a tenth
# of the best.
awk -F '\t' '
    /^#/ { next }
    { share[$1, $3, $2] = $4; all[$2] += $4; cases[$1, $3]; rows++ }
    END {
        for (c in cases) {
            split(c, at, SUBSEP)
            kept = share[at[1], at[2], "kept"]
            if (kept > share[at[1], at[2], "lru"] + 0.002 ||
                kept < share[at[1], at[2], "optimum"] - 0.005) {
                print at[1] ", " at[2] ": " kept; bad = 1
            }
        }
        if (rows != 8 * 4 * 11) { print rows " rows"; bad = 1 }
        if (all["kept"] > 1.10 * all["optimum"]) {
            print all["kept"] / all["optimum"] " of the best"; bad = 1
        }
        exit bad
    }' "$work/cases" || status=1

awk -v file="$work/table" '
    /^<!-- park: begin/ {
        print; print ""; found = 1
        while ((getline line < file) > 0) print line
        print ""; skip = 1; next
    }
    /^<!-- park: end/ { skip = 0 }
    !skip { print }
    END { exit !found }' README.md >"$work/readme" ||
    { echo "README has no place for the table"; exit 1; }
if [ "${1:-}" = --update ]; then
    cat "$work/readme" >README.md
    cat "$work/cases" >examples/park_policy.tsv
else
    diff -u README.md "$work/readme" || status=1
    diff examples/park_policy.tsv "$work/cases" | head -20
    cmp -s examples/park_policy.tsv "$work/cases" || status=1
fi
exit $status
