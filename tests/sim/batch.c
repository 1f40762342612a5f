/*
 * batch.c - cuMemcpyBatchAsync in both ABIs, and copies of boxes
 * (cuMemcpy3D) as far as a box is rows of one pitch.
 *
 * A batch says itself when its sources are read. Stricter than documents
 * are: whatever a batch does not promise to do at the call happens when the
 * stream gets there, also for pageable memory on either side. Its copies run
 * in the order of the array, which no document promises.
 */
#include "copy.h"

struct batch {
    CUdeviceptr *dsts, *srcs;
    size_t *sizes;
    size_t n;
    CUmemcpyAttributes *attributes;
    size_t *attribute_firsts;
    size_t n_attributes;
};

/* The rules of cuda.h: the first copy has attributes, and each next entry
 * begins with a later copy. */
static bool is_batch_valid(const struct batch *batch, CUstream stream)
{
    if (batch->n == 0 || batch->dsts == NULL || batch->srcs == NULL ||
        batch->sizes == NULL || batch->attributes == NULL ||
        batch->attribute_firsts == NULL || batch->n_attributes == 0 ||
        batch->n_attributes > batch->n || batch->attribute_firsts[0] != 0 ||
        stream == NULL || stream == CU_STREAM_LEGACY) {
        return false;
    }
    for (size_t i = 0; i < batch->n_attributes; i++) {
        CUmemcpySrcAccessOrder order = batch->attributes[i].srcAccessOrder;

        if ((i > 0 && batch->attribute_firsts[i] <=
                          batch->attribute_firsts[i - 1]) ||
            batch->attribute_firsts[i] >= batch->n ||
            order < CU_MEMCPY_SRC_ACCESS_ORDER_STREAM ||
            order > CU_MEMCPY_SRC_ACCESS_ORDER_ANY) {
            return false;
        }
    }
    for (size_t i = 0; i < batch->n; i++) {
        if (batch->sizes[i] == 0) {
            return false;
        }
    }
    return true;
}

/* *fail_p: the copy that failed, or SIZE_MAX if it is none in particular. */
static CUresult copy_batch(const struct batch *batch, size_t *fail_p,
                           enum sim_flavour flavour, CUstream stream)
{
    size_t a = 0;

