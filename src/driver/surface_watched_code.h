/*
 * surface_watched_code.h - rows of code, of launches of old and of the rest.
 * Part of surface_watched.h; not included elsewhere.
 *
 * Columns are those of surface.h. Parameters that several rows share are named
 * once.
 */
#ifndef CSH_DRIVER_SURFACE_WATCHED_CODE_H
#define CSH_DRIVER_SURFACE_WATCHED_CODE_H

/* cudaProfiler.h is not in every package of the headers. */
typedef CUresult (*csh_profiler_initialize)(const char *config_file,
                                            const char *output_file,
                                            int output_mode);
typedef CUresult (*csh_profiler_switch)(void);

#define CSH_ARGS_LINK_ADD_DATA                                                \
    (CUlinkState state, CUjitInputType type, void *data, size_t size,         \
     const char *name, unsigned int num_options, CUjit_option *options,       \
     void **option_values),                                                   \
    (state, type, data, size, name, num_options, options, option_values)

#define CSH_ARGS_LINK_ADD_FILE                                                \
    (CUlinkState state, CUjitInputType type, const char *path,                \
     unsigned int num_options, CUjit_option *options, void **option_values),  \
    (state, type, path, num_options, options, option_values)

#define CSH_ARGS_LINK_CREATE                                                  \
    (unsigned int num_options, CUjit_option *options, void **option_values,   \
     CUlinkState *state_out),                                                 \
    (num_options, options, option_values, state_out)

