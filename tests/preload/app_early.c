/*
 * app_early.c - a program whose libraries used the driver before main: one by
 * dlsym, one by ELF symbols.
 */
#include <stdio.h>

#include "app.h"

int early_library_worked(void);
int linked_library_work(void);

int main(void)
{
    app_check_preload();
    APP_CHECK(early_library_worked() == 1);
    printf("work in constructors done\n");
    printf("wrong afterwards: %d\n", linked_library_work());
    return 0;
}
