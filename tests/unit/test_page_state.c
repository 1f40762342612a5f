/*
 * test_page_state.c - mappings are found whichever way is left to ask, and
 * nothing is claimed when none is left.
 */
#include "pages_fixture.h"

#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static struct csh_page_state state;

static void start(void)
{
    csh_log_threshold = CSH_LOG_OFF;
    csh_page_state_open(&state, CSH_PAGES_BY_ALL);
}

static void stop(void)
{
    csh_page_state_close(&state);
}

/* Each pair in turn, and both. */
static const unsigned vma_ways[] = {
    CSH_PAGES_BY_QUERY, CSH_PAGES_BY_TEXT,
    CSH_PAGES_BY_QUERY | CSH_PAGES_BY_TEXT,
};
static const unsigned page_ways[] = {
    CSH_PAGES_BY_SCAN, CSH_PAGES_BY_PAGEMAP,
    CSH_PAGES_BY_SCAN | CSH_PAGES_BY_PAGEMAP,
};

/* False on kernels that have not even one of them. */
static bool use(unsigned ways)
{
    csh_page_state_close(&state);
    csh_page_state_open(&state, ways);
    ck_assert_uint_eq(state.offered & ~ways, 0);
    return state.offered != 0;
}

static enum csh_page_answer find(const void *address, struct csh_vma *vma_p)
{
    return csh_page_state_find_vma(&state, at(address), vma_p);
}

static enum csh_page_answer touched(const void *address, size_t bytes,
                                    struct csh_page_run *run_p)
{
    return csh_page_state_find_pages(&state, CSH_PAGES_TOUCHED, at(address),
                                     at(address) + bytes, run_p);
}

/* --- mappings ------------------------------------------------------------ */

START_TEST(test_plain_memory)
{
    unsigned char *memory = anonymous(8 * PAGE);
    struct csh_vma vma;

    if (!use(vma_ways[_i])) {
        return;
    }
    /* A mapping of its own: its neighbours differ. */
    ck_assert_int_eq(mprotect(memory, PAGE, PROT_NONE), 0);
    ck_assert_int_eq(mprotect(memory + 7 * PAGE, PAGE, PROT_READ), 0);
    ck_assert_int_eq(find(memory + 5 * PAGE - 1, &vma), CSH_PAGES_FOUND);
    ck_assert_uint_eq(vma.start, at(memory) + PAGE);
    ck_assert_uint_eq(vma.end, at(memory) + 7 * PAGE);
    ck_assert(csh_vma_is_plain(&vma));
    ck_assert_int_eq(find(memory + PAGE - 1, &vma), CSH_PAGES_FOUND);
    ck_assert(!csh_vma_is_plain(&vma));
    ck_assert_uint_eq(vma.flags, 0);
    ck_assert_int_eq(find(memory + 8 * PAGE - 1, &vma), CSH_PAGES_FOUND);
    ck_assert(!csh_vma_is_plain(&vma));
    ck_assert_uint_eq(vma.flags, CSH_VMA_READABLE);
    ck_assert_int_eq(munmap(memory + 3 * PAGE, PAGE), 0);
    ck_assert_int_eq(find(memory + 3 * PAGE, &vma), CSH_PAGES_NONE);
    ck_assert_uint_eq(vma.start, at(memory) + 4 * PAGE);
    ck_assert_int_eq(find(memory + 4 * PAGE - 1, &vma), CSH_PAGES_NONE);
    ck_assert_int_eq(find(memory + 3 * PAGE - 1, &vma), CSH_PAGES_FOUND);
    ck_assert_uint_eq(vma.end, at(memory) + 3 * PAGE);
    ck_assert_int_eq(find(memory + 4 * PAGE, &vma), CSH_PAGES_FOUND);
    ck_assert_uint_eq(vma.start, at(memory) + 4 * PAGE);
    ck_assert_int_eq(find(NULL, &vma), CSH_PAGES_NONE);
    ck_assert_int_eq(find((void *)(UINTPTR_MAX - 4095), &vma),
                     CSH_PAGES_NONE);
    ck_assert_uint_eq(vma.start, UINT64_MAX);
}
END_TEST

