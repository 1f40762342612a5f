/*
 * options.c - from text to struct csh_options, row by row of option_table.h.
 *
 * Owns the settings; parse.c knows the kinds of values. A default is text and
 * goes through the same parser as a user's value, so the two cannot drift
 * apart. Values come from whoever set the environment: nothing here trusts
 * their length or their bytes, and what is printed of them is cut and
 * escaped.
 *
 * The settings are written by one thread, before loader says LOADED, and
 * never again. A child that was forked while another thread of its parent
 * was at it finds the parent's id there and reads the environment itself;
 * pthread_once would leave it waiting for a thread that does not exist.
 */
#include "base/options.h"

#include "base/parse.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/types.h>
#include <unistd.h>

#define PREFIX "CUSHADOW_"
#define PREFIX_BYTES (sizeof(PREFIX) - 1)

/* Of a name or value, as many as a line shows and a comparison looks at. */
#define MAX_SHOWN 48
/* Each may take four characters: \xNN. */
#define SHOWN_BYTES (4 * MAX_SHOWN + sizeof("..."))

#define LOADED ((pid_t)-1)

extern char **environ;

enum kind {
    KIND_MODE,
    KIND_HOST,
    KIND_CAPTURE,
    KIND_SIZE,
    KIND_SIZE_OR_SHARE,
    KIND_NUMBER,
    KIND_THREADS,
    KIND_LOG,
    KIND_STATS,
    KIND_PATH,
    KIND_SWITCH,
    KIND_WEIGHTS,
};

struct row {
    struct csh_option option;
    size_t field_offset;
    enum kind kind;
};

static struct csh_options settings;
static bool settings_are_valid;
static _Atomic pid_t loader; /* 0: nobody yet; a process id; LOADED */

