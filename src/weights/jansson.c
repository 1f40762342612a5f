/*
 * jansson.c - see jansson.h. Owns nothing; any thread, with a struct of its
 * own.
 */
#include "weights/jansson.h"

#ifdef CSH_HAS_JANSSON
#include <dlfcn.h>
#include <string.h>

static bool find_functions(struct csh_jansson *jansson)
{
    bool has_all = true;
    void *found;

#define X(name_)                                               \
    found = dlsym(jansson->library, "json_" #name_);           \
    memcpy(&jansson->name_, &found, sizeof(found));            \
    has_all = has_all && (found != NULL);
    CSH_JANSSON_FUNCTIONS(X)
#undef X
    return has_all;
}

bool csh_jansson_load(struct csh_jansson *jansson)
{
    jansson->library = dlopen(CSH_JANSSON_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if ((jansson->library != NULL) && !find_functions(jansson)) {
        csh_jansson_unload(jansson);
    }
    return jansson->library != NULL;
}

void csh_jansson_unload(struct csh_jansson *jansson)
{
    if (jansson->library != NULL) {
        dlclose(jansson->library);
    }
    jansson->library = NULL;
}

#endif
