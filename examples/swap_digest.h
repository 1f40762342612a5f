/*
 * swap_digest.h - the digest that the kernel digest_u64 computes, on the host.
 */
#ifndef SWAP_DIGEST_H
#define SWAP_DIGEST_H

#include <stddef.h>
#include <stdint.h>

/* Sum over the little-endian 8-byte words w_j of data, the last one padded
 * with zeroes, of mix(w_j + (j+1) * 0x9E3779B97F4A7C15), modulo 2^64, where
 * mix is the finaliser of splitmix64 (Steele, Lea, Flood 2014). */
uint64_t swap_digest(const void *data, size_t bytes);

/* Joins one more value to a digest of a sequence; order counts. */
uint64_t swap_digest_join(uint64_t digest, uint64_t value);

#endif
