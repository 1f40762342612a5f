/*
 * lookup.c - owns the rows of surface.h in the form that is searched.
 *
 * A search is one pass over the rows that compares lengths first, so that
 * hardly any string is compared: well under a microsecond, with no order to
 * keep, nothing to build at run time and nothing shared between threads. It
 * runs inside dlsym, before any constructor of the shim and in any thread.
 */
#include "driver/lookup.h"

#include <limits.h>
#include <string.h>

#include "base/compiler.h"

#define CSH_IS_PLAIN false
#define CSH_IS_PER_THREAD true

#define CSH_X(symbol_, base_, since_, flavour_, pfn_, ...)                    \
    _Static_assert(sizeof(#symbol_) <= UCHAR_MAX, "length fits its field");   \
    _Static_assert((since_) <= CUDA_VERSION, "row of the headers' own time");
CSH_SURFACE_ALL(CSH_X)
#undef CSH_X

const struct csh_row csh_rows[CSH_N_ROWS] = {
#define CSH_X(symbol_, base_, since_, flavour_, pfn_, tier_, ...)             \
    [CSH_ENTRY_##symbol_] = {#symbol_, base_, sizeof(#symbol_) - 1,           \
                             sizeof(base_) - 1, CSH_IS_##flavour_, since_,    \
                             CSH_TIER_##tier_},
    CSH_SURFACE_ALL(CSH_X)
#undef CSH_X
};

static const struct {
    const char *base;
    size_t bytes;
} csh_passed[] = {
#define CSH_X(base_) {base_, sizeof(base_) - 1},
    CSH_SURFACE_PASSED(CSH_X)
};

static const struct {
    const char *prefix;
    size_t bytes;
} csh_families[] = {
    CSH_SURFACE_FAMILIES(CSH_X)
#undef CSH_X
};

static const struct {
    const char *symbol;
    size_t bytes;
} csh_queries[] = {
#define CSH_X(symbol_) {#symbol_, sizeof(#symbol_) - 1},
    CSH_SURFACE_QUERIES(CSH_X)
#undef CSH_X
};

/* Every name of the table is "cu" and a capital: cudnn*, cublas* and curl_*
 * go no further. */
bool csh_lookup_is_like_ours(const char *name)
{
    return name[0] == 'c' && name[1] == 'u' && name[2] >= 'A' &&
           name[2] <= 'Z';
}

static bool csh_is_base(enum csh_entry entry, const char *name, size_t bytes)
{
    return csh_rows[entry].base_bytes == bytes &&
           memcmp(csh_rows[entry].base, name, bytes) == 0;
}

static bool csh_is_symbol(enum csh_entry entry, const char *name, size_t bytes)
{
    return csh_rows[entry].symbol_bytes == bytes &&
           memcmp(csh_rows[entry].symbol, name, bytes) == 0;
}

enum csh_entry csh_lookup_symbol(const char *symbol, enum csh_entry n)
{
    enum csh_entry entry;
    size_t bytes;

    if (!csh_lookup_is_like_ours(symbol)) {
        return CSH_ENTRY_NONE;
    }
    bytes = strlen(symbol);
    for (entry = 0; entry < n; entry++) {
        if (csh_is_symbol(entry, symbol, bytes)) {
            return entry;
        }
    }
    return CSH_ENTRY_NONE;
}

static enum csh_entry csh_lookup_flavour(const struct csh_request *request,
                                         bool is_per_thread)
{
    enum csh_entry best = CSH_ENTRY_NONE;
    size_t bytes = strlen(request->name);
    enum csh_entry entry;

    for (entry = 0; entry < CSH_N_ROWS; entry++) {
        if (csh_is_base(entry, request->name, bytes) &&
            csh_rows[entry].is_per_thread == is_per_thread &&
            csh_rows[entry].since <= request->version &&
            (best == CSH_ENTRY_NONE ||
             csh_rows[entry].since > csh_rows[best].since)) {
            best = entry;
        }
    }
    return best;
}

enum csh_entry csh_lookup_request(const struct csh_request *request)
{
    enum csh_entry entry = CSH_ENTRY_NONE;

    if (!csh_lookup_is_like_ours(request->name)) {
        return CSH_ENTRY_NONE;
    }
    if ((request->flags & CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM) !=
        0) {
        entry = csh_lookup_flavour(request, true);
    }
    if (entry == CSH_ENTRY_NONE) {
        entry = csh_lookup_flavour(request, false);
    }
    return entry;
}

enum csh_entry csh_lookup_answer(const struct csh_request *request,
                                 const void *answer,
                                 _Atomic(void *) const real[CSH_N_ROWS],
                                 enum csh_entry n)
{
    enum csh_entry asked = csh_lookup_request(request);
    enum csh_entry found = CSH_ENTRY_NONE;
    size_t bytes = strlen(request->name);
    enum csh_entry entry;
    int n_found = 0;

    if (asked != CSH_ENTRY_NONE && atomic_load(&real[asked]) == answer) {
        /* Address and request agree, also among rows of one address. */
        return asked < n ? asked : CSH_ENTRY_NONE;
    }
    for (entry = 0; entry < n; entry++) {
        if (atomic_load(&real[entry]) == answer &&
            (csh_is_base(entry, request->name, bytes) ||
             csh_is_symbol(entry, request->name, bytes))) {
            found = entry;
            n_found++;
        }
    }
    return n_found == 1 ? found : CSH_ENTRY_NONE;
}

/* Bytes of an ELF name without _ptds, _ptsz and _vN. */
static size_t csh_base_bytes(const char *symbol)
{
    size_t bytes = strlen(symbol);

    if (bytes > 5 && (memcmp(symbol + bytes - 5, "_ptsz", 5) == 0 ||
                      memcmp(symbol + bytes - 5, "_ptds", 5) == 0)) {
        bytes -= 5;
    }
    if (bytes > 3 && symbol[bytes - 3] == '_' && symbol[bytes - 2] == 'v' &&
        symbol[bytes - 1] >= '0' && symbol[bytes - 1] <= '9') {
        bytes -= 3;
    }
    return bytes;
}

static bool csh_is_of_family(const char *name)
{
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(csh_families); i++) {
        if (strncmp(name, csh_families[i].prefix, csh_families[i].bytes) ==
            0) {
            return true;
        }
    }
    return false;
}

static bool csh_is_query_base(const char *base, size_t bytes)
{
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(csh_queries); i++) {
        if (csh_base_bytes(csh_queries[i].symbol) == bytes &&
            memcmp(csh_queries[i].symbol, base, bytes) == 0) {
            return true;
        }
    }
    return false;
}

bool csh_lookup_is_query_symbol(const char *symbol)
{
    size_t bytes = strlen(symbol);
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(csh_queries); i++) {
        if (csh_queries[i].bytes == bytes &&
            memcmp(csh_queries[i].symbol, symbol, bytes) == 0) {
            return true;
        }
    }
    return false;
}

bool csh_lookup_is_query_request(const struct csh_request *request)
{
    return request->version <= CUDA_VERSION &&
           csh_is_query_base(request->name, strlen(request->name));
}

static bool csh_is_listed(const char *base, size_t bytes)
{
    enum csh_entry entry;
    size_t i;

    for (entry = 0; entry < CSH_N_ROWS; entry++) {
        if (csh_is_base(entry, base, bytes)) {
            return true;
        }
    }
    for (i = 0; i < CSH_ARRAY_LENGTH(csh_passed); i++) {
        if (csh_passed[i].bytes == bytes &&
            memcmp(csh_passed[i].base, base, bytes) == 0) {
            return true;
        }
    }
    return csh_is_query_base(base, bytes);
}

bool csh_lookup_is_unknown_symbol(const char *symbol)
{
    return csh_is_of_family(symbol) &&
           !csh_is_listed(symbol, csh_base_bytes(symbol));
}

bool csh_lookup_is_unknown_request(const struct csh_request *request)
{
    if (request->version > CUDA_VERSION &&
        csh_lookup_request(request) < CSH_N_ENTRIES) {
        return true;
    }
    return csh_is_of_family(request->name) &&
           !csh_is_listed(request->name, csh_base_bytes(request->name));
}
