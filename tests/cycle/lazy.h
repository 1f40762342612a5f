/*
 * lazy.h - memory whose pages are taken away and brought back by the program
 * itself when they are touched: by a handler of SIGSEGV, as garbage collectors
 * and lazy loaders do it, or by userfaultfd. One region at a time.
 */
#ifndef CYCLE_LAZY_H
#define CYCLE_LAZY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lazy_kind {
    /* Maps and arms the region; false where the kernel refuses. */
    bool (*make)(uint8_t **address_p, size_t bytes);
    /* All pages go; what is touched comes back with the stored bytes. */
    void (*remove_pages)(void);
};

extern const struct lazy_kind lazy_by_signal, lazy_by_userfaultfd;

/* Whole pages for so many bytes. */
size_t lazy_bytes(size_t bytes);

/* Stores the region's bytes and takes its pages away. */
void lazy_take_away(const struct lazy_kind *kind, const uint8_t *address,
                    size_t bytes);

/* Changes a stored byte. */
void lazy_patch(size_t at, uint8_t value);

/* Pages brought back so far. */
uint64_t lazy_faults(void);

#endif
