/*
 * top.c - `cushadow top`: where models are, and how fast they come and go, of
 * one or more running processes.
 *
 * Owns the list of processes that are shown. On a terminal it is shown again
 * and again until somebody quits; else once, as plain text.
 */
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/frame.h"
#include "cli/screen.h"
#include "cli/shared.h"

#define MOST_SHOWN 64u
#define MOST_PROCESSES 4096u
#define PLAIN_COLUMNS 100u
/* Between the two looks of plain output, for the rates. */
#define PLAIN_GAP_NS UINT64_C(500000000)
/* Looking for new processes reads every process's descriptors. */
#define SEARCH_GAP_NS UINT64_C(2000000000)

struct shown {
    struct csh_shared shared;
    struct csh_frame_past past;
};

static struct {
    struct shown shown[MOST_SHOWN];
    unsigned n_shown;
    pid_t named[MOST_SHOWN]; /* by the user; none: all there are */
    unsigned n_named;
    unsigned interval_ms;
    bool is_once;
    uint64_t searched_ns;
    struct csh_live_figures figures; /* of the one that is being drawn */
    struct csh_model_figures models[CSH_MAX_MODELS];
} top = {.interval_ms = 1000};

static void print_usage(void)
{
    puts("Usage: cushadow top [--once] [--interval=SECONDS] [PID]...\n"
         "Shows where the models of running processes are: in VRAM or parked "
         "there, with\na shadow that is pinned or not; how fast they come and "
         "go; and what was refused,\nwith the variable that changes it. "
         "Without PID, of all that share their figures\nand may be looked at. "
         "Up and down move, q quits. If the output is no terminal,\nit is "
         "printed once.\n\n"
         "  --once\n      print once, as plain text\n"
         "  --interval=SECONDS\n      between two looks; 1 by default\n"
         "  --help\n      print this\n\nExit status: 0; 1 if a process that "
         "was named, or every one, shares nothing; 2\nfor bad use.");
}

/* --- which processes --------------------------------------------------- */

static bool is_shown(pid_t pid)
{
    unsigned i;

    for (i = 0; i < top.n_shown; ++i) {
        if (top.shown[i].shared.pid == pid) {
            return true;
        }
    }
    return false;
}

static enum csh_shared_status show(pid_t pid)
{
    struct shown *shown = &top.shown[top.n_shown];
    enum csh_shared_status status = CSH_SHARED_GOOD;

    if ((top.n_shown < MOST_SHOWN) && !is_shown(pid)) {
        memset(shown, 0, sizeof(*shown));
        status = csh_shared_open("/proc", pid, &shown->shared);
        top.n_shown += (status == CSH_SHARED_GOOD);
    }
    return status;
}

/* Those that have ended, or have another page by now. */
static void drop_gone(void)
{
    unsigned i, n = 0;

    for (i = 0; i < top.n_shown; ++i) {
        if (csh_shared_is_there("/proc", &top.shown[i].shared)) {
            top.shown[n++] = top.shown[i];
        } else {
            csh_shared_close(&top.shown[i].shared);
        }
    }
    top.n_shown = n;
}

static void look_for_processes(uint64_t now)
{
    static pid_t pids[MOST_PROCESSES];
    size_t n, i;

    drop_gone();
    if ((top.searched_ns != 0) && (now - top.searched_ns < SEARCH_GAP_NS)) {
        return;
    }
    top.searched_ns = now;
    if (top.n_named > 0) {
        for (i = 0; i < top.n_named; ++i) {
            (void)show(top.named[i]);
        }
        return;
    }
    n = csh_shared_candidates("/proc", pids, MOST_PROCESSES);
    for (i = 0; i < n; ++i) {
        (void)show(pids[i]);
    }
}

/* False, and said why, if one that was named has nothing to show. */
static bool find_named(void)
{
    enum csh_shared_status status;
    bool is_good = true;
    unsigned i;

    for (i = 0; i < top.n_named; ++i) {
        status = show(top.named[i]);
        if (status != CSH_SHARED_GOOD) {
            csh_shared_explain("cushadow top", top.named[i], status);
            is_good = false;
        }
    }
    return is_good;
}

/* --- drawing ------------------------------------------------------------ */

static void draw_process(struct csh_canvas *canvas, struct shown *shown)
{
    struct csh_report_shared more;
    struct csh_report report;

    memset(&report, 0, sizeof(report));
    if (csh_shared_read(&shown->shared, &top.figures) != CSH_SHARED_GOOD) {
        csh_canvas_print(canvas, CSH_INK_ALERT,
                         "%d: its figures could not be read whole",
                         (int)shown->shared.pid);
        csh_canvas_end_line(canvas);
        return;
    }
    csh_shared_report(&shown->shared, &top.figures, top.models, &report,
                      &more);
    csh_frame_process(canvas, &report, shown->shared.command,
                      csh_clock_now_ns(), &shown->past);
    csh_canvas_end_line(canvas);
}

static void draw(struct csh_canvas *canvas)
{
    unsigned i;

    csh_canvas_clear(canvas);
    for (i = 0; i < top.n_shown; ++i) {
        draw_process(canvas, &top.shown[i]);
    }
    if (top.n_shown > 0) {
        csh_frame_legend(canvas);
    } else {
        csh_canvas_print(canvas, CSH_INK_PLAIN,
                         (top.n_named > 0) ? "It has ended." :
                         "No process shares figures.");
        csh_canvas_end_line(canvas);
    }
}

