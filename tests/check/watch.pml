/*
 * watch.pml - the protocol of src/track/watch.h and src/engine/cohort.c, as a
 * model for spin (spinroot.com): every interleaving of
 *
 *   Former  a thread of the program: its offload of R1 forms a cohort that
 *           reads R1 and R2; it does what programs do; then it offloads R2,
 *           and the shim elides that if it still believes. ROUNDS times.
 *   Writer  another thread, which launches a kernel that writes R2 and says so
 *           by means of the program's own
 *   Other   another thread, which arms for cohorts of its own, and then calls
 *           something that writes nothing of this. (WITH_OTHER)
 *   Ending  another thread, which frees R2 while R1 is offloaded
 *   Streams the work of the program: one kernel that was enqueued before
 *           everything and waits for the host to let it, and the writer's
 *   Batch   the shim's launch, which may be kept from running for ever
 *
 * Claims: what is elided after the program made sure that R2 was written is
 * never stale; the batch never reads freed memory; every thread comes to its
 * end, so nothing of the shim's waits for what the program does later.
 *
 * The writer's processor has a store buffer, as x86-64 has: what it enqueues
 * is seen by others later, in order, or when it is told to by a barrier. (A
 * driver takes locks, which are barriers; the model does not count on it.)
 *
 * Each rule can be taken away: tests/check/watch_model.tap says by which
 * name, and that the claim then fails.
 */
#ifndef ROUNDS
#define ROUNDS 2
#endif
#define N_JOBS 3 /* 0: was there before; 1, 2: the writer's */

mtype = { NONE, QUEUED, DONE };                       /* of a job */
mtype = { IDLE, BEGUN, PENDING, RUNNING, FINISHED, CANCELLED }; /* of the batch */

/* The driver and the device. */
mtype job[N_JOBS] = NONE;
bool gate;  /* the host lets job 0 run */
bool is_written; /* R2 differs from the shadow */
bool is_freed;   /* R2 */
mtype batch = IDLE;
bool batch_saw; /* what it read of R2 */

/* The words of watch.c. */
byte flag, n_generations, newest_ended;

/* The words of lifetimes.c. */
byte n_ending;
bool is_reader_known, is_covered = true;

/* Of the writer's processor: the job in its store buffer, 0 for none. */
byte buffered;
/* What the writer tells the former. */
byte n_told;

bool with_ending; /* R2 is freed, so nobody offloads it */
inline drain()
{
    if
    :: buffered != 0 -> job[buffered] = QUEUED; buffered = 0
    :: else
    fi
}

/* csh_watch_arm(): raising is one step, being a loop around an exchange. */
inline arm(generation)
{
    atomic {
        n_generations++;
        generation = n_generations
    };
    atomic {
        if
        :: flag < generation -> flag = generation
        :: else
        fi
    }
#ifndef WITHOUT_BARRIER
    ;
    atomic { drain() }
#endif
}

/* csh_watch_trip(), word by word. */
inline trip(seen, is_over)
{
    seen = flag;
    is_over = false;
    do
    :: is_over -> break
    :: else ->
#ifdef WITH_FLAG_LOWERED_FIRST
        atomic {
            if
            :: flag == seen -> flag = 0; is_over = true
            :: else -> seen = flag
            fi
        };
        if
        :: is_over && newest_ended < seen -> newest_ended = seen
        :: else
        fi
#else
        atomic {
            if
            :: newest_ended < seen -> newest_ended = seen
            :: else
            fi
        };
        atomic {
            if
            :: flag == seen -> flag = 0; is_over = true
            :: else -> seen = flag
            fi
        }
#endif
    od
}

/* csh_watch_after() of threads with nothing in their store buffer. */
inline after(seen, is_over)
{
    if
    :: flag != 0 -> trip(seen, is_over)
    :: flag == 0
    fi
}

#define IS_IDLE(job_) (job[job_] != QUEUED)

active proctype Streams()
{
end:
    do
    :: d_step { job[0] == QUEUED && gate -> is_written = true; job[0] = DONE }
    :: d_step { job[1] == QUEUED -> is_written = true; job[1] = DONE }
    :: d_step { job[2] == QUEUED -> is_written = true; job[2] = DONE }
    /* A store buffer empties when it likes. */
    :: d_step { buffered != 0 -> job[buffered] = QUEUED; buffered = 0 }
    od
}

/* It begins if it was not called off before; a kernel of the program that owns
 * the device keeps it from that: then its time is up first. */
