/*
 * test_alias_marks.c - attributes that the program gives to mapped memory:
 * nothing stored meanwhile is lost, and they outlive the alias.
 */
#include "alias_fixture.h"

#include <pthread.h>
#include <sys/syscall.h>

#include "shadow/vma_marks.h"

static unsigned char *block;
static struct csh_alias_source shadow;

static unsigned char *inside(void)
{
    return block + PAGE - PHASE;
}

static void map_one(size_t bytes)
{
    start();
    block  = make_block(bytes);
    shadow = make_shadow(bytes, 3);
    expect_mapped(block, &shadow);
}

/* Attributes that an alias can have without being anything else. A thread
 * stores beside the call, as one that fills a buffer while a library registers
 * another part of it. */
#define STORED (16 * MIB)

static _Atomic bool is_storing, is_over;

static void *store_and_look(void *lost_p)
{
    static unsigned char latest[STORED / 4096];
    size_t i, n = (STORED - PAGE) / 4096;
    unsigned char *at_ = inside();

    for (i = 0; i < n; i++) {
        latest[i] = at_[i * 4096];
    }
    for (i = 0; !is_over; i = (i + 1) % n) {
        *(size_t *)lost_p += at_[i * 4096] != latest[i];
        at_[i * 4096] = ++latest[i];
        is_storing = true;
    }
    return NULL;
}

START_TEST(test_no_store_is_lost_for_an_attribute)
{
    static const int advice[][2] = {{MADV_DONTFORK, MADV_DOFORK},
                                    {MADV_DONTDUMP, MADV_DODUMP}};
    size_t lost = 0;
    pthread_t thread;
    int i;

    map_one(STORED);
    ck_assert_int_eq(pthread_create(&thread, NULL, store_and_look, &lost),
                     0);
    while (!is_storing) {
        usleep(100);
    }
    for (i = 0; i < 2; i++) {
        csh_host_advising(at(inside()), STORED - PAGE, advice[i][0]);
        ck_assert_int_eq(madvise(inside(), STORED - PAGE, advice[i][0]), 0);
        ck_assert_int_eq(madvise(inside(), STORED - PAGE, advice[i][1]), 0);
    }
    csh_host_changing(at(inside()), STORED - PAGE, CSH_CHANGE_OWN_AND_MARK);
    csh_host_changing(0, SIZE_MAX, CSH_CHANGE_MARK);
    usleep(5000);
    is_over = true;
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(lost, 0);
    ck_assert(holds(shadow.extent.address, STORED, 3));
}
END_TEST

/* Whoever pins these pages has the program's. Read-only ones cannot be made its
 * own by a fault, and nobody stores there. */
START_TEST(test_pages_become_the_programs_own)
{
    size_t bytes = MIB - PAGE;
    struct csh_page_run run = {0, 0};
    struct csh_vma vma;

    map_one(MIB);
    if (_i == 1) {
        ck_assert_int_eq(mprotect(inside(), bytes, PROT_READ), 0);
    }
    csh_host_changing(at(inside()), bytes, CSH_CHANGE_OWN);
    ck_assert(holds(block, MIB, 3));
    if (!can_map()) {
        return;
    }
    ck_assert_int_eq(csh_page_state_find_vma(&state, at(inside()), &vma),
                     CSH_PAGES_FOUND);
    ck_assert_uint_eq(vma.flags & CSH_VMA_WRITABLE,
                      (_i == 1) ? 0 : CSH_VMA_WRITABLE);
    if (vma.inode != 0) {
        ck_assert_int_eq(csh_page_state_find_pages(&state, CSH_PAGES_WRITTEN,
                                                   at(inside()),
                                                   at(inside()) + bytes,
                                                   &run), CSH_PAGES_FOUND);
        ck_assert_uint_eq(run.start, at(inside()));
        ck_assert_uint_eq(run.end, at(inside()) + bytes);
    }
}
END_TEST

