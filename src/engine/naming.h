/*
 * naming.h - what the program or CUSHADOW_WEIGHTS makes of an upload, and which
 * weight it is.
 *
 * Asks the declarations (declared.h), the rules (weights/rules.h), the model
 * files (weights/identify.h) and the registry, which owns the names
 * (weights/registry.h). Without file= or
 * manifest= among the rules nothing is looked at but the size. Any thread;
 * hold no lock.
 */
#ifndef CSH_ENGINE_NAMING_H
#define CSH_ENGINE_NAMING_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/engine.h"
#include "shadow/store.h"
#include "weights/registry.h"
#include "weights/rules.h"

/* Of one upload. Zero to begin with. */
struct csh_naming {
    bool is_declared; /* by the program, so that no rule matters */
    bool is_decided;
    bool is_registered;
    struct csh_weight_mark mark;
};

/* Reads the model files that the rules name; what cannot be read is left out.
 * Once, before the rest. */
void csh_naming_start(void);

/* Whether an upload of so many bytes may turn out to be registered. */
bool csh_naming_may_register(size_t bytes);

/* Whether the rules' bounds let a range of so many bytes be learned. */
bool csh_naming_may_learn(size_t bytes);

/* What the program has said of exactly this copy's device memory, or else, of
 * an upload, of its source. True, with all that follows from that in the mark,
 * if it has. */
bool csh_naming_find_declared(const struct csh_copy *copy,
                              struct csh_weight_mark *mark);

/* Decides once for each upload, and counts that. The source's bytes, a few of
 * them, are read only if they may be: the driver knows no such memory, or says
 * that it is the host's. Otherwise only where they lie tells what they are. */
void csh_naming_decide(const struct csh_copy *copy, bool may_read,
                       struct csh_naming *naming);

/* A shadow was made of the weight's bytes: gives it a number if it has none
 * yet. */
void csh_naming_learned(size_t bytes, struct csh_weight_mark *mark);

/* The records of a shadow that was just published have the mark: if it takes
 * all bytes to know its name, and the name is of use, they are compared soon.
 * The caller is a user of the shadow. */
void csh_naming_published(struct csh_shadow *shadow,
                          struct csh_weight_mark mark);

#endif
