/*
 * export_tables.h - which of the driver's private tables of entries leave
 * cohorts as they are.
 *
 * cuGetExportTable hands out tables that no header documents; what is called
 * through them is seen by nobody. NVIDIA's runtime asks for a few as it
 * starts, so without exceptions no program of the runtime had cohorts. Pure:
 * no driver, no lock, no allocation.
 */
#ifndef CSH_DRIVER_EXPORT_TABLES_H
#define CSH_DRIVER_EXPORT_TABLES_H

#include <cuda.h>
#include <stdbool.h>

/* The table is one that the runtime asks for as it starts, and by all that is
 * publicly known of it no program's memory is written and no work begun by
 * its entries. False for NULL. */
bool csh_export_table_is_harmless(const CUuuid *id);

#endif
