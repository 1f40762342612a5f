/*
 * app_park_fragments.c - parked blocks on a device that really fragments: what
 * is allocated needs a hole of its size among the addresses
 * (SIMCUDA_BEHAVIOUR=memory_fragments). What the program can have depends on
 * where its own memory lies, and on nothing else, with the shim and without.
 */
#include "weight.h"

#include <stdlib.h>

#define LARGE (4 * MIB)

/* The program's own memory, by address. */
enum { MOST = 32 };
static struct piece { CUdeviceptr base; size_t bytes; } pieces[MOST];
static size_t n_pieces;
static CUdeviceptr device_base;
static size_t device_bytes;

static void find_device(void)
{
    size_t total;

    OK(more.cuMemGetInfo_v2(&device_bytes, &total));
    CHECK_EQUAL(device_bytes, total); /* nothing is there */
    OK(cu.cuMemAlloc_v2(&device_base, device_bytes));
    OK(cu.cuMemFree_v2(device_base));
}

static int by_address(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;

    return x->base < y->base ? -1 : x->base > y->base;
}

static size_t largest_hole(void)
{
    CUdeviceptr end = device_base;
    size_t largest = 0, hole, i;

    qsort(pieces, n_pieces, sizeof(pieces[0]), by_address);
    for (i = 0; i <= n_pieces; i++) {
        hole = (i < n_pieces ? pieces[i].base
                             : device_base + device_bytes) - end;
        largest = hole > largest ? hole : largest;
        end = i < n_pieces ? pieces[i].base + pieces[i].bytes : end;
    }
    return largest;
}

/* 0: there is no hole for it, as there would be none without the shim. */
static CUdeviceptr get(size_t bytes)
{
    bool fits = bytes <= largest_hole();
    CUdeviceptr memory = 0;

    CHECK_EQUAL(cu.cuMemAlloc_v2(&memory, bytes),
                fits ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY);
    if (!fits) {
        return 0;
    }
    CHECK(n_pieces < MOST);
    pieces[n_pieces++] = (struct piece){memory, bytes};
    return memory;
}

static void give(CUdeviceptr memory)
{
    size_t i = 0;

    while (i < n_pieces && pieces[i].base != memory) {
        i++;
    }
    CHECK(i < n_pieces);
    pieces[i] = pieces[--n_pieces];
    OK(cu.cuMemFree_v2(memory));
}

static void load(struct weight *weight)
{
    weight->device = get(weight->bytes);
    CHECK(weight->device != 0);
    OK(cu.cuMemcpyHtoD_v2(weight->device, weight->host, weight->bytes));
    OK(cu.cuMemcpyDtoH_v2(weight->host, weight->device, weight->bytes));
    CHECK(holds(weight->host, weight->bytes, weight->seed));
}

static struct weight made(size_t bytes, uint32_t seed)
{
    struct weight weight = {0, fresh(bytes), bytes, seed};

    fill(weight.host, bytes, seed);
    return weight;
}

static uint64_t blocks(void)
{
    uint64_t (*allocated)(void) =
        (uint64_t (*)(void))unseen("simcuda_allocated_bytes");
    uint64_t bytes = allocated();
    size_t i;

    for (i = 0; i < n_pieces; i++) {
        bytes -= pieces[i].bytes;
    }
    return bytes;
}

/* Blocks lie in the holes that the program has made. It gets a piece that is
 * as large as all of them, and not one byte more. */
static void in_the_middle(void)
{
    struct weight weights[12];
    size_t i;

    find_device();
    for (i = 0; i < 12; i++) {
        weights[i] = made(LARGE, 700 + (uint32_t)i);
        load(&weights[i]);
    }
    for (i = 0; i < 6; i++) {
        give(weights[i].device);
    }
    CHECK(blocks() >= 2 * LARGE || !under_shim);
    CHECK_EQUAL(get(6 * LARGE + 512), 0);
    load(&weights[0]); /* and gives back nothing that is the program's */
    give(weights[0].device);
    CHECK(get(6 * LARGE) != 0);
    CHECK_EQUAL(blocks(), 0);
    for (i = 6; i < 12; i++) {
        CHECK(device_holds(weights[i].device, LARGE, weights[i].seed));
    }
}

/* Every other one goes: half of the memory is free, and none of it in one
 * piece of more than one. */
static void between_others(void)
{
    struct weight weights[15];
    size_t i;

    find_device();
    for (i = 0; i < 15; i++) {
        weights[i] = made(LARGE, 720 + (uint32_t)i);
        load(&weights[i]);
    }
    for (i = 1; i < 15; i += 2) {
        give(weights[i].device);
    }
    CHECK(blocks() > 0 || !under_shim);
    CHECK_EQUAL(get(LARGE + 512), 0);
    for (i = 1; i < 15; i += 2) {
        load(&weights[i]);
    }
    CHECK_EQUAL(get(LARGE + 512), 0);
    for (i = 0; i < 15; i++) {
        CHECK(device_holds(weights[i].device, LARGE, weights[i].seed));
    }
}

#define N_SLOTS 24
#define UNIT (256 * KIB)

/* At any time what is to be had is what fits between the program's own. */
static void storm(void)
{
    struct weight slots[N_SLOTS];
    bool is_there[N_SLOTS] = {false};
    uint32_t random = 4711, n_refused = 0, n_parked = 0, i;
    size_t slot;

    find_device();
    for (i = 0; i < N_SLOTS; i++) {
        slots[i] = made(UNIT * (1 + i * 7 % 29), 740 + i);
    }
    for (i = 0; i < 400; i++) {
        random = random * 1664525u + 1013904223u;
        slot = (random >> 16) % N_SLOTS;
        if (is_there[slot]) {
            CHECK(device_holds(slots[slot].device, slots[slot].bytes,
                               slots[slot].seed));
            give(slots[slot].device);
            is_there[slot] = false;
        } else if (slots[slot].bytes <= largest_hole()) {
            load(&slots[slot]);
            is_there[slot] = true;
        } else {
            CHECK_EQUAL(get(slots[slot].bytes), 0);
            n_refused++;
        }
        n_parked += blocks() > 0;
    }
    CHECK(n_refused > 20);
    CHECK(n_parked > 20 || !under_shim);
}

static const struct negative scenarios[] = {
    {"in_the_middle", in_the_middle,
     "SIMCUDA_MEMORY=64M SIMCUDA_BEHAVIOUR=memory_fragments"},
    {"between_others", between_others,
     "SIMCUDA_MEMORY=64M SIMCUDA_BEHAVIOUR=memory_fragments"},
    {"storm", storm, "SIMCUDA_MEMORY=48M SIMCUDA_BEHAVIOUR=memory_fragments"},
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
