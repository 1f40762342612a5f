/*
 * test_adopt.c - which memory becomes a mapping of the shadow that was made of
 * it, and that the others stay as they are, with every byte and attribute.
 * Each test runs in a process of its own.
 */
#include "adopt_fixture.h"

#include <stddef.h>

#include "uring.h"

static unsigned char *inside(void)
{
    return block + PAGE - PHASE;
}

/* Pages that the program has for itself. */
static size_t own_bytes(const unsigned char *start, size_t bytes)
{
    uint64_t first = (at(start) + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    uint64_t last  = (at(start) + bytes) & ~(uint64_t)(PAGE - 1);
    struct csh_page_run run;
    size_t n = 0;

    while (csh_page_state_find_pages(&state, CSH_PAGES_WRITTEN, first, last,
                                     &run) == CSH_PAGES_FOUND) {
        n    += run.end - run.start;
        first = run.end;
    }
    return n;
}

/* --- what is adopted ----------------------------------------------------- */

static const size_t sizes[] = {
    1, 4096, 65535, 69568, 69632, 100000, 1048577, 3276800, 26214400,
    50331648 + 77,
};

START_TEST(test_sizes)
{
    const size_t phase = (_i % 2 == 0) ? 0x40 : 0x10;
    const size_t bytes = sizes[_i / 2];
    size_t whole;

    if (!can_adopt()) {
        return;
    }
    make_pair_at(bytes, phase);
    whole = whole_pages(block, bytes);
    adopt();
    ck_assert(holds(block, bytes, 3));
    if (whole < 64 * KIB) {
        ck_assert_uint_eq(adopted.adopted_bytes, 0);
        ck_assert_int_eq(adopted.obstacle, CSH_ADOPT_small);
        return;
    }
    ck_assert_int_eq(adopted.obstacle, CSH_ADOPT_none);
    ck_assert_uint_eq(adopted.adopted_bytes, whole);
    ck_assert_uint_eq(own_bytes(block, bytes), 0);
    ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_UNTOUCHED);
    block[bytes / 2] ^= 0x80;
    ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_WRITTEN);
    ck_assert(holds(shadow.extent.address, bytes, 3));
    ck_assert_uint_eq(own_bytes(block, bytes), PAGE);
}
END_TEST

/* One alias like any other: found, given up, turned back, forked. */
START_TEST(test_is_an_alias)
{
    struct csh_alias_usage usage;
    struct csh_shadow_ref ref;
    pid_t child;
    int status;

    if (!can_adopt()) {
        return;
    }
    make_pair(MIB);
    adopt();
    ck_assert(csh_alias_find(aliases, block, MIB, &ref));
    ck_assert_uint_eq(ref.index, 3);
    ck_assert(csh_alias_is_mapped(aliases, block, MIB));
    csh_alias_read_usage(aliases, &usage);
    ck_assert_uint_eq(usage.n_records, 1);
    child = fork();
    if (child == 0) {
        block[MIB / 2] = 0;
        _exit(holds(block, MIB / 2, 3) ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_UNTOUCHED);
    csh_host_advising(at(inside()), 512 * KIB, MADV_DONTNEED);
    ck_assert_int_eq(madvise(inside(), 512 * KIB, MADV_DONTNEED), 0);
    ck_assert_uint_eq(inside()[0], 0);
    ck_assert_uint_eq(inside()[512 * KIB - 1], 0);
    ck_assert(inside()[512 * KIB] != 0);
    ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_WRITTEN);
}
END_TEST

/* A reader of the mapping may outlive it: the slab gives these pages to nobody
 * else. */
START_TEST(test_pages_are_not_used_again)
{
    struct csh_slab_file file, other;

    if (!can_adopt()) {
        return;
    }
    make_pair(MIB);
    ck_assert(csh_slab_find_file(&shadow.extent, &file));
    adopt();
    ck_assert_uint_gt(adopted.adopted_bytes, 0);
    csh_slab_free(pool, &shadow.extent);
    shadow = make_shadow(MIB, 4);
    ck_assert(csh_slab_find_file(&shadow.extent, &other));
    ck_assert((file.chunk->inode != other.chunk->inode) ||
              (file.offset != other.offset));
    ck_assert(holds(block, MIB, 3));
}
END_TEST

/* What is mapped is not given another time, nor what was written since. */
START_TEST(test_again)
{
    if (!can_adopt()) {
        return;
    }
    make_pair(MIB);
    adopt();
    ck_assert_uint_gt(adopted.adopted_bytes, 0);
    adopt();
    ck_assert_uint_eq(adopted.adopted_bytes, 0);
    ck_assert_int_eq(adopted.obstacle, CSH_ADOPT_block);
    ck_assert(csh_alias_is_mapped(aliases, block, MIB));
    ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_UNTOUCHED);
    ck_assert(holds(block, MIB, 3));
}
END_TEST

/* --- what is not --------------------------------------------------------- */

static bool other_phase(void)
{
    shadow = make_shadow_at(MIB, 0x10, 3);
    return true;
}

