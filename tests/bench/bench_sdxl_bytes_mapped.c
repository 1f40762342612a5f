/*
 * bench_sdxl_bytes_mapped.c - what share of SDXL's bytes comes back, in three
 * unload cycles, in memory that an alias can cover, and what that costs the
 * program's other allocations: for each way to get there.
 *
 * The program imitated: torch makes the weights in RAM, `.to("cuda")` frees
 * them one by one, `.to("cpu")` allocates each by posix_memalign(64) and fills
 * it. Memory that could be covered is left alone, as an alias would leave it.
 * Between the cycles the program works on other big blocks: buffers as numpy
 * takes them, temporaries as torch's CPU operators do, growth by realloc.
 *
 * Each way runs in a process of its own: a heap remembers. BENCH_SHARE=n takes
 * every n-th tensor (default 16; 1 is all of SDXL, and 7 GB of RAM).
 * BENCH_THREAD=1 does all of it in a second thread, whose heap is another.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "shadow/placement.h"

enum { MAX_TENSORS = 4096, N_CYCLES = 3, PAGE = 4096, N_ROUNDS = 5 };

static const size_t least = 65536;

struct tensor {
    size_t bytes;
    char *block;
    uintptr_t phase; /* within a page, at the first unload */
};

static struct tensor tensors[MAX_TENSORS];
static int n_tensors;

/* ---- ways to place ------------------------------------------------------ */

static void *plain(size_t bytes)
{
    void *block = NULL;

    return posix_memalign(&block, 64, bytes) == 0 ? block : NULL;
}

