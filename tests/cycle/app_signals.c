/*
 * app_signals.c - signals, cancellation and odd stacks while copies go on in
 * several threads. Every byte and code is checked; none of it may hang either,
 * which the time limit of negative_main sees.
 */
#include "swapping.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static CUcontext context;

/* --- signals -------------------------------------------------------------- */

static atomic_uint n_signals;

static void handle(int number)
{
    int saved_errno = errno;

    (void)number;
    CHECK(getpid() > 1);
    atomic_fetch_add(&n_signals, 1);
    errno = EILSEQ;
    errno = saved_errno;
}

static void tick_every_ms(int flags)
{
    struct sigaction action = {.sa_handler = handle, .sa_flags = flags};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
                             .sigev_signo  = SIGUSR1};
    struct itimerspec every = {{0, 1000000}, {0, 1000000}};
    timer_t timer;

    CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK_EQUAL(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    CHECK_EQUAL(timer_settime(timer, 0, &every, NULL), 0);
}

/* The first thread that does not block it gets one of the process: so the
 * copies are made by the main thread. */
static void swap_under_signals(int flags)
{
    struct weight model[SWAPPING_MODEL];
    uint32_t round;

    OK(more.cuCtxGetCurrent(&context));
    swapping_make_model(model, 1);
    tick_every_ms(flags);
    for (round = 0; round < 40 || atomic_load(&n_signals) < 100; round++) {
        swapping_go_round(model, NULL, round % 4 == 3);
    }
}

static void signals_that_restart(void)
{
    swap_under_signals(SA_RESTART);
}

static void signals_that_interrupt(void)
{
    swap_under_signals(0);
}

/* On a stack of the program's own, which is as small as it may be. */
static void signals_on_another_stack(void)
{
    stack_t stack = {.ss_size = (size_t)MINSIGSTKSZ * 4};

    stack.ss_sp = malloc(stack.ss_size);
    CHECK(stack.ss_sp != NULL);
    CHECK_EQUAL(sigaltstack(&stack, NULL), 0);
    swap_under_signals(SA_ONSTACK);
}

/* Signals to each thread by its number, from another. */
static void signals_to_every_thread(void)
{
    struct sigaction action = {.sa_handler = handle};
    unsigned i;

    CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
    swapping_begin();
    for (i = 0; i < 400 || swapping_rounds() < SWAPPING_ROUNDS; i++) {
        CHECK_EQUAL(pthread_kill(swapping_thread(i), SIGUSR1), 0);
        swapping_nap_ms(1);
    }
    swapping_end();
    CHECK(atomic_load(&n_signals) > 0);
}

/* A signal that nobody but sigwait takes waits for it: no thread of the
 * shim's, nor a worker's, is ended by its default action. */
static void signals_are_left_to_who_waits(void)
{
    sigset_t set;
    int number, i;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGTERM);
    CHECK_EQUAL(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    swapping_begin();
    swapping_await_rounds(4);
    for (i = 0; i < 50; i++) {
        CHECK_EQUAL(kill(getpid(), i % 2 == 0 ? SIGUSR2 : SIGTERM), 0);
        CHECK_EQUAL(sigwait(&set, &number), 0);
        CHECK_EQUAL(number, i % 2 == 0 ? SIGUSR2 : SIGTERM);
    }
    swapping_end();
}

/* The threads that do not block every signal that can be blocked, but for two
 * that libc keeps for itself; prints what the script compares. */
static void count_threads(unsigned *all_p, unsigned *open_p)
{
    const unsigned long long blockable =
        ~(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1) | 3ull << 31);
    DIR *tasks = opendir("/proc/self/task");
    unsigned long long mask;
    char path[64], line[128];
    struct dirent *item;
    FILE *status;

    CHECK(tasks != NULL);
    *all_p = *open_p = 0;
    while ((item = readdir(tasks)) != NULL) {
        snprintf(path, sizeof(path), "/proc/self/task/%.20s/status",
                 item->d_name);
        status = item->d_name[0] == '.' ? NULL : fopen(path, "r");
        while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
            if (sscanf(line, "SigBlk: %llx", &mask) == 1) {
                (*all_p)++;
                *open_p += (mask & blockable) != blockable;
            }
        }
        if (status != NULL) {
            fclose(status);
        }
    }
    closedir(tasks);
}

/* The main thread alone may be interrupted: the simulated driver's threads may
 * not either. The shim has some of its own of each kind. */
static void helpers_block_every_signal(void)
{
    const size_t large = 24 * MIB;
    struct weight weight = uploaded(large, 1, NULL);
    struct weight model[SWAPPING_MODEL];
    unsigned all, open;

    weight.host = fresh(large);
    offload(weight.host, weight.device, large, NULL);
    CHECK(holds(weight.host, large, weight.seed));
    OK(cu.cuMemFree_v2(weight.device));
    swapping_make_model(model, 7);
    swapping_go_round(model, NULL, false);
    swapping_go_round(model, NULL, false);
    count_threads(&all, &open);
    CHECK_EQUAL(open, 1);
    printf("%u\n", all);
}

/* --- threads that end or have little room --------------------------------- */

