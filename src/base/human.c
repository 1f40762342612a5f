/*
 * human.c - figures as people read them, in integer arithmetic, since the
 * program may have changed the rounding mode or the locale's point. Owns
 * nothing; any thread.
 */
#include "base/human.h"

#include <stdio.h>

/* bytes * parts / 2^shift, halves up; bytes are below 2^(shift + 10), and
 * those shifted out first cannot be seen in so few digits. */
static unsigned scaled(uint64_t bytes, unsigned parts, unsigned shift)
{
    if (shift > 40) {
        bytes >>= shift - 40;
        shift = 40;
    }
    return (unsigned)((bytes * parts + (UINT64_C(1) << (shift - 1))) >>
                      shift);
}

const char *csh_human_bytes(uint64_t bytes, char text_p[CSH_HUMAN_BYTES])
{
    static const char *const units[] = {"B",   "KiB", "MiB", "GiB",
                                        "TiB", "PiB", "EiB"};
    unsigned unit = 0, value;

    while ((bytes >> (10 * unit)) >= 1024) {
        ++unit;
    }
    if (unit == 0) {
        snprintf(text_p, CSH_HUMAN_BYTES, "%u B", (unsigned)bytes);
    } else if ((value = scaled(bytes, 100, 10 * unit)) < 1000) {
        snprintf(text_p, CSH_HUMAN_BYTES, "%u.%02u %s", value / 100,
                 value % 100, units[unit]);
    } else if ((value = scaled(bytes, 10, 10 * unit)) < 1000) {
        snprintf(text_p, CSH_HUMAN_BYTES, "%u.%u %s", value / 10, value % 10,
                 units[unit]);
    } else if ((value = scaled(bytes, 1, 10 * unit)) < 1024) {
        snprintf(text_p, CSH_HUMAN_BYTES, "%u %s", value, units[unit]);
    } else {
        snprintf(text_p, CSH_HUMAN_BYTES, "1.00 %s", units[unit + 1]);
    }
    return text_p;
}

const char *csh_human_count(uint64_t count, char text_p[CSH_HUMAN_BYTES])
{
    char digits[CSH_HUMAN_BYTES];
    int n_digits, i, n = 0;

    n_digits = snprintf(digits, sizeof(digits), "%llu",
                        (unsigned long long)count);
    for (i = 0; i < n_digits; ++i) {
        if ((i > 0) && ((n_digits - i) % 3 == 0)) {
            text_p[n++] = ',';
        }
        text_p[n++] = digits[i];
    }
    text_p[n] = '\0';
    return text_p;
}

const char *csh_human_seconds(uint64_t ns, char text_p[CSH_HUMAN_BYTES])
{
    uint64_t ms = ns / 1000000 + (ns % 1000000 >= 500000);

    snprintf(text_p, CSH_HUMAN_BYTES, "%llu.%03u s",
             (unsigned long long)(ms / 1000), (unsigned)(ms % 1000));
    return text_p;
}

unsigned csh_human_percent(uint64_t part, uint64_t whole)
{
    if (whole == 0) {
        return 0;
    }
    return (unsigned)((whole > UINT64_MAX / 100) ? part / (whole / 100) :
                                                   part * 100 / whole);
}
