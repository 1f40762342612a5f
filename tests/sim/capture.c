/*
 * capture.c - stream capture: nothing captures yet.
 */
#include "sim.h"

CUresult sim_capture_check_unsafe(void)
{
    return CUDA_SUCCESS;
}

CUresult sim_capture_check_use(CUstream s)
{
    (void)s;
    return CUDA_SUCCESS;
}

CUresult sim_capture_check_look(CUstream s)
{
    (void)s;
    return CUDA_SUCCESS;
}

CUresult sim_capture_record(CUstream s, struct sim_work *w)
{
    (void)s;
    (void)w;
    return CUDA_SUCCESS;
}

CUresult sim_capture_event(CUevent e, CUstream s)
{
    (void)s;
    (void)e;
    return CUDA_SUCCESS;
}

CUresult sim_capture_wait_event(CUstream s, CUevent e, bool *d)
{
    (void)s;
    (void)e;
    (void)d;
    return CUDA_SUCCESS;
}

CUresult sim_capture_check_event(CUevent e)
{
    (void)e;
    return CUDA_SUCCESS;
}

void sim_capture_drop_stream(CUstream s)
{
    (void)s;
}
