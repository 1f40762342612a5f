/*
 * app_changes.c - weights that change at every place and at every moment, in
 * parts, and as programs do it who patch models in VRAM. Each scenario says
 * what the program sees, what the device holds and what reached the driver,
 * with the shim and without.
 */
#include "weight.h"

#include <stdlib.h>
#include <string.h>

#define TILE ((size_t)16 * KIB) /* of the fingerprint: verify/fingerprint.h */
#define ROW ((size_t)512)
#define SMALL (5 * TILE + 192) /* whole tiles and a part of one */

static void check_device(CUdeviceptr device, const uint8_t *want, size_t n)
{
    uint8_t *seen = fresh(n);

    OK(more.simcuda_peek(seen, device, n));
    CHECK(memcmp(seen, want, n) == 0);
    free(seen);
}

/* The next offload moves so many bytes under the shim, and gives these. */
static void comes_back(CUdeviceptr device, const uint8_t *want, size_t n,
                       uint64_t moved, CUstream stream)
{
    uint8_t *host = fresh(n);

    REACHES(d2h, moved, n, offload(host, device, n, stream));
    CHECK(memcmp(host, want, n) == 0);
    check_device(device, want, n);
    free(host);
}

/* --- every place ---------------------------------------------------------- */

/* A kernel flips one bit of a word; what it changed is a weight of its own
 * then, which the next flip is one of. */
static void flip(struct weight *weight, uint8_t *want, size_t at, unsigned bit)
{
    uint32_t word;

    memcpy(&word, want + at, 4);
    word ^= 1u << bit;
    memcpy(want + at, &word, 4);
    launch_fill(weight->device + at, word, 1, NULL);
    comes_back(weight->device, want, weight->bytes, weight->bytes, NULL);
}

/* The first and the last word, the middle, and both sides of every border of
 * rows and tiles. */
static void one_bit_by_a_kernel_is_copied(void)
{
    struct weight weight = learned(SMALL, 1, NULL);
    uint8_t *want = fresh(SMALL);
    unsigned bit = 0;
    size_t at;

    memcpy(want, weight.host, SMALL);
    flip(&weight, want, SMALL - 4, 31);
    flip(&weight, want, SMALL / 8 * 4, 17);
    for (at = 0; at < SMALL; at += ROW) {
        flip(&weight, want, at, bit++ % 32);
        if (at > 0) {
            flip(&weight, want, at - 4, bit++ % 32);
        }
    }
    comes_back(weight.device, want, SMALL, 0, NULL);
}

/* --- every moment --------------------------------------------------------- */

/* At one call of the driver during the program's own, unseen: a byte. */
static struct {
    unsigned at_call, n_calls; /* n_calls: since it was set up */
    CUdeviceptr place;
    uint8_t value;
} write_at;

static int write_unseen(const char *symbol)
{
    (void)symbol;
    if (++write_at.n_calls == write_at.at_call) {
        cu.simcuda_poke(write_at.place, &write_at.value, 1);
    }
    return 0;
}

static void expect_write(unsigned at_call, CUdeviceptr place, uint8_t value)
{
    write_at.at_call = at_call;
    write_at.n_calls = 0;
    write_at.place = place;
    write_at.value = value;
    more.simcuda_on_call(write_unseen);
}

/* Whether the write took place. */
static bool end_of_write(void)
{
    more.simcuda_on_call(NULL);
    return write_at.n_calls >= write_at.at_call;
}

/* Where the byte is, and what is offloaded next: what the device holds then,
 * or the old bytes, put back. A shadow may be believed wrongly in either. */
static const struct variant {
    size_t at;
    bool is_put_back;
} variants[] = {
    {0, true}, {2 * TILE + 5, true}, {SMALL - 1, true},
    {0, false}, {2 * TILE + 5, false}, {SMALL - 1, false},
};

enum { N_VARIANTS = sizeof(variants) / sizeof(variants[0]) };

/* What the device holds comes back now and ever after, whichever of the bytes
 * that is: twice each. */