static void print_plain(const struct csh_canvas *canvas)
{
    const struct csh_piece *piece;
    size_t line, i;

    for (line = 0; line < canvas->n_lines; ++line) {
        piece = canvas->pieces + canvas->lines[line].first;
        for (i = 0; i < canvas->lines[line].n; ++i, ++piece) {
            fwrite(canvas->text + piece->at, 1, piece->n_bytes, stdout);
        }
        putchar('\n');
    }
}

/* Two looks, so that there are rates; bars in ASCII, whoever reads it. */
static int run_plain(void)
{
    struct csh_canvas canvas = {.columns = PLAIN_COLUMNS};

    look_for_processes(csh_clock_now_ns());
    if (top.n_shown == 0) {
        if (top.n_named == 0) {
            fputs("cushadow top: no process shares figures\n", stderr);
        }
        return 1;
    }
    draw(&canvas);
    csh_clock_nap_ns(PLAIN_GAP_NS);
    draw(&canvas);
    print_plain(&canvas);
    csh_canvas_free(&canvas);
    return (fflush(stdout) == 0) ? 0 : 1;
}

static void scroll(enum csh_key key, size_t *first)
{
    size_t page = csh_screen_page();

    switch (key) {
    case CSH_KEY_UP:
        *first -= (*first > 0);
        break;
    case CSH_KEY_DOWN:
        ++*first; /* shown as far as there is something */
        break;
    case CSH_KEY_PAGE_UP:
        *first -= (*first > page) ? page : *first;
        break;
    case CSH_KEY_PAGE_DOWN:
        *first += page;
        break;
    case CSH_KEY_HOME:
        *first = 0;
        break;
    case CSH_KEY_END:
        *first = SIZE_MAX;
        break;
    default:
        break;
    }
}

/* Keys move what was drawn; it is drawn anew when it is time to look, or the
 * terminal has another width. */
static void run_screen(bool is_utf8)
{
    struct csh_canvas canvas = {.is_utf8 = is_utf8};
    const uint64_t gap = top.interval_ms * UINT64_C(1000000);
    uint64_t now = csh_clock_now_ns(), next = now;
    enum csh_key key = CSH_KEY_NONE;
    size_t first = 0;

    while (key != CSH_KEY_QUIT) {
        if ((now >= next) || (canvas.columns != csh_screen_columns())) {
            canvas.columns = csh_screen_columns();
            look_for_processes(now);
            draw(&canvas);
            next = now + gap;
        }
        csh_screen_show(&canvas, &first);
        key = csh_screen_key((unsigned)((next - now) / 1000000) + 1);
        scroll(key, &first);
        now = csh_clock_now_ns();
        now = (now > next) ? next : now;
    }
    csh_canvas_free(&canvas);
}

/* --- the command ---------------------------------------------------------- */

static bool parse_interval(const char *text)
{
    char *end;
    double seconds = strtod(text, &end);

    if ((*text == '\0') || (*end != '\0') || !isfinite(seconds) ||
        (seconds < 0.1) || (seconds > 3600)) {
        fprintf(stderr, "cushadow top: --interval takes 0.1 to 3600 seconds, "
                        "not `%s'\n", text);
        return false;
    }
    top.interval_ms = (unsigned)(seconds * 1000);
    return true;
}

static bool parse_pids(int n, char **names)
{
    int i;

    for (i = 0; i < n; ++i) {
        if ((top.n_named == MOST_SHOWN) ||
            !csh_shared_parse_pid(names[i], &top.named[top.n_named])) {
            fprintf(stderr, "cushadow top: `%s' is no process id\n",
                    names[i]);
            return false;
        }
        ++top.n_named;
    }
    return true;
}

/* False: there is nothing more to do, and *status_p is what to end with. */
static bool parse(int argc, char **argv, int *status_p)
{
    static const struct option longs[] = {
        {"help", no_argument, NULL, 'h'},
        {"once", no_argument, NULL, 'o'},
        {"interval", required_argument, NULL, 'i'},
        {NULL, 0, NULL, 0},
    };
    static char own_name[] = "cushadow top";
    int code;

    argv[0] = own_name;
    *status_p = CSH_EXIT_USAGE;
    while ((code = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (code == 'h') {
            print_usage();
            *status_p = (fflush(stdout) == 0) ? 0 : CSH_EXIT_USAGE;
            return false;
        }
        if ((code == '?') || ((code == 'i') && !parse_interval(optarg))) {
            return false;
        }
        top.is_once = top.is_once || (code == 'o');
    }
    return parse_pids(argc - optind, argv + optind);
}

int csh_command_top(int argc, char **argv)
{
    const char *codeset;
    int status;

    if (!parse(argc, argv, &status)) {
        return status;
    }
    (void)setlocale(LC_CTYPE, "");
    codeset = nl_langinfo(CODESET);
    if (!find_named()) {
        return 1;
    }
    if (!top.is_once && csh_screen_begin()) {
        run_screen(strcmp(codeset, "UTF-8") == 0);
        csh_screen_end();
        return 0;
    }
    return run_plain();
}
