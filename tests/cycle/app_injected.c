/*
 * app_injected.c - lives of weights in programs that know no shim: all that is
 * asserted is what the program itself sees, so the same holds without the
 * shim, and with one whose calls fail (tests/preload/injected.tap). Prints a
 * digest of what it was given.
 *
 * Model files are made in the folder INJECTED_FOLDER, once.
 */
#include "injected.h"
#include "weight.h"

#include <cushadow.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_WEIGHTS 4
#define N_CROWD 330 /* more than a hash table holds before it grows */
#define ERRNO_BEFORE EXDEV /* nobody here sets it */

static uint64_t digest = 0xCBF29CE484222325ull;

static void digest_bytes(const uint8_t *bytes, size_t n)
{
    size_t i;

    for (i = 0; i < n; i += 61) {
        digest = (digest ^ bytes[i]) * 0x100000001B3ull;
    }
}

/* Whether it is what fill() makes of seed; the latest few are kept. */
static bool same(const void *memory, size_t bytes, uint32_t seed)
{
    static struct {
        uint8_t *bytes;
        size_t n;
        uint32_t seed;
    } kept[16];
    size_t i = seed % 16;

    if (kept[i].seed != seed || kept[i].n < bytes) {
        free(kept[i].bytes);
        kept[i].bytes = fresh(bytes);
        kept[i].seed = seed;
        kept[i].n = bytes;
        fill(kept[i].bytes, bytes, seed);
    }
    return memcmp(memory, kept[i].bytes, bytes) == 0;
}

static bool device_is(CUdeviceptr device, size_t bytes, uint32_t seed)
{
    void *seen = fresh(bytes);
    bool is_right;

    OK(more.simcuda_peek(seen, device, bytes));
    is_right = same(seen, bytes, seed);
    free(seen);
    return is_right;
}

/* --- one copy, and what the program has after it ------------------------- */

static void load(struct weight *weight, CUstream stream)
{
    errno = ERRNO_BEFORE;
    upload(weight->device, weight->host, weight->bytes, stream);
    CHECK_EQUAL(errno, ERRNO_BEFORE);
    CHECK(same(weight->host, weight->bytes, weight->seed));
    CHECK(device_is(weight->device, weight->bytes, weight->seed));
}

static void unload(struct weight *weight, CUstream stream)
{
    uint8_t *host = fresh(weight->bytes);

    errno = ERRNO_BEFORE;
    offload(host, weight->device, weight->bytes, stream);
    CHECK_EQUAL(errno, ERRNO_BEFORE);
    CHECK(same(host, weight->bytes, weight->seed));
    digest_bytes(host, weight->bytes);
    free(weight->host);
    weight->host = host;
}

static void leave(struct weight *weight)
{
    errno = ERRNO_BEFORE;
    OK(cu.cuMemFree_v2(weight->device));
    CHECK_EQUAL(errno, ERRNO_BEFORE);
}

static void enter(struct weight *weight)
{
    errno = ERRNO_BEFORE;
    OK(cu.cuMemAlloc_v2(&weight->device, weight->bytes));
    CHECK_EQUAL(errno, ERRNO_BEFORE);
}

static struct weight made(size_t bytes, uint32_t seed)
{
    struct weight weight = {.host = fresh(bytes), .bytes = bytes,
                            .seed = seed};

    fill(weight.host, bytes, seed);
    enter(&weight);
    load(&weight, NULL);
    return weight;
}

static void cycle(struct weight *weight, CUstream stream)
{
    unload(weight, stream);
    leave(weight);
    enter(weight);
    load(weight, stream);
}

/* --- what may become of a weight ----------------------------------------- */

static void patch_in_vram(struct weight *weight)
{
    fill(weight->host, weight->bytes, ++weight->seed);
    cu.simcuda_poke(weight->device, weight->host, weight->bytes);
    unload(weight, NULL);
    unload(weight, NULL);
}

