/*
 * output.c - writing a text into a descriptor of somebody else's process.
 *
 * Owns the identity of descriptor 2 as it was when the library was loaded.
 * It is taken by a constructor, or by the first use if some other library's
 * constructor comes earlier.
 *
 * What a write may do to the program, and what is done about it:
 *  - a pipe without reader raises SIGPIPE, a file beyond RLIMIT_FSIZE
 *    SIGXFSZ, a background job's terminal SIGTTOU (which stops the process).
 *    All three are blocked in the calling thread for the time of the write,
 *    and one that the write made pending is taken back. A write raises the
 *    first two for its own thread, so nobody else's is taken.
 *  - write(2) and open(2) are cancellation points: cancellation is put off,
 *    since a caller may have state that it must not leave half done.
 *  - a full pipe or a stopped terminal blocks: poll(2) first, and pieces of
 *    at most PIPE_BUF bytes, which fit whenever poll says so.
 * Two threads' lines may each be lost, but a line is one write and is not
 * interleaved with another.
 */
#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Programs that still use select(2) need the numbers below for themselves. */
#define FIRST_HIGH_FD 1024

/* How long one piece waits for a slow reader. Once one has waited in vain,
 * the next ones do not, so that a stuck reader costs the program this once. */
#define PATIENCE_MS 100

struct quiet {
    sigset_t mask;    /* the thread's, to go back to */
    sigset_t pending; /* before us */
    int cancel_state;
    int saved_errno;
};

static atomic_bool stderr_is_known;
static atomic_bool stderr_was_open;
static _Atomic uint64_t stderr_device, stderr_inode;
static atomic_bool reader_is_stuck;

static void quiet_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGPIPE);
    sigaddset(set, SIGXFSZ);
    sigaddset(set, SIGTTOU);
}

static void quiet_begin(struct quiet *quiet)
{
    sigset_t set;

    quiet->saved_errno = errno;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &quiet->cancel_state);
    quiet_set(&set);
    sigemptyset(&quiet->pending);
    sigpending(&quiet->pending);
    pthread_sigmask(SIG_BLOCK, &set, &quiet->mask);
}

static void quiet_end(struct quiet *quiet)
{
    pthread_sigmask(SIG_SETMASK, &quiet->mask, NULL);
    pthread_setcancelstate(quiet->cancel_state, NULL);
    errno = quiet->saved_errno;
}

/* Takes back the signal that the failed write made pending. */
static void quiet_take(const struct quiet *quiet, int signal_number)
{
    const struct timespec now = {0, 0};
    sigset_t set;

    if (sigismember(&quiet->pending, signal_number) != 0) {
        return; /* one of the program's own waits: leave both to it */
    }
    sigemptyset(&set);
    sigaddset(&set, signal_number);
    while ((sigtimedwait(&set, NULL, &now) < 0) && (errno == EINTR)) {
    }
}

/* Racing threads compute the same, so the last store changes nothing. */
static void stderr_learn(void)
{
    int saved_errno = errno;
    struct stat file;

    if (fstat(STDERR_FILENO, &file) == 0) {
        atomic_store(&stderr_device, (uint64_t)file.st_dev);
        atomic_store(&stderr_inode, (uint64_t)file.st_ino);
        atomic_store(&stderr_was_open, true);
    }
    atomic_store(&stderr_is_known, true);
    errno = saved_errno;
}

__attribute__((constructor)) static void output_load(void)
{
    if (!atomic_load(&stderr_is_known)) {
        stderr_learn();
    }
}

struct csh_output csh_output_stderr(void)
{
    struct csh_output output = {.fd = -1};

    output_load();
    if (atomic_load(&stderr_was_open)) {
        output.fd = STDERR_FILENO;
        output.device = (dev_t)atomic_load(&stderr_device);
        output.inode = (ino_t)atomic_load(&stderr_inode);
    }
    return output;
}

static bool output_is_intact(const struct csh_output *output)
{
    struct stat file;

    return (output->fd >= 0) && (fstat(output->fd, &file) == 0) &&
           (file.st_dev == output->device) && (file.st_ino == output->inode);
}

/* Where the soft limit leaves nothing above 1023, its upper quarter does. */
static int output_raise(int fd)
{
    int lowest = FIRST_HIGH_FD;
    struct rlimit limit;
    int high_fd;

    if ((getrlimit(RLIMIT_NOFILE, &limit) == 0) &&
        (limit.rlim_cur <= (rlim_t)FIRST_HIGH_FD)) {
        lowest = (int)(limit.rlim_cur / 4 * 3);
    }
    high_fd = fcntl(fd, F_DUPFD_CLOEXEC, lowest);
    if (high_fd < 0) {
        return fd;
    }
    close(fd);
    return high_fd;
}

/* Whoever could foresee the name would read what is written, from a file or a
 * pipe of theirs, or have it written over a file of ours, by a second name. */
static int output_why_planted(const struct stat *file)
{
    if ((S_ISREG(file->st_mode) || S_ISFIFO(file->st_mode)) &&
        (file->st_uid != geteuid()) && (file->st_uid != 0)) {
        return EPERM;
    }
    return (S_ISREG(file->st_mode) && (file->st_nlink > 1)) ? EMLINK : 0;
}

/* The descriptor in *output_p, or false with errno and fd closed. */
static bool output_take(int fd, struct csh_output *output_p)
{
    struct stat file;
    int error = 0;

    if (fstat(fd, &file) != 0) {
        error = errno;
    } else {
        error = output_why_planted(&file);
    }
    if (error != 0) {
        close(fd);
        errno = error;
        return false;
    }
    *output_p = (struct csh_output){fd, file.st_dev, file.st_ino};
    return true;
}

