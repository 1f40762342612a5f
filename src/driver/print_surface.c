/*
 * print_surface.c - a program of the build: prints the surface table.
 *
 *   print_surface --exports    the symbols that the shim shall export, sorted
 *                              by nothing, one a line
 *   print_surface --markdown   README's table: one line a tier
 *   print_surface --queries    the entries that cohorts need not watch
 *   print_surface --rows       symbol, base, since, flavour, tier; tab between
 */
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "driver/host_surface.h"
#include "driver/lookup.h"

static const struct {
    const char *name, *sentence;
} tiers[CSH_N_TIERS] = {
    [CSH_TIER_RESOLVER] = {"resolver",
                           "wrapped: hands out wrappers, itself included"},
    [CSH_TIER_COPY] = {"copy", "the engine decides what is moved"},
    [CSH_TIER_ALLOCATION] = {"allocation", "forwarded, then noted"},
    [CSH_TIER_RELEASE] = {"release", "forwarded; the range is forgotten"},
    [CSH_TIER_STREAM] = {"stream", "forwarded; the stream is noted"},
    [CSH_TIER_CAPTURE] = {"capture", "forwarded; captures are counted"},
    [CSH_TIER_HOST] = {"host", "forwarded; what shall be pinned for reading "
                               "is the program's own first"},
    [CSH_TIER_ROOM] = {"room", "wrapped: parked memory is not seen"},
    [CSH_TIER_SHARE] = {"share", "forwarded: gives memory a second way in"},
    [CSH_TIER_WRITE] = {"write", "forwarded: writes device memory"},
    [CSH_TIER_PEER] = {"peer", "forwarded: writes memory of another context"},
    [CSH_TIER_LAUNCH] = {"launch", "forwarded: may write any device memory"},
    [CSH_TIER_WATCHED] = {"watched",
                          "forwarded; ends what a cohort has proven"},
    [CSH_TIER_OPENED] = {"opened",
                         "forwarded; ends cohorts: others may write memory"},
    [CSH_TIER_PRIVATE] = {"private",
                          "forwarded; ends cohorts, but for the tables "
                          "that NVIDIA's runtime starts with"},
    [CSH_TIER_LEGACY] = {"legacy",
                         "forwarded; ends cohorts: addresses of 32 bits"},
};

#define CSH_X(symbol_, ...) #symbol_,
static const char *const host_symbols[] = {
    CSH_HOST_SURFACE(CSH_X)
    CSH_HOST_SYMBOLS(CSH_X)
};
static const char *const host_allocators[] = {CSH_HOST_ALLOCATORS(CSH_X)};
#undef CSH_X

static void print_exports(void)
{
    enum csh_entry entry;
    size_t i;

    for (entry = 0; entry < CSH_N_ROWS; entry++) {
        printf("%s\n", csh_rows[entry].symbol);
    }
    for (i = 0; i < CSH_ARRAY_LENGTH(host_symbols); i++) {
        printf("%s\n", host_symbols[i]);
    }
    for (i = 0; i < CSH_ARRAY_LENGTH(host_allocators); i++) {
        printf("%s\n", host_allocators[i]);
    }
    printf("dlsym\n");
}

static void print_queries(void)
{
#define CSH_X(symbol_) printf("%s\n", #symbol_);
    CSH_SURFACE_QUERIES(CSH_X)
#undef CSH_X
}

static void print_rows(void)
{
    enum csh_entry entry;

    for (entry = 0; entry < CSH_N_ROWS; entry++) {
        const struct csh_row *row = &csh_rows[entry];

        printf("%s\t%s\t%d\t%s\t%s\n", row->symbol, row->base, row->since,
               row->is_per_thread ? "per-thread" : "plain",
               tiers[row->tier].name);
    }
}

/* Of what programs only get with cohorts, the number is enough. */
static int print_tier(enum csh_tier tier)
{
    const char *separator = "";
    enum csh_entry entry;
    int n = 0;

    printf("| %s | %s | ", tiers[tier].name, tiers[tier].sentence);
    for (entry = 0; entry < CSH_N_ROWS; entry++) {
        if (csh_rows[entry].tier != tier) {
            continue;
        }
        n++;
        if (tier < CSH_N_HOOKED_TIERS) {
            printf("%s`%s`", separator, csh_rows[entry].symbol);
            separator = ", ";
        }
    }
    printf(" | %d |\n", n);
    return n;
}

/* Not of the driver, and so in no tier. */
static void print_host(const char *sentence, const char *const *symbols,
                       size_t n)
{
    size_t i;

    printf("| of libc | %s | ", sentence);
    for (i = 0; i < n; i++) {
        printf("%s`%s`", i == 0 ? "" : ", ", symbols[i]);
    }
    printf(" | %zu |\n", n);
}

static void print_markdown(void)
{
    enum csh_tier tier;
    int n = 0;

    printf("| tier | what the shim does | symbols | n |\n");
    printf("|---|---|---|---|\n");
    for (tier = 0; tier < CSH_N_HOOKED_TIERS; tier++) {
        n += print_tier(tier);
    }
    printf("| all | of the driver | | %d |\n", n);
    for (; tier < CSH_N_TIERS; tier++) {
        n += print_tier(tier);
    }
    printf("| all | of the driver, with `CUSHADOW_COHORT=1` | | %d |\n", n);
    print_host("forwarded; aliases in the range are undone first where they "
               "must be",
               host_symbols, CSH_ARRAY_LENGTH(host_symbols));
    print_host("forwarded, unless a block of a weight's size is asked for",
               host_allocators, CSH_ARRAY_LENGTH(host_allocators));
    printf("| `dlsym` | wrapped: hands out wrappers | | 1 |\n");
}

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";

    if (strcmp(what, "--exports") == 0) {
        print_exports();
    } else if (strcmp(what, "--markdown") == 0) {
        print_markdown();
    } else if (strcmp(what, "--rows") == 0) {
        print_rows();
    } else if (strcmp(what, "--queries") == 0) {
        print_queries();
    } else {
        fprintf(stderr, "usage: print_surface "
                        "--exports|--markdown|--queries|--rows\n");
        return 2;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
