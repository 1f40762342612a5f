/*
 * app_signals.c - signals, forks, cancellation and odd stacks while copies go
 * on in several threads. Every byte and code is checked; none of it may hang
 * either, which the time limit of negative_main sees.
 */
#include "weight.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { N_THREADS = 2, MODEL = 3, ROUNDS = 12 };

extern char **environ;

static const size_t bytes = 256 * KIB + 192;
static CUcontext context;
static atomic_bool is_over;
static atomic_uint n_rounds;

/* --- swapping ------------------------------------------------------------- */

/* A model goes round once: uploaded, offloaded into new memory, freed. What is
 * to change changes in VRAM. */
static void go_round(struct weight *model, CUstream stream, bool changes)
{
    int i;

    for (i = 0; i < MODEL; i++) {
        OK(cu.cuMemAlloc_v2(&model[i].device, bytes));
        upload(model[i].device, model[i].host, bytes, stream);
        free(model[i].host);
        model[i].host = NULL;
    }
    for (i = 0; i < MODEL; i++) {
        model[i].host = fresh(bytes);
        if (changes && i == 0) {
            model[i].seed += 100;
            fill(model[i].host, bytes, model[i].seed);
            cu.simcuda_poke(model[i].device, model[i].host, bytes);
        }
        offload(model[i].host, model[i].device, bytes, stream);
        CHECK(holds(model[i].host, bytes, model[i].seed));
        OK(cu.cuMemFree_v2(model[i].device));
    }
    atomic_fetch_add(&n_rounds, 1);
}

static void make_model(struct weight *model, uint32_t seed)
{
    uint32_t i;

    for (i = 0; i < MODEL; i++) {
        model[i] = (struct weight){0, fresh(bytes), bytes, seed + i};
        fill(model[i].host, bytes, seed + i);
    }
}

static void *swap_until_over(void *opaque)
{
    uint32_t seed = 1000 * (1 + (uint32_t)(uintptr_t)opaque), round;
    struct weight model[MODEL];
    CUstream stream;

    OK(cu.cuCtxSetCurrent(context));
    stream = new_stream(CU_STREAM_NON_BLOCKING);
    make_model(model, seed);
    for (round = 0; !atomic_load(&is_over); round++) {
        go_round(model, stream, round % 4 == 3);
    }
    return NULL;
}

static pthread_t threads[N_THREADS];

static void begin_swapping(void)
{
    uintptr_t i;

    OK(more.cuCtxGetCurrent(&context));
    for (i = 0; i < N_THREADS; i++) {
        CHECK_EQUAL(pthread_create(&threads[i], NULL, swap_until_over,
                                   (void *)i),
                    0);
    }
}

static void end_swapping(void)
{
    int i;

    atomic_store(&is_over, true);
    for (i = 0; i < N_THREADS; i++) {
        join(threads[i]);
    }
}

static void nap_ms(long ms)
{
    struct timespec rest = {0, ms * 1000000};

    while (nanosleep(&rest, &rest) != 0) {
    }
}

/* So many more rounds, of all threads together. */
static void await_rounds(unsigned n)
{
    unsigned wanted = atomic_load(&n_rounds) + n;

    while (atomic_load(&n_rounds) < wanted) {
        nap_ms(1);
    }
}

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
    struct weight model[MODEL];
    uint32_t round;

    OK(more.cuCtxGetCurrent(&context));
    make_model(model, 1);
    tick_every_ms(flags);
    for (round = 0; round < 40 || atomic_load(&n_signals) < 100; round++) {
        go_round(model, NULL, round % 4 == 3);
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
    begin_swapping();
    for (i = 0; i < 400 || atomic_load(&n_rounds) < ROUNDS; i++) {
        CHECK_EQUAL(pthread_kill(threads[i % N_THREADS], SIGUSR1), 0);
        nap_ms(1);
    }
    end_swapping();
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
    begin_swapping();
    await_rounds(4);
    for (i = 0; i < 50; i++) {
        CHECK_EQUAL(kill(getpid(), i % 2 == 0 ? SIGUSR2 : SIGTERM), 0);
        CHECK_EQUAL(sigwait(&set, &number), 0);
        CHECK_EQUAL(number, i % 2 == 0 ? SIGUSR2 : SIGTERM);
    }
    end_swapping();
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
    struct weight model[MODEL];
    unsigned all, open;

    weight.host = fresh(large);
    offload(weight.host, weight.device, large, NULL);
    CHECK(holds(weight.host, large, weight.seed));
    OK(cu.cuMemFree_v2(weight.device));
    make_model(model, 7);
    go_round(model, NULL, false);
    go_round(model, NULL, false);
    count_threads(&all, &open);
    CHECK_EQUAL(open, 1);
    printf("%u\n", all);
}

