/*
 * stream_ops.c - host functions and values in stream order.
 *
 * A host function runs on a thread of the driver, with no lock held, and may
 * make no CUDA call: each of them answers NOT_PERMITTED there. A value is
 * waited for by polling; it may be written by the host, a copy, a kernel or
 * another stream.
 */
#include "sim.h"

static CUresult submit(CUstream handle, struct sim_work *work,
                       enum sim_flavour flavour)
{
    CUcontext context;
    CUresult result = sim_begin(&context);
    CUstream stream;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    stream = sim_stream_resolve(context, handle, flavour);
    if (stream == NULL) {
        return sim_end(CUDA_ERROR_INVALID_HANDLE);
    }
    if ((work->op == SIM_OP_WAIT_VALUE || work->op == SIM_OP_WRITE_VALUE) &&
        sim_range_reach(work->value.address, work->value.is_64 ? 8 : 4,
                        stream->context, SIM_COPY_ENGINE,
                        work->op == SIM_OP_WAIT_VALUE ? SIM_READS
                                                      : SIM_WRITES) == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    return sim_end(sim_stream_work(stream, work, false, NULL));
}

static CUresult host_function(CUstream stream, CUhostFn function, void *data,
                              enum sim_flavour flavour)
{
    struct sim_work work = {.op = SIM_OP_HOST,
                            .host = {.function = function, .data = data}};

    return function == NULL ? CUDA_ERROR_INVALID_VALUE
                            : submit(stream, &work, flavour);
}

CUresult cuLaunchHostFunc(CUstream stream, CUhostFn function, void *data)
{
    SIM_ENTER(cuLaunchHostFunc);
    return host_function(stream, function, data, SIM_PLAIN);
}

CUresult cuLaunchHostFunc_ptsz(CUstream stream, CUhostFn function, void *data)
{
    SIM_ENTER(cuLaunchHostFunc_ptsz);
    return host_function(stream, function, data, SIM_PER_THREAD);
}

static CUresult add_callback(CUstream stream, CUstreamCallback function,
                             void *data, unsigned flags,
                             enum sim_flavour flavour)
{
    struct sim_work work = {.op = SIM_OP_CALLBACK};

    if (function == NULL || flags != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    work.callback.function = function;
    work.callback.data = data;
    work.callback.handle = stream;
    return submit(stream, &work, flavour);
}

CUresult cuStreamAddCallback(CUstream stream, CUstreamCallback function,
                             void *data, unsigned int flags)
{
    SIM_ENTER(cuStreamAddCallback);
    return add_callback(stream, function, data, flags, SIM_PLAIN);
}

CUresult cuStreamAddCallback_ptsz(CUstream stream, CUstreamCallback function,
                                  void *data, unsigned int flags)
{
    SIM_ENTER(cuStreamAddCallback_ptsz);
    return add_callback(stream, function, data, flags, SIM_PER_THREAD);
}

static CUresult value_op(enum sim_op op, CUstream stream, CUdeviceptr address,
                         uint64_t value, unsigned bits, unsigned flags,
                         enum sim_flavour flavour)
{
    struct sim_work work = {.op = op,
                            .value = {.address = address, .value = value,
                                      .is_64 = bits == 64, .flags = flags}};

