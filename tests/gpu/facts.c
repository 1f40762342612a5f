/*
 * facts.c - what this machine is, and how fast its link and its memory are:
 * the raw ceilings that everything else is held against, by the driver's own
 * calls. The link's generation and width are read while it is under load: at
 * rest a card turns it down.
 *
 *     facts [--ceilings] [BYTES]
 *
 * BYTES of the ranges that are copied (default 1 GiB); --ceilings leaves out
 * what the machine is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "gpu.h"

enum { TIMES = 7 };

static size_t n_bytes = (size_t)1 << 30;
static void *pinned, *pageable;
static CUdeviceptr device, target, sum;

static int attribute(CUdevice_attribute name)
{
    int value = -1;

    return cu.cuDeviceGetAttribute(&value, name, gpu_device) == CUDA_SUCCESS
               ? value
               : -1;
}

static void say_machine(void)
{
    struct utsname system;
    char name[128];
    int version;

    OK(cu.cuDeviceGetName(name, sizeof(name), gpu_device));
    OK(cu.cuDriverGetVersion(&version));
    gpu_say_text("card", name, NULL);
    gpu_say_number("driver_cuda", version, "version", NULL);
    gpu_say_number("headers_cuda", CUDA_VERSION, "version", NULL);
    if (uname(&system) == 0) {
        gpu_say_text("kernel", system.release, NULL);
        gpu_say_text("processor", system.machine, NULL);
    }
    gpu_say_number("multiprocessors",
                   attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT), "",
                   NULL);
    gpu_say_number("copy_engines",
                   attribute(CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT), "",
                   NULL);
    gpu_say_truth("integrated",
                  attribute(CU_DEVICE_ATTRIBUTE_INTEGRATED) == 1, false,
                  NULL);
    gpu_say_number("reads_pageable_memory",
                   attribute(CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS), "",
                   "1: by faults (HMM) or by the host's page tables");
    gpu_say_truth("uses_host_page_tables",
                  attribute(
            CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS_USES_HOST_PAGE_TABLES) ==
                      1,
                  false, "if so the shim keeps no shadows");
}

static void say_file(const char *label, const char *folder, const char *file)
{
    char path[256], text[64] = "";
    FILE *stream;

    snprintf(path, sizeof(path), "%s/%s", folder, file);
    stream = fopen(path, "r");
    if (stream != NULL) {
        if (fgets(text, sizeof(text), stream) != NULL) {
            text[strcspn(text, "\n")] = '\0';
            gpu_say_text(label, text, path);
        }
        fclose(stream);
    }
}

static void say_link(void)
{
    char folder[128];

    snprintf(folder, sizeof(folder), "/sys/bus/pci/devices/%04x:%02x:%02x.0",
             attribute(CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID),
             attribute(CU_DEVICE_ATTRIBUTE_PCI_BUS_ID),
             attribute(CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID));
    say_file("link_speed_under_load", folder, "current_link_speed");
    say_file("link_width_under_load", folder, "current_link_width");
    say_file("link_speed_most", folder, "max_link_speed");
    say_file("link_width_most", folder, "max_link_width");
    say_file("numa_node", folder, "numa_node");
}

static void copy_up(void)
{
    OK(cu.cuMemcpyHtoDAsync_v2(device, pinned, n_bytes, NULL));
}

static void copy_down(void)
{
    OK(cu.cuMemcpyDtoHAsync_v2(pinned, device, n_bytes, NULL));
}

static void copy_up_pageable(void)
{
    OK(cu.cuMemcpyHtoDAsync_v2(device, pageable, n_bytes, NULL));
}

static void copy_down_pageable(void)
{
    OK(cu.cuMemcpyDtoHAsync_v2(pageable, device, n_bytes, NULL));
}

static void copy_across(void)
{
    OK(cu.cuMemcpyDtoDAsync_v2(target, device, n_bytes, NULL));
}

static void copy_by_kernel(void)
{
    gpu_copy(target, device, n_bytes, NULL);
}

static void read_all(void)
{
    gpu_read(device, n_bytes, sum, NULL);
}

/* Some launches at once where one is short, so that the wait is small beside
 * them. */
static void say_speed(const char *name, void (*work)(void), int at_once,
                      const char *remark)
{
    double took[TIMES], start;
    int i, k;

    for (i = -1; i < TIMES; i++) {
        start = gpu_now();
        for (k = 0; k < at_once; k++) {
            work();
        }
        OK(cu.cuCtxSynchronize());
        if (i >= 0) {
            took[i] = gpu_now() - start;
        }
    }
    gpu_say_number(name, (double)n_bytes * at_once /
                             gpu_median(took, TIMES) / 1e9,
                   "GB/s", remark);
}

static void say_ceilings(void)
{
    int at_once = gpu_is_simulated ? 1 : 8;

    say_speed("ceiling_h2d_pinned", copy_up, 1, "median of 7");
    say_speed("ceiling_d2h_pinned", copy_down, 1, NULL);
    say_speed("ceiling_h2d_pageable", copy_up_pageable, 1, NULL);
    say_speed("ceiling_d2h_pageable", copy_down_pageable, 1, NULL);
    say_speed("ceiling_d2d", copy_across, at_once,
              "payload; memory moves twice that");
    if (!gpu_is_simulated) {
        say_speed("ceiling_d2d_kernel", copy_by_kernel, at_once,
                  "the same by a kernel");
    }
    say_speed("ceiling_read", read_all, at_once, "a kernel that only reads");
}

int main(int argc, char **argv)
{
    bool all = true;
    int i;

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--ceilings") == 0) {
            all = false;
        } else {
            n_bytes = strtoull(argv[i], NULL, 10) / 4096 * 4096;
        }
    }
    gpu_start();
    if (all) {
        say_machine();
    }
    OK(cu.cuMemHostAlloc(&pinned, n_bytes, 0));
    pageable = malloc(n_bytes);
    if (pageable == NULL) {
        return 1;
    }
    memset(pinned, 0x5a, n_bytes);
    memset(pageable, 0xa5, n_bytes);
    OK(cu.cuMemAlloc_v2(&device, n_bytes));
    OK(cu.cuMemAlloc_v2(&target, n_bytes));
    OK(cu.cuMemAlloc_v2(&sum, 512));
    for (i = 0; all && i < (gpu_is_simulated ? 1 : 40); i++) {
        copy_up();
    }
    if (all) {
        say_link();
    }
    OK(cu.cuCtxSynchronize());
    say_ceilings();
    free(pageable);
    return 0;
}
