/*
 * test_share.c - memory at a second address: legacy IPC and shareable
 * handles of the simulated driver, within one process.
 */
#include "simfixture.h"

#define N 8192
#define M ((size_t)2 << 20)
#define LAZY CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS

static uint32_t word_at(CUdeviceptr address)
{
    uint32_t word;

    ok(cuMemcpyDtoH_v2(&word, address, 4));
    return word;
}

static uint64_t attribute(CUpointer_attribute name, CUdeviceptr address)
{
    uint64_t value = 0;

    ok(cuPointerGetAttribute(&value, name, address));
    return value;
}

START_TEST(import_is_another_address_of_the_bytes)
{
    CUdeviceptr device = allocate_device(N), import, again, base;
    CUipcMemHandle handle;
    size_t bytes;

    ok(cuIpcGetMemHandle(&handle, device));
    ok(cuIpcOpenMemHandle_v2(&import, handle, LAZY));
    ck_assert_uint_ne(import, device);
    launch_fill(stream_b, import, 5, N / 4);
    ok(cuStreamSynchronize(stream_b));
    ck_assert_uint_eq(word_at(device + N - 4), 5);
    ok(cuMemsetD32_v2(device, 6, 1));
    ck_assert_uint_eq(word_at(import), 6);
    ok(cuMemGetAddressRange_v2(&base, &bytes, import + 7));
    ck_assert_uint_eq(base, import);
    ck_assert_uint_eq(bytes, N);
    ck_assert_uint_eq(attribute(CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID, import),
                      attribute(CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID, device));
    ck_assert_uint_eq(attribute(CU_POINTER_ATTRIBUTE_MEMORY_TYPE, import),
                      CU_MEMORYTYPE_DEVICE);
    /* Opened again: the same address, closed as often. */
    ok(cuIpcOpenMemHandle(&again, handle, LAZY));
    ck_assert_uint_eq(again, import);
    ok(cuIpcCloseMemHandle(import));
    ck_assert_uint_eq(word_at(import), 6);
    ok(cuIpcCloseMemHandle(import));
    ck_assert_int_eq(cuMemsetD32_v2(import, 1, 1), CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuIpcCloseMemHandle(import), CUDA_ERROR_INVALID_VALUE);
    ck_assert_uint_eq(word_at(device), 6);
}
END_TEST

START_TEST(import_ends_with_the_original)
{
    CUdeviceptr device = allocate_device(N), import;
    CUipcMemHandle handle;

    ok(cuIpcGetMemHandle(&handle, device));
    ok(cuIpcOpenMemHandle_v2(&import, handle, LAZY));
    ok(cuMemFree_v2(device));
    launch_fill(stream_b, import, 1, 1);
    ck_assert_int_eq(cuStreamSynchronize(stream_b),
                     CUDA_ERROR_ILLEGAL_ADDRESS);
}
END_TEST

START_TEST(only_live_allocations_are_exported)
{
    CUdeviceptr device = allocate_device(N), import;
    CUipcMemHandle handle;

    ck_assert_int_eq(cuIpcGetMemHandle(&handle, device + 512),
                     CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(
        cuIpcGetMemHandle(&handle, (uintptr_t)allocate_pinned(N)),
        CUDA_ERROR_INVALID_VALUE);
    ok(cuIpcGetMemHandle(&handle, device));
    ck_assert_int_eq(cuIpcOpenMemHandle_v2(&import, handle, 0),
                     CUDA_ERROR_INVALID_VALUE);
    ok(cuMemFree_v2(device));
    ck_assert_uint_eq(allocate_device(N), device);
    /* The same address, but another allocation. */
    ck_assert_int_eq(cuIpcOpenMemHandle_v2(&import, handle, LAZY),
                     CUDA_ERROR_INVALID_VALUE);
    memset(&handle, 0, sizeof(handle));
    ck_assert_int_eq(cuIpcOpenMemHandle_v2(&import, handle, LAZY),
                     CUDA_ERROR_INVALID_VALUE);
}
END_TEST

START_TEST(imports_are_no_allocations)
{
    CUdeviceptr device = allocate_device(N), import;
    CUipcMemHandle handle, other;

    ok(cuIpcGetMemHandle(&handle, device));
    ok(cuIpcOpenMemHandle_v2(&import, handle, LAZY));
    ck_assert_int_eq(cuMemFree_v2(import), CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuIpcGetMemHandle(&other, import),
                     CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuIpcCloseMemHandle(device), CUDA_ERROR_INVALID_VALUE);
}
END_TEST

static CUmemAllocationProp sharing(void)
{
    return (CUmemAllocationProp){
        .type = CU_MEM_ALLOCATION_TYPE_PINNED,
        .requestedHandleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR,
        .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE},
    };
}

static CUdeviceptr mapped(CUmemGenericAllocationHandle handle)
{
    CUmemAccessDesc access = {.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE},
                              .flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
    CUdeviceptr at;

    ok(cuMemAddressReserve(&at, M, 0, 0, 0));
    ok(cuMemMap(at, M, 0, handle, 0));
    ok(cuMemSetAccess(at, M, &access, 1));
    return at;
}

START_TEST(descriptor_names_the_memory)
{
    CUmemAllocationProp prop = sharing();
    CUmemGenericAllocationHandle handle, import;
    CUdeviceptr at, other;
    int fd = -1, zero = 0;

    ok(cuMemCreate(&handle, M, &prop, 0));
    ok(cuMemExportToShareableHandle(
        &fd, handle, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0));
    ck_assert_int_ge(fd, 0);
    ok(cuMemImportFromShareableHandle(
        &import, (void *)(intptr_t)fd,
        CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR));
    close(fd);
    at = mapped(handle);
    other = mapped(import);
    ok(cuMemsetD32_v2(at, 3, M / 4));
    ck_assert_uint_eq(word_at(other + M - 4), 3);
    ok(cuMemUnmap(at, M));
    ok(cuMemRelease(handle));
    ck_assert_uint_eq(word_at(other), 3);
    ok(cuMemUnmap(other, M));
    ok(cuMemRelease(import));
    ck_assert_uint_eq(simcuda_allocated_bytes(), 0);
    ok(cuMemAddressFree(at, M));
    ok(cuMemAddressFree(other, M));
    /* A descriptor of anything else. */
    ck_assert_int_eq(cuMemImportFromShareableHandle(
                         &import, (void *)(intptr_t)zero,
                         CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR),
                     CUDA_ERROR_INVALID_VALUE);
}
END_TEST

START_TEST(export_must_have_been_asked_for)
{
    CUmemAllocationProp prop = sharing();
    CUmemGenericAllocationHandle handle;
    int fd;

    prop.requestedHandleTypes = CU_MEM_HANDLE_TYPE_NONE;
    ok(cuMemCreate(&handle, M, &prop, 0));
    ck_assert_int_eq(
        cuMemExportToShareableHandle(
            &fd, handle, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0),
        CUDA_ERROR_INVALID_VALUE);
    ok(cuMemRelease(handle));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("share");

    tcase_add_checked_fixture(tests, fixture_begin, fixture_end);
    tcase_add_test(tests, import_is_another_address_of_the_bytes);
    tcase_add_test(tests, import_ends_with_the_original);
    tcase_add_test(tests, only_live_allocations_are_exported);
    tcase_add_test(tests, imports_are_no_allocations);
    tcase_add_test(tests, descriptor_names_the_memory);
    tcase_add_test(tests, export_must_have_been_asked_for);
    return run_tests("sim_share", tests);
}
