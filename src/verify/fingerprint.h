/*
 * fingerprint.h - the keyed fingerprint that proves device bytes equal to a
 * shadow's.
 *
 * DEFINITION. The message is the n bytes of a range, whatever its address.
 * It is cut into units of 16 bytes, each four little-endian words w0..w3;
 * the last unit is filled up with zero bytes, units past the end do not
 * exist and contribute nothing. 1024 units (16 KiB) are a tile. Column j
 * (0..31) of a tile is its units j, j+32, ..., j+31*32; the unit j+r*32 is
 * the column's row r. Column j of tile t is block b = 32*t + j.
 *
 *   inner  h[lane][b] = sum over the rows r that exist of
 *              (w0 + k[4s])*(w1 + k[4s+1]) + (w2 + k[4s+2])*(w3 + k[4s+3])
 *          with s = r + lane; the additions in brackets are mod 2^32, the
 *          products are whole, their sum is mod 2^64.
 *   outer  lane = n + sum over b of
 *              low32(h[lane][b])  * kappa[lane]^(2b+1) +
 *              high32(h[lane][b]) * kappa[lane]^(2b+2)       mod 2^61 - 1
 *
 * The key is 132 words k and two field elements kappa, all uniform and
 * independent. The inner part is NH with its Toeplitz extension (J. Black,
 * S. Halevi, H. Krawczyk, T. Krovetz, P. Rogaway, "UMAC: fast and secure
 * message authentication", CRYPTO '99, sections 4.2 and 4.3; RFC 4418,
 * section 5.2). The outer part is polynomial evaluation over a prime field
 * (RFC 4418, section 5.3; Carter and Wegman 1979 for the notion). What is
 * different: words are paired with their neighbours, as in the paper and
 * not as in the RFC, lanes are shifted by one row of four words, and columns
 * are strided so that 32 device threads read side by side.
 *
 * BOUND. Two messages, fixed before the key is drawn and different, have
 * equal fingerprints with probability at most
 *
 *          (2^-32 + e)^2,   e = 64 * ceil(n / 16 KiB) / (2^61 - 1),
 *
 * where n is the longer length. That is below 2^-63 for n <= 8 GiB
 * (e < 1.001 * 2^-36, so 1.14 * 2^-64), and in fact up to 52 GiB.
 *
 * (1) One pair, one lane. Let (a, b) and (a', b') be different pairs of
 * words and x, y the two key words added to them. For any d,
 * (a+x)(b+y) - (a'+x)(b'+y) = d mod 2^64 has probability at most 2^-32.
 * Say b != b' (else exchange the roles). Fix y; then c = b+y mod 2^32 and
 * c' = b'+y mod 2^32 differ. Suppose two values x > x* both solve it. Let e
 * = (a+x mod 2^32) - (a+x* mod 2^32) as an integer, e' likewise for a'; both
 * are x-x* or x-x*-2^32, and c*e = c'*e' mod 2^64. If e = e', then (c-c')*e
 * is a multiple of 2^64 of smaller magnitude, so it is 0, and e is not: a
 * contradiction. If not, one of them is f = x-x*, the other f-2^32, and
 * c*f + c'*(2^32-f) (or the same with c and c' exchanged) is a multiple of
 * 2^64; but it is at most (2^32-1)*2^32, so it is 0, so c = c' = 0: a
 * contradiction. So for each y at most one of 2^32 values x solves it.
 *
 * (2) One column, both lanes. If the two messages differ in a column, the
 * inner differences of lane 0 and lane 1 take any two given values with
 * probability at most 2^-64. Let pair i (of 64) be the last that differs.
 * In lane 1 it meets the key words 2i+4 and 2i+5. Those meet in lane 0 only
 * pair i+2, which does not differ (or does not exist) and so cancels, and
 * in lane 1 no other pair. Fix all other key words: lane 0's difference is
 * then fixed, and by (1), with all else in d, lane 1's has its given value
 * with probability at most 2^-32. And lane 0's, by (1), with at most 2^-32.
 *
 * (3) Outer, one lane. low32 and high32 are below 2^32 < p, so blocks with
 * different inner values have a coefficient that differs and stays different
 * mod p. (Whole 64-bit values would not do: h and h+p are the same in the
 * field.) The difference of the sums is then a polynomial in kappa that is
 * not zero, of degree at most N = 64 * number of tiles, and at most N of the
 * p values of kappa are its roots: probability at most e.
 *
 * (4) Together, equal lengths. Pick one column that differs. Lane l is equal
 * either because all its inner values are (event D_l, at most 2^-32) or
 * because kappa[l] is a root (at most e, independently of the words k and
 * of the other kappa). Both: P(D_0 and D_1) + (P(D_0) + P(D_1)) * e + e^2
 * <= 2^-64 + 2 * 2^-32 * e + e^2.
 *
 * (5) Different lengths. The constant coefficients are the lengths, which
 * are below p and differ, so neither lane's polynomial is zero: at most e^2.
 * The records compare lengths as well; nothing rests on this.
 *
 * A process that makes q comparisons under one key errs with probability at
 * most q times the bound, as long as the bytes do not depend on the key. The
 * key never leaves the process, except in launch parameters, and neither do
 * fingerprints.
 */
