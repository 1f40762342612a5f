#!/usr/bin/env python3
"""Programs of CuPy, JAX, Numba and Triton, whose output must be the same with
and without the shim.

    other_programs.py cupy|jax|numba|triton|numba_tests

numba_tests: those of its driver layer that its package ships.
Exit status 77: it is not installed, or finds no GPU.
"""
import hashlib
import importlib
import pkgutil
import sys
import types
import unittest


def digest(array):
    return hashlib.sha256(array.tobytes()).hexdigest()[:16]


def run_cupy():
    import cupy
    import numpy
    if cupy.cuda.runtime.getDeviceCount() == 0:
        raise ImportError("no GPU")
    weight = numpy.arange(1 << 20, dtype=numpy.float32)
    for round_ in range(6):
        on_device = cupy.asarray(weight)
        if round_ % 3 == 2:
            on_device *= 2
        weight = cupy.asnumpy(on_device)
        print(round_, digest(weight))
        del on_device
        cupy.get_default_memory_pool().free_all_blocks()
    print(digest(cupy.asnumpy(cupy.sort(cupy.asarray(weight[::-1].copy())))))


def run_jax():
    import jax
    import jax.numpy as jnp
    import numpy
    if jax.default_backend() != "gpu":
        raise ImportError("no GPU")
    weight = numpy.arange(1 << 20, dtype=numpy.float32)
    double = jax.jit(lambda x: x * 2)
    for round_ in range(6):
        on_device = jax.device_put(weight)
        if round_ % 3 == 2:
            on_device = double(on_device)
        weight = numpy.array(jax.device_get(on_device))
        print(round_, digest(weight))
        on_device.delete()
    print(digest(numpy.asarray(jnp.cumsum(jnp.asarray(weight[:4096])))))


def run_numba():
    import numpy
    from numba import cuda
    if not cuda.is_available():
        raise ImportError("no GPU")

    @cuda.jit
    def add(values, by):
        i = cuda.grid(1)
        if i < values.size:
            values[i] += by

    weight = numpy.arange(1 << 20, dtype=numpy.float32)
    for round_ in range(6):
        on_device = cuda.to_device(weight)
        if round_ % 3 == 2:
            add[4096, 256](on_device, numpy.float32(round_))
        weight = on_device.copy_to_host()
        print(round_, digest(weight))


def run_triton():
    import torch
    import triton
    import triton.language as tl
    if not torch.cuda.is_available():
        raise ImportError("no GPU")

    @triton.jit
    def add(values, n, by, block: tl.constexpr):
        at = tl.program_id(0) * block + tl.arange(0, block)
        mask = at < n
        tl.store(values + at, tl.load(values + at, mask=mask) + by, mask=mask)

    weight = torch.arange(1 << 20, dtype=torch.float32)
    for round_ in range(6):
        on_device = weight.to("cuda")
        if round_ % 3 == 2:
            add[(1024,)](on_device, on_device.numel(), float(round_),
                         block=1024)
        weight = on_device.to("cpu")
        print(round_, digest(weight.numpy()))


def without_filecheck():
    """A library that only tests of compiled code use, and that few have."""
    for name, attribute in (("", ""), (".matcher", "Matcher"),
                            (".options", "Options"), (".parser", "Parser"),
                            (".finput", "FInput")):
        module = types.ModuleType("filecheck" + name)
        if attribute:
            setattr(module, attribute, object)
        sys.modules.setdefault(module.__name__, module)
    sys.modules["filecheck.parser"].pattern_for_opts = lambda *_: None


def run_numba_tests():
    from numba import cuda
    if not cuda.is_available():
        raise ImportError("no GPU")
    without_filecheck()
    package = importlib.import_module("numba.cuda.tests.cudadrv")
    suite = unittest.TestSuite()
    for found in pkgutil.iter_modules(package.__path__):
        if not found.name.startswith("test_"):
            continue
        try:
            suite.addTests(unittest.defaultTestLoader.loadTestsFromModule(
                importlib.import_module(package.__name__ + "." + found.name)))
        except Exception as error:  # another library is missing
            print("not loaded", found.name, type(error).__name__)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    print("run", result.testsRun, "failures", len(result.failures), "errors",
          len(result.errors), "skipped", len(result.skipped))


def main():
    try:
        {"cupy": run_cupy, "jax": run_jax, "numba": run_numba,
         "triton": run_triton,
         "numba_tests": run_numba_tests}[sys.argv[1]]()
    except ImportError as error:
        print(error, file=sys.stderr)
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
