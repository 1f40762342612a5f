/*
 * emitter.c - the two forms.
 *
 * Owns no state but the caller's struct. Bytes gather in its buffer and go
 * to the sink when that is full, so that nothing is allocated however long
 * the report is. Strings are escaped as they go in: in JSON as RFC 8259
 * section 7 wants it, with U+FFFD for bytes that are not UTF-8, and with a
 * backslash by its number, since Perfetto's reader takes the quote behind two
 * backslashes for one that is escaped; in text, where a terminal may read
 * them, what is obeyed or hides there becomes a question mark.
 */
#include "report/emitter.h"

#include <stdio.h>
#include <string.h>

#include "base/human.h"
#include "base/utf8.h"

/* Where the figures of a line end. Strings before them fit in front. */
#define FIRST_COLUMN 42
#define COLUMN_WIDTH 13
/* Where a string in a row ends at the least. */
#define STRING_WIDTH 12

static void put(struct csh_emitter *emitter, const char *text, size_t n_bytes)
{
    size_t room, n;

    while (n_bytes > 0) {
        room = sizeof(emitter->buffer) - emitter->n_bytes;
        n = (n_bytes < room) ? n_bytes : room;
        memcpy(emitter->buffer + emitter->n_bytes, text, n);
        emitter->n_bytes += n;
        text += n;
        n_bytes -= n;
        if (emitter->n_bytes == sizeof(emitter->buffer)) {
            emitter->sink(emitter->opaque, emitter->buffer,
                          emitter->n_bytes);
            emitter->n_bytes = 0;
        }
    }
}

static void put_text(struct csh_emitter *emitter, const char *text)
{
    size_t n_bytes = strlen(text);

    put(emitter, text, n_bytes);
    emitter->line_length += (unsigned)n_bytes;
}

static void put_newline(struct csh_emitter *emitter)
{
    put(emitter, "\n", 1);
    emitter->line_length = 0;
    emitter->n_strings = 0;
    emitter->n_figures = 0;
}

static void put_blanks_to(struct csh_emitter *emitter, unsigned line_length)
{
    while (emitter->line_length < line_length) {
        put_text(emitter, " ");
    }
}

/* Ends where the next column of figures ends, if it is short enough. */
static void put_figure(struct csh_emitter *emitter, const char *text)
{
    unsigned end = FIRST_COLUMN + COLUMN_WIDTH * emitter->n_figures++;
    size_t n_bytes = strlen(text);

    put_text(emitter, " ");
    if (n_bytes < end) {
        put_blanks_to(emitter, end - (unsigned)n_bytes);
    }
    put_text(emitter, text);
}

static void put_escaped_json(struct csh_emitter *emitter,
                             const char *s, size_t n)
{
    char escape[8];

    if (n == 0) {
        put_text(emitter, "\\ufffd");
    } else if (*s == '"') {
        put_text(emitter, "\\\"");
    } else if (((unsigned char)*s < ' ') || (*s == 0x7f) || (*s == '\\')) {
        snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)*s);
        put_text(emitter, escape);
    } else {
        put(emitter, s, n);
    }
}

static void put_escaped(struct csh_emitter *emitter, const char *s)
{
    size_t n;

    for (; *s != '\0'; s += (n > 0) ? n : 1) {
        n = csh_utf8_length(s);
        if (emitter->form == CSH_STATS_JSON) {
            put_escaped_json(emitter, s, n);
        } else if ((n == 0) || csh_utf8_is_hidden(s)) {
            put_text(emitter, "?");
        } else {
            put(emitter, s, n);
            ++emitter->line_length;
        }
    }
}

/* What precedes any value in JSON: the comma that is due, and its key. */
static void put_key(struct csh_emitter *emitter, const char *key)
{
    if (emitter->has_sibling) {
        put_text(emitter, ",");
    }
    if (key != NULL) {
        put_text(emitter, "\"");
        put_escaped(emitter, key);
        put_text(emitter, "\":");
    }
    emitter->has_sibling = true;
}

static void put_json_open(struct csh_emitter *emitter, const char *key,
                          const char *bracket)
{
    put_key(emitter, key);
    put_text(emitter, bracket);
    emitter->has_sibling = false;
}

static void put_json_close(struct csh_emitter *emitter, const char *bracket)
{
    put_text(emitter, bracket);
    emitter->has_sibling = true;
}

static void put_note(struct csh_emitter *emitter, const char *note)
{
    if (note[0] != '\0') {
        put_text(emitter, "  ");
        put_escaped(emitter, note);
    }
    put_newline(emitter);
}

/* Headings are literals of the shim: nothing in them needs an escape. */
static void put_heading(struct csh_emitter *emitter, const char *heading)
{
    char column[STRING_WIDTH];
    size_t n_bytes = strcspn(heading, "\t");

    put_blanks_to(emitter, 2 * emitter->depth);
    put(emitter, heading, n_bytes);
    emitter->line_length += (unsigned)n_bytes;
    for (heading += n_bytes; *heading == '\t'; heading += n_bytes + 1) {
        n_bytes = strcspn(heading + 1, "\t");
        snprintf(column, sizeof(column), "%.*s", (int)n_bytes, heading + 1);
        put_figure(emitter, column);
    }
    put_newline(emitter);
}

