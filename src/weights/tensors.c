/*
 * tensors.c - a growing list of entries and their names, and the checks that
 * all formats share. Owns what the list points to.
 */
#include "weights/tensors.h"

#include <stdlib.h>
#include <string.h>

bool csh_tensors_multiply(uint64_t a, uint64_t b, uint64_t *product_p)
{
    return !__builtin_mul_overflow(a, b, product_p);
}

/* How many bytes the UTF-8 character at text has; 0 if it is none (RFC 3629:
 * shortest form, no surrogates, at most U+10FFFF), or a NUL. */
static size_t character(const unsigned char *text, size_t n)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n_bytes = (text[0] < 0x80)   ? 1
                     : (text[0] >= 0xf0) ? 4
                     : (text[0] >= 0xe0) ? 3
                                         : 2;
    uint32_t code = text[0] & (0xffu >> (n_bytes + 1));
    size_t i;

    if (n_bytes == 1) {
        return text[0] != '\0';
    }
    if ((text[0] < 0xc0) || (text[0] > 0xf7) || (n_bytes > n)) {
        return 0;
    }
    for (i = 1; i < n_bytes; ++i) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = (code << 6) | (text[i] & 0x3f);
    }
    return ((code < least[n_bytes]) || (code > 0x10ffff) ||
            ((code >= 0xd800) && (code < 0xe000)))
               ? 0
               : n_bytes;
}

static bool is_utf8(const char *text, size_t n)
{
    size_t step;

    for (; n > 0; text += step, n -= step) {
        step = character((const unsigned char *)text, n);
        if (step == 0) {
            return false;
        }
    }
    return true;
}

/* Room for n more elements of this size. */
static bool grow(void **memory_p, size_t *n_allocated_p, size_t n_used,
                 size_t n, size_t element_bytes)
{
    size_t n_wanted = *n_allocated_p;
    void *memory;

    if (n_used + n <= n_wanted) {
        return true;
    }
    n_wanted = 2 * (n_used + n) + 64;
    memory = realloc(*memory_p, n_wanted * element_bytes);
    if (memory == NULL) {
        return false;
    }
    *memory_p = memory;
    *n_allocated_p = n_wanted;
    return true;
}

bool csh_tensors_add(struct csh_tensors *tensors, const char *name,
                     size_t n_name, uint64_t start, uint64_t bytes,
                     uint64_t header_byte)
{
    void *entries = tensors->entries, *names = tensors->names;
    bool has_room;

    if ((n_name == 0) || (n_name > CSH_MAX_TENSOR_NAME) ||
        !is_utf8(name, n_name)) {
        csh_fault_note(&tensors->fault, header_byte,
                       "a tensor's name is empty, longer than %d bytes or "
                       "not UTF-8", CSH_MAX_TENSOR_NAME);
        return true;
    }
    if (tensors->n_entries == CSH_MAX_TENSORS) {
        csh_fault_note(&tensors->fault, header_byte,
                       "more than %d tensors", CSH_MAX_TENSORS);
        return false;
    }
    has_room = grow(&entries, &tensors->n_allocated, tensors->n_entries, 1,
                    sizeof(*tensors->entries));
    tensors->entries = entries;
    has_room = has_room && grow(&names, &tensors->names_allocated,
                                tensors->n_names, n_name + 1, 1);
    tensors->names = names;
    if (!has_room) {
        csh_fault_note(&tensors->fault, header_byte, "memory is short");
        return false;
    }
    tensors->entries[tensors->n_entries++] = (struct csh_tensor_entry){
        start, bytes, header_byte, tensors->n_names, false};
    memcpy(tensors->names + tensors->n_names, name, n_name);
    tensors->names[tensors->n_names + n_name] = '\0';
    tensors->n_names += n_name + 1;
    return true;
}

/* An entry that is left out is made empty; empty ones are swept at the end. */
static void leave_out(struct csh_tensors *tensors,
                      struct csh_tensor_entry *entry, const char *why)
{
    csh_fault_note_tensor(&tensors->fault, entry->header_byte,
                          tensors->names + entry->name, why);
    entry->bytes = 0;
}

static void check_places(struct csh_tensors *tensors, uint64_t data_start,
                         uint64_t n_file)
{
    uint64_t n_data = (data_start < n_file) ? n_file - data_start : 0;
    struct csh_tensor_entry *entry;
    size_t i;

    for (i = 0; i < tensors->n_entries; ++i) {
        entry = &tensors->entries[i];
        if ((entry->start > n_data) ||
            (entry->bytes > n_data - entry->start)) {
            leave_out(tensors, entry, "ends beyond the end of the file");
            entry->start = 0;
        }
        entry->start += data_start;
    }
}

static int by_start(const void *a, const void *b)
{
    const struct csh_tensor_entry *x = a, *y = b;

    if (x->start != y->start) {
        return (x->start < y->start) ? -1 : 1;
    }
    /* In order of the header; names are never at the same place. */
    return (x->name < y->name) ? -1 : 1;
}

struct named {
    const char *name;
    struct csh_tensor_entry *entry;
};

static int by_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return (order != 0) ? order : (x->name < y->name) ? -1 : 1;
}

/* The first of a name, in order of the header, keeps it. */
static void check_names(struct csh_tensors *tensors)
{
    struct named *named = malloc(tensors->n_entries * sizeof(*named));
    size_t i;

    if (named == NULL) {
        csh_fault_note(&tensors->fault, 0, "memory is short");
        tensors->n_entries = 0;
        return;
    }
    for (i = 0; i < tensors->n_entries; ++i) {
        named[i].entry = &tensors->entries[i];
        named[i].name = tensors->names + tensors->entries[i].name;
    }
    qsort(named, tensors->n_entries, sizeof(*named), by_name);
    for (i = 1; i < tensors->n_entries; ++i) {
        if (strcmp(named[i - 1].name, named[i].name) == 0) {
            leave_out(tensors, named[i].entry, "is listed twice");
        }
    }
    free(named);
}

/* Of sorted entries, each that begins before the end of one that is kept. */
static void check_overlaps(struct csh_tensors *tensors)
{
    struct csh_tensor_entry *entry, *kept = NULL;
    size_t i;

    for (i = 0; i < tensors->n_entries; ++i) {
        entry = &tensors->entries[i];
        if (entry->bytes == 0) {
            continue;
        }
        if ((kept != NULL) && (entry->start - kept->start < kept->bytes)) {
            if ((entry->start == kept->start) &&
                (entry->bytes == kept->bytes)) {
                kept->is_tied = true;
                entry->bytes = 0;
            } else {
                leave_out(tensors, entry, "overlaps another");
            }
        } else {
            kept = entry;
        }
    }
}

void csh_tensors_finish(struct csh_tensors *tensors, uint64_t data_start,
                        uint64_t n_file)
{
    size_t i, n_kept = 0;

    if (tensors->n_entries == 0) {
        return;
    }
    check_places(tensors, data_start, n_file);
    check_names(tensors);
    qsort(tensors->entries, tensors->n_entries, sizeof(*tensors->entries),
          by_start);
    check_overlaps(tensors);
    for (i = 0; i < tensors->n_entries; ++i) {
        if (tensors->entries[i].bytes > 0) {
            tensors->entries[n_kept++] = tensors->entries[i];
        }
    }
    tensors->n_entries = n_kept;
}

void csh_tensors_clear(struct csh_tensors *tensors)
{
    free(tensors->entries);
    free(tensors->names);
    memset(tensors, 0, sizeof(*tensors));
}
