/*
 * model.h - a random, race-free CUDA program and the plain model that it is
 * compared with.
 *
 * A world is what one host thread owns: a context, streams, device blocks and
 * host buffers, each with a byte array that says what it holds. An operation
 * makes a call of the driver, says which result it must have, and does the
 * same to the byte arrays. Nothing in here knows whether a shim is under the
 * program: with and without one, every result and every byte must be the same.
 *
 * Race-free: an object (block or buffer) with work in flight belongs to one
 * stream. Work on another stream is ordered behind it (model_order.c), and the
 * host touches it only after a wait. So the byte arrays are exact.
 *
 * Every choice comes from the world's source (a seed, or the bytes of a
 * fuzzer), never from an address, a time or a result: a run can be repeated.
 *
 * Threads: a world is used by one thread alone.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "../cycle/program.h"
#include "../unit/sanitizer.h"

#include <sys/types.h>

/* Driver entries beyond those of program.h. */
#define MODEL_CALLS(X)                                                 \
    X(cuCtxDestroy_v2, PFN_cuCtxDestroy_v4000)                         \
    X(cuDevicePrimaryCtxRelease_v2, PFN_cuDevicePrimaryCtxRelease_v11000) \
    X(cuEventCreate, PFN_cuEventCreate_v2000)                          \
    X(cuEventDestroy_v2, PFN_cuEventDestroy_v4000)                     \
    X(cuEventRecord, PFN_cuEventRecord_v2000)                          \
    X(cuEventSynchronize, PFN_cuEventSynchronize_v2000)                \
    X(cuMemcpyAsync_ptsz, PFN_cuMemcpyAsync_v7000_ptsz)                \
    X(cuMemcpyDtoDAsync_v2, PFN_cuMemcpyDtoDAsync_v3020)               \
    X(cuMemcpy_ptds, PFN_cuMemcpy_v7000_ptds)                          \
    X(cuMemsetD8Async, PFN_cuMemsetD8Async_v3020)                      \
    X(cuStreamQuery, PFN_cuStreamQuery_v2000)                          \
    X(cuStreamWaitEvent, PFN_cuStreamWaitEvent_v3020)                  \
    X(cuStreamWaitValue32_v2, PFN_cuStreamWaitValue32_v11070)          \
    X(cuLaunchHostFunc, PFN_cuLaunchHostFunc_v10000)                   \
    X(cuMemcpy2DAsync_v2, PFN_cuMemcpy2DAsync_v3020)                   \
    X(cuMemcpyBatchAsync_v2, PFN_cuMemcpyBatchAsync_v13000)            \
    X(cuMemAddressReserve, PFN_cuMemAddressReserve_v10020)             \
    X(cuMemAddressFree, PFN_cuMemAddressFree_v10020)                   \
    X(cuMemCreate, PFN_cuMemCreate_v10020)                             \
    X(cuMemRelease, PFN_cuMemRelease_v10020)                           \
    X(cuMemMap, PFN_cuMemMap_v10020)                                   \
    X(cuMemUnmap, PFN_cuMemUnmap_v10020)                               \
    X(cuMemSetAccess, PFN_cuMemSetAccess_v10020)                       \
    X(cuMemGetInfo_v2, PFN_cuMemGetInfo_v3020)                         \
    X(cuIpcGetMemHandle, PFN_cuIpcGetMemHandle_v4010)                  \
    X(cuIpcOpenMemHandle_v2, PFN_cuIpcOpenMemHandle_v11000)            \
    X(cuIpcCloseMemHandle, PFN_cuIpcCloseMemHandle_v4010)

typedef CUresult model_peek_call(void *dst, CUdeviceptr src, size_t bytes);
typedef CUresult model_take_call(CUdevice device, uint64_t bytes);

struct model_driver {
#define MODEL_X(symbol_, pfn_) pfn_ symbol_;
    MODEL_CALLS(MODEL_X)
#undef MODEL_X
    model_peek_call *simcuda_peek; /* looks at device memory, uncounted */
    model_take_call *simcuda_take_elsewhere; /* other processes' memory */
};

