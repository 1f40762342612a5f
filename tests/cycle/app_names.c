/*
 * app_names.c - a program that loads the tensors of a model file, in whatever
 * way, and offloads them: what is moved at the first offload and the next says
 * what CUSHADOW_WEIGHTS made of the uploads. names.tap makes the files and
 * reads what the statistics call them.
 *
 * NAMES_FILE is the file, NAMES_INDEX a text with a line for each tensor: its
 * offset in the file and its bytes. Without them the program makes a file with
 * two tensors of one size, whose manifest is the rule, after NAMES_RULES, if
 * that is set. Prints, for scenarios that are judged by
 * the script, the bytes that reached the driver.
 */
#include "names.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_TENSORS = 16 };

struct tensor {
    size_t offset, bytes;
    CUdeviceptr device;
    uint8_t *wanted; /* what was uploaded */
};

static struct tensor tensors[MOST_TENSORS];
static size_t n_tensors, file_bytes;
static const char *path;

static void read_index(void)
{
    FILE *index = fopen(getenv("NAMES_INDEX"), "r");

    CHECK(index != NULL);
    while (n_tensors < MOST_TENSORS &&
           fscanf(index, "%zu %zu", &tensors[n_tensors].offset,
                  &tensors[n_tensors].bytes) == 2) {
        n_tensors++;
    }
    fclose(index);
    CHECK(n_tensors >= 2);
}

static int open_file(void)
{
    struct stat status;
    int fd;

    path = getenv("NAMES_FILE");
    read_index();
    fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && fstat(fd, &status) == 0);
    file_bytes = (size_t)status.st_size;
    return fd;
}

static uint8_t *mapped(void)
{
    int fd = open_file();
    uint8_t *file = mmap(NULL, file_bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE, fd, 0);

    CHECK(file != MAP_FAILED);
    close(fd);
    return file;
}

static uint8_t *read_at(int fd, size_t offset, size_t bytes)
{
    uint8_t *memory = fresh(bytes);

    CHECK(pread(fd, memory, bytes, (off_t)offset) == (ssize_t)bytes);
    return memory;
}

static uint8_t *copy_of(const uint8_t *memory, size_t bytes)
{
    uint8_t *copy = fresh(bytes);

    memcpy(copy, memory, bytes);
    return copy;
}

/* From memory that the program gives back afterwards, as loaders do. */
static void load(struct tensor *tensor, const uint8_t *source)
{
    tensor->wanted = copy_of(source, tensor->bytes);
    OK(cu.cuMemAlloc_v2(&tensor->device, tensor->bytes));
    upload(tensor->device, source, tensor->bytes, NULL);
}

/* Bytes that reached the driver. */
static uint64_t unload(const struct tensor *tensor, uint8_t **host_p)
{
    uint64_t before = reached_d2h();
    uint8_t *host = fresh(tensor->bytes);

    offload(host, tensor->device, tensor->bytes, NULL);
    CHECK(memcmp(host, tensor->wanted, tensor->bytes) == 0);
    if (host_p != NULL) {
        *host_p = host;
    }
    return reached_d2h() - before;
}

static void unload_expecting(struct tensor *tensor, uint64_t wanted)
{
    uint8_t *host;

    CHECK_EQUAL(unload(tensor, &host), under_shim ? wanted : tensor->bytes);
    OK(cu.cuMemFree_v2(tensor->device));
    OK(cu.cuMemAlloc_v2(&tensor->device, tensor->bytes));
    upload(tensor->device, host, tensor->bytes, NULL);
    CHECK_EQUAL(unload(tensor, NULL), under_shim ? 0 : tensor->bytes);
}

/* --- every tensor, twice round ------------------------------------------- */

static void every_tensor_of_a_mapping(void)
{
    uint8_t *file = mapped();
    size_t i;

    for (i = 0; i < n_tensors; i++) {
        load(&tensors[i], file + tensors[i].offset);
    }
    munmap(file, file_bytes);
    for (i = 0; i < n_tensors; i++) {
        unload_expecting(&tensors[i], 0);
    }
}

static void every_tensor_read_into_memory(void)
{
    int fd = open_file();
    uint8_t *memory;
    size_t i;

    for (i = 0; i < n_tensors; i++) {
        memory = read_at(fd, tensors[i].offset, tensors[i].bytes);
        load(&tensors[i], memory);
        free(memory);
    }
    close(fd);
    for (i = 0; i < n_tensors; i++) {
        unload_expecting(&tensors[i], 0);
    }
}

/* A loader that reads all of them into one buffer in turn. */
static void every_tensor_through_one_buffer(void)
{
    int fd = open_file();
    uint8_t *buffer = fresh(MIB);
    size_t i;

    for (i = 0; i < n_tensors; i++) {
        CHECK(tensors[i].bytes <= MIB);
        CHECK(pread(fd, buffer, tensors[i].bytes,
                    (off_t)tensors[i].offset) == (ssize_t)tensors[i].bytes);
        load(&tensors[i], buffer);
    }
    close(fd);
    free(buffer);
    for (i = 0; i < n_tensors; i++) {
        unload_expecting(&tensors[i], 0);
    }
}

