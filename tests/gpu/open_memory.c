/*
 * open_memory.c - what the driver says of memory, and when it may be asked:
 * what the shim rests on before its kernel reads a range (src/verify/
 * plain_range.c), each as a check of its own.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "gpu.h"

enum { BYTES = 4 << 20 };

/* All that plain_range.c asks, as one line; -1 where the driver refuses. */
static void say_attributes(const char *name, CUdeviceptr memory)
{
    static const struct {
        const char *name;
        CUpointer_attribute attribute;
    } asked[] = {
        {"type", CU_POINTER_ATTRIBUTE_MEMORY_TYPE},
        {"managed", CU_POINTER_ATTRIBUTE_IS_MANAGED},
        {"mapped", CU_POINTER_ATTRIBUTE_MAPPED},
        {"ordinal", CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL},
        {"context", CU_POINTER_ATTRIBUTE_CONTEXT},
        {"access", CU_POINTER_ATTRIBUTE_ACCESS_FLAGS},
    };
    char text[256];
    size_t i, used = 0;

    for (i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        uint64_t value = 0;
        CUresult result = cu.cuPointerGetAttribute(
            &value, asked[i].attribute, memory);

        if (asked[i].attribute == CU_POINTER_ATTRIBUTE_CONTEXT) {
            value = value != 0; /* an address otherwise */
        }
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %lld",
                                 i > 0 ? ", " : "", asked[i].name,
                                 result == CUDA_SUCCESS ? (long long)value
                                                        : -1LL);
    }
    gpu_say_text(name, text, "attributes of a pointer; -1: refused");
}

static bool is_readable(CUdeviceptr memory)
{
    uint64_t access = 0, type = 0, mapped = 0, managed = 1;

    return cu.cuPointerGetAttribute(
               &access, CU_POINTER_ATTRIBUTE_ACCESS_FLAGS, memory) ==
               CUDA_SUCCESS &&
           cu.cuPointerGetAttribute(
               &type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, memory) ==
               CUDA_SUCCESS &&
           cu.cuPointerGetAttribute(&mapped, CU_POINTER_ATTRIBUTE_MAPPED,
                                    memory) == CUDA_SUCCESS &&
           cu.cuPointerGetAttribute(
               &managed, CU_POINTER_ATTRIBUTE_IS_MANAGED, memory) ==
               CUDA_SUCCESS &&
           (access & CU_POINTER_ATTRIBUTE_ACCESS_FLAG_READ) != 0 &&
           type == CU_MEMORYTYPE_DEVICE && mapped != 0 && managed == 0;
}

/* If this is false nothing is ever proven: safe, and of no use. */
static void access_of_plain_memory(void)
{
    CUdeviceptr memory;

    OK(cu.cuMemAlloc_v2(&memory, BYTES));
    say_attributes("attributes_plain", memory + 512);
    gpu_say_truth("plain_is_readable", is_readable(memory + 512), true,
                  "cuMemAlloc: device memory, mapped, readable");
    OK(cu.cuMemFree_v2(memory));
}

static void access_of_pool_memory(void)
{
    CUdeviceptr memory;
    CUresult result = cu.cuMemAllocAsync(&memory, BYTES, NULL);

    if (result != CUDA_SUCCESS) {
        gpu_say_text("attributes_pool", gpu_error_name(result),
                     "no cuMemAllocAsync here");
        return;
    }
    OK(cu.cuStreamSynchronize(NULL));
    say_attributes("attributes_pool", memory + 512);
    gpu_say_truth("pool_is_readable", is_readable(memory + 512), true,
                  "cuMemAllocAsync");
    OK(cu.cuMemFreeAsync(memory, NULL));
    OK(cu.cuStreamSynchronize(NULL));
}

static bool is_one_mapping(CUdeviceptr memory, size_t bytes)
{
    CUdeviceptr base = 0;
    size_t size = 0;

    return cu.cuMemGetAddressRange_v2(&base, &size, memory) ==
               CUDA_SUCCESS &&
           base <= memory && memory + bytes <= base + size;
}

