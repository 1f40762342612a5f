/*
 * test_page_histories.c - what can happen to a page of a private mapping of a
 * file, and that no change of its bytes is ever missed.
 *
 * Each history acts on the third of eight pages. Afterwards its bytes decide:
 * if they differ from the file's, the page must be reported; and where the
 * history says so, a page with the file's bytes must not be (or all of this
 * would pass by reporting everything).
 */
#include "pages_fixture.h"

#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/uio.h>

#include "uring.h"

#define N_PAGES 8
#define VICTIM 2

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

static struct csh_page_state state;
static int file;
static unsigned char *memory;

static void start(void)
{
    csh_log_threshold = CSH_LOG_OFF;
    file   = make_file(N_PAGES);
    memory = map_file(file, N_PAGES);
}

static const unsigned ways[] = {CSH_PAGES_BY_SCAN, CSH_PAGES_BY_PAGEMAP};

/* --- histories: false where the system refuses --------------------------- */

static bool leave(unsigned char *page)
{
    (void)page;
    return true;
}

static bool read_it(unsigned char *page)
{
    return *(volatile unsigned char *)page == VICTIM + 1;
}

static bool write_it(unsigned char *page)
{
    page[7] = 0xee;
    return true;
}

static bool write_the_same(unsigned char *page)
{
    *(volatile unsigned char *)page = VICTIM + 1;
    return true;
}

static bool write_zeros(unsigned char *page)
{
    memset(page, 0, PAGE);
    return true;
}

static bool write_and_swap(unsigned char *page)
{
    page[7] = 0xee;
    return madvise(page, PAGE, MADV_PAGEOUT) == 0;
}

static bool read_and_swap(unsigned char *page)
{
    return read_it(page) && (madvise(page, PAGE, MADV_PAGEOUT) == 0);
}

static bool write_and_protect(unsigned char *page)
{
    page[7] = 0xee;
    return mprotect(page, PAGE, PROT_READ) == 0;
}

static bool write_and_forbid(unsigned char *page)
{
    page[7] = 0xee;
    return (mprotect(page, PAGE, PROT_NONE) == 0);
}

static bool protect_twice(unsigned char *page)
{
    return read_it(page) && (mprotect(page, PAGE, PROT_READ) == 0) &&
           (mprotect(page, PAGE, PLAIN) == 0);
}

static bool read_from_a_file(unsigned char *page)
{
    int fd = open("/dev/zero", O_RDONLY);

    return read(fd, page + 100, 50) == 50;
}

static bool process_vm_write(unsigned char *page)
{
    unsigned char bytes[] = {1, 99, 98};
    struct iovec from     = {bytes, sizeof(bytes)};
    struct iovec to       = {page, sizeof(bytes)};

    return process_vm_writev(getpid(), &from, 1, &to, 1, 0) ==
           sizeof(bytes);
}

/* Writes even where the page is read-only, as a debugger does. */
static bool proc_mem_write(unsigned char *page)
{
    int fd = open("/proc/self/mem", O_RDWR);

    return (mprotect(page, PAGE, PROT_READ) == 0) &&
           (pwrite(fd, "xyz", 3, (off_t)at(page)) == 3);
}

static bool direct_read(unsigned char *page)
{
    char name[] = "direct.XXXXXX";
    int fd      = mkstemp(name);
    bool is_done;

    unlink(name);
    is_done = (fd >= 0) && (write(fd, page + PAGE, PAGE) == (ssize_t)PAGE) &&
              (fsync(fd) == 0) &&
              (fcntl(fd, F_SETFL, O_DIRECT) == 0) &&
              (pread(fd, page, PAGE, 0) == (ssize_t)PAGE);
    close(fd);
    return is_done;
}

/* Another process writes to it through the pin. */
static bool pin_and_read(unsigned char *page)
{
    struct uring uring;
    int fd = open("/dev/zero", O_RDONLY);

    return uring_pin(&uring, page, PAGE) &&
           (uring_run(&uring, IORING_OP_READ_FIXED, fd, page, PAGE) ==
            (int)PAGE);
}

static bool pin_and_unpin(unsigned char *page)
{
    struct uring uring;

    if (!uring_pin(&uring, page, PAGE)) {
        return false;
    }
    uring_unpin(&uring);
    return true;
}

static bool splice_to_a_pipe(unsigned char *page)
{
    struct iovec from = {page, PAGE};
    int ends[2];

    return (pipe(ends) == 0) && (vmsplice(ends[1], &from, 1, 0) > 0);
}

static unsigned char *shared;

static int child_writes(void)
{
    shared[7] = 0xee;
    return 0;
}

static int child_reads(void)
{
    return *(volatile unsigned char *)shared;
}

