/*
 * test_alias_life.c - what becomes of mapped memory: freed, grown, given
 * advice, forked, spliced. Each test runs in a process of its own.
 */
#include "alias_fixture.h"

#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/uio.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

#define CUT SIZE_MAX /* for an alignment */

static unsigned char *block;
static struct csh_alias_source shadow;

static unsigned char *inside(void)
{
    return block + PAGE - PHASE;
}

static void map_one(void)
{
    start();
    block  = make_block(MIB);
    shadow = make_shadow(MIB, 3);
    expect_mapped(block, &shadow);
}

/* The program frees its shadow's memory as well, and what the shim has then is
 * filled with other bytes: whoever still reads the old must not see it. */
static void retire(void)
{
    struct csh_alias_source other;

    csh_slab_free(pool, &shadow.extent);
    csh_slab_trim(pool);
    other = make_shadow(MIB, 77);
    (void)other;
}

/* --- real blocks of glibc's ---------------------------------------------- */

static unsigned char *allocate(size_t alignment, size_t bytes)
{
    void *memory;

    ck_assert_int_eq(mallopt(M_MMAP_THRESHOLD, 64 * 1024), 1);
    ck_assert_int_eq((alignment == 0) ? (memory = malloc(bytes)) == NULL
                                      : posix_memalign(&memory, alignment,
                                                       bytes), 0);
    return memory;
}

/* As shadow/placement.c makes them: the rest is given back by realloc. */
static unsigned char *allocate_cut(size_t bytes)
{
    return realloc(allocate(64, bytes + 33 * MIB), bytes);
}

static bool is_glibc(void)
{
    return csh_libc_owns_malloc() && can_map();
}

/* 1: realloc to more, 2: to less, 3: calloc after free, 4: trim. */
START_TEST(test_blocks_of_malloc)
{
    static const size_t alignments[] = {0, 64, 4096, 65536, CUT};
    const size_t alignment = alignments[_i / 5];
    const size_t bytes     = 3 * MIB + 123;
    unsigned char *memory, *again;
    size_t i;

    start();
    if (!is_glibc()) {
        return;
    }
    memory = alignment == CUT ? allocate_cut(bytes)
                              : allocate(alignment, bytes);
    shadow = make_shadow_at(bytes, at(memory), 3);
    expect_mapped(memory, &shadow);
    switch (_i % 5) {
    case 0:
        ck_assert_uint_ge(malloc_usable_size(memory), bytes);
        break;
    case 1:
    case 2:
        again = realloc(memory, (_i % 5 == 1) ? 3 * bytes : bytes / 3);
        ck_assert(holds(again, (_i % 5 == 1) ? bytes : bytes / 3, 3));
        again[100] ^= 1;
        memory = again;
        break;
    case 3:
        free(memory);
        memory = calloc(1, bytes);
        for (i = 0; (i < bytes) && (memory[i] == 0); i++) {
        }
        ck_assert_uint_eq(i, bytes);
        break;
    default:
        malloc_trim(0);
        ck_assert(holds(memory, bytes, 3));
    }
    free(memory);
    ck_assert(holds(shadow.extent.address, bytes, 3));
}
END_TEST

/* Small and recycled memory is the heap's. */
START_TEST(test_heap_memory_is_not_mapped)
{
    unsigned char *memory;

    start();
    if (!csh_libc_owns_malloc()) {
        return;
    }
    ck_assert_int_eq(mallopt(M_MMAP_THRESHOLD, 32 << 20), 1);
    memory = malloc(4 * MIB);
    shadow = make_shadow_at(4 * MIB, at(memory), 3);
    expect_copied(memory, &shadow, CSH_ALIAS_block);
    free(memory);
}
END_TEST

/* One shadow is mapped, a second has its first and last bytes. */
static struct csh_alias_source make_shadow_again(void)
{
    struct csh_alias_source other;

    map_one();
    other = make_shadow(MIB, 4);
    memcpy(other.extent.address, shadow.extent.address, PAGE);
    memcpy(other.extent.address + MIB - PAGE,
           shadow.extent.address + MIB - PAGE, PAGE);
    return other;
}

/* --- what the program does to it ----------------------------------------- */

static void *put_anonymous(void)
{
    return mmap(inside(), 64 * KIB, PLAIN, MAP_PRIVATE | MAP_ANONYMOUS |
                MAP_FIXED, -1, 0);
}

