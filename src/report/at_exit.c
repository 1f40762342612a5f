/*
 * at_exit.c - chooses the target of the report and writes it.
 *
 * Owns the id of the process that reports, and what it last reported. The
 * destructor runs at exit(3), at a return from main, and nowhere else: a
 * program that ends by _exit, a signal or exec has asked for nothing more to
 * happen, and gets that. Other threads may still be running and counting; the
 * figures are then of that moment.
 */
#include "report/at_exit.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/log.h"
#include "base/options.h"
#include "base/output.h"
#include "report/summary.h"
#include "report/trace.h"
#include "weights/registry.h"

static _Atomic pid_t reporter; /* 0: nobody */
static atomic_bool has_reported;
static _Atomic uint64_t n_reported; /* copies, when that was last done */

void csh_report_enable(bool is_enabled)
{
    pid_t process = is_enabled ? getpid() : 0;

    if (atomic_exchange(&reporter, process) != process) {
        atomic_store(&has_reported, false);
    }
}

/* A report that was asked for twice is written twice only if something moved
 * in between. */
static bool at_exit_has_news(const struct csh_statistics *s)
{
    uint64_t n_copies = s->asked[CSH_D2H].calls + s->asked[CSH_H2D].calls;
    uint64_t n_before = atomic_exchange(&n_reported, n_copies);

    return !atomic_exchange(&has_reported, true) || (n_before != n_copies);
}

static void at_exit_sink(void *opaque, const char *text, size_t n_bytes)
{
    const struct csh_output *output = opaque;

    csh_output_write(output, text, n_bytes);
}

/* A JSON text must be the only one in its file to be readable as one. */
static bool at_exit_open(const struct csh_options *options,
                         struct csh_output *output_p)
{
    enum csh_output_start start = (options->stats == CSH_STATS_JSON) ?
                                  CSH_OUTPUT_TRUNCATE : CSH_OUTPUT_APPEND;
    char path[CSH_PATH_BYTES];

    if (!csh_output_expand(options->stats_file, path, sizeof(path))) {
        csh_warn("report", "the statistics file's name is too long; "
                 "statistics go where the log goes");
        return false;
    }
    if (!csh_output_open(path, start, output_p)) {
        csh_warn("report", "cannot open the statistics file %.200s: %m; "
                 "statistics go where the log goes", path);
        return false;
    }
    return true;
}

static void at_exit_write(const struct csh_options *options)
{
    bool wants_file = options->stats_file[0] != '\0', has_file;
    struct csh_report report;
    struct csh_output output;

    csh_registry_look();
    csh_statistics_snapshot(&report.statistics);
    if (!at_exit_has_news(&report.statistics)) {
        return;
    }
    has_file = wants_file && at_exit_open(options, &output);
    if (!has_file) {
        output = csh_log_output();
    }
    csh_process_memory_read(&report.memory);
    report.mode = options->mode;
    report.pid = (uint64_t)getpid();
    report.shared = NULL;
    report.is_full = wants_file || csh_log_is_on(CSH_LOG_INFO);
    csh_report_write(&report, options->stats, at_exit_sink, &output);
    if (has_file) {
        csh_output_close(&output);
    }
}

void csh_report_at_exit(void)
{
    int saved_errno = errno;

    if ((atomic_load(&reporter) == getpid()) &&
        (csh_options()->stats != CSH_STATS_OFF)) {
        at_exit_write(csh_options());
    }
    errno = saved_errno;
}

__attribute__((destructor)) static void at_exit_unload(void)
{
    csh_report_at_exit();
    csh_trace_close();
}
