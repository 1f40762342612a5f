/*
 * weight.c - see weight.h. Owns the table of further entries.
 */
#include "weight.h"

#include <dlfcn.h>
#include <link.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define TIME_LIMIT_S 100

struct weight_driver more;

static void *libcuda(void)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);

    CHECK(library != NULL);
    return library;
}

static void *find(const char *symbol)
{
    void *entry = dlsym(libcuda(), symbol);

    if (entry == NULL) {
        program_fail(__FILE__, __LINE__, "no %s in the driver", symbol);
    }
    return entry;
}

static void find_more(void)
{
#define WEIGHT_X(symbol_, pfn_) more.symbol_ = (pfn_)find(#symbol_);
    WEIGHT_CALLS(WEIGHT_X)
#undef WEIGHT_X
    *(void **)&more.simcuda_set_faults = find("simcuda_set_faults");
    *(void **)&more.simcuda_on_call = find("simcuda_on_call");
    *(void **)&more.simcuda_break = find("simcuda_break");
    *(void **)&more.simcuda_peek = find("simcuda_peek");
    *(void **)&more.simcuda_counters_reset = find("simcuda_counters_reset");
    *(void **)&more.simcuda_take_elsewhere = find("simcuda_take_elsewhere");
}

static const void *dynamic_table(const struct link_map *map, ElfW(Sxword) tag)
{
    const ElfW(Dyn) *entry = map->l_ld;

    while (entry->d_tag != tag) {
        CHECK(entry->d_tag != DT_NULL);
        entry++;
    }
    return (const void *)entry->d_un.d_ptr; /* relocated by glibc */
}

/* Goes through the library's own symbols: a look-up might be answered by the
 * shim. The hash table of the GNU kind has 4 words of sizes, the Bloom filter,
 * the buckets, and a word a symbol whose lowest bit ends a chain. */
void *unseen(const char *symbol)
{
    struct link_map *map;
    const ElfW(Sym) *symbols;
    const uint32_t *hash, *buckets, *chains;
    const char *strings;
    uint32_t bucket, i;

    CHECK_EQUAL(dlinfo(libcuda(), RTLD_DI_LINKMAP, &map), 0);
    symbols = dynamic_table(map, DT_SYMTAB);
    strings = dynamic_table(map, DT_STRTAB);
    hash = dynamic_table(map, DT_GNU_HASH);
    buckets = hash + 4 + hash[2] * (sizeof(ElfW(Addr)) / sizeof(*hash));
    chains = buckets + hash[0];
    for (bucket = 0; bucket < hash[0]; bucket++) {
        for (i = buckets[bucket]; i >= hash[1]; i++) {
            if (strcmp(strings + symbols[i].st_name, symbol) == 0) {
                return (void *)(map->l_addr + symbols[i].st_value);
            }
            if ((chains[i - hash[1]] & 1) != 0) {
                break;
            }
        }
    }
    program_fail(__FILE__, __LINE__, "no %s in the driver", symbol);
}

/* Memory that no offload ever goes to: what is uploaded from an address that
 * one went to before is captured at once. Kept, and only ever made larger. */
static void *source(size_t bytes)
{
    static void *kept;
    static size_t kept_bytes;

    if (bytes > kept_bytes) {
        kept = fresh(bytes);
        kept_bytes = bytes;
    }
    return kept;
}

struct weight uploaded(size_t bytes, uint32_t seed, CUstream stream)
{
    struct weight weight = {.bytes = bytes, .seed = seed};
    void *src = source(bytes);

    fill(src, bytes, seed);
    OK(cu.cuMemAlloc_v2(&weight.device, bytes));
    REACHES(h2d, bytes, bytes, upload(weight.device, src, bytes, stream));
    return weight;
}

struct weight learned(size_t bytes, uint32_t seed, CUstream stream)
{
    struct weight weight = uploaded(bytes, seed, stream);

    weight.host = fresh(bytes);
    REACHES(d2h, bytes, bytes,
            offload(weight.host, weight.device, bytes, stream));
    CHECK(holds(weight.host, bytes, seed));
    return weight;
}

