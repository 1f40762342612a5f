/*
 * pointers.c - wrappers of the questions about a pointer. They are queries,
 * but for one attribute: P2P_TOKENS lets another device write the memory.
 *
 * Owns nothing, takes no lock.
 */
#include "driver/driver.h"
#include "engine/engine.h"
#include "interpose/watching.h"

static void csh_note_attribute(CUpointer_attribute attribute)
{
    if (attribute == CU_POINTER_ATTRIBUTE_P2P_TOKENS) {
        csh_watch_forbid(CSH_GAUGE_cohorts_off_shared);
    }
}

CUresult cuPointerGetAttribute(void *data, CUpointer_attribute attribute,
                               CUdeviceptr dptr)
{
    PFN_cuPointerGetAttribute_v4000 real = csh_real_cuPointerGetAttribute();

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_note_attribute(attribute);
    return real(data, attribute, csh_engine_visible(dptr));
}

/* The array is read only if the driver has read it, as it has when it has
 * nothing against the call, or something against one attribute: the answers
 * before that one are given. */
static bool csh_is_array_read(CUresult result)
{
    return result == CUDA_SUCCESS || result == CUDA_ERROR_INVALID_VALUE ||
           result == CUDA_ERROR_NOT_SUPPORTED;
}

CUresult cuPointerGetAttributes(unsigned int n,
                                CUpointer_attribute *attributes, void **data,
                                CUdeviceptr dptr)
{
    PFN_cuPointerGetAttributes_v7000 real = csh_real_cuPointerGetAttributes();
    CUresult result;
    unsigned int i;

    if (real == NULL) {
        return csh_driver_absent();
    }
    result = real(n, attributes, data, csh_engine_visible(dptr));
    for (i = 0; attributes != NULL && data != NULL && i < n &&
                csh_is_array_read(result);
         i++) {
        csh_note_attribute(attributes[i]);
    }
    return result;
}
