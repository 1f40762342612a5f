/*
 * log.h - one line an event, on stderr or in CUSHADOW_LOG's file, never on
 * stdout. Safe before main, from any thread and during exit: no malloc, no
 * stdio, one write(2) a line from a stack buffer, errno kept.
 */
#ifndef CSH_BASE_LOG_H
#define CSH_BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/compiler.h"
#include "base/output.h"

/* X(NAME, name in the line and in CUSHADOW_LOG), rising. */
#define CSH_LOG_LEVELS(X) \
    X(OFF, "off")         \
    X(ERROR, "error")     \
    X(WARN, "warn")       \
    X(INFO, "info")       \
    X(DEBUG, "debug")     \
    X(TRACE, "trace")

#define CSH_X(name_, text_) CSH_LOG_##name_,
enum csh_log_level { CSH_LOG_LEVELS(CSH_X) CSH_N_LOG_LEVELS };
#undef CSH_X

#define CSH_PATH_BYTES 4096

/* Of warnings and of errors each, and of each place's info; a broken loop must
 * not fill a disk. */
#define CSH_LOG_REPEATS 32

struct csh_log_target {
    enum csh_log_level level;
    char path[CSH_PATH_BYTES]; /* empty: stderr; may hold %p and %h */
};

/* Highest level that is written now. Default CSH_LOG_WARN. */
extern enum csh_log_level csh_log_threshold;

/* Called once, when the options are read. If the file cannot be opened, one
 * line on stderr says why, and stderr stays the target. (Called again, it
 * closes the former file, and no other thread may be logging then.) */
void csh_log_open(const struct csh_log_target *target);

/* Where lines go now. */
struct csh_output csh_log_output(void);

/* The line is lower case, states the exact cause and has no newline. The
 * part is the folder that speaks ("shadow", "verify", ...). A line longer
 * than 512 bytes is cut and ends in "...". Warnings and errors are written
 * CSH_LOG_REPEATS times each, then a last line says that no more follow; so
 * are the lines of each csh_info. */
void csh_log_write(enum csh_log_level level, const char *part,
                   const char *format, ...) CSH_PRINTF(3, 4);

/* The same for lines that one place may repeat at any level: it writes so many
 * of them, then one that says that no more of its kind follow. */
struct csh_log_cap {
    unsigned most;
    atomic_uint n_written;
};
void csh_log_write_capped(struct csh_log_cap *cap, enum csh_log_level level,
                          const char *part, const char *format, ...)
    CSH_PRINTF(4, 5);

/* The threshold is an atomic that costs no more than a plain load. */
#define csh_log_is_on(level_)                           \
    CSH_UNLIKELY((level_) <= __atomic_load_n(           \
                     &csh_log_threshold, __ATOMIC_RELAXED))
#define csh_log(level_, part_, ...)                     \
    do {                                                \
        if (csh_log_is_on(level_)) {                    \
            csh_log_write((level_), (part_), __VA_ARGS__); \
        }                                               \
    } while (0)
#define csh_log_capped(most_, level_, part_, ...)                          \
    do {                                                                   \
        static struct csh_log_cap cap_ = {(most_), 0};                     \
        if (csh_log_is_on(level_)) {                                       \
            csh_log_write_capped(&cap_, (level_), (part_), __VA_ARGS__);   \
        }                                                                  \
    } while (0)
#define csh_error(part_, ...) csh_log(CSH_LOG_ERROR, part_, __VA_ARGS__)
#define csh_warn(part_, ...) csh_log(CSH_LOG_WARN, part_, __VA_ARGS__)
#define csh_info(part_, ...) \
    csh_log_capped(CSH_LOG_REPEATS, CSH_LOG_INFO, part_, __VA_ARGS__)
#define csh_debug(part_, ...) csh_log(CSH_LOG_DEBUG, part_, __VA_ARGS__)

#endif
