/*
 * capture.c - wrappers of the calls that begin and end a stream capture.
 *
 * Each makes the program's own call and tells the engine what it returned;
 * that a capture begins is told before, so that nothing of the shim's is
 * under way that it would not survive.
 * EndCapture is told with its result: an error may end the capture too.
 */
#include "driver/driver.h"
#include "engine/engine.h"
#include "interpose/watching.h"

CUresult cuStreamBeginCapture(CUstream stream)
{
    PFN_cuStreamBeginCapture_v10000 real = csh_real_cuStreamBeginCapture();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_watching_stream(stream, CSH_PLAIN);
    csh_engine_capture_beginning();
    result = real(stream);
    csh_watch_after();
    csh_engine_capture_begun(result);
    return result;
}

CUresult cuStreamBeginCapture_ptsz(CUstream stream)
{
    PFN_cuStreamBeginCapture_v10000_ptsz real =
        csh_real_cuStreamBeginCapture_ptsz();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_watching_stream(stream, CSH_PER_THREAD);
    csh_engine_capture_beginning();
    result = real(stream);
    csh_watch_after();
    csh_engine_capture_begun(result);
    return result;
}

CUresult cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode mode)
{
    PFN_cuStreamBeginCapture_v10010 real = csh_real_cuStreamBeginCapture_v2();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_watching_stream(stream, CSH_PLAIN);
    csh_engine_capture_beginning();
    result = real(stream, mode);
    csh_watch_after();
    csh_engine_capture_begun(result);
    return result;
}

CUresult cuStreamBeginCapture_v2_ptsz(CUstream stream,
                                      CUstreamCaptureMode mode)
{
    PFN_cuStreamBeginCapture_v10010_ptsz real =
        csh_real_cuStreamBeginCapture_v2_ptsz();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_watching_stream(stream, CSH_PER_THREAD);
    csh_engine_capture_beginning();
    result = real(stream, mode);
    csh_watch_after();
    csh_engine_capture_begun(result);
    return result;
}

#if CUDA_VERSION >= 12030
CUresult cuStreamBeginCaptureToGraph(CUstream stream, CUgraph graph,
                                     const CUgraphNode *dependencies,
                                     const CUgraphEdgeData *edges, size_t n,
                                     CUstreamCaptureMode mode)
{
    PFN_cuStreamBeginCaptureToGraph_v12030 real =
        csh_real_cuStreamBeginCaptureToGraph();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_watching_stream(stream, CSH_PLAIN);
    csh_engine_capture_beginning();
    result = real(stream, graph, dependencies, edges, n, mode);
    csh_watch_after();
    csh_engine_capture_begun(result);
    return result;
}

CUresult cuStreamBeginCaptureToGraph_ptsz(CUstream stream, CUgraph graph,
                                          const CUgraphNode *dependencies,
                                          const CUgraphEdgeData *edges,
                                          size_t n, CUstreamCaptureMode mode)
{
    PFN_cuStreamBeginCaptureToGraph_v12030_ptsz real =
        csh_real_cuStreamBeginCaptureToGraph_ptsz();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_watching_stream(stream, CSH_PER_THREAD);
    csh_engine_capture_beginning();
    result = real(stream, graph, dependencies, edges, n, mode);
    csh_watch_after();
    csh_engine_capture_begun(result);
    return result;
}
#endif

CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph_p)
{
    const struct csh_stream ended = {stream, CSH_PLAIN};
    PFN_cuStreamEndCapture_v10000 real = csh_real_cuStreamEndCapture();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_watching_stream(stream, CSH_PLAIN);
    result = real(stream, graph_p);
    csh_watch_after();
    csh_engine_capture_ended(ended, result);
    return result;
}

CUresult cuStreamEndCapture_ptsz(CUstream stream, CUgraph *graph_p)
{
    const struct csh_stream ended = {stream, CSH_PER_THREAD};
    PFN_cuStreamEndCapture_v10000_ptsz real =
        csh_real_cuStreamEndCapture_ptsz();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    csh_watching_stream(stream, CSH_PER_THREAD);
    result = real(stream, graph_p);
    csh_watch_after();
    csh_engine_capture_ended(ended, result);
    return result;
}
