/*
 * app_fork.c - forks before and after the driver is initialised.
 *
 *   app_fork before   the child uses the driver, then the parent does
 *   app_fork after    the child says what the driver answers it; the parent
 *                     goes on; another child executes this program anew
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app.h"

enum { BYTES = 256 * 1024 };

static struct app_driver driver;

static void await(pid_t child)
{
    int status;

    APP_CHECK(child > 0);
    APP_CHECK(waitpid(child, &status, 0) == child);
    printf("child: status %d\n", status);
    fflush(stdout);
}

static int work(void)
{
    int n_wrong;

    app_find_driver(&driver, "gpa2", "legacy");
    app_begin(&driver);
    n_wrong = app_cycle_quietly(&driver);
    app_end(&driver);
    return n_wrong;
}

static void fork_before(void)
{
    pid_t child = fork();

    if (child == 0) {
        _exit(work());
    }
    await(child);
    printf("parent: %d wrong\n", work());
}

/* The device is not there after fork; every call must say so as the driver
 * does, soon, and touch nothing of the parent's. */
static void work_in_child(void *host, CUdeviceptr device)
{
    CUdeviceptr other = 0;

    printf("child: init %d\n", driver.cuInit_call(0));
    printf("child: alloc %d\n", driver.cuMemAlloc_call(&other, BYTES));
    printf("child: D2H %d\n", driver.cuMemcpyDtoH_call(host, device, BYTES));
    printf("child: D2H async %d\n",
           driver.cuMemcpyDtoHAsync_call(host, device, BYTES, NULL));
    printf("child: H2D %d\n", driver.cuMemcpyHtoD_call(device, host, BYTES));
    printf("child: free %d\n", driver.cuMemFree_call(device));
    fflush(stdout);
    _exit(3);
}

static void fork_after(const char *program)
{
    unsigned char *host = malloc(BYTES);
    CUdeviceptr device;
    pid_t child;
    int i;

    APP_CHECK(host != NULL);
    app_find_driver(&driver, "gpa2", "legacy");
    app_begin(&driver);
    memset(host, 42, BYTES);
    APP_CHECK(driver.cuMemAlloc_call(&device, BYTES) == 0);
    APP_CHECK(driver.cuMemcpyHtoD_call(device, host, BYTES) == 0);
    APP_CHECK(driver.cuMemcpyDtoH_call(host, device, BYTES) == 0);
    child = fork();
    if (child == 0) {
        work_in_child(host, device);
    }
    await(child);
    memset(host, 0, BYTES);
    APP_CHECK(driver.cuMemcpyDtoH_call(host, device, BYTES) == 0);
    for (i = 0; i < BYTES; i++) {
        APP_CHECK(host[i] == 42);
    }
    printf("parent: %d wrong\n", app_cycle_quietly(&driver));
    fflush(stdout);
    child = fork();
    if (child == 0) {
        execl(program, program, "before", (char *)NULL);
        _exit(127);
    }
    await(child);
    APP_CHECK(driver.cuMemFree_call(device) == 0);
    app_end(&driver);
    free(host);
}

int main(int argc, char **argv)
{
    APP_CHECK(argc == 2);
    app_check_preload();
    if (strcmp(argv[1], "before") == 0) {
        fork_before();
    } else {
        APP_CHECK(strcmp(argv[1], "after") == 0);
        fork_after(argv[0]);
    }
    return 0;
}
