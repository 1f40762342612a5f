/*
 * own_calls.c - prints the driver entries that the shim itself calls, one a
 * line, from the very tables that bind them.
 */
#include <stdio.h>

#include "engine/calls.h"

int main(void)
{
#define CSH_X(symbol_, pfn_) puts(#symbol_);
    CSH_ENGINE_CALLS(CSH_X)
    CSH_ENGINE_OPTIONAL_CALLS(CSH_X)
    CSH_PROVER_CALLS(CSH_X)
    CSH_PROVER_OPTIONAL_CALLS(CSH_X)
#undef CSH_X
    puts("cuMemHostRegister_v2\ncuMemHostUnregister");
    return 0;
}
