/*
 * share.c - memory that is handed to others: legacy IPC, shareable handles.
 *
 * Within one process only, where a real driver refuses to open what the
 * process itself exported. What is opened by cuIpcOpenMemHandle is another
 * address of the same bytes, so a write through it is one that no call names
 * the exported address in. A shareable handle is a true descriptor, known
 * again by its inode; unlike the document has it, the descriptor alone does
 * not keep the memory alive.
 */
#include "vmm.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define IPC_MAGIC UINT64_C(0x73696d2d69706331)

struct ipc_handle {
    uint64_t magic;
    uint64_t base;
    uint64_t buffer_id; /* another one after a free and a new allocation */
};

/* What a descriptor of cuMemExportToShareableHandle stands for. Entries stay:
 * an inode's number is not used again while a descriptor is open. */
static struct token {
    dev_t device;
    ino_t inode;
    CUmemGenericAllocationHandle handle;
} *tokens;
static size_t n_tokens, max_tokens;

static unsigned *open_count(struct sim_range *range)
{
    return range->owner;
}

CUresult cuIpcGetMemHandle(CUipcMemHandle *handle_p, CUdeviceptr address)
{
    struct ipc_handle handle = {.magic = IPC_MAGIC, .base = address};
    struct sim_range *range;
    CUcontext context;
    CUresult result;

    SIM_ENTER(cuIpcGetMemHandle);
    result = sim_begin(&context);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    range = sim_range_find(address, 0);
    if (handle_p == NULL || range == NULL || range->kind != SIM_DEVICE ||
        range->pool != NULL || range->base != address) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    range->is_exported = true;
    handle.buffer_id = range->buffer_id;
    memset(handle_p, 0, sizeof(*handle_p));
    memcpy(handle_p->reserved, &handle, sizeof(handle));
    return sim_end(CUDA_SUCCESS);
}

static void release_import(struct sim_range *range)
{
    sim_area_free(range->base, range->extent_bytes);
    free(range->owner);
    free(range);
}

static CUresult import(CUdeviceptr *address_p, const struct sim_range *exported,
                       CUcontext context)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct sim_range range = {
        .kind = SIM_IMPORTED, .bytes = exported->bytes,
        .memory = exported->memory, .device = exported->device,
        .context = context->root, .block_id = exported->block_id,
        .release = release_import,
    };

    range.extent_bytes = (exported->bytes + page - 1) / page * page;
    range.base = sim_area_reserve(range.extent_bytes, SIM_VMM_GRANULE, 0);
    if (range.base == 0) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    range.owner = sim_allocate(sizeof(unsigned));
    *open_count(&range) = 1;
    sim_range_add(&range);
    *address_p = range.base;
    return CUDA_SUCCESS;
}

static CUresult open_handle(CUdeviceptr *address_p,
                            const CUipcMemHandle *opaque, unsigned flags)
{
    struct sim_range *exported, *imported;
    struct ipc_handle handle;
    CUcontext context;
    CUresult result = sim_begin_unsafe(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    memcpy(&handle, opaque->reserved, sizeof(handle));
    exported = sim_range_find(handle.base, 0);
    if (address_p == NULL || flags != CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS ||
        handle.magic != IPC_MAGIC || exported == NULL ||
        exported->buffer_id != handle.buffer_id) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    imported = sim_range_import_of(exported->block_id, context->root);
    if (imported != NULL) {
        ++*open_count(imported);
        *address_p = imported->base;
        return sim_end(CUDA_SUCCESS);
    }
    return sim_end(import(address_p, exported, context));
}

CUresult cuIpcOpenMemHandle_v2(CUdeviceptr *address_p, CUipcMemHandle handle,
                               unsigned int flags)
{
    SIM_ENTER(cuIpcOpenMemHandle_v2);
    return open_handle(address_p, &handle, flags);
}

CUresult cuIpcOpenMemHandle(CUdeviceptr *address_p, CUipcMemHandle handle,
                            unsigned int flags)
{
    SIM_ENTER(cuIpcOpenMemHandle);
    return open_handle(address_p, &handle, flags);
}

CUresult cuIpcCloseMemHandle(CUdeviceptr address)
{
    struct sim_range *range;
    CUcontext context;
    CUresult result;

    SIM_ENTER(cuIpcCloseMemHandle);
    result = sim_begin_unsafe(&context);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    range = sim_range_find(address, 0);
    if (range == NULL || range->kind != SIM_IMPORTED ||
        range->base != address) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    if (--*open_count(range) > 0) {
        return sim_end(CUDA_SUCCESS);
    }
    sim_context_wait_all();
    range = sim_range_take(address);
    if (range != NULL) {
        range->release(range);
    }
    return sim_end(CUDA_SUCCESS);
}

/* --------------------------------------------------- shareable handles --- */

static void add_token(const struct stat *file,
                      CUmemGenericAllocationHandle handle)
{
    sim_array_grow(&tokens, n_tokens, &max_tokens, sizeof(*tokens));
    tokens[n_tokens++] = (struct token){file->st_dev, file->st_ino, handle};
}

/* The youngest: an inode's number may have been used before. */
static struct sim_physical *physical_of(const struct stat *file)
{
    for (size_t i = n_tokens; i-- > 0;) {
        if (tokens[i].device == file->st_dev &&
            tokens[i].inode == file->st_ino) {
            return sim_physical(tokens[i].handle);
        }
    }
    return NULL;
}

CUresult cuMemExportToShareableHandle(void *shareable,
                                      CUmemGenericAllocationHandle handle,
                                      CUmemAllocationHandleType type,
                                      unsigned long long flags)
{
    struct sim_physical *physical;
    struct stat token;
    CUresult result;
    int fd;

    SIM_ENTER(cuMemExportToShareableHandle);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    physical = sim_physical(handle);
    if (shareable == NULL || physical == NULL || flags != 0 ||
        type != CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR ||
        (physical->prop.requestedHandleTypes & (unsigned)type) == 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    fd = memfd_create("simcuda memory", MFD_CLOEXEC);
    if (fd < 0 || fstat(fd, &token) != 0) {
        if (fd >= 0) {
            close(fd);
        }
        return sim_end(CUDA_ERROR_OUT_OF_MEMORY);
    }
    add_token(&token, handle);
    *(int *)shareable = fd;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuMemImportFromShareableHandle(CUmemGenericAllocationHandle *handle_p,
                                        void *shareable,
                                        CUmemAllocationHandleType type)
{
    struct sim_physical *physical = NULL;
    struct stat token;
    CUresult result;

    SIM_ENTER(cuMemImportFromShareableHandle);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (handle_p == NULL ||
        type != CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR ||
        fstat((int)(intptr_t)shareable, &token) != 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    physical = physical_of(&token);
    if (physical == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    physical->n_handles++;
    *handle_p = (uintptr_t)physical;
    return sim_end(CUDA_SUCCESS);
}
