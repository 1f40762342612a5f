/*
 * errors.h - every CUresult with its name and a short text.
 */
#ifndef SIM_ERRORS_H
#define SIM_ERRORS_H

#include <cuda.h>
#include <stdbool.h>

/* X(code, text). Where the list lacks a code of cuda.h, errors.c does not
 * compile without a warning. */
#define SIM_ERRORS(X) \
    X(CUDA_SUCCESS, "no error") \
    X(CUDA_ERROR_INVALID_VALUE, "invalid argument") \
    X(CUDA_ERROR_OUT_OF_MEMORY, "out of memory") \
    X(CUDA_ERROR_NOT_INITIALIZED, "initialization error") \
    X(CUDA_ERROR_DEINITIALIZED, "driver shutting down") \
    X(CUDA_ERROR_PROFILER_DISABLED, "profiler disabled") \
    X(CUDA_ERROR_PROFILER_NOT_INITIALIZED, "profiler not initialized") \
    X(CUDA_ERROR_PROFILER_ALREADY_STARTED, "profiler already started") \
    X(CUDA_ERROR_PROFILER_ALREADY_STOPPED, "profiler already stopped") \
    X(CUDA_ERROR_STUB_LIBRARY, "this is the stub library") \
    X(CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER, "the call needs a newer driver") \
    X(CUDA_ERROR_DEVICE_UNAVAILABLE, "device busy or unavailable") \
    X(CUDA_ERROR_NO_DEVICE, "no CUDA device") \
    X(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal") \
    X(CUDA_ERROR_DEVICE_NOT_LICENSED, "device has no valid license") \
    X(CUDA_ERROR_INVALID_IMAGE, "invalid kernel image") \
    X(CUDA_ERROR_INVALID_CONTEXT, "invalid device context") \
    X(CUDA_ERROR_CONTEXT_ALREADY_CURRENT, "context is already current") \
    X(CUDA_ERROR_MAP_FAILED, "mapping failed") \
    X(CUDA_ERROR_UNMAP_FAILED, "unmapping failed") \
    X(CUDA_ERROR_ARRAY_IS_MAPPED, "array is mapped") \
    X(CUDA_ERROR_ALREADY_MAPPED, "resource is already mapped") \
    X(CUDA_ERROR_NO_BINARY_FOR_GPU, "no kernel image for this device") \
    X(CUDA_ERROR_ALREADY_ACQUIRED, "resource is already acquired") \
    X(CUDA_ERROR_NOT_MAPPED, "resource is not mapped") \
    X(CUDA_ERROR_NOT_MAPPED_AS_ARRAY, "resource is not mapped as an array") \
    X(CUDA_ERROR_NOT_MAPPED_AS_POINTER, "resource is not mapped as a pointer") \
    X(CUDA_ERROR_ECC_UNCORRECTABLE, "uncorrectable ECC error") \
    X(CUDA_ERROR_UNSUPPORTED_LIMIT, "limit is not supported") \
    X(CUDA_ERROR_CONTEXT_ALREADY_IN_USE, "context belongs to another thread") \
    X(CUDA_ERROR_PEER_ACCESS_UNSUPPORTED, "peer access is not supported") \
    X(CUDA_ERROR_INVALID_PTX, "PTX does not compile") \
    X(CUDA_ERROR_INVALID_GRAPHICS_CONTEXT, "invalid graphics context") \
    X(CUDA_ERROR_NVLINK_UNCORRECTABLE, "uncorrectable NVLink error") \
    X(CUDA_ERROR_JIT_COMPILER_NOT_FOUND, "PTX compiler library not found") \
    X(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "PTX is newer than this driver") \
    X(CUDA_ERROR_JIT_COMPILATION_DISABLED, "PTX compilation is disabled") \
    X(CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY, \
      "execution affinity is not supported") \
    X(CUDA_ERROR_UNSUPPORTED_DEVSIDE_SYNC, \
      "device-side synchronisation is not supported") \
    X(CUDA_ERROR_CONTAINED, "contained error in another process") \
    X(CUDA_ERROR_INVALID_SOURCE, "invalid device kernel source") \
    X(CUDA_ERROR_FILE_NOT_FOUND, "file not found") \
    X(CUDA_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND, \
      "symbol of a shared object not found") \
    X(CUDA_ERROR_SHARED_OBJECT_INIT_FAILED, \
      "shared object failed to initialise") \
    X(CUDA_ERROR_OPERATING_SYSTEM, "operating system call failed") \
    X(CUDA_ERROR_INVALID_HANDLE, "invalid handle") \
    X(CUDA_ERROR_ILLEGAL_STATE, "resource is not in the required state") \
    X(CUDA_ERROR_LOSSY_QUERY, "query would lose information") \
    X(CUDA_ERROR_NOT_FOUND, "named symbol not found") \
    X(CUDA_ERROR_NOT_READY, "work is not complete") \
    X(CUDA_ERROR_ILLEGAL_ADDRESS, "illegal memory access") \
    X(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, \
      "too many resources requested for launch") \
    X(CUDA_ERROR_LAUNCH_TIMEOUT, "kernel ran too long") \
    X(CUDA_ERROR_LAUNCH_INCOMPATIBLE_TEXTURING, "incompatible texturing mode") \
    X(CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED, \
      "peer access is already enabled") \
    X(CUDA_ERROR_PEER_ACCESS_NOT_ENABLED, "peer access is not enabled") \
    X(CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE, "primary context is active") \
    X(CUDA_ERROR_CONTEXT_IS_DESTROYED, "context is destroyed") \
    X(CUDA_ERROR_ASSERT, "device-side assert") \
    X(CUDA_ERROR_TOO_MANY_PEERS, "too many peers") \
    X(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, \
      "host memory is already registered") \
    X(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, "host memory is not registered") \
    X(CUDA_ERROR_HARDWARE_STACK_ERROR, "hardware stack error") \
    X(CUDA_ERROR_ILLEGAL_INSTRUCTION, "illegal instruction") \
    X(CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned address") \
    X(CUDA_ERROR_INVALID_ADDRESS_SPACE, "address in an invalid address space") \
    X(CUDA_ERROR_INVALID_PC, "invalid program counter") \
    X(CUDA_ERROR_LAUNCH_FAILED, "launch failed") \
    X(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE, \
      "too many blocks in a cooperative launch") \
    X(CUDA_ERROR_TENSOR_MEMORY_LEAK, "tensor memory was not freed") \
    X(CUDA_ERROR_NOT_PERMITTED, "operation not permitted") \
    X(CUDA_ERROR_NOT_SUPPORTED, "operation not supported") \
    X(CUDA_ERROR_SYSTEM_NOT_READY, "system is not ready") \
    X(CUDA_ERROR_SYSTEM_DRIVER_MISMATCH, \
      "display driver and CUDA driver do not match") \
    X(CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE, \
      "device lacks forward compatibility") \
    X(CUDA_ERROR_MPS_CONNECTION_FAILED, "MPS client could not connect") \
    X(CUDA_ERROR_MPS_RPC_FAILURE, "MPS remote call failed") \
    X(CUDA_ERROR_MPS_SERVER_NOT_READY, "MPS server is not ready") \
    X(CUDA_ERROR_MPS_MAX_CLIENTS_REACHED, "too many MPS clients") \
    X(CUDA_ERROR_MPS_MAX_CONNECTIONS_REACHED, "too many MPS connections") \
    X(CUDA_ERROR_MPS_CLIENT_TERMINATED, "MPS client was terminated") \
    X(CUDA_ERROR_CDP_NOT_SUPPORTED, "dynamic parallelism is not supported") \
    X(CUDA_ERROR_CDP_VERSION_MISMATCH, "dynamic parallelism versions differ") \
    X(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, \
      "not permitted while the stream captures") \
    X(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, \
      "capture was invalidated by an earlier error") \
    X(CUDA_ERROR_STREAM_CAPTURE_MERGE, "would merge two captures") \
    X(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, \
      "capture was not begun in this stream") \
    X(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, \
      "forked work did not join the capture") \
    X(CUDA_ERROR_STREAM_CAPTURE_ISOLATION, \
      "dependency would cross the capture's border") \
    X(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, \
      "implicit dependency on the legacy stream") \
    X(CUDA_ERROR_CAPTURED_EVENT, "event was last recorded in a capture") \
    X(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD, \
      "capture was begun by another thread") \
    X(CUDA_ERROR_TIMEOUT, "wait timed out") \
    X(CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE, \
      "graph update needs a new instantiation") \
    X(CUDA_ERROR_EXTERNAL_DEVICE, "error in a device outside the GPU") \
    X(CUDA_ERROR_INVALID_CLUSTER_SIZE, "invalid cluster size") \
    X(CUDA_ERROR_FUNCTION_NOT_LOADED, "function is not loaded") \
    X(CUDA_ERROR_INVALID_RESOURCE_TYPE, "invalid resource type") \
    X(CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION, \
      "invalid resource configuration") \
    X(CUDA_ERROR_KEY_ROTATION, "key rotation is in progress") \
    X(CUDA_ERROR_UNKNOWN, "unknown error")

/* "CUDA_ERROR_OUT_OF_MEMORY" and so on; NULL: no such code. */
const char *sim_error_name(CUresult error);

/* The code of that name. False, and the output left alone: no such name. */
bool sim_error_find(const char *name, CUresult *error_p);

#endif
