/*
 * fuzz_options.c - environments whose every byte is chosen by a fuzzer: the
 * options, the rules in CUSHADOW_WEIGHTS, and what the rules then decide.
 * Besides what the sanitizers find, it aborts when a value that was read is
 * none that the table allows.
 *
 * Each line of the input is one entry of the environment, in which a leading
 * byte from the blank on stands for a variable of the table, by its row, so
 * that few inputs are lost on names.
 */
#include "fuzz.h"

#include <string.h>

#include "base/compiler.h"
#include "base/options.h"
#include "weights/rules.h"

#define MOST_ENTRIES 64
#define ENTRY_BYTES 8192

static char entries[MOST_ENTRIES][ENTRY_BYTES];
static char *environment[MOST_ENTRIES + 1];
static struct csh_options options;

/* The row that a byte stands for; NULL for none. */
static const struct csh_option *row_of(uint8_t byte)
{
    const struct csh_option *option = NULL;
    unsigned n = byte - ' ';

    if (byte < ' ' || byte >= 'A') {
        return NULL;
    }
    do {
        option = csh_option_next(option);
    } while (option != NULL && n-- > 0);
    return option;
}

/* As many entries as there are lines; what is too long is cut. */
static void make_environment(const uint8_t *bytes, size_t n_bytes)
{
    size_t n_entries = 0, at = 0;

    while (at < n_bytes && n_entries < MOST_ENTRIES) {
        const uint8_t *end = memchr(bytes + at, '\n', n_bytes - at);
        size_t n = (end != NULL ? (size_t)(end - bytes) : n_bytes) - at;
        const struct csh_option *row = n > 0 ? row_of(bytes[at]) : NULL;

        snprintf(entries[n_entries], ENTRY_BYTES, "%s%s%.*s",
                 row != NULL ? row->name : "", row != NULL ? "=" : "",
                 (int)(n - (row != NULL)),
                 (const char *)bytes + at + (row != NULL));
        environment[n_entries] = entries[n_entries];
        n_entries++;
        at += n + 1;
    }
    environment[n_entries] = NULL;
}

/* The value of the first entry of that name; NULL if there is none. */
static const char *value_of(const char *name)
{
    size_t n = strlen(name), i;

    for (i = 0; environment[i] != NULL; i++) {
        if (strncmp(environment[i], name, n) == 0 &&
            environment[i][n] == '=') {
            return environment[i] + n + 1;
        }
    }
    return NULL;
}

/* What the table's own question says of each value. */
static unsigned n_refused(void)
{
    const struct csh_option *option = NULL;
    unsigned n = 0;

    while ((option = csh_option_next(option)) != NULL) {
        const char *value = value_of(option->name);

        n += value != NULL && !csh_option_takes(option, value);
    }
    return n;
}

static void check_rules(const struct csh_weight_rules *rules,
                        const char *path)
{
    struct csh_weight_facts facts = {.bytes = strlen(path)};
    struct csh_weight_decision decision;
    unsigned i;

    PROMISE(rules->n_globs <= CSH_MAX_WEIGHT_GLOBS);
    PROMISE(rules->min_bytes <= rules->max_bytes);
    for (i = 0; i < rules->n_globs; i++) {
        unsigned start = rules->globs[i].start;

        PROMISE(start < sizeof(rules->text));
        PROMISE(memchr(rules->text + start, '\0',
                       sizeof(rules->text) - start) != NULL);
        PROMISE(rules->text[start] != '\0');
    }
    facts.is_in_file = csh_weights_file_matches(rules, path);
    PROMISE(!facts.is_in_file || csh_weights_has_files(rules));
    decision = csh_weights_decide(rules, &facts);
    PROMISE(!(decision.is_registered && decision.may_learn));
    PROMISE((unsigned)decision.rule < CSH_N_WEIGHT_RULES);
}

static void check_size(const struct csh_size_or_share *size)
{
    PROMISE(size->unit != CSH_SIZE_AUTO || size->value == 0);
    PROMISE(size->unit != CSH_SIZE_PERCENT || size->value <= 100);
}

static void check_values(void)
{
    PROMISE((unsigned)options.mode < CSH_N_MODES);
    PROMISE((unsigned)options.host < CSH_N_HOSTS);
    PROMISE((unsigned)options.capture < CSH_N_CAPTURES);
    PROMISE((unsigned)options.stats < CSH_N_STATS);
    PROMISE((unsigned)options.log.level < CSH_N_LOG_LEVELS);
    PROMISE(strnlen(options.log.path, CSH_PATH_BYTES) < CSH_PATH_BYTES);
    PROMISE(strnlen(options.stats_file, CSH_PATH_BYTES) < CSH_PATH_BYTES);
    PROMISE(options.threads <= CSH_THREADS_MAX);
    PROMISE(options.proof_timeout_ms <= CSH_NUMBER_MAX);
    check_size(&options.ram_limit);
    check_size(&options.pinned_limit);
    check_size(&options.vram_keep);
}

void fuzz_begin(void)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    make_environment(bytes, n_bytes);
    memset(&options, 0x5a, sizeof(options));
    PROMISE(csh_options_parse(environment, &options) == n_refused());
    check_values();
    check_rules(&options.weights, environment[0] ? environment[0] : "");
    if (environment[0] != NULL) {
        PROMISE(csh_option_nearest(environment[0]) != NULL);
    }
    return 0;
}
