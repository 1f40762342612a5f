/*
 * page_state.c - asks /proc/self/maps and /proc/self/pagemap.
 *
 * Owns three descriptors: both files, opened at the start because a program
 * may make itself undumpable later, and a userfaultfd that registers nothing
 * (vma_marks.c asks by it). They lie above 1023, and their files are compared
 * before each use.
 *
 * What is relied on, checked by test_page_state*.c: a page that was written
 * through this mapping, by whatever way, is `present` or `swapped` and not
 * `file`; guard markers and pages under a userfaultfd count as swapped. So the
 * answer is never "untouched" for a page that was; it can be "touched" for one
 * that holds the same bytes again.
 *
 * Threads: no state but what open writes. The ways to ask are atomic in the
 * kernel but for the text, which is read through a descriptor of its own each
 * time. Bare system calls: none is a cancellation point.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include "shadow/page_state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "shadow/chunk.h"
#include "shadow/kernel_abi.h"
#include "shadow/vma_marks.h"

#define TEXT_BYTES 8192
#define PAGEMAP_ENTRIES 1024

static uint64_t number_of(const void *address)
{
    return (uint64_t)(uintptr_t)address;
}

/* --- mappings ------------------------------------------------------------ */

static enum csh_page_answer query_vma(const struct csh_page_state *state,
                                      uint64_t address,
                                      struct csh_vma *vma_p)
{
    struct csh_procmap_query query;

    memset(&query, 0, sizeof(query));
    query.size        = sizeof(query);
    query.query_addr  = address;
    query.query_flags = CSH_PROCMAP_COVERING_OR_NEXT;
    vma_p->start      = UINT64_MAX;
    if (ioctl(state->maps.fd, CSH_PROCMAP_QUERY, &query) != 0) {
        return (errno == ENOENT) ? CSH_PAGES_NONE : CSH_PAGES_UNKNOWN;
    }

    vma_p->start      = query.vma_start;
    vma_p->end        = query.vma_end;
    vma_p->flags      = (unsigned)query.vma_flags;
    vma_p->device     = makedev(query.dev_major, query.dev_minor);
    vma_p->inode      = query.inode;
    vma_p->offset     = query.vma_offset;
    vma_p->page_bytes = query.vma_page_size;
    return (address < vma_p->start) ? CSH_PAGES_NONE : CSH_PAGES_FOUND;
}

/* A number in front of a certain character, and what follows that. NULL when
 * it is not there. */
static const char *parse_number(const char *text, unsigned base, char after,
                                uint64_t *number_p)
{
    static const char digits[] = "0123456789abcdef";
    const char *digit;

    *number_p = 0;
    while ((*text != '\0') && (*text != after)) {
        digit = strchr(digits, *text);
        if ((digit == NULL) || ((unsigned)(digit - digits) >= base)) {
            return NULL;
        }
        *number_p = *number_p * base + (unsigned)(digit - digits);
        text++;
    }

    return (*text == after) ? text + 1 : NULL;
}

/* "START-END rwxp OFFSET MAJOR:MINOR INODE", perhaps a name. */
static bool parse_line(const char *line, struct csh_vma *vma_p)
{
    static const char letters[] = "rwxs";
    uint64_t major_number = 0, minor_number = 0;
    unsigned i;

    line = parse_number(line, 16, '-', &vma_p->start);
    line = (line == NULL) ? NULL : parse_number(line, 16, ' ', &vma_p->end);
    if ((line == NULL) || (strlen(line) < 5)) {
        return false;
    }

    vma_p->flags = 0;
    for (i = 0; i < 4; i++) {
        vma_p->flags |= (line[i] == letters[i]) ? 1u << i : 0;
    }
    line = parse_number(line + 5, 16, ' ', &vma_p->offset);
    line = (line == NULL) ? NULL
                          : parse_number(line, 16, ':', &major_number);
    line = (line == NULL) ? NULL
                          : parse_number(line, 16, ' ', &minor_number);
    line = (line == NULL) ? NULL : parse_number(line, 10, ' ', &vma_p->inode);
    vma_p->device     = makedev((unsigned)major_number,
                                (unsigned)minor_number);
    vma_p->page_bytes = csh_page_bytes();
    return line != NULL;
}

