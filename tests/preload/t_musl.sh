#!/bin/sh
# A program of another C library starts with the shim preloaded, and its dlsym
# works as before.
. "$(dirname "$0")/harness.sh"
command -v musl-gcc >/dev/null || skip "no musl-gcc"
[ -z "${CSH_SANITIZER_PRELOAD:-}" ] ||
    skip "the sanitizer's run time does not load into a musl program"

cat >"$scratch/program.c" <<'C'
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int answer(void)
{
    return 42;
}

static int is_loaded(void)
{
    char line[4096];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");

    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        found |= strstr(line, "libcushadow") != NULL;
    }
    return found;
}

int main(int argc, char **argv)
{
    void *self = dlopen(NULL, RTLD_NOW);
    int (*found)(void) = (int (*)(void))dlsym(self, "answer");

    if (argc > 1) {
        return is_loaded() ? 0 : 1;
    }
    errno = 7;
    printf("%d\n", found());
    printf("%d\n", dlsym(self, "cuNoSuchName") == NULL);
    printf("%s\n", dlerror());
    printf("%d\n", dlsym(RTLD_DEFAULT, "puts") == (void *)puts);
    printf("%d\n", dlsym(RTLD_NEXT, "printf") != NULL);
    printf("%d\n", dlsym(RTLD_NEXT, "no_such_name") == NULL);
    printf("%s\n", argv[0] != NULL ? "done" : "");
    return 3;
}
C
check "builds" musl-gcc -w -rdynamic -D_GNU_SOURCE -o "$scratch/program" \
    "$scratch/program.c"
"$scratch/program" >"$scratch/plain" 2>&1
echo "status $?" >>"$scratch/plain"
LD_PRELOAD=$CSH_SHIM "$scratch/program" >"$scratch/shadowed" 2>&1
echo "status $?" >>"$scratch/shadowed"
check "same output and status" diff "$scratch/plain" "$scratch/shadowed"
check "ends well" grep -q '^status 3$' "$scratch/plain"
check "the shim is loaded" env LD_PRELOAD="$CSH_SHIM" "$scratch/program" loaded
finish