#define CSH_SURFACE_WATCHED_CODE_12000(X)                                     \
    X(cuCtxResetPersistingL2Cache, "cuCtxResetPersistingL2Cache", 11000,      \
      PLAIN, PFN_cuCtxResetPersistingL2Cache_v11000, WATCHED,                 \
      (void),                                                                 \
      ())                                                                     \
    X(cuCtxSetCacheConfig, "cuCtxSetCacheConfig", 3020, PLAIN,                \
      PFN_cuCtxSetCacheConfig_v3020, WATCHED,                                 \
      (CUfunc_cache config),                                                  \
      (config))                                                               \
    X(cuCtxSetLimit, "cuCtxSetLimit", 3010, PLAIN, PFN_cuCtxSetLimit_v3010,   \
      WATCHED,                                                                \
      (CUlimit limit, size_t value),                                          \
      (limit, value))                                                         \
    X(cuCtxSetSharedMemConfig, "cuCtxSetSharedMemConfig", 4020, PLAIN,        \
      PFN_cuCtxSetSharedMemConfig_v4020, WATCHED,                             \
      (CUsharedconfig config),                                                \
      (config))                                                               \
    X(cuDeviceGetNvSciSyncAttributes, "cuDeviceGetNvSciSyncAttributes",       \
      10020, PLAIN, PFN_cuDeviceGetNvSciSyncAttributes_v10020, WATCHED,       \
      (void *nv_sci_sync_attr_list, CUdevice_v1 dev, int flags),              \
      (nv_sci_sync_attr_list, dev, flags))                                    \
    X(cuFuncGetAttribute, "cuFuncGetAttribute", 2020, PLAIN,                  \
      PFN_cuFuncGetAttribute_v2020, WATCHED,                                  \
      (int *pi, CUfunction_attribute attrib, CUfunction hfunc),               \
      (pi, attrib, hfunc))                                                    \
    X(cuFuncSetAttribute, "cuFuncSetAttribute", 9000, PLAIN,                  \
      PFN_cuFuncSetAttribute_v9000, WATCHED,                                  \
      (CUfunction hfunc, CUfunction_attribute attrib, int value),             \
      (hfunc, attrib, value))                                                 \
    X(cuFuncSetCacheConfig, "cuFuncSetCacheConfig", 3000, PLAIN,              \
      PFN_cuFuncSetCacheConfig_v3000, WATCHED,                                \
      (CUfunction hfunc, CUfunc_cache config),                                \
      (hfunc, config))                                                        \
    X(cuFuncSetSharedMemConfig, "cuFuncSetSharedMemConfig", 4020, PLAIN,      \
      PFN_cuFuncSetSharedMemConfig_v4020, WATCHED,                            \
      (CUfunction hfunc, CUsharedconfig config),                              \
      (hfunc, config))                                                        \
    X(cuKernelGetAttribute, "cuKernelGetAttribute", 12000, PLAIN,             \
      PFN_cuKernelGetAttribute_v12000, WATCHED,                               \
      (int *pi, CUfunction_attribute attrib, CUkernel kernel, CUdevice dev),  \
      (pi, attrib, kernel, dev))                                              \
    X(cuKernelGetFunction, "cuKernelGetFunction", 12000, PLAIN,               \
      PFN_cuKernelGetFunction_v12000, WATCHED,                                \
      (CUfunction *func, CUkernel kernel),                                    \
      (func, kernel))                                                         \
    X(cuKernelSetAttribute, "cuKernelSetAttribute", 12000, PLAIN,             \
      PFN_cuKernelSetAttribute_v12000, WATCHED,                               \
      (CUfunction_attribute attrib, int val, CUkernel kernel, CUdevice dev),  \
      (attrib, val, kernel, dev))                                             \
    X(cuKernelSetCacheConfig, "cuKernelSetCacheConfig", 12000, PLAIN,         \
      PFN_cuKernelSetCacheConfig_v12000, WATCHED,                             \
      (CUkernel kernel, CUfunc_cache config, CUdevice dev),                   \
      (kernel, config, dev))                                                  \
    X(cuLibraryGetKernel, "cuLibraryGetKernel", 12000, PLAIN,                 \
      PFN_cuLibraryGetKernel_v12000, WATCHED,                                 \
      (CUkernel *kernel, CUlibrary library, const char *name),                \
      (kernel, library, name))                                                \
    X(cuLibraryGetModule, "cuLibraryGetModule", 12000, PLAIN,                 \
      PFN_cuLibraryGetModule_v12000, WATCHED,                                 \
      (CUmodule *mod, CUlibrary library),                                     \
      (mod, library))                                                         \
    X(cuLibraryGetUnifiedFunction, "cuLibraryGetUnifiedFunction", 12000,      \
      PLAIN, PFN_cuLibraryGetUnifiedFunction_v12000, WATCHED,                 \
      (void **fptr, CUlibrary library, const char *symbol),                   \
      (fptr, library, symbol))                                                \
    X(cuLibraryLoadData, "cuLibraryLoadData", 12000, PLAIN,                   \
      PFN_cuLibraryLoadData_v12000, WATCHED,                                  \
      (CUlibrary *library, const void *code, CUjit_option *jit_options,       \
       void **jit_options_values, unsigned int num_jit_options,               \
       CUlibraryOption *library_options, void **library_option_values,        \
       unsigned int num_library_options),                                     \
      (library, code, jit_options, jit_options_values, num_jit_options,       \
       library_options, library_option_values, num_library_options))          \
    X(cuLibraryLoadFromFile, "cuLibraryLoadFromFile", 12000, PLAIN,           \
      PFN_cuLibraryLoadFromFile_v12000, WATCHED,                              \
      (CUlibrary *library, const char *file_name, CUjit_option *jit_options,  \
       void **jit_options_values, unsigned int num_jit_options,               \
       CUlibraryOption *library_options, void **library_option_values,        \
       unsigned int num_library_options),                                     \
      (library, file_name, jit_options, jit_options_values, num_jit_options,  \
       library_options, library_option_values, num_library_options))          \
    X(cuLibraryUnload, "cuLibraryUnload", 12000, PLAIN,                       \
      PFN_cuLibraryUnload_v12000, WATCHED,                                    \
      (CUlibrary library),                                                    \
      (library))                                                              \
    X(cuLinkAddData, "cuLinkAddData", 5050, PLAIN, PFN_cuLinkAddData_v5050,   \
      WATCHED, CSH_ARGS_LINK_ADD_DATA)                                        \
    X(cuLinkAddData_v2, "cuLinkAddData", 6050, PLAIN,                         \
      PFN_cuLinkAddData_v6050, WATCHED, CSH_ARGS_LINK_ADD_DATA)               \
    X(cuLinkAddFile, "cuLinkAddFile", 5050, PLAIN, PFN_cuLinkAddFile_v5050,   \
      WATCHED, CSH_ARGS_LINK_ADD_FILE)                                        \
    X(cuLinkAddFile_v2, "cuLinkAddFile", 6050, PLAIN,                         \
      PFN_cuLinkAddFile_v6050, WATCHED, CSH_ARGS_LINK_ADD_FILE)               \
    X(cuLinkComplete, "cuLinkComplete", 5050, PLAIN,                          \
      PFN_cuLinkComplete_v5050, WATCHED,                                      \
      (CUlinkState state, void **cubin_out, size_t *size_out),                \
      (state, cubin_out, size_out))                                           \
    X(cuLinkCreate, "cuLinkCreate", 5050, PLAIN, PFN_cuLinkCreate_v5050,      \
      WATCHED, CSH_ARGS_LINK_CREATE)                                          \
    X(cuLinkCreate_v2, "cuLinkCreate", 6050, PLAIN, PFN_cuLinkCreate_v6050,   \
      WATCHED, CSH_ARGS_LINK_CREATE)                                          \
    X(cuLinkDestroy, "cuLinkDestroy", 5050, PLAIN, PFN_cuLinkDestroy_v5050,   \
      WATCHED,                                                                \
      (CUlinkState state),                                                    \
      (state))                                                                \
    X(cuModuleGetFunction, "cuModuleGetFunction", 2000, PLAIN,                \
      PFN_cuModuleGetFunction_v2000, WATCHED,                                 \
      (CUfunction *hfunc, CUmodule hmod, const char *name),                   \
      (hfunc, hmod, name))                                                    \
    X(cuModuleGetSurfRef, "cuModuleGetSurfRef", 3000, PLAIN,                  \
      PFN_cuModuleGetSurfRef_v3000, WATCHED,                                  \
      (CUsurfref *surf_ref, CUmodule hmod, const char *name),                 \
      (surf_ref, hmod, name))                                                 \
    X(cuModuleGetTexRef, "cuModuleGetTexRef", 2000, PLAIN,                    \
      PFN_cuModuleGetTexRef_v2000, WATCHED,                                   \
      (CUtexref *tex_ref, CUmodule hmod, const char *name),                   \
      (tex_ref, hmod, name))                                                  \
    X(cuModuleLoad, "cuModuleLoad", 2000, PLAIN, PFN_cuModuleLoad_v2000,      \
      WATCHED,                                                                \
      (CUmodule *module, const char *fname),                                  \
      (module, fname))                                                        \
    X(cuModuleLoadData, "cuModuleLoadData", 2000, PLAIN,                      \
      PFN_cuModuleLoadData_v2000, WATCHED,                                    \
      (CUmodule *module, const void *image),                                  \
      (module, image))                                                        \
    X(cuModuleLoadDataEx, "cuModuleLoadDataEx", 2010, PLAIN,                  \
      PFN_cuModuleLoadDataEx_v2010, WATCHED,                                  \
      (CUmodule *module, const void *image, unsigned int num_options,         \
       CUjit_option *options, void **option_values),                          \
      (module, image, num_options, options, option_values))                   \
    X(cuModuleLoadFatBinary, "cuModuleLoadFatBinary", 2000, PLAIN,            \
      PFN_cuModuleLoadFatBinary_v2000, WATCHED,                               \
      (CUmodule *module, const void *fat_cubin),                              \
      (module, fat_cubin))                                                    \
    X(cuModuleUnload, "cuModuleUnload", 2000, PLAIN,                          \
      PFN_cuModuleUnload_v2000, WATCHED,                                      \
      (CUmodule hmod),                                                        \
      (hmod))                                                                 \
    X(cuOccupancyAvailableDynamicSMemPerBlock,                                \
      "cuOccupancyAvailableDynamicSMemPerBlock", 10020, PLAIN,                \
      PFN_cuOccupancyAvailableDynamicSMemPerBlock_v10020, WATCHED,            \
      (size_t *dynamic_smem_size, CUfunction func, int num_blocks,            \
       int block_size),                                                       \
      (dynamic_smem_size, func, num_blocks, block_size))                      \
    X(cuOccupancyMaxActiveBlocksPerMultiprocessor,                            \
      "cuOccupancyMaxActiveBlocksPerMultiprocessor", 6050, PLAIN,             \
      PFN_cuOccupancyMaxActiveBlocksPerMultiprocessor_v6050, WATCHED,         \
      (int *num_blocks, CUfunction func, int block_size,                      \
       size_t dynamic_s_mem_size),                                            \
      (num_blocks, func, block_size, dynamic_s_mem_size))                     \
    X(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags,                   \
      "cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags", 7000, PLAIN,    \
      PFN_cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags_v7000,         \
      WATCHED,                                                                \
      (int *num_blocks, CUfunction func, int block_size,                      \
       size_t dynamic_s_mem_size, unsigned int flags),                        \
      (num_blocks, func, block_size, dynamic_s_mem_size, flags))              \
    X(cuOccupancyMaxActiveClusters, "cuOccupancyMaxActiveClusters", 11070,    \
      PLAIN, PFN_cuOccupancyMaxActiveClusters_v11070, WATCHED,                \
      (int *num_clusters, CUfunction func, const CUlaunchConfig *config),     \
      (num_clusters, func, config))                                           \
    X(cuOccupancyMaxPotentialBlockSize, "cuOccupancyMaxPotentialBlockSize",   \
      6050, PLAIN, PFN_cuOccupancyMaxPotentialBlockSize_v6050, WATCHED,       \
      (int *min_grid_size, int *block_size, CUfunction func,                  \
       CUoccupancyB2DSize block_size_to_dynamic_s_mem_size,                   \
       size_t dynamic_s_mem_size, int block_size_limit),                      \
      (min_grid_size, block_size, func, block_size_to_dynamic_s_mem_size,     \
       dynamic_s_mem_size, block_size_limit))                                 \
    X(cuOccupancyMaxPotentialBlockSizeWithFlags,                              \
      "cuOccupancyMaxPotentialBlockSizeWithFlags", 7000, PLAIN,               \
      PFN_cuOccupancyMaxPotentialBlockSizeWithFlags_v7000, WATCHED,           \
      (int *min_grid_size, int *block_size, CUfunction func,                  \
       CUoccupancyB2DSize block_size_to_dynamic_s_mem_size,                   \
       size_t dynamic_s_mem_size, int block_size_limit, unsigned int flags),  \
      (min_grid_size, block_size, func, block_size_to_dynamic_s_mem_size,     \
       dynamic_s_mem_size, block_size_limit, flags))                          \
    X(cuOccupancyMaxPotentialClusterSize,                                     \
      "cuOccupancyMaxPotentialClusterSize", 11070, PLAIN,                     \
      PFN_cuOccupancyMaxPotentialClusterSize_v11070, WATCHED,                 \
      (int *cluster_size, CUfunction func, const CUlaunchConfig *config),     \
      (cluster_size, func, config))                                           \
    X(cuProfilerInitialize, "cuProfilerInitialize", 4000, PLAIN,              \
      csh_profiler_initialize, WATCHED,                                       \
      (const char *config_file, const char *output_file, int output_mode),    \
      (config_file, output_file, output_mode))                                \
    X(cuProfilerStart, "cuProfilerStart", 4000, PLAIN, csh_profiler_switch,   \
      WATCHED,                                                                \
      (void),                                                                 \
      ())                                                                     \
    X(cuProfilerStop, "cuProfilerStop", 4000, PLAIN, csh_profiler_switch,     \
      WATCHED,                                                                \
      (void),                                                                 \
      ())                                                                     \
    X(cuStreamCopyAttributes, "cuStreamCopyAttributes", 11000, PLAIN,         \
      PFN_cuStreamCopyAttributes_v11000, WATCHED,                             \
      (CUstream dst_stream, CUstream src_stream),                             \
      (dst_stream, src_stream))                                               \
    X(cuStreamCopyAttributes_ptsz, "cuStreamCopyAttributes", 11000,           \
      PER_THREAD, PFN_cuStreamCopyAttributes_v11000_ptsz, WATCHED,            \
      (CUstream dst, CUstream src),                                           \
      (dst, src))                                                             \
    X(cuStreamSetAttribute, "cuStreamSetAttribute", 11000, PLAIN,             \
      PFN_cuStreamSetAttribute_v11000, WATCHED,                               \
      (CUstream stream, CUstreamAttrID attr,                                  \
       const CUstreamAttrValue_v1 *param),                                    \
      (stream, attr, param))                                                  \
    X(cuStreamSetAttribute_ptsz, "cuStreamSetAttribute", 11000, PER_THREAD,   \
      PFN_cuStreamSetAttribute_v11000_ptsz, WATCHED,                          \
      (CUstream stream, CUstreamAttrID attr,                                  \
       const CUstreamAttrValue_v1 *value),                                    \
      (stream, attr, value))

