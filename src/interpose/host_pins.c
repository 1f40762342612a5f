/*
 * host_pins.c - wrappers of the calls by which the driver pins memory of the
 * program's.
 *
 * A pin for writing gives an alias pages of the program's own, as a store does.
 * One for reading alone does not: NVIDIA's module asks the kernel for it by
 * pin_user_pages() without FOLL_WRITE and without FOLL_LONGTERM
 * (kernel-open/nvidia/os-mlock.c), and gets the shadow's page. What the program
 * stores there afterwards goes to a page of its own, and the device would read
 * the old bytes for ever. So these pages become its own before.
 *
 * Owns nothing, takes no lock.
 */
#include "base/host_changes.h"
#include "driver/driver.h"
#include "engine/engine.h"
#include "interpose/watching.h"

static void before_pinning(const void *host, size_t bytes, unsigned flags)
{
    if ((flags & CU_MEMHOSTREGISTER_READ_ONLY) != 0) {
        csh_host_changing((uintptr_t)host, bytes, CSH_CHANGE_OWN);
    }
}

CUresult cuMemHostRegister(void *host, size_t bytes, unsigned int flags)
{
    PFN_cuMemHostRegister_v4000 real = csh_real_cuMemHostRegister();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    before_pinning(host, bytes, flags);
    result = real(host, bytes, flags);
    if (csh_engine_makes_room(result)) {
        result = real(host, bytes, flags);
    }
    csh_watch_after();
    return result;
}

CUresult cuMemHostRegister_v2(void *host, size_t bytes, unsigned int flags)
{
    PFN_cuMemHostRegister_v6050 real = csh_real_cuMemHostRegister_v2();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    before_pinning(host, bytes, flags);
    result = real(host, bytes, flags);
    if (csh_engine_makes_room(result)) {
        result = real(host, bytes, flags);
    }
    csh_watch_after();
    return result;
}
