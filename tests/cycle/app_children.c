/*
 * app_children.c - children of every kind while copies go on in the threads of
 * their parent, and a daemon. Every byte and code is checked; none of it may
 * hang either, which the time limit of negative_main sees.
 */
#include "swapping.h"

#include <dlfcn.h>
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

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
    if (!holds(kept->host, swapping_bytes, kept->seed)) {
        _exit(2);
    }
    for (i = 0; i < 20; i++) {
        more_memory = fresh(swapping_bytes);
        memset(more_memory, i, swapping_bytes);
        free(more_memory);
        mapped = mmap(NULL, swapping_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapped == MAP_FAILED ||
            madvise(mapped, swapping_bytes, MADV_DONTNEED) != 0 ||
            mprotect(mapped, swapping_bytes, PROT_READ) != 0 ||
            munmap(mapped, swapping_bytes) != 0) {
            _exit(3);
        }
    }
    if (dlsym(RTLD_DEFAULT, "cuNoSuchName") != NULL) {
        _exit(4);
    }
    memset(kept->host, 0x11, swapping_bytes);
    if (madvise(kept->host, swapping_bytes, MADV_DONTFORK) == 0 &&
        errno == EINTR) {
        _exit(5);
    }
    free(kept->host);
    _exit(0);
}

static struct weight kept_weight(void)
{
    struct weight kept = {0, fresh(swapping_bytes), swapping_bytes, 31};

    fill(kept.host, swapping_bytes, kept.seed);
    OK(cu.cuMemAlloc_v2(&kept.device, swapping_bytes));
    upload(kept.device, kept.host, swapping_bytes, NULL);
    free(kept.host);
    kept.host = fresh(swapping_bytes);
    offload(kept.host, kept.device, swapping_bytes, NULL);
    memset(kept.host, 0, swapping_bytes);
    free(kept.host);
    kept.host = fresh(swapping_bytes);
    offload(kept.host, kept.device, swapping_bytes, NULL);
    return kept;
}

static void forked_children_go_on(void)
{
    struct weight kept = kept_weight();
    int i;
    pid_t pid;

    swapping_begin();
    for (i = 0; i < 25; i++) {
        swapping_await_rounds(1);
        pid = fork();
        if (pid == 0) {
            go_on_as_a_child(&kept);
        }
        wait_for(pid, "child");
        CHECK(holds(kept.host, swapping_bytes, kept.seed));
    }
    swapping_end();
    offload_expecting(&kept, 0, NULL);
}

/* posix_spawn is vfork with care. */
static void children_become_others(void)
{
    char *const arguments[] = {(char[]){"true"}, NULL};
    int i;
    pid_t pid;

    swapping_begin();
    for (i = 0; i < 60; i++) {
        swapping_await_rounds(1);
        switch (i % 3) {
        case 0:
            pid = fork();
            break;
        case 1:
            pid = vfork();
            break;
        default:
            CHECK_EQUAL(posix_spawn(&pid, "/bin/true", NULL, NULL, arguments,
                                    environ),
                        0);
        }
        if (pid == 0) {
            execv("/bin/true", arguments);
            _exit(127);
        }
        wait_for(pid, "true");
    }
    swapping_end();
}

/* As services do it: the child begins to use CUDA, its parent has gone. */
static void daemon_swaps(void)
{
    struct weight model[SWAPPING_MODEL];
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
        swapping_make_model(model, 1);
        for (round = 0; round < SWAPPING_ROUNDS; round++) {
            swapping_go_round(model, NULL, false);
        }
        CHECK(reached_d2h() ==
              (under_shim ? 1u : (unsigned)SWAPPING_ROUNDS) *
                  SWAPPING_MODEL * swapping_bytes);
        CHECK_EQUAL(write(ends[1], "d", 1), 1);
        exit(0);
    }
    close(ends[1]);
    wait_for(pid, "daemon");
    CHECK_EQUAL(read(ends[0], &word, 1), 1);
    CHECK_EQUAL(word, 'd');
}

static const struct negative scenarios[] = {
    {"forked_children_go_on", forked_children_go_on, NULL},
    {"children_become_others", children_become_others, NULL},
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
