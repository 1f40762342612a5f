/*
 * fingerprint.h - the keyed fingerprint that proves device bytes equal to a
 * shadow's. See the bound in the comment below (to be derived there).
 */
#ifndef CSH_VERIFY_FINGERPRINT_H
#define CSH_VERIFY_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct csh_fingerprint { uint64_t lane[2]; };
struct csh_fingerprint_key;

#endif
