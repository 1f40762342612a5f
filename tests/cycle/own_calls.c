/*
 * own_calls.c - prints the driver entries that the shim itself calls, one a
 * line, from the very tables that bind them.
 *
 *   own_calls         all but those of parking alone
 *   own_calls park    those, and what parking uses of the others
 */
#include <stdio.h>
#include <string.h>

#include "engine/calls.h"

#define CSH_X(symbol_, pfn_) puts(#symbol_);

static int print_parking(void)
{
    CSH_ENGINE_PARK_CALLS(CSH_X)
    puts("cuEventCreate\ncuEventRecord\ncuEventQuery\ncuEventDestroy_v2\n"
         "cuCtxGetCurrent\ncuCtxGetDevice\ncuMemGetAddressRange_v2\n"
         "cuStreamIsCapturing\ncuStreamQuery\ncuStreamSynchronize\n"
         "cuPointerGetAttribute\ncuLaunchKernel\n"
         "cuThreadExchangeStreamCaptureMode");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "park") == 0) {
        return print_parking();
    }
    CSH_ENGINE_CALLS(CSH_X)
    CSH_ENGINE_OPTIONAL_CALLS(CSH_X)
    CSH_PROVER_CALLS(CSH_X)
    CSH_PROVER_OPTIONAL_CALLS(CSH_X)
#undef CSH_X
    puts("cuMemHostRegister_v2\ncuMemHostUnregister");
    return 0;
}
