/*
 * memory.c - the memory of devices, and that part of it which a context owns.
 *
 * Each device has an area of addresses and a region of the same size for the
 * bytes. Invariants: device memory is handed out in multiples of 512 bytes,
 * adjacent on purpose (the end of one allocation is the beginning of the
 * next); freed addresses are handed out again first, the most recently freed
 * that fits before all others (but with SIMCUDA_BEHAVIOUR=memory_fragments);
 * freed bytes are SIM_POISON until somebody writes them. The lock is held in
 * all functions that are no entries.
 *
 * cuMemFree waits for all work of the context, as drivers do although no
 * document promises it (SIMCUDA_BEHAVIOUR=free_synchronises_not: it does not;
 * the address is gone at once and the memory when the work is done).
 */
#include "sim.h"
#include "simcuda.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define GRANULE ((size_t)512)
#define AREA_ALIGN ((size_t)2 << 20)

struct extent {
    uint64_t base;
    size_t bytes;
};

static struct device {
    uint64_t base;      /* first address that programs see */
    size_t bytes;
    char *backing;      /* where the byte at base is kept */
    uint64_t memory_bytes, used_bytes;
    uint64_t foreign_bytes; /* of other processes: simcuda_take_elsewhere */
    size_t virgin;      /* offset from which nothing was ever allocated */
    struct extent *free; /* oldest first */
    size_t n_free, max_free;
} devices[SIM_MAX_DEVICES];

