/*
 * work.c - what the single pieces of work do to memory.
 *
 * Addresses are looked up when the work runs, not when it was queued: memory
 * that was freed in between makes the context fail, as on a device. Bytes
 * are moved without the lock.
 */
#include "sim.h"

#include <stdlib.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum sim_engine sim_work_engine(const struct sim_work *work)
{
    switch (work->op) {
    case SIM_OP_COPY:
        if (work->copy.dst_side == SIM_SIDE_DEVICE) {
            return work->copy.src_side == SIM_SIDE_DEVICE ? SIM_ENGINE_D2D
                                                          : SIM_ENGINE_H2D;
        }
        return work->copy.src_side == SIM_SIDE_DEVICE ? SIM_ENGINE_D2H
                                                      : SIM_ENGINE_D2D;
    case SIM_OP_MEMSET:
    case SIM_OP_KERNEL:
        return SIM_ENGINE_COMPUTE;
    case SIM_OP_HOST:
    case SIM_OP_CALLBACK:
        return SIM_ENGINE_HOST;
    case SIM_OP_DEATH:
        return SIM_ENGINE_D2D;
    default:
        return SIM_ENGINE_NONE;
    }
}

bool sim_work_is_finite(const struct sim_work *work)
{
    return work->op != SIM_OP_KERNEL || !work->launch.kernel->waits;
}

static size_t span(size_t width, size_t height, size_t pitch)
{
    return height == 0 ? 0 : (height - 1) * pitch + width;
}

struct side {
    enum sim_side kind;
    uint64_t address;
    size_t bytes;
    enum sim_need need;
};

static void *side_bytes(const struct side *side, CUcontext context)
{
    void *memory;

    if (side->kind != SIM_SIDE_DEVICE) {
        return (void *)(uintptr_t)side->address;
    }
    sim_lock();
    memory = sim_range_touch(side->address, side->bytes, context,
                             SIM_COPY_ENGINE, side->need);
    sim_unlock();
    return memory;
}

/* Most that a copy may be early or late against the link. */
#define SIM_LINK_DEBT_NS UINT64_C(500000)

/* GB/s of SIMCUDA_LINK for this copy; 0: as fast as it goes. */
static double link_rate(const struct sim_copy *copy)
{
    const struct sim_settings *settings = sim_settings();

    if (copy->dst_side == SIM_SIDE_DEVICE &&
        copy->src_side == SIM_SIDE_DEVICE) {
        return 0;
    }
    if (copy->dst_side == SIM_SIDE_PAGEABLE ||
        copy->src_side == SIM_SIDE_PAGEABLE) {
        return settings->link_pageable;
    }
    return copy->dst_side == SIM_SIDE_DEVICE ? settings->link_h2d
                                             : settings->link_d2h;
}

/* Makes the copy last as long as the link takes. */
static void throttle(const struct sim_copy *copy, uint64_t begun_ns)
{
    static _Atomic uint64_t link_free_ns[2]; /* by direction */
    double rate = link_rate(copy);
    _Atomic uint64_t *free_ns;
    struct timespec until;
    uint64_t end_ns;

    if (rate <= 0) {
        return;
    }
    /* The kernel sleeps some tens of microseconds too long: a copy starts
     * when the link was due to be free, and only what has added up is slept,
     * so that many small copies take no longer than their bytes. */
    free_ns = &link_free_ns[copy->dst_side == SIM_SIDE_DEVICE];
    end_ns = atomic_load(free_ns);
    if (end_ns + SIM_LINK_DEBT_NS < begun_ns) {
        end_ns = begun_ns;
    }
    end_ns += (uint64_t)((double)copy->width * (double)copy->height / rate);
    atomic_store(free_ns, end_ns);
    if (end_ns < sim_now_ns() + SIM_LINK_DEBT_NS) {
        return;
    }
    until.tv_sec = (time_t)(end_ns / 1000000000u);
    until.tv_nsec = (long)(end_ns % 1000000000u);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0) {
    }
}

