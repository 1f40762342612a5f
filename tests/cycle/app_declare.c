/*
 * app_declare.c - weights that the program itself declares, by cushadow.h. Each
 * scenario runs with and without the shim; without it every call says so, and
 * changes nothing.
 */
#include "declare.h"


/* Memory for a weight, and bytes to upload to it. */
static struct weight allocated(uint32_t seed)
{
    struct weight weight = {.bytes = WEIGHT, .seed = seed};

    OK(cu.cuMemAlloc_v2(&weight.device, WEIGHT));
    weight.host = fresh(WEIGHT);
    fill(weight.host, WEIGHT, seed);
    return weight;
}

static void load(const struct weight *weight)
{
    spoil(weight->device);
    REACHES(h2d, WEIGHT, WEIGHT,
            upload(weight->device, weight->host, WEIGHT, NULL));
}

static void declare(const struct weight *weight, unsigned flags)
{
    ANSWERS(cushadow_register_device(weight->device, WEIGHT, "unet",
                                     "conv.weight", flags),
            CUSHADOW_OK);
}

static void declare_source(const struct weight *weight, unsigned flags)
{
    ANSWERS(cushadow_register_host(weight->host, WEIGHT, "unet",
                                   "conv.weight", flags),
            CUSHADOW_OK);
}

/* --- what a declaration does --------------------------------------------- */

static void declared_range_is_captured(void)
{
    struct weight weight = allocated(1);

    declare(&weight, 0);
    check_figure("declared", 1);
    load(&weight);
    offload_expecting(&weight, 0, NULL);
    patch(&weight);
    kept(&weight);
    check_figure("weights_declared_calls", 1);
    check_figure_of("unet", "tensors", 1);
    check_figure_of("unet", "bytes", WEIGHT);
    check_figure_of("unet", "device_bytes", WEIGHT);
    check_figure_of("unet", "h2d_served_first_bytes", WEIGHT);
    check_figure_of("unet", "d2h_elided_proven_calls", 2);
    check_figure_of("unet", "d2h_served_dirty_bytes", WEIGHT);
}

static void declared_source_is_captured_wherever_it_goes(void)
{
    struct weight weight = allocated(2), other = allocated(3);

    declare_source(&weight, 0);
    load(&weight);
    offload_expecting(&weight, 0, NULL);
    other.host = weight.host;
    other.seed = weight.seed;
    load(&other);
    offload_expecting(&other, 0, NULL);
    check_figure_of("unet", "tensors", 1);
    check_figure_of("unet", "d2h_elided_proven_bytes", 2 * WEIGHT);
}

static void other_ranges_are_not_captured(void)
{
    struct weight weight = allocated(4), part = weight;

    ANSWERS(cushadow_register_device(weight.device, MIB, "unet", "a", 0),
            CUSHADOW_OK);
    ANSWERS(cushadow_register_host(weight.host, MIB, "unet", "a", 0),
            CUSHADOW_OK);
    load(&weight);
    offload_expecting(&weight, WEIGHT, NULL);
    part.bytes = MIB;
    offload_expecting(&part, MIB, NULL);
    check_figure_of("unet", "h2d_served_first_calls", 0);
}

/* CUSHADOW_WEIGHTS=none: what the program says itself counts all the same. */
static void declarations_win_over_rules(void)
{
    struct weight weight = allocated(5), other = allocated(6);

    declare(&weight, 0);
    load(&weight);
    load(&other);
    offload_expecting(&weight, 0, NULL);
    offload_expecting(&other, WEIGHT, NULL);
    offload_expecting(&other, WEIGHT, NULL);
    /* Also if they come after the upload. */
    ANSWERS(cushadow_register_device(other.device, WEIGHT, NULL, NULL, 0),
            CUSHADOW_OK);
    offload_expecting(&other, WEIGHT, NULL);
    offload_expecting(&other, 0, NULL);
}

static void unregistered_is_as_never_declared(void)
{
    struct weight weight = allocated(7);

    declare(&weight, 0);
    declare_source(&weight, 0);
    ANSWERS(cushadow_unregister_device(weight.device), CUSHADOW_OK);
    ANSWERS(cushadow_unregister_host(weight.host), CUSHADOW_OK);
    ANSWERS(cushadow_unregister_device(weight.device), CUSHADOW_UNKNOWN);
    ANSWERS(cushadow_unregister_host(weight.host), CUSHADOW_UNKNOWN);
    check_figure("declared", 0);
    load(&weight);
    offload_expecting(&weight, WEIGHT, NULL);
}

/* The same address again is other memory. */
static void freed_memory_is_not_declared(void)
{
    struct weight weight = allocated(8), next;

    declare(&weight, CUSHADOW_IMMUTABLE);
    load(&weight);
    OK(cu.cuMemFree_v2(weight.device));
    ANSWERS(cushadow_unregister_device(weight.device), CUSHADOW_UNKNOWN);
    next = allocated(9);
    CHECK_EQUAL(next.device, weight.device);
    load(&next);
    patch(&next);
    kept(&next);
}

static void memory_of_an_ended_context_is_not_declared(void)
{
    struct weight weight;
    CUcontext first, second;

    OK(more.cuCtxGetCurrent(&first));
    OK(cu.cuCtxCreate_v2(&second, 0, 0));
    weight = allocated(10);
    OK(cu.cuCtxSetCurrent(first));
    declare(&weight, 0); /* whatever context is current */
    OK(cu.cuCtxDestroy_v2(second));
    ANSWERS(cushadow_unregister_device(weight.device), CUSHADOW_UNKNOWN);
}

/* --- immutable ones in mode trust ---------------------------------------- */