extern struct model_driver more;

/* Opens the driver; once, before the first world. */
void model_start(void);

/* ------------------------------------------------------------- sizes --- */

enum {
    MODEL_BLOCKS = 8,
    MODEL_BUFFERS = 12,
    MODEL_PAIRS = 12,
    MODEL_HISTORY = 24,
    MODEL_NOTE_BYTES = 160,
};

/* Streams by number. Legacy and per-thread ones have several names. */
enum model_stream {
    MODEL_LEGACY,
    MODEL_PER_THREAD,
    MODEL_BLOCKING_A,
    MODEL_BLOCKING_B,
    MODEL_NON_BLOCKING_A,
    MODEL_NON_BLOCKING_B,
    MODEL_STREAMS,
    MODEL_NOBODY = MODEL_STREAMS, /* no work in flight */
};

/* What blocks and buffers have in common. */
struct model_object {
    uint8_t *expected;       /* NULL: the slot is empty */
    size_t bytes;
    enum model_stream owner; /* whose work in flight it is part of */
    unsigned generation;     /* counts what has been in the slot */
};

struct model_block {
    struct model_object object; /* first: a block is an object */
    CUdeviceptr address;
    bool is_pool;
    size_t mapped_bytes; /* of the mapping that it lies in; 0: in none */
    CUmemGenericAllocationHandle handle[2]; /* mapped, and aside */
    uint8_t *aside; /* bytes of the memory that is not mapped now, or NULL */
    size_t cut[2]; /* ends of two pieces that lie in it side by side */
};

enum model_kind {
    MODEL_MALLOC,
    MODEL_ALIGNED,    /* posix_memalign(64), as PyTorch's allocator */
    MODEL_ZEROED,     /* calloc */
    MODEL_MAPPED,     /* mmap, at some phase within the page */
    MODEL_PINNED,     /* cuMemHostAlloc */
    MODEL_REGISTERED, /* mapped and registered */
    MODEL_PARTLY,     /* mapped and registered in the middle */
    MODEL_KINDS,
};

struct model_buffer {
    struct model_object object; /* first */
    enum model_kind kind;
    uint8_t *memory;
    void *mapping;              /* for the kinds that are mapped */
    size_t mapping_bytes;
    void *registered;           /* address given to the driver, or NULL */
};

struct model_range {
    size_t offset, bytes;
};

/* An offload that took place: where a reload may find its bytes. */
struct model_pair {
    unsigned block, block_generation;
    unsigned buffer, buffer_generation;
    struct model_range device, host;
};

struct model_source {
    uint64_t state;
    const uint8_t *bytes; /* a fuzzer's input, or NULL: from the state */
    size_t n_bytes;
};

enum { MODEL_H2D, MODEL_D2H, MODEL_DIRECTIONS };

struct model_world {
    struct model_source source;
    uint64_t seed;
    unsigned number;     /* of the thread */
    unsigned n_worlds;
    uint64_t operation;  /* 1, 2, ...: counts operations */
    uint64_t digest;     /* of all that was done and answered */
    bool is_over;        /* the source has nothing left */

    CUcontext context;
    bool is_primary;
    CUmodule module;
    CUfunction fill, xor, axpy;
    CUstream stream[MODEL_STREAMS];
    CUstream dead_stream; /* destroyed, or NULL */

    struct model_block block[MODEL_BLOCKS];
    struct model_buffer buffer[MODEL_BUFFERS];
    struct model_pair pair[MODEL_PAIRS];
    unsigned n_pairs; /* ever */

    /* Bytes of copies that went into graphs instead of being made, and bytes
     * that graphs then copied: what an account of the calls must allow for. */
    uint64_t captured_bytes[MODEL_DIRECTIONS];
    uint64_t launched_bytes[MODEL_DIRECTIONS];

    pid_t child;         /* of a fork, 0: none */
    int child_waits_for; /* the pipe that tells it to look */

