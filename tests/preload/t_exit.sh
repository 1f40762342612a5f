#!/bin/sh
# Exit with work in flight; frees in atexit handlers and destructors.
. "$(dirname "$0")/harness.sh"

for how in return exit thread; do
    same "leaving by $how" "$CSH_BIN/app_exit" $how
done
finish
