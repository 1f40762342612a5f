/*
 * fuzz_program.c - files of programs and scripts, chosen by a fuzzer's bytes,
 * as `cushadow run` and `cushadow doctor` read them.
 *
 * What reads a mapped file is given memory of exactly the file's size, whose
 * end ASan sees; it has no other entrance, so its source is part of this.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create */
#endif
#include "fuzz.h"

#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/program.c"

static int fd;

void fuzz_begin(void)
{
    fd = memfd_create("program", 0);
    PROMISE(fd >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct csh_program program = {.kind = CSH_PROGRAM_OTHER};
    unsigned char *copy = malloc(n_bytes + (n_bytes == 0));
    const struct file file = {copy, n_bytes};
    bool is_static;

    PROMISE(copy != NULL && ftruncate(fd, 0) == 0 &&
            pwrite(fd, bytes, n_bytes, 0) == (ssize_t)n_bytes);
    memcpy(copy, bytes, n_bytes);
    is_static = csh_program_is_static(fd);
    read_bytes(&file, &program);
    free(copy);
    PROMISE(memchr(program.linker, '\0', sizeof(program.linker)) != NULL);
    PROMISE(memchr(program.needed, '\0', sizeof(program.needed)) != NULL);
    PROMISE(program.kind <= CSH_PROGRAM_OTHER);
    PROMISE(!is_static || program.kind != CSH_PROGRAM_DYNAMIC);
    PROMISE(!is_static || program.kind != CSH_PROGRAM_SCRIPT);
    (void)interpreter_of(program.linker);
    return 0;
}
