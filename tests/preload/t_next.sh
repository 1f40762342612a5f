#!/bin/sh
# RTLD_NEXT and RTLD_DEFAULT keep the meaning that they have to the caller,
# dlerror too; and another interposer keeps its place before or behind the
# shim.
. "$(dirname "$0")/harness.sh"

for program in app_next app_next_O0; do
    same "$program" "$CSH_BIN/$program"
    check "$program: the interposer's question" \
        grep -q '^RTLD_NEXT from the program: 12$' "$scratch/plain.out"
    check "$program: the plug-in's question" \
        grep -q '^RTLD_DEFAULT from a plug-in: 14$' "$scratch/plain.out"
done
# Entries that a driver lacks are no errors of the program's look-ups.
SIMCUDA_DRIVER_VERSION=12000
export SIMCUDA_DRIVER_VERSION
same "app_next, an older driver" "$CSH_BIN/app_next"
unset SIMCUDA_DRIVER_VERSION
for place in PRELOAD_FIRST PRELOAD_LAST; do
    eval "$place=\$CSH_BIN/libinterposer.so"
    same "linked, interposer as $place" "$CSH_BIN/app_linked"
    check "the interposer was called" \
        grep -q '^interposer: alloc 196608$' "$scratch/off.out"
    INTERPOSER_ASKS_DRIVER=1
    export INTERPOSER_ASKS_DRIVER
    same "linked, interposer as $place that asks the driver" \
        "$CSH_BIN/app_linked"
    unset INTERPOSER_ASKS_DRIVER
    same "dlsym, interposer as $place" "$CSH_BIN/app_cycle" dlsym legacy
    check "the interposer's dlsym was called" \
        grep -q '^interposer: dlsym cuCtxSetCurrent$' "$scratch/off.out"
    eval "$place="
done
finish
