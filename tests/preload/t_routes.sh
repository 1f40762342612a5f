#!/bin/sh
# Every entry by every route: the right wrapper or the driver's own pointer,
# whatever way the driver's resolver works, and whatever the driver's age.
. "$(dirname "$0")/harness.sh"

with_cohorts() {
    CUSHADOW_COHORT=1 shadowed "$CSH_BIN/app_routes" "$1"
}

for resolver in table other alias dlsym; do
    export SIMCUDA_RESOLVER=$resolver
    check "plain look-ups, resolver $resolver" plain "$CSH_BIN/app_routes" lookups
    check "look-ups, resolver $resolver" shadowed "$CSH_BIN/app_routes" lookups
done
unset SIMCUDA_RESOLVER
for version in 11080 12000 12040 12080; do
    export SIMCUDA_DRIVER_VERSION=$version
    check "look-ups, driver $version" shadowed "$CSH_BIN/app_routes" lookups
done
unset SIMCUDA_DRIVER_VERSION
SIMCUDA_BEHAVIOUR=lookup_miss_succeeds
export SIMCUDA_BEHAVIOUR
check "look-ups that find nothing but succeed" shadowed "$CSH_BIN/app_routes" lookups
unset SIMCUDA_BEHAVIOUR
for resolver in table other alias dlsym; do
    export SIMCUDA_RESOLVER=$resolver
    check "look-ups with cohorts, resolver $resolver" \
        with_cohorts lookups
done
unset SIMCUDA_RESOLVER
for version in 11080 12040; do
    export SIMCUDA_DRIVER_VERSION=$version
    check "look-ups with cohorts, driver $version" \
        with_cohorts lookups
done
unset SIMCUDA_DRIVER_VERSION
CUSHADOW_MODE=off
export CUSHADOW_MODE
check "each wrapper reaches its own entry" shadowed "$CSH_BIN/app_routes" calls
finish
