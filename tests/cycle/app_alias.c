/*
 * app_alias.c - offloads that are mapped, and everything that a program may
 * do to such memory afterwards.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* vmsplice */
#endif
#include "aliased.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void offloads_are_mapped(void)
{
    static const size_t sizes[] = {64 * KIB, 72 * KIB, 73 * KIB + 1,
                                   100 * KIB + 4032, MIB - 1, LARGE, 5 * MIB,
                                   24 * MIB + 4095, 80 * MIB};
    size_t i;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct weight weight = mapped_weight(sizes[i], (uint32_t)i);

        reload_and_check(&weight);
        CHECK(holds(weight.host, weight.bytes, weight.seed));
        drop(&weight);
    }
}

/* Too small to be worth it, or not even a weight. */
static void small_ones_are_copied(void)
{
    static const size_t sizes[] = {64 * KIB + 1, 66 * KIB, 67 * KIB};
    size_t i;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct weight weight = uploaded(sizes[i], (uint32_t)i, NULL);

        weight.host = fresh(sizes[i]);
        offload_mapping(&weight, weight.host, 0);
        reload_and_check(&weight);
        drop(&weight);
    }
}

static void changed_device_bytes_are_mapped(void)
{
    struct weight weight = mapped_weight(LARGE, 1);
    uint8_t *bytes = fresh(LARGE);
    uint32_t seed;

    for (seed = 2; seed < 5; seed++) {
        fill(bytes, LARGE, seed);
        cu.simcuda_poke(weight.device, bytes, LARGE);
        weight.seed = seed;
        free(weight.host);
        weight.host = fresh(LARGE);
        REACHES(d2h, LARGE, LARGE,
                offload_mapping(&weight, weight.host,
                                whole_pages(weight.host, LARGE)));
        reload_and_check(&weight);
    }
    /* Over the alias of other bytes: it is not touched, so it is replaced. */
    fill(bytes, LARGE, seed);
    cu.simcuda_poke(weight.device, bytes, LARGE);
    weight.seed = seed;
    REACHES(d2h, LARGE, LARGE,
            offload_mapping(&weight, weight.host,
                            whole_pages(weight.host, LARGE)));
    reload_and_check(&weight);
    drop(&weight);
    free(bytes);
}

static void written_parts_go_up(void)
{
    static const size_t places[] = {0, 63, 4095, 4096, 500000, LARGE - 4096,
                                    LARGE - 1};
    size_t i;

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct weight weight = mapped_weight(LARGE, 10 + (uint32_t)i);

        weight.host[places[i]] ^= 1;
        reload_and_check(&weight);
        drop(&weight);
    }
}

static void written_and_restored(void)
{
    struct weight weight = mapped_weight(LARGE, 20);

    weight.host[70000] ^= 1;
    weight.host[70000] ^= 1;
    reload_and_check(&weight);
    fill(weight.host, LARGE, 20);
    reload_and_check(&weight);
    fill(weight.host, LARGE, 21);
    weight.seed = 21;
    reload_and_check(&weight);
    drop(&weight);
}

/* What comes to lie at the same address is another thing. */
static void freed_and_used_again(void)
{
    struct weight weight = mapped_weight(LARGE, 30);
    unsigned round;

    for (round = 0; round < 8; round++) {
        uint8_t *zeroed;

        free(weight.host);
        zeroed = calloc(1, LARGE);
        CHECK(zeroed != NULL && zeroed[0] == 0 &&
              memcmp(zeroed, zeroed + 1, LARGE - 1) == 0);
        free(zeroed);
        weight.host = fresh(LARGE);
        weight.seed = 31 + round;
        fill(weight.host, LARGE, weight.seed);
        reload_from_anywhere(&weight);
        free(weight.host);
        weight.host = fresh(LARGE);
        offload_mapping(&weight, weight.host,
                        whole_pages(weight.host, LARGE));
    }
    drop(&weight);
}

static void grown_and_shrunk(void)
{
    struct weight weight = mapped_weight(LARGE, 40);

    weight.host = realloc(weight.host, 3 * LARGE);
    CHECK(weight.host != NULL && holds(weight.host, LARGE, 40));
    memset(weight.host + LARGE, 7, 2 * LARGE);
    reload_from_anywhere(&weight);
    weight.host = realloc(weight.host, LARGE);
    CHECK(weight.host != NULL && holds(weight.host, LARGE, 40));
    reload_from_anywhere(&weight);
    free(weight.host);
    weight.host = fresh(LARGE);
    offload_mapping(&weight, weight.host, whole_pages(weight.host, LARGE));
    /* In place: the end of the mappings goes. */
    weight.host = realloc(weight.host, LARGE / 2);
    CHECK(weight.host != NULL && holds(weight.host, LARGE / 2, 40));
    weight.host = realloc(weight.host, LARGE);
    CHECK(weight.host != NULL && holds(weight.host, LARGE / 2, 40));
    memset(weight.host + LARGE / 2, 3, LARGE - LARGE / 2);
    reload_from_anywhere(&weight);
    drop(&weight);
}