/* A block with the header that glibc 2.36 gives its mapped ones. */
static void *forged(size_t bytes)
{
    size_t total = (bytes + 64 + PAGE - 1) & ~(size_t)(PAGE - 1);
    char *map = mmap(NULL, total, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t *header = (size_t *)(void *)(map + 64 - 2 * sizeof(size_t));

    if (map == MAP_FAILED) {
        return NULL;
    }
    header[0] = 64 - 2 * sizeof(size_t);
    header[1] = (total - header[0]) | 2;
    return map + 64;
}

static bool is_weight_size[1 << 16]; /* by a hash: a collision costs a page */

static size_t size_hash(size_t bytes)
{
    return ((uint64_t)bytes * UINT64_C(0x9e3779b97f4a7c15)) >> 48;
}

static void *forged_big(size_t bytes)
{
    return bytes >= least ? forged(bytes) : plain(bytes);
}

static void *forged_known(size_t bytes)
{
    return bytes >= least && is_weight_size[size_hash(bytes)] ? forged(bytes)
                                                              : plain(bytes);
}

static void *placed(size_t bytes)
{
    void *block = bytes >= least ? csh_placement_allocate(64, bytes) : NULL;

    return block != NULL ? block : plain(bytes);
}

enum when { NEVER, AT_START, AT_FIRST_CUDA, AT_FIRST_UNLOAD };

static const struct way {
    const char *name;
    enum when mallopt_when;
    void *(*allocate)(size_t bytes);
} ways[] = {
    {"default", NEVER, plain},
    {"mallopt_at_start", AT_START, plain},
    {"mallopt_at_first_cuda", AT_FIRST_CUDA, plain},
    {"mallopt_at_first_unload", AT_FIRST_UNLOAD, plain},
    {"forged_all_big", NEVER, forged_big},
    {"forged_weight_sizes", NEVER, forged_known},
    {"placement", NEVER, placed},
};
static const struct way *way = &ways[0];

static void reach(enum when when)
{
    const struct csh_placement_libc libc = {posix_memalign, realloc, free,
                                            malloc_usable_size, mallinfo2};

    if (way->mallopt_when == when) {
        mallopt(M_MMAP_THRESHOLD, (int)least);
    }
    if (when == AT_FIRST_CUDA && way->allocate == placed &&
        !csh_placement_start(&libc, "/proc")) {
        fprintf(stderr, "bench: the allocator does not serve placement\n");
        exit(1);
    }
}

/* ---- the program -------------------------------------------------------- */

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void read_tensors(const char *component, int share)
{
    char name[256], line[512];
    FILE *file;
    int i = 0;

    snprintf(name, sizeof(name), "examples/sdxl/%s.tsv", component);
    file = fopen(name, "r");
    if (file == NULL) {
        perror(name);
        exit(1);
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        char *dims = strrchr(line, '\t');
        size_t bytes = 2; /* all are F16 */

        if (line[0] == '#' || dims == NULL || i++ % share != 0 ||
            n_tensors == MAX_TENSORS) {
            continue;
        }
        for (dims++; *dims >= '0' && *dims <= '9'; dims += *dims == 'x') {
            bytes *= strtoull(dims, &dims, 10);
        }
        tensors[n_tensors++].bytes = bytes;
    }
    fclose(file);
}

static void *must(void *block)
{
    if (block == NULL) {
        fprintf(stderr, "bench: no memory\n");
        exit(1);
    }
    return block;
}

/* Bytes of whole pages in the block that nothing has touched, if the block is
 * one that an alias may lie in: under glibc a mapped one, elsewhere one at the
 * place in a page that it had at the first unload. */
static size_t mappable(const struct tensor *tensor, bool is_glibc)
{
    static uint64_t entries[1 << 16];
    static int pagemap = -1;
    uintptr_t start = ((uintptr_t)tensor->block + PAGE - 1) & -(uintptr_t)PAGE;
    uintptr_t end = ((uintptr_t)tensor->block + tensor->bytes) &
                    -(uintptr_t)PAGE;
    size_t n, i, n_untouched = 0;

    if (tensor->bytes < least || end <= start ||
        (is_glibc && (((size_t *)(void *)tensor->block)[-1] & 2) == 0) ||
        ((uintptr_t)tensor->block % PAGE) != tensor->phase) {
        return 0;
    }
    if (pagemap < 0) {
        pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    }
    n = (end - start) / PAGE;
    if (n > sizeof(entries) / sizeof(entries[0]) ||
        pread(pagemap, entries, n * 8, (off_t)(start / PAGE * 8)) !=
            (ssize_t)(n * 8)) {
        fprintf(stderr, "bench: cannot read the page map\n");
        exit(1);
    }
    for (i = 0; i < n; i++) {
        n_untouched += (entries[i] >> 62) == 0; /* not present, no swap */
    }
    return n_untouched * PAGE;
}

static void make_weights(void)
{
    int i;

    for (i = 0; i < n_tensors; i++) {
        tensors[i].block = must(way->allocate(tensors[i].bytes));
        memset(tensors[i].block, 1, tensors[i].bytes);
    }
}

static void load(void)
{
    int i;

    for (i = 0; i < n_tensors; i++) {
        if (tensors[i].bytes >= least) {
            is_weight_size[size_hash(tensors[i].bytes)] = true;
            csh_placement_expect(tensors[i].bytes);
        }
        free(tensors[i].block);
    }
}

/* Mappable bytes; the seconds spent allocating are added to *seconds_p. */
static size_t unload(bool is_first, bool is_glibc, double *seconds_p)
{
    size_t sum = 0;
    int i;

    for (i = 0; i < n_tensors; i++) {
        struct tensor *tensor = &tensors[i];
        double start = now();
        size_t bytes;

        tensor->block = must(way->allocate(tensor->bytes));
        *seconds_p += now() - start;
        if (is_first) {
            tensor->phase = (uintptr_t)tensor->block % PAGE;
        }
        if (tensor->bytes >= least) {
            csh_placement_expect(tensor->bytes);
        }
        bytes = mappable(tensor, is_glibc);
        sum += bytes;
        if (bytes < tensor->bytes / 2) {
            memset(tensor->block, 2, tensor->bytes);
        }
    }
    return sum;
}

static const size_t other_sizes[] = {256 << 10, 520 << 10, 1 << 20,
                                     (2 << 20) + 4096, 4 << 20, 8 << 20};
enum { N_SIZES = sizeof(other_sizes) / sizeof(other_sizes[0]) };

/* Buffers that come and go, half of them from malloc as numpy's and half as
 * torch's CPU operators have them; three live at a time. */
static double other_buffers(void *(*allocate)(size_t), size_t odd)
{
    void *live[3] = {NULL, NULL, NULL};
    double start = now();
    int i;

    for (i = 0; i < 90; i++) {
        size_t bytes = other_sizes[i % N_SIZES] + odd;

        free(live[i % 3]);
        live[i % 3] = must(allocate(bytes));
        memset(live[i % 3], i, bytes);
    }
    for (i = 0; i < 3; i++) {
        free(live[i]);
    }
    return now() - start;
}

static double growing(void)
{
    double start = now();
    size_t bytes = 65536, filled = 0;
    char *block = NULL;

    for (; bytes < (16 << 20); bytes += bytes / 2) {
        block = must(realloc(block, bytes));
        memset(block + filled, 3, bytes - filled);
        filled = bytes;
    }
    free(block);
    return now() - start;
}

/* The least of several rounds; the second places of the sum are noise. */
static void time_others(double seconds[3], int n_rounds)
{
    int i, round;

    for (round = 0; round < n_rounds; round++) {
        double taken[3] = {other_buffers(malloc, 0),
                           other_buffers(way->allocate, 128), growing()};

        for (i = 0; i < 3; i++) {
            if (round == 0 || taken[i] < seconds[i]) {
                seconds[i] = taken[i];
            }
        }
    }
}

struct result {
    double percent[N_CYCLES], microseconds, others[3];
};

static void *run_program(void *result_p)
{
    void *malloc_of_libc = dlsym(dlopen("libc.so.6", RTLD_NOW), "malloc");
    bool is_glibc = malloc_of_libc == dlsym(RTLD_DEFAULT, "malloc");
    struct result *result = result_p;
    double seconds = 0, ignored[3];
    size_t total = 0;
    int i, n_big = 0;

    for (i = 0; i < n_tensors; i++) {
        total += tensors[i].bytes;
        n_big += tensors[i].bytes >= least;
    }
    reach(AT_START);
    time_others(ignored, 1);
    make_weights();
    reach(AT_FIRST_CUDA);
    for (i = 0; i < N_CYCLES; i++) {
        load();
        time_others(result->others, i == N_CYCLES - 1 ? N_ROUNDS : 1);
        if (i == 0) {
            reach(AT_FIRST_UNLOAD);
        }
        result->percent[i] = 100.0 *
                             (double)unload(i == 0, is_glibc, &seconds) /
                             (double)total;
    }
    result->microseconds = seconds * 1e6 / N_CYCLES / n_big;
    return NULL;
}

/* ---- processes ---------------------------------------------------------- */

static int child(const char *name)
{
    const char *share = getenv("BENCH_SHARE");
    struct result result = {.microseconds = 0};
    const char *const components[] = {"text_encoder", "text_encoder_2", "unet",
                                      "vae"};
    pthread_t thread;
    size_t i;

    for (i = 0; i < 4; i++) {
        read_tensors(components[i], share == NULL ? 32 : atoi(share));
    }
    for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(ways[i].name, name) == 0) {
            way = &ways[i];
        }
    }
    if (getenv("BENCH_THREAD") == NULL) {
        run_program(&result);
    } else if (pthread_create(&thread, NULL, run_program, &result) != 0 ||
               pthread_join(thread, NULL) != 0) {
        return 1;
    }
    printf("%f %f %f %f %e %e %e\n", result.percent[0], result.percent[1],
           result.percent[2], result.microseconds, result.others[0],
           result.others[1], result.others[2]);
    return fflush(stdout) == 0 ? 0 : 1;
}