    *fail_p = SIZE_MAX;
    if (!is_batch_valid(batch, stream)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (size_t i = 0; i < batch->n; i++) {
        struct sim_request request = {
            .kind = SIM_KIND_ANY, .flavour = flavour, .is_async = true,
            .stream = stream, .dst = batch->dsts[i], .src = batch->srcs[i],
            .width = batch->sizes[i], .timing = SIM_ALL_LATE,
        };
        CUresult result;

        if (a + 1 < batch->n_attributes &&
            batch->attribute_firsts[a + 1] == i) {
            a++;
        }
        if (batch->attributes[a].srcAccessOrder ==
            CU_MEMCPY_SRC_ACCESS_ORDER_DURING_API_CALL) {
            request.timing = SIM_READS_AT_CALL;
        }
        result = sim_copy(&request);
        if (result != CUDA_SUCCESS) {
            *fail_p = i;
            return result;
        }
    }
    return CUDA_SUCCESS;
}

CUresult cuMemcpyBatchAsync(CUdeviceptr *dsts, CUdeviceptr *srcs,
                            size_t *sizes, size_t n,
                            CUmemcpyAttributes *attributes, size_t *firsts,
                            size_t n_attributes, size_t *fail_p,
                            CUstream stream)
{
    struct batch batch = {dsts, srcs, sizes, n, attributes, firsts,
                          n_attributes};
    size_t fail;

    SIM_ENTER(cuMemcpyBatchAsync);
    return copy_batch(&batch, fail_p != NULL ? fail_p : &fail, SIM_PLAIN,
                      stream);
}

CUresult cuMemcpyBatchAsync_ptsz(CUdeviceptr *dsts, CUdeviceptr *srcs,
                                 size_t *sizes, size_t n,
                                 CUmemcpyAttributes *attributes,
                                 size_t *firsts, size_t n_attributes,
                                 size_t *fail_p, CUstream stream)
{
    struct batch batch = {dsts, srcs, sizes, n, attributes, firsts,
                          n_attributes};
    size_t fail;

    SIM_ENTER(cuMemcpyBatchAsync_ptsz);
    return copy_batch(&batch, fail_p != NULL ? fail_p : &fail, SIM_PER_THREAD,
                      stream);
}

CUresult cuMemcpyBatchAsync_v2(CUdeviceptr *dsts, CUdeviceptr *srcs,
                               size_t *sizes, size_t n,
                               CUmemcpyAttributes *attributes, size_t *firsts,
                               size_t n_attributes, CUstream stream)
{
    struct batch batch = {dsts, srcs, sizes, n, attributes, firsts,
                          n_attributes};
    size_t fail;

    SIM_ENTER(cuMemcpyBatchAsync_v2);
    return copy_batch(&batch, &fail, SIM_PLAIN, stream);
}

CUresult cuMemcpyBatchAsync_v2_ptsz(CUdeviceptr *dsts, CUdeviceptr *srcs,
                                    size_t *sizes, size_t n,
                                    CUmemcpyAttributes *attributes,
                                    size_t *firsts, size_t n_attributes,
                                    CUstream stream)
{
    struct batch batch = {dsts, srcs, sizes, n, attributes, firsts,
                          n_attributes};
    size_t fail;

    SIM_ENTER(cuMemcpyBatchAsync_v2_ptsz);
    return copy_batch(&batch, &fail, SIM_PER_THREAD, stream);
}

/* --------------------------------------------------------------- boxes --- */

struct box_side {
    CUmemorytype type;
    const void *host;
    CUdeviceptr device;
    size_t x, y, z, pitch, height;
};

/* False: an array, which is not simulated. */
static bool side_begin(const struct box_side *side, size_t pitch,
                       uint64_t *address_p)
{
    *address_p = side->type == CU_MEMORYTYPE_HOST ? (uintptr_t)side->host
                                                  : side->device;
    *address_p += (side->z * side->height + side->y) * pitch + side->x;
    return side->type == CU_MEMORYTYPE_HOST ||
           side->type == CU_MEMORYTYPE_DEVICE ||
           side->type == CU_MEMORYTYPE_UNIFIED;
}

/* The slices of each side must follow each other like rows. */
static CUresult copy_box(const CUDA_MEMCPY3D *box, bool is_async,
                         enum sim_flavour flavour, CUstream stream)
{
    struct sim_request request = {.kind = SIM_KIND_ANY, .flavour = flavour,
                                  .is_async = is_async, .stream = stream};
    struct box_side dst, src;

    if (box == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    dst = (struct box_side){box->dstMemoryType, box->dstHost, box->dstDevice,
                            box->dstXInBytes, box->dstY, box->dstZ,
                            box->dstPitch, box->dstHeight};
    src = (struct box_side){box->srcMemoryType, box->srcHost, box->srcDevice,
                            box->srcXInBytes, box->srcY, box->srcZ,
                            box->srcPitch, box->srcHeight};
    request.width = box->WidthInBytes;
    request.height = box->Height * box->Depth;
    if (request.height == 0) {
        request.width = 0;
    }
    request.dst_pitch = dst.pitch != 0 ? dst.pitch : request.width;
    request.src_pitch = src.pitch != 0 ? src.pitch : request.width;
    if (box->Depth > 1 &&
        (dst.height != box->Height || src.height != box->Height)) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    if (!side_begin(&dst, request.dst_pitch, &request.dst) ||
        !side_begin(&src, request.src_pitch, &request.src)) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    return sim_copy(&request);
}

CUresult cuMemcpy3D_v2(const CUDA_MEMCPY3D *box)
{
    SIM_ENTER(cuMemcpy3D_v2);
    return copy_box(box, false, SIM_PLAIN, NULL);
}

CUresult cuMemcpy3D_v2_ptds(const CUDA_MEMCPY3D *box)
{
    SIM_ENTER(cuMemcpy3D_v2_ptds);
    return copy_box(box, false, SIM_PER_THREAD, NULL);
}

CUresult cuMemcpy3DAsync_v2(const CUDA_MEMCPY3D *box, CUstream stream)
{
    SIM_ENTER(cuMemcpy3DAsync_v2);
    return copy_box(box, true, SIM_PLAIN, stream);
}

CUresult cuMemcpy3DAsync_v2_ptsz(const CUDA_MEMCPY3D *box, CUstream stream)
{
    SIM_ENTER(cuMemcpy3DAsync_v2_ptsz);
    return copy_box(box, true, SIM_PER_THREAD, stream);
}
