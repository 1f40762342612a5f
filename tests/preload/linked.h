/*
 * linked.h - the driver as a program has it that is linked with -lcuda: by
 * ELF symbols. Compile with CUDA_API_PER_THREAD_DEFAULT_STREAM for the twins.
 */
#ifndef LINKED_H
#define LINKED_H

/* cuda.h shall name entries as it does for every program. */
#undef __CUDA_API_VERSION_INTERNAL
#include "app.h"

static inline void app_link_driver(struct app_driver *driver_p)
{
#define APP_X(name_, version_, pt_version_, symbol_, pt_symbol_, pfn_)        \
    driver_p->name_##_call = name_;
    APP_CALLS(APP_X)
#undef APP_X
}

#endif
