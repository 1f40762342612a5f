/*
 * model_file.c - see model_file.h. Owns nothing.
 */
#include "weights/model_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct csh_file_id id_of(const struct stat *status)
{
    return (struct csh_file_id){status->st_dev, status->st_ino,
                                (uint64_t)status->st_size,
                                (int64_t)status->st_mtim.tv_sec,
                                (int64_t)status->st_mtim.tv_nsec};
}

/* Opening a device may do something, and opening a pipe may wait: neither is
 * tried. What takes a file's place meanwhile is opened without waiting. */
bool csh_model_file_open(const char *path, struct csh_model_file *file_p)
{
    struct stat status;

    file_p->fd = -1;
    if (stat(path, &status) != 0) {
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        errno = EINVAL;
        return false;
    }
    file_p->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if ((file_p->fd >= 0) && (fstat(file_p->fd, &status) == 0) &&
        S_ISREG(status.st_mode)) {
        file_p->id = id_of(&status);
        return true;
    }
    csh_model_file_close(file_p);
    return false;
}

void csh_model_file_close(struct csh_model_file *file)
{
    if (file->fd >= 0) {
        close(file->fd);
        file->fd = -1;
    }
}

static bool file_read(void *opaque, uint64_t offset, void *to_p, size_t n)
{
    const struct csh_model_file *file = opaque;
    char *to = to_p;
    ssize_t n_read;

    while (n > 0) {
        n_read = pread(file->fd, to, n, (off_t)offset);
        if (n_read <= 0) {
            if ((n_read < 0) && (errno == EINTR)) {
                continue;
            }
            return false;
        }
        to += n_read;
        offset += (uint64_t)n_read;
        n -= (size_t)n_read;
    }
    return true;
}

struct csh_bytes csh_model_file_bytes(struct csh_model_file *file)
{
    return (struct csh_bytes){file_read, file, file->id.bytes};
}

bool csh_file_id_is(const struct csh_file_id *a, const struct csh_file_id *b)
{
    return (a->device == b->device) && (a->inode == b->inode) &&
           (a->bytes == b->bytes) && (a->changed_s == b->changed_s) &&
           (a->changed_ns == b->changed_ns);
}

bool csh_file_id_is_at(const struct csh_file_id *id, const char *path)
{
    struct csh_file_id here;
    struct stat status;

    if (stat(path, &status) != 0) {
        return false;
    }
    here = id_of(&status);
    return csh_file_id_is(id, &here);
}
