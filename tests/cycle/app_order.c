/*
 * app_order.c - work that is under way, or still to come, when a copy is asked
 * for: what is ordered before it is seen, what is not is not waited for, and
 * what reads or writes a shadow finds it there. Each scenario says what the
 * program sees and what reached the driver, with the shim and without.
 */
#include "weight.h"

#include <string.h>

static void kernel_ordered_by_an_event_is_seen(void)
{
    CUstream writing = new_stream(CU_STREAM_NON_BLOCKING);
    CUstream copying = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(WEIGHT, 30, copying);
    uint32_t *flag = pinned(4096);
    pthread_t thread;
    CUevent event;

    OK(more.cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
    hold_back(writing, flag);
    launch_fill(weight.device, 0x51515151, 64, writing);
    OK(more.cuEventRecord(event, writing));
    OK(more.cuStreamWaitEvent(copying, event, 0));
    thread = release_soon(flag);
    changed_expecting(&weight, 0, 256, 0x51, copying);
    join(thread);
}

/* A pageable copy on one stream, while another waits for what this thread
 * does only afterwards: that one has a copy into pinned memory, which the
 * program's call does not wait for either. */
static void gated_work_is_not_waited_for(void)
{
    CUstream gated = new_stream(CU_STREAM_NON_BLOCKING);
    CUstream copying = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight a = learned(WEIGHT, 31, copying);
    struct weight b = learned(WEIGHT, 32, copying);
    uint32_t *flag = pinned(4096);
    uint8_t *host = pinned(WEIGHT);

    hold_back(gated, flag);
    REACHES(d2h, WEIGHT, WEIGHT,
            OK(cu.cuMemcpyDtoHAsync_v2(host, a.device, WEIGHT, gated)));
    offload_expecting(&b, 0, copying);
    offload_expecting(&a, 0, copying);
    OK(more.cuMemsetD8Async(b.device, 0x52, WEIGHT, gated));
    offload_expecting(&b, 0, copying); /* that write is still to come */
    CHECK_EQUAL(host[0], 0);
    release(flag);
    OK(cu.cuStreamSynchronize(gated));
    CHECK(holds(host, WEIGHT, 31));
    changed_expecting(&b, 0, WEIGHT, 0x52, copying);
}

/* A driver whose pageable copies return early: the copy's own stream is let
 * go by the same thread afterwards. Nothing is waited for for ever. */
static void early_return_is_possible(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = uploaded(WEIGHT, 33, stream);
    uint32_t *flag = pinned(4096);
    uint8_t *host = fresh(WEIGHT);
    int round;

    for (round = 0; round < 3; round++) {
        *flag = 0;
        memset(host, 0, WEIGHT);
        hold_back(stream, flag);
        OK(cu.cuMemcpyDtoHAsync_v2(host, weight.device, WEIGHT, stream));
        CHECK_EQUAL(host[0], 0);
        release(flag);
        OK(cu.cuStreamSynchronize(stream));
        CHECK(holds(host, WEIGHT, 33));
        offload_expecting(&weight, round == 0 ? WEIGHT : 0, stream);
    }
}

struct patch {
    uint8_t *at;
    uint8_t value;
};

static void write_host(void *patch)
{
    *((struct patch *)patch)->at = ((struct patch *)patch)->value;
}

/* A driver that reads pageable sources in stream order: a host function that
 * is ahead of the copy writes its source. */
static void source_written_by_host_function_is_read_late(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(WEIGHT, 34, stream);
    struct patch patch = {weight.host + 77, 0};
    uint32_t *flag = pinned(4096);

    patch.value = (uint8_t)~weight.host[77];
    hold_back(stream, flag);
    OK(more.cuLaunchHostFunc(stream, write_host, &patch));
    REACHES(h2d, WEIGHT, WEIGHT,
            OK(cu.cuMemcpyHtoDAsync_v2(weight.device, weight.host, WEIGHT,
                                       stream));
            release(flag); OK(cu.cuStreamSynchronize(stream)));
    changed_expecting(&weight, 77, 1, patch.value, stream);
}

/* The synchronous form waits for its stream before it reads. */
static void source_written_before_synchronous_copy_is_read(void)
{
    CUstream blocking = new_stream(CU_STREAM_DEFAULT);
    struct weight weight = learned(WEIGHT, 35, NULL);
    struct patch patch = {weight.host + 78, 0};
    uint32_t *flag = pinned(4096);
    pthread_t thread;

    patch.value = (uint8_t)~weight.host[78];
    hold_back(blocking, flag);
    OK(more.cuLaunchHostFunc(blocking, write_host, &patch));
    thread = release_soon(flag);
    REACHES(h2d, WEIGHT, WEIGHT,
            OK(cu.cuMemcpyHtoD_v2(weight.device, weight.host, WEIGHT)));
    join(thread);
    known_expecting(&weight, 78, 1, patch.value, NULL);
}

/* The copy engine is busy with another stream's copy, so the shim's own DMA
 * is not done when its call returns: the bytes are those after it. The shadow
 * is made where one was given up, in memory that is pinned already. */
static void first_offload_behind_a_slow_copy(void)
{
    CUstream slow = new_stream(CU_STREAM_NON_BLOCKING);
    CUstream copying = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight spare = learned(WEIGHT, 38, copying);
    struct weight other = learned(WEIGHT, 37, copying);
    struct weight weight;
    uint8_t *host = pinned(WEIGHT);

    OK(cu.cuMemFree_v2(spare.device));
    offload(spare.host, other.device, WEIGHT, copying);
    weight = uploaded(WEIGHT, 36, copying);

    OK(cu.cuMemcpyDtoHAsync_v2(host, other.device, WEIGHT, slow));
    OK(cu.cuMemcpyDtoHAsync_v2(host, other.device, WEIGHT, slow));
    offload(weight.host = fresh(WEIGHT), weight.device, WEIGHT, copying);
    CHECK(holds(weight.host, WEIGHT, 36));
    OK(cu.cuStreamSynchronize(slow));
    offload_expecting(&weight, 0, copying);
    CHECK(holds(host, WEIGHT, 37));
}

/* A reload whose DMA has not begun when all that refers to its shadow is
 * gone and the memory is wanted for another: it is not given away. */
static void shadow_outlives_the_reload_that_reads_it(void)
{
    CUstream slow = new_stream(CU_STREAM_NON_BLOCKING);
    CUstream copying = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight a = learned(WEIGHT, 40, NULL);
    struct weight b = learned(WEIGHT, 41, NULL);
    struct weight c = uploaded(WEIGHT, 42, NULL);
    uint8_t *busy = pinned(WEIGHT), *head = fresh(64 * KIB);
    uint8_t *back = pinned(WEIGHT);
    CUdeviceptr reloaded, other;

    fill(head, 64 * KIB, 43);
    OK(cu.cuMemFree_v2(a.device));
    OK(cu.cuMemAlloc_v2(&reloaded, WEIGHT));
    OK(cu.cuMemAlloc_v2(&other, WEIGHT));
    OK(cu.cuMemcpyHtoDAsync_v2(other, busy, WEIGHT, slow));
    OK(cu.cuMemcpyHtoDAsync_v2(other, busy, WEIGHT, slow));
    OK(cu.cuMemcpyHtoDAsync_v2(reloaded, a.host, WEIGHT, copying));
    /* Neither the device range nor the host range is A's any more. */
    OK(cu.cuMemcpyHtoDAsync_v2(reloaded, head, 64 * KIB, copying));
    offload(a.host, b.device, WEIGHT, NULL);
    OK(cu.cuMemAlloc_v2(&other, WEIGHT));
    offload(c.host = fresh(WEIGHT), c.device, WEIGHT, NULL);
    CHECK(holds(c.host, WEIGHT, 42));
    OK(cu.cuStreamSynchronize(copying));
    OK(cu.cuMemcpyDtoH_v2(back, reloaded, WEIGHT));
    CHECK(holds(back, 64 * KIB, 43));
    fill(back, 64 * KIB, 40);
    CHECK(holds(back, WEIGHT, 40));
    offload_expecting(&c, 0, NULL);
}

static const struct negative negatives[] = {
#define PLAIN(name_) {#name_, name_, NULL}
    PLAIN(kernel_ordered_by_an_event_is_seen),
    PLAIN(gated_work_is_not_waited_for),
    {"early_return_is_possible", early_return_is_possible,
     "SIMCUDA_BEHAVIOUR=pageable_d2h_async_returns_early "
     "CUSHADOW_PROOF_TIMEOUT_MS=300"},
    {"source_written_by_host_function_is_read_late",
     source_written_by_host_function_is_read_late,
     "SIMCUDA_BEHAVIOUR=pageable_h2d_reads_late"},
    PLAIN(source_written_before_synchronous_copy_is_read),
    {"first_offload_behind_a_slow_copy", first_offload_behind_a_slow_copy,
     "SIMCUDA_LINK=0,0.01,0"},
    {"shadow_outlives_the_reload_that_reads_it",
     shadow_outlives_the_reload_that_reads_it, "SIMCUDA_LINK=0.004,0,0"},
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, negatives,
                         sizeof(negatives) / sizeof(negatives[0]));
}
