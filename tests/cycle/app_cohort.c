/*
 * app_cohort.c - CUSHADOW_COHORT=1: one launch proves a burst of offloads, and
 * everything that ends what it found out. Each scenario says what the program
 * sees and what reached the driver, with the shim and without.
 */
#include "cohort.h"

enum { N_BURST = 40 };

static void prove_both(CUstream stream)
{
    two_weights(stream);
    LAUNCHES(1, 0, offload_expecting(&first, 0, stream));
}

/* --- what it is for ------------------------------------------------------ */

static void burst_needs_one_launch(void)
{
    struct weight *weights = learn_many(N_BURST, PART);

    LAUNCHES(1, 0, burst(weights, N_BURST));
    LAUNCHES(0, 0, burst(weights, N_BURST));
}

/* Small copies and waiting write nothing. */
static void small_copies_and_waits_end_nothing(void)
{
    struct weight *weights = learn_many(4, PART);
    uint8_t few[64];
    size_t i;

    LAUNCHES(1, 0, {
        for (i = 0; i < 4; i++) {
            offload_expecting(&weights[i], 0, NULL);
            OK(cu.cuMemcpyDtoH_v2(few, weights[i].device, sizeof(few)));
            OK(cu.cuStreamSynchronize(NULL));
            OK(cu.cuCtxSynchronize());
        }
    });
}

static void without_it_each_has_a_launch(void)
{
    struct weight *weights = learn_many(N_BURST, PART);

    LAUNCHES(N_BURST, 0, burst(weights, N_BURST));
}

/* A weight that has changed is copied, and the others are believed. */
static void changed_ones_are_copied_once(void)
{
    struct weight *weights = learn_many(8, PART);

    OK(cu.cuMemsetD8_v2(weights[5].device + 1, 0x51, 3));
    LAUNCHES(1, 0, {
        burst(weights, 5);
        REACHES(d2h, PART, PART,
                offload(weights[5].host, weights[5].device, PART, NULL));
        burst(weights + 6, 2);
    });
    CHECK(weights[5].host[1] == 0x51 && weights[5].host[3] == 0x51);
    memset(weights[5].host, 0, PART);
    REACHES(d2h, 0, PART,
            offload(weights[5].host, weights[5].device, PART, NULL));
    CHECK(weights[5].host[1] == 0x51 && weights[5].host[3] == 0x51);
}

/* The contract that this option gives up: nobody sees these. */
static void unseen_writes_are_not_noticed(void)
{
    uint8_t *host = fresh(WEIGHT), value = 0x7e;

    prove_both(NULL);
    value ^= second.host[9];
    cu.simcuda_poke(second.device + 9, &value, 1);
    REACHES(d2h, 0, WEIGHT, offload(host, second.device, WEIGHT, NULL));
    CHECK(host[9] == (under_shim ? second.host[9] : value));
}

/* --- what ends it --------------------------------------------------------- */

static void launch_ends_it(void)
{
    prove_both(NULL);
    launch_fill(second.device + 64, 0x61616161, 16, NULL);
    changed_expecting(&second, 64, 64, 0x61, NULL);
}

static void launch_on_another_stream_ends_it(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);

    prove_both(NULL);
    launch_fill(second.device + 64, 0x62626262, 16, stream);
    OK(cu.cuStreamSynchronize(stream));
    changed_expecting(&second, 64, 64, 0x62, NULL);
}

static void memset_ends_it(void)
{
    prove_both(NULL);
    OK(cu.cuMemsetD8_v2(second.device + WEIGHT - 5, 0x63, 5));
    changed_expecting(&second, WEIGHT - 5, 5, 0x63, NULL);
}

static void d2d_ends_it(void)
{
    CUdeviceptr source;

    OK(cu.cuMemAlloc_v2(&source, 4096));
    OK(cu.cuMemsetD8_v2(source, 0x64, 4096));
    prove_both(NULL);
    OK(more.cuMemcpyDtoDAsync_v2(second.device + 3, source, 4096, NULL));
    changed_expecting(&second, 3, 4096, 0x64, NULL);
}

static void upload_ends_it(void)
{
    uint8_t *host = fresh(4096);

    memset(host, 0x65, 4096);
    prove_both(NULL);
    OK(cu.cuMemcpyHtoD_v2(second.device + 8, host, 4096));
    REACHES(d2h, WEIGHT, WEIGHT,
            offload(second.host, second.device, WEIGHT, NULL));
    CHECK(second.host[8] == 0x65 && second.host[4103] == 0x65);
}

static void uva_upload_ends_it(void)
{
    uint8_t *host = fresh(4096);

    memset(host, 0x66, 4096);
    prove_both(NULL);
    OK(cu.cuMemcpy(second.device + 8, (CUdeviceptr)(uintptr_t)host, 4096));
    REACHES(d2h, WEIGHT, WEIGHT,
            offload(second.host, second.device, WEIGHT, NULL));
    CHECK(second.host[8] == 0x66 && second.host[4103] == 0x66);
}

