/*
 * cgroups.c - see cgroups.h. Owns nothing between calls, takes no lock.
 */
#include "base/cgroups.h"

#include <stdio.h>
#include <string.h>

#include "base/text_file.h"

/* Longer paths are not looked at; their ancestors are. */
#define PATH_BYTES 1024
#define LINES_BYTES 4096

/* What is told of each group. */
struct walk {
    const char *cgroup_root, *controller;
    csh_cgroup_fn *visit;
    void *opaque;
};

/* A group and its ancestors up to the root of the mount. */
static void walk_up(const struct walk *walk, const char *mount,
                    const char *path, bool is_version_2)
{
    char directory[PATH_BYTES];
    size_t root = strlen(mount);
    int length  = snprintf(directory, sizeof(directory), "%s%s", mount,
                           path);
    char *slash;

    if ((length < 0) || (root >= sizeof(directory))) {
        return;
    }

    for (;;) {
        walk->visit(directory, is_version_2, walk->opaque);
        slash = strrchr(directory, '/');
        if ((slash == NULL) || (slash < directory + root)) {
            return;
        }
        *slash = '\0';
    }
}

/* Whether a list with commas between its names, and a colon behind it, has
 * the controller's. */
static bool names_controller(const struct walk *walk, const char *list)
{
    size_t wanted = strlen(walk->controller);
    size_t length = strcspn(list, ",:");

    while (((length != wanted) ||
            (memcmp(list, walk->controller, length) != 0)) &&
           (list[length] == ',')) {
        list  += length + 1;
        length = strcspn(list, ",:");
    }
    return (length == wanted) &&
           (memcmp(list, walk->controller, length) == 0);
}

/* One line of /proc/self/cgroup: "ID:CONTROLLERS:PATH". The list is empty in
 * version 2; a controller of version 1 has a link of its name where it is
 * mounted together with others. */
static void walk_line(const struct walk *walk, const char *line)
{
    const char *list = strchr(line, ':');
    const char *path = (list == NULL) ? NULL : strchr(list + 1, ':');
    char mount[PATH_BYTES];

    if (path == NULL) {
        return;
    }

    if (path > list + 1) {
        if (names_controller(walk, list + 1)) {
            snprintf(mount, sizeof(mount), "%s/%s", walk->cgroup_root,
                     walk->controller);
            walk_up(walk, mount, path + 1, false);
        }
        return;
    }

    /* Version 2 is mounted at the root, or beside version 1 one below. */
    walk_up(walk, walk->cgroup_root, path + 1, true);
    snprintf(mount, sizeof(mount), "%s/unified", walk->cgroup_root);
    walk_up(walk, mount, path + 1, true);
}

void csh_cgroups_each(const struct csh_system_roots *roots,
                      const char *controller, csh_cgroup_fn *visit,
                      void *opaque)
{
    const struct walk walk = {roots->cgroup, controller, visit, opaque};
    char lines[LINES_BYTES];
    char *line = lines;
    char *end;

    if (!csh_text_read(roots->proc, "self/cgroup", lines, sizeof(lines))) {
        return;
    }

    while (*line != '\0') {
        end = strchr(line, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        walk_line(&walk, line);
        line = (end == NULL) ? line + strlen(line) : end + 1;
    }
}