static size_t round_up(size_t bytes, size_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

static void push_free(struct device *device, struct extent extent)
{
    sim_array_grow(&device->free, device->n_free, &device->max_free,
                   sizeof(*device->free));
    device->free[device->n_free++] = extent;
}

/* Twice the memory, so that fragments do not matter before the device is
 * full; unless they shall. */
static size_t area_bytes(uint64_t memory_bytes)
{
    return sim_settings()->memory_fragments
               ? memory_bytes / GRANULE * GRANULE
               : round_up(2 * memory_bytes + GRANULE, AREA_ALIGN);
}

static bool init_device(struct device *device, uint64_t memory_bytes)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *backing;

    device->memory_bytes = memory_bytes;
    device->bytes = area_bytes(memory_bytes);
    device->base = sim_area_reserve(device->bytes, AREA_ALIGN, 0);
    if (device->base == 0) {
        return false;
    }
    backing = mmap(NULL, device->bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (backing == MAP_FAILED) {
        sim_area_free(device->base, device->bytes);
        return false;
    }
    device->backing = backing;
    if (sim_settings()->memory_fragments) {
        device->virgin = device->bytes;
        push_free(device, (struct extent){device->base, device->bytes});
    }
    return true;
}

bool sim_device_init(uint64_t memory_bytes, int n_devices)
{
    for (int i = 0; i < n_devices; i++) {
        if (!init_device(&devices[i], memory_bytes)) {
            return false;
        }
    }
    return true;
}

static struct device *device_around(uint64_t address)
{
    for (int i = 0; i < SIM_MAX_DEVICES; i++) {
        if (address - devices[i].base < devices[i].bytes) {
            return &devices[i];
        }
    }
    return NULL;
}

static int compare_extents(const void *a, const void *b)
{
    const struct extent *x = a, *y = b;

    return x->base < y->base ? -1 : x->base > y->base;
}

/* Joins neighbours. Costs the order of freeing, so only when nothing else
 * helps. */
static void coalesce(struct device *device)
{
    size_t n = 0;

    if (device->n_free == 0) {
        return;
    }
    qsort(device->free, device->n_free, sizeof(*device->free), compare_extents);
    for (size_t i = 1; i < device->n_free; i++) {
        struct extent *last = &device->free[n];

        if (last->base + last->bytes == device->free[i].base) {
            last->bytes += device->free[i].bytes;
        } else {
            device->free[++n] = device->free[i];
        }
    }
    device->n_free = n + 1;
}

static uint64_t take_from(struct device *device, size_t i, size_t bytes)
{
    struct extent *extent = &device->free[i];
    uint64_t base = extent->base;

    extent->base += bytes;
    extent->bytes -= bytes;
    if (extent->bytes == 0) {
        device->n_free--;
        memmove(extent, extent + 1, (device->n_free - i) * sizeof(*extent));
    }
    return base;
}

/* 0: none fits. Address 0 is never device memory. */
static uint64_t reuse(struct device *device, size_t bytes)
{
    for (size_t i = device->n_free; i-- > 0;) {
        if (device->free[i].bytes >= bytes) {
            return take_from(device, i, bytes);
        }
    }
    return 0;
}

static uint64_t reuse_lowest(struct device *device, size_t bytes)
{
    coalesce(device);
    for (size_t i = 0; i < device->n_free; i++) {
        if (device->free[i].bytes >= bytes) {
            return take_from(device, i, bytes);
        }
    }
    return 0;
}

static uint64_t find_addresses(struct device *device, size_t bytes)
{
    uint64_t base = sim_settings()->memory_fragments
                        ? reuse_lowest(device, bytes)
                        : reuse(device, bytes);

    if (base == 0 && bytes <= device->bytes - device->virgin) {
        base = device->base + device->virgin;
        device->virgin += bytes;
    }
    if (base == 0) {
        coalesce(device);
        base = reuse(device, bytes);
    }
    return base;
}

bool sim_device_take(CUdevice ordinal, size_t bytes)
{
    struct device *device = &devices[ordinal];

    if (bytes > device->memory_bytes ||
        sim_device_used(ordinal) > device->memory_bytes - bytes) {
        return false;
    }
    device->used_bytes += bytes;
    sim_count_allocated((int64_t)bytes);
    return true;
}

void sim_device_give(CUdevice ordinal, size_t bytes)
{
    devices[ordinal].used_bytes -= bytes;
    sim_count_allocated(-(int64_t)bytes);
}

void sim_device_release(struct sim_range *range)
{
    struct device *device = &devices[range->device];

    if (range->is_exported) {
        sim_range_end_aliases(range->block_id);
    }
    memset(range->memory, SIM_POISON, range->extent_bytes);
    push_free(device, (struct extent){range->base, range->extent_bytes});
    sim_device_give(range->device, range->extent_bytes);
    free(range);
}

struct sim_range *sim_device_allocate(CUdevice ordinal, size_t bytes,
                                      CUcontext context)
{
    struct sim_range range = {.kind = SIM_DEVICE, .bytes = bytes,
                              .device = ordinal, .context = context,
                              .release = sim_device_release};
    struct device *device = &devices[ordinal];

    if (bytes > device->memory_bytes) {
        return NULL;
    }
    range.extent_bytes = round_up(bytes, GRANULE);
    if (!sim_device_take(ordinal, range.extent_bytes)) {
        return NULL;
    }
    range.base = find_addresses(device, range.extent_bytes);
    if (range.base == 0) {
        sim_device_give(ordinal, range.extent_bytes);
        return NULL;
    }
    range.memory = device->backing + (range.base - device->base);
    return sim_range_add(&range);
}

uint64_t sim_device_used(CUdevice ordinal)
{
    return devices[ordinal].used_bytes + devices[ordinal].foreign_bytes;
}

CUresult simcuda_take_elsewhere(CUdevice ordinal, uint64_t bytes)
{
    CUresult result = CUDA_ERROR_OUT_OF_MEMORY;
    struct device *device = &devices[ordinal];

    sim_lock();
    if (bytes <= device->memory_bytes &&
        device->used_bytes <= device->memory_bytes - bytes) {
        device->foreign_bytes = bytes;
        result = CUDA_SUCCESS;
    }
    sim_unlock();
    return result;
}

bool sim_is_device_memory(uint64_t address)
{
    return device_around(address) != NULL;
}

void *sim_backing_any(uint64_t address, size_t bytes)
{
    struct device *device = device_around(address);
    uint64_t offset;

    if (device == NULL) {
        return NULL;
    }
    offset = address - device->base;
    return bytes > device->bytes - offset ? NULL : device->backing + offset;
}

/* ------------------------------------------------------------ entries --- */

static CUresult allocate(CUdeviceptr *address_p, size_t bytes)
{
    CUcontext context;
    CUresult result = sim_begin_unsafe(&context);
    struct sim_range *range;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (address_p == NULL || bytes == 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    range = sim_device_allocate(context->device, bytes, context->root);
    if (range == NULL) {
        return sim_end(CUDA_ERROR_OUT_OF_MEMORY);
    }
    *address_p = range->base;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuMemAlloc_v2(CUdeviceptr *address_p, size_t bytes)
{
    SIM_ENTER(cuMemAlloc_v2);
    return allocate(address_p, bytes);
}

CUresult cuMemAllocPitch_v2(CUdeviceptr *address_p, size_t *pitch_p,
                            size_t width, size_t height,
                            unsigned int element_bytes)
{
    size_t pitch = (width + 511) / 512 * 512;
    CUresult result;

    SIM_ENTER(cuMemAllocPitch_v2);
    if (pitch_p == NULL || pitch < width || height == 0 ||
        pitch > SIZE_MAX / height ||
        (element_bytes != 4 && element_bytes != 8 && element_bytes != 16)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = allocate(address_p, pitch * height);
    if (result == CUDA_SUCCESS) {
        *pitch_p = pitch;
    }
    return result;
}

/* The bytes stay readable for nobody, and are poisoned and reused when all
 * that the context has queued so far is done. */
static void release_later(CUcontext context, struct sim_range *range)
{
    struct sim_work death = {.op = SIM_OP_DEATH, .range = range};
    struct sim_item *item = sim_item_new(context, &death);

    sim_item_after(item, context->legacy->tail);
    for (CUstream stream = context->streams; stream != NULL;
         stream = stream->next) {
        sim_item_after(item, stream->tail);
    }
    sim_item_submit(item, false);
    sim_item_release(item);
}

CUresult cuMemFree_v2(CUdeviceptr address)
{
    CUcontext context, owner;
    struct sim_range *range;
    CUresult result;

    SIM_ENTER(cuMemFree_v2);
    result = sim_begin_unsafe(&context);
    if (result != CUDA_SUCCESS || address == 0) {
        return result != CUDA_SUCCESS ? result : sim_end(CUDA_SUCCESS);
    }
    range = sim_range_find(address, 0);
    if (range == NULL || range->base != address ||
        (range->kind != SIM_DEVICE && range->kind != SIM_MANAGED)) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    owner = range->context != NULL ? range->context : context->root;
    if (range->pool != NULL || sim_settings()->free_synchronises_not) {
        release_later(owner, sim_range_take(address));
        return sim_end(CUDA_SUCCESS);
    }
    sim_context_wait_family(owner);
    result = owner->sticky;
    range = sim_range_take(address); /* another thread may have been faster */
    if (range == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    range->release(range);
    return sim_end(result);
}

CUresult cuMemGetInfo_v2(size_t *free_p, size_t *total_p)
{
    CUcontext context;
    CUresult result;

    SIM_ENTER(cuMemGetInfo_v2);
    result = sim_begin(&context);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (free_p == NULL || total_p == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    *total_p = sim_settings()->memory_bytes;
    *free_p = *total_p - sim_device_used(context->device);
    return sim_end(CUDA_SUCCESS);
}

CUresult cuMemGetAddressRange_v2(CUdeviceptr *base_p, size_t *bytes_p,
                                 CUdeviceptr address)
{
    CUcontext context;
    struct sim_range *range;
    CUresult result;

    SIM_ENTER(cuMemGetAddressRange_v2);
    result = sim_begin(&context);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    range = sim_range_find(address, 0);
    if (range == NULL) {
        return sim_end(CUDA_ERROR_NOT_FOUND);
    }
    if (base_p != NULL) {
        *base_p = range->base;
    }
    if (bytes_p != NULL) {
        *bytes_p = range->bytes;
    }
    return sim_end(CUDA_SUCCESS);
}
