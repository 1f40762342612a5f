/*
 * alias.h - puts a shadow's pages under the program's host memory, and tells
 * later whether they are still there, untouched.
 *
 * A private mapping of the slab's file: the program reads the shadow's bytes
 * and, where it writes, gets a page of its own; the shadow never changes. Only
 * whole pages that the program never touched are mapped over, in blocks that
 * glibc's malloc mapped for themselves, without any attribute that a mapping
 * can have; all other bytes are copied. So nothing of the program's is ever
 * lost, whatever fails.
 *
 * Any function but create and destroy may be called from any thread, with no
 * lock of the shim held (they read and write program memory, which may fault).
 * In a child of fork nothing is mapped, and nothing is known.
 */
#ifndef CSH_SHADOW_ALIAS_H
#define CSH_SHADOW_ALIAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "shadow/page_state.h"
#include "shadow/slab.h"
#include "shadow/store.h"

struct csh_aliases;

/* Why bytes were copied that are large enough to be mapped.
 * X(name, sentence) */
#define CSH_ALIAS_OBSTACLES(X)                                              \
    X(none, "all whole pages are mapped")                                   \
    X(small, "smaller than what a mapping is worth")                        \
    X(phase, "the shadow begins elsewhere in its page")                     \
    X(file, "the shadow is in no memory file, or its descriptor is lost")   \
    X(crowded, "as much memory is lost to earlier mappings as is in use")   \
    X(block, "not a block that glibc's malloc mapped for it alone")         \
    X(touched, "pages that were touched before")                            \
    X(marked, "the mapping has an attribute that another would not have")   \
    X(limit, "a quarter of the mappings that a process may have")           \
    X(unknown, "the kernel does not say what is needed")                    \
    X(refused, "the kernel refused the mapping")

#define CSH_X(name_, text_) CSH_ALIAS_##name_,
enum csh_alias_obstacle { CSH_ALIAS_OBSTACLES(CSH_X) CSH_N_ALIAS_OBSTACLES };
#undef CSH_X

/* mmap() of a file at an address, or a test's stand-in. */
typedef void *csh_alias_map_fn(void *address, size_t bytes, int fd,
                               off_t offset);

struct csh_alias_setup {
    const struct csh_page_state *state; /* outlives the program's aliases */
    struct csh_slab_pool *pool;
    bool libc_owns_malloc;     /* csh_libc_owns_malloc() */
    uint64_t most_mappings;    /* 0: what the system allows */
    csh_alias_map_fn *map;     /* NULL: mmap() */
};

/* NULL when memory is short. The setup is copied. */
struct csh_aliases *csh_alias_create(const struct csh_alias_setup *setup);

/* Forgets all records; mappings stay in the program's memory. */
void csh_alias_destroy(struct csh_aliases *aliases);

/* A shadow whose bytes no longer change, and whose user the caller is. */
struct csh_alias_source {
    struct csh_extent extent;
    struct csh_shadow_ref ref;
};

struct csh_alias_result {
    size_t mapped_bytes, copied_bytes;
    enum csh_alias_obstacle obstacle; /* the first that was met */
};

/*
 * Gives [destination, destination + extent.bytes) the shadow's bytes: by a
 * mapping where all conditions hold, else by memcpy. The program must be in a
 * call that writes there. False in one case: a mapping failed and took the
 * memory under it along (Linux before 6.12), and it could not be put back:
 * make the program's own call.
 */
CSH_MUST_CHECK
bool csh_alias_materialise(struct csh_aliases *aliases, void *destination,
                           const struct csh_alias_source *source,
                           struct csh_alias_result *result_p);

/* The shadow that exactly this memory was last given, and was in part mapped
 * to. It may be stale, and the memory may have changed. */
bool csh_alias_find(struct csh_aliases *aliases, const void *memory,
                    size_t bytes, struct csh_shadow_ref *ref_p);

enum csh_alias_verdict {
    CSH_ALIAS_UNTOUCHED, /* every byte is the shadow's */
    CSH_ALIAS_WRITTEN,   /* some byte is not */
    CSH_ALIAS_UNKNOWN,
};

/* Whether this memory still holds that shadow's bytes: the kernel says of each
 * page that it is the slab's, at the right offset, and was not written; what
 * was copied or written is compared. */
enum csh_alias_verdict csh_alias_check(struct csh_aliases *aliases,
                                       const void *memory,
                                       const struct csh_alias_source *source);

/* Other bytes are about to be put there, or nothing is known of it any more;
 * what is mapped stays until the program changes it. */
void csh_alias_forget(struct csh_aliases *aliases, const void *memory,
                      size_t bytes);

/* Whether any of this memory, exactly the range of a record, is still mapped
 * to what it was mapped to; true where the kernel does not say. */
bool csh_alias_is_mapped(struct csh_aliases *aliases, const void *memory,
                         size_t bytes);

struct csh_alias_usage {
    size_t n_records;      /* shadows with a mapping, as far as is known */
    uint64_t n_mappings;   /* at most, that they take */
    uint64_t mapped_bytes; /* under mappings when they were made */
};
void csh_alias_read_usage(struct csh_aliases *aliases,
                          struct csh_alias_usage *usage_p);

#endif
