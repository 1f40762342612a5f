/*
 * copies.c - wrappers of the contiguous copies between host and device.
 *
 * Each says what its copy is and how the program's own call is made; the
 * engine decides whether to make it. The call goes to the real entry of the
 * very symbol that was called: the twins mean another stream by NULL, and no
 * entry stands in for another.
 *
 * Owns nothing, takes no lock.
 */
#include "driver/driver.h"
#include "engine/engine.h"
#include "interpose/watching.h"

/* What the driver does not know is pageable. */
static bool csh_is_host_memory(const void *host)
{
    PFN_cuPointerGetAttribute_v4000 ask = csh_real_cuPointerGetAttribute();
    unsigned int type = 0;
    CUresult result;

    if (ask == NULL) {
        return false;
    }
    result = ask(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, (CUdeviceptr)host);
    return result == CUDA_ERROR_INVALID_VALUE ||
           (result == CUDA_SUCCESS && type == CU_MEMORYTYPE_HOST);
}

/* After the program's own copy to the host. A cohort is a burst of these, and
 * they write no device memory: unless what the program calls host memory is
 * some. */
static CUresult csh_after_d2h(const struct csh_copy *copy, CUresult result)
{
    if (CSH_UNLIKELY(atomic_load_explicit(&csh_watch_armed,
                                          memory_order_relaxed) != 0) &&
        !csh_is_host_memory(copy->host)) {
        csh_watch_trip();
    }
    return result;
}

static CUresult csh_copy(const struct csh_copy *copy)
{
    CUresult result;

    csh_watching_stream(copy->stream.handle, copy->stream.flavour);
    result = csh_engine_copy(copy);
    if (copy->direction == CSH_H2D) {
        csh_watch_after();
    }
    return result;
}

/* Either address may be the device's. One that is a parked block's is that of
 * freed memory to the program; the driver would take what stands for it
 * elsewhere for an address of the host's, and read there. */
