/*
 * app_upload.c - uploads that are captured: bytes of a weight that the program
 * changed in RAM, and whole models where a rule names them. What is sent is
 * what the source held when the call was made.
 */
#include "upload.h"

#include <stdio.h>
#include <unistd.h>

/* --- what is captured ---------------------------------------------------- */

static void changed_bytes_are_captured(void)
{
    struct weight weight = learned(LARGE, 1, NULL);
    uint64_t before;
    int i;

    for (i = 1; i <= 3; i++) {
        change(weight.host, LARGE, (uint8_t)i);
        OK(cu.cuMemFree_v2(weight.device));
        OK(cu.cuMemAlloc_v2(&weight.device, LARGE));
        before = from_pinned();
        REACHES(h2d, LARGE, LARGE,
                upload(weight.device, weight.host, LARGE, NULL));
        CHECK_EQUAL(from_pinned() - before, under_shim ? LARGE : 0);
        check_device(weight.device, weight.host, LARGE);
        check_offload(weight.device, weight.host, LARGE, 0, NULL);
    }
}

/* In one command: what another thread puts on the stream meanwhile comes
 * before all of it or behind. */
static void changed_bytes_are_sent_at_once(void)
{
    struct weight weight = learned(LARGE, 21, NULL);
    uint64_t calls = cu.simcuda_calls("cuMemcpyHtoDAsync_v2");

    change(weight.host, LARGE, 5);
    upload(weight.device, weight.host, LARGE, NULL);
    CHECK_EQUAL(cu.simcuda_calls("cuMemcpyHtoDAsync_v2") - calls, 1);
    check_device(weight.device, weight.host, LARGE);
}

/* There is no room for the same bytes once more: the shadow of the capture,
 * which the device range refers to, and that of the offload before, whose
 * pages are still mapped, are all that fits. */
static void captured_bytes_are_served_again(void)
{
    struct weight weight = learned(LARGE, 2, NULL);
    uint64_t before;

    change(weight.host, LARGE, 7);
    upload(weight.device, weight.host, LARGE, NULL);
    spoil(weight.device);
    before = from_pinned();
    REACHES(h2d, LARGE, LARGE,
            upload(weight.device, weight.host, LARGE, NULL));
    CHECK_EQUAL(from_pinned() - before, under_shim ? LARGE : 0);
    check_device(weight.device, weight.host, LARGE);
    check_offload(weight.device, weight.host, LARGE, 0, NULL);
}

/* CUSHADOW_CAPTURE=background: the source gets other bytes before the capture
 * is complete. What comes last is known, whatever is done first: each upload of
 * it is said to be unchanged (upload.tap). */
static void newer_bytes_stay_known(void)
{
    const size_t bytes = 64 * MIB;
    struct weight small = uploaded(WEIGHT, 14, NULL);
    uint8_t *host = fresh(bytes);
    CUdeviceptr large, elsewhere;
    uint32_t round;

    OK(cu.cuMemAlloc_v2(&large, bytes));
    for (round = 0; round < 4; round++) {
        memset(host, 20 + (int)round, bytes);
        OK(cu.cuMemcpyHtoD_v2(large, host, bytes));
        OK(cu.cuMemcpyDtoH_v2(host, small.device, WEIGHT));
        usleep(200000);
        OK(cu.cuMemAlloc_v2(&elsewhere, WEIGHT));
        upload(elsewhere, host, WEIGHT, NULL);
        CHECK(device_holds(elsewhere, WEIGHT, 14));
    }
    free(host);
}

/* CUSHADOW_WEIGHTS=all: nothing needs to be learned. */
static void registered_uploads_are_captured(void)
{
    struct weight weight = uploaded(LARGE, 3, NULL);
    struct weight small = uploaded(WEIGHT, 4, NULL);

    CHECK(device_holds(weight.device, LARGE, 3));
    offload_expecting(&weight, 0, NULL);
    offload_expecting(&small, 0, NULL);
}

static void every_form_is_captured(void)
{
    struct weight weight = learned(WEIGHT, 5, NULL);
    CUdeviceptr device = weight.device;
    CUdeviceptr host = (CUdeviceptr)(uintptr_t)weight.host;
    int form;

    for (form = 0; form < 6; form++) {
        change(weight.host, WEIGHT, (uint8_t)(form + 1));
        REACHES(
            h2d, WEIGHT, WEIGHT,
            OK(form == 0   ? cu.cuMemcpyHtoD_v2(device, weight.host, WEIGHT)
               : form == 1 ? cu.cuMemcpyHtoD_v2_ptds(device, weight.host,
                                                     WEIGHT)
               : form == 2 ? cu.cuMemcpyHtoDAsync_v2(device, weight.host,
                                                     WEIGHT, NULL)
               : form == 3 ? cu.cuMemcpyHtoDAsync_v2_ptsz(
                                 device, weight.host, WEIGHT, NULL)
               : form == 4 ? cu.cuMemcpy(device, host, WEIGHT)
                           : cu.cuMemcpyAsync(device, host, WEIGHT, NULL));
            OK(cu.cuCtxSynchronize()));
        check_device(device, weight.host, WEIGHT);
        check_offload(device, weight.host, WEIGHT, 0, NULL);
    }
}