static void agrees_ever_after(struct weight *weight, struct variant variant,
                              uint8_t old)
{
    uint8_t *now = fresh(SMALL), *host = fresh(SMALL), other;
    int i;

    OK(more.simcuda_peek(now, weight->device, SMALL));
    other = old;
    for (i = variant.is_put_back ? 1 : 0; i < 4; i++) {
        if (i > 0) {
            uint8_t before = now[variant.at];

            now[variant.at] = other;
            cu.simcuda_poke(weight->device + variant.at, &other, 1);
            other = before;
        }
        offload(host, weight->device, SMALL, NULL);
        CHECK(memcmp(host, now, SMALL) == 0);
        comes_back(weight->device, now, SMALL, 0, NULL);
    }
    free(host);
    free(now);
}

/* An offload that is written into at its n-th call of the driver. True: it
 * had so many calls. */
static bool offload_meets_write(struct weight *weight, unsigned n,
                                struct variant variant)
{
    uint8_t *before = fresh(SMALL), *host = fresh(SMALL), old, new;
    size_t at = variant.at;
    bool is_done;

    OK(more.simcuda_peek(before, weight->device, SMALL));
    old = before[at];
    new = old ^ (uint8_t)(1u << n % 8);
    expect_write(n, weight->device + at, new);
    offload(host, weight->device, SMALL, NULL);
    is_done = end_of_write();
    CHECK(host[at] == old || (is_done && host[at] == new));
    host[at] = old;
    CHECK(memcmp(host, before, SMALL) == 0);
    before[at] = is_done ? new : old;
    check_device(weight->device, before, SMALL);
    agrees_ever_after(weight, variant, old);
    free(host);
    free(before);
    return is_done;
}

/* Of an offload that would be elided. */
static void write_at_each_call_of_a_proof(void)
{
    struct weight weight = learned(SMALL, 2, NULL);
    unsigned n = 0, i;

    do {
        n++;
        for (i = 0; i < N_VARIANTS &&
                    offload_meets_write(&weight, n, variants[i]); i++) {
        }
    } while (i > 0);
    CHECK(n > 2);
}

/* Of an offload of what was changed before. */
static void write_at_each_call_of_a_dirty_offload(void)
{
    struct weight weight = learned(SMALL, 3, NULL);
    uint8_t value = 0;
    unsigned n = 0, i;

    do {
        n++;
        for (i = 0; i < N_VARIANTS; i++) {
            value++;
            cu.simcuda_poke(weight.device + 3 * TILE, &value, 1);
            if (!offload_meets_write(&weight, n, variants[i])) {
                break;
            }
        }
    } while (i > 0);
    CHECK(n > 2);
}

/* Of a first offload, which makes a shadow. */
static void write_at_each_call_of_a_first_offload(void)
{
    unsigned n = 0, seed = 100, i;

    do {
        n++;
        for (i = 0; i < N_VARIANTS; i++) {
            struct weight weight = uploaded(SMALL, seed++, NULL);
            bool is_done = offload_meets_write(&weight, n, variants[i]);

            OK(cu.cuMemFree_v2(weight.device));
            if (!is_done) {
                break;
            }
        }
    } while (i > 0);
    CHECK(n > 2);
}

/* The same of a reload of bytes that are in place, or not. The write may be
 * lost or not, and nothing else. */
static bool reload_meets_write(struct weight *weight, unsigned n,
                               bool is_in_place)
{
    uint8_t *seen = fresh(SMALL), old = weight->host[TILE], new = old ^ 0xFF;
    bool is_done;

    upload(weight->device, weight->host, SMALL, NULL);
    if (!is_in_place) {
        spoil(weight->device);
    }
    expect_write(n, weight->device + TILE, new);
    upload(weight->device, weight->host, SMALL, NULL);
    is_done = end_of_write();
    OK(more.simcuda_peek(seen, weight->device, SMALL));
    CHECK(seen[TILE] == old || (is_done && seen[TILE] == new));
    seen[TILE] = old;
    CHECK(memcmp(seen, weight->host, SMALL) == 0);
    agrees_ever_after(weight, (struct variant){TILE, n % 2 == 0}, old);
    free(seen);
    return is_done;
}

static void write_at_each_call_of_a_reload(void)
{
    struct weight weight = learned(SMALL, 4, NULL);
    unsigned n = 0;

    while (reload_meets_write(&weight, ++n, false)) {
    }
    CHECK(n > 2);
    upload(weight.device, weight.host, SMALL, NULL);
    REACHES(h2d, 0, SMALL,
            upload(weight.device, weight.host, SMALL, NULL));
    n = 0;
    while (reload_meets_write(&weight, ++n, true)) {
    }
    CHECK(n > 2);
}

