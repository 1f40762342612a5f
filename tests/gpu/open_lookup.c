/*
 * open_lookup.c - whether cuGetProcAddress hands out what dlsym finds, for
 * every entry that the shim's tables know, and which entries share one
 * address: the shim routes by that.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/lookup.h"
#include "gpu.h"

enum { MOST_NAMED = 20 };

/* A list of names as one text; only the first ones have room. */
struct list {
    char text[MOST_NAMED * 80];
    unsigned n;
};

static void add(struct list *list, const char *name, const char *other)
{
    size_t used = strlen(list->text);

    if (list->n++ < MOST_NAMED) {
        snprintf(list->text + used, sizeof(list->text) - used, "%s%s%s%s",
                 used > 0 ? " " : "", name, other != NULL ? "=" : "",
                 other != NULL ? other : "");
    }
}

static void *ask(const struct csh_row *row, int version)
{
    CUdriverProcAddressQueryResult found =
        CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
    cuuint64_t flags = row->is_per_thread
                           ? CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM
                           : CU_GET_PROC_ADDRESS_LEGACY_STREAM;
    void *address = NULL;

    if (cu.cuGetProcAddress_v2(row->base, &address, version, flags,
                               &found) != CUDA_SUCCESS) {
        return NULL;
    }
    return address;
}

static void resolver_and_names(void)
{
    struct list differ = {{0}, 0}, absent = {{0}, 0}, shared = {{0}, 0};
    static void *direct[CSH_N_ROWS];
    size_t i, j, n_asked = 0;

    for (i = 0; i < CSH_N_ROWS; i++) {
        const struct csh_row *row = &csh_rows[i];

        if (row->symbol == NULL || row->symbol[0] == '\0') {
            continue;
        }
        direct[i] = dlsym(gpu_library, row->symbol);
        if (direct[i] == NULL) {
            add(&absent, row->symbol, NULL);
            continue;
        }
        n_asked++;
        if (ask(row, row->since) != direct[i]) {
            add(&differ, row->symbol, NULL);
        }
        for (j = 0; j < i; j++) {
            if (direct[j] == direct[i]) {
                add(&shared, csh_rows[j].symbol, row->symbol);
            }
        }
    }
    gpu_say_number("entries_asked", (double)n_asked, "entries", NULL);
    gpu_say_truth("resolver_hands_out_what_dlsym_finds", differ.n == 0, true,
                  differ.text);
    gpu_say_truth("two_entries_share_an_address", shared.n > 0, false,
                  shared.text);
    gpu_say_number("entries_absent", (double)absent.n, "entries",
                   absent.text);
}

static void say_answer(const char *label, const char *name, int version)
{
    CUdriverProcAddressQueryResult found = (CUdriverProcAddressQueryResult)99;
    void *address = NULL;
    CUresult result =
        cu.cuGetProcAddress_v2(name, &address, version, 0, &found);
    char text[160];

    snprintf(text, sizeof(text), "%s, %s, status %d",
             result == CUDA_SUCCESS ? "success" : gpu_error_name(result),
             address != NULL ? "a pointer" : "no pointer", (int)found);
    gpu_say_text(label, text, "what cuGetProcAddress_v2 answers");
}

static void odd_requests(void)
{
    int version = 0;

    OK(cu.cuDriverGetVersion(&version));
    say_answer("resolver_of_the_empty_name", "", 0);
    say_answer("resolver_of_no_such_name", "cuNoSuchEntry", 12000);
    say_answer("resolver_beyond_the_driver", "cuMemAlloc", version + 1000);
    say_answer("resolver_graph_instantiate", "cuGraphInstantiate", 12000);
    say_answer("resolver_of_itself", "cuGetProcAddress", 12000);
}

static const struct gpu_point points[] = {
    {"resolver_and_names", resolver_and_names},
    {"odd_requests", odd_requests},
};

int main(int argc, char **argv)
{
    return gpu_main(argc, argv, points, sizeof(points) / sizeof(points[0]));
}
