/*
 * test_park_table.c - which weights are found where, and that the event behind
 * a copy out of a block is one thread's at any time, and all of them are
 * whoever's is handed the block.
 *
 * Events are numbers, and no driver is called. Each test runs in a process of
 * its own, with real shadows in the engine's store.
 */
#include "engine/park_table.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h> /* after base/compiler.h */

#include "engine/residency.h"

#define UNIT ((size_t)4096)
#define BASE ((CUdeviceptr)0x10000000)

static CUcontext const here = (CUcontext)0x1000;

static void set_up(void)
{
    ck_assert_int_eq(setenv("CUSHADOW_LOG", "off", 1), 0);
    ck_assert(csh_residency_start());
}

/* A shadow that stays, whatever happens here. */
static struct csh_shadow_ref shadow_of(unsigned char mark)
{
    const struct csh_shadow_proof proof = {{mark, ~UINT64_C(0)}};
    struct csh_store *store = csh_residency_store();
    struct csh_shadow *shadow = NULL;
    struct csh_shadow_ref ref;
    enum csh_reason reason;

    ck_assert(csh_store_allocate(store, UNIT, &shadow, &reason));
    memset(csh_shadow_address(shadow), mark, UNIT);
    shadow = csh_store_publish(store, shadow, &proof);
    ref = csh_shadow_ref(shadow);
    ck_assert(csh_store_reference_device(store, ref));
    csh_store_release(store, shadow);
    return ref;
}

/* A parked block with these shadows, in this order. */
static struct csh_parked *park_at(CUcontext context, CUdeviceptr base,
                                  const struct csh_shadow_ref *shadows,
                                  size_t n)
{
    struct csh_parked *block = csh_park_block_create(n);
    size_t i;

    ck_assert_ptr_nonnull(block);
    block->context = context;
    block->base = base;
    block->bytes = n * UNIT;
    for (i = 0; i < n; i++) {
        block->piece[block->n_pieces++] = (struct csh_park_piece){
            .offset = i * UNIT,
            .bytes = UNIT,
            .shadow = shadows[i],
            .content = i + 1,
        };
        csh_park_table_loaded(i + 1);
    }
    csh_park_table_add(block);
    return block;
}

static struct csh_parked *park(const struct csh_shadow_ref *shadows, size_t n)
{
    return park_at(here, BASE, shadows, n);
}

/* What a reader does that has queued a copy. */
static void add_use(struct csh_park_use **uses_p, uintptr_t number)
{
    struct csh_park_use *use = calloc(1, sizeof(*use));

    ck_assert_ptr_nonnull(use);
    use->event = (CUevent)number;
    LL_PREPEND(*uses_p, use);
}

static size_t n_uses(const struct csh_park_use *uses)
{
    const struct csh_park_use *use;
    size_t n;

    LL_COUNT(uses, use, n);
    return n;
}

/* ---- events ------------------------------------------------------------- */

START_TEST(whoever_is_handed_a_block_has_all_events)
{
    const struct csh_shadow_ref shadows[2] = {shadow_of(1), shadow_of(2)};
    struct csh_parked *block = park(shadows, 2);
    struct csh_park_reading first, second;

    ck_assert(csh_park_table_read(here, shadows[0], &first));
    ck_assert(csh_park_table_read(here, shadows[1], &second));
    ck_assert_uint_eq(first.address, BASE);
    ck_assert_uint_eq(second.address, BASE + UNIT);
    add_use(&first.uses, 1);
    add_use(&second.uses, 2);
    csh_park_table_end(&first, CSH_PARK_READ_COPIED);
    ck_assert_ptr_null(csh_park_table_evict(0, NULL)); /* one still reads */
    csh_park_table_end(&second, CSH_PARK_READ_COPIED);
    ck_assert_ptr_eq(csh_park_table_evict(0, NULL), block);
    ck_assert_uint_eq(n_uses(block->uses), 2);
    csh_park_block_free(block);
}
END_TEST

