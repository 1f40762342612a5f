/*
 * sanitizer.h - which sanitizer a test is built with, as 0 and 1: GCC defines
 * names, clang answers __has_feature.
 */
#ifndef CSH_TESTS_SANITIZER_H
#define CSH_TESTS_SANITIZER_H

#ifdef __has_feature
#define SANITIZER_IS(feature_) __has_feature(feature_)
#else
#define SANITIZER_IS(feature_) 0
#endif

#if defined(__SANITIZE_THREAD__) || SANITIZER_IS(thread_sanitizer)
#define UNDER_THREAD_SANITIZER 1
#else
#define UNDER_THREAD_SANITIZER 0
#endif

/* They map memory of their own at any time, reserve more of it than any limit
 * allows, and die if they may not; their malloc is not glibc's. */
#if UNDER_THREAD_SANITIZER || defined(__SANITIZE_ADDRESS__) || \
    SANITIZER_IS(address_sanitizer)
#define UNDER_SANITIZER 1
#else
#define UNDER_SANITIZER 0
#endif

#endif