/* Looks through whole lines, in rising order of address. True when they went
 * as far as it takes. */
static bool search_lines(char *text, uint64_t address, struct csh_vma *vma_p,
                         enum csh_page_answer *answer_p)
{
    char *line = text;
    char *end;

    for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = ' '; /* a line without a name ends behind its last blank */
        if (!parse_line(line, vma_p)) {
            *answer_p = CSH_PAGES_UNKNOWN;
            return true;
        }
        if (address < vma_p->end) {
            *answer_p = (address < vma_p->start) ? CSH_PAGES_NONE
                                                 : CSH_PAGES_FOUND;
            return true;
        }
    }

    *answer_p = (*line == '\0') ? CSH_PAGES_NONE : CSH_PAGES_UNKNOWN;
    return *line != '\0';
}

/* The kernel ends what it returns at the end of a line. */
static enum csh_page_answer read_vma(uint64_t address, struct csh_vma *vma_p)
{
    enum csh_page_answer answer = CSH_PAGES_NONE;
    char text[TEXT_BYTES];
    long n, fd;

    fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/maps",
                 O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) {
        return CSH_PAGES_UNKNOWN;
    }

    do {
        n = syscall(SYS_read, fd, text, sizeof(text) - 1);
        if (n < 0) {
            answer = CSH_PAGES_UNKNOWN;
            break;
        }
        text[n] = '\0';
    } while ((n > 0) && !search_lines(text, address, vma_p, &answer));
    if (n == 0) {
        vma_p->start = UINT64_MAX; /* above the last mapping */
    }

    csh_descriptor_close_number((int)fd);
    return answer;
}

void csh_page_view_begin(struct csh_page_view *view_p,
                         const struct csh_page_state *state)
{
    bool is_own = csh_process_is_marked(&state->owner);

    view_p->state       = state;
    view_p->shows_maps  = is_own && csh_descriptor_is_ours(&state->maps);
    view_p->shows_pages = is_own && csh_descriptor_is_ours(&state->pagemap);
    view_p->has_vma     = false;
}

void csh_page_view_renew(struct csh_page_view *view)
{
    view->has_vma = false;
}

enum csh_page_answer csh_page_view_find_vma(struct csh_page_view *view,
                                            uint64_t address,
                                            struct csh_vma *vma_p)
{
    unsigned offered            = view->state->offered;
    enum csh_page_answer answer = CSH_PAGES_UNKNOWN;

    if (view->has_vma && (address >= view->vma.start) &&
        (address < view->vma.end)) {
        *vma_p = view->vma;
        return CSH_PAGES_FOUND;
    }

    if (((offered & CSH_PAGES_BY_QUERY) != 0) && view->shows_maps) {
        answer = query_vma(view->state, address, vma_p);
    }
    if ((answer == CSH_PAGES_UNKNOWN) &&
        ((offered & CSH_PAGES_BY_TEXT) != 0)) {
        answer = read_vma(address, vma_p);
    }
    view->has_vma = (answer == CSH_PAGES_FOUND);
    view->vma     = *vma_p;
    return answer;
}

enum csh_page_answer
csh_page_state_find_vma(const struct csh_page_state *state, uint64_t address,
                        struct csh_vma *vma_p)
{
    struct csh_page_view view;

    csh_page_view_begin(&view, state);
    return csh_page_view_find_vma(&view, address, vma_p);
}

bool csh_vma_is_plain(const struct csh_vma *vma)
{
    return (vma->flags == (CSH_VMA_READABLE | CSH_VMA_WRITABLE)) &&
           (vma->device == 0) && (vma->inode == 0) &&
           (vma->page_bytes == csh_page_bytes());
}

