/*
 * model_host.c - what a program does to its host buffers by calls of the
 * kernel and of libc: advice, protection, locks, writes and reads that the
 * kernel makes, blocks that come again.
 *
 * Only pageable buffers: what the driver has pinned must stay as it is. All
 * ranges are whole pages inside one buffer, so that nothing else is touched.
 */
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
/* As much as a pipe takes at once. */
#define PIPE_BYTES ((size_t)64 << 10)

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18 /* Linux 4.14 */
#define MADV_KEEPONFORK 19
#endif
#ifndef MADV_COLD
#define MADV_COLD 20 /* Linux 5.4 */
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#define MADV_POPULATE_WRITE 23
#endif
#define GUARD_INSTALL 102 /* Linux 6.13 */
#define GUARD_REMOVE 103

/* A pageable buffer at rest: mostly one that was offloaded to. It has at least
 * one whole page. */
static unsigned pageable_at_rest(struct model_world *world)
{
    const struct model_pair *pair =
        &world->pair[model_choose(world, MODEL_PAIRS)];
    unsigned number = pair->buffer;

    if (pair->host.bytes == 0 || model_once_in(world, 4) ||
        world->buffer[number].object.expected == NULL ||
        !model_is_pageable(&world->buffer[number])) {
        number = model_need_buffer(world, 1);
    }
    if (!model_is_pageable(&world->buffer[number]) ||
        world->buffer[number].object.bytes < 2 * PAGE) {
        model_make_target(world, number,
                          model_at_least(world, 2 * PAGE));
    }
    model_settle(world, &world->buffer[number].object);
    return number;
}

/* Some whole pages of a buffer. Where they are depends on its address, so it
 * must not be noted, nor decide what comes next. */
