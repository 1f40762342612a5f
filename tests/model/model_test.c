/*
 * model_test.c - runs worlds, one per thread.
 *
 *   model_test [--seed N] [--operations N] [--threads N] [--break] [--seen]
 *              [--tight]
 *
 * The seed is printed first, so that any run can be repeated. --operations is
 * the sum over all threads. --break: at the end a kernel breaks the context,
 * after which every call must say so, and another context must work. --seen:
 * device memory changes by calls of the driver only. --tight: other processes
 * have nearly all of the device, by turns a little less; one thread.
 *
 * The last line is for scripts: a digest of everything that was done and
 * answered (equal with and without a shim), and the bytes of copies that were
 * captured into graphs and that graphs then made.
 */
#include "model.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_THREADS = 16, STEPS_AFTER_BREAK = 20, TIME_LIMIT_S = 1200 };

struct arguments {
    uint64_t seed, operations, threads;
    bool breaks;
};

static struct model_world worlds[MAX_THREADS];
static uint64_t operations_each;

/* What this thread runs, for the message of a crash. */
static _Thread_local const struct model_world *living;

/* A crash, or a run that does not end. Printing is no business of a signal
 * handler, but the process is at its end anyway. */
static void die(int number)
{
    size_t i;

    fprintf(stderr, "model: %s\n", strsignal(number));
    for (i = 0; i < MAX_THREADS; i++) {
        if (worlds[i].n_worlds > 0 &&
            (living == NULL || living == &worlds[i])) {
            model_tell(&worlds[i]);
        }
    }
    signal(number, SIG_DFL);
    raise(number);
}

static void watch(void)
{
#if !UNDER_SANITIZER /* which says more */
    signal(SIGSEGV, die);
    signal(SIGBUS, die);
#endif
    signal(SIGALRM, die);
    alarm(TIME_LIMIT_S);
}

static void run(struct model_world *world)
{
    uint64_t i;

    living = world;
    model_open(world);
    for (i = 0; i < operations_each; i++) {
        model_step(world);
    }
    model_check_all(world);
}

/* A broken context answers nothing: its memory is not given back one by one,
 * but goes with it. */
static void break_and_go_on(struct model_world *world)
{
    unsigned i;

    do {
        model_renew_context(world);
    } while (world->is_primary);
    model_break_context(world);
    FINE(world, more.cuCtxDestroy_v2(world->context));
    for (i = 0; i < MODEL_BLOCKS; i++) {
        model_lose_block(world, i);
    }
    for (i = 0; i < MODEL_BUFFERS; i++) {
        model_lose_pinning(world, i);
    }
    model_open(world);
    for (i = 0; i < STEPS_AFTER_BREAK; i++) {
        model_step(world);
    }
}

/* A world's per-thread stream and current context are those of one thread:
 * each has its own, a single one the main thread. */
static void *live(void *opaque)
{
    run(opaque);
    model_close(opaque);
    return NULL;
}

static uint64_t number_after(int argc, char **argv, int i)
{
    char *end;
    uint64_t value;

    if (i + 1 >= argc) {
        fprintf(stderr, "%s: %s wants a number\n", argv[0], argv[i]);
        exit(2);
    }
    value = strtoull(argv[i + 1], &end, 10);
    if (*end != '\0' || end == argv[i + 1]) {
        fprintf(stderr, "%s: %s: not a number\n", argv[0], argv[i + 1]);
        exit(2);
    }
    return value;
}

static struct arguments parse(int argc, char **argv)
{
    struct arguments arguments = {.operations = 2000, .threads = 1};
    struct timespec now;
    int i;

    clock_gettime(CLOCK_REALTIME, &now);
    arguments.seed =
        (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0) {
            arguments.seed = number_after(argc, argv, i++);
        } else if (strcmp(argv[i], "--operations") == 0) {
            arguments.operations = number_after(argc, argv, i++);
        } else if (strcmp(argv[i], "--threads") == 0) {
            arguments.threads = number_after(argc, argv, i++);
        } else if (strcmp(argv[i], "--break") == 0) {
            arguments.breaks = true;
        } else if (strcmp(argv[i], "--seen") == 0) {
            model_is_seen = true;
        } else if (strcmp(argv[i], "--tight") == 0) {
            model_is_tight = true;
        } else {
            fprintf(stderr, "usage: %s [--seed N] [--operations N] "
                    "[--threads N] [--break] [--seen] [--tight]\n", argv[0]);
            exit(2);
        }
    }
    if (arguments.threads < 1 || arguments.threads > MAX_THREADS) {
        fprintf(stderr, "%s: from 1 to %d threads\n", argv[0], MAX_THREADS);
        exit(2);
    }
    return arguments;
}

static void report(const struct arguments *arguments)
{
    uint64_t digest = 0, captured[MODEL_DIRECTIONS] = {0};
    uint64_t launched[MODEL_DIRECTIONS] = {0}, done = 0, i;

    for (i = 0; i < arguments->threads; i++) {
        digest = digest * 31 + worlds[i].digest;
        done += worlds[i].operation;
        captured[MODEL_H2D] += worlds[i].captured_bytes[MODEL_H2D];
        captured[MODEL_D2H] += worlds[i].captured_bytes[MODEL_D2H];
        launched[MODEL_H2D] += worlds[i].launched_bytes[MODEL_H2D];
        launched[MODEL_D2H] += worlds[i].launched_bytes[MODEL_D2H];
    }
    printf("{\"operations\": %llu, \"digest\": \"%016llx\", "
           "\"captured\": {\"h2d\": %llu, \"d2h\": %llu}, "
           "\"launched\": {\"h2d\": %llu, \"d2h\": %llu}}\n",
           (unsigned long long)done, (unsigned long long)digest,
           (unsigned long long)captured[MODEL_H2D],
           (unsigned long long)captured[MODEL_D2H],
           (unsigned long long)launched[MODEL_H2D],
           (unsigned long long)launched[MODEL_D2H]);
}

/* The shim starts in the first call that uses memory, and counts what other
 * threads do meanwhile only if that does not take long. */
static void start_alone(void)
{
    CUdeviceptr memory;

    OK(cu.cuMemAlloc_v2(&memory, 1));
    OK(cu.cuMemFree_v2(memory));
}

static void run_all(const struct arguments *arguments)
{
    pthread_t threads[MAX_THREADS];
    uint64_t i;

    for (i = 0; i < arguments->threads; i++) {
        worlds[i].seed = arguments->seed;
        worlds[i].source.state = arguments->seed + i * 1000003;
        worlds[i].number = (unsigned)i;
        worlds[i].n_worlds = (unsigned)arguments->threads;
    }
    if (arguments->threads == 1) {
        run(&worlds[0]);
        if (arguments->breaks) {
            break_and_go_on(&worlds[0]);
        }
        model_close(&worlds[0]);
        return;
    }
    start_alone();
    for (i = 0; i < arguments->threads; i++) {
        CHECK_EQUAL(pthread_create(&threads[i], NULL, live, &worlds[i]), 0);
    }
    for (i = 0; i < arguments->threads; i++) {
        CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
    }
}

int main(int argc, char **argv)
{
    struct arguments arguments = parse(argc, argv);

    printf("model: seed %llu, %llu operations, %llu threads\n",
           (unsigned long long)arguments.seed,
           (unsigned long long)arguments.operations,
           (unsigned long long)arguments.threads);
    fflush(stdout);
    watch();
    operations_each = arguments.operations / arguments.threads;
    model_start();
    run_all(&arguments);
    report(&arguments);
    return 0;
}