/* --- pages --------------------------------------------------------------- */

static enum csh_page_answer scan_pages(const struct csh_page_state *state,
                                       enum csh_page_kind kind,
                                       uint64_t start, uint64_t end,
                                       struct csh_page_run *run_p)
{
    struct csh_page_region region = {0};
    struct csh_pagemap_scan scan;
    int n;

    memset(&scan, 0, sizeof(scan));
    scan.size                = sizeof(scan);
    scan.start               = start;
    scan.end                 = end;
    scan.vec                 = number_of(&region);
    scan.vec_len             = 1;
    scan.category_inverted   = CSH_PAGE_IS_FILE;
    scan.category_anyof_mask = CSH_PAGE_IS_PRESENT | CSH_PAGE_IS_SWAPPED;
    if (kind == CSH_PAGES_TOUCHED) {
        scan.category_inverted |= CSH_PAGE_IS_PFNZERO;
    }
    scan.category_mask = scan.category_inverted;
    scan.return_mask   = CSH_PAGE_IS_PRESENT;

    do {
        n = ioctl(state->pagemap.fd, CSH_PAGEMAP_SCAN, &scan);
    } while ((n < 0) && (errno == EINTR));
    if (n == 1) {
        run_p->start = region.start;
        run_p->end   = region.end;
        return CSH_PAGES_FOUND;
    }

    /* Nothing found means something only if it went to the end. */
    return ((n == 0) && (scan.walk_end == end)) ? CSH_PAGES_NONE
                                                : CSH_PAGES_UNKNOWN;
}

/* Continues a run through one block of entries. True when it is complete. */
static bool search_entries(const uint64_t *entries, size_t n_entries,
                           uint64_t address, struct csh_page_run *run_p)
{
    const uint64_t own = CSH_PAGEMAP_PRESENT | CSH_PAGEMAP_SWAPPED;
    size_t page        = csh_page_bytes();
    size_t i;

    for (i = 0; i < n_entries; i++, address += page) {
        if (((entries[i] & own) != 0) &&
            ((entries[i] & CSH_PAGEMAP_FILE) == 0)) {
            run_p->start = (run_p->end == 0) ? address : run_p->start;
            run_p->end   = address + page;
        } else if (run_p->end != 0) {
            return true;
        }
    }

    return false;
}

static enum csh_page_answer read_pages(const struct csh_page_state *state,
                                       uint64_t start, uint64_t end,
                                       struct csh_page_run *run_p)
{
    uint64_t entries[PAGEMAP_ENTRIES];
    size_t page = csh_page_bytes();
    uint64_t at = start;
    uint64_t wanted;
    long n;

    run_p->start = 0;
    run_p->end   = 0;
    while (at < end) {
        wanted = (end - at) / page;
        if (wanted > PAGEMAP_ENTRIES) {
            wanted = PAGEMAP_ENTRIES;
        }
        n = syscall(SYS_pread64, state->pagemap.fd, entries,
                    wanted * sizeof(entries[0]),
                    (off_t)(at / page * sizeof(entries[0])));
        if (n != (long)(wanted * sizeof(entries[0]))) {
            return CSH_PAGES_UNKNOWN;
        }
        if (search_entries(entries, wanted, at, run_p)) {
            break;
        }
        at += wanted * page;
    }

    return (run_p->end != 0) ? CSH_PAGES_FOUND : CSH_PAGES_NONE;
}

enum csh_page_answer csh_page_view_find_pages(const struct csh_page_view *view,
                                              enum csh_page_kind kind,
                                              uint64_t start, uint64_t end,
                                              struct csh_page_run *run_p)
{
    unsigned offered            = view->state->offered;
    enum csh_page_answer answer = CSH_PAGES_UNKNOWN;

    if (start >= end) {
        return CSH_PAGES_NONE;
    }
    if (((start | end) % csh_page_bytes() != 0) || !view->shows_pages) {
        return CSH_PAGES_UNKNOWN;
    }

