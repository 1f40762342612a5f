/*
 * insider.c - looks names up from a library that is called an injection
 * library (libnv-test-injection.so), which wants the driver as it is.
 */
#include <dlfcn.h>

void *insider_dlsym(void *handle, const char *name);

void *insider_dlsym(void *handle, const char *name)
{
    void *volatile found = dlsym(handle, name); /* no tail call */

    return found;
}
