/*
 * live_page.h - the page in which a process shares its figures: its layout,
 * and how one writer and any number of readers use it at once.
 *
 * The page is a memory file of the process. Nobody waits: there are two slots;
 * write number n goes into slot n % 2 while readers copy the other one, and a
 * reader that finds that its slot was written to meanwhile begins again. So a
 * reader sees one write, whole, or nothing, also of a process that is stopped
 * in the middle of one. The C11 memory model carries it: every word of a slot
 * is an atomic that is released and acquired, and each slot is a sequence lock
 * (H. Boehm, "Can Seqlocks Get Along With Programming Language Memory Models?",
 * MSPC 2012).
 *
 * Readers trust nothing: whatever the page holds, what comes out has no more
 * models than there is room for, a known mode, and names that end.
 */
#ifndef CSH_REPORT_LIVE_PAGE_H
#define CSH_REPORT_LIVE_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/statistics.h"
#include "weights/registry.h"

/* Of the memory file, as /proc/PID/fd shows it: "/memfd:NAME (deleted)". */
#define CSH_LIVE_FILE_NAME "cushadow-live"

/* Rises with every change of the structs below. The tables that they are sized
 * by are in the page as a number of their own (csh_live_tables()). */
#define CSH_LIVE_LAYOUT 1
#define CSH_LIVE_MAGIC UINT64_C(0x6567617065766c63) /* "clvepage" */
#define CSH_LIVE_NAME_BYTES 192

/* Nothing but words: whole in every slot, and without padding. */
struct csh_live_model {
    char name[CSH_LIVE_NAME_BYTES]; /* cut to fit; any bytes */
    uint64_t is_named;              /* else it is a burst's label */
    struct csh_tally known, on_device, in_shadows, pinned, parked;
    struct csh_model_account account;
};

struct csh_live_figures {
    uint64_t n_models;   /* that are there */
    uint64_t written_ns; /* of csh_clock_now_ns() */
    uint64_t mode;       /* enum csh_mode */
    struct csh_tally reason[CSH_N_DIRECTIONS][CSH_N_OUTCOMES][CSH_N_REASONS];
    struct csh_tally weight_rule[CSH_N_WEIGHT_RULES];
    uint64_t gauge[CSH_N_GAUGES];
    struct csh_live_model models[CSH_MAX_MODELS];
};

#define CSH_LIVE_WORDS (sizeof(struct csh_live_figures) / sizeof(uint64_t))

struct csh_live_slot {
    _Atomic uint64_t state; /* 2n: holds write n; odd: is being written */
    _Atomic uint64_t words[CSH_LIVE_WORDS];
};

struct csh_live_page {
    uint64_t magic, layout, page_bytes, tables;
    uint64_t pid;      /* as the process itself sees it */
    uint64_t began_ns; /* when it first used CUDA */
    _Atomic uint64_t latest; /* number of the latest write; 0: none yet */
    uint64_t unused;
    struct csh_live_slot slots[2];
};

_Static_assert(sizeof(struct csh_live_figures) % sizeof(uint64_t) == 0,
               "whole words");
_Static_assert(sizeof(struct csh_live_page) ==
                   (8 + 2 * (1 + CSH_LIVE_WORDS)) * sizeof(uint64_t),
               "no padding");

/* Bytes of the figures that so many models take. */
size_t csh_live_figures_bytes(uint64_t n_models);

/* A number that is another one if a table of counters is. */
uint64_t csh_live_tables(void);

/* Makes zeroed memory a page without figures. */
void csh_live_page_init(struct csh_live_page *page_p, uint64_t pid,
                        uint64_t began_ns);

/* By one thread at a time. */
void csh_live_page_write(struct csh_live_page *page,
                         const struct csh_live_figures *figures);

enum csh_live_status {
    CSH_LIVE_GOOD,
    CSH_LIVE_EMPTY,        /* nothing was written yet */
    CSH_LIVE_BUSY,         /* writes came faster than they could be read */
    CSH_LIVE_OTHER_LAYOUT, /* of another version of cushadow */
    CSH_LIVE_NO_PAGE,      /* something else */
};

/* Whether memory of so many bytes is a page that this code can read. */
enum csh_live_status csh_live_page_check(const struct csh_live_page *page,
                                         size_t n_bytes);

/* The models, of which there is room for CSH_MAX_MODELS, in the registry's
 * terms; their names are those of the figures. */
void csh_live_models(const struct csh_live_figures *figures,
                     struct csh_model_figures *models_p);

/* Copies the latest figures out, made harmless as said above. The page was
 * checked. Only with CSH_LIVE_GOOD is *figures_p of use. */
CSH_MUST_CHECK enum csh_live_status
csh_live_page_read(const struct csh_live_page *page,
                   struct csh_live_figures *figures_p);

#endif
