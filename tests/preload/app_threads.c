/*
 * app_threads.c - eight threads meet the driver at the same instant, each by a
 * route and in a flavour of its own, and work side by side.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

#include "app.h"

enum { N_THREADS = 8, N_ROUNDS = 3 };

static pthread_barrier_t start;

static void *work(void *opaque)
{
    static const char *const routes[] = {"dlsym", "gpa1", "gpa2"};
    uintptr_t number = (uintptr_t)opaque;
    struct app_driver driver;
    uintptr_t n_wrong = 0;
    int round;

    pthread_barrier_wait(&start);
    app_find_driver(&driver, routes[number % 3],
                    number % 2 == 0 ? "legacy" : "per-thread");
    app_begin(&driver);
    for (round = 0; round < N_ROUNDS; round++) {
        n_wrong += (uintptr_t)app_cycle_quietly(&driver);
    }
    app_end(&driver);
    return (void *)n_wrong;
}

int main(void)
{
    pthread_t threads[N_THREADS];
    uintptr_t i;

    app_check_preload();
    APP_CHECK(pthread_barrier_init(&start, NULL, N_THREADS) == 0);
    for (i = 0; i < N_THREADS; i++) {
        APP_CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
    }
    for (i = 0; i < N_THREADS; i++) {
        void *n_wrong;

        APP_CHECK(pthread_join(threads[i], &n_wrong) == 0);
        printf("thread %d: %d wrong\n", (int)i, (int)(uintptr_t)n_wrong);
    }
    return 0;
}