/* The graph exists before, and is launched between the offloads. */
static void graph_launch_ends_it(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    CUgraphExec exec;
    CUgraph graph;

    two_weights(stream);
    OK(cu.cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    launch_fill(second.device + 1024, 0x67676767, 256, stream);
    OK(cu.cuStreamEndCapture(stream, &graph));
    OK(cu.cuGraphInstantiateWithFlags(&exec, graph, 0));
    LAUNCHES(1, 0, offload_expecting(&first, 0, stream));
    OK(cu.cuGraphLaunch(exec, stream));
    OK(cu.cuStreamSynchronize(stream));
    changed_expecting(&second, 1024, 1024, 0x67, stream);
}

/* Allocating may give away memory that work still writes. */
static void allocations_end_it(void)
{
    CUdeviceptr other;

    prove_both(NULL);
    OK(cu.cuMemAllocAsync(&other, 4096, NULL));
    LAUNCHES(1, 0, offload_expecting(&second, 0, NULL));
}

static void free_ends_it(void)
{
    CUdeviceptr again, other;

    OK(cu.cuMemAlloc_v2(&other, 4096));
    prove_both(NULL);
    OK(cu.cuMemFree_v2(other));
    LAUNCHES(1, 0, offload_expecting(&second, 0, NULL));
    OK(cu.cuMemFree_v2(second.device));
    OK(cu.cuMemAlloc_v2(&again, WEIGHT));
    CHECK_EQUAL(again, second.device);
    OK(cu.cuMemsetD8_v2(again, 0x68, WEIGHT));
    REACHES(d2h, WEIGHT, WEIGHT, offload(second.host, again, WEIGHT, NULL));
    CHECK(second.host[0] == 0x68 && second.host[WEIGHT - 1] == 0x68);
}

static void *launch_there(void *stream)
{
    enter_context();
    launch_fill(second.device + 64, 0x69696969, 16, stream);
    OK(cu.cuStreamSynchronize(stream));
    return NULL;
}

/* The thread has its context before: only the launch itself is between. */
static void *launch_in_step(void *stream)
{
    enter_context();
    step = 1;
    await_step(2);
    launch_fill(second.device + 64, 0x69696969, 16, stream);
    OK(cu.cuStreamSynchronize(stream));
    step = 3;
    return NULL;
}

static void launch_by_another_thread_ends_it(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    pthread_t thread;

    CHECK_EQUAL(pthread_create(&thread, NULL, launch_in_step, stream), 0);
    await_step(1);
    prove_both(NULL);
    step = 2;
    await_step(3);
    changed_expecting(&second, 64, 64, 0x69, NULL);
    join(thread);
}

static void thread_that_comes_later_ends_it(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    pthread_t thread;

    prove_both(NULL);
    CHECK_EQUAL(pthread_create(&thread, NULL, launch_there, stream), 0);
    join(thread);
    changed_expecting(&second, 64, 64, 0x69, NULL);
}

/* Its order and its errors are those of the copy. */
static void believed_copies_synchronise_the_stream(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    uint64_t waits;

    prove_both(stream);
    waits = cu.simcuda_calls("cuStreamSynchronize");
    LAUNCHES(0, 0, OK(cu.cuMemcpyDtoHAsync_v2(second.host, second.device,
                                              WEIGHT, stream)));
    CHECK_EQUAL(cu.simcuda_calls("cuStreamSynchronize") - waits,
                under_shim ? 1 : 0);
    OK(cu.cuStreamSynchronize(stream));
}

static void believed_copies_meet_the_error(void)
{
    CUcontext context;
    void *host = fresh(WEIGHT);
    CUresult copied;

    prove_both(NULL);
    OK(more.cuCtxGetCurrent(&context));
    OK(more.simcuda_break(context, CUDA_ERROR_LAUNCH_FAILED));
    copied = cu.cuMemcpyDtoH_v2(host, second.device, WEIGHT);
    CHECK_EQUAL(copied, CUDA_ERROR_LAUNCH_FAILED);
}

/* --- what it may cost ---------------------------------------------------- */

/* Launches for many are made less and less often where nobody uses them; the
 * statistics are looked at by the script. */
static void unused_answers_become_rare(void)
{
    struct weight *weights = learn_many(4, PART);
    CUdeviceptr other;
    int round;

    OK(cu.cuMemAlloc_v2(&other, 4096));
    LAUNCHES(60, 0, {
        for (round = 0; round < 60; round++) {
            offload_expecting(&weights[round % 4], 0, NULL);
            OK(cu.cuMemsetD8_v2(other, 1, 4096));
        }
    });
}

static const struct negative negatives[] = {
    WITH(burst_needs_one_launch),
    WITH(small_copies_and_waits_end_nothing),
    {"without_it_each_has_a_launch", without_it_each_has_a_launch,
     "CUSHADOW_COHORT=0"},
    {"by_default_each_has_a_launch", without_it_each_has_a_launch, NULL},
    WITH(changed_ones_are_copied_once),
    WITH(unseen_writes_are_not_noticed),
    WITH(launch_ends_it),
    WITH(launch_on_another_stream_ends_it),
    WITH(memset_ends_it),
    WITH(d2d_ends_it),
    WITH(upload_ends_it),
    WITH(uva_upload_ends_it),
    WITH(graph_launch_ends_it),
    WITH(allocations_end_it),
    WITH(free_ends_it),
    WITH(launch_by_another_thread_ends_it),
    WITH(thread_that_comes_later_ends_it),
    WITH(believed_copies_synchronise_the_stream),
    WITH(believed_copies_meet_the_error),
    WITH(unused_answers_become_rare),
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, negatives,
                         sizeof(negatives) / sizeof(negatives[0]));
}
