/*
 * identify.c - see identify.h. Owns nothing but what it puts into the
 * catalog's atomics: samples, equalities, files that have changed.
 */
#include "weights/identify.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CHUNK_BYTES ((size_t)256 << 10)

/* Of sample_state. Who turns EMPTY into FILLING writes the sample. */
enum { EMPTY, FILLING, READY };

/* The file that was read last, open: candidates of one file are together. */
struct opened {
    struct csh_listed_file *listed;
    struct csh_model_file file;
    unsigned n_sampled;
};

/* Samples lie in the middle of equal parts, so that neither a common
 * beginning nor a common end decides. A tensor of fewer bytes than samples
 * have is all sample, behind which zeros stand on both sides. */
static uint64_t sample_offset(uint64_t bytes, unsigned i)
{
    uint64_t part = bytes / CSH_SAMPLES;

    return part * i + (part - CSH_SAMPLE_BYTES) / 2;
}

static bool read_sample(const struct csh_bytes *bytes, uint64_t start,
                        uint64_t n_bytes, uint8_t sample_p[CSH_SAMPLED_BYTES])
{
    unsigned i;

    memset(sample_p, 0, CSH_SAMPLED_BYTES);
    if (n_bytes <= CSH_SAMPLED_BYTES) {
        return csh_bytes_read(bytes, start, sample_p, (size_t)n_bytes);
    }
    for (i = 0; i < CSH_SAMPLES; ++i) {
        if (!csh_bytes_read(bytes, start + sample_offset(n_bytes, i),
                            sample_p + (size_t)i * CSH_SAMPLE_BYTES,
                            CSH_SAMPLE_BYTES)) {
            return false;
        }
    }
    return true;
}

/* The tensor's file, open and unchanged; false, and stale, if it is not. */
static bool open_listed(struct opened *opened, struct csh_listed_file *listed)
{
    if (atomic_load(&listed->is_stale)) {
        return false;
    }
    if (opened->listed == listed) {
        return true;
    }
    csh_model_file_close(&opened->file);
    opened->listed = NULL;
    if (!csh_model_file_open(listed->path, &opened->file) ||
        !csh_file_id_is(&opened->file.id, &listed->id)) {
        csh_model_file_close(&opened->file);
        csh_catalog_set_stale(listed);
        return false;
    }
    opened->listed = listed;
    return true;
}

/* False if they cannot be had now. */
static bool tensor_sample(struct csh_catalog *catalog,
                          struct csh_tensor *tensor, struct opened *opened,
                          uint8_t sample_p[CSH_SAMPLED_BYTES])
{
    struct csh_listed_file *listed = &catalog->files[tensor->file];
    struct csh_bytes bytes = csh_model_file_bytes(&opened->file);
    int expected = EMPTY;

    if (atomic_load(&listed->is_stale)) {
        return false;
    }
    if (atomic_load(&tensor->sample_state) == READY) {
        memcpy(sample_p, tensor->sample, CSH_SAMPLED_BYTES);
        return true;
    }
    if (!open_listed(opened, listed)) {
        return false;
    }
    bytes.n_bytes = opened->file.id.bytes;
    ++opened->n_sampled;
    if (!read_sample(&bytes, tensor->start, tensor->bytes, sample_p)) {
        csh_catalog_set_stale(listed);
        return false;
    }
    if (atomic_compare_exchange_strong(&tensor->sample_state, &expected,
                                       FILLING)) {
        memcpy(tensor->sample, sample_p, CSH_SAMPLED_BYTES);
        atomic_store(&tensor->sample_state, READY);
    }
    return true;
}

/* The first tensor of those that are known to have these bytes. */
static uint32_t first_of_equals(const struct csh_catalog *catalog,
                                uint32_t tensor)
{
    uint32_t same_as = atomic_load(&catalog->tensors[tensor].same_as);

    if ((same_as == 0) ||
        atomic_load(&catalog->files[catalog->tensors[same_as - 1].file]
                         .is_stale)) {
        return tensor;
    }
    return same_as - 1;
}

