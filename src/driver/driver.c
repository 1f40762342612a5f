/*
 * driver.c - owns the table of real entries and the choice of the libcuda
 * that it belongs to.
 *
 * States, each reached once: unbound; bound (csh_bound_start names the object
 * for good); filled. Everything is atomic words and every step may be done by
 * several threads at once with the same outcome, so there is no lock that a
 * call from inside dlopen could meet. An object is told from others by the
 * first address that it is mapped at; it stays mapped because the shim holds
 * a reference on it, got with RTLD_NOLOAD.
 */
#include "driver/driver.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/log.h"
#include "base/statistics.h"
#include "driver/elf.h"

_Static_assert(sizeof(union csh_driver_entries) ==
                   CSH_N_ROWS * sizeof(void *),
               "one word a row");
#define CSH_X(symbol_, ...)                                                   \
    _Static_assert(offsetof(union csh_driver_entries, symbol_) ==             \
                       CSH_ENTRY_##symbol_ * sizeof(void *),                  \
                   #symbol_ " is its own row");
CSH_SURFACE_ALL(CSH_X)
#undef CSH_X

/* musl has no dlvsym; a strong reference would keep the shim from loading. */
extern CSH_WEAK void *dlvsym(void *, const char *, const char *);

/* An entry of every libcuda that nobody would interpose. */
#define CSH_LANDMARK "cuTexRefGetMaxAnisotropy"

union csh_driver_entries csh_driver;

/* Read by dlsym_trampoline.S. */
_Atomic(csh_dlsym_function *) csh_dlsym_real;

static _Atomic(uintptr_t) csh_bound_start;
static _Atomic(void *) csh_bound_handle;
static _Atomic(bool) csh_bound_filled;
/* An object that some slots lead to instead; 0: none. */
static _Atomic(uintptr_t) csh_other_start;

static void *csh_dlsym_missing(void *handle, const char *name)
{
    (void)handle;
    (void)name;
    return NULL;
}

/* By version where there is dlvsym, else from libc's symbol table. */
CSH_INSIDE_DLSYM static csh_dlsym_function *csh_find_dlsym(void)
{
    static const char *const versions[] = {"GLIBC_2.34", "GLIBC_2.17",
                                           "GLIBC_2.2.5"};
    static const char *const libraries[] = {"libc.", "ld-musl-", "libdl."};
    void *found = NULL;
    size_t i;

    for (i = 0; dlvsym != NULL && found == NULL &&
                i < CSH_ARRAY_LENGTH(versions);
         i++) {
        found = dlvsym(RTLD_NEXT, "dlsym", versions[i]);
    }
    for (i = 0; found == NULL && i < CSH_ARRAY_LENGTH(libraries); i++) {
        found = csh_elf_symbol(libraries[i], "dlsym");
    }
    return found == NULL ? csh_dlsym_missing : (csh_dlsym_function *)found;
}

/* libc's, for the shim's own look-ups. */
CSH_INSIDE_DLSYM static csh_dlsym_function *csh_libc_dlsym(void)
{
    static _Atomic(csh_dlsym_function *) libc_dlsym;
    csh_dlsym_function *found = atomic_load(&libc_dlsym);

    if (CSH_UNLIKELY(found == NULL)) {
        found = csh_find_dlsym();
        atomic_store(&libc_dlsym, found);
    }
    return found;
}

csh_dlsym_function *csh_driver_dlsym(void)
{
    csh_dlsym_function *real = atomic_load(&csh_dlsym_real);

    if (CSH_UNLIKELY(real == NULL)) {
        /* An interposer of dlsym that comes after the shim keeps its place.
         * It is found without a version, which dlvsym would not match. */
        void *next = csh_libc_dlsym()(RTLD_NEXT, "dlsym");

        real = next == NULL || next == (void *)dlsym
                   ? csh_libc_dlsym()
                   : (csh_dlsym_function *)next;
        atomic_store(&csh_dlsym_real, real);
    }
    return real;
}

static bool csh_is_libcuda(const struct csh_elf_object *object)
{
    return csh_elf_is_named(object, "libcuda.so");
}

static bool csh_is_in(const void *address,
                      const struct csh_elf_object *object)
{
    return (uintptr_t)address >= object->start &&
           (uintptr_t)address < object->end;
}

/* A reference that keeps the object loaded; NULL if there is no way to name
 * it. */
static void *csh_pin(const struct csh_elf_object *object)
{
    const char *const names[] = {object->path, object->soname};
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(names); i++) {
        void *handle;

        if (names[i][0] == '\0') {
            continue;
        }
        handle = dlopen(names[i], RTLD_LAZY | RTLD_NOLOAD);
        if (handle == NULL) {
            continue;
        }
        if (csh_is_in(csh_libc_dlsym()(handle, CSH_LANDMARK), object)) {
            return handle;
        }
        (void)dlclose(handle);
    }
    return NULL;
}

/* Remembers whom a slot was given to that is no libcuda. */
static void *csh_defer_to(void *address)
{
    struct csh_elf_object object;

    if (csh_elf_find(address, &object)) {
        atomic_store(&csh_other_start, object.start);
    }
    return address;
}

/* Another interposer may stand between the shim and a libcuda that programs
 * are linked with: their calls went to it and still do. Where libcuda is not
 * in the global scope, nobody behind the shim could pass a call on. */
static void *csh_choose_real(csh_dlsym_function *real, void *handle,
                             const char *symbol, bool is_global,
                             const struct csh_elf_object *object)
{
    void *address = real(handle, symbol);
    void *next = is_global ? real(RTLD_NEXT, symbol) : NULL;

    if (next != NULL && !csh_is_in(next, object)) {
        return csh_defer_to(next);
    }
    return csh_is_in(address, object) ? address : NULL;
}

