/*
 * test_fingerprint.c - the fingerprint against vectors of an independent
 * implementation, all its paths against each other and against the device
 * source compiled as C, and the key's page.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fingerprint_fixture.h"
#include "verify/fingerprint_kernel.h"
#include "verify/nh.h"

static void assert_same(const struct csh_fingerprint *got,
                        const struct csh_fingerprint *want, const char *who,
                        size_t n, size_t offset)
{
    ck_assert_msg(csh_fingerprint_equal(got, want),
                  "%s, %zu bytes at offset %zu: %016jx %016jx, want %016jx "
                  "%016jx", who, n, offset, (uintmax_t)got->lane[0],
                  (uintmax_t)got->lane[1], (uintmax_t)want->lane[0],
                  (uintmax_t)want->lane[1]);
}

/* ---- the device source as host C -------------------------------------- */

struct device {
    const unsigned char *bytes;
    struct csh_proof_control *control;
    unsigned n_reads;
};

static void *device_resolve(void *context, uint64_t device, uint64_t n)
{
    struct device *here = context;

    (void)n;
    if (device == 1) {
        return here->control;
    }
    ck_assert_uint_eq(device, 2);
    ++here->n_reads;
    return (void *)(uintptr_t)here->bytes;
}

static void run_kernel(const void *bytes, size_t n, uint32_t n_blocks,
                       struct csh_proof_control *control)
{
    struct csh_fingerprint_job job;
    struct device here = {bytes, control, 0};
    unsigned lane;

    memcpy(job.key.nh, key.nh, sizeof(job.key.nh));
    for (lane = 0; lane < CSH_FINGERPRINT_LANES; ++lane) {
        job.key.kappa[lane] = key.kappa[lane];
        job.key.step[lane]  = csh_field_power(
            key.kappa[lane],
            (uint64_t)CSH_FINGERPRINT_TILE_POWERS * n_blocks *
                CSH_PROOF_BLOCK_WARPS);
    }
    job.src     = (const unsigned char *)(uintptr_t)2;
    job.n       = n;
    job.control = (struct csh_proof_control *)(uintptr_t)1;
    ck_assert(csh_fingerprint_kernel_host(n_blocks, &job, device_resolve,
                                          &here));
    ck_assert_uint_eq(here.n_reads, (control->cancel != 0) ? 0 : n_blocks);
}

static struct csh_fingerprint kernel_print_of(const void *bytes, size_t n,
                                              uint32_t n_blocks)
{
    static struct csh_proof_control control;
    struct csh_fingerprint print;
    uint64_t sum[2] = {0, 0};
    uint32_t block;

    memset(&control, 0, sizeof(control));
    run_kernel(bytes, n, n_blocks, &control);
    for (block = 0; block < n_blocks; ++block) {
        const struct csh_proof_slot *slot = &control.slot[block];

        ck_assert_uint_eq(slot->state, CSH_SLOT_DONE);
        ck_assert_uint_lt(slot->sum[0], CSH_FIELD_P);
        ck_assert_uint_lt(slot->sum[1], CSH_FIELD_P);
        sum[0] = csh_field_add(sum[0], slot->sum[0]);
        sum[1] = csh_field_add(sum[1], slot->sum[1]);
    }
    csh_fingerprint_finish(sum, n, &print);
    return print;
}

static void assert_all_paths(const unsigned char *bytes, size_t n,
                             uint32_t n_blocks,
                             const struct csh_fingerprint *want)
{
    size_t offset = (uintptr_t)bytes % PAGE, i;
    struct csh_fingerprint got;
    const struct csh_nh_path *path;

    got = print_of(bytes, n);
    assert_same(&got, want, "dispatched", n, offset);
    for (i = 0; (path = csh_nh_path_at(i)) != NULL; ++i) {
        csh_fingerprint_compute_by(path, &key, bytes, n, &got);
        assert_same(&got, want, path->name, n, offset);
    }
    if (n > 0) {
        got = kernel_print_of(bytes, n, n_blocks);
        assert_same(&got, want, "kernel", n, offset);
    }
}

/* ---- field ------------------------------------------------------------- */

