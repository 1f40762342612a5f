/*
 * registry.h - every weight that is known by name, or by when it came.
 *
 * The one owner of names: models, their tensors, and what became of the
 * copies of each. A weight is a number here; whoever keeps track of memory
 * keeps the number beside the range (struct csh_weight_mark), and says when
 * it comes and goes. Three kinds:
 *
 *   named    what csh_weights_identify() is sure of, or what a user registered
 *   pending  looks like a tensor, but not every byte was compared yet: its
 *            figures are its own until csh_registry_settle()
 *   unnamed  of the burst in which it was uploaded (bursts.h)
 *
 * Any thread; one lock of rank LEAF; no driver. Memory: CSH_MAX_WEIGHTS
 * records of about 100 bytes, those of weights that are gone used again, and
 * CSH_MAX_MODELS accounts. What exceeds that is not in the figures by model.
 */
#ifndef CSH_WEIGHTS_REGISTRY_H
#define CSH_WEIGHTS_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"
#include "base/statistics.h"
#include "weights/bursts.h"
#include "weights/identify.h"

#define CSH_MAX_WEIGHTS 131072u
#define CSH_MAX_PENDING 1024u
#define CSH_MAX_MODELS 192u

/* What is remembered with a range of memory. All zero: nothing is known. */
struct csh_weight_mark {
    uint64_t weight : 32;      /* 0: none yet */
    uint64_t burst : 27;       /* in which it was uploaded; 0: none */
    uint64_t is_excluded : 1;  /* CUSHADOW_WEIGHTS: must not be learned */
    uint64_t is_registered : 1;
    uint64_t is_immutable : 1; /* declared so; what CUSHADOW_MODE=trust may
                                  believe */
    uint64_t is_written : 1;   /* device: seen written since its upload */
    uint64_t is_unsure : 1;    /* its bytes may be others by now: they went the
                                  way of that weight's memory */
};

/* A mark in a word of a record. */
static inline uint64_t csh_mark_word(struct csh_weight_mark mark)
{
    uint64_t word;

    _Static_assert(sizeof(mark) == sizeof(word), "a mark is one word");
    memcpy(&word, &mark, sizeof(word));
    return word;
}

static inline struct csh_weight_mark csh_mark_in(uint64_t word)
{
    struct csh_weight_mark mark;

    memcpy(&mark, &word, sizeof(mark));
    return mark;
}

/* Once, before the rest. The catalog is the registry's from then on; NULL if
 * nothing has a name. */
void csh_registry_open(struct csh_catalog *catalog);
struct csh_catalog *csh_registry_catalog(void);

/* --- weights ----------------------------------------------------------- */

/* The burst that an upload now is of. */
uint32_t csh_registry_burst(uint64_t now_ns);

/* The weight of a final identity, the same number each time; 0 if there is no
 * room. */
uint32_t csh_registry_identified(const struct csh_identity *identity,
                                 uint64_t bytes);

/* A weight that a user names: the same number for the same names, which are
 * copied. */
uint32_t csh_registry_named(const char *model, const char *tensor,
                            uint64_t bytes);

/* A new weight without a name: pending if `may_be_named`, else of its burst
 * for good. 0 if there is no room. */
uint32_t csh_registry_unnamed(uint32_t burst, uint64_t bytes,
                              bool may_be_named);

/* True once for a pending weight: the caller is to settle it. */
CSH_MUST_CHECK bool csh_registry_begin_settling(uint32_t weight);

/* All bytes were compared: it is what the identity says, if that is exact,
 * else unnamed. Its figures go to the model that it turned out to be of. */
void csh_registry_settle(uint32_t weight,
                         const struct csh_identity *identity);

/* A record of memory refers to the weight, or no more. An unnamed one that
 * nothing refers to is gone. */
enum csh_weight_place {
    CSH_PLACE_DEVICE,
    CSH_PLACE_HOST,
    CSH_PLACE_PARKED, /* VRAM that the program has freed and the shim keeps */
    CSH_N_PLACES,
};
void csh_registry_refer(uint32_t weight, enum csh_weight_place place);
void csh_registry_unrefer(uint32_t weight, enum csh_weight_place place);

/* --- figures ------------------------------------------------------------- */

/* A copy of the weight came to its end, after so long. One of bytes that may
 * be others counts for the model, not for the tensor. */
void csh_registry_count(struct csh_weight_mark mark,
                        enum csh_direction direction,
                        enum csh_outcome outcome, enum csh_reason reason,
                        uint64_t bytes, uint64_t ns);

/* What the copies of one model came to. */
struct csh_model_account {
    struct csh_tally reason[CSH_N_DIRECTIONS][CSH_N_OUTCOMES][CSH_N_REASONS];
    uint64_t ns[CSH_N_DIRECTIONS];    /* in the program's calls */
    uint64_t times[CSH_N_DIRECTIONS]; /* the direction turned */
};

struct csh_model_figures {
    const char *name; /* NULL: a burst, whose label says what it is */
    char label[CSH_BURST_LABEL_BYTES];
    struct csh_tally known;    /* tensors that were seen, and their bytes */
    struct csh_tally on_device, in_shadows; /* of these, now */
    struct csh_tally pinned;                /* of those in shadows */
    struct csh_tally parked;
    struct csh_model_account account;
};

/* Model number i, from 0 on; false behind the last. First csh_registry_look()
 * for what is in shadows now. */
CSH_MUST_CHECK bool csh_registry_model(unsigned i,
                                       struct csh_model_figures *figures_p);

/* All of them at once, as far as there is room. Returns how many. The registry
 * is not held for all of it: what moves meanwhile may be in two places. */
unsigned csh_registry_models(struct csh_model_figures *figures,
                             unsigned capacity);

struct csh_weight_figures {
    const char *tensor;
    uint64_t bytes;
    bool is_piece; /* some bytes of that tensor, or that one and others */
    uint64_t n_copies[CSH_N_DIRECTIONS]; /* of its own bytes */
    uint64_t n_changed; /* offloads of other bytes than its shadow's */
};

/* The first named weight of a model whose number is above *cursor_p, which
 * begins with 0 and is then that number; false if there is none. */
CSH_MUST_CHECK bool csh_registry_weight(unsigned model, uint32_t *cursor_p,
                                        struct csh_weight_figures *figures_p);

/* What a weight is called: both live as long as the process; the tensor's is
 * NULL if only the model is known. False: neither is. */
CSH_MUST_CHECK bool csh_registry_names(uint32_t number, const char **model_p,
                                       const char **tensor_p);

/* How a model is called: by its name, or as "model GROUP" if that is NULL; 0:
 * it is none. The name lives as long as the process. */
struct csh_model_tag {
    const char *name;
    unsigned group;
};
struct csh_model_tag csh_registry_tag(unsigned model);
/* The same of a weight's model, and what the weight is called, or NULL. */
struct csh_model_tag csh_registry_tag_of(uint32_t number,
                                         const char **tensor_p);

/* Bytes of each model in VRAM now, the program's and parked ones; returns how
 * many models there are. Looks at each weight. */
struct csh_model_sample {
    uint64_t on_device, parked;
};
unsigned csh_registry_sample(struct csh_model_sample samples_p[CSH_MAX_MODELS]);

/* Who knows which weights have a shadow: told to say so of each, by
 * csh_registry_has_shadow(), whenever somebody looks. The figures are those of
 * the latest look that has ended; several threads may look at once. */
void csh_registry_on_look(void (*look)(void));
void csh_registry_look(void);
void csh_registry_look_by(void (*look)(void));
void csh_registry_has_shadow(uint32_t weight, bool is_pinned);

#endif
