/*
 * strange_driver.c - the fewest entries that make a libcuda, for what the
 * simulated driver cannot be: newer than the shim's headers, or a library of
 * another name that has the driver's names. Each entry returns a number of its
 * own.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ENTRY(name_, number_)                                                 \
    int name_(void);                                                          \
    int name_(void)                                                           \
    {                                                                         \
        return number_;                                                       \
    }

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
        {"cuMulticastBindMem", 99000, cuMulticastBindMem_v2},
        {"cuMulticastBindMem", 12010, cuMulticastBindMem},
        {"cuMemcpyWithAttributesAsync", 13020, cuMemcpyWithAttributesAsync},
        {"cuMemAlloc", 3020, cuMemAlloc_v2},
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