/* False with errno, nothing left open. */
static bool output_open(const char *path, int flags,
                        struct csh_output *output_p)
{
    int fd = open(path, flags | O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
                  O_NOCTTY | O_NONBLOCK, 0600);

    return (fd >= 0) && output_take(output_raise(fd), output_p);
}

bool csh_output_open(const char *path, enum csh_output_start start,
                     struct csh_output *output_p)
{
    struct quiet quiet;
    bool is_open;

    quiet_begin(&quiet);
    is_open = output_open(path, (start == CSH_OUTPUT_APPEND) ? O_APPEND : 0,
                          output_p);
    if (!is_open) {
        quiet.saved_errno = errno;
    } else if (start == CSH_OUTPUT_TRUNCATE) {
        /* Only now that it is known whose it is; a pipe has no length. */
        (void)!ftruncate(output_p->fd, 0);
    }
    quiet_end(&quiet);
    return is_open;
}

/* 0, or why the file cannot be this process's alone. */
static int output_claim(const struct csh_output *output)
{
    struct stat file;

    if (fstat(output->fd, &file) != 0) {
        return errno;
    }
    if (!S_ISREG(file.st_mode)) {
        return EINVAL;
    }
    if (file.st_uid != geteuid()) {
        return EPERM;
    }
    if (flock(output->fd, LOCK_EX | LOCK_NB) != 0) {
        return errno;
    }
    return (ftruncate(output->fd, 0) != 0) ? errno : 0;
}

bool csh_output_claim(const char *path, struct csh_output *output_p)
{
    struct csh_output opened;
    struct quiet quiet;
    int error = 0;

    quiet_begin(&quiet);
    if (!output_open(path, O_APPEND, &opened)) {
        error = errno;
    } else {
        error = output_claim(&opened);
        if (error == 0) {
            *output_p = opened;
        } else {
            close(opened.fd);
        }
    }
    if (error != 0) {
        quiet.saved_errno = error;
    }
    quiet_end(&quiet);
    return error == 0;
}

bool csh_output_cut(const struct csh_output *output, uint64_t n_bytes)
{
    struct quiet quiet;
    bool is_cut;

    quiet_begin(&quiet);
    is_cut = output_is_intact(output) &&
             (ftruncate(output->fd, (off_t)n_bytes) == 0);
    quiet_end(&quiet);
    return is_cut;
}

void csh_output_close(struct csh_output *output)
{
    struct quiet quiet;

    quiet_begin(&quiet);
    if (output_is_intact(output)) {
        close(output->fd);
    }
    output->fd = -1;
    quiet_end(&quiet);
}

/* False only when it is known that a write would wait. */
static bool output_can_take(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    bool was_stuck = atomic_load(&reader_is_stuck);
    int n_ready;

    n_ready = poll(&poll_fd, 1, was_stuck ? 0 : PATIENCE_MS);
    if (was_stuck != (n_ready == 0)) {
        atomic_store(&reader_is_stuck, n_ready == 0);
    }
    return n_ready != 0;
}

/* Bytes written, or negative after which nothing more should be tried. */
static ssize_t output_write_piece(const struct quiet *quiet, int fd,
                                  const char *text, size_t n_bytes)
{
    ssize_t n_written;

    if (!output_can_take(fd)) {
        return -1;
    }
    n_written = write(fd, text, n_bytes < PIPE_BUF ? n_bytes : PIPE_BUF);
    if (n_written >= 0) {
        return (n_written > 0) ? n_written : -1;
    }
    if (errno == EINTR) {
        return 0;
    }
    if (errno == EPIPE) {
        quiet_take(quiet, SIGPIPE);
    } else if (errno == EFBIG) {
        quiet_take(quiet, SIGXFSZ);
    }
    return -1;
}

bool csh_output_write(const struct csh_output *output, const char *text,
                      size_t n_bytes)
{
    struct quiet quiet;
    ssize_t n_written = 0;

    quiet_begin(&quiet);
    while ((n_bytes > 0) && (n_written >= 0) && output_is_intact(output)) {
        n_written = output_write_piece(&quiet, output->fd, text, n_bytes);
        if (n_written > 0) {
            text += n_written;
            n_bytes -= (size_t)n_written;
        }
    }
    quiet_end(&quiet);
    return n_bytes == 0;
}

/* The text that %letter stands for, in buffer_p; false if it stays. */
static bool output_expand_letter(char letter, char *buffer_p,
                                 size_t buffer_bytes)
{
    switch (letter) {
    case 'p':
        snprintf(buffer_p, buffer_bytes, "%ld", (long)getpid());
        return true;
    case 'h':
        if (gethostname(buffer_p, buffer_bytes) != 0) {
            snprintf(buffer_p, buffer_bytes, "host");
        }
        buffer_p[buffer_bytes - 1] = '\0';
        return true;
    case '%':
        snprintf(buffer_p, buffer_bytes, "%%");
        return true;
    default:
        return false;
    }
}

bool csh_output_expand(const char *pattern, char *path_p, size_t path_bytes)
{
    char piece[HOST_NAME_MAX + 1];
    size_t n_bytes = 0, n_piece;

    while (*pattern != '\0') {
        if ((*pattern == '%') &&
            output_expand_letter(pattern[1], piece, sizeof(piece))) {
            pattern += 2;
        } else {
            piece[0] = *pattern++;
            piece[1] = '\0';
        }
        n_piece = strlen(piece);
        if (n_bytes + n_piece >= path_bytes) {
            return false;
        }
        memcpy(path_p + n_bytes, piece, n_piece);
        n_bytes += n_piece;
    }
    path_p[n_bytes] = '\0';
    return true;
}
