#!/bin/sh
# The driver is used before main, by constructors that run before those of
# preloaded objects, and from a plug-in that alone has it in its scope.
. "$(dirname "$0")/harness.sh"

same "work in constructors" "$CSH_BIN/app_early"
LINKED_LIBRARY_WORKS_EARLY=1
export LINKED_LIBRARY_WORKS_EARLY
same "work in constructors, by ELF symbols too" "$CSH_BIN/app_early"
same "plug-in that works while it is loaded" "$CSH_BIN/app_local"
unset LINKED_LIBRARY_WORKS_EARLY
same "plug-in loaded RTLD_LOCAL" "$CSH_BIN/app_local"
finish
