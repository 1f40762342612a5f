/*
 * bench.c - finds entries, times and checks calls, prints figures.
 *
 * The direct address is read from the library's own symbol table in memory,
 * because every call that looks symbols up may be answered by the shim. One
 * thread; other work on the machine makes single rounds slow, which the
 * median leaves out.
 */
#include "bench.h"

#include <cuda.h>
#include <dlfcn.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N_ROUNDS = 301, N_CALLS = 2000, N_WARM_UP = 10 };

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}

static const void *dynamic_table(const struct link_map *library,
                                 ElfW(Sxword) tag)
{
    const ElfW(Dyn) *entry;

    for (entry = library->l_ld; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == tag) {
            return (const void *)entry->d_un.d_ptr; /* relocated by glibc */
        }
    }
    fail(library->l_name, "it has no hash table of the GNU kind");
    return NULL;
}

/* Goes through all chains of the DT_GNU_HASH table: 4 words of sizes, the
 * Bloom filter, the buckets, then one word a symbol from the first hashed one
 * on, whose lowest bit ends a chain. */
static void *defined_symbol(const struct link_map *library,
                            const char *symbol)
{
    const ElfW(Sym) *symbols = dynamic_table(library, DT_SYMTAB);
    const char *strings = dynamic_table(library, DT_STRTAB);
    const uint32_t *hash = dynamic_table(library, DT_GNU_HASH);
    uint32_t n_buckets = hash[0], first = hash[1], bucket, i;
    const uint32_t *buckets =
        hash + 4 + hash[2] * (sizeof(ElfW(Addr)) / sizeof(*hash));
    const uint32_t *chains = buckets + n_buckets;

    for (bucket = 0; bucket < n_buckets; bucket++) {
        for (i = buckets[bucket]; i >= first; i++) {
            if (strcmp(strings + symbols[i].st_name, symbol) == 0) {
                return (void *)(library->l_addr + symbols[i].st_value);
            }
            if ((chains[i - first] & 1) != 0) {
                break;
            }
        }
    }
    return NULL;
}

struct bench_entry bench_find(const char *symbol)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW);
    struct bench_entry entry;
    struct link_map *map;

    if (library == NULL || dlinfo(library, RTLD_DI_LINKMAP, &map) != 0) {
        fail("libcuda.so.1", dlerror());
    }
    entry.wrapper = dlsym(library, symbol);
    entry.direct = defined_symbol(map, symbol);
    if (entry.wrapper == NULL || entry.direct == NULL) {
        fail(symbol, "the driver has no such entry");
    }
    if (entry.wrapper == entry.direct) {
        fail(symbol, "the shim is not in front of the driver");
    }
    return entry;
}

static double call_ns(bench_repeat *repeat, void *function)
{
    struct timespec start, end;

    clock_gettime(CLOCK_MONOTONIC, &start);
    repeat(function, N_CALLS);
    clock_gettime(CLOCK_MONOTONIC, &end);
    return ((double)(end.tv_sec - start.tv_sec) * 1e9 +
            (double)(end.tv_nsec - start.tv_nsec)) /
           N_CALLS;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

double bench_median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof(values[0]), compare);
    return values[n / 2];
}

double bench_overhead_ns(bench_repeat *repeat,
                         const struct bench_entry *entry)
{
    static double differences[N_ROUNDS];
    int round;

    for (round = -N_WARM_UP; round < N_ROUNDS; round++) {
        double wrapper, direct;

        if (round % 2 == 0) {
            wrapper = call_ns(repeat, entry->wrapper);
            direct = call_ns(repeat, entry->direct);
        } else {
            direct = call_ns(repeat, entry->direct);
            wrapper = call_ns(repeat, entry->wrapper);
        }
        if (round >= 0) {
            differences[round] = wrapper - direct;
        }
    }
    return bench_median(differences, N_ROUNDS);
}

void *bench_look_up(const char *symbol)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW);
    void *found = library != NULL ? dlsym(library, symbol) : NULL;

    if (found == NULL) {
        fail(symbol, "the driver has no such entry");
    }
    return found;
}

void bench_check(int result, const char *what)
{
    char why[32];

    if (result != 0) {
        snprintf(why, sizeof(why), "error %d", result);
        fail(what, why);
    }
}

void bench_print(const char *name, double value, const char *unit)
{
    printf("%s %.2f %s\n", name, value, unit);
}

void bench_launch(void *function, unsigned n)
{
    __typeof__(&cuLaunchKernel) entry;
    unsigned i;

    *(void **)&entry = function;
    for (i = 0; i < n; i++) {
        entry(NULL, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL);
    }
}