START_TEST(an_event_is_of_one_reader)
{
    const struct csh_shadow_ref shadows[2] = {shadow_of(1), shadow_of(2)};
    struct csh_parked *block = park(shadows, 2);
    struct csh_park_reading first, second, third;

    ck_assert(csh_park_table_read(here, shadows[0], &first));
    add_use(&first.uses, 1);
    csh_park_table_end(&first, CSH_PARK_READ_COPIED);
    ck_assert(csh_park_table_read(here, shadows[0], &second));
    ck_assert_uint_eq(n_uses(second.uses), 1);
    ck_assert(csh_park_table_read(here, shadows[1], &third));
    ck_assert_ptr_null(third.uses);
    ck_assert_ptr_null(block->uses);
    csh_park_table_end(&third, CSH_PARK_READ_NOTHING);
    csh_park_table_end(&second, CSH_PARK_READ_NOTHING);
    ck_assert_uint_eq(n_uses(block->uses), 1);
    ck_assert_ptr_eq(csh_park_table_evict(0, NULL), block);
    csh_park_block_free(block);
}
END_TEST

/* It is the reader's then, and no other block's concern. */
START_TEST(memory_ends_while_its_block_is_read)
{
    const struct csh_shadow_ref shadows[2] = {shadow_of(1), shadow_of(2)};
    struct csh_parked *block = park(&shadows[0], 1), *other;
    struct csh_park_reading reading;
    CUdevice device = 7;

    block->number = 10;
    other = park_at(here, 2 * BASE, &shadows[1], 1);
    other->number = 11;
    ck_assert(csh_park_table_read(here, shadows[0], &reading));
    add_use(&reading.uses, 1);
    ck_assert_uint_eq(csh_park_table_lose(9, &device), 0);
    ck_assert_int_eq(device, 7);
    ck_assert_uint_eq(csh_park_table_lose(10, &device), UNIT);
    ck_assert_int_eq(device, 0);
    ck_assert_uint_eq(csh_park_table_lose(10, &device), 0);
    ck_assert_uint_eq(csh_park_table_n(), 1);
    csh_park_table_end(&reading, CSH_PARK_READ_COPIED);
    ck_assert_ptr_eq(csh_park_table_evict(0, NULL), other);
    csh_park_block_free(other);
}
END_TEST

/* It is the last reader's then. */
START_TEST(a_context_ends_while_its_block_is_read)
{
    const struct csh_shadow_ref shadows[2] = {shadow_of(1), shadow_of(2)};
    struct csh_park_reading first, second;
    CUdevice device = 7;

    park(shadows, 2);
    ck_assert(csh_park_table_read(here, shadows[0], &first));
    ck_assert(csh_park_table_read(here, shadows[1], &second));
    add_use(&first.uses, 1);
    ck_assert_uint_eq(csh_park_table_forget(here, &device), 2 * UNIT);
    ck_assert_int_eq(device, 0);
    ck_assert_uint_eq(csh_park_table_n(), 0);
    ck_assert(!csh_park_table_has(here, shadows[0]));
    csh_park_table_end(&first, CSH_PARK_READ_COPIED);
    csh_park_table_end(&second, CSH_PARK_READ_COPIED);
    ck_assert_uint_eq(csh_park_table_forget(here, &device), 0);
}
END_TEST

/* ---- pieces ------------------------------------------------------------- */

static CUcontext const there = (CUcontext)0x2000;

static bool finds(CUcontext context, struct csh_shadow_ref shadow,
                  CUdeviceptr wanted)
{
    struct csh_park_reading reading;
    bool has = csh_park_table_has(context, shadow);

    ck_assert_int_eq(csh_park_table_read(context, shadow, &reading), has);
    if (has) {
        csh_park_table_end(&reading, CSH_PARK_READ_NOTHING);
    }
    return has && reading.address == wanted;
}

static void take(const struct csh_parked *wanted)
{
    struct csh_parked *block = csh_park_table_pick(wanted->context, 0,
                                                   wanted->bytes);

    ck_assert_ptr_eq(block, wanted);
    csh_park_block_free(block);
}

START_TEST(a_piece_is_its_contexts_and_its_shadows)
{
    const struct csh_shadow_ref shadows[3] = {shadow_of(1), shadow_of(2),
                                              shadow_of(3)};
    struct csh_shadow_ref later = shadows[0];
    struct csh_parked *mine = park(shadows, 2);
    struct csh_parked *other = park_at(there, 2 * BASE, &shadows[1], 2);

    later.generation++;
    ck_assert(finds(here, shadows[0], BASE));
    ck_assert(finds(here, shadows[1], BASE + UNIT));
    ck_assert(finds(there, shadows[1], 2 * BASE));
    ck_assert(!csh_park_table_has(here, shadows[2]));
    ck_assert(!csh_park_table_has(there, shadows[0]));
    ck_assert(!csh_park_table_has(here, later));
    ck_assert(csh_park_table_renew(there, shadows[2]));
    ck_assert(!csh_park_table_renew(here, shadows[2]));
    take(mine);
    ck_assert(!csh_park_table_has(here, shadows[1]));
    ck_assert(finds(there, shadows[1], 2 * BASE));
    take(other);
    ck_assert(!csh_park_table_has(there, shadows[1]));
}
END_TEST

