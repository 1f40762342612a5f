/*
 * aliased.c - see aliased.h. Owns the sums of what is expected.
 */
#include "aliased.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long long mapped_sum, copied_sum;
/* What was not mapped may have been left to the driver. */
static bool is_passed_perhaps;

/* For mapped.py, which compares them with the shim's statistics. */
static void print_sums(void)
{
    printf("%llu ", mapped_sum);
    if (is_passed_perhaps) {
        printf("any\n");
    } else {
        printf("%llu\n", copied_sum);
    }
}

/* ALIAS_COPIES=1: the machine, the settings or the allocator allow none. */
static bool can_map(void)
{
    return under_shim && getenv("ALIAS_COPIES") == NULL;
}

size_t aliased_bytes(const void *memory, size_t bytes)
{
    unsigned long start = (unsigned long)memory, end = start + bytes;
    unsigned long from, to;
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    size_t n = 0;

    CHECK(maps != NULL);
    while (fgets(line, sizeof(line), maps) != NULL) {
        if (strstr(line, "/memfd:cushadow") == NULL ||
            strstr(line, " rw-p ") == NULL ||
            sscanf(line, "%lx-%lx", &from, &to) != 2) {
            continue;
        }
        from = from > start ? from : start;
        to = to < end ? to : end;
        n += to > from ? to - from : 0;
    }
    fclose(maps);
    return n;
}

size_t whole_pages(const void *memory, size_t bytes)
{
    uintptr_t first = ((uintptr_t)memory + PAGE - 1) & ~(PAGE - 1);
    uintptr_t last = ((uintptr_t)memory + bytes) & ~(PAGE - 1);

    return last > first ? last - first : 0;
}

/* Says how many bytes are mapped now. */
static size_t offload_and_count(const struct weight *weight, uint8_t *host)
{
    size_t mapped;

    if (mapped_sum + copied_sum == 0) {
        CHECK_EQUAL(atexit(print_sums), 0);
    }
    offload(host, weight->device, weight->bytes, NULL);
    mapped = aliased_bytes(host, weight->bytes);
    mapped_sum += mapped;
    copied_sum += weight->bytes - mapped;
    return mapped;
}

void offload_somehow(const struct weight *weight, uint8_t *host)
{
    if (offload_and_count(weight, host) == 0) {
        is_passed_perhaps = true;
    }
    CHECK(holds(host, weight->bytes, weight->seed));
}

void offload_mapping(const struct weight *weight, uint8_t *host,
                     size_t mapped)
{
    CHECK_EQUAL(offload_and_count(weight, host), can_map() ? mapped : 0);
    CHECK(holds(host, weight->bytes, weight->seed));
}

struct weight mapped_weight(size_t bytes, uint32_t seed)
{
    struct weight weight = uploaded(bytes, seed, NULL);

    weight.host = fresh(bytes);
    offload_mapping(&weight, weight.host, whole_pages(weight.host, bytes));
    return weight;
}

/* The same bytes at the device, past every call of CUDA. */
static void check_device(const struct weight *weight)
{
    uint8_t *bytes = malloc(weight->bytes);

    CHECK(bytes != NULL);
    OK(more.simcuda_peek(bytes, weight->device, weight->bytes));
    CHECK(memcmp(bytes, weight->host, weight->bytes) == 0);
    free(bytes);
}

/* Bytes that are mapped, and that reached the driver, of the offload. */
static void reload(struct weight *weight, size_t *mapped_p, size_t *moved_p)
{
    uint8_t *again = fresh(weight->bytes);
    uint64_t before;

    spoil(weight->device);
    REACHES(h2d, weight->bytes, weight->bytes,
            upload(weight->device, weight->host, weight->bytes, NULL));
    check_device(weight);
    before = reached_d2h();
    *mapped_p = offload_and_count(weight, again);
    *moved_p = (size_t)(reached_d2h() - before);
    CHECK(memcmp(again, weight->host, weight->bytes) == 0);
    free(again);
}

/* Less than 64 KiB of whole pages are not worth a mapping. Blocks of whole
 * pages begin at one, others 64 bytes into one. */
static size_t worth_mapping(size_t bytes)
{
    if (bytes % PAGE == 0) {
        return bytes < 64 * KIB ? 0 : bytes;
    }
    return bytes < 64 * KIB + 2 * PAGE
               ? 0 : (bytes - (PAGE - 64)) & ~(PAGE - 1);
}

void reload_and_check(struct weight *weight)
{
    size_t mapped, moved;

    reload(weight, &mapped, &moved);
    CHECK_EQUAL(moved, under_shim ? 0 : weight->bytes);
    CHECK_EQUAL(mapped, can_map() ? worth_mapping(weight->bytes) : 0);
}

void reload_from_anywhere(struct weight *weight)
{
    size_t mapped, moved;

    reload(weight, &mapped, &moved);
    CHECK(moved == 0 || moved == weight->bytes);
}

void drop(struct weight *weight)
{
    free(weight->host);
    OK(cu.cuMemFree_v2(weight->device));
    weight->host = NULL;
}