static struct model_range some_pages(struct model_world *world,
                                     const struct model_buffer *buffer)
{
    uintptr_t start = (uintptr_t)buffer->memory;
    uintptr_t first = (start + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
    uintptr_t last = (start + buffer->object.bytes) & ~(uintptr_t)(PAGE - 1);
    size_t from = model_choose(world, 64), n = 1 + model_choose(world, 64);
    struct model_range range = {first - start, 0};

    if (!model_once_in(world, 4)) {
        from %= (last - first) / PAGE;
        range.offset += from * PAGE;
        first += from * PAGE;
        last = first + n * PAGE < last ? first + n * PAGE : last;
    }
    range.bytes = last - first;
    return range;
}

/* The kernel's answer must be the same with and without the shim: it goes
 * into the digest. */
static bool answers(struct model_world *world, const char *what, int result)
{
    if (result != 0 && errno == EAGAIN) {
        return false; /* the machine is short of something */
    }
    model_note(world, "%s: %s", what, result == 0 ? "done" : strerror(errno));
    return result == 0;
}

/* -------------------------------------------------------------- advice --- */

/* All that leave the bytes alone. */
static const struct plain_advice {
    int advice;
    const char *name;
} plain_advice[] = {
    {MADV_NORMAL, "NORMAL"},         {MADV_RANDOM, "RANDOM"},
    {MADV_SEQUENTIAL, "SEQUENTIAL"}, {MADV_WILLNEED, "WILLNEED"},
    {MADV_HUGEPAGE, "HUGEPAGE"},     {MADV_NOHUGEPAGE, "NOHUGEPAGE"},
    {MADV_MERGEABLE, "MERGEABLE"},   {MADV_UNMERGEABLE, "UNMERGEABLE"},
    {MADV_DONTDUMP, "DONTDUMP"},     {MADV_DODUMP, "DODUMP"},
    {MADV_COLD, "COLD"},             {MADV_POPULATE_READ, "POPULATE_READ"},
    {MADV_REMOVE, "REMOVE"},         {MADV_POPULATE_WRITE, "POPULATE_WRITE"},
    {12345, "of no meaning"},
};

static void advise_plainly(struct model_world *world,
                           struct model_buffer *buffer,
                           struct model_range range)
{
    const struct plain_advice *some = &plain_advice[model_choose(
        world, sizeof(plain_advice) / sizeof(plain_advice[0]))];

    answers(world, some->name,
            madvise(buffer->memory + range.offset, range.bytes,
                    some->advice));
}

/* From then on each page holds what it held, or zeros, until it is written. */
static void free_lazily(struct model_world *world,
                        struct model_buffer *buffer,
                        struct model_range range)
{
    static const uint8_t zeros[PAGE];
    size_t at;

    if (!answers(world, "FREE", madvise(buffer->memory + range.offset,
                                        range.bytes, MADV_FREE))) {
        return;
    }
    for (at = range.offset; at < range.offset + range.bytes; at += PAGE) {
        uint8_t now[PAGE];

        memcpy(now, buffer->memory + at, PAGE);
        if (memcmp(now, zeros, PAGE) != 0 &&
            memcmp(now, buffer->object.expected + at, PAGE) != 0) {
            model_fail(world, "page at %zu is neither old nor zero", at);
        }
    }
    model_scribble(world, buffer->memory + range.offset, range.bytes);
    memcpy(buffer->object.expected + range.offset,
           buffer->memory + range.offset, range.bytes);
}

static void discard(struct model_world *world, struct model_buffer *buffer,
                    struct model_range range)
{
    uint8_t *at = buffer->memory + range.offset;

    if (!model_once_in(world, 3)) {
        if (!answers(world, "DONTNEED",
                     madvise(at, range.bytes, MADV_DONTNEED))) {
            return;
        }
    } else if (!answers(world, "GUARD_INSTALL",
                        madvise(at, range.bytes, GUARD_INSTALL)) ||
               !answers(world, "GUARD_REMOVE",
                        madvise(at, range.bytes, GUARD_REMOVE))) {
        return; /* an old kernel */
    }
    memset(buffer->object.expected + range.offset, 0, range.bytes);
}

/* 0: the child has no such pages, 1: it has them, as zeros, 2: something
 * else. */
static int look_in_child(const uint8_t *at, size_t bytes)
{
    static uint8_t page[PAGE];
    struct iovec to = {page, PAGE}, from = {(void *)(uintptr_t)at, PAGE};
    size_t i, n_gone = 0, n_zero = 0, n = bytes / PAGE;

    for (i = 0; i < n; i++) {
        from.iov_base = (void *)(uintptr_t)(at + i * PAGE);
        if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != (ssize_t)PAGE) {
            n_gone++;
        } else if (page[0] == 0 && memcmp(page, page + 1, PAGE - 1) == 0) {
            n_zero++;
        }
    }
    return n_gone == n ? 0 : n_zero == n ? 1 : 2;
}

/* What a child has of it is another thing; the parent keeps its bytes. */
static void advise_for_children(struct model_world *world,
                                struct model_buffer *buffer,
                                struct model_range range)
{
    bool is_wiped = model_once_in(world, 2);
    uint8_t *at = buffer->memory + range.offset;
    int status;
    pid_t pid;

    if (!answers(world, is_wiped ? "WIPEONFORK" : "DONTFORK",
                 madvise(at, range.bytes,
                         is_wiped ? MADV_WIPEONFORK : MADV_DONTFORK))) {
        return;
    }
    pid = fork();
    if (pid == 0) {
        _exit(look_in_child(at, range.bytes));
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
        WEXITSTATUS(status) != (is_wiped ? 1 : 0)) {
        model_fail(world, "a child has other pages than it should");
    }
    answers(world, "afterwards",
            madvise(at, range.bytes,
                    is_wiped ? MADV_KEEPONFORK : MADV_DOFORK));
}

