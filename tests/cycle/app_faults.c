/*
 * app_faults.c - each single call of the driver that is made within a copy, an
 * allocation or a free fails once, with each of several errors; those of the
 * program's own are made again. Bytes at the program and at the device are
 * right afterwards, and so is the next copy. What is called once in a process
 * is faults.tap's.
 */
#include "weight.h"

#include <stdlib.h>
#include <string.h>

/* None of them is final: a context goes on after them. */
static const int errors[] = {CUDA_ERROR_INVALID_VALUE,
                             CUDA_ERROR_OUT_OF_MEMORY,
                             CUDA_ERROR_NOT_SUPPORTED, CUDA_ERROR_UNKNOWN};

enum { N_ERRORS = sizeof(errors) / sizeof(errors[0]), MOST_CALLS = 400 };

static struct {
    unsigned at_call, n_calls;
    int error;
} fault;

static int fail_once(const char *symbol)
{
    (void)symbol;
    return ++fault.n_calls == fault.at_call ? fault.error : 0;
}

/* The program's own call met it: to be made again. */
static bool is_fault(CUresult result)
{
    return result != CUDA_SUCCESS && (int)result == fault.error;
}

static void copy_out(struct weight *weight)
{
    CUresult result;

    do {
        result = cu.cuMemcpyDtoHAsync_v2(weight->host, weight->device,
                                         weight->bytes, NULL);
    } while (is_fault(result));
    OK(result);
    do {
        result = cu.cuStreamSynchronize(NULL);
    } while (is_fault(result));
    OK(result);
}

static void copy_in(struct weight *weight)
{
    CUresult result;

    do {
        result = cu.cuMemcpyHtoDAsync_v2(weight->device, weight->host,
                                         weight->bytes, NULL);
    } while (is_fault(result));
    OK(result);
    do {
        result = cu.cuStreamSynchronize(NULL);
    } while (is_fault(result));
    OK(result);
}

/* To other memory, or the same again. */
static void move(struct weight *weight)
{
    CUdeviceptr old = weight->device;
    CUresult result;

    do {
        result = cu.cuMemFree_v2(old);
    } while (is_fault(result));
    OK(result);
    do {
        result = cu.cuMemAlloc_v2(&weight->device, weight->bytes);
    } while (is_fault(result));
    OK(result);
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
            fault.error = errors[i];
            more.simcuda_on_call(fail_once);
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

static const struct negative negatives[] = {
#define PLAIN(name_) {#name_, name_, NULL}
    PLAIN(each_call_of_a_proof),
    PLAIN(each_call_of_a_dirty_offload),
    PLAIN(each_call_of_a_first_offload),
    PLAIN(each_call_of_a_reload),
    PLAIN(each_call_of_a_reload_in_place),
    PLAIN(each_call_of_a_captured_upload),
    PLAIN(each_call_of_a_free_and_an_allocation),
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, negatives,
                         sizeof(negatives) / sizeof(negatives[0]));
}
