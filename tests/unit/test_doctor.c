/*
 * test_doctor.c - every verdict of every check, in made trees of files, under
 * made limits, with the simulated driver in the place of the real one.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif
#include "cli/doctor.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>

#include "cli/program.h"
#include "memory_tree.h"
#include "shadow/page_state.h"

static struct csh_doctor doctor;
static struct csh_finding finding;
static char file[PATH_MAX];

static void start(void)
{
    const struct csh_system_roots roots = plant_tree();

    csh_doctor_begin(&doctor);
    doctor.proc = roots.proc;
    doctor.cgroup = roots.cgroup;
    doctor.dev = root;
    doctor.root = root;
    doctor.preload = NULL;
    snprintf(file, sizeof(file), "%s/program", root);
}

/* Sanitizers of the tests may be on: their shadow is no business of ours. */
static void expect(enum csh_doctor_verdict verdict, const char *part)
{
    ck_assert_msg((finding.verdict == verdict) &&
                  (strstr(finding.found, part) != NULL),
                  "%d, not %d: %s", finding.verdict, verdict, finding.found);
    ck_assert_msg(finding.meaning[0] != '\0', "%s", finding.found);
}

#define EXPECT(check_, verdict_, part_)                     \
    do {                                                    \
        csh_doctor_check_##check_(&doctor, &finding);       \
        expect(CSH_DOCTOR_##verdict_, part_);               \
    } while (0)

#define EXPECT_SKIPPED(check_)                                      \
    do {                                                            \
        csh_doctor_check_##check_(&doctor, &finding);               \
        ck_assert_int_eq(finding.verdict, CSH_DOCTOR_SKIPPED);      \
    } while (0)

/* --- the driver ------------------------------------------------------ */

static void use_simulated_driver(void)
{
    static char path[PATH_MAX];

    ck_assert_ptr_nonnull(getenv("CSH_SIM"));
    snprintf(path, sizeof(path), "%s/libcuda.so.1", getenv("CSH_SIM"));
    doctor.driver = path;
}

START_TEST(a_good_driver)
{
    use_simulated_driver();
    setenv("SIMCUDA_DEVICES", "2", 1);
    EXPECT(driver, GOOD, "for CUDA ");
    EXPECT(gpu, GOOD, "; 1: ");
    EXPECT(registration, GOOD, "64 MiB");
}
END_TEST

START_TEST(no_driver)
{
    doctor.driver = "libcuda-that-is-not-there.so.1";
    EXPECT(driver, BAD, "libcuda-that-is-not-there");
    EXPECT_SKIPPED(gpu);
    EXPECT_SKIPPED(registration);
}
END_TEST

START_TEST(no_driver_of_ours)
{
    doctor.driver = "libm.so.6";
    EXPECT(driver, BAD, "has no cu");
    EXPECT(gpu, BAD, "no GPU");
    EXPECT_SKIPPED(registration);
}
END_TEST

START_TEST(an_old_driver)
{
    use_simulated_driver();
    setenv("SIMCUDA_DRIVER_VERSION", "11080", 1);
    EXPECT(driver, SLOW, "for CUDA 11.8");
}
END_TEST

START_TEST(no_gpu)
{
    use_simulated_driver();
    setenv("SIMCUDA_FAULT", "cuInit:1:100", 1);
    EXPECT(driver, GOOD, "for CUDA ");
    EXPECT(gpu, BAD, "100");
}
END_TEST

START_TEST(a_gpu_in_the_hosts_memory)
{
    use_simulated_driver();
    setenv("SIMCUDA_BEHAVIOUR", "device_is_integrated", 1);
    EXPECT(driver, GOOD, "for CUDA ");
    EXPECT(gpu, BAD, "shares the host's memory");
}
END_TEST

START_TEST(a_driver_that_pins_little)
{
    use_simulated_driver();
    setenv("SIMCUDA_PIN_LIMIT", "1M", 1);
    EXPECT(driver, GOOD, "for CUDA ");
    EXPECT(registration, SLOW, "answered 2");
}
END_TEST

/* --- the machine ----------------------------------------------------- */

static int refuse_memory_file(const char *name, unsigned flags)
{
    (void)name;
    (void)flags;
    errno = ENOSYS;
    return -1;
}

START_TEST(memory_files)
{
    EXPECT(memfd, GOOD, "works");
    doctor.memory_file = refuse_memory_file;
    EXPECT(memfd, SLOW, "refused");
}
END_TEST

/* The text and the entries are in every kernel that this is built for. */
START_TEST(questions_about_pages)
{
    doctor.page_mechanisms = CSH_PAGES_BY_TEXT | CSH_PAGES_BY_PAGEMAP;
    EXPECT(mappings, SLOW, "by text of");
    EXPECT(pages, SLOW, "by entries of");
    EXPECT(userfaultfd, SLOW, "refused");
    doctor.page_mechanisms = 0;
    EXPECT(mappings, SLOW, "neither by PROCMAP_QUERY");
    EXPECT(pages, SLOW, "neither by PAGEMAP_SCAN");
}
END_TEST

/* Where this kernel has the faster ways, they are found. */
START_TEST(faster_questions_about_pages)
{
    struct csh_page_state state;

    csh_page_state_open(&state, CSH_PAGES_BY_ALL);
    if ((state.offered & CSH_PAGES_BY_QUERY) != 0) {
        EXPECT(mappings, GOOD, "PROCMAP_QUERY");
    }
    if ((state.offered & CSH_PAGES_BY_SCAN) != 0) {
        EXPECT(pages, GOOD, "PAGEMAP_SCAN");
    }
    if ((state.offered & CSH_PAGES_BY_USERFAULT) != 0) {
        EXPECT(userfaultfd, GOOD, "works");
    }
    csh_page_state_close(&state);
}
END_TEST

START_TEST(room)
{
    EXPECT(room, GOOD, "8.00 GiB of 16.0 GiB");
    put_meminfo(512);
    EXPECT(room, SLOW, "512 MiB");
    put_meminfo(32);
    EXPECT(room, BAD, "32.0 MiB");
    put_meminfo(8192);
    put("proc/self/cgroup", "0::/a\n");
    put("proc/self/mountinfo",
        "30 23 0:26 / %s/cgroup rw - cgroup2 cgroup2 rw\n", root);
    put_group("cgroup/a", "2147483648", "max", 0, 0, 0);
    EXPECT(room, GOOD, "2.00 GiB of 16.0 GiB may still be taken (bounded");
    doctor.proc = "/no/such/folder";
    EXPECT(room, BAD, "cannot be read");
}
END_TEST

START_TEST(numbers_of_the_kernel)
{
    EXPECT_SKIPPED(overcommit);
    EXPECT_SKIPPED(maps);
    put("proc/sys/vm/overcommit_memory", "1\n");
    EXPECT(overcommit, GOOD, "is 1");
    put("proc/sys/vm/overcommit_memory", "2\n");
    EXPECT(overcommit, SLOW, "is 2");
    put("proc/sys/vm/max_map_count", "65530\n");
    EXPECT(maps, GOOD, "65530");
    put("proc/sys/vm/max_map_count", "1000\n");
    EXPECT(maps, SLOW, "1000");
}
END_TEST

static rlim_t made_limit;

static int limit_made(int resource, struct rlimit *limit_p)
{
    (void)resource;
    *limit_p = (struct rlimit){made_limit, RLIM_INFINITY};
    return 0;
}

START_TEST(limits)
{
    doctor.limit = limit_made;
    made_limit = RLIM_INFINITY;
    EXPECT(memlock, GOOD, "unlimited");
    EXPECT(fsize, GOOD, "unlimited");
    EXPECT(nofile, GOOD, "unlimited");
    EXPECT(as, GOOD, "unlimited");
    made_limit = 1024;
    EXPECT(memlock, GOOD, "1.00 KiB");
    EXPECT(fsize, SLOW, "1.00 KiB");
    EXPECT(nofile, SLOW, "1024");
    EXPECT(as, SLOW, "1.00 KiB");
    made_limit = 4096;
    EXPECT(nofile, GOOD, "4096");
}
END_TEST

START_TEST(kinds_of_machine)
{
    EXPECT(platform, GOOD, "not inside");
    put("dxg", " ");
    put("proc/sys/kernel/osrelease", "5.15.1-microsoft-standard-WSL2\n");
    EXPECT(platform, SLOW, "WSL2");
    EXPECT(container, GOOD, "none");
    put("proc/self/cgroup", "0::/system.slice\n");
    EXPECT(container, GOOD, "none");
    put("proc/self/cgroup", "0::/kubepods/pod1\n");
    EXPECT(container, GOOD, "(kubepods)");
    put(".dockerenv", " ");
    EXPECT(container, GOOD, "(/.dockerenv)");
}
END_TEST

/* --- programs -------------------------------------------------------- */

static unsigned char image[1 << 22];
static size_t n_image;

static void save_image(size_t n_bytes)
{
    FILE *out = fopen(file, "w");

    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(image, 1, n_bytes, out), n_bytes);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_int_eq(chmod(file, 0755), 0);
}

