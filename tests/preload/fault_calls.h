/*
 * fault_calls.h - every function that the shim takes from libc: how a call of
 * it fails, or why none does. A function that is imported and not here fails
 * the test (injected.tap), so that nobody adds one without a thought.
 *
 *     FAILS(function, way, way...)   way: {what it returns, errno, when}
 *     NEVER(function, reason)
 *
 * When: INSTEAD of the call, AFTER it was made (what is closed is closed,
 * whatever is returned), or by HALF: fewer bytes than were asked for. The
 * first way is the one that is tried everywhere. An interruption (EINTR) may
 * be tried again for ever, so it is never the only answer there is.
 *
 * Calls by syscall() go by their number, below. Of futex only waiting fails;
 * of sysconf() and getauxval() not the size of a page.
 */
#ifndef PRELOAD_FAULT_CALLS_H
#define PRELOAD_FAULT_CALLS_H

#include <errno.h>
#include <glob.h>
#include <sys/syscall.h>

#define FAULT_CALLS(FAILS, NEVER)                                             \
    /* memory */                                                              \
    FAILS(malloc, {0, ENOMEM, INSTEAD})                                       \
    FAILS(calloc, {0, ENOMEM, INSTEAD})                                       \
    FAILS(realloc, {0, ENOMEM, INSTEAD})                                      \
    FAILS(strdup, {0, ENOMEM, INSTEAD})                                       \
    FAILS(asprintf, {-1, ENOMEM, INSTEAD})                                    \
    FAILS(mmap, {-1, ENOMEM, INSTEAD}, {-1, EPERM, INSTEAD})                  \
    FAILS(munmap, {-1, ENOMEM, INSTEAD})                                      \
    FAILS(munlock, {-1, ENOMEM, INSTEAD})                                     \
    FAILS(memfd_create, {-1, ENOSYS, INSTEAD}, {-1, EMFILE, INSTEAD})         \
    FAILS(process_vm_readv, {-1, EPERM, INSTEAD}, {-1, EFAULT, INSTEAD})      \
    NEVER(free, "returns nothing")                                            \
    NEVER(explicit_bzero, "returns nothing")                                  \
    /* files */                                                               \
    FAILS(open, {-1, EMFILE, INSTEAD}, {-1, EACCES, INSTEAD})                 \
    FAILS(close, {-1, EIO, AFTER})                                            \
    FAILS(read, {-1, EIO, INSTEAD}, {0, 0, INSTEAD}, {0, 0, HALF},            \
          {-1, EINTR, INSTEAD})                                               \
    FAILS(pread, {-1, EIO, INSTEAD}, {0, 0, INSTEAD}, {0, 0, HALF},           \
          {-1, EINTR, INSTEAD})                                               \
    FAILS(write, {-1, ENOSPC, INSTEAD}, {0, 0, HALF}, {-1, EPIPE, INSTEAD},   \
          {-1, EINTR, INSTEAD})                                               \
    FAILS(ioctl, {-1, ENOTTY, INSTEAD}, {-1, ENOMEM, INSTEAD},                \
          {-1, EPERM, INSTEAD})                                               \
    FAILS(fcntl, {-1, EMFILE, INSTEAD}, {-1, EPERM, INSTEAD})                 \
    FAILS(fstat, {-1, EIO, INSTEAD})                                          \
    FAILS(stat, {-1, EACCES, INSTEAD})                                        \
    FAILS(fchmod, {-1, EPERM, INSTEAD})                                       \
    FAILS(flock, {-1, EWOULDBLOCK, INSTEAD}, {-1, ENOLCK, INSTEAD})           \
    FAILS(ftruncate, {-1, ENOSPC, INSTEAD}, {-1, EFBIG, INSTEAD})             \
    FAILS(opendir, {0, EMFILE, INSTEAD})                                      \
    FAILS(readdir, {0, EIO, INSTEAD})                                         \
    FAILS(closedir, {-1, EIO, AFTER})                                         \
    FAILS(readlink, {-1, EACCES, INSTEAD})                                    \
    FAILS(realpath, {0, EACCES, INSTEAD})                                     \
    FAILS(glob, {GLOB_NOSPACE, ENOMEM, AFTER}, {GLOB_ABORTED, EIO, AFTER})    \
    FAILS(fnmatch, {-1, ENOMEM, INSTEAD})                                     \
    FAILS(poll, {-1, ENOMEM, INSTEAD}, {0, 0, INSTEAD},                       \
          {-1, EINTR, INSTEAD})                                               \
    NEVER(globfree, "returns nothing")                                        \
    /* threads */                                                             \
    FAILS(pthread_create, {EAGAIN, 0, INSTEAD})                               \
    FAILS(pthread_attr_init, {ENOMEM, 0, INSTEAD})                            \
    FAILS(pthread_attr_setstacksize, {EINVAL, 0, INSTEAD})                    \
    FAILS(sem_wait, {-1, EINTR, INSTEAD})                                     \
    NEVER(pthread_attr_setdetachstate, "fails for bad values only")           \
    NEVER(pthread_attr_destroy, "fails for bad values only")                  \
    NEVER(pthread_mutex_lock, "fails for kinds of mutex that are not used")   \
    NEVER(pthread_mutex_unlock, "fails for kinds that are not used")          \
    NEVER(pthread_once, "fails for bad values only")                          \
    NEVER(pthread_setcancelstate, "fails for bad values only")                \
    NEVER(pthread_sigmask, "fails for bad values only")                       \
    NEVER(sem_init, "fails for values above SEM_VALUE_MAX only")              \
    NEVER(sem_post, "fails above SEM_VALUE_MAX only")                         \
    NEVER(sched_yield, "never fails on Linux")                                \
    /* signals */                                                             \
    FAILS(sigtimedwait, {-1, EINTR, INSTEAD})                                 \
    NEVER(sigaction, "fails for bad values only")                             \
    NEVER(sigaddset, "fails for bad values only")                             \
    NEVER(sigemptyset, "never fails")                                         \
    NEVER(sigfillset, "never fails")                                          \
    NEVER(sigismember, "fails for bad values only")                           \
    NEVER(sigpending, "fails for bad addresses only")                         \
    /* what the machine, the process and its objects are */                   \
    FAILS(dlopen, {0, 0, INSTEAD})                                            \
    FAILS(dlvsym, {0, 0, INSTEAD})                                            \
    FAILS(dladdr, {0, 0, INSTEAD})                                            \
    FAILS(dlclose, {-1, 0, AFTER})                                            \
    FAILS(getauxval, {0, ENOENT, INSTEAD})                                    \
    FAILS(gethostname, {-1, ENAMETOOLONG, INSTEAD})                           \
    FAILS(getrlimit, {-1, EPERM, INSTEAD})                                    \
    FAILS(prctl, {-1, EINVAL, INSTEAD})                                       \
    FAILS(sysconf, {-1, EINVAL, INSTEAD})                                     \
    NEVER(clock_gettime, "each kernel has the clocks that are asked for")     \
    NEVER(dl_iterate_phdr, "returns what its callback does")                  \
    NEVER(dlerror, "tells of the failures of others")                         \
    NEVER(geteuid, "never fails")                                             \
    NEVER(getpid, "never fails")                                              \
    NEVER(gnu_get_libc_version, "never fails")                                \
    NEVER(__errno_location, "never fails")                                    \
    NEVER(abort, "does not return")                                           \
    NEVER(__assert_fail, "does not return")                                   \
    NEVER(__stack_chk_fail, "does not return")                                \
    NEVER(__cxa_finalize, "returns nothing")                                  \
    NEVER(__gmon_start__, "returns nothing")                                  \
    NEVER(_ITM_deregisterTMCloneTable, "is nowhere")                          \
    NEVER(_ITM_registerTMCloneTable, "is nowhere")                            \
    NEVER(environ, "is a variable")                                           \
    NEVER(__environ, "is a variable")                                         \
    /* bytes and text: answers, and none of them is a failure */              \
    NEVER(bcmp, "answers")                                                    \
    NEVER(memchr, "answers")                                                  \
    NEVER(memcmp, "answers")                                                  \
    NEVER(memcpy, "cannot fail")                                              \
    NEVER(memmem, "answers")                                                  \
    NEVER(memmove, "cannot fail")                                             \
    NEVER(memset, "cannot fail")                                              \
    NEVER(qsort, "returns nothing")                                           \
    NEVER(snprintf, "fails for texts of 2 GiB only")                          \
    NEVER(vsnprintf, "fails for texts of 2 GiB only")                         \
    NEVER(stpcpy, "cannot fail")                                              \
    NEVER(strcasestr, "answers")                                              \
    NEVER(strchr, "answers")                                                  \
    NEVER(strchrnul, "answers")                                               \
    NEVER(strcmp, "answers")                                                  \
    NEVER(strcpy, "cannot fail")                                              \
    NEVER(strcspn, "answers")                                                 \
    NEVER(strerror, "always has a text")                                      \
    NEVER(strlen, "answers")                                                  \
    NEVER(strncmp, "answers")                                                 \
    NEVER(strnlen, "answers")                                                 \
    NEVER(strrchr, "answers")                                                 \
    NEVER(strspn, "answers")                                                  \
    NEVER(strstr, "answers")                                                  \
    NEVER(strtoull, "answers; the tests of the parser have bad texts")

