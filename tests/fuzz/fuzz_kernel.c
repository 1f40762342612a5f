/*
 * fuzz_kernel.c - files of /proc and /sys, chosen by a fuzzer's bytes: memory
 * and processors as the machine and its cgroups have them, signs of pressure,
 * the texts of mappings, and what a process says of itself. A container or a
 * FUSE file system in front of /proc may write what it likes there.
 *
 * The first byte is the most that a read() gives, or 0 for all there is. Bytes
 * 0xff part the rest into files; the first letter of each says which it is, 'a'
 * for the first row of the table. Calls that open, read and close files are
 * those below (the linker's --wrap).
 */
#include "fuzz.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/cpus.h"
#include "base/platform.h"
#include "report/process_memory.h"
#include "shadow/page_state.h"
#include "shadow/pressure.h"
#include "shadow/vma_marks.h"

#define ROOT "/fuzzed"
#define FIRST_FD 100000
#define SECOND UINT64_C(1000000000)
#define HELD (UINT64_C(1) << 30)

long __wrap_syscall(long number, ...);
int __wrap_open(const char *path, int flags, ...);
ssize_t __wrap_read(int fd, void *bytes, size_t n_bytes);
int __wrap_close(int fd);
long __real_syscall(long number, ...);
int __real_open(const char *path, int flags, ...);
ssize_t __real_read(int fd, void *bytes, size_t n_bytes);
int __real_close(int fd);

/* How their paths end. */
static const char *const names[] = {
    "/self/cgroup",        "/meminfo",          "/overcommit_memory",
    "/memory.max",         "/memory.high",      "/memory.current",
    "/memory.stat",        "/memory.events",    "/memory.pressure",
    "/pressure/memory",    "/memory.limit_in_bytes",
    "/memory.usage_in_bytes", "/cpu.max",       "/cpu.cfs_quota_us",
    "/cpu.cfs_period_us",  "/osrelease",        "/self/maps",
    "/self/smaps",         "/status",           "/dxg",
};
#define N_FILES CSH_ARRAY_LENGTH(names)

static struct fuzz_part files[N_FILES];
static size_t most_at_once;

/* --- instead of the kernel ----------------------------------------------- */

/* A descriptor is its file's place, and as much as has been read. */
static size_t read_of[N_FILES];

static bool is_ours(int fd)
{
    return fd >= FIRST_FD && fd < FIRST_FD + (int)N_FILES;
}

static int open_file(const char *path)
{
    size_t n = strlen(path), i;

    for (i = 0; i < N_FILES; i++) {
        size_t n_name = strlen(names[i]);

        if (files[i].bytes != NULL && n > n_name &&
            strcmp(path + n - n_name, names[i]) == 0) {
            read_of[i] = 0;
            return FIRST_FD + (int)i;
        }
    }
    return -1;
}

static long read_file(int fd, void *bytes, size_t n_bytes)
{
    size_t i = (size_t)(fd - FIRST_FD), n = files[i].n_bytes - read_of[i];

    n = n < n_bytes ? n : n_bytes;
    n = most_at_once == 0 || n < most_at_once ? n : most_at_once;
    memcpy(bytes, files[i].bytes + read_of[i], n);
    read_of[i] += n;
    return (long)n;
}

/* Six are taken, however many there are. */
__attribute__((no_sanitize("address"))) long __wrap_syscall(long number, ...)
{
    long arguments[6];
    va_list list;
    size_t i;

    va_start(list, number);
    for (i = 0; i < 6; i++) {
        arguments[i] = va_arg(list, long);
    }
    va_end(list);
    if (number == SYS_openat) {
        return open_file((const char *)arguments[1]);
    }
    if (number == SYS_read && is_ours((int)arguments[0])) {
        return read_file((int)arguments[0], (void *)arguments[1],
                         (size_t)arguments[2]);
    }
    if (number == SYS_close && is_ours((int)arguments[0])) {
        return 0;
    }
    return __real_syscall(number, arguments[0], arguments[1], arguments[2],
                          arguments[3], arguments[4], arguments[5]);
}

