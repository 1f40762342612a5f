/*
 * page_state.h - what the kernel says, now, of the program's memory: which
 * mapping lies at an address, and which pages of it were ever written.
 *
 * Nothing is remembered between calls but how to ask. An answer describes the
 * moment of the call: it holds for as long as the program, in whose call it is
 * asked for, must leave that memory alone.
 *
 * Any function but open and close may be called from any thread, without a
 * lock. None reads or writes the memory that is asked about. errno may change.
 * In a child of fork the descriptors are the parent's: only the text is left,
 * and pages are unknown.
 */
#ifndef CSH_SHADOW_PAGE_STATE_H
#define CSH_SHADOW_PAGE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/descriptor.h"
#include "base/process.h"

/* X(NAME, what doctor and the log say), a bit each. The first of a pair is
 * used where the kernel has it, the second is slower and says the same. */
#define CSH_PAGE_MECHANISMS(X)                                              \
    X(QUERY, "PROCMAP_QUERY (Linux 6.11)")                                  \
    X(TEXT, "text of /proc/self/maps")                                      \
    X(SCAN, "PAGEMAP_SCAN (Linux 6.7)")                                     \
    X(PAGEMAP, "entries of /proc/self/pagemap")                             \
    X(USERFAULT, "userfaultfd, to see who else has registered memory")

#define CSH_X(name_, text_) CSH_PAGES_BIT_##name_,
enum csh_page_mechanism_bit {
    CSH_PAGE_MECHANISMS(CSH_X) CSH_N_PAGE_MECHANISMS
};
#undef CSH_X
#define CSH_X(name_, text_) \
    CSH_PAGES_BY_##name_ = 1u << CSH_PAGES_BIT_##name_,
enum csh_page_mechanism { CSH_PAGE_MECHANISMS(CSH_X) };
#undef CSH_X
#define CSH_PAGES_BY_ALL ((1u << CSH_N_PAGE_MECHANISMS) - 1)

/* Written by open alone. */
struct csh_page_state {
    unsigned offered; /* mechanisms that answered a trial */
    bool has_nodes;   /* more than one memory node */
    bool has_keys;    /* protection keys */
    /* Whose pages the descriptors show. Not by number: the first process of a
     * container and that of one inside it have the same. */
    struct csh_process_mark owner;
    struct csh_descriptor maps, pagemap, userfault;
};

/* Tries the mechanisms that are `allowed` (all of them, but for tests), and
 * keeps what answers. Later refusals (a sandbox that closes behind the
 * program) only make answers "unknown". */
void csh_page_state_open(struct csh_page_state *state_p, unsigned allowed);
void csh_page_state_close(struct csh_page_state *state);

/* "no mapping", "nothing found" are facts; "unknown" never is. */
enum csh_page_answer { CSH_PAGES_NONE, CSH_PAGES_FOUND, CSH_PAGES_UNKNOWN };

/* Bits of csh_vma.flags. */
#define CSH_VMA_READABLE 1u
#define CSH_VMA_WRITABLE 2u
#define CSH_VMA_EXECUTABLE 4u
#define CSH_VMA_SHARED 8u

/* A mapping: addresses with one protection and one file. */
struct csh_vma {
    uint64_t start, end;
    unsigned flags;
    dev_t device;   /* 0 and 0: no file */
    uint64_t inode;
    uint64_t offset; /* of `start` in the file, in bytes */
    uint64_t page_bytes; /* csh_page_bytes(), or more for huge pages */
};

/* The mapping that holds an address. NONE: vma_p->start is where the next
 * one begins, UINT64_MAX when there is none above. */
enum csh_page_answer
csh_page_state_find_vma(const struct csh_page_state *state, uint64_t address,
                        struct csh_vma *vma_p);

/*
 * The same questions, asked by one thread in one call of the program: whose
 * the descriptors are is looked at once, in begin, and a mapping is asked for
 * once, until renew. Other threads may lengthen and shorten it meanwhile, at
 * parts that are not the call's.
 */
struct csh_page_view {
    const struct csh_page_state *state;
    bool shows_maps, shows_pages; /* the descriptors are ours */
    bool has_vma;
    struct csh_vma vma; /* the last answer */
};

void csh_page_view_begin(struct csh_page_view *view_p,
                         const struct csh_page_state *state);
void csh_page_view_renew(struct csh_page_view *view);
enum csh_page_answer csh_page_view_find_vma(struct csh_page_view *view,
                                            uint64_t address,
                                            struct csh_vma *vma_p);

/* Private memory without a file, readable and writable and nothing else. */
bool csh_vma_is_plain(const struct csh_vma *vma);

enum csh_page_kind {
    /* Holds a page of its own: present or swapped out, and neither the file's
     * page nor the zero page that reading maps (the slower way cannot tell
     * that one, and counts it). Every page that somebody has pinned for
     * writing is one, every page that is not one reads as its file or 0. */
    CSH_PAGES_TOUCHED,
    /* Present or swapped out, and not the file's page: in a private mapping
     * of a file, all pages that differ from it, and perhaps others. */
    CSH_PAGES_WRITTEN,
};

struct csh_page_run {
    uint64_t start, end; /* whole pages */
};

/* The lowest run of pages of a kind in [start, end), whole pages. Addresses
 * without a mapping hold no page: ask csh_page_state_find_vma() as well. */
enum csh_page_answer
csh_page_state_find_pages(const struct csh_page_state *state,
                          enum csh_page_kind kind, uint64_t start,
                          uint64_t end, struct csh_page_run *run_p);
enum csh_page_answer csh_page_view_find_pages(const struct csh_page_view *view,
                                              enum csh_page_kind kind,
                                              uint64_t start, uint64_t end,
                                              struct csh_page_run *run_p);

#endif