static CUresult run_copy(const struct sim_copy *copy, CUcontext context)
{
    const struct side dst_side = {
        copy->dst_side, copy->dst,
        span(copy->width, copy->height, copy->dst_pitch), SIM_WRITES};
    const struct side src_side = {
        copy->src_side, copy->src,
        span(copy->width, copy->height, copy->src_pitch), SIM_READS};
    uint64_t begun_ns = link_rate(copy) > 0 ? sim_now_ns() : 0;
    size_t src_pitch = copy->staged != NULL ? copy->width : copy->src_pitch;
    char *dst = side_bytes(&dst_side, context);
    const char *src = copy->staged;

    if (src == NULL) {
        src = side_bytes(&src_side, context);
    }
    if (dst == NULL || src == NULL) {
        return CUDA_ERROR_ILLEGAL_ADDRESS;
    }
    for (size_t row = 0; row < copy->height; row++) {
        memmove(dst + row * copy->dst_pitch, src + row * src_pitch,
                copy->width);
    }
    throttle(copy, begun_ns);
    return CUDA_SUCCESS;
}

static void set_row(char *row, const struct sim_memset *set)
{
    if (set->element_bytes == 1) {
        memset(row, (int)set->value, set->width);
        return;
    }
    for (size_t i = 0; i < set->width; i++) {
        if (set->element_bytes == 2) {
            ((uint16_t *)(void *)row)[i] = (uint16_t)set->value;
        } else {
            ((uint32_t *)(void *)row)[i] = set->value;
        }
    }
}

static CUresult run_memset(const struct sim_memset *set, CUcontext context)
{
    const struct side side = {
        SIM_SIDE_DEVICE, set->dst,
        span(set->width * set->element_bytes, set->height, set->pitch),
        SIM_WRITES};
    char *dst = side_bytes(&side, context);

    if (dst == NULL) {
        return CUDA_ERROR_ILLEGAL_ADDRESS;
    }
    for (size_t row = 0; row < set->height; row++) {
        set_row(dst + row * set->pitch, set);
    }
    return CUDA_SUCCESS;
}

static CUresult run_kernel(const struct sim_launch *launch, CUcontext context)
{
    struct sim_thread *thread = sim_thread();
    void *params[SIM_MAX_PARAMS];

    for (unsigned i = 0; i < launch->kernel->n_params; i++) {
        params[i] = (char *)launch->params +
                    sim_kernel_param_offset(launch->kernel, i);
    }
    thread->kernel_context = context;
    thread->kernel_result = CUDA_SUCCESS;
    launch->kernel->run(&launch->grid, params);
    thread->kernel_context = NULL;
    return thread->kernel_result;
}

static void call_back(struct sim_work *work, CUcontext context)
{
    struct sim_thread *thread = sim_thread();
    CUresult status;

    sim_lock();
    status = context->sticky;
    sim_unlock();
    thread->in_callback = true;
    if (work->op == SIM_OP_HOST) {
        work->host.function(work->host.data);
    } else {
        work->callback.function(work->callback.handle, status,
                                work->callback.data);
    }
    thread->in_callback = false;
}

/* The lock is held: these have no engine. */
static CUresult write_value(const struct sim_value *value)
{
    void *memory = sim_backing(value->address, value->is_64 ? 8 : 4);

    if (memory == NULL) {
        return CUDA_ERROR_ILLEGAL_ADDRESS;
    }
    if (value->is_64) {
        __atomic_store_n((uint64_t *)memory, value->value, __ATOMIC_SEQ_CST);
    } else {
        __atomic_store_n((uint32_t *)memory, (uint32_t)value->value,
                         __ATOMIC_SEQ_CST);
    }
    return CUDA_SUCCESS;
}

