/*
 * counter_table.h - what is counted, one row each: the struct, the text
 * summary, the JSON and README's list come from here.
 */
#ifndef CSH_BASE_COUNTER_TABLE_H
#define CSH_BASE_COUNTER_TABLE_H

/* What became of the bytes of a program's copy. Per direction, in calls and
 * in bytes: asked == elided + served + passed + failed. */
#define CSH_OUTCOMES(X)                                                     \
    X(elided, "nothing crossed the link: proven in the call itself")        \
    X(served, "moved once, through shadow memory, pinned where allowed")    \
    X(passed, "the program's own call, with its own arguments")             \
    X(failed, "the program's own call, and the driver returned an error")

/* Why a copy had its outcome. X(name, sentence, variable that changes it). */
#define CSH_REASONS(X)                                                       \
    X(proven, "fingerprint equal to the shadow's", "")                       \
    X(cohort, "fingerprint equal, taken with others' by an earlier call",    \
      "CUSHADOW_COHORT")                                                     \
    X(trusted, "declared immutable, and not read", "CUSHADOW_MODE")          \
    X(unchanged, "host bytes equal to the shadow's", "")                     \
    X(in_place, "the destination held these bytes already", "")              \
    X(parked, "copied within the device, from parked memory",                \
      "CUSHADOW_VRAM_KEEP")                                                  \
    X(first, "first copy of a weight: captured", "")                         \
    X(dirty, "device bytes differ from the shadow's", "")                    \
    X(mode, "as this mode has it", "CUSHADOW_MODE")                          \
    X(paused, "the program paused the shim in this thread", "")              \
    X(small, "smaller than the least size looked at", "CUSHADOW_MIN_BYTES")  \
    X(unlearned, "not known as a weight", "")                                \
    X(excluded, "no weight, by the rules", "CUSHADOW_WEIGHTS")               \
    X(deferred, "a weight that is captured later, not at its upload",        \
      "CUSHADOW_CAPTURE")                                                    \
    X(partial, "overlaps a weight without being it", "")                     \
    X(modified, "host bytes differ from the shadow's: captured anew", "")    \
    X(pinned, "the program's host memory is pinned already", "")             \
    X(foreign, "not plain device memory of the current context", "")         \
    X(capturing, "a stream is capturing", "")                                \
    X(busy, "the stream has work that the copy need not wait for", "")       \
    X(unready, "the shim or its prover was not ready yet", "")                 \
    X(timeout, "the fingerprint kernel did not get to run in time",          \
      "CUSHADOW_PROOF_TIMEOUT_MS")                                           \
    X(budget, "no room for a shadow within the limit", "CUSHADOW_RAM_LIMIT") \
    X(memory, "no memory to spare for a shadow", "")                         \
    X(device, "shadows are of no use on this kind of device", "")            \
    X(error, "a call of the shim's own was refused", "")

/* What CUSHADOW_WEIGHTS made of an upload: the rule that decided. */
#define CSH_WEIGHT_RULES(X)                                                  \
    X(declared, "registered: the program said so")                           \
    X(manifest, "registered: recognised as a tensor of a model file")        \
    X(file, "registered: its source lies in a mapping of a named file")      \
    X(all, "registered: every upload is")                                    \
    X(learn, "not registered, but learned once it is offloaded")             \
    X(min, "ignored: smaller than min=")                                     \
    X(max, "ignored: larger than max=")                                      \
    X(unmatched, "ignored: no rule fits, and learn is not among them")       \
    X(none, "ignored: the rule is none")

/* What turns cohorts off for good (track/watch.h): gauges that are 0, or 1
 * once it was met. X(name, sentence). */
#define CSH_COHORT_ENDS(X)                                                   \
    X(cohorts_off_shared,                                                    \
      "cohorts off: memory was exported, imported or opened to a peer")      \
    X(cohorts_off_mapped_twice,                                              \
      "cohorts off: memory was mapped at a second address")                  \
    X(cohorts_off_private_table,                                             \
      "cohorts off: a table of entries that nobody watches was asked for")   \
    X(cohorts_off_legacy,                                                    \
      "cohorts off: an entry with 32-bit addresses was called")              \
    X(cohorts_off_device_launch,                                             \
      "cohorts off: work was made that the device starts by itself")         \
    X(cohorts_off_unknown,                                                   \
      "cohorts off: an entry that no table names was handed out")            \
    X(cohorts_off_per_thread,                                                \
      "cohorts off: two threads use their per-thread default streams")       \
    X(cohorts_off_library,                                                   \
      "cohorts off: a library is loaded that writes device memory unseen")   \
    X(cohorts_off_no_barrier,                                                \
      "cohorts off: the kernel refuses the barrier that watching needs")

/* Why no cohort was formed where one could have been: the range was proven by
 * itself, or passed. X(name, sentence). */