/* The record says ours, the kernel does not. */
START_TEST(test_mapping_that_is_no_longer_ours)
{
    struct csh_slab_file file;
    int own = make_file(300);

    map_one();
    ck_assert(csh_slab_find_file(&shadow.extent, &file));
    switch (_i) {
    case 0:
        ck_assert_ptr_eq(put_anonymous(), inside());
        break;
    case 1:
        ck_assert_int_eq(munmap(inside(), 64 * KIB), 0);
        break;
    case 2: /* the right place, the wrong file */
        ck_assert_ptr_eq(mmap(inside(), 64 * KIB, PLAIN, MAP_PRIVATE |
                              MAP_FIXED, own, (off_t)((file.offset + PAGE) &
                                                      ~(PAGE - 1))),
                         inside());
        break;
    case 3: /* the right file, the wrong place in it */
        ck_assert_ptr_eq(mmap(inside(), 64 * KIB, PLAIN, MAP_PRIVATE |
                              MAP_FIXED, file.chunk->fd, 64 * KIB +
                              (off_t)((file.offset + PAGE) & ~(PAGE - 1))),
                         inside());
        break;
    default: /* moved within itself */
        ck_assert_ptr_eq(mremap(inside() + 128 * KIB, 64 * KIB, 64 * KIB,
                                MREMAP_MAYMOVE | MREMAP_FIXED, inside()),
                         inside());
    }
    ck_assert_int_ne(check(block, &shadow), CSH_ALIAS_UNTOUCHED);
}
END_TEST

START_TEST(test_freed_and_mapped_again_by_the_program)
{
    struct csh_alias_usage usage;
    unsigned char *before;

    map_one();
    before = block;
    ck_assert_int_eq(munmap(block - PHASE, MIB + PAGE), 0);
    ck_assert_ptr_eq(mmap(before - PHASE, MIB + PAGE, PLAIN, MAP_PRIVATE |
                          MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
                     before - PHASE);
    ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_WRITTEN);
    csh_alias_forget(aliases, block + 5, 1);
    csh_alias_read_usage(aliases, &usage);
    ck_assert_uint_eq(usage.n_records, 0);
    ck_assert_uint_eq(usage.n_mappings, 0);
    ck_assert_uint_eq(usage.mapped_bytes, 0);
}
END_TEST

/* Another shadow whose copied edges are the same. */
START_TEST(test_mapping_of_another_shadow)
{
    struct csh_alias_source other = make_shadow_again();

    ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_UNTOUCHED);
    ck_assert_int_ne(check(block, &other), CSH_ALIAS_UNTOUCHED);
}
END_TEST

static sigjmp_buf crash;

static void jump(int number)
{
    siglongjmp(crash, number);
}

/* What the program may not write must not become writable: the copy ends as
 * the program's own would. */
START_TEST(test_no_write_access)
{
    struct csh_alias_source other;

    map_one();
    other = make_shadow(MIB, 4);
    ck_assert_int_eq(mprotect(inside(), MIB - PAGE, PROT_READ), 0);
    signal(SIGSEGV, jump);
    if (sigsetjmp(crash, 1) == 0) {
        ck_assert(!csh_alias_materialise(aliases, block, &other, &result));
        ck_abort_msg("written");
    }
    signal(SIGSEGV, SIG_DFL);
    ck_assert_mem_eq(inside(), shadow.extent.address + PAGE - PHASE, PAGE);
}
END_TEST

/* Read-only in the program's hands it is still ours. */
START_TEST(test_read_only)
{
    map_one();
    ck_assert_int_eq(mprotect(inside(), MIB - PAGE, PROT_READ), 0);
    ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_UNTOUCHED);
    ck_assert_int_eq(mprotect(inside(), MIB - PAGE, PROT_NONE), 0);
    ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_UNKNOWN);
}
END_TEST

static void expect_zeros(const unsigned char *from, size_t bytes)
{
    size_t i;

    for (i = 0; (i < bytes) && (from[i] == 0); i++) {
    }
    ck_assert_uint_eq(i, bytes);
}

/* After the watcher the program's own call does what it does to anonymous
 * memory, and its neighbours keep their bytes. */
START_TEST(test_discarded)
{
    struct csh_vma vma;

    map_one();
    ck_assert(!can_map() || (csh_host_watcher_set != NULL));
    csh_alias_files_turn_back(at(inside()) + 64 * KIB, 128 * KIB,
                              CSH_CHANGE_DISCARD);
    ck_assert_int_eq(madvise(inside() + 64 * KIB, 128 * KIB,
                             (_i == 0) ? MADV_DONTNEED : MADV_FREE), 0);
    expect_zeros(inside() + 64 * KIB, (_i == 0 || can_map()) ? 128 * KIB : 0);
    ck_assert(holds(block, PAGE - PHASE + 64 * KIB, 3));
    ck_assert_mem_eq(inside() + 192 * KIB, shadow.extent.address + PAGE -
                     PHASE + 192 * KIB, MIB - PAGE - 192 * KIB);
    ck_assert_int_eq(csh_page_state_find_vma(&state, at(inside()) + 64 * KIB,
                                             &vma), CSH_PAGES_FOUND);
    ck_assert(csh_vma_is_plain(&vma));
    ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_WRITTEN);
}
END_TEST

