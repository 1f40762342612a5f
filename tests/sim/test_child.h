/*
 * test_child.h - runs a piece of a test in a child process with the simulated
 * driver loaded afresh under a given environment.
 *
 * The driver reads its environment once and keeps counters, so every case gets
 * a process of its own, whether or not libcheck forks.
 */
#ifndef SIM_TEST_CHILD_H
#define SIM_TEST_CHILD_H

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a child: what ck_assert is in the parent. */
#define EXPECT(condition_)                                              \
    do {                                                                \
        if (!(condition_)) {                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__,          \
                    #condition_);                                       \
            exit(1);                                                    \
        }                                                               \
    } while (0)

static void *driver; /* in the child: the handle of libcuda.so.1 */

/* The address of a symbol as dlsym finds it; fails the child if it is not
 * there. */
static inline void *symbol_address(const char *name)
{
    void *address = dlsym(driver, name);

    if (address == NULL) {
        fprintf(stderr, "no symbol %s\n", name);
        exit(1);
    }
    return address;
}

/* The typed entry point with that ELF symbol. */
#define ENTRY(symbol_) \
    ((__typeof__(&symbol_))symbol_address(#symbol_))

/* Sets `environment` ("NAME=value" or NULL at the end), loads the driver and
 * calls `body` in a child, whose stderr goes to `stderr_file` unless that is
 * NULL. The child's exit status, 0 when body returned; 128 + n for signal n. */
static inline int run_child(const char *const *environment,
                            void (*body)(void), const char *stderr_file)
{
    int status;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        for (; *environment != NULL; environment++) {
            putenv((char *)*environment);
        }
        if (stderr_file != NULL &&
            freopen(stderr_file, "w", stderr) == NULL) {
            exit(1);
        }
        driver = dlopen("libcuda.so.1", RTLD_NOW);
        if (driver == NULL || dlsym(driver, "simcuda_calls") == NULL) {
            fprintf(stderr, "the simulated driver is not in the library "
                    "path\n");
            exit(1);
        }
        body();
        exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* run_child with the environment written in place. */
#define IN_CHILD(body_, ...)                                          \
    ck_assert_int_eq(                                                 \
        run_child((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL}, \
                  body_, NULL),                                       \
        0)

#endif
