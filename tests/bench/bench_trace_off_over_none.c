/*
 * bench_trace_off_over_none.c - what a copy costs with the trace off, over what
 * it would cost if there were no trace: the copy and the questions that one
 * asks, once more, against the copy alone.
 *
 * The questions are those of an offload, which asks most: whether to settle,
 * when a proof and a capture begin, what became of either, and whether to tell
 * of the copy. They are the shim's own lines, of objects that are linked here,
 * whose trace is off as the preloaded shim's is. The copy is the cheapest that
 * is looked at: the least size, and nothing of it has changed. Copies and
 * questions are timed in turn, in one process.
 */
#include <cuda.h>
#include <cudaTypedefs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bench.h"
#include "engine/contexts.h"
#include "engine/trace_points.h"
#include "report/trace.h"

enum { N_ROUNDS = 31, N_COPIES = 256, N_QUESTIONS = 100000 };

#define BYTES ((size_t)64 << 10)

static CUdeviceptr device;
static unsigned char *host;
static PFN_cuMemcpyDtoH_v3020 down;

static void begin(void)
{
    CUcontext context;
    CUdevice number;

    bench_check(((PFN_cuInit_v2000)bench_look_up("cuInit"))(0), "cuInit");
    bench_check(((PFN_cuDeviceGet_v2000)bench_look_up("cuDeviceGet"))(
                    &number, 0), "cuDeviceGet");
    bench_check(((PFN_cuDevicePrimaryCtxRetain_v7000)bench_look_up(
                    "cuDevicePrimaryCtxRetain"))(&context, number),
                "cuDevicePrimaryCtxRetain");
    bench_check(((PFN_cuCtxSetCurrent_v4000)bench_look_up(
                    "cuCtxSetCurrent"))(context), "cuCtxSetCurrent");
    host = malloc(BYTES);
    memset(host, 1, BYTES);
    bench_check(((PFN_cuMemAlloc_v3020)bench_look_up("cuMemAlloc_v2"))(
                    &device, BYTES), "cuMemAlloc");
    bench_check(((PFN_cuMemcpyHtoD_v3020)bench_look_up("cuMemcpyHtoD_v2"))(
                    device, host, BYTES), "cuMemcpyHtoD");
    down = (PFN_cuMemcpyDtoH_v3020)bench_look_up("cuMemcpyDtoH_v2");
    bench_check(down(host, device, BYTES), "cuMemcpyDtoH"); /* learned */
}

/* Processor time of one elided offload. */
static double copy_ns(void)
{
    uint64_t begun_ns = csh_clock_thread_ns();
    int i;

    for (i = 0; i < N_COPIES; ++i) {
        bench_check(down(host, device, BYTES), "cuMemcpyDtoH");
    }
    return (double)(csh_clock_thread_ns() - begun_ns) / N_COPIES;
}

__attribute__((noinline)) static void ask(struct csh_trace_parts *parts)
{
    static const struct csh_context context;
    static const struct csh_stream stream;
    uint64_t proof_ns, capture_ns;

    if (csh_trace_is_on()) {
        csh_trace_settle();
    }
    proof_ns = csh_trace_now_ns();
    csh_trace_proof(&context, &stream, BYTES, CSH_PROOF_EQUAL, proof_ns);
    capture_ns = csh_trace_now_ns();
    csh_trace_note_part(parts, CSH_TRACE_capture, capture_ns, NULL);
    csh_trace_copy(parts, NULL, NULL, CSH_OUTCOME_elided, CSH_REASON_proven,
                   {0}, 1);
}

/* Of the questions that one copy asks. */
static double questions_ns(void)
{
    struct csh_trace_parts parts = {.n = 0};
    uint64_t begun_ns = csh_clock_thread_ns();
    int i;

    for (i = 0; i < N_QUESTIONS; ++i) {
        ask(&parts);
    }
    return (double)(csh_clock_thread_ns() - begun_ns) / N_QUESTIONS;
}

int main(void)
{
    double ratios[N_ROUNDS], asked[N_ROUNDS], copy;
    int i;

    begin();
    (void)copy_ns();
    for (i = 0; i < N_ROUNDS; ++i) {
        copy = copy_ns();
        asked[i] = questions_ns();
        ratios[i] = (copy + asked[i]) / copy;
    }
    bench_print("trace_off_ns", bench_median(asked, N_ROUNDS), "ns");
    printf("trace_off_over_none_ratio %.5f ratio\n",
           bench_median(ratios, N_ROUNDS));
    return 0;
}