/* Two handles mapped side by side, a hole behind them, in one reservation. */
static void virtual_memory(void)
{
    CUmemAllocationProp prop = {
        .type = CU_MEM_ALLOCATION_TYPE_PINNED,
        .location = {CU_MEM_LOCATION_TYPE_DEVICE, 0}};
    CUmemAccessDesc access = {{CU_MEM_LOCATION_TYPE_DEVICE, 0},
                              CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
    CUmemGenericAllocationHandle handles[2];
    CUdeviceptr base;
    size_t step = 0;
    int i;

    OK(cu.cuMemGetAllocationGranularity(
        &step, &prop, CU_MEM_ALLOC_GRANULARITY_MINIMUM));
    OK(cu.cuMemAddressReserve(&base, 4 * step, 0, 0, 0));
    for (i = 0; i < 2; i++) {
        OK(cu.cuMemCreate(&handles[i], step, &prop, 0));
        OK(cu.cuMemMap(base + (unsigned)i * step, step, 0, handles[i], 0));
    }
    gpu_say_truth("mapped_without_access_is_readable", is_readable(base),
                  false, "cuMemMap before cuMemSetAccess");
    OK(cu.cuMemSetAccess(base, 2 * step, &access, 1));
    say_attributes("attributes_mapped", base + 512);
    gpu_say_truth("mapped_is_readable", is_readable(base + 512), true,
                  "cuMemMap, after cuMemSetAccess");
    gpu_say_truth("mapping_ends_at_its_handle",
                  is_one_mapping(base, step) &&
                      !is_one_mapping(base + step - 512, 1024),
                  true, "cuMemGetAddressRange of two handles side by side");
    gpu_say_truth("hole_has_a_mapping",
                  is_one_mapping(base + 2 * step + 512, 16), false,
                  "reserved and not mapped");
    gpu_say_truth("hole_is_readable", is_readable(base + 2 * step + 512),
                  false, "reserved and not mapped");
    for (i = 0; i < 2; i++) {
        OK(cu.cuMemUnmap(base + (unsigned)i * step, step));
        OK(cu.cuMemRelease(handles[i]));
    }
    OK(cu.cuMemAddressFree(base, 4 * step));
}

static void ranges_of_plain_memory(void)
{
    CUdeviceptr memory;
    uint64_t first = 0, second = 0;

    OK(cu.cuMemAlloc_v2(&memory, BYTES));
    gpu_say_truth("part_is_one_mapping",
                  is_one_mapping(memory + 4096, BYTES - 8192), true,
                  "cuMemGetAddressRange of a part of cuMemAlloc's");
    gpu_say_truth("beyond_is_one_mapping", is_one_mapping(memory, BYTES + 1),
                  false, "one byte more than was allocated");
    OK(cu.cuPointerGetAttribute(&first, CU_POINTER_ATTRIBUTE_BUFFER_ID,
                                memory));
    OK(cu.cuMemFree_v2(memory));
    gpu_say_truth("freed_is_readable", is_readable(memory), false,
                  "after cuMemFree");
    OK(cu.cuMemAlloc_v2(&memory, BYTES));
    OK(cu.cuPointerGetAttribute(&second, CU_POINTER_ATTRIBUTE_BUFFER_ID,
                                memory));
    gpu_say_truth("buffer_id_is_never_given_again", first != second, true,
                  "CU_POINTER_ATTRIBUTE_BUFFER_ID after free and alloc");
    OK(cu.cuMemFree_v2(memory));
}

static void other_memory(void)
{
    void *pinned;
    CUdeviceptr managed;

    OK(cu.cuMemHostAlloc(&pinned, BYTES, 0));
    say_attributes("attributes_pinned", (CUdeviceptr)(uintptr_t)pinned);
    gpu_say_truth("pinned_is_readable",
                  is_readable((CUdeviceptr)(uintptr_t)pinned), false, NULL);
    OK(cu.cuMemFreeHost(pinned));
    /* Little of it: too much managed memory can hang a GPU. */
    if (cu.cuMemAllocManaged(&managed, BYTES, CU_MEM_ATTACH_GLOBAL) ==
        CUDA_SUCCESS) {
        say_attributes("attributes_managed", managed);
        gpu_say_truth("managed_is_readable", is_readable(managed), false,
                      NULL);
        OK(cu.cuMemFree_v2(managed));
    }
}

struct inquiry {
    CUdeviceptr memory;
    CUresult attribute, range, query;
};

static void *inquire(void *opaque)
{
    struct inquiry *inquiry = (struct inquiry *)opaque;
    uint64_t value = 0;
    CUdeviceptr base;
    CUcontext context;
    size_t size;

    OK(cu.cuDevicePrimaryCtxRetain(&context, gpu_device));
    OK(cu.cuCtxSetCurrent(context));
    inquiry->attribute = cu.cuPointerGetAttribute(
        &value, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, inquiry->memory);
    inquiry->range =
        cu.cuMemGetAddressRange_v2(&base, &size, inquiry->memory);
    return NULL;
}

/* Whether another thread's capture forbids questions, or dies of them. */
static void questions_during_a_capture(void)
{
    struct inquiry inquiry = {0};
    CUstream stream;
    CUgraph graph = NULL;
    CUresult ended;
    pthread_t thread;

    OK(cu.cuMemAlloc_v2(&inquiry.memory, BYTES));
    OK(cu.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    OK(cu.cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    if (pthread_create(&thread, NULL, inquire, &inquiry) != 0) {
        exit(1);
    }
    pthread_join(thread, NULL);
    ended = cu.cuStreamEndCapture(stream, &graph);
    gpu_say_truth("questions_are_legal_during_a_capture",
                  inquiry.attribute == CUDA_SUCCESS &&
                      inquiry.range == CUDA_SUCCESS,
                  true, "of another thread, in mode GLOBAL");
    gpu_say_truth("questions_end_a_capture", ended != CUDA_SUCCESS, false,
                  gpu_error_name(ended));
    if (graph != NULL) {
        OK(cu.cuGraphDestroy(graph));
    }
    OK(cu.cuStreamDestroy_v2(stream));
    OK(cu.cuMemFree_v2(inquiry.memory));
}

/* Frameworks size their arenas by what is free. */
static void cost_of_the_module(void)
{
    char *text = gpu_kernel_text("src/verify/fingerprint.ptx");
    size_t before, after, total;
    CUfunction function;
    CUmodule module;
    double start = gpu_now();

    if (text == NULL) {
        exit(1);
    }
    OK(cu.cuMemGetInfo_v2(&before, &total));
    OK(cu.cuModuleLoadData(&module, text));
    OK(cu.cuModuleGetFunction(&function, module, "csh_fingerprint_kernel"));
    gpu_say_number("module_load_ms", (gpu_now() - start) * 1e3, "ms",
                   "the shim's kernels, from kept PTX");
    OK(cu.cuMemGetInfo_v2(&after, &total));
    gpu_say_number("module_vram_bytes", (double)before - (double)after, "B",
                   "by cuMemGetInfo");
    OK(cu.cuModuleUnload(module));
    free(text);
}

static const struct gpu_point points[] = {
    {"access_of_plain_memory", access_of_plain_memory},
    {"access_of_pool_memory", access_of_pool_memory},
    {"virtual_memory", virtual_memory},
    {"ranges_of_plain_memory", ranges_of_plain_memory},
    {"other_memory", other_memory},
    {"questions_during_a_capture", questions_during_a_capture},
    {"cost_of_the_module", cost_of_the_module},
};

int main(int argc, char **argv)
{
    return gpu_main(argc, argv, points, sizeof(points) / sizeof(points[0]));
}