void offload_expecting(const struct weight *weight, uint64_t wanted,
                       CUstream stream)
{
    void *host = fresh(weight->bytes);

    REACHES(d2h, wanted, weight->bytes,
            offload(host, weight->device, weight->bytes, stream));
    CHECK(holds(host, weight->bytes, weight->seed));
    free(host);
}

static void check_changed(uint8_t *host, const struct weight *weight,
                          size_t at, size_t n, uint8_t value)
{
    uint8_t *want = fresh(weight->bytes);

    fill(want, weight->bytes, weight->seed);
    memset(want + at, value, n);
    CHECK(memcmp(host, want, weight->bytes) == 0);
    free(want);
}

void known_expecting(const struct weight *weight, size_t at, size_t n,
                     uint8_t value, CUstream stream)
{
    uint8_t *host = fresh(weight->bytes);

    REACHES(d2h, 0, weight->bytes,
            offload(host, weight->device, weight->bytes, stream));
    check_changed(host, weight, at, n, value);
    free(host);
}

void changed_expecting(const struct weight *weight, size_t at, size_t n,
                       uint8_t value, CUstream stream)
{
    uint8_t *host = fresh(weight->bytes);

    REACHES(d2h, weight->bytes, weight->bytes,
            offload(host, weight->device, weight->bytes, stream));
    check_changed(host, weight, at, n, value);
    free(host);
    known_expecting(weight, at, n, value, stream);
}

bool device_holds(CUdeviceptr device, size_t bytes, uint32_t seed)
{
    void *seen = fresh(bytes);
    bool is_right;

    OK(more.simcuda_peek(seen, device, bytes));
    is_right = holds(seen, bytes, seed);
    free(seen);
    return is_right;
}

CUstream new_stream(unsigned flags)
{
    CUstream stream;

    OK(cu.cuStreamCreate(&stream, flags));
    return stream;
}

void *pinned(size_t bytes)
{
    void *memory;

    OK(cu.cuMemHostAlloc(&memory, bytes, CU_MEMHOSTALLOC_DEVICEMAP));
    memset(memory, 0, bytes);
    return memory;
}

void hold_back(CUstream stream, uint32_t *flag)
{
    OK(more.cuStreamWaitValue32_v2(stream, (CUdeviceptr)(uintptr_t)flag, 1,
                                   CU_STREAM_WAIT_VALUE_EQ));
}

void release(uint32_t *flag)
{
    __atomic_store_n(flag, 1, __ATOMIC_RELEASE);
}

static void *release_later(void *flag)
{
    const struct timespec moment = {0, 50000000};

    nanosleep(&moment, NULL);
    release(flag);
    return NULL;
}

pthread_t release_soon(uint32_t *flag)
{
    pthread_t thread;

    CHECK_EQUAL(pthread_create(&thread, NULL, release_later, flag), 0);
    return thread;
}

void join(pthread_t thread)
{
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
}

void forbid(int number, unsigned action)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(steps) / sizeof(steps[0]), steps};

    CHECK_EQUAL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQUAL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void make_settings(const char *settings)
{
    char *rest = strdup(settings != NULL ? settings : ""), *item;

    CHECK(rest != NULL);
    while ((item = strsep(&rest, " ")) != NULL) {
        CHECK_EQUAL(*item != '\0' ? putenv(item) : 0, 0); /* keeps it */
    }
}

int negative_main(int argc, char **argv, const struct negative *negatives,
                  size_t count)
{
    bool lists = argc == 2 && strcmp(argv[1], "--list") == 0;
    size_t i;

    for (i = 0; i < count; i++) {
        if (lists) {
            puts(negatives[i].name);
        } else if (argc == 2 && strcmp(argv[1], negatives[i].name) == 0) {
            alarm(TIME_LIMIT_S);
            make_settings(negatives[i].settings);
            program_start();
            find_more();
            negatives[i].run();
            return 0;
        }
    }
    if (lists) {
        return 0;
    }
    fprintf(stderr, "usage: %s SCENARIO | --list\n", argv[0]);
    return 2;
}
