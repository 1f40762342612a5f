/*
 * app_next.c - what RTLD_NEXT and RTLD_DEFAULT mean to this program, to a
 * library of it and to a plug-in. Built at -O0 and at -O2: a dlsym that is a
 * C function passes at one and fails at the other.
 */
#include <dlfcn.h>
#include <stdio.h>

#include "app.h"

int next_who(void);
int next_is_behind_far(void);

static int depth;

/* As every interposer does: asks who comes next, and calls it. */
int next_who(void)
{
    int (*next)(void);

    if (++depth > 1) {
        return -1; /* sent back to itself */
    }
    next = (int (*)(void))dlsym(RTLD_NEXT, "next_who");
    return next == NULL ? -2 : 10 + next();
}

static void meet_plugin(void)
{
    void *plugin = dlopen("libnext_plugin.so", RTLD_NOW | RTLD_LOCAL);
    int (*sees)(void);

    APP_CHECK(plugin != NULL);
    sees = (int (*)(void))dlsym(plugin, "next_plugin_sees");
    APP_CHECK(sees != NULL);
    printf("RTLD_DEFAULT from a plug-in: %d\n", sees());
    printf("the same from the program: %s\n",
           dlsym(RTLD_DEFAULT, "next_local_only") == NULL ? "none" : "one");
}

static void look_wrongly(void)
{
    void *self = dlopen(NULL, RTLD_NOW);

    APP_CHECK(self != NULL);
    (void)dlerror();
    APP_CHECK(dlsym(self, "no_such_name") == NULL);
    printf("%s\n", dlerror());
    APP_CHECK(dlsym(self, "next_who") == (void *)next_who);
    APP_CHECK(dlerror() == NULL);
    APP_CHECK(dlsym(RTLD_NEXT, "no_such_name") == NULL);
    printf("%s\n", dlerror());
    APP_CHECK(dlsym(RTLD_DEFAULT, "cuNoSuchName_v2") == NULL);
    printf("%s\n", dlerror());
}

/* Binding the shim to the driver is no look-up of the program's. */
static void look_at_errors(void)
{
    void *driver = dlopen("libcuda.so.1", RTLD_NOW);

    APP_CHECK(driver != NULL);
    APP_CHECK(dlsym(driver, "cuNoSuchName") == NULL);
    APP_CHECK(dlerror() != NULL);
    APP_CHECK(dlsym(driver, "cuMemAlloc_v2") != NULL);
    APP_CHECK(dlerror() == NULL);
    APP_CHECK(dlsym(driver, "cuMemAlloc_v99") == NULL);
    APP_CHECK(dlsym(driver, "cuMemFree_v2") != NULL);
    APP_CHECK(dlerror() == NULL);
    APP_CHECK(((PFN_cuInit_v2000)dlsym(driver, "cuInit"))(0) == 0);
}

int main(void)
{
    app_check_preload();
    printf("RTLD_NEXT from the program: %d\n", next_who());
    printf("RTLD_NEXT from the last library: %d\n", next_is_behind_far());
    printf("RTLD_DEFAULT from the program: %d\n",
           dlsym(RTLD_DEFAULT, "next_who") == (void *)next_who);
    meet_plugin();
    look_wrongly();
    look_at_errors();
    return 0;
}
