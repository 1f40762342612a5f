/*
 * fault.c - see fault.h. Owns nothing.
 */
#include "weights/fault.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

void csh_fault_note(struct csh_fault *fault, uint64_t byte,
                    const char *format, ...)
{
    va_list args;

    if (fault->n_faults == 0) {
        fault->byte = byte;
        va_start(args, format);
        vsnprintf(fault->text, sizeof(fault->text), format, args);
        va_end(args);
    }
    if (fault->n_faults < UINT_MAX) {
        ++fault->n_faults;
    }
}

void csh_fault_note_tensor(struct csh_fault *fault, uint64_t byte,
                           const char *name, const char *why)
{
    if (fault->n_faults == 0) {
        snprintf(fault->about, sizeof(fault->about), "%s", name);
    }
    csh_fault_note(fault, byte, "tensor %s %s",
                   (fault->n_faults == 0) ? fault->about : name, why);
}
