/*
 * test_prover_threads.c - proofs by several threads at once against devices
 * that run meanwhile, many of them given up at a bad moment.
 *
 * The devices are threads that run thread blocks of the device source
 * compiled as C. Each proof owns its range only while it lasts: a thread
 * block that comes to read a range that is not owned is the failure looked
 * for, and so is one that still reads when the range is overwritten (ranges
 * are overwritten after each proof, which a thread sanitizer watches).
 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fake_prover_driver.h"

#define N_PROVERS 6 /* more than lanes */
#define N_DEVICES 2
#define N_ROUNDS 400
#define RANGE_BYTES (12 * CSH_FINGERPRINT_TILE_BYTES + 7)

struct range {
    unsigned char bytes[RANGE_BYTES];
    _Atomic bool is_owned;
};

struct launch {
    struct csh_fingerprint_job job;
    unsigned grid;
    CUstream stream;
    unsigned delay; /* turns of the device's loop before it starts */
    struct launch *next;
};

static struct csh_fingerprint_key key;
static struct range ranges[N_PROVERS];
static struct csh_prover *prover;
static struct csh_prover_calls calls;
static __thread CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_GLOBAL;

static pthread_mutex_t device_lock = PTHREAD_MUTEX_INITIALIZER;
static struct launch *waiting, *running[N_DEVICES];
static bool device_ends;
static _Atomic unsigned n_unowned_reads;
static _Atomic unsigned n_proofs[CSH_PROOF_ERROR + 1];

/* ---- the driver -------------------------------------------------------- */

