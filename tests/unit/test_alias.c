/*
 * test_alias.c - which bytes are mapped, which are copied, and what is known
 * of them afterwards. Each test runs in a process of its own.
 */
#include "alias_fixture.h"

#include <linux/userfaultfd.h>
#include <stddef.h>

#include "uring.h"

/* --- what is mapped ------------------------------------------------------ */

static const size_t sizes[] = {
    1, 15, 4095, 4096, 65535, 65536, 65537, 69568, 69632, 69633, 73728,
    100000, 1048576, 1048577, 3276800, 26214400,
};
#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* Of what malloc maps: for an alignment of 64 (torch's), for none, and for one
 * of a page, where the heads lie in a page before. */
static const size_t phases[] = {PHASE, 0x10, PAGE};
#define N_PHASES (sizeof(phases) / sizeof(phases[0]))

/* Also where the end is at a page bound. */
START_TEST(test_sizes)
{
    const size_t phase   = phases[(size_t)_i % N_PHASES];
    const size_t bytes   = sizes[(size_t)_i / N_PHASES];
    unsigned char *block = make_block_at(bytes, phase);
    struct csh_alias_source source = make_shadow_at(bytes, phase, 5);

    if (whole_pages(block, bytes) < 64 * KIB) {
        expect_copied(block, &source,
                      (bytes < 64 * KIB) ? CSH_ALIAS_small
                                         : CSH_ALIAS_touched);
        return;
    }
    expect_mapped(block, &source);
    block[bytes / 2] ^= 0x80;
    ck_assert_int_eq(check(block, &source), CSH_ALIAS_WRITTEN);
    block[bytes / 2] ^= 0x80;
    ck_assert_int_eq(check(block, &source), CSH_ALIAS_UNTOUCHED);
    ck_assert(holds(source.extent.address, bytes, 5));
}
END_TEST

/* Sparse: the shadow takes as much memory as it is long. By option only. */
START_TEST(test_beyond_two_gib)
{
    const size_t bytes = ((size_t)5 << 30) + 12345;
    struct csh_alias_source source;
    unsigned char *block;

    if (getenv("CSH_TEST_LARGE") == NULL) {
        return;
    }
    block = make_block(bytes);
    ck_assert_int_eq(csh_slab_allocate_at(pool, bytes, PHASE,
                                          &source.extent), CSH_SLAB_OK);
    source.ref.index = source.ref.generation = 1;
    source.extent.address[0]                     = 1;
    source.extent.address[bytes - 1]             = 2;
    source.extent.address[((size_t)4 << 30) + 5] = 3;
    ck_assert(csh_alias_materialise(aliases, block, &source, &result));
    ck_assert_uint_eq(result.mapped_bytes, whole_pages(block, bytes));
    ck_assert_uint_eq(block[0], 1);
    ck_assert_uint_eq(block[bytes - 1], 2);
    ck_assert_uint_eq(block[((size_t)4 << 30) + 5], 3);
    ck_assert_int_eq(check(block, &source), CSH_ALIAS_UNTOUCHED);
    block[((size_t)4 << 30) + 5] = 4;
    ck_assert_int_eq(check(block, &source), CSH_ALIAS_WRITTEN);
}
END_TEST

/* The edges are not pages of ours; a change there is found by comparison. */
START_TEST(test_edges)
{
    unsigned char *block = make_block(MIB + 100);
    struct csh_alias_source source = make_shadow(MIB + 100, 3);

    expect_mapped(block, &source);
    block[0] ^= 1;
    ck_assert_int_eq(check(block, &source), CSH_ALIAS_WRITTEN);
    block[0] ^= 1;
    ck_assert_int_eq(check(block, &source), CSH_ALIAS_UNTOUCHED);
    block[MIB + 99] ^= 1;
    ck_assert_int_eq(check(block, &source), CSH_ALIAS_WRITTEN);
}
END_TEST

