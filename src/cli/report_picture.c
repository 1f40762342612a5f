/*
 * report_picture.c - rows of models: above, their loads and unloads in the
 * colours of what became of them; below, what of them is in VRAM. Then the
 * memory of all. Owns nothing.
 *
 * The plot is a fixed number of columns wide, and nothing is drawn finer than
 * a column: so the picture of a long run is no larger than that of a short
 * one.
 */
#include "cli/report_picture.h"

#include <string.h>

#include "cli/report_html.h"

#define MOST_ROWS 24
#define WIDTH 1000u
#define LEFT 205u /* of it, for names */
#define COLUMNS 785u
#define STRIP 7u
#define GAP 4u
#define AREA 27u
#define ROW 60u
#define FLAT_ROW 34u /* of what is not known to be in VRAM */
#define MEMORY_ROW 44u
#define TOP 6u
#define AXIS 22u

struct frame {
    FILE *page;
    const struct csh_run *run;
    uint64_t scale_ns;
    unsigned y;
};

const char *csh_report_model_name(const struct csh_run_model *model)
{
    return model->burst != 0 ? "other copies" : model->name;
}

static bool is_in_vram(const struct csh_run_model *model)
{
    return model->vram.most > 0 || model->kept.most > 0;
}

bool csh_report_is_shown(const struct csh_run *run, uint32_t number)
{
    const struct csh_run_model *model = &run->models[number];

    return model->same_as == number &&
           (model->episodes > 0 || is_in_vram(model) ||
            model->has_statistics);
}

/* The column of a moment of the run. */
static unsigned column(const struct frame *frame, uint64_t at_ns)
{
    uint64_t from_start = at_ns > frame->run->begun_ns
                              ? at_ns - frame->run->begun_ns : 0;
    double share = (double)from_start / (double)frame->scale_ns;

    return (unsigned)((share < 1 ? share : 1) * COLUMNS);
}

/* --- areas ----------------------------------------------------------- */

struct area {
    const struct frame *frame;
    uint64_t most;
    unsigned top, height;
};

static unsigned level(const struct area *area, uint64_t value)
{
    double share = area->most > 0 ? (double)value / (double)area->most : 0;

    return area->top + area->height -
           (unsigned)((share < 1 ? share : 1) * area->height + 0.5);
}

/* Where the line goes within one column: up, down, and to where it stays. */
static void put_column(const struct area *area, unsigned x, uint64_t most,
                       uint64_t least, uint64_t last, unsigned *y_p)
{
    FILE *page = area->frame->page;
    unsigned high = level(area, most), low = level(area, least);
    unsigned end = level(area, last);

    if (high == *y_p && low == *y_p && end == *y_p) {
        return;
    }
    fprintf(page, "H%u", LEFT + x);
    if (high != *y_p && high != end) {
        fprintf(page, "V%u", high);
    }
    if (low != *y_p && low != end && low != high) {
        fprintf(page, "V%u", low);
    }
    fprintf(page, "V%u", end);
    *y_p = end;
}

static void put_area(const struct area *area, const struct csh_series *series,
                     const char *class)
{
    FILE *page = area->frame->page;
    unsigned base = area->top + area->height, y = base, x;
    uint64_t most, least;
    size_t i = 0;

    if (series->n == 0) {
        return;
    }
    fprintf(page, "<path class=\"%s\" d=\"M%u %u", class, LEFT, base);
    while (i < series->n) {
        x = column(area->frame, series->points[i].ns);
        most = least = series->points[i].value;
        for (; i + 1 < series->n &&
               column(area->frame, series->points[i + 1].ns) <= x; ++i) {
            uint64_t value = series->points[i + 1].value;

            most = value > most ? value : most;
            least = value < least ? value : least;
        }
        put_column(area, x, most, least, series->points[i].value, &y);
        i++;
    }
    fprintf(page, "H%u", LEFT + column(area->frame,
                                       area->frame->run->ended_ns));
    fputs(strcmp(class, "ap") == 0 ? "\"/>\n" : "", page);
    if (strcmp(class, "ap") != 0) {
        fprintf(page, "V%uZ\"/>\n", base);
    }
}

/* --- episodes -------------------------------------------------------- */

/* Episodes that lie too close to be drawn one by one. */
struct block {
    unsigned from, to; /* columns */
    size_t n;
    struct csh_episode sum;
};

static void add(struct block *block, const struct csh_episode *episode)
{
    int i;

    block->n++;
    block->sum.copies += episode->copies;
    block->sum.changed += episode->changed;
    block->sum.ended_ns = episode->ended_ns;
    for (i = 0; i < CSH_N_OUTCOMES; ++i) {
        block->sum.bytes[i] += episode->bytes[i];
    }
}

