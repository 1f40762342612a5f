/*
 * resolver.c - how a program finds this driver's entry points, other than by
 * ELF symbol: cuGetProcAddress in both ABIs, and the private export tables,
 * of which this driver has none.
 *
 * A name is a base name, exactly ("cuMemAlloc", never "cuMemAlloc_v2"). Among
 * the ABIs of a base the newest that is not newer than the version asked for
 * is chosen, of the per-thread twins when the flags say so and such a twin
 * exists, else of the plain ones. ABIs newer than SIMCUDA_DRIVER_VERSION do
 * not exist. cuGetProcAddress finds itself: the CUDA runtime asks for it and
 * uses that answer from then on.
 *
 * No state of its own; the variants of SIMCUDA_RESOLVER are in exports.c.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "entry.h"
#include "exports.h"
#include "table.h"

/* The newest ABI of `base` in one flavour, up to `version`; NULL: none.
 * *known_p is set when the base exists in this driver in that flavour. */
static const struct sim_row *find_newest(const char *base, bool per_thread,
                                         int version, bool *known_p)
{
    int driver_version = sim_settings()->driver_version;
    const struct sim_row *best = NULL;
    unsigned i;

    for (i = 0; i < SIM_ENTRIES_COUNT; i++) {
        const struct sim_row *row = &sim_rows[i];

        if (row->per_thread != per_thread || row->since > driver_version ||
            strcmp(row->base, base) != 0) {
            continue;
        }
        *known_p = true;
        if (row->since <= version &&
            (best == NULL || row->since > best->since)) {
            best = row;
        }
    }
    return best;
}

/* The row that `base` means, and why there is none. */
static const struct sim_row *find_row(const char *base, int version,
                                      cuuint64_t flags,
                                      CUdriverProcAddressQueryResult *status_p)
{
    const struct sim_row *row = NULL;
    bool known = false;

    if (flags & CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM) {
        row = find_newest(base, true, version, &known);
    }
    if (row == NULL) {
        row = find_newest(base, false, version, &known);
    }
    if (row != NULL) {
        *status_p = CU_GET_PROC_ADDRESS_SUCCESS;
    } else if (known) {
        *status_p = CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT;
    } else {
        *status_p = CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
    }
    return row;
}

/* One line of SIMCUDA_LOOKUPS. One write, so that lines of several threads
 * and processes do not mix. */
static void record_lookup(const char *base, int version, cuuint64_t flags,
                          const struct sim_row *row)
{
    const char *path = sim_settings()->lookups_file;
    char line[256];
    int length, fd;

    if (path[0] == '\0') {
        return;
    }
    length = snprintf(line, sizeof(line), "%s\t%d\t%llu\t%s\n", base, version,
                      (unsigned long long)flags,
                      row != NULL ? row->symbol : "-");
    fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || length >= (int)sizeof(line) ||
        write(fd, line, (size_t)length) != length) {
        fprintf(stderr, "simcuda: SIMCUDA_LOOKUPS=%s: a line is lost\n", path);
    }
    if (fd >= 0) {
        close(fd);
    }
}

static CUresult look_up(const char *base, void **pfn, int version,
                        cuuint64_t flags,
                        CUdriverProcAddressQueryResult *status_p)
{
    CUdriverProcAddressQueryResult status;
    const struct sim_row *row;

    if (base == NULL || pfn == NULL ||
        version > sim_settings()->driver_version ||
        flags > CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    row = find_row(base, version, flags, &status);
    record_lookup(base, version, flags, row);
    *pfn = row != NULL ? sim_export_address(row) : NULL;
    if (status_p != NULL) {
        *status_p = status;
    }
    return row != NULL || sim_settings()->lookup_miss_succeeds
               ? CUDA_SUCCESS
               : CUDA_ERROR_NOT_FOUND;
}

CUresult cuGetProcAddress(const char *symbol, void **pfn, int cudaVersion,
                          cuuint64_t flags)
{
    SIM_ENTER(cuGetProcAddress);
    return look_up(symbol, pfn, cudaVersion, flags, NULL);
}

CUresult cuGetProcAddress_v2(const char *symbol, void **pfn, int cudaVersion,
                             cuuint64_t flags,
                             CUdriverProcAddressQueryResult *symbolStatus)
{
    SIM_ENTER(cuGetProcAddress_v2);
    return look_up(symbol, pfn, cudaVersion, flags, symbolStatus);
}

CUresult cuGetExportTable(const void **ppExportTable,
                          const CUuuid *pExportTableId)
{
    SIM_ENTER(cuGetExportTable);
    if (ppExportTable == NULL || pExportTableId == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *ppExportTable = NULL;
    return CUDA_ERROR_NOT_FOUND;
}

CUresult cuDriverGetVersion(int *driverVersion)
{
    SIM_ENTER(cuDriverGetVersion);
    if (driverVersion == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *driverVersion = sim_settings()->driver_version;
    return CUDA_SUCCESS;
}
