/*
 * reload.h - the program copies host memory to the device.
 */
#ifndef CSH_ENGINE_RELOAD_H
#define CSH_ENGINE_RELOAD_H

#include "engine/engine.h"

/* Makes the program's call, or moves the same bytes from a pinned shadow;
 * counts which; returns what the program shall see. */
CUresult csh_reload(const struct csh_copy *copy);

#endif