#if CUDA_VERSION >= 12010

#define CSH_SURFACE_WATCHED_CODE_12010(X)                                     \
    X(cuCoredumpGetAttribute, "cuCoredumpGetAttribute", 12010, PLAIN,         \
      PFN_cuCoredumpGetAttribute_v12010, WATCHED,                             \
      (CUcoredumpSettings get, void *value, size_t *size),                    \
      (get, value, size))                                                     \
    X(cuCoredumpGetAttributeGlobal, "cuCoredumpGetAttributeGlobal", 12010,    \
      PLAIN, PFN_cuCoredumpGetAttributeGlobal_v12010, WATCHED,                \
      (CUcoredumpSettings get, void *value, size_t *size),                    \
      (get, value, size))                                                     \
    X(cuCoredumpSetAttribute, "cuCoredumpSetAttribute", 12010, PLAIN,         \
      PFN_cuCoredumpSetAttribute_v12010, WATCHED,                             \
      (CUcoredumpSettings set, void *value, size_t *size),                    \
      (set, value, size))                                                     \
    X(cuCoredumpSetAttributeGlobal, "cuCoredumpSetAttributeGlobal", 12010,    \
      PLAIN, PFN_cuCoredumpSetAttributeGlobal_v12010, WATCHED,                \
      (CUcoredumpSettings set, void *value, size_t *size),                    \
      (set, value, size))

