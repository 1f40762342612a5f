/*
 * output.h - descriptors that text of the shim is written to, without harm
 * to the program whose process this is.
 *
 * A descriptor number is not ours for ever: a program may close it and open
 * its own data under the same number. So each output remembers the device
 * and inode behind its number, and nothing is written once they differ.
 * Any thread, before main and during exit; no lock, no malloc; errno kept.
 */
#ifndef CSH_BASE_OUTPUT_H
#define CSH_BASE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"

struct csh_output {
    int fd; /* negative: nothing can be written */
    dev_t device;
    ino_t inode;
};

enum csh_output_start { CSH_OUTPUT_APPEND, CSH_OUTPUT_TRUNCATE };

/* Descriptor 2, with the file that it was when the library was loaded. */
struct csh_output csh_output_stderr(void);

/* Opens or creates (0600) a file, never through a symbolic link in the last
 * component of its name, never waiting for a pipe's reader; a regular file or
 * pipe that is neither this user's nor root's is refused with EPERM, for it may
 * have been put there to be read, and a file of several names with EMLINK, for
 * another user may have given it this one. The descriptor is close-on-exec, and
 * above 1023 where RLIMIT_NOFILE allows. On failure false, errno says why,
 * *output_p is as it was. */
CSH_MUST_CHECK bool csh_output_open(const char *path,
                                    enum csh_output_start start,
                                    struct csh_output *output_p);

/* Opens or creates (0600) a regular file for this process alone, until it
 * ends; empties it; what is written is appended. Else as above, and refused
 * with EWOULDBLOCK if another process has claimed it, with EPERM if it is
 * another user's, with EINVAL if it is no regular file. (The claim is an
 * flock(2): whoever does not ask for it is not stopped.) */
CSH_MUST_CHECK bool csh_output_claim(const char *path,
                                     struct csh_output *output_p);

/* Takes the file back to its first n_bytes, after a write that was given up
 * half way. False if the descriptor is no longer that file, or the system
 * refuses. */
bool csh_output_cut(const struct csh_output *output, uint64_t n_bytes);

/* Closes the descriptor if it is still the file that was opened. */
void csh_output_close(struct csh_output *output);

/* Writes all, or gives up: at a full disk, a pipe without a reader, or a
 * reader that takes nothing for a tenth of a second. Raises no signal. True
 * if everything was written. */
bool csh_output_write(const struct csh_output *output, const char *text,
                      size_t n_bytes);

/* Copies a file name, with %p made the process id, %h the host name and %%
 * a per cent sign; any other %x stays. False if it does not fit. */
CSH_MUST_CHECK bool csh_output_expand(const char *pattern, char *path_p,
                                      size_t path_bytes);

#endif
