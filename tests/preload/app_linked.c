/*
 * app_linked.c - a cycle of work by a program that is linked with -lcuda.
 * Built twice, for the legacy and for the per-thread default stream.
 */
#include "linked.h"

int main(void)
{
    struct app_driver driver;

    app_check_preload();
    app_link_driver(&driver);
    app_begin(&driver);
    app_cycle(&driver);
    app_end(&driver);
    return 0;
}