#else
#define CSH_SURFACE_WATCHED_CODE_12010(X)
#endif

#if CUDA_VERSION >= 12040

#define CSH_SURFACE_WATCHED_CODE_12040(X)                                     \
    X(cuDevResourceGenerateDesc, "cuDevResourceGenerateDesc", 12040, PLAIN,   \
      PFN_cuDevResourceGenerateDesc_v12040, WATCHED,                          \
      (CUdevResourceDesc *ph_desc, CUdevResource *resources,                  \
       unsigned int nb_resources),                                            \
      (ph_desc, resources, nb_resources))                                     \
    X(cuDevSmResourceSplitByCount, "cuDevSmResourceSplitByCount", 12040,      \
      PLAIN, PFN_cuDevSmResourceSplitByCount_v12040, WATCHED,                 \
      (CUdevResource *result, unsigned int *nb_groups,                        \
       const CUdevResource *input, CUdevResource *remaining,                  \
       unsigned int use_flags, unsigned int min_count),                       \
      (result, nb_groups, input, remaining, use_flags, min_count))            \
    X(cuDeviceRegisterAsyncNotification,                                      \
      "cuDeviceRegisterAsyncNotification", 12040, PLAIN,                      \
      PFN_cuDeviceRegisterAsyncNotification_v12040, WATCHED,                  \
      (CUdevice device, CUasyncCallback callback_func, void *user_data,       \
       CUasyncCallbackHandle *callback),                                      \
      (device, callback_func, user_data, callback))                           \
    X(cuDeviceUnregisterAsyncNotification,                                    \
      "cuDeviceUnregisterAsyncNotification", 12040, PLAIN,                    \
      PFN_cuDeviceUnregisterAsyncNotification_v12040, WATCHED,                \
      (CUdevice device, CUasyncCallbackHandle callback),                      \
      (device, callback))                                                     \
    X(cuFuncGetParamInfo, "cuFuncGetParamInfo", 12040, PLAIN,                 \
      PFN_cuFuncGetParamInfo_v12040, WATCHED,                                 \
      (CUfunction func, size_t param_index, size_t *param_offset,             \
       size_t *param_size),                                                   \
      (func, param_index, param_offset, param_size))                          \
    X(cuFuncLoad, "cuFuncLoad", 12040, PLAIN, PFN_cuFuncLoad_v12040,          \
      WATCHED,                                                                \
      (CUfunction hfunc),                                                     \
      (hfunc))                                                                \
    X(cuKernelGetParamInfo, "cuKernelGetParamInfo", 12040, PLAIN,             \
      PFN_cuKernelGetParamInfo_v12040, WATCHED,                               \
      (CUkernel kernel, size_t param_index, size_t *param_offset,             \
       size_t *param_size),                                                   \
      (kernel, param_index, param_offset, param_size))

