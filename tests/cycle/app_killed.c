/*
 * app_killed.c - swaps two weights for ever, and is killed by the kernel at a
 * moment that its seed says.
 *
 *   app_killed SEED
 *
 * The timer runs from before the first upload on, so that most seeds end
 * within the first few cycles: captures, proofs, maps, frees. Every other one
 * counts the process's own time, and so gets somewhere on a busy machine. A
 * weight changes now and then, so that every way a copy may take is met.
 */
#include "weight.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { N_WEIGHTS = 2, MOST_US = 60000 };

/* SIGKILL for the whole process; nothing of it runs afterwards. */
static void end_at(clockid_t clock, unsigned us)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
                             .sigev_signo  = SIGKILL};
    struct itimerspec when = {.it_value = {0, (long)us * 1000 + 1}};
    timer_t timer;

    CHECK_EQUAL(timer_create(clock, &event, &timer), 0);
    CHECK_EQUAL(timer_settime(timer, 0, &when, NULL), 0);
}

static void load(struct weight *weight)
{
    OK(cu.cuMemAlloc_v2(&weight->device, WEIGHT));
    upload(weight->device, weight->host, WEIGHT, NULL);
    free(weight->host);
}

static void unload(struct weight *weight)
{
    weight->host = fresh(WEIGHT);
    offload(weight->host, weight->device, WEIGHT, NULL);
    CHECK(holds(weight->host, WEIGHT, weight->seed));
    OK(cu.cuMemFree_v2(weight->device));
}

int main(int argc, char **argv)
{
    unsigned seed = argc == 2 ? (unsigned)atoi(argv[1]) : 0, round, i;
    struct weight weights[N_WEIGHTS];

    program_start();
    for (i = 0; i < N_WEIGHTS; i++) {
        weights[i] = (struct weight){0, fresh(WEIGHT), WEIGHT, i};
        fill(weights[i].host, WEIGHT, i);
    }
    srand(seed);
    end_at(seed % 2 == 0 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC,
           (unsigned)rand() % MOST_US);
    for (round = 0;; round++) {
        for (i = 0; i < N_WEIGHTS; i++) {
            load(&weights[i]);
        }
        for (i = 0; i < N_WEIGHTS; i++) {
            unload(&weights[i]);
        }
        if (round % 4 == 3) {
            weights[0].seed += 10;
            fill(weights[0].host, WEIGHT, weights[0].seed);
        }
    }
}
