/*
 * canvas.h - lines of text in inks, made before anything is shown of them, so
 * that a terminal and a plain file get the same.
 *
 * Text that comes from another process goes through csh_canvas_foreign(): what
 * could move the cursor, change colours or hide itself becomes a question
 * mark, and it never takes more columns than it is given.
 */
#ifndef CSH_CLI_CANVAS_H
#define CSH_CLI_CANVAS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

enum csh_ink {
    CSH_INK_PLAIN,
    CSH_INK_TITLE,
    CSH_INK_FAINT,
    CSH_INK_ALERT,
    CSH_INK_VRAM,
    CSH_INK_PARKED,
    CSH_INK_PINNED,
    CSH_INK_UNPINNED,
    CSH_N_INKS,
};

/* A piece of one line. */
struct csh_piece {
    enum csh_ink ink;
    size_t at, n_bytes; /* in the canvas's text */
};

struct csh_line {
    size_t first, n; /* pieces */
};

/* Zeroed but for the first two is an empty one. Memory being short only
 * leaves lines out. */
struct csh_canvas {
    unsigned columns; /* no line is longer */
    bool is_utf8;     /* the reader's terminal shows it */
    char *text;
    struct csh_piece *pieces;
    struct csh_line *lines;
    size_t n_text, n_pieces, n_lines;
    size_t most_text, most_pieces, most_lines;
    unsigned column; /* of the line that is being made */
};

void csh_canvas_clear(struct csh_canvas *canvas);
void csh_canvas_free(struct csh_canvas *canvas);

/* The shim's own ASCII text, as printf does; cut at the last column. */
void csh_canvas_print(struct csh_canvas *canvas, enum csh_ink ink,
                      const char *format, ...) CSH_PRINTF(3, 4);

/* Anybody's text in at most so many columns; what is longer ends in "~".
 * Returns how many columns it took. */
unsigned csh_canvas_foreign(struct csh_canvas *canvas, enum csh_ink ink,
                            const char *text, unsigned columns);

/* One cell n times, in UTF-8 or ASCII as the canvas says. */
void csh_canvas_repeat(struct csh_canvas *canvas, enum csh_ink ink,
                       const char *utf8, char ascii, unsigned n);

void csh_canvas_pad_to(struct csh_canvas *canvas, unsigned column);
void csh_canvas_end_line(struct csh_canvas *canvas);

#endif
