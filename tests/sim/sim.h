/*
 * sim.h - the state inside the simulated driver, shared by its files.
 *
 * One mutex guards everything declared here. Entry points take it through
 * sim_begin*() and give it back through sim_end(); it is never held while
 * bytes are moved, a kernel or a host function runs, or a thread waits.
 *
 * Handles (contexts, streams, events, modules, graphs) are never given back
 * to malloc: a destroyed one stays as a tombstone without its mark, so that
 * its later use is an error code and not undefined behaviour.
 *
 * Reading order: entry.h, this file, engine.c (how work gets done), range.c
 * (addresses), copy.c (what blocks), capture.c.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "entry.h"

/* What a NULL stream means: decided by the entry point. */
enum sim_flavour { SIM_PLAIN, SIM_PER_THREAD };

/* ------------------------------------------------------------- state.c --- */

struct sim_thread {
    uint64_t number;               /* unique, never reused; from 1 */
    CUcontext stack[64];
    int depth;
    CUstreamCaptureMode capture_mode;
    bool in_callback;              /* inside a host function */
    CUcontext kernel_context;      /* of the kernel this thread runs now */
    CUresult kernel_result;        /* what that kernel did wrong */
};

struct sim_thread *sim_thread(void);
void sim_lock(void);
void sim_unlock(void);
pthread_mutex_t *sim_mutex(void); /* the same lock, for item.c's conditions */
/* Takes the lock if the driver is usable in this process. On failure the
 * lock is not held. */
CUresult sim_begin_driver(void);
/* The same, and the calling thread has a current context without a sticky
 * error. */
CUresult sim_begin(CUcontext *context_p);
/* The same, for calls that are prohibited beside a capture (capture.c). */
CUresult sim_begin_unsafe(CUcontext *context_p);
CUresult sim_end(CUresult result);
void *sim_allocate(size_t bytes); /* zeroed; aborts when there is none */
void *sim_duplicate(const void *bytes, size_t n_bytes);
/* Zeroed memory for what a handle points to, reachable for ever, so that a
 * leak checker blames no program for a handle that it did not destroy. */
void *sim_handle_new(size_t bytes);
/* Room for element n of an array that realloc() manages. */
void sim_array_grow(void *array_p, size_t n, size_t *max_p,
                    size_t element_bytes);
uint64_t sim_now_ns(void);
uint64_t sim_next_id(void);
uint64_t sim_random(void); /* SIMCUDA_SEED's sequence; lock held */

/* ------------------------------------------------------------- range.c --- */

/* Memory that a device may touch, all in one address space (unified). */
enum sim_range_kind {
    SIM_DEVICE,   /* cuMemAlloc, or from a pool */
    SIM_MAPPED,   /* cuMemMap */
    SIM_IMPORTED, /* cuIpcOpenMemHandle */
    SIM_MANAGED,  /* cuMemAllocManaged: the host's and all devices' */
    SIM_HOST_ALLOCATED,
    SIM_HOST_REGISTERED,
};

struct sim_range {
    enum sim_range_kind kind;
    uint64_t base;
    size_t bytes;        /* as asked for: one byte more is out of range */
    size_t extent_bytes; /* as accounted */
    char *memory;        /* where its bytes are kept; NULL: not any more */
    CUdevice device;
    CUcontext context;   /* NULL for memory of a pool and for mappings */
    unsigned flags;      /* of cuMemHostAlloc and cuMemHostRegister */
    uint64_t buffer_id;
    uint64_t block_id;   /* of the physical memory; aliases share it */
    bool sync_memops;
    bool is_exported;    /* by cuIpcGetMemHandle */
    void *owner;         /* of whoever added it (MAPPED, IMPORTED) */
    uint64_t area_base;  /* MAPPED: of its reservation */
    size_t area_bytes;
    unsigned char access[SIM_MAX_DEVICES]; /* MAPPED: CU_MEM_ACCESS_FLAGS_* */
    /* Gives the memory back and frees the range, which is out of the table;
     * NULL: it is no context's. */
    void (*release)(struct sim_range *range);
    CUmemoryPool pool;   /* NULL: not stream-ordered */
    bool is_unborn;      /* stream-ordered: its allocation has not run yet */
    bool is_dying;       /* its free is queued: dead to new calls, alive to
                          * work that is ahead of the free */
};

/* The live range around [address, address + bytes), or NULL. bytes may be 0:
 * then the byte at address counts. */
