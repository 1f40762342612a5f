/*
 * pointers.c - wrappers of the questions about a pointer. They are queries,
 * but for one attribute: P2P_TOKENS lets another device write the memory.
 *
 * Owns nothing, takes no lock.
 */
#include "driver/driver.h"
#include "interpose/watching.h"

static void csh_note_attribute(CUpointer_attribute attribute, CUresult result)
{
    if (result == CUDA_SUCCESS && attribute == CU_POINTER_ATTRIBUTE_P2P_TOKENS) {
        csh_watch_forbid(CSH_GAUGE_cohorts_off_shared);
    }
}

CUresult cuPointerGetAttribute(void *data, CUpointer_attribute attribute,
                               CUdeviceptr dptr)
{
    PFN_cuPointerGetAttribute_v4000 real = csh_real_cuPointerGetAttribute();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    result = real(data, attribute, dptr);
    csh_note_attribute(attribute, result);
    return result;
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
    result = real(n, attributes, data, dptr);
    for (i = 0; i < n && result == CUDA_SUCCESS; i++) {
        csh_note_attribute(attributes[i], result);
    }
    return result;
}
