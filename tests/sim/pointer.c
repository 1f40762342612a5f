/*
 * pointer.c - what the driver says about an address.
 *
 * An address that is neither device nor pinned memory is an error for one
 * attribute and has zeros for many (cuda.h on cuPointerGetAttributes).
 */
#include "sim.h"

#include <string.h>

static size_t attribute_bytes(CUpointer_attribute attribute)
{
    switch (attribute) {
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
    case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES:
    case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
        return 4;
    case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
    case CU_POINTER_ATTRIBUTE_IS_MANAGED:
    case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
    case CU_POINTER_ATTRIBUTE_MAPPED:
    case CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE:
    case CU_POINTER_ATTRIBUTE_IS_HW_DECOMPRESS_CAPABLE:
        return sizeof(bool);
    case CU_POINTER_ATTRIBUTE_CONTEXT:
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
    case CU_POINTER_ATTRIBUTE_HOST_POINTER:
    case CU_POINTER_ATTRIBUTE_BUFFER_ID:
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
    case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE:
    case CU_POINTER_ATTRIBUTE_MAPPING_SIZE:
    case CU_POINTER_ATTRIBUTE_MAPPING_BASE_ADDR:
    case CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID:
        return 8;
    default: /* P2P_TOKENS among them: no such device here */
        return 0;
    }
}

/* Of the device of the current context, as cuda.h words it; without one,
 * nothing. So memory of another context on the same device has them, although
 * a kernel of this context must not touch it. */
static uint64_t access_flags(const struct sim_range *range)
{
    CUcontext context = sim_context_current();

    if (!sim_context_is_alive(context)) {
        return SIM_NEEDS_NOTHING;
    }
    return range->kind != SIM_MAPPED && range->device == context->device
               ? SIM_WRITES
               : sim_range_access(range, context, SIM_KERNEL);
}

static uint64_t attribute_value(const struct sim_range *range,
                                uint64_t address,
                                CUpointer_attribute attribute)
{
    bool is_device = range->kind < SIM_HOST_ALLOCATED;
    bool is_mapped = range->kind == SIM_MAPPED;

    switch (attribute) {
    case CU_POINTER_ATTRIBUTE_CONTEXT:
        return (uintptr_t)range->context;
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
        return is_device ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST;
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
    case CU_POINTER_ATTRIBUTE_HOST_POINTER:
        return address;
    case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
        return range->sync_memops;
    case CU_POINTER_ATTRIBUTE_BUFFER_ID:
        return range->buffer_id;
    case CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID:
        return range->block_id;
    case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
        return range->kind == SIM_DEVICE && range->pool == NULL;
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
        return is_mapped ? range->area_base : range->base;
    case CU_POINTER_ATTRIBUTE_MAPPING_BASE_ADDR:
        return range->base;
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
        return is_mapped ? range->area_bytes : range->bytes;
    case CU_POINTER_ATTRIBUTE_MAPPING_SIZE:
        return range->bytes;
    case CU_POINTER_ATTRIBUTE_IS_MANAGED:
        return range->kind == SIM_MANAGED;
    case CU_POINTER_ATTRIBUTE_MAPPED:
        return 1;
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
        return (uint64_t)range->device;
    case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES:
        return is_mapped ? range->flags : 0;
    case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
        return access_flags(range);
    case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE:
        return (uintptr_t)range->pool;
    default: /* what the device cannot do */
        return 0;
    }
}

/* Reserved addresses that nothing is mapped at: what the reservation itself
 * answers. */
static bool reserved_value(uint64_t address, CUpointer_attribute attribute,
                           uint64_t *value_p)
{
    uint64_t base;
    size_t bytes;

    if (sim_is_device_memory(address) ||
        !sim_area_find(address, &base, &bytes)) {
        return false;
    }
    *value_p = attribute == CU_POINTER_ATTRIBUTE_RANGE_START_ADDR ? base
               : attribute == CU_POINTER_ATTRIBUTE_RANGE_SIZE     ? bytes
                                                                  : 0;
    return attribute == CU_POINTER_ATTRIBUTE_MAPPED || *value_p != 0;
}

static CUresult get_attribute(void *data, CUpointer_attribute attribute,
                              uint64_t address, bool tolerant)
{
    const struct sim_range *range = sim_range_find(address, 0);
    size_t bytes = attribute_bytes(attribute);
    uint64_t value = 0;

    if (data == NULL || bytes == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (range == NULL && reserved_value(address, attribute, &value)) {
        memcpy(data, &value, bytes);
        return CUDA_SUCCESS;
    }
    value = 0;
    if (range == NULL ||
        (attribute == CU_POINTER_ATTRIBUTE_HOST_POINTER &&
         range->kind < SIM_MANAGED)) {
        if (!tolerant) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        if (attribute == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL) {
            value = (uint64_t)CU_DEVICE_INVALID;
        }
    } else {
        value = attribute_value(range, address, attribute);
    }
    memcpy(data, &value, bytes); /* little-endian machines */
    return CUDA_SUCCESS;
}

CUresult cuPointerGetAttribute(void *data, CUpointer_attribute attribute,
                               CUdeviceptr address)
{
    CUresult result;

    SIM_ENTER(cuPointerGetAttribute);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    return sim_end(get_attribute(data, attribute, address, false));
}

CUresult cuPointerGetAttributes(unsigned int n_attributes,
                                CUpointer_attribute *attributes, void **data,
                                CUdeviceptr address)
{
    CUresult result;

    SIM_ENTER(cuPointerGetAttributes);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (attributes == NULL || data == NULL || n_attributes == 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    for (unsigned i = 0; i < n_attributes && result == CUDA_SUCCESS; i++) {
        result = get_attribute(data[i], attributes[i], address, true);
    }
    return sim_end(result);
}

CUresult cuPointerSetAttribute(const void *value,
                               CUpointer_attribute attribute,
                               CUdeviceptr address)
{
    struct sim_range *range;
    CUresult result;

    SIM_ENTER(cuPointerSetAttribute);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    range = sim_range_find(address, 0);
    if (value == NULL || range == NULL || range->kind > SIM_IMPORTED ||
        attribute != CU_POINTER_ATTRIBUTE_SYNC_MEMOPS) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    range->sync_memops = *(const unsigned *)value != 0;
    return sim_end(CUDA_SUCCESS);
}