/* The comparisons of CUstreamWaitValue_flags in cuda.h; GEQ is cyclic. */
bool sim_value_holds(const struct sim_value *value)
{
    void *memory = sim_backing(value->address, value->is_64 ? 8 : 4);
    uint64_t now, want = value->value;
    bool is_behind;

    if (memory == NULL) {
        return true; /* runs, and fails there */
    }
    if (value->is_64) {
        now = __atomic_load_n((uint64_t *)memory, __ATOMIC_SEQ_CST);
        is_behind = (int64_t)(now - want) < 0;
    } else {
        now = __atomic_load_n((uint32_t *)memory, __ATOMIC_SEQ_CST);
        want = (uint32_t)want;
        is_behind = (int32_t)((uint32_t)now - (uint32_t)want) < 0;
    }
    switch (value->flags & 3) {
    case CU_STREAM_WAIT_VALUE_GEQ:
        return !is_behind;
    case CU_STREAM_WAIT_VALUE_EQ:
        return now == want;
    case CU_STREAM_WAIT_VALUE_AND:
        return (now & want) != 0;
    default: /* NOR */
        return (value->is_64 ? ~(now | want) : (uint32_t)~(now | want)) != 0;
    }
}

static CUresult check_value(const struct sim_value *value)
{
    return sim_backing(value->address, value->is_64 ? 8 : 4) != NULL
               ? CUDA_SUCCESS : CUDA_ERROR_ILLEGAL_ADDRESS;
}

CUresult sim_work_run(struct sim_work *work, CUcontext context)
{
    switch (work->op) {
    case SIM_OP_COPY:
        return run_copy(&work->copy, context);
    case SIM_OP_MEMSET:
        return run_memset(&work->set, context);
    case SIM_OP_KERNEL:
        return run_kernel(&work->launch, context);
    case SIM_OP_HOST:
    case SIM_OP_CALLBACK:
        call_back(work, context);
        return CUDA_SUCCESS;
    case SIM_OP_WRITE_VALUE:
        return write_value(&work->value);
    case SIM_OP_WAIT_VALUE:
        return check_value(&work->value);
    case SIM_OP_BIRTH:
        sim_range_is_born(work->address);
        return CUDA_SUCCESS;
    default:
        return CUDA_SUCCESS;
    }
}

void sim_work_clone(struct sim_work *to, const struct sim_work *from)
{
    *to = *from;
    if (from->op == SIM_OP_KERNEL) {
        to->launch.params =
            sim_duplicate(from->launch.params,
                          sim_kernel_params_bytes(from->launch.kernel));
    }
}

/* The lock is held. The death of memory is here and not in run, because the
 * memory of a context that failed comes back as well. */
void sim_work_dispose(struct sim_work *work)
{
    if (work->op == SIM_OP_COPY) {
        free(work->copy.staged);
    } else if (work->op == SIM_OP_KERNEL) {
        free(work->launch.params);
    } else if (work->op == SIM_OP_DEATH) {
        if (work->range->is_dying) {
            sim_range_take(work->range->base);
        }
        work->range->release(work->range);
    }
    work->op = SIM_OP_MARK;
}

void sim_work_count(const struct sim_work *work)
{
    static const enum sim_tally of_engine[SIM_N_ENGINES][2] = {
        [SIM_ENGINE_H2D] = {SIM_H2D_PINNED, SIM_H2D_PAGEABLE},
        [SIM_ENGINE_D2H] = {SIM_D2H_PINNED, SIM_D2H_PAGEABLE},
    };
    const struct sim_copy *copy = &work->copy;
    enum sim_engine engine = sim_work_engine(work);
    uint64_t bytes;
    bool pageable;

    if (work->op == SIM_OP_MEMSET) {
        sim_count_bytes(SIM_MEMSET, (uint64_t)work->set.width *
                                        work->set.element_bytes *
                                        work->set.height);
    }
    if (work->op != SIM_OP_COPY || copy->is_continued) {
        return;
    }
    bytes = copy->counted_bytes != 0 ? copy->counted_bytes
                                     : (uint64_t)copy->width * copy->height;
    if (engine == SIM_ENGINE_D2D) {
        sim_count_bytes(copy->dst_side == SIM_SIDE_DEVICE ? SIM_D2D : SIM_H2H,
                        bytes);
        return;
    }
    pageable = copy->dst_side == SIM_SIDE_PAGEABLE ||
               copy->src_side == SIM_SIDE_PAGEABLE;
    sim_count_bytes(of_engine[engine][pageable], bytes);
}