active proctype Batch()
{
end:
    do
    :: atomic { batch == PENDING -> batch = RUNNING };
       assert(!is_freed);
       batch_saw = is_written;
       assert(!is_freed);
       batch = FINISHED
    od
}

inline wait_for_batch()
{
    do
    :: atomic { batch == PENDING -> batch = CANCELLED } /* its time is up */
    :: batch == FINISHED || batch == CANCELLED -> break
    od
}

/* In words: watch.h, "forming". 0 in believed: nothing is. */
inline form(believed, is_idle)
{
    believed = 0;
    is_idle = true;
#ifndef WITH_ARMING_LAST
    arm(believed);
#endif
    batch = BEGUN;
    atomic { is_reader_known = (n_ending == 0) };
    if
    :: !is_reader_known -> believed = 0
    :: else ->
#ifdef WITH_JOIN
        IS_IDLE(0);
        IS_IDLE(1) && IS_IDLE(2);
#endif
#ifndef WITHOUT_QUERY
        is_idle = is_idle && IS_IDLE(0);
        is_idle = is_idle && IS_IDLE(1) && IS_IDLE(2);
#endif
        if
        :: is_idle && is_covered ->
            atomic {
                if
                :: batch == BEGUN -> batch = PENDING
                :: else /* called off already */
                fi
            };
            wait_for_batch();
            if
            :: batch == CANCELLED || batch_saw -> believed = 0
            :: else ->
#ifdef WITH_ARMING_LAST
                arm(believed)
#else
                skip
#endif
            fi
        :: else -> believed = 0
        fi;
        is_reader_known = false
    fi;
    batch = IDLE
}

active proctype Former()
{
    byte believed, round, told, n_undone, seen;
    bool is_idle, is_over, is_ordered;

    /* The program's past: perhaps work that waits for the host. */
    atomic {
        if
        :: job[0] = QUEUED
        :: skip
        fi;
        if
        :: with_ending = true; run Ending()
        :: run Writer();
#ifdef WITH_OTHER
           run Other()
#else
           skip
#endif
        fi
    };
    do
    :: round == ROUNDS -> break
    :: else ->
        round++;
        form(believed, is_idle);
        is_ordered = false;
        /* The program lets its work run and waits for it, or takes the
         * writer's word and waits for that, or neither. */
        if
        :: !gate -> gate = true; IS_IDLE(0); is_ordered = (job[0] == DONE)
        :: n_told > told ->
            told++;
            job[told] == DONE;
            is_ordered = (told > n_undone)
        :: skip
        fi;
        if
        :: with_ending -> skip
        :: else ->
            /* The offload of R2. */
            if
            :: believed > newest_ended ->
#ifdef CLAIM_NEVER_ELIDED
                assert(false);
#endif
#ifdef CLAIM_NEVER_ELIDED_AGAIN
                assert(round == 1);
#endif
                assert(!(is_ordered && is_written))
            :: else
            fi;
            /* Once everything is done the program may upload R2 as it was. */
            if
            :: d_step {
                   IS_IDLE(0) && IS_IDLE(1) && IS_IDLE(2) && buffered == 0 ->
                   is_written = false;
                   n_undone = (job[1] == DONE) + (job[2] == DONE)
               };
               after(seen, is_over)
            :: skip
            fi
        fi
    od;
    gate = true
}

proctype Writer()
{
    byte launched, seen;
    bool is_over;

    do
    :: launched == N_JOBS - 1 -> break
    :: else ->
        launched++;
#ifdef WITH_TEST_FIRST
        seen = flag;
        buffered = launched;
#else
        buffered = launched;
        seen = flag;
#endif
        if
        :: seen != 0 ->
            atomic { drain() }; /* an exchange is a barrier */
            trip(seen, is_over)
        :: else
        fi;
        /* Stores leave the buffer in order: the word comes after the job. */
        atomic { drain(); n_told = launched }
    od
}

#ifdef WITH_OTHER
proctype Other()
{
    byte generation, seen;
    bool is_over;

    arm(generation);
    after(seen, is_over)
}
#endif

proctype Ending()
{
    byte seen;
    bool is_over;

    n_ending++;
    after(seen, is_over);
#ifndef WITHOUT_CALLING_OFF
    if
    :: is_reader_known ->
        atomic {
            if
            :: batch == BEGUN || batch == PENDING -> batch = CANCELLED
            :: else
            fi
        };
        batch != RUNNING /* ends by itself */
    :: !is_reader_known
    fi;
#endif
    is_covered = false;
    is_freed = true; /* the real call */
    n_ending--
}
