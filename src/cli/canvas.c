/*
 * canvas.c - see canvas.h. Owns what hangs on the canvas.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* wcwidth */
#endif
#include "cli/canvas.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/utf8.h"

#define LINE_BYTES 512

void csh_canvas_clear(struct csh_canvas *canvas)
{
    canvas->n_text = canvas->n_pieces = canvas->n_lines = 0;
    canvas->column = 0;
}

void csh_canvas_free(struct csh_canvas *canvas)
{
    free(canvas->text);
    free(canvas->pieces);
    free(canvas->lines);
    memset(canvas, 0, sizeof(*canvas));
}

/* Room for n more; the array may move. */
static bool grow(void **array, size_t *most, size_t n_used, size_t n,
                 size_t item_bytes)
{
    size_t wanted = (*most == 0) ? 64 : *most;
    void *larger;

    if (n_used + n <= *most) {
        return true;
    }
    while (wanted < n_used + n) {
        wanted *= 2;
    }
    larger = realloc(*array, wanted * item_bytes);
    if (larger == NULL) {
        return false;
    }
    *array = larger;
    *most = wanted;
    return true;
}

static bool begin_line(struct csh_canvas *canvas)
{
    void *lines = canvas->lines;
    bool has_room = grow(&lines, &canvas->most_lines, canvas->n_lines, 1,
                         sizeof(*canvas->lines));

    canvas->lines = lines;
    if (has_room && (canvas->column == 0)) {
        canvas->lines[canvas->n_lines] =
            (struct csh_line){canvas->n_pieces, 0};
    }
    return has_room;
}

/* Bytes that take so many columns; there is room for these. */
static void add(struct csh_canvas *canvas, enum csh_ink ink,
                const char *bytes, size_t n_bytes, unsigned columns)
{
    void *pieces = canvas->pieces, *text = canvas->text;
    bool has_room;

    if ((n_bytes == 0) || !begin_line(canvas)) {
        return;
    }
    has_room = grow(&pieces, &canvas->most_pieces, canvas->n_pieces, 1,
                    sizeof(*canvas->pieces)) &&
               grow(&text, &canvas->most_text, canvas->n_text, n_bytes, 1);
    canvas->pieces = pieces;
    canvas->text = text;
    if (!has_room) {
        return;
    }
    memcpy(canvas->text + canvas->n_text, bytes, n_bytes);
    canvas->pieces[canvas->n_pieces++] =
        (struct csh_piece){ink, canvas->n_text, n_bytes};
    canvas->n_text += n_bytes;
    canvas->column += columns;
    ++canvas->lines[canvas->n_lines].n;
}

static unsigned room(const struct csh_canvas *canvas)
{
    return (canvas->column < canvas->columns) ?
           canvas->columns - canvas->column : 0;
}

void csh_canvas_print(struct csh_canvas *canvas, enum csh_ink ink,
                      const char *format, ...)
{
    char line[LINE_BYTES];
    size_t n_bytes;
    va_list list;

    va_start(list, format);
    (void)vsnprintf(line, sizeof(line), format, list);
    va_end(list);
    n_bytes = strlen(line);
    if (n_bytes > room(canvas)) {
        n_bytes = room(canvas);
    }
    add(canvas, ink, line, n_bytes, (unsigned)n_bytes);
}

/* Columns of the character that a text begins with, as the reader's locale
 * has it; 0 if it must not be shown. */
static unsigned width_of(const struct csh_canvas *canvas, const char *text,
                         size_t n_bytes)
{
    mbstate_t state;
    wchar_t character;
    int width;

    if ((n_bytes == 0) || csh_utf8_is_hidden(text)) {
        return 0;
    }
    if (n_bytes == 1) {
        return 1;
    }
    memset(&state, 0, sizeof(state));
    if (!canvas->is_utf8 ||
        (mbrtowc(&character, text, n_bytes, &state) != n_bytes)) {
        return 0;
    }
    width = wcwidth(character);
    return (width > 0) ? (unsigned)width : 0;
}

unsigned csh_canvas_foreign(struct csh_canvas *canvas, enum csh_ink ink,
                            const char *text, unsigned columns)
{
    char line[LINE_BYTES];
    unsigned width, used = 0, last = 1;
    size_t n_line = 0, n;

    columns = (columns < room(canvas)) ? columns : room(canvas);
    while ((*text != '\0') && (n_line + 8 < sizeof(line))) {
        n = csh_utf8_length(text);
        width = width_of(canvas, text, n);
        if (used + ((width > 0) ? width : 1) > columns) {
            break;
        }
        if (width > 0) {
            memcpy(line + n_line, text, n);
            n_line += n;
        } else {
            line[n_line++] = '?';
        }
        last = (width > 0) ? width : 1;
        used += last;
        text += (n > 0) ? n : 1;
    }
    if ((*text != '\0') && (n_line > 0)) {
        /* The last character, whatever its width, makes room. */
        used -= last - 1;
        while ((n_line > 1) && ((line[n_line - 1] & 0xc0) == 0x80)) {
            --n_line;
        }
        line[n_line - 1] = '~';
    }
    add(canvas, ink, line, n_line, used);
    return used;
}

void csh_canvas_repeat(struct csh_canvas *canvas, enum csh_ink ink,
                       const char *utf8, char ascii, unsigned n)
{
    const char *cell = canvas->is_utf8 ? utf8 : (const char[]){ascii, '\0'};
    char line[LINE_BYTES];
    size_t n_cell = strlen(cell), n_line = 0;

    n = (n < room(canvas)) ? n : room(canvas);
    n = (n < sizeof(line) / n_cell) ? n : (unsigned)(sizeof(line) / n_cell);
    for (; n_line < n * n_cell; ++n_line) {
        line[n_line] = cell[n_line % n_cell];
    }
    add(canvas, ink, line, n_line, n);
}

void csh_canvas_pad_to(struct csh_canvas *canvas, unsigned column)
{
    if (column > canvas->column) {
        csh_canvas_print(canvas, CSH_INK_PLAIN, "%*s",
                         (int)(column - canvas->column), "");
    }
}

void csh_canvas_end_line(struct csh_canvas *canvas)
{
    if (!begin_line(canvas)) {
        return;
    }
    ++canvas->n_lines;
    canvas->column = 0;
}
