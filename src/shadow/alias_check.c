/*
 * alias_check.c - whether memory still holds a shadow's bytes.
 *
 * Owns making and unmaking of the map of records, and what is concluded from
 * a record and the kernel's answers together.
 *
 * A page counts as the shadow's without being read only if the kernel says
 * that it is of the slab's file at the right offset and not written, and the
 * record says that we put it there. Whatever else is readable and the
 * program's own is compared; anything else makes the answer "unknown".
 *
 * Threads: see alias.h. The answers are of one moment, in which the program
 * must not write to what it has just given away as the source of a copy.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include "shadow/alias_inside.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "shadow/alias_files.h"

/* vm.max_map_count where it cannot be read: the kernel's default. */
#define DEFAULT_MAPPINGS 65530u
/* Of these a part is for us. */
#define MAPPINGS_SHARE 4u

static void *map_file(void *address, size_t bytes, int fd, off_t offset)
{
    return mmap(address, bytes, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_FIXED, fd, offset);
}

static uint64_t read_most_mappings(void)
{
    char text[32];
    uint64_t n = 0;
    long fd, length, i;

    fd = syscall(SYS_openat, AT_FDCWD, "/proc/sys/vm/max_map_count",
                 O_RDONLY | O_CLOEXEC, 0);
    length = (fd < 0) ? -1 : syscall(SYS_read, fd, text, sizeof(text));
    for (i = 0; (i < length) && (text[i] >= '0') && (text[i] <= '9'); i++) {
        n = n * 10 + (unsigned)(text[i] - '0');
    }
    if (fd >= 0) {
        csh_descriptor_close_number((int)fd);
    }

    return (n == 0) ? DEFAULT_MAPPINGS : n;
}

struct csh_aliases *csh_alias_create(const struct csh_alias_setup *setup)
{
    const struct csh_lock unlocked = CSH_LOCK_INIT(CSH_RANK_LEAF);
    struct csh_aliases *aliases    = calloc(1, sizeof(*aliases));

    if (aliases == NULL) {
        return NULL;
    }

    aliases->setup = *setup;
    aliases->lock  = unlocked;
    aliases->page  = csh_page_bytes();
    csh_ranges_init(&aliases->records);
    if (aliases->setup.map == NULL) {
        aliases->setup.map = map_file;
    }
    if (aliases->setup.most_mappings == 0) {
        aliases->setup.most_mappings = read_most_mappings() / MAPPINGS_SHARE;
    }
    return aliases;
}

static void free_record(const struct csh_range *range, void *opaque)
{
    (void)opaque;
    free(range->value.pointer);
}

void csh_alias_destroy(struct csh_aliases *aliases)
{
    csh_lock_acquire(&aliases->lock);
    csh_ranges_clear(&aliases->records, free_record, NULL);
    csh_lock_release(&aliases->lock);
    free(aliases);
}

void csh_alias_read_usage(struct csh_aliases *aliases,
                          struct csh_alias_usage *usage_p)
{
    csh_lock_acquire(&aliases->lock);
    usage_p->n_records    = aliases->records.n_ranges;
    usage_p->n_mappings   = aliases->n_mappings;
    usage_p->mapped_bytes = aliases->mapped_bytes;
    csh_lock_release(&aliases->lock);
}

/* The record of the range that holds an address, and where that ends. */
static bool read_record(struct csh_aliases *aliases, uint64_t address,
                        struct csh_alias_record *record_p, uint64_t *end_p)
{
    const struct csh_range *range;

    csh_lock_acquire(&aliases->lock);
    range = csh_ranges_containing(&aliases->records, address, 1);
    if (range != NULL) {
        *record_p = *(const struct csh_alias_record *)range->value.pointer;
        *end_p    = range->start + range->bytes;
    }
    csh_lock_release(&aliases->lock);

    return range != NULL;
}

enum csh_alias_kind csh_alias_classify(struct csh_aliases *aliases,
                                       const struct csh_vma *vma,
                                       uint64_t address, uint64_t *end_p,
                                       struct csh_alias_record *record_p)
{
    uint64_t end;

    *end_p = vma->end;
    if (csh_vma_is_plain(vma)) {
        return CSH_ALIAS_PLAIN;
    }
    /* Without write access the program may have it: see csh_alias_check(). */
    if (((vma->flags | CSH_VMA_WRITABLE) !=
         (CSH_VMA_READABLE | CSH_VMA_WRITABLE)) || (vma->inode == 0) ||
        !read_record(aliases, address, record_p, &end) ||
        (vma->device != record_p->device) ||
        (vma->inode != record_p->inode) ||
        (vma->offset + (address - vma->start) !=
         record_p->offset + (address - record_p->start))) {
        return CSH_ALIAS_FOREIGN;
    }