/* --- children ------------------------------------------------------------- */

static void fails_to(const char *what, int status)
{
    if (status != 0) {
        program_fail(__FILE__, __LINE__, "%s: status %d", what, status);
    }
}

static void wait_for(pid_t pid, const char *what)
{
    int status;

    CHECK(pid > 0);
    CHECK_EQUAL(waitpid(pid, &status, 0), pid);
    fails_to(what, status);
}

/* What a child may do that goes on: its memory is what it was, and comes and
 * goes as ever. */
static void go_on_as_a_child(const struct weight *kept)
{
    uint8_t *more_memory, *mapped;
    int i;

    alarm(60);
    if (!holds(kept->host, bytes, kept->seed)) {
        _exit(2);
    }
    for (i = 0; i < 20; i++) {
        more_memory = fresh(bytes);
        memset(more_memory, i, bytes);
        free(more_memory);
        mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapped == MAP_FAILED ||
            madvise(mapped, bytes, MADV_DONTNEED) != 0 ||
            mprotect(mapped, bytes, PROT_READ) != 0 ||
            munmap(mapped, bytes) != 0) {
            _exit(3);
        }
    }
    if (dlsym(RTLD_DEFAULT, "cuNoSuchName") != NULL) {
        _exit(4);
    }
    memset(kept->host, 0x11, bytes);
    if (madvise(kept->host, bytes, MADV_DONTFORK) == 0 && errno == EINTR) {
        _exit(5);
    }
    free(kept->host);
    _exit(0);
}

static struct weight kept_weight(void)
{
    struct weight kept = {0, fresh(bytes), bytes, 31};

    fill(kept.host, bytes, kept.seed);
    OK(cu.cuMemAlloc_v2(&kept.device, bytes));
    upload(kept.device, kept.host, bytes, NULL);
    free(kept.host);
    kept.host = fresh(bytes);
    offload(kept.host, kept.device, bytes, NULL);
    memset(kept.host, 0, bytes);
    free(kept.host);
    kept.host = fresh(bytes);
    offload(kept.host, kept.device, bytes, NULL);
    return kept;
}

static void forked_children_go_on(void)
{
    struct weight kept = kept_weight();
    int i;
    pid_t pid;

    begin_swapping();
    for (i = 0; i < 25; i++) {
        await_rounds(1);
        pid = fork();
        if (pid == 0) {
            go_on_as_a_child(&kept);
        }
        wait_for(pid, "child");
        CHECK(holds(kept.host, bytes, kept.seed));
    }
    end_swapping();
    offload_expecting(&kept, 0, NULL);
}

static void forked_children_become_others(void)
{
    char *const arguments[] = {(char[]){"true"}, NULL};
    int i;
    pid_t pid;

    begin_swapping();
    for (i = 0; i < 25; i++) {
        await_rounds(1);
        pid = fork();
        if (pid == 0) {
            execv("/bin/true", arguments);
            _exit(127);
        }
        wait_for(pid, "true");
    }
    end_swapping();
}

/* posix_spawn is vfork with care. */
static void vforked_children(void)
{
    char *const arguments[] = {(char[]){"true"}, NULL};
    int i;
    pid_t pid;

    begin_swapping();
    for (i = 0; i < 25; i++) {
        await_rounds(1);
        if (i % 2 == 0) {
            pid = vfork();
            if (pid == 0) {
                execv("/bin/true", arguments);
                _exit(127);
            }
        } else {
            CHECK_EQUAL(posix_spawn(&pid, "/bin/true", NULL, NULL, arguments,
                                    environ),
                        0);
        }
        wait_for(pid, "true");
    }
    end_swapping();
}

