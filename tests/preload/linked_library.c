/*
 * linked_library.c - a library that is linked with -lcuda and works in its
 * constructor if LINKED_LIBRARY_WORKS_EARLY is set, that is before main and,
 * when the program needs the library, before the constructors of preloaded
 * objects.
 */
#include "linked.h"

#include <stdlib.h>

int linked_library_work(void);

int linked_library_work(void)
{
    struct app_driver driver;
    int n_wrong;

    app_link_driver(&driver);
    app_begin(&driver);
    n_wrong = app_cycle_quietly(&driver);
    app_end(&driver);
    return n_wrong;
}

__attribute__((constructor)) static void work_early(void)
{
    if (getenv("LINKED_LIBRARY_WORKS_EARLY") != NULL) {
        APP_CHECK(linked_library_work() == 0);
    }
}
