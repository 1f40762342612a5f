/*
 * checked.c - makes a checking build of the shim, with the linker's --wrap
 * (locks.tap): the simulated driver asks at the beginning of every call, of
 * whatever entry, whether the calling thread holds a lock of the shim's, and
 * the process is aborted if so. Needs the objects of a debug build.
 *
 * CHECKED_CALLS=FILE: how many calls were asked about is appended to it at the
 * end. With CHECKED_HOLDS defined a lock is held across one kind of call, so
 * that it is seen that this is seen.
 */
#include <cuda.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/lock.h"
#include "driver/driver.h"
#include "engine/calls.h"

#ifndef CSH_DEBUG
#error "nothing is checked in a release build"
#endif

typedef void set_hook(int (*hook)(const char *symbol));

bool __real_csh_calls_bind(void);
bool __wrap_csh_calls_bind(void);
CUresult __real_csh_call_stream_synchronize(const struct csh_stream *stream);
CUresult __wrap_csh_call_stream_synchronize(const struct csh_stream *stream);

static atomic_ulong n_calls;

static int look(const char *symbol)
{
    (void)symbol;
    atomic_fetch_add(&n_calls, 1);
    csh_lock_assert_none();
    return 0;
}

/* Before any call of the engine's. */
bool __wrap_csh_calls_bind(void)
{
    bool is_bound = __real_csh_calls_bind();
    void *entry   = NULL;

    if (is_bound && csh_driver_find("simcuda_on_call", &entry)) {
        ((set_hook *)entry)(look);
    }
    return is_bound;
}

CUresult __wrap_csh_call_stream_synchronize(const struct csh_stream *stream)
{
#ifdef CHECKED_HOLDS
    /* Past the assertion that stands before the call itself. */
    static struct csh_lock lock = CSH_LOCK_INIT(CSH_RANK_LEAF);
    void *entry                 = NULL;
    CUresult result;

    if (!csh_driver_find("cuStreamSynchronize", &entry)) {
        return CUDA_ERROR_NOT_FOUND;
    }
    csh_lock_acquire(&lock);
    result = ((CUresult(*)(CUstream))entry)(stream->handle);
    csh_lock_release(&lock);
    return result;
#else
    return __real_csh_call_stream_synchronize(stream);
#endif
}

__attribute__((destructor)) static void tell(void)
{
    const char *path = getenv("CHECKED_CALLS");
    char text[32];
    int n = snprintf(text, sizeof(text), "%lu\n", atomic_load(&n_calls));
    int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0600)
                          : -1;

    if (fd >= 0) {
        if (write(fd, text, (size_t)n) != n) {
            abort();
        }
        close(fd);
    }
}