struct sim_range *sim_range_find(uint64_t address, size_t bytes);
/* Its stream-ordered allocation has run; a free may be queued already. */
void sim_range_is_born(uint64_t address);

/* Who touches memory: a copy reaches every device's memory under unified
 * addressing, a kernel only what its context and device may touch. */
enum sim_actor { SIM_COPY_ENGINE, SIM_KERNEL };
enum sim_need { /* numbered as CU_MEM_ACCESS_FLAGS_PROT_* */
    SIM_NEEDS_NOTHING = 0,
    SIM_READS = 1,
    SIM_WRITES = 3,
};
/* What may the actor, working in the context, do to this range? */
enum sim_need sim_range_access(const struct sim_range *range,
                               CUcontext context, enum sim_actor actor);
/* Is [address, address + bytes) alive and allowed? Memory that is mapped side
 * by side in one reservation counts as one piece, everything else ends with
 * its range. The first range, or NULL. */
struct sim_range *sim_range_reach(uint64_t address, size_t bytes,
                                  CUcontext context, enum sim_actor actor,
                                  enum sim_need need);
/* The same at the moment of the access: memory whose free is queued is still
 * there, memory that is not born is not. Its bytes, or NULL. */
void *sim_range_touch(uint64_t address, size_t bytes, CUcontext context,
                      enum sim_actor actor, enum sim_need need);
/* Any part of it inside a range? */
bool sim_range_overlaps(uint64_t address, size_t bytes);
struct sim_range *sim_range_add(const struct sim_range *range); /* copies */
/* The range leaves the table and is the caller's to free(). */
struct sim_range *sim_range_take(uint64_t base);
/* First range of this context (kind-wise any) or NULL: for tear-down. */
struct sim_range *sim_range_of_context(CUcontext context);
bool sim_is_device_address(uint64_t address);
bool sim_is_device_memory(uint64_t address); /* not of a reservation */
/* What this context imported of the block, or NULL. */
struct sim_range *sim_range_import_of(uint64_t block_id, CUcontext context);
/* All that is imported of the block dies with it. */
void sim_range_end_aliases(uint64_t block_id);
/* Addresses that the host cannot touch and that no host allocation gets, in
 * whole pages. 0: there are none. */
uint64_t sim_area_reserve(size_t bytes, size_t align_bytes, uint64_t hint);
/* The area that begins there, whole; false: none does. */
bool sim_area_free(uint64_t base, size_t bytes);
/* The area around the address, if sim_area_reserve gave it; else false. */
bool sim_area_find(uint64_t address, uint64_t *base_p, size_t *bytes_p);
uint64_t sim_range_pool_bytes(CUmemoryPool pool); /* that came from it */
bool sim_device_init(uint64_t memory_bytes, int n_devices);
/* Device memory: NULL when the device is full. context: the owner, or NULL. */
struct sim_range *sim_device_allocate(CUdevice device, size_t bytes,
                                      CUcontext context);
/* The same for whoever keeps the bytes elsewhere. False: it is full. */
bool sim_device_take(CUdevice device, size_t bytes);
void sim_device_give(CUdevice device, size_t bytes);
/* Poisons the bytes and gives the addresses to the next that fit. */
void sim_device_release(struct sim_range *range);
uint64_t sim_device_used(CUdevice device);
/* Where the bytes of an address range are kept, or NULL when it is not alive;
 * whoever may touch it. */
void *sim_backing(uint64_t address, size_t bytes);
/* The same for any device addresses, live or not. */
void *sim_backing_any(uint64_t address, size_t bytes);

#define SIM_POISON 0xdb /* every byte of freed device memory */

/* -------------------------------------------------------------- item.c --- */

enum sim_op {
    SIM_OP_MARK,        /* nothing: an event, a join */
    SIM_OP_COPY,
    SIM_OP_MEMSET,
    SIM_OP_KERNEL,
    SIM_OP_HOST,        /* cuLaunchHostFunc */
    SIM_OP_CALLBACK,    /* cuStreamAddCallback */
    SIM_OP_WRITE_VALUE,
    SIM_OP_WAIT_VALUE,
    SIM_OP_BIRTH,       /* a stream-ordered allocation becomes usable */
    SIM_OP_DEATH,       /* memory freed in stream order */
};

enum sim_side { SIM_SIDE_DEVICE, SIM_SIDE_PINNED, SIM_SIDE_PAGEABLE };

