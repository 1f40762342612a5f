/*
 * app_trust.c - CUSHADOW_MODE=trust: exactly what it drops, and everything that
 * it must not drop. Under the shim an offload that is trusted gives the bytes
 * of the upload, without it those in VRAM; all else is as without the shim.
 */
#include "declare.h"

static uint64_t launches(void)
{
    return cu.simcuda_calls("cuLaunchKernel");
}

/* Unseen by the shim. */
static void patch_unseen(const struct weight *weight)
{
    uint8_t *bytes = fresh(PATCH_BYTES);

    memset(bytes, PATCH, PATCH_BYTES);
    cu.simcuda_poke(weight->device + PATCH_AT, bytes, PATCH_BYTES);
    free(bytes);
}

/* --- what it drops ------------------------------------------------------- */

static void patched_weight_is_dropped(void)
{
    struct weight weight = uploaded(WEIGHT, 1, NULL);
    uint64_t waits;

    patch(&weight);
    waits = cu.simcuda_calls("cuStreamSynchronize");
    weight.host = dropped(&weight);
    /* The shim's own, before the program's. */
    CHECK_EQUAL(cu.simcuda_calls("cuStreamSynchronize") - waits,
                under_shim ? 2 : 1);
    check_figure("d2h_elided_trusted_bytes", WEIGHT);
    check_figure("trusted_dropped", 1);
    check_figure("trusted_dropped_bytes", WEIGHT);

    /* LoRA without unpatching: the next load is fresh. */
    OK(cu.cuMemFree_v2(weight.device));
    OK(cu.cuMemAlloc_v2(&weight.device, WEIGHT));
    upload(weight.device, weight.host, WEIGHT, NULL);
    CHECK_EQUAL(device_holds(weight.device, WEIGHT, 1), under_shim);
    check_figure("h2d_served_unchanged_bytes", WEIGHT);
}

/* Whatever the mode, as long as it is not trust. */
static void patched_weight_is_kept(void)
{
    struct weight weight = uploaded(WEIGHT, 2, NULL);

    patch(&weight);
    kept(&weight);
    check_figure("d2h_elided_trusted_bytes", 0);
    check_figure("trusted_dropped", 0);
}

static void every_load_is_trusted_once(void)
{
    struct weight weight = uploaded(WEIGHT, 3, NULL);
    int i;

    if (!under_shim) {
        return;
    }
    for (i = 0; i < 3; i++) {
        patch(&weight);
        weight.host = dropped(&weight);
        upload(weight.device, weight.host, WEIGHT, NULL);
    }
    check_figure("trusted_dropped", 3);
    patch(&weight);
    (void)dropped(&weight);
    patch(&weight);
    kept(&weight);
}

static void unseen_writes_are_dropped_without_a_word(void)
{
    struct weight weight = uploaded(WEIGHT, 4, NULL);

    patch_unseen(&weight);
    (void)dropped(&weight);
    check_figure("trusted_dropped", 0);
}

static void seen_writes_are_counted(void)
{
    CUdeviceptr source;
    int i;

    OK(cu.cuMemAlloc_v2(&source, WEIGHT));
    OK(cu.cuMemsetD8_v2(source, PATCH, WEIGHT));
    OK(cu.cuCtxSynchronize());
    for (i = 0; i < 4; i++) {
        struct weight weight = uploaded(WEIGHT, 5 + (uint32_t)i, NULL);
        CUdeviceptr at = weight.device + PATCH_AT;

        switch (i) {
        case 0:
            OK(cu.cuMemcpyDtoD_v2(at, source, PATCH_BYTES));
            break;
        case 1:
            OK(more.cuMemcpyDtoDAsync_v2(at, source, PATCH_BYTES, NULL));
            break;
        case 2:
            OK(cu.cuMemcpy(at, source, PATCH_BYTES));
            break;
        default:
            OK(more.cuMemsetD8Async(at, PATCH, PATCH_BYTES, NULL));
            break;
        }
        OK(cu.cuCtxSynchronize());
        (void)dropped(&weight);
        check_figure("trusted_dropped", 1 + (uint64_t)i);
    }
}

