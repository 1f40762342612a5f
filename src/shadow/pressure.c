/*
 * pressure.c - the signs of pressure.h.
 *
 * Owns what was read at the latest looks. One thread looks at a time; who
 * comes meanwhile goes on with its own work. No lock, no thread of its own,
 * and nothing is read between the program's calls: what has no caller cannot
 * hang one.
 */
#include "shadow/pressure.h"

#include <string.h>

#include "base/statistics.h"
#include "base/text_file.h"

#define MS UINT64_C(1000000)
#define MIB (UINT64_C(1) << 20)

#define LOOK_NS (100 * MS)
#define EVENTS_NS (500 * MS)
/* How often the kernel sums stalls up (PSI_FREQ). */
#define STALLS_NS (2000 * MS)
#define CALM_NS (10000 * MS)

#define SLACK_SHARE 16
#define BITE_SHARE 8
#define LEAST_BITE (64 * MIB)
#define WANTED_ROOM (128 * MIB)
#define NEAR_SHARE 8      /* of a cgroup's limit */
#define AVAILABLE_SHARE 4 /* of the machine's RAM */
#define STALL_SHARE 10    /* of the time */

static uint64_t least(uint64_t a, uint64_t b)
{
    return (a < b) ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return (a > b) ? a : b;
}

static uint64_t above(uint64_t a, uint64_t b)
{
    return (a > b) ? a - b : 0;
}

/* --- memory.events and stalls ------------------------------------------ */

/* Sums over the groups that have a limit. */
struct groups {
    uint64_t events, stall_us;
    bool is_near;
};

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0", and a line for "full". */
static uint64_t read_stall_us(const char *directory, const char *name)
{
    char text[CSH_TEXT_BYTES];
    const char *total = NULL;
    uint64_t us       = 0;

    if (csh_text_read(directory, name, text, sizeof(text))) {
        total = strstr(text, "total=");
    }
    if (total != NULL) {
        (void)csh_text_number(total + strlen("total="), &us, NULL);
    }

    return us;
}

static void add_group(const char *directory, bool is_version_2, void *opaque)
{
    struct groups *groups = opaque;
    char text[CSH_TEXT_BYTES];
    struct csh_group_room room;
    uint64_t high = 0, at_most = 0;

    if (!is_version_2) {
        return; /* room says it all there */
    }
    csh_headroom_read_group(directory, true, &room);
    if (room.limit == UINT64_MAX) {
        return;
    }

    if (csh_text_read(directory, "memory.events", text, sizeof(text))) {
        (void)csh_text_find_number(text, "high", &high);
        (void)csh_text_find_number(text, "max", &at_most);
    }
    groups->events   += high + at_most;
    groups->stall_us += read_stall_us(directory, "memory.pressure");
    groups->is_near   = groups->is_near ||
                        (room.bytes < room.limit / NEAR_SHARE);
}

static bool was_long(uint64_t stall_us, uint64_t ns)
{
    return stall_us > ns / 1000 / STALL_SHARE;
}

/* A machine may stall for a group of others that is at its limit, while there
 * is memory enough for all the rest. */
static bool is_machine_short(const struct csh_budget *budget)
{
    struct csh_headroom headroom;

    csh_headroom_read(&budget->roots, &headroom);
    return headroom.is_known &&
           (headroom.available < headroom.total / AVAILABLE_SHARE);
}

/* The first reading has nothing to be compared with. */
static bool is_stalling(struct csh_pressure *pressure, uint64_t now,
                        uint64_t group_us)
{
    uint64_t elapsed   = now - pressure->stalls_read;
    uint64_t system_us = read_stall_us(pressure->budget->roots.proc,
                                       "pressure/memory");
    bool is_first      = pressure->stalls_read == 0;
    bool is_long_here, is_long_all;

    is_long_here = was_long(above(group_us, pressure->group_stall_us),
                            elapsed);
    is_long_all  = was_long(above(system_us, pressure->system_stall_us),
                            elapsed);
    pressure->group_stall_us  = group_us;
    pressure->system_stall_us = system_us;
    pressure->stalls_read     = now;
    return !is_first && (is_long_here || (is_long_all &&
                                          is_machine_short(pressure->budget)));
}