/* --- host functions ------------------------------------------------------- */

/* As a plain store through a mapping of device memory would be. */
static void poke_now(void *weight)
{
    const uint8_t value = 0x61;

    cu.simcuda_poke(((struct weight *)weight)->device + 9, &value, 1);
}

/* In the stream, ahead of the copy, and still to come when that is asked. */
static void written_by_host_function_is_copied(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(WEIGHT, 5, stream);
    uint32_t *flag = pinned(4096);
    pthread_t thread;

    hold_back(stream, flag);
    OK(more.cuLaunchHostFunc(stream, poke_now, &weight));
    thread = release_soon(flag);
    changed_expecting(&weight, 9, 1, 0x61, stream);
    join(thread);
}

static void written_by_host_node_of_a_graph_is_copied(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(WEIGHT, 6, stream);
    CUgraphExec exec;
    CUgraph graph;

    OK(cu.cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    OK(more.cuLaunchHostFunc(stream, poke_now, &weight));
    OK(cu.cuStreamEndCapture(stream, &graph));
    OK(cu.cuGraphInstantiateWithFlags(&exec, graph, 0));
    offload_expecting(&weight, 0, stream);
    OK(cu.cuGraphLaunch(exec, stream));
    changed_expecting(&weight, 9, 1, 0x61, stream);
}

/* --- parts ---------------------------------------------------------------- */

/* Two weights side by side. A piece, both, and what lies across the border
 * are no weight as a whole, and come by the program's own copy. */
static void pieces_and_unions_are_passed(void)
{
    static const size_t ranges[][2] = {
        {0, 2 * SMALL},         {0, SMALL - 1}, {1, SMALL - 1},
        {SMALL / 2, SMALL},     {0, SMALL + 1}, {SMALL - 1, SMALL + 1},
        {SMALL, SMALL - TILE},  {TILE, 2 * SMALL - TILE},
    };
    uint8_t *want = fresh(2 * SMALL), value = 0x71;
    CUdeviceptr device;
    size_t i, k;

    fill(want, 2 * SMALL, 7);
    OK(cu.cuMemAlloc_v2(&device, 2 * SMALL));
    for (k = 0; k < 2; k++) {
        upload(device + k * SMALL, want + k * SMALL, SMALL, NULL);
        comes_back(device + k * SMALL, want + k * SMALL, SMALL, SMALL, NULL);
    }
    for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        size_t at = ranges[i][0], n = ranges[i][1];

        comes_back(device + at, want + at, n, n, NULL);
        cu.simcuda_poke(device + SMALL + 3, &value, 1);
        want[SMALL + 3] = value++;
        comes_back(device + at, want + at, n, n, NULL);
    }
    /* The two themselves are known as ever. */
    comes_back(device, want, SMALL, 0, NULL);
    comes_back(device + SMALL, want + SMALL, SMALL, SMALL, NULL);
    comes_back(device + SMALL, want + SMALL, SMALL, 0, NULL);
}

/* Uploaded in pieces, offloaded as one: a weight, proven as a whole, until
 * something across the old border is uploaded; then it is passed until it is
 * uploaded as a whole. */
static void unions_of_uploads_are_proven_whole(void)
{
    uint8_t *want = fresh(2 * SMALL);
    CUdeviceptr device;

    fill(want, 2 * SMALL, 8);
    OK(cu.cuMemAlloc_v2(&device, 2 * SMALL));
    upload(device, want, SMALL, NULL);
    upload(device + SMALL, want + SMALL, SMALL, NULL);
    comes_back(device, want, 2 * SMALL, 2 * SMALL, NULL);
    comes_back(device, want, 2 * SMALL, 0, NULL);
    fill(want + TILE, SMALL, 9);
    upload(device + TILE, want + TILE, SMALL, NULL);
    comes_back(device, want, 2 * SMALL, 2 * SMALL, NULL);
    comes_back(device, want, 2 * SMALL, 2 * SMALL, NULL);
    upload(device, want, 2 * SMALL, NULL);
    comes_back(device, want, 2 * SMALL, 2 * SMALL, NULL);
    comes_back(device, want, 2 * SMALL, 0, NULL);
}

