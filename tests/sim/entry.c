/*
 * entry.c - counts calls of entry points and fails those that a script names.
 *
 * Every entry owns one static struct sim_entry. The first call links it into a
 * list that only grows, so readers walk it without a lock; its count is an
 * atomic. Entries that are not simulated (missing.c) have their structs here.
 * The settings are read once, at the first call. Before all else a call asks
 * the test that wants to know of it (simcuda_on_call).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "entry.h"
#include "counters.h"
#include "missing.h"

static _Atomic(struct sim_entry *) first_entry;

static struct sim_entry missing_entries[] = {
#define SIM_MISSING(symbol_, base_, since_, flavour_, pfn_) \
    {.name = #symbol_},
    SIM_ENTRIES(SIM_MISSING)
#undef SIM_MISSING
};

static int (*_Atomic call_hook)(const char *symbol);

void simcuda_on_call(int (*hook)(const char *symbol))
{
    atomic_store(&call_hook, hook);
}

static void link_entry(struct sim_entry *entry)
{
    if (atomic_exchange(&entry->linked, 1) != 0) {
        return;
    }
    entry->next = atomic_load(&first_entry);
    while (!atomic_compare_exchange_weak(&first_entry, &entry->next, entry)) {
    }
}

struct sim_entry *sim_entry_first(void)
{
    return atomic_load(&first_entry);
}

static bool find_fault(const char *name, uint64_t call, CUresult *result_p)
{
    const struct sim_settings *settings = sim_settings();
    unsigned i;

    for (i = 0; i < settings->n_faults; i++) {
        const struct sim_fault *fault = &settings->faults[i];

        if (call >= fault->first && call <= fault->last &&
            (strcmp(fault->entry, name) == 0 ||
             strcmp(fault->entry, "*") == 0)) {
            *result_p = fault->error;
            return true;
        }
    }
    return false;
}

bool sim_enter(struct sim_entry *entry, CUresult *result_p)
{
    uint64_t call = atomic_fetch_add(&entry->calls, 1) + 1;
    int (*hook)(const char *symbol) = atomic_load(&call_hook);
    int answer = hook != NULL ? hook(entry->name) : 0;
    bool failed;

    if (atomic_load_explicit(&entry->linked, memory_order_relaxed) == 0) {
        link_entry(entry);
    }
    failed = find_fault(entry->name, call, result_p);
    if (answer != 0) {
        failed = true;
        *result_p = (CUresult)answer;
    }
    sim_counters_late_call();
    if (sim_settings()->errno_is_spoilt) {
        errno = EILSEQ;
    }
    return failed;
}

int sim_missing(unsigned row)
{
    struct sim_entry *entry = &missing_entries[row];
    CUresult result;

    if (sim_enter(entry, &result)) {
        return result;
    }
    fprintf(stderr, "simcuda: %s is not simulated\n", entry->name);
    return CUDA_ERROR_NOT_SUPPORTED;
}
