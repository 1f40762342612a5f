/*
 * gguf.c - from the header of a .gguf file to tensors.
 *
 * Owns a cursor over the file for the length of a call. Whatever a length
 * says, the cursor never leaves the file nor the bound on headers; once it
 * has failed it stays where it is, so one look at the end of each part
 * suffices.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "weights/headers.h"

#define WINDOW_BYTES 65536
#define MAX_PAIRS 65536
#define MAX_EXTENTS 8
#define MAX_ALIGNMENT (UINT32_C(1) << 20)
#define DEFAULT_ALIGNMENT 32
/* Arrays of arrays have no use in the wild. */
#define MAX_ARRAY_DEPTH 2

/* Types of values of key-value pairs. */
enum { TYPE_UINT32 = 4, TYPE_STRING = 8, TYPE_ARRAY = 9 };

struct cursor {
    const struct csh_bytes *bytes;
    uint64_t at, end; /* end: of the file, or of what is read of it */
    uint64_t window_at;
    size_t n_window;
    uint8_t window[WINDOW_BYTES];
    struct csh_fault *fault;
    bool has_failed;
};

struct header {
    uint32_t alignment;
    uint64_t n_tensors, n_pairs;
};

static bool fail(struct cursor *cursor, const char *why)
{
    if (!cursor->has_failed) {
        csh_fault_note(cursor->fault, cursor->at, "%s", why);
        cursor->has_failed = true;
    }
    return false;
}

static bool skip(struct cursor *cursor, uint64_t n)
{
    if (cursor->has_failed) {
        return false;
    }
    if (n > cursor->end - cursor->at) {
        return fail(cursor, (cursor->end == cursor->bytes->n_bytes)
                                ? "ends within its header"
                                : "its header is longer than is read");
    }
    cursor->at += n;
    return true;
}

/* Has n bytes at the cursor, n at most the window, in the window. */
static bool look(struct cursor *cursor, size_t n)
{
    uint64_t before = cursor->at, n_left;

    if (!skip(cursor, n)) {
        return false;
    }
    cursor->at = before;
    if ((before >= cursor->window_at) &&
        (before - cursor->window_at + n <= cursor->n_window)) {
        return true;
    }
    n_left = cursor->end - before;
    cursor->n_window = (n_left < WINDOW_BYTES) ? (size_t)n_left : WINDOW_BYTES;
    cursor->window_at = before;
    if (!csh_bytes_read(cursor->bytes, before, cursor->window,
                        cursor->n_window)) {
        cursor->n_window = 0;
        return fail(cursor, "cannot be read");
    }
    return true;
}

/* The next n bytes, valid until the next call; NULL at the end. */
static const uint8_t *take(struct cursor *cursor, size_t n)
{
    const uint8_t *taken;

    if (!look(cursor, n)) {
        return NULL;
    }
    taken = cursor->window + (cursor->at - cursor->window_at);
    cursor->at += n;
    return taken;
}

/* A little-endian number of n bytes; 0 at the end. */
static uint64_t number(struct cursor *cursor, size_t n)
{
    const uint8_t *taken = take(cursor, n);
    uint64_t value = 0;

    for (; (taken != NULL) && (n > 0); --n) {
        value = (value << 8) | taken[n - 1];
    }
    return value;
}

static uint32_t number32(struct cursor *cursor)
{
    return (uint32_t)number(cursor, 4);
}

/* Bytes of a value of that type; 0 for strings, arrays and unknown ones. */
static unsigned type_bytes(uint32_t type)
{
    static const uint8_t bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

    return (type < CSH_ARRAY_LENGTH(bytes)) ? bytes[type] : 0;
}

static bool skip_value(struct cursor *cursor, uint32_t type,
                       unsigned array_depth);