START_TEST(test_files)
{
    int fd = make_file(8);
    struct csh_vma vma;
    struct stat status;
    unsigned char *memory;

    if (!use(vma_ways[_i])) {
        return;
    }
    ck_assert_int_eq(fstat(fd, &status), 0);
    memory = mmap(NULL, 4 * PAGE, PLAIN, MAP_PRIVATE, fd, 3 * PAGE);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    ck_assert_int_eq(find(memory + 100, &vma), CSH_PAGES_FOUND);
    ck_assert_uint_eq(vma.start, at(memory));
    ck_assert_uint_eq(vma.offset, 3 * PAGE);
    ck_assert_uint_eq(vma.inode, status.st_ino);
    ck_assert_uint_eq(vma.device, status.st_dev);
    ck_assert_uint_eq(vma.flags, CSH_VMA_READABLE | CSH_VMA_WRITABLE);
    ck_assert(!csh_vma_is_plain(&vma));
    memory = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    ck_assert_int_eq(find(memory, &vma), CSH_PAGES_FOUND);
    ck_assert_uint_eq(vma.flags, CSH_VMA_READABLE | CSH_VMA_SHARED);
    memory = mmap(NULL, PAGE, PLAIN | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                  -1, 0);
    ck_assert_int_eq(find(memory, &vma), CSH_PAGES_FOUND);
    ck_assert(!csh_vma_is_plain(&vma));
    memory = mmap(NULL, PAGE, PLAIN, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_int_eq(find(memory, &vma), CSH_PAGES_FOUND);
    ck_assert(!csh_vma_is_plain(&vma));
}
END_TEST

/* Both ways say the same of everything in this process. */
START_TEST(test_text_agrees_with_the_query)
{
    struct csh_vma by_query, by_text;
    struct csh_page_state text;
    unsigned char *memory = anonymous(1024 * PAGE);
    unsigned n = 0, i;
    uint64_t from, to;
    char line[4096];
    FILE *file;

    csh_page_state_open(&text, CSH_PAGES_BY_TEXT);
    if ((state.offered & text.offered) == 0) {
        return;
    }
    /* More lines than one read returns. */
    for (i = 0; i < 1024; i += 2) {
        ck_assert_int_eq(mprotect(memory + i * PAGE, PAGE, PROT_READ), 0);
    }
    file = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof(line), file) != NULL) {
        ck_assert_int_eq(sscanf(line, "%lx-%lx", &from, &to), 2);
        if ((strstr(line, "[vsyscall]") != NULL) ||
            (strstr(line, "[heap]") != NULL)) {
            continue; /* not asked for by address; grows meanwhile */
        }
        memset(&by_query, 0, sizeof(by_query));
        memset(&by_text, 0, sizeof(by_text));
        ck_assert_int_eq(csh_page_state_find_vma(&state, to - 1, &by_query),
                         CSH_PAGES_FOUND);
        ck_assert_int_eq(csh_page_state_find_vma(&text, to - 1, &by_text),
                         CSH_PAGES_FOUND);
        if (strstr(line, "[stack]") == NULL) {
            ck_assert_mem_eq(&by_query, &by_text, sizeof(by_query));
            n++;
        }
    }
    fclose(file);
    ck_assert_uint_gt(n, 1024);
}
END_TEST

/* --- pages --------------------------------------------------------------- */

START_TEST(test_runs_of_touched_pages)
{
    unsigned char *memory = anonymous(4096 * PAGE);
    struct csh_page_run run;

    if (!use(page_ways[_i])) {
        return;
    }
    ck_assert_int_eq(touched(memory, 4096 * PAGE, &run), CSH_PAGES_NONE);
    memory[2000 * PAGE + 5] = 0;
    memory[2001 * PAGE]     = 1;
    memory[3000 * PAGE]     = 1;
    memory[4095 * PAGE]     = 1;
    ck_assert_int_eq(touched(memory, 4096 * PAGE, &run), CSH_PAGES_FOUND);
    ck_assert_uint_eq(run.start, at(memory) + 2000 * PAGE);
    ck_assert_uint_eq(run.end, at(memory) + 2002 * PAGE);
    ck_assert_int_eq(touched(memory, 2000 * PAGE, &run), CSH_PAGES_NONE);
    ck_assert_int_eq(touched(memory + 2002 * PAGE, 998 * PAGE, &run),
                     CSH_PAGES_NONE);
    ck_assert_int_eq(touched(memory + 3001 * PAGE, 1095 * PAGE, &run),
                     CSH_PAGES_FOUND);
    ck_assert_uint_eq(run.start, at(memory) + 4095 * PAGE);
    ck_assert_uint_eq(run.end, at(memory) + 4096 * PAGE);
    /* Nothing asked, nothing found; parts of pages are not answered. */
    ck_assert_int_eq(touched(memory, 0, &run), CSH_PAGES_NONE);
    ck_assert_int_eq(touched(memory, 100, &run), CSH_PAGES_UNKNOWN);
    ck_assert_int_eq(touched(memory + 1, PAGE, &run), CSH_PAGES_UNKNOWN);
}
END_TEST

