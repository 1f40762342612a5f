/*
 * bench_stats_on_over_off.c - processor time of a process that swaps a model
 * with CUSHADOW_STATS=text, over that with CUSHADOW_STATS=off.
 *
 * The model, of many tensors, goes to the simulated device and back, by a
 * child of this program's own in either setting, in turn; each pair of
 * processes gives one ratio, and the figure is their median. The driver's
 * work is done by the processor here, most of it copying, as it would be the
 * program's copying without the shim.
 */
#include <cuda.h>
#include <cudaTypedefs.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { N_PAIRS = 21, N_TENSORS = 256, N_CYCLES = 16 };

#define TENSOR_BYTES ((size_t)128 << 10)

static void make_context(void)
{
    CUcontext context;
    CUdevice device;

    bench_check(((PFN_cuInit_v2000)bench_look_up("cuInit"))(0), "cuInit");
    bench_check(((PFN_cuDeviceGet_v2000)bench_look_up("cuDeviceGet"))(
                    &device, 0), "cuDeviceGet");
    bench_check(((PFN_cuDevicePrimaryCtxRetain_v7000)bench_look_up(
                    "cuDevicePrimaryCtxRetain"))(&context, device),
                "cuDevicePrimaryCtxRetain");
    bench_check(((PFN_cuCtxSetCurrent_v4000)bench_look_up(
                    "cuCtxSetCurrent"))(context), "cuCtxSetCurrent");
}

/* The children's part. */
static int swap(void)
{
    PFN_cuMemcpyHtoD_v3020 up;
    PFN_cuMemcpyDtoH_v3020 down;
    PFN_cuMemAlloc_v3020 allocate;
    unsigned char *host[N_TENSORS];
    CUdeviceptr device[N_TENSORS];
    int cycle, i;

    make_context();
    up = (PFN_cuMemcpyHtoD_v3020)bench_look_up("cuMemcpyHtoD_v2");
    down = (PFN_cuMemcpyDtoH_v3020)bench_look_up("cuMemcpyDtoH_v2");
    allocate = (PFN_cuMemAlloc_v3020)bench_look_up("cuMemAlloc_v2");
    for (i = 0; i < N_TENSORS; ++i) {
        host[i] = malloc(TENSOR_BYTES);
        memset(host[i], i + 1, TENSOR_BYTES);
        bench_check(allocate(&device[i], TENSOR_BYTES), "cuMemAlloc");
    }
    for (cycle = 0; cycle < N_CYCLES; ++cycle) {
        for (i = 0; i < N_TENSORS; ++i) {
            bench_check(up(device[i], host[i], TENSOR_BYTES),
                        "cuMemcpyHtoD");
        }
        for (i = 0; i < N_TENSORS; ++i) {
            bench_check(down(host[i], device[i], TENSOR_BYTES),
                        "cuMemcpyDtoH");
        }
    }
    return 0;
}

static double seconds(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec * 1e-6;
}

/* Processor time of one child, all of it. */
static double cost_of(char *program, const char *stats)
{
    char *const arguments[] = {program, (char[]){"swap"}, NULL};
    struct rusage usage;
    pid_t child = fork();
    int status;

    if (child == 0) {
        int fd = open("/dev/null", O_WRONLY);

        dup2(fd, STDERR_FILENO); /* the line at exit */
        setenv("CUSHADOW_STATS", stats, 1);
        unsetenv("CUSHADOW_STATS_FILE");
        execv("/proc/self/exe", arguments);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child ||
        status != 0) {
        fprintf(stderr, "bench: a child failed\n");
        exit(1);
    }
    return seconds(&usage.ru_utime) + seconds(&usage.ru_stime);
}

int main(int argc, char **argv)
{
    double ratios[N_PAIRS], on, off;
    int i;

    if (argc > 1 && strcmp(argv[1], "swap") == 0) {
        return swap();
    }
    cost_of(argv[0], "off");
    for (i = 0; i < N_PAIRS; ++i) {
        bool is_on_first = i % 2 == 0;

        on = is_on_first ? cost_of(argv[0], "text") : 0;
        off = cost_of(argv[0], "off");
        on = is_on_first ? on : cost_of(argv[0], "text");
        ratios[i] = on / off;
    }
    printf("stats_on_over_off_ratio %.4f ratio\n",
           bench_median(ratios, N_PAIRS));
    fflush(stdout);
    return swap(); /* so that run.sh sees that the shim did its work */
}