int __wrap_open(const char *path, int flags, ...)
{
    int fd = strncmp(path, "/proc/", 6) == 0 ? open_file(path) : -1;

    return fd >= 0 ? fd : __real_open(path, flags, 0600);
}

ssize_t __wrap_read(int fd, void *bytes, size_t n_bytes)
{
    return is_ours(fd) ? read_file(fd, bytes, n_bytes)
                       : __real_read(fd, bytes, n_bytes);
}

int __wrap_close(int fd)
{
    return is_ours(fd) ? 0 : __real_close(fd);
}

/* --- who reads them ------------------------------------------------------ */

static const struct csh_system_roots roots = {ROOT, ROOT "/cgroup"};

static void check_memory(void)
{
    struct csh_budget budget = {.roots = roots};
    struct csh_budget_state state;
    struct csh_pressure pressure;
    struct csh_pressure_order order;
    struct csh_headroom headroom;
    uint64_t now;

    csh_headroom_read(&roots, &headroom);
    PROMISE(headroom.bytes <= headroom.available);
    PROMISE(headroom.is_known || headroom.bytes == 0);
    csh_budget_read(&budget, 0, &state);
    PROMISE(state.bytes <= headroom.bytes);
    csh_pressure_init(&pressure, &budget);
    for (now = SECOND; now < 7 * SECOND; now += 3 * SECOND) {
        pressure.events = pressure.group_stall_us = 0;
        pressure.system_stall_us = 0;
        PROMISE(csh_pressure_begin(&pressure, now, true));
        csh_pressure_look(&pressure, now, HELD, &order);
        PROMISE(order.bytes <= HELD);
        PROMISE(order.sign != CSH_PRESSURE_NONE || order.bytes == 0);
        csh_pressure_end(&pressure, now, &order, 0, HELD);
    }
}

static void check_mappings(void)
{
    static const uint64_t addresses[] = {0x1000, 0x7f0000001000,
                                         UINT64_MAX - 0xfff};
    static const struct csh_page_state state = {
        .offered = CSH_PAGES_BY_TEXT, .maps = {.fd = -1},
        .pagemap = {.fd = -1}, .userfault = {.fd = -1},
    };
    struct csh_vma vma;
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(addresses); i++) {
        switch (csh_page_state_find_vma(&state, addresses[i], &vma)) {
        case CSH_PAGES_FOUND:
            PROMISE(vma.start <= addresses[i] && addresses[i] < vma.end);
            PROMISE(vma.flags < 16);
            break;
        case CSH_PAGES_NONE:
            PROMISE(vma.start > addresses[i]);
            break;
        default:
            break;
        }
        PROMISE((csh_vma_marks_in_text(addresses[i]) & CSH_MARK_POLICY) == 0);
    }
}

void fuzz_begin(void)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    const struct csh_platform_roots platform = {ROOT, ROOT "/dev"};
    struct csh_process_memory memory;
    struct fuzz_part rest, part;
    unsigned n_cpus;

    if (n_bytes == 0) {
        return -1;
    }
    most_at_once = bytes[0];
    rest         = (struct fuzz_part){bytes + 1, n_bytes - 1};
    memset(files, 0, sizeof(files));
    while (fuzz_next_part(&rest, &part)) {
        if (part.n_bytes > 0 && part.bytes[0] >= 'a' &&
            (size_t)(part.bytes[0] - 'a') < N_FILES) {
            files[part.bytes[0] - 'a'] =
                (struct fuzz_part){part.bytes + 1, part.n_bytes - 1};
        }
    }
    check_memory();
    n_cpus = csh_cpus_usable(&roots);
    PROMISE(n_cpus > 0 && n_cpus <= 8192);
    (void)csh_platform_is_wsl2(&platform);
    check_mappings();
    csh_process_memory_read(&memory);
    return 0;
}
