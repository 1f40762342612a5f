/*
 * emitter.h - one walk over figures, written as text for people or as JSON.
 *
 * The walk opens groups, lists and rows and names each figure once; the form
 * decides what is made of them. JSON is one line. In text a group is a
 * heading, a row is a line of columns, and a figure outside a row is a line
 * of its own. Strings may hold any bytes.
 */
#ifndef CSH_REPORT_EMITTER_H
#define CSH_REPORT_EMITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/options.h"

/* Takes a piece of the text, in order. It cannot refuse. */
typedef void csh_emitter_sink(void *opaque, const char *text, size_t n_bytes);

enum csh_emitter_unit {
    CSH_UNIT_PLAIN,
    CSH_UNIT_COUNT,
    CSH_UNIT_BYTES,
    CSH_UNIT_NANOSECONDS, /* in text as seconds */
    CSH_UNIT_PERCENT,
    CSH_UNIT_THOUSANDTHS, /* in JSON with three decimals */
};

/* On the caller's stack; its fields are the emitter's own. */
struct csh_emitter {
    enum csh_stats form; /* TEXT or JSON */
    csh_emitter_sink *sink;
    void *opaque;
    unsigned depth;
    bool is_in_row;
    bool has_sibling;     /* JSON: a comma is due before the next one */
    unsigned n_strings;   /* text: columns in this line */
    unsigned n_figures;   /* text: columns in this line */
    unsigned line_length; /* text: characters in this line */
    size_t n_bytes;       /* in the buffer */
    char buffer[4096];
};

void csh_emitter_begin(struct csh_emitter *emitter, enum csh_stats form,
                       csh_emitter_sink *sink, void *opaque);
/* Hands over what is left, with a newline. */
void csh_emitter_end(struct csh_emitter *emitter);

/* key is NULL for the outermost one and in lists; heading is for text only,
 * NULL for none, and what follows each tab in it stands above a column of
 * figures. The bracket is '{' or '[', and its twin to close. */
void csh_emitter_open(struct csh_emitter *emitter, char bracket,
                      const char *key, const char *heading);
void csh_emitter_close(struct csh_emitter *emitter, char bracket);

/* A row is a JSON object, and a line that begins with its key. The note, ""
 * for none, ends the line and is not in the JSON. */
void csh_emitter_open_row(struct csh_emitter *emitter, const char *key);
void csh_emitter_close_row(struct csh_emitter *emitter, const char *note);

void csh_emitter_number(struct csh_emitter *emitter, const char *key,
                        uint64_t value, enum csh_emitter_unit unit,
                        const char *note);
void csh_emitter_string(struct csh_emitter *emitter, const char *key,
                        const char *value, const char *note);

#endif