#define CSH_ROW(field_, name_, kind_, default_, help_)              \
    {{PREFIX #name_, default_, CSH_ACCEPTED_##kind_, help_},        \
     offsetof(struct csh_options, field_), KIND_##kind_},
static const struct row rows[] = {CSH_OPTIONS(CSH_ROW)};
#undef CSH_ROW

/* On failure the field is as it was. */
static bool row_parse(const struct row *row, const char *text,
                      struct csh_options *options_p)
{
    void *field = (char *)options_p + row->field_offset;

    switch (row->kind) {
    case KIND_MODE:
        return csh_parse_mode(text, field);
    case KIND_HOST:
        return csh_parse_host(text, field);
    case KIND_CAPTURE:
        return csh_parse_capture(text, field);
    case KIND_SIZE:
        return csh_parse_size(text, field);
    case KIND_SIZE_OR_SHARE:
        return csh_parse_size_or_share(text, field);
    case KIND_NUMBER:
        return csh_parse_number(text, field);
    case KIND_THREADS:
        return csh_parse_threads(text, field);
    case KIND_LOG:
        return csh_parse_log(text, field);
    case KIND_STATS:
        return csh_parse_stats(text, field);
    case KIND_PATH:
        return csh_parse_path(text, field);
    case KIND_SWITCH:
        return csh_parse_switch(text, field);
    case KIND_WEIGHTS:
        return csh_parse_weights(text, field);
    }
    return false;
}

/* The first entry of that name, as getenv takes it; NULL if there is none
 * or its value is empty. */
static const char *environment_value(char *const *environment,
                                     const char *name)
{
    size_t n_name = strlen(name);

    for (; (environment != NULL) && (*environment != NULL); ++environment) {
        if ((strncmp(*environment, name, n_name) == 0) &&
            ((*environment)[n_name] == '=')) {
            const char *value = *environment + n_name + 1;

            return (*value != '\0') ? value : NULL;
        }
    }
    return NULL;
}

/* The first bytes of text, up to stop, as printable ASCII. */
static const char *shown(const char *text, char stop,
                         char shown_p[SHOWN_BYTES])
{
    static const char hex[] = "0123456789abcdef";
    char *out = shown_p;
    unsigned char c;
    size_t i;

    for (i = 0; (text[i] != '\0') && (text[i] != stop); ++i) {
        if (i == MAX_SHOWN) {
            memcpy(out, "...", 3);
            out += 3;
            break;
        }
        c = (unsigned char)text[i];
        if ((c >= ' ') && (c < 0x7f) && (c != '"') && (c != '\\')) {
            *out++ = (char)c;
        } else {
            *out++ = '\\';
            *out++ = 'x';
            *out++ = hex[c >> 4];
            *out++ = hex[c & 15];
        }
    }
    *out = '\0';
    return shown_p;
}

/* Edit distance (Levenshtein), of the first MAX_SHOWN bytes of each, in one
 * row of the usual table: row[j] is the distance of a's beginning from the j
 * first bytes of b. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[MAX_SHOWN + 1], diagonal, above, best;
    size_t n_a = strnlen(a, MAX_SHOWN), n_b = strnlen(b, MAX_SHOWN), i, j;

    for (j = 0; j <= n_b; ++j) {
        row[j] = (unsigned)j;
    }
    for (i = 1; i <= n_a; ++i) {
        diagonal = row[0];
        row[0] = (unsigned)i;
        for (j = 1; j <= n_b; ++j) {
            above = row[j];
            best = diagonal + ((a[i - 1] != b[j - 1]) ? 1 : 0);
            best = (above + 1 < best) ? above + 1 : best;
            best = (row[j - 1] + 1 < best) ? row[j - 1] + 1 : best;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[n_b];
}

const struct csh_option *csh_option_nearest(const char *name)
{
    const struct csh_option *option = &rows[0].option, *nearest = option;
    unsigned least = distance(name, nearest->name), here;

    while ((option = csh_option_next(option)) != NULL) {
        here = distance(name, option->name);
        if (here < least) {
            least = here;
            nearest = option;
        }
    }
    return nearest;
}

static void warn_if_unknown(const char *entry)
{
    size_t n_name = strcspn(entry, "=");
    char name[MAX_SHOWN + 1], text[SHOWN_BYTES];
    size_t i;

    if (strncmp(entry, PREFIX, PREFIX_BYTES) != 0) {
        return;
    }
    for (i = 0; i < CSH_ARRAY_LENGTH(rows); ++i) {
        if ((strlen(rows[i].option.name) == n_name) &&
            (strncmp(entry, rows[i].option.name, n_name) == 0)) {
            return;
        }
    }
    n_name = (n_name < MAX_SHOWN) ? n_name : MAX_SHOWN;
    memcpy(name, entry, n_name);
    name[n_name] = '\0';
    csh_warn("options", "%s is not a variable of cushadow and is ignored; "
             "the nearest is %s", shown(entry, '=', text),
             csh_option_nearest(name)->name);
}

/* Sets the row's field to its default, then to the environment's value.
 * False if that is bad; *value_p is then the bad text. */
static bool row_read(const struct row *row, char *const *environment,
                     struct csh_options *options_p, const char **value_p)
{
    (void)row_parse(row, row->option.default_text, options_p);
    *value_p = environment_value(environment, row->option.name);
    return (*value_p == NULL) || row_parse(row, *value_p, options_p);
}

unsigned csh_options_parse(char *const *environment,
                           struct csh_options *options_p)
{
    const struct row *row;
    char text[SHOWN_BYTES];
    const char *value;
    unsigned n_bad = 0;

    memset(options_p, 0, sizeof(*options_p));
    for (row = rows; row < rows + CSH_ARRAY_LENGTH(rows); ++row) {
        if (!row_read(row, environment, options_p, &value)) {
            csh_warn("options", "%s is \"%s\", but must be %s; the "
                     "default \"%s\" is used", row->option.name,
                     shown(value, '\0', text), row->option.accepted,
                     row->option.default_text);
            ++n_bad;
        }
    }
    for (; (environment != NULL) && (*environment != NULL); ++environment) {
        warn_if_unknown(*environment);
    }
    return n_bad;
}

/* The log first, so that what is to be said of the others, and of a bad
 * CUSHADOW_LOG itself, goes where the log goes. */
static void options_read(void)
{
    char *const *environment = (getauxval(AT_SECURE) != 0) ? NULL : environ;
    const struct row *row;
    const char *value;
    unsigned n_bad;

    for (row = rows; row < rows + CSH_ARRAY_LENGTH(rows); ++row) {
        if (row->kind == KIND_LOG) {
            (void)row_read(row, environment, &settings, &value);
        }
    }
    csh_log_open(&settings.log);
    n_bad = csh_options_parse(environment, &settings);
    settings_are_valid = !settings.strict || (n_bad == 0);
}

static CSH_COLD void options_load_once(void)
{
    int saved_errno = errno;
    pid_t self = getpid(), seen;

    while ((seen = atomic_load(&loader)) != LOADED) {
        if (seen == self) {
            sched_yield();
        } else if (atomic_compare_exchange_strong(&loader, &seen, self)) {
            options_read();
            atomic_store(&loader, LOADED);
        }
    }
    errno = saved_errno;
}

void csh_options_load(void)
{
    if (CSH_UNLIKELY(atomic_load_explicit(&loader, memory_order_acquire) !=
                     LOADED)) {
        options_load_once();
    }
}

const struct csh_options *csh_options(void)
{
    csh_options_load();
    return &settings;
}

bool csh_options_are_valid(void)
{
    csh_options_load();
    return settings_are_valid;
}

bool csh_option_takes(const struct csh_option *option, const char *text)
{
    struct csh_options scratch;

    return (text[0] == '\0') ||
           row_parse((const struct row *)(const void *)option, text, &scratch);
}

const struct csh_option *csh_option_next(const struct csh_option *option)
{
    const struct row *row = rows;

    if (option != NULL) {
        row = (const struct row *)(const void *)option + 1;
    }
    return (row < rows + CSH_ARRAY_LENGTH(rows)) ? &row->option : NULL;
}
