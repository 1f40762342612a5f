/*
 * wrapped.h - text for a terminal.
 */
#ifndef CSH_CLI_WRAPPED_H
#define CSH_CLI_WRAPPED_H

/* Words on stdout, broken into lines that begin with `indent` blanks; the
 * first goes on behind the `column` characters that the line already has. */
void csh_print_wrapped(const char *text, int column, int indent);

#endif
