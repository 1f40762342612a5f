/*
 * doctor_machine.c - what the doctor asks of the kernel: memory, pages,
 * limits, and what kind of machine this is. Owns nothing but the descriptors
 * of a trial, while it lasts.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/human.h"
#include "base/platform.h"
#include "base/text_file.h"
#include "cli/doctor.h"
#include "shadow/headroom.h"
#include "shadow/page_state.h"

#define MIB (UINT64_C(1) << 20)
/* Below: so little that hardly a model fits. */
#define LITTLE_ROOM (1024 * MIB)
/* What the store leaves to the program in any case (shadow/budget.h). */
#define LEAST_ROOM (64 * MIB)
/* The largest memory file that shadows are held in. */
#define MOST_FILE_BYTES (1024 * MIB)
/* Descriptors of the shim lie above 1023, where they can. */
#define ENOUGH_FILES 1280
/* The kernel's default; aliases take up to a quarter (shadow/alias.h). */
#define USUAL_MAPS 65530

#define HUMAN(bytes_) csh_human_bytes((bytes_), (char[CSH_HUMAN_BYTES]){0})

void csh_finding_set(struct csh_finding *finding_p,
                     enum csh_doctor_verdict verdict, const char *meaning,
                     const char *advice, const char *format, ...)
{
    va_list args;

    finding_p->verdict = verdict;
    finding_p->meaning = meaning;
    finding_p->advice = advice;
    va_start(args, format);
    vsnprintf(finding_p->found, sizeof(finding_p->found), format, args);
    va_end(args);
}

static int create_memory_file(const char *name, unsigned flags)
{
    return memfd_create(name, flags);
}

static int get_limit(int resource, struct rlimit *limit_p)
{
    return getrlimit(resource, limit_p);
}

void csh_doctor_begin(struct csh_doctor *doctor_p)
{
    *doctor_p = (struct csh_doctor){
        .proc = "/proc",
        .cgroup = "/sys/fs/cgroup",
        .dev = "/dev",
        .root = "",
        .driver = "libcuda.so.1",
        .preload = getenv("LD_PRELOAD"),
        .page_mechanisms = CSH_PAGES_BY_ALL,
        .memory_file = create_memory_file,
        .limit = get_limit,
    };
}

/* --- mapping --------------------------------------------------------- */

void csh_doctor_check_memfd(struct csh_doctor *doctor,
                            struct csh_finding *finding_p)
{
    int fd = doctor->memory_file("cushadow-doctor",
                                 MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd >= 0) {
        close(fd);
        csh_finding_set(finding_p, CSH_DOCTOR_GOOD,
                        "offloads can be mapped instead of copied", "",
                        "memfd_create works");
    } else {
        csh_finding_set(finding_p, CSH_DOCTOR_SLOW,
                        "shadows lie in anonymous memory, and each offload "
                        "costs a copy in RAM",
                        "let the container's seccomp profile allow "
                        "memfd_create",
                        "memfd_create is refused");
    }
}

static unsigned offered(const struct csh_doctor *doctor)
{
    struct csh_page_state state;
    unsigned ways;

    csh_page_state_open(&state, doctor->page_mechanisms);
    ways = state.offered;
    csh_page_state_close(&state);
    return ways;
}

static const char *mechanism_text(unsigned bit)
{
#define CSH_X(name_, text_) text_,
    static const char *const texts[] = {CSH_PAGE_MECHANISMS(CSH_X)};
#undef CSH_X

    return texts[bit];
}

/* One question to the kernel, with a fast and a slow way to ask it. */
static void judge_ways(const struct csh_doctor *doctor, unsigned fast,
                       unsigned slow, struct csh_finding *finding_p)
{
    unsigned ways = offered(doctor);

    if ((ways & (1u << fast)) != 0) {
        csh_finding_set(finding_p, CSH_DOCTOR_GOOD,
                        "offloads can be mapped, and what was not touched "
                        "since is not read again", "", "by %s",
                        mechanism_text(fast));
    } else if ((ways & (1u << slow)) != 0) {
        csh_finding_set(finding_p, CSH_DOCTOR_SLOW,
                        "each offload asks the kernel for longer",
                        "a newer kernel has the faster way", "by %s, not %s",
                        mechanism_text(slow), mechanism_text(fast));
    } else {
        csh_finding_set(finding_p, CSH_DOCTOR_SLOW,
                        "offloads are copied, not mapped, and the source of "
                        "each reload is compared",
                        "mount /proc in the container, and let the process "
                        "read its own files there",
                        "neither by %s nor by %s", mechanism_text(fast),
                        mechanism_text(slow));
    }
}

void csh_doctor_check_mappings(struct csh_doctor *doctor,
                               struct csh_finding *finding_p)
{
    judge_ways(doctor, CSH_PAGES_BIT_QUERY, CSH_PAGES_BIT_TEXT, finding_p);
}

