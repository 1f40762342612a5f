/*
 * print_tables.c - the tables of options, outcomes, reasons, rules, gauges and
 * so on as markdown, for README, or as mdoc, for the manual. Not installed: a
 * check runs it and compares.
 *
 * Usage: print_tables [--man] TABLE
 */
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "base/options.h"
#include "base/statistics.h"
#include "cli/doctor.h"
#include "cli/option_names.h"
#include "report/trace_table.h"

/* What a table has of one row. NULL: it has no such column. */
struct row {
    const char *name, *meaning, *variable, *accepted, *default_text;
};

/* The next row of a table: a cursor that begins at 0; false behind the end. */
typedef bool next_row(size_t *cursor, struct row *row_p);

static bool next_option(size_t *cursor, struct row *row_p)
{
    const struct csh_option *option = csh_option_next(NULL);
    size_t i;

    for (i = 0; (option != NULL) && (i < *cursor); ++i) {
        option = csh_option_next(option);
    }
    if (option == NULL) {
        return false;
    }
    ++*cursor;
    *row_p = (struct row){option->name, option->help, NULL, option->accepted,
                          option->default_text};
    return true;
}

/* The same, by the names that `cushadow run' knows them by. */
static bool next_flag(size_t *cursor, struct row *row_p)
{
    static char name[CSH_OPTION_NAME_BYTES];

    if (!next_option(cursor, row_p)) {
        return false;
    }
    row_p->name = csh_option_long_name(
        &(struct csh_option){.name = row_p->name}, name);
    return true;
}

#define CSH_X(name_, ...) {#name_, __VA_ARGS__},
static const struct two { const char *name, *meaning; } outcomes[] = {
    CSH_OUTCOMES(CSH_X)
}, rules[] = {
    CSH_WEIGHT_RULES(CSH_X)
}, gauges[] = {
    CSH_GAUGES(CSH_X)
}, doctor[] = {
    CSH_DOCTOR_CHECKS(CSH_X)
};
static const struct three { const char *name, *meaning, *variable; }
reasons[] = {
    CSH_REASONS(CSH_X)
}, memory[] = {
    CSH_PROCESS_MEMORY(CSH_X)
}, events[] = {
    CSH_TRACE_EVENTS(CSH_X)
};
#undef CSH_X

#define NEXT_OF_TWO(table_)                                               \
    static bool next_of_##table_(size_t *cursor, struct row *row_p)       \
    {                                                                     \
        if (*cursor == CSH_ARRAY_LENGTH(table_)) {                        \
            return false;                                                 \
        }                                                                 \
        *row_p = (struct row){.name = table_[*cursor].name,               \
                              .meaning = table_[*cursor].meaning};        \
        ++*cursor;                                                        \
        return true;                                                      \
    }
NEXT_OF_TWO(outcomes)
NEXT_OF_TWO(rules)
NEXT_OF_TWO(gauges)
NEXT_OF_TWO(doctor)

static bool next_reason(size_t *cursor, struct row *row_p)
{
    const struct three *reason = &reasons[*cursor];

    if (*cursor == CSH_ARRAY_LENGTH(reasons)) {
        return false;
    }
    *row_p = (struct row){.name = reason->name, .meaning = reason->meaning,
                          .variable = reason->variable};
    ++*cursor;
    return true;
}

/* The second column of this table is the kernel's name. */
static bool next_memory(size_t *cursor, struct row *row_p)
{
    if (*cursor == CSH_ARRAY_LENGTH(memory)) {
        return false;
    }
    *row_p = (struct row){.name = memory[*cursor].name,
                          .meaning = memory[*cursor].variable};
    ++*cursor;
    return true;
}

/* The second column of this table is the category. */
static bool next_event(size_t *cursor, struct row *row_p)
{
    if (*cursor == CSH_ARRAY_LENGTH(events)) {
        return false;
    }
    *row_p = (struct row){.name = events[*cursor].name,
                          .meaning = events[*cursor].variable};
    ++*cursor;
    return true;
}

