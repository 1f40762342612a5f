/*
 * fuzz_live.c - a shared page whose every byte is chosen by a fuzzer, read as
 * `cushadow stat' and `cushadow top' read it, and shown in each of their
 * forms. Besides what the sanitizers find, it aborts when what is shown holds
 * a byte that a terminal would obey, or a line is too long.
 *
 * The input is repeated over the page, with the header made sound, so that few
 * bytes reach every field.
 */
#include "fuzz.h"

#include <string.h>

#include "base/utf8.h"
#include "cli/frame.h"
#include "cli/prometheus.h"
#include "report/live_page.h"
#include "report/summary.h"

#define COLUMNS 80
#define MOST_MODELS 2 /* that a run is worth */

static struct csh_live_page *page;
static struct csh_live_figures figures;
static struct csh_model_figures models[CSH_MAX_MODELS];

/* No control character but the newline, and sound UTF-8. */
static void check_shown(const char *text, size_t n_bytes)
{
    char piece[8];
    size_t i, n;

    for (i = 0; i < n_bytes; i += n) {
        memset(piece, 0, sizeof(piece));
        memcpy(piece, text + i, (n_bytes - i < 4) ? n_bytes - i : 4);
        n = csh_utf8_length(piece);
        PROMISE(n > 0);
        PROMISE(text[i] == '\n' || !csh_utf8_is_hidden(piece));
    }
}

static void take_text(void *opaque, const char *text, size_t n_bytes)
{
    (void)opaque;
    PROMISE(memchr(text, '\0', n_bytes) == NULL);
    PROMISE(memchr(text, '\x1b', n_bytes) == NULL);
}

static void check_canvas(const struct csh_report *report,
                         const char *command)
{
    struct csh_canvas canvas = {.columns = COLUMNS};
    struct csh_frame_past past = {.ns = 0};
    size_t line, i, n;

    csh_frame_process(&canvas, report, command, 1000, &past);
    csh_frame_process(&canvas, report, command, 2000000000, &past);
    check_shown(canvas.text, canvas.n_text);
    for (line = 0; line < canvas.n_lines; ++line) {
        for (i = 0, n = 0; i < canvas.lines[line].n; ++i) {
            n += canvas.pieces[canvas.lines[line].first + i].n_bytes;
        }
        PROMISE(n <= COLUMNS); /* ASCII, so columns are bytes */
    }
    csh_canvas_free(&canvas);
}

static void check_prometheus(const struct csh_report *report)
{
    char *text = NULL;
    size_t n_text = 0;
    FILE *out = open_memstream(&text, &n_text);

    PROMISE(out != NULL);
    csh_prometheus_write(out, report, 1);
    fclose(out);
    check_shown(text, n_text);
    free(text);
}

void fuzz_begin(void)
{
    page = calloc(1, sizeof(*page));
}

/* The first byte says whether the header is sound, the second how many models
 * there are said to be, the third where the rest begins. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct csh_report_shared shared;
    struct csh_report report;
    char command[16];
    size_t i, n_used;

    if (n_bytes < 8) {
        return -1;
    }
    n_used = csh_live_figures_bytes(MOST_MODELS);
    for (i = 0; i < n_used; ++i) {
        ((unsigned char *)&page->slots[0].words)[i] =
            bytes[3 + (i + bytes[2]) % (n_bytes - 3)];
    }
    memcpy(page, bytes, (n_bytes < 64) ? n_bytes : 64);
    if (bytes[0] != 0) {
        csh_live_page_init(page, 1, 2);
        page->latest = 2;
        page->slots[0].state = 4;
    }
    if (bytes[1] < 200) {
        page->slots[0].words[0] = bytes[1] % (MOST_MODELS + 1);
    }
    if (csh_live_page_check(page, sizeof(*page)) != CSH_LIVE_GOOD ||
        csh_live_page_read(page, &figures) != CSH_LIVE_GOOD) {
        return 0;
    }
    PROMISE(figures.n_models <= CSH_MAX_MODELS);
    figures.n_models = (figures.n_models < MOST_MODELS) ? figures.n_models :
                                                          MOST_MODELS;
    memset(&report, 0, sizeof(report));
    memcpy(report.statistics.reason, figures.reason, sizeof(figures.reason));
    memcpy(report.statistics.gauge, figures.gauge, sizeof(figures.gauge));
    csh_statistics_add_up(&report.statistics);
    csh_live_models(&figures, models);
    shared = (struct csh_report_shared){models, (unsigned)figures.n_models,
                                        figures.written_ns, page->began_ns};
    report.mode = (enum csh_mode)figures.mode;
    report.is_full = true;
    report.shared = &shared;
    memcpy(command, bytes, sizeof(command) < n_bytes ? sizeof(command) :
                                                       n_bytes);
    command[(sizeof(command) < n_bytes ? sizeof(command) : n_bytes) - 1] =
        '\0';
    check_canvas(&report, command);
    csh_report_write(&report, CSH_STATS_JSON, take_text, NULL);
    csh_report_write(&report, CSH_STATS_TEXT, take_text, NULL);
    check_prometheus(&report);
    return 0;
}
