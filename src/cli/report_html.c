/*
 * report_html.c - see report_html.h. Owns nothing.
 */
#include "cli/report_html.h"

#include "base/human.h"

/* UTF-8 is passed on: the JSON reader takes nothing else. */
static void put_character(FILE *page, unsigned char c)
{
    switch (c) {
    case '&': fputs("&amp;", page); break;
    case '<': fputs("&lt;", page); break;
    case '>': fputs("&gt;", page); break;
    case '"': fputs("&quot;", page); break;
    case '\'': fputs("&#39;", page); break;
    default:
        if (c < ' ' || c == 0x7f) {
            fputs("\xef\xbf\xbd", page);
        } else {
            (void)putc(c, page);
        }
    }
}

void csh_html_text(FILE *page, const char *text)
{
    for (; *text != '\0'; ++text) {
        put_character(page, (unsigned char)*text);
    }
}

void csh_html_cut(FILE *page, const char *text, unsigned most)
{
    unsigned n = 0;

    for (; *text != '\0'; ++text) {
        if (((unsigned char)*text & 0xc0) != 0x80 && n++ == most) {
            fputs("\xe2\x80\xa6", page);
            return;
        }
        put_character(page, (unsigned char)*text);
    }
}

void csh_html_name(FILE *page, const char *text)
{
    fputs("<bdi>", page);
    csh_html_text(page, text);
    fputs("</bdi>", page);
}

void csh_html_bytes(FILE *page, uint64_t bytes)
{
    char text[CSH_HUMAN_BYTES];

    fputs(csh_human_bytes(bytes, text), page);
}

void csh_html_count(FILE *page, uint64_t count)
{
    char text[CSH_HUMAN_BYTES];

    fputs(csh_human_count(count, text), page);
}

void csh_html_time(FILE *page, uint64_t ns)
{
    double value = (double)ns;

    if (ns < 1000000) {
        fprintf(page, "%.1f \xc2\xb5s", value * 1e-3);
    } else if (ns < 1000000000) {
        fprintf(page, "%.*f ms", ns < 100000000 ? 1 : 0, value * 1e-6);
    } else {
        fprintf(page, "%.2f s", value * 1e-9);
    }
}

void csh_html_rate(FILE *page, uint64_t bytes, uint64_t ns)
{
    if (ns == 0 || bytes == 0) {
        fputs("-", page);
    } else {
        fprintf(page, "%.2f GB/s", (double)bytes / (double)ns);
    }
}

void csh_html_share(FILE *page, uint64_t part, uint64_t whole)
{
    if (whole == 0) {
        fputs("-", page);
    } else {
        fprintf(page, "%u%%", (unsigned)(100 * (double)part / (double)whole));
    }
}

void csh_html_outcomes(FILE *page, const uint64_t bytes[CSH_N_OUTCOMES])
{
    double whole = 0;
    int i;

    for (i = 0; i < CSH_N_OUTCOMES; ++i) {
        whole += (double)bytes[i];
    }
    fputs("<span class=\"bar\">", page);
    for (i = 0; i < CSH_N_OUTCOMES && whole > 0; ++i) {
        if (bytes[i] > 0) {
            fprintf(page, "<i class=\"%s\" style=\"width:%.2f%%\"></i>",
                    csh_outcome_name((enum csh_outcome)i),
                    100 * (double)bytes[i] / whole);
        }
    }
    fputs("</span>", page);
}