static bool skip_array(struct cursor *cursor, unsigned array_depth)
{
    uint32_t type = number32(cursor);
    uint64_t n = number(cursor, 8), n_bytes;

    if (array_depth == MAX_ARRAY_DEPTH) {
        return fail(cursor, "arrays within arrays within arrays");
    }
    if (type_bytes(type) > 0) {
        return csh_tensors_multiply(n, type_bytes(type), &n_bytes)
                   ? skip(cursor, n_bytes)
                   : fail(cursor, "an array longer than the file");
    }
    for (; (n > 0) && !cursor->has_failed; --n) {
        skip_value(cursor, type, array_depth + 1);
    }
    return !cursor->has_failed;
}

static bool skip_value(struct cursor *cursor, uint32_t type,
                       unsigned array_depth)
{
    if (type_bytes(type) > 0) {
        return skip(cursor, type_bytes(type));
    }
    if (type == TYPE_STRING) {
        return skip(cursor, number(cursor, 8));
    }
    if (type == TYPE_ARRAY) {
        return skip_array(cursor, array_depth);
    }
    return fail(cursor, "a value of a type that is not known");
}

static bool is_alignment(uint32_t alignment)
{
    return (alignment > 0) && (alignment <= MAX_ALIGNMENT) &&
           ((alignment & (alignment - 1)) == 0);
}

static void read_pair(struct cursor *cursor, struct header *header)
{
    static const char key[] = "general.alignment";
    uint64_t n_key = number(cursor, 8);
    bool is_alignment_key = false;
    uint32_t type;

    if (n_key == sizeof(key) - 1) {
        const uint8_t *taken = take(cursor, sizeof(key) - 1);

        is_alignment_key = (taken != NULL) &&
                           (memcmp(taken, key, sizeof(key) - 1) == 0);
    } else {
        skip(cursor, n_key);
    }
    type = number32(cursor);
    if (!is_alignment_key || (type != TYPE_UINT32)) {
        skip_value(cursor, type, 0);
        return;
    }
    header->alignment = number32(cursor);
    if (!is_alignment(header->alignment)) {
        fail(cursor, "an alignment that is no power of two up to 1 MiB");
    }
}

/* Elements and bytes of a block of each type of tensor (ggml's type traits);
 * those that are not known here have no block. */
static const struct block {
    uint16_t elements, bytes;
} blocks[] = {
    [0] = {1, 4},     [1] = {1, 2},     [2] = {32, 18},   [3] = {32, 20},
    [6] = {32, 22},   [7] = {32, 24},   [8] = {32, 34},   [10] = {256, 84},
    [11] = {256, 110}, [12] = {256, 144}, [13] = {256, 176},
    [14] = {256, 210}, [15] = {256, 292}, [16] = {256, 66},
    [17] = {256, 74}, [18] = {256, 98}, [19] = {256, 50}, [20] = {32, 18},
    [21] = {256, 110}, [22] = {256, 82}, [23] = {256, 136}, [24] = {1, 1},
    [25] = {1, 2},    [26] = {1, 4},    [27] = {1, 8},    [28] = {1, 8},
    [29] = {256, 56}, [30] = {1, 2},    [34] = {256, 54}, [35] = {256, 66},
    [39] = {32, 17},
};

/* NULL, or what is wrong with a tensor. */
static const char *tensor_bytes(const uint64_t *extents, uint32_t n_extents,
                                uint32_t type, uint64_t *bytes_p)
{
    uint64_t n_elements = 1;
    uint32_t i;

    if ((type >= CSH_ARRAY_LENGTH(blocks)) || (blocks[type].elements == 0)) {
        return "is of a type that is not known";
    }
    for (i = 0; i < n_extents; ++i) {
        if (!csh_tensors_multiply(n_elements, extents[i], &n_elements)) {
            return "has more than 2^64 elements";
        }
    }
    if ((n_extents > 0 ? extents[0] : 1) % blocks[type].elements != 0) {
        return "has rows of broken blocks";
    }
    if (!csh_tensors_multiply(n_elements / blocks[type].elements,
                              blocks[type].bytes, bytes_p)) {
        return "has more than 2^64 bytes";
    }
    return NULL;
}

