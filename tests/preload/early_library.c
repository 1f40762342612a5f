/*
 * early_library.c - a library whose constructor opens the driver itself and
 * looks entries up by dlsym, as libcublasLt does.
 */
#include "app.h"

int early_library_worked(void);

static int has_worked;

__attribute__((constructor)) static void work_early(void)
{
    struct app_driver driver;

    app_find_driver(&driver, "dlsym", "legacy");
    app_begin(&driver);
    APP_CHECK(app_cycle_quietly(&driver) == 0);
    app_find_driver(&driver, "gpa2", "per-thread");
    APP_CHECK(app_cycle_quietly(&driver) == 0);
    app_end(&driver);
    has_worked = 1;
}

int early_library_worked(void)
{
    return has_worked;
}
