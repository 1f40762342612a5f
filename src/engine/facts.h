/*
 * facts.h - what the driver says about the memory and the stream of a copy.
 *
 * Queries only, made between csh_own_calls_begin and _end. Doubt is answered
 * with the value that forwards the program's call.
 */
#ifndef CSH_ENGINE_FACTS_H
#define CSH_ENGINE_FACTS_H

#include <cuda.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/contexts.h"
#include "engine/engine.h"
#include "engine/policy.h"

/* Pageable only if the driver knows neither end of the range. */
enum csh_host_kind csh_facts_host(const void *host, size_t bytes);

/* True as well when the driver would not say. */
bool csh_facts_is_capturing(const struct csh_stream *stream);

/* The device range can be read by a kernel of this context, as a whole, and
 * the stream is one of this context's. */
bool csh_facts_is_plain(const struct csh_copy *copy,
                        const struct csh_context *context);

/* The stream is one of this context's; the part of csh_facts_is_plain that is
 * not about the range. */
bool csh_facts_is_stream_of(const struct csh_copy *copy,
                            const struct csh_context *context);

/* Whether all is done that a copy on this stream would be ordered behind,
 * without any wait. */
bool csh_facts_is_idle_now(const struct csh_stream *stream);

/* The stream can be asked, and says of no error. */
bool csh_facts_is_sound(const struct csh_stream *stream);

/* The same as csh_facts_is_idle_now after the wait that a synchronous copy
 * makes by itself. */
bool csh_facts_synchronise(const struct csh_stream *stream);

/* Whether the stream's work is done, after a wait that the program's own call
 * may make as well: the synchronous forms synchronise the stream; for the
 * asynchronous forms a pageable copy "might be synchronous" (CUDA driver API,
 * API synchronization behavior), so the wait ends after timeout_ns, and after
 * such an end nothing is waited for at all for a while. */
bool csh_facts_settle(const struct csh_copy *copy, uint64_t timeout_ns);

/* A number that the driver gives to each allocation, and to no other in the
 * life of the process (CUDA driver API, CU_POINTER_ATTRIBUTE_BUFFER_ID); 0 if
 * it does not say, or if not all of the range is in that allocation. */
uint64_t csh_facts_buffer(CUdeviceptr device, size_t bytes);

/* For cuMemcpy and cuMemcpyAsync: the direction, if exactly one of the two
 * addresses is device memory and the other is host memory. */
bool csh_facts_direction(CUdeviceptr dst, CUdeviceptr src,
                         enum csh_direction *direction_p);

#endif
