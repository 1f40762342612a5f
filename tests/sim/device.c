/*
 * device.c - the devices (SIMCUDA_DEVICES, all alike) and what they say of
 * themselves.
 *
 * The figures are those of no real card; they are plausible for compute
 * capability 9.0, and where a program may decide by them they promise what
 * the simulator does: no access to pageable memory, unified addressing,
 * managed memory that host and devices may touch at any time.
 */
#include "sim.h"

#include <stdio.h>
#include <string.h>

static const char device_name[] = "Simulated CUDA device";
#define BUS_ID_FORMAT "0000:%02X:00.0"
#define BUS_ID_BYTES sizeof("0000:5C:00.0")
#define FIRST_BUS 0x5c

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
    {CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY, 1},
    {CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS, 1},
    {CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_PCI_BUS_ID, FIRST_BUS},
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

bool sim_is_device(CUdevice device)
{
    return device >= 0 && (uint64_t)device < sim_settings()->n_devices;
}

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
    return sim_is_device(device) ? CUDA_SUCCESS
                                 : sim_end(CUDA_ERROR_INVALID_DEVICE);
}

CUresult cuDeviceGet(CUdevice *device_p, int ordinal)
{
    CUresult result;

    SIM_ENTER(cuDeviceGet);
    result = begin_device(ordinal, device_p);
    if (result == CUDA_SUCCESS) {
        *device_p = ordinal;
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
        *count_p = (int)sim_settings()->n_devices;
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
        snprintf(uuid_p->bytes, sizeof(uuid_p->bytes), "cushadow-sim-%d",
                 device);
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

/* What SIMCUDA_BEHAVIOUR makes of a device. One that is coherent only says so:
 * its kernels reach pageable memory no more than others do. */
static void set_attribute(CUdevice_attribute attribute, int *value_p)
{
    const struct sim_settings *settings = sim_settings();

    switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_INTEGRATED:
        *value_p = settings->device_is_integrated;
        break;
    case CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS:
    case CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS_USES_HOST_PAGE_TABLES:
        *value_p = settings->device_is_coherent;
        break;
    case CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED:
        *value_p = !settings->host_registers_not;
        break;
    default:
        break;
    }
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
    if (attribute == CU_DEVICE_ATTRIBUTE_PCI_BUS_ID) {
        *value_p += device;
    }
    set_attribute(attribute, value_p);
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
    if (bytes < (int)BUS_ID_BYTES) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    snprintf(id, (size_t)bytes, BUS_ID_FORMAT, (unsigned)(FIRST_BUS + device));
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
    for (CUdevice device = 0; id != NULL && sim_is_device(device); device++) {
        char own[32];

        snprintf(own, sizeof(own), BUS_ID_FORMAT,
                 (unsigned)(FIRST_BUS + device));
        if (strcmp(id, own) == 0) {
            *device_p = device;
            return sim_end(CUDA_SUCCESS);
        }
    }
    return sim_end(CUDA_ERROR_INVALID_DEVICE);
}

CUresult cuDeviceCanAccessPeer(int *can_p, CUdevice device, CUdevice peer)
{
    CUresult result;

    SIM_ENTER(cuDeviceCanAccessPeer);
    result = begin_device(device, can_p);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (!sim_is_device(peer)) {
        return sim_end(CUDA_ERROR_INVALID_DEVICE);
    }
    *can_p = peer != device; /* a device is no peer of itself */
    return sim_end(CUDA_SUCCESS);
}
