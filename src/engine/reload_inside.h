/*
 * reload_inside.h - an upload that is looked at, between reload.c, which
 * decides, and reload_ways.c, which moves the bytes. Not included elsewhere.
 */
#ifndef CSH_ENGINE_RELOAD_INSIDE_H
#define CSH_ENGINE_RELOAD_INSIDE_H

#include "engine/contexts.h"
#include "engine/engine.h"
#include "engine/naming.h"
#include "engine/policy.h"
#include "engine/trace_points.h"
#include "shadow/store.h"

struct csh_reload_attempt {
    const struct csh_copy *copy;
    const struct csh_context *context; /* held, or NULL */
    struct csh_shadow *shadow;         /* held, or NULL */
    struct csh_reload_facts facts;
    struct csh_decision decision;
    struct csh_naming naming;
    uint64_t begun_ns; /* 0: too small to be looked at */
    bool is_readable;  /* the source, as far as the driver was asked */
    struct csh_trace_parts parts;
};

/* Asks the policy; false: the program's own call is to be made. */
bool csh_reload_goes_on(struct csh_reload_attempt *attempt);

/* Carries the verdict out, whichever it is but to forward. Afterwards it says
 * what was done, or that the program's own call is to be made. */
void csh_reload_carry_out(struct csh_reload_attempt *attempt);

#endif