    if ((offered & CSH_PAGES_BY_SCAN) != 0) {
        answer = scan_pages(view->state, kind, start, end, run_p);
    }
    if ((answer == CSH_PAGES_UNKNOWN) &&
        ((offered & CSH_PAGES_BY_PAGEMAP) != 0)) {
        answer = read_pages(view->state, start, end, run_p);
    }

    return answer;
}

enum csh_page_answer
csh_page_state_find_pages(const struct csh_page_state *state,
                          enum csh_page_kind kind, uint64_t start,
                          uint64_t end, struct csh_page_run *run_p)
{
    struct csh_page_view view;

    csh_page_view_begin(&view, state);
    return csh_page_view_find_pages(&view, kind, start, end, run_p);
}

/* --- start and end ------------------------------------------------------- */

/* A userfaultfd for faults of user code alone needs no privilege. */
static bool open_userfault(struct csh_page_state *state)
{
    struct csh_uffdio_api api = {CSH_UFFD_API, 0, 0};
    long fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK |
                      CSH_UFFD_USER_MODE_ONLY);

    if (!csh_descriptor_take((int)fd, &state->userfault)) {
        return false;
    }
    if (ioctl(state->userfault.fd, CSH_UFFDIO_API, &api) != 0) {
        csh_descriptor_close(&state->userfault);
        return false;
    }

    return true;
}

static bool has_several_nodes(void)
{
    unsigned long nodes[16] = {0};
    unsigned n              = 0;
    size_t i;

    if (syscall(SYS_get_mempolicy, NULL, nodes, sizeof(nodes) * 8, NULL,
                CSH_MPOL_F_MEMS_ALLOWED) != 0) {
        return errno != ENOSYS;
    }

    for (i = 0; i < CSH_ARRAY_LENGTH(nodes); i++) {
        n += (unsigned)__builtin_popcountl(nodes[i]);
    }

    return n > 1;
}

/* Both answers are about this very stack: a mapping, with a touched page. */
static unsigned try_mechanisms(struct csh_page_state *state)
{
    uint64_t address  = number_of(&address);
    uint64_t page     = address - address % csh_page_bytes();
    unsigned answered = 0;
    struct csh_page_run run;
    struct csh_vma vma;

    if (query_vma(state, address, &vma) == CSH_PAGES_FOUND) {
        answered |= CSH_PAGES_BY_QUERY;
    }
    if (read_vma(address, &vma) == CSH_PAGES_FOUND) {
        answered |= CSH_PAGES_BY_TEXT;
    }
    if (scan_pages(state, CSH_PAGES_TOUCHED, page, page + csh_page_bytes(),
                   &run) == CSH_PAGES_FOUND) {
        answered |= CSH_PAGES_BY_SCAN;
    }
    if (read_pages(state, page, page + csh_page_bytes(), &run) ==
        CSH_PAGES_FOUND) {
        answered |= CSH_PAGES_BY_PAGEMAP;
    }

    return answered;
}

void csh_page_state_open(struct csh_page_state *state_p, unsigned allowed)
{
    state_p->owner = (struct csh_process_mark){NULL, 0};
    csh_process_mark_make(&state_p->owner);
    csh_descriptor_open("/proc/self/maps", &state_p->maps);
    csh_descriptor_open("/proc/self/pagemap", &state_p->pagemap);
    state_p->offered      = allowed & try_mechanisms(state_p);
    state_p->has_nodes    = has_several_nodes();
    state_p->has_keys     = csh_vma_has_keys();
    state_p->userfault.fd = -1;
    if (((allowed & CSH_PAGES_BY_USERFAULT) != 0) &&
        open_userfault(state_p)) {
        state_p->offered |= CSH_PAGES_BY_USERFAULT;
    }
}

void csh_page_state_close(struct csh_page_state *state)
{
    csh_descriptor_close(&state->maps);
    csh_descriptor_close(&state->pagemap);
    csh_descriptor_close(&state->userfault);
    state->offered = 0;
}
