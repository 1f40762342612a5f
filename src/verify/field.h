/*
 * field.h - the field of p = 2^61 - 1 elements (p is a Mersenne prime).
 *
 * Every value taken and given lies in [0, p). The same text is compiled for
 * the host and, inside fingerprint_kernel.h, for the device; there the high
 * half of a product needs the one instruction that C has no name for.
 */
#ifndef CSH_VERIFY_FIELD_H
#define CSH_VERIFY_FIELD_H

#include <stdint.h>

#if defined(__CUDA__) || defined(__CUDACC__)
#define CSH_FIELD_FN static __attribute__((device, always_inline)) inline
#else
#define CSH_FIELD_FN static inline
#endif

#define CSH_FIELD_P ((UINT64_C(1) << 61) - 1)

CSH_FIELD_FN uint64_t csh_field_high_half(uint64_t a, uint64_t b)
{
#if defined(__CUDA__) || defined(__CUDACC__)
    uint64_t high;

    __asm__("mul.hi.u64 %0, %1, %2;" : "=l"(high) : "l"(a), "l"(b));
    return high;
#else
    return (uint64_t)(((unsigned __int128)a * b) >> 64);
#endif
}

/* Any 64-bit value: 2^61 is 1 in the field, so the top bits are added. */
CSH_FIELD_FN uint64_t csh_field_reduce(uint64_t a)
{
    uint64_t folded = (a & CSH_FIELD_P) + (a >> 61);

    return (folded >= CSH_FIELD_P) ? (folded - CSH_FIELD_P) : folded;
}

CSH_FIELD_FN uint64_t csh_field_add(uint64_t a, uint64_t b)
{
    uint64_t sum = a + b;

    return (sum >= CSH_FIELD_P) ? (sum - CSH_FIELD_P) : sum;
}

/* a*b < 2^122, so the part above bit 61 is below 2^61 as well. */
CSH_FIELD_FN uint64_t csh_field_mul(uint64_t a, uint64_t b)
{
    uint64_t low  = a * b;
    uint64_t high = csh_field_high_half(a, b);

    return csh_field_reduce((low & CSH_FIELD_P) +
                            ((high << 3) | (low >> 61)));
}

CSH_FIELD_FN uint64_t csh_field_power(uint64_t base, uint64_t exponent)
{
    uint64_t power = 1;

    for (; exponent != 0; exponent >>= 1) {
        if ((exponent & 1) != 0) {
            power = csh_field_mul(power, base);
        }
        base = csh_field_mul(base, base);
    }
    return power;
}

#endif
