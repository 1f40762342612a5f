/*
 * chunk.c - memory files and their one mapping.
 *
 * Owns each chunk's descriptor and mapping from open to close. No lock; the
 * caller (slab.c) sees to it that one thread at a time works on a part.
 *
 * What a program must never notice, and what keeps it so:
 *  - the signal: growing a file past RLIMIT_FSIZE sends SIGXFSZ, whose default
 *    kills. The size stays below the limit, and the signal is blocked where it
 *    is set, because the limit may fall in between.
 *  - the descriptor: moved above 1023, or as high as a limit allows, out of
 *    reach of loops over small descriptors and of dup2(); before it is used or
 *    closed again its device and inode are compared, since the program may
 *    have put a file of its own there.
 *  - the file: sealed, so that nobody who finds the descriptor can write to
 *    it, truncate it, or map it for writing (F_SEAL_FUTURE_WRITE, Linux 5.1).
 *  - fork: the mapping is not inherited, so a child's writes elsewhere never
 *    turn pinned pages into copies.
 *  - mlockall(MCL_FUTURE): a new mapping would be populated at once, whole,
 *    and locked. It is made without access and unlocked before it gets any.
 *  - core files: left out; they would grow by the shadows.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* F_*_SEALS, MAP_ANONYMOUS, fallocate */
#endif
#include "shadow/chunk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/host_changes.h"
#include "base/log.h"
#include "base/statistics.h"

/* Kernel constants that the oldest C libraries in reach do not name. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif
#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1u
#define MFD_ALLOW_SEALING 2u
#endif

/* Under RLIMIT_AS reserved addresses are taken from the program. */
#define MOST_WHEN_ADDRESSES_ARE_SCARCE ((size_t)64 << 20)

/* Every chunk may meet the same refusal. */
#define MOST_SAID 8

size_t csh_page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t limit_of(int resource)
{
    struct rlimit limit;

    if ((getrlimit(resource, &limit) != 0) ||
        (limit.rlim_cur == RLIM_INFINITY) ||
        (limit.rlim_cur > SIZE_MAX / 2)) {
        return SIZE_MAX / 2;
    }

    return (size_t)limit.rlim_cur & ~(csh_page_bytes() - 1);
}

static bool open_file(struct csh_chunk *chunk, csh_chunk_create_fn *create)
{
    struct stat status;
    int fd = create("cushadow", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0) {
        return false;
    }

    fd = csh_descriptor_move_up(fd);
    /* Made with every permission. Whoever may open it through /proc must be
     * able to trace the process; this is for the day when that fails. */
    (void)fchmod(fd, S_IRUSR | S_IWUSR);
    if ((fstat(fd, &status) != 0) || !csh_descriptor_resize(fd, chunk->bytes)) {
        csh_descriptor_close_number(fd);
        return false;
    }

    chunk->fd     = fd;
    chunk->device = status.st_dev;
    chunk->inode  = status.st_ino;
    return true;
}

static bool map_memory(struct csh_chunk *chunk)
{
    int flags = (chunk->fd >= 0)
                        ? MAP_SHARED
                        : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *address = mmap(NULL, chunk->bytes, PROT_NONE, flags, chunk->fd, 0);

    if (address == MAP_FAILED) {
        return false;
    }

    munlock(address, chunk->bytes);
    /* A child that inherited the pages would make the driver's pinned pages
     * and ours part: without this there is no chunk. */
    if ((csh_own_madvise(address, chunk->bytes, MADV_DONTFORK) != 0) ||
        (mprotect(address, chunk->bytes, PROT_READ | PROT_WRITE) != 0)) {
        munmap(address, chunk->bytes);
        return false;
    }

    csh_own_madvise(address, chunk->bytes, MADV_DONTDUMP);
    chunk->address = address;
    return true;
}