/* The alias has them, and so has what takes its place. */
START_TEST(test_attributes_stay)
{
    const unsigned wanted = (_i == 0) ? CSH_MARK_DONT_FORK
                                      : CSH_MARK_DONT_DUMP | CSH_MARK_LOCKED;
    unsigned marks;
    struct csh_page_view view;
    struct csh_vma vma;

    map_one(MIB);
    ck_assert(csh_vma_set_marks(at(inside()), at(inside()) + MIB - PAGE,
                                wanted));
    if ((_i == 1) && (syscall(SYS_mlock, inside(), MIB - PAGE) != 0)) {
        return; /* RLIMIT_MEMLOCK */
    }
    csh_host_changing(at(inside()), MIB - PAGE, CSH_CHANGE_MARK);
    ck_assert_int_eq(check(block, &shadow), CSH_ALIAS_UNTOUCHED);
    csh_host_advising(at(inside()), MIB - PAGE, MADV_DONTNEED);
    if (!can_map()) {
        return;
    }
    ck_assert_int_eq(csh_page_state_find_vma(&state, at(inside()), &vma),
                     CSH_PAGES_FOUND);
    ck_assert_uint_eq(vma.inode, 0);
    csh_page_view_begin(&view, &state);
    marks = csh_vma_marks(&view, at(inside()), at(inside()) + PAGE);
    ck_assert_uint_eq(marks & (CSH_MARK_DONT_FORK | CSH_MARK_DONT_DUMP |
                               CSH_MARK_LOCKED), wanted);
    ck_assert(holds(block, MIB, 3));
}
END_TEST

/* What is locked keeps its bytes, be it one page. */
START_TEST(test_a_locked_page_is_not_discarded)
{
    map_one(MIB);
    if (syscall(SYS_mlock, inside(), PAGE) != 0) {
        return; /* RLIMIT_MEMLOCK */
    }
    csh_host_changing(at(inside()), PAGE, CSH_CHANGE_MARK);
    csh_host_advising(at(inside()), PAGE, MADV_DONTNEED);
    ck_assert_int_ne(csh_own_madvise(inside(), PAGE, MADV_DONTNEED), 0);
    ck_assert(holds(block, MIB, 3));
}
END_TEST

/* A mapping of one page has no neighbour to compare it with. */
START_TEST(test_a_lone_page_keeps_its_attributes)
{
    static const struct {
        unsigned mark;
        const char *flag;
    } given[] = {{CSH_MARK_DONT_FORK, "dc"}, {CSH_MARK_DONT_DUMP, "dd"}};
    unsigned char *page;
    struct csh_vma vma;

    map_one(MIB);
    page = inside() + 8 * PAGE;
    ck_assert(csh_vma_set_marks(at(page), at(page) + PAGE, given[_i].mark));
    csh_host_changing(at(page), PAGE, CSH_CHANGE_RETYPE_AND_MARK);
    ck_assert(has_flag(page, given[_i].flag));
    ck_assert(!has_flag(page, given[1 - _i].flag));
    ck_assert(!has_flag(page + PAGE, given[_i].flag));
    ck_assert(holds(block, MIB, 3));
    if (can_map()) {
        ck_assert_int_eq(csh_page_state_find_vma(&state, at(page), &vma),
                         CSH_PAGES_FOUND);
        ck_assert_uint_eq(vma.inode, 0);
        ck_assert_uint_eq(csh_vma_marks_in_text(at(page)), given[_i].mark);
        ck_assert_uint_eq(csh_vma_marks_in_text(at(page) + PAGE), 0);
    }
    ck_assert_uint_eq(csh_vma_marks_in_text(8), CSH_MARK_UNKNOWN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("alias_marks");
    TCase *tcase = tcase_create("marks");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_no_store_is_lost_for_an_attribute);
    tcase_add_loop_test(tcase, test_pages_become_the_programs_own, 0, 2);
    tcase_add_loop_test(tcase, test_attributes_stay, 0, 2);
    tcase_add_test(tcase, test_a_locked_page_is_not_discarded);
    tcase_add_loop_test(tcase, test_a_lone_page_keeps_its_attributes, 0, 2);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
