/*
 * fingerprint_shared.h - the fingerprint of memory of the shim's own, taken
 * by several threads (base/workers.h).
 */
#ifndef CSH_VERIFY_FINGERPRINT_SHARED_H
#define CSH_VERIFY_FINGERPRINT_SHARED_H

#include "verify/fingerprint.h"

/* What csh_fingerprint_compute() gives. The bytes and the key must be the
 * shim's own memory: other threads read it. Nobody may write the bytes
 * meanwhile. Short ranges are left to the calling thread. */
void csh_fingerprint_compute_shared(const struct csh_fingerprint_key *key,
                                    const void *bytes, size_t n,
                                    struct csh_fingerprint *out_p);

/* Adds what one thread found to sums that several add to. */
void csh_fingerprint_merge(const uint64_t found[CSH_FINGERPRINT_LANES],
                           uint64_t sum[CSH_FINGERPRINT_LANES]);

#endif