/* Any of them is as good; when one goes the others are found. */
START_TEST(the_same_bytes_in_several_places)
{
    const struct csh_shadow_ref shadow = shadow_of(1);
    const struct csh_shadow_ref thrice[3] = {shadow, shadow, shadow};
    struct csh_park_reading reading;
    struct csh_parked *block, *blocks[3];
    CUdevice device;
    size_t n;

    for (n = 0; n < 3; n++) {
        blocks[n] = park_at(here, BASE * (n + 1), thrice, n + 1);
    }
    for (n = 0; n < 3; n++) {
        ck_assert(csh_park_table_has(here, shadow));
        block = csh_park_table_pick(here, 0, (1 + (n + 1) % 3) * UNIT);
        ck_assert_ptr_eq(block, blocks[(n + 1) % 3]);
        csh_park_block_free(block);
    }
    ck_assert(!csh_park_table_has(here, shadow));

    park(thrice, 3); /* one after the other turns out to be spoilt */
    for (n = 0; n < 3; n++) {
        ck_assert(csh_park_table_read(here, shadow, &reading));
        csh_park_table_end(&reading, CSH_PARK_READ_SPOILT);
    }
    ck_assert(!csh_park_table_has(here, shadow));
    ck_assert_uint_eq(csh_park_table_forget(here, &device), 3 * UNIT);
}
END_TEST

/* What is known of a piece goes with what is known of it elsewhere. */
START_TEST(a_piece_is_spoilt_while_its_context_ends)
{
    const struct csh_shadow_ref shadow = shadow_of(1);
    struct csh_park_reading reading;
    CUdevice device;

    park(&shadow, 1);
    ck_assert(csh_park_table_read(here, shadow, &reading));
    ck_assert_uint_eq(csh_park_table_forget(here, &device), UNIT);
    park(&shadow, 1); /* a new context with the same handle */
    csh_park_table_end(&reading, CSH_PARK_READ_SPOILT);
    ck_assert(finds(here, shadow, BASE));
    ck_assert_uint_eq(csh_park_table_forget(here, &device), UNIT);
    ck_assert(!csh_park_table_has(here, shadow));
}
END_TEST

/* What the program has elsewhere on the device makes way first. */
START_TEST(a_twin_goes_before_others_are_handed_out)
{
    const struct csh_shadow_ref shadows[2] = {shadow_of(1), shadow_of(2)};
    struct csh_parked *twin = park(shadows, 1);
    struct csh_parked *other = park_at(here, 2 * BASE, &shadows[1], 1);
    struct csh_park_reading reading;

    ck_assert(csh_park_table_read(here, shadows[0], &reading));
    csh_park_table_end(&reading, CSH_PARK_READ_COPIED);
    ck_assert_ptr_null(csh_park_table_pick(here, 0, UNIT));
    ck_assert_ptr_eq(csh_park_table_evict(0, NULL), twin);
    csh_park_block_free(twin);
    take(other);
}
END_TEST

START_TEST(many)
{
    enum { MANY = 500, EACH = 5 };
    static struct csh_shadow_ref shadows[EACH * MANY];
    CUdevice device;
    size_t i;

    for (i = 0; i < EACH * MANY; i++) { /* nobody's, but told apart */
        shadows[i] = (struct csh_shadow_ref){(uint32_t)i, 1};
    }
    for (i = 0; i < MANY; i++) {
        park_at(here, BASE + i * EACH * UNIT, &shadows[EACH * i], EACH);
    }
    for (i = 0; i < EACH * MANY; i++) {
        ck_assert(finds(here, shadows[i], BASE + i * UNIT));
    }
    ck_assert_uint_eq(csh_park_table_n(), MANY);
    ck_assert_uint_eq(csh_park_table_forget(here, &device),
                      EACH * MANY * UNIT);
    for (i = 0; i < EACH * MANY; i++) {
        ck_assert(!csh_park_table_has(here, shadows[i]));
    }
}
END_TEST

/* ---- threads ----------------------------------------------------------- */