/* Touched pages keep their place, and are copied into. */
START_TEST(test_touched_pages_are_copied_into)
{
    unsigned char *block = make_block(MIB);
    struct csh_alias_source source = make_shadow(MIB, 3);

    block[300 * KIB] = 1;
    give(block, &source);
    if (can_map()) {
        ck_assert_uint_eq(result.mapped_bytes, whole_pages(block, MIB) -
                                                       PAGE);
        ck_assert_int_eq(result.obstacle, CSH_ALIAS_touched);
    }
    ck_assert_int_eq(check(block, &source), CSH_ALIAS_UNTOUCHED);
    block[300 * KIB] ^= 2;
    ck_assert_int_eq(check(block, &source), CSH_ALIAS_WRITTEN);
    memset(block, 0, MIB);
    give(block, &source);
    ck_assert_uint_eq(result.mapped_bytes, 0);
    ck_assert(holds(block, MIB, 3));
}
END_TEST

/* Every other page touched: not a question a page. */
START_TEST(test_many_touched_pages)
{
    unsigned char *block = make_block(8 * MIB);
    struct csh_alias_source source = make_shadow(8 * MIB, 3);
    size_t i;

    for (i = 0; i < 4 * MIB; i += 2 * PAGE) {
        block[i] = 1;
    }
    give(block, &source);
    ck_assert(holds(block, 8 * MIB, 3));
}
END_TEST

/* Offloaded again and again into the same memory. */
START_TEST(test_same_destination_again)
{
    unsigned char *block         = make_block(MIB);
    struct csh_alias_source one  = make_shadow(MIB, 1);
    struct csh_alias_source two  = make_shadow(MIB, 2);
    struct csh_alias_usage usage;
    struct csh_shadow_ref ref;

    expect_mapped(block, &one);
    expect_mapped(block, &one);
    expect_mapped(block, &two);
    ck_assert_int_ne(check(block, &one), CSH_ALIAS_UNTOUCHED);
    block[500 * KIB] = 0;
    give(block, &two);
    if (can_map()) {
        ck_assert_uint_eq(result.mapped_bytes, whole_pages(block, MIB) -
                                                       PAGE);
        ck_assert(csh_alias_find(aliases, block, MIB, &ref));
        ck_assert_uint_eq(ref.index, 2);
        ck_assert(!csh_alias_find(aliases, block, MIB - 1, &ref));
        ck_assert(!csh_alias_find(aliases, block + 1, MIB - 1, &ref));
        csh_alias_read_usage(aliases, &usage);
        ck_assert_uint_eq(usage.n_records, 1);
        ck_assert_uint_eq(usage.mapped_bytes, result.mapped_bytes);
    }
    ck_assert_int_eq(check(block, &two), CSH_ALIAS_UNTOUCHED);
}
END_TEST

/* --- conditions, one by one ---------------------------------------------- */

static unsigned char *block;
static size_t phase = PHASE; /* of the block, from its mapping */
static struct csh_alias_source shadow;

static bool other_phase(void)
{
    shadow = make_shadow_at(MIB, phase + 0x30, 3);
    return true;
}

/* The heads that make_block_at() wrote. */
static void put_heads(size_t size, size_t first_size)
{
    put_head(block - 16, phase - 16, size);
    put_head(block - phase, 0, first_size);
}

/* Another allocator's, or the program's own mapping: no head. */
static bool no_head(void)
{
    memset(block - 16, 0, 16);
    return true;
}

static bool head_of_a_heap(void)
{
    put_head(block - 16, phase - 16, (MIB + PAGE - phase + 16) | 3);
    return true;
}

/* The data before a row of the program's own matrix looks like a head. */
static bool data_like_a_head(void)
{
    put_head(block - phase, 0, 0);
    return true;
}

static bool head_that_ends_too_soon(void)
{
    put_heads((MIB / 2 + PAGE - phase + 16) | 2, (MIB / 2 + PAGE) | 2);
    return true;
}

static bool head_that_reaches_too_far(void)
{
    put_heads((4 * MIB - phase + 16) | 2, 4 * MIB | 2);
    return true;
}

/* A mapping of the program's own, right behind a page without access. */
static bool guard_page_before(void)
{
    unsigned char *memory = anonymous(2 * MIB);

    ck_assert_int_eq(mprotect(memory, PAGE, PROT_NONE), 0);
    block  = memory + PAGE;
    shadow = make_shadow_at(MIB, 0, 3);
    return true;
}

static bool nothing_before(void)
{
    unsigned char *memory = anonymous(2 * MIB);

    ck_assert_int_eq(munmap(memory, PAGE), 0);
    block  = memory + PAGE;
    shadow = make_shadow_at(MIB, 0, 3);
    return true;
}

