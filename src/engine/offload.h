/*
 * offload.h - the program copies device memory to the host.
 */
#ifndef CSH_ENGINE_OFFLOAD_H
#define CSH_ENGINE_OFFLOAD_H

#include "engine/engine.h"

/* Makes the program's call, or proves it redundant, or moves its bytes
 * through a shadow; counts which; returns what the program shall see. */
CUresult csh_offload(const struct csh_copy *copy);

#endif