struct sim_copy {
    enum sim_side dst_side, src_side;
    uint64_t dst, src;
    size_t width, height; /* bytes a row, rows; height 1: contiguous */
    size_t dst_pitch, src_pitch;
    void *staged;         /* source bytes read at the call, or NULL; owned */
    size_t counted_bytes; /* for SIMCUDA_COUNTERS, if not width * height */
    bool is_continued;    /* the end of a copy that is counted already */
};

struct sim_memset {
    uint64_t dst;
    uint32_t value;
    unsigned element_bytes; /* 1, 2, 4 */
    size_t width, height;   /* elements a row, rows */
    size_t pitch;
};

struct sim_grid {
    unsigned grid[3], block[3];
    unsigned shared_bytes;
};

#define SIM_MAX_PARAMS 16

struct sim_launch {
    const struct sim_kernel *kernel;
    struct sim_grid grid;
    void *params; /* packed as the device sees them; owned */
};

struct sim_value {
    uint64_t address, value;
    bool is_64;
    unsigned flags; /* CU_STREAM_WAIT_VALUE_* */
};

struct sim_work {
    enum sim_op op;
    union {
        struct sim_copy copy;
        struct sim_memset set;
        struct sim_launch launch;
        struct sim_value value;
        struct { CUhostFn function; void *data; } host;
        struct { CUstreamCallback function; void *data; CUstream handle; }
            callback;
        uint64_t address; /* BIRTH */
        struct sim_range *range; /* DEATH: dying, or out of the table */
    };
};

enum sim_engine {
    SIM_ENGINE_NONE,    /* done the moment that nothing is ahead */
    SIM_ENGINE_COMPUTE, /* kernels and memsets, one at a time */
    SIM_ENGINE_H2D,
    SIM_ENGINE_D2H,
    SIM_ENGINE_D2D,     /* also host to host and the poisoning of frees */
    SIM_ENGINE_HOST,    /* the thread that runs the program's callbacks */
    SIM_N_ENGINES,
};

enum sim_item_state { SIM_WAITING, SIM_READY, SIM_RUNNING, SIM_DONE };

/* One piece of work and what it waits for. */
struct sim_item {
    struct sim_work work;
    CUcontext context;
    enum sim_item_state state;
    enum sim_engine engine;
    int references;
    uint64_t sequence;
    uint64_t done_ns;
    uint64_t held_until_ns; /* SIMCUDA_SEED: not before, unless demanded */
    bool demanded;          /* somebody waits for it */
    bool is_unhurried;      /* ready, and no thread was woken for it */
    size_t n_blockers, n_dependents, max_blockers, max_dependents;
    struct sim_item **blockers, **dependents;
    struct sim_item *next;  /* ready list of the engine */
    struct sim_item *todo;  /* work list of a traversal */
};

/* Takes over what work owns. One reference, the caller's. */
struct sim_item *sim_item_new(CUcontext context, const struct sim_work *work);
void sim_item_after(struct sim_item *item, struct sim_item *blocker);
/* The blocker is done. */
void sim_item_unblock(struct sim_item *item, const struct sim_item *blocker);
void sim_item_release(struct sim_item *item); /* NULL is fine */
struct sim_item *sim_item_reference(struct sim_item *item);
bool sim_item_is_done(const struct sim_item *item); /* NULL is done */

/* ------------------------------------------------------------ engine.c --- */

/* From now on it runs when its blockers are done. Unhurried: no thread is
 * woken for it, because the caller is about to wait for it, or because
 * nothing can tell before the next call that wakes one. */
void sim_item_submit(struct sim_item *item, bool unhurried);
/* Gives the lock away while it waits; runs what is waited for itself when an
 * engine is free. */
void sim_item_wait(struct sim_item *item);
/* Wakes the threads for whatever was submitted unhurried. */
void sim_item_hurry(void);
/* The calling thread does it instead: before a query, as if the little that
 * a copy leaves behind its return took no time. */
void sim_item_catch_up(void);
/* Nothing is queued or running on that engine of the device. */
bool sim_engine_is_free(CUdevice device, enum sim_engine engine);

/* -------------------------------------------------------------- work.c --- */

