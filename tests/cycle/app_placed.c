/*
 * app_placed.c - where the blocks lie that a program's weights come back to,
 * cycle after cycle, and that they are ordinary blocks of its allocator.
 *
 *   app_placed cycles     prints the per cent of the bytes that came back to
 *                         blocks of their own mapping, at the place in a page
 *                         that is right for their size, and untouched
 *   app_placed threads    allocates in some threads and frees in others
 *   app_placed child      goes on allocating in a forked child
 */
#include "program.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_WEIGHTS = 48, N_CYCLES = 3 };

/* Those of SDXL's tensors, in an order that lets the heap recycle. */
static const size_t kinds[] = {3276800, 819200, 65536, 1638400,
                               73728,   2457600, 983040, 3276800};

static size_t size_of(int i)
{
    return kinds[(size_t)i % (sizeof(kinds) / sizeof(kinds[0]))];
}

/* Whether glibc's head of the block says that it is a mapping of its own.
 * Another allocator's block may have nothing mapped before it. */
static int is_own_mapping(const char *block)
{
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    size_t head = 0;
    ssize_t got;

    CHECK(memory >= 0);
    got = pread(memory, &head, sizeof(head),
                (off_t)((uintptr_t)block - sizeof(head)));
    close(memory);
    return got == (ssize_t)sizeof(head) && (head & 2) != 0;
}

/* Bytes of whole pages that are neither in RAM nor in swap; none where the
 * block is not a mapping of its own. */
static size_t untouched(const char *block, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 0;
    uintptr_t start = ((uintptr_t)block + page - 1) & -page;
    uintptr_t end = ((uintptr_t)block + bytes) & -page;
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

    CHECK(pagemap >= 0);
    if ((uintptr_t)block % page != (bytes % page == 0 ? 0 : 64) ||
        !is_own_mapping(block)) {
        end = start;
    }
    for (; start < end; start += page) {
        uint64_t entry;

        CHECK_EQUAL(pread(pagemap, &entry, 8, (off_t)(start / page * 8)), 8);
        n += (entry >> 62) == 0 ? page : 0;
    }
    close(pagemap);
    return n;
}

/* The program works on buffers of its own meanwhile. */
static void churn(void)
{
    size_t bytes;

    for (bytes = 300000; bytes < 20000000; bytes *= 2) {
        char *block = malloc(bytes);

        CHECK(block != NULL);
        memset(block, 1, bytes);
        free(block);
    }
}

static void make(CUdeviceptr *device, char **host)
{
    int i;

    churn();
    for (i = 0; i < N_WEIGHTS; i++) {
        OK(cu.cuMemAlloc_v2(&device[i], size_of(i)));
        host[i] = fresh(size_of(i));
        fill(host[i], size_of(i), (uint32_t)i);
    }
}

static void load(const CUdeviceptr *device, char **host)
{
    int i;

    for (i = 0; i < N_WEIGHTS; i++) {
        upload(device[i], host[i], size_of(i), NULL);
        free(host[i]);
        host[i] = NULL;
    }
}

static void cycles(void)
{
    CUdeviceptr device[N_WEIGHTS];
    char *host[N_WEIGHTS];
    size_t good = 0, all = 0;
    int cycle, i;

    make(device, host);
    for (cycle = 0; cycle < N_CYCLES; cycle++) {
        load(device, host);
        churn();
        for (i = 0; i < N_WEIGHTS; i++) {
            host[i] = fresh(size_of(i));
            good += untouched(host[i], size_of(i));
            all += size_of(i);
            offload(host[i], device[i], size_of(i), NULL);
            CHECK(holds(host[i], size_of(i), (uint32_t)i));
        }
    }
    /* Edges are no whole pages: of 64 KiB, one page of 17. */
    printf("%zu\n", good * 100 / all);
    for (i = 0; i < N_WEIGHTS; i++) {
        host[i] = realloc(host[i], 2 * size_of(i));
        CHECK(host[i] != NULL && holds(host[i], size_of(i), (uint32_t)i));
        free(host[i]);
        host[i] = calloc(1, size_of(i));
        CHECK(host[i] != NULL && host[i][0] == 0 &&
              memcmp(host[i], host[i] + 1, size_of(i) - 1) == 0);
        free(host[i]);
    }
}

static void *allocate_some(void *blocks_p)
{
    char **blocks = blocks_p;
    int i;

    for (i = 0; i < N_WEIGHTS; i++) {
        blocks[i] = fresh(size_of(i));
        CHECK(blocks[i][0] == 0 || blocks[i][0] != 0);
        blocks[i][size_of(i) - 1] = (char)i;
    }
    return NULL;
}

static void *free_some(void *blocks_p)
{
    char **blocks = blocks_p;
    int i;

    for (i = 0; i < N_WEIGHTS; i++) {
        CHECK_EQUAL(blocks[i][size_of(i) - 1], i);
        free(blocks[i]);
    }
    return NULL;
}

static void threads(void)
{
    static char *blocks[4][N_WEIGHTS];
    CUdeviceptr device[N_WEIGHTS];
    char *host[N_WEIGHTS];
    pthread_t thread[4];
    int i, round;

    make(device, host);
    for (round = 0; round < 3; round++) {
        for (i = 0; i < 4; i++) {
            CHECK_EQUAL(pthread_create(&thread[i], NULL, allocate_some,
                                       blocks[i]), 0);
        }
        if (round == 0) {
            load(device, host);
        }
        for (i = 0; i < 4; i++) {
            CHECK_EQUAL(pthread_join(thread[i], NULL), 0);
        }
        for (i = 0; i < 4; i++) {
            CHECK_EQUAL(pthread_create(&thread[i], NULL, free_some,
                                       blocks[(i + 1) % 4]), 0);
        }
        for (i = 0; i < 4; i++) {
            CHECK_EQUAL(pthread_join(thread[i], NULL), 0);
        }
    }
}

static void child(void)
{
    CUdeviceptr device[N_WEIGHTS];
    char *host[N_WEIGHTS], *block;
    size_t bytes = 0;
    int status, i;
    pid_t pid;

    make(device, host);
    load(device, host);
    block = fresh(size_of(0));
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        for (i = 0; i < N_WEIGHTS; i++) {
            host[i] = fresh(size_of(i));
            bytes += untouched(host[i], size_of(i));
            memset(host[i], 1, size_of(i));
        }
        free(block);
        _exit(bytes == 0 ? 5 : 6);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    /* Whatever its heap does: it goes the program's own way. */
    CHECK(WEXITSTATUS(status) == 5 || WEXITSTATUS(status) == 6);
    offload(block, device[0], size_of(0), NULL);
    CHECK(holds(block, size_of(0), 0));
    free(block);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"cycles", cycles}, {"threads", threads}, {"child", child}};

    return program_main(argc, argv, scenarios,
                        sizeof(scenarios) / sizeof(scenarios[0]));
}