/* Not the beginning of a block, or more than one. */
static void parts_of_blocks_are_copied(void)
{
    struct weight weight = uploaded(LARGE, 50, NULL);
    uint8_t *block = fresh(4 * LARGE), *map;

    memset(block, 9, LARGE);
    weight.host = block + LARGE;
    offload_mapping(&weight, weight.host, 0);
    reload_from_anywhere(&weight);
    offload_mapping(&weight, block + 2 * LARGE + 1, 0);
    CHECK(block[LARGE - 1] == 9 && holds(weight.host, LARGE, 50));
    free(block);
    map = mmap(NULL, 2 * LARGE, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(map != MAP_FAILED);
    offload_mapping(&weight, map + 64, 0);
    munmap(map, 2 * LARGE);
    OK(cu.cuMemFree_v2(weight.device));
}

/* The program's own mapping that begins like one of malloc's, but is none:
 * flags of the heap, a size that ends elsewhere, one that goes too far, no
 * readable byte in front. */
static void crafted_heads_are_not_believed(void)
{
    static const struct {
        size_t before, size;
    } heads[] = {
        {0, (LARGE + 64) | 2},
        {0, ((LARGE + 2 * PAGE) & ~(PAGE - 1)) | 1},
        {0, (64 * MIB) | 2},
        {16, ((LARGE + 2 * PAGE) & ~(PAGE - 1)) | 2},
        {0, PAGE | 2},
        {SIZE_MAX & ~(PAGE - 1), 8 * MIB | 2},
    };
    struct weight weight = uploaded(LARGE, 60, NULL);
    size_t bytes = 4 * MIB, i;

    for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        uint8_t *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        CHECK(map != MAP_FAILED);
        CHECK_EQUAL(mprotect(map, PAGE, PROT_NONE), 0);
        CHECK_EQUAL(mprotect(map + bytes - PAGE, PAGE, PROT_NONE), 0);
        memcpy(map + PAGE, &heads[i], sizeof(heads[i]));
        offload_mapping(&weight, map + PAGE + 16, 0);
        offload_mapping(&weight, map + PAGE, 0);
        munmap(map, bytes);
    }
    OK(cu.cuMemFree_v2(weight.device));
}

/* ------------------------------------------------------------ lifetimes --- */

/* A child and a pipe keep what they have when the program has freed it all
 * and the shim has used its memory for other weights. */
static void children_and_pipes_keep_their_bytes(void)
{
    struct weight weight = mapped_weight(LARGE, 70), other;
    uint8_t *host = weight.host, pages[8 * PAGE];
    struct iovec vector = {
        (void *)(((uintptr_t)host + PAGE) & ~(PAGE - 1)), sizeof(pages)};
    size_t offset = (size_t)((uint8_t *)vector.iov_base - host);
    int to_child[2], spliced[2], status;
    uint8_t *wanted = fresh(LARGE);
    uint32_t seed;
    char byte;
    pid_t pid;

    fill(wanted, LARGE, 70);
    CHECK(pipe(to_child) == 0 && pipe(spliced) == 0);
    CHECK_EQUAL(vmsplice(spliced[1], &vector, 1, 0), sizeof(pages));
    pid = fork();
    if (pid == 0) {
        bool is_good = read(to_child[0], &byte, 1) == 1 &&
                       holds(host, LARGE, 70);

        host[100000] ^= 1;
        _exit(is_good && memcmp(host, wanted, 100000) == 0 ? 0 : 1);
    }
    drop(&weight);
    for (seed = 71; seed < 90; seed++) {
        other = mapped_weight(LARGE, seed);
        reload_and_check(&other);
        drop(&other);
    }
    CHECK(write(to_child[1], "", 1) == 1);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK_EQUAL(read(spliced[0], pages, sizeof(pages)), sizeof(pages));
    CHECK(memcmp(pages, wanted + offset, sizeof(pages)) == 0);
    free(wanted);
}

