/*
 * app_scopes.c - parts of a program that the shim is not in front of, beside
 * parts that it is: a plug-in that binds to the driver itself, and a driver in
 * a name space of its own.
 */
#include "weight.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static void weight_goes_round(struct weight *weight)
{
    int round;

    for (round = 0; round < 3; round++) {
        upload(weight->device, weight->host, WEIGHT, NULL);
        memset(weight->host, 0, WEIGHT);
        REACHES(d2h, 0, WEIGHT,
                offload(weight->host, weight->device, WEIGHT, NULL));
        CHECK(holds(weight->host, WEIGHT, weight->seed));
    }
}

/* What is written behind the shim's back comes back all the same. */
static void write_by(CUresult (*set)(CUdeviceptr, unsigned char, size_t),
                     struct weight *weight)
{
    OK(set(weight->device + 4096, 0x5a, 100));
    changed_expecting(weight, 4096, 100, 0x5a, NULL);
}

static void plug_in_that_binds_deep(void)
{
    struct weight weight = learned(WEIGHT, 1, NULL);
    void *plugin;
    int (*work)(void);

    weight_goes_round(&weight);
    plugin = dlopen("liblinked_library.so", RTLD_NOW | RTLD_LOCAL |
                                                RTLD_DEEPBIND);
    CHECK(plugin != NULL);
    work = (int (*)(void))dlsym(plugin, "linked_library_work");
    CHECK(work != NULL);
    CHECK_EQUAL(work(), 0);
    weight_goes_round(&weight);
    write_by((CUresult (*)(CUdeviceptr, unsigned char, size_t))unseen(
                 "cuMemsetD8_v2"),
             &weight);
}

/* The least that a driver can be used for of which only a handle is known. */
static void use(void *library)
{
    PFN_cuInit_v2000 init = (PFN_cuInit_v2000)dlsym(library, "cuInit");
    PFN_cuDevicePrimaryCtxRetain_v7000 retain =
        (PFN_cuDevicePrimaryCtxRetain_v7000)dlsym(library,
                                                  "cuDevicePrimaryCtxRetain");
    PFN_cuCtxSetCurrent_v4000 set_current =
        (PFN_cuCtxSetCurrent_v4000)dlsym(library, "cuCtxSetCurrent");
    PFN_cuMemAlloc_v3020 allocate =
        (PFN_cuMemAlloc_v3020)dlsym(library, "cuMemAlloc_v2");
    PFN_cuMemFree_v3020 give_back =
        (PFN_cuMemFree_v3020)dlsym(library, "cuMemFree_v2");
    PFN_cuMemcpyHtoD_v3020 copy_in =
        (PFN_cuMemcpyHtoD_v3020)dlsym(library, "cuMemcpyHtoD_v2");
    PFN_cuMemcpyDtoH_v3020 copy_out =
        (PFN_cuMemcpyDtoH_v3020)dlsym(library, "cuMemcpyDtoH_v2");
    uint8_t *host = fresh(WEIGHT);
    CUdeviceptr device;
    CUcontext context;
    int round;

    CHECK(init != NULL && retain != NULL && set_current != NULL &&
          allocate != NULL && give_back != NULL && copy_in != NULL &&
          copy_out != NULL);
    OK(init(0));
    OK(retain(&context, 0));
    OK(set_current(context));
    fill(host, WEIGHT, 77);
    for (round = 0; round < 3; round++) {
        OK(allocate(&device, WEIGHT));
        OK(copy_in(device, host, WEIGHT));
        memset(host, 0, WEIGHT);
        OK(copy_out(host, device, WEIGHT));
        CHECK(holds(host, WEIGHT, 77));
        OK(give_back(device));
    }
    free(host);
}

static void *open_elsewhere(void)
{
    void *library = dlmopen(LM_ID_NEWLM, "libcuda.so.1", RTLD_NOW);

    if (library == NULL) {
        program_fail(__FILE__, __LINE__, "%s", dlerror());
    }
    return library;
}

static void name_space_of_its_own(void)
{
    struct weight weight = learned(WEIGHT, 1, NULL);
    void *library;

    weight_goes_round(&weight);
    library = open_elsewhere();
    CHECK(dlsym(library, "cuMemAlloc_v2") !=
          dlsym(RTLD_DEFAULT, "cuMemAlloc_v2"));
    use(library);
    weight_goes_round(&weight);
    use(library);
}

/* The other driver is there first, so that the shim serves that one. */
static void name_space_before(void)
{
    void *library = open_elsewhere();
    struct weight weight;

    use(library);
    program_start();
    weight = (struct weight){0, fresh(WEIGHT), WEIGHT, 3};
    fill(weight.host, WEIGHT, 3);
    OK(cu.cuMemAlloc_v2(&weight.device, WEIGHT));
    upload(weight.device, weight.host, WEIGHT, NULL);
    memset(weight.host, 0, WEIGHT);
    offload(weight.host, weight.device, WEIGHT, NULL);
    CHECK(holds(weight.host, WEIGHT, 3));
    use(library);
}

static const struct negative scenarios[] = {
    {"plug_in_that_binds_deep", plug_in_that_binds_deep, NULL},
    {"name_space_of_its_own", name_space_of_its_own, NULL},
};

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "name_space_before") == 0) {
        name_space_before();
        return 0;
    }
    return negative_main(argc, argv, scenarios,
                         sizeof(scenarios) / sizeof(scenarios[0]));
}
