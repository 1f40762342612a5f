/*
 * dlsym.c - which of the process's dlsym calls get a wrapper.
 *
 * Only an exact name of the table, asked of an explicit handle, by someone
 * who is a client of the driver, that the real dlsym finds in the libcuda
 * which the shim serves. RTLD_DEFAULT finds the exported wrapper by itself;
 * RTLD_NEXT is another interposer asking for what lies behind it.
 *
 * Runs in any thread, before constructors, possibly inside a memory
 * allocator: no lock, no allocation and no lazily allocated thread-local
 * storage here; of a name that is not like the driver's a few characters are
 * read.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#include "base/compiler.h"
#include "driver/driver.h"
#include "interpose/wrappers.h"

static void csh_note_if_newer(void *handle, const char *name)
{
    if (csh_lookup_is_unknown_symbol(name) &&
        csh_driver_claim(csh_driver_dlsym()(handle, name))) {
        csh_driver_note_unknown(name);
    }
}

static void *csh_filter(void *handle, const char *name,
                        const void *return_address)
{
    enum csh_entry entry = csh_lookup_symbol(name);

    if (entry == CSH_ENTRY_NONE) {
        csh_note_if_newer(handle, name);
        return NULL;
    }
    if (csh_driver_is_insider(return_address) ||
        !csh_driver_claim(csh_driver_dlsym()(handle, name))) {
        return NULL;
    }
    /* A program that looks at dlerror sees its own look-up, which succeeded,
     * not those made while the driver was being bound. */
    (void)csh_driver_dlsym()(handle, name);
    return csh_wrapper(entry);
}

CSH_INSIDE_DLSYM void *csh_dlsym_filter(void *handle, const char *name,
                                        const void *return_address)
{
    int saved_errno = errno;
    void *wrapper = NULL;

    (void)csh_driver_dlsym();
    if (handle != RTLD_NEXT && handle != RTLD_DEFAULT && name != NULL) {
        wrapper = csh_filter(handle, name, return_address);
    }
    errno = saved_errno;
    return wrapper;
}