#define N_READERS 3
#define N_ROUNDS 2000
#define N_PIECES 4

static struct csh_shadow_ref shared[N_PIECES];
static atomic_uint is_under_way[N_READERS * N_ROUNDS + 1];
static atomic_uint n_over, n_readers_left;

/* The event of a copy is given up once, by whoever has it. */
static void is_over(struct csh_park_use *use)
{
    ck_assert_uint_eq(
        atomic_exchange(&is_under_way[(uintptr_t)use->event], 0), 1);
    atomic_fetch_add(&n_over, 1);
    free(use);
}

static void drop_some(struct csh_park_use **uses_p, uintptr_t number)
{
    struct csh_park_use *use, *next;

    LL_FOREACH_SAFE(*uses_p, use, next) {
        if ((uintptr_t)use->event % 3 == number % 3) {
            LL_DELETE(*uses_p, use);
            is_over(use);
        }
    }
}

static void *read_pieces(void *which)
{
    uintptr_t number = 1 + (uintptr_t)which * N_ROUNDS;
    struct csh_park_reading reading;
    unsigned i;

    for (i = 0; i < N_ROUNDS; number++, i++) {
        while (!csh_park_table_read(here, shared[number % N_PIECES],
                                    &reading)) {
            (void)sched_yield();
        }
        drop_some(&reading.uses, number);
        atomic_store(&is_under_way[number], 1);
        add_use(&reading.uses, number);
        csh_park_table_end(&reading, CSH_PARK_READ_COPIED);
    }
    atomic_fetch_sub(&n_readers_left, 1);
    return NULL;
}

/* Takes the block out, with all that is under way, and parks it anew. */
static void *hand_out(void *unused)
{
    struct csh_park_use *use, *next;
    struct csh_parked *block;

    while (atomic_load(&n_readers_left) > 0) {
        block = csh_park_table_evict(0, NULL);
        if (block != NULL) {
            LL_FOREACH_SAFE(block->uses, use, next) {
                is_over(use);
            }
            block->uses = NULL;
            csh_park_table_add(block);
        }
        (void)sched_yield();
    }
    return unused;
}

START_TEST(no_event_is_lost_or_given_up_twice)
{
    pthread_t threads[N_READERS + 1];
    struct csh_parked *block;
    struct csh_park_use *use, *next;
    uintptr_t i;

    for (i = 0; i < N_PIECES; i++) {
        shared[i] = shadow_of((unsigned char)(1 + i));
    }
    park(shared, N_PIECES);
    atomic_store(&n_readers_left, N_READERS);
    for (i = 0; i < N_READERS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_pieces,
                                        (void *)i), 0);
    }
    ck_assert_int_eq(pthread_create(&threads[N_READERS], NULL, hand_out,
                                    NULL), 0);
    for (i = 0; i <= N_READERS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    block = csh_park_table_evict(0, NULL);
    ck_assert_ptr_nonnull(block);
    LL_FOREACH_SAFE(block->uses, use, next) {
        is_over(use);
    }
    block->uses = NULL;
    csh_park_block_free(block);
    ck_assert_uint_eq(atomic_load(&n_over), N_READERS * N_ROUNDS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("park_table");
    TCase *events = tcase_create("events");
    TCase *pieces = tcase_create("pieces");
    TCase *threads = tcase_create("threads");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(events, set_up, NULL);
    tcase_add_test(events, whoever_is_handed_a_block_has_all_events);
    tcase_add_test(events, an_event_is_of_one_reader);
    tcase_add_test(events, memory_ends_while_its_block_is_read);
    tcase_add_test(events, a_context_ends_while_its_block_is_read);
    suite_add_tcase(suite, events);
    tcase_add_checked_fixture(pieces, set_up, NULL);
    tcase_add_test(pieces, a_piece_is_its_contexts_and_its_shadows);
    tcase_add_test(pieces, the_same_bytes_in_several_places);
    tcase_add_test(pieces, a_piece_is_spoilt_while_its_context_ends);
    tcase_add_test(pieces, a_twin_goes_before_others_are_handed_out);
    tcase_add_test(pieces, many);
    suite_add_tcase(suite, pieces);
    tcase_add_checked_fixture(threads, set_up, NULL);
    tcase_set_timeout(threads, 60);
    tcase_add_test(threads, no_event_is_lost_or_given_up_twice);
    suite_add_tcase(suite, threads);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
