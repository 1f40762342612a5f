/*
 * parse.c - the kinds of values. Owns nothing but the lists of words, which
 * come from the tables of the enums they name.
 */
#include "base/parse.h"

#include <string.h>

struct word {
    const char *text;
    int value;
};

#define CSH_X(name_, word_) {word_, CSH_MODE_##name_},
static const struct word mode_words[] = {CSH_MODES(CSH_X)};
#undef CSH_X
#define CSH_X(name_, word_) {word_, CSH_HOST_##name_},
static const struct word host_words[] = {CSH_HOSTS(CSH_X)};
#undef CSH_X
#define CSH_X(name_, word_) {word_, CSH_CAPTURE_##name_},
static const struct word capture_words[] = {CSH_CAPTURES(CSH_X)};
#undef CSH_X
#define CSH_X(name_, word_) {word_, CSH_STATS_##name_},
static const struct word stats_words[] = {CSH_STATS_FORMS(CSH_X)};
#undef CSH_X
#define CSH_X(name_, word_) {word_, CSH_LOG_##name_},
static const struct word level_words[] = {CSH_LOG_LEVELS(CSH_X)};
#undef CSH_X

/* isdigit and its like depend on the program's locale; these do not. */
static bool is_digit(char c)
{
    return (c >= '0') && (c <= '9');
}

static char to_lower(char c)
{
    return ((c >= 'A') && (c <= 'Z')) ? (char)(c - 'A' + 'a') : c;
}

bool csh_parse_is_word(const char *text, size_t n, const char *word)
{
    size_t i;

    if (strlen(word) != n) {
        return false;
    }
    for (i = 0; i < n; ++i) {
        if (to_lower(text[i]) != word[i]) {
            return false;
        }
    }
    return true;
}

static bool parse_word(const char *text, size_t n, const struct word *words,
                       size_t n_words, int *value_p)
{
    size_t i;

    for (i = 0; i < n_words; ++i) {
        if (csh_parse_is_word(text, n, words[i].text)) {
            *value_p = words[i].value;
            return true;
        }
    }
    return false;
}

/* Reads at least one decimal digit; *end_p is the first byte after them. */
static bool parse_digits(const char *text, const char **end_p,
                         uint64_t *value_p)
{
    uint64_t value = 0, digit;

    if (!is_digit(*text)) {
        return false;
    }
    for (; is_digit(*text); ++text) {
        digit = (uint64_t)(*text - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *end_p = text;
    *value_p = value;
    return true;
}

bool csh_parse_size(const char *text, uint64_t *bytes_p)
{
    static const char units[] = "kmgt";
    const char *end, *unit;
    uint64_t value;
    unsigned shift = 0;

    if (!parse_digits(text, &end, &value)) {
        return false;
    }
    unit = (*end != '\0') ? strchr(units, to_lower(*end)) : NULL;
    if (unit != NULL) {
        shift = 10 * (unsigned)(unit - units + 1);
        end += (to_lower(end[1]) == 'i') ? 2 : 1;
    }
    if (to_lower(*end) == 'b') {
        ++end;
    }
    if ((*end != '\0') || (value > (UINT64_MAX >> shift))) {
        return false;
    }
    *bytes_p = value << shift;
    return true;
}

bool csh_parse_size_or_share(const char *text,
                                struct csh_size_or_share *size_p)
{
    const char *end;
    uint64_t value;

    if (csh_parse_is_word(text, strlen(text), "auto")) {
        *size_p = (struct csh_size_or_share){CSH_SIZE_AUTO, 0};
        return true;
    }
    if (parse_digits(text, &end, &value) && (end[0] == '%')) {
        if ((end[1] != '\0') || (value > 100)) {
            return false;
        }
        *size_p = (struct csh_size_or_share){CSH_SIZE_PERCENT, value};
        return true;
    }
    if (!csh_parse_size(text, &value)) {
        return false;
    }
    *size_p = (struct csh_size_or_share){CSH_SIZE_BYTES, value};
    return true;
}

bool csh_parse_number(const char *text, uint64_t *number_p)
{
    const char *end;
    uint64_t value;

    if (!parse_digits(text, &end, &value) || (*end != '\0') ||
        (value > CSH_NUMBER_MAX)) {
        return false;
    }
    *number_p = value;
    return true;
}

bool csh_parse_threads(const char *text, unsigned *threads_p)
{
    uint64_t number = 0;

    if (!csh_parse_is_word(text, strlen(text), "auto") &&
        (!csh_parse_number(text, &number) || (number > CSH_THREADS_MAX))) {
        return false;
    }
    *threads_p = (unsigned)number;
    return true;
}

bool csh_parse_path(const char *text, char *path_p)
{
    size_t n_bytes = strnlen(text, CSH_PATH_BYTES);

    if (n_bytes == CSH_PATH_BYTES) {
        return false;
    }
    memcpy(path_p, text, n_bytes + 1);
    return true;
}

bool csh_parse_log(const char *text, struct csh_log_target *target_p)
{
    size_t n_level = strcspn(text, ":");
    int level;

    if (!parse_word(text, n_level, level_words,
                    CSH_ARRAY_LENGTH(level_words), &level)) {
        return false;
    }
    if (text[n_level] == '\0') {
        target_p->path[0] = '\0';
    } else if ((text[n_level + 1] == '\0') ||
               !csh_parse_path(text + n_level + 1, target_p->path)) {
        return false;
    }
    target_p->level = (enum csh_log_level)level;
    return true;
}

bool csh_parse_switch(const char *text, bool *switch_p)
{
    if (((text[0] != '0') && (text[0] != '1')) || (text[1] != '\0')) {
        return false;
    }
    *switch_p = (text[0] == '1');
    return true;
}

bool csh_parse_mode(const char *text, enum csh_mode *mode_p)
{
    int value;

    if (!parse_word(text, strlen(text), mode_words,
                    CSH_ARRAY_LENGTH(mode_words), &value)) {
        return false;
    }
    *mode_p = (enum csh_mode)value;
    return true;
}

bool csh_parse_host(const char *text, enum csh_host *host_p)
{
    int value;

    if (!parse_word(text, strlen(text), host_words,
                    CSH_ARRAY_LENGTH(host_words), &value)) {
        return false;
    }
    *host_p = (enum csh_host)value;
    return true;
}

bool csh_parse_capture(const char *text, enum csh_capture *capture_p)
{
    int value;

    if (!parse_word(text, strlen(text), capture_words,
                    CSH_ARRAY_LENGTH(capture_words), &value)) {
        return false;
    }
    *capture_p = (enum csh_capture)value;
    return true;
}

bool csh_parse_stats(const char *text, enum csh_stats *stats_p)
{
    int value;

    if (!parse_word(text, strlen(text), stats_words,
                    CSH_ARRAY_LENGTH(stats_words), &value)) {
        return false;
    }
    *stats_p = (enum csh_stats)value;
    return true;
}

const char *csh_mode_name(enum csh_mode mode)
{
    return ((unsigned)mode < CSH_N_MODES) ? mode_words[mode].text : "unknown";
}
