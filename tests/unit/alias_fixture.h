/*
 * alias_fixture.h - shadows with known bytes, and blocks that look as if
 * glibc's malloc had mapped them. For the tests of aliases.
 */
#ifndef CSH_TESTS_ALIAS_FIXTURE_H
#define CSH_TESTS_ALIAS_FIXTURE_H

#include "pages_fixture.h"

#include "shadow/alias.h"
#include "shadow/alias_files.h"
#include "shadow/libc_block.h"

#define KIB ((size_t)1024)
#define PHASE ((size_t)0x40)

static CUresult CUDAAPI pin(void *address, size_t bytes, unsigned flags)
{
    (void)address;
    (void)bytes;
    (void)flags;
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI unpin(void *address)
{
    (void)address;
    return CUDA_SUCCESS;
}

static const struct csh_pin_calls pins = {pin, unpin};
static struct csh_budget budget;
static struct csh_slab_pool *pool;
static struct csh_page_state state;
static struct csh_alias_setup setup;
static struct csh_aliases *aliases;
static struct csh_alias_result result;

CSH_TEST_UNUSED static void start_with(unsigned mechanisms)
{
    csh_log_threshold   = CSH_LOG_OFF;
    budget.limit.unit   = CSH_SIZE_BYTES;
    budget.limit.value  = (uint64_t)8192 * MIB;
    budget.roots.proc   = "/nowhere";
    budget.roots.cgroup = "/nowhere";
    pool = csh_slab_create(&pins, &budget, NULL);
    ck_assert_ptr_nonnull(pool);
    csh_page_state_open(&state, mechanisms);
    setup.state            = &state;
    setup.pool             = pool;
    setup.libc_owns_malloc = true;
    aliases = csh_alias_create(&setup);
    ck_assert_ptr_nonnull(aliases);
}

CSH_TEST_UNUSED static void start(void)
{
    start_with(CSH_PAGES_BY_ALL);
}

/* Kernels that do not say what is needed: everything is copied. */
static bool can_map(void)
{
    return ((state.offered & (CSH_PAGES_BY_QUERY | CSH_PAGES_BY_TEXT)) !=
            0) && ((state.offered & (CSH_PAGES_BY_SCAN |
                                     CSH_PAGES_BY_PAGEMAP)) != 0);
}

/* --- shadows ------------------------------------------------------------- */

static unsigned char byte_of(size_t i, unsigned seed)
{
    return (unsigned char)(i * 2654435761u >> 20 ^ (i >> 12) ^ seed) | 1;
}

static void fill(unsigned char *bytes, size_t n, unsigned seed)
{
    size_t i;

    for (i = 0; i < n; i++) {
        bytes[i] = byte_of(i, seed);
    }
}

CSH_TEST_UNUSED static bool holds(const unsigned char *bytes, size_t n,
                                  unsigned seed)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (bytes[i] != byte_of(i, seed)) {
            return false;
        }
    }
    return true;
}

/* The seed is in the handle as well. */
CSH_TEST_UNUSED static struct csh_alias_source
make_shadow_at(size_t bytes, uint64_t phase, unsigned seed)
{
    struct csh_alias_source source;

    ck_assert_int_eq(csh_slab_allocate_at(pool, bytes, phase,
                                          &source.extent), CSH_SLAB_OK);
    source.ref.index      = seed;
    source.ref.generation = 1;
    fill(source.extent.address, bytes, seed);
    return source;
}

CSH_TEST_UNUSED static struct csh_alias_source make_shadow(size_t bytes,
                                                           unsigned seed)
{
    return make_shadow_at(bytes, PHASE, seed);
}

/* --- blocks -------------------------------------------------------------- */

static void put_head(unsigned char *at_, size_t before, size_t size)
{
    memcpy(at_, &before, sizeof(before));
    memcpy(at_ + sizeof(before), &size, sizeof(size));
}

/* What posix_memalign() would return, `phase` into a page. */
CSH_TEST_UNUSED static unsigned char *make_head(unsigned char *mapping,
                                                size_t total, size_t phase)
{
    size_t before = phase - 16;

    put_head(mapping, 0, total | 2);
    if (before > 0) {
        put_head(mapping + before, before, (total - before) | 2);
    }
    return mapping + phase;
}

/* Between two pages without access, so that it is a mapping of its own. */
CSH_TEST_UNUSED static unsigned char *make_block_at(size_t bytes,
                                                    size_t phase)
{
    size_t total           = (phase + bytes + PAGE - 1) & ~(PAGE - 1);
    unsigned char *mapping = anonymous(total + 2 * PAGE);

    ck_assert_int_eq(mprotect(mapping, PAGE, PROT_NONE), 0);
    ck_assert_int_eq(mprotect(mapping + PAGE + total, PAGE, PROT_NONE), 0);
    return make_head(mapping + PAGE, total, phase);
}

CSH_TEST_UNUSED static unsigned char *make_block(size_t bytes)
{
    return make_block_at(bytes, PHASE);
}

/* --- materialising ------------------------------------------------------- */

CSH_TEST_UNUSED static void give(unsigned char *block,
                                 const struct csh_alias_source *source)
{
    ck_assert(csh_alias_materialise(aliases, block, source, &result));
    ck_assert_uint_eq(result.mapped_bytes + result.copied_bytes,
                      source->extent.bytes);
    ck_assert(holds(block, source->extent.bytes, source->ref.index));
}

CSH_TEST_UNUSED static enum csh_alias_verdict
check(const unsigned char *block, const struct csh_alias_source *source)
{
    return csh_alias_check(aliases, block, source);
}

/* Whole pages of a destination. */
CSH_TEST_UNUSED static size_t whole_pages(const unsigned char *block,
                                          size_t bytes)
{
    uint64_t first = (at(block) + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    uint64_t last  = (at(block) + bytes) & ~(uint64_t)(PAGE - 1);

    return (last > first) ? (size_t)(last - first) : 0;
}

CSH_TEST_UNUSED static void expect_mapped(unsigned char *block,
                                          const struct csh_alias_source *source)
{
    give(block, source);
    if (can_map()) {
        ck_assert_uint_eq(result.mapped_bytes,
                          whole_pages(block, source->extent.bytes));
        ck_assert_int_eq(result.obstacle, CSH_ALIAS_none);
        ck_assert_int_eq(check(block, source), CSH_ALIAS_UNTOUCHED);
    }
}

CSH_TEST_UNUSED static void
expect_copied(unsigned char *block, const struct csh_alias_source *source,
              enum csh_alias_obstacle obstacle)
{
    struct csh_shadow_ref ref;

    give(block, source);
    ck_assert_uint_eq(result.mapped_bytes, 0);
    if (can_map()) {
        ck_assert_int_eq(result.obstacle, obstacle);
    }
    ck_assert(!csh_alias_find(aliases, block, source->extent.bytes, &ref));
}

#endif