static void *swap_until_cancelled(void *opaque)
{
    struct weight *model = opaque;
    int round;

    OK(cu.cuCtxSetCurrent(context));
    for (round = 0;; round++) {
        swapping_go_round(model, NULL, round % 4 == 3);
        pthread_testcancel();
    }
    return NULL;
}

/* A driver in which every call is a point where a thread ends, but for those
 * that this program makes: nothing of the shim's may end it. */
static int end_here(const char *symbol)
{
    static const char *const own[] = {
        "cuMemAlloc_v2", "cuMemFree_v2", "cuMemcpyHtoDAsync_v2",
        "cuMemcpyDtoHAsync_v2", "cuStreamSynchronize", "cuCtxSetCurrent"};
    size_t i;

    for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (strcmp(symbol, own[i]) == 0) {
            return 0;
        }
    }
    pthread_testcancel();
    return 0;
}

/* What was being done is done, so the model is whole. */
static void cancelled_threads(void)
{
    struct weight model[SWAPPING_MODEL];
    pthread_t thread;
    void *result;
    int i, j;

    OK(more.cuCtxGetCurrent(&context));
    swapping_make_model(model, 1);
    more.simcuda_on_call(end_here);
    for (i = 0; i < 25; i++) {
        CHECK_EQUAL(pthread_create(&thread, NULL, swap_until_cancelled, model),
                    0);
        swapping_nap_ms(1 + i % 7);
        CHECK_EQUAL(pthread_cancel(thread), 0);
        CHECK_EQUAL(pthread_join(thread, &result), 0);
        CHECK(result == PTHREAD_CANCELED);
        for (j = 0; j < SWAPPING_MODEL; j++) {
            CHECK(holds(model[j].host, swapping_bytes, model[j].seed));
        }
    }
    swapping_go_round(model, NULL, false);
}

static void *swap_once(void *opaque)
{
    OK(cu.cuCtxSetCurrent(context));
    swapping_go_round(opaque, NULL, false);
    swapping_go_round(opaque, NULL, true);
    return NULL;
}

static void threads_with_small_stacks(void)
{
    struct weight model[SWAPPING_MODEL];
    pthread_attr_t attributes;
    pthread_t thread;
    int i;

    OK(more.cuCtxGetCurrent(&context));
    swapping_make_model(model, 1);
    CHECK_EQUAL(pthread_attr_init(&attributes), 0);
    CHECK_EQUAL(pthread_attr_setstacksize(&attributes, 64 * KIB), 0);
    for (i = 0; i < 4; i++) {
        CHECK_EQUAL(pthread_create(&thread, &attributes, swap_once, model),
                    0);
        join(thread);
    }
}

/* --- host functions ------------------------------------------------------- */

static atomic_uint n_reached;

/* Of what a host function may do: no CUDA, but all of libc. */
static unsigned recurse(unsigned depth)
{
    volatile uint8_t frame[256];
    void *memory = NULL;
    unsigned deeper;

    frame[0] = (uint8_t)depth;
    if (depth == 0) {
        return 0;
    }
    if (depth % 16 == 0) {
        CHECK_EQUAL(posix_memalign(&memory, 64, 80 * KIB), 0);
        CHECK(madvise(memory, 0, MADV_NORMAL) == 0 || errno == EINVAL);
        CHECK(dlsym(RTLD_DEFAULT, "getpid") != NULL);
        free(memory);
    }
    deeper = recurse(depth - 1);
    return deeper + (frame[0] == (uint8_t)depth);
}

static void host_function(void *opaque)
{
    (void)opaque;
    CHECK_EQUAL(recurse(4000), 4000);
    atomic_fetch_add(&n_reached, 1);
}

static void deep_host_functions(void)
{
    CUstream stream = new_stream(CU_STREAM_NON_BLOCKING);
    struct weight model[SWAPPING_MODEL];
    int i;

    OK(more.cuCtxGetCurrent(&context));
    swapping_make_model(model, 1);
    for (i = 0; i < SWAPPING_ROUNDS; i++) {
        OK(more.cuLaunchHostFunc(stream, host_function, NULL));
        swapping_go_round(model, i % 2 == 0 ? NULL : stream, i % 4 == 3);
    }
    OK(cu.cuStreamSynchronize(stream));
    CHECK_EQUAL(atomic_load(&n_reached), SWAPPING_ROUNDS);
}

static const struct negative scenarios[] = {
    {"signals_that_restart", signals_that_restart, NULL},
    {"signals_that_interrupt", signals_that_interrupt, NULL},
    {"signals_on_another_stack", signals_on_another_stack, NULL},
    {"signals_to_every_thread", signals_to_every_thread, NULL},
    {"signals_are_left_to_who_waits", signals_are_left_to_who_waits, NULL},
    {"cancelled_threads", cancelled_threads, NULL},
    {"threads_with_small_stacks", threads_with_small_stacks, NULL},
    {"deep_host_functions", deep_host_functions, NULL},
    {"helpers_block_every_signal", helpers_block_every_signal,
     "CUSHADOW_THREADS=4 CUSHADOW_WEIGHTS=all CUSHADOW_CAPTURE=background "
     "CUSHADOW_VRAM_KEEP=80% SIMCUDA_MEMORY=256M"},
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
