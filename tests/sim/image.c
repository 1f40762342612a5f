/*
 * image.c - whether this driver is new enough for a module image.
 *
 * A driver compiles PTX text up to the PTX version of its own CUDA release and
 * refuses newer text as a whole. Cubins and fat binaries are accepted as they
 * are: kernels are found by name and run on the host, so nothing else in an
 * image is read. No state.
 */
#include <limits.h>
#include <string.h>
#include "entry.h"

/* PTX ISA version (10 * major + minor) and the first CUDA release that takes
 * it, from the table "PTX Release History" in NVIDIA's PTX ISA manual. Older
 * PTX than the first row loads everywhere. */
static const struct {
    int ptx;
    int cuda;
} releases[] = {
    {40, 6000},  {41, 6050},  {42, 7000},  {43, 7050},  {50, 8000},
    {60, 9000},  {61, 9010},  {62, 9020},  {63, 10000}, {64, 10010},
    {65, 10020}, {70, 11000}, {71, 11010}, {72, 11020}, {73, 11030},
    {74, 11040}, {75, 11050}, {76, 11060}, {77, 11070}, {78, 11080},
    {80, 12000}, {81, 12010}, {82, 12020}, {83, 12030}, {84, 12040},
    {85, 12050}, {86, 12070}, {87, 12080}, {88, 12090}, {90, 13000},
};

/* The CUDA version a PTX version needs; a version between two rows needs what
 * the next row needs, one behind the last is newer than anything known. */
static int needed_driver(int ptx)
{
    size_t i;

    for (i = 0; i < sizeof(releases) / sizeof(releases[0]); i++) {
        if (ptx <= releases[i].ptx) {
            return releases[i].cuda;
        }
    }
    return INT_MAX;
}

/* Behind white space and comments. */
static const char *skip_blank(const char *text)
{
    for (;;) {
        const char *end;

        text += strspn(text, " \t\r\n");
        if (strncmp(text, "//", 2) == 0) {
            text += strcspn(text, "\n");
        } else if (strncmp(text, "/*", 2) == 0 &&
                   (end = strstr(text + 2, "*/")) != NULL) {
            text = end + 2;
        } else {
            return text;
        }
    }
}

static int read_digits(const char **text_p)
{
    int value = 0;

    while (**text_p >= '0' && **text_p <= '9' && value < 1000) {
        value = 10 * value + (**text_p - '0');
        (*text_p)++;
    }
    return value;
}

CUresult sim_check_image(const void *image)
{
    static const char directive[] = ".version";
    const char *text = image;
    int major;

    if (image == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    text = skip_blank(text);
    if (strncmp(text, directive, sizeof(directive) - 1) != 0) {
        return CUDA_SUCCESS; /* not PTX */
    }
    text = skip_blank(text + sizeof(directive) - 1);
    major = read_digits(&text);
    if (*text != '.') {
        return CUDA_ERROR_INVALID_PTX;
    }
    text++;
    if (needed_driver(10 * major + read_digits(&text)) >
        sim_settings()->driver_version) {
        return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
    }
    return CUDA_SUCCESS;
}