#define CSH_COHORT_REFUSALS(X)                                               \
    X(cohorts_refused_wasted, "no cohort: the last ones were of little use") \
    X(cohorts_refused_contexts, "no cohort: there are several contexts")     \
    X(cohorts_refused_off, "no cohort: they are off for good")               \
    X(cohorts_refused_lane, "no cohort: another one was being formed")       \
    X(cohorts_refused_ending, "no cohort: memory was ending")                \
    X(cohorts_refused_busy, "no cohort: not every stream was idle")          \
    X(cohorts_refused_range, "no cohort: the range's memory was not seen "   \
      "to begin")                                                            \
    X(cohorts_refused_error, "no cohort: the launch ended without answers")

/* Why a captured source kept pages of its own that CUSHADOW_ADOPT=1 might
 * have replaced: gauges, counted in calls. X(prefix and name, sentence). */
#define CSH_ADOPT_OBSTACLES(X, prefix_)                                      \
    X(prefix_##small,                                                        \
      "not adopted: smaller than what a mapping is worth")                   \
    X(prefix_##phase,                                                        \
      "not adopted: the shadow begins elsewhere in its page")                \
    X(prefix_##file,                                                         \
      "not adopted: the shadow is in no memory file")                        \
    X(prefix_##block,                                                        \
      "not adopted: no block that glibc's malloc mapped for it alone")       \
    X(prefix_##marked,                                                       \
      "not adopted: the memory has an attribute that a mapping "             \
      "would not have")                                                      \
    X(prefix_##limit,                                                        \
      "not adopted: a quarter of the mappings that a process may have")      \
    X(prefix_##busy,                                                         \
      "not adopted: pages that are pinned, or shared since a fork")          \
    X(prefix_##untouched,                                                    \
      "not adopted: pages that were never written")                          \
    X(prefix_##changed,                                                      \
      "not adopted: bytes that were changed meanwhile")                      \
    X(prefix_##refused,                                                      \
      "not adopted: the kernel refused it")

/* Why parked memory was given back, and why freed memory of weights was not
 * parked: gauges, in blocks. X(name, sentence). */
#define CSH_PARK_EVICTIONS(X)                                                \
    X(park_evicted_room, "given up for other memory to park")                \
    X(park_evicted_headroom,                                                 \
      "given up for the head-room, as the program allocated")                \
    X(park_evicted_pressure,                                                 \
      "given up for the head-room, as somebody else did")                    \
    X(park_evicted_failed, "given up because a call failed for want of memory")
#define CSH_PARK_REFUSALS(X)                                                 \
    X(park_refused_partial,                                                  \
      "not parked: less than three quarters of it is weights")               \
    X(park_refused_dirty, "not parked: it was changed")                      \
    X(park_refused_room, "not parked: no room; see CUSHADOW_VRAM_KEEP")      \
    X(park_refused_busy, "not parked: work was under way, or unknown")       \
    X(park_refused_capturing, "not parked: a stream was capturing")          \
    X(park_refused_unready, "not parked: nothing could be proven just then") \
    X(park_refused_error, "not parked: a call of the shim's own was refused")

/* What of the process is resident when it ends. X(name, key in
 * /proc/self/status, sentence). */
#define CSH_PROCESS_MEMORY(X)                                                \
    X(rss_anon_bytes, "RssAnon", "private memory, resident at the end")      \
    X(rss_file_bytes, "RssFile", "mapped files, resident at the end")        \
    X(rss_shmem_bytes, "RssShmem",                                           \
      "shared memory, shadows included, resident at the end")                \
    X(rss_peak_bytes, "VmHWM", "most that was resident at once")

/* Single figures, in the groups that people read them in. Gauges are set or
 * moved up and down. X(name, sentence). */
#define CSH_GAUGES_HELD(X)                                                   \
    X(weights, "device ranges that hold a known weight now")                 \
    X(declared, "ranges that the program has registered now")                \
    X(shadow_bytes, "bytes of shadows held now")                             \
    X(shadow_bytes_peak, "most bytes of shadows held at once")               \
    X(pinned_bytes, "bytes of slabs registered with the driver now")         \
    X(pinned_bytes_peak, "most bytes of slabs registered at once")           \
    X(slab_bytes, "bytes of slabs now, registered or not")                   \
    X(slab_bytes_peak, "most bytes of slabs at once")                        \
    X(shmem_bytes, "bytes of slabs in memory files, which count as shmem")   \
    X(shmem_bytes_peak, "most of these at once")                             \
    X(shared, "captures whose bytes another shadow held already")            \
    X(shared_bytes, "bytes they would have held a second time")

#define CSH_GAUGES_WORK(X)                                                   \
    X(host_mapped_bytes,                                                     \
      "bytes of offloads that were mapped to the program's memory, not "     \
      "copied")                                                              \
    X(host_copied_bytes, "bytes of offloads that were copied to it")         \
    X(captured_bytes,                                                        \
      "bytes captured at their upload, or registered and later")             \
    X(captured_cpu_ns,                                                       \
      "processor time of all threads for copying and fingerprinting the "    \
      "former")                                                              \
    X(captured_ready_ns,                                                     \
      "time from the calls that captured them to their shadows, summed up")  \
    X(own_d2h_bytes, "bytes the shim itself moved besides, device to host")  \
    X(own_h2d_bytes, "bytes the shim itself moved besides, host to device")  \
    X(proofs, "fingerprint kernels that ran to their end")                   \
    X(proof_bytes, "bytes they read")                                        \
    X(trusted_dropped, "mode trust: offloads of ranges that were seen "      \
      "written since their upload")                                          \
    X(trusted_dropped_bytes, "their bytes: the writes were dropped")

