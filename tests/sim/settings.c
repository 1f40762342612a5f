/*
 * settings.c - the SIMCUDA_* environment variables.
 *
 * One table: name, parser, field, what is accepted. Read once, at the first
 * entry, so a program may still set them in main; read-only afterwards, hence
 * no lock (simcuda_set_faults alone changes them later). A value that is not
 * understood is said in one line on stderr and leaves the default. So does a
 * SIMCUDA_ variable that does not exist: a test that misspells one would
 * otherwise test something else than it says.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "entry.h"
#include "errors.h"
#include "settings.h"
#include "table.h"

static struct sim_settings settings = {
    .memory_bytes = (uint64_t)8 << 30,
    .n_devices = 1,
    .pin_limit_bytes = UINT64_MAX,
    .driver_version = SIM_ENTRIES_CUDA_VERSION,
};
static pthread_once_t settings_once = PTHREAD_ONCE_INIT;

/* Digits only; *end_p is what follows them. */
static bool parse_digits(const char *text, uint64_t *value_p, char **end_p)
{
    if (*text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    *value_p = strtoull(text, end_p, 10);
    return errno == 0;
}

static bool parse_count(const char *text, void *field)
{
    uint64_t value;
    char *end;

    if (!parse_digits(text, &value, &end) || *end != '\0') {
        return false;
    }
    *(uint64_t *)field = value;
    return true;
}

static bool parse_devices(const char *text, void *field)
{
    uint64_t value;

    if (!parse_count(text, &value) || value < 1 || value > SIM_MAX_DEVICES) {
        return false;
    }
    *(uint64_t *)field = value;
    return true;
}

static bool parse_bytes(const char *text, void *field)
{
    static const char units[] = "KMGT";
    uint64_t value;
    unsigned shift = 0;
    char *end;

    if (!parse_digits(text, &value, &end)) {
        return false;
    }
    if (*end != '\0') {
        const char *unit = strchr(units, *end);

        if (unit == NULL || end[1] != '\0') {
            return false;
        }
        shift = 10 * (unsigned)(unit - units + 1);
    }
    if (value > UINT64_MAX >> shift) {
        return false;
    }
    *(uint64_t *)field = value << shift;
    return true;
}

bool sim_parse_version(const char *text, int *version_p)
{
    uint64_t value;
    char *end;

    if (!parse_digits(text, &value, &end) || *end != '\0' || value < 2000 ||
        value > 99990 || value % 10 != 0) {
        return false;
    }
    *version_p = (int)value;
    return true;
}

static bool parse_version(const char *text, void *field)
{
    return sim_parse_version(text, field);
}

static bool parse_link(const char *text, void *field)
{
    double speeds[3];
    int i;

    (void)field;
    for (i = 0; i < 3; i++) {
        char *end;

        speeds[i] = strtod(text, &end);
        if (end == text || !isfinite(speeds[i]) || speeds[i] < 0 ||
            *end != (i < 2 ? ',' : '\0')) {
            return false;
        }
        text = end + 1;
    }
    settings.link_h2d = speeds[0];
    settings.link_d2h = speeds[1];
    settings.link_pageable = speeds[2];
    return true;
}

static bool parse_path(const char *text, void *field)
{
    if (*text == '\0' || strlen(text) >= SIM_PATH_BYTES) {
        return false;
    }
    strcpy(field, text);
    return true;
}

bool sim_parse_resolver(const char *text, enum sim_resolver *resolver_p)
{
    static const char *const names[] = {
        [SIM_RESOLVER_TABLE] = "table",
        [SIM_RESOLVER_OTHER] = "other",
        [SIM_RESOLVER_ALIAS] = "alias",
        [SIM_RESOLVER_DLSYM] = "dlsym",
    };
    unsigned i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            *resolver_p = (enum sim_resolver)i;
            return true;
        }
    }
    return false;
}

static bool parse_resolver(const char *text, void *field)
{
    return sim_parse_resolver(text, field);
}

/* Calls `parse_item` for each part between commas, on a copy. */
static bool parse_list(const char *text, bool (*parse_item)(char *item))
{
    char *copy = strdup(text);
    char *rest = copy;
    char *item;
    bool good = copy != NULL;

    while (good && (item = strsep(&rest, ",")) != NULL) {
        good = parse_item(item);
    }
    free(copy);
    return good;
}

