/*
 * app_faults.c - each single call of the driver that is made within a copy, an
 * allocation or a free fails once, with each of several errors; or each call
 * by chance, from a seed. Those of the program's own are made again. Bytes at
 * the program and at the device are right afterwards, and so is the next copy.
 * What is called once in a process is faults.tap's.
 *
 * FAULTS_SEED (1 by default) is the seed; the chance goes with it. The scenario
 * that uses it prints how many calls failed.
 */
#include "weight.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* None of them is final: a context goes on after them. */
static const int errors[] = {CUDA_ERROR_INVALID_VALUE,
                             CUDA_ERROR_OUT_OF_MEMORY,
                             CUDA_ERROR_NOT_SUPPORTED, CUDA_ERROR_UNKNOWN};

enum { N_ERRORS = sizeof(errors) / sizeof(errors[0]), MOST_CALLS = 400 };

static struct {
    /* The next call fails when at_call of them have been made; 0: by chance,
     * so many of a thousand. */
    unsigned at_call;
    uint64_t seed, per_mille;
    int error; /* which, where at_call says when */
    _Atomic unsigned n_calls, n_failed;
    _Atomic unsigned met; /* a bit an error, since the program's call began */
} fault;

static int fail(unsigned error)
{
    atomic_fetch_add(&fault.n_failed, 1);
    atomic_fetch_or(&fault.met, 1u << error);
    return errors[error];
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

/* The shim's helper threads come here as well. */
static int fail_some(const char *symbol)
{
    unsigned n = atomic_fetch_add(&fault.n_calls, 1) + 1;
    uint64_t chance = mix(fault.seed * 0x9E3779B97F4A7C15ull + n);

    (void)symbol;
    if (fault.at_call != 0) {
        return n == fault.at_call ? fail((unsigned)fault.error) : 0;
    }
    return chance % 1000 < fault.per_mille ? fail(chance >> 32 & 3) : 0;
}

/* The program's own call met one: to be made again. */
static bool is_fault(CUresult result)
{
    unsigned i;

    for (i = 0; i < N_ERRORS; i++) {
        if ((int)result == errors[i]) {
            return (fault.met & 1u << i) != 0;
        }
    }
    return false;
}

#define INSIST(call_)                        \
    do {                                     \
        CUresult result_;                    \
                                             \
        do {                                 \
            fault.met = 0;                   \
            result_ = cu.call_;              \
        } while (is_fault(result_));         \
        OK(result_);                         \
    } while (0)

static void copy_out(struct weight *weight)
{
    INSIST(cuMemcpyDtoHAsync_v2(weight->host, weight->device, weight->bytes,
                                NULL));
    INSIST(cuStreamSynchronize(NULL));
}

static void copy_in(struct weight *weight)
{
    INSIST(cuMemcpyHtoDAsync_v2(weight->device, weight->host, weight->bytes,
                                NULL));
    INSIST(cuStreamSynchronize(NULL));
}

/* To other memory, or the same again. */
static void move(struct weight *weight)
{
    CUdeviceptr old = weight->device;

    INSIST(cuMemFree_v2(old));
    INSIST(cuMemAlloc_v2(&weight->device, weight->bytes));
    copy_in(weight);
}

/* --- what is tried ------------------------------------------------------- */

static void clear_host(struct weight *weight)
{
    free(weight->host);
    weight->host = fresh(weight->bytes);
}

static void make_dirty(struct weight *weight)
{
    fill(weight->host, weight->bytes, ++weight->seed);
    cu.simcuda_poke(weight->device, weight->host, weight->bytes);
    clear_host(weight);
}

/* Bytes at the same host address as those that came there by an offload. */
static void modify_host(struct weight *weight)
{
    fill(weight->host, weight->bytes, ++weight->seed);
}

static void leave_memory(struct weight *weight)
{
    OK(cu.cuMemFree_v2(weight->device));
    OK(cu.cuMemAlloc_v2(&weight->device, weight->bytes));
    spoil(weight->device);
}

static void upload_new(struct weight *weight)
{
    uint8_t *source = fresh(weight->bytes);

    fill(source, weight->bytes, ++weight->seed);
    upload(weight->device, source, weight->bytes, NULL);
    free(source);
    clear_host(weight);
}

/* The shim may have forgotten all that it knew: a context that cannot be
 * identified is another one. It learns again where memory is allocated. */
static void learn_again(struct weight *weight)
{
    leave_memory(weight);
    upload_new(weight);
    copy_out(weight);
    REACHES(d2h, 0, weight->bytes, copy_out(weight));
}

static void check(const struct weight *weight)
{
    CHECK(holds(weight->host, weight->bytes, weight->seed));
    CHECK(device_holds(weight->device, weight->bytes, weight->seed));
}

/* Fails each call of a step once, after the weight was made ready for it. */
static void fail_each(void (*prepare)(struct weight *weight),
                      void (*step)(struct weight *weight))
{
    struct weight weight = learned(128 * KIB, 1, NULL);
    unsigned n, i;

    for (n = 1, fault.n_calls = n; fault.n_calls >= n; n++) {
        CHECK(n < MOST_CALLS);
        for (i = 0; i < N_ERRORS; i++) {
            learn_again(&weight);
            prepare(&weight);
            fault.at_call = n;
            fault.n_calls = 0;
            fault.error = (int)i;
            more.simcuda_on_call(fail_some);
            step(&weight);
            more.simcuda_on_call(NULL);
            check(&weight);
            copy_out(&weight);
            check(&weight);
            copy_in(&weight);
            check(&weight);
        }
    }
    CHECK(n > 2);
}

static void each_call_of_a_proof(void)
{
    fail_each(clear_host, copy_out);
}

static void each_call_of_a_dirty_offload(void)
{
    fail_each(make_dirty, copy_out);
}

static void each_call_of_a_first_offload(void)
{
    fail_each(upload_new, copy_out);
}

static void each_call_of_a_reload(void)
{
    fail_each(leave_memory, copy_in);
}

static void each_call_of_a_captured_upload(void)
{
    fail_each(modify_host, copy_in);
}

static void nothing(struct weight *weight)
{
    (void)weight;
}

/* The bytes are there already. */
static void each_call_of_a_reload_in_place(void)
{
    fail_each(nothing, copy_in);
}

static void each_call_of_a_free_and_an_allocation(void)
{
    fail_each(nothing, move);
}

/* --- by chance ----------------------------------------------------------- */

enum { N_WEIGHTS = 3, N_STEPS = 60 };

static const struct {
    void (*prepare)(struct weight *weight);
    void (*step)(struct weight *weight);
} steps[] = {
    {clear_host, copy_out}, {clear_host, copy_out}, {make_dirty, copy_out},
    {modify_host, copy_in}, {nothing, copy_in},     {nothing, move},
    {upload_new, copy_out}, {leave_memory, copy_in},
};

/* A weaker contract knows no write that nobody sees. */
static bool sees_every_write(void)
{
    const char *mode = getenv("CUSHADOW_MODE");

    return getenv("CUSHADOW_COHORT") == NULL &&
           (mode == NULL || strcmp(mode, "trust") != 0);
}

static void step_by_chance(struct weight *weight, uint64_t chance)
{
    size_t i = chance % (sizeof(steps) / sizeof(steps[0]));

    more.simcuda_on_call(NULL);
    if (steps[i].prepare != make_dirty || sees_every_write()) {
        steps[i].prepare(weight);
    }
    more.simcuda_on_call(fail_some);
    steps[i].step(weight);
    check(weight);
}

/* Its first calls may fail, too: those that make the shim ready. */
static struct weight made_by_chance(size_t bytes, uint32_t seed)
{
    struct weight weight = {0, fresh(bytes), bytes, seed};

    fill(weight.host, bytes, seed);
    INSIST(cuMemAlloc_v2(&weight.device, bytes));
    copy_in(&weight);
    clear_host(&weight);
    copy_out(&weight);
    return weight;
}

static void calls_by_chance(void)
{
    static const uint64_t chances[] = {5, 30, 150, 500};
    const char *seed = getenv("FAULTS_SEED");
    struct weight weights[N_WEIGHTS];
    int i;

    fault.seed = seed != NULL ? strtoull(seed, NULL, 10) : 1;
    fault.per_mille = chances[fault.seed % 4];
    more.simcuda_on_call(fail_some);
    for (i = 0; i < N_WEIGHTS; i++) {
        weights[i] = made_by_chance((80 + 100 * (size_t)i) * KIB + 64,
                                    1000 * (uint32_t)i);
        check(&weights[i]);
    }
    for (i = 0; i < N_STEPS; i++) {
        step_by_chance(&weights[i % N_WEIGHTS],
                       mix(fault.seed << 32 | (uint32_t)i));
    }
    more.simcuda_on_call(NULL);
    for (i = 0; i < N_WEIGHTS; i++) {
        copy_out(&weights[i]);
        copy_in(&weights[i]);
        check(&weights[i]);
    }
    printf("%u of %u calls failed\n", fault.n_failed, fault.n_calls);
}

static const struct negative negatives[] = {
#define PLAIN(name_) {#name_, name_, NULL}
    PLAIN(each_call_of_a_proof),
    PLAIN(each_call_of_a_dirty_offload),
    PLAIN(each_call_of_a_first_offload),
    PLAIN(each_call_of_a_reload),
    PLAIN(each_call_of_a_reload_in_place),
    PLAIN(each_call_of_a_captured_upload),
    PLAIN(each_call_of_a_free_and_an_allocation),
    PLAIN(calls_by_chance),
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, negatives,
                         sizeof(negatives) / sizeof(negatives[0]));
}