#else
#define CSH_SURFACE_WATCHED_CODE_12040(X)
#endif

#if CUDA_VERSION >= 12090

#define CSH_SURFACE_WATCHED_CODE_12090(X)                                     \
    X(cuLogsCurrent, "cuLogsCurrent", 12090, PLAIN,                           \
      PFN_cuLogsCurrent_v12090, WATCHED,                                      \
      (CUlogIterator *iterator, unsigned int flags),                          \
      (iterator, flags))                                                      \
    X(cuLogsDumpToFile, "cuLogsDumpToFile", 12090, PLAIN,                     \
      PFN_cuLogsDumpToFile_v12090, WATCHED,                                   \
      (CUlogIterator *iterator, const char *path_to_file,                     \
       unsigned int flags),                                                   \
      (iterator, path_to_file, flags))                                        \
    X(cuLogsDumpToMemory, "cuLogsDumpToMemory", 12090, PLAIN,                 \
      PFN_cuLogsDumpToMemory_v12090, WATCHED,                                 \
      (CUlogIterator *iterator, char *buffer, size_t *size,                   \
       unsigned int flags),                                                   \
      (iterator, buffer, size, flags))                                        \
    X(cuLogsRegisterCallback, "cuLogsRegisterCallback", 12090, PLAIN,         \
      PFN_cuLogsRegisterCallback_v12090, WATCHED,                             \
      (CUlogsCallback callback_func, void *user_data,                         \
       CUlogsCallbackHandle *callback),                                       \
      (callback_func, user_data, callback))                                   \
    X(cuLogsUnregisterCallback, "cuLogsUnregisterCallback", 12090, PLAIN,     \
      PFN_cuLogsUnregisterCallback_v12090, WATCHED,                           \
      (CUlogsCallbackHandle callback),                                        \
      (callback))

