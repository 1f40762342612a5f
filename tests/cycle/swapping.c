/*
 * swapping.c - see swapping.h.
 */
#include "swapping.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

const size_t swapping_bytes = 256 * KIB + 192;
static CUcontext context;
static atomic_bool is_over;
static atomic_uint n_rounds;

void swapping_go_round(struct weight *model, CUstream stream, bool changes)
{
    int i;

    for (i = 0; i < SWAPPING_MODEL; i++) {
        OK(cu.cuMemAlloc_v2(&model[i].device, swapping_bytes));
        upload(model[i].device, model[i].host, swapping_bytes, stream);
        free(model[i].host);
        model[i].host = NULL;
    }
    for (i = 0; i < SWAPPING_MODEL; i++) {
        model[i].host = fresh(swapping_bytes);
        if (changes && i == 0) {
            model[i].seed += 100;
            fill(model[i].host, swapping_bytes, model[i].seed);
            cu.simcuda_poke(model[i].device, model[i].host, swapping_bytes);
        }
        offload(model[i].host, model[i].device, swapping_bytes, stream);
        CHECK(holds(model[i].host, swapping_bytes, model[i].seed));
        OK(cu.cuMemFree_v2(model[i].device));
    }
    atomic_fetch_add(&n_rounds, 1);
}

void swapping_make_model(struct weight *model, uint32_t seed)
{
    uint32_t i;

    for (i = 0; i < SWAPPING_MODEL; i++) {
        model[i] = (struct weight){0, fresh(swapping_bytes), swapping_bytes,
                                   seed + i};
        fill(model[i].host, swapping_bytes, seed + i);
    }
}

static void *swap_until_over(void *opaque)
{
    uint32_t seed = 1000 * (1 + (uint32_t)(uintptr_t)opaque), round;
    struct weight model[SWAPPING_MODEL];
    CUstream stream;

    OK(cu.cuCtxSetCurrent(context));
    stream = new_stream(CU_STREAM_NON_BLOCKING);
    swapping_make_model(model, seed);
    for (round = 0; !atomic_load(&is_over); round++) {
        swapping_go_round(model, stream, round % 4 == 3);
    }
    return NULL;
}

static pthread_t threads[SWAPPING_THREADS];

void swapping_begin(void)
{
    uintptr_t i;

    OK(more.cuCtxGetCurrent(&context));
    for (i = 0; i < SWAPPING_THREADS; i++) {
        CHECK_EQUAL(pthread_create(&threads[i], NULL, swap_until_over,
                                   (void *)i),
                    0);
    }
}

void swapping_end(void)
{
    int i;

    atomic_store(&is_over, true);
    for (i = 0; i < SWAPPING_THREADS; i++) {
        join(threads[i]);
    }
}

void swapping_nap_ms(long ms)
{
    struct timespec rest = {0, ms * 1000000};

    while (nanosleep(&rest, &rest) != 0) {
    }
}

void swapping_await_rounds(unsigned n)
{
    unsigned wanted = swapping_rounds() + n;

    while (swapping_rounds() < wanted) {
        swapping_nap_ms(1);
    }
}

bool swapping_is_over(void)
{
    return atomic_load(&is_over);
}

pthread_t swapping_thread(int i)
{
    return threads[i % SWAPPING_THREADS];
}

unsigned swapping_rounds(void)
{
    return atomic_load(&n_rounds);
}
