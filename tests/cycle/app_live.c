/*
 * app_live.c - a program that does what it is told, word by word on stdin, and
 * answers each word with one line once it is done: so that its shared figures
 * can be looked at in between. live.py has the other end.
 *
 *   name TEXT   the weights of this model (TEXT is hexadecimal) from now on
 *   load, unload, free   the model: H2D, D2H into new memory, the end of VRAM
 *   fork        a child, whose id is the answer: copies once, then waits
 *   close       every descriptor above 2, as programs do before they go on
 *   cover       puts a file of its own under every descriptor of the shim's
 *   exec        becomes `sleep`
 *
 * It ends at the end of stdin.
 */
#include "declare.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { N_WEIGHTS = 4, FIRST_OF_SHIM = 64 };

static struct weight weights[N_WEIGHTS];

static void load(void)
{
    int i;

    for (i = 0; i < N_WEIGHTS; ++i) {
        struct weight *weight = &weights[i];

        if (weight->host == NULL) {
            weight->bytes = WEIGHT;
            weight->seed = (uint32_t)i + 1;
            weight->host = fresh(WEIGHT);
            fill(weight->host, WEIGHT, weight->seed);
        }
        if (weight->device == 0) {
            OK(cu.cuMemAlloc_v2(&weight->device, WEIGHT));
        }
        upload(weight->device, weight->host, WEIGHT, NULL);
    }
}

static void unload(void)
{
    int i;

    for (i = 0; i < N_WEIGHTS; ++i) {
        uint8_t *host = fresh(WEIGHT);

        offload(host, weights[i].device, WEIGHT, NULL);
        CHECK(holds(host, WEIGHT, weights[i].seed));
        free(weights[i].host);
        weights[i].host = host;
    }
}

static void give_back(void)
{
    int i;

    for (i = 0; i < N_WEIGHTS; ++i) {
        OK(cu.cuMemFree_v2(weights[i].device));
        weights[i].device = 0;
    }
}

static void give_name(const char *hex)
{
    char name[512], tensor[16];
    unsigned byte;
    size_t n = 0;
    int i;

    for (; n + 1 < sizeof(name) && sscanf(hex, "%2x", &byte) == 1; hex += 2) {
        name[n++] = (char)byte;
    }
    name[n] = '\0';
    for (i = 0; i < N_WEIGHTS; ++i) {
        OK(cu.cuMemAlloc_v2(&weights[i].device, WEIGHT));
        snprintf(tensor, sizeof(tensor), "t%d", i);
        CHECK_EQUAL(cushadow_register_device(weights[i].device, WEIGHT, name,
                                             tensor, 0), CUSHADOW_OK);
    }
}

/* The child has the parent's descriptors and none of its work. */
static int fork_one(void)
{
    pid_t child = fork();
    uint8_t byte;

    CHECK(child >= 0);
    if (child == 0) {
        (void)cu.cuMemcpyDtoH_v2(weights[0].host, weights[0].device, WEIGHT);
        while (read(STDIN_FILENO, &byte, 0) == 0) {
            sleep(60);
        }
        _exit(0);
    }
    return (int)child;
}

/* The shim's own are put high. */
static void replace_descriptors(int with)
{
    int fd;

    for (fd = 3; fd < 4096; ++fd) {
        if (with < 0) {
            close(fd);
        } else if (fd >= FIRST_OF_SHIM && fcntl(fd, F_GETFD) >= 0) {
            CHECK(dup2(with, fd) == fd);
        }
    }
}

static int obey(char *line)
{
    int answer = 0;

    if (strncmp(line, "name ", 5) == 0) {
        give_name(line + 5);
    } else if (strcmp(line, "load") == 0) {
        load();
    } else if (strcmp(line, "unload") == 0) {
        unload();
    } else if (strcmp(line, "free") == 0) {
        give_back();
    } else if (strcmp(line, "fork") == 0) {
        answer = fork_one();
    } else if (strcmp(line, "close") == 0) {
        replace_descriptors(-1);
    } else if (strcmp(line, "cover") == 0) {
        replace_descriptors(open("/dev/null", O_RDONLY));
    } else if (strcmp(line, "exec") == 0) {
        execlp("sleep", "sleep", "60", (char *)NULL);
        answer = -1;
    } else {
        answer = -1;
    }
    return answer;
}

int main(void)
{
    char line[2048];

    program_start();
    puts("0");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        printf("%d\n", obey(line));
        fflush(stdout);
    }
    return 0;
}