static CUresult CUDAAPI thread_exchange(CUstreamCaptureMode *mode_p)
{
    CUstreamCaptureMode old = mode;

    mode    = *mode_p;
    *mode_p = old;
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI thread_record(CUevent event, CUstream stream)
{
    (void)event;
    (void)stream;
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI thread_wait(CUstream stream, CUevent event,
                                    unsigned int flags)
{
    (void)stream;
    (void)event;
    (void)flags;
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI thread_event_query(CUevent event)
{
    (void)event;
    return CUDA_SUCCESS;
}

static CUresult CUDAAPI thread_stream_query(CUstream stream)
{
    CUresult result = CUDA_SUCCESS;
    struct launch *launch;
    int i;

    pthread_mutex_lock(&device_lock);
    for (launch = waiting; launch != NULL; launch = launch->next) {
        if (launch->stream == stream) {
            result = CUDA_ERROR_NOT_READY;
        }
    }
    for (i = 0; i < N_DEVICES; ++i) {
        if ((running[i] != NULL) && (running[i]->stream == stream)) {
            result = CUDA_ERROR_NOT_READY;
        }
    }
    pthread_mutex_unlock(&device_lock);
    return result;
}

static CUresult CUDAAPI thread_launch(
    CUfunction function, unsigned int grid_x, unsigned int grid_y,
    unsigned int grid_z, unsigned int block_x, unsigned int block_y,
    unsigned int block_z, unsigned int shared, CUstream stream, void **params,
    void **extra)
{
    struct launch *launch = malloc(sizeof(*launch)), **last;

    (void)function;
    (void)grid_y;
    (void)grid_z;
    (void)block_x;
    (void)block_y;
    (void)block_z;
    (void)shared;
    (void)extra;
    if (launch == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    memcpy(&launch->job, params[0], sizeof(launch->job));
    launch->grid   = grid_x;
    launch->stream = stream;
    launch->next   = NULL;
    pthread_mutex_lock(&device_lock);
    launch->delay = (unsigned)rand() % 4;
    for (last = &waiting; *last != NULL; last = &(*last)->next) {
    }
    *last = launch;
    pthread_mutex_unlock(&device_lock);
    return CUDA_SUCCESS;
}

/* ---- the devices ------------------------------------------------------- */

static void *resolve(void *context, uint64_t device, uint64_t n)
{
    const struct launch *launch = context;
    uint64_t address            = device - FAKE_DEVICE_BASE;
    struct range *range;

    (void)n;
    if (device != (uintptr_t)launch->job.control) {
        range = (struct range *)(uintptr_t)address;
        if (!range->is_owned) {
            ++n_unowned_reads;
        }
    }
    return (void *)(uintptr_t)address;
}

static void device_run(struct launch *launch)
{
    unsigned i;

    while (launch->delay-- > 0) {
        usleep(20);
    }
    for (i = 0; i < launch->grid; ++i) {
        csh_fingerprint_block_host(&launch->job, i, launch->grid, resolve,
                                   launch);
    }
}

static void *device_main(void *argument)
{
    struct launch **mine = argument;
    bool ends            = false;

    while (!ends) {
        pthread_mutex_lock(&device_lock);
        *mine = waiting;
        if (*mine != NULL) {
            waiting = waiting->next;
        }
        ends = device_ends && (*mine == NULL);
        pthread_mutex_unlock(&device_lock);
        if (*mine == NULL) {
            usleep(20);
            continue;
        }
        device_run(*mine);
        pthread_mutex_lock(&device_lock);
        free(*mine);
        *mine = NULL;
        pthread_mutex_unlock(&device_lock);
    }
    return NULL;
}

/* ---- the proving threads ----------------------------------------------- */

static uint64_t draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return *state >> 33;
}

static void *proving_main(void *argument)
{
    struct range *range            = argument;
    uint64_t state                 = (uint64_t)(range - ranges);
    const struct csh_stream stream = {FAKE_STREAM, CSH_PLAIN};
    int round;

    for (round = 0; round < N_ROUNDS; ++round) {
        bool is_patched     = draw(&state) % 3 == 0;
        uint64_t timeout_ns = (draw(&state) % 2 == 0) ?
                                  draw(&state) % 150000 :
                                  UINT64_C(60000000000);
        struct csh_fingerprint expected;
        enum csh_proof proof;

        memset(range->bytes, (int)draw(&state), RANGE_BYTES);
        csh_fingerprint_compute(&key, range->bytes, RANGE_BYTES, &expected);
        range->bytes[draw(&state) % RANGE_BYTES] ^= is_patched;
        range->is_owned = true;
        proof = csh_prover_prove(
            prover, &stream, FAKE_DEVICE_BASE + (uintptr_t)range->bytes,
            RANGE_BYTES, &expected, timeout_ns);
        range->is_owned = false;
        ++n_proofs[proof];
        ck_assert_int_ne(proof, is_patched ? CSH_PROOF_EQUAL :
                                             CSH_PROOF_DIFFERENT);
        ck_assert_int_ne(proof, CSH_PROOF_ERROR);
    }
    return NULL;
}

static void set_up(void)
{
    uint32_t nh[CSH_FINGERPRINT_KEY_WORDS];
    uint64_t kappa[2] = {UINT64_C(0x123456789abcdef), 987654321};
    size_t i;

    for (i = 0; i < CSH_FINGERPRINT_KEY_WORDS; ++i) {
        nh[i] = (uint32_t)i * 2654435761u + 12345;
    }
    csh_fingerprint_key_derive(nh, kappa, &key);
    fake_reset(NULL, 0);
    calls                   = *fake_calls(true);
    calls.cuStreamQuery     = thread_stream_query;
    calls.cuStreamWaitEvent = thread_wait;
    calls.cuEventQuery      = thread_event_query;
    calls.cuEventRecord     = thread_record;
    calls.cuLaunchKernel    = thread_launch;
    calls.cuThreadExchangeStreamCaptureMode = thread_exchange;
    prover = csh_prover_create(&calls, &key);
    ck_assert_ptr_nonnull(prover);
}

START_TEST(given_up_proofs_never_read_later)
{
    pthread_t proving[N_PROVERS], device[N_DEVICES];
    int i;

    set_up();
    for (i = 0; i < N_DEVICES; ++i) {
        ck_assert_int_eq(pthread_create(&device[i], NULL, device_main,
                                        &running[i]), 0);
    }
    for (i = 0; i < N_PROVERS; ++i) {
        ck_assert_int_eq(pthread_create(&proving[i], NULL, proving_main,
                                        &ranges[i]), 0);
    }
    for (i = 0; i < N_PROVERS; ++i) {
        pthread_join(proving[i], NULL);
    }
    pthread_mutex_lock(&device_lock);
    device_ends = true;
    pthread_mutex_unlock(&device_lock);
    for (i = 0; i < N_DEVICES; ++i) {
        pthread_join(device[i], NULL);
    }
    csh_prover_destroy(prover);
    ck_assert_uint_eq(n_unowned_reads, 0);
    /* The test has met what it is about. */
    ck_assert_uint_gt(n_proofs[CSH_PROOF_EQUAL], 0);
    ck_assert_uint_gt(n_proofs[CSH_PROOF_DIFFERENT], 0);
    ck_assert_uint_gt(n_proofs[CSH_PROOF_TIMEOUT], 0);
    ck_assert_int_eq(fake.n_streams + fake.n_events + fake.n_hosts, 0);
}
END_TEST

int main(void)
{
    Suite *suite    = suite_create("prover threads");
    TCase *tcase    = tcase_create("threads");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, given_up_proofs_never_read_later);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed != 0;
}
