/*
 * app_equal.c - weights of equal bytes: RAM once, and each a weight of its own
 * all the same. Here bytes are compared and what reached the driver is counted;
 * equal.tap reads from the statistics how much was held.
 */
#include "weight.h"

#include <stdlib.h>
#include <string.h>

/* Uploads from the host memory of a weight, as a program does that has freed
 * its VRAM, and takes the new address. */
static void reload(struct weight *weight, CUstream stream)
{
    OK(cu.cuMemFree_v2(weight->device));
    OK(cu.cuMemAlloc_v2(&weight->device, weight->bytes));
    REACHES(h2d, weight->bytes, weight->bytes,
            upload(weight->device, weight->host, weight->bytes, stream));
}

/* The output layer of a language model is often its embedding. */
static void tied_tensors_are_held_once(void)
{
    struct weight one = learned(WEIGHT, 1, NULL);
    struct weight two = learned(WEIGHT, 1, NULL);
    struct weight three = learned(WEIGHT, 1, NULL);
    uint64_t pageable = cu.simcuda_bytes(SIM_H2D_PAGEABLE);

    offload_expecting(&one, 0, NULL);
    reload(&one, NULL);
    reload(&two, NULL);
    reload(&three, NULL);
    /* Whichever of them the bytes were captured from, all are served. */
    CHECK_EQUAL(cu.simcuda_bytes(SIM_H2D_PAGEABLE) - pageable,
                under_shim ? 0 : 3 * WEIGHT);
    offload_expecting(&one, 0, NULL);
    offload_expecting(&two, 0, NULL);
    offload_expecting(&three, 0, NULL);
}

/* What is written into one is not seen in the other, wherever it is. */
static void one_of_two_is_changed(void)
{
    struct weight one = learned(WEIGHT, 2, NULL);
    struct weight two = learned(WEIGHT, 2, NULL);
    uint8_t patch = 0xA5;

    cu.simcuda_poke(one.device + 77, &patch, 1);
    changed_expecting(&one, 77, 1, 0xA5, NULL);
    offload_expecting(&two, 0, NULL);
    memset(two.host + 99, 0x5A, 1);
    REACHES(h2d, WEIGHT, WEIGHT, upload(one.device, two.host, WEIGHT, NULL));
    known_expecting(&one, 99, 1, 0x5A, NULL);
    offload_expecting(&two, 0, NULL);
}

/* Back to bytes that are held already: the shadow of the change goes. */
static void changed_and_changed_back(void)
{
    struct weight one = learned(WEIGHT, 3, NULL);
    struct weight two = learned(WEIGHT, 3, NULL);
    uint8_t *host = fresh(WEIGHT), patch;
    int i;

    for (i = 1; i < 20; i++) {
        patch = (uint8_t)(two.host[5] ^ i);
        cu.simcuda_poke(one.device + 5, &patch, 1);
        changed_expecting(&one, 5, 1, patch, NULL);
        cu.simcuda_poke(one.device + 5, two.host + 5, 1);
        REACHES(d2h, WEIGHT, WEIGHT, offload(host, one.device, WEIGHT, NULL));
        CHECK(holds(host, WEIGHT, 3));
        offload_expecting(&one, 0, NULL);
        offload_expecting(&two, 0, NULL);
    }
    free(host);
}

static void the_first_of_two_is_freed(void)
{
    struct weight one = learned(WEIGHT, 4, NULL);
    struct weight two = learned(WEIGHT, 4, NULL);

    OK(cu.cuMemFree_v2(one.device));
    memset(one.host, 0, WEIGHT);
    free(one.host);
    offload_expecting(&two, 0, NULL);
    reload(&two, NULL);
    offload_expecting(&two, 0, NULL);
}

/* A model in two contexts; then one of them ends. */
static void one_model_in_two_contexts(void)
{
    struct weight one = learned(WEIGHT, 5, NULL), two;
    CUcontext own, another;

    OK(more.cuCtxGetCurrent(&own));
    OK(cu.cuCtxCreate_v2(&another, 0, 0));
    two = learned(WEIGHT, 5, NULL);
    offload_expecting(&two, 0, NULL);
    OK(cu.cuCtxSetCurrent(own));
    offload_expecting(&one, 0, NULL);
    OK(cu.cuCtxDestroy_v2(another));
    offload_expecting(&one, 0, NULL);
    CHECK(holds(two.host, WEIGHT, 5));
    reload(&one, NULL);
    offload_expecting(&one, 0, NULL);
    OK(cu.cuMemAlloc_v2(&two.device, WEIGHT));
    upload(two.device, two.host, WEIGHT, NULL);
    offload_expecting(&two, 0, NULL);
}

/* The same model loaded twice, in room for one and a little more. */
static void same_model_twice_in_room_for_one(void)
{
    enum { TENSORS = 6 };
    struct weight models[2][TENSORS];
    uint32_t model, i;
    int cycle;

    for (model = 0; model < 2; model++) {
        for (i = 0; i < TENSORS; i++) {
            models[model][i] = learned(MIB, 10 + i, NULL);
        }
    }
    for (cycle = 0; cycle < 3; cycle++) {
        for (model = 0; model < 2; model++) {
            for (i = 0; i < TENSORS; i++) {
                offload_expecting(&models[model][i], 0, NULL);
                reload(&models[model][i], NULL);
            }
        }
    }
}

static const struct negative scenarios[] = {
#define PLAIN(name_) {#name_, name_, NULL}
    PLAIN(tied_tensors_are_held_once),
    PLAIN(one_of_two_is_changed),
    PLAIN(changed_and_changed_back),
    PLAIN(the_first_of_two_is_freed),
    PLAIN(one_model_in_two_contexts),
    {"same_model_twice_in_room_for_one", same_model_twice_in_room_for_one,
     "CUSHADOW_RAM_LIMIT=8M"},
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
