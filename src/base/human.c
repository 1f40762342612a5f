/*
 * human.c - figures as people read them, in integer arithmetic, since the
 * program may have changed the rounding mode or the locale's point.
 */
#include "base/human.h"

#include <stdio.h>

#include "base/compiler.h"

const char *csh_human_bytes(uint64_t bytes, char text_p[CSH_HUMAN_BYTES])
{
    static const char *const units[] = {"KiB", "MiB", "GiB",
                                        "TiB", "PiB", "EiB"};
    uint64_t whole, hundredths;
    unsigned shift, unit = 0;

    if (bytes < 1024) {
        snprintf(text_p, CSH_HUMAN_BYTES, "%u B", (unsigned)bytes);
        return text_p;
    }
    for (shift = 10; (bytes >> shift) >= 1024; shift += 10) {
        ++unit;
    }
    /* Hundredths of the unit, halves up; 1024 units at most, and the shift
     * leaves ten bits over once the lowest ones are dropped. */
    if (shift > 20) {
        bytes >>= shift - 20;
        shift = 20;
    }
    hundredths = (bytes * 100 + (UINT64_C(1) << (shift - 1))) >> shift;
    whole = hundredths / 100;
    if (whole < 10) {
        snprintf(text_p, CSH_HUMAN_BYTES, "%u.%02u %s", (unsigned)whole,
                 (unsigned)(hundredths % 100), units[unit]);
    } else if ((hundredths + 5) / 10 < 1000) {
        snprintf(text_p, CSH_HUMAN_BYTES, "%u.%u %s",
                 (unsigned)((hundredths + 5) / 100),
                 (unsigned)((hundredths + 5) / 10 % 10), units[unit]);
    } else if (((hundredths + 50) / 100 < 1024) ||
               (unit + 1 == CSH_ARRAY_LENGTH(units))) {
        snprintf(text_p, CSH_HUMAN_BYTES, "%u %s",
                 (unsigned)((hundredths + 50) / 100), units[unit]);
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
