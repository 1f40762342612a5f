/*
 * alias_check.c - whether memory still holds a shadow's bytes.
 *
 * Owns nothing but what is concluded from a record and the kernel's answers
 * together. A page counts as the shadow's without being read only if the
 * kernel says that it is of the slab's file at the right offset and not
 * written, and the record says that we put it there. Whatever else is readable
 * and the program's own is compared; anything else makes the answer "unknown".
 *
 * Threads: see alias.h. The answers are of one moment, in which the program
 * must not write to what it has just given away as the source of a copy.
 */
#include "shadow/alias_inside.h"

#include <string.h>

struct check {
    struct csh_aliases *aliases;
    struct csh_page_view view;
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
        switch (csh_page_view_find_pages(&check->view, CSH_PAGES_WRITTEN, at,
                                         end, &written)) {
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
static enum csh_alias_verdict check_piece(struct check *check,
                                          uint64_t at, uint64_t end,
                                          uint64_t *end_p)
{
    const unsigned readable = CSH_VMA_READABLE;
    enum csh_alias_kind kind;
    struct csh_alias_record record;
    struct csh_vma vma;

    *end_p = end;
    if (csh_page_view_find_vma(&check->view, at, &vma) != CSH_PAGES_FOUND) {
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
    struct check check = {.aliases = aliases, .source = source,
                          .start = (uint64_t)(uintptr_t)memory};
    uint64_t at        = check.start;
    uint64_t end       = at + source->extent.bytes;
    enum csh_alias_verdict verdict = CSH_ALIAS_UNTOUCHED;

    csh_page_view_begin(&check.view, aliases->setup.state);
    while ((at < end) && (verdict == CSH_ALIAS_UNTOUCHED)) {
        verdict = check_piece(&check, at, end, &at);
    }

    return verdict;
}
