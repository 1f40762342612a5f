/*
 * program.h - what can be told of a program from its file.
 *
 * The file is read, never run, and is distrusted: whatever lies outside of it
 * counts as not there.
 */
#ifndef CSH_CLI_PROGRAM_H
#define CSH_CLI_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/* Where execvp would find it; false if that cannot be told. file_p is
 * PATH_MAX bytes. */
bool csh_program_find(const char *name, char *file_p);

/* Whether it is an ELF file that names no dynamic linker, so that nothing is
 * ever preloaded into it. Scripts and files of the other word size are not
 * told: their interpreter may be reached. */
bool csh_program_is_static(int fd);

enum csh_program_kind {
    CSH_PROGRAM_DYNAMIC,
    CSH_PROGRAM_STATIC,
    CSH_PROGRAM_SCRIPT,  /* linker[] is then the interpreter and its word */
    CSH_PROGRAM_FOREIGN, /* an ELF file of another machine or word size */
    CSH_PROGRAM_OTHER,   /* neither, or it cannot be read */
};

struct csh_program {
    enum csh_program_kind kind;
    char linker[256];    /* the dynamic linker, "" if none is named */
    char needed[1024];   /* names of libraries, each followed by a blank */
    bool defines_malloc; /* itself, for the libraries as well */
};

void csh_program_read(const char *file, struct csh_program *program_p);

/* The file that runs in the end: of a script its interpreter, with `env`
 * looked through. False: not found. file_p as above; program_p is of it. */
bool csh_program_resolve(const char *name, char *file_p,
                         struct csh_program *program_p);

#endif
