/*
 * app_device.c - devices that share the host's memory get no shadows, and
 * those that cannot register host memory get unpinned ones.
 */
#include "weight.h"

#include <stdlib.h>
#include <string.h>

static uint64_t pageable(void)
{
    return cu.simcuda_bytes(SIM_D2H_PAGEABLE) +
           cu.simcuda_bytes(SIM_H2D_PAGEABLE);
}

/* One context more: what is decided of a device holds there, too. */
static void use_another_context(void)
{
    CUcontext own, another;

    OK(more.cuCtxGetCurrent(&own));
    OK(cu.cuCtxCreate_v2(&another, 0, 0));
    learned(WEIGHT, 9, NULL);
    OK(cu.cuCtxDestroy_v2(another));
    OK(cu.cuCtxSetCurrent(own));
}

/* Nothing of the shim's own is made for such a device. */
static void everything_is_forwarded(void)
{
    struct weight weight = uploaded(WEIGHT, 1, NULL);
    uint64_t before = pageable();
    int i;

    weight.host = fresh(WEIGHT);
    for (i = 0; i < 3; i++) {
        REACHES(d2h, WEIGHT, WEIGHT,
                offload(weight.host, weight.device, WEIGHT, NULL));
        CHECK(holds(weight.host, WEIGHT, 1));
        OK(cu.cuMemFree_v2(weight.device));
        OK(cu.cuMemAlloc_v2(&weight.device, WEIGHT));
        REACHES(h2d, WEIGHT, WEIGHT,
                upload(weight.device, weight.host, WEIGHT, NULL));
    }
    CHECK_EQUAL(pageable() - before, 6 * WEIGHT);
    use_another_context();
    CHECK_EQUAL(cu.simcuda_calls("cuMemHostRegister_v2"), 0);
    CHECK_EQUAL(cu.simcuda_calls("cuMemHostAlloc"), 0);
    CHECK_EQUAL(cu.simcuda_calls("cuLaunchKernel"), 0);
}

/* Elided as ever; what is moved is moved from memory that is not pinned, and
 * the driver is not asked for what it said it has not. */
static void shadows_stay_unpinned(void)
{
    struct weight weight = learned(WEIGHT, 2, NULL);
    uint64_t before;
    int i;

    for (i = 0; i < 3; i++) {
        offload_expecting(&weight, 0, NULL);
        OK(cu.cuMemFree_v2(weight.device));
        OK(cu.cuMemAlloc_v2(&weight.device, WEIGHT));
        before = cu.simcuda_bytes(SIM_H2D_PAGEABLE);
        REACHES(h2d, WEIGHT, WEIGHT,
                upload(weight.device, weight.host, WEIGHT, NULL));
        CHECK_EQUAL(cu.simcuda_bytes(SIM_H2D_PAGEABLE) - before, WEIGHT);
    }
    use_another_context();
    CHECK_EQUAL(cu.simcuda_calls("cuMemHostRegister_v2"), 0);
    offload_expecting(&weight, 0, NULL);
}

static const struct negative scenarios[] = {
    {"integrated_device_gets_no_shadows", everything_is_forwarded,
     "SIMCUDA_BEHAVIOUR=device_is_integrated"},
    {"coherent_device_gets_no_shadows", everything_is_forwarded,
     "SIMCUDA_BEHAVIOUR=device_is_coherent"},
    {"device_that_registers_not_gets_unpinned_shadows",
     shadows_stay_unpinned, "SIMCUDA_BEHAVIOUR=host_registers_not"},
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
