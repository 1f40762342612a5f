/*
 * lifetimes.h - which device memory lasts while a cohort's launch reads it.
 *
 * A cohort reads ranges that the program's call does not name, and another
 * thread may end any of them meanwhile: the kernel would fault, where the
 * program did nothing wrong. So only memory is read that was seen to begin
 * and whose end is always seen, and every wrapper that ends memory or a
 * context stops the launch before it makes the real call.
 *
 * With cohorts off (watch.h) nothing is kept here. All functions may be called
 * from any thread; they call no driver.
 */
#ifndef CSH_ENGINE_LIFETIMES_H
#define CSH_ENGINE_LIFETIMES_H

#include <cuda.h>
#include <stdbool.h>
#include <stddef.h>

#include "verify/prover.h"

/* An allocation or mapping call made this memory; only calls whose memory
 * ends by a wrapper that says so below. */
void csh_lifetimes_begun(CUdeviceptr base, size_t bytes);

/* All of the range lies in one such piece of memory. */
bool csh_lifetimes_covers(CUdeviceptr start, size_t bytes);

/* The memory is not known any more; all memory. */
void csh_lifetimes_forget(CUdeviceptr base, size_t bytes);
void csh_lifetimes_forget_all(void);

/*
 * Around a real call that ends memory, before and after, always in pairs. From
 * the return of the first until the second no launch of a cohort reads
 * anything: it trips the watch, stops the launch that is under way, and waits
 * for thread blocks of it that have begun to read, each of which has at most
 * one piece left and nobody to wait for.
 */
void csh_lifetimes_ending(void);
void csh_lifetimes_ended(void);

/* Around the time in which a batch reads memory beside the program's own
 * range: from before the memory is chosen until nothing reads any more, with
 * the batch begun. False: some memory is just ending, nothing to leave. */
CSH_MUST_CHECK bool csh_lifetimes_enter(struct csh_prover *prover);

/* False: the batch was stopped, and its answers are of no use. */
CSH_MUST_CHECK bool csh_lifetimes_leave(void);

#endif