/* --- patterns ------------------------------------------------------------- */

enum { N_FLOATS = WEIGHT / 4 };

struct lora {
    CUfunction axpy;
    struct weight base;       /* whole numbers, so that sums are exact */
    CUdeviceptr delta;
    uint8_t *plain, *patched; /* what the weight holds without and with it */
};

static void patch(const struct lora *lora, float a)
{
    uint64_t count = N_FLOATS;
    void *params[] = {(void *)(uintptr_t)&lora->base.device,
                      (void *)(uintptr_t)&lora->delta, &a, &count};

    OK(cu.cuLaunchKernel(lora->axpy, 1, 1, 1, 32, 1, 1, 0, NULL, params,
                         NULL));
}

static struct lora new_lora(void)
{
    struct lora lora = {.base = {.bytes = WEIGHT}};
    float *numbers = fresh(WEIGHT), *deltas = fresh(WEIGHT);
    CUmodule module;
    unsigned i;

    OK(cu.cuModuleLoadData(&module, "test kernels"));
    OK(cu.cuModuleGetFunction(&lora.axpy, module, "axpy_f32"));
    lora.plain = fresh(WEIGHT);
    lora.patched = fresh(WEIGHT);
    for (i = 0; i < N_FLOATS; i++) {
        numbers[i] = (float)(i % 1021);
        deltas[i] = (float)(i % 7 == 3); /* low rank: most stay as they are */
    }
    memcpy(lora.plain, numbers, WEIGHT);
    for (i = 0; i < N_FLOATS; i++) {
        numbers[i] += 2 * deltas[i];
    }
    memcpy(lora.patched, numbers, WEIGHT);
    OK(cu.cuMemAlloc_v2(&lora.base.device, WEIGHT));
    OK(cu.cuMemAlloc_v2(&lora.delta, WEIGHT));
    upload(lora.base.device, lora.plain, WEIGHT, NULL);
    upload(lora.delta, deltas, WEIGHT, NULL);
    free(numbers);
    free(deltas);
    comes_back(lora.base.device, lora.plain, WEIGHT, WEIGHT, NULL);
    return lora;
}

/* Out of VRAM with its patch and back, patch taken out there: the bytes that
 * were in RAM first must be copied now. Taken out before it leaves, they are
 * still the shadow's. */
static void lora_is_patched_moved_and_unpatched(void)
{
    struct lora lora = new_lora();
    uint8_t *host = fresh(WEIGHT);
    int cycle;

    for (cycle = 0; cycle < 3; cycle++) {
        patch(&lora, 2);
        REACHES(d2h, WEIGHT, WEIGHT,
                offload(host, lora.base.device, WEIGHT, NULL));
        CHECK(memcmp(host, lora.patched, WEIGHT) == 0);
        OK(cu.cuMemFree_v2(lora.base.device));
        OK(cu.cuMemAlloc_v2(&lora.base.device, WEIGHT));
        REACHES(h2d, WEIGHT, WEIGHT,
                upload(lora.base.device, host, WEIGHT, NULL));
        comes_back(lora.base.device, lora.patched, WEIGHT, 0, NULL);
        patch(&lora, -2);
        comes_back(lora.base.device, lora.plain, WEIGHT, WEIGHT, NULL);
        patch(&lora, 2);
        patch(&lora, -2);
        comes_back(lora.base.device, lora.plain, WEIGHT, 0, NULL);
    }
}

static const struct negative negatives[] = {
#define PLAIN(name_) {#name_, name_, NULL}
    PLAIN(one_bit_by_a_kernel_is_copied),
    PLAIN(write_at_each_call_of_a_proof),
    PLAIN(write_at_each_call_of_a_dirty_offload),
    PLAIN(write_at_each_call_of_a_first_offload),
    PLAIN(write_at_each_call_of_a_reload),
    PLAIN(written_by_host_function_is_copied),
    PLAIN(written_by_host_node_of_a_graph_is_copied),
    PLAIN(pieces_and_unions_are_passed),
    PLAIN(unions_of_uploads_are_proven_whole),
    PLAIN(lora_is_patched_moved_and_unpatched),
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, negatives,
                         sizeof(negatives) / sizeof(negatives[0]));
}
