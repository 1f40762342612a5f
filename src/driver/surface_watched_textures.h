/*
 * surface_watched_textures.h - rows of arrays, textures and surfaces.
 * Part of surface_watched.h; not included elsewhere.
 *
 * Columns are those of surface.h. Parameters that several rows share are named
 * once.
 */
#ifndef CSH_DRIVER_SURFACE_WATCHED_TEXTURES_H
#define CSH_DRIVER_SURFACE_WATCHED_TEXTURES_H

#define CSH_ARGS_TEX_REF_SET_ADDRESS2_D                                       \
    (CUtexref tex_ref, const CUDA_ARRAY_DESCRIPTOR_v2 *desc,                  \
     CUdeviceptr_v2 dptr, size_t pitch),                                      \
    (tex_ref, desc, dptr, pitch)

#define CSH_SURFACE_WATCHED_TEXTURES_12000(X)                                 \
    X(cuArray3DCreate_v2, "cuArray3DCreate", 3020, PLAIN,                     \
      PFN_cuArray3DCreate_v3020, WATCHED,                                     \
      (CUarray *handle, const CUDA_ARRAY3D_DESCRIPTOR_v2 *allocate_array),    \
      (handle, allocate_array))                                               \
    X(cuArray3DGetDescriptor_v2, "cuArray3DGetDescriptor", 3020, PLAIN,       \
      PFN_cuArray3DGetDescriptor_v3020, WATCHED,                              \
      (CUDA_ARRAY3D_DESCRIPTOR_v2 *array_descriptor, CUarray array),          \
      (array_descriptor, array))                                              \
    X(cuArrayCreate_v2, "cuArrayCreate", 3020, PLAIN,                         \
      PFN_cuArrayCreate_v3020, WATCHED,                                       \
      (CUarray *handle, const CUDA_ARRAY_DESCRIPTOR_v2 *allocate_array),      \
      (handle, allocate_array))                                               \
    X(cuArrayDestroy, "cuArrayDestroy", 2000, PLAIN,                          \
      PFN_cuArrayDestroy_v2000, WATCHED,                                      \
      (CUarray array),                                                        \
      (array))                                                                \
    X(cuArrayGetDescriptor_v2, "cuArrayGetDescriptor", 3020, PLAIN,           \
      PFN_cuArrayGetDescriptor_v3020, WATCHED,                                \
      (CUDA_ARRAY_DESCRIPTOR_v2 *array_descriptor, CUarray array),            \
      (array_descriptor, array))                                              \
    X(cuArrayGetMemoryRequirements, "cuArrayGetMemoryRequirements", 11060,    \
      PLAIN, PFN_cuArrayGetMemoryRequirements_v11060, WATCHED,                \
      (CUDA_ARRAY_MEMORY_REQUIREMENTS_v1 *memory_requirements,                \
       CUarray array, CUdevice device),                                       \
      (memory_requirements, array, device))                                   \
    X(cuArrayGetPlane, "cuArrayGetPlane", 11020, PLAIN,                       \
      PFN_cuArrayGetPlane_v11020, WATCHED,                                    \
      (CUarray *plane_array, CUarray array, unsigned int plane_idx),          \
      (plane_array, array, plane_idx))                                        \
    X(cuArrayGetSparseProperties, "cuArrayGetSparseProperties", 11010,        \
      PLAIN, PFN_cuArrayGetSparseProperties_v11010, WATCHED,                  \
      (CUDA_ARRAY_SPARSE_PROPERTIES_v1 *sparse_properties, CUarray array),    \
      (sparse_properties, array))                                             \
    X(cuMipmappedArrayCreate, "cuMipmappedArrayCreate", 5000, PLAIN,          \
      PFN_cuMipmappedArrayCreate_v5000, WATCHED,                              \
      (CUmipmappedArray *handle,                                              \
       const CUDA_ARRAY3D_DESCRIPTOR_v2 *mipmapped_array_desc,                \
       unsigned int num_mipmap_levels),                                       \
      (handle, mipmapped_array_desc, num_mipmap_levels))                      \
    X(cuMipmappedArrayDestroy, "cuMipmappedArrayDestroy", 5000, PLAIN,        \
      PFN_cuMipmappedArrayDestroy_v5000, WATCHED,                             \
      (CUmipmappedArray mipmapped_array),                                     \
      (mipmapped_array))                                                      \
    X(cuMipmappedArrayGetLevel, "cuMipmappedArrayGetLevel", 5000, PLAIN,      \
      PFN_cuMipmappedArrayGetLevel_v5000, WATCHED,                            \
      (CUarray *level_array, CUmipmappedArray mipmapped_array,                \
       unsigned int level),                                                   \
      (level_array, mipmapped_array, level))                                  \
    X(cuMipmappedArrayGetMemoryRequirements,                                  \
      "cuMipmappedArrayGetMemoryRequirements", 11060, PLAIN,                  \
      PFN_cuMipmappedArrayGetMemoryRequirements_v11060, WATCHED,              \
      (CUDA_ARRAY_MEMORY_REQUIREMENTS_v1 *memory_requirements,                \
       CUmipmappedArray mipmap, CUdevice device),                             \
      (memory_requirements, mipmap, device))                                  \
    X(cuMipmappedArrayGetSparseProperties,                                    \
      "cuMipmappedArrayGetSparseProperties", 11010, PLAIN,                    \
      PFN_cuMipmappedArrayGetSparseProperties_v11010, WATCHED,                \
      (CUDA_ARRAY_SPARSE_PROPERTIES_v1 *sparse_properties,                    \
       CUmipmappedArray mipmap),                                              \
      (sparse_properties, mipmap))                                            \
    X(cuSurfObjectCreate, "cuSurfObjectCreate", 5000, PLAIN,                  \
      PFN_cuSurfObjectCreate_v5000, WATCHED,                                  \
      (CUsurfObject_v1 *surf_object, const CUDA_RESOURCE_DESC_v1 *res_desc),  \
      (surf_object, res_desc))                                                \
    X(cuSurfObjectDestroy, "cuSurfObjectDestroy", 5000, PLAIN,                \
      PFN_cuSurfObjectDestroy_v5000, WATCHED,                                 \
      (CUsurfObject_v1 surf_object),                                          \
      (surf_object))                                                          \
    X(cuSurfObjectGetResourceDesc, "cuSurfObjectGetResourceDesc", 5000,       \
      PLAIN, PFN_cuSurfObjectGetResourceDesc_v5000, WATCHED,                  \
      (CUDA_RESOURCE_DESC_v1 *res_desc, CUsurfObject_v1 surf_object),         \
      (res_desc, surf_object))                                                \
    X(cuSurfRefGetArray, "cuSurfRefGetArray", 3000, PLAIN,                    \
      PFN_cuSurfRefGetArray_v3000, WATCHED,                                   \
      (CUarray *ph_array, CUsurfref surf_ref),                                \
      (ph_array, surf_ref))                                                   \
    X(cuSurfRefSetArray, "cuSurfRefSetArray", 3000, PLAIN,                    \
      PFN_cuSurfRefSetArray_v3000, WATCHED,                                   \
      (CUsurfref surf_ref, CUarray array, unsigned int flags),                \
      (surf_ref, array, flags))                                               \
    X(cuTensorMapEncodeIm2col, "cuTensorMapEncodeIm2col", 12000, PLAIN,       \
      PFN_cuTensorMapEncodeIm2col_v12000, WATCHED,                            \
      (CUtensorMap *tensor_map, CUtensorMapDataType tensor_data_type,         \
       cuuint32_t tensor_rank, void *global_address,                          \
       const cuuint64_t *global_dim, const cuuint64_t *global_strides,        \
       const int *pixel_box_lower_corner, const int *pixel_box_upper_corner,  \
       cuuint32_t channels_per_pixel, cuuint32_t pixels_per_column,           \
       const cuuint32_t *element_strides, CUtensorMapInterleave interleave,   \
       CUtensorMapSwizzle swizzle, CUtensorMapL2promotion l2_promotion,       \
       CUtensorMapFloatOOBfill oob_fill),                                     \
      (tensor_map, tensor_data_type, tensor_rank, global_address,             \
       global_dim, global_strides, pixel_box_lower_corner,                    \
       pixel_box_upper_corner, channels_per_pixel, pixels_per_column,         \
       element_strides, interleave, swizzle, l2_promotion, oob_fill))         \
    X(cuTensorMapEncodeTiled, "cuTensorMapEncodeTiled", 12000, PLAIN,         \
      PFN_cuTensorMapEncodeTiled_v12000, WATCHED,                             \
      (CUtensorMap *tensor_map, CUtensorMapDataType tensor_data_type,         \
       cuuint32_t tensor_rank, void *global_address,                          \
       const cuuint64_t *global_dim, const cuuint64_t *global_strides,        \
       const cuuint32_t *box_dim, const cuuint32_t *element_strides,          \
       CUtensorMapInterleave interleave, CUtensorMapSwizzle swizzle,          \
       CUtensorMapL2promotion l2_promotion,                                   \
       CUtensorMapFloatOOBfill oob_fill),                                     \
      (tensor_map, tensor_data_type, tensor_rank, global_address,             \
       global_dim, global_strides, box_dim, element_strides, interleave,      \
       swizzle, l2_promotion, oob_fill))                                      \
    X(cuTensorMapReplaceAddress, "cuTensorMapReplaceAddress", 12000, PLAIN,   \
      PFN_cuTensorMapReplaceAddress_v12000, WATCHED,                          \
      (CUtensorMap *tensor_map, void *global_address),                        \
      (tensor_map, global_address))                                           \
    X(cuTexObjectCreate, "cuTexObjectCreate", 5000, PLAIN,                    \
      PFN_cuTexObjectCreate_v5000, WATCHED,                                   \
      (CUtexObject_v1 *tex_object, const CUDA_RESOURCE_DESC_v1 *res_desc,     \
       const CUDA_TEXTURE_DESC_v1 *tex_desc,                                  \
       const CUDA_RESOURCE_VIEW_DESC_v1 *res_view_desc),                      \
      (tex_object, res_desc, tex_desc, res_view_desc))                        \
    X(cuTexObjectDestroy, "cuTexObjectDestroy", 5000, PLAIN,                  \
      PFN_cuTexObjectDestroy_v5000, WATCHED,                                  \
      (CUtexObject_v1 tex_object),                                            \
      (tex_object))                                                           \
    X(cuTexObjectGetResourceDesc, "cuTexObjectGetResourceDesc", 5000, PLAIN,  \
      PFN_cuTexObjectGetResourceDesc_v5000, WATCHED,                          \
      (CUDA_RESOURCE_DESC_v1 *res_desc, CUtexObject_v1 tex_object),           \
      (res_desc, tex_object))                                                 \
    X(cuTexObjectGetResourceViewDesc, "cuTexObjectGetResourceViewDesc",       \
      5000, PLAIN, PFN_cuTexObjectGetResourceViewDesc_v5000, WATCHED,         \
      (CUDA_RESOURCE_VIEW_DESC_v1 *res_view_desc,                             \
       CUtexObject_v1 tex_object),                                            \
      (res_view_desc, tex_object))                                            \
    X(cuTexObjectGetTextureDesc, "cuTexObjectGetTextureDesc", 5000, PLAIN,    \
      PFN_cuTexObjectGetTextureDesc_v5000, WATCHED,                           \
      (CUDA_TEXTURE_DESC_v1 *tex_desc, CUtexObject_v1 tex_object),            \
      (tex_desc, tex_object))                                                 \
    X(cuTexRefCreate, "cuTexRefCreate", 2000, PLAIN,                          \
      PFN_cuTexRefCreate_v2000, WATCHED,                                      \
      (CUtexref *tex_ref),                                                    \
      (tex_ref))                                                              \
    X(cuTexRefDestroy, "cuTexRefDestroy", 2000, PLAIN,                        \
      PFN_cuTexRefDestroy_v2000, WATCHED,                                     \
      (CUtexref tex_ref),                                                     \
      (tex_ref))                                                              \
    X(cuTexRefGetAddressMode, "cuTexRefGetAddressMode", 2000, PLAIN,          \
      PFN_cuTexRefGetAddressMode_v2000, WATCHED,                              \
      (CUaddress_mode *pam, CUtexref tex_ref, int dim),                       \
      (pam, tex_ref, dim))                                                    \
    X(cuTexRefGetAddress_v2, "cuTexRefGetAddress", 3020, PLAIN,               \
      PFN_cuTexRefGetAddress_v3020, WATCHED,                                  \
      (CUdeviceptr_v2 *pdptr, CUtexref tex_ref),                              \
      (pdptr, tex_ref))                                                       \
    X(cuTexRefGetArray, "cuTexRefGetArray", 2000, PLAIN,                      \
      PFN_cuTexRefGetArray_v2000, WATCHED,                                    \
      (CUarray *ph_array, CUtexref tex_ref),                                  \
      (ph_array, tex_ref))                                                    \
    X(cuTexRefGetBorderColor, "cuTexRefGetBorderColor", 8000, PLAIN,          \
      PFN_cuTexRefGetBorderColor_v8000, WATCHED,                              \
      (float *border_color, CUtexref tex_ref),                                \
      (border_color, tex_ref))                                                \
    X(cuTexRefGetFilterMode, "cuTexRefGetFilterMode", 2000, PLAIN,            \
      PFN_cuTexRefGetFilterMode_v2000, WATCHED,                               \
      (CUfilter_mode *pfm, CUtexref tex_ref),                                 \
      (pfm, tex_ref))                                                         \
    X(cuTexRefGetFlags, "cuTexRefGetFlags", 2000, PLAIN,                      \
      PFN_cuTexRefGetFlags_v2000, WATCHED,                                    \
      (unsigned int *flags, CUtexref tex_ref),                                \
      (flags, tex_ref))                                                       \
    X(cuTexRefGetFormat, "cuTexRefGetFormat", 2000, PLAIN,                    \
      PFN_cuTexRefGetFormat_v2000, WATCHED,                                   \
      (CUarray_format *format, int *num_channels, CUtexref tex_ref),          \
      (format, num_channels, tex_ref))                                        \
    X(cuTexRefGetMaxAnisotropy, "cuTexRefGetMaxAnisotropy", 5000, PLAIN,      \
      PFN_cuTexRefGetMaxAnisotropy_v5000, WATCHED,                            \
      (int *pmax_aniso, CUtexref tex_ref),                                    \
      (pmax_aniso, tex_ref))                                                  \
    X(cuTexRefGetMipmapFilterMode, "cuTexRefGetMipmapFilterMode", 5000,       \
      PLAIN, PFN_cuTexRefGetMipmapFilterMode_v5000, WATCHED,                  \
      (CUfilter_mode *pfm, CUtexref tex_ref),                                 \
      (pfm, tex_ref))                                                         \
    X(cuTexRefGetMipmapLevelBias, "cuTexRefGetMipmapLevelBias", 5000, PLAIN,  \
      PFN_cuTexRefGetMipmapLevelBias_v5000, WATCHED,                          \
      (float *pbias, CUtexref tex_ref),                                       \
      (pbias, tex_ref))                                                       \
    X(cuTexRefGetMipmapLevelClamp, "cuTexRefGetMipmapLevelClamp", 5000,       \
      PLAIN, PFN_cuTexRefGetMipmapLevelClamp_v5000, WATCHED,                  \
      (float *pmin_mipmap_level_clamp, float *pmax_mipmap_level_clamp,        \
       CUtexref tex_ref),                                                     \
      (pmin_mipmap_level_clamp, pmax_mipmap_level_clamp, tex_ref))            \
    X(cuTexRefGetMipmappedArray, "cuTexRefGetMipmappedArray", 5000, PLAIN,    \
      PFN_cuTexRefGetMipmappedArray_v5000, WATCHED,                           \
      (CUmipmappedArray *ph_mipmapped_array, CUtexref tex_ref),               \
      (ph_mipmapped_array, tex_ref))                                          \
    X(cuTexRefSetAddress2D_v2, "cuTexRefSetAddress2D", 3020, PLAIN,           \
      PFN_cuTexRefSetAddress2D_v3020, WATCHED,                                \
      CSH_ARGS_TEX_REF_SET_ADDRESS2_D)                                        \
    X(cuTexRefSetAddress2D_v3, "cuTexRefSetAddress2D", 4010, PLAIN,           \
      PFN_cuTexRefSetAddress2D_v4010, WATCHED,                                \
      CSH_ARGS_TEX_REF_SET_ADDRESS2_D)                                        \
    X(cuTexRefSetAddressMode, "cuTexRefSetAddressMode", 2000, PLAIN,          \
      PFN_cuTexRefSetAddressMode_v2000, WATCHED,                              \
      (CUtexref tex_ref, int dim, CUaddress_mode am),                         \
      (tex_ref, dim, am))                                                     \
    X(cuTexRefSetAddress_v2, "cuTexRefSetAddress", 3020, PLAIN,               \
      PFN_cuTexRefSetAddress_v3020, WATCHED,                                  \
      (size_t *byte_offset, CUtexref tex_ref, CUdeviceptr_v2 dptr,            \
       size_t bytes),                                                         \
      (byte_offset, tex_ref, dptr, bytes))                                    \
    X(cuTexRefSetArray, "cuTexRefSetArray", 2000, PLAIN,                      \
      PFN_cuTexRefSetArray_v2000, WATCHED,                                    \
      (CUtexref tex_ref, CUarray array, unsigned int flags),                  \
      (tex_ref, array, flags))                                                \
    X(cuTexRefSetBorderColor, "cuTexRefSetBorderColor", 8000, PLAIN,          \
      PFN_cuTexRefSetBorderColor_v8000, WATCHED,                              \
      (CUtexref tex_ref, float *border_color),                                \
      (tex_ref, border_color))                                                \
    X(cuTexRefSetFilterMode, "cuTexRefSetFilterMode", 2000, PLAIN,            \
      PFN_cuTexRefSetFilterMode_v2000, WATCHED,                               \
      (CUtexref tex_ref, CUfilter_mode fm),                                   \
      (tex_ref, fm))                                                          \
    X(cuTexRefSetFlags, "cuTexRefSetFlags", 2000, PLAIN,                      \
      PFN_cuTexRefSetFlags_v2000, WATCHED,                                    \
      (CUtexref tex_ref, unsigned int flags),                                 \
      (tex_ref, flags))                                                       \
    X(cuTexRefSetFormat, "cuTexRefSetFormat", 2000, PLAIN,                    \
      PFN_cuTexRefSetFormat_v2000, WATCHED,                                   \
      (CUtexref tex_ref, CUarray_format fmt, int num_packed_components),      \
      (tex_ref, fmt, num_packed_components))                                  \
    X(cuTexRefSetMaxAnisotropy, "cuTexRefSetMaxAnisotropy", 5000, PLAIN,      \
      PFN_cuTexRefSetMaxAnisotropy_v5000, WATCHED,                            \
      (CUtexref tex_ref, unsigned int max_aniso),                             \
      (tex_ref, max_aniso))                                                   \
    X(cuTexRefSetMipmapFilterMode, "cuTexRefSetMipmapFilterMode", 5000,       \
      PLAIN, PFN_cuTexRefSetMipmapFilterMode_v5000, WATCHED,                  \
      (CUtexref tex_ref, CUfilter_mode fm),                                   \
      (tex_ref, fm))                                                          \
    X(cuTexRefSetMipmapLevelBias, "cuTexRefSetMipmapLevelBias", 5000, PLAIN,  \
      PFN_cuTexRefSetMipmapLevelBias_v5000, WATCHED,                          \
      (CUtexref tex_ref, float bias),                                         \
      (tex_ref, bias))                                                        \
    X(cuTexRefSetMipmapLevelClamp, "cuTexRefSetMipmapLevelClamp", 5000,       \
      PLAIN, PFN_cuTexRefSetMipmapLevelClamp_v5000, WATCHED,                  \
      (CUtexref tex_ref, float min_mipmap_level_clamp,                        \
       float max_mipmap_level_clamp),                                         \
      (tex_ref, min_mipmap_level_clamp, max_mipmap_level_clamp))              \
    X(cuTexRefSetMipmappedArray, "cuTexRefSetMipmappedArray", 5000, PLAIN,    \
      PFN_cuTexRefSetMipmappedArray_v5000, WATCHED,                           \
      (CUtexref tex_ref, CUmipmappedArray mipmapped_array,                    \
       unsigned int flags),                                                   \
      (tex_ref, mipmapped_array, flags))