/* --- when it is read ----------------------------------------------------- */

static void source_is_the_programs_after_the_call(void)
{
    struct weight weight = learned(LARGE, 6, NULL);
    uint8_t *wanted = fresh(LARGE);

    change(weight.host, LARGE, 9);
    memcpy(wanted, weight.host, LARGE);
    OK(cu.cuMemcpyHtoD_v2(weight.device, weight.host, LARGE));
    memset(weight.host, 0xEE, LARGE);
    OK(cu.cuCtxSynchronize());
    check_device(weight.device, wanted, LARGE);
    check_offload(weight.device, wanted, LARGE, 0, NULL);
}

/* Work behind the copy on its stream sees all of it. */
static void work_behind_the_copy_sees_it(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(LARGE, 7, stream);
    CUdeviceptr copy;
    int i;

    OK(cu.cuMemAlloc_v2(&copy, LARGE));
    for (i = 1; i <= 3; i++) {
        change(weight.host, LARGE, (uint8_t)i);
        OK(cu.cuMemcpyHtoDAsync_v2(weight.device, weight.host, LARGE,
                                   stream));
        OK(more.cuMemcpyDtoDAsync_v2(copy, weight.device, LARGE, stream));
        OK(cu.cuStreamSynchronize(stream));
        check_device(copy, weight.host, LARGE);
    }
}

/* The stream has work that this very thread lets go only later: the program's
 * own call, as ever. */
static void gated_stream_is_passed(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(LARGE, 8, stream);
    uint32_t *flag = pinned(4096);
    uint64_t before = from_pinned();

    change(weight.host, LARGE, 3);
    hold_back(stream, flag);
    REACHES(h2d, LARGE, LARGE,
            OK(cu.cuMemcpyHtoDAsync_v2(weight.device, weight.host, LARGE,
                                       stream));
            release(flag);
            OK(cu.cuStreamSynchronize(stream)));
    CHECK_EQUAL(from_pinned() - before, 0);
    check_device(weight.device, weight.host, LARGE);
    check_offload(weight.device, weight.host, LARGE, LARGE, stream);
}

static void gated_work_elsewhere_is_not_waited_for(void)
{
    CUstream gated = new_stream(CU_STREAM_NON_BLOCKING);
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(LARGE, 9, stream);
    uint32_t *flag = pinned(4096);

    change(weight.host, LARGE, 3);
    hold_back(gated, flag);
    upload(weight.device, weight.host, LARGE, stream);
    check_device(weight.device, weight.host, LARGE);
    release(flag);
    OK(cu.cuStreamSynchronize(gated));
    check_offload(weight.device, weight.host, LARGE, 0, stream);
}

static void upload_beside_a_capture_is_passed(void)
{
    CUstream capturing = new_stream(CU_STREAM_NON_BLOCKING);
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weight = learned(LARGE, 10, stream);
    uint64_t before = from_pinned();
    CUgraph graph;

    change(weight.host, LARGE, 3);
    OK(cu.cuStreamBeginCapture_v2(capturing,
                                  CU_STREAM_CAPTURE_MODE_RELAXED));
    launch_fill(weight.device, 1, 1, capturing);
    upload(weight.device, weight.host, LARGE, stream);
    CHECK_EQUAL(from_pinned() - before, 0);
    OK(cu.cuStreamEndCapture(capturing, &graph));
    CHECK(graph != NULL);
    check_device(weight.device, weight.host, LARGE);
    check_offload(weight.device, weight.host, LARGE, LARGE, stream);
}

static void pinned_source_is_left_to_the_driver(void)
{
    struct weight weight = learned(LARGE, 11, NULL);
    uint64_t calls;

    change(weight.host, LARGE, 3);
    OK(cu.cuMemHostRegister_v2(weight.host, LARGE, 0));
    calls = cu.simcuda_calls("cuMemcpyHtoDAsync_v2");
    REACHES(h2d, LARGE, LARGE,
            upload(weight.device, weight.host, LARGE, NULL));
    CHECK_EQUAL(cu.simcuda_calls("cuMemcpyHtoDAsync_v2") - calls, 1);
    check_device(weight.device, weight.host, LARGE);
    OK(cu.cuMemHostUnregister(weight.host));
}

/* --- what outlives it ---------------------------------------------------- */

