/*
 * bench_sdxl_unload_host.c - what the host side of an unload costs, with the
 * sizes of SDXL's 2,641 tensors: from the proof of a tensor to the moment when
 * the program's buffer has its bytes. src/shadow is called as the engine calls
 * it (csh_alias_materialise, csh_alias_check); no driver, no proof, no DMA.
 *
 *   sdxl_allocate_host_ms            the program's own allocations, placed
 *   sdxl_unload_host_alias_ms        every tensor's bytes into a fresh block
 *   sdxl_unload_host_copy_ms         the same by copying, with as many threads
 *                                    as CUSHADOW_THREADS allows
 *   sdxl_reload_check_ms             are they all still the shadows'?
 *   sdxl_touch_after_unload_*_ms     then one byte of each page is read: what a
 *                                    mapping has put off (a copy: nothing)
 *   sdxl_reload_check_touched_ms     the check after that
 *   sdxl_free_after_unload_*_ms      the program frees its blocks
 *   sdxl_bytes_mapped_ALLOCATOR_percent
 *   ram_per_model_byte_offloaded     shadows and blocks together, of a model
 *                                    in host memory (a copy: 2)
 *
 * The least of three rounds, and the processor's time beside the time, since
 * other processes disturb. BENCH_SHARE=n takes every n-th tensor (default 4;
 * 1 is all of SDXL, and 14 GB of RAM); what is printed is what was measured,
 * not multiplied. Each allocator runs in a process of its own.
 */
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "bench.h"
#include "shadow/alias.h"
#include "shadow/fill.h"
#include "shadow/libc_block.h"
#include "shadow/placement.h"

enum { MOST_TENSORS = 4096, SHARE = 4, ROUNDS = 3, PAGE = 4096 };
#define LEAST ((size_t)64 << 10)

static struct tensor {
    struct csh_alias_source source;
    char *block;
} tensors[MOST_TENSORS];
static size_t n_tensors;

static struct csh_page_state pages;
static struct csh_budget budget;
static struct csh_aliases *aliases;

static void fail(const char *what)
{
    fprintf(stderr, "bench: %s (%s)\n", what, strerror(errno));
    exit(1);
}

/* ------------------------------------------------------------- sizes --- */

static size_t bytes_of(const char *shape)
{
    size_t n = 2; /* all are F16 */
    char *end;

    do {
        n *= strtoull(shape, &end, 10);
        shape = end + 1;
    } while (*end == 'x');
    return n;
}

static void read_sizes(const char *component, size_t share)
{
    char path[64], line[512];
    static size_t n_lines;
    FILE *file;

    snprintf(path, sizeof(path), "examples/sdxl/%s.tsv", component);
    file = fopen(path, "r");
    if (file == NULL) {
        fail(path);
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        const char *shape = strrchr(line, '\t');

        if (line[0] != '#' && shape != NULL && n_lines++ % share == 0 &&
            n_tensors < MOST_TENSORS) {
            tensors[n_tensors++].source.extent.bytes = bytes_of(shape + 1);
        }
    }
    fclose(file);
}

/* ----------------------------------------------------------- shadows --- */

