/*
 * uring.h - just enough of io_uring (include/uapi/linux/io_uring.h) to pin
 * memory of the process and to read and write it through the pin.
 */
#ifndef CSH_TESTS_URING_H
#define CSH_TESTS_URING_H

#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct uring {
    int fd;
    struct io_uring_params params;
    unsigned char *ring;
    struct io_uring_sqe *entries;
};

/* Registers, and so pins, memory. False where the kernel refuses. */
static bool uring_pin(struct uring *uring, void *address, size_t bytes)
{
    struct iovec vector = {address, bytes};
    size_t ring_bytes;

    memset(uring, 0, sizeof(*uring));
    uring->fd = (int)syscall(SYS_io_uring_setup, 4, &uring->params);
    if (uring->fd < 0) {
        return false;
    }
    ring_bytes  = uring->params.cq_off.cqes +
                 uring->params.cq_entries * sizeof(struct io_uring_cqe);
    uring->ring = mmap(NULL, ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                       uring->fd, IORING_OFF_SQ_RING);
    uring->entries = mmap(NULL, uring->params.sq_entries *
                          sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
                          MAP_SHARED, uring->fd, IORING_OFF_SQES);
    return (uring->ring != MAP_FAILED) &&
           (uring->entries != (void *)MAP_FAILED) &&
           (syscall(SYS_io_uring_register, uring->fd,
                    IORING_REGISTER_BUFFERS, &vector, 1) == 0);
}

static inline void uring_unpin(struct uring *uring)
{
    syscall(SYS_io_uring_register, uring->fd, IORING_UNREGISTER_BUFFERS, NULL,
            0);
    close(uring->fd);
}

/* IORING_OP_READ_FIXED or IORING_OP_WRITE_FIXED between a file and pinned
 * memory. The result of the operation. */
static inline int uring_run(struct uring *uring, unsigned operation, int fd,
                            void *address, size_t bytes)
{
    struct io_uring_sqe *entry = &uring->entries[0];
    unsigned *tail, *array, *head;
    const struct io_uring_cqe *done;

    memset(entry, 0, sizeof(*entry));
    entry->opcode = (uint8_t)operation;
    entry->fd     = fd;
    entry->addr   = (uint64_t)(uintptr_t)address;
    entry->len    = (uint32_t)bytes;
    tail  = (unsigned *)(void *)(uring->ring + uring->params.sq_off.tail);
    array = (unsigned *)(void *)(uring->ring + uring->params.sq_off.array);
    array[*tail % uring->params.sq_entries] = 0;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
    if (syscall(SYS_io_uring_enter, uring->fd, 1, 1, IORING_ENTER_GETEVENTS,
                NULL, 0) != 1) {
        return -1;
    }
    done = (const struct io_uring_cqe *)(const void *)(uring->ring +
            uring->params.cq_off.cqes);
    head = (unsigned *)(void *)(uring->ring + uring->params.cq_off.head);
    done += *head % uring->params.cq_entries;
    __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
    return done->res;
}

#endif
