/*
 * test_alias_failures.c - mappings that fail, limits, kernels that say less,
 * and other threads that read, free and map meanwhile. Each test runs in a
 * process of its own.
 */
#include "alias_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

static unsigned char *block;
static struct csh_alias_source shadow;

static unsigned char *inside(void)
{
    return block + PAGE - PHASE;
}

/* --- failures while mapping ---------------------------------------------- */

static int failure;

static void *fail_to_map(void *address, size_t bytes, int fd, off_t offset)
{
    (void)fd;
    (void)offset;
    switch (failure) {
    case 0: /* nothing happened */
        break;
    case 1: /* Linux before 6.12: what was there is gone */
        ck_assert_int_eq(munmap(address, bytes), 0);
        break;
    case 2: /* in part */
        ck_assert_int_eq(munmap((unsigned char *)address + bytes / 2 -
                                bytes / 2 % PAGE, bytes / 4 & ~(PAGE - 1)),
                         0);
        break;
    default: /* the descriptor was replaced just now */
        return mmap(address, bytes, PLAIN, MAP_PRIVATE | MAP_FIXED,
                    make_file(1000), 0);
    }
    errno = ENOMEM;
    return MAP_FAILED;
}

START_TEST(test_mapping_fails)
{
    struct csh_vma vma;

    setup.map = fail_to_map;
    failure   = _i;
    start();
    block  = make_block(MIB);
    shadow = make_shadow(MIB, 3);
    expect_copied(block, &shadow, CSH_ALIAS_refused);
    ck_assert_int_eq(csh_page_state_find_vma(&state, at(inside()), &vma),
                     CSH_PAGES_FOUND);
    ck_assert(csh_vma_is_plain(&vma));
    ck_assert_uint_ge(vma.end, at(block) + MIB);
}
END_TEST

/* Another thread's memory got into the hole: it is left alone. */
static void *lose(void *address, size_t bytes, int fd, off_t offset)
{
    (void)fd;
    (void)offset;
    ck_assert_ptr_eq(mmap(address, bytes, PROT_READ, MAP_SHARED | MAP_FIXED,
                          make_file(1000), 0), address);
    refuse(SYS_mmap, ~0u, ENOMEM);
    errno = ENOMEM;
    return MAP_FAILED;
}

START_TEST(test_mapping_is_lost)
{
    setup.map = lose;
    start();
    block  = make_block(MIB);
    shadow = make_shadow(MIB, 3);
    if (can_map() && !UNDER_SANITIZER) {
        ck_assert(!csh_alias_materialise(aliases, block, &shadow, &result));
        ck_assert_uint_eq(result.mapped_bytes + result.copied_bytes, 0);
    }
}
END_TEST

/* From here on every new mapping is populated and locked: the kernel would
 * make a copy of each page at once. */
START_TEST(test_locked_from_now_on)
{
    start();
    block  = make_block(MIB);
    shadow = make_shadow(MIB, 3);
    if (syscall(SYS_mlockall, MCL_FUTURE) == 0) {
        expect_copied(block, &shadow, CSH_ALIAS_refused);
        syscall(SYS_munlockall);
    }
}
END_TEST

/* --- limits -------------------------------------------------------------- */

#define SMALL (64 * KIB + PAGE)

static void release(unsigned char *memory)
{
    ck_assert_int_eq(munmap(memory - PHASE, 18 * PAGE), 0);
}

/* Once looked for in vain, room is not looked for at once again. */
START_TEST(test_share_of_the_mappings)
{
    unsigned char *blocks[7];
    unsigned i;

    setup.most_mappings = 8;
    start();
    shadow = make_shadow(SMALL, 3);
    for (i = 0; i < 7; i++) {
        blocks[i] = make_block(SMALL);
    }
    if (!can_map()) {
        return;
    }
    for (i = 0; i < 4; i++) {
        expect_mapped(blocks[i], &shadow);
    }
    release(blocks[0]);
    expect_mapped(blocks[4], &shadow);
    expect_copied(blocks[5], &shadow, CSH_ALIAS_limit);
    release(blocks[1]);
    expect_copied(blocks[6], &shadow, CSH_ALIAS_limit);
    for (i = 1; i < 1024; i++) {
        block = make_block(SMALL);
        expect_copied(block, &shadow, CSH_ALIAS_limit);
        release(block);
    }
    expect_mapped(make_block(SMALL), &shadow);
    ck_assert_int_eq(check(blocks[2], &shadow), CSH_ALIAS_UNTOUCHED);
}
END_TEST

/* The program has used up vm.max_map_count: mapping fails, copying does not. */
START_TEST(test_no_mappings_left)
{
    unsigned char *memory;
    size_t i;

    if (UNDER_SANITIZER) {
        return;
    }
    start();
    block  = make_block(MIB);
    shadow = make_shadow(MIB, 3);
    memory = anonymous(140000 * PAGE);
    for (i = 0; i < 140000; i += 2) {
        if (mprotect(memory + i * PAGE, PAGE, PROT_NONE) != 0) {
            break;
        }
    }
    if ((i < 140000) && can_map()) {
        give(block, &shadow);
        ck_assert_uint_eq(result.mapped_bytes, 0);
        ck_assert_int_ne(result.obstacle, CSH_ALIAS_none);
    }
}
END_TEST

/* --- other threads ------------------------------------------------------- */

