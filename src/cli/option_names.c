/*
 * option_names.c - names of options, and the table of variables as people
 * read it on a terminal. Owns nothing.
 */
#include "cli/option_names.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/wrapped.h"

#define PREFIX_BYTES (sizeof("CUSHADOW_") - 1)

const char *csh_option_long_name(const struct csh_option *option,
                                 char name_p[CSH_OPTION_NAME_BYTES])
{
    const char *from = option->name + PREFIX_BYTES;
    size_t i;

    for (i = 0; i < CSH_OPTION_NAME_BYTES - 1 && from[i] != '\0'; ++i) {
        name_p[i] =
            from[i] == '_' ? '-' : (char)tolower((unsigned char)from[i]);
    }
    name_p[i] = '\0';
    return name_p;
}

static void print_row(const struct csh_option *option)
{
    csh_print_wrapped(option->help, 0, 6);
    printf("      accepted: %s\n", option->accepted);
    if (option->default_text[0] != '\0') {
        printf("      default:  %s\n", option->default_text);
    }
}

void csh_option_print_help(void)
{
    const struct csh_option *option = NULL;
    char name[CSH_OPTION_NAME_BYTES];

    while ((option = csh_option_next(option)) != NULL) {
        printf("  --%s=VALUE\n", csh_option_long_name(option, name));
        print_row(option);
    }
}

static void print_variables(void)
{
    const struct csh_option *option = NULL;

    while ((option = csh_option_next(option)) != NULL) {
        printf("  %s\n", option->name);
        print_row(option);
    }
}

static void print_names(void)
{
    const struct csh_option *option = NULL;
    char name[CSH_OPTION_NAME_BYTES];

    puts("--help\n--library\n--sim");
    while ((option = csh_option_next(option)) != NULL) {
        printf("--%s\n", csh_option_long_name(option, name));
    }
}

int csh_command_options(int argc, char **argv)
{
    if (argc == 1) {
        print_variables();
    } else if (argc == 2 && strcmp(argv[1], "--names") == 0) {
        print_names();
    } else if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        puts("Usage: cushadow options [--names]\n"
             "Prints the variables that the shim reads, what they take and "
             "their defaults.\nWith --names, the options of `cushadow run', "
             "one a line, for completion.");
    } else {
        fprintf(stderr, "cushadow options: takes --names or nothing, not "
                        "`%s'\n", argv[1]);
        return CSH_EXIT_USAGE;
    }
    return fflush(stdout) == 0 ? 0 : CSH_EXIT_OWN;
}
