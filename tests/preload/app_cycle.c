/*
 * app_cycle.c - a cycle of work through dlsym or cuGetProcAddress.
 *
 *   app_cycle dlsym|gpa1|gpa2 legacy|per-thread
 */
#include "app.h"

int main(int argc, char **argv)
{
    struct app_driver driver;

    APP_CHECK(argc == 3);
    app_check_preload();
    app_find_driver(&driver, argv[1], argv[2]);
    app_begin(&driver);
    app_cycle(&driver);
    app_end(&driver);
    return 0;
}