static CUresult CUDAAPI pin(void *address, size_t bytes, unsigned flags)
{
    (void)address;
    (void)bytes;
    (void)flags;
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI unpin(void *address)
{
    (void)address;
    return CUDA_SUCCESS;
}

static const struct csh_pin_calls pins = {pin, unpin};

static void make_shadows(struct csh_slab_pool *pool)
{
    size_t i;

    for (i = 0; i < n_tensors; i++) {
        struct csh_alias_source *source = &tensors[i].source;
        size_t bytes = source->extent.bytes;

        if (csh_slab_allocate_at(pool, bytes, csh_placement_phase(bytes),
                                 &source->extent) != CSH_SLAB_OK) {
            fail("no memory for a shadow");
        }
        memset(source->extent.address, (int)i | 1, bytes);
        source->ref.index = (uint32_t)i;
        source->ref.generation = 1;
    }
}

static void start(void)
{
    const struct csh_placement_libc libc = {posix_memalign, realloc, free,
                                            malloc_usable_size, mallinfo2};
    struct csh_alias_setup setup = {.state = &pages};

    csh_log_threshold = CSH_LOG_ERROR;
    budget.limit.unit = CSH_SIZE_BYTES;
    budget.limit.value = (uint64_t)64 << 30;
    budget.roots.proc = "/proc";
    budget.roots.cgroup = "/sys/fs/cgroup";
    csh_page_state_open(&pages, CSH_PAGES_BY_ALL);
    setup.libc_owns_malloc = csh_libc_owns_malloc();
    setup.pool = csh_slab_create(&pins, &budget, NULL);
    if (setup.pool == NULL) {
        fail("no pool");
    }
    if (setup.libc_owns_malloc && !csh_placement_start(&libc, "/proc")) {
        fail("the allocator does not serve placement");
    }
    make_shadows(setup.pool);
    aliases = csh_alias_create(&setup);
    if (aliases == NULL) {
        fail("no aliases");
    }
}

/* ---------------------------------------------------------- the steps --- */

static size_t mapped_bytes, copied_bytes;

static void allocate(struct tensor *tensor)
{
    size_t bytes = tensor->source.extent.bytes;
    void *block;

    /* The program would have moved another of this size between. */
    csh_placement_expect(bytes);
    block = csh_placement_allocate(64, bytes);
    if (block == NULL && posix_memalign(&block, 64, bytes) != 0) {
        fail("no memory");
    }
    tensor->block = block;
}

static void unload_alias(struct tensor *tensor)
{
    struct csh_alias_result result;

    if (!csh_alias_materialise(aliases, tensor->block, &tensor->source,
                               &result)) {
        fail("a mapping was lost");
    }
    mapped_bytes += result.mapped_bytes;
    copied_bytes += result.copied_bytes;
}

static void unload_copy(struct tensor *tensor)
{
    csh_fill(tensor->block, tensor->source.extent.address,
             tensor->source.extent.bytes);
}

static void check(struct tensor *tensor)
{
    enum csh_alias_verdict verdict =
        csh_alias_check(aliases, tensor->block, &tensor->source);

    if (verdict == CSH_ALIAS_WRITTEN) {
        fail("a tensor does not hold its shadow's bytes");
    }
}

static void touch(struct tensor *tensor)
{
    const volatile char *block = tensor->block;
    size_t at;

    for (at = 0; at < tensor->source.extent.bytes; at += PAGE) {
        (void)block[at];
    }
}

static void release(struct tensor *tensor)
{
    free(tensor->block);
}

enum step {
    ALLOCATE, UNLOAD_ALIAS, CHECK_UNTOUCHED, TOUCH_ALIAS, CHECK_TOUCHED,
    FREE_ALIAS, ALLOCATE_AGAIN, UNLOAD_COPY, TOUCH_COPY, FREE_COPY, N_STEPS
};

static const struct {
    const char *name; /* NULL: not printed */
    void (*run)(struct tensor *tensor);
} steps[N_STEPS] = {
    {"sdxl_allocate_host", allocate},
    {"sdxl_unload_host_alias", unload_alias},
    {"sdxl_reload_check", check},
    {"sdxl_touch_after_unload_alias", touch},
    {"sdxl_reload_check_touched", check},
    {"sdxl_free_after_unload_alias", release},
    {NULL, allocate},
    {"sdxl_unload_host_copy", unload_copy},
    {"sdxl_touch_after_unload_copy", touch},
    {"sdxl_free_after_unload_copy", release},
};

static double seconds_of(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

struct figures {
    double ms[N_STEPS], cpu_ms[N_STEPS];
    double ram;
};

static void take_step(unsigned step, bool is_first, struct figures *figures)
{
    double begun = seconds_of(CLOCK_MONOTONIC);
    double cpu_begun = seconds_of(CLOCK_THREAD_CPUTIME_ID), ms, cpu_ms;
    size_t i;

    for (i = 0; i < n_tensors; i++) {
        steps[step].run(&tensors[i]);
    }
    cpu_ms = (seconds_of(CLOCK_THREAD_CPUTIME_ID) - cpu_begun) * 1e3;
    ms = (seconds_of(CLOCK_MONOTONIC) - begun) * 1e3;
    if (is_first || ms < figures->ms[step]) {
        figures->ms[step] = ms;
    }
    if (is_first || cpu_ms < figures->cpu_ms[step]) {
        figures->cpu_ms[step] = cpu_ms;
    }
}

/* Memory that is in use because of this process: a page that is mapped twice
 * counts once. */
static double used_bytes(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    double kib = 0;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "Pss: %lf kB", &kib) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kib * 1024;
}

/* Small tensors are learned by nobody: they are copied by the driver. */
static void leave_out_small_ones(void)
{
    size_t i, n = 0;

    for (i = 0; i < n_tensors; i++) {
        if (tensors[i].source.extent.bytes >= LEAST) {
            tensors[n++] = tensors[i];
        }
    }
    n_tensors = n;
}

static void measure(struct figures *figures, double model_bytes)
{
    double before = used_bytes() - model_bytes; /* shadows are there */
    unsigned round, step;

    for (round = 0; round < ROUNDS; round++) {
        for (step = 0; step < N_STEPS; step++) {
            take_step(step, round == 0, figures);
            if (step == TOUCH_ALIAS) {
                figures->ram = (used_bytes() - before) / model_bytes;
            }
        }
    }
}

/* ----------------------------------------------------------- printing --- */

static void print(const char *what, const char *unit, double value)
{
    char name[192];

    snprintf(name, sizeof(name), "%s_%s", what, unit);
    bench_print(name, value, unit);
}

static void print_all(const struct figures *figures)
{
    unsigned step;

    for (step = 0; step < N_STEPS; step++) {
        if (steps[step].name != NULL) {
            print(steps[step].name, "ms", figures->ms[step]);
            print(steps[step].name, "cpu_ms", figures->cpu_ms[step]);
        }
    }
    print("sdxl_unload_host_alias_per_tensor", "us",
          figures->ms[UNLOAD_ALIAS] * 1e3 / (double)n_tensors);
    bench_print("ram_per_model_byte_offloaded", figures->ram, "bytes");
}

static size_t share(void)
{
    const char *text = getenv("BENCH_SHARE");

    return text == NULL || atoi(text) < 1 ? SHARE : (size_t)atoi(text);
}

/* One allocator in this process; all figures only of libc's own. */
static int child(const char *allocator)
{
    static const char *const components[] = {"text_encoder", "text_encoder_2",
                                             "unet", "vae"};
    struct figures figures;
    double model_bytes = 0;
    char name[96];
    size_t i;

    for (i = 0; i < 4; i++) {
        read_sizes(components[i], share());
    }
    leave_out_small_ones();
    for (i = 0; i < n_tensors; i++) {
        model_bytes += (double)tensors[i].source.extent.bytes;
    }
    start();
    measure(&figures, model_bytes);
    snprintf(name, sizeof(name), "sdxl_bytes_mapped_%s", allocator);
    print(name, "percent", 100.0 * (double)mapped_bytes /
                               (double)(mapped_bytes + copied_bytes));
    if (strcmp(allocator, "glibc") == 0) {
        fprintf(stderr, "bench: %zu tensors, %.2f GB, every %zu of SDXL's\n",
                n_tensors, model_bytes * 1e-9, share());
        print_all(&figures);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    static const char *const allocators[][2] = {
        {"glibc", ""},
        {"tcmalloc", "libtcmalloc_minimal.so.4"},
        {"mimalloc", "libmimalloc.so.2.0"},
        {"jemalloc", "libjemalloc.so.2"},
    };
    char command[4096], self[2048];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    int status = 0;
    size_t i;

    if (argc > 1) {
        return child(argv[1]);
    }
    self[n < 0 ? 0 : n] = '\0';
    for (i = 0; i < 4; i++) {
        const char *library = allocators[i][1];

        /* The dynamic linker goes on without what it cannot preload. */
        snprintf(command, sizeof(command),
                 "LD_PRELOAD=%s true 2>&1 | grep -q preload", library);
        if (system(command) == 0) {
            fprintf(stderr, "bench: %s is not installed\n", library);
            continue;
        }
        /* Elsewhere only one figure is wanted: a part of SDXL will do. */
        snprintf(command, sizeof(command),
                 "%sLD_PRELOAD=%s exec '%s' %s", i == 0 ? ""
                 : "BENCH_SHARE=16 ", library, self, allocators[i][0]);
        status |= system(command);
    }
    return status == 0 ? 0 : 1;
}
