/*
 * vma_marks.c - asks for the marks of a mapping without leaving a trace.
 *
 * Owns nothing. Threads: any; a page is looked at by one at a time, since
 * only the thread whose call names this memory does.
 *
 * Can fail: any answer that is not the one of unmarked memory counts as a
 * mark, so a refusal means copying.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall, madvise, O_CLOEXEC */
#endif
#include "shadow/vma_marks.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#if !defined(__x86_64__)
#include <sys/auxv.h>
#endif
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/descriptor.h"
#include "base/host_changes.h"
#include "shadow/chunk.h"
#include "shadow/kernel_abi.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18 /* Linux 4.14 */
#define MADV_KEEPONFORK 19
#endif

/* As many as have a bit below CSH_MARK_LOCKED. */
static const struct {
    int set, clear;
} advice[] = {
    {MADV_DONTFORK, MADV_DOFORK},
    {MADV_WIPEONFORK, MADV_KEEPONFORK},
    {MADV_DONTDUMP, MADV_DODUMP},
};
#define N_ADVICE CSH_ARRAY_LENGTH(advice)

static void *pointer(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

bool csh_vma_set_marks(uint64_t start, uint64_t end, unsigned marks)
{
    unsigned i;

    for (i = 0; i < N_ADVICE; i++) {
        if (((marks & (1u << i)) != 0) &&
            (csh_own_madvise(pointer(start), end - start, advice[i].set) !=
             0)) {
            return false;
        }
    }

    return true;
}

/* What is asked afterwards is not what was known before. */
static bool clear_marks(struct csh_page_view *view, uint64_t page_address)
{
    unsigned i;

    csh_page_view_renew(view);
    for (i = 0; i < N_ADVICE; i++) {
        if (csh_own_madvise(pointer(page_address), csh_page_bytes(),
                            advice[i].clear) != 0) {
            return false;
        }
    }

    return true;
}

static enum csh_page_answer lie_together(struct csh_page_view *view, uint64_t a,
                                         uint64_t b)
{
    struct csh_vma vma;
    enum csh_page_answer answer = csh_page_view_find_vma(view, a, &vma);

    if (answer != CSH_PAGES_FOUND) {
        return CSH_PAGES_UNKNOWN;
    }

    return ((b >= vma.start) && (b < vma.end)) ? CSH_PAGES_FOUND
                                               : CSH_PAGES_NONE;
}

/* Clears the marks of one page; if that parted it from its neighbour, tries
 * each set of marks until it is joined to it again. */
static unsigned find_advice(struct csh_page_view *view,
                            uint64_t page_address, uint64_t neighbour)
{
    unsigned marks;

    if (lie_together(view, page_address, neighbour) != CSH_PAGES_FOUND) {
        return CSH_MARK_UNKNOWN;
    }

    if (clear_marks(view, page_address) &&
        (lie_together(view, page_address, neighbour) == CSH_PAGES_FOUND)) {
        return 0;
    }

    for (marks = 1; marks < (1u << N_ADVICE); marks++) {
        (void)clear_marks(view, page_address);
        if (csh_vma_set_marks(page_address, page_address + csh_page_bytes(),
                              marks) &&
            (lie_together(view, page_address, neighbour) ==
             CSH_PAGES_FOUND)) {
            return marks;
        }
    }

    (void)clear_marks(view, page_address);
    return CSH_MARK_UNKNOWN;
}

unsigned csh_vma_lock_mark(uint64_t page_address)
{
    /* For private memory the call does nothing else. */
    if (syscall(SYS_msync, page_address, csh_page_bytes(),
                MS_ASYNC | MS_INVALIDATE) == 0) {
        return 0;
    }

    return (errno == EBUSY) ? CSH_MARK_LOCKED : CSH_MARK_UNKNOWN;
}

/* --- from the text ------------------------------------------------------- */

#define TEXT_BYTES 4096

/* "VmFlags: rd wr mr mw me dc lo": names of two letters, a blank between. */
static unsigned marks_in(const char *flags)
{
    static const struct {
        char name[3];
        unsigned mark;
    } names[] = {
        {"dc", CSH_MARK_DONT_FORK}, {"wf", CSH_MARK_WIPE_ON_FORK},
        {"dd", CSH_MARK_DONT_DUMP}, {"lo", CSH_MARK_LOCKED},
    };
    unsigned marks = 0;
    size_t i;

    while ((flags = strchr(flags, ' ')) != NULL) {
        flags++;
        for (i = 0; i < CSH_ARRAY_LENGTH(names); i++) {
            marks |= (strncmp(flags, names[i].name, 2) == 0) ? names[i].mark
                                                             : 0;
        }
    }

    return marks;
}

static uint64_t parse_hexadecimal(const char **text_p)
{
    static const char digits[] = "0123456789abcdef";
    const char *digit;
    uint64_t number = 0;

    while ((**text_p != '\0') &&
           ((digit = strchr(digits, **text_p)) != NULL)) {
        number = number * 16 + (uint64_t)(digit - digits);
        (*text_p)++;
    }

    return number;
}

/* A mapping's first line begins with an address, the others with a word in
 * capitals. True when the answer is known. */
static bool read_line(const char *line, uint64_t address, bool *is_there_p,
                      unsigned *marks_p)
{
    uint64_t start;

    if ((line[0] < 'A') || (line[0] > 'Z')) {
        start       = parse_hexadecimal(&line);
        *is_there_p = (*line++ == '-') && (start <= address) &&
                      (address < parse_hexadecimal(&line));
        return false;
    }
    if (!*is_there_p || (strncmp(line, "VmFlags:", 8) != 0)) {
        return false;
    }

    *marks_p = marks_in(line);
    return true;
}

/* The rest of a line that does not fit is a name, and may be taken for lines of
 * its own: they are none of these. */
unsigned csh_vma_marks_in_text(uint64_t address)
{
    unsigned marks   = CSH_MARK_UNKNOWN;
    bool is_there    = false, is_known = false;
    size_t kept      = 0;
    char text[TEXT_BYTES + 1];
    long fd, n;

    fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/smaps",
                 O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) {
        return marks;
    }

    while (!is_known &&
           ((n = syscall(SYS_read, fd, text + kept,
                         (long)(TEXT_BYTES - kept))) > 0)) {
        char *line = text, *end;

        text[kept + (size_t)n] = '\0';
        while (!is_known && ((end = strchr(line, '\n')) != NULL)) {
            *end     = '\0';
            is_known = read_line(line, address, &is_there, &marks);
            line     = end + 1;
        }
        kept = strlen(line);
        kept = (kept < TEXT_BYTES) ? kept : 0;
        memmove(text, line, kept);
    }

    csh_descriptor_close_number((int)fd);
    return marks;
}