static bool no_head(void)
{
    memset(block - 16, 0, 16);
    return true;
}

static bool partly_unmapped(void)
{
    return munmap(inside() + 512 * KIB, PAGE) == 0;
}

static bool partly_read_only(void)
{
    return mprotect(inside() + 512 * KIB, PAGE, PROT_READ) == 0;
}

static bool partly_discarded(void)
{
    return madvise(inside() + 512 * KIB, PAGE, MADV_DONTNEED) == 0;
}

static bool not_inherited(void)
{
    return madvise(inside(), MIB - PAGE, MADV_DONTFORK) == 0;
}

static bool wiped_on_fork(void)
{
    return madvise(inside(), MIB - PAGE, 18) == 0;
}

static bool not_dumped(void)
{
    return madvise(inside(), MIB - PAGE, MADV_DONTDUMP) == 0;
}

static bool locked(void)
{
    return syscall(SYS_mlock, inside(), 64 * KIB) == 0;
}

/* All mappings to come are as well. */
static bool all_locked(void)
{
    return mlockall(MCL_CURRENT | MCL_FUTURE) == 0;
}

static bool pinned(void)
{
    static struct uring uring;

    return uring_pin(&uring, inside() + 512 * KIB, PAGE);
}

static bool shared_with_a_child(void)
{
    pid_t child = fork();

    if (child == 0) {
        pause();
        _exit(0);
    }
    return child > 0;
}

static bool changed_before(void)
{
    block[MIB / 2] ^= 0x80;
    return true;
}

static bool descriptor_closed(void)
{
    struct csh_slab_file file;

    ck_assert(csh_slab_find_file(&shadow.extent, &file));
    return close(file.chunk->fd) == 0;
}

static bool malloc_is_not_glibcs(void)
{
    csh_alias_destroy(aliases);
    setup.libc_owns_malloc = false;
    aliases = csh_alias_create(&setup);
    return true;
}

static bool no_mapping_left(void)
{
    csh_alias_destroy(aliases);
    setup.most_mappings = 1;
    aliases = csh_alias_create(&setup);
    return true;
}

static bool no_userfaultfd(void)
{
    refuse(SYS_userfaultfd, ~0u, EPERM);
    return true;
}

static bool no_move(void)
{
    refuse(SYS_ioctl, (unsigned)CSH_UFFDIO_MOVE, ENOTTY);
    return true;
}

static void *map_nothing(void *address, size_t bytes, int fd, off_t offset)
{
    (void)address;
    (void)bytes;
    (void)fd;
    (void)offset;
    errno = ENOMEM;
    return MAP_FAILED;
}

/* Linux before 6.12: what was there has gone. */
static void *map_a_hole(void *address, size_t bytes, int fd, off_t offset)
{
    ck_assert_int_eq(munmap(address, bytes), 0);
    return map_nothing(address, bytes, fd, offset);
}

/* The descriptor was the program's own file by then. */
static void *map_another(void *address, size_t bytes, int fd, off_t offset)
{
    (void)fd;
    return mmap(address, bytes, PLAIN, MAP_PRIVATE | MAP_FIXED,
                make_file(300), offset & ~(off_t)(MIB - 1));
}

static bool map_with(csh_alias_map_fn *map)
{
    csh_alias_destroy(aliases);
    setup.map = map;
    aliases   = csh_alias_create(&setup);
    return true;
}

static bool mapping_refused(void)
{
    return map_with(map_nothing);
}

static bool mapping_lost(void)
{
    return map_with(map_a_hole);
}

static bool mapping_of_another(void)
{
    return map_with(map_another);
}

static const struct {
    const char *name;
    bool (*make)(void);
    enum csh_adopt_obstacle obstacle;
    const char *flag; /* of the mapping, before and after */
} conditions[] = {
    {"phase", other_phase, CSH_ADOPT_phase, NULL},
    {"no head", no_head, CSH_ADOPT_block, NULL},
    {"unmapped", partly_unmapped, CSH_ADOPT_block, NULL},
    {"read only", partly_read_only, CSH_ADOPT_block, NULL},
    {"discarded", partly_discarded, CSH_ADOPT_changed, NULL},
    {"not inherited", not_inherited, CSH_ADOPT_marked, "dc"},
    {"wiped on fork", wiped_on_fork, CSH_ADOPT_marked, "wf"},
    {"not dumped", not_dumped, CSH_ADOPT_marked, "dd"},
    {"locked", locked, CSH_ADOPT_marked, "lo"},
    {"all locked", all_locked, CSH_ADOPT_marked, "lo"},
    {"pinned", pinned, CSH_ADOPT_busy, NULL},
    {"shared", shared_with_a_child, CSH_ADOPT_busy, NULL},
    {"changed", changed_before, CSH_ADOPT_changed, NULL},
    {"closed", descriptor_closed, CSH_ADOPT_file, NULL},
    {"malloc", malloc_is_not_glibcs, CSH_ADOPT_block, NULL},
    {"limit", no_mapping_left, CSH_ADOPT_limit, NULL},
    {"no userfaultfd", no_userfaultfd, CSH_ADOPT_refused, NULL},
    {"no move", no_move, CSH_ADOPT_refused, NULL},
    {"mapping refused", mapping_refused, CSH_ADOPT_refused, NULL},
    {"mapping lost", mapping_lost, CSH_ADOPT_refused, NULL},
    {"another", mapping_of_another, CSH_ADOPT_refused, NULL},
};
#define N_CONDITIONS (sizeof(conditions) / sizeof(conditions[0]))

