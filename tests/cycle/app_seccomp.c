/*
 * app_seccomp.c - a small swap in a process that is refused one system call.
 *
 *   app_seccomp calls                 the numbers of those that it makes
 *   app_seccomp refused SECONDS NUMBER...
 *                                     a line for each number, moment and error:
 *                                     how a child ended that was refused it
 *
 * The refusal begins at one of three moments: before the first use of CUDA,
 * before the first copy, and once there are shadows. A child gets so many
 * seconds; some calls nobody can do without.
 */
#include "weight.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_WEIGHTS = 2, MOST_CALLS = 1024 };

static const size_t bytes = 128 * KIB + 192;

enum moment { BEFORE_CUDA, BEFORE_COPIES, LATER, N_MOMENTS };

static const char *const moments[N_MOMENTS] = {"before CUDA", "before copies",
                                               "later"};

struct refusal {
    int number; /* negative: none */
    int error;
    enum moment moment;
};

static void reach(enum moment moment, const struct refusal *refusal)
{
    if (refusal->number >= 0 && refusal->moment == moment) {
        forbid(refusal->number,
               SECCOMP_RET_ERRNO | ((unsigned)refusal->error &
                                    SECCOMP_RET_DATA));
    }
}

static CUdeviceptr scratch;

/* What it is told to change is changed between a load and an unload. */
static void cycle(struct weight *weights, bool changes)
{
    uint32_t i;

    for (i = 0; i < N_WEIGHTS; i++) {
        struct weight *weight = &weights[i];

        OK(cu.cuMemAlloc_v2(&weight->device, bytes));
        upload(weight->device, weight->host, bytes, NULL);
        free(weight->host);
        weight->host = fresh(WEIGHT);
        if (changes && i == 0) {
            weight->seed += 100;
            fill(weight->host, bytes, weight->seed);
            cu.simcuda_poke(weight->device, weight->host, bytes);
            memset(weight->host, 0, bytes);
        }
    }
    /* The simulated driver has its threads without the shim, too. */
    launch_fill(scratch, i, 64, NULL);
    OK(cu.cuStreamSynchronize(NULL));
    for (i = 0; i < N_WEIGHTS; i++) {
        offload(weights[i].host, weights[i].device, bytes, NULL);
        CHECK(holds(weights[i].host, bytes, weights[i].seed));
        OK(cu.cuMemFree_v2(weights[i].device));
    }
}

static void swap(const struct refusal *refusal)
{
    struct weight weights[N_WEIGHTS];
    uint32_t i;

    reach(BEFORE_CUDA, refusal);
    program_start();
    for (i = 0; i < N_WEIGHTS; i++) {
        weights[i] = (struct weight){0, fresh(WEIGHT), bytes, i};
        fill(weights[i].host, bytes, i);
    }
    OK(cu.cuMemAlloc_v2(&scratch, 256));
    reach(BEFORE_COPIES, refusal);
    cycle(weights, false);
    cycle(weights, false);
    reach(LATER, refusal);
    cycle(weights, true);
    cycle(weights, false);
    exit(0); /* what is told at the end is told */
}

/* --- which calls it makes ----------------------------------------------- */

static bool is_made[MOST_CALLS];

static void note_call(pid_t pid)
{
    struct __ptrace_syscall_info info;

    memset(&info, 0, sizeof(info));
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
        info.op == PTRACE_SYSCALL_INFO_ENTRY &&
        info.entry.nr < MOST_CALLS) {
        is_made[info.entry.nr] = true;
    }
}

/* What it stopped for goes on, but for the stops of the tracing itself. */
static void watch(pid_t first)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, __WALL)) > 0) {
        int cause = WIFSTOPPED(status) ? WSTOPSIG(status) : 0, deliver = 0;

        if (!WIFSTOPPED(status)) {
            if (pid == first) {
                CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
            }
            continue;
        }
        if (cause == (SIGTRAP | 0x80)) {
            note_call(pid);
        } else if (cause != SIGTRAP && cause != SIGSTOP) {
            deliver = cause;
        }
        (void)ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(intptr_t)deliver);
    }
}

static void print_calls(void)
{
    static const struct refusal none = {-1, 0, N_MOMENTS};
    int status, i;
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
            _exit(77);
        }
        raise(SIGSTOP);
        swap(&none);
    }
    CHECK_EQUAL(waitpid(pid, &status, 0), pid);
    if (!WIFSTOPPED(status)) {
        puts("no process may be traced here");
        exit(77);
    }
    CHECK_EQUAL(ptrace(PTRACE_SETOPTIONS, pid, NULL,
                       (void *)(intptr_t)(PTRACE_O_TRACESYSGOOD |
                                          PTRACE_O_TRACECLONE |
                                          PTRACE_O_EXITKILL)),
                0);
    CHECK_EQUAL(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
    watch(pid);
    for (i = 0; i < MOST_CALLS; i++) {
        if (is_made[i]) {
            printf("%d\n", i);
        }
    }
}

/* --- refusing them ------------------------------------------------------- */

/* Without them a process that has threads does not end, or is aborted by libc
 * when one of them happens to wait or gets to begin. The driver has threads. */
static bool is_indispensable(int number)
{
    return number == SYS_exit_group || number == SYS_futex ||
           number == SYS_rseq;
}

static void try_one(const struct refusal *refusal, unsigned seconds)
{
    int status;
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        alarm(seconds);
        swap(refusal);
    }
    CHECK_EQUAL(waitpid(pid, &status, 0), pid);
    printf("%d, error %d, %s:%d\n", refusal->number, refusal->error,
           moments[refusal->moment], status);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const struct refusal refusals[] = {
        {0, EPERM, BEFORE_COPIES},
        {0, ENOSYS, BEFORE_COPIES},
        {0, ENOSYS, BEFORE_CUDA},
        {0, EPERM, LATER},
    };
    size_t j;
    int i;

    if (argc == 2 && strcmp(argv[1], "calls") == 0) {
        print_calls();
        return 0;
    }
    if (argc < 4 || strcmp(argv[1], "refused") != 0) {
        return 2;
    }
    for (i = 3; i < argc; i++) {
        if (is_indispensable(atoi(argv[i]))) {
            continue;
        }
        for (j = 0; j < sizeof(refusals) / sizeof(refusals[0]); j++) {
            struct refusal refusal = refusals[j];

            refusal.number = atoi(argv[i]);
            try_one(&refusal, (unsigned)atoi(argv[2]));
        }
    }
    return 0;
}
