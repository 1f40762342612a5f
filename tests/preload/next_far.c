/*
 * next_far.c - a library behind the program: it has the program's next_who,
 * and nothing is behind it.
 */
#include <dlfcn.h>
#include <stddef.h>

int next_who(void);
int next_is_behind_far(void);

int next_who(void)
{
    return 2;
}

int next_is_behind_far(void)
{
    void *volatile next = dlsym(RTLD_NEXT, "next_who");

    return next != NULL;
}
