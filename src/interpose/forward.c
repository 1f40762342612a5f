/*
 * forward.c - the wrappers that do nothing but forward, made from their rows.
 *
 * Owns the words through which they jump: NULL, then for good the real entry
 * or, with cohorts, a function that calls that and looks at the flag
 * afterwards (track/watch.h); what disqualifies cohorts it says before. In mode
 * trust, of a call that writes memory, one that tells where (engine/trust.h).
 * With CUSHADOW_VRAM_KEEP, one that calls any of these, once more if it failed
 * for want of device memory and parked memory could make way: a call that says
 * so has done nothing, whatever it is. A first call chooses.
 *
 * On the launch path nothing is added but this: the word is loaded and tested,
 * and jumped to with the program's own arguments where they are. Whatever a
 * first call may need is in a function of its own, so that the wrapper keeps
 * no register and needs no stack. The load is relaxed, or gcc moves every
 * argument on the stack for it; nothing but the address is read through it,
 * and the code behind that was in place before anybody could call.
 */
#include "driver/driver.h"
#include "engine/trust.h"
#include "interpose/parking.h"
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

/* Where a call wrote, by its type, so that a row need not say: fills and copies
 * within the device. The others' places are not looked for. The 0 in front is
 * for the one that takes anything. */
static void note_nothing(int zero, ...)
{
    (void)zero;
}

#define CSH_NOTE_FILL(name_, type_)                                           \
    static void name_(int zero, CUdeviceptr dst, type_ value, size_t n)       \
    {                                                                         \
        (void)zero, (void)value;                                              \
        csh_trust_note_written(dst, n * sizeof(value));                       \
    }                                                                         \
                                                                              \
    static void name_##_async(int zero, CUdeviceptr dst, type_ value,         \
                              size_t n, CUstream stream)                      \
    {                                                                         \
        (void)stream;                                                         \
        name_(zero, dst, value, n);                                           \
    }
CSH_NOTE_FILL(note_fill8, unsigned char)
CSH_NOTE_FILL(note_fill16, unsigned short)
CSH_NOTE_FILL(note_fill32, unsigned int)

static void note_copy(int zero, CUdeviceptr dst, CUdeviceptr src, size_t bytes)
{
    (void)zero, (void)src;
    csh_trust_note_written(dst, bytes);
}

static void note_copy_async(int zero, CUdeviceptr dst, CUdeviceptr src,
                            size_t bytes, CUstream stream)
{
    (void)stream;
    note_copy(zero, dst, src, bytes);
}

#define CSH_NOTE_OF(real_)                                                    \
    _Generic((real_),                                                         \
        PFN_cuMemsetD8_v3020: note_fill8,                                     \
        PFN_cuMemsetD8Async_v3020: note_fill8_async,                          \
        PFN_cuMemsetD16_v3020: note_fill16,                                   \
        PFN_cuMemsetD16Async_v3020: note_fill16_async,                        \
        PFN_cuMemsetD32_v3020: note_fill32,                                   \
        PFN_cuMemsetD32Async_v3020: note_fill32_async,                        \
        PFN_cuMemcpyDtoD_v3020: note_copy,                                    \
        PFN_cuMemcpyDtoDAsync_v3020: note_copy_async,                         \
        default: note_nothing)
#define CSH_BEHIND_ZERO(...) (0, ##__VA_ARGS__)

/* By tier: whether it is worth a function of its own in mode trust, and what
 * follows the real call there. */
#define CSH_IS_NOTED_RELEASE false
#define CSH_IS_NOTED_WRITE true
#define CSH_IS_NOTED_LAUNCH false
#define CSH_IS_NOTED_WATCHED false
#define CSH_IS_NOTED_SHARE false
#define CSH_IS_NOTED_PEER false
#define CSH_IS_NOTED_OPENED false
#define CSH_IS_NOTED_PRIVATE false
#define CSH_IS_NOTED_LEGACY false
#define CSH_NOTE(tier_, real_, arguments_)                                    \
    if (CSH_IS_NOTED_##tier_ && csh_trust_is_on()) {                          \
        CSH_NOTE_OF(real_) CSH_BEHIND_ZERO arguments_;                        \
    }

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
        CSH_NOTE(tier_, real_, arguments_)                                    \
        return result_;                                                       \
    }                                                                         \
                                                                              \
    static CUresult csh_noting_##symbol_ parameters_                          \
    {                                                                         \
        pfn_ real_ = csh_real_##symbol_();                                    \
        CUresult result_ = real_ arguments_;                                  \
                                                                              \
        CSH_NOTE(tier_, real_, arguments_)                                    \
        return result_;                                                       \
    }                                                                         \
                                                                              \
    static pfn_ csh_choice_##symbol_(void)                                    \
    {                                                                         \
        return csh_watch_is_on() ? csh_watching_##symbol_                     \
               : CSH_IS_NOTED_##tier_ && csh_trust_is_on()                    \
                   ? csh_noting_##symbol_                                     \
                   : csh_real_##symbol_();                                    \
    }                                                                         \
                                                                              \
    static CUresult csh_parking_##symbol_ parameters_                         \
    {                                                                         \
        pfn_ choice_ = csh_choice_##symbol_();                                \
        CUresult result_ = choice_ CSH_SEEN_ALL arguments_;                   \
                                                                              \
        return csh_engine_makes_room(result_)                                 \
                   ? choice_ CSH_SEEN_ALL arguments_                          \
                   : result_;                                                 \
    }                                                                         \
                                                                              \
    static CSH_COLD CUresult csh_late_##symbol_ parameters_                   \
    {                                                                         \
        pfn_ target_ = csh_real_##symbol_();                                  \
                                                                              \
        if (target_ == NULL) {                                                \
            return csh_driver_absent();                                       \
        }                                                                     \
        target_ = csh_engine_gives_room() ? csh_parking_##symbol_             \
                                          : csh_choice_##symbol_();           \
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
