/*
 * app_load.c - many threads, streams, ranges and launches at a time.
 *
 *     app_load [--threads N] [--streams N] [--ranges N] [--launches N]
 *              [--swaps N] [--exact]
 *
 * Each thread has its share of the ranges, in blocks of one, sixteen and 111
 * ranges, as caching allocators make them, and works on one of the streams,
 * which it shares with others; half of them copy on it, too. A swap: all
 * threads load all of their ranges; once everybody has, all launch: some
 * launches change a range, the others add the digest of one to a sum; and once
 * everybody has, all offload their ranges into new memory, in another order
 * than they were loaded in, and free the blocks. One range in 256 is large, and
 * one in 64 changes in each swap.
 *
 * What is wrong ends the program with status 1: a byte that was offloaded, a
 * sum (each launch ran once, between the right copies, on the right bytes),
 * a call that did not reach the driver, device memory that is left. With
 * --exact, which takes one thread, the bytes that reached the driver are those
 * that had to, and no other. The times and the process's memory are printed.
 */
#include "program.h"

#include <dlfcn.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "load.h"
#include "soak.h"

#define KIB ((size_t)1 << 10)

enum {
    MOST_THREADS = 256,
    MOST_STREAMS = 64,
    RANGES_PER_LARGE = 256,
    RANGES_PER_CHANGE = 64,
    ALIGNMENT = 512,  /* of ranges in their block */
    SYNC_EVERY = 256, /* launches; so many may lie in a stream */
};

static const size_t block_ranges[] = {1, 16, 111};

struct worker {
    pthread_t thread;
    unsigned number;
    CUstream stream;
    struct load_range *ranges;
    size_t n_ranges;
    CUdeviceptr *blocks;
    size_t n_blocks;
    uint64_t allocations; /* and as many frees */
    CUdeviceptr sum_device;
    uint64_t sum, random;
    uint64_t asked_bytes, changed_bytes;
};

static struct {
    unsigned threads, streams, swaps;
    size_t ranges, launches;
    bool is_exact;
} settings = {.threads = 64, .streams = 16, .swaps = 3, .ranges = 2048,
              .launches = 20000};

static struct worker workers[MOST_THREADS];
static CUstream streams[MOST_STREAMS];
static pthread_barrier_t together;
static CUcontext context;
static CUfunction digest_kernel, xor_kernel;
static CUresult (*peek)(void *dst, CUdeviceptr src, size_t bytes);
static uint64_t (*allocated_bytes)(void);

/* --- a worker's steps ---------------------------------------------------- */

static uint64_t next_random(struct worker *worker)
{
    worker->random += UINT64_C(0x9e3779b97f4a7c15);
    return load_mix(worker->random);
}

