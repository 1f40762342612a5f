#!/bin/sh
# Threads that meet the driver, and so the shim, at the same instant.
. "$(dirname "$0")/harness.sh"

for round in 1 2 3 4 5; do
    same "threads, round $round" "$CSH_BIN/app_threads"
done
finish
