/*
 * opt_out.c - see opt_out.h. Owns one word in each thread; no lock.
 */
#include "engine/opt_out.h"

#include <limits.h>

#include "base/compiler.h"

static CSH_THREAD_LOCAL unsigned depth;

bool csh_opt_out_begin(void)
{
    if (depth == UINT_MAX) {
        return false;
    }
    depth++;
    return true;
}

bool csh_opt_out_end(void)
{
    if (depth == 0) {
        return false;
    }
    depth--;
    return true;
}

bool csh_opt_out_is_on(void)
{
    return depth > 0;
}