static size_t rounded(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Gives the ranges from first on their addresses in a new block, and returns
 * how many these are. */
static size_t allocate_block(struct worker *worker, size_t first)
{
    const size_t kinds = sizeof(block_ranges) / sizeof(block_ranges[0]);
    size_t wanted = block_ranges[next_random(worker) % kinds];
    size_t left = worker->n_ranges - first, bytes = 0, i;
    CUdeviceptr *block = &worker->blocks[worker->n_blocks];

    wanted = wanted < left ? wanted : left;
    for (i = 0; i < wanted; i++) {
        worker->ranges[first + i].device = bytes;
        bytes += rounded(worker->ranges[first + i].bytes);
    }
    OK(cu.cuMemAlloc_v2(block, bytes));
    worker->n_blocks++;
    worker->allocations++;
    for (i = 0; i < wanted; i++) {
        worker->ranges[first + i].device += *block;
    }
    return wanted;
}

/* A stream that others work on is seldom idle, and a copy on it that need not
 * wait is then left alone. Every second thread of a stream copies
 * synchronously, on no stream of its own: what it copies is looked at. */
static bool is_synchronous(const struct worker *worker)
{
    return settings.threads == 1 ||
           worker->number / settings.streams % 2 == 1;
}

static void copy_in(struct worker *worker, const struct load_range *range)
{
    if (is_synchronous(worker)) {
        OK(cu.cuMemcpyHtoD_v2(range->device, range->host, range->bytes));
    } else {
        upload(range->device, range->host, range->bytes, worker->stream);
    }
}

static void copy_out(struct worker *worker, const struct load_range *range)
{
    if (is_synchronous(worker)) {
        OK(cu.cuMemcpyDtoH_v2(range->host, range->device, range->bytes));
    } else {
        offload(range->host, range->device, range->bytes, worker->stream);
    }
}

static void load(struct worker *worker)
{
    size_t end = 0, i;

    for (i = 0; i < worker->n_ranges; i++) {
        struct load_range *range = &worker->ranges[i];

        if (i == end) {
            end += allocate_block(worker, i);
        }
        copy_in(worker, range);
        worker->asked_bytes += range->bytes;
        free(range->host);
        range->host = NULL;
    }
    /* Of pageable memory a synchronous copy, too, may end after its call. */
    OK(cu.cuStreamSynchronize(NULL));
}

static void launch(struct worker *worker, CUfunction kernel, void **params)
{
    OK(cu.cuLaunchKernel(kernel, 1, 1, 1, 32, 1, 1, 0, worker->stream, params,
                         NULL));
}

static void launch_digest(struct worker *worker,
                          const struct load_range *range)
{
    CUdeviceptr src = range->device;
    uint64_t bytes = LOAD_READ_BYTES;
    void *params[] = {&worker->sum_device, &src, &bytes};

    launch(worker, digest_kernel, params);
    worker->sum += load_digest(range);
}

/* Of the first word, two halves of it. */
static void launch_change(struct worker *worker, struct load_range *range)
{
    uint32_t value = (uint32_t)next_random(worker) | 1;
    CUdeviceptr dst = range->device;
    uint64_t count = 2;
    void *params[] = {&dst, &value, &count};

    launch(worker, xor_kernel, params);
    range->change ^= (uint64_t)value << 32 | value;
}

/* What changes before it was ever offloaded is no change to anybody. */
static void compute(struct worker *worker, size_t launches, bool is_first)
{
    const size_t n_changes = worker->n_ranges / RANGES_PER_CHANGE;
    const size_t first = next_random(worker) % RANGES_PER_CHANGE;
    size_t i;

    CHECK(launches >= n_changes);
    for (i = 0; i < n_changes; i++) {
        struct load_range *range =
            &worker->ranges[i * RANGES_PER_CHANGE + first];

        launch_change(worker, range);
        worker->changed_bytes += is_first ? 0 : range->bytes;
    }
    for (; i < launches; i++) {
        launch_digest(worker, &worker->ranges[next_random(worker) %
                                              worker->n_ranges]);
        if (i % SYNC_EVERY == SYNC_EVERY - 1) {
            OK(cu.cuStreamSynchronize(worker->stream));
        }
    }
    OK(cu.cuStreamSynchronize(worker->stream));
}

static void check_sum(struct worker *worker)
{
    uint64_t seen;

    OK(peek(&seen, worker->sum_device, sizeof(seen)));
    CHECK_EQUAL(seen, worker->sum);
}

/* From the end, and from the other side of each pair. */
static void unload(struct worker *worker)
{
    const size_t n = worker->n_ranges;
    size_t i;

    for (i = 0; i < n; i++) {
        size_t at = n - 1 - ((i ^ 1) < n ? i ^ 1 : i);
        struct load_range *range = &worker->ranges[at];

        range->host = fresh(range->bytes);
        copy_out(worker, range);
        load_check_bytes(range);
    }
}

static void free_blocks(struct worker *worker)
{
    while (worker->n_blocks > 0) {
        OK(cu.cuMemFree_v2(worker->blocks[--worker->n_blocks]));
    }
}

/* --- the threads --------------------------------------------------------- */

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Waits for all threads; one of them says how long the phase took. */
static void end_phase(const struct worker *worker, unsigned swap,
                      const char *name)
{
    static double began;

    pthread_barrier_wait(&together);
    if (worker->number == 0) {
        if (swap > 0) {
            printf("swap %u: %s %.2f s\n", swap, name, now_s() - began);
        }
        began = now_s();
    }
    pthread_barrier_wait(&together);
}

static void *work(void *opaque)
{
    struct worker *worker = opaque;
    unsigned swap;

    OK(cu.cuCtxSetCurrent(context));
    end_phase(worker, 0, "start");
    for (swap = 1; swap <= settings.swaps; swap++) {
        load(worker);
        end_phase(worker, swap, "load");
        compute(worker, settings.launches / settings.threads, swap == 1);
        check_sum(worker);
        end_phase(worker, swap, "launch");
        unload(worker);
        end_phase(worker, swap, "unload");
        free_blocks(worker);
        end_phase(worker, swap, "free");
    }
    return NULL;
}

/* --- the whole ----------------------------------------------------------- */

static void *find(const char *symbol)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    void *found = library != NULL ? dlsym(library, symbol) : NULL;

    CHECK(found != NULL);
    return found;
}