/* The same of the calls by number. One that is in neither list fails the
 * test when it is met. */
#define FAULT_SYSTEM_CALLS(FAILS, NEVER)                                      \
    FAILS(openat, {-1, EMFILE, INSTEAD}, {-1, EACCES, INSTEAD})               \
    FAILS(close, {-1, EIO, AFTER})                                            \
    FAILS(read, {-1, EIO, INSTEAD}, {0, 0, INSTEAD}, {0, 0, HALF},            \
          {-1, EINTR, INSTEAD})                                               \
    FAILS(pread64, {-1, EIO, INSTEAD}, {0, 0, INSTEAD}, {0, 0, HALF})         \
    FAILS(fallocate, {-1, ENOSPC, INSTEAD}, {-1, EOPNOTSUPP, INSTEAD},        \
          {-1, EINTR, INSTEAD})                                               \
    FAILS(mprotect, {-1, ENOMEM, INSTEAD})                                    \
    FAILS(mremap, {-1, ENOMEM, INSTEAD})                                      \
    FAILS(madvise, {-1, EAGAIN, INSTEAD}, {-1, EINVAL, INSTEAD})              \
    FAILS(mlock, {-1, ENOMEM, INSTEAD})                                       \
    FAILS(msync, {-1, EPERM, INSTEAD})                                        \
    FAILS(userfaultfd, {-1, EPERM, INSTEAD})                                  \
    FAILS(process_vm_readv, {-1, EPERM, INSTEAD}, {-1, EFAULT, INSTEAD})      \
    FAILS(process_vm_writev, {-1, EPERM, INSTEAD}, {-1, EFAULT, INSTEAD})     \
    FAILS(get_mempolicy, {-1, ENOSYS, INSTEAD})                               \
    FAILS(getrandom, {-1, EAGAIN, INSTEAD}, {-1, ENOSYS, INSTEAD})            \
    FAILS(membarrier, {-1, ENOSYS, INSTEAD})                                  \
    FAILS(sched_getaffinity, {-1, EINVAL, INSTEAD})                           \
    FAILS(futex, {-1, EAGAIN, INSTEAD}, {-1, EINTR, INSTEAD})                 \
    FAILS(nanosleep, {-1, EINTR, INSTEAD})                                    \
    FAILS(clock_nanosleep, {EINTR, EINTR, INSTEAD})                           \
    NEVER(rt_sigprocmask, "fails for bad values only")                        \
    NEVER(gettid, "never fails")

#endif
