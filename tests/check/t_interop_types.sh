#!/bin/sh
# The types of surface_watched_interop.h against NVIDIA's own. The headers of
# OpenGL, EGL and VDPAU that those need are taken from the machine where it has
# them; else a few lines stand for each, with the types that its
# specification gives.
set -eu
: "${CSH_SRC:?}"
cuda=${CUDA_HOME:-/usr/local/cuda}
cc=${CC:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for header in cudaGLTypedefs.h cudaEGLTypedefs.h cudaVDPAUTypedefs.h; do
    [ -e "$cuda/include/$header" ] || { echo "no $header"; exit 77; }
done
mkdir "$work/GL" "$work/EGL" "$work/vdpau"
echo 'typedef unsigned int GLenum, GLuint;' >"$work/GL/gl.h"
cat >"$work/EGL/egl.h" <<'C'
#include <stdint.h>
typedef int32_t EGLint;
typedef unsigned int EGLBoolean, EGLenum;
typedef void *EGLDisplay;
C
cat >"$work/EGL/eglext.h" <<'C'
typedef void *EGLStreamKHR, *EGLImageKHR, *EGLSyncKHR;
C
cat >"$work/vdpau/vdpau.h" <<'C'
#include <stdint.h>
typedef uint32_t VdpDevice, VdpVideoSurface, VdpOutputSurface, VdpFuncId;
typedef enum { VDP_STATUS_OK = 0 } VdpStatus;
typedef VdpStatus VdpGetProcAddress(VdpDevice, VdpFuncId, void **);
C

# Each row's own type is of NVIDIA's of the same version and flavour. The frame
# is a struct of another name: it must look the same and, where it is passed,
# nothing else differs.
cat >"$work/types.c" <<'C'
#include "driver/surface.h"

#include <cudaEGLTypedefs.h>
#include <cudaGLTypedefs.h>
#include <cudaVDPAUTypedefs.h>
#include <stddef.h>

#define SAME(row_, nvidia_)                                                   \
    _Static_assert(__builtin_types_compatible_p(row_, nvidia_),               \
                   #row_ " is " #nvidia_);

#define SAME_PLACE(ours_, theirs_)                                            \
    _Static_assert(offsetof(struct csh_egl_frame, ours_) ==                   \
                           offsetof(CUeglFrame_v1, theirs_) &&                \
                       sizeof(((struct csh_egl_frame *)0)->ours_) ==          \
                           sizeof(((CUeglFrame_v1 *)0)->theirs_),             \
                   #theirs_ " is where it is");
SAME_PLACE(plane, frame)
SAME_PLACE(plane.array, frame.pArray)
SAME_PLACE(plane.pitch, frame.pPitch)
SAME_PLACE(width, width)
SAME_PLACE(height, height)
SAME_PLACE(depth, depth)
SAME_PLACE(pitch, pitch)
SAME_PLACE(n_planes, planeCount)
SAME_PLACE(n_channels, numChannels)
SAME_PLACE(frame_type, frameType)
SAME_PLACE(color_format, eglColorFormat)
SAME_PLACE(format, cuFormat)
_Static_assert(sizeof(struct csh_egl_frame) == sizeof(CUeglFrame_v1) &&
                   _Alignof(struct csh_egl_frame) == _Alignof(CUeglFrame_v1),
               "a frame is passed alike");

/* With our struct in the place of NVIDIA's. */
typedef CUresult (*present_frame)(CUeglStreamConnection *,
                                  struct csh_egl_frame, CUstream *);
typedef CUresult (*return_frame)(CUeglStreamConnection *,
                                 struct csh_egl_frame *, CUstream *);
typedef CUresult (*mapped_frame)(struct csh_egl_frame *, CUgraphicsResource,
                                 unsigned int, unsigned int);
#define PFN_cuEGLStreamProducerPresentFrame_v7000 present_frame
#define PFN_cuEGLStreamProducerReturnFrame_v7000 return_frame
#define PFN_cuGraphicsResourceGetMappedEglFrame_v7000 mapped_frame

C
"${CSH_BIN:?}/print_surface" --rows | awk -F '\t' '
    $2 ~ /GL|Egl|VDPAU/ {
        twin = match($1, /_pt[ds][sz]$/) ? substr($1, RSTART) : ""
        printf "SAME(row_%s, PFN_%s_v%s%s)\n", $1, $2, $3, twin
        n++
    }
    END { exit n == 35 ? 0 : 1 }' >"$work/rows"
cat >>"$work/types.c" <<'C'
#define ROW(symbol_, base_, since_, flavour_, pfn_, ...)                      \
    typedef pfn_ row_##symbol_;
CSH_SURFACE_WATCHED_INTEROP(ROW)
C
cat "$work/types.c" "$work/rows" >"$work/all.c"

# check FILE - compiles it.
check() {
    $cc -std=gnu11 -D_GNU_SOURCE -D__CUDA_API_VERSION_INTERNAL -fsyntax-only \
        -I"$CSH_SRC/src" -I"$cuda/include" -idirafter "$work" "$1"
}
check "$work/all.c"
# It can fail.
sed 's/PFN_cuGLInit_v2000/PFN_cuGLRegisterBufferObject_v2000/' \
    "$work/all.c" >"$work/wrong.c"
if check "$work/wrong.c" 2>/dev/null; then
    echo "a wrong type compiles"
    exit 1
fi
echo "$(wc -l <"$work/rows") types compared"
