/*
 * watched_room.c - each entry of the driver is called once while something is
 * parked, and fails for want of memory. What is parked goes, and the call is
 * made once more, and no more; but for those that are named here, with what
 * they are instead of a call that could get memory.
 *
 * Oracle for what there is: tests/sim/entries.h, from NVIDIA's typedefs.
 */
#include "watched.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "../sim/entries.h"
#include "../sim/simcuda_counters.h"
#include "engine/calls.h"
#include "engine/park_memory.h"
#include "engine/phase.h"

#define BYTES ((size_t)1 << 20)

/* By how the symbol begins. */
static const char *const made_once[] = {
    "cuGetProcAddress", "cuGetExportTable", /* say what there is */
    "cuPointerGetAttribute", "cuMemGetInfo_v2", "cuMemGetAddressRange_v2",
    "cuMemFree_v2", "cuMemFreeAsync", "cuMemUnmap", /* give memory back */
    "cuStreamDestroy", "cuCtxDestroy", "cuCtxDetach",
    "cuDevicePrimaryCtxRelease", "cuDevicePrimaryCtxReset",
    "cuMemcpyDtoH_v2", "cuMemcpyDtoHAsync_v2", /* move bytes */
    "cuMemcpyHtoD_v2", "cuMemcpyHtoDAsync_v2",
    "cuStreamBeginCapture", "cuStreamEndCapture", /* of host memory */
};
/* And wholly. */
static const char *const also_made_once[] = {
    "cuMemcpy", "cuMemcpy_ptds", "cuMemcpyAsync", "cuMemcpyAsync_ptsz",
};

static const char *called;
static atomic_uint n_calls;

/* The first call finds no memory; the second is told something else. */
static int fail(const char *symbol)
{
    if (strcmp(symbol, called) != 0) {
        return 0;
    }
    return atomic_fetch_add(&n_calls, 1) == 0 ? CUDA_ERROR_OUT_OF_MEMORY
                                              : (int)SCRIPTED;
}

static bool is_among(const char *symbol, const char *const *names, size_t n,
                     bool is_whole)
{
    while (n-- > 0) {
        if (strncmp(symbol, names[n], strlen(names[n])) == 0 &&
            (!is_whole || strlen(symbol) == strlen(names[n]))) {
            return true;
        }
    }
    return false;
}

static bool is_made_once(const char *symbol)
{
    return is_among(symbol, made_once, CSH_ARRAY_LENGTH(made_once), false) ||
           is_among(symbol, also_made_once, CSH_ARRAY_LENGTH(also_made_once),
                    true);
}

/* Memory of the current context, with nobody's weights. */
static void park_something(void)
{
    struct csh_parked *block = csh_park_block_create(1);

    APP_CHECK(block != NULL);
    APP_CHECK(csh_calls()->cuCtxGetCurrent(&block->context) == CUDA_SUCCESS);
    block->bytes = BYTES;
    block->n_pieces = 1;
    block->piece[0] = (struct csh_park_piece){.bytes = BYTES,
                                              .shadow = {1, 1}};
    APP_CHECK(csh_park_memory_get(block));
    csh_park_table_add(block);
}

static void check_retried(const char *symbol, void *entry,
                          void (*on_call)(int (*hook)(const char *symbol)))
{
    unsigned wanted = is_made_once(symbol) ? 1 : 2, left = 2 - wanted;
    CUresult result;

    if (csh_park_table_n() == 0) {
        park_something();
    }
    called = symbol;
    atomic_store(&n_calls, 0);
    on_call(fail);
    result = call_with(entry, 0);
    on_call(NULL);
    if (atomic_load(&n_calls) != wanted || csh_park_table_n() != left ||
        result != (wanted == 1 ? CUDA_ERROR_OUT_OF_MEMORY : SCRIPTED)) {
        n_wrong++;
        fprintf(stderr, "%s: made %u times, %d, %u left\n", symbol,
                atomic_load(&n_calls), (int)result, csh_park_table_n());
    }
}

void check_room(void)
{
    static const char *const symbols[] = {
#define ROW(symbol_, ...) #symbol_,
        SIM_ENTRIES(ROW)
#undef ROW
    };
    void (*on_call)(int (*hook)(const char *symbol)) =
        (void (*)(int (*)(const char *)))dlsym(library, "simcuda_on_call");
    size_t i, n_rows = 0, n_once = 0;

    APP_CHECK(on_call != NULL && csh_phase_begin());
    for (i = 0; i < CSH_ARRAY_LENGTH(symbols); i++) {
        enum csh_entry entry = csh_lookup_symbol(symbols[i], CSH_N_ROWS);

        if (entry == CSH_ENTRY_NONE) {
            continue;
        }
        n_rows++;
        n_once += is_made_once(symbols[i]);
        if (strcmp(symbols[i], "cuThreadExchangeStreamCaptureMode") != 0) {
            check_retried(symbols[i], csh_wrapper(entry), on_call);
        } /* which the shim calls itself to give memory back */
    }
    APP_CHECK(n_rows == CSH_N_ROWS);
    printf("%zu entries, %zu made once\n", n_rows, n_once);
}
