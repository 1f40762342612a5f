/*
 * counters.c - what the driver moved, allocated and was called for, and the
 * JSON file that says so.
 *
 * All numbers are atomics that any thread adds to; a file written while work
 * goes on is a snapshot of each number, not of all at one instant. The file is
 * written beside its name and renamed, so a reader never sees half of it.
 *
 * When: at exit, by this library's destructor. The program's own destructors,
 * or a preloaded library's, may run later and still call in; from then on each
 * call writes the file again. A process that ends by _exit, a signal or exec
 * writes nothing.
 *
 * Fork: the child counts from zero, and leaves its parent's file alone: it
 * writes one only when the name holds %p.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "entry.h"
#include "counters.h"
#include "table.h"

static _Atomic uint64_t tally_bytes[SIM_N_TALLIES];
static _Atomic uint64_t tally_moves[SIM_N_TALLIES];
static _Atomic int64_t n_allocations;
static _Atomic int64_t allocated_bytes;
static _Atomic int64_t allocated_peak_bytes;

static pid_t home_pid;        /* the process that loaded the library */
static _Atomic bool finished; /* the destructor ran */

static const char *const tally_names[] = {
#define SIM_TALLY(id_, name_) [SIM_##id_] = name_,
    SIM_TALLIES(SIM_TALLY)
#undef SIM_TALLY
};

void sim_count_bytes(enum sim_tally tally, uint64_t bytes)
{
    atomic_fetch_add(&tally_bytes[tally], bytes);
    atomic_fetch_add(&tally_moves[tally], 1);
}

void sim_count_allocated(int64_t delta_bytes)
{
    int64_t now = atomic_fetch_add(&allocated_bytes, delta_bytes) + delta_bytes;
    int64_t peak = atomic_load(&allocated_peak_bytes);

    atomic_fetch_add(&n_allocations, delta_bytes < 0 ? -1 : 1);
    while (now > peak &&
           !atomic_compare_exchange_weak(&allocated_peak_bytes, &peak, now)) {
    }
}

uint64_t simcuda_calls(const char *symbol)
{
    const struct sim_entry *entry;

    if (sim_row_find(symbol) == NULL) {
        fprintf(stderr, "simcuda: simcuda_calls: no entry %s\n", symbol);
        return UINT64_MAX;
    }
    for (entry = sim_entry_first(); entry != NULL; entry = entry->next) {
        if (strcmp(entry->name, symbol) == 0) {
            return atomic_load(&entry->calls);
        }
    }
    return 0;
}

uint64_t simcuda_bytes(enum sim_tally tally)
{
    return atomic_load(&tally_bytes[tally]);
}

uint64_t simcuda_moves(enum sim_tally tally)
{
    return atomic_load(&tally_moves[tally]);
}

uint64_t simcuda_allocated_bytes(void)
{
    return (uint64_t)atomic_load(&allocated_bytes);
}

uint64_t simcuda_allocated_peak_bytes(void)
{
    return (uint64_t)atomic_load(&allocated_peak_bytes);
}

void simcuda_counters_reset(void)
{
    struct sim_entry *entry;
    int i;

    for (entry = sim_entry_first(); entry != NULL; entry = entry->next) {
        atomic_store(&entry->calls, 0);
    }
    for (i = 0; i < SIM_N_TALLIES; i++) {
        atomic_store(&tally_bytes[i], 0);
        atomic_store(&tally_moves[i], 0);
    }
    atomic_store(&allocated_peak_bytes, atomic_load(&allocated_bytes));
}

static void print_calls(FILE *file)
{
    const char *comma = "";
    unsigned i;

    fprintf(file, "  \"calls\": {");
    for (i = 0; i < SIM_ENTRIES_COUNT; i++) { /* in the order of the table */
        uint64_t calls = simcuda_calls(sim_rows[i].symbol);

        if (calls > 0) {
            fprintf(file, "%s\n    \"%s\": %llu", comma, sim_rows[i].symbol,
                    (unsigned long long)calls);
            comma = ",";
        }
    }
    fprintf(file, "\n  },\n");
}

static void print_counters(FILE *file)
{
    int i;

    fprintf(file, "{\n  \"schema\": 1,\n  \"pid\": %ld,\n", (long)getpid());
    print_calls(file);
    fprintf(file, "  \"moved\": {\n");
    for (i = 0; i < SIM_N_TALLIES; i++) {
        fprintf(file, "    \"%s\": {\"calls\": %llu, \"bytes\": %llu}%s\n",
                tally_names[i], (unsigned long long)tally_moves[i],
                (unsigned long long)tally_bytes[i],
                i + 1 < SIM_N_TALLIES ? "," : "");
    }
    fprintf(file, "  },\n  \"allocated\": {\"count\": %lld, "
            "\"bytes\": %lld, \"peak_bytes\": %lld}\n}\n",
            (long long)n_allocations, (long long)allocated_bytes,
            (long long)allocated_peak_bytes);
}

/* Replaces each %p by the process id. False when the result is too long. */
static bool expand_path(const char *path, char *expanded, size_t size)
{
    size_t used = 0;

    while (*path != '\0') {
        int n;

        if (path[0] == '%' && path[1] == 'p') {
            n = snprintf(expanded + used, size - used, "%ld", (long)getpid());
            path += 2;
        } else {
            n = snprintf(expanded + used, size - used, "%c", *path);
            path++;
        }
        if (n < 0 || (size_t)n >= size - used) {
            return false;
        }
        used += (size_t)n;
    }
    return used > 0;
}

int simcuda_counters_write(const char *path)
{
    char name[4200], partial[4300];
    FILE *file;
    int error = 0;

    if (!expand_path(path, name, sizeof(name))) {
        return EINVAL;
    }
    snprintf(partial, sizeof(partial), "%s.%ld.part", name, (long)getpid());
    file = fopen(partial, "we");
    if (file == NULL) {
        return errno;
    }
    print_counters(file);
    if (ferror(file)) {
        error = EIO;
    }
    if (fclose(file) != 0 && error == 0) {
        error = errno;
    }
    if (error == 0 && rename(partial, name) != 0) {
        error = errno;
    }
    if (error != 0) {
        unlink(partial);
    }
    return error;
}

static void write_at_exit(void)
{
    const char *path = sim_settings()->counters_file;
    int error;

    if (path[0] == '\0' ||
        (getpid() != home_pid && strstr(path, "%p") == NULL)) {
        return;
    }
    error = simcuda_counters_write(path);
    if (error != 0) {
        fprintf(stderr, "simcuda: SIMCUDA_COUNTERS=%s: %s\n", path,
                strerror(error));
    }
}

void sim_counters_late_call(void)
{
    if (atomic_load_explicit(&finished, memory_order_relaxed)) {
        write_at_exit();
    }
}

__attribute__((constructor)) static void start_counters(void)
{
    home_pid = getpid();
    pthread_atfork(NULL, NULL, simcuda_counters_reset);
}

__attribute__((destructor)) static void finish_counters(void)
{
    atomic_store(&finished, true);
    write_at_exit();
}
