/*
 * host_placer.c - owns the placer's address.
 */
#include "base/host_placer.h"

_Atomic(csh_host_placer *) csh_host_placer_set;

void csh_host_place(csh_host_placer *placer)
{
    atomic_store(&csh_host_placer_set, placer);
}
