/*
 * app_cohort_away.c - CUSHADOW_COHORT=1: what keeps a launch for many ranges
 * from being made, or from reading what it must not. As app_cohort.c.
 */
#include "cohort.h"

/* --- what keeps it from being formed ------------------------------------- */

/* Queued before, released after: nothing is called in between that writes. */
static void check_late_write(CUstream writing, CUstream reading,
                             uint8_t value)
{
    uint32_t *flag = pinned(4096);

    hold_back(writing, flag);
    OK(more.cuMemsetD8Async(second.device + 77, value, 99, writing));
    offload_expecting(&first, 0, reading);
    release(flag);
    OK(cu.cuStreamSynchronize(writing));
    changed_expecting(&second, 77, 99, value, reading);
}

static void gated_work_keeps_it_away(void)
{
    CUstream reading = new_stream(CU_STREAM_NON_BLOCKING);

    two_weights(reading);
    check_late_write(new_stream(CU_STREAM_NON_BLOCKING), reading, 0x71);
}

static void gated_work_of_the_own_thread_keeps_it_away(void)
{
    CUstream reading = new_stream(CU_STREAM_NON_BLOCKING);

    two_weights(reading);
    check_late_write(CU_STREAM_PER_THREAD, reading, 0x72);
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void CUDA_CB wait_at_gate(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}

static void host_function_keeps_it_away(void)
{
    CUstream writing = new_stream(CU_STREAM_NON_BLOCKING);
    CUstream reading = new_stream(CU_STREAM_NON_BLOCKING);

    two_weights(reading);
    pthread_mutex_lock(&gate);
    OK(more.cuLaunchHostFunc(writing, wait_at_gate, NULL));
    OK(more.cuMemsetD8Async(second.device + 77, 0x73, 99, writing));
    offload_expecting(&first, 0, reading);
    pthread_mutex_unlock(&gate);
    OK(cu.cuStreamSynchronize(writing));
    changed_expecting(&second, 77, 99, 0x73, reading);
}

static uint32_t *thread_flag;

static void *queue_on_own_stream(void *unused)
{
    (void)unused;
    enter_context();
    hold_back(CU_STREAM_PER_THREAD, thread_flag);
    OK(more.cuMemsetD8Async(second.device + 77, 0x74, 99,
                            CU_STREAM_PER_THREAD));
    step = 1;
    await_step(2);
    OK(cu.cuStreamSynchronize(CU_STREAM_PER_THREAD));
    step = 3;
    return NULL;
}

/* That thread's stream has no name here. */
static void gated_work_of_another_thread_keeps_it_away(void)
{
    CUstream reading = new_stream(CU_STREAM_NON_BLOCKING);
    pthread_t thread;

    two_weights(reading);
    thread_flag = pinned(4096);
    CHECK_EQUAL(pthread_create(&thread, NULL, queue_on_own_stream, NULL), 0);
    await_step(1);
    offload_expecting(&first, 0, reading);
    release(thread_flag);
    step = 2;
    await_step(3);
    changed_expecting(&second, 77, 99, 0x74, reading);
    join(thread);
}

/* Busy for as long as it likes: the copy that is asked for goes on. */
static void persistent_kernel_is_not_waited_for(void)
{
    CUstream reading = new_stream(CU_STREAM_NON_BLOCKING);
    CUstream running = new_stream(CU_STREAM_NON_BLOCKING);
    uint32_t *flag = pinned(4096);
    uint8_t *host = fresh(WEIGHT);

    two_weights(reading);
    launch_wait((CUdeviceptr)(uintptr_t)flag, 1, running);
    REACHES(d2h, WEIGHT, WEIGHT,
            offload(host, first.device, WEIGHT, reading));
    CHECK(holds(host, WEIGHT, 1));
    release(flag);
    OK(cu.cuStreamSynchronize(running));
}

/* Nobody saw the stream: the launch is made, starves, and is called off. */
static void unseen_persistent_kernel_is_not_waited_for(void)
{
    PFN_cuStreamCreate_v2000 create =
        (PFN_cuStreamCreate_v2000)unseen("cuStreamCreate");
    PFN_cuLaunchKernel_v4000 launch =
        (PFN_cuLaunchKernel_v4000)unseen("cuLaunchKernel");
    PFN_cuLaunchKernel_v4000 seen = cu.cuLaunchKernel;
    CUstream reading = new_stream(CU_STREAM_NON_BLOCKING), running;
    uint32_t *flag = pinned(4096);
    uint8_t *host = fresh(WEIGHT);

    two_weights(reading);
    OK(create(&running, CU_STREAM_NON_BLOCKING));
    cu.cuLaunchKernel = launch;
    launch_wait((CUdeviceptr)(uintptr_t)flag, 1, running);
    cu.cuLaunchKernel = seen;
    LAUNCHES(1, 0, REACHES(d2h, WEIGHT, WEIGHT,
                           offload(host, first.device, WEIGHT, reading)));
    CHECK(holds(host, WEIGHT, 1));
    release(flag);
    OK(cu.cuCtxSynchronize());
    CHECK(device_holds(second.device, WEIGHT, 2));
}

/* A second context could write without its streams being known. */
static void another_context_keeps_it_away(void)
{
    struct weight *weights = learn_many(4, PART);
    CUcontext primary, other;

    OK(more.cuCtxGetCurrent(&primary));
    OK(cu.cuCtxCreate_v2(&other, 0, 0));
    (void)learned(PART, 50, NULL);
    OK(cu.cuCtxSetCurrent(primary));
    LAUNCHES(4, 0, burst(weights, 4));
}

/* The primary context of the device, in which nothing has been copied. */
static void unused_context_keeps_it_away(void)
{
    struct weight *weights;
    CUcontext other;

    OK(cu.cuCtxCreate_v2(&other, 0, 0));
    weights = learn_many(4, PART);
    LAUNCHES(4, 0, burst(weights, 4));
}

/* The memory of pools ends in the order of streams, which a launch of the
 * shim's own is not in. */
static void memory_of_pools_is_proven_alone(void)
{
    struct weight weight = learned(WEIGHT, 3, NULL), of_pool = {0};
    void *host = fresh(WEIGHT);

    of_pool.bytes = WEIGHT;
    of_pool.seed = 4;
    OK(cu.cuMemAllocAsync(&of_pool.device, WEIGHT, NULL));
    fill(host, WEIGHT, 4);
    upload(of_pool.device, host, WEIGHT, NULL);
    offload_expecting(&of_pool, WEIGHT, NULL);
    LAUNCHES(1, 0, offload_expecting(&weight, 0, NULL));
    LAUNCHES(1, 0, offload_expecting(&of_pool, 0, NULL));
    LAUNCHES(1, 0, offload_expecting(&of_pool, 0, NULL));
    LAUNCHES(0, 0, offload_expecting(&weight, 0, NULL));
}

/* A neighbour's memory ended unseen: the driver says so. */
static void memory_freed_unseen_is_not_read(void)
{
    PFN_cuMemFree_v3020 free_unseen =
        (PFN_cuMemFree_v3020)unseen("cuMemFree_v2");

    two_weights(NULL);
    OK(free_unseen(second.device));
    LAUNCHES(1, 0, offload_expecting(&first, 0, NULL));
    OK(cu.cuCtxSynchronize());
}

/* --- memory that ends meanwhile ------------------------------------------- */

enum { N_ENDING = 20, N_ROUNDS = 4 };

static CUdeviceptr ending[N_ROUNDS];
static CUcontext main_context;
static uint64_t launches_before;
static _Atomic int n_copied;

/* As soon as the launch is made, or the copy has come back without one. */
static void *free_during_launches(void *unused)
{
    const struct timespec moment = {0, 20000};
    int round;

    (void)unused;
    OK(cu.cuCtxSetCurrent(main_context));
    for (round = 0; round < N_ROUNDS; round++) {
        await_step(2 * round + 1);
        while (launches() == launches_before && n_copied == round) {
            nanosleep(&moment, NULL);
        }
        OK(cu.cuMemFree_v2(ending[round]));
        step = 2 * round + 2;
    }
    return NULL;
}

/* A launch that read on after the memory had ended would break the context.
 * What is freed is the last that the launch gets to. */
static void memory_freed_by_another_thread_is_not_read(void)
{
    struct weight *weights = learn_many(N_ENDING, 2 * MIB);
    pthread_t thread;
    int round;

    OK(more.cuCtxGetCurrent(&main_context));
    CHECK_EQUAL(
        pthread_create(&thread, NULL, free_during_launches, NULL), 0);
    for (round = 0; round < N_ROUNDS; round++) {
        ending[round] = weights[N_ENDING - 1 - round].device;
        launches_before = launches();
        step = 2 * round + 1;
        offload_expecting(&weights[0], 0, NULL);
        n_copied = round + 1;
        await_step(2 * round + 2);
        OK(cu.cuCtxSynchronize());
    }
    join(thread);
    burst(weights, N_ENDING - N_ROUNDS);
}

#define OWN_QUERY " SIMCUDA_BEHAVIOUR=legacy_query_sees_itself_only"

static const struct negative negatives[] = {
    WITH(gated_work_keeps_it_away),
    {"gated_work_of_the_own_thread_keeps_it_away",
     gated_work_of_the_own_thread_keeps_it_away, ON OWN_QUERY},
    {"gated_work_of_another_thread_keeps_it_away",
     gated_work_of_another_thread_keeps_it_away, ON OWN_QUERY},
    WITH(host_function_keeps_it_away),
    {"persistent_kernel_is_not_waited_for",
     persistent_kernel_is_not_waited_for,
     ON " CUSHADOW_PROOF_TIMEOUT_MS=200"},
    {"unseen_persistent_kernel_is_not_waited_for",
     unseen_persistent_kernel_is_not_waited_for,
     ON " CUSHADOW_PROOF_TIMEOUT_MS=200"},
    WITH(another_context_keeps_it_away),
    WITH(unused_context_keeps_it_away),
    WITH(memory_of_pools_is_proven_alone),
    WITH(memory_freed_unseen_is_not_read),
    {"memory_freed_by_another_thread_is_not_read",
     memory_freed_by_another_thread_is_not_read,
     ON " SIMCUDA_BEHAVIOUR=free_synchronises_not"},
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, negatives,
                         sizeof(negatives) / sizeof(negatives[0]));
}