    char history[MODEL_HISTORY][MODEL_NOTE_BYTES];
    unsigned n_notes; /* ever */
    uint8_t *scratch; /* for looks at device memory */
    size_t scratch_bytes;
};

/* ---------------------------------------------------- model_report.c --- */

/* Uniform in [0, n), n > 0. 0 when the world is over. */
uint64_t model_choose(struct model_world *world, uint64_t n);
/* True once in n. */
bool model_once_in(struct model_world *world, uint64_t n);

/* Writes down what is about to be done. */
void model_note(struct model_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints the last notes, seed and operation to stderr. */
void model_tell(const struct model_world *world);

/* Prints that and the text, and ends the program: status 1, or abort() under
 * a fuzzer. */
void model_fail(const struct model_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));
extern bool model_aborts;

/* The call must have had this result. */
void model_want(struct model_world *world, const char *call, CUresult got,
                CUresult wanted);
#define WANT(world_, wanted_, call_) \
    model_want((world_), #call_, (call_), (wanted_))
#define FINE(world_, call_) WANT(world_, CUDA_SUCCESS, call_)

/* The bytes must be these; what: the object, for the message. */
void model_compare(struct model_world *world, const char *what,
                   unsigned number, size_t offset, const uint8_t *got,
                   const uint8_t *wanted, size_t bytes);

/* ----------------------------------------------------- model_order.c --- */

/* A name of the stream for an entry point; per_thread: it is a _ptsz one. */
CUstream model_name(struct model_world *world, enum model_stream stream,
                    bool per_thread);
enum model_stream model_any_stream(struct model_world *world);

/* Work on the object may be put on the stream, and is: the object is the
 * stream's from now on. */
void model_claim(struct model_world *world, struct model_object *object,
                 enum model_stream stream);
/* Waits until the object has no work in flight. */
void model_settle(struct model_world *world, struct model_object *object);
void model_settle_stream(struct model_world *world, enum model_stream stream);
void model_settle_all(struct model_world *world);

void model_make_streams(struct model_world *world);
/* An operation: another stream in the place of one. */
void model_renew_stream(struct model_world *world);

/* ---------------------------------------------------- model_memory.c --- */

size_t model_size(struct model_world *world);
/* Any size, but not less than that. */
size_t model_at_least(struct model_world *world, size_t bytes);
/* malloc that fails loudly. */
uint8_t *model_allocate(struct model_world *world, size_t bytes);
void model_begin_object(struct model_world *world,
                        struct model_object *object, size_t bytes);
void model_end_object(struct model_object *object);

/* A block of at least `bytes`, made if need be; its number. */
unsigned model_need_block(struct model_world *world, size_t bytes);
/* Makes one of exactly this size in that slot. */
void model_make_block(struct model_world *world, unsigned number,
                      size_t bytes);
void model_free_block(struct model_world *world, unsigned number);
/* The context took it with it. */
void model_lose_block(struct model_world *world, unsigned number);

/* A part of the block: whole, a piece, a union of pieces, or anything. */
struct model_range model_part(struct model_world *world,
                              const struct model_block *block);

void model_check_buffer(struct model_world *world, unsigned number,
                        struct model_range range);
/* Other processes leave little of the device, less and less often more, so that
 * a block that is made finds no room beside what the shim may have there. One
 * thread. */
extern bool model_is_tight;

void model_check_block(struct model_world *world, unsigned number);
void model_check_all(struct model_world *world);

/* An operation. */
void model_renew_block(struct model_world *world);

/* --------------------------------------------------- model_buffers.c --- */

/* As for blocks. */
unsigned model_need_buffer(struct model_world *world, size_t bytes);
void model_make_buffer(struct model_world *world, unsigned number,
                       size_t bytes, enum model_kind kind);
/* As PyTorch makes the target of an offload: aligned, and nobody writes to it
 * before. What was in the slot is freed first. */
void model_make_target(struct model_world *world, unsigned number,
                       size_t bytes);
void model_free_buffer(struct model_world *world, unsigned number);
/* It lies in a mapping of its own, whoever made it (glibc: malloc/malloc.c,
 * IS_MMAPPED). Depends on the shim: it must decide nothing that is noted. */
bool model_is_own_mapping(const struct model_buffer *buffer);
/* The driver reads and writes it without pinning it. */
bool model_is_pageable(const struct model_buffer *buffer);
/* Bytes that have not been seen before. */
void model_scribble(struct model_world *world, uint8_t *memory, size_t bytes);
/* The context that it was pinned in took that with it. */
void model_lose_pinning(struct model_world *world, unsigned number);

/* Operations. */
void model_renew_buffer(struct model_world *world);
void model_resize_buffer(struct model_world *world);
void model_register_buffer(struct model_world *world);
void model_write_buffer(struct model_world *world);
void model_look(struct model_world *world);

/* ------------------------------------------------------ model_host.c --- */

/* Operations: what a program does to its memory by other calls than CUDA's. */
void model_advise(struct model_world *world);
void model_protect(struct model_world *world);
void model_write_by_kernel(struct model_world *world);
void model_read_by_pipe(struct model_world *world);
void model_recycle(struct model_world *world);
void model_trim(struct model_world *world);

/* ---------------------------------------------------- model_copies.c --- */

void model_offload(struct model_world *world);
void model_reload(struct model_world *world);
void model_upload(struct model_world *world);
void model_patch_device(struct model_world *world);
void model_patch_host(struct model_world *world);
void model_cycle(struct model_world *world);
void model_host_to_host(struct model_world *world);

/* One copy in that form, with its effect on the model. */
void model_copy_out(struct model_world *world, unsigned block,
                    struct model_range device, unsigned buffer,
                    size_t host_offset);
void model_copy_in(struct model_world *world, unsigned block,
                   size_t device_offset, unsigned buffer,
                   struct model_range host);

/* ---------------------------------------------------- model_device.c --- */

void model_memset(struct model_world *world);
void model_kernel(struct model_world *world);
void model_axpy(struct model_world *world);
void model_device_copy(struct model_world *world);
void model_poke(struct model_world *world);
/* The byte changes in a way that no call says, unless model_is_seen: then by
 * a memset. The memory is settled. */
void model_change(struct model_world *world, CUdeviceptr at, uint8_t value);
extern bool model_is_seen;

CUresult model_launch(CUfunction function, CUdeviceptr dst, uint32_t value,
                      uint64_t count, CUstream stream);

/* ----------------------------------------------------- model_graph.c --- */

void model_graph(struct model_world *world);
void model_spoilt_capture(struct model_world *world);

/* ---------------------------------------------------- model_mapped.c --- */

/* Gives a block without an address one in a mapping of its own, and takes it
 * away. */
void model_map_block(struct model_world *world, struct model_block *block);
void model_unmap_block(struct model_world *world, struct model_block *block);

/* Operations. */
void model_exchange_mapping(struct model_world *world);
void model_forbid_mapping(struct model_world *world);

/* ---------------------------------------------------- model_routes.c --- */

void model_copy_rows(struct model_world *world);
void model_copy_batch(struct model_world *world);
void model_host_function(struct model_world *world);
void model_other_thread(struct model_world *world);
void model_write_import(struct model_world *world);
void model_gate(struct model_world *world);

/* ---------------------------------------------------- model_errors.c --- */

void model_bad_call(struct model_world *world);
void model_no_context(struct model_world *world);
void model_fork(struct model_world *world);
/* The child of the last fork, if it lives, looks at its memory and ends. */
void model_reap(struct model_world *world);
/* A kernel out of range: the context answers nothing else any more. */
void model_break_context(struct model_world *world);

/* ------------------------------------------------ model_operations.c --- */

/* The world starts with a context and nothing in it, and ends without. */
void model_open(struct model_world *world);
void model_close(struct model_world *world);
/* An operation: the context ends with all that is in it; a new one. */
void model_renew_context(struct model_world *world);
/* One operation, chosen by the world's source. */
void model_step(struct model_world *world);

#endif