/* --- policies, keys, userfaultfd ----------------------------------------- */

struct policy {
    int mode;
    unsigned long nodes[16];
};

static bool is_same_policy(const struct policy *one,
                           const struct policy *other)
{
    return (one->mode == other->mode) &&
           (memcmp(one->nodes, other->nodes, sizeof(one->nodes)) == 0);
}

static bool read_policy(uint64_t address, unsigned long flags,
                        struct policy *policy_p)
{
    memset(policy_p, 0, sizeof(*policy_p));
    return syscall(SYS_get_mempolicy, &policy_p->mode, policy_p->nodes,
                   sizeof(policy_p->nodes) * 8, address, flags) == 0;
}

/* Only where there is a choice of nodes. */
static unsigned find_policy(const struct csh_page_state *state,
                            uint64_t page_address)
{
    struct policy thread, address;

    if (!state->has_nodes) {
        return 0;
    }
    if (!read_policy(0, 0, &thread) ||
        !read_policy(page_address, CSH_MPOL_F_ADDR, &address)) {
        return CSH_MARK_UNKNOWN;
    }

    return is_same_policy(&thread, &address) ? 0 : CSH_MARK_POLICY;
}

#if defined(__x86_64__)
bool csh_vma_has_keys(void)
{
    unsigned eax, ebx, ecx, edx;

    /* CPUID leaf 7, ECX bit 4 (OSPKE): the kernel has them enabled. */
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) &&
           ((ecx & (1u << 4)) != 0);
}

/* PKRU has two bits a key: access disabled, writes disabled (Intel SDM,
 * volume 3, 4.6.2). */
static unsigned find_key(const struct csh_page_state *state)
{
    unsigned rights, upper;

    if (!state->has_keys) {
        return 0;
    }

    __asm__ volatile(".byte 0x0f, 0x01, 0xee" /* rdpkru */
                     : "=a"(rights), "=d"(upper)
                     : "c"(0));
    rights = (rights | (rights >> 1)) & 0x55555555u;
    return ((rights | 1) == 0x55555555u) ? 0 : CSH_MARK_KEY;
}
#else
/* Permission overlays of Arm: bit 63 of AT_HWCAP2. */
bool csh_vma_has_keys(void)
{
    return ((uint64_t)getauxval(AT_HWCAP2) >> 63) != 0;
}

/* Whether keys are in use is not asked: nothing is mapped on such machines. */
static unsigned find_key(const struct csh_page_state *state)
{
    return state->has_keys ? CSH_MARK_KEY : 0;
}
#endif

/* The kernel looks whether anybody has registered the memory before it looks
 * who. Where userfaultfd was refused to us, the program has none either. */
static unsigned find_userfault(const struct csh_page_state *state,
                               uint64_t page_address)
{
    struct csh_uffdio_continue request = {page_address, csh_page_bytes(), 0,
                                          0};

    if ((state->offered & CSH_PAGES_BY_USERFAULT) == 0) {
        return 0;
    }
    if (!csh_descriptor_is_ours(&state->userfault)) {
        return CSH_MARK_UNKNOWN;
    }

    return ((ioctl(state->userfault.fd, CSH_UFFDIO_CONTINUE, &request) != 0) &&
            (errno == ENOENT))
                   ? 0
                   : CSH_MARK_USERFAULT;
}

unsigned csh_vma_marks(struct csh_page_view *view, uint64_t page_address,
                       uint64_t neighbour)
{
    const struct csh_page_state *state = view->state;
    unsigned marks = csh_vma_lock_mark(page_address) | find_key(state) |
                     find_policy(state, page_address) |
                     find_userfault(state, page_address);

    return marks | find_advice(view, page_address, neighbour);
}
