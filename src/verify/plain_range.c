/*
 * plain_range.c - whether a kernel may read a range.
 *
 * Two questions to the driver: what the memory is (one call for all
 * attributes), and whether one mapping holds the whole of it. The attributes
 * RANGE_START_ADDR and RANGE_SIZE would not do for the latter: of memory
 * mapped by cuMemMap they name the reservation, holes included, where
 * cuMemGetAddressRange names the mapping (cuda.h, cuPointerGetAttribute).
 * Owns nothing; any thread, with no lock held.
 */
#include "verify/prover.h"

#include "base/lock.h"

/* The driver writes one to eight bytes, according to the attribute; each
 * value starts as the one that says no. Little-endian, as all of verify. */
struct csh_attribute {
    CUpointer_attribute name;
    uint64_t value;
};

enum {
    CSH_MEMORY_TYPE,
    CSH_IS_MANAGED,
    CSH_IS_MAPPED,
    CSH_DEVICE_ORDINAL,
    CSH_CONTEXT,
    CSH_ACCESS,
    CSH_N_ATTRIBUTES,
};

static bool csh_attributes_get(const struct csh_prover_calls *calls,
                               CUdeviceptr dptr,
                               struct csh_attribute *attribute)
{
    CUpointer_attribute name[CSH_N_ATTRIBUTES];
    void *data[CSH_N_ATTRIBUTES];
    int i;

    for (i = 0; i < CSH_N_ATTRIBUTES; ++i) {
        name[i] = attribute[i].name;
        data[i] = &attribute[i].value;
    }
    csh_lock_assert_none();
    return calls->cuPointerGetAttributes(CSH_N_ATTRIBUTES, name, data,
                                         dptr) == CUDA_SUCCESS;
}

static bool csh_is_readable_memory(const struct csh_prover_calls *calls,
                                   CUdeviceptr dptr, CUcontext current,
                                   CUdevice device)
{
    struct csh_attribute attribute[CSH_N_ATTRIBUTES] = {
        [CSH_MEMORY_TYPE]    = {CU_POINTER_ATTRIBUTE_MEMORY_TYPE, 0},
        [CSH_IS_MANAGED]     = {CU_POINTER_ATTRIBUTE_IS_MANAGED, 1},
        [CSH_IS_MAPPED]      = {CU_POINTER_ATTRIBUTE_MAPPED, 0},
        [CSH_DEVICE_ORDINAL] = {CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL,
                                UINT32_MAX},
        [CSH_CONTEXT]        = {CU_POINTER_ATTRIBUTE_CONTEXT, 1},
        [CSH_ACCESS]         = {CU_POINTER_ATTRIBUTE_ACCESS_FLAGS, 0},
    };
    uint64_t owner;

    if (!csh_attributes_get(calls, dptr, attribute)) {
        return false;
    }
    owner = attribute[CSH_CONTEXT].value;
    return (attribute[CSH_MEMORY_TYPE].value == CU_MEMORYTYPE_DEVICE) &&
           (attribute[CSH_IS_MANAGED].value == 0) &&
           (attribute[CSH_IS_MAPPED].value != 0) &&
           ((int32_t)attribute[CSH_DEVICE_ORDINAL].value == device) &&
           ((owner == 0) || (owner == (uintptr_t)current)) &&
           ((attribute[CSH_ACCESS].value &
             CU_POINTER_ATTRIBUTE_ACCESS_FLAG_READ) != 0);
}

bool csh_prover_range_is_plain(const struct csh_prover_calls *calls,
                               CUdeviceptr src, size_t n, CUcontext current,
                               CUdevice device)
{
    CUdeviceptr base = 0;
    size_t size      = 0;

    if ((n == 0) || (n > CSH_FINGERPRINT_MAX_BYTES) || (current == NULL) ||
        !csh_is_readable_memory(calls, src, current, device)) {
        return false;
    }
    csh_lock_assert_none();
    if (calls->cuMemGetAddressRange_v2(&base, &size, src) != CUDA_SUCCESS) {
        return false;
    }
    /* Differences, because sums may wrap around; below base they are huge. */
    return (src - base < size) && (n <= size - (src - base));
}
