/*
 * export_tables.c - owns the list of the private tables that NVIDIA's runtime
 * asks for as it starts: those that were logged on the simulated driver from
 * the runtimes of CUDA 12.0 and 13.0, and no others.
 *
 * What they hold is known from projects that stand in for the driver or trace
 * it: ZLUDA (github.com/vosen/ZLUDA, dark_api/src/lib.rs: names and types of
 * the entries that programs call), Wine's nvcuda (wine-staging,
 * dlls/nvcuda/internal.c and its tests) and PantheonSim
 * (github.com/pantheongpu/pantheonsim, docs/dark-api.md: what the runtime of
 * CUDA 13.0 asks for and calls as it starts). None of them knows every entry
 * of every table: a row here says that of the entries that are known none
 * writes memory of the program's or begins work, not that there is no other.
 * That the runtime begins its copies and launches through the documented
 * entries is seen in the same projects, which could not run programs else.
 */
#include "driver/export_tables.h"

#include <stddef.h>
#include <string.h>

#include "base/compiler.h"

static const unsigned char harmless[][sizeof(CUuuid)] = {
    /* The runtime's own: 1, 6 and 8 load a module from a fat binary, 2 retains
     * a primary context, 12 loads compilers (ZLUDA, which knows no more of
     * it). A module is loaded into memory of its own, of which no
     * cohort reads anything; contexts are asked for when a cohort is formed. */
    {0x6b, 0xd5, 0xfb, 0x6c, 0x5b, 0xf4, 0xe7, 0x4a, 0x89, 0x87, 0xd9, 0x39,
     0x12, 0xfd, 0x9d, 0xf9},
    /* Hooks of tools: 2 and 6 answer where arrays in host memory are (ZLUDA).
     * A tool that uses them is a library that forbids cohorts by itself. */
    {0xa0, 0x94, 0x79, 0x8c, 0x2e, 0x74, 0x2e, 0x74, 0x93, 0xf2, 0x08, 0x00,
     0x20, 0x0c, 0x0a, 0x66},
    /* Thread-local storage of tools: three entries, of which the runtime calls
     * none as it starts (ZLUDA names the table; PantheonSim). */
    {0x42, 0xd8, 0x5a, 0x81, 0x23, 0xf6, 0xcb, 0x47, 0x82, 0x98, 0xf6, 0xe7,
     0x8a, 0x3a, 0xec, 0xdc},
    /* Storage local to a context: put, delete, get, and no more (ZLUDA;
     * Wine's tests run all three). */
    {0xc6, 0x93, 0x33, 0x6e, 0x11, 0x21, 0xdf, 0x11, 0xa8, 0xc3, 0x68, 0xf3,
     0x55, 0xd8, 0x95, 0x93},
    /* Questions about a context: 2 and 3 answer words that are 0 (ZLUDA; 3 is
     * what the runtime calls). Of 13.0, not of 12.0. */
    {0x26, 0x3e, 0x88, 0x60, 0x7c, 0xd2, 0x61, 0x43, 0x92, 0xf6, 0xbb, 0xd5,
     0x00, 0x6d, 0xfa, 0x7e},
    /* Integrity: 1 answers a hash of versions, ids and devices (ZLUDA). */
    {0xd4, 0x08, 0x20, 0x55, 0xbd, 0xe6, 0x70, 0x4b, 0x8d, 0x34, 0xba, 0x12,
     0x3c, 0x66, 0xe1, 0xf2},
    /* Asked for before cuInit by 13.0, not by 12.0. The weakest row: what is
     * published is what a runtime does that is refused it, which is the same
     * as ever (PantheonSim; ZLUDA has no such table). What one does that is
     * given it is taken to be no different. */
    {0xf8, 0xcf, 0xf9, 0x51, 0x21, 0x46, 0x8b, 0x4e, 0xb9, 0xe2, 0xfb, 0x46,
     0x9e, 0x7c, 0x0d, 0xd9},
};

bool csh_export_table_is_harmless(const CUuuid *id)
{
    size_t i;

    for (i = 0; id != NULL && i < CSH_ARRAY_LENGTH(harmless); i++) {
        if (memcmp(id->bytes, harmless[i], sizeof(harmless[i])) == 0) {
            return true;
        }
    }
    return false;
}
