#!/bin/sh
# With CUSHADOW_COHORT=1: a call of every entry but the queries ends what was
# proven, and what lets others write memory ends cohorts for good.
. "$(dirname "$0")/harness.sh"

scenarios=$("$CSH_BIN/watched") || scenarios=
[ -n "$scenarios" ] || { echo "watched lists no scenarios"; exit 1; }
CUSHADOW_COHORT=1
export CUSHADOW_COHORT
for scenario in $scenarios; do
    check "$scenario" plain "$CSH_BIN/watched" "$scenario"
done
finish
