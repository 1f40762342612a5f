/*
 * private_tables.c - the wrapper of cuGetExportTable, which hands out tables
 * of entries that nobody can stand in front of.
 *
 * The tables themselves are never touched. Before the driver hands one out,
 * and so before any thread can call through it, cohorts are forbidden, but
 * for the tables of driver/export_tables.h.
 *
 * Owns nothing, takes no lock.
 */
#include <errno.h>

#include "base/log.h"
#include "driver/driver.h"
#include "driver/export_tables.h"
#include "track/watch.h"

/* What a user can tell the project of a table that is not known. */
static void csh_tell_of_table(const CUuuid *id)
{
    const unsigned char *b = (const unsigned char *)id->bytes;
    int saved_errno = errno;

    csh_info("driver",
             "private table %02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
             "%02x%02x%02x%02x%02x%02x was asked for",
             b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9],
             b[10], b[11], b[12], b[13], b[14], b[15]);
    errno = saved_errno;
}

CUresult cuGetExportTable(const void **table_p, const CUuuid *id)
{
    PFN_cuGetExportTable_v3000 real = csh_real_cuGetExportTable();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    if (csh_watch_is_on() && !csh_export_table_is_harmless(id)) {
        if (id != NULL) {
            csh_tell_of_table(id);
        }
        csh_watch_forbid(CSH_GAUGE_cohorts_off_private_table);
    }
    result = real(table_p, id);
    csh_watch_after();
    return result;
}
