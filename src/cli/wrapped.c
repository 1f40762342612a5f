/*
 * wrapped.c - see wrapped.h. Owns nothing.
 */
#include "cli/wrapped.h"

#include <stdio.h>
#include <string.h>

#define LINE_WIDTH 79

void csh_print_wrapped(const char *text, int column, int indent)
{
    int is_first = 1;

    if (column == 0) {
        printf("%*s", indent, "");
        column = indent;
    }
    while (*text != '\0') {
        int n = (int)strcspn(text, " ");

        if (!is_first && column + 1 + n > LINE_WIDTH) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (!is_first) {
            putchar(' ');
            ++column;
        }
        is_first = 0;
        printf("%.*s", n, text);
        column += n;
        text += n;
        text += strspn(text, " ");
    }
    putchar('\n');
}
