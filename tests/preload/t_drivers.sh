#!/bin/sh
# A driver that is closed and opened again, a second one, a library that only
# looks like one, and one that is newer than the shim.
. "$(dirname "$0")/harness.sh"

# The shim keeps the driver loaded, as it must; so a driver's own counts do not
# begin again.
plain "$CSH_BIN/app_drivers" reopen >"$scratch/plain" 2>&1
for mode in off verify; do
    CUSHADOW_MODE=$mode shadowed "$CSH_BIN/app_drivers" reopen \
        >"$scratch/shadowed" 2>&1
    check "closed and opened again, mode $mode" \
        diff "$scratch/plain" "$scratch/shadowed"
done
check "it works afterwards" grep -q '^wrong: 0$' "$scratch/plain"

mkdir "$scratch/other" "$scratch/newer"
cp -L "$CSH_SIM/libcuda.so.1" "$scratch/other/libcuda.so.1"
# The loader takes two files of one SONAME for one library unless each is named
# by its path; and a second one is worth a word of the shim's.
CUSHADOW_LOG=error
export CUSHADOW_LOG
check "second libcuda" shadowed "$CSH_BIN/app_drivers" second \
    "$scratch/other/libcuda.so.1"
unset CUSHADOW_LOG
cp -L "$CSH_BIN/libstrange_driver.so" "$scratch/libother.so"
same "another library with the driver's names" \
    "$CSH_BIN/app_drivers" lookalike "$scratch/libother.so"

cp -L "$CSH_BIN/libstrange_driver.so" "$scratch/newer/libcuda.so.1"
plain "$CSH_BIN/app_drivers" newer "$scratch/newer/libcuda.so.1" \
    >"$scratch/plain" 2>&1
shadowed "$CSH_BIN/app_drivers" newer "$scratch/newer/libcuda.so.1" \
    >"$scratch/shadowed" 2>&1
check "newer driver" diff "$scratch/plain" "$scratch/shadowed"
check "newer driver: its new ABI" grep -q '^new ABI: 806$' "$scratch/plain"
finish
