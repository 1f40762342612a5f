/*
 * app_soak.c - two models go round for long, and nothing grows.
 *
 *     app_soak [OPTION...] [LIST.tsv LIST.tsv]
 *
 * A list is one of examples/sdxl: a tensor a line; without lists two small
 * models are made up. Each cycle takes each model to the device and back:
 * tensor by tensor, the host memory given back once uploaded and taken anew
 * for the offload, as PyTorch does it. Some tensors are changed on the device
 * in each cycle, and now and then the context is made anew.
 *
 * After each cycle the process is looked at. What counts is the second half of
 * the cycles: no figure may be higher there than it was in the second quarter
 * by more than its slack (the table below). Bytes are checked all along, and
 * with --exact that no byte of an unchanged tensor came back after the first
 * cycle, and with --most that slabs never hold more than so many per cent of
 * the models' bytes, and 8 MiB. With --keep the program keeps the memory of one
 * offloaded tensor of each cycle for ever. Exit status 1 if anything is not so.
 * One thread.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* mallopt */
#endif
#include "soak.h"

#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "weight.h"

enum { MODELS = 2, CYCLES_PER_CONTEXT = 5, SAMPLE = 4096 };

static struct {
    uint32_t cycles;
    size_t divide, least;
    const char *leak;
    size_t changed; /* tensors of each model, in each cycle */
    bool is_exact, is_same, keeps;
    unsigned saw, most;
} settings = {.cycles = 24, .divide = 1, .least = 64 * KIB, .changed = 12};

static struct soak_model models[MODELS];
static CUcontext context;
static size_t device_bytes; /* of either: the same place for both */
static size_t kept_bytes;

/* --- bytes --------------------------------------------------------------- */

static uint64_t word_at(size_t i, uint64_t seed)
{
    uint64_t x = (i + 1) * UINT64_C(0x9E3779B97F4A7C15) ^ seed << 20;

    x ^= x >> 31;
    return x * UINT64_C(0xBF58476D1CE4E5B9);
}

/* The changed word lies in the middle. */
static size_t middle(const struct soak_tensor *tensor)
{
    return tensor->bytes / 16;
}

static uint64_t wanted(const struct soak_tensor *tensor, size_t i)
{
    return i == middle(tensor) && tensor->change != 0
               ? tensor->change : word_at(i, tensor->seed);
}

static void make_bytes(struct soak_tensor *tensor)
{
    size_t i;

    tensor->host = fresh(tensor->bytes);
    for (i = 0; i < tensor->bytes / 8; i++) {
        tensor->host[i] = word_at(i, tensor->seed);
    }
}

/* Both ends, the changed word, and one of each page. */
static void check_bytes(const struct soak_tensor *tensor)
{
    size_t last = tensor->bytes / 8 - 1, i;

    CHECK_EQUAL(tensor->host[last], wanted(tensor, last));
    CHECK_EQUAL(tensor->host[middle(tensor)],
                wanted(tensor, middle(tensor)));
    for (i = 0; i <= last; i += SAMPLE / 8) {
        CHECK_EQUAL(tensor->host[i], wanted(tensor, i));
    }
}

/* --- one cycle ----------------------------------------------------------- */

/* Not one of those that are changed next: it would be gone soon. */
static bool is_kept(const struct soak_model *model, size_t i, uint32_t cycle)
{
    return settings.keeps && model == models && cycle > 0 &&
           i == (cycle - 1) * 31 % model->n_tensors;
}

static void to_device(struct soak_model *model, uint32_t cycle)
{
    size_t i;

    OK(cu.cuMemAlloc_v2(&model->device, device_bytes));
    for (i = 0; i < model->n_tensors; i++) {
        struct soak_tensor *tensor = &model->tensors[i];

        upload(model->device + tensor->offset, tensor->host, tensor->bytes,
               NULL);
        if (is_kept(model, i, cycle)) {
            kept_bytes += tensor->bytes;
        } else {
            free(tensor->host);
        }
        tensor->host = NULL;
    }
}

