/*
 * test_memory.c - addresses, poison, reuse, pinned memory and pointer
 * attributes of the simulated driver.
 */
#include "simfixture.h"

#include <setjmp.h>
#include <signal.h>

#define N 4096
#define MEMORY_BYTES ((size_t)64 << 20)   /* SIMCUDA_MEMORY, set in main */
#define PIN_LIMIT_BYTES ((size_t)8 << 20) /* SIMCUDA_PIN_LIMIT */

static sigjmp_buf after_fault;

static void on_fault(int signal)
{
    siglongjmp(after_fault, signal);
}

/* Does the host fault when it reads there? */
static bool faults(CUdeviceptr address)
{
    struct sigaction action = {.sa_handler = on_fault}, old;
    volatile bool faulted = true;

    sigaction(SIGSEGV, &action, &old);
    if (sigsetjmp(after_fault, 1) == 0) {
        (void)*(volatile const char *)(uintptr_t)address;
        faulted = false;
    }
    sigaction(SIGSEGV, &old, NULL);
    return faulted;
}

START_TEST(host_cannot_read_device_memory)
{
    CUdeviceptr device = allocate_device(N);

    ck_assert(faults(device));
    ck_assert(faults(device + N - 1));
    ck_assert(!faults((uintptr_t)allocate_pinned(N)));
}
END_TEST

START_TEST(freed_memory_is_poisoned_and_reused_first)
{
    CUdeviceptr a = allocate_device(N), b = allocate_device(N), c;
    unsigned char bytes[N];

    ok(cuMemsetD8_v2(a, 1, N));
    ok(cuMemsetD8_v2(b, 2, N));
    ok(cuMemFree_v2(b));
    ok(cuMemFree_v2(a));
    ck_assert_int_eq(simcuda_peek(bytes, a, N), CUDA_ERROR_INVALID_VALUE);
    ok(simcuda_peek_any(bytes, a, N));
    for (size_t i = 0; i < N; i++) {
        ck_assert_uint_eq(bytes[i], simcuda_poison());
    }
    c = allocate_device(N);
    ck_assert_uint_eq(c, a); /* the most recently freed that fits */
    ok(cuMemcpyDtoH_v2(bytes, c, N));
    ck_assert_uint_eq(bytes[N / 2], simcuda_poison());
    ck_assert_uint_eq(allocate_device(N), b);
}
END_TEST

START_TEST(poke_and_peek_go_unseen)
{
    CUdeviceptr device = allocate_device(N);
    uint64_t calls = simcuda_calls("cuMemcpyHtoD_v2");
    uint64_t moves = simcuda_moves(SIM_H2D_PAGEABLE);
    unsigned char byte = 77, back = 0;

    ok(simcuda_poke(device + 5, &byte, 1));
    ok(simcuda_peek(&back, device + 5, 1));
    ck_assert_uint_eq(back, 77);
    ck_assert_uint_eq(simcuda_calls("cuMemcpyHtoD_v2"), calls);
    ck_assert_uint_eq(simcuda_moves(SIM_H2D_PAGEABLE), moves);
    ck_assert_int_eq(simcuda_poke(device + N, &byte, 1),
                     CUDA_ERROR_INVALID_VALUE);
}
END_TEST

START_TEST(memory_is_limited)
{
    size_t free_bytes, total_bytes;
    CUdeviceptr a, b;

    ok(cuMemGetInfo_v2(&free_bytes, &total_bytes));
    ck_assert_uint_eq(total_bytes, MEMORY_BYTES);
    ck_assert_uint_eq(free_bytes, MEMORY_BYTES);
    ok(cuMemAlloc_v2(&a, MEMORY_BYTES - N));
    ck_assert_int_eq(cuMemAlloc_v2(&b, N + 1), CUDA_ERROR_OUT_OF_MEMORY);
    ok(cuMemAlloc_v2(&b, N));
    ok(cuMemGetInfo_v2(&free_bytes, &total_bytes));
    ck_assert_uint_eq(free_bytes, 0);
    ok(cuMemFree_v2(a));
    ok(cuMemFree_v2(b));
    ok(cuMemAlloc_v2(&a, MEMORY_BYTES)); /* fragments are joined */
    ok(cuMemFree_v2(a));
    ck_assert_int_eq(cuMemAlloc_v2(&a, 0), CUDA_ERROR_INVALID_VALUE);
}
END_TEST