void csh_emitter_begin(struct csh_emitter *emitter, enum csh_stats form,
                       csh_emitter_sink *sink, void *opaque)
{
    memset(emitter, 0, sizeof(*emitter));
    emitter->form = form;
    emitter->sink = sink;
    emitter->opaque = opaque;
}

void csh_emitter_end(struct csh_emitter *emitter)
{
    if (emitter->form == CSH_STATS_JSON) {
        put_newline(emitter);
    }
    if (emitter->n_bytes > 0) {
        emitter->sink(emitter->opaque, emitter->buffer, emitter->n_bytes);
        emitter->n_bytes = 0;
    }
}

void csh_emitter_open(struct csh_emitter *emitter, char bracket,
                      const char *key, const char *heading)
{
    if (emitter->form == CSH_STATS_JSON) {
        put_json_open(emitter, key, (bracket == '{') ? "{" : "[");
    } else if (heading != NULL) {
        put_heading(emitter, heading);
    }
    ++emitter->depth;
}

void csh_emitter_close(struct csh_emitter *emitter, char bracket)
{
    --emitter->depth;
    if (emitter->form == CSH_STATS_JSON) {
        put_json_close(emitter, (bracket == '}') ? "}" : "]");
    }
}

void csh_emitter_open_row(struct csh_emitter *emitter, const char *key)
{
    emitter->is_in_row = true;
    if (emitter->form == CSH_STATS_JSON) {
        put_json_open(emitter, key, "{");
        return;
    }
    put_blanks_to(emitter, 2 * emitter->depth);
    if (key != NULL) {
        put_escaped(emitter, key);
    }
}

void csh_emitter_close_row(struct csh_emitter *emitter, const char *note)
{
    emitter->is_in_row = false;
    if (emitter->form == CSH_STATS_JSON) {
        put_json_close(emitter, "}");
    } else {
        put_note(emitter, note);
    }
}

static const char *number_text(uint64_t value, enum csh_emitter_unit unit,
                               char text_p[CSH_HUMAN_BYTES])
{
    switch (unit) {
    case CSH_UNIT_COUNT:
        return csh_human_count(value, text_p);
    case CSH_UNIT_BYTES:
        return csh_human_bytes(value, text_p);
    case CSH_UNIT_NANOSECONDS:
        return csh_human_seconds(value, text_p);
    case CSH_UNIT_THOUSANDTHS:
        snprintf(text_p, CSH_HUMAN_BYTES, "%llu.%03u",
                 (unsigned long long)(value / 1000),
                 (unsigned)(value % 1000));
        return text_p;
    case CSH_UNIT_PERCENT:
    case CSH_UNIT_PLAIN:
        break;
    }
    snprintf(text_p, CSH_HUMAN_BYTES, "%llu%s", (unsigned long long)value,
             (unit == CSH_UNIT_PERCENT) ? "%" : "");
    return text_p;
}

void csh_emitter_number(struct csh_emitter *emitter, const char *key,
                        uint64_t value, enum csh_emitter_unit unit,
                        const char *note)
{
    char text[CSH_HUMAN_BYTES];
    bool is_line = !emitter->is_in_row;

    if (emitter->form == CSH_STATS_JSON) {
        put_key(emitter, key);
        if (unit != CSH_UNIT_THOUSANDTHS) {
            unit = CSH_UNIT_PLAIN;
        }
        put_text(emitter, number_text(value, unit, text));
        return;
    }
    if (is_line) {
        csh_emitter_open_row(emitter, key);
    }
    put_figure(emitter, number_text(value, unit, text));
    if (is_line) {
        csh_emitter_close_row(emitter, note);
    }
}

void csh_emitter_string(struct csh_emitter *emitter, const char *key,
                        const char *value, const char *note)
{
    bool is_line = !emitter->is_in_row;
    size_t n_bytes;

    if (emitter->form == CSH_STATS_JSON) {
        put_key(emitter, key);
        put_text(emitter, "\"");
        put_escaped(emitter, value);
        put_text(emitter, "\"");
        return;
    }
    if (is_line) {
        csh_emitter_open_row(emitter, key);
        put_text(emitter, " ");
        n_bytes = strlen(value);
        if (n_bytes < FIRST_COLUMN) {
            put_blanks_to(emitter, FIRST_COLUMN - (unsigned)n_bytes);
        }
        put_escaped(emitter, value);
        csh_emitter_close_row(emitter, note);
        return;
    }
    put_escaped(emitter, value);
    put_text(emitter, " ");
    put_blanks_to(emitter, 2 * emitter->depth +
                  STRING_WIDTH * ++emitter->n_strings);
}