/* One way in a process of its own, with this LD_PRELOAD. */
static struct result measure(const char *name, const char *preload)
{
    struct result result = {.microseconds = 0};
    char command[4096], self[2048];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    FILE *pipe;
    int n_read;

    self[n < 0 ? 0 : n] = '\0';
    snprintf(command, sizeof(command), "LD_PRELOAD=%s exec '%s' %s", preload,
             self, name);
    pipe = popen(command, "r");
    n_read = pipe == NULL
                 ? 0
                 : fscanf(pipe, "%lf %lf %lf %lf %lf %lf %lf",
                          &result.percent[0], &result.percent[1],
                          &result.percent[2], &result.microseconds,
                          &result.others[0], &result.others[1],
                          &result.others[2]);
    if (pipe == NULL || pclose(pipe) != 0 || n_read != 7) {
        fprintf(stderr, "bench: %s did not end well\n", name);
        exit(1);
    }
    return result;
}

static void print(const char *what, const char *name, double value,
                  const char *unit)
{
    char text[128];

    snprintf(text, sizeof(text), "%s_%s_%s", what, name, unit);
    bench_print(text, value, unit);
}

static double mean_percent(const struct result *result)
{
    return (result->percent[0] + result->percent[1] + result->percent[2]) / 3;
}

static void compare_ways(void)
{
    struct result base = measure("default", "");
    size_t i;

    for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct result result = measure(ways[i].name, "");
        const double *others = result.others;

        print("sdxl_bytes_mapped", ways[i].name, mean_percent(&result),
              "percent");
        print("allocation", ways[i].name, result.microseconds, "us");
        print("buffers", ways[i].name, others[0] / base.others[0], "ratio");
        print("temporaries", ways[i].name, others[1] / base.others[1],
              "ratio");
        print("growth", ways[i].name, others[2] / base.others[2], "ratio");
    }
}

/* The dynamic linker goes on without what it cannot preload. */
static bool is_installed(const char *library)
{
    char command[256];

    snprintf(command, sizeof(command),
             "LD_PRELOAD=%s true 2>&1 | grep -q preload", library);
    return system(command) != 0;
}

static void compare_allocators(void)
{
    static const char *const libraries[][2] = {
        {"tcmalloc", "libtcmalloc_minimal.so.4"},
        {"mimalloc", "libmimalloc.so.2.0"},
        {"jemalloc", "libjemalloc.so.2"},
    };
    size_t i;

    for (i = 0; i < 3; i++) {
        struct result result;

        if (!is_installed(libraries[i][1])) {
            fprintf(stderr, "bench: %s is not installed\n", libraries[i][1]);
            continue;
        }
        result = measure("default", libraries[i][1]);
        /* What is mapped there: bench_sdxl_unload_host. */
        print("sdxl_bytes_untouched", libraries[i][0], mean_percent(&result),
              "percent");
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        return child(argv[1]);
    }
    compare_ways();
    compare_allocators();
    return 0;
}
