/*
 * upload.c - captures at upload.
 *
 * Owns nothing that outlives a call. The range is cut into parts, which the
 * calling thread and the workers copy into the shadow and fingerprint there:
 * of the shadow's own bytes, which nobody writes again once a part's copy has
 * ended, so that bytes and fingerprint agree whatever happens to the source
 * meanwhile. Then the calling thread sends all of it to the device in one
 * command. Pieces that are sent while the next are still copied would be
 * sooner there; but "a stream is a sequence of commands (possibly issued by
 * different host threads) that execute in order" (CUDA C++ Programming Guide),
 * and what another thread puts between two pieces would see half a copy.
 *
 * The device reads the shadow, not the source, so its bytes are the shadow's.
 *
 * Program memory: workers read it by process_vm_readv() only, which answers
 * with an error where a load would fault; such a part, or all of them if the
 * call is forbidden, is left to the calling thread. In a program that handles
 * its own faults the calling thread reads alone: its handler may open pages
 * before it fills them, which is right as long as no other thread looks.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall, process_vm_readv */
#endif
#include "engine/upload.h"

#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"
#include "base/statistics.h"
#include "base/workers.h"
#include "engine/calls.h"
#include "engine/fresh.h"
#include "engine/host.h"
#include "verify/fingerprint_shared.h"

/* Of one upload; in the workers' memory while they are at it. */
struct transfer {
    const unsigned char *source; /* the program's */
    unsigned char *slab;
    size_t bytes, part_bytes;
    pid_t process;
    const struct csh_fingerprint_key *key; /* NULL: no fingerprint */
    uint64_t cpu_ns; /* added to by all threads */
    uint64_t sum[CSH_FINGERPRINT_LANES]; /* added to by all threads */
};

static bool read_as_worker(const struct transfer *transfer, size_t offset,
                           size_t n)
{
    struct iovec local = {transfer->slab + offset, n};
    struct iovec remote = {(void *)(uintptr_t)(transfer->source + offset), n};

    return syscall(SYS_process_vm_readv, (long)transfer->process, &local, 1L,
                   &remote, 1L, 0L) == (long)n;
}

static bool copy_part(void *state, size_t i, bool is_caller)
{
    struct transfer *transfer = state;
    size_t offset = i * transfer->part_bytes;
    size_t n = transfer->bytes - offset;
    uint64_t found[CSH_FINGERPRINT_LANES] = {0, 0};
    uint64_t begun_ns = csh_clock_thread_ns();

    n = n < transfer->part_bytes ? n : transfer->part_bytes;
    if (is_caller) {
        memcpy(transfer->slab + offset, transfer->source + offset, n);
    } else if (!read_as_worker(transfer, offset, n)) {
        return false;
    }
    if (transfer->key != NULL) {
        csh_fingerprint_add(transfer->key, transfer->slab + offset, n,
                            offset, found);
        csh_fingerprint_merge(found, transfer->sum);
    }
    __atomic_fetch_add(&transfer->cpu_ns, csh_clock_thread_ns() - begun_ns,
                       __ATOMIC_RELAXED);
    return true;
}

static bool send(const struct csh_copy *copy, const struct csh_shadow *shadow)
{
    return csh_call_copy_to_device(copy->device, csh_shadow_address(shadow),
                                   copy->bytes,
                                   &copy->stream) == CUDA_SUCCESS;
}

struct csh_shadow *csh_upload_capture(const struct csh_copy *copy,
                                      const struct csh_context *context,
                                      struct csh_fingerprint *fingerprint_p,
                                      enum csh_reason *reason_p)
{
    struct csh_shadow *shadow =
        csh_fresh_allocate(context, csh_host_adopts() ? copy->host : NULL,
                           copy->bytes, reason_p);
    struct csh_work work = {.part = copy_part};
    struct transfer transfer;

    if (shadow == NULL) {
        return NULL;
    }
    transfer = (struct transfer){
        .source = copy->host,
        .slab = csh_shadow_address(shadow),
        .bytes = copy->bytes,
        .part_bytes = csh_workers_part_bytes(copy->bytes),
        .process = getpid(),
        .key = fingerprint_p != NULL ? csh_context_key() : NULL,
    };
    work.n_parts = (copy->bytes - 1) / transfer.part_bytes + 1;
    work.is_callers = csh_process_handles_faults();
    csh_workers_run(&work, &transfer, sizeof(transfer));
    if (!send(copy, shadow)) {
        csh_fresh_abandon(shadow, &copy->stream);
        *reason_p = CSH_REASON_error;
        return NULL;
    }
    csh_statistics_add(CSH_GAUGE_captured_bytes, (int64_t)copy->bytes);
    csh_statistics_add(CSH_GAUGE_captured_cpu_ns, (int64_t)transfer.cpu_ns);
    if (fingerprint_p != NULL) {
        csh_fingerprint_finish(transfer.sum, copy->bytes, fingerprint_p);
    }
    return shadow;
}
