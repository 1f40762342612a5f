/*
 * placing.c - turns placement on, for a process whose malloc is glibc's.
 *
 * Owns nothing. Blocks are freed by whatever `free` the program means, and
 * tools that follow allocations (sanitizers, heap profilers, another
 * allocator) must see all of them: so nothing is placed unless malloc, calloc,
 * realloc and free, as a program finds them, are glibc's own.
 *
 * How it was chosen, by bench_sdxl_bytes_mapped (Debian 12, glibc 2.36, Linux
 * 6.18, 2 cores; BENCH_SHARE=1: all 2,641 tensors of SDXL, first made in RAM;
 * mean of three unload cycles). Mapped: share of the bytes in blocks of their
 * own mapping that nothing has touched. Us: to allocate one. The others: how
 * many times as long as before the program's other big blocks take, from
 * malloc, from posix_memalign as torch's CPU operators want them, and grown
 * by realloc; 0.8 to 1.3 is noise there.
 *
 *                                          mapped    us  malloc  torch  grown
 *     glibc as it is                         2.3%    12     1.0    1.0    1.0
 *     M_MMAP_THRESHOLD=64K from the start   99.8%     6      35     47    6.8
 *       from the first use of CUDA on       56.7%     7     0.9    1.0    0.9
 *       from the first unload on            56.7%     9     0.9    1.1    0.7
 *     own mappings under a header of        99.9%     5     1.0     45    0.6
 *       glibc's, for all of 64K and more
 *       for sizes of weights only           99.9%     5     1.2    1.3    0.8
 *     blocks of glibc's, cut from larger    99.9%    20     1.0    1.1    0.9
 *       ones, for sizes of weights only
 *
 * A threshold held low makes every other big block of the program a fresh
 * mapping whose pages are faulted in again each time, and set late it leaves
 * what the heap already recycles. A header of glibc's written by us saves 6 us
 * a block (15 where the heap has holes of gigabytes, as here), but puts wrong
 * numbers into mallinfo and depends on libc's layout for more than a look.
 * So it is the last: shadow/placement.c.
 *
 * It is turned on at the first use of CUDA: a process without CUDA pays one
 * comparison for each big aligned block.
 */
#include "engine/placing.h"

#include <dlfcn.h>
#include <sys/auxv.h>

#include "base/host_placer.h"
#include "base/log.h"
#include "base/options.h"
#include "driver/driver.h"
#include "driver/elf.h"
#include "engine/phase.h"
#include "shadow/placement.h"

#define LIBC "libc.so.6"

static bool is_of_libc(const char *symbol)
{
    void *own = csh_elf_symbol(LIBC, symbol);

    return own != NULL && csh_driver_dlsym()(RTLD_DEFAULT, symbol) == own;
}

static bool libc_owns_the_heap(void)
{
    return is_of_libc("malloc") && is_of_libc("calloc") &&
           is_of_libc("realloc") && is_of_libc("free") &&
           is_of_libc("malloc_usable_size") &&
           csh_driver_dlsym()(RTLD_NEXT, "posix_memalign") ==
               csh_elf_symbol(LIBC, "posix_memalign");
}

static bool find_functions(struct csh_placement_libc *libc_p)
{
    *(void **)&libc_p->posix_memalign = csh_elf_symbol(LIBC,
                                                       "posix_memalign");
    *(void **)&libc_p->realloc = csh_elf_symbol(LIBC, "realloc");
    *(void **)&libc_p->free = csh_elf_symbol(LIBC, "free");
    *(void **)&libc_p->malloc_usable_size =
        csh_elf_symbol(LIBC, "malloc_usable_size");
    *(void **)&libc_p->mallinfo2 = csh_elf_symbol(LIBC, "mallinfo2");
    return libc_p->posix_memalign != NULL && libc_p->mallinfo2 != NULL;
}

/* A forked child goes its own way, and the shim is not in it. */
static void *place(size_t alignment, size_t bytes)
{
    return csh_phase_is_active() ? csh_placement_allocate(alignment, bytes)
                                 : NULL;
}

void csh_placing_start(void)
{
    const struct csh_options *options = csh_options();
    struct csh_placement_libc libc;

    if (options->host != CSH_HOST_ALIAS ||
        options->mode == CSH_MODE_OBSERVE || getauxval(AT_SECURE) != 0) {
        return;
    }
    if (!libc_owns_the_heap() || !find_functions(&libc) ||
        !csh_placement_start(&libc, "/proc")) {
        csh_info("engine", "offloads are copied into big blocks of this "
                           "program's allocator, which cannot be placed");
        return;
    }
    csh_host_place(place);
}

void csh_placing_expect(size_t bytes)
{
    csh_placement_expect(bytes);
}

void csh_placing_uploaded(size_t bytes)
{
    csh_placement_uploaded(bytes);
}
