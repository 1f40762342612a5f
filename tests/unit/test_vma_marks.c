/*
 * test_vma_marks.c - each mark is found, and left as it was.
 */
#include "pages_fixture.h"

#include <linux/userfaultfd.h>
#include <pthread.h>

#include "shadow/vma_marks.h"

#define N_PAGES 16
#define MARKED_FROM 4
#define MARKED_PAGES 8
#define LOOKED_AT 6

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

static struct csh_page_state state;
static unsigned char *memory;

static void start(void)
{
    csh_log_threshold = CSH_LOG_OFF;
    csh_page_state_open(&state, CSH_PAGES_BY_ALL);
    memory = anonymous(N_PAGES * PAGE);
    /* What touched memory has and fresh memory has not must not matter. */
    memory[0] = 1;
}

static unsigned char *marked(void)
{
    return memory + MARKED_FROM * PAGE;
}

static unsigned look_at(const unsigned char *page,
                        const unsigned char *neighbour)
{
    struct csh_page_view view;

    csh_page_view_begin(&view, &state);
    return csh_vma_marks(&view, at(page), at(neighbour));
}

static unsigned look(void)
{
    return look_at(memory + LOOKED_AT * PAGE,
                   memory + (LOOKED_AT - 1) * PAGE);
}

/* --- the marks: false where the system refuses --------------------------- */

static bool nothing(void)
{
    return true;
}

static bool advise(int advice)
{
    return madvise(marked(), MARKED_PAGES * PAGE, advice) == 0;
}

static bool dont_fork(void)
{
    return advise(MADV_DONTFORK);
}

static bool wipe_on_fork(void)
{
    return advise(MADV_WIPEONFORK);
}

static bool dont_dump(void)
{
    return advise(MADV_DONTDUMP);
}

static bool all_three(void)
{
    return dont_fork() && wipe_on_fork() && dont_dump();
}

static bool hugepage(void)
{
    return advise(MADV_HUGEPAGE);
}

/* Locked, and yet untouched. */
static bool lock_on_fault(void)
{
    return syscall(SYS_mlock2, marked(), MARKED_PAGES * PAGE, 1) == 0;
}

static bool bind_to_node(void)
{
    unsigned long nodes = 1;

    /* The machine may have a single node, and the question be left out. */
    state.has_nodes = true;
    return syscall(SYS_mbind, marked(), MARKED_PAGES * PAGE, 2 /* bind */,
                   &nodes, 64, 0) == 0;
}

static bool no_policy(void)
{
    unsigned long node = 0;

    state.has_nodes = true;
    return syscall(SYS_get_mempolicy, &node, NULL, 0, NULL, 0) == 0;
}

static bool protection_key(void)
{
    int key = (int)syscall(SYS_pkey_alloc, 0, 0);

    return (key > 0) && (syscall(SYS_pkey_mprotect, marked(),
                                 MARKED_PAGES * PAGE, PLAIN, key) == 0);
}

static bool userfault(void)
{
    struct uffdio_api api           = {.api = UFFD_API};
    struct uffdio_register missing  = {
        .range = {at(marked()), MARKED_PAGES * PAGE},
        .mode  = UFFDIO_REGISTER_MODE_MISSING};
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

    return (fd >= 0) && (ioctl(fd, UFFDIO_API, &api) == 0) &&
           (ioctl(fd, UFFDIO_REGISTER, &missing) == 0);
}

static const struct {
    const char *name;
    bool (*set)(void);
    unsigned marks;
} cases[] = {
    {"nothing", nothing, 0},
    {"huge pages", hugepage, 0},
    {"no policy", no_policy, 0},
    {"not inherited", dont_fork, CSH_MARK_DONT_FORK},
    {"wiped in children", wipe_on_fork, CSH_MARK_WIPE_ON_FORK},
    {"not dumped", dont_dump, CSH_MARK_DONT_DUMP},
    {"all three", all_three, CSH_MARK_DONT_FORK | CSH_MARK_WIPE_ON_FORK |
     CSH_MARK_DONT_DUMP},
    {"locked", lock_on_fault, CSH_MARK_LOCKED},
    {"bound to a node", bind_to_node, CSH_MARK_POLICY},
    {"protection key", protection_key, CSH_MARK_KEY},
    {"userfaultfd", userfault, CSH_MARK_USERFAULT},
};
#define N_CASES (sizeof(cases) / sizeof(cases[0]))

