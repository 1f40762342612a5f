/*
 * bench_swap.c - one model, with the sizes of SDXL's tensors, that is loaded
 * and unloaded on demand: a worker of bench.py, which lets several take turns.
 *
 *     bench_swap WAY [--every N] [--dirty]
 *
 * WAY is how a program that knows nothing of the shim may do it:
 *   plain    Module.to(): one pageable copy and one wait for each tensor
 *   kept     keeps its copy in RAM, and only drops what is in VRAM
 *   pinned   the same, the copy being pinned, one wait for all
 *   flat     the same, all tensors in one pinned block, one copy
 *   floor    as plain, but only 16 bytes of each tensor are copied
 * VRAM is taken and freed as PyTorch's allocator does (swap_device.c). With
 * --every only each N-th tensor is used, with --dirty all of them are changed
 * in VRAM before each unload.
 *
 * Lines on stdin ask, and each is answered by a line of JSON: "c" for a cycle,
 * with its seconds and a digest of all bytes as the device had them; "h" for
 * the digest of what is in RAM; "t" touches all bytes there, by reading and by
 * writing. The end of stdin ends it.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "../../examples/swap_device.h"
#include "../../examples/swap_digest.h"

enum { MOST_TENSORS = 4096, FLOOR_BYTES = 16 };

enum way { PLAIN, KEPT, PINNED, FLAT, FLOOR };

struct tensor {
    uint64_t bytes;
    unsigned char *host;
    CUdeviceptr device;
};

struct host_calls {
    PFN_cuMemHostAlloc_v2020 allocate;
};

static struct tensor tensors[MOST_TENSORS];
static size_t n_tensors;
static uint64_t n_bytes;
static unsigned char *flat;
static CUdeviceptr flat_device, sum;
static struct swap_device device;

static double now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* Of this process, to tell waiting from working. */
struct instant {
    double wall, user, system;
};

static struct instant now_used(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (struct instant){
        now(),
        (double)used.ru_utime.tv_sec + (double)used.ru_utime.tv_usec / 1e6,
        (double)used.ru_stime.tv_sec + (double)used.ru_stime.tv_usec / 1e6};
}

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "bench_swap: %s\n", what);
    exit(1);
}

/* ---- the model ---- */

static uint64_t elements(const char *shape)
{
    uint64_t n = 1;
    char *end;

    do {
        n *= strtoull(shape, &end, 10);
        shape = end + 1;
    } while (*end == 'x');
    return n;
}

/* Those of a part of SDXL, every `every`-th. */
static void read_part(const char *name, size_t every)
{
    const char *top = getenv("CSH_SRC");
    char path[4096], line[512], type[16], shape[64];
    static size_t n_seen;
    FILE *file;

    snprintf(path, sizeof(path), "%s/examples/sdxl/%s.tsv",
             top != NULL ? top : ".", name);
    file = fopen(path, "r");
    if (file == NULL) {
        fail(path);
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        if (line[0] == '#' ||
            sscanf(line, "%*s %15s %63s", type, shape) != 2 ||
            n_seen++ % every != 0) {
            continue;
        }
        if (n_tensors == MOST_TENSORS) {
            fail("too many tensors");
        }
        tensors[n_tensors].bytes =
            elements(shape) * (strcmp(type, "F16") == 0 ? 2 : 4);
        n_bytes += (tensors[n_tensors].bytes + 63) / 64 * 64;
        n_tensors++;
    }
    fclose(file);
}

static void *pinned(uint64_t bytes)
{
    static struct host_calls calls;
    CUdriverProcAddressQueryResult found;
    void *memory = NULL;

    if (calls.allocate == NULL) {
        void *library = dlopen("libcuda.so.1", RTLD_NOW);
        PFN_cuGetProcAddress_v12000 resolve =
            (PFN_cuGetProcAddress_v12000)dlsym(library,
                                               "cuGetProcAddress_v2");

        if (resolve == NULL ||
            resolve("cuMemHostAlloc", (void **)&calls.allocate, 2020, 0,
                    &found) != CUDA_SUCCESS) {
            fail("no cuMemHostAlloc");
        }
    }
    if (calls.allocate(&memory, bytes, 0) != CUDA_SUCCESS) {
        fail("cuMemHostAlloc");
    }
    return memory;
}

static void *pageable(uint64_t bytes)
{
    void *memory = NULL;

    if (posix_memalign(&memory, 64, bytes) != 0) {
        fail("posix_memalign");
    }
    return memory;
}

/* No two tensors alike: equal ones would share a shadow. */
static void fill(unsigned char *bytes, uint64_t n, uint64_t seed)
{
    uint64_t state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15), i;

    for (i = 0; i + 8 <= n; i += 8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        memcpy(bytes + i, &state, 8);
    }
    memset(bytes + i, (int)(seed & 0xff), n - i);
}

static void make_model(enum way way, size_t every)
{
    uint64_t at = 0;
    size_t i;

    read_part("text_encoder", every);
    read_part("text_encoder_2", every);
    read_part("unet", every);
    read_part("vae", every);
    if (way == FLAT) {
        flat = pinned(n_bytes);
    }
    for (i = 0; i < n_tensors; i++) {
        struct tensor *tensor = &tensors[i];

        tensor->host = way == FLAT     ? flat + at
                       : way == PINNED ? pinned(tensor->bytes)
                                       : pageable(tensor->bytes);
        at += (tensor->bytes + 63) / 64 * 64;
        fill(tensor->host, tensor->bytes, i);
    }
}

/* ---- a cycle ---- */

