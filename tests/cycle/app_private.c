/*
 * app_private.c - a program whose weights are a secret: uploads those of a
 * file, from a mapping of it and from memory, offloads them twice, says so,
 * and waits for the end of stdin. private.py looks at what can be seen of it.
 *
 *   app_private FILE OFFSET BYTES
 */
#include "weight.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ROUNDS = 2 };

static void go_round(const uint8_t *secret, size_t n_bytes)
{
    const void *source = secret;
    CUdeviceptr device;
    uint8_t *host;
    int round;

    OK(cu.cuMemAlloc_v2(&device, n_bytes));
    for (round = 0; round < ROUNDS; round++) {
        upload(device, source, n_bytes, NULL);
        host = fresh(n_bytes);
        offload(host, device, n_bytes, NULL);
        CHECK_EQUAL(memcmp(host, secret, n_bytes), 0);
        source = host;
    }
    /* Written over unseen, so that a proof fails, too. */
    spoil(device);
    offload(host, device, n_bytes, NULL);
    CHECK(memcmp(host, secret, n_bytes) != 0);
}

int main(int argc, char **argv)
{
    size_t offset, n_bytes;
    uint8_t *copy;
    const uint8_t *file;
    int fd;

    CHECK_EQUAL(argc, 4);
    offset = (size_t)atol(argv[2]);
    n_bytes = (size_t)atol(argv[3]);
    fd = open(argv[1], O_RDONLY);
    CHECK(fd >= 0);
    file = mmap(NULL, offset + n_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK(file != MAP_FAILED);
    program_start();
    go_round(file + offset, n_bytes);
    copy = fresh(n_bytes);
    memcpy(copy, file + offset, n_bytes);
    go_round(copy, n_bytes);
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF) {
    }
    return 0;
}
