/*
 * devices.h - what the shim can do for a device, by what the driver says of
 * it. Decided by queries, never by a name or a list of models.
 */
#ifndef CSH_ENGINE_DEVICES_H
#define CSH_ENGINE_DEVICES_H

#include <cuda.h>
#include <stdbool.h>

/* Asks the driver. False: shadows are of no use there, because the device has
 * its memory in common with the host. What was found, and what it means, is
 * said once for each device. Keeps no lock across the call; any thread. */
bool csh_device_is_suited(CUdevice device);

/* Registering host memory may succeed: false once all devices that were asked
 * about say that it is not supported. Shadows then serve unpinned. */
bool csh_devices_may_register(void);

#endif