enum sim_engine sim_work_engine(const struct sim_work *work);
/* It ends without help from the program, so any waiting thread may run it. */
bool sim_work_is_finite(const struct sim_work *work);
/* Called without the lock, which it may take. */
CUresult sim_work_run(struct sim_work *work, CUcontext context);
bool sim_value_holds(const struct sim_value *value); /* lock held */
void sim_work_clone(struct sim_work *to, const struct sim_work *from);
void sim_work_dispose(struct sim_work *work);
void sim_work_count(const struct sim_work *work); /* SIMCUDA_COUNTERS */

/* ----------------------------------------------------------- context.c --- */

#define SIM_CONTEXT_MARK 0x43545831u
#define SIM_STREAM_MARK 0x53545231u
#define SIM_EVENT_MARK 0x45564e31u
#define SIM_MODULE_MARK 0x4d4f4431u
#define SIM_FUNCTION_MARK 0x46554e31u
#define SIM_GRAPH_MARK 0x47525031u
#define SIM_EXEC_MARK 0x47584531u
#define SIM_LIBRARY_MARK 0x4c494231u
#define SIM_POOL_MARK 0x504f4c31u

struct CUctx_st {
    uint32_t mark;        /* SIM_CONTEXT_MARK while it is alive */
    bool is_primary;
    CUdevice device;
    unsigned flags;
    int n_references;     /* primary: retains; plain: attachments */
    CUcontext root;       /* itself; of a green one the primary context, which
                           * owns memory, modules and the sticky error */
    CUgreenCtx green;     /* or NULL */
    CUcontext peers[SIM_MAX_DEVICES]; /* enabled by cuCtxEnablePeerAccess */
    uint64_t id;
    CUresult sticky;      /* returned by everything that works in it */
    CUstream legacy;
    CUstream streams;     /* all others, per-thread ones included */
    struct CUmod_st *modules;
    size_t limits[CU_LIMIT_MAX];
    CUfunc_cache cache;
    CUcontext next;
};

bool sim_context_is_alive(CUcontext context);
CUcontext sim_context_current(void); /* may be dead or NULL; lock held */
CUcontext sim_contexts(void);        /* head of the list of all */
CUcontext sim_context_new(CUdevice device, unsigned flags);
void sim_context_open(CUcontext context); /* gives it streams and an id */
/* Waits for its work, destroys all that lives in it. */
void sim_context_close(CUcontext context);
/* Waits for all work of the context, of every kind of stream; of all contexts;
 * of one and the green contexts made of it. */
CUresult sim_context_wait(CUcontext context);
void sim_context_wait_all(void);
void sim_context_wait_family(CUcontext root);
CUcontext sim_primary(CUdevice device);
CUcontext sim_primary_retain(CUdevice device);
bool sim_primary_release(CUdevice device); /* false: nobody retains it */
bool sim_is_device(CUdevice device); /* is there one? */

/* ------------------------------------------------------------ stream.c --- */

struct sim_capture;

struct CUstream_st {
    uint32_t mark;
    CUcontext context;
    uint64_t id;
    unsigned flags;
    int priority;
    bool is_legacy;
    uint64_t thread;         /* owner of a per-thread stream, else 0 */
    struct sim_item *tail;   /* last item, or NULL */
    struct sim_capture *capture;
    CUgraphNode *leaves;     /* what the next captured node depends on */
    size_t n_leaves;
    CUstream next;
};
/* NULL, 1 and 2 become streams of the context. NULL result: no such. */
CUstream sim_stream_resolve(CUcontext context, CUstream handle,
                            enum sim_flavour flavour);
bool sim_stream_is_blocking(CUstream stream);
CUstream sim_stream_new(CUcontext context, unsigned flags);
void sim_stream_end(CUstream stream); /* not in any list any more */
/* Something that is done when everything is that the stream has to do now,
 * or NULL. One reference, the caller's. */
struct sim_item *sim_stream_barrier(CUstream stream);
/* Queues work in stream order (work's owned parts go with it), or records it
 * if the stream captures: then *item_p is NULL. *item_p may be NULL and is
 * borrowed from the stream's tail. */
CUresult sim_stream_work(CUstream stream, struct sim_work *work,
                         bool unhurried, struct sim_item **item_p);
/* Queues it without asking about captures; blockers are extra ones. */
struct sim_item *sim_stream_queue(CUstream stream, const struct sim_work *work,
                                  struct sim_item *const *blockers,
                                  size_t n_blockers, bool unhurried);
/* Waits for the stream; the context's sticky error if it has one. */
CUresult sim_stream_wait(CUstream stream);

