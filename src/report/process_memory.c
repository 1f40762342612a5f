/*
 * process_memory.c - see process_memory.h. Owns nothing, takes no lock.
 */
#include "report/process_memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The lines asked for lie within the first 1.2 KiB on Linux 6.18. */
#define TEXT_BYTES 4096

#define CSH_X(name_, key_, sentence_) #name_,
static const char *const names[] = {CSH_PROCESS_MEMORY(CSH_X)};
#undef CSH_X
#define CSH_X(name_, key_, sentence_) "\n" key_ ":",
static const char *const keys[] = {CSH_PROCESS_MEMORY(CSH_X)};
#undef CSH_X
#define CSH_X(name_, key_, sentence_) sentence_,
static const char *const sentences[] = {CSH_PROCESS_MEMORY(CSH_X)};
#undef CSH_X

static void read_status(const char *path, char text[TEXT_BYTES])
{
    int fd         = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = (fd >= 0) ? read(fd, text, TEXT_BYTES - 1) : 0;

    if (fd >= 0) {
        close(fd);
    }
    text[(length > 0) ? length : 0] = '\0';
}

static void read_from(const char *path, struct csh_process_memory *memory_p)
{
    char text[TEXT_BYTES];
    const char *line;
    int part;

    read_status(path, text);
    for (part = 0; part < CSH_N_PROCESS_MEMORY; ++part) {
        line = strstr(text, keys[part]);
        memory_p->bytes[part] = (line == NULL) ? 0 :
            strtoull(line + strlen(keys[part]), NULL, 10) * 1024;
    }
}

void csh_process_memory_read(struct csh_process_memory *memory_p)
{
    read_from("/proc/self/status", memory_p);
}

void csh_process_memory_read_of(pid_t pid,
                                struct csh_process_memory *memory_p)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    read_from(path, memory_p);
}

const char *csh_process_memory_name(int part)
{
    return names[part];
}

const char *csh_process_memory_sentence(int part)
{
    return sentences[part];
}
