/*
 * process_memory.h - what the kernel says is resident of this process.
 *
 * The parts and the peak of counter_table.h's CSH_PROCESS_MEMORY, from
 * /proc/self/status (proc(5): RssAnon and the others since Linux 4.5). Memory
 * files of the shim are in RssShmem, as far as they are mapped and present.
 */
#ifndef CSH_REPORT_PROCESS_MEMORY_H
#define CSH_REPORT_PROCESS_MEMORY_H

#include <stdint.h>
#include <sys/types.h>

#include "base/counter_table.h"

#define CSH_X(name_, ...) CSH_PROCESS_MEMORY_##name_,
enum { CSH_PROCESS_MEMORY(CSH_X) CSH_N_PROCESS_MEMORY };
#undef CSH_X

struct csh_process_memory {
    uint64_t bytes[CSH_N_PROCESS_MEMORY]; /* 0 where the kernel says nothing */
};

/* No allocation; any thread. */
void csh_process_memory_read(struct csh_process_memory *memory_p);

/* The same of another process. */
void csh_process_memory_read_of(pid_t pid,
                                struct csh_process_memory *memory_p);

const char *csh_process_memory_name(int part);
const char *csh_process_memory_sentence(int part);

#endif