#define CSH_GAUGES_ADOPTED(X)                                                \
    X(adopted_bytes,                                                         \
      "bytes of captured sources that are their shadows' pages since")       \
    X(adopt_unavailable,                                                     \
      "1 if CUSHADOW_ADOPT=1 is of no use here: the log says why")           \
    CSH_ADOPT_OBSTACLES(X, adopt_refused_)

#define CSH_GAUGES_OBSERVED(X)                                               \
    X(would_elide_calls, "observe mode: offloads that would be elided")      \
    X(would_elide_bytes, "observe mode: their bytes")                        \
    X(would_elide_ns, "observe mode: time that the program's calls spent "   \
      "on them")                                                             \
    X(would_capture_bytes, "observe mode: offloads that would be captured, " \
      "as the first of their bytes")                                         \
    X(would_differ_bytes, "observe mode: offloads of other bytes than came " \
      "there")                                                               \
    X(would_serve_bytes, "observe mode: reloads that would come from "       \
      "shadows")                                                             \
    X(would_serve_ns, "observe mode: time that the program's calls spent "   \
      "on them")                                                             \
    X(would_hold_bytes, "observe mode: RAM that shadows would take now")     \
    X(would_hold_bytes_peak, "observe mode: most of it at once")

#define CSH_GAUGES_ROOM(X)                                                   \
    X(evictions, "shadows given up to make room")                            \
    X(refusals, "shadows refused for want of room")                          \
    X(slabs_without_file,                                                    \
      "slabs in anonymous memory: no memory file could be had")              \
    X(registrations_refused, "times the driver would not pin a slab")        \
    X(unpinned_by_limit, "slabs left unpinned by CUSHADOW_PINNED_LIMIT")     \
    X(pressure_room, "looks that found too little memory left")              \
    X(pressure_events, "looks that found a cgroup at its limit")             \
    X(pressure_stall, "looks that found tasks stalled for want of memory")   \
    X(given_back, "times that memory was given back for these")              \
    X(given_back_bytes, "bytes given back")                                  \
    X(given_back_shadows, "shadows given up for that")                       \
    X(moved_bytes, "bytes of shadows moved off slabs that are to end")

#define CSH_GAUGES_PARKED(X)                                                 \
    X(parked_bytes, "bytes of device memory that are parked now")            \
    X(parked_bytes_peak, "most bytes parked at once")                        \
    X(park_hits_in_place,                                                    \
      "loads found in parked memory that was handed out as it was")          \
    X(park_hits_in_place_bytes, "their bytes, which did not cross the link") \
    X(park_hits_device, "loads copied within the device from parked memory") \
    X(park_hits_device_bytes, "their bytes, which did not cross the link")   \
    X(parked_handed_out, "parked blocks that the program was given again")   \
    X(park_spoilt, "parked weights that were not what they had been")        \
    CSH_PARK_EVICTIONS(X)                                                    \
    CSH_PARK_REFUSALS(X)

#define CSH_GAUGES_REST(X)                                                   \
    X(unknown_entries, "newer driver entries handed out as they are")

#define CSH_GAUGES_COHORTS(X)                                                \
    X(cohorts, "launches that proved many ranges")                           \
    X(cohort_ranges, "ranges that they read")                                \
    X(cohort_reuses, "offloads elided by what an earlier launch had proven") \
    X(cohort_trips, "cohorts that ended because the program did something")  \
    CSH_COHORT_REFUSALS(X)                                                   \
    CSH_COHORT_ENDS(X)

/* G(group, heading), in the order of CSH_GAUGES. */
#define CSH_GAUGE_GROUPS(G)                                                  \
    G(HELD, "what shadows hold")                                             \
    G(WORK, "what the shim did")                                             \
    G(ADOPTED, "what was adopted")                                           \
    G(OBSERVED, "what observe mode found")                                   \
    G(ROOM, "what room there was")                                           \
    G(PARKED, "what was parked")                                             \
    G(REST, "what was not looked at")                                        \
    G(COHORTS, "cohorts")

#define CSH_GAUGES(X)                                                        \
    CSH_GAUGES_HELD(X)                                                       \
    CSH_GAUGES_WORK(X)                                                       \
    CSH_GAUGES_ADOPTED(X)                                                    \
    CSH_GAUGES_OBSERVED(X)                                                   \
    CSH_GAUGES_ROOM(X)                                                       \
    CSH_GAUGES_PARKED(X)                                                     \
    CSH_GAUGES_REST(X)                                                       \
    CSH_GAUGES_COHORTS(X)

#endif
