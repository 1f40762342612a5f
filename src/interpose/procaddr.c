/*
 * procaddr.c - cuGetProcAddress and cuGetProcAddress_v2, which hand out
 * entries.
 *
 * The real call is made first, with the program's own arguments; its code,
 * its status and every answer that is not an entry stay as they are. Only
 * then is the answer exchanged, for the wrapper of exactly the entry that it
 * is: by its address among the real entries of the requested base, else, if
 * the driver's addresses differ from dlsym's, by name, version and flags. The
 * wrappers here are entries too: cudart asks for cuGetProcAddress and goes on
 * with the answer.
 *
 * Owns nothing, takes no lock.
 */
#include "driver/driver.h"
#include "interpose/wrappers.h"
#include "track/watch.h"

/* An answer at no address that is known: the driver answers with other
 * addresses than dlsym does. Then name, version and flags decide, but not for
 * a version later than the headers, which may mean an ABI that no row has. */
static enum csh_entry csh_choose_by_name(const struct csh_request *request,
                                         void *answer, enum csh_entry n)
{
    enum csh_entry entry = csh_lookup_request(request);
    void *empty = NULL;
    enum csh_entry other;

    if (entry >= n || request->version > CUDA_VERSION ||
        !csh_driver_claim(answer)) {
        return CSH_ENTRY_NONE;
    }
    for (other = 0; other < CSH_N_ROWS; other++) {
        if (atomic_load(&csh_driver.row[other]) == answer) {
            return CSH_ENTRY_NONE;
        }
    }
    (void)atomic_compare_exchange_strong(&csh_driver.row[entry], &empty,
                                         answer);
    return entry;
}

/* A program, or a tool beside it, goes on with the driver's own entry. */
static void csh_note_unwatched(const struct csh_request *request)
{
    if (!csh_lookup_is_query_request(request)) {
        csh_watch_forbid(CSH_GAUGE_cohorts_off_unknown);
    }
}

void *csh_procaddr_choose(const struct csh_request *request, void *answer)
{
    enum csh_entry n = csh_wrappers_served();
    enum csh_entry entry;

    entry = csh_lookup_answer(request, answer, csh_driver.row, n);
    if (entry == CSH_ENTRY_NONE) {
        entry = csh_choose_by_name(request, answer, n);
    }
    if (entry != CSH_ENTRY_NONE) {
        return csh_wrapper(entry);
    }
    if (csh_lookup_is_unknown_request(request)) {
        csh_driver_note_unknown(request->name);
    }
    csh_note_unwatched(request);
    return answer;
}

static void csh_exchange(const char *symbol, void **entry_p, int version,
                         cuuint64_t flags, const void *return_address)
{
    const struct csh_request request = {symbol, version, flags};

    if (entry_p == NULL || *entry_p == NULL || symbol == NULL ||
        symbol[0] == '\0') {
        return;
    }
    if (!csh_driver_is_insider(return_address)) {
        *entry_p = csh_procaddr_choose(&request, *entry_p);
    } else if (!csh_driver_is_itself(return_address)) {
        csh_note_unwatched(&request);
    }
}

CUresult cuGetProcAddress(const char *symbol, void **entry_p, int version,
                          cuuint64_t flags)
{
    PFN_cuGetProcAddress_v11030 real = csh_real_cuGetProcAddress();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    result = real(symbol, entry_p, version, flags);
    if (result == CUDA_SUCCESS) {
        csh_exchange(symbol, entry_p, version, flags,
                     __builtin_return_address(0));
    }
    return result;
}

CUresult cuGetProcAddress_v2(const char *symbol, void **entry_p, int version,
                             cuuint64_t flags,
                             CUdriverProcAddressQueryResult *status_p)
{
    PFN_cuGetProcAddress_v12000 real = csh_real_cuGetProcAddress_v2();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    result = real(symbol, entry_p, version, flags, status_p);
    if (result == CUDA_SUCCESS) {
        csh_exchange(symbol, entry_p, version, flags,
                     __builtin_return_address(0));
    }
    return result;
}
