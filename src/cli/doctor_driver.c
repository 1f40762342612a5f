/*
 * doctor_driver.c - what the doctor asks of the CUDA driver: the one that a
 * program would load, loaded as a program loads it.
 *
 * Owns nothing but what a check makes and takes back: the primary context of
 * the first device, and a block that is registered for a moment.
 */
#include <cuda.h>
#include <cudaTypedefs.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "cli/doctor.h"
#include "engine/calls.h"

/* As much as a slab begins with. */
#define TRIAL_BYTES ((size_t)64 << 20)

static const char no_gain[] =
    "without it there is nothing that the shim could speed up";

/* What the engine cannot do without. */
static const char *missing_entry(void *library)
{
#define CSH_X(symbol_, type_)              \
    if (dlsym(library, #symbol_) == NULL) { \
        return #symbol_;                   \
    }
    CSH_ENGINE_CALLS(CSH_X)
#undef CSH_X
    return NULL;
}

/* A row for each call that the checks make. */
#define TRIAL_CALLS(X)                                                  \
    X(cuInit, PFN_cuInit_v2000)                                         \
    X(cuDriverGetVersion, PFN_cuDriverGetVersion_v2020)                 \
    X(cuDeviceGetCount, PFN_cuDeviceGetCount_v2000)                     \
    X(cuDeviceGet, PFN_cuDeviceGet_v2000)                               \
    X(cuDeviceGetName, PFN_cuDeviceGetName_v2000)                       \
    X(cuDeviceTotalMem_v2, PFN_cuDeviceTotalMem_v3020)                  \
    X(cuDeviceGetAttribute, PFN_cuDeviceGetAttribute_v2000)             \
    X(cuDevicePrimaryCtxRetain, PFN_cuDevicePrimaryCtxRetain_v7000)     \
    X(cuDevicePrimaryCtxRelease_v2, PFN_cuDevicePrimaryCtxRelease_v11000) \
    X(cuCtxSetCurrent, PFN_cuCtxSetCurrent_v4000)                       \
    X(cuMemHostRegister_v2, PFN_cuMemHostRegister_v6050)                \
    X(cuMemHostUnregister, PFN_cuMemHostUnregister_v4000)

struct calls {
#define CSH_X(symbol_, type_) type_ symbol_;
    TRIAL_CALLS(CSH_X)
#undef CSH_X
};

/* False if one is missing; all are old. */
static bool bind(void *library, struct calls *calls_p)
{
    bool is_complete = true;

#define CSH_X(symbol_, type_)                             \
    *(void **)&calls_p->symbol_ = dlsym(library, #symbol_); \
    is_complete = is_complete && calls_p->symbol_ != NULL;
    TRIAL_CALLS(CSH_X)
#undef CSH_X
    return is_complete;
}

void csh_doctor_check_driver(struct csh_doctor *doctor,
                             struct csh_finding *finding_p)
{
    const char *missing;
    struct calls calls;
    int version = 0;

    doctor->library = dlopen(doctor->driver, RTLD_NOW | RTLD_LOCAL);
    if (doctor->library == NULL) {
        csh_finding_set(finding_p, CSH_DOCTOR_BAD, no_gain,
                        "install NVIDIA's driver; in a container, start it "
                        "with access to the GPU (--gpus all); to see the shim "
                        "at work without a GPU: cushadow run --sim",
                        "%s", dlerror());
        return;
    }
    missing = missing_entry(doctor->library);
    if (missing != NULL || !bind(doctor->library, &calls)) {
        csh_finding_set(finding_p, CSH_DOCTOR_BAD,
                        "the shim forwards everything on this driver",
                        "install a newer driver (CUDA 12.0 or later is what "
                        "the shim is written for)",
                        "the driver has no %s",
                        missing != NULL ? missing : "entries for a trial");
        return;
    }
    calls.cuDriverGetVersion(&version);
    csh_finding_set(finding_p,
                    version < 12000 ? CSH_DOCTOR_SLOW : CSH_DOCTOR_GOOD,
                    version < 12000 ? "older than what the shim is written "
                                      "for; it forwards what it misses"
                                    : "it has all that the shim calls",
                    version < 12000 ? "install a newer driver" : "",
                    "%s, for CUDA %d.%d", doctor->driver, version / 1000,
                    version % 1000 / 10);
}

/* Driver and devices as they are once cuInit has run. */
static bool start(struct csh_doctor *doctor, struct calls *calls_p,
                  int *n_devices_p, CUresult *result_p)
{
    *n_devices_p = 0;
    *result_p = CUDA_SUCCESS;
    if (doctor->library == NULL || !bind(doctor->library, calls_p)) {
        return false;
    }
    *result_p = calls_p->cuInit(0);
    return *result_p == CUDA_SUCCESS &&
           calls_p->cuDeviceGetCount(n_devices_p) == CUDA_SUCCESS &&
           *n_devices_p > 0;
}

static bool has(const struct calls *calls, CUdevice device,
                CUdevice_attribute attribute)
{
    int value = 0;

    return calls->cuDeviceGetAttribute(&value, attribute, device) ==
               CUDA_SUCCESS &&
           value != 0;
}

/* As engine/devices.h judges them. */
static bool is_suited(const struct calls *calls, CUdevice device)
{
    const CUdevice_attribute coherent =
        CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS_USES_HOST_PAGE_TABLES;

    return !has(calls, device, CU_DEVICE_ATTRIBUTE_INTEGRATED) &&
           !has(calls, device, coherent);
}

static void name_devices(const struct calls *calls, int n_devices,
                         char *text_p, size_t room)
{
    char name[64] = "";
    size_t bytes = 0, n = 0;
    CUdevice device;
    int i;

    for (i = 0; i < n_devices && n < room; ++i) {
        calls->cuDeviceGet(&device, i);
        calls->cuDeviceGetName(name, sizeof(name), device);
        calls->cuDeviceTotalMem_v2(&bytes, device);
        n += (size_t)snprintf(text_p + n, room - n, "%s%d: %s, %zu MiB%s",
                              i > 0 ? "; " : "", i, name, bytes >> 20,
                              is_suited(calls, device)
                                  ? "" : " (shares the host's memory)");
    }
}

void csh_doctor_check_gpu(struct csh_doctor *doctor,
                          struct csh_finding *finding_p)
{
    int n_devices, n_suited = 0, i;
    struct calls calls;
    CUresult result;
    CUdevice device;
    char names[200];

    if (doctor->library == NULL) {
        finding_p->verdict = CSH_DOCTOR_SKIPPED;
        return;
    }
    if (!start(doctor, &calls, &n_devices, &result)) {
        csh_finding_set(finding_p, CSH_DOCTOR_BAD, no_gain,
                        "see that nvidia-smi lists it, that the container "
                        "was given it, and what CUDA_VISIBLE_DEVICES is",
                        "no GPU to use (the driver's answer is %d)",
                        (int)result);
        return;
    }
    for (i = 0; i < n_devices; ++i) {
        calls.cuDeviceGet(&device, i);
        n_suited += is_suited(&calls, device);
    }
    name_devices(&calls, n_devices, names, sizeof(names));
    csh_finding_set(finding_p,
                    n_suited > 0 ? CSH_DOCTOR_GOOD : CSH_DOCTOR_BAD,
                    n_suited == n_devices
                        ? "weights go over a bus, which is what shadows spare"
                        : "a GPU that shares the host's memory copies nothing "
                          "over a bus: its copies are forwarded", "", "%s",
                    names);
}

/* CUDA_ERROR_UNKNOWN without a context to try in. */
static CUresult register_once(const struct calls *calls, void *block)
{
    CUresult result = CUDA_ERROR_UNKNOWN;
    CUcontext context;
    CUdevice device;

    if (calls->cuDeviceGet(&device, 0) != CUDA_SUCCESS ||
        calls->cuDevicePrimaryCtxRetain(&context, device) != CUDA_SUCCESS) {
        return result;
    }
    if (calls->cuCtxSetCurrent(context) == CUDA_SUCCESS) {
        result = calls->cuMemHostRegister_v2(block, TRIAL_BYTES,
                                             CU_MEMHOSTREGISTER_PORTABLE);
        if (result == CUDA_SUCCESS) {
            calls->cuMemHostUnregister(block);
        }
        calls->cuCtxSetCurrent(NULL);
    }
    calls->cuDevicePrimaryCtxRelease_v2(device);
    return result;
}

void csh_doctor_check_registration(struct csh_doctor *doctor,
                                   struct csh_finding *finding_p)
{
    struct calls calls;
    CUresult result;
    int n_devices;
    void *block;

    if (!start(doctor, &calls, &n_devices, &result)) {
        finding_p->verdict = CSH_DOCTOR_SKIPPED;
        return;
    }
    block = mmap(NULL, TRIAL_BYTES, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    result = block != MAP_FAILED ? register_once(&calls, block)
                                 : CUDA_ERROR_OUT_OF_MEMORY;
    if (block != MAP_FAILED) {
        munmap(block, TRIAL_BYTES);
    }
    if (result == CUDA_SUCCESS) {
        csh_finding_set(finding_p, CSH_DOCTOR_GOOD,
                        "reloads go at the speed of the link", "",
                        "the driver pinned %zu MiB", TRIAL_BYTES >> 20);
    } else {
        csh_finding_set(finding_p, CSH_DOCTOR_SLOW,
                        "shadows stay pageable: proven offloads cost nothing "
                        "all the same, reloads are as slow as ever",
                        "under WSL2, raise what Windows lets a GPU share; in "
                        "a container, raise its memory limit",
                        "the driver would not pin %zu MiB (it answered %d)",
                        TRIAL_BYTES >> 20, (int)result);
    }
}
