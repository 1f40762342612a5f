/*
 * watch.c - the flag, the generations and what ends them (watch.h).
 *
 * Owns three words, all atomic: the number of generations given out, the
 * newest one that may hold (the flag), and the newest one that is ended. What
 * makes them agree at every instant, with no lock: of every generation that
 * csh_watch_arm() returned, either the flag is at least that high, or it is
 * ended. So the flag is only raised by arming; and it is lowered to 0 from a
 * value that has been recorded as ended before, and by exchange with exactly
 * that value.
 *
 * Threads: any. Loops repeat only when another thread got ahead.
 */
#include "track/watch.h"

#include <errno.h>
#include <link.h>
#include <linux/membarrier.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/options.h"

/* Above every generation. */
#define FOR_EVER UINT64_MAX

_Atomic(uint64_t) csh_watch_armed;

static _Atomic(uint64_t) n_generations;
static _Atomic(uint64_t) newest_ended; /* FOR_EVER once forbidden */

static void raise_to(_Atomic(uint64_t) *word, uint64_t value)
{
    uint64_t seen = atomic_load(word);

    while (seen < value && !atomic_compare_exchange_weak(word, &seen, value)) {
    }
}

void csh_watch_trip(void)
{
    uint64_t seen = atomic_load(&csh_watch_armed);

    do {
        raise_to(&newest_ended, seen);
    } while (!atomic_compare_exchange_strong(&csh_watch_armed, &seen, 0));
}

bool csh_watch_is_on(void)
{
    const struct csh_options *options = csh_options();

    return options->cohort && csh_mode_proves(options->mode);
}

bool csh_watch_is_allowed(void)
{
    return csh_watch_is_on() && atomic_load(&newest_ended) != FOR_EVER;
}

static bool call_membarrier(int command)
{
    return syscall(SYS_membarrier, command, 0, 0) == 0;
}

/* Registering is for the whole process and may be repeated; the kernel does
 * the work of it once. */
static bool make_barrier(void)
{
    static _Atomic(bool) is_registered;
    int saved_errno = errno;
    bool is_made;

    if (!atomic_load(&is_registered) &&
        call_membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)) {
        atomic_store(&is_registered, true);
    }
    is_made = call_membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    errno = saved_errno;
    return is_made;
}

uint64_t csh_watch_arm(void)
{
    uint64_t generation;

    if (!csh_watch_is_allowed()) {
        return 0;
    }
    generation = atomic_fetch_add(&n_generations, 1) + 1;
    raise_to(&csh_watch_armed, generation);
    if (!make_barrier()) {
        csh_watch_forbid(CSH_GAUGE_cohorts_off_no_barrier);
    }
    return csh_watch_holds(generation) ? generation : 0;
}

bool csh_watch_holds(uint64_t generation)
{
    return generation > atomic_load(&newest_ended);
}

/* Whatever a thread arms from now on is ended before it is armed. */
void csh_watch_forbid(enum csh_gauge reason)
{
    static atomic_flag is_counted[CSH_N_GAUGES];
    int saved_errno = errno;

    if (csh_watch_is_on()) {
        atomic_store(&newest_ended, FOR_EVER);
        csh_watch_trip();
        if (!atomic_flag_test_and_set(&is_counted[reason])) {
            csh_statistics_add(reason, 1);
            csh_info("track", "%s", csh_gauge_sentence(reason));
        }
    }
    errno = saved_errno;
}

/* Threads that have used their per-thread default stream; is this one. */
static atomic_uint n_per_thread;
static CSH_THREAD_LOCAL bool is_per_thread;

void csh_watch_note_per_thread(void)
{
    if (CSH_UNLIKELY(!is_per_thread)) {
        is_per_thread = true;
        if (atomic_fetch_add(&n_per_thread, 1) > 0) {
            csh_watch_forbid(CSH_GAUGE_cohorts_off_per_thread);
        }
    }
}

bool csh_watch_uses_per_thread(void)
{
    return is_per_thread;
}

bool csh_watch_others_use_per_thread(void)
{
    return atomic_load(&n_per_thread) > (is_per_thread ? 1 : 0);
}

/* Beginnings of file names: GPUDirect Storage, gdrcopy (both may be in a
 * program that uses neither), verbs and what stands on private tables of the
 * driver. "njection" is looked for anywhere. */
static bool writes_unseen(const char *path)
{
    static const char *const names[] = {
        "libcufile",  "libgdrapi",         "libibverbs",
        "liboptix",   "libnvoptix",        "libnvcuvid",
        "libcudla",   "libnvidia-encode",  "libnvidia-opticalflow",
        "libcupti",   "libcuda-debug",     "libcudadebugger",
        "libsanitizer-", "libnvbit",
    };
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(names); i++) {
        if (strncmp(name, names[i], strlen(names[i])) == 0) {
            return true;
        }
    }
    return strstr(name, "njection") != NULL;
}

/* The link map is locked meanwhile, so counter and names belong together, and
 * who finds the counter unchanged finds what was forbidden, too. */
static int look_at_one(struct dl_phdr_info *info, size_t bytes, void *is_first)
{
    static _Atomic(unsigned long long) n_loads_seen; /* plus 1 */

    if (*(bool *)is_first &&
        bytes >= offsetof(struct dl_phdr_info, dlpi_subs) &&
        atomic_exchange(&n_loads_seen, info->dlpi_adds + 1) ==
            info->dlpi_adds + 1) {
        return 1;
    }
    *(bool *)is_first = false;
    if (info->dlpi_name != NULL && writes_unseen(info->dlpi_name)) {
        csh_watch_forbid(CSH_GAUGE_cohorts_off_library);
        return 1;
    }
    return 0;
}

bool csh_watch_look_at_libraries(void)
{
    bool is_first = true;

    if (csh_watch_is_allowed()) {
        (void)dl_iterate_phdr(look_at_one, &is_first);
    }
    return csh_watch_is_allowed();
}
