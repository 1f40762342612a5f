/*
 * parse.h - a value of each KIND of option_table.h, from text.
 *
 * Pure functions of a text that may be of any length and hold any bytes:
 * true and *_p set, or false and *_p as it was. Words may be written in any
 * case; nothing depends on the locale; no blanks are skipped.
 */
#ifndef CSH_BASE_PARSE_H
#define CSH_BASE_PARSE_H

#include "base/options.h"

/* What each kind accepts, in the words of the message and of README. */
#define CSH_WORD(name_, word_) " " word_
#define CSH_ACCEPTED_MODE "one of:" CSH_MODES(CSH_WORD)
#define CSH_ACCEPTED_HOST "one of:" CSH_HOSTS(CSH_WORD)
#define CSH_ACCEPTED_CAPTURE "one of:" CSH_CAPTURES(CSH_WORD)
#define CSH_ACCEPTED_STATS "one of:" CSH_STATS_FORMS(CSH_WORD)
#define CSH_ACCEPTED_LOG \
    "one of:" CSH_LOG_LEVELS(CSH_WORD) "; then optionally : and a file"
#define CSH_ACCEPTED_SIZE "bytes, or a number with K, M, G or T"
#define CSH_ACCEPTED_SIZE_OR_SHARE \
    "auto, 0% to 100%, bytes, or a number with K, M, G or T"
#define CSH_ACCEPTED_NUMBER "a whole number up to 1000000000"
#define CSH_ACCEPTED_THREADS "auto, or a whole number up to 64"
#define CSH_ACCEPTED_PATH "a file name shorter than 4096 bytes"
#define CSH_ACCEPTED_SWITCH "0 or 1"

CSH_MUST_CHECK bool csh_parse_mode(const char *text, enum csh_mode *mode_p);

CSH_MUST_CHECK bool csh_parse_host(const char *text, enum csh_host *host_p);
CSH_MUST_CHECK bool csh_parse_capture(const char *text,
                                      enum csh_capture *capture_p);

/* Decimal digits, then nothing or K, M, G or T (1024 and its powers; "i" and
 * "B" after them change nothing). False too if it exceeds 64 bits. */
CSH_MUST_CHECK bool csh_parse_size(const char *text, uint64_t *bytes_p);

/* "auto", a whole percentage up to 100, or a size. */
CSH_MUST_CHECK bool csh_parse_size_or_share(const char *text,
                                            struct csh_size_or_share *size_p);

/* Decimal digits, at most CSH_NUMBER_MAX. */
CSH_MUST_CHECK bool csh_parse_number(const char *text, uint64_t *number_p);

/* "auto" (0), or decimal digits, at most CSH_THREADS_MAX. */
CSH_MUST_CHECK bool csh_parse_threads(const char *text, unsigned *threads_p);

/* A level, then nothing or a colon and a file name. */
CSH_MUST_CHECK bool csh_parse_log(const char *text,
                                  struct csh_log_target *target_p);

CSH_MUST_CHECK bool csh_parse_stats(const char *text,
                                    enum csh_stats *stats_p);

/* Anything that fits into CSH_PATH_BYTES with its NUL; path_p is that long. */
CSH_MUST_CHECK bool csh_parse_path(const char *text, char *path_p);

/* Whether the n first bytes of text are this word, in whatever case; the word
 * is in lower case. */
bool csh_parse_is_word(const char *text, size_t n, const char *word);

CSH_MUST_CHECK bool csh_parse_switch(const char *text, bool *switch_p);

#endif
