/*
 * api.c - the exported functions of cushadow.h. Owns nothing; any thread.
 */
#include "base/statistics.h"
#include "engine/declare.h"
#include "engine/opt_out.h"
#include "engine/phase.h"
#include "engine/tell.h"

_Static_assert(sizeof(enum cushadow_result) == sizeof(int),
               "results are ints to other languages");

unsigned cushadow_version(void)
{
    return CUSHADOW_VERSION;
}

const char *cushadow_strerror(int result)
{
    switch (result) {
#define CUSHADOW_X(name_, value_, text_) \
    case value_:                         \
        return text_;
        CUSHADOW_RESULTS(CUSHADOW_X)
#undef CUSHADOW_X
    default:
        return "not a result of this version of cushadow";
    }
}

enum cushadow_result
cushadow_register_device(uint64_t device, size_t bytes, const char *model,
                         const char *tensor, unsigned flags)
{
    return csh_declare_device(device, bytes, model, tensor, flags);
}

enum cushadow_result
cushadow_register_host(const void *host, size_t bytes, const char *model,
                       const char *tensor, unsigned flags)
{
    return csh_declare_host(host, bytes, model, tensor, flags);
}

enum cushadow_result cushadow_unregister_device(uint64_t device)
{
    return csh_undeclare_device(device);
}

enum cushadow_result cushadow_unregister_host(const void *host)
{
    return csh_undeclare_host(host);
}

enum cushadow_result cushadow_statistics(cushadow_figure_fn *figure,
                                         void *opaque)
{
    if (figure == NULL) {
        return CUSHADOW_INVALID;
    }
    if (csh_phase_is_over() || !csh_statistics_are_on()) {
        return CUSHADOW_INACTIVE;
    }
    csh_tell(figure, opaque);
    return CUSHADOW_OK;
}

enum cushadow_result cushadow_pause(void)
{
    if (csh_phase_is_over()) {
        return CUSHADOW_INACTIVE;
    }
    return csh_opt_out_begin() ? CUSHADOW_OK : CUSHADOW_FULL;
}

enum cushadow_result cushadow_resume(void)
{
    if (csh_phase_is_over()) {
        return CUSHADOW_INACTIVE;
    }
    return csh_opt_out_end() ? CUSHADOW_OK : CUSHADOW_INVALID;
}
