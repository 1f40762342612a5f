/*
 * app_exit.c - ends while work is in flight, and frees in an atexit handler
 * and in a destructor, as programs with device memory in static objects do.
 *
 *   app_exit return|exit|thread
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"

enum { BYTES = 4 * 1024 * 1024, N_COPIES = 8 };

static struct app_driver driver;
static CUdeviceptr early, late;

static void free_at_exit(void)
{
    printf("atexit: free %d\n", driver.cuMemFree_call(early));
}

__attribute__((destructor)) static void free_in_destructor(void)
{
    if (late != 0) {
        printf("destructor: free %d\n", driver.cuMemFree_call(late));
        fflush(stdout);
    }
}

static void *leave(void *opaque)
{
    (void)opaque;
    exit(0);
}

int main(int argc, char **argv)
{
    unsigned char *host = malloc(BYTES);
    CUstream stream;
    int i;

    APP_CHECK(argc == 2 && host != NULL);
    app_check_preload();
    app_find_driver(&driver, "gpa2", "legacy");
    app_begin(&driver);
    APP_CHECK(atexit(free_at_exit) == 0);
    memset(host, 1, BYTES);
    APP_CHECK(driver.cuMemAlloc_call(&early, BYTES) == 0);
    APP_CHECK(driver.cuMemAlloc_call(&late, BYTES) == 0);
    APP_CHECK(driver.cuStreamCreate_call(&stream, 0) == 0);
    APP_CHECK(driver.cuMemcpyHtoD_call(early, host, BYTES) == 0);
    APP_CHECK(driver.cuMemcpyDtoH_call(host, early, BYTES) == 0);
    for (i = 0; i < N_COPIES; i++) {
        APP_CHECK(driver.cuMemsetD8Async_call(late, (unsigned char)i, BYTES,
                                              stream) == 0);
        APP_CHECK(driver.cuMemcpyAsync_call(early, late, BYTES, stream) == 0);
    }
    printf("leaving\n");
    if (strcmp(argv[1], "thread") == 0) {
        pthread_t thread;

        APP_CHECK(pthread_create(&thread, NULL, leave, NULL) == 0);
        pause();
    }
    if (strcmp(argv[1], "exit") == 0) {
        exit(0);
    }
    return 0;
}
