/*
 * trace_block.c - see trace_block.h. Owns nothing: the emitter (emitter.h)
 * escapes, and its sink is the block.
 */
#include "report/trace_block.h"

#include <string.h>

static void take(void *opaque, const char *text, size_t n_bytes)
{
    struct csh_trace_writer *writer = opaque;
    struct csh_trace_block *block = writer->block;

    if (writer->is_cut || (n_bytes > sizeof(block->text) - block->n_bytes)) {
        writer->is_cut = true;
        return;
    }
    memcpy(block->text + block->n_bytes, text, n_bytes);
    block->n_bytes += n_bytes;
}

void csh_trace_block_begin(struct csh_trace_block *block)
{
    block->n_bytes = 0;
    block->n_events = 0;
    block->n_left_out = 0;
}

static void put_name(struct csh_emitter *emitter, const char *name,
                     const char *more)
{
    char text[2 * CSH_TRACE_NAME_BYTES];
    size_t n_name = strnlen(name, CSH_TRACE_NAME_BYTES - 1);
    size_t n_more = (more != NULL) ? strnlen(more, CSH_TRACE_NAME_BYTES) : 0;

    memcpy(text, name, n_name);
    memcpy(text + n_name, (more != NULL) ? more : "", n_more);
    text[n_name + n_more] = '\0';
    csh_emitter_string(emitter, "name", text, "");
}

void csh_trace_begin_event(struct csh_trace_writer *writer,
                           struct csh_trace_block *block,
                           const struct csh_trace_head *head)
{
    struct csh_emitter *emitter = &writer->emitter;

    writer->block = block;
    writer->first_byte = block->n_bytes;
    writer->is_cut = false;
    take(writer, ",\n", 2);
    csh_emitter_begin(emitter, CSH_STATS_JSON, take, writer);
    csh_emitter_open_row(emitter, NULL);
    put_name(emitter, head->name, head->more);
    if (head->category != NULL) {
        csh_emitter_string(emitter, "cat", head->category, "");
    }
    csh_emitter_string(emitter, "ph", head->phase, "");
    if (strcmp(head->phase, "M") != 0) { /* names are of no time */
        csh_trace_put_time(writer, "ts", head->at_ns);
    }
    csh_emitter_number(emitter, "pid", head->process, CSH_UNIT_PLAIN, "");
    csh_emitter_number(emitter, "tid", head->track, CSH_UNIT_PLAIN, "");
    if (strcmp(head->phase, "i") == 0) {
        csh_emitter_string(emitter, "s", "p", ""); /* of the process */
    }
}

void csh_trace_put_time(struct csh_trace_writer *writer, const char *key,
                        uint64_t ns)
{
    csh_emitter_number(&writer->emitter, key, ns, CSH_UNIT_THOUSANDTHS, "");
}

void csh_trace_begin_arguments(struct csh_trace_writer *writer)
{
    csh_emitter_open(&writer->emitter, '{', "args", NULL);
}

void csh_trace_put_number(struct csh_trace_writer *writer, const char *key,
                          uint64_t value)
{
    csh_emitter_number(&writer->emitter, key, value, CSH_UNIT_PLAIN, "");
}

void csh_trace_put_text(struct csh_trace_writer *writer, const char *key,
                        const char *text)
{
    char cut[CSH_TRACE_NAME_BYTES + 1];
    size_t n_bytes;

    if (text == NULL) {
        return;
    }
    n_bytes = strnlen(text, CSH_TRACE_NAME_BYTES);
    memcpy(cut, text, n_bytes);
    cut[n_bytes] = '\0';
    csh_emitter_string(&writer->emitter, key, cut, "");
}

void csh_trace_end_event(struct csh_trace_writer *writer)
{
    struct csh_trace_block *block = writer->block;

    csh_emitter_close(&writer->emitter, '}');
    csh_emitter_close_row(&writer->emitter, "");
    csh_emitter_end(&writer->emitter);
    if (writer->is_cut) {
        block->n_bytes = writer->first_byte;
        block->n_left_out++;
        return;
    }
    block->n_bytes--; /* the emitter ends in a newline */
    block->n_events++;
}

void csh_trace_put_counter(struct csh_trace_block *block,
                           const struct csh_trace_head *head,
                           const char *key, uint64_t value)
{
    struct csh_trace_writer writer;

    csh_trace_begin_event(&writer, block, head);
    csh_trace_begin_arguments(&writer);
    csh_trace_put_number(&writer, key, value);
    csh_trace_end_event(&writer);
}