static void fits(struct csh_catalog *catalog, struct csh_identity *identity,
                 uint32_t tensor)
{
    uint32_t first = first_of_equals(catalog, tensor);

    if (identity->match == CSH_MATCH_NONE) {
        identity->match = CSH_MATCH_SAMPLED;
        identity->tensor = first;
        identity->is_alias = catalog->tensors[tensor].is_tied;
    } else if (identity->tensor == first) {
        identity->is_alias = true;
    } else {
        identity->match = CSH_MATCH_UNDECIDED;
    }
}

static struct csh_identity identify_by_samples(struct csh_catalog *catalog,
                                               const struct csh_bytes *source)
{
    struct csh_identity identity = {.n_tensors = 1};
    struct opened opened = {.file = {.fd = -1}};
    uint8_t ours[CSH_SAMPLED_BYTES], theirs[CSH_SAMPLED_BYTES];
    uint32_t first, n, i, tensor;

    n = csh_catalog_of_bytes(catalog, source->n_bytes, &first);
    if ((n == 0) || !read_sample(source, 0, source->n_bytes, ours)) {
        return identity;
    }
    for (i = first; i < first + n; ++i) {
        tensor = catalog->by_bytes[i];
        if (opened.n_sampled == CSH_MAX_READ_TENSORS) {
            identity.match = CSH_MATCH_UNDECIDED;
            identity.tensor = tensor;
            break;
        }
        if (tensor_sample(catalog, &catalog->tensors[tensor], &opened,
                          theirs) &&
            (memcmp(ours, theirs, sizeof(ours)) == 0)) {
            fits(catalog, &identity, tensor);
        }
    }
    csh_model_file_close(&opened.file);
    return identity;
}

/* The last tensor of the file that starts at or before the offset; the file's
 * first if there is none. */
