/*
 * prover.h - proves, in one call, that a device range holds the bytes of a
 * known fingerprint, without harming a correct program.
 */
#ifndef CSH_VERIFY_PROVER_H
#define CSH_VERIFY_PROVER_H

#include <cuda.h>
#include <cudaTypedefs.h>
#include <stddef.h>
#include <stdint.h>

#include "track/stream.h"
#include "verify/fingerprint.h"

#endif
