/*
 * source.c - see source.h. Owns the way in which the kernel is asked about
 * mappings, set once before anybody asks.
 *
 * The path is the link /proc/self/map_files/START-END, which the process may
 * read of itself even where it may not follow it (proc(5)). It may be too long
 * or refused: then there is none.
 */
#include "engine/source.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "shadow/page_state.h"

static struct csh_page_state state;
static bool can_ask;

void csh_source_start(void)
{
    csh_page_state_open(&state, CSH_PAGES_BY_QUERY | CSH_PAGES_BY_TEXT);
    can_ask = state.offered != 0;
}

static bool read_path(const struct csh_vma *vma, struct csh_source *source)
{
    char link[80];
    ssize_t n;

    snprintf(link, sizeof(link),
             "/proc/self/map_files/%" PRIx64 "-%" PRIx64, vma->start,
             vma->end);
    n = readlink(link, source->path, sizeof(source->path));
    if (n <= 0 || (size_t)n == sizeof(source->path)) {
        return false;
    }
    source->path[n] = '\0';
    return true;
}

bool csh_source_find(const void *host, size_t bytes,
                     struct csh_source *source_p)
{
    const uint64_t start = (uintptr_t)host;
    struct csh_vma vma;

    if (!can_ask ||
        csh_page_state_find_vma(&state, start, &vma) != CSH_PAGES_FOUND ||
        vma.inode == 0 || vma.end - start < bytes) {
        return false;
    }
    source_p->place = (struct csh_file_place){
        .device = vma.device,
        .inode = (ino_t)vma.inode,
        .offset = vma.offset + (start - vma.start),
    };
    if (read_path(&vma, source_p)) {
        source_p->place.path = source_p->path;
    }
    return true;
}
