/*
 * stream.h - how a call names a stream.
 *
 * A NULL handle means the legacy stream through a plain entry point and the
 * calling thread's own stream through a _ptds/_ptsz entry point, so a handle
 * without its flavour names nothing.
 */
#ifndef CSH_TRACK_STREAM_H
#define CSH_TRACK_STREAM_H

#include <cuda.h>

enum csh_flavour {
    CSH_PLAIN,      /* NULL is the legacy stream */
    CSH_PER_THREAD, /* NULL is the calling thread's stream */
};

struct csh_stream {
    CUstream handle;
    enum csh_flavour flavour;
};

#endif
