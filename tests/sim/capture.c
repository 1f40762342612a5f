/*
 * capture.c - stream capture: who takes part, and what spoils it.
 *
 * A capture has an origin stream; other streams join by waiting for an event
 * recorded inside it. Work submitted to a stream of a capture becomes a node
 * that depends on the stream's leaves. The errors are those of surface.md
 * 5.3; each of them but WRONG_THREAD and ILLEGAL_STATE also invalidates the
 * captures it is about, which then end with INVALIDATED and without a graph.
 *
 * Prohibited beside a capture ("potentially unsafe", cuda.h on
 * cuThreadExchangeStreamCaptureMode) is here: allocating and freeing, pinning
 * and unpinning, loading modules, waiting, queries, synchronous copies.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

struct sim_capture {
    uint64_t id;
    CUstreamCaptureMode mode;
    CUstream origin;
    CUgraph graph;
    bool is_graph_given; /* cuStreamBeginCaptureToGraph */
    uint64_t thread;     /* that began it */
    bool is_invalid;
    struct sim_capture *next;
};

static struct sim_capture *captures;

static struct sim_capture *find(uint64_t id)
{
    struct sim_capture *capture = captures;

    while (capture != NULL && capture->id != id) {
        capture = capture->next;
    }
    return capture;
}

/* ------------------------------------------------------------- checks --- */

CUresult sim_capture_check_unsafe(void)
{
    const struct sim_thread *thread = sim_thread();
    CUresult result = CUDA_SUCCESS;

    if (thread->capture_mode == CU_STREAM_CAPTURE_MODE_RELAXED) {
        return CUDA_SUCCESS;
    }
    for (struct sim_capture *capture = captures; capture != NULL;
         capture = capture->next) {
        bool is_own = capture->thread == thread->number;

        if (is_own ? capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED
                   : capture->mode == CU_STREAM_CAPTURE_MODE_GLOBAL &&
                     thread->capture_mode == CU_STREAM_CAPTURE_MODE_GLOBAL) {
            capture->is_invalid = true;
            result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
        }
    }
    return result;
}

/* The legacy stream would depend on blocking streams that capture. */
static CUresult check_legacy(CUstream stream, bool invalidate)
{
    CUresult result = CUDA_SUCCESS;

    if (captures == NULL || !stream->is_legacy) {
        return CUDA_SUCCESS;
    }
    for (CUstream other = stream->context->streams; other != NULL;
         other = other->next) {
        if (other->capture != NULL && sim_stream_is_blocking(other)) {
            other->capture->is_invalid |= invalidate;
            result = CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
        }
    }
    return result;
}

CUresult sim_capture_check_use(CUstream stream)
{
    if (stream->capture != NULL && stream->capture->is_invalid) {
        return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    }
    return check_legacy(stream, true);
}

