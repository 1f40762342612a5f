/*
 * names.h - the file that app_names.c makes for itself where the script has
 * made none. Included once by a program.
 */
#ifndef CYCLE_NAMES_H
#define CYCLE_NAMES_H

#include "weight.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/names_XXXXXX", made[64], made_index[64];

static void remove_files(void)
{
    unlink(made);
    unlink(made_index);
    rmdir(folder);
}

static void make_files(void)
{
    static const char header[] =
        "{\"a.weight\":{\"dtype\":\"U8\",\"shape\":[524288],"
        "\"data_offsets\":[0,524288]},\"b.weight\":{\"dtype\":\"U8\","
        "\"shape\":[524288],\"data_offsets\":[524288,1048576]}}";
    const uint64_t n = sizeof(header) - 1;
    const char *rules = getenv("NAMES_RULES");
    uint8_t *data = fresh(MIB);
    char text[128];
    FILE *file;

    CHECK(mkdtemp(folder) != NULL);
    snprintf(made, sizeof(made), "%s/made.safetensors", folder);
    snprintf(made_index, sizeof(made_index), "%s/made.index", folder);
    atexit(remove_files);
    fill(data, MIB, 99);
    file = fopen(made, "w");
    CHECK(file != NULL && fwrite(&n, 8, 1, file) == 1 &&
          fwrite(header, n, 1, file) == 1 &&
          fwrite(data, MIB, 1, file) == 1 && fclose(file) == 0);
    file = fopen(made_index, "w");
    CHECK(file != NULL);
    fprintf(file, "%zu %zu\n%zu %zu\n", (size_t)(8 + n), MIB / 2,
            (size_t)(8 + n) + MIB / 2, MIB / 2);
    CHECK(fclose(file) == 0);
    free(data);
    snprintf(text, sizeof(text), "%smanifest=%s",
             rules != NULL ? rules : "", made);
    setenv("NAMES_FILE", made, 1);
    setenv("NAMES_INDEX", made_index, 1);
    setenv("CUSHADOW_WEIGHTS", text, 0);
}

#endif
