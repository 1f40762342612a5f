/*
 * exports.c - which address an entry point is found at, by cuGetProcAddress
 * and by dlsym.
 *
 * What dlsym finds is decided once, when the library is loaded, by editing its
 * symbol table in memory:
 * - SIMCUDA_DRIVER_VERSION takes the symbols away that such a driver does not
 *   have yet;
 * - SIMCUDA_RESOLVER=alias moves one symbol of each pair in SIM_ALIASES to the
 *   other one's address.
 * Relocations that the loader resolved before this constructor ran (those of a
 * program linked against the library and bound at start) keep what they found.
 * Both variables must therefore be set before the library is loaded. A value
 * that is not understood is left to settings.c to complain about.
 *
 * No state after that, no locks.
 */
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "entry.h"
#include "exports.h"
#include "settings.h"
#include "table.h"

struct symbol_table {
    ElfW(Sym) *symbols;
    const char *names;
    const uint32_t *hash; /* DT_GNU_HASH */
};

static const char *alias_target(const char *symbol)
{
#define SIM_ALIAS(symbol_, target_)        \
    if (strcmp(symbol, #symbol_) == 0) {   \
        return #target_;                   \
    }
    SIM_ALIASES(SIM_ALIAS)
#undef SIM_ALIAS
    return NULL;
}

static void *address_of_alias(const struct sim_row *row)
{
    const char *target = alias_target(row->symbol);

    return (void *)(target != NULL ? sim_row_find(target) : row)->address;
}

/* As a driver does that is only a loader of another one: a handle, then dlsym
 * by the ELF name. A preloaded library sees both calls. */
static void *address_by_dlsym(const struct sim_row *row)
{
    Dl_info info;
    void *handle, *address = NULL;

    if (dladdr(sim_rows, &info) == 0) {
        return NULL;
    }
    handle = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    if (handle != NULL) {
        address = dlsym(handle, row->symbol);
        dlclose(handle);
    }
    return address;
}

void *sim_export_address(const struct sim_row *row)
{
    switch (sim_settings()->resolver) {
    case SIM_RESOLVER_OTHER:
        return sim_thunks[row - sim_rows];
    case SIM_RESOLVER_ALIAS:
        return address_of_alias(row);
    case SIM_RESOLVER_DLSYM:
        return address_by_dlsym(row);
    case SIM_RESOLVER_TABLE:
        break;
    }
    return (void *)row->address;
}

/* The loader may or may not have added the load address to d_ptr. */
static void *resolve(uintptr_t base, ElfW(Addr) pointer)
{
    return (void *)(pointer < base ? base + pointer : pointer);
}

static bool find_symbol_table(uintptr_t base, struct symbol_table *table)
{
    const ElfW(Dyn) *dyn;

    memset(table, 0, sizeof(*table));
    for (dyn = _DYNAMIC; dyn->d_tag != DT_NULL; dyn++) {
        if (dyn->d_tag == DT_SYMTAB) {
            table->symbols = resolve(base, dyn->d_un.d_ptr);
        } else if (dyn->d_tag == DT_STRTAB) {
            table->names = resolve(base, dyn->d_un.d_ptr);
        } else if (dyn->d_tag == DT_GNU_HASH) {
            table->hash = resolve(base, dyn->d_un.d_ptr);
        }
    }
    return table->symbols != NULL && table->names != NULL &&
           table->hash != NULL;
}

/* One more than the last symbol that DT_GNU_HASH reaches: its header is
 * {buckets, first symbol, Bloom words, shift}; then the Bloom filter, the
 * buckets, and a chain of hashes whose last member has bit 0 set. */
static size_t count_symbols(const uint32_t *hash)
{
    size_t n_buckets = hash[0];
    size_t first = hash[1];
    const uint32_t *buckets =
        hash + 4 + hash[2] * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
    const uint32_t *chain = buckets + n_buckets;
    size_t last = 0, i;

    for (i = 0; i < n_buckets; i++) {
        if (buckets[i] > last) {
            last = buckets[i];
        }
    }
    if (last < first) {
        return first;
    }
    while ((chain[last - first] & 1) == 0) {
        last++;
    }
    return last + 1;
}

static void edit_symbols(struct symbol_table *table, size_t n_symbols,
                         uintptr_t base, int driver_version, bool alias)
{
    size_t i;

    for (i = 1; i < n_symbols; i++) {
        ElfW(Sym) *symbol = &table->symbols[i];
        const char *name = table->names + symbol->st_name;
        const struct sim_row *row = sim_row_find(name);
        const char *target = alias ? alias_target(name) : NULL;

        if (row == NULL || symbol->st_shndx == SHN_UNDEF) {
            continue;
        }
        if (row->since > driver_version) {
            symbol->st_shndx = SHN_UNDEF;
            symbol->st_value = 0;
        } else if (target != NULL) {
            symbol->st_value =
                (uintptr_t)sim_row_find(target)->address - base;
        }
    }
}

static void change_exports(int driver_version, bool alias)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct symbol_table table;
    uintptr_t base, first, end;
    size_t n_symbols;
    Dl_info info;

    if (dladdr(sim_rows, &info) == 0) {
        return;
    }
    base = (uintptr_t)info.dli_fbase;
    if (!find_symbol_table(base, &table)) {
        fprintf(stderr, "simcuda: linked without --hash-style=gnu\n");
        return;
    }
    n_symbols = count_symbols(table.hash);
    first = (uintptr_t)table.symbols & ~(page - 1);
    end = (uintptr_t)(table.symbols + n_symbols);
    if (mprotect((void *)first, end - first, PROT_READ | PROT_WRITE) != 0) {
        perror("simcuda: symbol table");
        return;
    }
    edit_symbols(&table, n_symbols, base, driver_version, alias);
    mprotect((void *)first, end - first, PROT_READ);
}

__attribute__((constructor)) static void start_exports(void)
{
    const char *version = getenv("SIMCUDA_DRIVER_VERSION");
    const char *name = getenv("SIMCUDA_RESOLVER");
    int driver_version = SIM_ENTRIES_CUDA_VERSION;
    enum sim_resolver resolver = SIM_RESOLVER_TABLE;

    if (version != NULL) {
        sim_parse_version(version, &driver_version);
    }
    if (name != NULL) {
        sim_parse_resolver(name, &resolver);
    }
    if (driver_version < SIM_ENTRIES_CUDA_VERSION ||
        resolver == SIM_RESOLVER_ALIAS) {
        change_exports(driver_version, resolver == SIM_RESOLVER_ALIAS);
    }
}
