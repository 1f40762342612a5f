/*
 * sharing.h - when the shared figures (report/live.h) are written.
 *
 * After a copy, or the end of device memory, they are written once, within a
 * tenth of a second, by the thread of background.h, which is made by the first
 * copy of at least CUSHADOW_MIN_BYTES: so what a reader sees is that old at
 * most, also when the program does nothing any more. Until then, and with
 * CUSHADOW_THREADS=1 for good, the program's own calls write them, at most ten
 * times a second, and the last ones before a rest are missing.
 *
 * Writing never takes more than about a two-hundredth of one processor: with
 * very many weights it is done less often, but at least once a second.
 */
#ifndef CSH_ENGINE_SHARING_H
#define CSH_ENGINE_SHARING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* Once, when all that is shown is there. */
void csh_sharing_start(void);

/* For the inline function below alone. DUE: a write is on its way. */
enum {
    CSH_SHARING_OFF,
    CSH_SHARING_DUE,
    CSH_SHARING_QUIET,
    CSH_SHARING_INLINE
};
extern _Atomic int csh_sharing_state __attribute__((visibility("hidden")));
void csh_sharing_note_slowly(size_t bytes, uint64_t now_ns) CSH_COLD;

/* Behind a copy of so many bytes, or 0 if device memory has ended; the time is
 * of about now. Mostly one load. Any thread, no lock held; keeps errno. */
static inline void csh_sharing_note(size_t bytes, uint64_t now_ns)
{
    if (CSH_UNLIKELY(atomic_load_explicit(&csh_sharing_state,
                                          memory_order_relaxed) >
                     CSH_SHARING_DUE)) {
        csh_sharing_note_slowly(bytes, now_ns);
    }
}

/* For the thread: writes if it is time to. Returns for how long, in
 * nanoseconds, there is nothing to do; UINT64_MAX: until it is woken. */
uint64_t csh_sharing_serve(void);

#endif