static unsigned char *_Atomic current;
static atomic_bool is_over;
static atomic_uint n_wrong, n_rounds;

/* Whoever reads while it is mapped sees what was there or what will be: here
 * in the pages that are mapped, since copying is not atomic. */
__attribute__((no_sanitize("thread"))) /* for which a mapping is a store */
static void *read_meanwhile(void *unused)
{
    const unsigned char *bytes;
    size_t i;

    (void)unused;
    for (; !is_over; n_rounds++) {
        bytes = current;
        for (i = PAGE; (bytes != NULL) && (i < MIB - PAGE); i += 509) {
            if ((bytes[i] != 0) && (bytes[i] != byte_of(i, 3))) {
                n_wrong++;
            }
        }
    }
    return NULL;
}

/* What programs do beside it: blocks come and go next to ours. */
static void *map_meanwhile(void *unused)
{
    unsigned char *mine[8];
    unsigned i;

    (void)unused;
    for (; !is_over; n_rounds++) {
        for (i = 0; i < 8; i++) {
            mine[i] = anonymous(128 * KIB);
            mine[i][5000] = 1;
        }
        for (i = 0; i < 8; i++) {
            n_wrong += (mine[i][5000] != 1) || (mine[i][9000] != 0);
            munmap(mine[i], 128 * KIB);
        }
    }
    return NULL;
}

/* Other threads offload as well. */
static void *offload_meanwhile(void *unused)
{
    struct csh_alias_result mine;
    unsigned char *memory;

    (void)unused;
    for (; !is_over; n_rounds++) {
        memory = anonymous(MIB + PAGE);
        make_head(memory, MIB + PAGE, PHASE);
        n_wrong += !csh_alias_materialise(aliases, memory + PHASE, &shadow,
                                          &mine);
        n_wrong += (memory[PHASE + 77777] != byte_of(77777, 3));
        n_wrong += (csh_alias_check(aliases, memory + PHASE, &shadow) !=
                    CSH_ALIAS_UNTOUCHED);
        csh_alias_forget(aliases, memory + PHASE, MIB);
        munmap(memory, MIB + PAGE);
    }
    return NULL;
}

START_TEST(test_threads)
{
    static void *(*const work[])(void *) = {
        read_meanwhile, map_meanwhile, offload_meanwhile,
        offload_meanwhile};
    pthread_t threads[4];
    unsigned i, j;

    start();
    shadow = make_shadow(MIB, 3);
    if (!can_map()) {
        return;
    }
    for (i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work[i], NULL),
                         0);
    }
    for (i = 0; (i < 20) || (n_rounds < 20); i++) {
        block   = make_block(MIB);
        current = block;
        for (j = 0; j < 3; j++) {
            give(block, &shadow);
            ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_UNTOUCHED);
        }
    }
    is_over = true;
    for (i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    ck_assert_uint_eq(n_wrong, 0);
}
END_TEST

/* --- kernels that say less ----------------------------------------------- */

static const struct { unsigned without; bool can; } older[] = {
    {CSH_PAGES_BY_QUERY, true}, {CSH_PAGES_BY_SCAN, true},
    {CSH_PAGES_BY_USERFAULT, true},
    {CSH_PAGES_BY_QUERY | CSH_PAGES_BY_SCAN, true},
    {CSH_PAGES_BY_QUERY | CSH_PAGES_BY_TEXT, false},
    {CSH_PAGES_BY_SCAN | CSH_PAGES_BY_PAGEMAP, false},
    {CSH_PAGES_BY_ALL, false},
};

START_TEST(test_older_kernels)
{
    bool could;

    start();
    could = can_map();
    csh_page_state_close(&state);
    csh_page_state_open(&state, CSH_PAGES_BY_ALL & ~older[_i].without);
    block  = make_block(MIB);
    shadow = make_shadow(MIB, 3);
    if (could && older[_i].can) {
        expect_mapped(block, &shadow);
        block[MIB / 2] ^= 2;
        ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_WRITTEN);
    } else {
        ck_assert(!can_map());
        expect_copied(block, &shadow, CSH_ALIAS_none);
        ck_assert_int_ne(check(block, &shadow), CSH_ALIAS_WRITTEN);
    }
}
END_TEST

/* Refused by a sandbox that the program enters after the alias was made. */
START_TEST(test_refused_later)
{
    static const unsigned requests[] = {
        (unsigned)CSH_PROCMAP_QUERY, (unsigned)CSH_PAGEMAP_SCAN, ~0u};

    start();
    block  = make_block(MIB);
    shadow = make_shadow(MIB, 3);
    expect_mapped(block, &shadow);
    refuse(SYS_ioctl, requests[_i], EPERM);
    ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_UNTOUCHED);
    block[MIB / 2] ^= 2;
    ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_WRITTEN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("alias_failures");
    TCase *tcase = tcase_create("failures");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_mapping_fails, 0, 4);
    tcase_add_test(tcase, test_mapping_is_lost);
    tcase_add_test(tcase, test_locked_from_now_on);
    tcase_add_test(tcase, test_share_of_the_mappings);
    tcase_add_test(tcase, test_no_mappings_left);
    tcase_add_test(tcase, test_threads);
    tcase_add_loop_test(tcase, test_older_kernels, 0, 7);
    tcase_add_loop_test(tcase, test_refused_later, 0, 3);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
