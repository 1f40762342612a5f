/*
 * peer.c - access of one context's kernels to another device's memory.
 *
 * Every two devices can be peers. Access is enabled for one context into one
 * other, in one direction, and covers what that context allocates before and
 * after; memory of a pool on the peer is covered too. Copies need none.
 */
#include "sim.h"

CUresult cuCtxEnablePeerAccess(CUcontext peer, unsigned int flags)
{
    CUcontext context;
    CUresult result;

    SIM_ENTER(cuCtxEnablePeerAccess);
    result = sim_begin(&context);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    context = context->root;
    if (flags != 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    if (!sim_context_is_alive(peer)) {
        return sim_end(CUDA_ERROR_INVALID_CONTEXT);
    }
    peer = peer->root;
    if (peer->device == context->device) {
        return sim_end(CUDA_ERROR_PEER_ACCESS_UNSUPPORTED);
    }
    if (context->peers[peer->device] == peer) {
        return sim_end(CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED);
    }
    if (context->peers[peer->device] != NULL) { /* one a device is kept */
        return sim_end(CUDA_ERROR_TOO_MANY_PEERS);
    }
    context->peers[peer->device] = peer;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuCtxDisablePeerAccess(CUcontext peer)
{
    CUcontext context;
    CUresult result;

    SIM_ENTER(cuCtxDisablePeerAccess);
    result = sim_begin(&context);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    context = context->root;
    if (!sim_context_is_alive(peer)) {
        return sim_end(CUDA_ERROR_INVALID_CONTEXT);
    }
    peer = peer->root;
    if (context->peers[peer->device] != peer) {
        return sim_end(CUDA_ERROR_PEER_ACCESS_NOT_ENABLED);
    }
    context->peers[peer->device] = NULL;
    return sim_end(CUDA_SUCCESS);
}
