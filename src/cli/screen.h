/*
 * screen.h - a canvas on a terminal, by ncursesw where that was built in.
 *
 * Between begin and end the terminal is the screen's: its whole contents come
 * back at the end. One thread, one screen.
 */
#ifndef CSH_CLI_SCREEN_H
#define CSH_CLI_SCREEN_H

#include "cli/canvas.h"

/* False: there is no terminal that can be used so, and nothing was done. */
CSH_MUST_CHECK bool csh_screen_begin(void);
void csh_screen_end(void);

unsigned csh_screen_columns(void);

/* Shows the canvas from line *top_p on, which is first moved so that there is
 * something to see, and below it one line of help. */
void csh_screen_show(const struct csh_canvas *canvas, size_t *top_p);

enum csh_key {
    CSH_KEY_NONE, /* the time is over, or something else was pressed */
    CSH_KEY_QUIT,
    CSH_KEY_UP,
    CSH_KEY_DOWN,
    CSH_KEY_PAGE_UP,
    CSH_KEY_PAGE_DOWN,
    CSH_KEY_HOME,
    CSH_KEY_END,
    CSH_KEY_RESIZED,
};

/* Waits for a key, for so many milliseconds. */
enum csh_key csh_screen_key(unsigned milliseconds);

/* Lines that a page key moves by. */
size_t csh_screen_page(void);

#endif