/* Beside it, up to its first and from its last byte on. */
static void writes_beside_it_are_not_counted(void)
{
    struct weight weight = {.bytes = WEIGHT, .seed = 9};
    CUdeviceptr base;
    void *src = fresh(WEIGHT), *host = fresh(WEIGHT);

    fill(src, WEIGHT, 9);
    OK(cu.cuMemAlloc_v2(&base, 3 * WEIGHT));
    weight.device = base + WEIGHT;
    upload(weight.device, src, WEIGHT, NULL);
    OK(cu.cuMemsetD8_v2(base, 1, WEIGHT));
    OK(cu.cuMemsetD8_v2(base + 2 * WEIGHT, 1, WEIGHT));
    REACHES(d2h, 0, WEIGHT, offload(host, weight.device, WEIGHT, NULL));
    CHECK(holds(host, WEIGHT, 9));
    check_figure("d2h_elided_trusted_bytes", WEIGHT);
    check_figure("trusted_dropped", 0);
}

/* --- what it must not drop ----------------------------------------------- */

static void learned_weight_is_proven(void)
{
    struct weight weight = learned(WEIGHT, 10, NULL);

    patch(&weight);
    kept(&weight);
    /* Also when it was uploaded from where an offload went. */
    upload(weight.device, weight.host, WEIGHT, NULL);
    patch(&weight);
    kept(&weight);
    check_figure("d2h_elided_trusted_bytes", 0);
}

static void second_offload_is_proven(void)
{
    struct weight weight = uploaded(WEIGHT, 11, NULL);
    uint64_t before;

    offload_expecting(&weight, 0, NULL);
    before = launches();
    offload_expecting(&weight, 0, NULL);
    CHECK_EQUAL(launches() - before, under_shim);
    patch_unseen(&weight);
    kept(&weight);
}

static void part_of_a_weight_is_copied(void)
{
    struct weight weight = uploaded(WEIGHT, 12, NULL);
    uint8_t *host = fresh(WEIGHT);

    patch(&weight);
    REACHES(d2h, MIB, MIB, offload(host, weight.device, MIB, NULL));
    CHECK_EQUAL(host[PATCH_AT], PATCH);
    REACHES(d2h, MIB, MIB,
            offload(host, weight.device + WEIGHT - MIB, MIB, NULL));
    CHECK_EQUAL(host[PATCH_AT + PATCH_BYTES - 1 - (WEIGHT - MIB)], PATCH);
    (void)dropped(&weight);
}

/* The same address, and other bytes by ways that are not captured. */
static void freed_memory_is_not_trusted(void)
{
    struct weight weight = uploaded(WEIGHT, 13, NULL), next = weight;
    uint8_t *other = pinned(WEIGHT), *host = fresh(WEIGHT);

    OK(cu.cuMemFree_v2(weight.device));
    OK(cu.cuMemAlloc_v2(&next.device, WEIGHT));
    CHECK_EQUAL(next.device, weight.device);
    OK(cu.cuMemsetD8_v2(next.device, PATCH, WEIGHT));
    REACHES(d2h, WEIGHT, WEIGHT, offload(host, next.device, WEIGHT, NULL));
    CHECK(host[0] == PATCH && host[WEIGHT - 1] == PATCH);

    OK(cu.cuMemFree_v2(next.device));
    OK(cu.cuMemAlloc_v2(&next.device, WEIGHT));
    CHECK_EQUAL(next.device, weight.device);
    fill(other, WEIGHT, next.seed = 14);
    upload(next.device, other, WEIGHT, NULL);
    patch(&next);
    kept(&next);
}

/* Memory that ends and begins by ways that the shim does not see, as imported
 * memory does, or that of a graph: at the same address, another buffer. */
