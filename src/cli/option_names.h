/*
 * option_names.h - the options of `cushadow run`, derived from the table of
 * variables: CUSHADOW_MIN_BYTES is --min-bytes.
 */
#ifndef CSH_CLI_OPTION_NAMES_H
#define CSH_CLI_OPTION_NAMES_H

#include "base/options.h"

#define CSH_OPTION_NAME_BYTES 64

/* "min-bytes" for the row CUSHADOW_MIN_BYTES. Returns name_p. */
const char *csh_option_long_name(const struct csh_option *option,
                                 char name_p[CSH_OPTION_NAME_BYTES]);

/* Each row as `  --name=VALUE`, with what it does and takes, to stdout. */
void csh_option_print_help(void);

#endif
