/*
 * journal.h - the log's line for a copy of the program that came to its end.
 */
#ifndef CSH_ENGINE_JOURNAL_H
#define CSH_ENGINE_JOURNAL_H

#include <stdint.h>

#include "base/log.h"
#include "base/statistics.h"
#include "engine/contexts.h"
#include "engine/engine.h"
#include "weights/registry.h"

struct csh_event {
    const struct csh_copy *copy;
    const struct csh_context *context; /* NULL: it was not asked for */
    enum csh_outcome outcome;
    enum csh_reason reason;
    struct csh_weight_mark mark;
    uint64_t begun_ns; /* 0: too small to be looked at */
};

/* Through the macro, so that without a log there is one load of the threshold
 * and nothing else. Copies that were looked at are said at level debug, the
 * small ones at trace. Any thread; hold no lock. */
void csh_journal_write(const struct csh_event *event);
#define csh_journal(...)                                        \
    do {                                                        \
        if (csh_log_is_on(CSH_LOG_DEBUG)) {                     \
            csh_journal_write(&(struct csh_event){__VA_ARGS__}); \
        }                                                       \
    } while (0)

#endif
