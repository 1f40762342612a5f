/*
 * program_codes.c - calls that are wrong or odd, and what each returns: a
 * program whose output must be the same with and without the shim.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu.h"

enum { BYTES = 1 << 20 };

static unsigned char *host;
static CUdeviceptr memory;
static CUstream stream;

static void say(const char *what, CUresult result)
{
    printf("%s: %s\n", what, gpu_error_name(result));
}

static void wrong_copies(void)
{
    CUdeviceptr freed;

    say("D2H of nothing", cu.cuMemcpyDtoH_v2(host, 0, 64));
    say("H2D to nothing", cu.cuMemcpyHtoD_v2(0, host, 64));
    say("D2H of 0 bytes", cu.cuMemcpyDtoH_v2(host, memory, 0));
    say("H2D of 0 bytes", cu.cuMemcpyHtoD_v2(memory, host, 0));
    say("D2H beyond the end",
        cu.cuMemcpyDtoH_v2(host, memory, (size_t)1 << 40));
    OK(cu.cuMemAlloc_v2(&freed, BYTES));
    OK(cu.cuMemcpyHtoD_v2(freed, host, BYTES));
    OK(cu.cuMemcpyDtoH_v2(host, freed, BYTES));
    say("free", cu.cuMemFree_v2(freed));
    say("free again", cu.cuMemFree_v2(freed));
    say("free of an inner address", cu.cuMemFree_v2(memory + 256));
    say("free of 0", cu.cuMemFree_v2(0));
    say("allocation of 0 bytes", cu.cuMemAlloc_v2(&freed, 0));
    say("allocation of too much",
        cu.cuMemAlloc_v2(&freed, (size_t)1 << 50));
}

static void weight_and_parts(void)
{
    size_t i, wrong = 0;

    for (i = 0; i < BYTES; i++) {
        host[i] = (unsigned char)(i * 2654435761u >> 11);
    }
    say("upload", cu.cuMemcpyHtoDAsync_v2(memory, host, BYTES, stream));
    say("wait", cu.cuStreamSynchronize(stream));
    memset(host, 0, BYTES);
    say("offload", cu.cuMemcpyDtoHAsync_v2(host, memory, BYTES, stream));
    say("wait", cu.cuStreamSynchronize(stream));
    memset(host, 0, BYTES);
    say("offload", cu.cuMemcpyDtoHAsync_v2(host, memory, BYTES, stream));
    say("of a part",
        cu.cuMemcpyDtoH_v2(host + 4096, memory + 4096, BYTES / 2));
    for (i = 0; i < BYTES; i++) {
        wrong += host[i] != (unsigned char)(i * 2654435761u >> 11);
    }
    printf("wrong bytes: %zu\n", wrong);
    gpu_fill(memory, 7, BYTES / 2, stream);
    say("offload of the changed",
        cu.cuMemcpyDtoHAsync_v2(host, memory, BYTES, stream));
    for (i = 0, wrong = 0; i < BYTES; i++) {
        wrong += host[i] != (i < BYTES / 2
                                 ? (unsigned char)(i % 4 == 0 ? 7 : 0)
                                 : (unsigned char)(i * 2654435761u >> 11));
    }
    printf("wrong bytes: %zu\n", wrong);
}

static void in_a_capture(void)
{
    CUgraph graph = NULL;
    CUresult ended;

    OK(cu.cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    say("captured query", cu.cuStreamQuery(stream));
    say("captured wait", cu.cuStreamSynchronize(stream));
    ended = cu.cuStreamEndCapture(stream, &graph);
    say("end of the capture", ended);
    if (graph != NULL) {
        say("graph", cu.cuGraphDestroy(graph));
    }
    OK(cu.cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    say("offload elsewhere during a capture",
        cu.cuMemcpyDtoH_v2(host, memory, BYTES));
    graph = NULL;
    ended = cu.cuStreamEndCapture(stream, &graph);
    say("end of the capture", ended);
    if (graph != NULL) {
        say("graph", cu.cuGraphDestroy(graph));
    }
}

/* As a server that sleeps does: the same address, other memory under it. */
static void mapped_again(void)
{
    CUmemAllocationProp prop = {
        .type = CU_MEM_ALLOCATION_TYPE_PINNED,
        .location = {CU_MEM_LOCATION_TYPE_DEVICE, 0}};
    CUmemAccessDesc access = {{CU_MEM_LOCATION_TYPE_DEVICE, 0},
                              CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
    CUmemGenericAllocationHandle handle;
    unsigned char *copy = malloc(BYTES);
    CUdeviceptr base;
    size_t step = 0;
    int round;

    OK(cu.cuMemGetAllocationGranularity(
        &step, &prop, CU_MEM_ALLOC_GRANULARITY_MINIMUM));
    step = (BYTES + step - 1) / step * step;
    OK(cu.cuMemAddressReserve(&base, step, 0, 0, 0));
    memset(host, 0x33, BYTES);
    for (round = 0; copy != NULL && round < 4; round++) {
        OK(cu.cuMemCreate(&handle, step, &prop, 0));
        OK(cu.cuMemMap(base, step, 0, handle, 0));
        OK(cu.cuMemSetAccess(base, step, &access, 1));
        say("wake", cu.cuMemcpyHtoD_v2(base, host, BYTES));
        if (round == 2) {
            gpu_fill(base, 5, 4096, NULL);
        }
        memset(copy, 0, BYTES);
        say("sleep", cu.cuMemcpyDtoH_v2(copy, base, BYTES));
        printf("first byte %d, last byte %d\n", copy[0], copy[BYTES - 1]);
        memcpy(host, copy, BYTES);
        OK(cu.cuMemUnmap(base, step));
        OK(cu.cuMemRelease(handle));
        say("asleep", cu.cuMemcpyDtoH_v2(copy, base, BYTES));
    }
    OK(cu.cuMemAddressFree(base, step));
    free(copy);
}

int main(void)
{
    gpu_start();
    host = malloc(BYTES);
    if (host == NULL) {
        return 1;
    }
    memset(host, 1, BYTES);
    OK(cu.cuMemAlloc_v2(&memory, BYTES));
    OK(cu.cuStreamCreate(&stream, CU_STREAM_DEFAULT));
    weight_and_parts();
    wrong_copies();
    in_a_capture();
    mapped_again();
    OK(cu.cuStreamDestroy_v2(stream));
    OK(cu.cuMemFree_v2(memory));
    free(host);
    return 0;
}