START_TEST(many_fragments_still_fit)
{
    CUdeviceptr at[64];

    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 64; i++) {
            size_t less = 512 * (size_t)(20 - round);

            /* What the last round left is too small for this one. */
            ok(cuMemAlloc_v2(&at[i], MEMORY_BYTES / 64 - less));
        }
        for (int i = 0; i < 64; i++) {
            ok(cuMemFree_v2(at[(i * 37) % 64]));
        }
    }
}
END_TEST

START_TEST(copies_stay_inside_one_allocation)
{
    CUdeviceptr a = allocate_device(1000);
    unsigned char host[2000] = {0};

    ok(cuMemcpyHtoD_v2(a, host, 1000));
    ck_assert_int_eq(cuMemcpyHtoD_v2(a, host, 1001), CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemcpyDtoH_v2(host, a + 1, 1000),
                     CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemsetD8_v2(a + 999, 0, 2), CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemsetD32_v2(a + 2, 0, 1), CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemcpyDtoH_v2((void *)(uintptr_t)a, a, 4),
                     CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemcpyHtoD_v2((uintptr_t)host, host + 1000, 4),
                     CUDA_ERROR_INVALID_VALUE);
    ok(cuMemcpyHtoD_v2(a, host, 0));
    ck_assert_int_eq(cuMemFree_v2(a + 1), CUDA_ERROR_INVALID_VALUE);
    ok(cuMemFree_v2(a));
    ck_assert_int_eq(cuMemFree_v2(a), CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemcpyHtoD_v2(a, host, 4), CUDA_ERROR_INVALID_VALUE);
    ok(cuMemFree_v2(0));
}
END_TEST

START_TEST(rows_are_copied_and_set)
{
    unsigned char host[8 * 5], back[8 * 5];
    CUDA_MEMCPY2D rows = {0};
    CUdeviceptr device;
    size_t pitch;

    ok(cuMemAllocPitch_v2(&device, &pitch, 5, 8, 4));
    ck_assert_uint_eq(pitch % 512, 0);
    for (int i = 0; i < 40; i++) {
        host[i] = (unsigned char)i;
    }
    rows.srcMemoryType = CU_MEMORYTYPE_HOST;
    rows.srcHost = host;
    rows.dstMemoryType = CU_MEMORYTYPE_DEVICE;
    rows.dstDevice = device;
    rows.dstPitch = pitch;
    rows.WidthInBytes = 5;
    rows.Height = 8;
    ok(cuMemcpy2D_v2(&rows));
    ok(cuMemsetD2D8_v2(device + 1, pitch, 0xee, 2, 3));
    memset(&rows, 0, sizeof(rows));
    rows.srcMemoryType = CU_MEMORYTYPE_DEVICE;
    rows.srcDevice = device;
    rows.srcPitch = pitch;
    rows.dstMemoryType = CU_MEMORYTYPE_HOST;
    rows.dstHost = back;
    rows.WidthInBytes = 5;
    rows.Height = 8;
    ok(cuMemcpy2D_v2(&rows));
    for (int row = 0; row < 3; row++) {
        host[5 * row + 1] = host[5 * row + 2] = 0xee;
    }
    ck_assert(memcmp(host, back, 40) == 0);
}
END_TEST

