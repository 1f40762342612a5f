/*
 * faults.c - preloaded behind the shim: calls that the shim makes to libc
 * fail, where and when the environment says; fault_calls.h says how. Nobody
 * else's calls are touched, for what is changed are the shim's own pointers
 * to these functions (its global offset table), before its constructors run.
 *
 * A site is a place in the shim that such a call returns to. Each has its
 * counts in a file that is shared, so that they are there however the process
 * ended, with those of its children:
 *
 *     FAULTS_FILE=file       made anew unless it has its size already
 *     FAULTS_PLAN=           unset: nothing fails, calls are counted
 *         site FUNCTION@OFFSET FROM COUNT WAY
 *                            calls FROM (1 is the first) and on, COUNT of them,
 *                            in this WAY of the table (0 is the first)
 *                            also several, with semicolons between them
 *         random SEED PER_MILLE
 *                            each call by chance, in any of its ways
 *
 * Threads: any. Nothing here takes a lock or allocates.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault_calls.h"
#include "slots.h"

#define SHIM "libcushadow.so"

/* Integers and pointers in the order of their places: what the calling
 * convention makes of every function in the table but asprintf. */
typedef long any_call(long, long, long, long, long, long, long);

enum when { INSTEAD, AFTER, HALF };

struct way {
    long value;
    int error;
    enum when when;
};

/* One row of the tables; read by injected.py, too. */
struct call {
    const char *name;
    long number; /* of a system call, else -1 */
    const struct way *ways;
    long n_ways; /* 0: never fails */
};

struct site {
    _Atomic uint64_t key; /* offset in the shim, call */
    /* Calls; those that were failed; and those that cannot fail, though others
     * of the function can. */
    _Atomic uint32_t calls, failed, safe, unused;
};

enum { N_SITES = 4096, MOST_POINTS = 4 };

struct point {
    uint64_t key, from, count;
    size_t way;
};

#define CALL_BITS 10
#define FAILS(name_, ...)                                                     \
    static const struct way ways_of_##name_[] = {__VA_ARGS__};
#define NEVER(name_, reason_)
FAULT_CALLS(FAILS, NEVER)
#undef FAILS
#define FAILS(name_, ...)                                                     \
    static const struct way ways_by_number_of_##name_[] = {__VA_ARGS__};
FAULT_SYSTEM_CALLS(FAILS, NEVER)
#undef FAILS
#undef NEVER

enum {
#define FAILS(name_, ...) CALL_##name_,
#define NEVER(name_, reason_) CALL_##name_,
    FAULT_CALLS(FAILS, NEVER)
#undef FAILS
#undef NEVER
    CALL_syscall,
    N_PLAIN,
};

