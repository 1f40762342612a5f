/*
 * forward.c - the wrappers that do nothing but forward, made from their rows.
 *
 * Owns the words through which they jump: NULL, then for good the real entry
 * or, with cohorts, a function that calls that and looks at the flag
 * afterwards (track/watch.h); what disqualifies cohorts it says before. A
 * first call chooses.
 *
 * On the launch path nothing is added but this: the word is loaded and tested,
 * and jumped to with the program's own arguments where they are. Whatever a
 * first call may need is in a function of its own, so that the wrapper keeps
 * no register and needs no stack. The load is relaxed, or gcc moves every
 * argument on the stack for it; nothing but the address is read through it,
 * and the code behind that was in place before anybody could call.
 */
#include "driver/driver.h"
#include "interpose/watching.h"

/* By tier. */
#define CSH_BEFORE_RELEASE
#define CSH_BEFORE_WRITE
#define CSH_BEFORE_LAUNCH
#define CSH_BEFORE_WATCHED
#define CSH_BEFORE_SHARE csh_watch_forbid(CSH_GAUGE_cohorts_off_shared);
#define CSH_BEFORE_PEER csh_watch_forbid(CSH_GAUGE_cohorts_off_shared);
#define CSH_BEFORE_OPENED csh_watch_forbid(CSH_GAUGE_cohorts_off_shared);
#define CSH_BEFORE_LEGACY csh_watch_forbid(CSH_GAUGE_cohorts_off_legacy);

/* By flavour. */
#define CSH_IS_OWN_PLAIN(arguments_) CSH_ANY_OWN_STREAM arguments_
#define CSH_IS_OWN_PER_THREAD(arguments_) true

static struct {
#define CSH_X(symbol_, base_, since_, flavour_, pfn_, ...)                    \
    _Atomic(pfn_) symbol_;
    CSH_SURFACE_FORWARDED(CSH_X)
    CSH_SURFACE_WATCHED_FORWARDED(CSH_X)
#undef CSH_X
} csh_target;

#define CSH_FORWARD(symbol_, flavour_, pfn_, tier_, parameters_, arguments_)  \
    static CUresult csh_watching_##symbol_ parameters_                        \
    {                                                                         \
        pfn_ real_ = csh_real_##symbol_();                                    \
        CUresult result_;                                                     \
                                                                              \
        CSH_BEFORE_##tier_                                                    \
        if (CSH_IS_OWN_##flavour_(arguments_)) {                              \
            csh_watch_note_per_thread();                                      \
        }                                                                     \
        result_ = real_ arguments_;                                           \
        csh_watch_after();                                                    \
        return result_;                                                       \
    }                                                                         \
                                                                              \
    static CSH_COLD CUresult csh_late_##symbol_ parameters_                   \
    {                                                                         \
        pfn_ target_ = csh_real_##symbol_();                                  \
                                                                              \
        if (target_ == NULL) {                                                \
            return csh_driver_absent();                                       \
        }                                                                     \
        if (csh_watch_is_on()) {                                              \
            target_ = csh_watching_##symbol_;                                 \
        }                                                                     \
        atomic_store_explicit(&csh_target.symbol_, target_,                   \
                              memory_order_relaxed);                          \
        return target_ arguments_;                                            \
    }                                                                         \
                                                                              \
    CUresult symbol_ parameters_                                              \
    {                                                                         \
        pfn_ target_ = atomic_load_explicit(&csh_target.symbol_,              \
                                            memory_order_relaxed);            \
                                                                              \
        if (CSH_UNLIKELY(target_ == NULL)) {                                  \
            target_ = csh_late_##symbol_;                                     \
        }                                                                     \
        return target_ arguments_;                                            \
    }
#define CSH_X(symbol_, base_, since_, flavour_, pfn_, tier_, ...)             \
    CSH_FORWARD(symbol_, flavour_, pfn_, tier_, __VA_ARGS__)
CSH_SURFACE_FORWARDED(CSH_X)
CSH_SURFACE_WATCHED_FORWARDED(CSH_X)
#undef CSH_X