static const struct table {
    const char *name;
    const char *heading; /* markdown's */
    next_row *next;
} tables[] = {
    {"options",
     "| variable | meaning | accepted | default |\n|---|---|---|---|",
     next_option},
    {"flags", "| option | meaning | accepted | default |\n|---|---|---|---|",
     next_flag},
    {"outcomes", "| outcome | meaning |\n|---|---|", next_of_outcomes},
    {"reasons", "| reason | meaning | changed by |\n|---|---|---|",
     next_reason},
    {"rules", "| rule | meaning |\n|---|---|", next_of_rules},
    {"gauges", "| gauge | meaning |\n|---|---|", next_of_gauges},
    {"memory", "| figure | meaning |\n|---|---|", next_memory},
    {"events", "| span | meaning |\n|---|---|", next_event},
    {"doctor", "| check | what it looks at |\n|---|---|", next_of_doctor},
};

/* --- markdown -------------------------------------------------------- */

/* A cell of a table must not hold a bare | or a newline. */
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

static void print_markdown(const struct table *table)
{
    struct row row;
    size_t cursor = 0;

    puts(table->heading);
    while (table->next(&cursor, &row)) {
        print_cell(row.name, true);
        print_cell(row.meaning, false);
        if (row.variable != NULL) {
            print_cell(row.variable, true);
        }
        if (row.accepted != NULL) {
            print_cell(row.accepted, false);
            print_cell(row.default_text, true);
        }
        puts("|");
    }
}

/* --- mdoc ------------------------------------------------------------ */

/* Lines of the source are kept short; a sentence begins on its own. */
#define MAN_WIDTH 72

/* A control character at the start of a line, and any backslash, would be an
 * order. */
static void print_man_word(const char *word, int n, int column)
{
    int i;

    if ((column == 0) && ((word[0] == '.') || (word[0] == '\''))) {
        fputs("\\&", stdout);
    }
    for (i = 0; i < n; ++i) {
        fputs((word[i] == '\\') ? "\\e" :
              (word[i] == '-') ? "\\-" :
              (char[]){word[i], '\0'}, stdout);
    }
}

static void print_man_text(const char *text)
{
    int column = 0;

    while (*text != '\0') {
        int n = (int)strcspn(text, " \n");

        if ((column > 0) && (column + 1 + n > MAN_WIDTH)) {
            putchar('\n');
            column = 0;
        } else if (column > 0) {
            putchar(' ');
            ++column;
        }
        print_man_word(text, n, column);
        column += n;
        if ((n > 0) && (text[n - 1] == '.')) {
            putchar('\n');
            column = 0;
        }
        text += n;
        text += strspn(text, " \n");
    }
    if (column > 0) {
        putchar('\n');
    }
}

static void print_man_row(const struct table *table, const struct row *row)
{
    if (strcmp(table->name, "flags") == 0) {
        printf(".It Fl \\-%s Ns = Ns Ar value\nSets\n.Ev CUSHADOW_",
               row->name);
        for (const char *c = row->name; *c != '\0'; ++c) {
            putchar((*c == '-') ? '_' : (*c & ~0x20));
        }
        puts(" .");
        return;
    }
    printf(".It %s %s\n", (row->accepted != NULL) ? "Ev" : "Li", row->name);
    print_man_text(row->meaning);
    if ((row->variable != NULL) && (row->variable[0] != '\0')) {
        printf(".Pq Ev %s\n", row->variable);
    }
    if (row->accepted != NULL) {
        puts(".br\nAccepted:");
        print_man_text(row->accepted);
        if (row->default_text[0] != '\0') {
            puts(".br\nDefault:");
            printf(".Ql %s\n", row->default_text);
        }
    }
}

static void print_man(const struct table *table)
{
    struct row row;
    size_t cursor = 0;

    puts(".Bl -tag -width Ds");
    while (table->next(&cursor, &row)) {
        print_man_row(table, &row);
    }
    puts(".El");
}

int main(int argc, char **argv)
{
    bool is_man = (argc == 3) && (strcmp(argv[1], "--man") == 0);
    size_t i;

    for (i = 0; (argc == 2 + is_man) && (i < CSH_ARRAY_LENGTH(tables)); ++i) {
        if (strcmp(argv[argc - 1], tables[i].name) == 0) {
            (is_man ? print_man : print_markdown)(&tables[i]);
            return (fflush(stdout) == 0) ? 0 : 1;
        }
    }
    fprintf(stderr, "print_tables: takes [--man] TABLE, one of:");
    for (i = 0; i < CSH_ARRAY_LENGTH(tables); ++i) {
        fprintf(stderr, " %s", tables[i].name);
    }
    fputc('\n', stderr);
    return 1;
}