void model_advise(struct model_world *world)
{
    unsigned number = pageable_at_rest(world);
    struct model_buffer *buffer = &world->buffer[number];
    struct model_range range = some_pages(world, buffer);

    model_note(world, "advise about buffer %u", number);
    switch (model_choose(world, 32)) {
    case 0:
        advise_for_children(world, buffer, range);
        break;
    case 1:
    case 2:
    case 3:
    case 4:
        free_lazily(world, buffer, range);
        break;
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
    case 10:
        discard(world, buffer, range);
        break;
    default:
        advise_plainly(world, buffer, range);
        break;
    }
    model_check_buffer(world, number,
                       (struct model_range){0, buffer->object.bytes});
}

/* ---------------------------------------------------------- protection --- */

/* While the pages may only be read, they are uploaded. */
static void protect(struct model_world *world, unsigned number,
                    struct model_range range)
{
    struct model_buffer *buffer = &world->buffer[number];
    uint8_t *at = buffer->memory + range.offset;
    size_t bytes = buffer->object.bytes;
    struct model_block *block =
        &world->block[model_need_block(world, bytes)];
    bool is_readable = !model_once_in(world, 3);

    answers(world, "mprotect",
            mprotect(at, range.bytes, is_readable ? PROT_READ : PROT_NONE));
    if (is_readable) {
        model_claim(world, &block->object, MODEL_LEGACY);
        FINE(world, cu.cuMemcpyHtoD_v2(block->address, buffer->memory,
                                       bytes));
        memcpy(block->object.expected, buffer->object.expected, bytes);
        model_check_buffer(world, number, (struct model_range){0, bytes});
    }
    answers(world, "mprotect",
            mprotect(at, range.bytes, PROT_READ | PROT_WRITE));
}

/* A lock may be over the process's limit. What is locked cannot be discarded:
 * the bytes must stay. */
static void lock(struct model_world *world, struct model_buffer *buffer,
                 struct model_range range)
{
    uint8_t *at = buffer->memory + range.offset;

    if (mlock(at, range.bytes) == 0) {
        /* A sanitizer's mlock() locks nothing. */
        if (!UNDER_SANITIZER &&
            madvise(at, range.bytes, MADV_DONTNEED) == 0) {
            model_fail(world, "locked pages were discarded");
        }
        munlock(at, range.bytes);
    }
}

void model_protect(struct model_world *world)
{
    unsigned number = pageable_at_rest(world);
    struct model_buffer *buffer = &world->buffer[number];
    struct model_range range = some_pages(world, buffer);

    if (model_once_in(world, 2)) {
        model_note(world, "lock pages of buffer %u", number);
        lock(world, buffer, range);
    } else {
        model_note(world, "protect pages of buffer %u", number);
        protect(world, number, range);
    }
    model_check_buffer(world, number,
                       (struct model_range){0, buffer->object.bytes});
}

/* ----------------------------------------------------- the kernel's I/O --- */

static void write_by_pipe(struct model_world *world, uint8_t *to,
                          const uint8_t *bytes, size_t n)
{
    int ends[2];

    if (pipe(ends) != 0 || write(ends[1], bytes, n) != (ssize_t)n ||
        read(ends[0], to, n) != (ssize_t)n) {
        model_fail(world, "a pipe took or gave less than %zu bytes", n);
    }
    close(ends[0]);
    close(ends[1]);
}

/* As a debugger writes: protection does not matter to it. */
static void write_by_file(struct model_world *world, const uint8_t *to,
                          const uint8_t *bytes, size_t n)
{
    int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

    if (memory < 0 ||
        pwrite(memory, bytes, n, (off_t)(uintptr_t)to) != (ssize_t)n) {
        model_fail(world, "/proc/self/mem took less than %zu bytes", n);
    }
    close(memory);
}