/* A program of this machine, to be changed. */
static void load_image(void)
{
    FILE *in = fopen("/bin/true", "r");

    ck_assert_ptr_nonnull(in);
    n_image = fread(image, 1, sizeof(image), in);
    ck_assert_int_eq(fclose(in), 0);
    ck_assert_uint_gt(n_image, sizeof(Elf64_Ehdr));
    save_image(n_image);
    doctor.program = file;
}

static Elf64_Phdr *interpreter_segment(void)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)(void *)image;
    Elf64_Phdr *segment = (Elf64_Phdr *)(void *)(image + header->e_phoff);

    while (segment->p_type != PT_INTERP) {
        ++segment;
    }
    return segment;
}

START_TEST(without_a_program)
{
    EXPECT_SKIPPED(reach);
    EXPECT_SKIPPED(allocator);
    EXPECT_SKIPPED(preload);
}
END_TEST

START_TEST(a_program_that_is_reached)
{
    struct csh_program program;

    load_image();
    EXPECT(reach, GOOD, "ld-linux");
    EXPECT(allocator, GOOD, "glibc's");
    EXPECT(preload, GOOD, "empty");
    csh_program_read(file, &program);
    ck_assert_ptr_nonnull(strstr(program.needed, "libc.so.6 "));
    doctor.preload = "/usr/lib/libtcmalloc_minimal.so.4:/x.so";
    EXPECT(allocator, SLOW, "that of libtcmalloc_minimal.so.4");
    ck_assert_ptr_null(strstr(finding.found, "x.so"));
    EXPECT(preload, GOOD, "/x.so");
}
END_TEST

