#!/bin/sh
# fork before and after the driver is initialised, and fork with exec.
. "$(dirname "$0")/harness.sh"

same "fork before" "$CSH_BIN/app_fork" before
same "fork after, then exec" "$CSH_BIN/app_fork" after
finish