/* With a limit that leaves room for four (CUSHADOW_RAM_LIMIT, alias.tap). */
static void mapped_shadows_are_never_given_up(void)
{
    uint8_t *elsewhere = fresh(2 * LARGE);
    struct weight kept[3], other;
    uint32_t i;

    for (i = 0; i < 3; i++) {
        kept[i] = mapped_weight(LARGE, 100 + i);
    }
    for (i = 0; i < 12; i++) {
        other = uploaded(LARGE, 200 + i, NULL);
        offload_somehow(&other, elsewhere + 1);
        free(fresh(LARGE));
    }
    for (i = 0; i < 3; i++) {
        CHECK(holds(kept[i].host, LARGE, 100 + i));
        spoil(kept[i].device);
        REACHES(h2d, LARGE, LARGE,
                upload(kept[i].device, kept[i].host, LARGE, NULL));
        CHECK(device_holds(kept[i].device, LARGE, 100 + i));
        REACHES(d2h, 0, LARGE,
                offload_somehow(&kept[i], kept[i].host));
    }
}

/* -------------------------------------------------------------- threads --- */

static atomic_bool is_over;

static void *read_all_the_time(void *memory)
{
    const volatile uint8_t *bytes = memory;
    uintptr_t sum = 0;
    size_t i;

    while (!is_over) {
        for (i = 0; i < LARGE; i += 61) {
            sum += bytes[i];
        }
    }
    return (void *)sum;
}

static void readers_run_meanwhile(void)
{
    struct weight weight = uploaded(LARGE, 110, NULL);
    pthread_t thread;
    int round;

    for (round = 0; round < 10; round++) {
        weight.host = fresh(LARGE);
        is_over = false;
        CHECK_EQUAL(pthread_create(&thread, NULL, read_all_the_time,
                                   weight.host), 0);
        offload_mapping(&weight, weight.host,
                        whole_pages(weight.host, LARGE));
        is_over = true;
        join(thread);
        CHECK(holds(weight.host, LARGE, 110));
        free(weight.host);
    }
}

/* Neighbours of what is mapped come and go, so that mappings join and part
 * beside it. */
static void *allocate_all_the_time(void *nothing)
{
    uint8_t *blocks[8] = {NULL};
    unsigned i = 0;

    while (!is_over) {
        free(blocks[i % 8]);
        blocks[i % 8] = fresh(i % 3 == 0 ? LARGE : 300 * KIB);
        memset(blocks[i % 8], (int)i, i % 2 == 0 ? 300 * KIB : 1);
        i++;
    }
    for (i = 0; i < 8; i++) {
        free(blocks[i]);
    }
    return nothing;
}

static void threads_free_meanwhile(void)
{
    struct weight weight = uploaded(LARGE, 120, NULL);
    uint8_t *hosts[4] = {NULL};
    pthread_t threads[2];
    unsigned i;

    for (i = 0; i < 2; i++) {
        CHECK_EQUAL(pthread_create(&threads[i], NULL, allocate_all_the_time,
                                   NULL), 0);
    }
    for (i = 0; i < 60; i++) {
        free(hosts[i % 4]);
        hosts[i % 4] = fresh(LARGE);
        offload_somehow(&weight, hosts[i % 4]);
        OK(cu.cuMemcpyHtoD_v2(weight.device, hosts[i % 4], LARGE));
    }
    CHECK(device_holds(weight.device, LARGE, 120));
    is_over = true;
    join(threads[0]);
    join(threads[1]);
    for (i = 0; i < 4; i++) {
        CHECK(holds(hosts[i], LARGE, 120));
    }
}

int main(int argc, char **argv)
{
    static const struct negative scenarios[] = {
        {"offloads_are_mapped", offloads_are_mapped, NULL},
        {"small_ones_are_copied", small_ones_are_copied, NULL},
        {"changed_device_bytes_are_mapped", changed_device_bytes_are_mapped,
         NULL},
        {"written_parts_go_up", written_parts_go_up, NULL},
        {"written_and_restored", written_and_restored, NULL},
        {"freed_and_used_again", freed_and_used_again, NULL},
        {"grown_and_shrunk", grown_and_shrunk, NULL},
        {"parts_of_blocks_are_copied", parts_of_blocks_are_copied, NULL},
        {"crafted_heads_are_not_believed", crafted_heads_are_not_believed,
         NULL},
        {"children_and_pipes_keep_their_bytes",
         children_and_pipes_keep_their_bytes, NULL},
        {"mapped_shadows_are_never_given_up",
         mapped_shadows_are_never_given_up, "CUSHADOW_RAM_LIMIT=5M"},
        {"readers_run_meanwhile", readers_run_meanwhile, NULL},
        {"threads_free_meanwhile", threads_free_meanwhile, NULL},
    };

    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
