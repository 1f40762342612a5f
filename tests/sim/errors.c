/*
 * errors.c - names and texts of the CUresult codes. No state.
 */
#include <string.h>
#include "entry.h"
#include "errors.h"

/* No default: -Wswitch then finds a code of cuda.h that the list lacks. */
const char *sim_error_name(CUresult error)
{
    switch (error) {
#define SIM_NAME(code_, text_) \
    case code_:                \
        return #code_;
        SIM_ERRORS(SIM_NAME)
#undef SIM_NAME
    }
    return NULL;
}

static const char *error_text(CUresult error)
{
    switch (error) {
#define SIM_TEXT(code_, text_) \
    case code_:                \
        return text_;
        SIM_ERRORS(SIM_TEXT)
#undef SIM_TEXT
    }
    return NULL;
}

bool sim_error_find(const char *name, CUresult *error_p)
{
#define SIM_FIND(code_, text_)       \
    if (strcmp(name, #code_) == 0) { \
        *error_p = code_;            \
        return true;                 \
    }
    SIM_ERRORS(SIM_FIND)
#undef SIM_FIND
    return false;
}

CUresult cuGetErrorName(CUresult error, const char **pStr)
{
    SIM_ENTER(cuGetErrorName);
    if (pStr == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *pStr = sim_error_name(error);
    return *pStr != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult error, const char **pStr)
{
    SIM_ENTER(cuGetErrorString);
    if (pStr == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *pStr = error_text(error);
    return *pStr != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
