/*
 * driver.h - the real libcuda behind the shim: where its entries are and who
 * is calling.
 *
 * One libcuda is served: the one that a client uses first, by dlsym, by
 * cuGetProcAddress or by an ELF call. It is found, never loaded, and kept
 * from being unloaded. Entries of a second one are handed out as they are.
 * All functions may be called from any thread and before any constructor,
 * take no lock of the shim and keep errno.
 */
#ifndef CSH_DRIVER_DRIVER_H
#define CSH_DRIVER_DRIVER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/compiler.h"
#include "driver/lookup.h"
#include "driver/surface.h"

/* The exported wrappers, each of NVIDIA's own type. */
#define CSH_X(symbol_, base_, since_, flavour_, pfn_, ...)                    \
    extern CSH_EXPORT __typeof__(*(pfn_)0) symbol_;
CSH_SURFACE_ALL(CSH_X)
#undef CSH_X

/* The real entries, NULL until the driver is bound, then unchanging. The same
 * words by row, for what treats all alike, and by name with their types. */
union csh_driver_entries {
    struct {
#define CSH_X(symbol_, base_, since_, flavour_, pfn_, ...)                    \
        _Atomic(pfn_) symbol_;
        CSH_SURFACE_ALL(CSH_X)
#undef CSH_X
    };
    _Atomic(void *) row[CSH_N_ROWS];
};

/* Hidden, so that a wrapper reaches its slot by one load. */
extern union csh_driver_entries csh_driver
    __attribute__((visibility("hidden")));

/* The real entry of a row, binding the driver if nobody has: NULL if
 * no libcuda is loaded or it lacks the entry. */
void *csh_driver_resolve(enum csh_entry entry) CSH_COLD;

/* What a wrapper returns if it has no real entry: NOT_INITIALIZED without a
 * driver, NOT_FOUND if the driver is older than the entry. */
CUresult csh_driver_absent(void) CSH_COLD;

/* csh_real_<symbol>(): the real entry of that very symbol, or NULL. */
#define CSH_X(symbol_, base_, since_, flavour_, pfn_, ...)                    \
    static inline pfn_ csh_real_##symbol_(void)                               \
    {                                                                         \
        pfn_ real = atomic_load_explicit(&csh_driver.symbol_,                 \
                                         memory_order_acquire);               \
                                                                              \
        if (CSH_UNLIKELY(real == NULL)) {                                     \
            real = (pfn_)csh_driver_resolve(CSH_ENTRY_##symbol_);             \
        }                                                                     \
        return real;                                                          \
    }
CSH_SURFACE_ALL(CSH_X)
#undef CSH_X

/* The real entry by its ELF name, for the shim's own calls. False, and
 * *entry_p untouched, if no libcuda is loaded or it has no such entry. */
bool csh_driver_find(const char *symbol, void **entry_p);

bool csh_driver_is_bound(void);

/* The address lies in the libcuda that the shim serves; serves that one from
 * now on if none was served. A second libcuda: false, and said once. */
bool csh_driver_claim(const void *address);

/* The code at this return address wants the driver as it is: the driver
 * itself, CUPTI, an injection library, another interposer that the shim
 * forwards to. */
bool csh_driver_is_insider(const void *return_address);

/* It is the driver itself. */
bool csh_driver_is_itself(const void *return_address);

/* An entry newer than surface.h was handed out: counted once, said at debug
 * level. */
void csh_driver_note_unknown(const char *name);

/* Sanitizers find libc's functions by dlsym before they can check memory, so
 * what runs inside every dlsym goes unchecked. */
#define CSH_INSIDE_DLSYM \
    __attribute__((no_sanitize("address", "thread", "undefined")))

/* dlsym as a program would have it without the shim: libc's, or that of an
 * interposer behind the shim. Never NULL. */
typedef void *csh_dlsym_function(void *handle, const char *name);
csh_dlsym_function *csh_driver_dlsym(void) CSH_INSIDE_DLSYM;

#endif