static bool open_backed(struct csh_chunk *chunk, size_t bytes,
                        csh_chunk_create_fn *create)
{
    chunk->bytes = bytes;
    chunk->fd    = -1;
    if (!open_file(chunk, create)) {
        return false;
    }

    if (!map_memory(chunk)) {
        csh_descriptor_close_number(chunk->fd);
        return false;
    }

    if (!csh_descriptor_seal(chunk->fd)) {
        csh_debug("shadow", "memory file not sealed (errno %d)", errno);
    }
    return true;
}

static bool open_anonymous(struct csh_chunk *chunk, size_t bytes)
{
    chunk->bytes  = bytes;
    chunk->fd     = -1;
    chunk->device = 0;
    chunk->inode  = 0;
    return map_memory(chunk);
}

bool csh_chunk_open(struct csh_chunk *chunk_p, size_t least_bytes,
                    size_t bytes, csh_chunk_create_fn *create)
{
    size_t file_limit = limit_of(RLIMIT_FSIZE);
    size_t most       = bytes;

    if ((limit_of(RLIMIT_AS) != SIZE_MAX / 2) &&
        (most > MOST_WHEN_ADDRESSES_ARE_SCARCE)) {
        most = MOST_WHEN_ADDRESSES_ARE_SCARCE;
    }
    if (most < least_bytes) {
        most = least_bytes;
    }

    if (file_limit >= least_bytes) {
        if (open_backed(chunk_p, (file_limit < most) ? file_limit : most,
                        create) ||
            open_backed(chunk_p, least_bytes, create)) {
            return true;
        }
    }

    if (!open_anonymous(chunk_p, most) &&
        !open_anonymous(chunk_p, least_bytes)) {
        return false;
    }
    csh_statistics_add(CSH_GAUGE_slabs_without_file, 1);
    if (file_limit < least_bytes) {
        csh_log_capped(MOST_SAID, CSH_LOG_INFO, "shadow",
                       "no memory file of %zu bytes under the limit on the "
                       "size of files (ulimit -f): anonymous memory serves",
                       least_bytes);
    } else {
        csh_log_capped(MOST_SAID, CSH_LOG_INFO, "shadow",
                       "no memory file could be had: anonymous memory "
                       "serves");
    }
    return true;
}

/* For kernels without MADV_POPULATE_WRITE. A file is filled by a call that
 * can fail, since a page fault that finds no memory is SIGBUS; anonymous
 * memory was accounted for when it was mapped. */
static bool touch(const struct csh_chunk *chunk, size_t offset, size_t bytes)
{
    volatile unsigned char *address = chunk->address + offset;
    size_t page                     = csh_page_bytes();
    size_t i;

    if (chunk->fd >= 0) {
        return csh_chunk_owns_descriptor(chunk) &&
               (syscall(SYS_fallocate, chunk->fd, 0, (off_t)offset,
                        (off_t)bytes) == 0);
    }

    for (i = 0; i < bytes; i += page) {
        address[i] = 0;
    }

    return true;
}

bool csh_chunk_populate(const struct csh_chunk *chunk, size_t offset,
                        size_t bytes)
{
    int result;

    do {
        result = csh_own_madvise(chunk->address + offset, bytes,
                                 MADV_POPULATE_WRITE);
    } while ((result != 0) && (errno == EAGAIN));

    if ((result != 0) && (errno == EINVAL)) {
        return touch(chunk, offset, bytes);
    }

    return result == 0;
}

bool csh_chunk_owns_descriptor(const struct csh_chunk *chunk)
{
    struct stat status;

    return (chunk->fd >= 0) && (fstat(chunk->fd, &status) == 0) &&
           (status.st_dev == chunk->device) &&
           (status.st_ino == chunk->inode);
}

void csh_chunk_close(struct csh_chunk *chunk, bool keep_address)
{
    if (keep_address) {
        /* Failing, the pages stay too: a leak, but no reuse either. */
        (void)mmap(chunk->address, chunk->bytes, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
                   -1, 0);
    } else {
        munmap(chunk->address, chunk->bytes);
    }

    if (csh_chunk_owns_descriptor(chunk)) {
        csh_descriptor_close_number(chunk->fd);
    }
    chunk->fd      = -1;
    chunk->address = NULL;
}
