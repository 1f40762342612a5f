/*
 * policy.h - what shall become of a copy, decided from facts alone.
 *
 * Pure functions: no driver, lock, clock or memory of earlier calls. The
 * engine fills the facts in rising order of cost and asks again after each
 * step with everything it has not looked at yet set to the favourable value;
 * facts only ever turn a verdict into CSH_VERDICT_FORWARD, never back, so
 * asking early is safe (test_policy.c proves that for every cell). (The last
 * facts of a reload say which way the bytes go.)
 */
#ifndef CSH_ENGINE_POLICY_H
#define CSH_ENGINE_POLICY_H

#include <stdbool.h>

#include "base/options.h"
#include "base/statistics.h"

/* What the records say about the device range of a copy. */
enum csh_knowledge {
    CSH_KNOWS_NOTHING,  /* no record touches it */
    CSH_KNOWS_OVERLAP,  /* records touch it without being exactly it */
    CSH_KNOWS_EXCLUDED, /* exactly it was uploaded; CUSHADOW_WEIGHTS says that
                           it is no weight */
    CSH_KNOWS_UPLOADED, /* exactly it was uploaded; no shadow */
    CSH_KNOWS_SHADOW,   /* exactly it was uploaded or captured, with shadow */
    CSH_N_KNOWLEDGE,
};

enum csh_host_kind {
    CSH_HOST_PAGEABLE,
    CSH_HOST_PINNED,  /* the driver knows it: allocated or registered there */
    CSH_HOST_FOREIGN, /* device or managed memory, or not to be told */
    CSH_N_HOST_KINDS,
};

/* What a launch of an earlier call found, and the program did nothing since. */
enum csh_belief {
    CSH_BELIEF_NONE,
    CSH_BELIEF_EQUAL,     /* exactly this range has exactly this shadow's
                             bytes */
    CSH_BELIEF_DIFFERENT, /* it had not */
    CSH_N_BELIEFS,
};

struct csh_offload_facts {
    enum csh_mode mode;
    bool is_paused;      /* the program paused the shim in this thread */
    bool is_large;       /* at least CUSHADOW_MIN_BYTES */
    bool is_capturing;   /* any capture in the process, or this stream's */
    bool is_suited;      /* a device on which shadows help */
    enum csh_knowledge knowledge;
    enum csh_host_kind host;
    bool is_plain;       /* the whole range: device memory, mapped,
                            accessible, of the current context */
    bool is_idle;        /* nothing to wait for that the call might not wait
                            for itself */
    bool may_prove;      /* the context has a prover that is not backing off */
    enum csh_belief belief; /* NONE unless CUSHADOW_COHORT=1 */
    bool is_immutable;   /* declared so, and this is the first offload since
                            its upload */
};

struct csh_reload_facts {
    enum csh_mode mode;
    bool is_paused;
    bool is_large;
    bool is_capturing;
    bool is_suited;
    bool has_shadow;     /* of exactly this host range, as last known */
    bool is_registered;  /* a rule or the program says that this is a
                            weight */
    enum csh_host_kind host;
    bool is_plain;       /* the destination, as above */
    bool is_idle;
    bool is_equal;       /* there is a shadow and the host bytes are its,
                            compared in this call */
    bool may_be_there;   /* the destination was given these bytes before,
                            and that can be proven */
    bool is_parked;      /* there is a copy on the device, and that can be
                            proven */
};

enum csh_verdict {
    CSH_VERDICT_FORWARD, /* the program's own call */
    CSH_VERDICT_OBSERVE, /* the program's own call, then look at its bytes */
    CSH_VERDICT_CAPTURE, /* through a fresh shadow */
    CSH_VERDICT_PROVE,   /* D2H: prove, then elide; else capture.
                            H2D: prove, then do nothing; else ask again */
    CSH_VERDICT_TRUST,   /* D2H: synchronise, then elide */
    CSH_VERDICT_BELIEVE, /* D2H: synchronise, look again, then elide */
    CSH_VERDICT_SERVE,   /* H2D: from the shadow */
    CSH_VERDICT_UNPARK,  /* H2D: prove the parked copy and copy that; else ask
                            again */
    CSH_N_VERDICTS,
};

struct csh_decision {
    enum csh_verdict verdict;
    enum csh_reason reason;
};

struct csh_decision csh_policy_offload(const struct csh_offload_facts *facts);
struct csh_decision csh_policy_reload(const struct csh_reload_facts *facts);

/* Why an upload was passed, once the rules were asked, which may know more of
 * it than the records. */
enum csh_reason csh_policy_passed_upload(enum csh_reason reason,
                                         bool is_excluded,
                                         bool is_registered);

#endif