START_TEST(pinning_is_limited_and_exclusive)
{
    unsigned char *host = allocate_pages(4 * N);
    CUdeviceptr device;
    void *pinned;

    ok(cuMemHostRegister_v2(host, N, CU_MEMHOSTREGISTER_PORTABLE));
    ck_assert_int_eq(cuMemHostRegister_v2(host, N, 0),
                     CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
    ck_assert_int_eq(cuMemHostRegister_v2(host + N - 1, 2, 0),
                     CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
    ck_assert_int_eq(cuMemHostUnregister(host + N),
                     CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
    ck_assert_int_eq(cuMemFreeHost(host), CUDA_ERROR_INVALID_VALUE);
    ok(cuMemHostGetDevicePointer_v2(&device, host + 3, 0));
    ck_assert_uint_eq(device, (uintptr_t)host + 3);
    ok(cuMemHostUnregister(host));
    ck_assert_int_eq(cuMemHostUnregister(host),
                     CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
    ck_assert_int_eq(cuMemHostGetDevicePointer_v2(&device, host, 0),
                     CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemHostRegister_v2((void *)(uintptr_t)4096, N, 0),
                     CUDA_ERROR_INVALID_VALUE); /* not mapped */
    ck_assert_int_eq(cuMemHostAlloc(&pinned, PIN_LIMIT_BYTES + 1, 0),
                     CUDA_ERROR_OUT_OF_MEMORY);
    ok(cuMemHostAlloc(&pinned, PIN_LIMIT_BYTES, 0));
    ck_assert_int_eq(cuMemHostRegister_v2(host, N, 0),
                     CUDA_ERROR_OUT_OF_MEMORY);
    ok(cuMemFreeHost(pinned));
    ok(cuMemHostRegister_v2(host, N, 0));
    ok(cuMemHostUnregister(host));
    free(host);
}
END_TEST

START_TEST(attributes_of_device_memory)
{
    CUdeviceptr device = allocate_device(1000), base;
    CUmemorytype type = 0;
    uint64_t id = 0, again = 0;
    CUcontext owner = NULL;
    bool managed = true;
    int ordinal = -1;
    void *host;
    size_t bytes;

    ok(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                             device + 999));
    ck_assert_int_eq(type, CU_MEMORYTYPE_DEVICE);
    ok(cuPointerGetAttribute(&owner, CU_POINTER_ATTRIBUTE_CONTEXT, device));
    ck_assert_ptr_eq(owner, context);
    ok(cuPointerGetAttribute(&managed, CU_POINTER_ATTRIBUTE_IS_MANAGED,
                             device));
    ck_assert(!managed);
    ok(cuPointerGetAttribute(&ordinal, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL,
                             device));
    ck_assert_int_eq(ordinal, 0);
    ok(cuPointerGetAttribute(&base, CU_POINTER_ATTRIBUTE_RANGE_START_ADDR,
                             device + 7));
    ck_assert_uint_eq(base, device);
    ok(cuMemGetAddressRange_v2(&base, &bytes, device + 7));
    ck_assert(base == device && bytes == 1000);
    ck_assert_int_eq(cuPointerGetAttribute(
                         &host, CU_POINTER_ATTRIBUTE_HOST_POINTER, device),
                     CUDA_ERROR_INVALID_VALUE);
    ok(cuPointerGetAttribute(&id, CU_POINTER_ATTRIBUTE_BUFFER_ID, device));
    ok(cuMemFree_v2(device));
    ck_assert_uint_eq(allocate_device(1000), device);
    ok(cuPointerGetAttribute(&again, CU_POINTER_ATTRIBUTE_BUFFER_ID, device));
    ck_assert_uint_ne(id, again);
    ck_assert_int_eq(cuPointerGetAttribute(
                         &type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                         device + 1000),
                     CUDA_ERROR_INVALID_VALUE);
    ck_assert_int_eq(cuMemGetAddressRange_v2(&base, &bytes, device + 1000),
                     CUDA_ERROR_NOT_FOUND);
}
END_TEST

START_TEST(attributes_of_host_memory)
{
    CUpointer_attribute names[] = {CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                                   CU_POINTER_ATTRIBUTE_CONTEXT,
                                   CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL};
    CUmemorytype type = CU_MEMORYTYPE_ARRAY;
    CUcontext owner = (CUcontext)&type;
    int ordinal = 0, plain;
    void *values[] = {&type, &owner, &ordinal};
    char *pinned = allocate_pinned(N);
    void *host;

    ok(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                             (uintptr_t)pinned));
    ck_assert_int_eq(type, CU_MEMORYTYPE_HOST);
    ok(cuPointerGetAttribute(&host, CU_POINTER_ATTRIBUTE_HOST_POINTER,
                             (uintptr_t)pinned + 9));
    ck_assert_ptr_eq(host, pinned + 9);
    ck_assert_int_eq(cuPointerGetAttribute(
                         &type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                         (uintptr_t)&plain),
                     CUDA_ERROR_INVALID_VALUE);
    ok(cuPointerGetAttributes(3, names, values, (uintptr_t)&plain));
    ck_assert_int_eq(type, 0);
    ck_assert_ptr_null(owner);
    ck_assert_int_eq(ordinal, CU_DEVICE_INVALID);
}
END_TEST

START_TEST(stream_ordered_memory_lives_in_stream_order)
{
    CUdeviceptr device, again;
    CUmemoryPool pool, owner;
    struct gate *gate;
    uint32_t back;

    ok(cuDeviceGetDefaultMemPool(&pool, 0));
    ok(cuMemAllocAsync(&device, N, stream_a));
    ok(cuPointerGetAttribute(&owner, CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE,
                             device));
    ck_assert_ptr_eq(owner, pool);
    gate_close(&gate, stream_a);
    launch_fill(stream_a, device, 9, 1);
    ok(cuMemFreeAsync(device, stream_a));
    ck_assert_int_eq(cuMemFreeAsync(device, stream_a),
                     CUDA_ERROR_INVALID_VALUE);
    ok(cuMemAllocAsync(&again, N, stream_b)); /* the old is still in use */
    ck_assert_uint_ne(again, device);
    gate_open(gate);
    ok(cuStreamSynchronize(stream_a)); /* the fill found its memory */
    ok(simcuda_peek_any(&back, device, 4));
    ck_assert_uint_eq(back & 0xff, simcuda_poison());
    ok(cuMemFree_v2(again));
    gate_end(gate);
}
END_TEST

START_TEST(stream_ordered_memory_used_early_is_illegal)
{
    CUdeviceptr device;
    struct gate *gate;

    gate_close(&gate, stream_a);
    ok(cuMemAllocAsync(&device, N, stream_a));
    ok(cuMemcpyDtoDAsync_v2(device + 16, device, 16, stream_b));
    ck_assert_int_eq(cuStreamSynchronize(stream_b),
                     CUDA_ERROR_ILLEGAL_ADDRESS);
    gate_open(gate);
}
END_TEST

/* The free is queued before the allocation has run. */
START_TEST(stream_ordered_memory_freed_early_still_lives)
{
    CUdeviceptr device;
    struct gate *gate;

    gate_close(&gate, stream_a);
    ok(cuMemAllocAsync(&device, N, stream_a));
    launch_fill(stream_a, device, 9, 1);
    ok(cuMemFreeAsync(device, stream_a));
    gate_open(gate);
    ok(cuStreamSynchronize(stream_a)); /* the fill found its memory */
    gate_end(gate);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("memory");

    setenv("SIMCUDA_MEMORY", "64M", 1);
    setenv("SIMCUDA_PIN_LIMIT", "8M", 1);
    tcase_add_checked_fixture(tests, fixture_begin, fixture_end);
    tcase_add_test(tests, host_cannot_read_device_memory);
    tcase_add_test(tests, freed_memory_is_poisoned_and_reused_first);
    tcase_add_test(tests, poke_and_peek_go_unseen);
    tcase_add_test(tests, memory_is_limited);
    tcase_add_test(tests, many_fragments_still_fit);
    tcase_add_test(tests, copies_stay_inside_one_allocation);
    tcase_add_test(tests, rows_are_copied_and_set);
    tcase_add_test(tests, pinning_is_limited_and_exclusive);
    tcase_add_test(tests, attributes_of_device_memory);
    tcase_add_test(tests, attributes_of_host_memory);
    tcase_add_test(tests, stream_ordered_memory_lives_in_stream_order);
    tcase_add_test(tests, stream_ordered_memory_used_early_is_illegal);
    tcase_add_test(tests, stream_ordered_memory_freed_early_still_lives);
    return run_tests("sim_memory", tests);
}
