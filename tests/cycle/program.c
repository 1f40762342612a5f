/*
 * program.c - the parts that the programs of tests/cycle share. Owns the
 * table of driver entries and the module with the test kernels.
 */
#include "program.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct program_driver cu;
bool under_shim;

static CUfunction fill_kernel, wait_kernel;

void program_fail(const char *file, int line, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s:%d: ", file, line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    /* Not exit(): nothing of the program's is in order any more. */
    _Exit(1);
}

static void *find(void *library, const char *symbol)
{
    void *entry = dlsym(library, symbol);

    if (entry == NULL) {
        program_fail(__FILE__, __LINE__, "no %s in the driver", symbol);
    }
    return entry;
}

void program_start(void)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    CUdevice device;
    CUcontext context;
    CUmodule module;

    CHECK(library != NULL);
#define PROGRAM_X(symbol_, pfn_) cu.symbol_ = (pfn_)find(library, #symbol_);
    PROGRAM_CALLS(PROGRAM_X)
#undef PROGRAM_X
    cu.simcuda_poke = (program_poke *)find(library, "simcuda_poke");
    cu.simcuda_bytes = (program_bytes *)find(library, "simcuda_bytes");
    cu.simcuda_calls = (program_calls *)find(library, "simcuda_calls");
    cu.simcuda_handle_bytes =
        (program_handle_bytes *)find(library, "simcuda_handle_bytes");
    under_shim = getenv("CYCLE_SHIM") != NULL;
    OK(cu.cuInit(0));
    OK(cu.cuDeviceGet(&device, 0));
    OK(cu.cuDevicePrimaryCtxRetain(&context, device));
    OK(cu.cuCtxSetCurrent(context));
    OK(cu.cuModuleLoadData(&module, "test kernels"));
    OK(cu.cuModuleGetFunction(&fill_kernel, module, "fill_u32"));
    OK(cu.cuModuleGetFunction(&wait_kernel, module, "wait_u32"));
}

uint64_t reached_d2h(void)
{
    return cu.simcuda_bytes(SIM_D2H_PAGEABLE) +
           cu.simcuda_bytes(SIM_D2H_PINNED);
}

uint64_t reached_h2d(void)
{
    return cu.simcuda_bytes(SIM_H2D_PAGEABLE) +
           cu.simcuda_bytes(SIM_H2D_PINNED);
}

void *fresh(size_t bytes)
{
    void *memory = NULL;

    CHECK_EQUAL(posix_memalign(&memory, 64, bytes), 0);
    return memory;
}

static uint8_t byte_at(size_t i, uint32_t seed)
{
    uint64_t x = (i / 8 + 1) * 0x9E3779B97F4A7C15ull + seed;

    x ^= x >> 29;
    x *= 0xBF58476D1CE4E5B9ull;
    return (uint8_t)(x >> (8 * (i % 8)));
}

void fill(void *memory, size_t bytes, uint32_t seed)
{
    size_t i;

    for (i = 0; i < bytes; i++) {
        ((uint8_t *)memory)[i] = byte_at(i, seed);
    }
}

bool holds(const void *memory, size_t bytes, uint32_t seed)
{
    size_t i;

    for (i = 0; i < bytes; i++) {
        if (((const uint8_t *)memory)[i] != byte_at(i, seed)) {
            return false;
        }
    }
    return true;
}

void upload(CUdeviceptr dst, const void *src, size_t bytes, CUstream stream)
{
    OK(cu.cuMemcpyHtoDAsync_v2(dst, src, bytes, stream));
    OK(cu.cuStreamSynchronize(stream));
}

void offload(void *dst, CUdeviceptr src, size_t bytes, CUstream stream)
{
    OK(cu.cuMemcpyDtoHAsync_v2(dst, src, bytes, stream));
    OK(cu.cuStreamSynchronize(stream));
}

void spoil(CUdeviceptr device)
{
    cu.simcuda_poke(device, "spoilt: not here", 16);
}

void launch_fill(CUdeviceptr dst, uint32_t value, uint64_t count,
                 CUstream stream)
{
    void *params[] = {&dst, &value, &count};

    OK(cu.cuLaunchKernel(fill_kernel, 1, 1, 1, 32, 1, 1, 0, stream, params,
                         NULL));
}

void launch_wait(CUdeviceptr flag, uint32_t value, CUstream stream)
{
    void *params[] = {&flag, &value};

    OK(cu.cuLaunchKernel(wait_kernel, 1, 1, 1, 1, 1, 1, 0, stream, params,
                         NULL));
}

int program_main(int argc, char **argv, const struct scenario *scenarios,
                 size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (argc == 2 && strcmp(argv[1], "--list") == 0) {
            puts(scenarios[i].name);
        } else if (argc == 2 && strcmp(argv[1], scenarios[i].name) == 0) {
            program_start();
            scenarios[i].run();
            return 0;
        }
    }
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        return 0;
    }
    fprintf(stderr, "usage: %s SCENARIO | --list\n", argv[0]);
    return 2;
}
