/*
 * soak.c - see soak.h. Owns nothing; reads lists of tensors and /proc/self.
 */
#include "soak.h"

#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program.h"

enum { LINE_BYTES = 1024, MADE_UP = 40 };

/* --- lists --------------------------------------------------------------- */

static void add(struct soak_model *model, size_t bytes)
{
    struct soak_tensor *tensor;

    model->tensors = realloc(model->tensors, (model->n_tensors + 1) *
                                                 sizeof(*model->tensors));
    CHECK(model->tensors != NULL);
    tensor = &model->tensors[model->n_tensors++];
    memset(tensor, 0, sizeof(*tensor));
    tensor->bytes = bytes < 64 ? 64 : bytes / 8 * 8;
    tensor->offset = model->device_bytes;
    model->device_bytes += (tensor->bytes + 511) / 512 * 512;
}

/* "name TAB F16 TAB 320x4x3x3": its bytes, or 0 of a comment. */
static size_t bytes_of(char *line)
{
    const char *name = strtok(line, "\t\n"), *kind, *extent;
    size_t bytes;

    if (name == NULL || name[0] == '#') {
        return 0;
    }
    kind = strtok(NULL, "\t\n");
    CHECK(kind != NULL);
    bytes = strstr(kind, "16") != NULL ? 2 : strstr(kind, "64") != NULL ? 8
                                                                         : 4;
    while ((extent = strtok(NULL, "x\t\n")) != NULL) {
        bytes *= (size_t)atoll(extent);
    }
    return bytes;
}

static void read_list(struct soak_model *model, const char *path,
                      size_t divide, size_t least)
{
    FILE *list = fopen(path, "r");
    char line[LINE_BYTES];
    size_t bytes;

    if (list == NULL) {
        program_fail(__FILE__, __LINE__, "%s cannot be read", path);
    }
    while (fgets(line, sizeof(line), list) != NULL) {
        bytes = bytes_of(line) / divide;
        if (divide > 1 && bytes > 0) {
            /* No block may end where the next one's page begins: an address
             * that no later block covers would be remembered. */
            bytes = (bytes < least ? least : bytes) / 4096 * 4096 + 2048;
        }
        if (bytes > 0) {
            add(model, bytes);
        }
    }
    fclose(list);
    CHECK(model->n_tensors > 0);
}

void soak_model_read(struct soak_model *model, const char *path,
                     size_t divide, size_t least)
{
    size_t i;

    if (path != NULL) {
        read_list(model, path, divide, least);
        return;
    }
    for (i = 0; i < MADE_UP; i++) {
        add(model, 65536 + i * 7640);
    }
}

/* --- figures ------------------------------------------------------------- */

/* Lines of a file; and the figures that its lines name, in KiB or plain. */
static uint64_t read_lines(const char *path, struct soak_figures *figures)
{
    FILE *file = fopen(path, "r");
    char line[LINE_BYTES];
    unsigned long long value;
    uint64_t count = 0;

    CHECK(file != NULL);
    while (fgets(line, sizeof(line), file) != NULL) {
        count++;
        if (figures == NULL) {
            continue;
        }
        if (sscanf(line, "VmRSS: %llu", &value) == 1) {
            figures->value[SOAK_rss_kib] = value;
        } else if (sscanf(line, "RssShmem: %llu", &value) == 1) {
            figures->value[SOAK_shmem_kib] = value;
        } else if (sscanf(line, "Threads: %llu", &value) == 1) {
            figures->value[SOAK_threads] = value;
        }
    }
    fclose(file);
    return count;
}

/* Open descriptors, and what the memory files among them hold. */
static void look_at_descriptors(struct soak_figures *figures)
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *item;
    struct stat status;
    char target[256];
    ssize_t n;

    CHECK(folder != NULL);
    while ((item = readdir(folder)) != NULL) {
        n = readlinkat(dirfd(folder), item->d_name, target,
                       sizeof(target) - 1);
        if (n <= 0) {
            continue;
        }
        target[n] = '\0';
        figures->value[SOAK_descriptors]++;
        if (strstr(target, "memfd:cushadow") != NULL &&
            fstatat(dirfd(folder), item->d_name, &status, 0) == 0) {
            figures->value[SOAK_slab_kib] += (uint64_t)status.st_blocks / 2;
        }
    }
    closedir(folder);
}

void soak_look(struct soak_figures *figures_p)
{
    memset(figures_p, 0, sizeof(*figures_p));
    read_lines("/proc/self/status", figures_p);
    figures_p->value[SOAK_maps] = read_lines("/proc/self/maps", NULL);
    /* Large blocks of both, mapped, are not among them. */
    figures_p->value[SOAK_heap_kib] =
        (mallinfo2().uordblks - cu.simcuda_handle_bytes()) / 1024;
    look_at_descriptors(figures_p);
}

static uint64_t greatest(const struct soak_figures *seen, uint32_t from,
                         uint32_t to, int figure)
{
    uint64_t value = 0;

    for (; from < to; from++) {
        value = seen[from].value[figure] > value ? seen[from].value[figure]
                                                 : value;
    }
    return value;
}

bool soak_judge(const struct soak_figures *seen, uint32_t cycles,
                unsigned saw)
{
    static const struct { const char *name; uint64_t slack, share; } rows[] = {
#define SOAK_X(name_, slack_, share_) {#name_, slack_, share_},
        SOAK_FIGURES(SOAK_X)
#undef SOAK_X
    };
    bool is_flat = true;
    int i;

    for (i = 0; i < SOAK_N_FIGURES; i++) {
        uint64_t before = greatest(seen, cycles / 4, cycles / 2, i);
        uint64_t after = greatest(seen, cycles / 2, cycles, i);
        uint64_t allowed =
            before + rows[i].slack + before * rows[i].share / 1000;

        if (i == SOAK_rss_kib || i == SOAK_shmem_kib || i == SOAK_slab_kib) {
            allowed += before * saw / 100;
        } else if (i == SOAK_descriptors && saw > 0) {
            allowed += 2; /* of chunks, as many as that memory takes */
        }

        printf("%-11s %9llu then %9llu, at most %9llu%s\n", rows[i].name,
               (unsigned long long)before, (unsigned long long)after,
               (unsigned long long)allowed,
               after > allowed ? ": GROWS" : "");
        is_flat = is_flat && after <= allowed;
    }
    return is_flat;
}
