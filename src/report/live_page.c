/*
 * live_page.c - see live_page.h. Owns nothing.
 *
 * Who may disturb a reader: only a writer that has come round to the reader's
 * slot, so that begins the second write after the one being read.
 */
#include "report/live_page.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/options.h"

/* A reader that has been disturbed so often gives up. */
#define MOST_TRIES 1000

size_t csh_live_figures_bytes(uint64_t n_models)
{
    return offsetof(struct csh_live_figures, models) +
           (size_t)n_models * sizeof(struct csh_live_model);
}

/* FNV-1a (draft-eastlake-fnv), over names with their ends. */
static uint64_t add_name(uint64_t hash, const char *name)
{
    do {
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    } while (*name++ != '\0');
    return hash;
}

uint64_t csh_live_tables(void)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

#define CSH_X(name_, ...) hash = add_name(hash, #name_);
    CSH_OUTCOMES(CSH_X)
    CSH_REASONS(CSH_X)
    CSH_WEIGHT_RULES(CSH_X)
    CSH_GAUGES(CSH_X)
    CSH_MODES(CSH_X)
#undef CSH_X
    return hash;
}

void csh_live_page_init(struct csh_live_page *page_p, uint64_t pid,
                        uint64_t began_ns)
{
    page_p->magic = CSH_LIVE_MAGIC;
    page_p->layout = CSH_LIVE_LAYOUT;
    page_p->page_bytes = sizeof(*page_p);
    page_p->tables = csh_live_tables();
    page_p->pid = pid;
    page_p->began_ns = began_ns;
}

/* --- writing --------------------------------------------------------- */

/* Each word is released: a reader that has got one of them also sees the odd
 * state before it, or a later one. No fence: ThreadSanitizer knows none. */
static void slot_write(struct csh_live_slot *slot, uint64_t number,
                       const void *bytes, size_t n_words)
{
    const unsigned char *from = bytes;
    uint64_t word;
    size_t i;

    atomic_store_explicit(&slot->state, 2 * number - 1,
                          memory_order_relaxed);
    for (i = 0; i < n_words; ++i) {
        memcpy(&word, from + i * sizeof(word), sizeof(word));
        atomic_store_explicit(&slot->words[i], word, memory_order_release);
    }
    atomic_store_explicit(&slot->state, 2 * number, memory_order_release);
}

void csh_live_page_write(struct csh_live_page *page,
                         const struct csh_live_figures *figures)
{
    uint64_t number = atomic_load_explicit(&page->latest,
                                           memory_order_relaxed) + 1;

    slot_write(&page->slots[number % 2], number, figures,
               csh_live_figures_bytes(figures->n_models) / sizeof(uint64_t));
    atomic_store_explicit(&page->latest, number, memory_order_release);
}

/* --- reading --------------------------------------------------------- */

enum csh_live_status csh_live_page_check(const struct csh_live_page *page,
                                         size_t n_bytes)
{
    if ((n_bytes < 2 * sizeof(uint64_t)) || (page->magic != CSH_LIVE_MAGIC)) {
        return CSH_LIVE_NO_PAGE;
    }
    if ((page->layout != CSH_LIVE_LAYOUT) || (n_bytes < sizeof(*page)) ||
        (page->page_bytes != sizeof(*page)) ||
        (page->tables != csh_live_tables())) {
        return CSH_LIVE_OTHER_LAYOUT;
    }
    return CSH_LIVE_GOOD;
}

static void copy_words(const struct csh_live_slot *slot, size_t from,
                       size_t end, unsigned char *to)
{
    uint64_t word;

    for (; from < end; ++from) {
        word = atomic_load_explicit(&slot->words[from],
                                    memory_order_acquire);
        memcpy(to + from * sizeof(word), &word, sizeof(word));
    }
}

/* The first word says how much there is to copy. */
static bool slot_read(const struct csh_live_slot *slot, uint64_t number,
                      struct csh_live_figures *figures_p)
{
    unsigned char *to = (unsigned char *)figures_p;

    _Static_assert(offsetof(struct csh_live_figures, n_models) == 0,
                   "the first word");
    if (atomic_load_explicit(&slot->state, memory_order_acquire) !=
        2 * number) {
        return false;
    }
    copy_words(slot, 0, 1, to);
    if (figures_p->n_models > CSH_MAX_MODELS) {
        figures_p->n_models = CSH_MAX_MODELS;
    }
    copy_words(slot, 1,
               csh_live_figures_bytes(figures_p->n_models) /
                   sizeof(uint64_t), to);
    return atomic_load_explicit(&slot->state, memory_order_relaxed) ==
           2 * number;
}

static void make_harmless(struct csh_live_figures *figures_p)
{
    uint64_t i;

    if (figures_p->mode >= CSH_N_MODES) {
        figures_p->mode = CSH_MODE_OFF;
    }
    for (i = 0; i < figures_p->n_models; ++i) {
        figures_p->models[i].name[CSH_LIVE_NAME_BYTES - 1] = '\0';
    }
}

enum csh_live_status csh_live_page_read(const struct csh_live_page *page,
                                        struct csh_live_figures *figures_p)
{
    uint64_t number;
    unsigned tries;

    for (tries = 0; tries < MOST_TRIES; ++tries) {
        number = atomic_load_explicit(&page->latest, memory_order_acquire);
        if (number == 0) {
            return CSH_LIVE_EMPTY;
        }
        if (slot_read(&page->slots[number % 2], number, figures_p)) {
            make_harmless(figures_p);
            return CSH_LIVE_GOOD;
        }
        (void)sched_yield(); /* the writer may have been stopped half-way */
    }
    return CSH_LIVE_BUSY;
}

static void take_model(const struct csh_live_model *model,
                       struct csh_model_figures *figures_p)
{
    *figures_p = (struct csh_model_figures){
        .name = (model->is_named != 0) ? model->name : NULL,
        .known = model->known,
        .on_device = model->on_device,
        .in_shadows = model->in_shadows,
        .pinned = model->pinned,
        .parked = model->parked,
        .account = model->account,
    };
    (void)snprintf(figures_p->label, sizeof(figures_p->label), "%.*s",
                   (int)sizeof(figures_p->label) - 1, model->name);
}

void csh_live_models(const struct csh_live_figures *figures,
                     struct csh_model_figures *models_p)
{
    uint64_t i;

    for (i = 0; i < figures->n_models; ++i) {
        take_model(&figures->models[i], &models_p[i]);
    }
}
