/*
 * slots.c - see slots.h. Owns nothing; called once, before there are threads.
 */
#include "slots.h"

#include <link.h>
#include <stdlib.h>
#include <string.h>

struct search {
    const char *object;
    slots_fn *found;
    uintptr_t start, end;
};

static const void *dynamic_entry(const struct dl_phdr_info *object,
                                 const ElfW(Dyn) *entries, ElfW(Sxword) tag,
                                 size_t *value_p)
{
    for (; entries->d_tag != DT_NULL; entries++) {
        if (entries->d_tag == tag) {
            uintptr_t at = entries->d_un.d_ptr;

            *value_p = at;
            return (const void *)(at < object->dlpi_addr
                                      ? at + object->dlpi_addr
                                      : at);
        }
    }
    *value_p = 0;
    return NULL;
}

/* Every slot that holds the address of a function. */
static void put_all(const struct dl_phdr_info *object,
                    const ElfW(Dyn) *entries, slots_fn *found)
{
    static const ElfW(Sxword) tables[][2] = {{DT_JMPREL, DT_PLTRELSZ},
                                             {DT_RELA, DT_RELASZ}};
    size_t unused, bytes, i, j;
    const ElfW(Sym) *symbols =
        dynamic_entry(object, entries, DT_SYMTAB, &unused);
    const char *strings = dynamic_entry(object, entries, DT_STRTAB, &unused);

    for (i = 0; i < 2; i++) {
        const ElfW(Rela) *slots =
            dynamic_entry(object, entries, tables[i][0], &unused);

        (void)dynamic_entry(object, entries, tables[i][1], &bytes);
        for (j = 0; slots != NULL && j < bytes / sizeof(*slots); j++) {
            size_t symbol = ELF64_R_SYM(slots[j].r_info);

            if (symbol != 0 && symbols[symbol].st_shndx == SHN_UNDEF) {
                found((void **)(object->dlpi_addr + slots[j].r_offset),
                      strings + symbols[symbol].st_name);
            }
        }
    }
}

static int find_object(struct dl_phdr_info *object, size_t bytes, void *opaque)
{
    const char *name = strrchr(object->dlpi_name, '/');
    const ElfW(Dyn) *entries = NULL;
    struct search *search = opaque;
    int i;

    (void)bytes;
    if (name == NULL || strcmp(name + 1, search->object) != 0) {
        return 0;
    }
    search->start = object->dlpi_addr;
    for (i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];

        if (header->p_type == PT_LOAD) {
            search->end = search->start + header->p_vaddr + header->p_memsz;
        } else if (header->p_type == PT_DYNAMIC) {
            entries = (const void *)(search->start + header->p_vaddr);
        }
    }
    if (entries != NULL) {
        put_all(object, entries, search->found);
    }
    return 1;
}

void slots_each(const char *object, slots_fn *found, uintptr_t *start_p,
                uintptr_t *end_p)
{
    struct search search = {object, found, 0, 0};

    dl_iterate_phdr(find_object, &search);
    *start_p = search.start;
    *end_p = search.end;
}