CUresult sim_capture_check_look(CUstream stream)
{
    CUresult result = sim_capture_check_use(stream);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (stream->capture != NULL) {
        stream->capture->is_invalid = true;
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    return sim_capture_check_unsafe();
}

CUresult sim_capture_check_context(CUcontext context)
{
    CUresult result = CUDA_SUCCESS;

    for (CUstream stream = context->streams; stream != NULL;
         stream = stream->next) {
        if (stream->capture != NULL) {
            stream->capture->is_invalid = true;
            result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
        }
    }
    return result != CUDA_SUCCESS ? result : sim_capture_check_unsafe();
}

CUresult sim_capture_check_event(CUevent event)
{
    struct sim_capture *capture;

    if (event->capture_id == 0) {
        return CUDA_SUCCESS;
    }
    capture = find(event->capture_id);
    if (capture != NULL) {
        capture->is_invalid = true;
    }
    return CUDA_ERROR_CAPTURED_EVENT;
}

/* ---------------------------------------------------------- recording --- */

static void set_leaves(CUgraphNode **leaves_p, size_t *n_leaves_p,
                       const CUgraphNode *leaves, size_t n_leaves)
{
    CUgraphNode *copy = sim_allocate(n_leaves * sizeof(*copy));

    if (n_leaves > 0) {
        memcpy(copy, leaves, n_leaves * sizeof(*copy));
    }
    free(*leaves_p);
    *leaves_p = copy;
    *n_leaves_p = n_leaves;
}

CUresult sim_capture_record(CUstream stream, struct sim_work *work)
{
    CUgraphNode node;

    if (work->op == SIM_OP_CALLBACK || work->op == SIM_OP_BIRTH ||
        work->op == SIM_OP_DEATH) {
        stream->capture->is_invalid = true;
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    node = sim_graph_add(stream->capture->graph, stream->context, work,
                         stream->leaves, stream->n_leaves);
    set_leaves(&stream->leaves, &stream->n_leaves, &node, 1);
    return CUDA_SUCCESS;
}

CUresult sim_capture_event(CUevent event, CUstream stream)
{
    sim_item_release(event->item);
    event->item = NULL;
    event->capture_id = stream->capture->id;
    set_leaves(&event->leaves, &event->n_leaves, stream->leaves,
               stream->n_leaves);
    return CUDA_SUCCESS;
}

static void add_leaves(CUstream stream, const CUgraphNode *leaves, size_t n)
{
    CUgraphNode *all = sim_allocate((stream->n_leaves + n) * sizeof(*all));
    size_t n_all = 0;

    for (size_t i = 0; i < stream->n_leaves; i++) {
        all[n_all++] = stream->leaves[i];
    }
    for (size_t i = 0; i < n; i++) {
        bool is_new = true;

        for (size_t k = 0; k < stream->n_leaves; k++) {
            is_new = is_new && stream->leaves[k] != leaves[i];
        }
        if (is_new) {
            all[n_all++] = leaves[i];
        }
    }
    free(stream->leaves);
    stream->leaves = all;
    stream->n_leaves = n_all;
}

static CUresult invalidate(struct sim_capture *a, struct sim_capture *b,
                           CUresult result)
{
    if (a != NULL) {
        a->is_invalid = true;
    }
    if (b != NULL) {
        b->is_invalid = true;
    }
    return result;
}

CUresult sim_capture_wait_event(CUstream stream, CUevent event, bool *done_p)
{
    struct sim_capture *own = stream->capture, *other;
    CUresult result = sim_capture_check_use(stream);

    *done_p = own != NULL || event->capture_id != 0;
    if (result != CUDA_SUCCESS || !*done_p) {
        return result;
    }
    if (event->capture_id == 0) {
        /* An event that was never recorded is waited for by nobody. */
        return event->item == NULL
                   ? CUDA_SUCCESS
                   : invalidate(own, NULL,
                                CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
    }
    other = find(event->capture_id);
    if (other == NULL) {
        return invalidate(own, NULL, CUDA_ERROR_CAPTURED_EVENT);
    }
    if (other->is_invalid) {
        return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    }
    if (stream->is_legacy) {
        return invalidate(other, NULL, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
    }
    if (own != NULL && own != other) {
        return invalidate(own, other, CUDA_ERROR_STREAM_CAPTURE_MERGE);
    }
    stream->capture = other;
    add_leaves(stream, event->leaves, event->n_leaves);
    return CUDA_SUCCESS;
}

/* ------------------------------------------------------ begin and end --- */

static void leave(CUstream stream)
{
    stream->capture = NULL;
    free(stream->leaves);
    stream->leaves = NULL;
    stream->n_leaves = 0;
}

static void leave_all(const struct sim_capture *capture)
{
    for (CUcontext context = sim_contexts(); context != NULL;
         context = context->next) {
        for (CUstream stream = context->streams; stream != NULL;
             stream = stream->next) {
            if (stream->capture == capture) {
                leave(stream);
            }
        }
    }
}

/* The graph is the caller's afterwards, or gone if there is none to have. */
static void end(struct sim_capture *capture, bool keep_graph)
{
    struct sim_capture **at = &captures;

    leave_all(capture);
    while (*at != capture) {
        at = &(*at)->next;
    }
    *at = capture->next;
    if (!keep_graph && !capture->is_graph_given) {
        sim_graph_end(capture->graph);
    }
    free(capture);
}

void sim_capture_drop_stream(CUstream stream)
{
    struct sim_capture *capture = stream->capture;

    if (capture == NULL) {
        return;
    }
    if (capture->origin == stream) {
        end(capture, false);
    } else {
        capture->is_invalid = true;
        leave(stream);
    }
}

static void mark_ancestors(CUgraphNode node)
{
    if (node->is_marked) {
        return;
    }
    node->is_marked = true;
    for (size_t i = 0; i < node->n_dependencies; i++) {
        mark_ancestors(node->dependencies[i]);
    }
}

/* Does all that other streams did lead back to the origin? */
static bool is_joined(const struct sim_capture *capture)
{
    CUstream origin = capture->origin;

    for (size_t i = 0; i < capture->graph->n_nodes; i++) {
        capture->graph->nodes[i]->is_marked = false;
    }
    for (size_t i = 0; i < origin->n_leaves; i++) {
        mark_ancestors(origin->leaves[i]);
    }
    for (CUcontext context = sim_contexts(); context != NULL;
         context = context->next) {
        for (CUstream stream = context->streams; stream != NULL;
             stream = stream->next) {
            for (size_t i = 0;
                 stream->capture == capture && i < stream->n_leaves; i++) {
                if (!stream->leaves[i]->is_marked) {
                    return false;
                }
            }
        }
    }
    return true;
}

CUresult sim_capture_begin(CUstream stream, CUstreamCaptureMode mode,
                           CUgraph graph, const CUgraphNode *leaves,
                           size_t n_leaves)
{
    struct sim_capture *capture;

    if (mode > CU_STREAM_CAPTURE_MODE_RELAXED) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (stream->is_legacy) {
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    if (stream->capture != NULL) {
        return CUDA_ERROR_ILLEGAL_STATE;
    }
    capture = sim_allocate(sizeof(*capture));
    capture->id = sim_next_id();
    capture->mode = mode;
    capture->origin = stream;
    capture->thread = sim_thread()->number;
    capture->is_graph_given = graph != NULL;
    capture->graph = graph != NULL ? graph : sim_graph_new();
    capture->next = captures;
    captures = capture;
    stream->capture = capture;
    set_leaves(&stream->leaves, &stream->n_leaves, leaves, n_leaves);
    return CUDA_SUCCESS;
}

CUresult sim_capture_end(CUstream stream, CUgraph *graph_p)
{
    struct sim_capture *capture = stream->capture;
    CUresult result = CUDA_SUCCESS;

    *graph_p = NULL;
    if (capture == NULL) {
        return CUDA_ERROR_ILLEGAL_STATE;
    }
    if (capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED &&
        capture->thread != sim_thread()->number) {
        return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
    }
    if (capture->origin != stream) {
        return invalidate(capture, NULL,
                          CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
    }
    if (capture->is_invalid) {
        result = CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    } else if (!is_joined(capture)) {
        result = CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
    } else {
        *graph_p = capture->graph;
    }
    end(capture, result == CUDA_SUCCESS);
    return result;
}

CUresult sim_capture_status(CUstream stream, struct sim_capture_info *info_p)
{
    const struct sim_capture *capture = stream->capture;

    memset(info_p, 0, sizeof(*info_p));
    info_p->status = CU_STREAM_CAPTURE_STATUS_NONE;
    if (capture == NULL) {
        return check_legacy(stream, false);
    }
    if (capture->is_invalid) {
        info_p->status = CU_STREAM_CAPTURE_STATUS_INVALIDATED;
        return CUDA_SUCCESS;
    }
    info_p->status = CU_STREAM_CAPTURE_STATUS_ACTIVE;
    info_p->id = capture->id;
    info_p->graph = capture->graph;
    info_p->leaves = stream->leaves;
    info_p->n_leaves = stream->n_leaves;
    return CUDA_SUCCESS;
}
