/*
 * live.c - the memory file, and what goes into it.
 *
 * Owns the descriptor and the mapping of the page, and memory to gather the
 * figures in. Memory is populated before it is written, as far as it is
 * needed: where there is none left a page fault would end the program.
 *
 * The file can be opened by the process's own user and nobody else, and by
 * the shim alone for writing: a reader finds it through /proc/PID/fd, which
 * the kernel shows to who may trace the process.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create */
#endif
#include "report/live.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/host_changes.h"
#include "base/log.h"
#include "base/options.h"
#include "report/live_page.h"

/* Kernel constants that the oldest C libraries in reach do not name. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif
#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1u
#define MFD_ALLOW_SEALING 2u
#endif

/* A program that closes what it does not know, again and again. */
#define MOST_PAGES 16

/* Never both in one mapping that a child could write to. */
struct gathered {
    struct csh_live_figures figures;
    struct csh_model_figures models[CSH_MAX_MODELS];
};

static struct {
    struct csh_descriptor file;
    struct csh_live_page *page; /* NULL: there is none */
    struct gathered *gathered;
    uint64_t began_ns;
    uint64_t n_populated; /* models that both slots have memory for */
    unsigned n_pages;
} live;

/* --- the page -------------------------------------------------------- */

static bool fits_limit(size_t n_bytes)
{
    struct rlimit limit;

    return (getrlimit(RLIMIT_FSIZE, &limit) != 0) ||
           (limit.rlim_cur == RLIM_INFINITY) || (limit.rlim_cur >= n_bytes);
}

static bool open_file(struct csh_descriptor *file_p)
{
    int fd;

    if (!fits_limit(sizeof(struct csh_live_page))) {
        errno = EFBIG;
        return false;
    }
    fd = memfd_create(CSH_LIVE_FILE_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (!csh_descriptor_take(fd, file_p)) {
        return false;
    }
    if (!csh_descriptor_resize(file_p->fd, sizeof(struct csh_live_page)) ||
        (fchmod(file_p->fd, S_IRUSR) != 0)) {
        csh_descriptor_close(file_p);
        return false;
    }
    return true;
}

/* Without access at first, or mlockall(MCL_FUTURE) would populate and lock all
 * of it. */
static void *map(int fd, size_t n_bytes)
{
    int flags = (fd >= 0) ? MAP_SHARED :
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *address = mmap(NULL, n_bytes, PROT_NONE, flags, fd, 0);

    if (address == MAP_FAILED) {
        return NULL;
    }
    munlock(address, n_bytes);
    if ((csh_own_madvise(address, n_bytes, MADV_DONTFORK) != 0) ||
        (mprotect(address, n_bytes, PROT_READ | PROT_WRITE) != 0)) {
        munmap(address, n_bytes);
        return NULL;
    }
    csh_own_madvise(address, n_bytes, MADV_DONTDUMP);
    return address;
}

static bool populate(const void *from, size_t n_bytes)
{
    uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)from & ~(page_bytes - 1);
    uintptr_t end = (uintptr_t)from + n_bytes;
    int result;

    do {
        result = csh_own_madvise((void *)start, end - start,
                                 MADV_POPULATE_WRITE);
    } while ((result != 0) && (errno == EAGAIN));
    if ((result != 0) && (errno == EINVAL)) {
        result = (int)syscall(SYS_fallocate, live.file.fd, 0,
                              (off_t)(start - (uintptr_t)live.page),
                              (off_t)(end - start));
    }
    return result == 0;
}

/* Both slots up to so many models. */
static bool make_room(uint64_t n_models)
{
    size_t n_bytes = csh_live_figures_bytes(n_models);
    int i;

    for (i = 0; i < 2; ++i) {
        if (!populate(&live.page->slots[i],
                      offsetof(struct csh_live_slot, words) + n_bytes)) {
            return false;
        }
    }
    live.n_populated = n_models;
    return true;
}

static void close_page(void)
{
    if (live.page != NULL) {
        munmap(live.page, sizeof(*live.page));
        live.page = NULL;
    }
    csh_descriptor_close(&live.file);
}

/* On failure errno says why. */
static bool open_page(void)
{
    int saved_errno;

    ++live.n_pages;
    if (!open_file(&live.file)) {
        return false;
    }
    live.page = map(live.file.fd, sizeof(*live.page));
    if ((live.page == NULL) || !populate(live.page, 1) || !make_room(0)) {
        saved_errno = errno;
        close_page();
        errno = saved_errno;
        return false;
    }
    (void)csh_descriptor_seal(live.file.fd);
    csh_live_page_init(live.page, (uint64_t)getpid(), live.began_ns);
    return true;
}

bool csh_live_open(void)
{
    int saved_errno = errno;
    bool is_open;

    live.file.fd = -1;
    live.began_ns = csh_clock_now_ns();
    live.gathered = map(-1, sizeof(*live.gathered));
    is_open = (live.gathered != NULL) && open_page();
    if (!is_open) {
        csh_info("report", "no figures are shared while the program runs: "
                 "%m");
    }
    errno = saved_errno;
    return is_open;
}

/* --- the figures ----------------------------------------------------- */

static void fill_model(const struct csh_model_figures *figures,
                       struct csh_live_model *model_p)
{
    const char *name = (figures->name != NULL) ? figures->name :
                                                 figures->label;

    memset(model_p->name, 0, sizeof(model_p->name));
    (void)snprintf(model_p->name, sizeof(model_p->name), "%s", name);
    model_p->is_named = figures->name != NULL;
    model_p->known = figures->known;
    model_p->on_device = figures->on_device;
    model_p->in_shadows = figures->in_shadows;
    model_p->pinned = figures->pinned;
    model_p->parked = figures->parked;
    model_p->account = figures->account;
}

static void gather(uint64_t now_ns)
{
    struct csh_live_figures *figures = &live.gathered->figures;
    struct csh_statistics statistics;
    unsigned n_models, i;

    csh_statistics_snapshot(&statistics);
    memcpy(figures->reason, statistics.reason, sizeof(figures->reason));
    memcpy(figures->weight_rule, statistics.weight_rule,
           sizeof(figures->weight_rule));
    memcpy(figures->gauge, statistics.gauge, sizeof(figures->gauge));
    n_models = csh_registry_models(live.gathered->models, CSH_MAX_MODELS);
    for (i = 0; i < n_models; ++i) {
        fill_model(&live.gathered->models[i], &figures->models[i]);
    }
    figures->n_models = n_models;
    figures->mode = csh_options()->mode;
    figures->written_ns = now_ns;
}

/* True if there is a page that a reader can find. */
static bool keep_page(void)
{
    if ((live.page != NULL) && csh_descriptor_is_ours(&live.file)) {
        return true;
    }
    close_page();
    live.n_populated = 0;
    return (live.n_pages < MOST_PAGES) && open_page();
}

bool csh_live_write(uint64_t now_ns)
{
    struct csh_live_figures *figures = &live.gathered->figures;
    int saved_errno = errno;
    bool has_page = keep_page();

    if (has_page) {
        gather(now_ns);
        if ((figures->n_models > live.n_populated) &&
            !make_room(figures->n_models)) {
            figures->n_models = live.n_populated;
        }
        csh_live_page_write(live.page, figures);
    }
    errno = saved_errno;
    return has_page;
}
