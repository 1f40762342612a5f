/*
 * interposer.c - somebody else's preloaded object: stands before or behind the
 * shim, in front of one entry of the driver and of dlsym, and counts. It passes
 * calls on to whoever comes next, or with INTERPOSER_ASKS_DRIVER to what the
 * driver's handle gives it.
 */
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cuda.h>
#include <cudaTypedefs.h>

extern void *dlvsym(void *, const char *, const char *);

CUresult cuMemAlloc_v2(CUdeviceptr *dptr_p, size_t bytes)
{
    static int depth;
    void *handle = getenv("INTERPOSER_ASKS_DRIVER") == NULL
                       ? RTLD_NEXT
                       : dlopen("libcuda.so.1", RTLD_LAZY);
    PFN_cuMemAlloc_v3020 next;
    CUresult result;

    if (depth > 0) {
        return CUDA_ERROR_UNKNOWN; /* sent back to itself */
    }
    next = (PFN_cuMemAlloc_v3020)dlsym(handle, "cuMemAlloc_v2");
    printf("interposer: alloc %zu\n", bytes);
    depth++;
    result = next == NULL ? CUDA_ERROR_NOT_INITIALIZED : next(dptr_p, bytes);
    depth--;
    return result;
}

void *dlsym(void *handle, const char *name)
{
    static void *(*next)(void *, const char *);

    if (next == NULL) {
        void *(*libc_dlsym)(void *, const char *);

        libc_dlsym = (void *(*)(void *, const char *))dlvsym(
            RTLD_NEXT, "dlsym", "GLIBC_2.34");
        next = (void *(*)(void *, const char *))libc_dlsym(RTLD_NEXT,
                                                           "dlsym");
    }
    if (handle != RTLD_NEXT && handle != RTLD_DEFAULT &&
        strcmp(name, "cuCtxSetCurrent") == 0) {
        printf("interposer: dlsym %s\n", name);
    }
    return next(handle, name);
}
