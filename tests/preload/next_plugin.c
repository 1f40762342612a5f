/*
 * next_plugin.c - loaded RTLD_LOCAL; what RTLD_DEFAULT means to it.
 */
#include <dlfcn.h>
#include <stddef.h>

int next_local_only(void);
int next_plugin_sees(void);

int next_plugin_sees(void)
{
    void *volatile found = dlsym(RTLD_DEFAULT, "next_local_only");

    return found == NULL ? -1 : ((int (*)(void))found)() + next_local_only();
}
