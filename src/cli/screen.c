/*
 * screen.c - see screen.h. Owns the terminal between begin and end; ncurses
 * gives it back when a signal ends us, too.
 *
 * Colours only where the terminal has them and NO_COLOR (no-color.org) is not
 * set; without them the bars differ by what they are made of.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* ncursesw: wide characters */
#endif
#include "cli/screen.h"

#ifdef CSH_HAVE_NCURSES

#include <curses.h>
#include <stdlib.h>
#include <unistd.h>

static SCREEN *screen;
static int attributes[CSH_N_INKS];

static void choose_inks(void)
{
    static const struct { int color, attribute; } inks[CSH_N_INKS] = {
        [CSH_INK_PLAIN] = {-1, A_NORMAL},
        [CSH_INK_TITLE] = {-1, A_BOLD},
        [CSH_INK_FAINT] = {-1, A_DIM},
        [CSH_INK_ALERT] = {COLOR_RED, A_BOLD},
        [CSH_INK_VRAM] = {COLOR_GREEN, A_NORMAL},
        [CSH_INK_PARKED] = {COLOR_YELLOW, A_NORMAL},
        [CSH_INK_PINNED] = {COLOR_BLUE, A_NORMAL},
        [CSH_INK_UNPINNED] = {COLOR_CYAN, A_NORMAL},
    };
    const char *refusal = getenv("NO_COLOR");
    bool is_colored = has_colors() &&
                      ((refusal == NULL) || (refusal[0] == '\0')) &&
                      (start_color() == OK) && (use_default_colors() == OK);
    short i;

    for (i = 0; i < CSH_N_INKS; ++i) {
        attributes[i] = inks[i].attribute;
        if (is_colored && (inks[i].color >= 0)) {
            init_pair((short)(i + 1), (short)inks[i].color, -1);
            attributes[i] |= COLOR_PAIR(i + 1);
        }
    }
}

/* initscr() would exit where the terminal is not known. */
bool csh_screen_begin(void)
{
    if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)) {
        return false;
    }
    screen = newterm(NULL, stdout, stdin);
    if (screen == NULL) {
        return false;
    }
    set_term(screen);
    (void)cbreak();
    (void)noecho();
    (void)curs_set(0);
    (void)keypad(stdscr, TRUE);
    choose_inks();
    return true;
}

void csh_screen_end(void)
{
    if (screen != NULL) {
        (void)endwin();
        delscreen(screen);
        screen = NULL;
    }
}

unsigned csh_screen_columns(void)
{
    return (unsigned)getmaxx(stdscr);
}

size_t csh_screen_page(void)
{
    int lines = getmaxy(stdscr);

    return (lines > 2) ? (size_t)lines - 1 : 1;
}

static void show_line(const struct csh_canvas *canvas, size_t line, int y)
{
    const struct csh_piece *piece =
        canvas->pieces + canvas->lines[line].first;
    size_t i;

    (void)move(y, 0);
    for (i = 0; i < canvas->lines[line].n; ++i, ++piece) {
        (void)attrset(attributes[piece->ink]);
        (void)addnstr(canvas->text + piece->at, (int)piece->n_bytes);
    }
    (void)attrset(A_NORMAL);
    (void)clrtoeol();
}

void csh_screen_show(const struct csh_canvas *canvas, size_t *top_p)
{
    size_t page = csh_screen_page(), i;
    size_t last = (canvas->n_lines > page) ? canvas->n_lines - page : 0;

    *top_p = (*top_p > last) ? last : *top_p;
    (void)erase();
    for (i = 0; (i < page) && (*top_p + i < canvas->n_lines); ++i) {
        show_line(canvas, *top_p + i, (int)i);
    }
    (void)attrset(A_REVERSE);
    (void)mvaddnstr((int)page, 0,
                    (last == 0) ? " q quits " :
                                  " q quits, up and down move ", -1);
    (void)attrset(A_NORMAL);
    (void)refresh();
}

enum csh_key csh_screen_key(unsigned milliseconds)
{
    timeout((int)milliseconds);
    switch (getch()) {
    case 'q':
    case 'Q':
    case 27: /* Escape */
        return CSH_KEY_QUIT;
    case KEY_UP:
    case 'k':
        return CSH_KEY_UP;
    case KEY_DOWN:
    case 'j':
        return CSH_KEY_DOWN;
    case KEY_PPAGE:
        return CSH_KEY_PAGE_UP;
    case KEY_NPAGE:
    case ' ':
        return CSH_KEY_PAGE_DOWN;
    case KEY_HOME:
        return CSH_KEY_HOME;
    case KEY_END:
        return CSH_KEY_END;
    case KEY_RESIZE:
        return CSH_KEY_RESIZED;
    default:
        return CSH_KEY_NONE;
    }
}

#else /* built without: plain output is all there is */

bool csh_screen_begin(void)
{
    return false;
}

void csh_screen_end(void)
{
}

unsigned csh_screen_columns(void)
{
    return 0;
}

size_t csh_screen_page(void)
{
    return 1;
}

void csh_screen_show(const struct csh_canvas *canvas, size_t *top_p)
{
    (void)canvas, (void)top_p;
}

enum csh_key csh_screen_key(unsigned milliseconds)
{
    (void)milliseconds;
    return CSH_KEY_QUIT;
}

#endif
