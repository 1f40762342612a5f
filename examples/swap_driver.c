/*
 * swap_driver.c - finds the driver's entries.
 *
 * Owns the order of look-ups, which is libcudart's: cuGetProcAddress_v2 by
 * dlsym, a probe with the empty name, then the resolver asked for itself, and
 * that answer asked for the rest by base name, version and flags. A driver
 * without the resolver (before CUDA 12) is asked by dlsym with exact symbol
 * names. One thread.
 */
#include "swap_driver.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    const char *symbol;
    const char *base;
    int version;
    size_t offset; /* of the typed slot in struct swap_driver */
};

static const struct entry entries[] = {
#define SWAP_X(symbol_, base_, version_, type_) \
    {#symbol_, base_, version_, offsetof(struct swap_driver, symbol_)},
    SWAP_DRIVER_ENTRIES(SWAP_X)
#undef SWAP_X
};

/* The driver's own resolver, or NULL if it has none. */
static PFN_cuGetProcAddress_v12000 find_resolver(void *library)
{
    PFN_cuGetProcAddress_v12000 resolver, itself = NULL;
    CUdriverProcAddressQueryResult status;
    void *probe = NULL;

    *(void **)&resolver = dlsym(library, "cuGetProcAddress_v2");
    if (resolver == NULL) {
        return NULL;
    }

    (void)resolver("", &probe, 0, CU_GET_PROC_ADDRESS_DEFAULT, &status);
    if (resolver("cuGetProcAddress", (void **)&itself, 12000,
                 CU_GET_PROC_ADDRESS_DEFAULT, &status) == CUDA_SUCCESS &&
        itself != NULL) {
        return itself;
    }
    return resolver;
}

static void *find_entry(void *library, PFN_cuGetProcAddress_v12000 resolver,
                        const struct entry *entry)
{
    CUdriverProcAddressQueryResult status;
    void *address = NULL;

    if (resolver != NULL &&
        resolver(entry->base, &address, entry->version,
                 CU_GET_PROC_ADDRESS_DEFAULT, &status) == CUDA_SUCCESS &&
        address != NULL) {
        return address;
    }
    return dlsym(library, entry->symbol);
}

static const char *error_name(const struct swap_driver *driver,
                              CUresult result)
{
    const char *name = NULL;

    if (driver->cuGetErrorName == NULL ||
        driver->cuGetErrorName(result, &name) != CUDA_SUCCESS ||
        name == NULL) {
        return "an error without a name";
    }
    return name;
}

bool swap_driver_open(struct swap_driver *driver)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW);
    PFN_cuGetProcAddress_v12000 resolver;
    CUresult result;
    size_t i;

    memset(driver, 0, sizeof(*driver));
    if (library == NULL) {
        fprintf(stderr, "swap: no CUDA driver: %s\n", dlerror());
        return false;
    }

    resolver = find_resolver(library);
    for (i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        void *address = find_entry(library, resolver, &entries[i]);

        if (address == NULL) {
            fprintf(stderr, "swap: the CUDA driver has no %s\n",
                    entries[i].symbol);
            return false;
        }
        memcpy((char *)driver + entries[i].offset, &address,
               sizeof(address));
    }

    result = driver->cuInit(0);
    if (result != CUDA_SUCCESS) {
        fprintf(stderr, "swap: cuInit: %s (%d)\n",
                error_name(driver, result), (int)result);
        return false;
    }
    return true;
}

void swap_driver_check(const struct swap_driver *driver, CUresult result,
                       const char *call)
{
    if (result != CUDA_SUCCESS) {
        fprintf(stderr, "swap: %s: %s (%d)\n", call,
                error_name(driver, result), (int)result);
        exit(1);
    }
}
