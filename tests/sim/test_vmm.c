/*
 * test_vmm.c - cuMemCreate, cuMemMap and access flags of the simulated
 * driver: what aliases, what a pointer answers, and what fails how.
 */
#include "simfixture.h"

#define M ((size_t)2 << 20)
#define WORDS (M / 4)

static CUmemGenericAllocationHandle created(size_t bytes)
{
    CUmemAllocationProp prop = {
        .type = CU_MEM_ALLOCATION_TYPE_PINNED,
        .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE},
    };
    CUmemGenericAllocationHandle handle;

    ok(cuMemCreate(&handle, bytes, &prop, 0));
    return handle;
}

static CUdeviceptr reserved(size_t bytes)
{
    CUdeviceptr address;

    ok(cuMemAddressReserve(&address, bytes, 0, 0, 0));
    return address;
}

static void set_access(CUdeviceptr address, size_t bytes,
                       CUmemAccess_flags flags)
{
    CUmemAccessDesc access = {.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE},
                              .flags = flags};

    ok(cuMemSetAccess(address, bytes, &access, 1));
}

static void map(CUdeviceptr address, size_t bytes,
                CUmemGenericAllocationHandle handle)
{
    ok(cuMemMap(address, bytes, 0, handle, 0));
    set_access(address, bytes, CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
}

static uint32_t word_at(CUdeviceptr address)
{
    uint32_t word;

    ok(cuMemcpyDtoH_v2(&word, address, 4));
    return word;
}

START_TEST(mapped_memory_holds_bytes)
{
    CUdeviceptr at = reserved(M);
    CUmemGenericAllocationHandle handle = created(M);

    ck_assert_int_eq(cuMemsetD32_v2(at, 1, 1), CUDA_ERROR_INVALID_VALUE);
    map(at, M, handle);
    ck_assert_uint_eq(word_at(at + M - 4), 0xdbdbdbdbu); /* SIM_POISON */
    launch_fill(stream_b, at, 7, WORDS);
    ok(cuStreamSynchronize(stream_b));
    ck_assert_uint_eq(word_at(at), 7);
    ck_assert_uint_eq(word_at(at + M - 4), 7);
    ok(cuMemUnmap(at, M));
    ok(cuMemRelease(handle));
    ok(cuMemAddressFree(at, M));
    ck_assert_uint_eq(simcuda_allocated_bytes(), 0);
}
END_TEST

START_TEST(mappings_side_by_side_are_one_piece)
{
    CUdeviceptr at = reserved(3 * M), out = allocate_device(8);
    CUmemGenericAllocationHandle a = created(M), b = created(M);
    char *host = allocate_pages(2 * M);
    uint64_t bytes = M;
    CUdeviceptr src = at + M / 2;
    void *params[] = {&out, &src, &bytes};

    map(at, M, a);
    map(at + M, M, b);
    memset(host, 3, 2 * M);
    ok(cuMemcpyHtoD_v2(at, host, 2 * M));
    launch_fill(stream_b, at + M - 8, 9, 4);
    ok(launch(digest, stream_b, params));
    ok(cuStreamSynchronize(stream_b));
    ok(cuMemcpyDtoH_v2(host, at, 2 * M));
    ck_assert_int_eq(host[M - 9], 3);
    ck_assert_int_eq(host[M - 8], 9);
    ck_assert_int_eq(host[M + 4], 9);
    ck_assert_int_eq(host[M + 8], 3);
    /* The third part is not mapped. */
    ck_assert_int_eq(cuMemcpyDtoH_v2(host, at + M, M + 1),
                     CUDA_ERROR_INVALID_VALUE);
    ok(cuMemUnmap(at, 2 * M));
    free(host);
    ok(cuMemRelease(a));
    ok(cuMemRelease(b));
    ok(cuMemAddressFree(at, 3 * M));
}
END_TEST

START_TEST(neighbouring_reservations_are_two_pieces)
{
    CUdeviceptr at = reserved(2 * M), again;
    CUmemGenericAllocationHandle handle = created(M);
    unsigned char *host = allocate_pages(2 * M);

    ok(cuMemAddressFree(at, 2 * M));
    ok(cuMemAddressReserve(&again, M, 0, at, 0));
    ck_assert_uint_eq(again, at); /* the hint is free, so it is taken */
    ok(cuMemAddressReserve(&again, M, 0, at + M, 0));
    ck_assert_uint_eq(again, at + M);
    map(at, M, handle);
    map(at + M, M, handle);
    ok(cuMemcpyDtoH_v2(host, at, M));
    ck_assert_int_eq(cuMemcpyDtoH_v2(host, at, M + 1),
                     CUDA_ERROR_INVALID_VALUE);
    ok(cuMemUnmap(at, M));
    ok(cuMemUnmap(at + M, M));
    ok(cuMemRelease(handle));
    ok(cuMemAddressFree(at, M));
    ok(cuMemAddressFree(at + M, M));
    free(host);
}
END_TEST

START_TEST(one_handle_at_two_addresses_is_one_memory)
{
    CUdeviceptr at = reserved(M), alias = reserved(M);
    CUmemGenericAllocationHandle handle = created(M);
    unsigned long long block[2], buffer[2];

    map(at, M, handle);
    map(alias, M, handle);
    ok(cuMemRelease(handle)); /* the mappings keep it */
    launch_fill(stream_b, at, 5, WORDS);
    ok(cuStreamSynchronize(stream_b));
    ck_assert_uint_eq(word_at(alias + M - 4), 5);
    ok(cuMemsetD32_v2(alias + 8, 6, 1));
    ck_assert_uint_eq(word_at(at + 8), 6);
    for (int i = 0; i < 2; i++) {
        CUdeviceptr address = i == 0 ? at : alias;

        ok(cuPointerGetAttribute(
            &block[i], CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID, address));
        ok(cuPointerGetAttribute(&buffer[i], CU_POINTER_ATTRIBUTE_BUFFER_ID,
                                 address));
    }
    ck_assert_uint_eq(block[0], block[1]);
    ck_assert_uint_ne(buffer[0], buffer[1]);
    ck_assert_uint_eq(simcuda_allocated_bytes(), M);
    ok(cuMemUnmap(at, M));
    ck_assert_uint_eq(word_at(alias + 8), 6);
    ck_assert_uint_eq(simcuda_allocated_bytes(), M);
    ok(cuMemUnmap(alias, M));
    ck_assert_uint_eq(simcuda_allocated_bytes(), 0);
    ok(cuMemAddressFree(at, M));
    ok(cuMemAddressFree(alias, M));
}
END_TEST

START_TEST(another_handle_at_the_same_address)
{
    CUdeviceptr at = reserved(M);
    CUmemGenericAllocationHandle a = created(M), b = created(M);

    map(at, M, a);
    ok(cuMemsetD32_v2(at, 1, WORDS));
    ok(cuMemUnmap(at, M));
    ok(cuMemMap(at, M, 0, b, 0));
    /* Every mapping starts without access. */
    ck_assert_int_eq(cuMemsetD32_v2(at, 1, 1), CUDA_ERROR_INVALID_VALUE);
    set_access(at, M, CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
    ok(cuMemsetD32_v2(at, 2, WORDS));
    ck_assert_uint_eq(word_at(at), 2);
    ok(cuMemUnmap(at, M));
    map(at, M, a);
    ck_assert_uint_eq(word_at(at), 1);
    ok(cuMemUnmap(at, M));
    ok(cuMemRelease(a));
    ok(cuMemRelease(b));
    ok(cuMemAddressFree(at, M));
}
END_TEST

START_TEST(unmapping_waits_for_work)
{
    CUdeviceptr at = reserved(M);
    CUmemGenericAllocationHandle handle = created(M);
    struct gate *gate;

    map(at, M, handle);
    gate_close(&gate, stream_b);
    launch_fill(stream_b, at, 1, WORDS);
    gate_open_soon(gate);
    ok(cuMemUnmap(at, M));
    ok(cuStreamQuery(stream_b));
    gate_end(gate);
    ok(cuMemRelease(handle));
    ok(cuMemAddressFree(at, M));
}
END_TEST

START_TEST(without_access_a_copy_fails_and_a_kernel_breaks)
{
    CUdeviceptr at = reserved(M);
    CUmemGenericAllocationHandle handle = created(M);
    unsigned char host[64];

    map(at, M, handle);
    set_access(at, M, CU_MEM_ACCESS_FLAGS_PROT_NONE);
    ck_assert_int_eq(cuMemcpyDtoH_v2(host, at, 64), CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemcpyDtoHAsync_v2(host, at, 64, stream_b),
                     CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemcpyHtoD_v2(at, host, 64), CUDA_ERROR_INVALID_VALUE);
    ok(cuCtxSynchronize());
    launch_fill(stream_b, at, 1, 1);
    ck_assert_int_eq(cuStreamSynchronize(stream_b),
                     CUDA_ERROR_ILLEGAL_ADDRESS);
    ck_assert_int_eq(cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
    ok(cuMemUnmap(at, M)); /* concerns no context */
    ok(cuMemRelease(handle));
    ok(cuMemAddressFree(at, M));
}
END_TEST

START_TEST(memory_to_read_cannot_be_written)
{
    CUdeviceptr at = reserved(M), out = allocate_device(8);
    CUmemGenericAllocationHandle handle = created(M);
    uint64_t bytes = M;
    void *params[] = {&out, &at, &bytes};
    uint32_t word = 0;

    map(at, M, handle);
    ok(cuMemsetD32_v2(at, 4, WORDS));
    set_access(at, M, CU_MEM_ACCESS_FLAGS_PROT_READ);
    ck_assert_uint_eq(word_at(at + 4), 4);
    ck_assert_int_eq(cuMemcpyHtoD_v2(at, &word, 4), CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemsetD32_v2(at, 5, 1), CUDA_ERROR_INVALID_VALUE);
    ok(launch(digest, stream_b, params));
    ok(cuStreamSynchronize(stream_b));
    launch_fill(stream_b, at, 1, 1);
    ck_assert_int_eq(cuStreamSynchronize(stream_b),
                     CUDA_ERROR_ILLEGAL_ADDRESS);
    ok(cuMemUnmap(at, M));
    ok(cuMemRelease(handle));
    ok(cuMemAddressFree(at, M));
}
END_TEST

/* Flags are those of the mapping, and end with it. */
START_TEST(access_flags_are_told)
{
    CUmemLocation here = {.type = CU_MEM_LOCATION_TYPE_DEVICE};
    CUdeviceptr at = reserved(M);
    CUmemGenericAllocationHandle handle = created(M);
    unsigned long long flags = 77;

    map(at, M, handle);
    ok(cuMemGetAccess(&flags, &here, at + M - 1));
    ck_assert_uint_eq(flags, CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
    set_access(at, M, CU_MEM_ACCESS_FLAGS_PROT_READ);
    ok(cuMemGetAccess(&flags, &here, at));
    ck_assert_uint_eq(flags, CU_MEM_ACCESS_FLAGS_PROT_READ);
    ok(cuMemUnmap(at, M));
    ck_assert_int_eq(cuMemGetAccess(&flags, &here, at),
                     CUDA_ERROR_INVALID_VALUE);
    ok(cuMemRelease(handle));
    ok(cuMemAddressFree(at, M));
}
END_TEST

static uint64_t attribute(CUpointer_attribute name, CUdeviceptr address)
{
    uint64_t value = 0;

    ok(cuPointerGetAttribute(&value, name, address));
    return value;
}

START_TEST(pointers_answer_for_mapping_and_reservation)
{
    CUdeviceptr at = reserved(4 * M), base = 0;
    CUmemGenericAllocationHandle a = created(M), b = created(2 * M);
    size_t bytes = 0;
    uint64_t value = 9;

    ck_assert_uint_eq(attribute(CU_POINTER_ATTRIBUTE_MAPPED, at), 0);
    ck_assert_uint_eq(attribute(CU_POINTER_ATTRIBUTE_RANGE_START_ADDR, at + M),
                      at);
    ck_assert_int_eq(cuPointerGetAttribute(
                         &value, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, at),
                     CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemGetAddressRange_v2(&base, &bytes, at),
                     CUDA_ERROR_NOT_FOUND);
    map(at, M, a);
    ok(cuMemMap(at + M, 2 * M, 0, b, 0));
    ck_assert_uint_eq(attribute(CU_POINTER_ATTRIBUTE_MAPPED, at + 2 * M), 1);
    ck_assert_uint_eq(attribute(CU_POINTER_ATTRIBUTE_MAPPED, at + 3 * M), 0);
    ck_assert_uint_eq(attribute(CU_POINTER_ATTRIBUTE_MEMORY_TYPE, at),
                      CU_MEMORYTYPE_DEVICE);
    ck_assert_uint_eq(attribute(CU_POINTER_ATTRIBUTE_CONTEXT, at), 0);
    ck_assert_uint_eq(attribute(CU_POINTER_ATTRIBUTE_IS_MANAGED, at), 0);
    ck_assert_uint_eq(
        attribute(CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE, at), 0);
    ck_assert_uint_eq(attribute(CU_POINTER_ATTRIBUTE_RANGE_START_ADDR,
                                at + 2 * M), at);
    ck_assert_uint_eq(attribute(CU_POINTER_ATTRIBUTE_RANGE_SIZE, at), 4 * M);
    ck_assert_uint_eq(attribute(CU_POINTER_ATTRIBUTE_MAPPING_BASE_ADDR,
                                at + 2 * M), at + M);
    ck_assert_uint_eq(attribute(CU_POINTER_ATTRIBUTE_MAPPING_SIZE,
                                at + 2 * M), 2 * M);
    ck_assert_uint_eq(attribute(CU_POINTER_ATTRIBUTE_ACCESS_FLAGS, at),
                      CU_POINTER_ATTRIBUTE_ACCESS_FLAG_READWRITE);
    ck_assert_uint_eq(attribute(CU_POINTER_ATTRIBUTE_ACCESS_FLAGS, at + M),
                      CU_POINTER_ATTRIBUTE_ACCESS_FLAG_NONE);
    ck_assert_uint_ne(attribute(CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID, at),
                      attribute(CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID, at + M));
    ok(cuMemGetAddressRange_v2(&base, &bytes, at + 2 * M));
    ck_assert_uint_eq(base, at + M);
    ck_assert_uint_eq(bytes, 2 * M);
    ok(cuMemUnmap(at, 3 * M));
    ok(cuMemRelease(a));
    ok(cuMemRelease(b));
    ok(cuMemAddressFree(at, 4 * M));
}
END_TEST

START_TEST(handles_are_counted)
{
    CUdeviceptr at = reserved(M);
    CUmemGenericAllocationHandle handle = created(M), again;
    CUmemAllocationProp prop;

    ok(cuMemGetAllocationPropertiesFromHandle(&prop, handle));
    ck_assert_int_eq(prop.location.type, CU_MEM_LOCATION_TYPE_DEVICE);
    map(at, M, handle);
    ok(cuMemRetainAllocationHandle(&again, (void *)(uintptr_t)(at + 1)));
    ck_assert_uint_eq(again, handle);
    ok(cuMemRelease(handle));
    ok(cuMemUnmap(at, M));
    ck_assert_uint_eq(simcuda_allocated_bytes(), M);
    ok(cuMemRelease(again));
    ck_assert_uint_eq(simcuda_allocated_bytes(), 0);
    ck_assert_int_eq(cuMemRelease(again), CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemMap(at, M, 0, handle, 0), CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(
        cuMemRetainAllocationHandle(&again, (void *)(uintptr_t)at),
        CUDA_ERROR_INVALID_VALUE);
    ok(cuMemAddressFree(at, M));
}
END_TEST

START_TEST(misuse_is_refused)
{
    CUmemAllocationProp prop = {
        .type = CU_MEM_ALLOCATION_TYPE_PINNED,
        .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE},
    };
    CUmemAccessDesc access = {.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE},
                              .flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
    CUdeviceptr at = reserved(2 * M), other;
    CUmemGenericAllocationHandle handle = created(M), none;
    size_t granule = 0;

    ok(cuMemGetAllocationGranularity(&granule, &prop,
                                     CU_MEM_ALLOC_GRANULARITY_MINIMUM));
    ck_assert_uint_eq(granule, M);
    ck_assert_int_eq(cuMemCreate(&none, M + 4096, &prop, 0),
                     CUDA_ERROR_INVALID_VALUE);
    prop.location.id = 1;
    ck_assert_int_eq(cuMemCreate(&none, M, &prop, 0),
                     CUDA_ERROR_INVALID_DEVICE);
    ck_assert_int_eq(cuMemAddressReserve(&other, M + 1, 0, 0, 0),
                     CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemMap(at, 2 * M, 0, handle, 0),
                     CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemMap(at + 4096, M, 0, handle, 0),
                     CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemMap(at + 2 * M, M, 0, handle, 0),
                     CUDA_ERROR_INVALID_VALUE);
    map(at, M, handle);
    ck_assert_int_eq(cuMemMap(at, M, 0, handle, 0), CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemSetAccess(at, 2 * M, &access, 1),
                     CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemUnmap(at, 2 * M), CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemUnmap(at, M / 2), CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemAddressFree(at, 2 * M), CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemFree_v2(at), CUDA_ERROR_INVALID_VALUE);
    ok(cuMemUnmap(at, M));
    ck_assert_int_eq(cuMemAddressFree(at, M), CUDA_ERROR_INVALID_VALUE);
    ok(cuMemAddressFree(at, 2 * M));
    ok(cuMemRelease(handle));
}
END_TEST

START_TEST(mappings_outlive_contexts)
{
    CUdeviceptr at = reserved(M);
    CUmemGenericAllocationHandle handle = created(M);
    CUcontext other;

    ok(cuCtxCreate_v2(&other, 0, 0));
    map(at, M, handle);
    ok(cuMemsetD32_v2(at, 8, WORDS));
    ok(cuCtxDestroy_v2(other));
    ck_assert_uint_eq(word_at(at + M - 4), 8);
    ok(cuMemUnmap(at, M));
    ok(cuMemRelease(handle));
    ok(cuMemAddressFree(at, M));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("vmm");

    tcase_add_checked_fixture(tests, fixture_begin, fixture_end);
    tcase_add_test(tests, mapped_memory_holds_bytes);
    tcase_add_test(tests, mappings_side_by_side_are_one_piece);
    tcase_add_test(tests, neighbouring_reservations_are_two_pieces);
    tcase_add_test(tests, one_handle_at_two_addresses_is_one_memory);
    tcase_add_test(tests, another_handle_at_the_same_address);
    tcase_add_test(tests, unmapping_waits_for_work);
    tcase_add_test(tests, without_access_a_copy_fails_and_a_kernel_breaks);
    tcase_add_test(tests, memory_to_read_cannot_be_written);
    tcase_add_test(tests, access_flags_are_told);
    tcase_add_test(tests, pointers_answer_for_mapping_and_reservation);
    tcase_add_test(tests, handles_are_counted);
    tcase_add_test(tests, misuse_is_refused);
    tcase_add_test(tests, mappings_outlive_contexts);
    return run_tests("sim_vmm", tests);
}
