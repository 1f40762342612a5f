/*
 * residency.h - which device range and which host range hold what.
 *
 * Hints, every one: a record says where to look for a proof, and is never a
 * proof. Shadows that come out are held for the caller, who releases them.
 */
#ifndef CSH_ENGINE_RESIDENCY_H
#define CSH_ENGINE_RESIDENCY_H

#include <cuda.h>
#include <stdbool.h>
#include <stddef.h>

#include "engine/policy.h"
#include "shadow/store.h"
#include "track/ranges.h"
#include "weights/registry.h"

/* Makes the store, once, before anything else here is called. False when
 * memory is short. */
CSH_MUST_CHECK bool csh_residency_start(void);

/* The parts of it that residency.c and host_records.c own. */
void csh_residency_start_devices(void);
void csh_residency_start_hosts(void);

/* The store of all shadows, and what it is made of. */
struct csh_store *csh_residency_store(void);
struct csh_slab_pool *csh_residency_pool(void);
struct csh_budget *csh_residency_budget(void);

/* Gives back what nobody needs and pins what is not yet pinned. Calls the
 * driver and may synchronise: only where the program's own call may. */
void csh_residency_tidy(void);

/* Only the pinning. Calls the driver and may synchronise. */
void csh_residency_pin(void);

/* What is recorded about exactly this device range, and the weight that it
 * was. *shadow_p is held if the answer is CSH_KNOWS_SHADOW, else NULL. A range
 * that one or more uploads cover without a gap counts as uploaded, or as
 * excluded if one of them is. */
enum csh_knowledge csh_residency_find(CUdeviceptr device, size_t bytes,
                                      struct csh_shadow **shadow_p,
                                      struct csh_weight_mark *mark_p);

/* A device range with the shadow that it should have the bytes of, held. */
struct csh_weight {
    CUdeviceptr device;
    size_t bytes;
    struct csh_shadow *shadow;
};

/* Fills the array with weights of the context: first those behind the address,
 * in order, then the others from the lowest on. Returns how many. */
size_t csh_residency_list(CUcontext context, CUdeviceptr behind,
                          struct csh_weight *weights, size_t capacity);

/* A weight with what else its record says. */
struct csh_resident {
    struct csh_weight weight;
    CUcontext context;
    struct csh_weight_mark mark;
};

/* Those that lie in this memory as a whole, shadows held; with NULL only how
 * many records there are. Returns how many, at most the capacity. */
size_t csh_residency_list_within(CUdeviceptr base, size_t bytes,
                                 struct csh_resident *residents,
                                 size_t capacity);

/* The shadow whose bytes a copy left or found in exactly this host range,
 * held, and its weight; NULL if none. They may have changed since. */
struct csh_shadow *csh_residency_find_host(const void *host, size_t bytes,
                                           struct csh_weight_mark *mark_p);

/* Exactly this range was given this shadow's bytes, and nothing is known to
 * have ended that. */
bool csh_residency_should_hold(CUdeviceptr device, size_t bytes,
                               const struct csh_shadow *shadow);

/* The program uploaded its own bytes: contents unknown from here on. */
void csh_residency_uploaded(CUcontext context, CUdeviceptr device,
                            size_t bytes, struct csh_weight_mark mark);

/* The device range holds the shadow's bytes. */
void csh_residency_holds(CUcontext context, CUdeviceptr device, size_t bytes,
                         struct csh_shadow *shadow,
                         struct csh_weight_mark mark);

/* The same, if the range is still known as uploaded with this mark. */
void csh_residency_adopt(CUcontext context, CUdeviceptr device, size_t bytes,
                         struct csh_shadow *shadow,
                         struct csh_weight_mark mark);

/* Mode trust. Exactly this range has just been uploaded from its shadow, to
 * memory that the driver knows by this number (not 0). */
void csh_residency_vouch(CUdeviceptr device, size_t bytes, uint64_t buffer);

/* That number, if nothing has ended it since; else 0. */
uint64_t csh_residency_vouched(CUdeviceptr device, size_t bytes);

/* The bytes in this device memory may not be an upload's any more: what lies
 * there is proven before it is believed, until the next upload. */
void csh_residency_spend(CUdeviceptr device, size_t bytes);

/* Mode trust. The program was seen to write there, other than by an upload. */
void csh_residency_written(CUdeviceptr device, size_t bytes);

/* The host range was given the shadow's bytes, or they were taken from it. */
void csh_residency_offloaded(const void *host, size_t bytes,
                             struct csh_shadow *shadow, size_t mapped_bytes,
                             struct csh_weight_mark mark);

/* A captured upload in two steps: what was known of the host range is dropped
 * when its bytes are taken; that they are this shadow's is added when that is
 * published, unless something newer is known by then. */
void csh_residency_read_from(const void *host, size_t bytes);
void csh_residency_captured(const void *host, size_t bytes,
                            struct csh_shadow *shadow,
                            struct csh_weight_mark mark);

/* Tells the registry which weights have a shadow now, and which of these are
 * pinned, without counting that as a use of the shadows. No lock is held for
 * more than some records. */
void csh_residency_look(void);
void csh_residency_look_at_hosts(void);

/* For residency.c: of some records of a map, of devices or of hosts, from
 * *cursor_p on; the caller holds its lock. False behind the last. */
bool csh_residency_tell(const struct csh_ranges *ranges, uint64_t *cursor_p);

/* A host range that was given a shadow's bytes. */
struct csh_host_record {
    uintptr_t start;
    size_t bytes;
    struct csh_shadow_ref shadow;
    size_t mapped_bytes; /* 0: all were copied */
    struct csh_weight_mark mark;
};

/* The records that begin behind an address, and then from the lowest one on;
 * none twice. Returns how many. */
size_t csh_residency_list_hosts(uintptr_t behind,
                                struct csh_host_record *records,
                                size_t capacity);

/* The records of one shadow, whose bytes they were given. */
size_t csh_residency_list_hosts_of(struct csh_shadow_ref shadow,
                                   struct csh_host_record *records,
                                   size_t capacity);

/* Unless it is another record by now. */
void csh_residency_forget_host(const struct csh_host_record *record);

/* What was uploaded and not freed since, weight or not, summed up by context.
 * Looks at each record; contexts that the array has no room for are left out.
 * Returns how many there are. */
struct csh_context_bytes {
    CUcontext context;
    uint64_t bytes;
};
size_t csh_residency_sum(struct csh_context_bytes *sums, size_t capacity);

/* Device memory ends, or a context with all of its memory and events. */
void csh_residency_forget(CUdeviceptr base, size_t bytes);
void csh_residency_forget_context(CUcontext context);

#endif
