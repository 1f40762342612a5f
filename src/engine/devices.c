/*
 * devices.c - see devices.h.
 *
 * Owns two words: devices that can register host memory and those that
 * cannot, a bit each (a device with a high number shares the last one). They
 * only ever gain bits. No lock.
 */
#include "engine/devices.h"

#include <stdatomic.h>
#include <stdint.h>

#include "base/log.h"
#include "engine/calls.h"

static _Atomic uint64_t known, can_register, cannot_register;

/* What a driver does not know of, its devices are not (or can, as all could
 * before it could be asked). */
static bool ask(CUdevice device, CUdevice_attribute attribute,
                bool if_unknown)
{
    int value = 0;

    return csh_calls()->cuDeviceGetAttribute(&value, attribute, device) ==
                   CUDA_SUCCESS
               ? value != 0
               : if_unknown;
}

static uint64_t bit_of(CUdevice device)
{
    return UINT64_C(1) << (device >= 0 && device < 63 ? device : 63);
}

static void say(CUdevice device, bool is_integrated, bool is_coherent,
                bool may_register)
{
    if (is_integrated) {
        csh_info("engine", "device %d has the host's memory for its own: a "
                           "shadow would be one copy more in it, so there are "
                           "none and its copies are forwarded", (int)device);
    } else if (is_coherent) {
        csh_info("engine", "device %d reads the host's pages over a coherent "
                           "link: no shadows, its copies are forwarded",
                 (int)device);
    }
    if (!may_register) {
        csh_info("engine", "device %d cannot register host memory: shadows "
                           "stay unpinned, reloads are as slow as ever",
                 (int)device);
    }
}

bool csh_device_is_suited(CUdevice device)
{
    uint64_t bit = bit_of(device);
    bool is_integrated = ask(device, CU_DEVICE_ATTRIBUTE_INTEGRATED, false);
    bool is_coherent = ask(
        device,
        CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS_USES_HOST_PAGE_TABLES,
        false);
    bool may_register =
        ask(device, CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED, true);

    atomic_fetch_or(may_register ? &can_register : &cannot_register, bit);
    if ((atomic_fetch_or(&known, bit) & bit) == 0) {
        say(device, is_integrated, is_coherent, may_register);
    }
    return !is_integrated && !is_coherent;
}

bool csh_devices_may_register(void)
{
    return atomic_load(&cannot_register) == 0 ||
           atomic_load(&can_register) != 0;
}
