/*
 * surface_watched_interop.h - rows of OpenGL, EGL and VDPAU.
 * Part of surface_watched.h; not included elsewhere.
 *
 * Columns are those of surface.h. NVIDIA's typedefs of these entries need
 * headers of the graphics libraries, which few machines have: the types are
 * written out here, and tests/check/t_interop_types.sh compares them with
 * cudaGLTypedefs.h, cudaEGLTypedefs.h and cudaVDPAUTypedefs.h. Since NVIDIA's
 * runtime asks for most of them whether it needs them or not, only a call
 * ends cohorts.
 */
#ifndef CSH_DRIVER_SURFACE_WATCHED_INTEROP_H
#define CSH_DRIVER_SURFACE_WATCHED_INTEROP_H

#include <stddef.h>
#include <stdint.h>

/* GLuint (Khronos: 32 bits); GLenum and CUGLDeviceList are like it. */
typedef unsigned int csh_gl_name;
/* EGLStreamKHR, EGLImageKHR, EGLSyncKHR. EGLint is an int32_t. */
typedef void *csh_egl_object;
typedef struct CUeglStreamConnection_st *csh_egl_connection;
/* VdpDevice, VdpVideoSurface, VdpOutputSurface; VdpGetProcAddress. */
typedef uint32_t csh_vdpau_object;
typedef unsigned int csh_vdpau_lookup(csh_vdpau_object device, uint32_t id,
                                      void **function);

/* CUeglFrame_v1: it is passed by value. */
struct csh_egl_frame {
    union {
        CUarray array[3];
        void *pitch[3];
    } plane;
    unsigned int width, height, depth, pitch, n_planes, n_channels;
    unsigned int frame_type, color_format;
    CUarray_format format;
};

typedef CUresult (*csh_gl_ctx_create)(CUcontext *context, unsigned int flags,
                                      CUdevice_v1 device);
typedef CUresult (*csh_gl_get_devices)(unsigned int *n, CUdevice_v1 *devices,
                                       unsigned int max_devices,
                                       unsigned int device_list);
typedef CUresult (*csh_gl_init)(void);
typedef CUresult (*csh_gl_map_v1)(CUdeviceptr_v1 *dptr, unsigned int *size,
                                  csh_gl_name buffer);
typedef CUresult (*csh_gl_map)(CUdeviceptr_v2 *dptr, size_t *size,
                               csh_gl_name buffer);
typedef CUresult (*csh_gl_map_async_v1)(CUdeviceptr_v1 *dptr,
                                        unsigned int *size, csh_gl_name buffer,
                                        CUstream stream);
typedef CUresult (*csh_gl_map_async)(CUdeviceptr_v2 *dptr, size_t *size,
                                     csh_gl_name buffer, CUstream stream);
typedef CUresult (*csh_gl_buffer)(csh_gl_name buffer);
typedef CUresult (*csh_gl_buffer_flags)(csh_gl_name buffer,
                                        unsigned int flags);
typedef CUresult (*csh_gl_unmap_async)(csh_gl_name buffer, CUstream stream);
typedef CUresult (*csh_gl_register_buffer)(CUgraphicsResource *resource,
                                           csh_gl_name buffer,
                                           unsigned int flags);
typedef CUresult (*csh_gl_register_image)(CUgraphicsResource *resource,
                                          csh_gl_name image,
                                          unsigned int target,
                                          unsigned int flags);

typedef CUresult (*csh_egl_acquire)(csh_egl_connection *connection,
                                    CUgraphicsResource *resource,
                                    CUstream *stream, unsigned int timeout);
typedef CUresult (*csh_egl_connect)(csh_egl_connection *connection,
                                    csh_egl_object egl_stream);
typedef CUresult (*csh_egl_connect_flags)(csh_egl_connection *connection,
                                          csh_egl_object egl_stream,
                                          unsigned int flags);
typedef CUresult (*csh_egl_disconnect)(csh_egl_connection *connection);
typedef CUresult (*csh_egl_release)(csh_egl_connection *connection,
                                    CUgraphicsResource resource,
                                    CUstream *stream);
typedef CUresult (*csh_egl_produce)(csh_egl_connection *connection,
                                    csh_egl_object egl_stream, int32_t width,
                                    int32_t height);
typedef CUresult (*csh_egl_present)(csh_egl_connection *connection,
                                    struct csh_egl_frame frame,
                                    CUstream *stream);
