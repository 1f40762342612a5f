/*
 * shared.h - the pages that running processes share (report/live_page.h), and
 * how they are found: each is a memory file among the descriptors that
 * /proc/PID/fd shows, to the process's own user and to whoever may trace it.
 *
 * A process that was forked has its parent's descriptors and not its page, so
 * a page counts only for the process that it names. Nothing that is read is
 * trusted; the process is never stopped, and does not notice.
 */
#ifndef CSH_CLI_SHARED_H
#define CSH_CLI_SHARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "report/live_page.h"
#include "report/summary.h"

enum csh_shared_status {
    CSH_SHARED_GOOD,
    CSH_SHARED_NO_PROCESS,
    CSH_SHARED_FORBIDDEN,
    CSH_SHARED_NO_PAGE,
    CSH_SHARED_OTHER_LAYOUT,
    CSH_SHARED_UNREADABLE, /* nothing whole could be read */
};

#define CSH_COMMAND_BYTES 64

/* A process with its page. */
struct csh_shared {
    pid_t pid; /* as it is seen here */
    char command[CSH_COMMAND_BYTES]; /* any bytes */
    int fd;                          /* its number over there */
    ino_t inode;
    const struct csh_live_page *page;
    uint64_t began_ns;
};

/* Finds and maps the page of a process. Only with CSH_SHARED_GOOD is there
 * something to close. proc is "/proc". */
enum csh_shared_status csh_shared_open(const char *proc, pid_t pid,
                                       struct csh_shared *shared_p);
void csh_shared_close(struct csh_shared *shared);

/* Whether that process still has that page. */
bool csh_shared_is_there(const char *proc, const struct csh_shared *shared);

/* Copies the figures of now out; *report_p refers to them and to *shared. */
enum csh_shared_status csh_shared_read(const struct csh_shared *shared,
                                       struct csh_live_figures *figures_p);

/* The ids of all processes whose descriptors may be looked at, rising, as far
 * as there is room. Returns how many. */
size_t csh_shared_candidates(const char *proc, pid_t *pids_p,
                             size_t capacity);

/* One line on stderr: why there is nothing to see of that process. */
void csh_shared_explain(const char *who, pid_t pid,
                        enum csh_shared_status status);

/* A process id as a user types it. */
bool csh_shared_parse_pid(const char *text, pid_t *pid_p);

/* The figures as a report, with the parts that only the reader knows. The
 * models go into `models`, CSH_MAX_MODELS long, and belong to the figures. */
void csh_shared_report(const struct csh_shared *shared,
                       const struct csh_live_figures *figures,
                       struct csh_model_figures *models,
                       struct csh_report *report_p,
                       struct csh_report_shared *more_p);

#endif
