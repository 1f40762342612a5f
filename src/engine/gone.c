/*
 * gone.c - see gone.h. Owns the place where the next look begins; two threads
 * may look at the same records, which costs a few calls.
 *
 * A program that offloads into new memory each time and then changes its
 * weights leaves a shadow behind with each change. Each has a host record, and
 * until something else is offloaded to those addresses nothing would tell that
 * the memory has gone.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include "engine/gone.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/host.h"
#include "engine/residency.h"

#define AT_ONCE 32 /* some microseconds; a capture takes more */
#define LONGER 32  /* times that: a millisecond or two */

static _Atomic uintptr_t looked_at;

/* False in doubt: only ENOMEM says that nothing is mapped there. MS_ASYNC does
 * nothing else (msync(2)). Not mincore(), which filters of system calls such
 * as systemd's @system-service answer by killing the process. */
static bool is_unmapped(uintptr_t address)
{
    const uintptr_t page = csh_page_bytes();

    return syscall(SYS_msync, address & ~(page - 1), page, MS_ASYNC) != 0 &&
           errno == ENOMEM;
}

/* Bytes that were copied may still be there if anything is. */
static bool is_gone(const struct csh_host_record *record)
{
    return record->mapped_bytes > 0
               ? csh_host_is_unmapped((const void *)record->start,
                                      record->bytes)
               : is_unmapped(record->start);
}

/* Returns how many records were looked at. */
static size_t look(void)
{
    struct csh_host_record records[AT_ONCE];
    int saved = errno;
    size_t n, i;

    n = csh_residency_list_hosts(atomic_load(&looked_at), records, AT_ONCE);
    for (i = 0; i < n; i++) {
        if (is_gone(&records[i])) {
            csh_residency_forget_host(&records[i]);
        }
        atomic_store(&looked_at, records[i].start);
    }
    errno = saved;
    return n;
}

void csh_gone_look(void)
{
    (void)look();
}

void csh_gone_look_longer(void)
{
    unsigned i;

    for (i = 0; i < LONGER && look() == AT_ONCE; i++) {
    }
}

void csh_gone_look_for(struct csh_shadow_ref shadow, const void *host,
                       size_t bytes)
{
    struct csh_host_record records[AT_ONCE];
    int saved = errno;
    size_t n = csh_residency_list_hosts_of(shadow, records, AT_ONCE), i;

    for (i = 0; i < n; i++) {
        if ((records[i].start == (uintptr_t)host &&
             records[i].bytes == bytes) ||
            is_gone(&records[i])) {
            csh_residency_forget_host(&records[i]);
        }
    }
    errno = saved;
}
