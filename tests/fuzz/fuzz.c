/*
 * fuzz.c - see fuzz.h. Owns nothing; the log is off, for the inputs are wrong
 * on purpose.
 */
#include "fuzz.h"

#include <string.h>

#include "base/log.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    csh_log_threshold = CSH_LOG_OFF;
    fuzz_begin();
    return 0;
}

bool fuzz_next_part(struct fuzz_part *rest, struct fuzz_part *part_p)
{
    const uint8_t *end;

    if (rest->n_bytes == 0) {
        return false;
    }
    end             = memchr(rest->bytes, 0xff, rest->n_bytes);
    part_p->bytes   = rest->bytes;
    part_p->n_bytes = end != NULL ? (size_t)(end - rest->bytes)
                                  : rest->n_bytes;
    rest->bytes += part_p->n_bytes + (end != NULL);
    rest->n_bytes -= part_p->n_bytes + (end != NULL);
    return true;
}
