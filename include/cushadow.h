/*
 * cushadow.h - what a program may tell cushadow, and ask it.
 *
 * Optional: no program needs it, and none that uses it needs cushadow. Nothing
 * is linked: each function here looks its namesake up in the process whenever
 * it is called, and where there is none does nothing and returns
 * CUSHADOW_ABSENT. (With a glibc before 2.34, link with -ldl.) Other languages
 * look up the same names: in Python ctypes.CDLL(None), see examples/declare.py.
 *
 * Every function may be called from any thread, before the first use of CUDA,
 * and in a child after fork, where it returns CUSHADOW_INACTIVE. None waits
 * for the device, and none sets errno. Later versions add functions, results
 * and flags, and change none.
 *
 * C99, and C++98 or later.
 */
#ifndef CUSHADOW_H
#define CUSHADOW_H

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

#define CUSHADOW_VERSION_MAJOR 0
#define CUSHADOW_VERSION_MINOR 1
#define CUSHADOW_VERSION_PATCH 0

/* Of this header; later versions are greater. */
#define CUSHADOW_VERSION                                                  \
    (CUSHADOW_VERSION_MAJOR * 65536u + CUSHADOW_VERSION_MINOR * 256u +    \
     CUSHADOW_VERSION_PATCH)

/* X(name, value, text) */
#define CUSHADOW_RESULTS(X)                                               \
    X(OK, 0, "done")                                                      \
    X(ABSENT, 1, "there is no cushadow in this process, or an older one") \
    X(INACTIVE, 2, "cushadow does nothing here, or not yet")              \
    X(INVALID, 3, "an argument is not valid")                             \
    X(UNKNOWN, 4, "no range is registered that begins there")             \
    X(OVERLAP, 5, "the range overlaps another that is registered")        \
    X(FULL, 6, "there is no room to register more")

#define CUSHADOW_X(name_, value_, text_) CUSHADOW_##name_ = value_,
enum cushadow_result {
    CUSHADOW_RESULTS(CUSHADOW_X)
    CUSHADOW_RESULT_SIZE = 0x7fffffff /* no result: makes it an int for good */
};
#undef CUSHADOW_X

/* Flags of a registration; 0: the bytes may change, in RAM and in VRAM. */
#define CUSHADOW_IMMUTABLE 1u /* believed in CUSHADOW_MODE=trust, see below */

/* Bytes of a name, its end included. */
#define CUSHADOW_NAME_BYTES 1024

/* One figure of the statistics. The model is NULL for those of the whole
 * process; names are like d2h_elided_bytes or shadow_bytes. Both texts are
 * valid until the function returns. It is called in the calling thread, with
 * no lock held. */