/* ------------------------------------------------------------- event.c --- */

struct CUevent_st {
    uint32_t mark, flags;
    CUcontext context;
    uint64_t context_id;         /* a primary context comes back, events not */
    struct sim_item *item;       /* last record, or NULL */
    uint64_t capture_id;         /* recorded inside this capture, or 0 */
    CUgraphNode *leaves;         /* and behind these nodes */
    size_t n_leaves;
    CUevent next_spare;          /* destroyed, to be used again */
};
bool sim_event_is_alive(CUevent event); /* NULL is not */

/* ----------------------------------------------------------- capture.c --- */

struct CUgraphNode_st {
    struct sim_work work;
    CUcontext context;
    CUgraphNode *dependencies;
    size_t n_dependencies;
    size_t index;   /* in its graph */
    bool is_marked; /* during a traversal */
};

struct CUgraph_st {
    uint32_t mark;
    CUgraphNode *nodes;
    size_t n_nodes, max_nodes;
};

/* Prohibited beside a capture, given the calling thread's mode? The error
 * to return; the captures in question are invalid then. */
CUresult sim_capture_check_unsafe(void);
/* Use of a stream for new work; or waiting for it, or a query. */
CUresult sim_capture_check_use(CUstream stream);
CUresult sim_capture_check_look(CUstream stream);
CUresult sim_capture_record(CUstream stream, struct sim_work *work);
CUresult sim_capture_event(CUevent event, CUstream stream);
/* cuStreamWaitEvent with a capture on either side; *done_p: nothing is left
 * for the caller to do. */
CUresult sim_capture_wait_event(CUstream stream, CUevent event, bool *done_p);
CUresult sim_capture_check_event(CUevent event);
void sim_capture_drop_stream(CUstream stream);
CUresult sim_capture_begin(CUstream stream, CUstreamCaptureMode mode,
                           CUgraph graph, const CUgraphNode *leaves,
                           size_t n_leaves);
CUresult sim_capture_end(CUstream stream, CUgraph *graph_p);

struct sim_capture_info {
    CUstreamCaptureStatus status;
    uint64_t id;
    CUgraph graph;
    const CUgraphNode *leaves;
    size_t n_leaves;
};
/* Legal at any time, but for the legacy stream beside a capture of a blocking
 * one: IMPLICIT, and nothing is invalidated. */
CUresult sim_capture_status(CUstream stream, struct sim_capture_info *info_p);
/* Waiting for a whole context. */
CUresult sim_capture_check_context(CUcontext context);

CUgraph sim_graph_new(void);
/* work goes with it; the dependencies are copied. */
CUgraphNode sim_graph_add(CUgraph graph, CUcontext context,
                          const struct sim_work *work,
                          const CUgraphNode *dependencies,
                          size_t n_dependencies);
void sim_graph_end(CUgraph graph);

/* ------------------------------------------------------- host_memory.c --- */

/* Gives the memory of cuMemHostAlloc back, forgets a registration. The range
 * is out of the table and is freed. */
void sim_host_release(struct sim_range *range);
/* Pinned if the whole of it lies in one pinned range. */
enum sim_side sim_side_of(uint64_t address, size_t bytes);

/* ------------------------------------------------------------ module.c --- */

void sim_modules_close(CUcontext context);

/* ----------------------------------------------------------- kernels.c --- */

struct sim_kernel {
    const char *name;
    void (*run)(const struct sim_grid *grid, void **params);
    bool waits;               /* for the program: it may never end */
    unsigned n_params;
    unsigned short param_bytes[SIM_MAX_PARAMS];
};

const struct sim_kernel *sim_kernel_find(const char *name);
size_t sim_kernel_param_offset(const struct sim_kernel *kernel, unsigned i);
size_t sim_kernel_params_bytes(const struct sim_kernel *kernel);

/* For kernels. The bytes behind a device address, or of mapped host memory;
 * NULL when any of them is not there, or may not be touched that way: the
 * context has failed and the kernel returns. align_bytes as the device demands
 * of that access. */
void *sim_kernel_memory(CUdeviceptr address, size_t bytes);
const void *sim_kernel_source(CUdeviceptr address, size_t bytes);
void *sim_kernel_memory_aligned(CUdeviceptr address, size_t bytes,
                                size_t align_bytes);
void sim_kernel_fail(CUresult result);

#endif