static void many_captures_stay_asynchronous(void)
{
    struct weight weight = learned(WEIGHT, 15, NULL);
    uint64_t waits;
    int i;

    for (i = 1; i <= 12; i++) {
        change(weight.host, WEIGHT, (uint8_t)i);
        waits = cu.simcuda_calls("cuStreamSynchronize");
        OK(cu.cuMemcpyHtoDAsync_v2(weight.device, weight.host, WEIGHT,
                                   NULL));
        CHECK_EQUAL(cu.simcuda_calls("cuStreamSynchronize"), waits);
        OK(cu.cuStreamSynchronize(NULL));
        check_device(weight.device, weight.host, WEIGHT);
    }
}

static unsigned long shared_kib(void)
{
    char line[256];
    unsigned long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");

    CHECK(status != NULL);
    while (fgets(line, sizeof(line), status) != NULL) {
        (void)sscanf(line, "RssShmem: %lu kB", &kib);
    }
    fclose(status);
    return kib;
}

static void captures_of_old_bytes_do_not_pile_up(void)
{
    struct weight weight = learned(WEIGHT, 16, NULL);
    unsigned long before = shared_kib();
    int i;

    for (i = 1; i <= 40; i++) {
        change(weight.host, WEIGHT, (uint8_t)i);
        upload(weight.device, weight.host, WEIGHT, NULL);
    }
    check_device(weight.device, weight.host, WEIGHT);
    CHECK(shared_kib() < before + 8 * 1024);
}

/* The new bytes are held already, so their shadow is given up at once, while
 * a DMA has still to read it: its memory is not given away before. (What was
 * mapped once is never given away at all: offloads are copied here.) */
static void twin_outlives_the_dma_that_reads_it(void)
{
    CUstream slow = new_stream(CU_STREAM_NON_BLOCKING);
    CUstream copying = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight a = learned(WEIGHT, 17, NULL);
    struct weight b = learned(WEIGHT, 18, NULL);
    struct weight spare = learned(WEIGHT, 19, NULL);
    struct weight c = uploaded(WEIGHT, 20, NULL);
    struct weight d = uploaded(WEIGHT, 22, NULL);
    uint8_t *busy = pinned(WEIGHT), *back = pinned(WEIGHT);
    CUdeviceptr other;

    OK(cu.cuMemAlloc_v2(&other, WEIGHT));
    OK(cu.cuMemFree_v2(spare.device));
    offload(spare.host, b.device, WEIGHT, NULL);
    /* Now nothing refers to the spare's: room that is pinned already. */
    memcpy(a.host, b.host, WEIGHT);
    OK(cu.cuMemcpyHtoDAsync_v2(other, busy, WEIGHT, slow));
    OK(cu.cuMemcpyHtoDAsync_v2(other, busy, WEIGHT, slow));
    OK(cu.cuMemcpyHtoDAsync_v2(a.device, a.host, WEIGHT, copying));
    offload(c.host = fresh(WEIGHT), c.device, WEIGHT, NULL);
    offload(d.host = fresh(WEIGHT), d.device, WEIGHT, NULL);
    CHECK(holds(c.host, WEIGHT, 20) && holds(d.host, WEIGHT, 22));
    OK(cu.cuStreamSynchronize(copying));
    OK(cu.cuMemcpyDtoH_v2(back, a.device, WEIGHT));
    CHECK(holds(back, WEIGHT, 18));
    a.seed = 18;
    offload_expecting(&a, 0, NULL);
    offload_expecting(&b, 0, NULL);
}

static const struct negative scenarios[] = {
#define PLAIN(name_) {#name_, name_, THREE}
    PLAIN(changed_bytes_are_captured),
    {"changed_bytes_are_sent_at_once", changed_bytes_are_sent_at_once,
     "CUSHADOW_THREADS=1"},
    {"captured_bytes_are_served_again", captured_bytes_are_served_again,
     THREE " CUSHADOW_RAM_LIMIT=40M"},
    {"registered_uploads_are_captured", registered_uploads_are_captured,
     THREE " CUSHADOW_WEIGHTS=all"},
    {"newer_bytes_stay_known", newer_bytes_stay_known,
     THREE " CUSHADOW_WEIGHTS=all CUSHADOW_CAPTURE=background"},
    PLAIN(every_form_is_captured),
    PLAIN(source_is_the_programs_after_the_call),
    PLAIN(work_behind_the_copy_sees_it),
    PLAIN(gated_stream_is_passed),
    PLAIN(gated_work_elsewhere_is_not_waited_for),
    PLAIN(upload_beside_a_capture_is_passed),
    PLAIN(pinned_source_is_left_to_the_driver),
    PLAIN(many_captures_stay_asynchronous),
    PLAIN(captures_of_old_bytes_do_not_pile_up),
    {"twin_outlives_the_dma_that_reads_it",
     twin_outlives_the_dma_that_reads_it,
     THREE " SIMCUDA_LINK=0.004,0,0 CUSHADOW_HOST=copy"},
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
