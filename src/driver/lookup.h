/*
 * lookup.h - finds the row that a client asks for, by ELF name or by what it
 * gives to cuGetProcAddress. Pure: no driver, no lock, no allocation.
 */
#ifndef CSH_DRIVER_LOOKUP_H
#define CSH_DRIVER_LOOKUP_H

#include <stdatomic.h>
#include <stdbool.h>

#include "driver/surface.h"

/* Hooked rows come first; those that are only watched follow them. */
enum csh_entry {
#define CSH_X(symbol_, ...) CSH_ENTRY_##symbol_,
    CSH_SURFACE(CSH_X)
    CSH_N_ENTRIES,
    CSH_LAST_ENTRY = CSH_N_ENTRIES - 1,
    CSH_SURFACE_WATCHED(CSH_X)
    CSH_N_ROWS,
#undef CSH_X
    CSH_ENTRY_NONE = CSH_N_ROWS,
};

struct csh_row {
    const char *symbol;
    const char *base;
    unsigned char symbol_bytes; /* without the zero */
    unsigned char base_bytes;
    bool is_per_thread;
    int since;
    enum csh_tier tier;
};

extern const struct csh_row csh_rows[CSH_N_ROWS];

/* What a client asks cuGetProcAddress for. */
struct csh_request {
    const char *name;
    int version;
    cuuint64_t flags;
};

/* In what follows only rows below n are found: CSH_N_ENTRIES, or with cohorts
 * CSH_N_ROWS. */

/* The row of exactly this ELF symbol, else CSH_ENTRY_NONE. */
enum csh_entry csh_lookup_symbol(const char *symbol, enum csh_entry n);

/* The row that the driver's rule picks: the greatest since that is not above
 * the version, among the per-thread twins if the flags ask for them and there
 * are any, else among the plain entries. Any row: a base is hooked with some
 * ABIs and watched with others, and none stands in for another. */
enum csh_entry csh_lookup_request(const struct csh_request *request);

/* The row that the driver's answer to a request is, by its address; real[]
 * holds the driver's entries, one a row, NULL where it has none. Rows of other
 * bases never count. CSH_ENTRY_NONE: no row, or rows of one address of which
 * none is the one asked for. */
enum csh_entry csh_lookup_answer(const struct csh_request *request,
                                 const void *answer,
                                 _Atomic(void *) const real[CSH_N_ROWS],
                                 enum csh_entry n);

/* Like a name of the driver: "cu" and a capital. */
bool csh_lookup_is_like_ours(const char *name);

/* A pure query, asked for by its ELF name, or in a version that the headers
 * know. */
bool csh_lookup_is_query_symbol(const char *symbol);
bool csh_lookup_is_query_request(const struct csh_request *request);

/* Entries that this table has not seen: a base in none of its lists, of a
 * family of calls that copy, write, launch or order work; in a request also a
 * hooked base in a version later than the headers. */
bool csh_lookup_is_unknown_symbol(const char *symbol);
bool csh_lookup_is_unknown_request(const struct csh_request *request);

#endif
