/*
 * app_api.c - cushadow.h at every moment of a process: before and after the
 * first use of CUDA, in forked children, in many threads at once, with
 * arguments that are not valid, and while the shim does nothing. Every call
 * returns, and keeps errno.
 */
#include "declare.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOST_BYTES 65536

static unsigned char host[HOST_BYTES];
static struct figure no_figure = {NULL, "none", 0};

/* Every function, with arguments that are valid: their results. */
static void expect_all(uint64_t device, int device_result, int host_result,
                       int result)
{
    errno = 77;
    CHECK_EQUAL(cushadow_register_device(device, 4096, "m", "t", 0),
                device_result);
    CHECK_EQUAL(cushadow_register_host(host, HOST_BYTES, "m", "u", 0),
                host_result);
    CHECK_EQUAL(cushadow_unregister_device(device),
                device_result == CUSHADOW_OK ? CUSHADOW_OK
                : result == CUSHADOW_OK      ? CUSHADOW_UNKNOWN
                                             : result);
    CHECK_EQUAL(cushadow_unregister_host(host), host_result);
    CHECK_EQUAL(cushadow_statistics(find_figure, &no_figure), result);
    CHECK_EQUAL(cushadow_pause(), result);
    CHECK_EQUAL(cushadow_resume(), result);
    CHECK_EQUAL(errno, 77);
}

static bool has_shim(void)
{
    return getenv("CYCLE_SHIM") != NULL;
}

#define IF_SHIM(result_) (has_shim() ? (int)(result_) : (int)CUSHADOW_ABSENT)

/* --- before the first use of CUDA: no program_start() yet ---------------- */

static void use_it(void)
{
    struct weight weight = {.bytes = HOST_BYTES, .seed = 1};

    program_start();
    fill(host, HOST_BYTES, 1);
    OK(cu.cuMemAlloc_v2(&weight.device, HOST_BYTES));
    upload(weight.device, host, HOST_BYTES, NULL);
    offload_expecting(&weight, 0, NULL);
    check_figure_of("m", "h2d_served_first_bytes", HOST_BYTES);
}

static void before_the_first_use(void)
{
    CHECK_EQUAL(cushadow_version(), has_shim() ? CUSHADOW_VERSION : 0);
    expect_all(1 << 20, IF_SHIM(CUSHADOW_INACTIVE), IF_SHIM(CUSHADOW_OK),
               IF_SHIM(CUSHADOW_OK));
    CHECK_EQUAL(cushadow_register_host(host, HOST_BYTES, "m", "t", 0),
                IF_SHIM(CUSHADOW_OK));
    use_it();
}

static void wait_for(pid_t child)
{
    int status = -1;

    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK_EQUAL(status, 0);
}

/* A child of a process that has registered something is left alone; one of a
 * process that has not begins its own life. */
static void forked_before_the_first_use(void)
{
    pid_t child = fork();

    if (child == 0) {
        before_the_first_use();
        _exit(0);
    }
    wait_for(child);
    CHECK_EQUAL(cushadow_register_host(host, HOST_BYTES, "m", "t", 0),
                IF_SHIM(CUSHADOW_OK));
    child = fork();
    if (child == 0) {
        struct weight weight;

        expect_all(1 << 20, IF_SHIM(CUSHADOW_INACTIVE),
                   IF_SHIM(CUSHADOW_INACTIVE), IF_SHIM(CUSHADOW_INACTIVE));
        program_start();
        weight = learned(WEIGHT, 3, NULL);
        offload_expecting(&weight, WEIGHT, NULL);
        _exit(0);
    }
    wait_for(child);
    use_it();
}

/* --- afterwards ---------------------------------------------------------- */

static void every_call_once_it_is_used(void)
{
    CUdeviceptr device;

    program_start();
    OK(cu.cuMemAlloc_v2(&device, 4096));
    expect_all(device, IF_SHIM(CUSHADOW_OK), IF_SHIM(CUSHADOW_OK),
               IF_SHIM(CUSHADOW_OK));
}

static void forked_after_the_first_use(void)
{
    CUdeviceptr device;
    pid_t child;

    program_start();
    OK(cu.cuMemAlloc_v2(&device, 4096));
    ANSWERS(cushadow_register_device(device, 4096, "m", "t", 0),
            CUSHADOW_OK);
    child = fork();
    if (child == 0) {
        expect_all(device, IF_SHIM(CUSHADOW_INACTIVE),
                   IF_SHIM(CUSHADOW_INACTIVE), IF_SHIM(CUSHADOW_INACTIVE));
        _exit(0);
    }
    wait_for(child);
    ANSWERS(cushadow_unregister_device(device), CUSHADOW_OK);
}

static void turned_off(void)
{
    CUdeviceptr device;

    CHECK_EQUAL(setenv("CUSHADOW_MODE", "off", 1), 0);
    program_start();
    OK(cu.cuMemAlloc_v2(&device, 4096));
    expect_all(device, IF_SHIM(CUSHADOW_INACTIVE),
               IF_SHIM(CUSHADOW_INACTIVE), IF_SHIM(CUSHADOW_INACTIVE));
}

