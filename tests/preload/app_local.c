/*
 * app_local.c - loads, with RTLD_LOCAL, a plug-in that is linked with -lcuda:
 * the driver is in no scope but the plug-in's.
 */
#include <dlfcn.h>
#include <stdio.h>

#include "app.h"

int main(void)
{
    void *plugin = dlopen("liblinked_library.so", RTLD_NOW | RTLD_LOCAL);
    int (*work)(void);

    app_check_preload();
    APP_CHECK(plugin != NULL);
    /* The simulated driver exports this and no shim does. */
    APP_CHECK(dlsym(RTLD_DEFAULT, "cuInit") == NULL);
    work = (int (*)(void))dlsym(plugin, "linked_library_work");
    APP_CHECK(work != NULL);
    printf("wrong: %d\n", work());
    return 0;
}
