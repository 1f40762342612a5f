/*
 * streams.c - the list behind streams.h.
 *
 * Owns one node a known stream, and one (stream NULL) for each context in which
 * a stream was destroyed while its work may have gone on.
 *
 * Threads: the lock is of leaf rank and never held across a driver call. A
 * node whose stream is being asked is pinned by a count; whoever wants to
 * remove it first marks it, so that nobody pins it anew, and then yields until
 * the count is zero: for as long as cuStreamQuery takes, which waits for no
 * work. Without that the shim could ask about a handle that the program has
 * just destroyed, which no program does by itself.
 *
 * Can fail: adding, for want of memory. Then the list is incomplete for good
 * and every answer is "unknown".
 */
#include "track/streams.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/compiler.h"

/* In per_thread_user: threads get numbers from 1. */
#define SEVERAL UINT64_MAX

struct csh_stream_node {
    struct csh_stream_node *next;
    CUcontext context;
    CUstream stream;    /* NULL: destroyed, its work unknown */
    unsigned n_queries; /* threads that ask the driver about it now */
    bool is_leaving;
};

/* A number, not an address or a thread id: those are used again. */
static uint64_t thread_number(void)
{
    static _Atomic uint64_t n_threads;
    static CSH_THREAD_LOCAL uint64_t own;

    if (own == 0) {
        own = atomic_fetch_add(&n_threads, 1) + 1;
    }

    return own;
}

static struct csh_stream_node **find_locked(struct csh_streams *streams,
                                            CUstream stream)
        CSH_REQUIRES(streams->lock)
{
    struct csh_stream_node **link = &streams->nodes;

    while ((*link != NULL) && ((*link)->stream != stream)) {
        link = &(*link)->next;
    }

    return link;
}

static void unlink_locked(struct csh_stream_node **link)
{
    struct csh_stream_node *node = *link;

    *link = node->next;
    free(node);
}

void csh_streams_add(struct csh_streams *streams, CUcontext context,
                     CUstream stream)
{
    struct csh_stream_node *node;

    if (stream == NULL) {
        return;
    }

    csh_lock_acquire(&streams->lock);
    if (*find_locked(streams, stream) == NULL) {
        node = calloc(1, sizeof(*node));
        if (node == NULL) {
            streams->is_incomplete = true;
        } else {
            node->context  = context;
            node->stream   = stream;
            node->next     = streams->nodes;
            streams->nodes = node;
        }
    }
    csh_lock_release(&streams->lock);
}

void csh_streams_note_unknown(struct csh_streams *streams)
{
    csh_lock_acquire(&streams->lock);
    streams->is_incomplete = true;
    csh_lock_release(&streams->lock);
}

/* One node says as much as many, and a program may end streams for ever. */
static bool has_unknown_work_locked(const struct csh_streams *streams,
                                    CUcontext context)
        CSH_REQUIRES(streams->lock)
{
    const struct csh_stream_node *node = streams->nodes;

    while ((node != NULL) &&
           ((node->stream != NULL) || (node->context != context))) {
        node = node->next;
    }

    return node != NULL;
}

bool csh_streams_remove(struct csh_streams *streams, CUstream stream,
                        bool was_idle)
{
    struct csh_stream_node **link;
    bool is_known = false;

    if (stream == NULL) {
        return false;
    }

    csh_lock_acquire(&streams->lock);
    while (*(link = find_locked(streams, stream)) != NULL) {
        is_known            = true;
        (*link)->is_leaving = true;
        if ((*link)->n_queries == 0) {
            break;
        }
        csh_lock_release(&streams->lock);
        sched_yield();
        csh_lock_acquire(&streams->lock);
    }
    if (*link != NULL) {
        if (was_idle ||
            has_unknown_work_locked(streams, (*link)->context)) {
            unlink_locked(link);
        } else {
            (*link)->stream = NULL;
        }
    }
    csh_lock_release(&streams->lock);

    return is_known;
}

/* Removes what belongs to a context: all of it, or only work whose stream is
 * gone. Returns whether a node is still being asked about. */