static void immutable_range_is_trusted(void)
{
    struct weight weight = allocated(11);

    declare(&weight, CUSHADOW_IMMUTABLE);
    load(&weight);
    patch(&weight);
    weight.host = dropped(&weight);
    check_figure_of("unet", "d2h_elided_trusted_bytes", WEIGHT);
    check_figure("trusted_dropped", 1);
    load(&weight);
    CHECK_EQUAL(device_holds(weight.device, WEIGHT, 11), under_shim);
}

static void immutable_source_is_trusted(void)
{
    struct weight weight = allocated(12);

    declare_source(&weight, CUSHADOW_IMMUTABLE);
    load(&weight);
    patch(&weight);
    (void)dropped(&weight);
    /* Its bytes are what it holds when it is uploaded. */
    fill(weight.host, WEIGHT, weight.seed = 13);
    load(&weight);
    patch(&weight);
    (void)dropped(&weight);
    check_figure("trusted_dropped", 2);
}

static void mutable_range_is_proven(void)
{
    struct weight weight = allocated(14);

    declare(&weight, 0);
    load(&weight);
    patch(&weight);
    kept(&weight);
    check_figure("d2h_elided_trusted_bytes", 0);
}

/* CUSHADOW_WEIGHTS=all would have it immutable. */
static void mutable_range_is_proven_whatever_the_rules(void)
{
    struct weight weight = allocated(15), other = allocated(16);

    declare(&weight, 0);
    declare_source(&other, 0);
    load(&weight);
    load(&other);
    patch(&weight);
    kept(&weight);
    patch(&other);
    kept(&other);
}

static void unregistered_range_is_proven(void)
{
    struct weight weight = allocated(17);

    declare(&weight, CUSHADOW_IMMUTABLE);
    load(&weight);
    ANSWERS(cushadow_unregister_device(weight.device), CUSHADOW_OK);
    patch(&weight);
    kept(&weight);
}

/* It becomes one before its first offload, which takes what is there. */
static void declared_after_its_upload(void)
{
    struct weight weight = allocated(18);

    load(&weight);
    declare(&weight, CUSHADOW_IMMUTABLE);
    offload_expecting(&weight, WEIGHT, NULL);
    weight.host = fresh(WEIGHT);
    REACHES(d2h, 0, WEIGHT,
            offload(weight.host, weight.device, WEIGHT, NULL));
    load(&weight);
    patch(&weight);
    (void)dropped(&weight);
}

static void other_modes_trust_nothing(void)
{
    struct weight weight = allocated(19);

    declare(&weight, CUSHADOW_IMMUTABLE);
    load(&weight);
    patch(&weight);
    kept(&weight);
    check_figure("trusted_dropped", 0);
}

/* --- threads that pause -------------------------------------------------- */

static CUcontext context;

static void *offload_elsewhere(void *weight)
{
    OK(cu.cuCtxSetCurrent(context));
    offload_expecting(weight, 0, NULL);
    return NULL;
}

static void paused_thread_is_left_alone(void)
{
    struct weight weight = learned(WEIGHT, 20, NULL);
    pthread_t thread;

    OK(more.cuCtxGetCurrent(&context));
    ANSWERS(cushadow_resume(), CUSHADOW_INVALID);
    ANSWERS(cushadow_pause(), CUSHADOW_OK);
    ANSWERS(cushadow_pause(), CUSHADOW_OK);
    offload_expecting(&weight, WEIGHT, NULL);
    check_figure("d2h_passed_paused_bytes", WEIGHT);
    ANSWERS(cushadow_resume(), CUSHADOW_OK);
    offload_expecting(&weight, WEIGHT, NULL);
    CHECK_EQUAL(pthread_create(&thread, NULL, offload_elsewhere, &weight),
                0);
    join(thread);
    ANSWERS(cushadow_resume(), CUSHADOW_OK);
    offload_expecting(&weight, 0, NULL);
}

/* What it uploads is noted all the same. */
static void paused_upload_is_noted(void)
{
    struct weight weight = learned(WEIGHT, 21, NULL);

    fill(weight.host, WEIGHT, weight.seed = 22);
    ANSWERS(cushadow_pause(), CUSHADOW_OK);
    load(&weight);
    ANSWERS(cushadow_resume(), CUSHADOW_OK);
    check_figure("h2d_passed_paused_bytes", WEIGHT);
    offload_expecting(&weight, WEIGHT, NULL);
    offload_expecting(&weight, 0, NULL);
}

#define SCENARIO(name_) {#name_, name_, NULL}
#define TRUSTING(name_) {#name_, name_, "CUSHADOW_MODE=trust"}
static const struct negative scenarios[] = {
    SCENARIO(declared_range_is_captured),
    SCENARIO(declared_source_is_captured_wherever_it_goes),
    SCENARIO(other_ranges_are_not_captured),
    {"declarations_win_over_rules", declarations_win_over_rules,
     "CUSHADOW_WEIGHTS=none"},
    SCENARIO(unregistered_is_as_never_declared),
    TRUSTING(freed_memory_is_not_declared),
    SCENARIO(memory_of_an_ended_context_is_not_declared),
    TRUSTING(immutable_range_is_trusted),
    TRUSTING(immutable_source_is_trusted),
    TRUSTING(mutable_range_is_proven),
    {"mutable_range_is_proven_whatever_the_rules",
     mutable_range_is_proven_whatever_the_rules,
     "CUSHADOW_MODE=trust CUSHADOW_WEIGHTS=all"},
    TRUSTING(unregistered_range_is_proven),
    TRUSTING(declared_after_its_upload),
    {"other_modes_trust_nothing", other_modes_trust_nothing,
     "CUSHADOW_MODE=verify"},
    SCENARIO(paused_thread_is_left_alone),
    SCENARIO(paused_upload_is_noted),
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
