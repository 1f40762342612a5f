#!/usr/bin/env python3
"""Tells cushadow from Python what a weight is. Nothing but ctypes is needed,
and the program runs the same without cushadow:

    python3 examples/declare.py
    LD_PRELOAD=libcushadow.so CUSHADOW_MODE=trust python3 examples/declare.py

In PyTorch the address and the size are tensor.data_ptr() and tensor.nbytes.
"""
import ctypes
import sys

ABSENT = 1  # CUSHADOW_ABSENT
IMMUTABLE = 1  # CUSHADOW_IMMUTABLE
FIGURE = ctypes.CFUNCTYPE(
    None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint64, ctypes.c_void_p
)
ARGUMENTS = {
    "cushadow_version": [],
    "cushadow_strerror": [ctypes.c_int],
    "cushadow_register_device": [
        ctypes.c_uint64, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint,
    ],
    "cushadow_register_host": [
        ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint,
    ],
    "cushadow_unregister_device": [ctypes.c_uint64],
    "cushadow_unregister_host": [ctypes.c_void_p],
    "cushadow_statistics": [FIGURE, ctypes.c_void_p],
    "cushadow_pause": [],
    "cushadow_resume": [],
}


def cushadow(name, *arguments):
    """The function of that name, if this process has it; else ABSENT."""
    try:
        function = getattr(ctypes.CDLL(None), name)
    except AttributeError:
        return ABSENT
    function.argtypes = ARGUMENTS[name]
    function.restype = ctypes.c_char_p if name == "cushadow_strerror" else ctypes.c_int
    return function(*arguments)


def cuda(name, *arguments, driver=[]):
    """A call of the driver, which must succeed."""
    if not driver:
        driver.append(ctypes.CDLL("libcuda.so.1"))
    result = getattr(driver[0], name)(*arguments)
    if result != 0:
        sys.exit(f"{name}: CUDA error {result}")


def main():
    size = 1 << 20
    host = ctypes.create_string_buffer(b"\1" * size, size)
    context, device = ctypes.c_void_p(), ctypes.c_uint64()
    cuda("cuInit", 0)
    cuda("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
    cuda("cuCtxSetCurrent", context)
    cuda("cuMemAlloc_v2", ctypes.byref(device), ctypes.c_size_t(size))

    result = cushadow(
        "cushadow_register_device", device, size, b"example", b"weight", IMMUTABLE
    )
    if result == ABSENT:
        print("without cushadow")
    else:
        print("with cushadow:", cushadow("cushadow_strerror", result).decode())

    cuda("cuMemcpyHtoD_v2", device, host, ctypes.c_size_t(size))
    cuda("cuMemsetD8_v2", device, ctypes.c_ubyte(2), ctypes.c_size_t(size))
    cuda("cuMemcpyDtoH_v2", host, device, ctypes.c_size_t(size))
    print("the weight is", "as uploaded" if host.raw[:1] == b"\1" else "patched")

    @FIGURE
    def show(model, name, value, _):
        if model == b"example":
            print(f"{model.decode()}: {name.decode()} {value}")

    cushadow("cushadow_statistics", show, None)
    cushadow("cushadow_unregister_device", device)


main()