static void csh_fill(void *handle, const struct csh_elf_object *object)
{
    csh_dlsym_function *real = csh_libc_dlsym();
    bool is_global = csh_is_in(real(RTLD_NEXT, CSH_LANDMARK), object);
    enum csh_entry entry;

    for (entry = 0; entry < CSH_N_ROWS; entry++) {
        void *address = csh_choose_real(real, handle, csh_rows[entry].symbol,
                                        is_global, object);
        void *empty = NULL;

        if (address != NULL) {
            (void)atomic_compare_exchange_strong(&csh_driver.row[entry],
                                                 &empty, address);
        }
    }
    atomic_store(&csh_bound_filled, true);
}

static void csh_say_second(const struct csh_elf_object *object)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;

    if (!atomic_flag_test_and_set(&said)) {
        csh_warn("driver", "a second libcuda is in use and left alone: %s",
                 object->path);
    }
}

static bool csh_bind(const struct csh_elf_object *object)
{
    uintptr_t bound = atomic_load(&csh_bound_start);
    void *handle;

    if (bound == object->start && atomic_load(&csh_bound_filled)) {
        return true;
    }
    if (bound != 0 && bound != object->start) {
        csh_say_second(object);
        return false;
    }
    handle = csh_pin(object);
    if (handle == NULL) {
        return false;
    }
    if (!atomic_compare_exchange_strong(&csh_bound_start, &bound,
                                        object->start) &&
        bound != object->start) {
        (void)dlclose(handle);
        csh_say_second(object);
        return false;
    }
    atomic_store(&csh_bound_handle, handle);
    csh_fill(handle, object);
    csh_debug("driver", "serving %s", object->path);
    return true;
}

bool csh_driver_claim(const void *address)
{
    struct csh_elf_object object;
    int saved_errno = errno;
    bool is_ours;

    is_ours = address != NULL && csh_elf_find(address, &object) &&
              csh_is_libcuda(&object) && csh_bind(&object);
    errno = saved_errno;
    return is_ours;
}

/* A libcuda that the program is linked with comes after the shim in the
 * global scope; one that a plug-in brought is known by its SONAME. If what
 * comes next is no libcuda and none is loaded, that is whose the call is. */
static void csh_bind_loaded(enum csh_entry entry)
{
    csh_dlsym_function *real = csh_libc_dlsym();
    void *next = real(RTLD_NEXT, csh_rows[entry].symbol);
    void *empty = NULL;
    void *handle;

    if (next != NULL && csh_driver_claim(next)) {
        return;
    }
    handle = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD);
    if (handle != NULL) {
        (void)csh_driver_claim(real(handle, CSH_LANDMARK));
        (void)dlclose(handle);
    }
    if (next != NULL) {
        (void)atomic_compare_exchange_strong(&csh_driver.row[entry], &empty,
                                             csh_defer_to(next));
    }
}

void *csh_driver_resolve(enum csh_entry entry)
{
    int saved_errno = errno;

    if (!atomic_load(&csh_bound_filled)) {
        csh_bind_loaded(entry);
    }
    errno = saved_errno;
    return atomic_load(&csh_driver.row[entry]);
}

CUresult csh_driver_absent(void)
{
    return csh_driver_is_bound() ? CUDA_ERROR_NOT_FOUND
                                 : CUDA_ERROR_NOT_INITIALIZED;
}

bool csh_driver_is_bound(void)
{
    return atomic_load(&csh_bound_filled);
}

bool csh_driver_find(const char *symbol, void **entry_p)
{
    int saved_errno = errno;
    struct csh_elf_object object;
    bool is_found = false;
    void *address;

    if (!csh_driver_is_bound()) {
        csh_bind_loaded(CSH_ENTRY_cuGetProcAddress);
    }
    if (csh_driver_is_bound()) {
        address = csh_libc_dlsym()(atomic_load(&csh_bound_handle), symbol);
        is_found = address != NULL && csh_elf_find(address, &object) &&
                   object.start == atomic_load(&csh_bound_start);
        if (is_found) {
            *entry_p = address;
        }
    }
    errno = saved_errno;
    return is_found;
}

bool csh_driver_is_insider(const void *return_address)
{
    struct csh_elf_object object;

    return csh_elf_find(return_address, &object) &&
           (csh_is_libcuda(&object) ||
            object.start == atomic_load(&csh_other_start) ||
            csh_elf_is_named(&object, "libcupti.so") ||
            csh_elf_name_contains(&object, "njection"));
}

bool csh_driver_is_itself(const void *return_address)
{
    struct csh_elf_object object;

    return csh_elf_find(return_address, &object) && csh_is_libcuda(&object);
}

/* Remembers 64 names by a hash; the 65th and later ones are counted each
 * time. */
static bool csh_is_first_sight(const char *name)
{
    static _Atomic(uint64_t) seen[64];
    uint64_t hash = 14695981039346656037u; /* FNV-1a, isthe.com/chongo */
    size_t i;

    for (; *name != '\0'; name++) {
        hash = (hash ^ (unsigned char)*name) * 1099511628211u;
    }
    for (i = 0; i < CSH_ARRAY_LENGTH(seen); i++) {
        uint64_t empty = 0;

        if (atomic_compare_exchange_strong(&seen[i], &empty, hash)) {
            return true;
        }
        if (empty == hash) {
            return false;
        }
    }
    return true;
}

void csh_driver_note_unknown(const char *name)
{
    if (csh_is_first_sight(name)) {
        csh_statistics_add(CSH_GAUGE_unknown_entries, 1);
        csh_debug("driver", "newer than this shim, handed out as it is: %s",
                  name);
    }
}