static CUresult csh_copy_uva(const struct csh_copy_uva *copy)
{
    CUresult result;

    if (CSH_UNLIKELY(csh_engine_visible(copy->dst) != copy->dst ||
                     csh_engine_visible(copy->src) != copy->src)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    csh_watching_stream(copy->stream.handle, copy->stream.flavour);
    result = csh_engine_copy_uva(copy);
    csh_watch_after();
    return result;
}

static CUresult csh_forward_cuMemcpyDtoH_v2(const struct csh_copy *copy)
{
    PFN_cuMemcpyDtoH_v3020 real = csh_real_cuMemcpyDtoH_v2();

    return real == NULL
               ? csh_driver_absent()
               : csh_after_d2h(copy, real(copy->host, copy->device,
                                          copy->bytes));
}

CUresult cuMemcpyDtoH_v2(void *host, CUdeviceptr device, size_t bytes)
{
    const struct csh_copy copy = {
        .direction = CSH_D2H,
        .is_async = false,
        .host = host,
        .device = csh_engine_visible(device),
        .bytes = bytes,
        .stream = {NULL, CSH_PLAIN},
        .forward = csh_forward_cuMemcpyDtoH_v2,
    };

    return csh_copy(&copy);
}

static CUresult csh_forward_cuMemcpyDtoH_v2_ptds(const struct csh_copy *copy)
{
    PFN_cuMemcpyDtoH_v7000_ptds real = csh_real_cuMemcpyDtoH_v2_ptds();

    return real == NULL
               ? csh_driver_absent()
               : csh_after_d2h(copy, real(copy->host, copy->device,
                                          copy->bytes));
}

CUresult cuMemcpyDtoH_v2_ptds(void *host, CUdeviceptr device, size_t bytes)
{
    const struct csh_copy copy = {
        .direction = CSH_D2H,
        .is_async = false,
        .host = host,
        .device = csh_engine_visible(device),
        .bytes = bytes,
        .stream = {NULL, CSH_PER_THREAD},
        .forward = csh_forward_cuMemcpyDtoH_v2_ptds,
    };

    return csh_copy(&copy);
}

static CUresult csh_forward_cuMemcpyDtoHAsync_v2(const struct csh_copy *copy)
{
    PFN_cuMemcpyDtoHAsync_v3020 real = csh_real_cuMemcpyDtoHAsync_v2();

    return real == NULL
               ? csh_driver_absent()
               : csh_after_d2h(copy, real(copy->host, copy->device,
                                          copy->bytes, copy->stream.handle));
}

CUresult cuMemcpyDtoHAsync_v2(void *host, CUdeviceptr device, size_t bytes,
                              CUstream stream)
{
    const struct csh_copy copy = {
        .direction = CSH_D2H,
        .is_async = true,
        .host = host,
        .device = csh_engine_visible(device),
        .bytes = bytes,
        .stream = {stream, CSH_PLAIN},
        .forward = csh_forward_cuMemcpyDtoHAsync_v2,
    };

    return csh_copy(&copy);
}

static CUresult csh_forward_cuMemcpyDtoHAsync_v2_ptsz(
    const struct csh_copy *copy)
{
    PFN_cuMemcpyDtoHAsync_v7000_ptsz real =
        csh_real_cuMemcpyDtoHAsync_v2_ptsz();

    return real == NULL
               ? csh_driver_absent()
               : csh_after_d2h(copy, real(copy->host, copy->device,
                                          copy->bytes, copy->stream.handle));
}

CUresult cuMemcpyDtoHAsync_v2_ptsz(void *host, CUdeviceptr device, size_t bytes,
                                   CUstream stream)
{
    const struct csh_copy copy = {
        .direction = CSH_D2H,
        .is_async = true,
        .host = host,
        .device = csh_engine_visible(device),
        .bytes = bytes,
        .stream = {stream, CSH_PER_THREAD},
        .forward = csh_forward_cuMemcpyDtoHAsync_v2_ptsz,
    };

    return csh_copy(&copy);
}

static CUresult csh_forward_cuMemcpyHtoD_v2(const struct csh_copy *copy)
{
    PFN_cuMemcpyHtoD_v3020 real = csh_real_cuMemcpyHtoD_v2();

    return real == NULL ? csh_driver_absent()
                        : real(copy->device, copy->host, copy->bytes);
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr device, const void *host, size_t bytes)
{
    const struct csh_copy copy = {
        .direction = CSH_H2D,
        .is_async = false,
        .host = (void *)host,
        .device = csh_engine_visible(device),
        .bytes = bytes,
        .stream = {NULL, CSH_PLAIN},
        .forward = csh_forward_cuMemcpyHtoD_v2,
    };

    return csh_copy(&copy);
}

static CUresult csh_forward_cuMemcpyHtoD_v2_ptds(const struct csh_copy *copy)
{
    PFN_cuMemcpyHtoD_v7000_ptds real = csh_real_cuMemcpyHtoD_v2_ptds();

    return real == NULL ? csh_driver_absent()
                        : real(copy->device, copy->host, copy->bytes);
}

CUresult cuMemcpyHtoD_v2_ptds(CUdeviceptr device, const void *host,
                              size_t bytes)
{
    const struct csh_copy copy = {
        .direction = CSH_H2D,
        .is_async = false,
        .host = (void *)host,
        .device = csh_engine_visible(device),
        .bytes = bytes,
        .stream = {NULL, CSH_PER_THREAD},
        .forward = csh_forward_cuMemcpyHtoD_v2_ptds,
    };

    return csh_copy(&copy);
}

static CUresult csh_forward_cuMemcpyHtoDAsync_v2(const struct csh_copy *copy)
{
    PFN_cuMemcpyHtoDAsync_v3020 real = csh_real_cuMemcpyHtoDAsync_v2();

    return real == NULL ? csh_driver_absent()
                        : real(copy->device, copy->host, copy->bytes,
                               copy->stream.handle);
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr device, const void *host,
                              size_t bytes, CUstream stream)
{
    const struct csh_copy copy = {
        .direction = CSH_H2D,
        .is_async = true,
        .host = (void *)host,
        .device = csh_engine_visible(device),
        .bytes = bytes,
        .stream = {stream, CSH_PLAIN},
        .forward = csh_forward_cuMemcpyHtoDAsync_v2,
    };

    return csh_copy(&copy);
}

static CUresult csh_forward_cuMemcpyHtoDAsync_v2_ptsz(
    const struct csh_copy *copy)
{
    PFN_cuMemcpyHtoDAsync_v7000_ptsz real =
        csh_real_cuMemcpyHtoDAsync_v2_ptsz();

    return real == NULL ? csh_driver_absent()
                        : real(copy->device, copy->host, copy->bytes,
                               copy->stream.handle);
}

CUresult cuMemcpyHtoDAsync_v2_ptsz(CUdeviceptr device, const void *host,
                                   size_t bytes, CUstream stream)
{
    const struct csh_copy copy = {
        .direction = CSH_H2D,
        .is_async = true,
        .host = (void *)host,
        .device = csh_engine_visible(device),
        .bytes = bytes,
        .stream = {stream, CSH_PER_THREAD},
        .forward = csh_forward_cuMemcpyHtoDAsync_v2_ptsz,
    };

    return csh_copy(&copy);
}

static CUresult csh_forward_cuMemcpy(const struct csh_copy_uva *copy)
{
    PFN_cuMemcpy_v4000 real = csh_real_cuMemcpy();

    return real == NULL ? csh_driver_absent()
                        : real(copy->dst, copy->src, copy->bytes);
}

CUresult cuMemcpy(CUdeviceptr dst, CUdeviceptr src, size_t bytes)
{
    const struct csh_copy_uva copy = {
        .is_async = false,
        .dst = dst,
        .src = src,
        .bytes = bytes,
        .stream = {NULL, CSH_PLAIN},
        .forward = csh_forward_cuMemcpy,
    };

    return csh_copy_uva(&copy);
}

static CUresult csh_forward_cuMemcpy_ptds(const struct csh_copy_uva *copy)
{
    PFN_cuMemcpy_v7000_ptds real = csh_real_cuMemcpy_ptds();

    return real == NULL ? csh_driver_absent()
                        : real(copy->dst, copy->src, copy->bytes);
}

CUresult cuMemcpy_ptds(CUdeviceptr dst, CUdeviceptr src, size_t bytes)
{
    const struct csh_copy_uva copy = {
        .is_async = false,
        .dst = dst,
        .src = src,
        .bytes = bytes,
        .stream = {NULL, CSH_PER_THREAD},
        .forward = csh_forward_cuMemcpy_ptds,
    };

    return csh_copy_uva(&copy);
}

static CUresult csh_forward_cuMemcpyAsync(const struct csh_copy_uva *copy)
{
    PFN_cuMemcpyAsync_v4000 real = csh_real_cuMemcpyAsync();

    return real == NULL ? csh_driver_absent()
                        : real(copy->dst, copy->src, copy->bytes,
                               copy->stream.handle);
}

CUresult cuMemcpyAsync(CUdeviceptr dst, CUdeviceptr src, size_t bytes,
                       CUstream stream)
{
    const struct csh_copy_uva copy = {
        .is_async = true,
        .dst = dst,
        .src = src,
        .bytes = bytes,
        .stream = {stream, CSH_PLAIN},
        .forward = csh_forward_cuMemcpyAsync,
    };

    return csh_copy_uva(&copy);
}

static CUresult csh_forward_cuMemcpyAsync_ptsz(const struct csh_copy_uva *copy)
{
    PFN_cuMemcpyAsync_v7000_ptsz real = csh_real_cuMemcpyAsync_ptsz();

    return real == NULL ? csh_driver_absent()
                        : real(copy->dst, copy->src, copy->bytes,
                               copy->stream.handle);
}

CUresult cuMemcpyAsync_ptsz(CUdeviceptr dst, CUdeviceptr src, size_t bytes,
                            CUstream stream)
{
    const struct csh_copy_uva copy = {
        .is_async = true,
        .dst = dst,
        .src = src,
        .bytes = bytes,
        .stream = {stream, CSH_PER_THREAD},
        .forward = csh_forward_cuMemcpyAsync_ptsz,
    };

    return csh_copy_uva(&copy);
}