void csh_doctor_check_pages(struct csh_doctor *doctor,
                            struct csh_finding *finding_p)
{
    judge_ways(doctor, CSH_PAGES_BIT_SCAN, CSH_PAGES_BIT_PAGEMAP, finding_p);
}

void csh_doctor_check_userfaultfd(struct csh_doctor *doctor,
                                  struct csh_finding *finding_p)
{
    if ((offered(doctor) & CSH_PAGES_BY_USERFAULT) != 0) {
        csh_finding_set(finding_p, CSH_DOCTOR_GOOD,
                        "what others watch is known, all else can be mapped",
                        "", "userfaultfd works");
    } else {
        csh_finding_set(finding_p, CSH_DOCTOR_SLOW,
                        "memory that somebody may have registered with it is "
                        "copied into, not mapped",
                        "set vm.unprivileged_userfaultfd, or let the "
                        "container's seccomp profile allow the call",
                        "userfaultfd is refused");
    }
}

/* --- memory ---------------------------------------------------------- */

void csh_doctor_check_room(struct csh_doctor *doctor,
                           struct csh_finding *finding_p)
{
    const struct csh_system_roots roots = {doctor->proc, doctor->cgroup};
    struct csh_headroom room;

    csh_headroom_read(&roots, &room);
    if (!room.is_known) {
        csh_finding_set(finding_p, CSH_DOCTOR_BAD,
                        "without knowing what memory is free the shim makes "
                        "no shadow",
                        "mount /proc in the container, or set "
                        "CUSHADOW_RAM_LIMIT to a size",
                        "%s/meminfo cannot be read", doctor->proc);
    } else if (room.bytes < LEAST_ROOM) {
        csh_finding_set(finding_p, CSH_DOCTOR_BAD,
                        "no shadow fits: everything is copied as ever",
                        "end other programs, or raise the memory limit of "
                        "the container or the service",
                        "%s of %s may still be taken", HUMAN(room.bytes),
                        HUMAN(room.total));
    } else {
        csh_finding_set(finding_p,
                        room.bytes < LITTLE_ROOM ? CSH_DOCTOR_SLOW
                                                 : CSH_DOCTOR_GOOD,
                        "shadows take half of it, unless CUSHADOW_RAM_LIMIT "
                        "says otherwise; a model whose weights do not fit is "
                        "copied in part",
                        room.bytes < LITTLE_ROOM
                            ? "raise the memory limit of the container or "
                              "the service" : "",
                        "%s of %s may still be taken%s", HUMAN(room.bytes),
                        HUMAN(room.total), room.bytes < room.available
                            ? " (bounded by a cgroup or the commit limit)"
                            : "");
    }
}

/* False where there is no such file, as in kernels before it. */
static bool read_number(const char *directory, const char *name,
                        uint64_t *number_p)
{
    char text[64];

    return csh_text_read(directory, name, text, sizeof(text)) &&
           csh_text_number(text, number_p, NULL);
}

void csh_doctor_check_overcommit(struct csh_doctor *doctor,
                                 struct csh_finding *finding_p)
{
    uint64_t mode = 0;

    if (!read_number(doctor->proc, "sys/vm/overcommit_memory", &mode)) {
        finding_p->verdict = CSH_DOCTOR_SKIPPED;
    } else if (mode == 2) {
        csh_finding_set(finding_p, CSH_DOCTOR_SLOW,
                        "shadows count against the commit limit, and there "
                        "is less room for them than there is memory",
                        "sysctl vm.overcommit_memory=0, or raise "
                        "vm.overcommit_ratio",
                        "vm.overcommit_memory is 2: the kernel commits no "
                        "more than there is");
    } else {
        csh_finding_set(finding_p, CSH_DOCTOR_GOOD,
                        "shadows count as what they take, no more", "",
                        "vm.overcommit_memory is %" PRIu64, mode);
    }
}

void csh_doctor_check_maps(struct csh_doctor *doctor,
                           struct csh_finding *finding_p)
{
    uint64_t most = 0;

    if (!read_number(doctor->proc, "sys/vm/max_map_count", &most)) {
        finding_p->verdict = CSH_DOCTOR_SKIPPED;
    } else {
        csh_finding_set(finding_p,
                        most < USUAL_MAPS ? CSH_DOCTOR_SLOW : CSH_DOCTOR_GOOD,
                        most < USUAL_MAPS ? "offloads beyond its share are "
                                            "copied, not mapped"
                                          : "mapped offloads take up to a "
                                            "quarter of these",
                        most < USUAL_MAPS ? "sysctl vm.max_map_count=65530, "
                                            "or more" : "",
                        "vm.max_map_count is %" PRIu64, most);
    }
}

/* --- limits ---------------------------------------------------------- */

/* RLIM_INFINITY where nobody says. */
static uint64_t limit_of(const struct csh_doctor *doctor, int resource)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

    return doctor->limit(resource, &limit) == 0 ? limit.rlim_cur
                                                : RLIM_INFINITY;
}

