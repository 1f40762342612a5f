/*
 * trace_counters.c - see trace_counters.h.
 *
 * Owns the values that were last written, under a lock of rank LEAF. Of two
 * threads that sample at a time, one value may be written late: then the next
 * sample has it right.
 */
#include "report/trace_counters.h"

#include <stdio.h>

#include "base/lock.h"
#include "report/trace_file.h"

#define CSH_X(id_, name_) name_,
static const char *const names[] = {CSH_TRACE_NAMES(CSH_X)};
#undef CSH_X

#define CSH_X(gauge_, name_) {CSH_GAUGE_##gauge_, name_},
static const struct {
    enum csh_gauge gauge;
    const char *name;
} gauges[] = {CSH_TRACE_GAUGES(CSH_X)};
#undef CSH_X

static csh_trace_vram_fn *read_vram;

static struct csh_lock lock = CSH_LOCK_INIT(CSH_RANK_LEAF);
static struct csh_model_sample last_models[CSH_MAX_MODELS]
    CSH_GUARDED_BY(lock);
static uint64_t last_devices[CSH_TRACE_MOST_DEVICES] CSH_GUARDED_BY(lock);
static uint64_t last_gauges[CSH_ARRAY_LENGTH(gauges)] CSH_GUARDED_BY(lock);

struct sample {
    struct csh_trace_block block;
    uint64_t process, at_ns;
};

void csh_trace_counters_start(csh_trace_vram_fn *vram)
{
    read_vram = vram;
}

static bool is_news(uint64_t *last_p, uint64_t value)
{
    bool is_news;

    csh_lock_acquire(&lock);
    is_news = *last_p != value;
    *last_p = value;
    csh_lock_release(&lock);
    return is_news;
}

static void put(struct sample *sample, const char *name, const char *more,
                const char *category, uint64_t bytes)
{
    const struct csh_trace_head head = {
        .name = name,
        .more = more,
        .category = category,
        .phase = "C",
        .at_ns = sample->at_ns,
        .process = sample->process,
    };

    if (sample->block.n_bytes > CSH_TRACE_BLOCK_BYTES / 2) {
        (void)csh_trace_file_put(&sample->block, sample->at_ns);
        csh_trace_block_begin(&sample->block);
    }
    csh_trace_put_counter(&sample->block, &head, "bytes", bytes);
}

static void put_model(struct sample *sample, unsigned model,
                      enum csh_trace_name name, const char *category,
                      uint64_t bytes)
{
    const struct csh_model_tag tag = csh_registry_tag(model);
    char group[32];

    snprintf(group, sizeof(group), "model %u", tag.group);
    put(sample, names[name], (tag.name != NULL) ? tag.name : group, category,
        bytes);
}

static void put_models(struct sample *sample)
{
    struct csh_model_sample now[CSH_MAX_MODELS];
    unsigned n_models = csh_registry_sample(now), i;

    for (i = 0; i < n_models; ++i) {
        if (is_news(&last_models[i].on_device, now[i].on_device)) {
            put_model(sample, i, CSH_TRACE_NAME_model, CSH_TRACE_OF_MODEL,
                      now[i].on_device);
        }
        if (is_news(&last_models[i].parked, now[i].parked)) {
            put_model(sample, i, CSH_TRACE_NAME_parked, CSH_TRACE_OF_PARKED,
                      now[i].parked);
        }
    }
}

/* A device that is not among them has nothing any more. */
static void put_devices(struct sample *sample)
{
    struct csh_trace_vram vram[CSH_TRACE_MOST_DEVICES];
    uint64_t bytes[CSH_TRACE_MOST_DEVICES] = {0};
    size_t n = read_vram(vram), i;
    char number[16];

    for (i = 0; i < n; ++i) {
        if ((vram[i].device >= 0) &&
            (vram[i].device < CSH_TRACE_MOST_DEVICES)) {
            bytes[vram[i].device] += vram[i].bytes;
        }
    }
    for (i = 0; i < CSH_TRACE_MOST_DEVICES; ++i) {
        if (is_news(&last_devices[i], bytes[i])) {
            snprintf(number, sizeof(number), "%zu", i);
            put(sample, names[CSH_TRACE_NAME_device], number,
                CSH_TRACE_OF_DEVICE, bytes[i]);
        }
    }
}

static void put_gauges(struct sample *sample)
{
    struct csh_statistics statistics;
    uint64_t value;
    size_t i;

    csh_statistics_snapshot(&statistics);
    for (i = 0; i < CSH_ARRAY_LENGTH(gauges); ++i) {
        value = statistics.gauge[gauges[i].gauge];
        if (is_news(&last_gauges[i], value)) {
            put(sample, gauges[i].name, NULL, CSH_TRACE_OF_MEMORY, value);
        }
    }
}

void csh_trace_counters_write(uint64_t process, uint64_t at_ns)
{
    struct sample sample;

    sample.process = process;
    sample.at_ns = at_ns;
    csh_trace_block_begin(&sample.block);
    put_models(&sample);
    put_devices(&sample);
    put_gauges(&sample);
    if (sample.block.n_events > 0) {
        (void)csh_trace_file_put(&sample.block, at_ns);
    }
}