static void put_title(const struct frame *frame, const struct block *block,
                      uint64_t whole)
{
    const struct csh_episode *sum = &block->sum;
    const char *word = sum->direction == CSH_H2D ? "load" : "unload";
    FILE *page = frame->page;
    int i;

    fputs("<title>", page);
    if (block->n == 1) {
        fputs(word, page);
    } else {
        csh_html_count(page, block->n);
        fprintf(page, " %ss", word);
    }
    fputs(" at ", page);
    csh_html_time(page, sum->begun_ns - frame->run->begun_ns);
    fputs(", ", page);
    csh_html_bytes(page, whole);
    fputs(" in ", page);
    csh_html_time(page, sum->ended_ns - sum->begun_ns);
    for (i = 0; i < CSH_N_OUTCOMES; ++i) {
        if (sum->bytes[i] > 0) {
            fprintf(page, "; %s ", csh_outcome_name((enum csh_outcome)i));
            csh_html_bytes(page, sum->bytes[i]);
        }
    }
    if (sum->changed > 0) {
        fputs("; tensors that had changed: ", page);
        csh_html_count(page, sum->changed);
    }
    fputs("</title>", page);
}

static void put_block(const struct frame *frame, const struct block *block,
                      unsigned y)
{
    double whole = 0, from = 0, height;
    int i;

    for (i = 0; i < CSH_N_OUTCOMES; ++i) {
        whole += (double)block->sum.bytes[i];
    }
    if (block->n == 0 || !(whole > 0)) {
        return;
    }
    fputs("<g>", frame->page);
    put_title(frame, block, (uint64_t)whole);
    for (i = 0; i < CSH_N_OUTCOMES; ++i) {
        height = (double)block->sum.bytes[i] / whole * STRIP;
        if (height > 0) {
            fprintf(frame->page, "<rect class=\"%s\" x=\"%u\" y=\"%.2f\" "
                    "width=\"%u\" height=\"%.2f\"/>",
                    csh_outcome_name((enum csh_outcome)i),
                    LEFT + block->from, y + from, block->to - block->from,
                    height);
        }
        from += height;
    }
    if (block->sum.changed > 0) {
        fprintf(frame->page, "<circle cx=\"%.1f\" cy=\"%u\" r=\"3\"/>",
                LEFT + (block->from + block->to) / 2.0, y + STRIP / 2);
    }
    fputs("</g>\n", frame->page);
}

static void put_strip(const struct frame *frame, uint32_t model,
                      enum csh_direction direction, unsigned y)
{
    struct block block = {.n = 0};
    unsigned from, to;
    size_t i;

    fprintf(frame->page, "<rect class=\"track\" x=\"%u\" y=\"%u\" width=\"%u\""
            " height=\"%u\"/>\n", LEFT, y, COLUMNS, STRIP);
    for (i = 0; i < frame->run->n_episodes; ++i) {
        const struct csh_episode *episode = &frame->run->episodes[i];

        if (episode->model != model || episode->direction != direction) {
            continue;
        }
        from = column(frame, episode->begun_ns);
        to = column(frame, episode->ended_ns);
        to = to > from + 2 ? to : from + 2;
        if (block.n == 0 || from > block.to) {
            put_block(frame, &block, y);
            block = (struct block){.from = from, .to = to};
            block.sum.begun_ns = episode->begun_ns;
            block.sum.direction = direction;
        }
        block.to = to > block.to ? to : block.to;
        add(&block, episode);
    }
    put_block(frame, &block, y);
}

/* --- rows ------------------------------------------------------------ */

/* Below a label, so far from the row's top. */
static void put_most(const struct frame *frame, unsigned below, uint64_t most,
                     const char *what)
{
    if (most > 0) {
        fprintf(frame->page, "<text class=\"s\" x=\"0\" y=\"%u\">",
                frame->y + below);
        csh_html_bytes(frame->page, most);
        fprintf(frame->page, " %s</text>\n", what);
    }
}

static void put_label(const struct frame *frame, const char *name,
                      uint64_t most, const char *what)
{
    fprintf(frame->page, "<text class=\"b\" x=\"0\" y=\"%u\"><title>",
            frame->y + 20);
    csh_html_text(frame->page, name);
    fputs("</title><tspan unicode-bidi=\"isolate\">", frame->page);
    csh_html_cut(frame->page, name, 19);
    fputs("</tspan></text>\n", frame->page);
    put_most(frame, 36, most, what);
}

static unsigned row_height(const struct csh_run_model *model)
{
    return is_in_vram(model) ? ROW : FLAT_ROW;
}

static void put_model(struct frame *frame, uint32_t number)
{
    const struct csh_run_model *model = &frame->run->models[number];
    const uint64_t most = model->vram.most, parked = model->kept.most;
    const struct area area = {frame, most > parked ? most : parked,
                              frame->y + 2 * STRIP + GAP + 6, AREA};

    put_label(frame, csh_report_model_name(model), most, "in VRAM at most");
    put_most(frame, most > 0 ? 50 : 36, parked, "parked at most");
    fprintf(frame->page, "<text class=\"s e t\" x=\"%u\" y=\"%u\">load</text>"
            "<text class=\"s e t\" x=\"%u\" y=\"%u\">unload</text>\n",
            LEFT - 6, frame->y + 11, LEFT - 6,
            frame->y + 11 + STRIP + GAP);
    put_strip(frame, number, CSH_H2D, frame->y + 4);
    put_strip(frame, number, CSH_D2H, frame->y + 4 + STRIP + GAP);
    put_area(&area, &model->vram, "av");
    put_area(&area, &model->kept, "ak");
    frame->y += row_height(model);
}

