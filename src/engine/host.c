/*
 * host.c - filling and asking host memory.
 *
 * Owns the table of aliases, the way in which the kernel is asked about
 * pages, and whether sources are adopted. All are set once by
 * csh_host_start(), `pages` before `aliases`, `aliases` before `adopts`, and
 * stay for the life of the process; where nothing can be mapped `aliases` is
 * NULL and everything is copied and compared. Any thread; no lock of the shim
 * may be held, since the program's memory is read and written here.
 *
 * Can fail: nothing that the program would notice. What cannot be mapped is
 * copied, what the kernel does not tell is compared.
 */
#include "engine/host.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "base/log.h"
#include "base/options.h"
#include "base/statistics.h"
#include "engine/gone.h"
#include "engine/residency.h"
#include "shadow/adopt.h"
#include "shadow/alias.h"
#include "shadow/fill.h"
#include "shadow/libc_block.h"
#include "shadow/page_move.h"
#include "shadow/placement.h"

static struct csh_page_state pages;
static _Atomic(struct csh_aliases *) aliases;
static _Atomic bool adopts;

static struct csh_aliases *table(void)
{
    return atomic_load_explicit(&aliases, memory_order_acquire);
}

/* Why nothing can be mapped in this process; NULL if something can. */
static const char *obstacle(bool libc_owns_malloc)
{
    if ((pages.offered & (CSH_PAGES_BY_QUERY | CSH_PAGES_BY_TEXT)) == 0 ||
        (pages.offered & (CSH_PAGES_BY_SCAN | CSH_PAGES_BY_PAGEMAP)) == 0) {
        return "the kernel does not tell about the process's pages";
    }
    return libc_owns_malloc ? NULL
                            : "the program's allocator is not glibc's";
}

static void say(const char *why_not)
{
    if (why_not != NULL) {
        csh_info("host", "offloads are copied to host memory: %s", why_not);
    } else {
        csh_info("host", "offloads are mapped to host memory, by %s and %s",
                 (pages.offered & CSH_PAGES_BY_QUERY) != 0
                     ? "PROCMAP_QUERY" : "/proc/self/maps",
                 (pages.offered & CSH_PAGES_BY_SCAN) != 0
                     ? "PAGEMAP_SCAN" : "/proc/self/pagemap");
    }
}

static void start_aliases(void)
{
    struct csh_alias_setup setup = {
        .state = &pages,
        .pool = csh_residency_pool(),
    };
    const char *why_not;

    setup.libc_owns_malloc = csh_libc_owns_malloc();
    csh_page_state_open(&pages, CSH_PAGES_BY_ALL);
    why_not = obstacle(setup.libc_owns_malloc);
    say(why_not);
    if (why_not != NULL) {
        csh_page_state_close(&pages);
        return;
    }
    atomic_store_explicit(&aliases, csh_alias_create(&setup),
                          memory_order_release);
}

static const char *adopt_obstacle(int error)
{
    switch (error) {
    case ENOSYS:
    case EINVAL:
    case ENOTTY:
        return "the kernel cannot move pages (Linux 6.8, userfaultfd)";
    case EPERM:
    case EACCES:
        return "userfaultfd is not permitted (it needs CAP_SYS_PTRACE)";
    default:
        return "moving a page failed";
    }
}

static void start_adopting(void)
{
    int error = table() != NULL ? csh_page_move_probe() : 0;

    if (table() != NULL && error == 0) {
        atomic_store_explicit(&adopts, true, memory_order_release);
        return;
    }
    csh_statistics_add(CSH_GAUGE_adopt_unavailable, 1);
    csh_info("host", "uploaded memory is not adopted: %s",
             table() == NULL ? "nothing can be mapped in this process"
                             : adopt_obstacle(error));
}

void csh_host_start(void)
{
    if (csh_options()->mode == CSH_MODE_OBSERVE) {
        return;
    }
    if (csh_options()->host == CSH_HOST_ALIAS) {
        start_aliases();
    }
    if (csh_options()->adopt) {
        start_adopting();
    }
}

