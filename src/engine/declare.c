/*
 * declare.c - see declare.h. Owns nothing; any thread, no lock held. Keeps
 * errno.
 */
#include "engine/declare.h"

#include <errno.h>
#include <string.h>

#include "engine/calls.h"
#include "engine/declared.h"
#include "engine/phase.h"
#include "engine/residency.h"
#include "weights/registry.h"

static bool is_name(const char *text)
{
    size_t n = strnlen(text, CUSHADOW_NAME_BYTES);

    return n > 0 && n < CUSHADOW_NAME_BYTES;
}

static bool are_valid(uint64_t start, size_t bytes, const char *model,
                      const char *tensor, unsigned flags)
{
    return start != 0 && bytes > 0 && bytes - 1 <= UINT64_MAX - start &&
           (flags & ~CUSHADOW_IMMUTABLE) == 0 &&
           (model == NULL) == (tensor == NULL) &&
           (model == NULL || (is_name(model) && is_name(tensor)));
}

static enum cushadow_result declare(enum csh_declared_place place,
                                    uint64_t start, size_t bytes,
                                    CUcontext context, const char *model,
                                    const char *tensor, unsigned flags)
{
    struct csh_declaration declaration = {
        .is_immutable = (flags & CUSHADOW_IMMUTABLE) != 0,
    };

    if (model != NULL) {
        declaration.weight = csh_registry_named(model, tensor, bytes);
        if (declaration.weight == 0) {
            return CUSHADOW_FULL;
        }
    }
    switch (csh_declared_add(place, start, bytes, context, &declaration)) {
    case CSH_DECLARED_DONE:
        return CUSHADOW_OK;
    case CSH_DECLARED_OVERLAPS:
        return CUSHADOW_OVERLAP;
    case CSH_DECLARED_FULL:
        break;
    }
    return CUSHADOW_FULL;
}

/* Whose memory it is; false if it is none. */
static bool find_context(uint64_t device, size_t bytes, CUcontext *context_p)
{
    const struct csh_engine_calls *calls = csh_calls();
    struct csh_own_calls own = csh_own_calls_begin();
    CUdeviceptr base = 0;
    size_t size = 0;
    bool is_there =
        calls->cuMemGetAddressRange_v2(&base, &size, device) ==
            CUDA_SUCCESS &&
        device - base <= size && bytes <= size - (device - base);

    if (!is_there ||
        calls->cuPointerGetAttribute(context_p,
                                     CU_POINTER_ATTRIBUTE_CONTEXT,
                                     device) != CUDA_SUCCESS) {
        *context_p = NULL;
    }
    csh_own_calls_end(&own);
    return is_there;
}

enum cushadow_result csh_declare_device(uint64_t device, size_t bytes,
                                        const char *model,
                                        const char *tensor, unsigned flags)
{
    enum cushadow_result result = CUSHADOW_INVALID;
    int saved_errno = errno;
    CUcontext context;

    if (!csh_phase_wait_started()) {
        result = CUSHADOW_INACTIVE;
    } else if (are_valid(device, bytes, model, tensor, flags) &&
               find_context(device, bytes, &context)) {
        result = declare(CSH_DECLARED_DEVICE, device, bytes, context, model,
                         tensor, flags);
    }
    errno = saved_errno;
    return result;
}

enum cushadow_result csh_declare_host(const void *host, size_t bytes,
                                      const char *model, const char *tensor,
                                      unsigned flags)
{
    enum cushadow_result result = CUSHADOW_INVALID;
    int saved_errno = errno;

    if (csh_phase_is_over()) {
        result = CUSHADOW_INACTIVE;
    } else if (are_valid((uintptr_t)host, bytes, model, tensor, flags)) {
        result = declare(CSH_DECLARED_HOST, (uintptr_t)host, bytes, NULL,
                         model, tensor, flags);
    }
    errno = saved_errno;
    return result;
}

static enum cushadow_result undeclare(enum csh_declared_place place,
                                      uint64_t start, uint64_t *bytes_p)
{
    if (csh_phase_is_over()) {
        return CUSHADOW_INACTIVE;
    }
    return csh_declared_remove(place, start, bytes_p) ? CUSHADOW_OK
                                                      : CUSHADOW_UNKNOWN;
}

enum cushadow_result csh_undeclare_device(uint64_t device)
{
    int saved_errno = errno;
    uint64_t bytes;
    enum cushadow_result result =
        undeclare(CSH_DECLARED_DEVICE, device, &bytes);

    if (result == CUSHADOW_OK && csh_phase_is_active()) {
        csh_residency_spend(device, bytes);
    }
    errno = saved_errno;
    return result;
}

enum cushadow_result csh_undeclare_host(const void *host)
{
    int saved_errno = errno;
    uint64_t bytes;
    enum cushadow_result result =
        undeclare(CSH_DECLARED_HOST, (uintptr_t)host, &bytes);

    errno = saved_errno;
    return result;
}