typedef CUresult (*csh_egl_return)(csh_egl_connection *connection,
                                   struct csh_egl_frame *frame,
                                   CUstream *stream);
typedef CUresult (*csh_egl_event)(CUevent *event, csh_egl_object egl_sync,
                                  unsigned int flags);
typedef CUresult (*csh_egl_register_image)(CUgraphicsResource *resource,
                                           csh_egl_object image,
                                           unsigned int flags);
typedef CUresult (*csh_egl_mapped_frame)(struct csh_egl_frame *frame,
                                         CUgraphicsResource resource,
                                         unsigned int index,
                                         unsigned int mip_level);

typedef CUresult (*csh_vdpau_register)(CUgraphicsResource *resource,
                                       csh_vdpau_object surface,
                                       unsigned int flags);
typedef CUresult (*csh_vdpau_ctx_create)(CUcontext *context,
                                         unsigned int flags,
                                         CUdevice_v1 device,
                                         csh_vdpau_object vdp_device,
                                         csh_vdpau_lookup *vdp_lookup);
typedef CUresult (*csh_vdpau_get_device)(CUdevice_v1 *device,
                                         csh_vdpau_object vdp_device,
                                         csh_vdpau_lookup *vdp_lookup);

#define CSH_ARGS_GL_CTX_CREATE                                                \
    (CUcontext *context, unsigned int flags, CUdevice_v1 device),             \
    (context, flags, device)

#define CSH_ARGS_GL_GET_DEVICES                                               \
    (unsigned int *n, CUdevice_v1 *devices, unsigned int max_devices,         \
     unsigned int device_list),                                               \
    (n, devices, max_devices, device_list)

#define CSH_ARGS_GL_MAP                                                       \
    (CUdeviceptr_v2 *dptr, size_t *size, csh_gl_name buffer),                 \
    (dptr, size, buffer)

#define CSH_ARGS_GL_MAP_ASYNC                                                 \
    (CUdeviceptr_v2 *dptr, size_t *size, csh_gl_name buffer,                  \
     CUstream stream),                                                        \
    (dptr, size, buffer, stream)

#define CSH_ARGS_GL_BUFFER                                                    \
    (csh_gl_name buffer),                                                     \
    (buffer)

#define CSH_ARGS_EGL_DISCONNECT                                               \
    (csh_egl_connection *connection),                                         \
    (connection)

#define CSH_ARGS_VDPAU_REGISTER                                               \
    (CUgraphicsResource *resource, csh_vdpau_object surface,                  \
     unsigned int flags),                                                     \
    (resource, surface, flags)

#define CSH_ARGS_VDPAU_CTX_CREATE                                             \
    (CUcontext *context, unsigned int flags, CUdevice_v1 device,              \
     csh_vdpau_object vdp_device, csh_vdpau_lookup *vdp_lookup),              \
    (context, flags, device, vdp_device, vdp_lookup)

