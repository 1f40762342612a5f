/*
 * nh.c - the inner hash by plain C and by vector instructions.
 *
 * Owns the table of paths. In every vector path the words of a unit are
 * added to one row of the key, then each even word is multiplied by its odd
 * neighbour, so a unit fills two 64-bit sums that meet only at the end of
 * the tile. No state but the choice of the path, which any thread may make
 * again with the same result.
 */
#include "verify/nh.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/compiler.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "words of a unit are read as they lie in memory");

#if defined(__clang__)
#define CSH_NH_UNROLL _Pragma("unroll")
#else
#define CSH_NH_UNROLL _Pragma("GCC unroll 16")
#endif

#define N_COLUMNS CSH_FINGERPRINT_COLUMNS

static uint64_t csh_nh_unit(const uint32_t *k, const uint32_t w[4])
{
    return (uint64_t)(uint32_t)(w[0] + k[0]) * (uint32_t)(w[1] + k[1]) +
           (uint64_t)(uint32_t)(w[2] + k[2]) * (uint32_t)(w[3] + k[3]);
}

static void csh_nh_columns_plain(const uint32_t *nh,
                                 const unsigned char *rows, unsigned n_rows,
                                 uint64_t h[2][N_COLUMNS])
{
    unsigned r, j;

    memset(h, 0, 2 * sizeof(h[0]));
    for (r = 0; r < n_rows; ++r) {
        for (j = 0; j < N_COLUMNS; ++j) {
            uint32_t w[4];

            memcpy(w, rows + (r * N_COLUMNS + j) * sizeof(w), sizeof(w));
            h[0][j] += csh_nh_unit(nh + 4 * r, w);
            h[1][j] += csh_nh_unit(nh + 4 * r + 4, w);
        }
    }
}

#if defined(__x86_64__)

/* Eight columns at a time: with two lanes that is all that 16 registers
 * hold. Four such passes over a tile are no stream that the processor would
 * fetch ahead by itself, so each pass asks for a quarter of the next tile,
 * in ascending order. (Asking for memory that is not there does nothing.) */
__attribute__((target("avx2"))) static void
csh_nh_eight_avx2(const uint32_t *nh, const unsigned char *rows,
                  const unsigned char *ahead, unsigned n_rows, uint64_t *h0,
                  uint64_t *h1)
{
    __m256i sum0[4], sum1[4];
    unsigned r, i;

    CSH_NH_UNROLL
    for (i = 0; i < 4; ++i) {
        sum0[i] = sum1[i] = _mm256_setzero_si256();
    }
    for (r = 0; r < n_rows; ++r) {
        __m256i k0 = _mm256_broadcastsi128_si256(
            _mm_loadu_si128((const __m128i *)(const void *)(nh + 4 * r)));
        __m256i k1 = _mm256_broadcastsi128_si256(
            _mm_loadu_si128((const __m128i *)(const void *)(nh + 4 * r + 4)));

        _mm_prefetch(ahead + 128 * r, _MM_HINT_T0);
        _mm_prefetch(ahead + 128 * r + 64, _MM_HINT_T0);
        CSH_NH_UNROLL
        for (i = 0; i < 4; ++i) {
            __m256i w = _mm256_loadu_si256(
                (const __m256i *)(const void *)(rows + 32 * i));
            __m256i a = _mm256_add_epi32(w, k0);
            __m256i b = _mm256_add_epi32(w, k1);

            a       = _mm256_mul_epu32(a, _mm256_srli_epi64(a, 32));
            b       = _mm256_mul_epu32(b, _mm256_srli_epi64(b, 32));
            sum0[i] = _mm256_add_epi64(sum0[i], a);
            sum1[i] = _mm256_add_epi64(sum1[i], b);
        }
        rows += CSH_FINGERPRINT_ROW_BYTES;
    }
    /* Two sums a column, four columns in two registers: 0 2 1 3. */
    CSH_NH_UNROLL
    for (i = 0; i < 4; i += 2) {
        __m256i t0 = _mm256_add_epi64(
            _mm256_unpacklo_epi64(sum0[i], sum0[i + 1]),
            _mm256_unpackhi_epi64(sum0[i], sum0[i + 1]));
        __m256i t1 = _mm256_add_epi64(
            _mm256_unpacklo_epi64(sum1[i], sum1[i + 1]),
            _mm256_unpackhi_epi64(sum1[i], sum1[i + 1]));

        _mm256_storeu_si256((__m256i *)(void *)(h0 + 2 * i),
                            _mm256_permute4x64_epi64(t0, 0xd8));
        _mm256_storeu_si256((__m256i *)(void *)(h1 + 2 * i),
                            _mm256_permute4x64_epi64(t1, 0xd8));
    }
}

static void csh_nh_columns_avx2(const uint32_t *nh,
                                const unsigned char *rows, unsigned n_rows,
                                uint64_t h[2][N_COLUMNS])
{
    const unsigned char *ahead = rows + CSH_FINGERPRINT_TILE_BYTES;
    unsigned j;

    for (j = 0; j < N_COLUMNS; j += 8) {
        csh_nh_eight_avx2(nh, rows + j * CSH_FINGERPRINT_UNIT_BYTES,
                          ahead + j * CSH_FINGERPRINT_ROW_BYTES, n_rows,
                          &h[0][j], &h[1][j]);
    }
}

