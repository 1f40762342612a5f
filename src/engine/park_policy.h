/*
 * park_policy.h - how much device memory is kept parked, which of it goes
 * first, and which of it is handed out again; decided from facts alone.
 *
 * A parked block is memory of the shim's own on one device, with copies of
 * weights whose memory the program has freed (park.h). Pure functions: no
 * driver, lock, clock or memory of earlier calls. Arrays are the caller's and
 * are about one device.
 */
#ifndef CSH_ENGINE_PARK_POLICY_H
#define CSH_ENGINE_PARK_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/options.h"

/* The least that `auto` leaves free of a device: this, or a tenth. */
#define CSH_PARK_HEADROOM (UINT64_C(1) << 30)

/* A parked block, or memory that might become one. Loads are numbered. */
struct csh_park_block {
    uint64_t bytes;       /* of device memory */
    uint64_t clean_bytes; /* in it, of shadows: what it may save the link */
    uint64_t born;        /* when the weights in it were loaded */
    uint64_t rank;        /* the lowest goes first: of its weights, the
                             highest csh_park_history_rank() now */
    bool is_twin;         /* all of it was copied to the program's memory
                             again, and is there as far as is known */
    bool is_held;         /* work in flight reads it: it cannot go */
};

/* A device, as its driver describes it to this process, in bytes. */
struct csh_park_room {
    uint64_t total;
    uint64_t free;   /* what is parked is not free here */
    uint64_t parked; /* by this process */
};

/* CUSHADOW_VRAM_KEEP says that nothing is parked, ever. */
bool csh_park_is_off(const struct csh_size_or_share *keep);

/* What is left free for others and for what the driver allocates unasked: the
 * larger of 1 GiB and a tenth of the device with `auto`, the smaller of them
 * where the user has named an amount. */
uint64_t csh_park_headroom(const struct csh_size_or_share *keep,
                           uint64_t total);

/* How many bytes may be parked on the device in all, now. */
uint64_t csh_park_most(const struct csh_size_or_share *keep,
                       const struct csh_park_room *room);

/* How many of the parked bytes are too many now. */
uint64_t csh_park_excess(const struct csh_size_or_share *keep,
                         const struct csh_park_room *room);

/* Enough of the memory is of shadows to be worth keeping. */
bool csh_park_is_worth(const struct csh_park_block *fresh);

/* Which blocks go for so many bytes: their indices, in the order in which
 * they go, at most n. Stops once it is enough. Returns how many; fewer bytes
 * than asked for if no more can go. */
size_t csh_park_choose(const struct csh_park_block *blocks, size_t n,
                       uint64_t bytes, size_t *chosen);

/* Whether the memory shall be parked, at the price of as many others that are
 * worth less as it takes. `spare` is what may be parked besides what is. */
bool csh_park_admits(const struct csh_park_block *fresh,
                     const struct csh_park_block *blocks, size_t n,
                     uint64_t spare);

/* No block. */
#define CSH_PARK_NONE SIZE_MAX

/* The program asks for `bytes`: the index of the block of exactly this size
 * that it shall get, as the one whose weights it is likely to load there, or
 * CSH_PARK_NONE. Nobody knows what it will load: a wrong guess costs the link
 * what a copy within the device costs a fiftieth of, so there is none unless
 * must_lose_one: no block is a twin, so whichever makes way for the allocation
 * is one that is of use. `previous` is the born of the block that was used
 * last: a program allocates a model again in the order in which it did
 * before. */
size_t csh_park_pick(const struct csh_park_block *blocks, size_t n,
                     uint64_t bytes, uint64_t previous, bool must_lose_one);

#endif