START_TEST(field_agrees_with_long_division)
{
    static const uint64_t edge[] = {
        0, 1, 2, 7, 8, UINT64_C(1) << 32, (UINT64_C(1) << 32) - 1,
        UINT64_C(1) << 60, CSH_FIELD_P - 2, CSH_FIELD_P - 1,
    };
    const size_t n_edges = sizeof(edge) / sizeof(edge[0]);
    size_t i;

    for (i = 0; i < n_edges * n_edges + 100000; ++i) {
        uint64_t a = (i < n_edges * n_edges) ? edge[i / n_edges] :
                                               draw() % CSH_FIELD_P;
        uint64_t b = (i < n_edges * n_edges) ? edge[i % n_edges] :
                                               draw() % CSH_FIELD_P;

        ck_assert_uint_eq(csh_field_mul(a, b),
                          (uint64_t)((unsigned __int128)a * b % CSH_FIELD_P));
        ck_assert_uint_eq(csh_field_add(a, b), (a + b) % CSH_FIELD_P);
    }
    for (i = 0; i < 64; ++i) {
        uint64_t a = UINT64_MAX - i;

        ck_assert_uint_eq(csh_field_reduce(a), a % CSH_FIELD_P);
        ck_assert_uint_eq(csh_field_reduce(CSH_FIELD_P - i),
                          (CSH_FIELD_P - i) % CSH_FIELD_P);
    }
    ck_assert_uint_eq(csh_field_power(3, 0), 1);
    ck_assert_uint_eq(csh_field_power(3, 40),
                      UINT64_C(12157665459056928801) % CSH_FIELD_P);
    /* Fermat: a^(p-1) = 1. */
    ck_assert_uint_eq(csh_field_power(1234567, CSH_FIELD_P - 1), 1);
}
END_TEST

/* ---- values ------------------------------------------------------------ */

/* Made by a short program in another language that follows the definition
 * of fingerprint.h term by term: key words and kappas from splitmix64 begun
 * at 1, message bytes as vector_message below. */
static const struct {
    size_t n;
    struct csh_fingerprint print;
} vectors[] = {
    {0, {{UINT64_C(0x0000000000000000), UINT64_C(0x0000000000000000)}}},
    {1, {{UINT64_C(0x08e42c0206c39a3c), UINT64_C(0x19d5d7751570fdf3)}}},
    {3, {{UINT64_C(0x05725753a033e419), UINT64_C(0x0c7a8c60d64ef9b4)}}},
    {15, {{UINT64_C(0x064f44bf8f5f02e4), UINT64_C(0x0d921a387a958ae7)}}},
    {16, {{UINT64_C(0x08574f57e066a68f), UINT64_C(0x02a77b71ffb1a639)}}},
    {17, {{UINT64_C(0x1574dcf0fe45d1b5), UINT64_C(0x0fed4bd0912a082f)}}},
    {511, {{UINT64_C(0x17633231f88987ed), UINT64_C(0x1ee3ceb7867c138c)}}},
    {512, {{UINT64_C(0x15e76bc6835179c5), UINT64_C(0x0c17567ac2d30137)}}},
    {513, {{UINT64_C(0x1a4c81e2b40c23dd), UINT64_C(0x133e950771adccaf)}}},
    {4095, {{UINT64_C(0x018cac64a81b5185), UINT64_C(0x17edb5e198d470aa)}}},
    {4096, {{UINT64_C(0x008878f6ef24ccfc), UINT64_C(0x1cedcdee94555916)}}},
    {4097, {{UINT64_C(0x106f71223748c929), UINT64_C(0x129960b7ac108a95)}}},
    {16383, {{UINT64_C(0x00de195fbb43f71c), UINT64_C(0x0233a328e4298c06)}}},
    {16384, {{UINT64_C(0x04bbdf485f1d663e), UINT64_C(0x0dbfc646c5a31e78)}}},
    {16385, {{UINT64_C(0x021307bb0eb19d72), UINT64_C(0x1cb4d537be405ee3)}}},
    {100000, {{UINT64_C(0x02330ad9dcc634d8), UINT64_C(0x1c6f323fe334ee5c)}}},
    {1048576, {{UINT64_C(0x00077b71620ce083), UINT64_C(0x135d378890fc6a05)}}},
};

static void vector_message(unsigned char *bytes, size_t n)
{
    uint64_t state = n + 7;
    size_t i;

    for (i = 0; i < n; ++i) {
        state    = state * UINT64_C(6364136223846793005) +
                   UINT64_C(1442695040888963407);
        bytes[i] = (unsigned char)(state >> 56);
    }
}

START_TEST(vectors_hold_on_every_path)
{
    size_t n                 = vectors[_i].n;
    unsigned char *at_end    = message_at_end(n, 0);
    unsigned char *unaligned = arena + 5;

    vector_message(at_end, n);
    assert_all_paths(at_end, n, 1, &vectors[_i].print);
    memmove(unaligned, at_end, n);
    assert_all_paths(unaligned, n, 3, &vectors[_i].print);
}
END_TEST

static const size_t lengths[] = {
    0, 1, 2, 3, 4, 5, 15, 16, 17, 19, 31, 32, 33, 35, 511, 512, 513, 527, 528,
    4095, 4096, 4097, 16383, 16384, 16385, 16400, 32767, 32768, 32769,
    5 * TILE + 1234, 9 * TILE, 17 * TILE + 16, (1u << 20) + 1,
};

/* Guard pages tell reads that are far off; an address sanitizer tells those
 * of the byte behind a block that is no longer than the message. */