#ifdef __cplusplus
extern "C" {
#endif
typedef void cushadow_figure_fn(const char *model, const char *name,
                                uint64_t value, void *opaque);

#ifdef CUSHADOW_IMPLEMENTATION
#define CUSHADOW_API extern __attribute__((visibility("default")))
#else
#define CUSHADOW_API static inline __attribute__((unused))
#endif

/* Of the cushadow in this process, as CUSHADOW_VERSION; 0 without one. */
CUSHADOW_API unsigned cushadow_version(void);

/* What a result means. Static; never NULL. */
CUSHADOW_API const char *cushadow_strerror(int result);

/*
 * Exactly [device, device + bytes) of device memory is a weight: what is, or
 * will be, uploaded there. Its next upload is captured, so that even the first
 * offload is free.
 *
 * The registration ends with the memory: freed, unmapped, or its context gone.
 * Allocators that keep memory (PyTorch's) free nothing: unregister, before
 * something else is put there. Before the first use of CUDA there is no device
 * memory: CUSHADOW_INACTIVE.
 *
 * model and tensor are for the statistics, and copied; NULL, both of them, for
 * a weight without a name. The same range again: what is said last counts.
 *
 * CUSHADOW_IMMUTABLE: with CUSHADOW_MODE=trust the next offload after an upload
 * gives the bytes of that upload, whatever was written to the range since; in
 * other modes it changes nothing.
 */
CUSHADOW_API enum cushadow_result
cushadow_register_device(uint64_t device, size_t bytes, const char *model,
                         const char *tensor, unsigned flags);

/*
 * The same of what is uploaded from exactly [host, host + bytes), wherever it
 * goes. cushadow does not see host memory end: unregister before it is freed
 * or becomes something else. An upload to a registered device range is that
 * range's weight, whatever is said of its source.
 */
CUSHADOW_API enum cushadow_result
cushadow_register_host(const void *host, size_t bytes, const char *model,
                       const char *tensor, unsigned flags);

/* By the first address. What is in VRAM now is proven from here on, before
 * anything is skipped on its account. */
CUSHADOW_API enum cushadow_result cushadow_unregister_device(uint64_t device);
CUSHADOW_API enum cushadow_result cushadow_unregister_host(const void *host);

/* Tells every figure of the statistics, as it is now. With CUSHADOW_STATS=off
 * there are none: CUSHADOW_INACTIVE. (To have them here and no line at the
 * end: CUSHADOW_STATS_FILE=/dev/null.) */
CUSHADOW_API enum cushadow_result
cushadow_statistics(cushadow_figure_fn *figure, void *opaque);

/* From here on the copies of the calling thread are the driver's alone, until
 * as many calls of cushadow_resume. What they leave in VRAM is still noted. */
CUSHADOW_API enum cushadow_result cushadow_pause(void);
CUSHADOW_API enum cushadow_result cushadow_resume(void);

#ifndef CUSHADOW_IMPLEMENTATION

/* The body of a function: its namesake's answer, or the one without it. The
 * first argument of dlsym is RTLD_DEFAULT, which not every mode of the compiler
 * is given. A union, since ISO C has no cast from a pointer to data. */
#define CUSHADOW_CALL(type_, absent_, name_, parameters_, arguments_) \
    union {                                                           \
        void *found;                                                  \
        type_(*call) parameters_;                                     \
    } u_;                                                             \
                                                                      \
    u_.found = dlsym(NULL, name_);                                    \
    return u_.found != NULL ? u_.call arguments_ : absent_

static inline unsigned cushadow_version(void)
{
    CUSHADOW_CALL(unsigned, 0, "cushadow_version", (void), ());
}

static inline enum cushadow_result
cushadow_register_device(uint64_t device, size_t bytes, const char *model,
                         const char *tensor, unsigned flags)
{
    CUSHADOW_CALL(enum cushadow_result, CUSHADOW_ABSENT,
                  "cushadow_register_device",
                  (uint64_t, size_t, const char *, const char *, unsigned),
                  (device, bytes, model, tensor, flags));
}

static inline enum cushadow_result
cushadow_register_host(const void *host, size_t bytes, const char *model,
                       const char *tensor, unsigned flags)
{
    CUSHADOW_CALL(enum cushadow_result, CUSHADOW_ABSENT,
                  "cushadow_register_host",
                  (const void *, size_t, const char *, const char *,
                   unsigned),
                  (host, bytes, model, tensor, flags));
}

static inline enum cushadow_result
cushadow_unregister_device(uint64_t device)
{
    CUSHADOW_CALL(enum cushadow_result, CUSHADOW_ABSENT,
                  "cushadow_unregister_device", (uint64_t), (device));
}

static inline enum cushadow_result
cushadow_unregister_host(const void *host)
{
    CUSHADOW_CALL(enum cushadow_result, CUSHADOW_ABSENT,
                  "cushadow_unregister_host", (const void *), (host));
}

static inline enum cushadow_result
cushadow_statistics(cushadow_figure_fn *figure, void *opaque)
{
    CUSHADOW_CALL(enum cushadow_result, CUSHADOW_ABSENT,
                  "cushadow_statistics", (cushadow_figure_fn *, void *),
                  (figure, opaque));
}

static inline enum cushadow_result cushadow_pause(void)
{
    CUSHADOW_CALL(enum cushadow_result, CUSHADOW_ABSENT, "cushadow_pause",
                  (void), ());
}

static inline enum cushadow_result cushadow_resume(void)
{
    CUSHADOW_CALL(enum cushadow_result, CUSHADOW_ABSENT, "cushadow_resume",
                  (void), ());
}

/* Without a look-up: there is a text also where there is no cushadow. */
#define CUSHADOW_X(name_, value_, text_) \
    case value_:                         \
        return text_;
static inline const char *cushadow_strerror(int result)
{
    switch (result) {
        CUSHADOW_RESULTS(CUSHADOW_X)
    default:
        return "not a result of this version of cushadow";
    }
}
#undef CUSHADOW_X
#undef CUSHADOW_CALL

#endif /* CUSHADOW_IMPLEMENTATION */

#ifdef __cplusplus
}
#endif
#endif