/* Every byte that can be read is what it was, and can be written. */
static void expect_as_before(const unsigned char *before, bool is_read_only)
{
    unsigned char *page;
    size_t i;

    for (page = inside(), i = 0; page + PAGE <= block + MIB; page += PAGE) {
        if (msync(page, PAGE, MS_ASYNC) != 0) {
            continue; /* not mapped, nor was it */
        }
        ck_assert_mem_eq(page, before + (page - block), PAGE);
        if (!is_read_only) {
            page[0] ^= 1;
            ck_assert_uint_eq(page[0], before[page - block] ^ 1);
        }
        i++;
    }
    ck_assert_uint_ge(i, (MIB - 2 * PAGE) / PAGE - 1);
}

static void copy_readable(unsigned char *copy)
{
    unsigned char *page;

    for (page = inside(); page + PAGE <= block + MIB; page += PAGE) {
        if (msync(page, PAGE, MS_ASYNC) == 0) {
            memcpy(copy + (page - block), page, PAGE);
        }
    }
}

START_TEST(test_condition)
{
    unsigned char *before;
    struct csh_shadow_ref ref;

    if (!can_adopt()) {
        return;
    }
    make_pair(MIB);
    before = anonymous(2 * MIB);
    /* To a sanitizer mlock is nothing to be done. */
    if ((UNDER_SANITIZER && ((conditions[_i].make == all_locked) ||
                             (conditions[_i].make == locked))) ||
        !conditions[_i].make()) {
        fprintf(stderr, "not possible here: %s\n", conditions[_i].name);
        return;
    }
    copy_readable(before);
    adopt();
    ck_assert_msg(adopted.obstacle == conditions[_i].obstacle, "%s: %d",
                  conditions[_i].name, (int)adopted.obstacle);
    ck_assert_msg(adopted.adopted_bytes == 0, "%s", conditions[_i].name);
    ck_assert(!csh_alias_find(aliases, block, MIB, &ref));
    ck_assert((conditions[_i].flag == NULL) ||
              has_flag(inside(), conditions[_i].flag));
    ck_assert(!has_flag(inside(), "um"));
    expect_as_before(before, conditions[_i].make == partly_read_only);
}
END_TEST

/* Only the pieces before the one that is concerned, or behind it. */
START_TEST(test_only_whole_pieces)
{
    const size_t piece = 16 * MIB, bytes = 40 * MIB;
    size_t place       = (_i == 0) ? 100 : (_i == 1) ? 20 * MIB : bytes - 1;
    size_t whole;

    if (!can_adopt()) {
        return;
    }
    make_pair(bytes);
    whole = whole_pages(block, bytes);
    /* The first bytes are in no whole page. */
    place += (_i == 0) ? PAGE : 0;
    block[place] ^= 0x80;
    adopt();
    ck_assert_uint_eq(adopted.adopted_bytes,
                      (_i == 0) ? whole - piece : (_i == 1) ? piece : whole);
    ck_assert_int_eq(adopted.obstacle,
                     (_i == 2) ? CSH_ADOPT_none : CSH_ADOPT_changed);
    ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_WRITTEN);
    block[place] ^= 0x80;
    ck_assert(holds(block, bytes, 3));
    ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_UNTOUCHED);
}
END_TEST

/* A page of zeros that is not there is left to the kernel. */
START_TEST(test_page_never_touched)
{
    if (!can_adopt()) {
        return;
    }
    make_pair(MIB);
    memset(shadow.extent.address + (inside() - block) + 512 * KIB, 0, PAGE);
    ck_assert(partly_discarded());
    adopt();
    ck_assert_uint_eq(adopted.adopted_bytes, 0);
    ck_assert_int_eq(adopted.obstacle, CSH_ADOPT_untouched);
    ck_assert_mem_eq(block, shadow.extent.address, MIB);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("adopt");
    TCase *tcase = tcase_create("adopting");

    tcase_add_checked_fixture(tcase, start, NULL);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, test_sizes, 0,
                        2 * sizeof(sizes) / sizeof(sizes[0]));
    tcase_add_test(tcase, test_is_an_alias);
    tcase_add_test(tcase, test_pages_are_not_used_again);
    tcase_add_test(tcase, test_again);
    tcase_add_loop_test(tcase, test_condition, 0, N_CONDITIONS);
    tcase_add_test(tcase, test_page_never_touched);
    tcase_add_loop_test(tcase, test_only_whole_pieces, 0, 3);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
