/*
 * app_trace.c - what a trace must get right: threads on streams of their own
 * and on one stream, names that are hostile to JSON, children, and ends
 * without an end. The script reads the trace.
 */
#include "declare.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 6
#define THREADS 4

static CUstream streams[THREADS];
static struct weight weights[THREADS];

static void go_round(const struct weight *weight, CUstream stream)
{
    int i;

    for (i = 0; i < ROUNDS; i++) {
        upload(weight->device, weight->host, WEIGHT, stream);
        offload(weight->host, weight->device, WEIGHT, stream);
        CHECK(holds(weight->host, WEIGHT, weight->seed));
    }
}

static void round_trips(CUstream stream, uint32_t seed)
{
    const struct weight weight = learned(WEIGHT, seed, stream);

    go_round(&weight, stream);
}

static CUcontext context;

/* Half of them share a stream with another. */
static void *thread_main(void *opaque)
{
    uintptr_t number = (uintptr_t)opaque;

    OK(cu.cuCtxSetCurrent(context));
    go_round(&weights[number], streams[number / 2]);
    return NULL;
}

static void threads(void)
{
    pthread_t thread[THREADS];
    uintptr_t i;

    OK(more.cuCtxGetCurrent(&context));
    for (i = 0; i < THREADS; i++) {
        streams[i] = new_stream(CU_STREAM_NON_BLOCKING);
        weights[i] = learned(WEIGHT, (uint32_t)i + 1, streams[i]);
    }
    for (i = 0; i < THREADS; i++) {
        CHECK_EQUAL(pthread_create(&thread[i], NULL, thread_main, (void *)i),
                    0);
    }
    for (i = 0; i < THREADS; i++) {
        join(thread[i]);
    }
}

/* More than there are tracks with names. */
static void many_streams(void)
{
    uint32_t i;

    for (i = 0; i < 150; i++) {
        struct weight weight =
            uploaded(64 * KIB, i, new_stream(CU_STREAM_NON_BLOCKING));

        OK(cu.cuMemFree_v2(weight.device));
    }
}

static const char *const names[][2] = {
    {"</script><b onload=\"x\">&amp;'", "\"},{\"ph\":\"X\"}\\"},
    {"line\nline\ttab\x01\x1b[31m\x7f", "\\u0000\\\\\""},
    {"not UTF-8: \xff\xc0\x80\xed\xa0\x80\xf5 \xe2\x80\xae backwards", "w"},
};

/* A name of 4,000 bytes, each of which takes six in JSON. */
static char *long_name(void)
{
    char *name = malloc(4001);

    memset(name, 1, 4000);
    name[4000] = '\0';
    return name;
}

static void one_name(const char *model, const char *tensor, uint32_t seed)
{
    struct weight weight = {.bytes = WEIGHT, .seed = seed};

    OK(cu.cuMemAlloc_v2(&weight.device, WEIGHT));
    weight.host = fresh(WEIGHT);
    fill(weight.host, WEIGHT, seed);
    ANSWERS(cushadow_register_device(weight.device, WEIGHT, model, tensor, 0),
            CUSHADOW_OK);
    upload(weight.device, weight.host, WEIGHT, NULL);
    offload(weight.host, weight.device, WEIGHT, NULL);
}

static void hostile(void)
{
    char *name = long_name();
    uint32_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        one_name(names[i][0], names[i][1], i + 1);
    }
    name[CUSHADOW_NAME_BYTES - 1] = '\0';
    one_name(name, name, 99);
}

/* The child of a process that has used CUDA may not use it, but it may end in
 * any way. */
static void child(void)
{
    pid_t pid;
    int status;

    round_trips(NULL, 1);
    fflush(NULL);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        exit(0);
    }
    CHECK_EQUAL(waitpid(pid, &status, 0), pid);
    CHECK_EQUAL(status, 0);
    round_trips(NULL, 2);
}

/* Without handlers of exit: as after a signal, but in order. */
static void ends_at_once(void)
{
    round_trips(NULL, 1);
    fflush(NULL);
    _exit(0);
}

/* Says whom to kill: what a shell has put into the background may be a shell
 * of its own. */
static void for_ever(void)
{
    printf("%d\n", (int)getpid());
    fflush(stdout);
    for (;;) {
        round_trips(NULL, 1);
    }
}

/* CUDA in one process while another, which still runs, has the same trace. */
static void twice(void)
{
    int started[2], status;
    char byte = 0;
    pid_t pid;

    CHECK_EQUAL(pipe(started), 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(started[1]);
        CHECK_EQUAL(read(started[0], &byte, 1), 1);
        program_start();
        round_trips(NULL, 2);
        exit(0);
    }
    program_start();
    round_trips(NULL, 1);
    CHECK_EQUAL(write(started[1], &byte, 1), 1);
    CHECK_EQUAL(waitpid(pid, &status, 0), pid);
    CHECK_EQUAL(status, 0);
    round_trips(NULL, 3);
}

int main(int argc, char **argv)
{
    static const struct negative scenarios[] = {
        {"threads", threads, ""},
        {"many_streams", many_streams, ""},
        {"hostile", hostile, ""},
        {"child", child, ""},
        {"ends_at_once", ends_at_once, ""},
        {"for_ever", for_ever, ""},
    };

    if (argc == 2 && strcmp(argv[1], "twice") == 0) {
        twice();
        return 0;
    }
    CHECK_EQUAL(prctl(PR_SET_NAME, "a\"b\\c</x>"), 0);
    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