static void start(void)
{
    CUmodule module;
    CUdevice device;
    unsigned i;

    program_start();
    *(void **)&peek = find("simcuda_peek");
    *(void **)&allocated_bytes = find("simcuda_allocated_bytes");
    OK(cu.cuDeviceGet(&device, 0));
    OK(cu.cuDevicePrimaryCtxRetain(&context, device));
    OK(cu.cuModuleLoadData(&module, "test kernels"));
    OK(cu.cuModuleGetFunction(&digest_kernel, module, "digest_u64"));
    OK(cu.cuModuleGetFunction(&xor_kernel, module, "xor_u32"));
    for (i = 0; i < settings.streams; i++) {
        OK(cu.cuStreamCreate(&streams[i], CU_STREAM_NON_BLOCKING));
    }
}

static void make_range(struct load_range *range, size_t number)
{
    bool is_large = number % RANGES_PER_LARGE == RANGES_PER_LARGE - 1;

    range->seed = number + 1;
    range->bytes = (is_large ? 64 * KIB : 4 * KIB) + number % 5 * 64;
    range->host = fresh(range->bytes);
    load_make_bytes(range);
}

static void make_worker(unsigned number)
{
    struct worker *worker = &workers[number];
    uint64_t zero = 0;
    size_t i;

    worker->number = number;
    worker->stream = streams[number % settings.streams];
    worker->n_ranges = settings.ranges / settings.threads;
    worker->ranges = calloc(worker->n_ranges, sizeof(*worker->ranges));
    worker->blocks = calloc(worker->n_ranges, sizeof(*worker->blocks));
    CHECK(worker->ranges != NULL && worker->blocks != NULL);
    worker->random = number;
    for (i = 0; i < worker->n_ranges; i++) {
        make_range(&worker->ranges[i], number * worker->n_ranges + i);
    }
    OK(cu.cuMemAlloc_v2(&worker->sum_device, sizeof(worker->sum)));
    OK(cu.cuMemcpyHtoD_v2(worker->sum_device, &zero, sizeof(zero)));
    OK(cu.cuStreamSynchronize(NULL));
}

/* What the threads did has reached the driver, and what they ended is gone.
 * The shim allocates and launches besides. */
