#!/bin/sh
# A cycle of work by every route and in both flavours: same results, same
# errors, same bytes, errno kept; and with nothing but forwarding the same
# calls reach the driver.
. "$(dirname "$0")/harness.sh"

for flavour in legacy per-thread; do
    for route in dlsym gpa1 gpa2; do
        same "$route $flavour" "$CSH_BIN/app_cycle" $route $flavour
    done
done
for program in app_linked app_linked_pt; do
    same "$program" "$CSH_BIN/$program"
    LD_BIND_NOW=1
    export LD_BIND_NOW
    same "$program bound at start" "$CSH_BIN/$program"
    unset LD_BIND_NOW
done
for resolver in other alias dlsym; do
    SIMCUDA_RESOLVER=$resolver
    export SIMCUDA_RESOLVER
    same "gpa2 per-thread, resolver $resolver" \
        "$CSH_BIN/app_cycle" gpa2 per-thread
done
finish
