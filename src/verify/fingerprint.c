/*
 * fingerprint.c - the key, and the fingerprint of host memory.
 *
 * Owns nothing but the page of each key. The definition and the bound are in
 * fingerprint.h; here a tile's columns are hashed by nh.c and joined by the
 * powers of kappa that the key keeps, one weight a tile. Sums of separate
 * runs of tiles add up, so a range can be shared out among threads.
 * No locks; every function may run on any thread.
 */
#include "verify/fingerprint.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/host_changes.h"
#include "base/log.h"
#include "verify/field.h"
#include "verify/nh.h"

/* GRND_NONBLOCK of linux/random.h. A program started early at boot goes
 * without proofs rather than wait for the generator. */
#define CSH_RANDOM_NONBLOCK 1u

/* The bare system call: libc's wrapper is a cancellation point, which no
 * CUDA call of the program's is. */
static bool csh_fingerprint_draw(void *bytes, size_t n)
{
    unsigned char *next = bytes;
    int saved_errno     = errno;
    long got;

    while (n > 0) {
        got = syscall(SYS_getrandom, next, n, CSH_RANDOM_NONBLOCK);
        if (got > 0) {
            next += got;
            n -= (size_t)got;
        } else if ((got == 0) || (errno != EINTR)) {
            break;
        }
    }
    errno = saved_errno;
    return n == 0;
}

/* Uniform below p: 61 random bits, drawn again if they are p. */
static bool csh_fingerprint_draw_element(uint64_t *element_p)
{
    do {
        if (!csh_fingerprint_draw(element_p, sizeof(*element_p))) {
            return false;
        }
        *element_p >>= 3;
    } while (*element_p == CSH_FIELD_P);
    return true;
}

void csh_fingerprint_key_derive(
    const uint32_t nh[CSH_FINGERPRINT_KEY_WORDS],
    const uint64_t kappa[CSH_FINGERPRINT_LANES],
    struct csh_fingerprint_key *key_p)
{
    unsigned lane, i;

    memmove(key_p->nh, nh, sizeof(key_p->nh));
    for (lane = 0; lane < CSH_FINGERPRINT_LANES; ++lane) {
        uint64_t power = 1;

        key_p->kappa[lane] = kappa[lane];
        for (i = 0; i < CSH_FINGERPRINT_TILE_POWERS; ++i) {
            power                 = csh_field_mul(power, kappa[lane]);
            key_p->power[lane][i] = power;
        }
    }
}

static bool csh_fingerprint_key_fill(struct csh_fingerprint_key *key)
{
    uint64_t kappa[CSH_FINGERPRINT_LANES];

    if (!csh_fingerprint_draw(key->nh, sizeof(key->nh)) ||
        !csh_fingerprint_draw_element(&kappa[0]) ||
        !csh_fingerprint_draw_element(&kappa[1])) {
        return false;
    }
    csh_fingerprint_key_derive(key->nh, kappa, key);
    return true;
}

