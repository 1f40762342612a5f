/*
 * trace_tracks.c - see trace_tracks.h.
 *
 * Owns the table of tracks, under a lock of rank LEAF. Rows are never taken
 * back: a handle that the driver gives out again is the same track again.
 */
#include "report/trace_tracks.h"

#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/lock.h"
#include "report/trace.h"

#define NAME_BYTES 80

struct track {
    uint64_t stream;
    int device;
    unsigned number; /* of the stream, on its device; 0: has no number */
    long thread;
};

static struct csh_lock lock = CSH_LOCK_INIT(CSH_RANK_LEAF);
static struct track tracks[CSH_TRACE_MOST_TRACKS] CSH_GUARDED_BY(lock);
static unsigned n_tracks CSH_GUARDED_BY(lock);

static CSH_THREAD_LOCAL long own_thread;

static long thread_id(void)
{
    if (own_thread == 0) {
        own_thread = syscall(SYS_gettid);
    }
    return own_thread;
}

static bool has_number(uint64_t stream)
{
    return stream > CSH_TRACE_STREAM_OWN;
}

/* The one that another thread's track has, or the next. */
static unsigned number_of(int device, uint64_t stream) CSH_REQUIRES(lock)
{
    unsigned most = 0, i;

    for (i = 0; i < n_tracks; ++i) {
        if (tracks[i].device != device) {
            continue;
        }
        if (tracks[i].stream == stream) {
            return tracks[i].number;
        }
        most = (tracks[i].number > most) ? tracks[i].number : most;
    }
    return has_number(stream) ? most + 1 : 0;
}

/* Tracks count from 1; 0 if there is no more room. */
static unsigned find(int device, uint64_t stream, long thread, bool *is_new_p)
    CSH_REQUIRES(lock)
{
    unsigned i;

    *is_new_p = false;
    for (i = 0; i < n_tracks; ++i) {
        if ((tracks[i].stream == stream) && (tracks[i].thread == thread) &&
            (tracks[i].device == device)) {
            return i + 1;
        }
    }
    if (n_tracks == CSH_TRACE_MOST_TRACKS) {
        return 0;
    }
    tracks[n_tracks] = (struct track){stream, device,
                                      number_of(device, stream), thread};
    *is_new_p = true;
    return ++n_tracks;
}

static const char *stream_text(const struct track *track,
                               char text_p[NAME_BYTES])
{
    switch (track->stream) {
    case CSH_TRACE_STREAM_DEFAULT:
        return "default stream";
    case CSH_TRACE_STREAM_PER_THREAD:
        return "per-thread default stream";
    case CSH_TRACE_STREAM_OWN:
        return "cushadow's own work";
    default:
        snprintf(text_p, NAME_BYTES, "stream %u", track->number);
        return text_p;
    }
}

static const char *device_text(const struct track *track,
                               char text_p[NAME_BYTES])
{
    if (track->device == CSH_TRACE_NO_DEVICE) {
        return "device not asked for";
    }
    snprintf(text_p, NAME_BYTES, "device %d", track->device);
    return text_p;
}

/* By device, then by stream, in the order in which they came. */
static void put_names(struct csh_trace_block *block, uint64_t process,
                      uint64_t number, const struct track *track)
{
    struct csh_trace_head head = {.name = "thread_name", .phase = "M",
                                  .process = process, .track = number};
    char name[3 * NAME_BYTES], stream[NAME_BYTES], device[NAME_BYTES];
    struct csh_trace_writer writer;

    snprintf(name, sizeof(name), "%s, %s, thread %ld",
             device_text(track, device), stream_text(track, stream),
             track->thread);
    csh_trace_begin_event(&writer, block, &head);
    csh_trace_begin_arguments(&writer);
    csh_trace_put_text(&writer, "name", name);
    csh_trace_end_event(&writer);
    head.name = "thread_sort_index";
    csh_trace_begin_event(&writer, block, &head);
    csh_trace_begin_arguments(&writer);
    csh_trace_put_number(&writer, "sort_index",
                         (uint64_t)(track->device + 1) *
                             CSH_TRACE_MOST_TRACKS + number);
    csh_trace_end_event(&writer);
}

uint64_t csh_trace_track(struct csh_trace_block *block, uint64_t process,
                         int device, uint64_t stream)
{
    long thread = thread_id();
    struct track track = {0, 0, 0, 0};
    uint64_t number;
    bool is_new;

    csh_lock_acquire(&lock);
    number = find(device, stream, thread, &is_new);
    if (is_new) {
        track = tracks[number - 1];
    }
    csh_lock_release(&lock);
    if (is_new) {
        put_names(block, process, number, &track);
    }
    return (number > 0) ? number : CSH_TRACE_MOST_TRACKS + (uint64_t)thread;
}
