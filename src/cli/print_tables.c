/*
 * print_tables.c - the tables of options, outcomes, reasons, rules and gauges
 * as markdown, for README. Not installed: a check runs it and compares.
 *
 * Usage: print_tables [options | outcomes | reasons | rules | gauges];
 * without an argument all of them, each under its name as a heading.
 */
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "base/options.h"
#include "base/statistics.h"

/* A cell of a markdown table must not hold a bare | or a newline. */
static void print_cell(const char *text, bool is_code)
{
    const char *quote = (is_code && (text[0] != '\0')) ? "`" : "";

    printf("| %s", quote);
    for (; *text != '\0'; ++text) {
        if (*text == '|') {
            putchar('\\');
        }
        putchar((*text == '\n') ? ' ' : *text);
    }
    printf("%s ", quote);
}

static void print_row(const char *code, const char *text)
{
    print_cell(code, true);
    print_cell(text, false);
}

static void print_options(void)
{
    const struct csh_option *option = NULL;

    puts("| variable | meaning | accepted | default |\n|---|---|---|---|");
    while ((option = csh_option_next(option)) != NULL) {
        print_row(option->name, option->help);
        print_cell(option->accepted, false);
        print_cell(option->default_text, true);
        puts("|");
    }
}

static void print_outcomes(void)
{
    int i;

    puts("| outcome | meaning |\n|---|---|");
    for (i = 0; i < CSH_N_OUTCOMES; ++i) {
        print_row(csh_outcome_name((enum csh_outcome)i),
                  csh_outcome_sentence((enum csh_outcome)i));
        puts("|");
    }
}

static void print_reasons(void)
{
    int i;

    puts("| reason | meaning | changed by |\n|---|---|---|");
    for (i = 0; i < CSH_N_REASONS; ++i) {
        print_row(csh_reason_name((enum csh_reason)i),
                  csh_reason_sentence((enum csh_reason)i));
        print_cell(csh_reason_variable((enum csh_reason)i), true);
        puts("|");
    }
}

static void print_rules(void)
{
    int i;

    puts("| rule | meaning |\n|---|---|");
    for (i = 0; i < CSH_N_WEIGHT_RULES; ++i) {
        print_row(csh_weight_rule_name((enum csh_weight_rule)i),
                  csh_weight_rule_sentence((enum csh_weight_rule)i));
        puts("|");
    }
}

static void print_gauges(void)
{
    int i;

    puts("| gauge | meaning |\n|---|---|");
    for (i = 0; i < CSH_N_GAUGES; ++i) {
        print_row(csh_gauge_name((enum csh_gauge)i),
                  csh_gauge_sentence((enum csh_gauge)i));
        puts("|");
    }
}

static const struct table {
    const char *name;
    void (*print)(void);
} tables[] = {
    {"options", print_options},
    {"outcomes", print_outcomes},
    {"reasons", print_reasons},
    {"rules", print_rules},
    {"gauges", print_gauges},
};

int main(int argc, char **argv)
{
    bool is_all = (argc < 2), is_found = is_all;
    size_t i;

    for (i = 0; i < CSH_ARRAY_LENGTH(tables); ++i) {
        if (is_all) {
            printf("%s## %s\n\n", (i > 0) ? "\n" : "", tables[i].name);
        } else if (strcmp(argv[1], tables[i].name) != 0) {
            continue;
        }
        tables[i].print();
        is_found = true;
    }
    if (!is_found) {
        fprintf(stderr, "print_tables: no table %s\n", argv[1]);
    }
    return (is_found && (fflush(stdout) == 0)) ? 0 : 1;
}
