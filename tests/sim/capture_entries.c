/*
 * capture_entries.c - the entry points of stream capture and of questions
 * about streams, each with its per-thread twin. The rules are in capture.c.
 */
#include "sim.h"

static CUresult begin_stream(CUstream *stream_p, enum sim_flavour flavour)
{
    CUcontext context;
    CUresult result = sim_begin(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    *stream_p = sim_stream_resolve(context, *stream_p, flavour);
    return *stream_p != NULL ? CUDA_SUCCESS
                             : sim_end(CUDA_ERROR_INVALID_HANDLE);
}

static CUresult begin_capture(CUstream stream, CUstreamCaptureMode mode,
                              enum sim_flavour flavour)
{
    CUresult result = begin_stream(&stream, flavour);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    return sim_end(sim_capture_begin(stream, mode, NULL, NULL, 0));
}

CUresult cuStreamBeginCapture(CUstream stream)
{
    SIM_ENTER(cuStreamBeginCapture);
    return begin_capture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL, SIM_PLAIN);
}

CUresult cuStreamBeginCapture_ptsz(CUstream stream)
{
    SIM_ENTER(cuStreamBeginCapture_ptsz);
    return begin_capture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL,
                         SIM_PER_THREAD);
}

CUresult cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode mode)
{
    SIM_ENTER(cuStreamBeginCapture_v2);
    return begin_capture(stream, mode, SIM_PLAIN);
}

CUresult cuStreamBeginCapture_v2_ptsz(CUstream stream,
                                      CUstreamCaptureMode mode)
{
    SIM_ENTER(cuStreamBeginCapture_v2_ptsz);
    return begin_capture(stream, mode, SIM_PER_THREAD);
}

static CUresult begin_capture_to_graph(CUstream stream, CUgraph graph,
                                       const CUgraphNode *leaves,
                                       size_t n_leaves,
                                       CUstreamCaptureMode mode,
                                       enum sim_flavour flavour)
{
    CUresult result = begin_stream(&stream, flavour);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (graph == NULL || graph->mark != SIM_GRAPH_MARK ||
        (leaves == NULL && n_leaves > 0)) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    return sim_end(sim_capture_begin(stream, mode, graph, leaves, n_leaves));
}

CUresult cuStreamBeginCaptureToGraph(CUstream stream, CUgraph graph,
                                     const CUgraphNode *leaves,
                                     const CUgraphEdgeData *edges,
                                     size_t n_leaves, CUstreamCaptureMode mode)
{
    SIM_ENTER(cuStreamBeginCaptureToGraph);
    (void)edges;
    return begin_capture_to_graph(stream, graph, leaves, n_leaves, mode,
                                  SIM_PLAIN);
}

CUresult cuStreamBeginCaptureToGraph_ptsz(CUstream stream, CUgraph graph,
                                          const CUgraphNode *leaves,
                                          const CUgraphEdgeData *edges,
                                          size_t n_leaves,
                                          CUstreamCaptureMode mode)
{
    SIM_ENTER(cuStreamBeginCaptureToGraph_ptsz);
    (void)edges;
    return begin_capture_to_graph(stream, graph, leaves, n_leaves, mode,
                                  SIM_PER_THREAD);
}

static CUresult end_capture(CUstream stream, CUgraph *graph_p,
                            enum sim_flavour flavour)
{
    CUresult result = begin_stream(&stream, flavour);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    return sim_end(graph_p == NULL ? CUDA_ERROR_INVALID_VALUE
                                   : sim_capture_end(stream, graph_p));
}

CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph_p)
{
    SIM_ENTER(cuStreamEndCapture);
    return end_capture(stream, graph_p, SIM_PLAIN);
}

CUresult cuStreamEndCapture_ptsz(CUstream stream, CUgraph *graph_p)
{
    SIM_ENTER(cuStreamEndCapture_ptsz);
    return end_capture(stream, graph_p, SIM_PER_THREAD);
}

static CUresult get_status(CUstream stream, enum sim_flavour flavour,
                           struct sim_capture_info *info_p)
{
    CUresult result = begin_stream(&stream, flavour);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    return sim_end(sim_capture_status(stream, info_p));
}

static CUresult is_capturing(CUstream stream, CUstreamCaptureStatus *status_p,
                             enum sim_flavour flavour)
{
    struct sim_capture_info info;
    CUresult result = get_status(stream, flavour, &info);

    if (result == CUDA_SUCCESS && status_p == NULL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *status_p = info.status;
    }
    return result;
}

CUresult cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus *status_p)
{
    SIM_ENTER(cuStreamIsCapturing);
    return is_capturing(stream, status_p, SIM_PLAIN);
}

