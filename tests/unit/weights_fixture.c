/*
 * weights_fixture.c - see weights_fixture.h. A failure fails the test.
 */
#include "weights_fixture.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

void image_put(struct image *image, const void *bytes, size_t n)
{
    if (image->n_bytes + n > image->n_allocated) {
        image->n_allocated = 2 * (image->n_bytes + n);
        image->bytes = realloc(image->bytes, image->n_allocated);
        ck_assert_ptr_nonnull(image->bytes);
    }
    if (n > 0) {
        memcpy(image->bytes + image->n_bytes, bytes, n);
    }
    image->n_bytes += n;
}

void image_put_text(struct image *image, const char *text)
{
    image_put(image, text, strlen(text));
}

void image_put_number(struct image *image, uint64_t number, size_t n)
{
    uint8_t byte;

    for (; n > 0; --n, number >>= 8) {
        byte = (uint8_t)number;
        image_put(image, &byte, 1);
    }
}

void image_put_zeros(struct image *image, size_t n)
{
    for (; n > 0; --n) {
        image_put(image, "", 1);
    }
}

void image_put_noise(struct image *image, uint64_t seed, size_t n)
{
    uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    uint8_t byte;

    for (; n > 0; --n) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        byte = (uint8_t)(state >> 56);
        image_put(image, &byte, 1);
    }
}

void image_free(struct image *image)
{
    free(image->bytes);
    memset(image, 0, sizeof(*image));
}

static bool image_read(void *opaque, uint64_t offset, void *to_p, size_t n)
{
    const struct image *image = opaque;

    ck_assert_uint_le(offset, image->n_bytes);
    ck_assert_uint_le(n, image->n_bytes - offset);
    if (n > 0) {
        memcpy(to_p, image->bytes + offset, n);
    }
    return true;
}

struct csh_bytes image_bytes(struct image *image)
{
    return (struct csh_bytes){image_read, image, image->n_bytes};
}

void image_put_safetensors(struct image *image, const char *header)
{
    image_put_number(image, strlen(header), 8);
    image_put_text(image, header);
}

void image_put_gguf(struct image *image, uint32_t version, uint64_t n_tensors,
                    uint64_t n_pairs)
{
    image_put_text(image, "GGUF");
    image_put_number(image, version, 4);
    image_put_number(image, n_tensors, 8);
    image_put_number(image, n_pairs, 8);
}

void image_put_string(struct image *image, const char *text)
{
    image_put_number(image, strlen(text), 8);
    image_put_text(image, text);
}

void image_put_info(struct image *image, const char *name, uint64_t extent,
                    uint32_t type, uint64_t start)
{
    image_put_string(image, name);
    image_put_number(image, 1, 4);
    image_put_number(image, extent, 8);
    image_put_number(image, type, 4);
    image_put_number(image, start, 8);
}

void image_align(struct image *image, size_t n)
{
    while (image->n_bytes % n != 0) {
        image_put_zeros(image, 1);
    }
}

const char *folder_make(void)
{
    snprintf(folder, sizeof(folder), "/tmp/test_weights_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    return folder;
}

static int remove_one(const char *path, const struct stat *status, int type,
                      struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(path);
}

void folder_remove(void)
{
    ck_assert_int_eq(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

const char *folder_path(const char *name)
{
    static char paths[8][512];
    static unsigned turn;
    char *path = paths[turn++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

void folder_write(const char *name, const struct image *image)
{
    char path[512], *slash;
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    for (slash = path + strlen(folder) + 1;
         (slash = strchr(slash, '/')) != NULL; ++slash) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    if (image->n_bytes > 0) {
        ck_assert_uint_eq(fwrite(image->bytes, image->n_bytes, 1, file), 1);
    }
    ck_assert_int_eq(fclose(file), 0);
}

void folder_write_text(const char *name, const char *text)
{
    struct image image = {NULL, 0, 0};

    image_put_text(&image, text);
    folder_write(name, &image);
    image_free(&image);
}

void folder_write_model(const char *name, const char *prefix,
                        const size_t *sizes, uint64_t seed)
{
    struct image image = {NULL, 0, 0};
    char header[16384] = "{";
    size_t begin = 0, used = 1, i;

    for (i = 0; sizes[i] != 0; begin += sizes[i++]) {
        used += (size_t)snprintf(
            header + used, sizeof(header) - used,
            "%s\"%s%zu\":{\"dtype\":\"U8\",\"shape\":[%zu],"
            "\"data_offsets\":[%zu,%zu]}",
            (i > 0) ? "," : "", prefix, i, sizes[i], begin,
            begin + sizes[i]);
        ck_assert_uint_lt(used, sizeof(header) - 2);
    }
    strcat(header, "}");
    image_put_safetensors(&image, header);
    for (i = 0; sizes[i] != 0; ++i) {
        image_put_noise(&image, seed + i, sizes[i]);
    }
    folder_write(name, &image);
    image_free(&image);
}

size_t model_data_start(const char *name)
{
    FILE *file = fopen(folder_path(name), "rb");
    uint64_t length = 0;

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fread(&length, sizeof(length), 1, file), 1);
    fclose(file);
    return (size_t)length + sizeof(length);
}
