/*
 * device.c - the only device and what it says of itself.
 *
 * The figures are those of no real card; they are plausible for compute
 * capability 9.0, and where a program may decide by them they promise what
 * the simulator does: no access to pageable memory, unified addressing, no
 * managed memory.
 */
#include "sim.h"

#include <stdio.h>
#include <string.h>

static const char device_name[] = "Simulated CUDA device";
static const char device_bus_id[] = "0000:5C:00.0";
static const unsigned char device_uuid[16] = "cushadow-sim-0";

/* Attributes that are not 0. */
static const struct {
    CUdevice_attribute attribute;
    int value;
} attributes[] = {
    {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, 1024},
    {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, 1024},
    {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y, 1024},
    {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z, 64},
    {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, 2147483647},
    {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, 65535},
    {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z, 65535},
    {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, 49152},
    {CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY, 65536},
    {CU_DEVICE_ATTRIBUTE_WARP_SIZE, 32},
    {CU_DEVICE_ATTRIBUTE_MAX_PITCH, 2147483647},
    {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK, 65536},
    {CU_DEVICE_ATTRIBUTE_CLOCK_RATE, 1500000},
    {CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT, 512},
    {CU_DEVICE_ATTRIBUTE_GPU_OVERLAP, 1},
    {CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 16},
    {CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY, 1},
    {CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS, 1},
    {CU_DEVICE_ATTRIBUTE_PCI_BUS_ID, 0x5c},
    {CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, 2500000},
    {CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, 5120},
    {CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, 50 << 20},
    {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, 2048},
    {CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT, 3},
    {CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, 1},
    {CU_DEVICE_ATTRIBUTE_TEXTURE_PITCH_ALIGNMENT, 32},
    {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 9},
    {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0},
    {CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_GLOBAL_L1_CACHE_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_LOCAL_L1_CACHE_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, 233472},
    {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR, 65536},
    {CU_DEVICE_ATTRIBUTE_COMPUTE_PREEMPTION_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM, 1},
    {CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH, 1},
    {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, 232448},
    {CU_DEVICE_ATTRIBUTE_CAN_FLUSH_REMOTE_WRITES, 1},
    {CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR, 32},
    {CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK, 1024},
    {CU_DEVICE_ATTRIBUTE_READ_ONLY_HOST_REGISTER_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_CAN_USE_64_BIT_STREAM_MEM_OPS, 1},
    {CU_DEVICE_ATTRIBUTE_CAN_USE_STREAM_WAIT_VALUE_NOR, 1},
};

/* For entries that need the driver, no context, and a device. */
static CUresult begin_device(CUdevice device, const void *output)
{
    CUresult result = sim_begin_driver();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (output == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    return device == 0 ? CUDA_SUCCESS : sim_end(CUDA_ERROR_INVALID_DEVICE);
}

CUresult cuDeviceGet(CUdevice *device_p, int ordinal)
{
    CUresult result;

    SIM_ENTER(cuDeviceGet);
    result = begin_device(ordinal, device_p);
    if (result == CUDA_SUCCESS) {
        *device_p = 0;
        sim_unlock();
    }
    return result;
}

CUresult cuDeviceGetCount(int *count_p)
{
    CUresult result;

    SIM_ENTER(cuDeviceGetCount);
    result = begin_device(0, count_p);
    if (result == CUDA_SUCCESS) {
        *count_p = 1;
        sim_unlock();
    }
    return result;
}

CUresult cuDeviceGetName(char *name, int bytes, CUdevice device)
{
    CUresult result;

    SIM_ENTER(cuDeviceGetName);
    result = begin_device(device, name);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (bytes <= 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    snprintf(name, (size_t)bytes, "%s", device_name);
    return sim_end(CUDA_SUCCESS);
}

static CUresult get_uuid(CUuuid *uuid_p, CUdevice device)
{
    CUresult result = begin_device(device, uuid_p);

    if (result == CUDA_SUCCESS) {
        memcpy(uuid_p->bytes, device_uuid, sizeof(uuid_p->bytes));
        sim_unlock();
    }
    return result;
}

CUresult cuDeviceGetUuid(CUuuid *uuid_p, CUdevice device)
{
    SIM_ENTER(cuDeviceGetUuid);
    return get_uuid(uuid_p, device);
}

CUresult cuDeviceGetUuid_v2(CUuuid *uuid_p, CUdevice device)
{
    SIM_ENTER(cuDeviceGetUuid_v2);
    return get_uuid(uuid_p, device);
}

CUresult cuDeviceTotalMem_v2(size_t *bytes_p, CUdevice device)
{
    CUresult result;

    SIM_ENTER(cuDeviceTotalMem_v2);
    result = begin_device(device, bytes_p);
    if (result == CUDA_SUCCESS) {
        *bytes_p = sim_settings()->memory_bytes;
        sim_unlock();
    }
    return result;
}

CUresult cuDeviceGetAttribute(int *value_p, CUdevice_attribute attribute,
                              CUdevice device)
{
    CUresult result;

    SIM_ENTER(cuDeviceGetAttribute);
    result = begin_device(device, value_p);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (attribute <= 0 || attribute >= CU_DEVICE_ATTRIBUTE_MAX) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    *value_p = 0;
    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        if (attributes[i].attribute == attribute) {
            *value_p = attributes[i].value;
        }
    }
    return sim_end(CUDA_SUCCESS);
}

CUresult cuDeviceComputeCapability(int *major_p, int *minor_p, CUdevice device)
{
    CUresult result;

    SIM_ENTER(cuDeviceComputeCapability);
    result = begin_device(device, major_p);
    if (result == CUDA_SUCCESS) {
        *major_p = 9;
        *minor_p = 0;
        sim_unlock();
    }
    return result;
}

CUresult cuDeviceGetPCIBusId(char *id, int bytes, CUdevice device)
{
    CUresult result;

    SIM_ENTER(cuDeviceGetPCIBusId);
    result = begin_device(device, id);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (bytes < (int)sizeof(device_bus_id)) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    memcpy(id, device_bus_id, sizeof(device_bus_id));
    return sim_end(CUDA_SUCCESS);
}

CUresult cuDeviceGetByPCIBusId(CUdevice *device_p, const char *id)
{
    CUresult result;

    SIM_ENTER(cuDeviceGetByPCIBusId);
    result = begin_device(0, device_p);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (id == NULL || strcmp(id, device_bus_id) != 0) {
        return sim_end(CUDA_ERROR_INVALID_DEVICE);
    }
    *device_p = 0;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuDeviceCanAccessPeer(int *can_p, CUdevice device, CUdevice peer)
{
    CUresult result;

    SIM_ENTER(cuDeviceCanAccessPeer);
    result = begin_device(device, can_p);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (peer != 0) {
        return sim_end(CUDA_ERROR_INVALID_DEVICE);
    }
    *can_p = 0; /* a device is no peer of itself */
    return sim_end(CUDA_SUCCESS);
}