/* Runs that are longer than one read of entries. */
START_TEST(test_long_runs)
{
    unsigned char *memory = anonymous(4096 * PAGE);
    struct csh_page_run run;

    if (!use(page_ways[_i])) {
        return;
    }
    memset(memory + 10 * PAGE, 1, 3000 * PAGE);
    ck_assert_int_eq(touched(memory, 4096 * PAGE, &run), CSH_PAGES_FOUND);
    ck_assert_uint_eq(run.start, at(memory) + 10 * PAGE);
    ck_assert_uint_eq(run.end, at(memory) + 3010 * PAGE);
    ck_assert_int_eq(touched(memory + 10 * PAGE, 1024 * PAGE, &run),
                     CSH_PAGES_FOUND);
    ck_assert_uint_eq(run.end, at(memory) + 1034 * PAGE);
}
END_TEST

/* A page without a mapping is no page; only the mapping query tells. */
START_TEST(test_holes)
{
    unsigned char *memory = anonymous(16 * PAGE);
    struct csh_page_run run;
    struct csh_vma vma;

    if (!use(page_ways[_i] | CSH_PAGES_BY_QUERY | CSH_PAGES_BY_TEXT)) {
        return;
    }
    ck_assert_int_eq(munmap(memory + 4 * PAGE, 4 * PAGE), 0);
    ck_assert_int_eq(touched(memory, 16 * PAGE, &run), CSH_PAGES_NONE);
    ck_assert_int_eq(find(memory + 4 * PAGE, &vma), CSH_PAGES_NONE);
}
END_TEST

/* --- refusals ------------------------------------------------------------ */

/* What the kernel or a sandbox refuses, and what is left then. */
static const struct {
    unsigned number, argument, allowed;
    enum csh_page_answer vma, pages;
} refusals[] = {
    {SYS_ioctl, CSH_PROCMAP_QUERY, CSH_PAGES_BY_ALL, CSH_PAGES_FOUND,
     CSH_PAGES_FOUND},
    {SYS_ioctl, CSH_PAGEMAP_SCAN, CSH_PAGES_BY_ALL, CSH_PAGES_FOUND,
     CSH_PAGES_FOUND},
    {SYS_ioctl, ~0u, CSH_PAGES_BY_ALL, CSH_PAGES_FOUND, CSH_PAGES_FOUND},
    {SYS_openat, ~0u, CSH_PAGES_BY_TEXT | CSH_PAGES_BY_SCAN,
     CSH_PAGES_UNKNOWN, CSH_PAGES_FOUND},
    {SYS_ioctl, ~0u, CSH_PAGES_BY_QUERY | CSH_PAGES_BY_SCAN,
     CSH_PAGES_UNKNOWN, CSH_PAGES_UNKNOWN},
    {SYS_pread64, ~0u, CSH_PAGES_BY_QUERY | CSH_PAGES_BY_PAGEMAP,
     CSH_PAGES_FOUND, CSH_PAGES_UNKNOWN},
    {SYS_read, ~0u, CSH_PAGES_BY_TEXT | CSH_PAGES_BY_SCAN, CSH_PAGES_UNKNOWN,
     CSH_PAGES_FOUND},
};

static void expect_left(int i)
{
    unsigned char *memory = anonymous(2 * PAGE);
    struct csh_page_run run;
    struct csh_vma vma;

    memory[PAGE] = 1;
    ck_assert_int_eq(find(memory, &vma), refusals[i].vma);
    ck_assert_int_eq(touched(memory, 2 * PAGE, &run), refusals[i].pages);
    if (refusals[i].pages == CSH_PAGES_FOUND) {
        ck_assert_uint_eq(run.start, at(memory) + PAGE);
    }
}

static bool kernel_has_all(void)
{
    const unsigned needed = CSH_PAGES_BY_QUERY | CSH_PAGES_BY_SCAN;

    return (state.offered & needed) == needed;
}

START_TEST(test_refused_later)
{
    if (kernel_has_all()) {
        use(refusals[_i].allowed);
        refuse(refusals[_i].number, refusals[_i].argument, EPERM);
        expect_left(_i);
    }
}
END_TEST

START_TEST(test_refused_from_the_start)
{
    if (kernel_has_all() && (refusals[_i].number == SYS_ioctl)) {
        refuse(SYS_ioctl, refusals[_i].argument, ENOTTY);
        use(refusals[_i].allowed);
        expect_left(_i);
    }
}
END_TEST

/* --- descriptors --------------------------------------------------------- */

START_TEST(test_descriptors_are_out_of_reach)
{
    ck_assert_int_ge(state.maps.fd, 768);
    ck_assert_int_ge(state.pagemap.fd, 768);
    ck_assert_int_eq(fcntl(state.maps.fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(fcntl(state.pagemap.fd, F_GETFD), FD_CLOEXEC);
}
END_TEST

/* A file in /proc of another process. */
static int open_of(pid_t process, const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)process, name);
    return open(path, O_RDONLY);
}

/* The program closes what it does not know, or puts its own there: here the
 * pagemap of another process, which would even answer. */