/* One line a mapping, of those that hold the memory. */
static void describe(char *text, size_t bytes)
{
    static const char *const flags[] = {"dc", "wf", "dd", "lo", "um", "hg"};
    uint64_t address = at(memory);
    struct csh_vma vma;
    size_t used = 0, i;

    for (; address < at(memory) + N_PAGES * PAGE; address = vma.end) {
        ck_assert_int_eq(csh_page_state_find_vma(&state, address, &vma),
                         CSH_PAGES_FOUND);
        used += (size_t)snprintf(text + used, bytes - used, "%lx-%lx",
                                 vma.start, vma.end);
        for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
            used += (size_t)snprintf(
                    text + used, bytes - used, "%s",
                    has_flag((void *)(uintptr_t)address, flags[i]) ? flags[i]
                                                                   : "-");
        }
        used += (size_t)snprintf(text + used, bytes - used, "\n");
    }
}

static bool can_look(void)
{
    return (state.offered & (CSH_PAGES_BY_QUERY | CSH_PAGES_BY_TEXT)) != 0;
}

START_TEST(test_mark_is_found_and_left)
{
    char before[4096], after[4096];

    if (!can_look() || !cases[_i].set()) {
        fprintf(stderr, "not possible here: %s\n", cases[_i].name);
        return;
    }
    describe(before, sizeof(before));
    ck_assert_uint_eq(look(), cases[_i].marks);
    describe(after, sizeof(after));
    ck_assert_str_eq(before, after);
    ck_assert_uint_eq(look(), cases[_i].marks);
}
END_TEST

/* A page that does not lie with its neighbour tells nothing. */
START_TEST(test_page_at_a_border)
{
    if (can_look()) {
        ck_assert(dont_fork());
        ck_assert_uint_eq(
                look_at(marked(), marked() - PAGE) &
                        CSH_MARK_UNKNOWN, CSH_MARK_UNKNOWN);
        ck_assert(has_flag(marked(), "dc"));
        ck_assert(!has_flag(marked() - PAGE, "dc"));
        ck_assert_uint_eq(
                look_at(marked(), marked() + PAGE),
                CSH_MARK_DONT_FORK);
        ck_assert(has_flag(marked(), "dc"));
        ck_assert(!has_flag(marked() - PAGE, "dc"));
    }
}
END_TEST

/* Refused requests are marks; a mapping that ends is one too. */
START_TEST(test_refusals)
{
    static const unsigned numbers[] = {SYS_madvise, SYS_msync, SYS_ioctl};

    if (can_look()) {
        refuse(numbers[_i], (_i == 2) ? (unsigned)CSH_UFFDIO_CONTINUE : ~0u,
               ENOSYS);
        ck_assert(((_i == 2) &&
                   ((state.offered & CSH_PAGES_BY_USERFAULT) == 0)) ||
                  (look() != 0));
    }
}
END_TEST

START_TEST(test_unmapped)
{
    ck_assert_int_eq(munmap(memory, N_PAGES * PAGE), 0);
    ck_assert_uint_ne(look() & CSH_MARK_UNKNOWN, 0);
}
END_TEST

/* Without our userfaultfd, because it was refused, the program has none; once
 * it was closed by the program, nothing is known. */
START_TEST(test_without_userfault)
{
    if (can_look() && ((state.offered & CSH_PAGES_BY_USERFAULT) != 0)) {
        close(state.userfault.fd);
        ck_assert_uint_eq(look(), CSH_MARK_UNKNOWN);
        csh_page_state_open(&state, CSH_PAGES_BY_ALL &
                                            ~CSH_PAGES_BY_USERFAULT);
        ck_assert_uint_eq(look(), 0);
    }
}
END_TEST

START_TEST(test_set_marks)
{
    ck_assert(csh_vma_set_marks(at(marked()), at(marked()) + PAGE,
                                CSH_MARK_DONT_FORK | CSH_MARK_WIPE_ON_FORK));
    ck_assert(has_flag(marked(), "dc"));
    ck_assert(has_flag(marked(), "wf"));
    ck_assert(!has_flag(marked(), "dd"));
    ck_assert(!has_flag(marked() + PAGE, "dc"));
    ck_assert(!csh_vma_set_marks(1, PAGE, CSH_MARK_DONT_FORK));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vma_marks");
    TCase *tcase = tcase_create("marks");

    tcase_add_checked_fixture(tcase, start, NULL);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_mark_is_found_and_left, 0, N_CASES);
    tcase_add_test(tcase, test_page_at_a_border);
    tcase_add_loop_test(tcase, test_refusals, 0, 3);
    tcase_add_test(tcase, test_unmapped);
    tcase_add_test(tcase, test_without_userfault);
    tcase_add_test(tcase, test_set_marks);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
