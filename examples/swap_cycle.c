/*
 * swap_cycle.c - what an offloading program does with one model, step by step
 * and as PyTorch's Module.to() does it: tensor by tensor, one pageable copy
 * and one wait each.
 *
 * Owns the proof that the model stayed what it was. The digest of each tensor
 * is taken on the host from the file before anything else; every result of
 * the GPU and every block of bytes that comes back must give that digest.
 * For the patched tensor the same bits are inverted in a copy on the host,
 * and its digest is what counts from then on. So a run is right or wrong by
 * itself, and two runs of the same files must print equal digests.
 * Checks are made outside the timed steps. One thread.
 */
#include "swap_cycle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "swap_digest.h"

enum { TENSOR_ALIGNMENT = 64 }; /* of torch's CPU allocator */

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void *allocate(size_t bytes)
{
    void *block = NULL;

    if (posix_memalign(&block, TENSOR_ALIGNMENT, bytes) != 0) {
        fprintf(stderr, "swap: out of memory\n");
        exit(1);
    }
    return block;
}

static size_t largest_tensor(const struct swap_model *model)
{
    size_t i, largest = 0;

    for (i = 1; i < model->n_tensors; i++) {
        if (model->tensors[i].bytes > model->tensors[largest].bytes) {
            largest = i;
        }
    }
    return largest;
}

void swap_cycle_prepare(struct swap_job *job, bool check)
{
    struct swap_model *model = &job->model;
    struct swap_patch *patch = &job->patch;
    struct swap_tensor *tensor;
    size_t i;

    for (i = 0; check && i < model->n_tensors; i++) {
        tensor = &model->tensors[i];
        tensor->digest = swap_digest(tensor->host, tensor->bytes);
    }
    if (patch->wanted) {
        patch->tensor = largest_tensor(model);
        tensor = &model->tensors[patch->tensor];
        patch->reference = allocate(tensor->bytes);
        memcpy(patch->reference, tensor->host, tensor->bytes);
    }
}

void swap_cycle_finish(struct swap_job *job)
{
    free(job->patch.reference);
    free(job->times);
    swap_model_close(&job->model);
}

static void load(struct swap_device *device, struct swap_model *model)
{
    size_t i;

    for (i = 0; i < model->n_tensors; i++) {
        struct swap_tensor *tensor = &model->tensors[i];

        tensor->device = swap_device_take(device, tensor->bytes);
        swap_device_upload(device, tensor->device, tensor->host,
                           tensor->bytes);
    }
}

/* Inverts the patch's bit in VRAM and in the copy on the host. */
static void invert(struct swap_device *device, struct swap_tensor *tensor,
                   const struct swap_patch *patch)
{
    unsigned char *at = patch->reference + 4 * patch->word;
    uint32_t word;

    swap_device_xor(device, tensor->device + 4 * patch->word, patch->mask, 1);
    memcpy(&word, at, sizeof(word));
    word ^= patch->mask;
    memcpy(at, &word, sizeof(word));
}

static void apply_patch(struct swap_device *device, struct swap_job *job,
                        unsigned cycle)
{
    struct swap_patch *patch = &job->patch;
    struct swap_tensor *tensor = &job->model.tensors[patch->tensor];
    uint64_t n_words = tensor->bytes / 4;

    if (!patch->wanted || n_words == 0) {
        return;
    }
    if (patch->applied) {
        invert(device, tensor, patch);
    }
    /* Another word and another bit each time, from the middle on. */
    patch->word = (n_words / 2 + cycle * (n_words / 7 + 1)) % n_words;
    patch->mask = UINT32_C(1) << (cycle * 5 + 3) % 32;
    invert(device, tensor, patch);
    patch->applied = true;
    tensor->digest = swap_digest(patch->reference, tensor->bytes);
}

/* One digest a tensor; every bit of every weight counts. */
static void compute(struct swap_device *device,
                    const struct swap_model *model, uint64_t *results)
{
    uint64_t bytes = model->n_tensors * sizeof(*results);
    CUdeviceptr sums = swap_device_take(device, bytes);
    size_t i;

    swap_device_fill(device, sums, 0, bytes / 4);
    for (i = 0; i < model->n_tensors; i++) {
        const struct swap_tensor *tensor = &model->tensors[i];

        swap_device_digest(device, sums + i * sizeof(*results),
                           tensor->device, tensor->bytes);
    }
    swap_device_download(device, results, sums, bytes);
}

/* old[i] is the tensor's host memory before. */
static void offload(struct swap_device *device, struct swap_model *model,
                    void **old)
{
    size_t i;

    for (i = 0; i < model->n_tensors; i++) {
        struct swap_tensor *tensor = &model->tensors[i];

        old[i] = tensor->host;
        tensor->host = allocate(tensor->bytes);
        swap_device_download(device, tensor->host, tensor->device,
                             tensor->bytes);
        tensor->device = 0;
    }
    swap_device_empty(device);
}

static void judge(const struct swap_model *model, const uint64_t *results,
                  unsigned cycle, struct swap_outcome *outcome)
{
    size_t i;

    for (i = 0; i < model->n_tensors; i++) {
        const struct swap_tensor *tensor = &model->tensors[i];
        uint64_t offloaded;

        outcome->result_digest =
            swap_digest_join(outcome->result_digest, results[i]);
        if (!outcome->check) {
            continue;
        }
        offloaded = swap_digest(tensor->host, tensor->bytes);
        outcome->offloaded_digest =
            swap_digest_join(outcome->offloaded_digest, offloaded);
        if (results[i] != tensor->digest || offloaded != tensor->digest) {
            outcome->n_wrong++;
            fprintf(stderr,
                    "swap: cycle %u: %s: %s: %s\n", cycle + 1, model->name,
                    tensor->name,
                    results[i] != tensor->digest
                        ? "the GPU computed with other bytes"
                        : "other bytes came back");
        }
    }
}

void swap_cycle_run(struct swap_device *device, struct swap_job *job,
                    unsigned cycle, struct swap_outcome *outcome)
{
    struct swap_model *model = &job->model;
    struct swap_times *times = &job->times[cycle];
    uint64_t *results = allocate(model->n_tensors * sizeof(*results));
    void **old = allocate(model->n_tensors * sizeof(*old));
    double start = now();

    load(device, model);
    times->load = now() - start;

    apply_patch(device, job, cycle);
    start = now();
    compute(device, model, results);
    times->compute = now() - start;

    start = now();
    offload(device, model, old);
    times->offload = now() - start;

    start = now();
    swap_model_drop(model, old);
    times->drop = now() - start;

    judge(model, results, cycle, outcome);
    free(old);
    free(results);
}