/* Returns the bytes that have to come back: of what was changed, and of what
 * is too small to be looked at. */
static uint64_t change_some(struct soak_model *model, uint32_t cycle)
{
    uint64_t bytes = model->small_bytes;
    size_t i;

    for (i = 0; i < settings.changed; i++) {
        struct soak_tensor *tensor =
            &model->tensors[((settings.is_same ? 0 : cycle * 31) + i * 97) %
                            model->n_tensors];
        uint64_t change = cycle * UINT64_C(0x100000001) + 1;

        if (tensor->change == change) {
            continue; /* once in a cycle */
        }
        tensor->change = change;
        cu.simcuda_poke(model->device + tensor->offset + middle(tensor) * 8,
                        &change, sizeof(change));
        bytes += tensor->bytes >= settings.least ? tensor->bytes : 0;
    }
    return bytes;
}

static void to_host(struct soak_model *model)
{
    size_t i;

    for (i = 0; i < model->n_tensors; i++) {
        struct soak_tensor *tensor = &model->tensors[i];

        tensor->host = fresh(tensor->bytes);
        offload(tensor->host, model->device + tensor->offset, tensor->bytes,
                NULL);
        check_bytes(tensor);
    }
    OK(cu.cuMemFree_v2(model->device));
}

static void renew_context(void)
{
    if (context != NULL) {
        OK(cu.cuCtxDestroy_v2(context));
    }
    OK(cu.cuCtxCreate_v2(&context, 0, 0));
}

static void *sleep_for_ever(void *nothing)
{
    (void)nothing;
    pause();
    return NULL;
}

/* What --leak names, once a cycle: the test of the test. */
static void leak(void)
{
    static char *volatile leaked; /* else clang makes no such memory */
    pthread_t thread;
    char *memory;
    int page;

    if (settings.leak == NULL) {
        return;
    }
    if (strcmp(settings.leak, "memory") == 0) {
        leaked = malloc(MIB);
        CHECK(leaked != NULL);
        memset(leaked, 1, MIB);
    } else if (strcmp(settings.leak, "maps") == 0) {
        /* Pages of two kinds by turns are a mapping each. */
        memory = mmap(NULL, 16 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
                      -1, 0);
        CHECK(memory != MAP_FAILED);
        for (page = 0; page < 16; page += 2) {
            CHECK_EQUAL(mprotect(memory + page * 4096, 4096, PROT_NONE), 0);
        }
    } else if (strcmp(settings.leak, "shmem") == 0) {
        memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        CHECK(memory != MAP_FAILED);
        memset(memory, 1, MIB);
    } else if (strcmp(settings.leak, "descriptors") == 0) {
        CHECK(open("/dev/null", O_RDONLY) >= 0);
    } else if (strcmp(settings.leak, "threads") == 0) {
        CHECK_EQUAL(pthread_create(&thread, NULL, sleep_for_ever, NULL), 0);
    } else {
        program_fail(__FILE__, __LINE__, "--leak %s?", settings.leak);
    }
}

static void go_round(uint32_t cycle)
{
    uint64_t back, before;
    int i;

    if (cycle % CYCLES_PER_CONTEXT == 0) {
        renew_context();
    }
    for (i = 0; i < MODELS; i++) {
        to_device(&models[i], cycle);
        back = change_some(&models[i], cycle);
        before = reached_d2h();
        to_host(&models[i]);
        if (settings.is_exact && under_shim && cycle > 0) {
            CHECK_EQUAL(reached_d2h() - before, back);
        }
    }
    leak();
}

static void check_slabs(const struct soak_figures *seen, uint64_t *worst_p)
{
    uint64_t model_kib = (models[0].device_bytes + models[1].device_bytes +
                          kept_bytes) / KIB;
    uint64_t held_kib = seen->value[SOAK_slab_kib];

    if (held_kib * 100 / model_kib > *worst_p) {
        *worst_p = held_kib * 100 / model_kib;
    }
    if (settings.most > 0) {
        CHECK(held_kib <= model_kib * settings.most / 100 + 8 * KIB);
    }
}

