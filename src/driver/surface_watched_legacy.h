/*
 * surface_watched_legacy.h - rows of the ABI with 32-bit addresses.
 * Part of surface_watched.h; not included elsewhere.
 *
 * Columns are those of surface.h. Parameters that several rows share are named
 * once.
 */
#ifndef CSH_DRIVER_SURFACE_WATCHED_LEGACY_H
#define CSH_DRIVER_SURFACE_WATCHED_LEGACY_H

#define CSH_SURFACE_WATCHED_LEGACY_12000(X)                                   \
    X(cuArray3DCreate, "cuArray3DCreate", 2000, PLAIN,                        \
      PFN_cuArray3DCreate_v2000, LEGACY,                                      \
      (CUarray *handle, const CUDA_ARRAY3D_DESCRIPTOR_v1 *allocate_array),    \
      (handle, allocate_array))                                               \
    X(cuArray3DGetDescriptor, "cuArray3DGetDescriptor", 2000, PLAIN,          \
      PFN_cuArray3DGetDescriptor_v2000, LEGACY,                               \
      (CUDA_ARRAY3D_DESCRIPTOR_v1 *array_descriptor, CUarray array),          \
      (array_descriptor, array))                                              \
    X(cuArrayCreate, "cuArrayCreate", 2000, PLAIN, PFN_cuArrayCreate_v2000,   \
      LEGACY,                                                                 \
      (CUarray *handle, const CUDA_ARRAY_DESCRIPTOR_v1 *allocate_array),      \
      (handle, allocate_array))                                               \
    X(cuArrayGetDescriptor, "cuArrayGetDescriptor", 2000, PLAIN,              \
      PFN_cuArrayGetDescriptor_v2000, LEGACY,                                 \
      (CUDA_ARRAY_DESCRIPTOR_v1 *array_descriptor, CUarray array),            \
      (array_descriptor, array))                                              \
    X(cuGraphicsResourceGetMappedPointer,                                     \
      "cuGraphicsResourceGetMappedPointer", 3000, PLAIN,                      \
      PFN_cuGraphicsResourceGetMappedPointer_v3000, LEGACY,                   \
      (CUdeviceptr_v1 *dev_ptr, unsigned int *size,                           \
       CUgraphicsResource resource),                                          \
      (dev_ptr, size, resource))                                              \
    X(cuMemAlloc, "cuMemAlloc", 2000, PLAIN, PFN_cuMemAlloc_v2000, LEGACY,    \
      (CUdeviceptr_v1 *dptr, unsigned int bytesize),                          \
      (dptr, bytesize))                                                       \
    X(cuMemAllocHost, "cuMemAllocHost", 2000, PLAIN,                          \
      PFN_cuMemAllocHost_v2000, LEGACY,                                       \
      (void **pp, unsigned int bytesize),                                     \
      (pp, bytesize))                                                         \
    X(cuMemAllocPitch, "cuMemAllocPitch", 2000, PLAIN,                        \
      PFN_cuMemAllocPitch_v2000, LEGACY,                                      \
      (CUdeviceptr_v1 *dptr, unsigned int *pitch,                             \
       unsigned int width_in_bytes, unsigned int height,                      \
       unsigned int element_size_bytes),                                      \
      (dptr, pitch, width_in_bytes, height, element_size_bytes))              \
    X(cuMemFree, "cuMemFree", 2000, PLAIN, PFN_cuMemFree_v2000, LEGACY,       \
      (CUdeviceptr_v1 dptr),                                                  \
      (dptr))                                                                 \
    X(cuMemGetAddressRange, "cuMemGetAddressRange", 2000, PLAIN,              \
      PFN_cuMemGetAddressRange_v2000, LEGACY,                                 \
      (CUdeviceptr_v1 *pbase, unsigned int *psize, CUdeviceptr_v1 dptr),      \
      (pbase, psize, dptr))                                                   \
    X(cuMemGetInfo, "cuMemGetInfo", 2000, PLAIN, PFN_cuMemGetInfo_v2000,      \
      LEGACY,                                                                 \
      (unsigned int *free_bytes, unsigned int *total),                        \
      (free_bytes, total))                                                    \
    X(cuMemcpy2D, "cuMemcpy2D", 2000, PLAIN, PFN_cuMemcpy2D_v2000, LEGACY,    \
      (const CUDA_MEMCPY2D_v1 *copy),                                         \
      (copy))                                                                 \
    X(cuMemcpy2DAsync, "cuMemcpy2DAsync", 2000, PLAIN,                        \
      PFN_cuMemcpy2DAsync_v2000, LEGACY,                                      \
      (const CUDA_MEMCPY2D_v1 *copy, CUstream stream),                        \
      (copy, stream))                                                         \
    X(cuMemcpy2DUnaligned, "cuMemcpy2DUnaligned", 2000, PLAIN,                \
      PFN_cuMemcpy2DUnaligned_v2000, LEGACY,                                  \
      (const CUDA_MEMCPY2D_v1 *copy),                                         \
      (copy))                                                                 \
    X(cuMemcpy3D, "cuMemcpy3D", 2000, PLAIN, PFN_cuMemcpy3D_v2000, LEGACY,    \
      (const CUDA_MEMCPY3D_v1 *copy),                                         \
      (copy))                                                                 \
    X(cuMemcpy3DAsync, "cuMemcpy3DAsync", 2000, PLAIN,                        \
      PFN_cuMemcpy3DAsync_v2000, LEGACY,                                      \
      (const CUDA_MEMCPY3D_v1 *copy, CUstream stream),                        \
      (copy, stream))                                                         \
    X(cuMemcpyAtoA, "cuMemcpyAtoA", 2000, PLAIN, PFN_cuMemcpyAtoA_v2000,      \
      LEGACY,                                                                 \
      (CUarray dst_array, unsigned int dst_offset, CUarray src_array,         \
       unsigned int src_offset, unsigned int byte_count),                     \
      (dst_array, dst_offset, src_array, src_offset, byte_count))             \
    X(cuMemcpyAtoD, "cuMemcpyAtoD", 2000, PLAIN, PFN_cuMemcpyAtoD_v2000,      \
      LEGACY,                                                                 \
      (CUdeviceptr_v1 dst_device, CUarray src_array,                          \
       unsigned int src_offset, unsigned int byte_count),                     \
      (dst_device, src_array, src_offset, byte_count))                        \
    X(cuMemcpyAtoH, "cuMemcpyAtoH", 2000, PLAIN, PFN_cuMemcpyAtoH_v2000,      \
      LEGACY,                                                                 \
      (void *dst_host, CUarray src_array, unsigned int src_offset,            \
       unsigned int byte_count),                                              \
      (dst_host, src_array, src_offset, byte_count))                          \
    X(cuMemcpyAtoHAsync, "cuMemcpyAtoHAsync", 2000, PLAIN,                    \
      PFN_cuMemcpyAtoHAsync_v2000, LEGACY,                                    \
      (void *dst_host, CUarray src_array, unsigned int src_offset,            \
       unsigned int byte_count, CUstream stream),                             \
      (dst_host, src_array, src_offset, byte_count, stream))                  \
    X(cuMemcpyDtoA, "cuMemcpyDtoA", 2000, PLAIN, PFN_cuMemcpyDtoA_v2000,      \
      LEGACY,                                                                 \
      (CUarray dst_array, unsigned int dst_offset,                            \
       CUdeviceptr_v1 src_device, unsigned int byte_count),                   \
      (dst_array, dst_offset, src_device, byte_count))                        \
    X(cuMemcpyDtoD, "cuMemcpyDtoD", 2000, PLAIN, PFN_cuMemcpyDtoD_v2000,      \
      LEGACY,                                                                 \
      (CUdeviceptr_v1 dst_device, CUdeviceptr_v1 src_device,                  \
       unsigned int byte_count),                                              \
      (dst_device, src_device, byte_count))                                   \
    X(cuMemcpyDtoDAsync, "cuMemcpyDtoDAsync", 3000, PLAIN,                    \
      PFN_cuMemcpyDtoDAsync_v3000, LEGACY,                                    \
      (CUdeviceptr_v1 dst_device, CUdeviceptr_v1 src_device,                  \
       unsigned int byte_count, CUstream stream),                             \
      (dst_device, src_device, byte_count, stream))                           \
    X(cuMemcpyDtoH, "cuMemcpyDtoH", 2000, PLAIN, PFN_cuMemcpyDtoH_v2000,      \
      LEGACY,                                                                 \
      (void *dst_host, CUdeviceptr_v1 src_device, unsigned int byte_count),   \
      (dst_host, src_device, byte_count))                                     \
    X(cuMemcpyDtoHAsync, "cuMemcpyDtoHAsync", 2000, PLAIN,                    \
      PFN_cuMemcpyDtoHAsync_v2000, LEGACY,                                    \
      (void *dst_host, CUdeviceptr_v1 src_device, unsigned int byte_count,    \
       CUstream stream),                                                      \
      (dst_host, src_device, byte_count, stream))                             \
    X(cuMemcpyHtoA, "cuMemcpyHtoA", 2000, PLAIN, PFN_cuMemcpyHtoA_v2000,      \
      LEGACY,                                                                 \
      (CUarray dst_array, unsigned int dst_offset, const void *src_host,      \
       unsigned int byte_count),                                              \
      (dst_array, dst_offset, src_host, byte_count))                          \
    X(cuMemcpyHtoAAsync, "cuMemcpyHtoAAsync", 2000, PLAIN,                    \
      PFN_cuMemcpyHtoAAsync_v2000, LEGACY,                                    \
      (CUarray dst_array, unsigned int dst_offset, const void *src_host,      \
       unsigned int byte_count, CUstream stream),                             \
      (dst_array, dst_offset, src_host, byte_count, stream))                  \
    X(cuMemcpyHtoD, "cuMemcpyHtoD", 2000, PLAIN, PFN_cuMemcpyHtoD_v2000,      \
      LEGACY,                                                                 \
      (CUdeviceptr_v1 dst_device, const void *src_host,                       \
       unsigned int byte_count),                                              \
      (dst_device, src_host, byte_count))                                     \
    X(cuMemcpyHtoDAsync, "cuMemcpyHtoDAsync", 2000, PLAIN,                    \
      PFN_cuMemcpyHtoDAsync_v2000, LEGACY,                                    \
      (CUdeviceptr_v1 dst_device, const void *src_host,                       \
       unsigned int byte_count, CUstream stream),                             \
      (dst_device, src_host, byte_count, stream))                             \
    X(cuMemsetD16, "cuMemsetD16", 2000, PLAIN, PFN_cuMemsetD16_v2000,         \
      LEGACY,                                                                 \
      (CUdeviceptr_v1 dst_device, unsigned short us, unsigned int n),         \
      (dst_device, us, n))                                                    \
    X(cuMemsetD2D16, "cuMemsetD2D16", 2000, PLAIN, PFN_cuMemsetD2D16_v2000,   \
      LEGACY,                                                                 \
      (CUdeviceptr_v1 dst_device, unsigned int dst_pitch, unsigned short us,  \
       unsigned int width, unsigned int height),                              \
      (dst_device, dst_pitch, us, width, height))                             \
    X(cuMemsetD2D32, "cuMemsetD2D32", 2000, PLAIN, PFN_cuMemsetD2D32_v2000,   \
      LEGACY,                                                                 \
      (CUdeviceptr_v1 dst_device, unsigned int dst_pitch, unsigned int ui,    \
       unsigned int width, unsigned int height),                              \
      (dst_device, dst_pitch, ui, width, height))                             \
    X(cuMemsetD2D8, "cuMemsetD2D8", 2000, PLAIN, PFN_cuMemsetD2D8_v2000,      \
      LEGACY,                                                                 \
      (CUdeviceptr_v1 dst_device, unsigned int dst_pitch, unsigned char uc,   \
       unsigned int width, unsigned int height),                              \
      (dst_device, dst_pitch, uc, width, height))                             \
    X(cuMemsetD32, "cuMemsetD32", 2000, PLAIN, PFN_cuMemsetD32_v2000,         \
      LEGACY,                                                                 \
      (CUdeviceptr_v1 dst_device, unsigned int ui, unsigned int n),           \
      (dst_device, ui, n))                                                    \
    X(cuMemsetD8, "cuMemsetD8", 2000, PLAIN, PFN_cuMemsetD8_v2000, LEGACY,    \
      (CUdeviceptr_v1 dst_device, unsigned char uc, unsigned int n),          \
      (dst_device, uc, n))                                                    \
    X(cuModuleGetGlobal, "cuModuleGetGlobal", 2000, PLAIN,                    \
      PFN_cuModuleGetGlobal_v2000, LEGACY,                                    \
      (CUdeviceptr_v1 *dptr, unsigned int *bytes, CUmodule hmod,              \
       const char *name),                                                     \
      (dptr, bytes, hmod, name))                                              \
    X(cuTexRefGetAddress, "cuTexRefGetAddress", 2000, PLAIN,                  \
      PFN_cuTexRefGetAddress_v2000, LEGACY,                                   \
      (CUdeviceptr_v1 *pdptr, CUtexref tex_ref),                              \
      (pdptr, tex_ref))                                                       \
    X(cuTexRefSetAddress, "cuTexRefSetAddress", 2000, PLAIN,                  \
      PFN_cuTexRefSetAddress_v2000, LEGACY,                                   \
      (unsigned int *byte_offset, CUtexref tex_ref, CUdeviceptr_v1 dptr,      \
       unsigned int bytes),                                                   \
      (byte_offset, tex_ref, dptr, bytes))                                    \
    X(cuTexRefSetAddress2D, "cuTexRefSetAddress2D", 2020, PLAIN,              \
      PFN_cuTexRefSetAddress2D_v2020, LEGACY,                                 \
      (CUtexref tex_ref, const CUDA_ARRAY_DESCRIPTOR_v1 *desc,                \
       CUdeviceptr_v1 dptr, unsigned int pitch),                              \
      (tex_ref, desc, dptr, pitch))

#define CSH_SURFACE_WATCHED_LEGACY(X)                                         \
    CSH_SURFACE_WATCHED_LEGACY_12000(X)

#endif