#if CUDA_VERSION >= 12080

#define CSH_SURFACE_WATCHED_TEXTURES_12080(X)                                 \
    X(cuTensorMapEncodeIm2colWide, "cuTensorMapEncodeIm2colWide", 12080,      \
      PLAIN, PFN_cuTensorMapEncodeIm2colWide_v12080, WATCHED,                 \
      (CUtensorMap *tensor_map, CUtensorMapDataType tensor_data_type,         \
       cuuint32_t tensor_rank, void *global_address,                          \
       const cuuint64_t *global_dim, const cuuint64_t *global_strides,        \
       int pixel_box_lower_corner_width, int pixel_box_upper_corner_width,    \
       cuuint32_t channels_per_pixel, cuuint32_t pixels_per_column,           \
       const cuuint32_t *element_strides, CUtensorMapInterleave interleave,   \
       CUtensorMapIm2ColWideMode mode, CUtensorMapSwizzle swizzle,            \
       CUtensorMapL2promotion l2_promotion,                                   \
       CUtensorMapFloatOOBfill oob_fill),                                     \
      (tensor_map, tensor_data_type, tensor_rank, global_address,             \
       global_dim, global_strides, pixel_box_lower_corner_width,              \
       pixel_box_upper_corner_width, channels_per_pixel, pixels_per_column,   \
       element_strides, interleave, mode, swizzle, l2_promotion, oob_fill))

#else
#define CSH_SURFACE_WATCHED_TEXTURES_12080(X)
#endif

#define CSH_SURFACE_WATCHED_TEXTURES(X)                                       \
    CSH_SURFACE_WATCHED_TEXTURES_12000(X)                                     \
    CSH_SURFACE_WATCHED_TEXTURES_12080(X)

#endif
