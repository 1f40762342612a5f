/*
 * commands.h - the commands of `cushadow`: one table, from which the
 * dispatcher, the help and the completion come.
 *
 * A command gets the arguments after the global ones, with its own name as
 * argv[0], and returns the exit status. Messages about bad use go to stderr.
 */
#ifndef CSH_CLI_COMMANDS_H
#define CSH_CLI_COMMANDS_H

/* X(name, what it takes, what it does) */
#define CSH_COMMANDS(X)                                                      \
    X(run, "[OPTION]... [--] PROGRAM [ARGUMENT]...",                         \
      "run a program under the shim")                                        \
    X(options, "[--names]",                                                  \
      "print the variables that the shim reads, or only the options of run") \
    X(doctor, "[--sim] [PROGRAM]",                                           \
      "say what of this machine, and of a program, hinders the shim")        \
    X(report, "FILE... [-o PAGE.html]",                                      \
      "make a page of traces and statistics")                                \
    X(top, "[--once] [--interval=SECONDS] [PID]...",                         \
      "show where the models of programs are that are running")              \
    X(stat, "[--json|--prometheus] [PID]...",                                \
      "print the figures of programs that are running")                      \
    X(version, "", "print the version")

#define CSH_X(name_, takes_, does_) \
    int csh_command_##name_(int argc, char **argv);
CSH_COMMANDS(CSH_X)
#undef CSH_X

/* As env(1), nohup(1) and timeout(1) do, so that a program's own status can
 * be told from the command's. */
enum {
    CSH_EXIT_OWN = 125,        /* the command itself failed */
    CSH_EXIT_CANNOT_RUN = 126, /* the program is there but cannot be run */
    CSH_EXIT_NOT_FOUND = 127,
    CSH_EXIT_USAGE = 2,        /* commands that run nothing */
};

#endif
