/*
 * frame.h - what `cushadow top` shows of one process, and how fast things
 * went between two looks at it.
 */
#ifndef CSH_CLI_FRAME_H
#define CSH_CLI_FRAME_H

#include <stdint.h>

#include "cli/canvas.h"
#include "report/summary.h"

/* What is remembered of a look. All zero: there was none. */
struct csh_frame_past {
    uint64_t ns; /* of csh_clock_now_ns() */
    struct csh_tally asked[CSH_N_DIRECTIONS];
};

/* Adds the lines of a process. Rates are since the past look, or since the
 * first use of CUDA; the past is then now. */
void csh_frame_process(struct csh_canvas *canvas,
                       const struct csh_report *report, const char *command,
                       uint64_t now_ns, struct csh_frame_past *past);

/* One line that says what the bars are made of. */
void csh_frame_legend(struct csh_canvas *canvas);

#endif
