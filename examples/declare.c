/*
 * declare.c - a CUDA program that tells cushadow what its weights are. Runs the
 * same without cushadow:
 *
 *     cc -I include -I /usr/local/cuda/include examples/declare.c -o declare
 *     ./declare
 *     LD_PRELOAD=libcushadow.so CUSHADOW_MODE=trust ./declare
 */
#include <cuda.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cushadow.h>

#define BYTES ((size_t)1 << 20)
#define CALL(name_, ...) check(name_ __VA_ARGS__, #name_)

/* The driver's entries, as the runtime library gets them. */
static CUresult (*init)(unsigned);
static CUresult (*retain)(CUcontext *, CUdevice);
static CUresult (*use)(CUcontext);
static CUresult (*allocate)(CUdeviceptr *, size_t);
static CUresult (*upload)(CUdeviceptr, const void *, size_t);
static CUresult (*offload)(void *, CUdeviceptr, size_t);
static CUresult (*fill)(CUdeviceptr, unsigned char, size_t);

static void check(CUresult result, const char *what)
{
    if (result != CUDA_SUCCESS) {
        fprintf(stderr, "%s: CUDA error %d\n", what, (int)result);
        exit(1);
    }
}

static void find(void *entry_p, const char *name)
{
    static void *driver;
    void *entry;

    if (driver == NULL) {
        driver = dlopen("libcuda.so.1", RTLD_NOW);
    }
    entry = driver != NULL ? dlsym(driver, name) : NULL;
    if (entry == NULL) {
        fprintf(stderr, "no CUDA driver with %s\n", name);
        exit(1);
    }
    memcpy(entry_p, &entry, sizeof(entry));
}

static void start(void)
{
    CUcontext context;

    find(&init, "cuInit");
    find(&retain, "cuDevicePrimaryCtxRetain");
    find(&use, "cuCtxSetCurrent");
    find(&allocate, "cuMemAlloc_v2");
    find(&upload, "cuMemcpyHtoD_v2");
    find(&offload, "cuMemcpyDtoH_v2");
    find(&fill, "cuMemsetD8_v2");
    CALL(init, (0));
    CALL(retain, (&context, 0));
    CALL(use, (context));
}

/* What became of this model. */
static void print_figure(const char *model, const char *name, uint64_t value,
                         void *wanted)
{
    if (model != NULL && strcmp(model, wanted) == 0) {
        printf("%s: %s %llu\n", model, name, (unsigned long long)value);
    }
}

int main(void)
{
    unsigned char *host = malloc(BYTES);
    unsigned version = cushadow_version();
    enum cushadow_result result;
    CUdeviceptr device;
    char model[] = "example";

    if (host == NULL) {
        return 1;
    }
    memset(host, 1, BYTES);
    start();
    CALL(allocate, (&device, BYTES));

    /* This memory is a weight, and nobody changes it for good. */
    result = cushadow_register_device(device, BYTES, model, "weight",
                                      CUSHADOW_IMMUTABLE);
    if (version == 0) {
        printf("without cushadow: %s\n", cushadow_strerror(result));
    } else {
        printf("with cushadow: %s\n", cushadow_strerror(result));
    }

    CALL(upload, (device, host, BYTES));
    CALL(fill, (device, 2, BYTES)); /* a patch, for this load only */
    CALL(offload, (host, device, BYTES));
    printf("the weight is %s\n", host[0] == 1 ? "as uploaded" : "patched");

    (void)cushadow_statistics(print_figure, model);
    (void)cushadow_unregister_device(device);
    free(host);
    return 0;
}