/* As services do it: the child begins to use CUDA, its parent has gone. */
static void daemon_swaps(void)
{
    struct weight model[MODEL];
    int ends[2], round;
    char word = 0;
    pid_t pid;

    CHECK_EQUAL(pipe(ends), 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK_EQUAL(daemon(1, 1), 0);
        alarm(60);
        program_start();
        make_model(model, 1);
        for (round = 0; round < ROUNDS; round++) {
            go_round(model, NULL, false);
        }
        CHECK(reached_d2h() ==
              (under_shim ? 1u : (unsigned)ROUNDS) * MODEL * bytes);
        CHECK_EQUAL(write(ends[1], "d", 1), 1);
        exit(0);
    }
    close(ends[1]);
    wait_for(pid, "daemon");
    CHECK_EQUAL(read(ends[0], &word, 1), 1);
    CHECK_EQUAL(word, 'd');
}

/* --- threads that end or have little room --------------------------------- */

static void *swap_until_cancelled(void *opaque)
{
    struct weight *model = opaque;
    int round;

    OK(cu.cuCtxSetCurrent(context));
    for (round = 0;; round++) {
        go_round(model, NULL, round % 4 == 3);
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
    struct weight model[MODEL];
    pthread_t thread;
    void *result;
    int i, j;

    OK(more.cuCtxGetCurrent(&context));
    make_model(model, 1);
    more.simcuda_on_call(end_here);
    for (i = 0; i < 25; i++) {
        CHECK_EQUAL(pthread_create(&thread, NULL, swap_until_cancelled, model),
                    0);
        nap_ms(1 + i % 7);
        CHECK_EQUAL(pthread_cancel(thread), 0);
        CHECK_EQUAL(pthread_join(thread, &result), 0);
        CHECK(result == PTHREAD_CANCELED);
        for (j = 0; j < MODEL; j++) {
            CHECK(holds(model[j].host, bytes, model[j].seed));
        }
    }
    go_round(model, NULL, false);
}

static void *swap_once(void *opaque)
{
    OK(cu.cuCtxSetCurrent(context));
    go_round(opaque, NULL, false);
    go_round(opaque, NULL, true);
    return NULL;
}

static void threads_with_small_stacks(void)
{
    struct weight model[MODEL];
    pthread_attr_t attributes;
    pthread_t thread;
    int i;

    OK(more.cuCtxGetCurrent(&context));
    make_model(model, 1);
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
    struct weight model[MODEL];
    int i;

    OK(more.cuCtxGetCurrent(&context));
    make_model(model, 1);
    for (i = 0; i < ROUNDS; i++) {
        OK(more.cuLaunchHostFunc(stream, host_function, NULL));
        go_round(model, i % 2 == 0 ? NULL : stream, i % 4 == 3);
    }
    OK(cu.cuStreamSynchronize(stream));
    CHECK_EQUAL(atomic_load(&n_reached), ROUNDS);
}

static const struct negative scenarios[] = {
    {"signals_that_restart", signals_that_restart, NULL},
    {"signals_that_interrupt", signals_that_interrupt, NULL},
    {"signals_on_another_stack", signals_on_another_stack, NULL},
    {"signals_to_every_thread", signals_to_every_thread, NULL},
    {"signals_are_left_to_who_waits", signals_are_left_to_who_waits, NULL},
    {"forked_children_go_on", forked_children_go_on, NULL},
    {"forked_children_become_others", forked_children_become_others, NULL},
    {"vforked_children", vforked_children, NULL},
    {"cancelled_threads", cancelled_threads, NULL},
    {"threads_with_small_stacks", threads_with_small_stacks, NULL},
    {"deep_host_functions", deep_host_functions, NULL},
    {"helpers_block_every_signal", helpers_block_every_signal,
     "CUSHADOW_THREADS=4 CUSHADOW_WEIGHTS=all CUSHADOW_CAPTURE=background "
     "CUSHADOW_VRAM_KEEP=80% SIMCUDA_MEMORY=256M"},
};

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "daemon_swaps") == 0) {
        daemon_swaps();
        return 0;
    }
    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
