/*
 * kernels.c - the kernels of kernel_table.h, on the host.
 *
 * A kernel touches memory only through sim_kernel_memory(), which knows what
 * the device may touch: live device memory and pinned host memory, each range
 * to its last byte and not one further. Anything else ends the kernel and
 * breaks its context, as a device does.
 */
#include "sim.h"

#include <string.h>
#include <time.h>

#include "kernel_table.h"

static const struct sim_kernel kernels[] = {
#define SIM_X(name_, waits_, ...)                                         \
    {.name = #name_, .run = sim_kernel_##name_, .waits = waits_,          \
     .n_params = sizeof((unsigned short[]){__VA_ARGS__}) /                \
                 sizeof(unsigned short),                                  \
     .param_bytes = {__VA_ARGS__}},
    SIM_KERNELS(SIM_X)
#undef SIM_X
};

const struct sim_kernel *sim_kernel_find(const char *name)
{
    for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
        if (strcmp(kernels[i].name, name) == 0) {
            return &kernels[i];
        }
    }
    return NULL;
}

/* Natural alignment, as the device's compiler lays parameters out; a
 * structure counts as made of words of 8 bytes. */
size_t sim_kernel_param_offset(const struct sim_kernel *kernel, unsigned i)
{
    size_t offset = 0;

    for (unsigned k = 0; k <= i; k++) {
        size_t align = 8;

        while (kernel->param_bytes[k] % align != 0) {
            align /= 2;
        }
        offset = (offset + align - 1) / align * align;
        if (k < i) {
            offset += kernel->param_bytes[k];
        }
    }
    return offset;
}

size_t sim_kernel_params_bytes(const struct sim_kernel *kernel)
{
    unsigned last = kernel->n_params;

    if (last == 0) {
        return 0;
    }
    last--;
    return sim_kernel_param_offset(kernel, last) + kernel->param_bytes[last];
}

void sim_kernel_fail(CUresult result)
{
    struct sim_thread *thread = sim_thread();

    if (thread->kernel_result == CUDA_SUCCESS) {
        thread->kernel_result = result;
    }
}

static void *memory_for(CUdeviceptr address, size_t bytes, enum sim_need need)
{
    void *memory;

    sim_lock();
    memory = sim_range_touch(address, bytes, sim_thread()->kernel_context,
                             SIM_KERNEL, need);
    sim_unlock();
    if (memory == NULL) {
        sim_kernel_fail(CUDA_ERROR_ILLEGAL_ADDRESS);
    }
    return memory;
}

void *sim_kernel_memory(CUdeviceptr address, size_t bytes)
{
    return memory_for(address, bytes, SIM_WRITES);
}

const void *sim_kernel_source(CUdeviceptr address, size_t bytes)
{
    return memory_for(address, bytes, SIM_READS);
}

void *sim_kernel_memory_aligned(CUdeviceptr address, size_t bytes,
                                size_t align_bytes)
{
    if (address % align_bytes != 0) {
        sim_kernel_fail(CUDA_ERROR_MISALIGNED_ADDRESS);
        return NULL;
    }
    return sim_kernel_memory(address, bytes);
}

/* An impossible size is out of every range. */
static size_t array_bytes(uint64_t count, size_t element_bytes)
{
    return count > SIZE_MAX / element_bytes ? SIZE_MAX
                                            : (size_t)count * element_bytes;
}

/* count elements. */
static void *array(CUdeviceptr address, uint64_t count, size_t element_bytes)
{
    return sim_kernel_memory_aligned(address,
                                     array_bytes(count, element_bytes),
                                     element_bytes);
}

static const void *source_array(CUdeviceptr address, uint64_t count,
                                size_t element_bytes)
{
    if (address % element_bytes != 0) {
        sim_kernel_fail(CUDA_ERROR_MISALIGNED_ADDRESS);
        return NULL;
    }
    return sim_kernel_source(address, array_bytes(count, element_bytes));
}

static uint64_t param_u64(void **params, unsigned i)
{
    uint64_t value;

    memcpy(&value, params[i], sizeof(value));
    return value;
}

static uint32_t param_u32(void **params, unsigned i)
{
    uint32_t value;

    memcpy(&value, params[i], sizeof(value));
    return value;
}

void sim_kernel_fill_u32(const struct sim_grid *grid, void **params)
{
    uint32_t value = param_u32(params, 1);
    uint64_t count = param_u64(params, 2);
    uint32_t *dst;

    (void)grid;
    if (count == 0) {
        return;
    }
    dst = array(param_u64(params, 0), count, sizeof(*dst));
    if (dst == NULL) {
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        dst[i] = value;
    }
}

void sim_kernel_xor_u32(const struct sim_grid *grid, void **params)
{
    uint32_t value = param_u32(params, 1);
    uint64_t count = param_u64(params, 2);
    uint32_t *dst;

    (void)grid;
    if (count == 0) {
        return;
    }
    dst = array(param_u64(params, 0), count, sizeof(*dst));
    if (dst == NULL) {
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        dst[i] ^= value;
    }
}

void sim_kernel_axpy_f32(const struct sim_grid *grid, void **params)
{
    uint64_t count = param_u64(params, 3);
    const float *x;
    float *y, a;

    (void)grid;
    memcpy(&a, params[2], sizeof(a));
    if (count == 0) {
        return;
    }
    y = array(param_u64(params, 0), count, sizeof(*y));
    x = source_array(param_u64(params, 1), count, sizeof(*x));
    if (y == NULL || x == NULL) {
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        y[i] += a * x[i];
    }
}

/* The finalizer of splitmix64. */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* The sum over the little-endian 8-byte words w[j] of src, the last one
 * padded with zeros, of mix(w[j] + (j + 1) * 0x9e3779b97f4a7c15), modulo
 * 2^64, added to *out. */
void sim_kernel_digest_u64(const struct sim_grid *grid, void **params)
{
    uint64_t bytes = param_u64(params, 2);
    uint64_t sum = 0, word, *out;
    const char *src;

    (void)grid;
    out = array(param_u64(params, 0), 1, sizeof(*out));
    if (out == NULL || bytes == 0) {
        return;
    }
    src = sim_kernel_source(param_u64(params, 1), bytes);
    if (src == NULL) {
        return;
    }
    for (uint64_t j = 0; j * 8 < bytes; j++) {
        size_t n = bytes - j * 8 < 8 ? (size_t)(bytes - j * 8) : 8;

        word = 0;
        memcpy(&word, src + j * 8, n);
        sum += mix(word + (j + 1) * 0x9e3779b97f4a7c15u);
    }
    __atomic_fetch_add(out, sum, __ATOMIC_RELAXED);
}

void sim_kernel_wait_u32(const struct sim_grid *grid, void **params)
{
    static const struct timespec moment = {.tv_nsec = 20000};
    const uint32_t *flag = source_array(param_u64(params, 0), 1,
                                        sizeof(*flag));
    uint32_t value = param_u32(params, 1);

    (void)grid;
    if (flag == NULL) {
        return;
    }
    while (__atomic_load_n(flag, __ATOMIC_ACQUIRE) != value) {
        nanosleep(&moment, NULL);
    }
}
