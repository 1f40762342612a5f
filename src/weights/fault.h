/*
 * fault.h - what is wrong with a model file: the first thing found, where,
 * and how many things.
 *
 * A plain value of its caller's; nothing is logged here. Any thread.
 */
#ifndef CSH_WEIGHTS_FAULT_H
#define CSH_WEIGHTS_FAULT_H

#include <stdint.h>

#include "base/compiler.h"

#define CSH_FAULT_BYTES 192
#define CSH_FAULT_NAME_BYTES 96 /* a longer name is cut */

struct csh_fault {
    unsigned n_faults;
    uint64_t byte; /* of the file, where the first was found */
    char text[CSH_FAULT_BYTES];
    char about[CSH_FAULT_NAME_BYTES]; /* the tensor's name, or "" */
};

/* Counts one more, and keeps the words of the first. */
void csh_fault_note(struct csh_fault *fault, uint64_t byte,
                    const char *format, ...) CSH_PRINTF(3, 4);

/* The same about a tensor: "tensor NAME WHY". */
void csh_fault_note_tensor(struct csh_fault *fault, uint64_t byte,
                           const char *name, const char *why);

#endif