/* --- the whole ----------------------------------------------------------- */

static bool parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"cycles", required_argument, NULL, 'c'},
        {"divide", required_argument, NULL, 'd'},
        {"least", required_argument, NULL, 's'},
        {"leak", required_argument, NULL, 'l'},
        {"changed", required_argument, NULL, 'n'},
        {"exact", no_argument, NULL, 'e'},
        {"same", no_argument, NULL, 'm'},
        {"keep", no_argument, NULL, 'k'},
        {"most", required_argument, NULL, 't'},
        {"saw", required_argument, NULL, 'w'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'c': settings.cycles = (uint32_t)atoi(optarg); break;
        case 'd': settings.divide = (size_t)atoll(optarg); break;
        case 's': settings.least = (size_t)atoll(optarg); break;
        case 'l': settings.leak = optarg; break;
        case 'n': settings.changed = (size_t)atoll(optarg); break;
        case 'm': settings.is_same = true; break;
        case 'e': settings.is_exact = true; break;
        case 'k': settings.keeps = true; break;
        case 't': settings.most = (unsigned)atoi(optarg); break;
        case 'w': settings.saw = (unsigned)atoi(optarg); break;
        default: return false;
        }
    }
    return (optind == argc || optind + MODELS == argc) &&
           settings.cycles >= 8 && settings.divide > 0;
}

static void make_models(int argc, char **argv)
{
    size_t i;
    int m;

    for (m = 0; m < MODELS; m++) {
        struct soak_model *model = &models[m];

        /* Divided, all are looked at: small ones would come from a heap whose
         * holes are sometimes theirs and sometimes others'. */
        soak_model_read(model, optind < argc ? argv[optind + m] : NULL,
                        settings.divide,
                        settings.divide > 1 ? settings.least : 0);
        for (i = 0; i < model->n_tensors; i++) {
            struct soak_tensor *tensor = &model->tensors[i];

            tensor->seed = (uint64_t)m * 100000 + i + 1;
            make_bytes(tensor);
            model->small_bytes +=
                tensor->bytes < settings.least ? tensor->bytes : 0;
        }
        if (model->device_bytes > device_bytes) {
            device_bytes = model->device_bytes;
        }
        printf("model %d: %zu tensors, %llu bytes\n", m, model->n_tensors,
               (unsigned long long)model->device_bytes);
    }
}

int main(int argc, char **argv)
{
    struct soak_figures *seen;
    struct timespec from, to;
    uint64_t worst = 0;
    uint32_t cycle;
    bool is_flat;

    if (!parse(argc, argv)) {
        fprintf(stderr, "usage: see the head of app_soak.c\n");
        return 2;
    }
    /* Blocks of the kernel's, in every cycle: a heap has holes of its own. */
    CHECK_EQUAL(mallopt(M_MMAP_THRESHOLD, (int)settings.least) &
                    mallopt(M_TOP_PAD, 0) & mallopt(M_MMAP_MAX, 1 << 20), 1);
    program_start();
    make_models(argc, argv);
    seen = calloc(settings.cycles, sizeof(*seen));
    CHECK(seen != NULL);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (cycle = 0; cycle < settings.cycles; cycle++) {
        go_round(cycle);
        soak_look(&seen[cycle]);
        check_slabs(&seen[cycle], &worst);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%u cycles, %.1f s\n", settings.cycles,
           (double)(to.tv_sec - from.tv_sec) +
               1e-9 * (double)(to.tv_nsec - from.tv_nsec));
    printf("slabs hold at most %llu%% of what there is of weights\n",
           (unsigned long long)worst);
    /* What is kept grows, as it should. */
    is_flat = soak_judge(seen, settings.cycles, settings.saw) ||
              settings.keeps;
    fflush(stdout);
    return is_flat ? 0 : 1;
}