#define CSH_SURFACE_WATCHED_GL(X)                                             \
    X(cuGLCtxCreate, "cuGLCtxCreate", 2000, PLAIN, csh_gl_ctx_create, OPENED, \
      CSH_ARGS_GL_CTX_CREATE)                                                 \
    X(cuGLCtxCreate_v2, "cuGLCtxCreate", 3020, PLAIN, csh_gl_ctx_create,      \
      OPENED, CSH_ARGS_GL_CTX_CREATE)                                         \
    X(cuGLGetDevices, "cuGLGetDevices", 4010, PLAIN, csh_gl_get_devices,      \
      WATCHED, CSH_ARGS_GL_GET_DEVICES)                                       \
    X(cuGLGetDevices_v2, "cuGLGetDevices", 6050, PLAIN, csh_gl_get_devices,   \
      WATCHED, CSH_ARGS_GL_GET_DEVICES)                                       \
    X(cuGLInit, "cuGLInit", 2000, PLAIN, csh_gl_init, OPENED,                 \
      (void),                                                                 \
      ())                                                                     \
    X(cuGLMapBufferObject, "cuGLMapBufferObject", 2000, PLAIN, csh_gl_map_v1, \
      LEGACY,                                                                 \
      (CUdeviceptr_v1 *dptr, unsigned int *size, csh_gl_name buffer),         \
      (dptr, size, buffer))                                                   \
    X(cuGLMapBufferObject_v2, "cuGLMapBufferObject", 3020, PLAIN, csh_gl_map, \
      OPENED, CSH_ARGS_GL_MAP)                                                \
    X(cuGLMapBufferObject_v2_ptds, "cuGLMapBufferObject", 7000, PER_THREAD,   \
      csh_gl_map, OPENED, CSH_ARGS_GL_MAP)                                    \
    X(cuGLMapBufferObjectAsync, "cuGLMapBufferObjectAsync", 2030, PLAIN,      \
      csh_gl_map_async_v1, LEGACY,                                            \
      (CUdeviceptr_v1 *dptr, unsigned int *size, csh_gl_name buffer,          \
       CUstream stream),                                                      \
      (dptr, size, buffer, stream))                                           \
    X(cuGLMapBufferObjectAsync_v2, "cuGLMapBufferObjectAsync", 3020, PLAIN,   \
      csh_gl_map_async, OPENED, CSH_ARGS_GL_MAP_ASYNC)                        \
    X(cuGLMapBufferObjectAsync_v2_ptsz, "cuGLMapBufferObjectAsync", 7000,     \
      PER_THREAD, csh_gl_map_async, OPENED, CSH_ARGS_GL_MAP_ASYNC)            \
    X(cuGLRegisterBufferObject, "cuGLRegisterBufferObject", 2000, PLAIN,      \
      csh_gl_buffer, OPENED, CSH_ARGS_GL_BUFFER)                              \
    X(cuGLSetBufferObjectMapFlags, "cuGLSetBufferObjectMapFlags", 2030,       \
      PLAIN, csh_gl_buffer_flags, OPENED,                                     \
      (csh_gl_name buffer, unsigned int flags),                               \
      (buffer, flags))                                                        \
    X(cuGLUnmapBufferObject, "cuGLUnmapBufferObject", 2000, PLAIN,            \
      csh_gl_buffer, OPENED, CSH_ARGS_GL_BUFFER)                              \
    X(cuGLUnmapBufferObjectAsync, "cuGLUnmapBufferObjectAsync", 2030, PLAIN,  \
      csh_gl_unmap_async, OPENED,                                             \
      (csh_gl_name buffer, CUstream stream),                                  \
      (buffer, stream))                                                       \
    X(cuGLUnregisterBufferObject, "cuGLUnregisterBufferObject", 2000, PLAIN,  \
      csh_gl_buffer, OPENED, CSH_ARGS_GL_BUFFER)                              \
    X(cuGraphicsGLRegisterBuffer, "cuGraphicsGLRegisterBuffer", 3000, PLAIN,  \
      csh_gl_register_buffer, OPENED,                                         \
      (CUgraphicsResource *resource, csh_gl_name buffer, unsigned int flags), \
      (resource, buffer, flags))                                              \
    X(cuGraphicsGLRegisterImage, "cuGraphicsGLRegisterImage", 3000, PLAIN,    \
      csh_gl_register_image, OPENED,                                          \
      (CUgraphicsResource *resource, csh_gl_name image, unsigned int target,  \
       unsigned int flags),                                                   \
      (resource, image, target, flags))