static const char *limit_text(uint64_t limit, char text_p[CSH_HUMAN_BYTES])
{
    return limit == RLIM_INFINITY ? "unlimited"
                                  : csh_human_bytes(limit, text_p);
}

#define LIMIT(limit_) limit_text((limit_), (char[CSH_HUMAN_BYTES]){0})

void csh_doctor_check_memlock(struct csh_doctor *doctor,
                              struct csh_finding *finding_p)
{
    csh_finding_set(finding_p, CSH_DOCTOR_GOOD,
                    "it bounds mlock; what the driver pins is not counted",
                    "", "%s", LIMIT(limit_of(doctor, RLIMIT_MEMLOCK)));
}

void csh_doctor_check_fsize(struct csh_doctor *doctor,
                            struct csh_finding *finding_p)
{
    uint64_t limit = limit_of(doctor, RLIMIT_FSIZE);
    bool is_small = limit < MOST_FILE_BYTES;

    csh_finding_set(finding_p, is_small ? CSH_DOCTOR_SLOW : CSH_DOCTOR_GOOD,
                    is_small ? "memory files are smaller, or none can be had; "
                               "offloads are then copied, not mapped"
                             : "memory files may be as large as they need be",
                    is_small ? "ulimit -f unlimited" : "", "%s",
                    LIMIT(limit));
}

void csh_doctor_check_nofile(struct csh_doctor *doctor,
                             struct csh_finding *finding_p)
{
    uint64_t limit = limit_of(doctor, RLIMIT_NOFILE);
    bool is_small = limit < ENOUGH_FILES;

    csh_finding_set(finding_p, is_small ? CSH_DOCTOR_SLOW : CSH_DOCTOR_GOOD,
                    is_small ? "the shim's descriptors lie among the "
                               "program's, and each takes one of few"
                             : "the shim's descriptors lie above the "
                               "program's",
                    is_small ? "ulimit -n 4096" : "", "%" PRIu64 "%s", limit,
                    limit == RLIM_INFINITY ? " (unlimited)" : "");
}

void csh_doctor_check_as(struct csh_doctor *doctor,
                         struct csh_finding *finding_p)
{
    uint64_t limit = limit_of(doctor, RLIMIT_AS);
    bool is_limited = limit != RLIM_INFINITY;

    csh_finding_set(finding_p, is_limited ? CSH_DOCTOR_SLOW : CSH_DOCTOR_GOOD,
                    is_limited ? "shadows count against it, and fewer fit"
                               : "no bound on shadows",
                    is_limited ? "ulimit -v unlimited" : "", "%s",
                    LIMIT(limit));
}

/* --- what kind of machine -------------------------------------------- */

void csh_doctor_check_platform(struct csh_doctor *doctor,
                               struct csh_finding *finding_p)
{
    const struct csh_platform_roots roots = {doctor->proc, doctor->dev};

    if (csh_platform_is_wsl2(&roots)) {
        csh_finding_set(finding_p, CSH_DOCTOR_SLOW,
                        "the driver pins little host memory here: shadows "
                        "are pinned until it first refuses, later ones serve "
                        "at pageable speed",
                        "run on Linux itself, if speed matters",
                        "Linux inside of Windows (WSL2)");
    } else {
        csh_finding_set(finding_p, CSH_DOCTOR_GOOD,
                        "the driver pins what memory allows", "",
                        "Linux, not inside of Windows");
    }
}

/* What container engines leave behind; NULL if nothing of it is there. */
static const char *container_sign(const struct csh_doctor *doctor)
{
    static const char *const files[] = {
        "/.dockerenv", "/run/.containerenv", "/run/systemd/container",
    };
    static const char *const words[] = {"docker", "kubepods", "lxc",
                                        "containerd", "libpod"};
    char path[512], text[4096];
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(files); ++i) {
        snprintf(path, sizeof(path), "%s%s", doctor->root, files[i]);
        if (access(path, F_OK) == 0) {
            return files[i];
        }
    }
    if (!csh_text_read(doctor->proc, "self/cgroup", text, sizeof(text))) {
        return NULL;
    }
    for (i = 0; i < CSH_ARRAY_LENGTH(words); ++i) {
        if (strstr(text, words[i]) != NULL) {
            return words[i];
        }
    }
    return NULL;
}

void csh_doctor_check_container(struct csh_doctor *doctor,
                                struct csh_finding *finding_p)
{
    const char *sign = container_sign(doctor);

    if (sign == NULL) {
        csh_finding_set(finding_p, CSH_DOCTOR_GOOD,
                        "no limits but this machine's", "", "none");
    } else {
        csh_finding_set(finding_p, CSH_DOCTOR_GOOD,
                        "its limits are the bounds of the shadows, and its "
                        "seccomp profile may refuse what is said above to be "
                        "refused",
                        "install cushadow inside, or mount its tree and name "
                        "the shim there",
                        "in a container (%s)", sign);
    }
}
