/*
 * cushadow.c - the `cushadow` command: finds the command that is named, and
 * says what there is.
 */
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "cli/commands.h"

static const struct command {
    const char *name, *takes, *does;
    int (*run)(int argc, char **argv);
} commands[] = {
#define CSH_X(name_, takes_, does_) \
    {#name_, takes_, does_, csh_command_##name_},
    CSH_COMMANDS(CSH_X)
#undef CSH_X
};

static int print_help(FILE *out)
{
    size_t i;

    fputs("Usage: cushadow COMMAND [ARGUMENT]...\n"
          "Lets CUDA programs swap models without copying what did not "
          "change.\n\nCommands:\n",
          out);
    for (i = 0; i < CSH_ARRAY_LENGTH(commands); ++i) {
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].does);
    }
    fputs("\n`cushadow COMMAND --help' says more about one; so does the "
          "manual: man cushadow.\n",
          out);
    return fflush(out) == 0 ? 0 : CSH_EXIT_OWN;
}

static const struct command *find(const char *name)
{
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(commands); ++i) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

int csh_command_version(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        puts("Usage: cushadow version\nPrints the version.");
    } else if (argc > 1) {
        fprintf(stderr, "cushadow version: takes no argument, not `%s'\n",
                argv[1]);
        return CSH_EXIT_USAGE;
    } else {
        puts("cushadow " CSH_VERSION);
    }
    return fflush(stdout) == 0 ? 0 : CSH_EXIT_OWN;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    const struct command *command = find(name);

    if (command != NULL) {
        return command->run(argc - 1, argv + 1);
    }
    if (strcmp(name, "--version") == 0) {
        return csh_command_version(1, argv);
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
        strcmp(name, "help") == 0) {
        return print_help(stdout);
    }
    if (*name == '\0') {
        print_help(stderr);
    } else {
        fprintf(stderr,
                "cushadow: no command `%s'; `cushadow --help' lists them\n",
                name);
    }
    return CSH_EXIT_USAGE;
}