static void check_calls(void)
{
    const uint64_t launches = (uint64_t)settings.swaps * settings.threads *
                              (settings.launches / settings.threads);
    uint64_t allocations = settings.threads, i;

    for (i = 0; i < settings.threads; i++) {
        allocations += workers[i].allocations;
        OK(cu.cuMemFree_v2(workers[i].sum_device));
    }
    CHECK_EQUAL(cu.simcuda_calls("cuMemAlloc_v2"), allocations);
    CHECK_EQUAL(cu.simcuda_calls("cuMemFree_v2"), allocations);
    CHECK_EQUAL(allocated_bytes(), 0);
    if (under_shim) {
        CHECK(cu.simcuda_calls("cuLaunchKernel") >= launches);
    } else {
        CHECK_EQUAL(cu.simcuda_calls("cuLaunchKernel"), launches);
    }
}

/* Those that had to: all ranges at first, then what was changed. */
static void check_moved(uint64_t asked, uint64_t changed)
{
    const uint64_t sums = settings.threads * sizeof(workers[0].sum);
    const uint64_t once = asked / settings.swaps;

    printf("%llu bytes loaded and unloaded, %llu and %llu reached the "
           "driver\n", (unsigned long long)asked,
           (unsigned long long)(reached_h2d() - sums),
           (unsigned long long)reached_d2h());
    if (!under_shim) {
        CHECK_EQUAL(reached_h2d(), asked + sums);
        CHECK_EQUAL(reached_d2h(), asked);
    } else if (settings.is_exact) {
        CHECK_EQUAL(reached_d2h(), once + changed);
    } else {
        CHECK(reached_d2h() >= once && reached_d2h() <= asked);
    }
}

static void report(void)
{
    uint64_t asked = 0, changed = 0;
    struct soak_figures figures;
    unsigned i;

    for (i = 0; i < settings.threads; i++) {
        asked += workers[i].asked_bytes;
        changed += workers[i].changed_bytes;
    }
    check_calls();
    check_moved(asked, changed);
    soak_look(&figures);
    printf("memory: %llu KiB resident, %llu KiB of it shared, heap %llu KiB, "
           "%llu mappings\n",
           (unsigned long long)figures.value[SOAK_rss_kib],
           (unsigned long long)figures.value[SOAK_shmem_kib],
           (unsigned long long)figures.value[SOAK_heap_kib],
           (unsigned long long)figures.value[SOAK_maps]);
}

static bool parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"threads", required_argument, NULL, 't'},
        {"streams", required_argument, NULL, 'm'},
        {"ranges", required_argument, NULL, 'r'},
        {"launches", required_argument, NULL, 'l'},
        {"swaps", required_argument, NULL, 's'},
        {"exact", no_argument, NULL, 'e'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 't': settings.threads = (unsigned)atoi(optarg); break;
        case 'm': settings.streams = (unsigned)atoi(optarg); break;
        case 'r': settings.ranges = (size_t)atoll(optarg); break;
        case 'l': settings.launches = (size_t)atoll(optarg); break;
        case 's': settings.swaps = (unsigned)atoi(optarg); break;
        case 'e': settings.is_exact = true; break;
        default: return false;
        }
    }
    return optind == argc && settings.swaps > 0 && settings.streams > 0 &&
           settings.streams <= MOST_STREAMS && settings.threads > 0 &&
           settings.threads <= MOST_THREADS &&
           settings.ranges / settings.threads > 0 &&
           (!settings.is_exact || settings.threads == 1);
}

int main(int argc, char **argv)
{
    unsigned i;

    if (!parse(argc, argv)) {
        fprintf(stderr, "usage: see the head of app_load.c\n");
        return 2;
    }
    start();
    CHECK_EQUAL(pthread_barrier_init(&together, NULL, settings.threads), 0);
    for (i = 0; i < settings.threads; i++) {
        make_worker(i);
    }
    for (i = 0; i < settings.threads; i++) {
        CHECK_EQUAL(pthread_create(&workers[i].thread, NULL, work,
                                   &workers[i]), 0);
    }
    for (i = 0; i < settings.threads; i++) {
        CHECK_EQUAL(pthread_join(workers[i].thread, NULL), 0);
    }
    report();
    return 0;
}
