/*
 * gpu.c - see gpu.h. Owns the table of entries, the context and the kernels;
 * started once, by the main thread.
 */
#include "gpu.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct gpu_driver cu;
void *gpu_library;
CUdevice gpu_device;
bool gpu_is_simulated;

static CUfunction fill_kernel, read_kernel, copy_kernel, wait_kernel;

void gpu_check(CUresult result, const char *call, const char *file, int line)
{
    if (result != CUDA_SUCCESS) {
        fprintf(stderr, "%s:%d: %s: %s\n", file, line, call,
                gpu_error_name(result));
        _Exit(1);
    }
}

const char *gpu_error_name(CUresult result)
{
    const char *name = NULL;

    cu.cuGetErrorName(result, &name);
    return name != NULL ? name : "an error without a name";
}

double gpu_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

double gpu_median(double *values, size_t n)
{
    qsort(values, n, sizeof(values[0]), compare);
    return values[n / 2];
}

static _Noreturn void skip(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(77);
}

char *gpu_kernel_text(const char *path)
{
    const char *top = getenv("CSH_SRC");
    char full[4096], *text = NULL;
    FILE *file;
    size_t n;

    snprintf(full, sizeof(full), "%s/%s", top != NULL ? top : ".", path);
    file = fopen(full, "r");
    if (file != NULL) {
        text = calloc(1, 1 << 20);
        n = text != NULL ? fread(text, 1, (1 << 20) - 1, file) : 0;
        fclose(file);
        if (n == 0) {
            free(text);
            text = NULL;
        }
    }
    return text;
}

static CUmodule load(const char *path)
{
    char *text = gpu_kernel_text(path);
    CUmodule module;

    if (text == NULL) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(1);
    }
    OK(cu.cuModuleLoadData(&module, text));
    free(text);
    return module;
}

static void load_kernels(void)
{
    CUmodule swap = load("examples/swap_kernels.ptx");
    CUmodule own = load("tests/gpu/gpu_kernels.ptx");

    OK(cu.cuModuleGetFunction(&fill_kernel, swap, "fill_u32"));
    OK(cu.cuModuleGetFunction(&wait_kernel, own, "wait_u32"));
    if (gpu_is_simulated) { /* which has no kernel that only reads */
        OK(cu.cuModuleGetFunction(&read_kernel, swap, "digest_u64"));
    } else {
        OK(cu.cuModuleGetFunction(&read_kernel, own, "read_u64"));
        OK(cu.cuModuleGetFunction(&copy_kernel, own, "copy_u64"));
    }
}