/* The same bytes, also those that the program wrote, and its protection. */
START_TEST(test_retyped)
{
    struct csh_vma vma;

    map_one();
    inside()[70 * KIB] ^= 0x44;
    ck_assert_int_eq(mprotect(inside(), MIB - PAGE, PROT_READ), 0);
    csh_alias_files_turn_back(0, SIZE_MAX, CSH_CHANGE_RETYPE);
    ck_assert_int_eq(csh_page_state_find_vma(&state, at(inside()), &vma),
                     CSH_PAGES_FOUND);
    ck_assert_uint_eq(vma.inode, 0);
    ck_assert_uint_eq(vma.flags, CSH_VMA_READABLE);
    ck_assert_int_eq(mprotect(inside(), MIB - PAGE, PLAIN), 0);
    ck_assert_int_eq(madvise(inside(), MIB - PAGE, MADV_WIPEONFORK), 0);
    inside()[70 * KIB] ^= 0x44;
    ck_assert(holds(block, MIB, 3));
    ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_UNTOUCHED);
    ck_assert(holds(shadow.extent.address, MIB, 3));
}
END_TEST

static int discard_in_child(void)
{
    csh_alias_files_turn_back(at(inside()), MIB / 2, CSH_CHANGE_DISCARD);
    expect_zeros(inside(), MIB / 2);
    return holds(block, PAGE - PHASE, 3) ? 7 : 8;
}

START_TEST(test_discarded_in_a_child)
{
    map_one();
    if (can_map()) {
        ck_assert_int_eq(in_child(discard_in_child), 7);
    }
    ck_assert(holds(block, MIB, 3));
    ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_UNTOUCHED);
}
END_TEST

/* A private mapping of the program's own file is not ours. */
START_TEST(test_other_files_stay)
{
    unsigned char *memory = map_file(make_file(4), 4);

    map_one();
    csh_alias_files_turn_back(at(memory), 4 * PAGE, CSH_CHANGE_DISCARD);
    ck_assert_uint_eq(memory[3 * PAGE], 4);
    csh_alias_files_forget();
    ck_assert(csh_host_watcher_set == NULL);
    csh_alias_files_turn_back(at(inside()), PAGE, CSH_CHANGE_DISCARD);
    ck_assert(holds(block, MIB, 3));
}
END_TEST

/* --- readers that outlive it --------------------------------------------- */

static int ends[2];

static int read_in_child(void)
{
    unsigned char byte;

    /* Until the parent has let go of everything. */
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    if (!holds(block, MIB, 3)) {
        return 1;
    }
    block[MIB / 2] ^= 1;
    return (block[MIB / 2] == (byte_of(MIB / 2, 3) ^ 1)) ? 7 : 2;
}

START_TEST(test_child_after_the_parent)
{
    pid_t child;
    int status;

    map_one();
    ck_assert_int_eq(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        _exit(read_in_child());
    }
    ck_assert_int_eq(munmap(block - PHASE, MIB + PAGE), 0);
    retire();
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 7);
}
END_TEST

/* Pages in a pipe, the memory freed, the shim's reused. Only one of the
 * chunk's shadows goes: the chunk itself stays, and must not hand it out. */
START_TEST(test_pipe_after_free)
{
    struct iovec from;
    unsigned char got[64 * KIB];
    struct csh_alias_source neighbour;
    size_t n = 0;
    ssize_t more;

    map_one();
    neighbour = make_shadow(MIB, 9);
    from.iov_base = inside() + 256 * KIB;
    from.iov_len  = sizeof(got);
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(vmsplice(ends[1], &from, 1, 0), sizeof(got));
    ck_assert_int_eq(munmap(block - PHASE, MIB + PAGE), 0);
    retire();
    for (; n < sizeof(got); n += (size_t)more) {
        more = read(ends[0], got + n, sizeof(got) - n);
        ck_assert_int_gt(more, 0);
    }
    for (n = 0; n < sizeof(got); n++) {
        ck_assert_uint_eq(got[n], byte_of(PAGE - PHASE + 256 * KIB + n, 3));
    }
    ck_assert(holds(neighbour.extent.address, MIB, 9));
}
END_TEST

/* The shadow is gone, its mapping is not. */
START_TEST(test_mapping_outlives_its_shadow)
{
    map_one();
    retire();
    ck_assert(holds(block, MIB, 3));
    block[0]        ^= 1;
    inside()[5000]  ^= 1;
    block[0]        ^= 1;
    inside()[5000]  ^= 1;
    ck_assert(holds(block, MIB, 3));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("alias_life");
    TCase *tcase = tcase_create("life");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_blocks_of_malloc, 0, 25);
    tcase_add_test(tcase, test_heap_memory_is_not_mapped);
    tcase_add_loop_test(tcase, test_mapping_that_is_no_longer_ours, 0, 5);
    tcase_add_test(tcase, test_freed_and_mapped_again_by_the_program);
    tcase_add_test(tcase, test_mapping_of_another_shadow);
    tcase_add_test(tcase, test_no_write_access);
    tcase_add_test(tcase, test_read_only);
    tcase_add_loop_test(tcase, test_discarded, 0, 2);
    tcase_add_test(tcase, test_retyped);
    tcase_add_test(tcase, test_discarded_in_a_child);
    tcase_add_test(tcase, test_other_files_stay);
    tcase_add_test(tcase, test_child_after_the_parent);
    tcase_add_test(tcase, test_pipe_after_free);
    tcase_add_test(tcase, test_mapping_outlives_its_shadow);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
