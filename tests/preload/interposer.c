/*
 * interposer.c - somebody else's preloaded object: stands before or behind the
 * shim, in front of one entry of the driver and of dlsym, and counts.
 */
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cuda.h>
#include <cudaTypedefs.h>

extern void *dlvsym(void *, const char *, const char *);

CUresult cuMemAlloc_v2(CUdeviceptr *dptr_p, size_t bytes)
{
    PFN_cuMemAlloc_v3020 next =
        (PFN_cuMemAlloc_v3020)dlsym(RTLD_NEXT, "cuMemAlloc_v2");

    printf("interposer: alloc %zu\n", bytes);
    return next == NULL ? CUDA_ERROR_NOT_INITIALIZED : next(dptr_p, bytes);
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