extern const struct call fault_calls[];
const struct call fault_calls[] = {
#define FAILS(name_, ...)                                                     \
    {#name_, -1, ways_of_##name_, sizeof(ways_of_##name_) / sizeof(struct way)},
#define NEVER(name_, reason_) {#name_, -1, NULL, 0},
    FAULT_CALLS(FAILS, NEVER) {"syscall", -1, NULL, 0},
#undef FAILS
#undef NEVER
#define FAILS(name_, ...)                                                     \
    {"syscall " #name_, SYS_##name_, ways_by_number_of_##name_,               \
     sizeof(ways_by_number_of_##name_) / sizeof(struct way)},
#define NEVER(name_, reason_) {"syscall " #name_, SYS_##name_, NULL, 0},
    FAULT_SYSTEM_CALLS(FAILS, NEVER)
#undef FAILS
#undef NEVER
    {NULL, 0, NULL, 0},
};

static any_call *real[N_PLAIN];
static struct site own_sites[N_SITES], *sites = own_sites;
static uintptr_t shim_start, shim_end;

static struct {
    enum { COUNT, POINTS, RANDOM } kind;
    struct point points[MOST_POINTS];
    size_t n_points;
    uint64_t seed, per_mille;
} plan;

static _Atomic uint64_t n_calls;

/* --- which calls fail ---------------------------------------------------- */

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

/* A call from outside the shim (a thread's first, after a jump) has offset
 * 0. */
static uint64_t key_of(size_t call, const void *back)
{
    uintptr_t at = (uintptr_t)back;
    uint64_t offset = (at >= shim_start && at < shim_end) ? at - shim_start : 0;

    return offset << CALL_BITS | (call + 1);
}

static struct site *site_of(uint64_t key)
{
    size_t i = mix(key) % N_SITES, n;

    for (n = 0; n < N_SITES; n++, i = (i + 1) % N_SITES) {
        uint64_t found = 0;

        if (atomic_compare_exchange_strong(&sites[i].key, &found, key) ||
            found == key) {
            return &sites[i];
        }
    }
    abort(); /* the table is too small */
}

/* What is always answered, whoever asks. */
static bool is_safe(size_t i, long first, long third)
{
    return (i == CALL_sysconf && first == _SC_PAGESIZE) ||
           (i == CALL_getauxval && first == AT_PAGESZ) ||
           (fault_calls[i].number == SYS_futex &&
            (third & FUTEX_CMD_MASK) != FUTEX_WAIT) ||
           fault_calls[i].n_ways == 0;
}

/* An interruption, or a word that changed meanwhile, is not for ever. */
static bool is_too_often(const struct way *way, const struct site *site)
{
    return (way->error == EINTR || way->error == EAGAIN) && site->failed >= 50;
}

/* The way in which the nth call of a site fails, or not at all (-1). */
static long find_point(uint64_t key, uint32_t n)
{
    size_t i;

    for (i = 0; i < plan.n_points; i++) {
        const struct point *point = &plan.points[i];

        if (key == point->key && n >= point->from &&
            n - point->from < point->count) {
            return (long)point->way;
        }
    }
    return -1;
}

/* NULL: this call is made. */
static const struct way *decide(size_t i, const void *back, long first,
                                long third)
{
    const struct call *call = &fault_calls[i];
    uint64_t key = key_of(i, back), chance;
    struct site *site = site_of(key);
    uint32_t n = atomic_fetch_add(&site->calls, 1) + 1;
    long way;

    if (is_safe(i, first, third)) {
        atomic_fetch_add(&site->safe, 1);
        return NULL;
    }
    if (plan.kind == COUNT) {
        return NULL;
    }
    if (plan.kind == POINTS) {
        way = find_point(key, n);
        if (way < 0) {
            return NULL;
        }
    } else {
        chance = mix(plan.seed * 0x9E3779B97F4A7C15ull +
                     atomic_fetch_add(&n_calls, 1));
        if (chance % 1000 >= plan.per_mille) {
            return NULL;
        }
        way = (long)(chance >> 32) % call->n_ways;
    }
    if (is_too_often(&call->ways[way], site)) {
        return NULL;
    }
    atomic_fetch_add(&site->failed, 1);
    return &call->ways[way];
}

/* The bytes that are asked for are the third argument of whatever transfers
 * some, and the fourth by number. */
static long make(any_call *next, const struct way *way, size_t bytes_at,
                 long arguments[7])
{
    long result;

    if (way != NULL && way->when == INSTEAD) {
        errno = way->error;
        return way->value;
    }
    if (way != NULL && way->when == HALF) {
        arguments[bytes_at] -= arguments[bytes_at] / 2;
    }
    result = next(arguments[0], arguments[1], arguments[2], arguments[3],
                  arguments[4], arguments[5], arguments[6]);
    if (way != NULL && way->when == AFTER) {
        errno = way->error;
        return way->value;
    }
    return result;
}

/* --- in front of each function ------------------------------------------- */

#define ARGUMENTS long a, long b, long c, long d, long e, long f, long g

#define FAILS(name_, ...)                                                     \
    static __attribute__((noinline)) long front_##name_(ARGUMENTS)            \
    {                                                                         \
        long arguments[] = {a, b, c, d, e, f, g};                             \
                                                                              \
        return make(real[CALL_##name_],                                       \
                    decide(CALL_##name_, __builtin_return_address(0), a, c),  \
                    2, arguments);                                            \
    }
#define NEVER(name_, reason_)
FAULT_CALLS(FAILS, NEVER)
#undef FAILS
#undef NEVER

static __attribute__((noinline)) long front_syscall(ARGUMENTS)
{
    long arguments[] = {a, b, c, d, e, f, g};
    size_t i = N_PLAIN;

    while (fault_calls[i].name != NULL && fault_calls[i].number != a) {
        i++;
    }
    if (fault_calls[i].name == NULL) {
        fprintf(stderr, "faults: system call %ld is not in the table\n", a);
        abort();
    }
    return make(real[CALL_syscall],
                decide(i, __builtin_return_address(0), b, c), 3, arguments);
}

/* May be given floating point numbers. */
static __attribute__((noinline, format(printf, 2, 3))) int
front_asprintf_typed(char **text_p, const char *format, ...)
{
    const struct way *way =
        decide(CALL_asprintf, __builtin_return_address(0), 0, 0);
    va_list arguments;
    int n;

    if (way != NULL) {
        errno = way->error;
        return (int)way->value;
    }
    va_start(arguments, format);
    n = vasprintf(text_p, format, arguments);
    va_end(arguments);
    return n;
}

static void *fronts[N_PLAIN] = {
#define FAILS(name_, ...) [CALL_##name_] = (void *)front_##name_,
#define NEVER(name_, reason_)
    FAULT_CALLS(FAILS, NEVER)
#undef FAILS
#undef NEVER
    [CALL_syscall] = (void *)front_syscall,
};

/* Whose function an address is, the shim asks of what it believes to be
 * malloc: its own pointer, which leads here. */
static __attribute__((noinline)) int front_dladdr_typed(const void *address,
                                                        Dl_info *info)
{
    const struct way *way =
        decide(CALL_dladdr, __builtin_return_address(0), 0, 0);
    size_t i;

    if (way != NULL) {
        return (int)way->value;
    }
    for (i = 0; i < N_PLAIN; i++) {
        if (fronts[i] != NULL && address == fronts[i]) {
            address = (const void *)real[i];
        }
    }
    return dladdr(address, info);
}

/* --- into the shim's table ----------------------------------------------- */

static void put_in_front(void **slot, const char *name)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    size_t i;

    for (i = 0; i < N_PLAIN; i++) {
        if (fronts[i] == NULL || strcmp(fault_calls[i].name, name) != 0 ||
            *slot == NULL) {
            continue;
        }
        /* By number, for the shim stands in front of the function. */
        if (syscall(SYS_mprotect, (uintptr_t)slot & ~(page - 1), page,
                    PROT_READ | PROT_WRITE) != 0) {
            abort();
        }
        if (*slot != fronts[i]) {
            real[i] = (any_call *)*slot;
        }
        *slot = fronts[i];
    }
}

/* --- what the environment says ------------------------------------------- */

static bool read_point(const char *text)
{
    struct point *point = &plan.points[plan.n_points];
    unsigned long offset, from, count, way;
    char name[64];
    size_t i;

    if (plan.n_points == MOST_POINTS ||
        sscanf(text, " site %63[^@]@%lx %lu %lu %lu", name, &offset, &from,
               &count, &way) != 5) {
        return false;
    }
    for (i = 0; fault_calls[i].name != NULL; i++) {
        if (strcmp(fault_calls[i].name, name) == 0 &&
            way < (unsigned long)fault_calls[i].n_ways) {
            *point = (struct point){(uint64_t)offset << CALL_BITS | (i + 1),
                                    from, count, way};
            plan.n_points++;
            return true;
        }
    }
    return false;
}

static void read_plan(const char *text)
{
    unsigned long seed, per_mille;

    if (text == NULL) {
        return;
    }
    if (sscanf(text, "random %lu %lu", &seed, &per_mille) == 2) {
        plan.kind = RANDOM;
        plan.seed = seed;
        plan.per_mille = per_mille;
        return;
    }
    plan.kind = POINTS;
    for (;;) {
        if (!read_point(text)) {
            abort();
        }
        text = strchr(text, ';');
        if (text == NULL) {
            return;
        }
        text++;
    }
}

static void share_counts(const char *file)
{
    int fd = file != NULL ? open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    void *shared;

    if (fd < 0) {
        return;
    }
    shared = ftruncate(fd, sizeof(own_sites)) == 0
                 ? mmap(NULL, sizeof(own_sites), PROT_READ | PROT_WRITE,
                        MAP_SHARED, fd, 0)
                 : MAP_FAILED;
    close(fd);
    if (shared == MAP_FAILED) {
        abort();
    }
    sites = shared;
}

/* Runs before the constructors of the shim, which is preloaded before it: of
 * objects that do not need one another the last comes first. */
__attribute__((constructor)) static void begin(void)
{
    read_plan(getenv("FAULTS_PLAN"));
    share_counts(getenv("FAULTS_FILE"));
    fronts[CALL_asprintf] = (void *)front_asprintf_typed;
    fronts[CALL_dladdr] = (void *)front_dladdr_typed;
    slots_each(SHIM, put_in_front, &shim_start, &shim_end);
}