static bool parse_one_behaviour(char *item)
{
#define SIM_BEHAVIOUR(field_)             \
    if (strcmp(item, #field_) == 0) {     \
        settings.field_ = true;           \
        return true;                      \
    }
    SIM_BEHAVIOURS(SIM_BEHAVIOUR)
#undef SIM_BEHAVIOUR
    return false;
}

static bool parse_behaviour(const char *text, void *field)
{
    (void)field;
    return parse_list(text, parse_one_behaviour);
}

/* "3": the third call. "3+": it and all later ones. "*": every call. */
static bool parse_occurrence(const char *text, struct sim_fault *fault)
{
    char *end;

    if (strcmp(text, "*") == 0) {
        fault->first = 1;
        fault->last = UINT64_MAX;
        return true;
    }
    if (!parse_digits(text, &fault->first, &end) || fault->first == 0) {
        return false;
    }
    fault->last = fault->first;
    if (strcmp(end, "+") == 0) {
        fault->last = UINT64_MAX;
        return true;
    }
    return *end == '\0';
}

static bool parse_error(const char *text, CUresult *error_p)
{
    uint64_t value;
    char *end;

    if (sim_error_find(text, error_p)) {
        return *error_p != CUDA_SUCCESS;
    }
    if (!parse_digits(text, &value, &end) || *end != '\0' || value == 0 ||
        value > 999) {
        return false;
    }
    *error_p = (CUresult)value;
    return true;
}

static bool parse_one_fault(char *item)
{
    struct sim_fault *fault = &settings.faults[settings.n_faults];
    char *entry = strsep(&item, ":");
    char *occurrence = strsep(&item, ":");

    if (settings.n_faults == SIM_MAX_FAULTS || occurrence == NULL ||
        item == NULL || strlen(entry) >= sizeof(fault->entry) ||
        (strcmp(entry, "*") != 0 && sim_row_find(entry) == NULL) ||
        !parse_occurrence(occurrence, fault) ||
        !parse_error(item, &fault->error)) {
        return false;
    }
    strcpy(fault->entry, entry);
    settings.n_faults++;
    return true;
}

static bool parse_faults(const char *text, void *field)
{
    (void)field;
    return parse_list(text, parse_one_fault);
}

#define SIM_BEHAVIOUR_NAME(field_) " " #field_

static const struct {
    const char *name;
    bool (*parse)(const char *text, void *field);
    void *field;
    const char *accepted;
} variables[] = {
    {"SIMCUDA_BEHAVIOUR", parse_behaviour, NULL,
     "names with commas between:" SIM_BEHAVIOURS(SIM_BEHAVIOUR_NAME)},
    {"SIMCUDA_COUNTERS", parse_path, settings.counters_file,
     "a file name; %p in it is the process id"},
    {"SIMCUDA_DEVICES", parse_devices, &settings.n_devices, "1 to 4"},
    {"SIMCUDA_DRIVER_VERSION", parse_version, &settings.driver_version,
     "1000 * major + 10 * minor, such as 12040"},
    {"SIMCUDA_FAULT", parse_faults, NULL,
     "ENTRY:NTH:ERROR[,...]; ENTRY: a symbol or *; NTH: 3 (the third call), "
     "3+ or *; ERROR: a number or a name"},
    {"SIMCUDA_LINK", parse_link, NULL, "H2D,D2H,PAGEABLE in GB/s; 0: no limit"},
    {"SIMCUDA_LOOKUPS", parse_path, settings.lookups_file,
     "a file name; a line for each cuGetProcAddress is added to it"},
    {"SIMCUDA_MEMORY", parse_bytes, &settings.memory_bytes,
     "bytes, or a number with K, M, G or T"},
    {"SIMCUDA_PIN_LIMIT", parse_bytes, &settings.pin_limit_bytes,
     "bytes, or a number with K, M, G or T"},
    {"SIMCUDA_RESOLVER", parse_resolver, &settings.resolver,
     "table, other, alias or dlsym"},
    {"SIMCUDA_SEED", parse_count, &settings.seed, "a number"},
};

enum { N_VARIABLES = sizeof(variables) / sizeof(variables[0]) };

static void warn_unknown(void)
{
    char **variable;
    unsigned i;

    for (variable = environ; variable != NULL && *variable != NULL;
         variable++) {
        size_t length = strcspn(*variable, "=");

        if (strncmp(*variable, "SIMCUDA_", 8) != 0) {
            continue;
        }
        for (i = 0; i < N_VARIABLES; i++) {
            if (strlen(variables[i].name) == length &&
                strncmp(*variable, variables[i].name, length) == 0) {
                break;
            }
        }
        if (i == N_VARIABLES) {
            fprintf(stderr, "simcuda: %.*s: no such variable\n", (int)length,
                    *variable);
        }
    }
}

static void read_settings(void)
{
    static struct sim_settings before;
    unsigned i;

    for (i = 0; i < N_VARIABLES; i++) {
        const char *text = getenv(variables[i].name);

        before = settings;
        if (text != NULL && !variables[i].parse(text, variables[i].field)) {
            fprintf(stderr, "simcuda: %s=%s: expected %s\n",
                    variables[i].name, text, variables[i].accepted);
            settings = before; /* nothing of a list that is bad in part */
        }
    }
    warn_unknown();
}

int simcuda_set_faults(const char *faults)
{
    sim_settings(); /* the environment first: it must not overwrite these */
    settings.n_faults = 0;
    if (faults != NULL && !parse_list(faults, parse_one_fault)) {
        settings.n_faults = 0;
        return EINVAL;
    }
    return 0;
}

const struct sim_settings *sim_settings(void)
{
    pthread_once(&settings_once, read_settings);
    return &settings;
}