static bool remove_of_locked(struct csh_streams *streams, CUcontext context,
                             bool all) CSH_REQUIRES(streams->lock)
{
    struct csh_stream_node **link = &streams->nodes;
    bool is_asked                 = false;

    while (*link != NULL) {
        if (((*link)->context != context) ||
            (!all && ((*link)->stream != NULL))) {
            link = &(*link)->next;
        } else if ((*link)->n_queries > 0) {
            (*link)->is_leaving = true;
            is_asked            = true;
            link                = &(*link)->next;
        } else {
            unlink_locked(link);
        }
    }

    return is_asked;
}

void csh_streams_remove_context(struct csh_streams *streams,
                                CUcontext context)
{
    csh_lock_acquire(&streams->lock);
    while (remove_of_locked(streams, context, true)) {
        csh_lock_release(&streams->lock);
        sched_yield();
        csh_lock_acquire(&streams->lock);
    }
    csh_lock_release(&streams->lock);
}

void csh_streams_note_synchronised(struct csh_streams *streams,
                                   CUcontext context)
{
    csh_lock_acquire(&streams->lock);
    (void)remove_of_locked(streams, context, false);
    csh_lock_release(&streams->lock);
}

void csh_streams_note_per_thread(struct csh_streams *streams)
{
    uint64_t own = thread_number();

    csh_lock_acquire(&streams->lock);
    if (streams->per_thread_user == 0) {
        streams->per_thread_user = own;
    } else if (streams->per_thread_user != own) {
        streams->per_thread_user = SEVERAL;
    }
    csh_lock_release(&streams->lock);
}

bool csh_streams_has_several_threads(struct csh_streams *streams)
{
    bool has_several;

    csh_lock_acquire(&streams->lock);
    has_several = (streams->per_thread_user == SEVERAL);
    csh_lock_release(&streams->lock);

    return has_several;
}

size_t csh_streams_snapshot(struct csh_streams *streams, CUcontext context,
                            CUstream *array, size_t capacity)
{
    const struct csh_stream_node *node;
    size_t n = 0;

    csh_lock_acquire(&streams->lock);
    for (node = streams->nodes; node != NULL; node = node->next) {
        if ((node->context == context) && (node->stream != NULL)) {
            if (n < capacity) {
                array[n] = node->stream;
            }
            n++;
        }
    }
    csh_lock_release(&streams->lock);

    return n;
}

/* An error says nothing about the work. */
static enum csh_idleness idleness(CUresult result)
{
    switch (result) {
    case CUDA_SUCCESS:
        return CSH_IDLE;
    case CUDA_ERROR_NOT_READY:
        return CSH_BUSY;
    default:
        return CSH_IDLENESS_UNKNOWN;
    }
}

/* The default streams, which have no node; handles 1 and 2 mean the same in
 * every flavour of the entry point. */
static enum csh_idleness query_default(struct csh_streams *streams,
                                       PFN_cuStreamQuery_v2000 query)
{
    enum csh_idleness answer;
    uint64_t user;
    bool is_incomplete;

    csh_lock_acquire(&streams->lock);
    user          = streams->per_thread_user;
    is_incomplete = streams->is_incomplete;
    csh_lock_release(&streams->lock);

    if (is_incomplete || ((user != 0) && (user != thread_number()))) {
        return CSH_IDLENESS_UNKNOWN;
    }

    answer = idleness(query(CU_STREAM_LEGACY));
    if ((answer == CSH_IDLE) && (user != 0)) {
        answer = idleness(query(CU_STREAM_PER_THREAD));
    }

    return answer;
}

enum csh_idleness csh_streams_query(struct csh_streams *streams,
                                    CUcontext context,
                                    PFN_cuStreamQuery_v2000 query)
{
    enum csh_idleness answer;
    struct csh_stream_node *node;

    csh_lock_assert_none();
    answer = query_default(streams, query);
    if (answer != CSH_IDLE) {
        return answer;
    }

    csh_lock_acquire(&streams->lock);
    for (node = streams->nodes; (node != NULL) && (answer == CSH_IDLE);
         node = node->next) {
        if (node->context != context) {
            continue;
        }
        if (node->is_leaving) {
            answer = CSH_IDLENESS_UNKNOWN;
            continue;
        }
        node->n_queries++;
        csh_lock_release(&streams->lock);
        answer = idleness(query(node->stream));
        csh_lock_acquire(&streams->lock);
        node->n_queries--;
    }
    csh_lock_release(&streams->lock);

    return answer;
}