/* The bytes around one place, which stay what they are in the others. */
static void patch_in_ram(struct weight *weight)
{
    fill(weight->host, weight->bytes, ++weight->seed);
    load(weight, NULL);
    unload(weight, NULL);
    weight->host[weight->bytes / 2] ^= 1;
    upload(weight->device, weight->host, weight->bytes, NULL);
    CHECK(!device_is(weight->device, weight->bytes, weight->seed));
    weight->host[weight->bytes / 2] ^= 1;
    load(weight, NULL);
}

static void in_parts(struct weight *weight)
{
    uint8_t *host = fresh(weight->bytes);
    size_t half = weight->bytes / 2;

    offload(host, weight->device, half, NULL);
    offload(host + half, weight->device + half, weight->bytes - half, NULL);
    CHECK(same(host, weight->bytes, weight->seed));
    free(host);
}

/* What a program may ask of its own memory. */
static void as_memory(struct weight *weight)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uint8_t *first;
    pid_t child;
    int status;

    unload(weight, NULL);
    first = (uint8_t *)(((uintptr_t)weight->host + page - 1) & ~(page - 1));
    CHECK_EQUAL(mprotect(first, 2 * page, PROT_READ), 0);
    CHECK(same(weight->host, weight->bytes, weight->seed));
    CHECK_EQUAL(mprotect(first, 2 * page, PROT_READ | PROT_WRITE), 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        memset(weight->host, 1, weight->bytes);
        _exit(weight->host[weight->bytes - 1] == 1 ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(same(weight->host, weight->bytes, weight->seed));
    if (mlock(first, page) == 0) {
        CHECK_EQUAL(munlock(first, page), 0);
    }
    load(weight, NULL);
    /* Refused where the alias could not be made anonymous memory. */
    (void)madvise(first, 2 * page, MADV_WIPEONFORK);
    CHECK(same(weight->host, weight->bytes, weight->seed));
    (void)madvise(first, 2 * page, MADV_KEEPONFORK);
    load(weight, NULL);
    unload(weight, NULL);
    weight->host = realloc(weight->host, weight->bytes + MIB);
    CHECK(weight->host != NULL);
    load(weight, NULL);
    unload(weight, NULL);
    first = (uint8_t *)(((uintptr_t)weight->host + page - 1) & ~(page - 1));
    CHECK_EQUAL(madvise(first, 4 * page, MADV_DONTNEED), 0);
    CHECK(first[0] == 0 && first[4 * page - 1] == 0);
    fill(weight->host, weight->bytes, weight->seed);
    load(weight, NULL);
}

/* --- the lives ----------------------------------------------------------- */

static void many_lives(void)
{
    static const size_t sizes[N_WEIGHTS] = {300 * KIB + 192, 2 * MIB,
                                            160 * KIB + 40, 80 * KIB};
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight weights[N_WEIGHTS];
    int i, round;

    for (i = 0; i < N_WEIGHTS; i++) {
        weights[i] = made(sizes[i], 10 * (uint32_t)i);
    }
    for (round = 0; round < 3; round++) {
        for (i = 0; i < N_WEIGHTS; i++) {
            unload(&weights[i], round == 1 ? stream : NULL);
        }
        for (i = 0; i < N_WEIGHTS; i++) {
            leave(&weights[i]);
        }
        for (i = 0; i < N_WEIGHTS; i++) {
            enter(&weights[(i + round) % N_WEIGHTS]);
            load(&weights[(i + round) % N_WEIGHTS], round == 1 ? stream : NULL);
        }
    }
    for (i = 0; i < N_WEIGHTS; i++) {
        patch_in_vram(&weights[i]);
        cycle(&weights[i], NULL);
        patch_in_ram(&weights[i]);
        cycle(&weights[i], stream);
        in_parts(&weights[i]);
        spoil(weights[i].device);
        load(&weights[i], NULL);
    }
    as_memory(&weights[1]);
    OK(cu.cuStreamDestroy_v2(stream));
    for (i = 0; i < N_WEIGHTS; i++) {
        unload(&weights[i], NULL);
        leave(&weights[i]);
        free(weights[i].host);
    }
}

/* Kept in RAM and loaded again and again, from the same memory. */
static void kept_in_ram(void)
{
    struct weight weights[] = {made(300 * KIB + 192, 1), made(3 * MIB, 2)};
    int i, round;

    for (round = 0; round < 3; round++) {
        for (i = 0; i < 2; i++) {
            spoil(weights[i].device);
            load(&weights[i], NULL);
        }
    }
    for (i = 0; i < 2; i++) {
        weights[i].host[0] ^= 1;
        upload(weights[i].device, weights[i].host, weights[i].bytes, NULL);
        weights[i].host[0] ^= 1;
        load(&weights[i], NULL);
        cycle(&weights[i], NULL);
        leave(&weights[i]);
        free(weights[i].host);
    }
}

/* Uploaded from a mapping of the file, or from memory it was read into. */
static void from_a_file(void)
{
    int fd = open(getenv("INJECTED_MODEL"), O_RDONLY | O_CLOEXEC), i, mapped;
    off_t end = lseek(fd, 0, SEEK_END);
    size_t at = (size_t)end - N_TENSORS * TENSOR;
    uint8_t *file = mmap(NULL, (size_t)end, PROT_READ, MAP_PRIVATE, fd, 0);
    struct weight weight = {.bytes = TENSOR};

    CHECK(fd >= 0 && file != MAP_FAILED);
    for (mapped = 1; mapped >= 0; mapped--) {
        for (i = 0; i < N_TENSORS; i++) {
            const uint8_t *from = file + at + (size_t)i * TENSOR;
            uint8_t *copy = fresh(TENSOR);

            memcpy(copy, from, TENSOR);
            weight.seed = 100 + (uint32_t)i;
            weight.host = NULL;
            enter(&weight);
            upload(weight.device, mapped ? from : copy, TENSOR, NULL);
            free(copy);
            CHECK(device_is(weight.device, TENSOR, weight.seed));
            unload(&weight, NULL);
            cycle(&weight, NULL);
            leave(&weight);
            free(weight.host);
        }
    }
    CHECK_EQUAL(munmap(file, (size_t)end), 0);
    CHECK_EQUAL(close(fd), 0);
}

/* Several weights of equal bytes, some of them from the same memory. */
static void equal_bytes(void)
{
    struct weight weights[] = {made(160 * KIB, 7), made(160 * KIB, 7),
                               made(160 * KIB, 8), made(160 * KIB, 7)};
    int i, round;

    for (round = 0; round < 2; round++) {
        for (i = 0; i < 4; i++) {
            cycle(&weights[i], NULL);
        }
    }
    for (i = 0; i < 4; i++) {
        patch_in_ram(&weights[i]);
        unload(&weights[i], NULL);
        leave(&weights[i]);
        free(weights[i].host);
    }
}

/* More of them than there may be shadows of, and in bursts. */
static void too_many(void)
{
    struct weight weights[8];
    int i, round;

    for (i = 0; i < 8; i++) {
        weights[i] = made(192 * KIB + 64 * (size_t)i, 200 + (uint32_t)i);
    }
    for (round = 0; round < 2; round++) {
        for (i = 0; i < 8; i++) {
            unload(&weights[i], NULL);
        }
        for (i = 0; i < 8; i++) {
            leave(&weights[i]);
        }
        for (i = 0; i < 8; i++) {
            enter(&weights[i]);
            load(&weights[i], NULL);
        }
    }
    for (i = 0; i < 8; i++) {
        leave(&weights[i]);
        free(weights[i].host);
    }
}

/* So many that every table grows, and each with a name where the shim is there
 * to be told. */
static void crowd(void)
{
    static struct weight weights[N_CROWD];
    char name[32];
    int i;

    for (i = 0; i < N_CROWD; i++) {
        struct weight *weight = &weights[i];

        *weight = (struct weight){0, fresh(64 * KIB), 64 * KIB,
                                  300 + (uint32_t)i};
        fill(weight->host, weight->bytes, weight->seed);
        enter(weight);
        snprintf(name, sizeof(name), "weight %d", i);
        /* Memory may be short, and then it has no name. */
        (void)cushadow_register_device(weight->device, weight->bytes,
                                       "a crowd", name, 0);
        load(weight, NULL);
        unload(weight, NULL);
    }
    for (i = 0; i < N_CROWD; i++) {
        leave(&weights[i]);
    }
    for (i = 0; i < N_CROWD; i++) {
        enter(&weights[i]);
        load(&weights[i], NULL);
        free(weights[i].host);
    }
}

/* In memory of the program's own mapping. */
static void mapped(void)
{
    const CUmemAllocationProp properties = {
        .type = CU_MEM_ALLOCATION_TYPE_PINNED,
        .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = 0},
    };
    const CUmemAccessDesc access = {properties.location,
                                    CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
    CUmemGenericAllocationHandle handle;
    struct weight weight = {.host = fresh(2 * MIB), .bytes = 2 * MIB,
                            .seed = 50};
    int round;

    fill(weight.host, weight.bytes, weight.seed);
    OK(more.cuMemAddressReserve(&weight.device, 2 * MIB, 0, 0, 0));
    OK(more.cuMemCreate(&handle, 2 * MIB, &properties, 0));
    for (round = 0; round < 3; round++) {
        OK(more.cuMemMap(weight.device, 2 * MIB, 0, handle, 0));
        OK(more.cuMemSetAccess(weight.device, 2 * MIB, &access, 1));
        load(&weight, NULL);
        unload(&weight, NULL);
        unload(&weight, NULL);
        OK(more.cuMemUnmap(weight.device, 2 * MIB));
    }
    OK(more.cuMemRelease(handle));
    free(weight.host);
}

#define ALL "CUSHADOW_MIN_BYTES=64K CUSHADOW_THREADS=3 "

static const struct negative lives[] = {
    {"many_lives", many_lives, ALL "CUSHADOW_VRAM_KEEP=80%"},
    {"many_lives_copied", many_lives, ALL "CUSHADOW_HOST=copy "
                                          "CUSHADOW_THREADS=1"},
    {"kept_in_ram", kept_in_ram, ALL "CUSHADOW_WEIGHTS=all CUSHADOW_ADOPT=1"},
    {"captured_in_the_background", kept_in_ram,
     ALL "CUSHADOW_WEIGHTS=all CUSHADOW_CAPTURE=background"},
    {"trusted", from_a_file, ALL "CUSHADOW_MODE=trust"},
    {"from_a_file", from_a_file, ALL "CUSHADOW_TRACE_LIMIT=64K"},
    {"from_a_folder", from_a_file, ALL "CUSHADOW_CAPTURE=offload"},
    {"from_gguf", from_a_file, "CUSHADOW_THREADS=auto"},
    {"of_a_crowd", crowd, ALL "CUSHADOW_VRAM_KEEP=80%"},
    {"of_a_crowd_observed", crowd, ALL "CUSHADOW_MODE=observe"},
    {"mapped", mapped, ALL "CUSHADOW_COHORT=1"},
    {"of_equal_bytes", equal_bytes, ALL "CUSHADOW_WEIGHTS=min=64K,max=1M"},
    {"observed", equal_bytes, ALL "CUSHADOW_MODE=observe"},
    {"proven_in_bursts", too_many, ALL "CUSHADOW_COHORT=1"},
    {"without_room", too_many, ALL "CUSHADOW_RAM_LIMIT=1M"},
};

int main(int argc, char **argv)
{
    bool lives_one = argc == 2 && strcmp(argv[1], "--list") != 0;
    char weights[600];
    int status;

    if (lives_one) {
        const char *file = model_file(strcmp(argv[1], "from_gguf") == 0);

        setenv("INJECTED_MODEL", file, 1);
        if (strcmp(argv[1], "from_a_folder") == 0) {
            file = model_folder(file);
        }
        snprintf(weights, sizeof(weights),
                 "learn,file=*.gguf,manifest=%s", file);
        setenv("CUSHADOW_WEIGHTS", weights, 0);
    }
    status = negative_main(argc, argv, lives, sizeof(lives) / sizeof(*lives));
    if (status == 0 && lives_one) {
        printf("%016llx\n", (unsigned long long)digest);
    }
    return status;
}
