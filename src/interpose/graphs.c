/*
 * graphs.c - wrappers of the instantiations whose flags say whether a graph
 * may be launched by the device: then work begins that no call enqueues. What
 * a pointer leads to is read only after the driver took it.
 *
 * Owns nothing, takes no lock.
 */
#include "driver/driver.h"
#include "engine/engine.h"
#include "interpose/watching.h"

static void csh_note_flags(unsigned long long flags, CUresult result)
{
    if (result == CUDA_SUCCESS &&
        (flags & CUDA_GRAPH_INSTANTIATE_FLAG_DEVICE_LAUNCH) != 0) {
        csh_watch_forbid(CSH_GAUGE_cohorts_off_device_launch);
    }
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec_p, CUgraph graph,
                                     unsigned long long flags)
{
    PFN_cuGraphInstantiateWithFlags_v11040 real =
        csh_real_cuGraphInstantiateWithFlags();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    result = real(exec_p, graph, flags);
    if (csh_engine_makes_room(result)) {
        result = real(exec_p, graph, flags);
    }
    csh_note_flags(flags, result);
    csh_watch_after();
    return result;
}

/* An upload may have been enqueued, too. */
static void csh_note_params(const CUDA_GRAPH_INSTANTIATE_PARAMS *params,
                            enum csh_flavour flavour, CUresult result)
{
    if (result == CUDA_SUCCESS) {
        csh_note_flags(params->flags, result);
        csh_watching_stream(params->hUploadStream, flavour);
    }
    csh_watch_after();
}

CUresult cuGraphInstantiateWithParams(CUgraphExec *exec_p, CUgraph graph,
                                      CUDA_GRAPH_INSTANTIATE_PARAMS *params)
{
    PFN_cuGraphInstantiateWithParams_v12000 real =
        csh_real_cuGraphInstantiateWithParams();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    result = real(exec_p, graph, params);
    if (csh_engine_makes_room(result)) {
        result = real(exec_p, graph, params);
    }
    csh_note_params(params, CSH_PLAIN, result);
    return result;
}

CUresult cuGraphInstantiateWithParams_ptsz(
    CUgraphExec *exec_p, CUgraph graph, CUDA_GRAPH_INSTANTIATE_PARAMS *params)
{
    PFN_cuGraphInstantiateWithParams_v12000_ptsz real =
        csh_real_cuGraphInstantiateWithParams_ptsz();
    CUresult result;

    if (real == NULL) {
        return csh_driver_absent();
    }
    result = real(exec_p, graph, params);
    if (csh_engine_makes_room(result)) {
        result = real(exec_p, graph, params);
    }
    csh_note_params(params, CSH_PER_THREAD, result);
    return result;
}