static void arguments_that_are_not_valid(void)
{
    char longest[CUSHADOW_NAME_BYTES + 1];
    CUdeviceptr device;
    int i;

    program_start();
    OK(cu.cuMemAlloc_v2(&device, 2 * MIB));
    memset(longest, 'a', CUSHADOW_NAME_BYTES);
    longest[CUSHADOW_NAME_BYTES] = '\0';
#define BAD(...) \
    ANSWERS(cushadow_register_device(__VA_ARGS__), CUSHADOW_INVALID)
    BAD(0, 4096, "m", "t", 0);
    BAD(device, 0, "m", "t", 0);
    BAD(device, SIZE_MAX, "m", "t", 0);
    BAD(device, 2 * MIB + 1, "m", "t", 0); /* not all of it is memory */
    BAD((uintptr_t)host, 4096, "m", "t", 0);
    BAD(device, 4096, "m", NULL, 0);
    BAD(device, 4096, NULL, "t", 0);
    BAD(device, 4096, "", "t", 0);
    BAD(device, 4096, "m", "", 0);
    BAD(device, 4096, longest, "t", 0);
    BAD(device, 4096, "m", longest, 0);
    for (i = 1; i < 32; i++) {
        BAD(device, 4096, "m", "t", 1u << i);
    }
#undef BAD
    longest[CUSHADOW_NAME_BYTES - 1] = '\0';
    ANSWERS(cushadow_register_device(device, 4096, longest, longest, 1),
            CUSHADOW_OK);
    ANSWERS(cushadow_register_device(device, 4096, NULL, NULL, 0),
            CUSHADOW_OK); /* again */
    ANSWERS(cushadow_register_device(device, 4097, "m", "t", 0),
            CUSHADOW_OVERLAP);
    ANSWERS(cushadow_register_device(device + 4095, 4096, "m", "t", 0),
            CUSHADOW_OVERLAP);
    ANSWERS(cushadow_unregister_device(device + 1), CUSHADOW_UNKNOWN);
    ANSWERS(cushadow_register_host(NULL, 4096, "m", "t", 0),
            CUSHADOW_INVALID);
    ANSWERS(cushadow_register_host(host, SIZE_MAX, "m", "t", 0),
            CUSHADOW_INVALID);
    ANSWERS(cushadow_statistics(NULL, NULL), CUSHADOW_INVALID);
    check_figure("declared", 1);
    CHECK(strcmp(cushadow_strerror(CUSHADOW_OVERLAP),
                 cushadow_strerror(CUSHADOW_FULL)) != 0);
    CHECK(cushadow_strerror(-1) != NULL);
}

/* --- statistics that are off --- */

static void without_statistics(void)
{
    CUdeviceptr device;

    setenv("CUSHADOW_STATS", "off", 1);
    program_start();
    OK(cu.cuMemAlloc_v2(&device, HOST_BYTES));
    upload(device, host, HOST_BYTES, NULL);
    ANSWERS(cushadow_statistics(find_figure, &no_figure), CUSHADOW_INACTIVE);
    ANSWERS(cushadow_register_device(device, HOST_BYTES, "m", "t", 0),
            CUSHADOW_OK);
    ANSWERS(cushadow_unregister_device(device), CUSHADOW_OK);
}

/* --- threads ------------------------------------------------------------- */

static CUcontext context;

static void *register_and_copy(void *number)
{
    size_t i, mine = (size_t)(uintptr_t)number;
    unsigned char *src = fresh(HOST_BYTES), *dst = fresh(HOST_BYTES);
    CUdeviceptr device;

    OK(cu.cuCtxSetCurrent(context));
    fill(src, HOST_BYTES, (uint32_t)mine);
    for (i = 0; i < 40; i++) {
        OK(cu.cuMemAlloc_v2(&device, HOST_BYTES));
        ANSWERS(cushadow_register_device(device, HOST_BYTES, "m", "t",
                                         i % 2 != 0),
                CUSHADOW_OK);
        ANSWERS(cushadow_register_host(src, HOST_BYTES, "m", "t", 0),
                CUSHADOW_OK);
        OK(cu.cuMemcpyHtoD_v2(device, src, HOST_BYTES));
        OK(cu.cuMemcpyDtoH_v2(dst, device, HOST_BYTES));
        CHECK(holds(dst, HOST_BYTES, (uint32_t)mine));
        ANSWERS(cushadow_statistics(find_figure, &(struct figure){
                    .name = "declared"}), CUSHADOW_OK);
        if (i % 3 != 0) {
            ANSWERS(cushadow_unregister_device(device), CUSHADOW_OK);
        }
        ANSWERS(cushadow_unregister_host(src), CUSHADOW_OK);
        OK(cu.cuMemFree_v2(device));
    }
    return NULL;
}

static void many_threads(void)
{
    pthread_t threads[4];
    CUdeviceptr memory;
    size_t i;

    program_start();
    OK(cu.cuDevicePrimaryCtxRetain(&context, 0));
    OK(cu.cuMemAlloc_v2(&memory, 4096)); /* the shim has started */
    for (i = 0; i < 4; i++) {
        CHECK_EQUAL(pthread_create(&threads[i], NULL, register_and_copy,
                                   (void *)(uintptr_t)(i + 1)), 0);
    }
    for (i = 0; i < 4; i++) {
        join(threads[i]);
    }
    check_figure("declared", 0);
}

static const struct scenario scenarios[] = {
#define SCENARIO(name_) {#name_, name_}
    SCENARIO(before_the_first_use),
    SCENARIO(forked_before_the_first_use),
    SCENARIO(every_call_once_it_is_used),
    SCENARIO(forked_after_the_first_use),
    SCENARIO(turned_off),
    SCENARIO(arguments_that_are_not_valid),
    SCENARIO(without_statistics),
    SCENARIO(many_threads),
};

/* The scenarios start CUDA themselves. */
int main(int argc, char **argv)
{
    size_t i;

    for (i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        if (argc == 2 && strcmp(argv[1], "--list") == 0) {
            puts(scenarios[i].name);
        } else if (argc == 2 && strcmp(argv[1], scenarios[i].name) == 0) {
            alarm(120);
            scenarios[i].run();
            return 0;
        }
    }
    return argc == 2 && strcmp(argv[1], "--list") == 0 ? 0 : 2;
}