/* Captured at the first offload, whatever is known of it. */
static void every_tensor_is_learned(void)
{
    uint8_t *file = mapped();
    size_t i;

    for (i = 0; i < n_tensors; i++) {
        load(&tensors[i], file + tensors[i].offset);
        unload_expecting(&tensors[i], tensors[i].bytes);
    }
}

/* Whether the thread was done before or not. */
static void every_tensor_by_and_by(void)
{
    uint8_t *file = mapped(), *host;
    size_t i;

    for (i = 0; i < n_tensors; i++) {
        load(&tensors[i], file + tensors[i].offset);
    }
    for (i = 0; i < n_tensors; i++) {
        CHECK(unload(&tensors[i], &host) <= tensors[i].bytes);
        usleep(1000);
        OK(cu.cuMemFree_v2(tensors[i].device));
        OK(cu.cuMemAlloc_v2(&tensors[i].device, tensors[i].bytes));
        upload(tensors[i].device, host, tensors[i].bytes, NULL);
        CHECK_EQUAL(unload(&tensors[i], NULL),
                    under_shim ? 0 : tensors[i].bytes);
    }
}

/* --- what is no tensor --------------------------------------------------- */

/* The first of the tensors, with bytes [from, to) of it changed. */
static void load_changed(size_t from, size_t to)
{
    int fd = open_file();
    uint8_t *memory = read_at(fd, tensors[0].offset, tensors[0].bytes);
    size_t i;

    close(fd);
    for (i = from; i < to && i < tensors[0].bytes; i++) {
        memory[i] ^= 0x55;
    }
    load(&tensors[0], memory);
    free(memory);
}

static void all_bytes_are_others(void)
{
    load_changed(0, SIZE_MAX);
    unload_expecting(&tensors[0], tensors[0].bytes);
}

/* No sample sees it: registered, but no bytes of that name. */
static void one_byte_is_another(void)
{
    load_changed(1, 2);
    unload_expecting(&tensors[0], 0);
}

/* Bytes of the first one's size that are none of the file's. */
static void same_size_is_no_name(void)
{
    open_file();
    tensors[0].wanted = fresh(tensors[0].bytes);
    fill(tensors[0].wanted, tensors[0].bytes, 77);
    load(&tensors[0], tensors[0].wanted);
    unload_expecting(&tensors[0], tensors[0].bytes);
}

/* --- parts --------------------------------------------------------------- */

static void tensor_in_two_pieces(void)
{
    uint8_t *file = mapped(), *source = file + tensors[0].offset;
    size_t half = tensors[0].bytes / 2;

    tensors[0].wanted = copy_of(source, tensors[0].bytes);
    OK(cu.cuMemAlloc_v2(&tensors[0].device, tensors[0].bytes));
    upload(tensors[0].device, source, half, NULL);
    upload(tensors[0].device + half, source + half, half, NULL);
    tensors[1] = tensors[0];
    tensors[1].bytes = half;
    CHECK_EQUAL(unload(&tensors[1], NULL), under_shim ? 0 : half);
}

static void two_tensors_at_once(void)
{
    uint8_t *file = mapped();

    CHECK_EQUAL(tensors[0].offset + tensors[0].bytes, tensors[1].offset);
    tensors[0].bytes += tensors[1].bytes;
    load(&tensors[0], file + tensors[0].offset);
    unload_expecting(&tensors[0], 0);
}

/* Changed in VRAM: a true copy, and later loads and unloads of the changed. */
static void patched_tensor(void)
{
    uint8_t *file = mapped();

    load(&tensors[0], file + tensors[0].offset);
    load(&tensors[1], file + tensors[1].offset);
    OK(cu.cuMemsetD8_v2(tensors[0].device + 5, 0xA5, 1));
    tensors[0].wanted[5] = 0xA5;
    unload_expecting(&tensors[0], tensors[0].bytes);
    unload_expecting(&tensors[1], 0);
}

/* Changed in RAM: its bytes are uploaded, and are none of the tensor's. */
static void changed_in_memory(void)
{
    uint8_t *file = mapped(), *host;

    load(&tensors[0], file + tensors[0].offset);
    CHECK_EQUAL(unload(&tensors[0], &host),
                under_shim ? 0 : tensors[0].bytes);
    memset(host, 0x3C, tensors[0].bytes);
    memset(tensors[0].wanted, 0x3C, tensors[0].bytes);
    upload(tensors[0].device, host, tensors[0].bytes, NULL);
    unload_expecting(&tensors[0], 0);
}

/* --- rules --------------------------------------------------------------- */

/* 1 MiB of the program's own, and the first tensor from a mapping: bytes that
 * reach the driver at the first and the second offload of each. */
