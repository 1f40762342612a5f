/*
 * test_page_move.c - pages out of their place: that they come back whatever
 * fails, what is refused, and that nothing is left behind. Each test runs in a
 * process of its own; where the kernel does not let pages be moved, those that
 * need it say so and end.
 */
#include "page_move_fixture.h"

#include <dirent.h>
#include <linux/userfaultfd.h>
#include <stddef.h>

#include "uring.h"

static unsigned count_entries(const char *path)
{
    DIR *folder = opendir(path);
    unsigned n  = 0;

    while (readdir(folder) != NULL) {
        n++;
    }
    closedir(folder);
    return n;
}

static unsigned count_mappings(void)
{
    FILE *file = fopen("/proc/self/maps", "r");
    unsigned n = 0;
    int byte;

    while ((byte = getc(file)) != EOF) {
        n += (byte == '\n');
    }
    fclose(file);
    return n;
}

/* --- there and back ------------------------------------------------------ */

START_TEST(test_restored)
{
    unsigned n_descriptors, n_mappings, i;

    if (!can_move()) {
        return;
    }
    n_descriptors = count_entries("/proc/self/fd");
    n_mappings    = count_mappings();
    for (i = 0; i < 50; i++) {
        ck_assert_int_eq(begin(), 0);
        ck_assert(is_filled(move.aside, 1));
        ck_assert(csh_page_move_restore(&move, false));
        ck_assert(is_filled(memory, 1));
    }
    ck_assert_uint_eq(count_entries("/proc/self/fd"), n_descriptors);
    ck_assert_uint_eq(count_mappings(), n_mappings);
    fill_with(memory, 2);
    ck_assert(is_filled(memory, 2));
}
END_TEST

START_TEST(test_finished)
{
    unsigned n_descriptors;

    if (!can_move()) {
        return;
    }
    n_descriptors = count_entries("/proc/self/fd");
    ck_assert_int_eq(begin(), 0);
    put_other(3);
    csh_page_move_finish(&move);
    ck_assert(is_filled(memory, 3));
    ck_assert_uint_eq(count_entries("/proc/self/fd"), n_descriptors);
}
END_TEST

/* The mapping put there was wrong, or took the memory along. */
START_TEST(test_restored_over_another)
{
    if (!can_move()) {
        return;
    }
    ck_assert_int_eq(begin(), 0);
    if (_i == 0) {
        put_other(3);
    } else {
        ck_assert_int_eq(munmap(memory, BYTES), 0);
    }
    ck_assert(csh_page_move_restore(&move, true));
    ck_assert(is_filled(memory, 1));
    fill_with(memory, 2);
    ck_assert_int_eq(begin(), 0);
    ck_assert(is_filled(move.aside, 2));
    ck_assert(csh_page_move_restore(&move, false));
}
END_TEST

/* A sandbox closes behind begin: the ways back, one after the other. */
START_TEST(test_restored_otherwise)
{
    if (!can_move()) {
        return;
    }
    ck_assert_int_eq(begin(), 0);
    refuse(SYS_ioctl, (unsigned)CSH_UFFDIO_MOVE, EPERM);
    if (_i == 1) {
        refuse(SYS_mremap, ~0u, ENOMEM);
    }
    ck_assert(csh_page_move_restore(&move, false) == (_i == 0));
    ck_assert(is_filled(memory, 1));
    fill_with(memory, 2);
    ck_assert(is_filled(memory, 2));
}
END_TEST

/* --- what is refused ----------------------------------------------------- */

START_TEST(test_pinned_page)
{
    int file = memfd_create("in", 0);
    struct uring uring;

    if (!can_move() || !uring_pin(&uring, memory + 40 * PAGE, PAGE)) {
        return;
    }
    ck_assert_int_eq(begin(), EBUSY);
    ck_assert(is_filled(memory, 1));
    /* The pin still leads to the memory that the program sees. */
    ck_assert_int_eq(pwrite(file, "changed", 7, 0), 7);
    ck_assert_int_eq(uring_run(&uring, IORING_OP_READ_FIXED, file,
                               memory + 40 * PAGE, 7), 7);
    ck_assert_mem_eq(memory + 40 * PAGE, "changed", 7);
    uring_unpin(&uring);
}
END_TEST