    /* The last page of a range can be whole only if the range ends there. */
    *end_p = csh_alias_smaller(vma->end, end);
    return CSH_ALIAS_OURS;
}

bool csh_alias_find(struct csh_aliases *aliases, const void *memory,
                    size_t bytes, struct csh_shadow_ref *ref_p)
{
    const struct csh_range *range;

    csh_lock_acquire(&aliases->lock);
    range = csh_ranges_find(&aliases->records, (uint64_t)(uintptr_t)memory,
                            bytes);
    if (range != NULL) {
        *ref_p = ((const struct csh_alias_record *)range->value.pointer)->ref;
    }
    csh_lock_release(&aliases->lock);

    return range != NULL;
}

/* --- the check -------------------------------------------------------------- */

struct check {
    struct csh_aliases *aliases;
    const struct csh_alias_source *source;
    uint64_t start;
};

static enum csh_alias_verdict compare(const struct check *check, uint64_t at,
                                      uint64_t end)
{
    return (memcmp((const void *)(uintptr_t)at,
                   check->source->extent.address + (at - check->start),
                   end - at) == 0)
                   ? CSH_ALIAS_UNTOUCHED
                   : CSH_ALIAS_WRITTEN;
}

/* Pages of ours, all of them whole: only the written ones are looked at. */
static enum csh_alias_verdict check_pages(const struct check *check,
                                          uint64_t at, uint64_t end)
{
    enum csh_alias_verdict verdict = CSH_ALIAS_UNTOUCHED;
    struct csh_page_run written;

    while ((at < end) && (verdict == CSH_ALIAS_UNTOUCHED)) {
        switch (csh_page_state_find_pages(check->aliases->setup.state,
                                          CSH_PAGES_WRITTEN, at, end,
                                          &written)) {
        case CSH_PAGES_NONE:
            return CSH_ALIAS_UNTOUCHED;
        case CSH_PAGES_FOUND:
            verdict = compare(check, written.start, written.end);
            at      = written.end;
            break;
        default:
            return CSH_ALIAS_UNKNOWN;
        }
    }

    return verdict;
}

static bool is_of_source(const struct check *check,
                         const struct csh_alias_record *record)
{
    struct csh_slab_file file;

    return csh_slab_find_file(&check->source->extent, &file) &&
           (record->ref.index == check->source->ref.index) &&
           (record->ref.generation == check->source->ref.generation) &&
           (record->device == file.chunk->device) &&
           (record->inode == file.chunk->inode) &&
           (record->start == check->start) && (record->offset == file.offset);
}

/* What lies at an address, up to *end_p. */
static enum csh_alias_verdict check_piece(const struct check *check,
                                          uint64_t at, uint64_t end,
                                          uint64_t *end_p)
{
    const unsigned readable = CSH_VMA_READABLE;
    enum csh_alias_kind kind;
    struct csh_alias_record record;
    struct csh_vma vma;

    *end_p = end;
    if (csh_page_state_find_vma(check->aliases->setup.state, at, &vma) !=
        CSH_PAGES_FOUND) {
        return CSH_ALIAS_UNKNOWN;
    }

    kind   = csh_alias_classify(check->aliases, &vma, at, end_p, &record);
    *end_p = csh_alias_smaller(*end_p, end);
    if (kind == CSH_ALIAS_OURS) {
        return is_of_source(check, &record)
                       ? check_pages(check, at, *end_p)
                       : CSH_ALIAS_UNKNOWN;
    }
    if ((kind == CSH_ALIAS_PLAIN) ||
        ((vma.inode == 0) && (vma.device == 0) &&
         ((vma.flags & (readable | CSH_VMA_SHARED)) == readable))) {
        return compare(check, at, *end_p);
    }

    return CSH_ALIAS_UNKNOWN;
}

enum csh_alias_verdict csh_alias_check(struct csh_aliases *aliases,
                                       const void *memory,
                                       const struct csh_alias_source *source)
{
    struct check check = {aliases, source, (uint64_t)(uintptr_t)memory};
    uint64_t at        = check.start;
    uint64_t end       = at + source->extent.bytes;
    enum csh_alias_verdict verdict = CSH_ALIAS_UNTOUCHED;

    for (; (at < end) && (verdict == CSH_ALIAS_UNTOUCHED);) {
        verdict = check_piece(&check, at, end, &at);
    }

    return verdict;
}
