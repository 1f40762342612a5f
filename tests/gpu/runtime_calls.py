#!/usr/bin/env python3
"""Allocations and copies by a CUDA runtime library as it is, of whatever
version is found: whether they come to the shim, and are right.

    runtime_calls.py --list        the libraries that Python packages brought
    runtime_calls.py LIBRARY

Exit status 77: it finds no GPU.
"""
import ctypes
import glob
import os
import sys

BYTES, ROUNDS = 8 << 20, 4
TO_DEVICE, TO_HOST = 1, 2


def libraries():
    found = set()
    for folder in sys.path:
        for pattern in ("nvidia/*/lib/libcudart.so.*",
                        "nvidia/cuda_runtime/lib/libcudart.so.*"):
            found.update(glob.glob(os.path.join(folder, pattern)))
    return sorted(found)


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(libraries()))
        return 0
    runtime = ctypes.CDLL(sys.argv[1])
    count, version = ctypes.c_int(0), ctypes.c_int(0)
    status = runtime.cudaGetDeviceCount(ctypes.byref(count))
    if status != 0 or count.value == 0:
        print("the runtime finds no GPU: error", status)
        return 77
    runtime.cudaRuntimeGetVersion(ctypes.byref(version))
    print("runtime", version.value)
    host = ctypes.create_string_buffer(bytes(range(256)) * (BYTES // 256),
                                       BYTES)
    back = ctypes.create_string_buffer(BYTES)
    for _ in range(ROUNDS):
        device = ctypes.c_void_p()
        codes = [runtime.cudaMalloc(ctypes.byref(device),
                                    ctypes.c_size_t(BYTES)),
                 runtime.cudaMemcpy(device, host, ctypes.c_size_t(BYTES),
                                    TO_DEVICE),
                 runtime.cudaMemcpy(back, device, ctypes.c_size_t(BYTES),
                                    TO_HOST),
                 runtime.cudaFree(device)]
        print(codes, back.raw == host.raw)
    print("# bytes each way", ROUNDS * BYTES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