    return address % (bits / 8) != 0 ? CUDA_ERROR_INVALID_VALUE
                                     : submit(stream, &work, flavour);
}

CUresult cuStreamWaitValue32(CUstream stream, CUdeviceptr address,
                             cuuint32_t value, unsigned int flags)
{
    SIM_ENTER(cuStreamWaitValue32);
    return value_op(SIM_OP_WAIT_VALUE, stream, address, value, 32, flags,
                    SIM_PLAIN);
}

CUresult cuStreamWaitValue32_ptsz(CUstream stream, CUdeviceptr address,
                                  cuuint32_t value, unsigned int flags)
{
    SIM_ENTER(cuStreamWaitValue32_ptsz);
    return value_op(SIM_OP_WAIT_VALUE, stream, address, value, 32, flags,
                    SIM_PER_THREAD);
}

CUresult cuStreamWaitValue32_v2(CUstream stream, CUdeviceptr address,
                                cuuint32_t value, unsigned int flags)
{
    SIM_ENTER(cuStreamWaitValue32_v2);
    return value_op(SIM_OP_WAIT_VALUE, stream, address, value, 32, flags,
                    SIM_PLAIN);
}

CUresult cuStreamWaitValue32_v2_ptsz(CUstream stream, CUdeviceptr address,
                                     cuuint32_t value, unsigned int flags)
{
    SIM_ENTER(cuStreamWaitValue32_v2_ptsz);
    return value_op(SIM_OP_WAIT_VALUE, stream, address, value, 32, flags,
                    SIM_PER_THREAD);
}

CUresult cuStreamWaitValue64(CUstream stream, CUdeviceptr address,
                             cuuint64_t value, unsigned int flags)
{
    SIM_ENTER(cuStreamWaitValue64);
    return value_op(SIM_OP_WAIT_VALUE, stream, address, value, 64, flags,
                    SIM_PLAIN);
}

CUresult cuStreamWaitValue64_ptsz(CUstream stream, CUdeviceptr address,
                                  cuuint64_t value, unsigned int flags)
{
    SIM_ENTER(cuStreamWaitValue64_ptsz);
    return value_op(SIM_OP_WAIT_VALUE, stream, address, value, 64, flags,
                    SIM_PER_THREAD);
}

CUresult cuStreamWaitValue64_v2(CUstream stream, CUdeviceptr address,
                                cuuint64_t value, unsigned int flags)
{
    SIM_ENTER(cuStreamWaitValue64_v2);
    return value_op(SIM_OP_WAIT_VALUE, stream, address, value, 64, flags,
                    SIM_PLAIN);
}

CUresult cuStreamWaitValue64_v2_ptsz(CUstream stream, CUdeviceptr address,
                                     cuuint64_t value, unsigned int flags)
{
    SIM_ENTER(cuStreamWaitValue64_v2_ptsz);
    return value_op(SIM_OP_WAIT_VALUE, stream, address, value, 64, flags,
                    SIM_PER_THREAD);
}

CUresult cuStreamWriteValue32(CUstream stream, CUdeviceptr address,
                              cuuint32_t value, unsigned int flags)
{
    SIM_ENTER(cuStreamWriteValue32);
    return value_op(SIM_OP_WRITE_VALUE, stream, address, value, 32, flags,
                    SIM_PLAIN);
}

CUresult cuStreamWriteValue32_ptsz(CUstream stream, CUdeviceptr address,
                                   cuuint32_t value, unsigned int flags)
{
    SIM_ENTER(cuStreamWriteValue32_ptsz);
    return value_op(SIM_OP_WRITE_VALUE, stream, address, value, 32, flags,
                    SIM_PER_THREAD);
}

CUresult cuStreamWriteValue32_v2(CUstream stream, CUdeviceptr address,
                                 cuuint32_t value, unsigned int flags)
{
    SIM_ENTER(cuStreamWriteValue32_v2);
    return value_op(SIM_OP_WRITE_VALUE, stream, address, value, 32, flags,
                    SIM_PLAIN);
}

CUresult cuStreamWriteValue32_v2_ptsz(CUstream stream, CUdeviceptr address,
                                      cuuint32_t value, unsigned int flags)
{
    SIM_ENTER(cuStreamWriteValue32_v2_ptsz);
    return value_op(SIM_OP_WRITE_VALUE, stream, address, value, 32, flags,
                    SIM_PER_THREAD);
}

CUresult cuStreamWriteValue64(CUstream stream, CUdeviceptr address,
                              cuuint64_t value, unsigned int flags)
{
    SIM_ENTER(cuStreamWriteValue64);
    return value_op(SIM_OP_WRITE_VALUE, stream, address, value, 64, flags,
                    SIM_PLAIN);
}

CUresult cuStreamWriteValue64_ptsz(CUstream stream, CUdeviceptr address,
                                   cuuint64_t value, unsigned int flags)
{
    SIM_ENTER(cuStreamWriteValue64_ptsz);
    return value_op(SIM_OP_WRITE_VALUE, stream, address, value, 64, flags,
                    SIM_PER_THREAD);
}

CUresult cuStreamWriteValue64_v2(CUstream stream, CUdeviceptr address,
                                 cuuint64_t value, unsigned int flags)
{
    SIM_ENTER(cuStreamWriteValue64_v2);
    return value_op(SIM_OP_WRITE_VALUE, stream, address, value, 64, flags,
                    SIM_PLAIN);
}

CUresult cuStreamWriteValue64_v2_ptsz(CUstream stream, CUdeviceptr address,
                                      cuuint64_t value, unsigned int flags)
{
    SIM_ENTER(cuStreamWriteValue64_v2_ptsz);
    return value_op(SIM_OP_WRITE_VALUE, stream, address, value, 64, flags,
                    SIM_PER_THREAD);
}