bool csh_host_adopts(void)
{
    return atomic_load_explicit(&adopts, memory_order_acquire);
}

size_t csh_host_phase(const void *host, size_t bytes)
{
    if (table() == NULL || bytes < csh_page_bytes()) {
        return 0;
    }
    /* Not known: a block of posix_memalign(64), which is how PyTorch allocates
     * (c10/core/impl/alloc_cpu.cpp). */
    return host == NULL ? csh_placement_phase(bytes)
                        : (uintptr_t)host % csh_page_bytes();
}

static struct csh_alias_source source_of(const struct csh_shadow *shadow)
{
    return (struct csh_alias_source){*csh_shadow_extent(shadow),
                                     csh_shadow_ref(shadow)};
}

/* What would keep a chunk that is to end is moved before it is mapped: later
 * it can not be, for as long as the program has the memory. The new place is
 * pinned by the next call that may do so. */
static void leave_waste(const void *host, struct csh_shadow *shadow)
{
    const size_t bytes = csh_shadow_bytes(shadow);

    if (csh_slab_is_wasted(csh_residency_pool(),
                           csh_shadow_extent(shadow))) {
        csh_gone_look_for(csh_shadow_ref(shadow), host, bytes);
        (void)csh_store_leave_waste(csh_residency_store(), shadow,
                                    csh_host_phase(host, bytes));
    }
}

bool csh_host_fill(void *host, struct csh_shadow *shadow,
                   size_t *mapped_bytes_p)
{
    struct csh_alias_source source;
    struct csh_alias_result result = {
        .copied_bytes = csh_shadow_bytes(shadow)};
    bool is_filled = true;

    if (table() != NULL) {
        leave_waste(host, shadow);
    }
    source = source_of(shadow);
    if (table() == NULL) {
        csh_fill(host, source.extent.address, source.extent.bytes);
    } else {
        is_filled = csh_alias_materialise(table(), host, &source, &result);
    }
    csh_statistics_add(CSH_GAUGE_host_mapped_bytes,
                       (int64_t)result.mapped_bytes);
    csh_statistics_add(CSH_GAUGE_host_copied_bytes,
                       (int64_t)result.copied_bytes);
    *mapped_bytes_p = result.mapped_bytes;
    return is_filled;
}

size_t csh_host_adopt(const void *host, struct csh_shadow *shadow)
{
    /* The gauges are the obstacles, in their order. */
    static const enum csh_gauge gauges[] = {
        CSH_GAUGE_adopted_bytes,
#define CSH_X(name_, text_) CSH_GAUGE_##name_,
        CSH_ADOPT_OBSTACLES(CSH_X, adopt_refused_)
#undef CSH_X
    };
    const struct csh_alias_source source = source_of(shadow);
    struct csh_adopt_result result;

    if (!csh_host_adopts()) {
        return 0;
    }
    csh_adopt(table(), (void *)(uintptr_t)host, &source, &result);
    csh_statistics_add(CSH_GAUGE_adopted_bytes,
                       (int64_t)result.adopted_bytes);
    if (result.obstacle != CSH_ADOPT_none) {
        csh_statistics_add(gauges[result.obstacle], 1);
    }
    return result.adopted_bytes;
}

bool csh_host_holds(const void *host, struct csh_shadow *shadow)
{
    const struct csh_alias_source source = source_of(shadow);
    enum csh_alias_verdict verdict =
        table() == NULL ? CSH_ALIAS_UNKNOWN
                        : csh_alias_check(table(), host, &source);

    if (verdict == CSH_ALIAS_UNKNOWN) {
        return memcmp(host, source.extent.address, source.extent.bytes) == 0;
    }
    return verdict == CSH_ALIAS_UNTOUCHED;
}

bool csh_host_is_unmapped(const void *host, size_t bytes)
{
    return table() == NULL || !csh_alias_is_mapped(table(), host, bytes);
}
