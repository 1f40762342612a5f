/*
 * shared.c - see shared.h. Owns nothing.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* F_GET_SEALS */
#endif
#include "cli/shared.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/commands.h"

#define PATH_BYTES 128
#define LINK_TEXT "/memfd:" CSH_LIVE_FILE_NAME " (deleted)"

static size_t read_file(const char *path, char *text_p, size_t n_bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = (fd >= 0) ? read(fd, text_p, n_bytes - 1) : 0;

    if (fd >= 0) {
        close(fd);
    }
    n = (n > 0) ? n : 0;
    text_p[n] = '\0';
    return (size_t)n;
}

/* What the process itself takes for its id: the last of NSpid (proc(5)), which
 * has one for each namespace of process ids that it is in. */
static uint64_t id_inside(const char *proc, pid_t pid)
{
    char path[PATH_BYTES], text[4096];
    const char *at;
    char *end;
    uint64_t id = (uint64_t)pid;

    snprintf(path, sizeof(path), "%s/%d/status", proc, (int)pid);
    (void)read_file(path, text, sizeof(text));
    at = strstr(text, "\nNSpid:");
    if (at == NULL) {
        return id;
    }
    for (at += sizeof("\nNSpid:") - 1; (*at == '\t') || (*at == ' ');
         at = end) {
        id = strtoull(at, &end, 10);
    }
    return id;
}

/* --- one page -------------------------------------------------------- */

static bool names_page(int folder, const char *name)
{
    char text[sizeof(LINK_TEXT) + 1];
    ssize_t n = readlinkat(folder, name, text, sizeof(text));

    return (n == (ssize_t)sizeof(LINK_TEXT) - 1) &&
           (memcmp(text, LINK_TEXT, sizeof(LINK_TEXT) - 1) == 0);
}

/* Only a file that cannot shrink: reading the mapping of one that has shrunk
 * would end us. */
static const struct csh_live_page *map_page(int fd, size_t *n_bytes_p,
                                            ino_t *inode_p)
{
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat status;
    void *address;

    if ((seals < 0) || ((seals & F_SEAL_SHRINK) == 0) ||
        (fstat(fd, &status) != 0) ||
        ((uint64_t)status.st_size < sizeof(uint64_t) * 8)) {
        return NULL;
    }
    *n_bytes_p = ((uint64_t)status.st_size < sizeof(struct csh_live_page)) ?
                 (size_t)status.st_size : sizeof(struct csh_live_page);
    *inode_p = status.st_ino;
    address = mmap(NULL, *n_bytes_p, PROT_READ, MAP_SHARED, fd, 0);
    return (address == MAP_FAILED) ? NULL : address;
}

static enum csh_shared_status open_page(int folder, const char *name,
                                        uint64_t id,
                                        struct csh_shared *shared_p)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    enum csh_shared_status status = CSH_SHARED_NO_PAGE;
    const struct csh_live_page *page;
    size_t n_bytes;

    if (fd < 0) {
        return (errno == EACCES) ? CSH_SHARED_FORBIDDEN : CSH_SHARED_NO_PAGE;
    }
    page = map_page(fd, &n_bytes, &shared_p->inode);
    close(fd);
    if (page == NULL) {
        return CSH_SHARED_NO_PAGE;
    }
    switch (csh_live_page_check(page, n_bytes)) {
    case CSH_LIVE_GOOD:
        status = (page->pid == id) ? CSH_SHARED_GOOD : CSH_SHARED_NO_PAGE;
        break;
    case CSH_LIVE_OTHER_LAYOUT:
        status = CSH_SHARED_OTHER_LAYOUT;
        break;
    default:
        break;
    }
    if (status != CSH_SHARED_GOOD) {
        munmap((void *)page, n_bytes);
        return status;
    }
    shared_p->fd = atoi(name);
    shared_p->page = page;
    shared_p->began_ns = page->began_ns;
    return CSH_SHARED_GOOD;
}

/* The best that any descriptor of that name has to say. */
static enum csh_shared_status search(DIR *folder, uint64_t id,
                                     struct csh_shared *shared_p)
{
    enum csh_shared_status status = CSH_SHARED_NO_PAGE, one;
    const struct dirent *entry;

    while ((status != CSH_SHARED_GOOD) &&
           ((entry = readdir(folder)) != NULL)) {
        if (names_page(dirfd(folder), entry->d_name)) {
            one = open_page(dirfd(folder), entry->d_name, id, shared_p);
            status = (one == CSH_SHARED_NO_PAGE) ? status : one;
        }
    }
    return status;
}

enum csh_shared_status csh_shared_open(const char *proc, pid_t pid,
                                       struct csh_shared *shared_p)
{
    enum csh_shared_status status;
    char path[PATH_BYTES];
    DIR *folder;

