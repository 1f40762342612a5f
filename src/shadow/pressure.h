/*
 * pressure.h - whether others want the memory that shadows take, and how much
 * of it shall go back.
 *
 * Signs of pressure:
 *   room    what may be held fell a sixteenth below what is held, because
 *           MemAvailable, a cgroup's room (version 1 or 2) or the commit limit
 *           fell; or less than 64 MiB of room are left at all;
 *   events  memory.events of a cgroup (version 2) counts that it met `high` or
 *           `max`, and less than an eighth of its limit is left;
 *   stall   tasks of a cgroup that has a limit, or of a machine of whose RAM
 *           less than a quarter is available, spent a tenth of the time
 *           waiting for memory (memory.pressure, /proc/pressure/memory).
 *
 * When: nobody looks but the program's own calls that copy, allocate or free,
 * each 100 ms at most. While the program makes such calls, memory begins to go
 * back within one second of the first two signs and within three of the last,
 * of which the kernel itself tells every two seconds. A program that makes no
 * such call keeps its shadows.
 *
 * How much: to an eighth below what may be held, or until 128 MiB of room are
 * there; for the other signs an eighth of what is held, at least 64 MiB, each
 * time. For ten seconds after the last sign no more may be held than was left;
 * then shadows come back by being captured anew.
 */
#ifndef CSH_SHADOW_PRESSURE_H
#define CSH_SHADOW_PRESSURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "shadow/budget.h"

enum csh_pressure_sign {
    CSH_PRESSURE_NONE,
    CSH_PRESSURE_ROOM,
    CSH_PRESSURE_EVENTS,
    CSH_PRESSURE_STALL,
};

/* Times are csh_clock_now_ns()'s. */
struct csh_pressure {
    struct csh_budget *budget;
    _Atomic uint64_t next_look; /* ns */
    _Atomic bool is_owed; /* less went back than should, for want of a call
                           * in which the driver may be called */
    _Atomic bool is_looking;

    /* Below: of the thread that looks. */
    bool has_ceiling;
    uint64_t latest_sign; /* ns */
    uint64_t events, events_read;
    uint64_t group_stall_us, system_stall_us, stalls_read;
};

/* What one look found. */
struct csh_pressure_order {
    enum csh_pressure_sign sign;
    uint64_t bytes; /* to give back; 0 without a sign */
    bool is_severe; /* even what device memory refers to shall go */
};

/* The budget is the caller's and outlives it; its ceiling is set from here. */
void csh_pressure_init(struct csh_pressure *pressure,
                       struct csh_budget *budget);

/* Whether it is time to look, and this thread the one to: costs two loads
 * if not. After true, csh_pressure_look() and csh_pressure_end() must follow.
 * may_call_driver: this call may do what others could not. Any thread. */
CSH_MUST_CHECK
bool csh_pressure_begin(struct csh_pressure *pressure, uint64_t now,
                        bool may_call_driver);

void csh_pressure_look(struct csh_pressure *pressure, uint64_t now,
                       uint64_t held_bytes,
                       struct csh_pressure_order *order_p);

/* Says what came of the order. */
void csh_pressure_end(struct csh_pressure *pressure, uint64_t now,
                      const struct csh_pressure_order *order,
                      uint64_t given_bytes, uint64_t held_bytes);

#endif