#ifndef CSH_VERIFY_FINGERPRINT_H
#define CSH_VERIFY_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSH_FINGERPRINT_LANES 2
#define CSH_FINGERPRINT_UNIT_BYTES 16u
#define CSH_FINGERPRINT_COLUMNS 32u
#define CSH_FINGERPRINT_ROWS 32u
#define CSH_FINGERPRINT_ROW_BYTES \
    (CSH_FINGERPRINT_UNIT_BYTES * CSH_FINGERPRINT_COLUMNS)
#define CSH_FINGERPRINT_TILE_BYTES \
    (CSH_FINGERPRINT_ROW_BYTES * CSH_FINGERPRINT_ROWS)
/* Four words a row, and one more row for the shifted lane. */
#define CSH_FINGERPRINT_KEY_WORDS (4u * (CSH_FINGERPRINT_ROWS + 1))
/* Powers of kappa from one tile to the next. */
#define CSH_FINGERPRINT_TILE_POWERS (2u * CSH_FINGERPRINT_COLUMNS)
/* Tiles are counted in 32 bits on the device. */
#define CSH_FINGERPRINT_MAX_BYTES (UINT64_C(1) << 44)

struct csh_fingerprint {
    uint64_t lane[CSH_FINGERPRINT_LANES]; /* each below 2^61 - 1 */
};

struct csh_fingerprint_key {
    uint32_t nh[CSH_FINGERPRINT_KEY_WORDS];
    uint64_t kappa[CSH_FINGERPRINT_LANES];
    /* power[l][i] is kappa[l]^(i+1): follows from kappa, kept for speed. */
    uint64_t power[CSH_FINGERPRINT_LANES][CSH_FINGERPRINT_TILE_POWERS];
};

struct csh_nh_path;

/* A new key from the system's generator, in a read-only page of its own that
 * neither core files nor forked children get. NULL: none to be had, and so
 * nothing can be proven. Given back with csh_fingerprint_key_destroy. */
const struct csh_fingerprint_key *csh_fingerprint_key_create(void);
void csh_fingerprint_key_destroy(const struct csh_fingerprint_key *key);

/* The key of given words and kappas (each below 2^61 - 1). */
void csh_fingerprint_key_derive(
    const uint32_t nh[CSH_FINGERPRINT_KEY_WORDS],
    const uint64_t kappa[CSH_FINGERPRINT_LANES],
    struct csh_fingerprint_key *key_p);

/* Fingerprint of n bytes at any alignment. Cannot fail; reads only
 * [bytes, bytes + n). */
void csh_fingerprint_compute(const struct csh_fingerprint_key *key,
                             const void *bytes, size_t n,
                             struct csh_fingerprint *out_p);

/* The same by one of the paths of nh.h, which all give the same result. */
void csh_fingerprint_compute_by(const struct csh_nh_path *path,
                                const struct csh_fingerprint_key *key,
                                const void *bytes, size_t n,
                                struct csh_fingerprint *out_p);

/* Adds to the outer sums the blocks of the n bytes that lie `offset` bytes
 * into a range, so that several threads can share one out, each with sums of
 * its own. The offset is a multiple of CSH_FINGERPRINT_TILE_BYTES, and so is
 * n unless the range ends there. */
void csh_fingerprint_add(const struct csh_fingerprint_key *key,
                         const void *bytes, size_t n, uint64_t offset,
                         uint64_t sum[CSH_FINGERPRINT_LANES]);

/* From the outer sums over all blocks to the fingerprint: adds n. */
void csh_fingerprint_finish(const uint64_t sum[CSH_FINGERPRINT_LANES],
                            uint64_t n, struct csh_fingerprint *out_p);

bool csh_fingerprint_equal(const struct csh_fingerprint *a,
                           const struct csh_fingerprint *b);

#endif
