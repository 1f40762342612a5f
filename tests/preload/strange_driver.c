/*
 * strange_driver.c - the fewest entries that make a libcuda, for what the
 * simulated driver cannot be: newer than the shim's headers, or a library of
 * another name that has the driver's names. Each entry returns a number of its
 * own.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The library's own pointers to its entries are to the second name, which no
 * preloaded object can stand in front of. */
#define ENTRY(name_, number_)                                                 \
    static int own_##name_(void)                                              \
    {                                                                         \
        return number_;                                                       \
    }                                                                         \
    int name_(void) __attribute__((alias("own_" #name_)));

ENTRY(cuInit, 801)
ENTRY(cuTexRefGetMaxAnisotropy, 802)
ENTRY(cuMemAlloc_v2, 803)
ENTRY(cuMemcpyWithAttributesAsync, 804)
ENTRY(cuMulticastBindMem, 805)
/* An ABI that came after the shim was written. */
ENTRY(cuMulticastBindMem_v2, 806)

int cuGetProcAddress_v2(const char *name, void **entry_p, int version,
                        uint64_t flags, int *status_p);

int cuGetProcAddress_v2(const char *name, void **entry_p, int version,
                        uint64_t flags, int *status_p)
{
    static const struct {
        const char *name;
        int since;
        int (*entry)(void);
    } entries[] = {
        {"cuMulticastBindMem", 99000, own_cuMulticastBindMem_v2},
        {"cuMulticastBindMem", 12010, own_cuMulticastBindMem},
        {"cuMemcpyWithAttributesAsync", 13020, own_cuMemcpyWithAttributesAsync},
        {"cuMemAlloc", 3020, own_cuMemAlloc_v2},
        {"cuCtxSynchronize", 2000, own_cuMemAlloc_v2},
    };
    size_t i;

    (void)flags;
    (void)status_p;
    for (i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        if (strcmp(entries[i].name, name) == 0 &&
            entries[i].since <= version) {
            *entry_p = (void *)entries[i].entry;
            return 0;
        }
    }
    *entry_p = NULL;
    return 500;
}
