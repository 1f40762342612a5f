/*
 * fuzz_report.c - traces and statistics, chosen by a fuzzer's bytes, through
 * the readers of `cushadow report` and into a page.
 *
 * Bytes 0xff (which are in no JSON) part the input into up to four files.
 * Besides what the sanitizers find, it aborts when a file that was refused has
 * no reason, or when what a file says becomes markup: "<z" is in the words
 * that inputs are made of, and no element of the page begins with it.
 */
#include "fuzz.h"

#include <string.h>

#include "cli/report_page.h"
#include "cli/report_read.h"

static struct csh_runs runs;

void fuzz_begin(void)
{
    const char *why;

    PROMISE(csh_input_load(&why));
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
    struct fuzz_part rest = {bytes, n_bytes}, part;
    bool is_good = true;
    int n_files = 0;

    while (is_good && n_files++ < 4 && fuzz_next_part(&rest, &part)) {
        is_good = read_file(part.bytes, part.n_bytes);
    }
    if (is_good && runs.n > 0) {
        make_page();
    }
    csh_runs_free(&runs);
    return 0;
}
