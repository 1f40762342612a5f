/*
 * make_model.c - writes .safetensors files with given lists of tensors and
 * pseudo-random bytes, for machines without the real weights.
 *
 * A list has one tensor a line: name, dtype and shape ("320x4x3x3"),
 * separated by tabs; lines that begin with # are comments. With --total the
 * first extent of every tensor of every list is divided by one common number,
 * never below 1, so that all files together have at most that many bytes of
 * tensors. The bytes depend on the seed, the list's name and nothing else.
 * A file appears under its name only when it is complete. One thread.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_EXTENTS = 8, LINE_BYTES = 1024, HEADER_ALIGNMENT = 8 };
static const size_t buffer_bytes = 1 << 20;

struct tensor {
    char *name;
    char dtype[16];
    unsigned n_extents;
    uint64_t extents[MOST_EXTENTS];
    unsigned element_bytes;
};

struct list {
    char *name; /* of the file, without folder and suffix */
    struct tensor *tensors;
    size_t n_tensors;
};

struct settings {
    const char *folder;
    uint64_t total_bytes; /* 0: as the lists say */
    uint64_t seed;
};

static const char help[] =
    "usage: make_model [OPTION...] LIST.tsv...\n"
    "\n"
    "Writes LIST.safetensors for each list, filled with pseudo-random bytes,\n"
    "and prints the path of each.\n"
    "\n"
    "  --folder DIR   write there (default: .)\n"
    "  --total BYTES  scale all tensors down until the files together hold\n"
    "                 at most that many bytes (default: no scaling)\n"
    "  --seed N       other bytes (default 1)\n"
    "  --help         this text\n";

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "make_model: %s: %s\n", what, why);
    exit(1);
}

static void *must_have(void *memory)
{
    if (memory == NULL) {
        fail("memory", strerror(ENOMEM));
    }
    return memory;
}

static unsigned element_bytes(const char *dtype)
{
    static const struct {
        const char *name;
        unsigned bytes;
    } sizes[] = {{"F64", 8}, {"I64", 8}, {"F32", 4}, {"I32", 4},
                 {"F16", 2}, {"BF16", 2}, {"I8", 1}, {"U8", 1}};
    size_t i;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (strcmp(dtype, sizes[i].name) == 0) {
            return sizes[i].bytes;
        }
    }
    return 0;
}

/* "320x4x3x3" */
static bool parse_shape(struct tensor *tensor, const char *text)
{
    while (tensor->n_extents < MOST_EXTENTS) {
        char *end;
        uint64_t extent;

        if (*text < '0' || *text > '9') {
            return false;
        }
        extent = strtoull(text, &end, 10);
        if (extent == 0 || extent > UINT32_MAX) {
            return false;
        }
        tensor->extents[tensor->n_extents++] = extent;
        if (*end == '\0') {
            return true;
        }
        if (*end != 'x') {
            return false;
        }
        text = end + 1;
    }
    return false;
}

static bool parse_line(struct tensor *tensor, char *line)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    char *rest = line, *name = strsep(&rest, "\t");
    char *dtype = strsep(&rest, "\t");

    memset(tensor, 0, sizeof(*tensor));
    if (rest == NULL || *name == '\0' ||
        name[strspn(name, plain)] != '\0' ||
        strlen(dtype) >= sizeof(tensor->dtype)) {
        return false; /* names go into JSON as they are */
    }
    strcpy(tensor->dtype, dtype);
    tensor->element_bytes = element_bytes(dtype);
    if (tensor->element_bytes == 0 || !parse_shape(tensor, rest)) {
        return false;
    }
    tensor->name = must_have(strdup(name));
    return true;
}

static void name_list(struct list *list, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *from = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(from, '.');

    list->name = must_have(
        strndup(from, dot != NULL ? (size_t)(dot - from) : strlen(from)));
}

