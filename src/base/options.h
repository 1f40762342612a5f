/*
 * options.h - the program's settings, read once from the environment.
 *
 * Parsed at the first use of CUDA, so that a bad value is not said in every
 * shell that the variable reaches; read-only afterwards. Every row of
 * option_table.h is a field here, of the type of its KIND.
 */
#ifndef CSH_BASE_OPTIONS_H
#define CSH_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/log.h"
#include "base/option_table.h"
#include "base/weight_rules.h"

/* X(NAME, word) */
#define CSH_MODES(X)      \
    X(VERIFY, "verify")   \
    X(TRUST, "trust")     \
    X(COPY, "copy")       \
    X(OBSERVE, "observe") \
    X(OFF, "off")
#define CSH_STATS_FORMS(X) \
    X(TEXT, "text")        \
    X(JSON, "json")        \
    X(OFF, "off")
#define CSH_HOSTS(X)    \
    X(ALIAS, "alias")   \
    X(COPY, "copy")

#define CSH_CAPTURES(X)       \
    X(UPLOAD, "upload")       \
    X(OFFLOAD, "offload")     \
    X(BACKGROUND, "background")

#define CSH_X(name_, word_) CSH_MODE_##name_,
enum csh_mode { CSH_MODES(CSH_X) CSH_N_MODES };
#undef CSH_X
#define CSH_X(name_, word_) CSH_STATS_##name_,
enum csh_stats { CSH_STATS_FORMS(CSH_X) CSH_N_STATS };
#undef CSH_X
#define CSH_X(name_, word_) CSH_CAPTURE_##name_,
enum csh_capture { CSH_CAPTURES(CSH_X) CSH_N_CAPTURES };
#undef CSH_X
#define CSH_X(name_, word_) CSH_HOST_##name_,
enum csh_host { CSH_HOSTS(CSH_X) CSH_N_HOSTS };
#undef CSH_X

/* Bytes, or a percentage of RAM, or the shim's own formula. */
enum csh_size_unit { CSH_SIZE_BYTES, CSH_SIZE_PERCENT, CSH_SIZE_AUTO };
struct csh_size_or_share {
    enum csh_size_unit unit;
    uint64_t value; /* bytes or per cent; 0 with CSH_SIZE_AUTO */
};

/* Above every NUMBER, so that a reader may multiply it by a million. */
#define CSH_NUMBER_MAX UINT64_C(1000000000)

/* Above what one job is worth anywhere. */
#define CSH_THREADS_MAX 64u

#define CSH_FIELD_MODE(field_) enum csh_mode field_;
#define CSH_FIELD_HOST(field_) enum csh_host field_;
#define CSH_FIELD_CAPTURE(field_) enum csh_capture field_;
#define CSH_FIELD_SIZE(field_) uint64_t field_; /* bytes */
#define CSH_FIELD_SIZE_OR_SHARE(field_) struct csh_size_or_share field_;
#define CSH_FIELD_NUMBER(field_) uint64_t field_; /* <= CSH_NUMBER_MAX */
#define CSH_FIELD_THREADS(field_) unsigned field_; /* 0: auto */
#define CSH_FIELD_LOG(field_) struct csh_log_target field_;
#define CSH_FIELD_STATS(field_) enum csh_stats field_;
#define CSH_FIELD_PATH(field_) char field_[CSH_PATH_BYTES]; /* "": none */
#define CSH_FIELD_SWITCH(field_) bool field_;
#define CSH_FIELD_WEIGHTS(field_) struct csh_weight_rules field_;

#define CSH_X(field_, name_, kind_, default_, help_) CSH_FIELD_##kind_(field_)
struct csh_options { CSH_OPTIONS(CSH_X) };
#undef CSH_X

/* Reads the environment at the first call, of whatever thread, and opens the
 * log as CUSHADOW_LOG says; later calls cost one load. A bad value is said
 * in one warning and the default is used; an empty value is the default.
 * Nothing is read in a program that runs with raised privileges (AT_SECURE).
 * Keeps errno. */
void csh_options_load(void);

/* The settings; loads them if that has not been done. */
const struct csh_options *csh_options(void);

/* False if CUSHADOW_STRICT is on and a value was bad: the first use of CUDA
 * shall then fail. */
bool csh_options_are_valid(void);

/* The parser itself: from a list like environ (NULL: an empty one), without
 * opening the log. Every bad value and unknown CUSHADOW_* name is warned
 * about. Returns the number of bad values; *options_p is always complete. */
unsigned csh_options_parse(char *const *environment,
                           struct csh_options *options_p);

/* A row of the table, for printing. Static storage. */
struct csh_option {
    const char *name; /* "CUSHADOW_MODE" */
    const char *default_text;
    const char *accepted; /* "one of: verify copy observe off" */
    const char *help;
};

/* The row after this one, the first after NULL; NULL at the end. */
const struct csh_option *csh_option_next(const struct csh_option *option);

/* Whether a row's variable may have this value; an empty one is its default. */
CSH_MUST_CHECK bool csh_option_takes(const struct csh_option *option,
                                     const char *text);

/* The row whose name is most like this one. */
const struct csh_option *csh_option_nearest(const char *name);

const char *csh_mode_name(enum csh_mode mode);

/* Whether anything is proven in this mode, and so a prover needed. */
static inline bool csh_mode_proves(enum csh_mode mode)
{
    return mode == CSH_MODE_VERIFY || mode == CSH_MODE_TRUST;
}

#endif
