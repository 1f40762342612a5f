/*
 * identify.h - which tensor of the catalog an upload is.
 *
 * Never misnamed: a name is final only with CSH_MATCH_EXACT, and whatever is
 * not sure is unnamed. Two ways lead there:
 *
 * - The source lies in a mapping of a listed file. Where it lies says what it
 *   is, at once: a tensor, a piece of one, or several. (The place is named,
 *   not its bytes: a program that changes its private pages of the mapping
 *   still uploads that tensor.)
 * - Any other source, by its size, then by samples of its bytes against the
 *   files', then, off the hot path, by all of its bytes. A tensor that was
 *   converted or changed on load does not match. Pieces of tensors, and
 *   copies of several, stay unnamed here: their sizes do not say so.
 *
 * Any thread; no lock; no driver. Files are opened and read, at most
 * CSH_MAX_READ_TENSORS tensors' samples of them in a call, only where the
 * samples are not in memory yet; each tensor's are read once. A file is looked
 * at by fstat each time: one that has changed names nothing. errno is not
 * kept.
 */
#ifndef CSH_WEIGHTS_IDENTIFY_H
#define CSH_WEIGHTS_IDENTIFY_H

#include "weights/bytes.h"
#include "weights/catalog.h"

#define CSH_MAX_READ_TENSORS 64

/* Where a mapping's bytes lie, as /proc/self/maps has it. */
struct csh_file_place {
    dev_t device;
    ino_t inode;
    uint64_t offset;
    const char *path; /* NULL: not known. Some file systems have another
                         device in maps than stat(2) tells: then the path is
                         asked */
};

enum csh_match {
    CSH_MATCH_NONE,
    CSH_MATCH_UNDECIDED, /* several fit, or not all could be looked at yet:
                            unnamed until csh_weights_confirm */
    CSH_MATCH_SAMPLED,   /* one fits by size and samples; not final */
    CSH_MATCH_EXACT,
};

/* What a copy is of what was recognised. */
enum csh_part {
    CSH_PART_WHOLE,   /* one tensor */
    CSH_PART_PIECE,   /* bytes [offset, ...) of one tensor */
    CSH_PART_SEVERAL, /* n_tensors whole ones, the first at offset in the
                         copy; more of the copy may be in none of them */
};

struct csh_identity {
    enum csh_match match;
    enum csh_part part;
    uint32_t tensor;    /* in the catalog, unless CSH_MATCH_NONE; of several
                           equal ones the first */
    uint32_t n_tensors; /* from that one on; 1 unless CSH_PART_SEVERAL */
    uint64_t offset;    /* see csh_part; 0 for CSH_PART_WHOLE */
    bool is_alias;      /* other tensors have these bytes, too */
};

/* place is NULL for a source in no mapping of a file. */
struct csh_identity
csh_weights_identify(struct csh_catalog *catalog,
                     const struct csh_bytes *source,
                     const struct csh_file_place *place);

/* Compares all bytes of the source with each tensor that may be it, and makes
 * the identity CSH_MATCH_EXACT or CSH_MATCH_NONE. An exact one stays as it is.
 * Reads the whole of the source and of the files' tensors: not for a program's
 * own call. The source must not change meanwhile (a shadow does not). True if
 * it is exact. */
bool csh_weights_confirm(struct csh_catalog *catalog,
                         const struct csh_bytes *source,
                         struct csh_identity *identity);

#endif
