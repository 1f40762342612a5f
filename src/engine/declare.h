/*
 * declare.h - what the program declares, from the arguments of its call to the
 * maps of declared.h and the registry. Each answers a result of cushadow.h.
 */
#ifndef CSH_ENGINE_DECLARE_H
#define CSH_ENGINE_DECLARE_H

#include <stddef.h>
#include <stdint.h>

/* The functions themselves, not what looks them up. */
#define CUSHADOW_IMPLEMENTATION
#include "cushadow.h"

enum cushadow_result csh_declare_device(uint64_t device, size_t bytes,
                                        const char *model,
                                        const char *tensor, unsigned flags);
enum cushadow_result csh_declare_host(const void *host, size_t bytes,
                                      const char *model, const char *tensor,
                                      unsigned flags);
enum cushadow_result csh_undeclare_device(uint64_t device);
enum cushadow_result csh_undeclare_host(const void *host);

#endif