static void read_list(struct list *list, const char *path)
{
    FILE *file = fopen(path, "r");
    char line[LINE_BYTES];

    if (file == NULL) {
        fail(path, strerror(errno));
    }
    memset(list, 0, sizeof(*list));
    name_list(list, path);
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0') {
            continue;
        }
        list->tensors = must_have(realloc(
            list->tensors, (list->n_tensors + 1) * sizeof(*list->tensors)));
        if (!parse_line(&list->tensors[list->n_tensors], line)) {
            fail(path, "a line is not name, dtype and shape");
        }
        list->n_tensors++;
    }
    fclose(file);
    if (list->n_tensors == 0) {
        fail(path, "no tensors");
    }
}

static uint64_t scaled_extent(const struct tensor *tensor, double divisor)
{
    uint64_t extent = (uint64_t)((double)tensor->extents[0] / divisor);

    return extent < 1 ? 1 : extent;
}

static uint64_t tensor_bytes(const struct tensor *tensor, double divisor)
{
    uint64_t bytes = tensor->element_bytes * scaled_extent(tensor, divisor);
    unsigned i;

    for (i = 1; i < tensor->n_extents; i++) {
        if (__builtin_mul_overflow(bytes, tensor->extents[i], &bytes)) {
            fail(tensor->name, "too large");
        }
    }
    return bytes;
}

static uint64_t all_bytes(const struct list *lists, size_t n_lists,
                          double divisor)
{
    uint64_t sum = 0;
    size_t i, j;

    for (i = 0; i < n_lists; i++) {
        for (j = 0; j < lists[i].n_tensors; j++) {
            sum += tensor_bytes(&lists[i].tensors[j], divisor);
        }
    }
    return sum;
}

/* Least divisor, to about one part in 2^40, with which all lists fit. */
static double find_divisor(const struct list *lists, size_t n_lists,
                           uint64_t total_bytes)
{
    double low = 1, high = 1;
    int i;

    if (total_bytes == 0 || all_bytes(lists, n_lists, 1) <= total_bytes) {
        return 1;
    }
    while (all_bytes(lists, n_lists, high) > total_bytes) {
        if (high > UINT32_MAX) {
            fail("--total", "too little for so many tensors");
        }
        low = high;
        high *= 2;
    }
    for (i = 0; i < 40; i++) {
        double middle = (low + high) / 2;

        if (all_bytes(lists, n_lists, middle) > total_bytes) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high;
}

/* The JSON header, padded with blanks as the format allows. */
static char *make_header(const struct list *list, double divisor,
                         size_t *bytes_p)
{
    uint64_t offset = 0;
    char *text = NULL;
    FILE *header = must_have(open_memstream(&text, bytes_p));
    size_t i;
    unsigned k;

    for (i = 0; i < list->n_tensors; i++) {
        const struct tensor *tensor = &list->tensors[i];
        uint64_t end = offset + tensor_bytes(tensor, divisor);

        fprintf(header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%" PRIu64,
                i == 0 ? "{" : ",", tensor->name, tensor->dtype,
                scaled_extent(tensor, divisor));
        for (k = 1; k < tensor->n_extents; k++) {
            fprintf(header, ",%" PRIu64, tensor->extents[k]);
        }
        fprintf(header, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}",
                offset, end);
        offset = end;
    }
    fputc('}', header);
    fflush(header);
    for (; *bytes_p % HEADER_ALIGNMENT != 0; fflush(header)) {
        fputc(' ', header);
    }
    if (fclose(header) != 0) {
        fail(list->name, strerror(errno));
    }
    return text;
}

/* xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift
 * generators, scrambled", 2016); the state is never 0. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1D;
}

static uint64_t seed_of(const struct list *list, uint64_t seed)
{
    const char *at;
    uint64_t state = seed * 0x9E3779B97F4A7C15 + 1;

    for (at = list->name; *at != '\0'; at++) {
        state = (state ^ (unsigned char)*at) * 0x100000001B3;
    }
    return state | 1;
}

static bool write_random(FILE *file, uint64_t bytes, uint64_t state)
{
    uint64_t *buffer = must_have(malloc(buffer_bytes));
    bool good = true;

    while (good && bytes > 0) {
        size_t part = bytes < buffer_bytes ? (size_t)bytes : buffer_bytes;
        size_t i;

        for (i = 0; i < (part + 7) / 8; i++) {
            buffer[i] = next_random(&state);
        }
        good = fwrite(buffer, 1, part, file) == part;
        bytes -= part;
    }
    free(buffer);
    return good;
}

static bool write_size(FILE *file, uint64_t value)
{
    unsigned char bytes[8];
    int i;

    for (i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(value >> (8 * i));
    }
    return fwrite(bytes, 1, sizeof(bytes), file) == sizeof(bytes);
}

static char *join_path(const char *folder, const char *name,
                       const char *suffix)
{
    size_t bytes = strlen(folder) + strlen(name) + strlen(suffix) + 2;
    char *path = must_have(malloc(bytes));

    snprintf(path, bytes, "%s/%s%s", folder, name, suffix);
    return path;
}

static void write_model(const struct list *list,
                        const struct settings *settings, double divisor)
{
    char *path = join_path(settings->folder, list->name, ".safetensors");
    char *partial = join_path(settings->folder, list->name, ".part");
    size_t header_bytes = 0;
    char *header = make_header(list, divisor, &header_bytes);
    FILE *file;
    bool good;

    file = fopen(partial, "wb");
    if (file == NULL) {
        fail(partial, strerror(errno));
    }
    good = write_size(file, header_bytes) &&
           fwrite(header, 1, header_bytes, file) == header_bytes &&
           write_random(file, all_bytes(list, 1, divisor),
                        seed_of(list, settings->seed));
    if (fclose(file) != 0 || !good || rename(partial, path) != 0) {
        int error = errno;

        remove(partial);
        fail(path, strerror(error));
    }
    printf("%s\n", path);
    free(header);
    free(partial);
    free(path);
}

static bool parse_number(const char *text, uint64_t *value_p)
{
    char *end;

    errno = 0;
    *value_p = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
}

/* -1: go on; else the exit status. */
static int parse_options(int argc, char **argv, struct settings *settings)
{
    static const struct option options[] = {
        {"folder", required_argument, NULL, 'f'},
        {"total", required_argument, NULL, 't'},
        {"seed", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        bool good = true;

        switch (option) {
        case 'f': settings->folder = optarg; break;
        case 't':
            good = parse_number(optarg, &settings->total_bytes) &&
                   settings->total_bytes > 0;
            break;
        case 's': good = parse_number(optarg, &settings->seed); break;
        case 'h': fputs(help, stdout); return 0;
        default: return 2;
        }
        if (!good) {
            fprintf(stderr, "make_model: %s: not a number\n", optarg);
            return 2;
        }
    }
    if (optind == argc) {
        fputs("make_model: no lists; see make_model --help\n", stderr);
        return 2;
    }
    return -1;
}

static void free_list(struct list *list)
{
    size_t i;

    for (i = 0; i < list->n_tensors; i++) {
        free(list->tensors[i].name);
    }
    free(list->tensors);
    free(list->name);
}

int main(int argc, char **argv)
{
    struct settings settings = {.folder = ".", .seed = 1};
    int status = parse_options(argc, argv, &settings);
    size_t n_lists, i;
    struct list *lists;
    double divisor;

    if (status != -1) {
        return status;
    }
    n_lists = (size_t)(argc - optind);
    lists = must_have(calloc(n_lists, sizeof(*lists)));
    for (i = 0; i < n_lists; i++) {
        read_list(&lists[i], argv[optind + (int)i]);
    }
    divisor = find_divisor(lists, n_lists, settings.total_bytes);
    for (i = 0; i < n_lists; i++) {
        write_model(&lists[i], &settings, divisor);
        free_list(&lists[i]);
    }
    free(lists);
    return 0;
}