    snprintf(path, sizeof(path), "%s/%d/fd", proc, (int)pid);
    folder = opendir(path);
    if (folder == NULL) {
        return (errno == EACCES) || (errno == EPERM) ? CSH_SHARED_FORBIDDEN :
                                                       CSH_SHARED_NO_PROCESS;
    }
    status = search(folder, id_inside(proc, pid), shared_p);
    closedir(folder);
    if (status == CSH_SHARED_GOOD) {
        shared_p->pid = pid;
        snprintf(path, sizeof(path), "%s/%d/comm", proc, (int)pid);
        (void)read_file(path, shared_p->command, sizeof(shared_p->command));
        shared_p->command[strcspn(shared_p->command, "\n")] = '\0';
    }
    return status;
}

void csh_shared_close(struct csh_shared *shared)
{
    if (shared->page != NULL) {
        munmap((void *)shared->page, sizeof(*shared->page));
    }
    shared->page = NULL;
}

/* An ended process has no descriptors any more, also while its parent has not
 * asked for its status. */
bool csh_shared_is_there(const char *proc, const struct csh_shared *shared)
{
    char path[PATH_BYTES];
    struct stat status;

    snprintf(path, sizeof(path), "%s/%d/fd/%d", proc, (int)shared->pid,
             shared->fd);
    return (stat(path, &status) == 0) && (status.st_ino == shared->inode);
}

enum csh_shared_status csh_shared_read(const struct csh_shared *shared,
                                       struct csh_live_figures *figures_p)
{
    return (csh_live_page_read(shared->page, figures_p) == CSH_LIVE_GOOD) ?
           CSH_SHARED_GOOD : CSH_SHARED_UNREADABLE;
}

/* --- all processes --------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

    return (x > y) - (x < y);
}

bool csh_shared_parse_pid(const char *text, pid_t *pid_p)
{
    char *end;
    long number;

    if (!isdigit((unsigned char)text[0])) {
        return false;
    }
    errno = 0;
    number = strtol(text, &end, 10);
    *pid_p = (pid_t)number;
    return (errno == 0) && (*end == '\0') && (number > 0) &&
           (number <= INT_MAX);
}

size_t csh_shared_candidates(const char *proc, pid_t *pids_p,
                             size_t capacity)
{
    DIR *folder = opendir(proc);
    const struct dirent *entry;
    char path[PATH_BYTES];
    size_t n = 0;

    while ((folder != NULL) && (n < capacity) &&
           ((entry = readdir(folder)) != NULL)) {
        if (csh_shared_parse_pid(entry->d_name, &pids_p[n])) {
            snprintf(path, sizeof(path), "%s/%d/fd", proc, (int)pids_p[n]);
            n += (access(path, R_OK | X_OK) == 0);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    qsort(pids_p, n, sizeof(*pids_p), compare);
    return n;
}

/* --- what is made of it ------------------------------------------------ */

void csh_shared_explain(const char *who, pid_t pid,
                        enum csh_shared_status status)
{
    static const char *const reasons[] = {
        [CSH_SHARED_GOOD] = "all is well",
        [CSH_SHARED_NO_PROCESS] = "there is no such process",
        [CSH_SHARED_FORBIDDEN] =
            ("only its own user, who may trace it, can look at it"),
        [CSH_SHARED_NO_PAGE] =
            ("it shares no figures: no shim is in it, it has not used CUDA "
             "yet, or CUSHADOW_LIVE, CUSHADOW_STATS or CUSHADOW_MODE turned "
             "them off"),
        [CSH_SHARED_OTHER_LAYOUT] =
            ("its shim is of another version: use the command that came with "
             "it"),
        [CSH_SHARED_UNREADABLE] = "its figures could not be read whole",
    };

    fprintf(stderr, "%s: process %d: %s\n", who, (int)pid, reasons[status]);
}

static uint64_t age(uint64_t now, uint64_t then)
{
    return (now > then) ? now - then : 0;
}

void csh_shared_report(const struct csh_shared *shared,
                       const struct csh_live_figures *figures,
                       struct csh_model_figures *models,
                       struct csh_report *report_p,
                       struct csh_report_shared *more_p)
{
    struct csh_statistics *statistics = &report_p->statistics;
    uint64_t now = csh_clock_now_ns();

    memcpy(statistics->reason, figures->reason, sizeof(statistics->reason));
    memcpy(statistics->weight_rule, figures->weight_rule,
           sizeof(statistics->weight_rule));
    memcpy(statistics->gauge, figures->gauge, sizeof(statistics->gauge));
    csh_statistics_add_up(statistics);
    csh_live_models(figures, models);
    csh_process_memory_read_of(shared->pid, &report_p->memory);
    report_p->mode = (enum csh_mode)figures->mode;
    report_p->pid = (uint64_t)shared->pid;
    report_p->is_full = true;
    report_p->shared = more_p;
    *more_p = (struct csh_report_shared){
        .models = models,
        .n_models = (unsigned)figures->n_models,
        .age_ns = age(now, figures->written_ns),
        .up_ns = age(now, shared->began_ns),
    };
}
