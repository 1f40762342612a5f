/*
 * test_adopt_races.c - memory that is adopted while other threads of the
 * program read and write it: no store is lost, and no byte is read that was
 * not there.
 */
#include "adopt_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#define RACE_BYTES (2 * MIB)
#define STRIDE 512 /* bytes between the words that are written */
#define N_WORDS (RACE_BYTES / 2 / STRIDE)

static _Atomic bool is_over, is_mapping;
static _Atomic uint64_t n_reads, n_wrong, n_stores;
static uint64_t last_stored[N_WORDS];

/* Read and written at any time, by whom it may be. */
static _Atomic uint64_t *word(size_t i)
{
    return (_Atomic uint64_t *)(void *)(block + i * STRIDE);
}

static void nap_us(long microseconds)
{
    const struct timespec time = {0, microseconds * 1000};

    nanosleep(&time, NULL);
}

/* Stores to the first half, now and then and just when it is mapped. */
static void *write_words(void *unused)
{
    size_t i;

    (void)unused;
    for (i = 0; !atomic_load(&is_over); i = (i + 97) % N_WORDS) {
        if (atomic_load(&n_stores) % 3 != 0 && !atomic_load(&is_mapping)) {
            nap_us(30);
        }
        if (atomic_load(word(i)) != last_stored[i]) {
            atomic_fetch_add(&n_wrong, 1);
        }
        last_stored[i]++;
        atomic_store(word(i), last_stored[i]);
        atomic_fetch_add(&n_stores, 1);
    }
    return NULL;
}

/* The second half never changes. */
static void *read_bytes(void *unused)
{
    size_t i;

    (void)unused;
    for (i = RACE_BYTES / 2; !atomic_load(&is_over);
         i = (i + 4099 < RACE_BYTES) ? i + 4099 : RACE_BYTES / 2) {
        if (((volatile unsigned char *)block)[i] != byte_of(i, 3)) {
            atomic_fetch_add(&n_wrong, 1);
        }
        atomic_fetch_add(&n_reads, 1);
    }
    return NULL;
}

/* While the pages are away: both threads run into that. */
static void *map_slowly(void *address, size_t bytes, int fd, off_t offset)
{
    void *mapped;

    atomic_store(&is_mapping, true);
    nap_us(500);
    mapped = mmap(address, bytes, PLAIN, MAP_PRIVATE | MAP_FIXED, fd, offset);
    nap_us(100);
    atomic_store(&is_mapping, false);
    return mapped;
}

static void prepare_race(void)
{
    size_t i;

    make_pair(RACE_BYTES);
    for (i = 0; i < N_WORDS; i++) {
        last_stored[i] = 0;
        atomic_store(word(i), 0);
    }
    atomic_store(&is_over, false);
}

/* One upload beside a writer and readers. */
static bool race(void)
{
    pthread_t threads[3];
    size_t i;

    prepare_race();
    pthread_create(&threads[0], NULL, write_words, NULL);
    pthread_create(&threads[1], NULL, read_bytes, NULL);
    pthread_create(&threads[2], NULL, read_bytes, NULL);
    nap_us(200);
    for (i = 0; i < RACE_BYTES / 8; i++) { /* torn, perhaps */
        ((uint64_t *)(void *)shadow.extent.address)[i] =
            atomic_load_explicit((_Atomic uint64_t *)(void *)block + i,
                                 memory_order_relaxed);
    }
    adopt();
    nap_us(300);
    atomic_store(&is_over, true);
    for (i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    for (i = 0; i < N_WORDS; i++) {
        ck_assert_uint_eq(atomic_load(word(i)), last_stored[i]);
    }
    munmap(block - PHASE, RACE_BYTES);
    csh_slab_free(pool, &shadow.extent);
    return adopted.adopted_bytes > 0;
}

START_TEST(test_writer_and_readers)
{
    unsigned i, n_adopted = 0;

    if (!can_adopt()) {
        return;
    }
    csh_alias_destroy(aliases);
    setup.map = map_slowly;
    aliases   = csh_alias_create(&setup);
    for (i = 0; i < 100; i++) {
        n_adopted += race();
    }
    ck_assert_uint_eq(n_wrong, 0);
    fprintf(stderr, "%u of 100 adopted; %llu stores, %llu reads\n", n_adopted,
            (unsigned long long)n_stores, (unsigned long long)n_reads);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("adopt races");
    TCase *tcase = tcase_create("races");

    tcase_add_checked_fixture(tcase, start, NULL);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_writer_and_readers);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