START_TEST(test_descriptors_that_are_no_longer_ours)
{
    unsigned char *memory = anonymous(PAGE);
    struct csh_page_run run;
    struct csh_vma vma;
    int maps, pagemap;
    pid_t child;

    use((_i >= 2) ? CSH_PAGES_BY_ALL
                  : CSH_PAGES_BY_QUERY | CSH_PAGES_BY_SCAN |
                            CSH_PAGES_BY_PAGEMAP);
    child = fork();
    if (child == 0) {
        pause();
    }
    maps    = open_of(child, "maps");
    pagemap = open_of(child, "pagemap");
    if (_i % 2 == 0) {
        close(state.maps.fd);
        close(state.pagemap.fd);
    } else {
        ck_assert_int_ge(dup2(maps, state.maps.fd), 0);
        ck_assert_int_ge(dup2(pagemap, state.pagemap.fd), 0);
    }
    memory[0] = 1;
    ck_assert_int_eq(touched(memory, PAGE, &run), CSH_PAGES_UNKNOWN);
    ck_assert_int_eq(find(memory, &vma),
                     (_i >= 2) ? CSH_PAGES_FOUND : CSH_PAGES_UNKNOWN);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

/* What a descriptor was when it was opened, it still shows. */
START_TEST(test_undumpable_programs)
{
    unsigned char *memory = anonymous(PAGE);
    struct csh_page_run run;
    struct csh_vma vma;

    if (!kernel_has_all()) {
        return;
    }
    memory[0] = 1;
    ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), 0);
    ck_assert_int_eq(find(memory, &vma), CSH_PAGES_FOUND);
    ck_assert_int_eq(touched(memory, PAGE, &run), CSH_PAGES_FOUND);
}
END_TEST

static unsigned char *parents;

/* Written in the child only: the parent's descriptor would say untouched. */
static int ask_in_child(void)
{
    struct csh_page_run run;
    struct csh_vma vma;

    parents[0] = 1;
    ck_assert_int_eq(munmap(parents + 2 * PAGE, PAGE), 0);
    return (touched(parents, PAGE, &run) == CSH_PAGES_UNKNOWN) &&
           (find(parents + 2 * PAGE, &vma) ==
            (((state.offered & CSH_PAGES_BY_TEXT) == 0) ? CSH_PAGES_UNKNOWN
                                                        : CSH_PAGES_NONE));
}

START_TEST(test_in_a_child)
{
    struct csh_page_run run;

    if (_i == 1) {
        use(CSH_PAGES_BY_QUERY | CSH_PAGES_BY_SCAN | CSH_PAGES_BY_PAGEMAP);
    }
    parents = anonymous(4 * PAGE);
    ck_assert_int_eq(in_child(ask_in_child), 1);
    ck_assert_int_eq(touched(parents, PAGE, &run), CSH_PAGES_NONE);
}
END_TEST

/* The first process of a container, and that of one inside it: both are 1, and
 * the inner one inherits descriptors that show the outer's memory. */
static unsigned char *kept;

static int look_inside(void)
{
    struct csh_vma vma;

    ck_assert_int_eq(getpid(), 1);
    ck_assert_int_eq(munmap(kept, PAGE), 0);
    return (find(kept, &vma) == CSH_PAGES_FOUND) ? 8 : 7;
}

static int be_the_first(void)
{
    stop();
    start();
    kept = anonymous(PAGE);
    return (unshare(CLONE_NEWPID) == 0) ? in_child(look_inside) : 7;
}

START_TEST(test_in_a_child_with_the_same_number)
{
    /* Else: not ours to do. Sanitizers do not start as another's child. */
    if (!UNDER_SANITIZER && unshare(CLONE_NEWPID) == 0) {
        ck_assert_int_eq(in_child(be_the_first), 7);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("page_state");
    TCase *tcase = tcase_create("answers");

    tcase_add_checked_fixture(tcase, start, stop);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_plain_memory, 0, 3);
    tcase_add_loop_test(tcase, test_files, 0, 3);
    tcase_add_test(tcase, test_text_agrees_with_the_query);
    tcase_add_loop_test(tcase, test_runs_of_touched_pages, 0, 3);
    tcase_add_loop_test(tcase, test_long_runs, 0, 3);
    tcase_add_loop_test(tcase, test_holes, 0, 3);
    tcase_add_loop_test(tcase, test_refused_later, 0, 7);
    tcase_add_loop_test(tcase, test_refused_from_the_start, 0, 7);
    tcase_add_test(tcase, test_descriptors_are_out_of_reach);
    tcase_add_loop_test(tcase, test_descriptors_that_are_no_longer_ours, 0,
                        4);
    tcase_add_test(tcase, test_undumpable_programs);
    tcase_add_loop_test(tcase, test_in_a_child, 0, 2);
    tcase_add_test(tcase, test_in_a_child_with_the_same_number);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