/* A whole row at a time: 16 of the 32 registers are sums. */
__attribute__((target("avx512f"))) static void
csh_nh_columns_avx512(const uint32_t *nh, const unsigned char *rows,
                      unsigned n_rows, uint64_t h[2][N_COLUMNS])
{
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    __m512i sum0[8], sum1[8];
    unsigned r, i;

    CSH_NH_UNROLL
    for (i = 0; i < 8; ++i) {
        sum0[i] = sum1[i] = _mm512_setzero_si512();
    }
    for (r = 0; r < n_rows; ++r) {
        __m512i k0 = _mm512_broadcast_i32x4(
            _mm_loadu_si128((const __m128i *)(const void *)(nh + 4 * r)));
        __m512i k1 = _mm512_broadcast_i32x4(
            _mm_loadu_si128((const __m128i *)(const void *)(nh + 4 * r + 4)));

        CSH_NH_UNROLL
        for (i = 0; i < 8; ++i) {
            __m512i w = _mm512_loadu_si512(rows + 64 * i);
            __m512i a = _mm512_add_epi32(w, k0);
            __m512i b = _mm512_add_epi32(w, k1);

            a       = _mm512_mul_epu32(a, _mm512_srli_epi64(a, 32));
            b       = _mm512_mul_epu32(b, _mm512_srli_epi64(b, 32));
            sum0[i] = _mm512_add_epi64(sum0[i], a);
            sum1[i] = _mm512_add_epi64(sum1[i], b);
        }
        rows += CSH_FINGERPRINT_ROW_BYTES;
    }
    /* Two sums a column, eight columns in two registers. */
    CSH_NH_UNROLL
    for (i = 0; i < 8; i += 2) {
        __m512i t0 = _mm512_add_epi64(
            _mm512_unpacklo_epi64(sum0[i], sum0[i + 1]),
            _mm512_unpackhi_epi64(sum0[i], sum0[i + 1]));
        __m512i t1 = _mm512_add_epi64(
            _mm512_unpacklo_epi64(sum1[i], sum1[i + 1]),
            _mm512_unpackhi_epi64(sum1[i], sum1[i + 1]));

        _mm512_storeu_si512(&h[0][4 * i],
                            _mm512_permutexvar_epi64(order, t0));
        _mm512_storeu_si512(&h[1][4 * i],
                            _mm512_permutexvar_epi64(order, t1));
    }
}

static bool csh_nh_has_avx2(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}

static bool csh_nh_has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") != 0;
}

#elif defined(__aarch64__)

/* Eight columns at a time, so that 16 of the 32 registers are sums. */
static void csh_nh_eight_neon(const uint32_t *nh, const unsigned char *rows,
                              unsigned n_rows, uint64_t *h0, uint64_t *h1)
{
    uint64x2_t sum0[8], sum1[8];
    unsigned r, i;

    CSH_NH_UNROLL
    for (i = 0; i < 8; ++i) {
        sum0[i] = sum1[i] = vdupq_n_u64(0);
    }
    for (r = 0; r < n_rows; ++r) {
        uint32x4_t k0 = vld1q_u32(nh + 4 * r);
        uint32x4_t k1 = vld1q_u32(nh + 4 * r + 4);

        CSH_NH_UNROLL
        for (i = 0; i < 8; ++i) {
            uint32x4_t w = vreinterpretq_u32_u8(vld1q_u8(rows + 16 * i));
            uint32x4_t a = vaddq_u32(w, k0);
            uint32x4_t b = vaddq_u32(w, k1);

            sum0[i] = vmlal_u32(sum0[i], vmovn_u64(vreinterpretq_u64_u32(a)),
                                vshrn_n_u64(vreinterpretq_u64_u32(a), 32));
            sum1[i] = vmlal_u32(sum1[i], vmovn_u64(vreinterpretq_u64_u32(b)),
                                vshrn_n_u64(vreinterpretq_u64_u32(b), 32));
        }
        rows += CSH_FINGERPRINT_ROW_BYTES;
    }
    CSH_NH_UNROLL
    for (i = 0; i < 8; ++i) {
        h0[i] = vaddvq_u64(sum0[i]);
        h1[i] = vaddvq_u64(sum1[i]);
    }
}

static void csh_nh_columns_neon(const uint32_t *nh,
                                const unsigned char *rows, unsigned n_rows,
                                uint64_t h[2][N_COLUMNS])
{
    unsigned j;

    for (j = 0; j < N_COLUMNS; j += 8) {
        csh_nh_eight_neon(nh, rows + j * CSH_FINGERPRINT_UNIT_BYTES, n_rows,
                          &h[0][j], &h[1][j]);
    }
}

#endif

static bool csh_nh_has_always(void)
{
    return true;
}

/* The slowest first; the first is the reference. */
static const struct csh_nh_row {
    struct csh_nh_path path;
    bool (*is_supported)(void);
} csh_nh_table[] = {
    {{"plain", csh_nh_columns_plain}, csh_nh_has_always},
#if defined(__x86_64__)
    {{"avx2", csh_nh_columns_avx2}, csh_nh_has_avx2},
    {{"avx512", csh_nh_columns_avx512}, csh_nh_has_avx512},
#elif defined(__aarch64__)
    {{"neon", csh_nh_columns_neon}, csh_nh_has_always},
#endif
};

const struct csh_nh_path *csh_nh_path_at(size_t i)
{
    size_t row;

    for (row = 0; row < CSH_ARRAY_LENGTH(csh_nh_table); ++row) {
        if (csh_nh_table[row].is_supported() && (i-- == 0)) {
            return &csh_nh_table[row].path;
        }
    }
    return NULL;
}

const struct csh_nh_path *csh_nh_path_best(void)
{
    static _Atomic(const struct csh_nh_path *) best;
    const struct csh_nh_path *path;
    size_t i;

    path = atomic_load_explicit(&best, memory_order_relaxed);
    for (i = 0; path == NULL; ++i) {
        if (csh_nh_path_at(i + 1) == NULL) {
            path = csh_nh_path_at(i);
            atomic_store_explicit(&best, path, memory_order_relaxed);
        }
    }
    return path;
}