/* Mappings are made in whole pages, so the struct's size names them all. */
const struct csh_fingerprint_key *csh_fingerprint_key_create(void)
{
    int saved_errno = errno;
    struct csh_fingerprint_key *key;

    key = mmap(NULL, sizeof(*key), PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (key == MAP_FAILED) {
        key = NULL;
    } else if ((csh_own_madvise(key, sizeof(*key), MADV_DONTFORK) != 0) ||
               (csh_own_madvise(key, sizeof(*key), MADV_DONTDUMP) != 0) ||
               !csh_fingerprint_key_fill(key) ||
               (mprotect(key, sizeof(*key), PROT_READ) != 0)) {
        munmap(key, sizeof(*key));
        key = NULL;
    }
    if (key == NULL) {
        csh_warn("verify", "no key for fingerprints to be had, "
                 "no copy will be elided");
    }
    errno = saved_errno;
    return key;
}

void csh_fingerprint_key_destroy(const struct csh_fingerprint_key *key)
{
    if (key != NULL) {
        munmap((void *)(uintptr_t)key, sizeof(*key));
    }
}

/* Adds the units of a row that is not whole, the last unit zero filled. */
static void csh_fingerprint_add_rest(const struct csh_fingerprint_key *key,
                                     const unsigned char *bytes, size_t n,
                                     unsigned row, uint64_t h[2][32])
{
    unsigned j, lane;

    for (j = 0; n > 0; ++j) {
        uint32_t w[4] = {0};
        size_t part   = (n < sizeof(w)) ? n : sizeof(w);

        memcpy(w, bytes + j * sizeof(w), part);
        for (lane = 0; lane < CSH_FINGERPRINT_LANES; ++lane) {
            const uint32_t *k = key->nh + 4 * (row + lane);

            h[lane][j] += (uint64_t)(uint32_t)(w[0] + k[0]) *
                              (uint32_t)(w[1] + k[1]) +
                          (uint64_t)(uint32_t)(w[2] + k[2]) *
                              (uint32_t)(w[3] + k[3]);
        }
        n -= part;
    }
}

/* Sum over the columns of one tile, as if it were tile 0. Each product is
 * below 2^93 and there are 64, so the sum is reduced once. */
static uint64_t csh_fingerprint_join(const uint64_t power[64],
                                     const uint64_t h[32])
{
    unsigned __int128 sum = 0;
    unsigned j;

    for (j = 0; j < CSH_FINGERPRINT_COLUMNS; ++j) {
        sum += (unsigned __int128)power[2 * j] * (uint32_t)h[j];
        sum += (unsigned __int128)power[2 * j + 1] * (h[j] >> 32);
    }
    return csh_field_reduce(((uint64_t)sum & CSH_FIELD_P) +
                            (uint64_t)(sum >> 61));
}

/* Adds to sum the blocks of n bytes that begin with tile first_tile. Only
 * the last tile of a range may be incomplete. */
static void csh_fingerprint_add_by(const struct csh_nh_path *path,
                                   const struct csh_fingerprint_key *key,
                                   const unsigned char *bytes, size_t n,
                                   uint64_t first_tile, uint64_t sum[2])
{
    uint64_t h[CSH_FINGERPRINT_LANES][CSH_FINGERPRINT_COLUMNS];
    uint64_t weight[CSH_FINGERPRINT_LANES], step[CSH_FINGERPRINT_LANES];
    unsigned lane, n_rows;
    size_t tile_bytes, rows_bytes;

    for (lane = 0; lane < CSH_FINGERPRINT_LANES; ++lane) {
        step[lane]   = key->power[lane][CSH_FINGERPRINT_TILE_POWERS - 1];
        weight[lane] = csh_field_power(step[lane], first_tile);
    }
    for (; n > 0; bytes += tile_bytes, n -= tile_bytes) {
        tile_bytes = (n < CSH_FINGERPRINT_TILE_BYTES) ?
                         n : CSH_FINGERPRINT_TILE_BYTES;
        n_rows     = (unsigned)(tile_bytes / CSH_FINGERPRINT_ROW_BYTES);
        rows_bytes = (size_t)n_rows * CSH_FINGERPRINT_ROW_BYTES;
        path->columns(key->nh, bytes, n_rows, h);
        csh_fingerprint_add_rest(key, bytes + rows_bytes,
                                 tile_bytes - rows_bytes, n_rows, h);
        for (lane = 0; lane < CSH_FINGERPRINT_LANES; ++lane) {
            uint64_t value = csh_fingerprint_join(key->power[lane], h[lane]);

            sum[lane]    = csh_field_add(sum[lane],
                                         csh_field_mul(value, weight[lane]));
            weight[lane] = csh_field_mul(weight[lane], step[lane]);
        }
    }
}

void csh_fingerprint_add(const struct csh_fingerprint_key *key,
                         const void *bytes, size_t n, uint64_t offset,
                         uint64_t sum[CSH_FINGERPRINT_LANES])
{
    csh_fingerprint_add_by(csh_nh_path_best(), key, bytes, n,
                           offset / CSH_FINGERPRINT_TILE_BYTES, sum);
}

void csh_fingerprint_finish(const uint64_t sum[CSH_FINGERPRINT_LANES],
                            uint64_t n, struct csh_fingerprint *out_p)
{
    unsigned lane;

    for (lane = 0; lane < CSH_FINGERPRINT_LANES; ++lane) {
        out_p->lane[lane] = csh_field_add(sum[lane], csh_field_reduce(n));
    }
}

void csh_fingerprint_compute_by(const struct csh_nh_path *path,
                                const struct csh_fingerprint_key *key,
                                const void *bytes, size_t n,
                                struct csh_fingerprint *out_p)
{
    uint64_t sum[CSH_FINGERPRINT_LANES] = {0, 0};

    csh_fingerprint_add_by(path, key, bytes, n, 0, sum);
    csh_fingerprint_finish(sum, n, out_p);
}

void csh_fingerprint_compute(const struct csh_fingerprint_key *key,
                             const void *bytes, size_t n,
                             struct csh_fingerprint *out_p)
{
    csh_fingerprint_compute_by(csh_nh_path_best(), key, bytes, n, out_p);
}

bool csh_fingerprint_equal(const struct csh_fingerprint *a,
                           const struct csh_fingerprint *b)
{
    return (a->lane[0] == b->lane[0]) && (a->lane[1] == b->lane[1]);
}
