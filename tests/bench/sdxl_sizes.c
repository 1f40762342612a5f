/*
 * sdxl_sizes.c - see sdxl_sizes.h. Owns nothing.
 */
#include "sdxl_sizes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "320x4x3x3" */
static size_t elements(const char *shape)
{
    size_t n = 1;
    char *end;

    do {
        n *= strtoull(shape, &end, 10);
        shape = end + 1;
    } while (*end == 'x');
    return n;
}

static size_t read_sizes(const char *path, size_t *sizes, size_t n)
{
    char line[512], type[16], shape[64];
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        fprintf(stderr, "bench: %s\n", path);
        exit(1);
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        if (line[0] != '#' && n < SDXL_MOST_TENSORS &&
            sscanf(line, "%*s %15s %63s", type, shape) == 2) {
            sizes[n++] = elements(shape) * (strcmp(type, "F16") == 0 ? 2 : 4);
        }
    }
    fclose(file);
    return n;
}

static int compare(const void *a, const void *b)
{
    size_t left = *(const size_t *)a, right = *(const size_t *)b;

    return (left > right) - (left < right);
}

size_t sdxl_sizes(size_t sizes[SDXL_MOST_TENSORS], size_t every)
{
    static const char *const files[] = {"text_encoder", "text_encoder_2",
                                        "unet", "vae"};
    size_t i, n = 0, n_chosen = 0;
    char path[64];

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "examples/sdxl/%s.tsv", files[i]);
        n = read_sizes(path, sizes, n);
    }
    qsort(sizes, n, sizeof(sizes[0]), compare);
    for (i = every / 2; every > 0 && i < n; i += every) {
        sizes[n_chosen++] = sizes[i];
    }
    return n_chosen;
}