static bool fork_and_child_writes(unsigned char *page)
{
    shared = page;
    return in_child(child_writes) == 0;
}

/* The parent's copy-on-write page, shared with a child that is gone. */
static bool write_and_fork(unsigned char *page)
{
    page[7] = 0xee;
    shared  = page;
    return in_child(child_reads) == VICTIM + 1;
}

static bool write_fork_write(unsigned char *page)
{
    return write_and_fork(page) && fork_and_child_writes(page);
}

static bool lock(unsigned char *page)
{
    return syscall(SYS_mlock, page, PAGE) == 0; /* ASan's does nothing */
}

static bool populate_write(unsigned char *page)
{
    return madvise(page, PAGE, MADV_POPULATE_WRITE) == 0;
}

static bool populate_read(unsigned char *page)
{
    return madvise(page, PAGE, MADV_POPULATE_READ) == 0;
}

static bool write_and_collapse(unsigned char *page)
{
    page[7] = 0xee;
    (void)madvise(page, PAGE, MADV_COLLAPSE); /* most often refused here */
    return true;
}

/* The file's bytes come back, where anonymous memory would be zeros. */
static bool write_and_drop(unsigned char *page)
{
    page[7] = 0xee;
    return madvise(page, PAGE, MADV_DONTNEED) == 0;
}

static bool write_and_move(unsigned char *page)
{
    unsigned char *other = anonymous(PAGE);

    other[7] = 0xee;
    return mremap(other, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, page) ==
           page;
}

static bool replace_by_nothing(unsigned char *page)
{
    return mmap(page, PAGE, PLAIN, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                -1, 0) == page;
}