START_TEST(paths_agree_at_every_alignment)
{
    size_t n = lengths[_i], shift;
    unsigned char *block;

    draw_bytes(arena, 64 + n);
    draw_bytes(message_at_end(n, 0), n);
    for (shift = 0; shift < 17; ++shift) {
        unsigned char *at_start = arena + shift;
        unsigned char *at_end   = message_at_end(n, shift);
        struct csh_fingerprint want;

        csh_fingerprint_compute_by(csh_nh_path_at(0), &key, at_start, n,
                                   &want);
        assert_all_paths(at_start, n, 1 + (uint32_t)shift % 5, &want);
        memmove(at_end, at_start, n);
        assert_all_paths(at_end, n, 1 + (uint32_t)shift % 3, &want);
        block = malloc(shift + n + (shift + n == 0));
        ck_assert_ptr_nonnull(block);
        memcpy(block + shift, at_start, n);
        assert_all_paths(block + shift, n, 2, &want);
        free(block);
    }
}
END_TEST

START_TEST(paths_agree_on_random_ranges)
{
    static const uint32_t grids[] = {1, 2, 7, 64, CSH_PROOF_MAX_BLOCKS};
    int round;

    draw_bytes(arena, ARENA_BYTES);
    for (round = 0; round < 60; ++round) {
        size_t n      = draw() % ((round % 10 == 0) ? ARENA_BYTES : 200000);
        size_t offset = draw() % (ARENA_BYTES - n);
        struct csh_fingerprint want;

        csh_fingerprint_compute_by(csh_nh_path_at(0), &key, arena + offset,
                                   n, &want);
        assert_all_paths(arena + offset, n, grids[round % 5], &want);
    }
}
END_TEST

START_TEST(cancelled_kernel_reads_nothing)
{
    static struct csh_proof_control control;
    uint32_t block;

    memset(&control, 0, sizeof(control));
    control.cancel = 1;
    run_kernel(NULL, TILE * 100, 5, &control);
    for (block = 0; block < 5; ++block) {
        ck_assert_uint_eq(control.slot[block].state, CSH_SLOT_DECLINED);
    }
    ck_assert_uint_eq(control.slot[5].state, CSH_SLOT_PENDING);
}
END_TEST

/* ---- the key ----------------------------------------------------------- */

/* The VmFlags of the mapping that begins at address, or "". */
static void flags_of(const void *address, char flags[512])
{
    char line[512], head[64];
    bool is_here = false;
    FILE *maps   = fopen("/proc/self/smaps", "r");

    flags[0] = '\0';
    ck_assert_ptr_nonnull(maps);
    snprintf(head, sizeof(head), "%lx-", (unsigned long)(uintptr_t)address);
    while (fgets(line, sizeof(line), maps) != NULL) {
        if (strncmp(line, head, strlen(head)) == 0) {
            is_here = true;
        } else if (is_here && (strncmp(line, "VmFlags:", 8) == 0)) {
            memcpy(flags, line, sizeof(line));
            break;
        }
    }
    fclose(maps);
}

START_TEST(key_is_random_and_kept_in)
{
    const struct csh_fingerprint_key *a = csh_fingerprint_key_create();
    const struct csh_fingerprint_key *b = csh_fingerprint_key_create();
    char flags[512];
    unsigned char there;
    int status;
    pid_t child;

    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_nonnull(b);
    ck_assert(memcmp(a->nh, b->nh, sizeof(a->nh)) != 0);
    ck_assert_uint_ne(a->kappa[0], a->kappa[1]);
    ck_assert_uint_ne(a->kappa[0], b->kappa[0]);
    ck_assert_uint_lt(a->kappa[0], CSH_FIELD_P);
    ck_assert_uint_eq(a->power[1][1],
                      csh_field_mul(a->kappa[1], a->kappa[1]));
    csh_fingerprint_key_destroy(b);

    flags_of(a, flags);
    ck_assert_msg(strstr(flags, " dc") && strstr(flags, " dd") &&
                      !strstr(flags, " wr"), "flags:%s", flags);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        _exit(mincore((void *)(uintptr_t)a, 1, &there) == 0 ? 1 : 0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    csh_fingerprint_key_destroy(a);
}
END_TEST

static Suite *fingerprint_suite(void)
{
    Suite *suite  = suite_create("fingerprint");
    TCase *values = tcase_create("values");

    tcase_add_checked_fixture(values, set_up, tear_down);
    tcase_set_timeout(values, 120);
    tcase_add_test(values, field_agrees_with_long_division);
    tcase_add_loop_test(values, vectors_hold_on_every_path, 0,
                        sizeof(vectors) / sizeof(vectors[0]));
    tcase_add_loop_test(values, paths_agree_at_every_alignment, 0,
                        sizeof(lengths) / sizeof(lengths[0]));
    tcase_add_test(values, paths_agree_on_random_ranges);
    tcase_add_test(values, cancelled_kernel_reads_nothing);
    tcase_add_test(values, key_is_random_and_kept_in);
    suite_add_tcase(suite, values);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(fingerprint_suite());
    int n_failed;

    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
