/*
 * elf.h - which loaded object an address belongs to, what it is called, and
 * its dynamic symbols, read from memory. No allocation; takes only the lock
 * that dl_iterate_phdr takes.
 */
#ifndef CSH_DRIVER_ELF_H
#define CSH_DRIVER_ELF_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

struct csh_elf_object {
    uintptr_t bias;     /* what is added to the addresses in its file */
    uintptr_t start;    /* first byte mapped; what tells objects apart */
    uintptr_t end;      /* one past the last byte mapped */
    const char *path;   /* "" for the program; valid while it is loaded */
    const char *soname; /* "" if it has none; valid while it is loaded */
    const ElfW(Dyn) *dynamic;
};

/* False if the address is in no object of the shim's own namespace. */
bool csh_elf_find(const void *address, struct csh_elf_object *object_p);

/* True if the file's name or the SONAME begins so ("libcuda.so"). */
bool csh_elf_is_named(const struct csh_elf_object *object, const char *prefix);

/* True if the file's name contains this. */
bool csh_elf_name_contains(const struct csh_elf_object *object,
                           const char *part);

/* Address of a defined dynamic symbol in the first object so named, whatever
 * its version; NULL if there is none. */
void *csh_elf_symbol(const char *object_prefix, const char *symbol);

#endif
