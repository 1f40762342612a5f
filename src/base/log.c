/*
 * log.c - composes one line on the stack and hands it to an output.
 *
 * Owns the threshold, the target, the caps, and the time that the lines
 * count from: the load of the library, or the first line if that is earlier.
 * Everything is atomic; no lock, so a line may be written with any lock of
 * the shim held and in a child that was forked while another thread wrote.
 * What cannot be written is dropped: nobody is told, for there is nowhere to
 * tell it, and the program goes on as if nothing had been said.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"

#define MAX_LINE_BYTES 512

enum csh_log_level csh_log_threshold = CSH_LOG_WARN;

#define CSH_X(name_, text_) text_,
static const char *const level_names[] = {CSH_LOG_LEVELS(CSH_X)};
#undef CSH_X

static _Atomic int64_t start_ns; /* 0: not taken yet */
static atomic_uint n_written[CSH_N_LOG_LEVELS];

/* The file is published by has_file, and its fields do not change while it
 * is set. */
static struct csh_output file;
static atomic_bool has_file;

enum verdict { WRITE, WRITE_LAST, DROP };

__attribute__((constructor)) static void log_load(void)
{
    int64_t none = 0;

    if (atomic_load(&start_ns) == 0) {
        atomic_compare_exchange_strong(&start_ns, &none,
                                       (int64_t)csh_clock_now_ns());
    }
}

struct csh_output csh_log_output(void)
{
    return atomic_load(&has_file) ? file : csh_output_stderr();
}

void csh_log_open(const struct csh_log_target *target)
{
    char path[CSH_PATH_BYTES];
    struct csh_output opened;

    __atomic_store_n(&csh_log_threshold, target->level, __ATOMIC_RELAXED);
    if (atomic_exchange(&has_file, false)) {
        csh_output_close(&file);
    }
    if (target->path[0] == '\0') {
        return;
    }
    if (!csh_output_expand(target->path, path, sizeof(path))) {
        csh_warn("log", "the log file's name is too long; lines go to "
                 "stderr");
    } else if (!csh_output_open(path, CSH_OUTPUT_APPEND, &opened)) {
        csh_warn("log", "cannot open the log file %.200s: %m; lines go to "
                 "stderr", path);
    } else {
        file = opened;
        atomic_store(&has_file, true);
    }
}

/* Loaded first so that the counter stops and can never wrap. */
static enum verdict log_count(atomic_uint *n_written_p, unsigned most)
{
    unsigned n_before;

    if (atomic_load(n_written_p) > most) {
        return DROP;
    }
    n_before = atomic_fetch_add(n_written_p, 1);
    return (n_before < most) ? WRITE : (n_before == most) ? WRITE_LAST : DROP;
}

static enum verdict log_admit(struct csh_log_cap *cap,
                              enum csh_log_level level)
{
    if ((level <= CSH_LOG_OFF) || (level >= CSH_N_LOG_LEVELS) ||
        (level > __atomic_load_n(&csh_log_threshold, __ATOMIC_RELAXED))) {
        return DROP;
    }
    if (cap != NULL) {
        return log_count(&cap->n_written, cap->most);
    }
    if (level > CSH_LOG_WARN) {
        return WRITE;
    }
    return log_count(&n_written[level], CSH_LOG_REPEATS);
}

static size_t log_prefix(char *line_p, enum csh_log_level level,
                         const char *part)
{
    int64_t elapsed_us;
    int length;

    log_load();
    elapsed_us =
        ((int64_t)csh_clock_now_ns() - atomic_load(&start_ns)) / 1000;
    length = snprintf(line_p, MAX_LINE_BYTES,
                      "cushadow[%ld.%ld] %lld.%06lld %s %.32s: ",
                      (long)getpid(), (long)syscall(SYS_gettid),
                      (long long)(elapsed_us / 1000000),
                      (long long)(elapsed_us % 1000000), level_names[level],
                      part);
    return (length > 0) ? (size_t)length : 0;
}

/* A file name with a newline must not look like a line of ours, nor one with
 * an escape sequence of any encoding reach a terminal. */
static void log_tame(char *text, size_t n_bytes)
{
    size_t i = 0, length;

    text[n_bytes] = '\0'; /* no sequence goes beyond */
    while (i < n_bytes) {
        length = csh_utf8_length(text + i);
        if ((length == 0) || csh_utf8_is_hidden(text + i)) {
            memset(text + i, '?', (length == 0) ? 1 : length);
        }
        i += (length == 0) ? 1 : length;
    }
}

/* The number of bytes in the line, which ends in a newline and has no NUL. */
static size_t log_finish(char *line, size_t n_prefix, int n_text)
{
    size_t room = MAX_LINE_BYTES - n_prefix; /* with the newline */
    size_t n_bytes = n_prefix;

    if (n_text > 0) {
        n_bytes += ((size_t)n_text < room) ? (size_t)n_text : room - 1;
    }
    if ((n_text > 0) && ((size_t)n_text >= room)) {
        line[n_bytes - 1] = line[n_bytes - 2] = line[n_bytes - 3] = '.';
    }
    log_tame(line, n_bytes);
    line[n_bytes] = '\n';
    return n_bytes + 1;
}

/* No cap: that of the level, if it has one. */
static void CSH_PRINTF(4, 0)
log_write(struct csh_log_cap *cap, enum csh_log_level level, const char *part,
          const char *format, va_list args)
{
    int saved_errno = errno;
    enum verdict verdict = log_admit(cap, level);
    char line[MAX_LINE_BYTES];
    struct csh_output output;
    size_t n_prefix, n_bytes;
    int n_text;

    if (verdict == DROP) {
        return;
    }
    n_prefix = log_prefix(line, level, part);
    errno = saved_errno; /* for %m */
    if (verdict == WRITE) {
        n_text = vsnprintf(line + n_prefix, sizeof(line) - n_prefix, format,
                           args);
    } else {
        n_text = snprintf(line + n_prefix, sizeof(line) - n_prefix,
                          "further lines %s%s are suppressed",
                          (cap != NULL) ? "like the last" : "of level ",
                          (cap != NULL) ? "" : level_names[level]);
    }
    n_bytes = log_finish(line, n_prefix, n_text);
    output = csh_log_output();
    csh_output_write(&output, line, n_bytes);
    errno = saved_errno;
}

void csh_log_write(enum csh_log_level level, const char *part,
                   const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_write(NULL, level, part, format, args);
    va_end(args);
}

void csh_log_write_capped(struct csh_log_cap *cap, enum csh_log_level level,
                          const char *part, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_write(cap, level, part, format, args);
    va_end(args);
}