void model_write_by_kernel(struct model_world *world)
{
    unsigned number = pageable_at_rest(world);
    struct model_buffer *buffer = &world->buffer[number];
    size_t at = model_choose(world, buffer->object.bytes);
    size_t most = buffer->object.bytes - at;
    size_t n = 1 + model_choose(world, most < PIPE_BYTES ? most : PIPE_BYTES);
    uint8_t *expected = buffer->object.expected + at;
    uint8_t *to = buffer->memory + at;
    struct iovec from = {expected, n}, target = {to, n};

    model_scribble(world, expected, n);
    model_note(world, "the kernel writes %zu bytes at %zu of buffer %u", n, at,
               number);
    switch (model_choose(world, 3)) {
    case 0:
        write_by_pipe(world, to, expected, n);
        break;
    case 1:
        if (process_vm_writev(getpid(), &from, 1, &target, 1, 0) !=
            (ssize_t)n) {
            model_fail(world, "process_vm_writev wrote less than %zu", n);
        }
        break;
    default:
        write_by_file(world, to, expected, n);
        break;
    }
    model_check_buffer(world, number,
                       (struct model_range){0, buffer->object.bytes});
}

static void drain(struct model_world *world, int end, const uint8_t *wanted,
                  size_t n)
{
    static _Thread_local uint8_t got[PIPE_BYTES];
    size_t n_read = 0;

    while (n_read < n) {
        ssize_t more_bytes = read(end, got + n_read, n - n_read);

        if (more_bytes <= 0) {
            model_fail(world, "a pipe gave %zu of %zu bytes", n_read, n);
        }
        n_read += (size_t)more_bytes;
    }
    model_compare(world, "pipe", 0, 0, got, wanted, n);
}

/* The pages themselves go into a pipe; the block goes, and others come and
 * are offloaded to, before they are read. In a block of the heap libc writes
 * when it is freed: that one is read before. */
void model_read_by_pipe(struct model_world *world)
{
    unsigned number = pageable_at_rest(world);
    struct model_buffer *buffer = &world->buffer[number];
    struct model_range range = some_pages(world, buffer);
    size_t most = PIPE_BYTES / 2, bytes = buffer->object.bytes;
    static _Thread_local uint8_t wanted[PIPE_BYTES];
    bool is_own_mapping = model_is_own_mapping(buffer);
    struct iovec pages = {buffer->memory + range.offset,
                          range.bytes < most ? range.bytes : most};
    int ends[2];

    model_note(world, "pages of buffer %u into a pipe", number);
    memcpy(wanted, buffer->object.expected + range.offset, pages.iov_len);
    if (pipe(ends) != 0 ||
        vmsplice(ends[1], &pages, 1, 0) != (ssize_t)pages.iov_len) {
        model_fail(world, "a pipe took less than %zu bytes", pages.iov_len);
    }
    if (!is_own_mapping) {
        drain(world, ends[0], wanted, pages.iov_len);
    }
    model_make_target(world, number, bytes);
    model_offload(world);
    if (is_own_mapping) {
        drain(world, ends[0], wanted, pages.iov_len);
    }
    close(ends[0]);
    close(ends[1]);
}

/* ------------------------------------------------------- the allocator --- */

/* Freed and made again at once: calloc must give zeros, whatever was mapped
 * there, and realloc must keep what was. */
void model_recycle(struct model_world *world)
{
    unsigned number = pageable_at_rest(world);
    size_t bytes = world->buffer[number].object.bytes;

    if (world->buffer[number].mapping == NULL && model_once_in(world, 2)) {
        uint8_t *moved = realloc(world->buffer[number].memory, bytes * 2);

        model_note(world, "buffer %u: moved", number);
        if (moved == NULL) {
            model_fail(world, "no memory for %zu bytes", bytes * 2);
        }
        moved = realloc(moved, bytes);
        world->buffer[number].memory = moved;
        world->buffer[number].object.generation++;
    } else {
        model_free_buffer(world, number);
        model_make_buffer(world, number, bytes, MODEL_ZEROED);
    }
    model_check_buffer(world, number, (struct model_range){0, bytes});
}

void model_trim(struct model_world *world)
{
    model_note(world, "trim");
    malloc_trim(0);
}
