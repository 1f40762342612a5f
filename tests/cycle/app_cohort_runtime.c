/*
 * app_cohort_runtime.c - CUSHADOW_COHORT=1 in a process in which NVIDIA's own
 * runtime library starts: it looks up all of the driver and asks for private
 * tables. The simulated driver has none, and there the runtime's start ends;
 * what it would ask for next is asked for here, and the weights are moved by
 * the program's own calls. As app_cohort.c.
 */
#include "cohort.h"

#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

enum { N_BURST = 40 };

static void *driver;

static CUresult ask_for_table(const unsigned char id[16])
{
    PFN_cuGetExportTable_v3000 ask =
        (PFN_cuGetExportTable_v3000)dlsym(driver, "cuGetExportTable");
    const void *table;
    CUuuid uuid;

    CHECK(ask != NULL);
    memcpy(uuid.bytes, id, sizeof(uuid.bytes));
    return ask(&table, &uuid);
}

/* The tables that the runtime of CUDA 13.0 asks for when it is given those
 * before. */
static void go_on_as_the_runtime(void)
{
    static const unsigned char tables[][16] = {
        {0xa0, 0x94, 0x79, 0x8c, 0x2e, 0x74, 0x2e, 0x74, 0x93, 0xf2, 0x08,
         0x00, 0x20, 0x0c, 0x0a, 0x66},
        {0x42, 0xd8, 0x5a, 0x81, 0x23, 0xf6, 0xcb, 0x47, 0x82, 0x98, 0xf6,
         0xe7, 0x8a, 0x3a, 0xec, 0xdc},
        {0xc6, 0x93, 0x33, 0x6e, 0x11, 0x21, 0xdf, 0x11, 0xa8, 0xc3, 0x68,
         0xf3, 0x55, 0xd8, 0x95, 0x93},
        {0x26, 0x3e, 0x88, 0x60, 0x7c, 0xd2, 0x61, 0x43, 0x92, 0xf6, 0xbb,
         0xd5, 0x00, 0x6d, 0xfa, 0x7e},
        {0xd4, 0x08, 0x20, 0x55, 0xbd, 0xe6, 0x70, 0x4b, 0x8d, 0x34, 0xba,
         0x12, 0x3c, 0x66, 0xe1, 0xf2},
    };
    size_t i;

    for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        CHECK_EQUAL(ask_for_table(tables[i]), CUDA_ERROR_NOT_FOUND);
    }
}

static void *load_runtime(void)
{
    const char *cuda = getenv("CUDA_HOME");
    char path[4096];

    snprintf(path, sizeof(path), "%s/lib64/libcudart.so",
             cuda == NULL ? "/usr/local/cuda" : cuda);
    if (access(path, R_OK) != 0) {
        printf("no %s\n", path);
        fflush(stdout);
        _exit(77);
    }
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static void start_runtime(void)
{
    void *runtime = load_runtime();
    uint64_t n_lookups = cu.simcuda_calls("cuGetProcAddress_v2");
    int (*allocate)(void **, size_t);
    void *memory = NULL;

    CHECK(runtime != NULL);
    allocate = (int (*)(void **, size_t))dlsym(runtime, "cudaMalloc");
    CHECK(allocate != NULL);
    CHECK(allocate(&memory, 4096) != 0);
    CHECK(cu.simcuda_calls("cuGetProcAddress_v2") - n_lookups > 300);
    CHECK(cu.simcuda_calls("cuGetExportTable") > 0);
    driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    go_on_as_the_runtime();
}

/* Uploaded and offloaded once; then a launch proves all of them. */
static struct weight *start_with_a_cohort(void)
{
    struct weight *weights;

    start_runtime();
    weights = learn_many(N_BURST, PART);
    LAUNCHES(1, 0, burst(weights, N_BURST));
    LAUNCHES(0, 0, burst(weights, N_BURST));
    return weights;
}

static void program_of_the_runtime_has_cohorts(void)
{
    struct weight *weights = start_with_a_cohort();

    launch_fill(weights[3].device + 64, 0x61616161, 16, NULL);
    changed_expecting(&weights[3], 64, 64, 0x61, NULL);
}

static void another_table_ends_them(void)
{
    static const unsigned char table[16] = {
        0x21, 0x31, 0x8c, 0x60, 0x97, 0x14, 0x32, 0x48,
        0x8c, 0xa6, 0x41, 0xff, 0x73, 0x24, 0xc8, 0xf2,
    };
    struct weight *weights = start_with_a_cohort();

    CHECK_EQUAL(ask_for_table(table), CUDA_ERROR_NOT_FOUND);
    LAUNCHES(N_BURST, 0, burst(weights, N_BURST));
}

static void interop_ends_them(void)
{
    struct weight *weights = start_with_a_cohort();
    CUresult (*share)(CUgraphicsResource *, unsigned, unsigned) =
        (CUresult (*)(CUgraphicsResource *, unsigned, unsigned))dlsym(
            driver, "cuGraphicsGLRegisterBuffer");
    CUgraphicsResource resource;

    CHECK(share != NULL);
    LAUNCHES(0, 0, burst(weights, N_BURST));
    CHECK_EQUAL(share(&resource, 1, 0), CUDA_ERROR_NOT_SUPPORTED);
    LAUNCHES(N_BURST, 0, burst(weights, N_BURST));
}

static const struct negative negatives[] = {
    WITH(program_of_the_runtime_has_cohorts),
    WITH(another_table_ends_them),
    WITH(interop_ends_them),
};

int main(int argc, char **argv)
{
    return negative_main(argc, argv, negatives,
                         sizeof(negatives) / sizeof(negatives[0]));
}