START_TEST(test_page_shared_with_a_child)
{
    int go[2];
    char byte = 1;
    pid_t child;
    int status;

    if (!can_move()) {
        return;
    }
    ck_assert_int_eq(pipe(go), 0);
    child = fork();
    if (child == 0) {
        _exit((read(go[0], &byte, 1) == 1 && is_filled(memory, 1)) ? 0 : 1);
    }
    /* Written since, up to a page in the middle: own pages again. */
    memory[0] = memory[0];
    *(volatile unsigned char *)memory = memory[0];
    ck_assert_int_eq(begin(), EBUSY);
    ck_assert(is_filled(memory, 1));
    ck_assert_int_eq((int)write(go[1], &byte, 1), 1);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(test_page_never_touched)
{
    if (!can_move()) {
        return;
    }
    ck_assert_int_eq(madvise(memory + 40 * PAGE, PAGE, MADV_DONTNEED), 0);
    ck_assert_int_eq(begin(), ENOENT);
    memset(memory + 40 * PAGE, 0, PAGE);
    ck_assert_int_eq(begin(), 0);
    ck_assert(csh_page_move_restore(&move, false));
}
END_TEST

START_TEST(test_page_of_a_hole)
{
    if (!can_move()) {
        return;
    }
    ck_assert_int_eq(munmap(memory + 40 * PAGE, PAGE), 0);
    ck_assert_int_ne(begin(), 0);
    ck_assert_ptr_eq(mmap(memory + 40 * PAGE, PAGE, PLAIN, MAP_PRIVATE |
                          MAP_ANONYMOUS | MAP_FIXED, -1, 0),
                     memory + 40 * PAGE);
    memset(memory + 40 * PAGE, 1, PAGE);
    fill_with(memory, 1);
    ck_assert(is_filled(memory, 1));
}
END_TEST

START_TEST(test_under_another_userfaultfd)
{
    struct uffdio_api api        = {.api = UFFD_API};
    struct uffdio_register range = {.range = {at(memory) + 40 * PAGE, PAGE},
                                    .mode  = UFFDIO_REGISTER_MODE_MISSING};
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

    if (!can_move() || (fd < 0) || (ioctl(fd, UFFDIO_API, &api) != 0)) {
        return;
    }
    ck_assert_int_eq(ioctl(fd, UFFDIO_REGISTER, &range), 0);
    ck_assert_int_eq(begin(), EBUSY);
    ck_assert(is_filled(memory, 1));
}
END_TEST

/* --- kernels that do not let us ------------------------------------------ */

static const struct {
    unsigned number, argument;
    int error, answer;
} refusals[] = {
    {SYS_userfaultfd, ~0u, EPERM, EPERM},
    {SYS_userfaultfd, ~0u, ENOSYS, ENOSYS},
    {SYS_ioctl, (unsigned)CSH_UFFDIO_API, EINVAL, EINVAL},
    {SYS_ioctl, (unsigned)CSH_UFFDIO_REGISTER, EPERM, EPERM},
    {SYS_ioctl, (unsigned)CSH_UFFDIO_MOVE, ENOTTY, ENOTTY},
};

START_TEST(test_refused)
{
    unsigned n_descriptors = count_entries("/proc/self/fd");

    if (!can_move()) {
        return;
    }
    refuse(refusals[_i].number, refusals[_i].argument, refusals[_i].error);
    ck_assert_int_eq(csh_page_move_probe(), refusals[_i].answer);
    ck_assert_int_eq(begin(), refusals[_i].answer);
    ck_assert(is_filled(memory, 1));
    fill_with(memory, 2);
    ck_assert(is_filled(memory, 2));
    ck_assert_uint_eq(count_entries("/proc/self/fd"), n_descriptors);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("page move");
    TCase *tcase = tcase_create("moves");

    tcase_add_checked_fixture(tcase, start, NULL);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, test_restored);
    tcase_add_test(tcase, test_finished);
    tcase_add_loop_test(tcase, test_restored_over_another, 0, 2);
    tcase_add_loop_test(tcase, test_restored_otherwise, 0, 2);
    tcase_add_test(tcase, test_pinned_page);
    tcase_add_test(tcase, test_page_shared_with_a_child);
    tcase_add_test(tcase, test_page_never_touched);
    tcase_add_test(tcase, test_page_of_a_hole);
    tcase_add_test(tcase, test_under_another_userfaultfd);
    tcase_add_loop_test(tcase, test_refused, 0,
                        sizeof(refusals) / sizeof(refusals[0]));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
