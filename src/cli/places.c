/*
 * places.c - finding what belongs to the command, by /proc/self/exe.
 *
 * The installed tree may have been moved as a whole, so what counts is how
 * the library folder lies relative to the program folder.
 */
#include "cli/places.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The folder that the command lies in, without a slash at the end. */
static bool own_folder(char *folder_p)
{
    ssize_t n = readlink("/proc/self/exe", folder_p, PATH_MAX - 1);
    char *slash;

    if (n <= 0) {
        return false;
    }
    folder_p[n] = '\0';
    slash = strrchr(folder_p, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    return true;
}

/* How many bytes of whole leading components two absolute paths share. */
static size_t shared_bytes(const char *a, const char *b)
{
    size_t i, shared = 0;

    for (i = 0;; ++i) {
        bool a_ends = a[i] == '/' || a[i] == '\0';
        bool b_ends = b[i] == '/' || b[i] == '\0';

        if (a_ends && b_ends) {
            shared = i;
        }
        if (a[i] != b[i] || a[i] == '\0') {
            return shared;
        }
    }
}

/* Climbs from where CSH_BINDIR is now to what it shares with CSH_LIBDIR, and
 * down again. False if the command does not lie as deep as it should. */
static bool library_folder(char *folder_p)
{
    size_t shared = shared_bytes(CSH_BINDIR, CSH_LIBDIR);
    const char *above = &CSH_BINDIR[shared];
    size_t n;

    if (!own_folder(folder_p)) {
        return false;
    }
    for (; *above != '\0'; ++above) {
        char *slash = strrchr(folder_p, '/');

        if (*above == '/' && above[1] != '\0') {
            if (slash == NULL) {
                return false;
            }
            *slash = '\0';
        }
    }
    n = strlen(folder_p);
    return snprintf(folder_p + n, PATH_MAX - n, "%s",
                    &CSH_LIBDIR[shared]) < (int)(PATH_MAX - n);
}

/* Adds what is looked for; true if it is there. */
static bool is_there(char *place_p, const char *name)
{
    size_t n = strlen(place_p);

    return snprintf(place_p + n, PATH_MAX - n, "/%s", name) <
               (int)(PATH_MAX - n) &&
           access(place_p, R_OK) == 0;
}

/* What is `built` below the build tree and `installed` below the library
 * folder. */
static bool find(const char *built, const char *installed, char *place_p)
{
    if (own_folder(place_p) && is_there(place_p, built)) {
        return true;
    }
    if (library_folder(place_p) && is_there(place_p, installed)) {
        return true;
    }
    snprintf(place_p, PATH_MAX, "%s", CSH_LIBDIR);
    return is_there(place_p, installed);
}

bool csh_place_shim(char *place_p)
{
    return find(".libs/libcushadow.so", "libcushadow.so", place_p);
}

bool csh_place_simulated_driver(char *place_p)
{
    char *slash;

    if (!find("tests/sim/.libs/libcuda.so.1", "cushadow/sim/libcuda.so.1",
              place_p)) {
        return false;
    }
    slash = strrchr(place_p, '/');
    *slash = '\0';
    return true;
}