void gpu_start(void)
{
    CUcontext context;
    int n_devices = 0;

    /* A kernel that is loaded when it is first launched waits for those that
     * run, which here are let go by what comes after that launch. */
    setenv("CUDA_MODULE_LOADING", "EAGER", 0);
    gpu_library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (gpu_library == NULL) {
        skip("no CUDA driver");
    }
#define GPU_X(symbol_, pfn_)                             \
    cu.symbol_ = (pfn_)dlsym(gpu_library, #symbol_);     \
    if (cu.symbol_ == NULL) {                            \
        skip("the CUDA driver has no " #symbol_);        \
    }
    GPU_CALLS(GPU_X)
#undef GPU_X
    gpu_is_simulated = dlsym(gpu_library, "simcuda_bytes") != NULL;
    if (cu.cuInit(0) != CUDA_SUCCESS ||
        cu.cuDeviceGetCount(&n_devices) != CUDA_SUCCESS || n_devices == 0) {
        skip("no GPU");
    }
    OK(cu.cuDeviceGet(&gpu_device, 0));
    OK(cu.cuDevicePrimaryCtxRetain(&context, gpu_device));
    OK(cu.cuCtxSetCurrent(context));
    load_kernels();
}

/* ---- kernels ---- */

static unsigned multiprocessors(void)
{
    int n = 1;

    OK(cu.cuDeviceGetAttribute(
        &n, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, gpu_device));
    return (unsigned)n;
}

void gpu_gate_make(struct gpu_gate *gate)
{
    void *word;

    OK(cu.cuMemHostAlloc(&word, 64, CU_MEMHOSTALLOC_DEVICEMAP));
    OK(cu.cuMemHostGetDevicePointer_v2(&gate->device_word, word, 0));
    gate->word = (volatile uint32_t *)word;
    *gate->word = 0;
}

void gpu_gate_launch(struct gpu_gate *gate, CUstream stream, bool own_device)
{
    uint32_t value = 1;
    void *params[] = {&gate->device_word, &value};
    /* Two blocks of 1,024 threads fill a multiprocessor of most GPUs. */
    unsigned n_blocks = own_device ? 2 * multiprocessors() : 1;

    *gate->word = 0;
    OK(cu.cuLaunchKernel(wait_kernel, n_blocks, 1, 1,
                         own_device ? 1024 : 1, 1, 1, 0, stream, params,
                         NULL));
}

void gpu_gate_release(struct gpu_gate *gate)
{
    __atomic_store_n(gate->word, 1, __ATOMIC_SEQ_CST);
}

void gpu_fill(CUdeviceptr words, uint32_t value, size_t bytes,
              CUstream stream)
{
    uint64_t count = bytes / 4;
    void *params[] = {&words, &value, &count};

    OK(cu.cuLaunchKernel(fill_kernel, 1024, 1, 1, 256, 1, 1, 0, stream,
                         params, NULL));
}

void gpu_copy(CUdeviceptr to, CUdeviceptr from, size_t bytes,
              CUstream stream)
{
    uint64_t count = bytes;
    void *params[] = {&to, &from, &count};

    OK(cu.cuLaunchKernel(copy_kernel, 8 * multiprocessors(), 1, 1, 256, 1, 1,
                         0, stream, params, NULL));
}

void gpu_read(CUdeviceptr data, size_t bytes, CUdeviceptr sum,
              CUstream stream)
{
    uint64_t count = bytes;
    void *params[] = {&sum, &data, &count};

    OK(cu.cuLaunchKernel(read_kernel, 8 * multiprocessors(), 1, 1, 256, 1, 1,
                         0, stream, params, NULL));
}

/* ---- answers ---- */

static void say_quoted(const char *text)
{
    putchar('"');
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\') {
            printf("\\%c", c);
        } else if (c < 0x20 || c > 0x7e) {
            printf("\\u%04x", c);
        } else {
            putchar(c);
        }
    }
    putchar('"');
}

static void begin(const char *name)
{
    printf("{\"name\": ");
    say_quoted(name);
    printf(", \"simulated\": %s, \"value\": ",
           gpu_is_simulated ? "true" : "false");
}

static void end(const char *remark)
{
    if (remark != NULL) {
        printf(", \"remark\": ");
        say_quoted(remark);
    }
    printf("}\n");
    fflush(stdout);
}

void gpu_say_number(const char *name, double value, const char *unit,
                    const char *remark)
{
    begin(name);
    printf("%.9g, \"unit\": ", value);
    say_quoted(unit);
    end(remark);
}

void gpu_say_text(const char *name, const char *value, const char *remark)
{
    begin(name);
    say_quoted(value);
    end(remark);
}

void gpu_say_truth(const char *name, bool is, bool assumed,
                   const char *remark)
{
    begin(name);
    printf("%s, \"assumed\": %s", is ? "true" : "false",
           assumed ? "true" : "false");
    end(remark);
}

/* ---- several checks in one program ---- */

static void run_named(const char *name, const struct gpu_point *points,
                      size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (strcmp(points[i].name, name) == 0) {
            points[i].run();
            return;
        }
    }
    fprintf(stderr, "no check %s\n", name);
    exit(2);
}

int gpu_main(int argc, char **argv, const struct gpu_point *points,
             size_t count)
{
    size_t i;

    if (argc > 1 && strcmp(argv[1], "--list") == 0) {
        for (i = 0; i < count; i++) {
            puts(points[i].name);
        }
        return 0;
    }
    gpu_start();
    for (i = 1; i < (size_t)argc; i++) {
        run_named(argv[i], points, count);
    }
    for (i = 0; argc == 1 && i < count; i++) {
        points[i].run();
    }
    return 0;
}