static uint32_t tensor_at(const struct csh_catalog *catalog,
                          const struct csh_listed_file *file, uint64_t offset)
{
    uint32_t low = file->first, high = file->first + file->n_tensors, middle;

    while (high - low > 1) {
        middle = low + (high - low) / 2;
        if (catalog->tensors[middle].start <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* What [offset, offset + n) of the file is. */
static struct csh_identity
identify_in_file(const struct csh_catalog *catalog,
                 const struct csh_listed_file *file, uint64_t offset,
                 uint64_t n)
{
    struct csh_identity identity = {.n_tensors = 1};
    uint32_t i = tensor_at(catalog, file, offset);
    uint32_t end = file->first + file->n_tensors;
    const struct csh_tensor *tensor = &catalog->tensors[i];

    if ((offset >= tensor->start) &&
        (offset - tensor->start < tensor->bytes) &&
        (n <= tensor->bytes - (offset - tensor->start))) {
        identity.match = CSH_MATCH_EXACT;
        identity.part = (n == tensor->bytes) ? CSH_PART_WHOLE : CSH_PART_PIECE;
        identity.tensor = i;
        identity.offset = offset - tensor->start;
        identity.is_alias = tensor->is_tied;
        return identity;
    }
    i += (tensor->start < offset);
    for (identity.tensor = i; i < end; ++i) {
        tensor = &catalog->tensors[i];
        if ((tensor->start - offset > n) ||
            (tensor->bytes > n - (tensor->start - offset))) {
            break;
        }
    }
    identity.n_tensors = i - identity.tensor;
    if (identity.n_tensors > 0) {
        identity.match = CSH_MATCH_EXACT;
        identity.part = CSH_PART_SEVERAL;
        identity.offset = catalog->tensors[identity.tensor].start - offset;
    }
    return identity;
}

/* The listed file that the place is in, unchanged; NULL if there is none. */
static struct csh_listed_file *file_of(struct csh_catalog *catalog,
                                       const struct csh_file_place *place)
{
    struct csh_listed_file *file =
        csh_catalog_file(catalog, place->device, place->inode);
    struct stat status;

    if ((file == NULL) && (place->path != NULL) &&
        (stat(place->path, &status) == 0) &&
        (status.st_ino == place->inode)) {
        file = csh_catalog_file(catalog, status.st_dev, status.st_ino);
    }
    if ((file == NULL) || atomic_load(&file->is_stale)) {
        return NULL;
    }
    if (!csh_file_id_is_at(&file->id, file->path)) {
        csh_catalog_set_stale(file);
        return NULL;
    }
    return file;
}

struct csh_identity csh_weights_identify(struct csh_catalog *catalog,
                                         const struct csh_bytes *source,
                                         const struct csh_file_place *place)
{
    struct csh_listed_file *file = NULL;

    if ((catalog == NULL) || (source->n_bytes == 0)) {
        return (struct csh_identity){.match = CSH_MATCH_NONE};
    }
    if (place != NULL) {
        file = file_of(catalog, place);
    }
    return (file != NULL) ? identify_in_file(catalog, file, place->offset,
                                             source->n_bytes)
                          : identify_by_samples(catalog, source);
}

/* Whether all bytes are equal, by chunks through the buffer of two. */
static bool is_equal(const struct csh_bytes *source,
                     const struct csh_bytes *bytes, uint64_t start,
                     uint8_t *buffer)
{
    uint64_t done = 0;
    size_t n;

    for (; done < source->n_bytes; done += n) {
        n = (source->n_bytes - done < CHUNK_BYTES)
                ? (size_t)(source->n_bytes - done) : CHUNK_BYTES;
        if (!csh_bytes_read(source, done, buffer, n) ||
            !csh_bytes_read(bytes, start + done, buffer + CHUNK_BYTES, n) ||
            (memcmp(buffer, buffer + CHUNK_BYTES, n) != 0)) {
            return false;
        }
    }
    return true;
}

/* Whether the tensor's bytes in its file, which is the same before and after,
 * are the source's. */
static bool tensor_is(struct csh_catalog *catalog, uint32_t index,
                      const struct csh_bytes *source, const uint8_t *ours,
                      struct opened *opened, uint8_t *buffer)
{
    uint8_t theirs[CSH_SAMPLED_BYTES];
    const struct csh_tensor *tensor = &catalog->tensors[index];
    struct csh_listed_file *listed = &catalog->files[tensor->file];
    struct csh_bytes bytes;

    if (!tensor_sample(catalog, &catalog->tensors[index], opened, theirs) ||
        (memcmp(ours, theirs, sizeof(theirs)) != 0) ||
        !open_listed(opened, listed)) {
        return false;
    }
    bytes = csh_model_file_bytes(&opened->file);
    if (!is_equal(source, &bytes, tensor->start, buffer)) {
        return false;
    }
    if (!csh_file_id_is_at(&listed->id, listed->path)) {
        csh_catalog_set_stale(listed);
        return false;
    }
    return true;
}

static void confirmed(struct csh_catalog *catalog,
                      struct csh_identity *identity, uint32_t tensor)
{
    if (identity->match == CSH_MATCH_EXACT) {
        identity->is_alias = true;
        atomic_store(&catalog->tensors[tensor].same_as, identity->tensor + 1);
        return;
    }
    identity->match = CSH_MATCH_EXACT;
    identity->tensor = tensor;
    identity->is_alias = catalog->tensors[tensor].is_tied;
}

bool csh_weights_confirm(struct csh_catalog *catalog,
                         const struct csh_bytes *source,
                         struct csh_identity *identity)
{
    struct opened opened = {.file = {.fd = -1}};
    uint8_t ours[CSH_SAMPLED_BYTES], *buffer;
    uint32_t first, n, i;

    if ((identity->match == CSH_MATCH_EXACT) || (catalog == NULL)) {
        return identity->match == CSH_MATCH_EXACT;
    }
    *identity = (struct csh_identity){.n_tensors = 1};
    n = csh_catalog_of_bytes(catalog, source->n_bytes, &first);
    buffer = ((n > 0) && read_sample(source, 0, source->n_bytes, ours))
                 ? malloc(2 * CHUNK_BYTES)
                 : NULL;
    for (i = first; (buffer != NULL) && (i < first + n); ++i) {
        if (tensor_is(catalog, catalog->by_bytes[i], source, ours, &opened,
                      buffer)) {
            confirmed(catalog, identity, catalog->by_bytes[i]);
        }
    }
    csh_model_file_close(&opened.file);
    free(buffer);
    return identity->match == CSH_MATCH_EXACT;
}
