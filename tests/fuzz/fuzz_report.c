/*
 * fuzz_report.c - traces and statistics, chosen by a fuzzer's bytes, through
 * the readers of `cushadow report` and into a page.
 *
 * Bytes 0xff (which are in no JSON) part the input into up to four files.
 * Besides what the sanitizers find, it aborts when a file that was refused has
 * no reason, or when what a file says becomes markup: "<z" is in the words
 * that inputs are made of, and no element of the page begins with it. Built
 * and run by tests/fuzz/run.sh.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report_page.h"
#include "cli/report_read.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

#define PROMISE(holds_)                                                 \
    do {                                                                \
        if (!(holds_)) {                                                \
            fprintf(stderr, "broken: %s (line %d)\n", #holds_, __LINE__); \
            abort();                                                    \
        }                                                               \
    } while (0)

static struct csh_runs runs;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *why;

    (void)argc;
    (void)argv;
    PROMISE(csh_input_load(&why));
    return 0;
}

/* Of exactly its size, so that ASan sees its end. */
static bool read_file(const uint8_t *bytes, size_t n_bytes)
{
    char why[CSH_REPORT_WHY_BYTES] = "";
    char *copy = malloc(n_bytes + 1);
    FILE *file;
    bool is_read = false;

    memcpy(copy, bytes, n_bytes);
    copy[n_bytes] = ' ';
    file = fmemopen(copy, n_bytes + 1, "r");
    if (file != NULL) {
        is_read = csh_report_read(&runs, file, "<zile>", why);
        PROMISE(is_read || why[0] != '\0');
        (void)fclose(file);
    }
    free(copy);
    return is_read;
}

static void make_page(void)
{
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *page = open_memstream(&text, &n_bytes);

    PROMISE(page != NULL);
    csh_report_page(page, &runs);
    (void)fclose(page);
    PROMISE(n_bytes == strlen(text));
    PROMISE(strstr(text, "<z") == NULL);
    PROMISE(strstr(text, "</html>") != NULL);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    const uint8_t *end = bytes + n_bytes, *part;
    bool is_good = true;
    int n_files = 0;

    while (is_good && bytes < end && n_files++ < 4) {
        part = memchr(bytes, 0xff, (size_t)(end - bytes));
        part = part != NULL ? part : end;
        is_good = read_file(bytes, (size_t)(part - bytes));
        bytes = part < end ? part + 1 : end;
    }
    if (is_good && runs.n > 0) {
        make_page();
    }
    csh_runs_free(&runs);
    return 0;
}
