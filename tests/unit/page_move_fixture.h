/*
 * page_move_fixture.h - memory with known bytes between pages without access,
 * and something else to be put there. For the tests of page_move.
 */
#ifndef CSH_TESTS_PAGE_MOVE_FIXTURE_H
#define CSH_TESTS_PAGE_MOVE_FIXTURE_H

#include "pages_fixture.h"

#include "shadow/page_move.h"

#define N_PAGES 64
#define BYTES (N_PAGES * PAGE)

static unsigned char *memory;
static struct csh_page_move move;

CSH_TEST_UNUSED static void fill_with(unsigned char *bytes, unsigned seed)
{
    size_t i;

    for (i = 0; i < BYTES; i++) {
        bytes[i] = (unsigned char)((i >> 12) * 7 + i + seed) | 1;
    }
}

CSH_TEST_UNUSED static bool is_filled(const unsigned char *bytes, unsigned seed)
{
    size_t i;

    for (i = 0; i < BYTES; i++) {
        if (bytes[i] != ((unsigned char)((i >> 12) * 7 + i + seed) | 1)) {
            return false;
        }
    }
    return true;
}

/* Between pages without access: a mapping of its own. */
CSH_TEST_UNUSED static void start(void)
{
    memory = anonymous(BYTES + 2 * PAGE);
    ck_assert_int_eq(mprotect(memory, PAGE, PROT_NONE), 0);
    ck_assert_int_eq(mprotect(memory + PAGE + BYTES, PAGE, PROT_NONE), 0);
    memory += PAGE;
    fill_with(memory, 1);
}

CSH_TEST_UNUSED static bool can_move(void)
{
    int error = csh_page_move_probe();

    if (error != 0) {
        fprintf(stderr, "pages cannot be moved here: %s\n", strerror(error));
    }
    return error == 0;
}

CSH_TEST_UNUSED static int begin(void)
{
    return csh_page_move_begin(&move, at(memory), BYTES);
}

/* Other bytes are mapped where the pages were. */
CSH_TEST_UNUSED static void put_other(unsigned seed)
{
    int fd = memfd_create("other", MFD_CLOEXEC);
    unsigned char *bytes;

    ck_assert_int_eq(ftruncate(fd, BYTES), 0);
    bytes = mmap(NULL, BYTES, PLAIN, MAP_SHARED, fd, 0);
    fill_with(bytes, seed);
    munmap(bytes, BYTES);
    ck_assert_ptr_eq(mmap(memory, BYTES, PLAIN, MAP_PRIVATE | MAP_FIXED, fd,
                          0), memory);
    close(fd);
}

#endif