/* False when no more can be listed. */
static bool read_tensor(struct cursor *cursor, struct csh_tensors *tensors)
{
    uint64_t at = cursor->at, n_name = number(cursor, 8), start, bytes = 0;
    uint64_t extents[MAX_EXTENTS];
    uint32_t n_extents, type, i;
    char name[CSH_MAX_TENSOR_NAME + 1] = "";
    const uint8_t *taken;
    const char *wrong;

    if (n_name > CSH_MAX_TENSOR_NAME) {
        return fail(cursor, "a tensor's name is too long");
    }
    taken = take(cursor, (size_t)n_name);
    if (taken != NULL) {
        memcpy(name, taken, (size_t)n_name);
    }
    n_extents = number32(cursor);
    if (n_extents > MAX_EXTENTS) {
        return fail(cursor, "a tensor of too many dimensions");
    }
    for (i = 0; i < n_extents; ++i) {
        extents[i] = number(cursor, 8);
    }
    type = number32(cursor);
    start = number(cursor, 8);
    if (cursor->has_failed) {
        return false;
    }
    wrong = tensor_bytes(extents, n_extents, type, &bytes);
    if (wrong != NULL) {
        csh_fault_note_tensor(&tensors->fault, at, name, wrong);
        return true;
    }
    return csh_tensors_add(tensors, name, (size_t)n_name, start, bytes, at);
}

static bool read_start(struct cursor *cursor, struct header *header)
{
    const uint8_t *magic = take(cursor, 4);
    uint32_t version;

    if ((magic == NULL) || (memcmp(magic, "GGUF", 4) != 0)) {
        cursor->at = 0;
        return fail(cursor, "does not begin as a GGUF file");
    }
    version = number32(cursor);
    if (!cursor->has_failed && (version != 2) && (version != 3)) {
        cursor->at -= 4;
        return fail(cursor, "GGUF of a version or byte order that is not "
                            "read: 2 and 3, little-endian, are");
    }
    header->n_tensors = number(cursor, 8);
    header->n_pairs = number(cursor, 8);
    if (!cursor->has_failed && ((header->n_tensors > CSH_MAX_TENSORS) ||
                                (header->n_pairs > MAX_PAIRS))) {
        cursor->at -= 16;
        return fail(cursor, "more tensors or pairs than are read");
    }
    return !cursor->has_failed;
}

void csh_gguf_read(const struct csh_bytes *bytes,
                   struct csh_tensors *tensors_p)
{
    struct header header = {.alignment = DEFAULT_ALIGNMENT};
    struct cursor *cursor = calloc(1, sizeof(*cursor));
    uint64_t i, data_start;

    if (cursor == NULL) {
        csh_fault_note(&tensors_p->fault, 0, "memory is short");
        return;
    }
    cursor->bytes = bytes;
    cursor->fault = &tensors_p->fault;
    cursor->end = (bytes->n_bytes < CSH_MAX_GGUF_HEADER) ? bytes->n_bytes
                                                         : CSH_MAX_GGUF_HEADER;
    if (read_start(cursor, &header)) {
        for (i = 0; (i < header.n_pairs) && !cursor->has_failed; ++i) {
            read_pair(cursor, &header);
        }
        for (i = 0; (i < header.n_tensors) && !cursor->has_failed; ++i) {
            if (!read_tensor(cursor, tensors_p)) {
                break;
            }
        }
    }
    /* Where the data begins is known only behind a whole header. */
    if (cursor->has_failed) {
        tensors_p->n_entries = 0;
    }
    data_start = (cursor->at + header.alignment - 1) &
                 ~(uint64_t)(header.alignment - 1);
    csh_tensors_finish(tensors_p, data_start, bytes->n_bytes);
    free(cursor);
}