#else
#define CSH_SURFACE_WATCHED_CODE_12090(X)
#endif

#if CUDA_VERSION >= 13000

#define CSH_SURFACE_WATCHED_CODE_13000(X)                                     \
    X(cuLibraryEnumerateKernels, "cuLibraryEnumerateKernels", 12040, PLAIN,   \
      PFN_cuLibraryEnumerateKernels_v12040, WATCHED,                          \
      (CUkernel *kernels, unsigned int num_kernels, CUlibrary lib),           \
      (kernels, num_kernels, lib))                                            \
    X(cuLibraryGetKernelCount, "cuLibraryGetKernelCount", 12040, PLAIN,       \
      PFN_cuLibraryGetKernelCount_v12040, WATCHED,                            \
      (unsigned int *count, CUlibrary lib),                                   \
      (count, lib))                                                           \
    X(cuModuleEnumerateFunctions, "cuModuleEnumerateFunctions", 12040,        \
      PLAIN, PFN_cuModuleEnumerateFunctions_v12040, WATCHED,                  \
      (CUfunction *functions, unsigned int num_functions, CUmodule mod),      \
      (functions, num_functions, mod))                                        \
    X(cuModuleGetFunctionCount, "cuModuleGetFunctionCount", 12040, PLAIN,     \
      PFN_cuModuleGetFunctionCount_v12040, WATCHED,                           \
      (unsigned int *count, CUmodule hmod),                                   \
      (count, hmod))

#else
#define CSH_SURFACE_WATCHED_CODE_13000(X)
#endif

#define CSH_SURFACE_WATCHED_CODE(X)                                           \
    CSH_SURFACE_WATCHED_CODE_12000(X)                                         \
    CSH_SURFACE_WATCHED_CODE_12010(X)                                         \
    CSH_SURFACE_WATCHED_CODE_12040(X)                                         \
    CSH_SURFACE_WATCHED_CODE_12090(X)                                         \
    CSH_SURFACE_WATCHED_CODE_13000(X)

#endif