static void memory_that_ended_unseen_is_not_trusted(void)
{
    struct weight weight = uploaded(WEIGHT, 25, NULL);
    PFN_cuMemAlloc_v3020 allocate;
    PFN_cuMemFree_v3020 end;
    CUdeviceptr again;
    uint8_t *bytes = fresh(WEIGHT);

    *(void **)&allocate = unseen("cuMemAlloc_v2");
    *(void **)&end = unseen("cuMemFree_v2");
    OK(end(weight.device));
    OK(allocate(&again, WEIGHT));
    CHECK_EQUAL(again, weight.device);
    fill(bytes, WEIGHT, weight.seed = 26);
    cu.simcuda_poke(weight.device, bytes, WEIGHT);
    patch_unseen(&weight);
    kept(&weight);
    check_figure("d2h_elided_trusted_bytes", 0);
}

static void uploads_that_are_not_captured_are_not_trusted(void)
{
    struct weight weight = uploaded(WEIGHT, 15, NULL);
    uint8_t *other = pinned(WEIGHT);

    fill(other, WEIGHT, weight.seed = 16);
    upload(weight.device, other, WEIGHT, NULL);
    patch(&weight);
    kept(&weight);
    check_figure("d2h_elided_trusted_bytes", 0);
}

/* Less than what is looked at. */
static void small_upload_ends_it(void)
{
    struct weight weight = uploaded(WEIGHT, 17, NULL);
    uint8_t *bytes = fresh(PATCH_BYTES);

    memset(bytes, PATCH, PATCH_BYTES);
    upload(weight.device + PATCH_AT, bytes, PATCH_BYTES, NULL);
    kept(&weight);
}

static void failed_upload_ends_it(void)
{
    struct weight weight = uploaded(WEIGHT, 18, NULL);
    uint8_t *other = pinned(WEIGHT);

    CHECK_EQUAL(more.simcuda_set_faults("cuMemcpyHtoDAsync_v2:*:1"), 0);
    CHECK_EQUAL(cu.cuMemcpyHtoDAsync_v2(weight.device, other, WEIGHT, NULL),
                CUDA_ERROR_INVALID_VALUE);
    CHECK_EQUAL(more.simcuda_set_faults(NULL), 0);
    patch_unseen(&weight);
    kept(&weight);
}

/* What an offload brought back and the program changed is the program's. */
static void changed_in_ram_is_proven(void)
{
    struct weight weight = learned(WEIGHT, 19, NULL);

    fill(weight.host, WEIGHT, weight.seed = 20);
    upload(weight.device, weight.host, WEIGHT, NULL);
    patch(&weight);
    kept(&weight);
}

/* Once nobody declares it any more, changed bytes are no weight's. */
static void changed_in_ram_is_proven_though_once_declared(void)
{
    struct weight weight = {.bytes = WEIGHT, .seed = 27};

    weight.host = fresh(WEIGHT);
    fill(weight.host, WEIGHT, weight.seed);
    OK(cu.cuMemAlloc_v2(&weight.device, WEIGHT));
    ANSWERS(cushadow_register_host(weight.host, WEIGHT, NULL, NULL,
                                   CUSHADOW_IMMUTABLE), CUSHADOW_OK);
    upload(weight.device, weight.host, WEIGHT, NULL);
    ANSWERS(cushadow_unregister_host(weight.host), CUSHADOW_OK);
    fill(weight.host, WEIGHT, weight.seed = 28);
    upload(weight.device, weight.host, WEIGHT, NULL);
    patch(&weight);
    kept(&weight);
}

/* Nobody has declared what was in VRAM, so what comes back from where it went
 * to is proven as well. */
static void captured_at_its_offload_is_proven_ever_after(void)
{
    struct weight weight = uploaded(WEIGHT, 29, NULL);

    weight.host = fresh(WEIGHT);
    REACHES(d2h, WEIGHT, WEIGHT,
            offload(weight.host, weight.device, WEIGHT, NULL));
    upload(weight.device, weight.host, WEIGHT, NULL);
    patch(&weight);
    kept(&weight);
}