START_TEST(programs_out_of_reach)
{
    load_image();
    interpreter_segment()->p_type = PT_NULL;
    save_image(n_image);
    EXPECT(reach, BAD, "static");
    EXPECT_SKIPPED(allocator);
    load_image();
    image[EI_CLASS] = ELFCLASS32;
    save_image(n_image);
    EXPECT(reach, BAD, "no program of this machine");
    load_image();
    ck_assert_int_eq(chmod(file, 04755), 0);
    EXPECT(reach, BAD, "setuid");
    doctor.program = "no-such-program-here";
    EXPECT(reach, BAD, "not found");
}
END_TEST

START_TEST(a_program_for_another_libc)
{
    load_image();
    strcpy((char *)image + interpreter_segment()->p_offset, "/ld-musl.so.1");
    save_image(n_image);
    EXPECT(reach, GOOD, "/ld-musl.so.1");
    EXPECT(allocator, SLOW, "musl");
}
END_TEST

static void put_script(const char *first_line)
{
    n_image = (size_t)snprintf((char *)image, sizeof(image), "%s\necho\n",
                               first_line);
    save_image(n_image);
    doctor.program = file;
}

START_TEST(scripts_are_their_interpreters)
{
    char line[256];

    put_script("#!/bin/sh -e");
    EXPECT(reach, GOOD, "/bin/sh is loaded by");
    put_script("#! /usr/bin/env -S A=1 sh -e");
    EXPECT(reach, GOOD, "/sh is loaded by");
    put_script("#!/no/such/interpreter");
    EXPECT(reach, BAD, "not found");
    put_script("#!");
    EXPECT(reach, BAD, "not found");
    snprintf(line, sizeof(line), "#!%.200s", file);
    put_script(line); /* its own interpreter */
    EXPECT(reach, BAD, "not found");
}
END_TEST

/* What is cut off anywhere, and what is changed anywhere, is read all the
 * same; sanitizers look on. */
START_TEST(any_bytes_may_be_a_program)
{
    struct csh_program program;
    size_t i;

    load_image();
    for (i = 0; i < 200; ++i) {
        save_image(n_image * i / 200);
        csh_program_read(file, &program);
    }
    srand(7);
    for (i = 0; i < 300; ++i) {
        image[(size_t)rand() % 4096 % n_image] ^= (unsigned char)rand();
        memcpy(image, ELFMAG, SELFMAG);
        image[EI_CLASS] = ELFCLASS64;
        save_image(n_image);
        csh_program_read(file, &program);
    }
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, a_good_driver);
    tcase_add_test(tcase, no_driver);
    tcase_add_test(tcase, no_driver_of_ours);
    tcase_add_test(tcase, an_old_driver);
    tcase_add_test(tcase, no_gpu);
    tcase_add_test(tcase, a_gpu_in_the_hosts_memory);
    tcase_add_test(tcase, a_driver_that_pins_little);
    tcase_add_test(tcase, memory_files);
    tcase_add_test(tcase, questions_about_pages);
    tcase_add_test(tcase, faster_questions_about_pages);
    tcase_add_test(tcase, room);
    tcase_add_test(tcase, numbers_of_the_kernel);
    tcase_add_test(tcase, limits);
    tcase_add_test(tcase, kinds_of_machine);
    tcase_add_test(tcase, without_a_program);
    tcase_add_test(tcase, a_program_that_is_reached);
    tcase_add_test(tcase, programs_out_of_reach);
    tcase_add_test(tcase, a_program_for_another_libc);
    tcase_add_test(tcase, scripts_are_their_interpreters);
    tcase_add_test(tcase, any_bytes_may_be_a_program);
}

int main(void)
{
    Suite *suite = suite_create("doctor");
    TCase *tcase = tcase_create("checks");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_add_checked_fixture(tcase, start, fell_tree);
    tcase_set_timeout(tcase, 120);
    add_tests(tcase);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
