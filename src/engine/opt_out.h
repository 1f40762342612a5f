/*
 * opt_out.h - threads whose copies the program wants left alone
 * (cushadow_pause). Nests; each thread for itself.
 */
#ifndef CSH_ENGINE_OPT_OUT_H
#define CSH_ENGINE_OPT_OUT_H

#include <stdbool.h>

/* False, with nothing changed: too often, or more ends than beginnings. */
bool csh_opt_out_begin(void);
bool csh_opt_out_end(void);

/* Of the calling thread. */
bool csh_opt_out_is_on(void);

#endif