/* A userfaultfd puts pages there that nobody stored to. */
static bool put_by_userfault(unsigned char *page, bool is_zero)
{
    static unsigned char source[PAGE] __attribute__((aligned(4096)));
    struct uffdio_api api           = {.api = UFFD_API};
    struct uffdio_register whole    = {
        .range = {at(page), PAGE}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    struct uffdio_zeropage zeropage = {.range = {at(page), PAGE}};
    struct uffdio_copy copy         = {
        .dst = at(page), .src = at(source), .len = PAGE};
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

    source[7] = 0xee;
    return (fd >= 0) && (ioctl(fd, UFFDIO_API, &api) == 0) &&
           (ioctl(fd, UFFDIO_REGISTER, &whole) == 0) &&
           (ioctl(fd, is_zero ? UFFDIO_ZEROPAGE : UFFDIO_COPY,
                  is_zero ? (void *)&zeropage : (void *)&copy) == 0) &&
           (ioctl(fd, UFFDIO_UNREGISTER, &whole.range) == 0);
}

static bool userfault_copy(unsigned char *page)
{
    return put_by_userfault(page, false);
}

static bool userfault_zero(unsigned char *page)
{
    return put_by_userfault(page, true);
}

static void *writer(void *argument)
{
    write_it(argument);
    return NULL;
}

static bool another_thread_writes(unsigned char *page)
{
    pthread_t thread;

    return (pthread_create(&thread, NULL, writer, page) == 0) &&
           (pthread_join(thread, NULL) == 0);
}

/* `is_clean`: the bytes are the file's, and that is seen. */
static const struct {
    const char *name;
    bool (*act)(unsigned char *page);
    bool is_clean;
} histories[] = {
    {"left alone", leave, true},
    {"read", read_it, true},
    {"read and swapped out", read_and_swap, true},
    {"protected and back", protect_twice, true},
    {"populated for reading", populate_read, true},
    {"spliced into a pipe", splice_to_a_pipe, true},
    {"written by a child", fork_and_child_writes, true},
    {"written and dropped", write_and_drop, true},
    {"written", write_it, false},
    {"written with the same value", write_the_same, false},
    {"written with zeros", write_zeros, false},
    {"written and swapped out", write_and_swap, false},
    {"written and read-only", write_and_protect, false},
    {"written and without access", write_and_forbid, false},
    {"written by read()", read_from_a_file, false},
    {"written by process_vm_writev()", process_vm_write, false},
    {"written by /proc/self/mem", proc_mem_write, false},
    {"written by a direct read", direct_read, false},
    {"written through a pin", pin_and_read, false},
    {"pinned and unpinned", pin_and_unpin, false},
    {"written and shared with a child", write_and_fork, false},
    {"written, shared, and written by a child", write_fork_write, false},
    {"locked", lock, false},
    {"populated for writing", populate_write, false},
    {"written and collapsed", write_and_collapse, false},
    {"replaced by mremap()", write_and_move, false},
    {"replaced by zeros", replace_by_nothing, false},
    {"put there by a userfaultfd", userfault_copy, false},
    {"made zero by a userfaultfd", userfault_zero, false},
    {"written by another thread", another_thread_writes, false},
};
#define N_HISTORIES (sizeof(histories) / sizeof(histories[0]))

/* Still the file's mapping as a whole, and none of its pages written: what
 * csh_alias_check() concludes "untouched" from. */
static bool looks_untouched(void)
{
    struct csh_page_run run;
    struct csh_vma vma;
    uint64_t address = at(memory);
    uint64_t end     = at(memory) + N_PAGES * PAGE;

    for (; address < end; address = vma.end) {
        if ((csh_page_state_find_vma(&state, address, &vma) !=
             CSH_PAGES_FOUND) || (vma.inode == 0) ||
            (vma.offset + (address - vma.start) != address - at(memory))) {
            return false;
        }
    }
    return csh_page_state_find_pages(&state, CSH_PAGES_WRITTEN, at(memory),
                                     end, &run) == CSH_PAGES_NONE;
}

static bool bytes_are_the_files(void)
{
    unsigned char now[PAGE], then[PAGE];
    unsigned i;

    ck_assert_int_eq(mprotect(memory, N_PAGES * PAGE, PROT_READ), 0);
    for (i = 0; i < N_PAGES; i++) {
        memcpy(now, memory + i * PAGE, PAGE);
        ck_assert_int_eq(pread(file, then, PAGE, (off_t)(i * PAGE)), PAGE);
        if (memcmp(now, then, PAGE) != 0) {
            return false;
        }
    }
    return true;
}

START_TEST(test_history)
{
    size_t i = (size_t)_i / 2;
    bool is_untouched;

    csh_page_state_open(&state, ways[_i % 2] | CSH_PAGES_BY_QUERY |
                                        CSH_PAGES_BY_TEXT);
    if (!histories[i].act(memory + VICTIM * PAGE)) {
        fprintf(stderr, "not possible here: %s\n", histories[i].name);
        return;
    }

    is_untouched = looks_untouched();
    if (histories[i].is_clean) {
        ck_assert_msg(is_untouched ||
                      ((state.offered & ways[_i % 2]) == 0),
                      "%s: reported", histories[i].name);
        ck_assert_msg(bytes_are_the_files(), "%s: bytes", histories[i].name);
    } else {
        ck_assert_msg(!is_untouched || bytes_are_the_files(), "%s: missed",
                      histories[i].name);
    }
}
END_TEST

/* Untouched anonymous memory: what nothing of the program's lies under. */
static bool read_zeros(unsigned char *page)
{
    return *(volatile unsigned char *)page == 0;
}

static const struct {
    bool (*act)(unsigned char *page);
    bool is_touched, zero_page;
} anonymous_histories[] = {
    {leave, false, false}, {read_zeros, false, true},
    {write_it, true, false}, {write_zeros, true, false},
    {write_and_protect, true, false}, {read_from_a_file, true, false},
    {pin_and_unpin, true, false}, {pin_and_read, true, false},
    {lock, true, false}, {populate_write, true, false},
    {write_and_drop, false, false}, {process_vm_write, true, false},
    {write_and_swap, true, false}, {userfault_copy, true, false},
};
#define N_ANONYMOUS (sizeof(anonymous_histories) / \
                     sizeof(anonymous_histories[0]))

START_TEST(test_anonymous_history)
{
    size_t i              = (size_t)_i / 2;
    unsigned way          = ways[_i % 2];
    unsigned char *pages  = anonymous(N_PAGES * PAGE);
    bool is_touched       = anonymous_histories[i].is_touched;
    struct csh_page_run run;

    csh_page_state_open(&state, way);
    if ((state.offered == 0) ||
        !anonymous_histories[i].act(pages + VICTIM * PAGE)) {
        return;
    }
    if (anonymous_histories[i].zero_page && (way == CSH_PAGES_BY_PAGEMAP)) {
        is_touched = true; /* it cannot tell */
    }
    ck_assert_int_eq(csh_page_state_find_pages(&state, CSH_PAGES_TOUCHED,
                                               at(pages), at(pages) +
                                               N_PAGES * PAGE, &run),
                     is_touched ? CSH_PAGES_FOUND : CSH_PAGES_NONE);
    if (is_touched) {
        ck_assert_uint_eq(run.start, at(pages) + VICTIM * PAGE);
        ck_assert_uint_eq(run.end, at(pages) + (VICTIM + 1) * PAGE);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("page_histories");
    TCase *tcase = tcase_create("histories");

    tcase_add_checked_fixture(tcase, start, NULL);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_history, 0, 2 * N_HISTORIES);
    tcase_add_loop_test(tcase, test_anonymous_history, 0, 2 * N_ANONYMOUS);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