#define CSH_SURFACE_WATCHED_EGL(X)                                            \
    X(cuEGLStreamConsumerAcquireFrame, "cuEGLStreamConsumerAcquireFrame",     \
      7000, PLAIN, csh_egl_acquire, OPENED,                                   \
      (csh_egl_connection *connection, CUgraphicsResource *resource,          \
       CUstream *stream, unsigned int timeout),                               \
      (connection, resource, stream, timeout))                                \
    X(cuEGLStreamConsumerConnect, "cuEGLStreamConsumerConnect", 7000, PLAIN,  \
      csh_egl_connect, OPENED,                                                \
      (csh_egl_connection *connection, csh_egl_object egl_stream),            \
      (connection, egl_stream))                                               \
    X(cuEGLStreamConsumerConnectWithFlags,                                    \
      "cuEGLStreamConsumerConnectWithFlags", 8000, PLAIN,                     \
      csh_egl_connect_flags, OPENED,                                          \
      (csh_egl_connection *connection, csh_egl_object egl_stream,             \
       unsigned int flags),                                                   \
      (connection, egl_stream, flags))                                        \
    X(cuEGLStreamConsumerDisconnect, "cuEGLStreamConsumerDisconnect", 7000,   \
      PLAIN, csh_egl_disconnect, OPENED, CSH_ARGS_EGL_DISCONNECT)             \
    X(cuEGLStreamConsumerReleaseFrame, "cuEGLStreamConsumerReleaseFrame",     \
      7000, PLAIN, csh_egl_release, OPENED,                                   \
      (csh_egl_connection *connection, CUgraphicsResource resource,           \
       CUstream *stream),                                                     \
      (connection, resource, stream))                                         \
    X(cuEGLStreamProducerConnect, "cuEGLStreamProducerConnect", 7000, PLAIN,  \
      csh_egl_produce, OPENED,                                                \
      (csh_egl_connection *connection, csh_egl_object egl_stream,             \
       int32_t width, int32_t height),                                        \
      (connection, egl_stream, width, height))                                \
    X(cuEGLStreamProducerDisconnect, "cuEGLStreamProducerDisconnect", 7000,   \
      PLAIN, csh_egl_disconnect, OPENED, CSH_ARGS_EGL_DISCONNECT)             \
    X(cuEGLStreamProducerPresentFrame, "cuEGLStreamProducerPresentFrame",     \
      7000, PLAIN, csh_egl_present, OPENED,                                   \
      (csh_egl_connection *connection, struct csh_egl_frame frame,            \
       CUstream *stream),                                                     \
      (connection, frame, stream))                                            \
    X(cuEGLStreamProducerReturnFrame, "cuEGLStreamProducerReturnFrame", 7000, \
      PLAIN, csh_egl_return, OPENED,                                          \
      (csh_egl_connection *connection, struct csh_egl_frame *frame,           \
       CUstream *stream),                                                     \
      (connection, frame, stream))                                            \
    X(cuEventCreateFromEGLSync, "cuEventCreateFromEGLSync", 9000, PLAIN,      \
      csh_egl_event, OPENED,                                                  \
      (CUevent *event, csh_egl_object egl_sync, unsigned int flags),          \
      (event, egl_sync, flags))                                               \
    X(cuGraphicsEGLRegisterImage, "cuGraphicsEGLRegisterImage", 7000, PLAIN,  \
      csh_egl_register_image, OPENED,                                         \
      (CUgraphicsResource *resource, csh_egl_object image,                    \
       unsigned int flags),                                                   \
      (resource, image, flags))                                               \
    X(cuGraphicsResourceGetMappedEglFrame,                                    \
      "cuGraphicsResourceGetMappedEglFrame", 7000, PLAIN,                     \
      csh_egl_mapped_frame, OPENED,                                           \
      (struct csh_egl_frame *frame, CUgraphicsResource resource,              \
       unsigned int index, unsigned int mip_level),                           \
      (frame, resource, index, mip_level))

#define CSH_SURFACE_WATCHED_VDPAU(X)                                          \
    X(cuGraphicsVDPAURegisterOutputSurface,                                   \
      "cuGraphicsVDPAURegisterOutputSurface", 3010, PLAIN,                    \
      csh_vdpau_register, OPENED, CSH_ARGS_VDPAU_REGISTER)                    \
    X(cuGraphicsVDPAURegisterVideoSurface,                                    \
      "cuGraphicsVDPAURegisterVideoSurface", 3010, PLAIN, csh_vdpau_register, \
      OPENED, CSH_ARGS_VDPAU_REGISTER)                                        \
    X(cuVDPAUCtxCreate, "cuVDPAUCtxCreate", 3010, PLAIN,                      \
      csh_vdpau_ctx_create, OPENED, CSH_ARGS_VDPAU_CTX_CREATE)                \
    X(cuVDPAUCtxCreate_v2, "cuVDPAUCtxCreate", 3020, PLAIN,                   \
      csh_vdpau_ctx_create, OPENED, CSH_ARGS_VDPAU_CTX_CREATE)                \
    X(cuVDPAUGetDevice, "cuVDPAUGetDevice", 3010, PLAIN,                      \
      csh_vdpau_get_device, WATCHED,                                          \
      (CUdevice_v1 *device, csh_vdpau_object vdp_device,                      \
       csh_vdpau_lookup *vdp_lookup),                                         \
      (device, vdp_device, vdp_lookup))

#define CSH_SURFACE_WATCHED_INTEROP(X)                                        \
    CSH_SURFACE_WATCHED_GL(X)                                                 \
    CSH_SURFACE_WATCHED_EGL(X)                                                \
    CSH_SURFACE_WATCHED_VDPAU(X)

#endif