static void pinned_destination_is_copied(void)
{
    struct weight weight = uploaded(WEIGHT, 21, NULL);
    uint8_t *host = pinned(WEIGHT);

    patch(&weight);
    REACHES(d2h, WEIGHT, WEIGHT,
            offload(host, weight.device, WEIGHT, NULL));
    CHECK_EQUAL(host[PATCH_AT], PATCH);
}

static void busy_stream_is_copied(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = uploaded(WEIGHT, 22, stream);
    uint8_t *host = fresh(WEIGHT);
    uint32_t *flag = pinned(4096);
    pthread_t thread;

    patch(&weight);
    hold_back(stream, flag);
    thread = release_soon(flag);
    REACHES(d2h, WEIGHT, WEIGHT,
            offload(host, weight.device, WEIGHT, stream));
    join(thread);
    CHECK_EQUAL(host[PATCH_AT], PATCH);
}

/* The wait that stands for the copy's fails: the program's call it is. */
static void refused_wait_ends_in_the_programs_call(void)
{
    struct weight weight = uploaded(WEIGHT, 23, NULL);
    uint8_t *host = fresh(WEIGHT);

    patch(&weight);
    CHECK_EQUAL(more.simcuda_set_faults("cuStreamSynchronize:*:1"), 0);
    OK(cu.cuMemcpyDtoHAsync_v2(host, weight.device, WEIGHT, NULL));
    CHECK_EQUAL(more.simcuda_set_faults(NULL), 0);
    OK(cu.cuStreamSynchronize(NULL));
    CHECK_EQUAL(host[PATCH_AT], PATCH);
}

static void first_capture_is_a_true_copy(void)
{
    struct weight weight = uploaded(WEIGHT, 24, NULL);

    patch(&weight);
    kept(&weight);
    check_figure("d2h_elided_trusted_bytes", 0);
}

#define TRUST "CUSHADOW_MODE=trust CUSHADOW_WEIGHTS=all"

static const struct negative scenarios[] = {
#define ALL(name_) {#name_, name_, TRUST}
    ALL(patched_weight_is_dropped),
    {"patched_weight_is_kept", patched_weight_is_kept,
     "CUSHADOW_MODE=verify CUSHADOW_WEIGHTS=all"},
    ALL(every_load_is_trusted_once),
    ALL(unseen_writes_are_dropped_without_a_word),
    ALL(seen_writes_are_counted),
    ALL(writes_beside_it_are_not_counted),
    {"learned_weight_is_proven", learned_weight_is_proven,
     "CUSHADOW_MODE=trust CUSHADOW_WEIGHTS=learn"},
    ALL(second_offload_is_proven),
    ALL(part_of_a_weight_is_copied),
    ALL(freed_memory_is_not_trusted),
    ALL(memory_that_ended_unseen_is_not_trusted),
    ALL(uploads_that_are_not_captured_are_not_trusted),
    ALL(small_upload_ends_it),
    ALL(failed_upload_ends_it),
    {"changed_in_ram_is_proven", changed_in_ram_is_proven,
     "CUSHADOW_MODE=trust CUSHADOW_WEIGHTS=learn"},
    {"changed_in_ram_is_proven_though_once_declared",
     changed_in_ram_is_proven_though_once_declared,
     "CUSHADOW_MODE=trust CUSHADOW_WEIGHTS=learn"},
    {"captured_at_its_offload_is_proven_ever_after",
     captured_at_its_offload_is_proven_ever_after,
     TRUST " CUSHADOW_CAPTURE=offload"},
    ALL(pinned_destination_is_copied),
    {"busy_stream_is_copied", busy_stream_is_copied,
     TRUST " CUSHADOW_PROOF_TIMEOUT_MS=1"},
    ALL(refused_wait_ends_in_the_programs_call),
    {"first_capture_is_a_true_copy", first_capture_is_a_true_copy,
     TRUST " CUSHADOW_CAPTURE=offload"},
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