CUresult cuStreamIsCapturing_ptsz(CUstream stream,
                                  CUstreamCaptureStatus *status_p)
{
    SIM_ENTER(cuStreamIsCapturing_ptsz);
    return is_capturing(stream, status_p, SIM_PER_THREAD);
}

/* Every output but the status may be NULL. */
static CUresult get_info(CUstream stream, enum sim_flavour flavour,
                         CUstreamCaptureStatus *status_p, cuuint64_t *id_p,
                         CUgraph *graph_p, const CUgraphNode **leaves_p,
                         size_t *n_leaves_p)
{
    struct sim_capture_info info;
    CUresult result = get_status(stream, flavour, &info);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (status_p == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *status_p = info.status;
    if (info.status != CU_STREAM_CAPTURE_STATUS_ACTIVE) {
        return CUDA_SUCCESS;
    }
    if (id_p != NULL) {
        *id_p = info.id;
    }
    if (graph_p != NULL) {
        *graph_p = info.graph;
    }
    if (leaves_p != NULL) {
        *leaves_p = info.leaves;
    }
    if (n_leaves_p != NULL) {
        *n_leaves_p = info.n_leaves;
    }
    return CUDA_SUCCESS;
}

CUresult cuStreamGetCaptureInfo(CUstream stream,
                                CUstreamCaptureStatus *status_p,
                                cuuint64_t *id_p)
{
    SIM_ENTER(cuStreamGetCaptureInfo);
    return get_info(stream, SIM_PLAIN, status_p, id_p, NULL, NULL, NULL);
}

CUresult cuStreamGetCaptureInfo_ptsz(CUstream stream,
                                     CUstreamCaptureStatus *status_p,
                                     cuuint64_t *id_p)
{
    SIM_ENTER(cuStreamGetCaptureInfo_ptsz);
    return get_info(stream, SIM_PER_THREAD, status_p, id_p, NULL, NULL, NULL);
}

CUresult cuStreamGetCaptureInfo_v2(CUstream stream,
                                   CUstreamCaptureStatus *status_p,
                                   cuuint64_t *id_p, CUgraph *graph_p,
                                   const CUgraphNode **leaves_p,
                                   size_t *n_leaves_p)
{
    SIM_ENTER(cuStreamGetCaptureInfo_v2);
    return get_info(stream, SIM_PLAIN, status_p, id_p, graph_p, leaves_p,
                    n_leaves_p);
}

CUresult cuStreamGetCaptureInfo_v2_ptsz(CUstream stream,
                                        CUstreamCaptureStatus *status_p,
                                        cuuint64_t *id_p, CUgraph *graph_p,
                                        const CUgraphNode **leaves_p,
                                        size_t *n_leaves_p)
{
    SIM_ENTER(cuStreamGetCaptureInfo_v2_ptsz);
    return get_info(stream, SIM_PER_THREAD, status_p, id_p, graph_p, leaves_p,
                    n_leaves_p);
}

CUresult cuStreamGetCaptureInfo_v3(CUstream stream,
                                   CUstreamCaptureStatus *status_p,
                                   cuuint64_t *id_p, CUgraph *graph_p,
                                   const CUgraphNode **leaves_p,
                                   const CUgraphEdgeData **edges_p,
                                   size_t *n_leaves_p)
{
    SIM_ENTER(cuStreamGetCaptureInfo_v3);
    if (edges_p != NULL) {
        *edges_p = NULL; /* all edges are plain */
    }
    return get_info(stream, SIM_PLAIN, status_p, id_p, graph_p, leaves_p,
                    n_leaves_p);
}

CUresult cuStreamGetCaptureInfo_v3_ptsz(CUstream stream,
                                        CUstreamCaptureStatus *status_p,
                                        cuuint64_t *id_p, CUgraph *graph_p,
                                        const CUgraphNode **leaves_p,
                                        const CUgraphEdgeData **edges_p,
                                        size_t *n_leaves_p)
{
    SIM_ENTER(cuStreamGetCaptureInfo_v3_ptsz);
    if (edges_p != NULL) {
        *edges_p = NULL; /* all edges are plain */
    }
    return get_info(stream, SIM_PER_THREAD, status_p, id_p, graph_p, leaves_p,
                    n_leaves_p);
}

/* Push and pop: the old mode comes back in the same place. */
CUresult cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode_p)
{
    struct sim_thread *thread = sim_thread();
    CUstreamCaptureMode old;
    CUresult result;

    SIM_ENTER(cuThreadExchangeStreamCaptureMode);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (mode_p == NULL || *mode_p > CU_STREAM_CAPTURE_MODE_RELAXED) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    old = thread->capture_mode;
    thread->capture_mode = *mode_p;
    *mode_p = old;
    return sim_end(CUDA_SUCCESS);
}