static void put_shadows(struct frame *frame)
{
    const struct csh_series *series = frame->run->series;
    uint64_t most = series[CSH_RUN_SHADOWS].most;
    uint64_t pinned = series[CSH_RUN_PINNED].most;
    const struct area area = {frame, most > pinned ? most : pinned,
                              frame->y + 8, AREA};

    if (most > 0) {
        put_label(frame, "RAM", most, "of shadows at most");
        put_area(&area, &series[CSH_RUN_SHADOWS], "as");
        put_area(&area, &series[CSH_RUN_PINNED], "ap");
        frame->y += MEMORY_ROW;
    }
}

/* Only if there is something in it. */
static void put_memory(struct frame *frame, enum csh_run_series which,
                       const char *name, const char *what, const char *class)
{
    const struct csh_series *series = &frame->run->series[which];
    const struct area area = {frame, series->most, frame->y + 8, AREA};

    if (area.most > 0) {
        put_label(frame, name, area.most, what);
        put_area(&area, series, class);
        frame->y += MEMORY_ROW;
    }
}

/* 1, 2 or 5 of a power of ten, six to fourteen of which fill the scale. */
static uint64_t step_of(uint64_t scale_ns)
{
    uint64_t step = 1;

    while (step <= scale_ns / 14 / 10) {
        step *= 10;
    }
    if (step * 14 < scale_ns) {
        step *= step * 28 >= scale_ns ? 2 : step * 70 >= scale_ns ? 5 : 10;
    }
    return step;
}

static void put_axis(const struct frame *frame)
{
    uint64_t step = step_of(frame->scale_ns), at;
    unsigned x;

    for (at = 0; at <= frame->scale_ns; at += step) {
        x = LEFT + column(frame, frame->run->begun_ns + at);
        fprintf(frame->page, "<path class=\"grid\" d=\"M%u.5 %uV%u\"/>"
                "<text class=\"s m\" x=\"%u\" y=\"%u\">", x, TOP, frame->y,
                x, frame->y + 15);
        if (at == 0) {
            fputs("0", frame->page);
        } else if (step >= 1000000000) {
            fprintf(frame->page, "%llu s",
                    (unsigned long long)(at / 1000000000));
        } else if (step >= 1000000) {
            fprintf(frame->page, "%.3g s", (double)at * 1e-9);
        } else {
            fprintf(frame->page, "%.3g ms", (double)at * 1e-6);
        }
        fputs("</text>\n", frame->page);
    }
}

/* The rows that are drawn, and how high they are with all below them. */
static unsigned count_rows(const struct csh_run *run, unsigned *height_p)
{
    const enum csh_run_series memory[] = {CSH_RUN_SHADOWS, CSH_RUN_VRAM,
                                          CSH_RUN_PARKED};
    unsigned n = 0;
    uint32_t i;

    *height_p = TOP + AXIS;
    for (i = 0; i < CSH_ARRAY_LENGTH(memory); ++i) {
        *height_p += run->series[memory[i]].most > 0 ? MEMORY_ROW : 0;
    }
    for (i = 0; i < run->n_models; ++i) {
        if (csh_report_is_shown(run, i) && n++ < MOST_ROWS) {
            *height_p += row_height(&run->models[i]);
        }
    }
    return n;
}

void csh_report_picture(FILE *page, const struct csh_run *run,
                        uint64_t scale_ns)
{
    unsigned height, drawn = 0, n = count_rows(run, &height);
    unsigned rows = n < MOST_ROWS ? n : MOST_ROWS;
    struct frame frame = {page, run, scale_ns > 0 ? scale_ns : 1, TOP};
    uint32_t i;

    fprintf(page, "<div class=\"scroll\"><svg viewBox=\"0 0 %u %u\" "
            "role=\"img\" aria-label=\"models in VRAM over time\">\n",
            WIDTH, height);
    frame.y = height - AXIS;
    put_axis(&frame);
    frame.y = TOP;
    for (i = 0; i < run->n_models && drawn < rows; ++i) {
        if (csh_report_is_shown(run, i)) {
            put_model(&frame, i);
            drawn++;
        }
    }
    put_shadows(&frame);
    put_memory(&frame, CSH_RUN_VRAM, "VRAM", "uploaded at most", "av");
    put_memory(&frame, CSH_RUN_PARKED, "parked in VRAM", "at most", "ak");
    fputs("</svg></div>\n", page);
    if (n > rows) {
        fprintf(page, "<p class=\"soft\">%u more models are not drawn.</p>\n",
                n - rows);
    }
}
