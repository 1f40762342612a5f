/*
 * injected.h - the model files of app_injected.c, in the folder
 * INJECTED_FOLDER. Included once by a program.
 */
#ifndef CYCLE_INJECTED_H
#define CYCLE_INJECTED_H

#include "weight.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define N_TENSORS 3
#define TENSOR (256 * KIB)

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[600];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* A pipeline of one component, whose only shard is a model file. */
static const char *model_folder(const char *file)
{
    static char folder[520];
    char inside[600], link_name[700];

    snprintf(folder, sizeof(folder), "%s.XXXXXX", file);
    CHECK(mkdtemp(folder) != NULL);
    snprintf(inside, sizeof(inside), "%s/unet", folder);
    snprintf(link_name, sizeof(link_name), "%s/shard.safetensors", inside);
    CHECK(mkdir(inside, 0700) == 0 && link(file, link_name) == 0);
    write_text(folder, "model_index.json",
               "{\"_class_name\": \"Pipeline\", "
               "\"unet\": [\"diffusers\", \"UNet\"]}");
    write_text(inside, "model.safetensors.index.json",
               "{\"weight_map\": {\"a.weight\": \"shard.safetensors\", "
               "\"b.weight\": \"shard.safetensors\"}}");
    return folder;
}

/* Puts the data of the tensors behind a header, and the file in its place when
 * it is whole: others make it at the same time. */
static void write_model(const char *path, const void *header, size_t n_bytes)
{
    uint8_t *data = fresh(TENSOR);
    char started[600];
    FILE *file;
    int i;

    snprintf(started, sizeof(started), "%s.%ld", path, (long)getpid());
    file = fopen(started, "w");
    CHECK(file != NULL && fwrite(header, n_bytes, 1, file) == 1);
    for (i = 0; i < N_TENSORS; i++) {
        fill(data, TENSOR, 100 + (uint32_t)i);
        CHECK_EQUAL(fwrite(data, TENSOR, 1, file), 1);
    }
    CHECK(fclose(file) == 0 && rename(started, path) == 0);
    free(data);
}

static void write_safetensors(const char *path)
{
    static const char text[] =
        "{\"a.weight\":{\"dtype\":\"U8\",\"shape\":[262144],"
        "\"data_offsets\":[0,262144]},\"b.weight\":{\"dtype\":\"U8\","
        "\"shape\":[512,512],\"data_offsets\":[262144,524288]},"
        "\"c.weight\":{\"dtype\":\"F16\",\"shape\":[131072],"
        "\"data_offsets\":[524288,786432]}} ";
    const uint64_t n = sizeof(text) - 1;
    char header[sizeof(n) + sizeof(text)];

    memcpy(header, &n, sizeof(n));
    memcpy(header + sizeof(n), text, sizeof(text));
    write_model(path, header, sizeof(n) + n);
}

/* Tensors of bytes (GGML_TYPE_I8, 24), in the format's version 3. */
static void write_gguf(const char *path)
{
    struct __attribute__((packed)) {
        char magic[4];
        uint32_t version;
        uint64_t n_tensors, n_pairs;
        struct __attribute__((packed)) {
            uint64_t n_name;
            char name[8];
            uint32_t n_dimensions;
            uint64_t dimension;
            uint32_t type;
            uint64_t offset;
        } tensor[N_TENSORS];
        char padding[16]; /* to a multiple of 32 */
    } header = {"GGUF", 3, N_TENSORS, 0, {{0}}, ""};
    int i;

    _Static_assert(sizeof(header) % 32 == 0, "the data is aligned");
    for (i = 0; i < N_TENSORS; i++) {
        header.tensor[i].n_name = 8;
        memcpy(header.tensor[i].name, "0.weight", 8);
        header.tensor[i].name[0] = (char)('0' + i);
        header.tensor[i].n_dimensions = 1;
        header.tensor[i].dimension = TENSOR;
        header.tensor[i].type = 24;
        header.tensor[i].offset = (uint64_t)i * TENSOR;
    }
    write_model(path, &header, sizeof(header));
}

/* Made by whoever needs it first. */
static const char *model_file(bool is_gguf)
{
    static char path[512];
    const char *folder = getenv("INJECTED_FOLDER");

    CHECK(folder != NULL);
    snprintf(path, sizeof(path), "%s/made.%s", folder,
             is_gguf ? "gguf" : "safetensors");
    if (access(path, F_OK) != 0) {
        (is_gguf ? write_gguf : write_safetensors)(path);
    }
    return path;
}

#endif
