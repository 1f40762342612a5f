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
#include "track/watch.h"

static void csh_note_if_newer(void *handle, const char *name)
{
    if (csh_lookup_is_unknown_symbol(name) &&
        csh_driver_claim(csh_driver_dlsym()(handle, name))) {
        csh_driver_note_unknown(name);
    }
}

/* The name is an entry of the driver's, no query, and asked for by somebody
 * else: who gets the driver's own calls it past the shim. */
static bool csh_matters(const char *name, const void *return_address)
{
    return csh_lookup_is_like_ours(name) &&
           !csh_lookup_is_query_symbol(name) && csh_watch_is_on() &&
           !csh_driver_is_itself(return_address);
}

/* Asks for the options, which reads the environment, only for names that
 * nobody but a client of the driver looks up. */
static bool csh_is_served(enum csh_entry entry)
{
    return entry < CSH_N_ENTRIES ||
           (entry < CSH_N_ROWS && entry < csh_wrappers_served());
}

static void *csh_filter(void *handle, const char *name,
                        const void *return_address)
{
    enum csh_entry entry = csh_lookup_symbol(name, CSH_N_ROWS);

    if (csh_is_served(entry) && !csh_driver_is_insider(return_address) &&
        csh_driver_claim(csh_driver_dlsym()(handle, name))) {
        /* A program that looks at dlerror sees its own look-up, which
         * succeeded, not those made while the driver was being bound. */
        (void)csh_driver_dlsym()(handle, name);
        return csh_wrapper(entry);
    }
    if (entry == CSH_ENTRY_NONE) {
        csh_note_if_newer(handle, name);
    }
    if (csh_matters(name, return_address) &&
        csh_driver_dlsym()(handle, name) != NULL) {
        csh_watch_forbid(CSH_GAUGE_cohorts_off_unknown);
    }
    return NULL;
}

/* What a program finds in the global scope is the wrapper if there is one;
 * what an interposer finds behind itself may be the driver's own. */
static void csh_note_unfiltered(void *handle, const char *name,
                                const void *return_address)
{
    void *entry;

    if (csh_matters(name, return_address) &&
        (handle == RTLD_NEXT ||
         csh_lookup_symbol(name, CSH_N_ROWS) == CSH_ENTRY_NONE) &&
        csh_driver_find(name, &entry)) {
        csh_watch_forbid(CSH_GAUGE_cohorts_off_unknown);
    }
}

CSH_INSIDE_DLSYM void *csh_dlsym_filter(void *handle, const char *name,
                                        const void *return_address)
{
    int saved_errno = errno;
    void *wrapper = NULL;

    (void)csh_driver_dlsym();
    if (name == NULL) {
        wrapper = NULL;
    } else if (handle == RTLD_NEXT || handle == RTLD_DEFAULT) {
        /* Here, where nothing is checked: a sanitizer's own look-ups, of
         * libc's names, must not reach functions that are. */
        if (name[0] == 'c' && name[1] == 'u') {
            csh_note_unfiltered(handle, name, return_address);
        }
    } else {
        wrapper = csh_filter(handle, name, return_address);
    }
    errno = saved_errno;
    return wrapper;
}
