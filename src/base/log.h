/*
 * log.h - one line an event, on stderr or in CUSHADOW_LOG's file, never on
 * stdout. Safe before main, from any thread and during exit: no malloc, no
 * stdio, one write(2) a line from a stack buffer, errno kept.
 */
#ifndef CSH_BASE_LOG_H
#define CSH_BASE_LOG_H

#include <stdbool.h>

#include "base/compiler.h"

enum csh_log_level {
    CSH_LOG_OFF,
    CSH_LOG_ERROR,
    CSH_LOG_WARN,
    CSH_LOG_INFO,
    CSH_LOG_DEBUG,
    CSH_LOG_TRACE,
};

/* Highest level that is written now. Default CSH_LOG_WARN. */
extern enum csh_log_level csh_log_threshold;

/* The line is lower case, states the exact cause and has no newline. The
 * part is the folder that speaks ("shadow", "verify", ...). */
void csh_log_write(enum csh_log_level level, const char *part,
                   const char *format, ...) CSH_PRINTF(3, 4);

#define csh_log(level_, part_, ...)                          \
    do {                                                     \
        if (CSH_UNLIKELY((level_) <= csh_log_threshold)) {   \
            csh_log_write((level_), (part_), __VA_ARGS__);   \
        }                                                    \
    } while (0)
#define csh_error(part_, ...) csh_log(CSH_LOG_ERROR, part_, __VA_ARGS__)
#define csh_warn(part_, ...) csh_log(CSH_LOG_WARN, part_, __VA_ARGS__)
#define csh_info(part_, ...) csh_log(CSH_LOG_INFO, part_, __VA_ARGS__)
#define csh_debug(part_, ...) csh_log(CSH_LOG_DEBUG, part_, __VA_ARGS__)

#endif
