/*
 * swap_kernels.cu - the device code of the examples.
 *
 * Owns the kernels that examples/swap launches and that the tests run on a
 * real GPU; the simulated driver has twins of the same names on the host.
 * swap_kernels.ptx is made from this file by swap_kernels.sh and kept beside
 * it, so that building needs no device compiler. Written for clang's NVPTX
 * back end without the toolkit's headers: PTX of an old version for an old
 * target is accepted by every driver in use.
 *
 * Every kernel takes any grid: threads stride over the work. Addresses are
 * plain integers (CUdeviceptr). Words of 32 bits must lie at multiples of 4;
 * digest_u64 takes any address and any length and reads nothing outside.
 */
typedef unsigned int u32;
typedef unsigned long long u64;

#define KERNEL extern "C" __attribute__((global)) void

enum { BLOCK_THREADS = 256 }; /* what digest_u64 is launched with */

static __attribute__((device)) u64 thread_index(void)
{
    return (u64)__nvvm_read_ptx_sreg_ctaid_x() *
               __nvvm_read_ptx_sreg_ntid_x() +
           __nvvm_read_ptx_sreg_tid_x();
}

static __attribute__((device)) u64 thread_count(void)
{
    return (u64)__nvvm_read_ptx_sreg_nctaid_x() *
           __nvvm_read_ptx_sreg_ntid_x();
}

/* dst[i] = value */
KERNEL fill_u32(u64 dst, u32 value, u64 count)
{
    u32 *words = (u32 *)dst;

    for (u64 i = thread_index(); i < count; i += thread_count()) {
        words[i] = value;
    }
}

/* dst[i] ^= value; done twice it changes nothing, exactly */
KERNEL xor_u32(u64 dst, u32 value, u64 count)
{
    u32 *words = (u32 *)dst;

    for (u64 i = thread_index(); i < count; i += thread_count()) {
        words[i] ^= value;
    }
}

/* y[i] += a * x[i], rounded after each of the two operations: the script
 * turns contraction into one fused operation off */
KERNEL axpy_f32(u64 y, u64 x, float a, u64 count)
{
    float *sum = (float *)y;
    const float *term = (const float *)x;

    for (u64 i = thread_index(); i < count; i += thread_count()) {
        sum[i] = sum[i] + a * term[i];
    }
}

/* Steps of splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom
 * number generators", 2014): a bijection, so that one changed word always
 * changes the sum. */
static __attribute__((device)) u64 mix(u64 x)
{
    x ^= x >> 30;
    x *= 0xBF58476D1CE4E5B9ULL;
    x ^= x >> 27;
    x *= 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

/* Little-endian word at any address; bytes from `length` on count as 0. */
static __attribute__((device)) u64 gather(const unsigned char *bytes,
                                          u64 length)
{
    u64 word = 0;

    for (u64 k = 0; k < 8 && k < length; k++) {
        word |= (u64)bytes[k] << (8 * k);
    }
    return word;
}

/* *out += sum over 8-byte words w_j of mix(w_j + (j+1) * golden), mod 2^64.
 * The last word is padded with zeroes. Blocks have BLOCK_THREADS threads. */
KERNEL digest_u64(u64 out, u64 src, u64 bytes)
{
    static __attribute__((shared)) u64 partial[BLOCK_THREADS];
    const u64 golden = 0x9E3779B97F4A7C15ULL;
    const unsigned char *data = (const unsigned char *)src;
    bool aligned = src % 8 == 0;
    u64 whole = aligned ? bytes / 8 : 0;
    u64 total = (bytes + 7) / 8;
    u32 lane = __nvvm_read_ptx_sreg_tid_x();
    u64 sum = 0;

    for (u64 j = thread_index(); j < total; j += thread_count()) {
        u64 word = j < whole ? ((const u64 *)src)[j]
                             : gather(data + 8 * j, bytes - 8 * j);

        sum += mix(word + (j + 1) * golden);
    }
    partial[lane] = sum;
    __syncthreads();
    for (u32 half = BLOCK_THREADS / 2; half > 0; half /= 2) {
        if (lane < half) {
            partial[lane] += partial[lane + half];
        }
        __syncthreads();
    }
    if (lane == 0) {
        __nvvm_atom_add_gen_ll((long long *)out, (long long)partial[0]);
    }
}