static void bytes_by_rule(void)
{
    struct tensor own = {.bytes = MIB};
    uint8_t *file = mapped();
    uint64_t first, second;

    own.wanted = fresh(MIB);
    fill(own.wanted, MIB, 5);
    load(&own, own.wanted);
    load(&tensors[0], file + tensors[0].offset);
    first = unload(&own, NULL);
    second = unload(&own, NULL);
    printf("%" PRIu64 " %" PRIu64, first, second);
    first = unload(&tensors[0], NULL);
    second = unload(&tensors[0], NULL);
    printf(" %" PRIu64 " %" PRIu64 "\n", first, second);
}

/* The same under CUSHADOW_WEIGHTS=none, and with a bound. */
static void excluded_is_not_learned(void)
{
    uint8_t *file = mapped();

    load(&tensors[0], file + tensors[0].offset);
    CHECK_EQUAL(unload(&tensors[0], NULL), tensors[0].bytes);
    CHECK_EQUAL(unload(&tensors[0], NULL), tensors[0].bytes);
}

/* --- files that do not stay ---------------------------------------------- */

/* Reads all, lets the shim start, does something to the file, and loads. */
static void load_after(int (*harm)(void))
{
    int fd = open_file();
    uint8_t *memory = read_at(fd, tensors[0].offset, tensors[0].bytes);
    CUdeviceptr other;

    close(fd);
    OK(cu.cuMemAlloc_v2(&other, MIB));
    CHECK(harm() == 0);
    load(&tensors[0], memory);
    unload_expecting(&tensors[0], tensors[0].bytes);
}

static int truncate_it(void)
{
    return truncate(path, 100);
}

static int remove_it(void)
{
    return unlink(path);
}

static int write_to_it(void)
{
    const struct timespec times[2] = {{1, 0}, {1, 0}};
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    CHECK(pwrite(fd, "other", 5, (off_t)tensors[0].offset) == 5);
    CHECK(futimens(fd, times) == 0);
    return close(fd);
}

static void file_is_cut_off(void)
{
    load_after(truncate_it);
}

static void file_is_removed(void)
{
    load_after(remove_it);
}

static void file_is_changed(void)
{
    load_after(write_to_it);
}

/* --- names, without the script ------------------------------------------- */

/* Runs a scenario in a process of its own and looks for text in what the
 * statistics say there. */
static void named(const char *scenario, const char *there, const char *not)
{
    char file[] = "/tmp/names_XXXXXX", *text = fresh(MIB);
    int fd = mkstemp(file), status;
    pid_t child;

    CHECK(fd >= 0);
    child = fork();
    if (child == 0) {
        setenv("CUSHADOW_STATS", "json", 1);
        setenv("CUSHADOW_STATS_FILE", file, 1);
        execl("/proc/self/exe", "app_names", scenario, (char *)NULL);
        _exit(127);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    text[pread(fd, text, MIB - 1, 0)] = '\0';
    close(fd);
    unlink(file);
    if (under_shim) {
        CHECK(strstr(text, there) != NULL);
        CHECK(not == NULL || strstr(text, not) == NULL);
    }
    free(text);
}

#define A "\"tensor\":\"a.weight\""
#define B "\"tensor\":\"b.weight\""

static void read_tensors_are_named(void)
{
    named("every_tensor_read_into_memory", A, NULL);
    named("every_tensor_read_into_memory", B, "\"model\":\"\"");
}

static void staged_tensors_are_named(void)
{
    named("every_tensor_through_one_buffer", A, NULL);
    named("every_tensor_through_one_buffer", B, "\"model\":\"\"");
}

static void mapped_tensors_are_named(void)
{
    named("every_tensor_of_a_mapping", A, NULL);
    named("every_tensor_of_a_mapping", B, "\"model\":\"\"");
}

static void samples_alone_are_no_name(void)
{
    named("one_byte_is_another", "\"model\":\"\"", "\"tensor\"");
}

static void changed_bytes_are_counted(void)
{
    named("patched_tensor", "\"loads\":1,\"unloads\":0,\"changed\":1",
          NULL);
}

static void changed_sources_are_not_counted(void)
{
    named("changed_in_memory", "\"loads\":1,\"unloads\":1,\"changed\":0",
          NULL);
}

static const struct scenario scenarios[] = {
#define S(name_) {#name_, name_}
    S(every_tensor_of_a_mapping), S(every_tensor_read_into_memory),
    S(every_tensor_is_learned),   S(every_tensor_by_and_by),
    S(all_bytes_are_others),      S(one_byte_is_another),
    S(same_size_is_no_name),      S(tensor_in_two_pieces),
    S(two_tensors_at_once),       S(patched_tensor),
    S(bytes_by_rule),             S(excluded_is_not_learned),
    S(file_is_cut_off),
    S(file_is_removed),           S(file_is_changed),
    S(read_tensors_are_named),    S(mapped_tensors_are_named),
    S(samples_alone_are_no_name), S(changed_bytes_are_counted),
    S(every_tensor_through_one_buffer), S(staged_tensors_are_named),
    S(changed_in_memory),         S(changed_sources_are_not_counted),
};

int main(int argc, char **argv)
{
    if (getenv("NAMES_FILE") == NULL) {
        make_files();
    }
    return program_main(argc, argv, scenarios,
                        sizeof(scenarios) / sizeof(scenarios[0]));
}