/* Private, with the right head, but of the program's own file. */
static bool mapped_file(void)
{
    int fd                = make_file(1);
    unsigned char *memory;

    ck_assert_int_eq(ftruncate(fd, 2 * (off_t)MIB), 0);
    memory = map_file(fd, 2 * MIB / PAGE);
    block  = make_head(memory, 2 * MIB, phase);
    return true;
}

static bool shared_memory(void)
{
    unsigned char *memory = mmap(NULL, 2 * MIB, PLAIN,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    block = make_head(memory, 2 * MIB, phase);
    return true;
}

static bool executable(void)
{
    return mprotect(block - phase, MIB + PAGE, PLAIN | PROT_EXEC) == 0;
}

/* Its first whole page. */
static unsigned char *inside(void)
{
    return block + PAGE - phase;
}

static bool not_inherited(void)
{
    return madvise(inside(), 512 * KIB, MADV_DONTFORK) == 0;
}

static bool wiped_on_fork(void)
{
    return madvise(inside(), 512 * KIB, 18) == 0;
}

static bool not_dumped(void)
{
    return madvise(inside(), 512 * KIB, MADV_DONTDUMP) == 0;
}

static bool locked_on_fault(void)
{
    return syscall(SYS_mlock2, inside(), 512 * KIB, 1) == 0;
}

static bool under_userfaultfd(void)
{
    struct uffdio_api api        = {.api = UFFD_API};
    struct uffdio_register range = {.range = {at(inside()), 512 * KIB},
                                    .mode  = UFFDIO_REGISTER_MODE_WP};
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

    return (fd >= 0) && (ioctl(fd, UFFDIO_API, &api) == 0) &&
           (ioctl(fd, UFFDIO_REGISTER, &range) == 0);
}

static bool descriptor_closed(void)
{
    struct csh_slab_file file;

    ck_assert(csh_slab_find_file(&shadow.extent, &file));
    return close(file.chunk->fd) == 0;
}

/* The program's own file has our number. */
static bool descriptor_replaced(void)
{
    struct csh_slab_file file;
    int own = make_file(300);

    ck_assert(csh_slab_find_file(&shadow.extent, &file));
    return dup2(own, file.chunk->fd) == file.chunk->fd;
}

static const struct {
    const char *name;
    bool (*make)(void);
    enum csh_alias_obstacle obstacle;
    size_t most_mapped;
} conditions[] = {
    {"phase", other_phase, CSH_ALIAS_phase, 0},
    {"no head", no_head, CSH_ALIAS_block, 0},
    {"heap", head_of_a_heap, CSH_ALIAS_block, 0},
    {"data like a head", data_like_a_head, CSH_ALIAS_block, 0},
    {"too short", head_that_ends_too_soon, CSH_ALIAS_block, 0},
    {"too long", head_that_reaches_too_far, CSH_ALIAS_block, 0},
    {"guard page", guard_page_before, CSH_ALIAS_block, 0},
    {"hole", nothing_before, CSH_ALIAS_block, 0},
    {"file", mapped_file, CSH_ALIAS_block, 0},
    {"shared", shared_memory, CSH_ALIAS_block, 0},
    {"executable", executable, CSH_ALIAS_block, 0},
    {"not inherited", not_inherited, CSH_ALIAS_marked, 512 * KIB},
    {"wiped on fork", wiped_on_fork, CSH_ALIAS_marked, 512 * KIB},
    {"not dumped", not_dumped, CSH_ALIAS_marked, 512 * KIB},
    {"locked", locked_on_fault, CSH_ALIAS_marked, 512 * KIB},
    {"userfaultfd", under_userfaultfd, CSH_ALIAS_marked, 512 * KIB},
    {"closed", descriptor_closed, CSH_ALIAS_file, 0},
    {"replaced", descriptor_replaced, CSH_ALIAS_file, 0},
};
#define N_CONDITIONS (sizeof(conditions) / sizeof(conditions[0]))

/* With the heads in the block's first page, and in one before it. */
static void test_one_condition(int i)
{
    block  = make_block_at(MIB, phase);
    shadow = make_shadow_at(MIB, phase, 3);
    if (!can_map() || !conditions[i].make()) {
        fprintf(stderr, "not possible here: %s\n", conditions[i].name);
        return;
    }
    give(block, &shadow);
    ck_assert_msg(result.mapped_bytes <= conditions[i].most_mapped, "%s",
                  conditions[i].name);
    ck_assert_msg(result.obstacle == conditions[i].obstacle, "%s: %d",
                  conditions[i].name, (int)result.obstacle);
    ck_assert(has_flag(inside(), "dc") ==
              (conditions[i].make == not_inherited));
    ck_assert(has_flag(inside(), "wf") ==
              (conditions[i].make == wiped_on_fork));
    ck_assert(has_flag(inside(), "lo") ==
              (conditions[i].make == locked_on_fault));
    ck_assert(holds(block, MIB, 3));
}

START_TEST(test_condition)
{
    phase = PHASE;
    test_one_condition(_i);
}
END_TEST

START_TEST(test_condition_of_whole_pages)
{
    phase = PAGE;
    test_one_condition(_i);
}
END_TEST

START_TEST(test_malloc_is_not_glibcs)
{
    csh_alias_destroy(aliases);
    setup.libc_owns_malloc = false;
    aliases = csh_alias_create(&setup);
    block   = make_block(MIB);
    shadow  = make_shadow(MIB, 3);
    expect_copied(block, &shadow, CSH_ALIAS_block);
}
END_TEST

/* A destination in the middle of a block, or across two of them. */
START_TEST(test_not_the_start_of_a_block)
{
    unsigned char *two = anonymous(4 * MIB);

    block  = make_block(2 * MIB);
    shadow = make_shadow(MIB, 3);
    expect_copied(block + 64 * KIB, &shadow, CSH_ALIAS_block);
    block = make_head(two, 2 * MIB, PHASE);
    make_head(two + 2 * MIB, 2 * MIB, PHASE);
    shadow = make_shadow(3 * MIB, 4);
    expect_copied(block, &shadow, CSH_ALIAS_block);
}
END_TEST

/* What somebody has pinned stays what it was: through the pin the program
 * reads and writes the memory that it sees. */
START_TEST(test_pinned_destination)
{
    int file = memfd_create("out", 0);
    static unsigned char copy[MIB];
    struct uring uring;

    block  = make_block(MIB);
    shadow = make_shadow(MIB, 3);
    if (!uring_pin(&uring, inside(), 512 * KIB)) {
        fprintf(stderr, "no io_uring here\n");
        return;
    }
    give(block, &shadow);
    ck_assert_int_eq(uring_run(&uring, IORING_OP_WRITE_FIXED, file, inside(),
                               512 * KIB), (int)(512 * KIB));
    ck_assert_int_eq(pread(file, copy, 512 * KIB, 0), 512 * KIB);
    ck_assert_mem_eq(copy, shadow.extent.address + PAGE - PHASE, 512 * KIB);
    /* And the other way: what comes in through the pin is a change. */
    ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_UNTOUCHED);
    ck_assert_int_eq(pwrite(file, "changed", 7, 0), 7);
    ck_assert_int_eq(uring_run(&uring, IORING_OP_READ_FIXED, file, inside(),
                               512 * KIB), (int)(512 * KIB));
    ck_assert_mem_eq(inside(), "changed", 7);
    ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_WRITTEN);
    uring_unpin(&uring);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("alias");
    TCase *tcase = tcase_create("conditions");

    tcase_add_checked_fixture(tcase, start, NULL);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_sizes, 0,
                        (int)(N_PHASES * N_SIZES));
    tcase_add_test(tcase, test_beyond_two_gib);
    tcase_add_test(tcase, test_edges);
    tcase_add_test(tcase, test_touched_pages_are_copied_into);
    tcase_add_test(tcase, test_many_touched_pages);
    tcase_add_test(tcase, test_same_destination_again);
    tcase_add_loop_test(tcase, test_condition, 0, (int)N_CONDITIONS);
    tcase_add_loop_test(tcase, test_condition_of_whole_pages, 0,
                        (int)N_CONDITIONS);
    tcase_add_test(tcase, test_malloc_is_not_glibcs);
    tcase_add_test(tcase, test_not_the_start_of_a_block);
    tcase_add_test(tcase, test_pinned_destination);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
