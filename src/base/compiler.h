/*
 * compiler.h - attributes, each named for what it says to the reader.
 *
 * Owns nothing. The lock annotations are clang's thread-safety analysis
 * (clang.llvm.org/docs/ThreadSafetyAnalysis.html); gcc sees empty macros.
 */
#ifndef CSH_BASE_COMPILER_H
#define CSH_BASE_COMPILER_H

#define CSH_EXPORT __attribute__((visibility("default")))
#define CSH_MUST_CHECK __attribute__((warn_unused_result))
#define CSH_PRINTF(fmt_, args_) __attribute__((format(printf, fmt_, args_)))
#define CSH_WEAK __attribute__((weak))
#define CSH_COLD __attribute__((cold, noinline))
/* Thread-local without __tls_get_addr, which may allocate inside dlsym. */
#define CSH_THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))

/* Headers of libraries (utlist.h) check by assert(), and only debug builds may
 * abort: they are included after this one. */
#if !defined(CSH_DEBUG) && !defined(NDEBUG)
#define NDEBUG 1
#endif

#define CSH_LIKELY(x_) __builtin_expect(!!(x_), 1)
#define CSH_UNLIKELY(x_) __builtin_expect(!!(x_), 0)
#define CSH_ARRAY_LENGTH(a_) (sizeof(a_) / sizeof((a_)[0]))

#if defined(__clang__)
#define CSH_THREAD_ANNOTATION(x_) __attribute__((x_))
#else
#define CSH_THREAD_ANNOTATION(x_)
#endif
#define CSH_CAPABILITY(name_) CSH_THREAD_ANNOTATION(capability(name_))
#define CSH_GUARDED_BY(lock_) CSH_THREAD_ANNOTATION(guarded_by(lock_))
#define CSH_REQUIRES(...) \
    CSH_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define CSH_ACQUIRES(...) \
    CSH_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define CSH_RELEASES(...) \
    CSH_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define CSH_EXCLUDES(...) CSH_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define CSH_NO_THREAD_ANALYSIS \
    CSH_THREAD_ANNOTATION(no_thread_safety_analysis)

#endif
