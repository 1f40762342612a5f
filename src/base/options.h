/*
 * options.h - the program's settings, read once from the environment.
 *
 * Parsed at the first use of CUDA, so that a bad value is not said in every
 * shell that the variable reaches; read-only afterwards.
 */
#ifndef CSH_BASE_OPTIONS_H
#define CSH_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

enum csh_mode { CSH_MODE_VERIFY, CSH_MODE_COPY, CSH_MODE_OBSERVE,
                CSH_MODE_OFF };
enum csh_stats { CSH_STATS_TEXT, CSH_STATS_JSON, CSH_STATS_OFF };

/* Bytes, or a percentage of RAM, or the shim's own formula. */
enum csh_size_unit { CSH_SIZE_BYTES, CSH_SIZE_PERCENT, CSH_SIZE_AUTO };
struct csh_size_or_share {
    enum csh_size_unit unit;
    uint64_t value; /* bytes or per cent; 0 with CSH_SIZE_AUTO */
};

struct csh_log_target {
    enum csh_log_level level;
    char path[4096]; /* empty: stderr */
};

/* One field a row of option_table.h, of the type of its KIND: MODE enum
 * csh_mode, SIZE uint64_t bytes, SIZE_OR_SHARE struct csh_size_or_share,
 * NUMBER uint64_t, LOG struct csh_log_target, STATS enum csh_stats, PATH
 * char[4096], SWITCH bool. */
struct csh_options;

#endif