static uint64_t copied(enum way way, const struct tensor *tensor)
{
    return way == FLOOR && tensor->bytes > FLOOR_BYTES ? FLOOR_BYTES
                                                       : tensor->bytes;
}

static void load(enum way way)
{
    size_t i;

    if (way == FLAT) {
        flat_device = swap_device_take(&device, n_bytes);
        swap_call(&device.driver, cuMemcpyHtoDAsync_v2, flat_device, flat,
                  n_bytes, NULL);
    }
    for (i = 0; i < n_tensors; i++) {
        struct tensor *tensor = &tensors[i];

        if (way == FLAT) {
            tensor->device =
                flat_device + (CUdeviceptr)(tensor->host - flat);
            continue;
        }
        tensor->device = swap_device_take(&device, tensor->bytes);
        if (way == PINNED) {
            swap_call(&device.driver, cuMemcpyHtoDAsync_v2, tensor->device,
                      tensor->host, tensor->bytes, NULL);
        } else {
            swap_device_upload(&device, tensor->device, tensor->host,
                               copied(way, tensor));
        }
    }
    swap_call(&device.driver, cuStreamSynchronize, NULL);
}

static void unload(enum way way)
{
    size_t i;

    for (i = 0; (way == PLAIN || way == FLOOR) && i < n_tensors; i++) {
        struct tensor *tensor = &tensors[i];
        unsigned char *fresh = pageable(tensor->bytes);

        swap_device_download(&device, fresh, tensor->device,
                             copied(way, tensor));
        free(tensor->host);
        tensor->host = fresh;
    }
}

static uint64_t digest(void)
{
    uint64_t value = 0;
    size_t i;

    swap_device_upload(&device, sum, &value, sizeof(value));
    for (i = 0; i < n_tensors; i++) {
        swap_device_digest(&device, sum, tensors[i].device,
                           tensors[i].bytes);
    }
    swap_device_download(&device, &value, sum, sizeof(value));
    return value;
}

static void change_all(uint32_t value)
{
    size_t i;

    for (i = 0; i < n_tensors; i++) {
        swap_device_xor(&device, tensors[i].device, value,
                        tensors[i].bytes >= 4 ? 1 : 0);
    }
    swap_call(&device.driver, cuStreamSynchronize, NULL);
}

static uint64_t host_digest(void)
{
    uint64_t value = 0;
    size_t i;

    for (i = 0; i < n_tensors; i++) {
        value += swap_digest(tensors[i].host, tensors[i].bytes);
    }
    return value;
}

/* What a program that looks at its weights pays, or that writes them. */
static double touch_all(bool by_writing)
{
    double start = now();
    volatile unsigned char seen = 0;
    uint64_t at;
    size_t i;

    for (i = 0; i < n_tensors; i++) {
        volatile unsigned char *host = tensors[i].host;

        for (at = 0; at < tensors[i].bytes; at += 4096) {
            seen = host[at];
            if (by_writing) {
                host[at] = seen;
            }
        }
    }
    return now() - start;
}

static void say_span(const char *name, struct instant from, struct instant to)
{
    printf("\"%s_s\": %.6f, \"%s_user_s\": %.6f, \"%s_system_s\": %.6f, ",
           name, to.wall - from.wall, name, to.user - from.user, name,
           to.system - from.system);
}

static void cycle(enum way way, bool dirty, uint32_t number)
{
    struct instant start = now_used(), loaded, computed, unloaded;
    uint64_t value;
    double freed;

    load(way);
    loaded = now_used();
    value = digest();
    if (dirty) {
        change_all(number | 1);
    }
    computed = now_used();
    unload(way);
    unloaded = now_used();
    sum = 0;
    swap_device_empty(&device);
    freed = now();
    printf("{");
    say_span("load", start, loaded);
    say_span("unload", computed, unloaded);
    printf("\"free_s\": %.6f, \"digest\": \"%016" PRIx64 "\"}\n",
           freed - unloaded.wall, value);
}

static void answer(char word, enum way way, bool dirty)
{
    static uint32_t n_cycles;
    double by_reading;

    switch (word) {
    case 'c':
        sum = swap_device_take(&device, 512);
        cycle(way, dirty, ++n_cycles * 2654435761u);
        break;
    case 'h':
        printf("{\"digest\": \"%016" PRIx64 "\"}\n", host_digest());
        break;
    case 't':
        by_reading = touch_all(false);
        printf("{\"touch_read_s\": %.6f, \"touch_write_s\": %.6f}\n",
               by_reading, touch_all(true));
        break;
    default:
        fail("no such request");
    }
    fflush(stdout);
}

static enum way parse_way(const char *text)
{
    static const char *const names[] = {"plain", "kept", "pinned", "flat",
                                         "floor"};
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], text) == 0) {
            return (enum way)i;
        }
    }
    fail("no such way");
}

int main(int argc, char **argv)
{
    size_t every = 1;
    bool dirty = false;
    char line[16];
    enum way way;
    int i;

    if (argc < 2) {
        fail("usage: bench_swap plain|kept|pinned|flat|floor [--every N] "
             "[--dirty]");
    }
    way = parse_way(argv[1]);
    for (i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--dirty") == 0) {
            dirty = true;
        } else if (strcmp(argv[i], "--every") == 0 && i + 1 < argc) {
            every = strtoull(argv[++i], NULL, 10);
        }
    }
    if (!swap_device_open(&device)) {
        return 77;
    }
    make_model(way, every > 0 ? every : 1);
    printf("{\"bytes\": %" PRIu64 ", \"tensors\": %zu, \"device\": \"%s\"}\n",
           n_bytes, n_tensors, device.name);
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        answer(line[0], way, dirty);
    }
    return 0;
}