static enum csh_pressure_sign read_signs(struct csh_pressure *pressure,
                                         uint64_t now)
{
    bool is_first        = pressure->events_read == 0;
    struct groups groups = {0, 0, false};
    bool has_events;

    if (!is_first && (now - pressure->events_read < EVENTS_NS)) {
        return CSH_PRESSURE_NONE;
    }

    csh_cgroups_each(&pressure->budget->roots, "memory", add_group, &groups);
    has_events = !is_first && (groups.events > pressure->events) &&
                 groups.is_near;
    pressure->events      = groups.events;
    pressure->events_read = now;
    if (has_events) {
        return CSH_PRESSURE_EVENTS;
    }
    if (((pressure->stalls_read == 0) ||
         (now - pressure->stalls_read >= STALLS_NS)) &&
        is_stalling(pressure, now, groups.stall_us)) {
        return CSH_PRESSURE_STALL;
    }

    return CSH_PRESSURE_NONE;
}

/* --- looks ------------------------------------------------------------- */

void csh_pressure_init(struct csh_pressure *pressure,
                       struct csh_budget *budget)
{
    memset(pressure, 0, sizeof(*pressure));
    pressure->budget = budget;
}

bool csh_pressure_begin(struct csh_pressure *pressure, uint64_t now,
                        bool may_call_driver)
{
    if ((now < atomic_load_explicit(&pressure->next_look,
                                    memory_order_relaxed)) &&
        !(may_call_driver && atomic_load_explicit(&pressure->is_owed,
                                                  memory_order_relaxed))) {
        return false;
    }

    return !atomic_exchange_explicit(&pressure->is_looking, true,
                                     memory_order_acquire);
}

/* What the room alone demands. */
static void order_by_room(const struct csh_budget *budget, uint64_t held,
                          struct csh_pressure_order *order_p)
{
    struct csh_budget_state state;
    uint64_t over, slack;

    csh_budget_read(budget, held, &state);
    over  = above(held, state.lasting);
    slack = state.is_severe ? 0 : state.lasting / SLACK_SHARE;
    if (!state.is_severe && (over <= slack)) {
        return;
    }

    order_p->sign      = CSH_PRESSURE_ROOM;
    order_p->is_severe = state.is_severe;
    order_p->bytes     = (over > 0) ? over + state.lasting / BITE_SHARE : 0;
    if (state.is_severe) {
        order_p->bytes = most(order_p->bytes, above(WANTED_ROOM, state.room));
    }
}

void csh_pressure_look(struct csh_pressure *pressure, uint64_t now,
                       uint64_t held_bytes,
                       struct csh_pressure_order *order_p)
{
    enum csh_pressure_sign sign;

    *order_p = (struct csh_pressure_order){CSH_PRESSURE_NONE, 0, false};
    if (held_bytes == 0) {
        return;
    }

    order_by_room(pressure->budget, held_bytes, order_p);
    sign = read_signs(pressure, now);
    if (sign != CSH_PRESSURE_NONE) {
        order_p->bytes     = most(order_p->bytes,
                                  most(held_bytes / BITE_SHARE, LEAST_BITE));
        order_p->is_severe = true;
        order_p->sign      = sign;
    }
    order_p->bytes = least(order_p->bytes, held_bytes);
}

static void count(const struct csh_pressure_order *order,
                  uint64_t given_bytes)
{
    static const enum csh_gauge gauges[] = {
        [CSH_PRESSURE_ROOM]   = CSH_GAUGE_pressure_room,
        [CSH_PRESSURE_EVENTS] = CSH_GAUGE_pressure_events,
        [CSH_PRESSURE_STALL]  = CSH_GAUGE_pressure_stall,
    };

    csh_statistics_add(gauges[order->sign], 1);
    if (given_bytes > 0) {
        csh_statistics_add(CSH_GAUGE_given_back, 1);
        csh_statistics_add(CSH_GAUGE_given_back_bytes, (int64_t)given_bytes);
    }
}

void csh_pressure_end(struct csh_pressure *pressure, uint64_t now,
                      const struct csh_pressure_order *order,
                      uint64_t given_bytes, uint64_t held_bytes)
{
    if (order->sign != CSH_PRESSURE_NONE) {
        count(order, given_bytes);
        csh_budget_set_ceiling(pressure->budget, held_bytes);
        pressure->has_ceiling = true;
        pressure->latest_sign = now;
    } else if (pressure->has_ceiling &&
               (now - pressure->latest_sign >= CALM_NS)) {
        csh_budget_set_ceiling(pressure->budget, UINT64_MAX);
        pressure->has_ceiling = false;
    }

    atomic_store_explicit(&pressure->is_owed, given_bytes < order->bytes,
                          memory_order_relaxed);
    atomic_store_explicit(&pressure->next_look, now + LOOK_NS,
                          memory_order_relaxed);
    atomic_store_explicit(&pressure->is_looking, false,
                          memory_order_release);
}
