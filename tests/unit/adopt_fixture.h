/*
 * adopt_fixture.h - a block of the program's and a shadow with its bytes. For
 * the tests of adopting.
 */
#ifndef CSH_TESTS_ADOPT_FIXTURE_H
#define CSH_TESTS_ADOPT_FIXTURE_H

#include "alias_fixture.h"

#include "shadow/adopt.h"
#include "shadow/page_move.h"

static unsigned char *block;
static struct csh_alias_source shadow;
static struct csh_adopt_result adopted;

CSH_TEST_UNUSED static bool can_adopt(void)
{
    int error = csh_page_move_probe();

    if ((error != 0) || !can_map()) {
        fprintf(stderr, "nothing can be adopted here (%s)\n",
                strerror(error));
        return false;
    }
    return true;
}

/* A block of the program's with the shadow's bytes. */
static void make_pair_at(size_t bytes, size_t phase)
{
    block  = make_block_at(bytes, phase);
    shadow = make_shadow_at(bytes, phase, 3);
    fill(block, bytes, 3);
}

CSH_TEST_UNUSED static void make_pair(size_t bytes)
{
    make_pair_at(bytes, PHASE);
}

CSH_TEST_UNUSED static void adopt(void)
{
    csh_adopt(aliases, block, &shadow, &adopted);
}

#endif
