/*
 * elf.c - owns nothing: reads the program headers and dynamic sections of
 * what is loaded, as dl_iterate_phdr shows it.
 *
 * glibc stores the addresses in a dynamic section relocated, musl as they are
 * in the file; csh_elf_pointer() takes either. Works before any constructor.
 */
#include "driver/elf.h"

#include <stddef.h>
#include <string.h>

/* An address inside the object is never below its bias; one that is has not
 * been relocated. */
static const void *csh_elf_pointer(const struct csh_elf_object *object,
                                   uintptr_t value)
{
    return (const void *)(value < object->bias ? value + object->bias
                                               : value);
}

static const ElfW(Dyn) *csh_elf_tag(const struct csh_elf_object *object,
                                    ElfW(Sxword) tag)
{
    const ElfW(Dyn) *entry = object->dynamic;

    for (; entry != NULL && entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == tag) {
            return entry;
        }
    }
    return NULL;
}

static const void *csh_elf_table(const struct csh_elf_object *object,
                                 ElfW(Sxword) tag)
{
    const ElfW(Dyn) *entry = csh_elf_tag(object, tag);

    return entry == NULL ? NULL : csh_elf_pointer(object, entry->d_un.d_ptr);
}

static void csh_elf_describe(const struct dl_phdr_info *info,
                             struct csh_elf_object *object_p)
{
    const ElfW(Dyn) *soname;
    const char *strings;
    int i;

    *object_p = (struct csh_elf_object){
        .bias = info->dlpi_addr,
        .start = UINTPTR_MAX,
        .path = info->dlpi_name == NULL ? "" : info->dlpi_name,
        .soname = "",
    };
    for (i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + header->p_vaddr;
        uintptr_t end = start + header->p_memsz;

        if (header->p_type == PT_DYNAMIC) {
            object_p->dynamic = (const ElfW(Dyn) *)start;
        }
        if (header->p_type == PT_LOAD && start < object_p->start) {
            object_p->start = start;
        }
        if (header->p_type == PT_LOAD && end > object_p->end) {
            object_p->end = end;
        }
    }
    strings = csh_elf_table(object_p, DT_STRTAB);
    soname = csh_elf_tag(object_p, DT_SONAME);
    if (strings != NULL && soname != NULL) {
        object_p->soname = strings + soname->d_un.d_val;
    }
}

struct csh_elf_search {
    uintptr_t address;          /* looked for, or 0 */
    const char *prefix, *symbol; /* looked for if address is 0 */
    struct csh_elf_object object;
    void *found;
};

static bool csh_elf_holds(const struct dl_phdr_info *info, uintptr_t address)
{
    int i;

    for (i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];

        if (header->p_type == PT_LOAD &&
            address - info->dlpi_addr - header->p_vaddr < header->p_memsz) {
            return true;
        }
    }
    return false;
}

static int csh_elf_visit_address(struct dl_phdr_info *info, size_t size,
                                 void *opaque)
{
    struct csh_elf_search *search = opaque;

    (void)size;
    if (!csh_elf_holds(info, search->address)) {
        return 0;
    }
    csh_elf_describe(info, &search->object);
    return 1;
}

bool csh_elf_find(const void *address, struct csh_elf_object *object_p)
{
    struct csh_elf_search search = {.address = (uintptr_t)address};

    if (dl_iterate_phdr(csh_elf_visit_address, &search) == 0) {
        return false;
    }
    *object_p = search.object;
    return true;
}

static const char *csh_elf_file_name(const struct csh_elf_object *object)
{
    const char *slash = strrchr(object->path, '/');

    return slash == NULL ? object->path : slash + 1;
}

bool csh_elf_is_named(const struct csh_elf_object *object, const char *prefix)
{
    size_t bytes = strlen(prefix);

    return strncmp(object->soname, prefix, bytes) == 0 ||
           strncmp(csh_elf_file_name(object), prefix, bytes) == 0;
}

bool csh_elf_name_contains(const struct csh_elf_object *object,
                           const char *part)
{
    return strstr(csh_elf_file_name(object), part) != NULL;
}

/* Symbols in the table: nchain of DT_HASH, else one past the highest index
 * that a chain of DT_GNU_HASH reaches. */
static uint32_t csh_elf_n_symbols(const struct csh_elf_object *object)
{
    const uint32_t *hash = csh_elf_table(object, DT_HASH);
    const uint32_t *gnu = csh_elf_table(object, DT_GNU_HASH);
    const uint32_t *buckets, *chains;
    uint32_t last = 0;
    uint32_t i;

    if (hash != NULL) {
        return hash[1];
    }
    if (gnu == NULL) {
        return 0;
    }
    buckets = gnu + 4 + gnu[2] * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
    chains = buckets + gnu[0];
    for (i = 0; i < gnu[0]; i++) {
        last = buckets[i] > last ? buckets[i] : last;
    }
    if (last < gnu[1]) {
        return 0;
    }
    while ((chains[last - gnu[1]] & 1) == 0) {
        last++;
    }
    return last + 1;
}

static void *csh_elf_lookup(const struct csh_elf_object *object,
                            const char *symbol)
{
    const ElfW(Sym) *symbols = csh_elf_table(object, DT_SYMTAB);
    const char *strings = csh_elf_table(object, DT_STRTAB);
    uint32_t n_symbols = csh_elf_n_symbols(object);
    uint32_t i;

    if (symbols == NULL || strings == NULL) {
        return NULL;
    }
    for (i = 0; i < n_symbols; i++) {
        if (symbols[i].st_shndx != SHN_UNDEF && symbols[i].st_value != 0 &&
            ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC &&
            strcmp(strings + symbols[i].st_name, symbol) == 0) {
            return (void *)(object->bias + symbols[i].st_value);
        }
    }
    return NULL;
}

static int csh_elf_visit_symbol(struct dl_phdr_info *info, size_t size,
                                void *opaque)
{
    struct csh_elf_search *search = opaque;

    (void)size;
    csh_elf_describe(info, &search->object);
    if (csh_elf_is_named(&search->object, search->prefix)) {
        search->found = csh_elf_lookup(&search->object, search->symbol);
    }
    return search->found != NULL;
}

void *csh_elf_symbol(const char *object_prefix, const char *symbol)
{
    struct csh_elf_search search = {.prefix = object_prefix,
                                    .symbol = symbol};

    (void)dl_iterate_phdr(csh_elf_visit_symbol, &search);
    return search.found;
}
