/*
 * fuzz.h - what the targets of this folder have in common. Each defines
 * fuzz_begin(), called once, and LLVMFuzzerTestOneInput() (libFuzzer's, in
 * llvm.org/docs/LibFuzzer.html), called for each input; built and run by
 * run.sh.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void fuzz_begin(void);

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

/* Aborts, so that the input is kept, when it does not hold. */
#define PROMISE(holds_)                                                 \
    do {                                                                \
        if (!(holds_)) {                                                \
            fprintf(stderr, "broken: %s (%s:%d)\n", #holds_, __FILE__, \
                    __LINE__);                                          \
            abort();                                                    \
        }                                                               \
    } while (0)

/* Bytes 0xff, which are in no text, part an input into several: takes the first
 * part off the input. False when there is none left. */
struct fuzz_part {
    const uint8_t *bytes;
    size_t n_bytes;
};

bool fuzz_next_part(struct fuzz_part *rest, struct fuzz_part *part_p);

#endif
