/*
 * exports.c - which address an entry point is found at.
 */
#include "entry.h"
#include "exports.h"
#include "table.h"

void *sim_export_address(const struct sim_row *row)
{
    return (void *)row->address;
}
