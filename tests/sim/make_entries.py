#!/usr/bin/env python3
"""Write entries.h: every entry point of libcuda, as one X-macro list.

usage: make_entries.py [--check FILE] [CUDA_DIR]

The list is derived from the toolkit alone: the stub library says which symbols
exist, the *Typedefs.h headers say in which CUDA version each ABI of an entry
point appeared. Nothing is taken from the shim's own table, because the tests
use this list to judge that table. The entries for OpenGL, EGL and VDPAU are in
drivers and headers, but not in the stub library: their symbols are named by
the rule below.

The rule: a symbol is BASE, BASE_v2, BASE_v3, ... with _ptds or _ptsz behind it
for the twin that uses the per-thread default stream. Within one base and one
flavour the ABIs sorted by suffix and the typedefs sorted by version are the
same sequence; a base where their numbers differ stops the script.

With --check nothing is written. Exit status 0: FILE is current, 1: it differs,
77: the toolkit has another version than the one FILE was made from.
"""

import collections
import pathlib
import re
import subprocess
import sys

HEADER = """\
/*
 * entries.h - every entry point that the driver library of CUDA {release}
 * exports: {count} symbols. Written by make_entries.py, not by hand.
 * {interop} of them are for OpenGL, EGL and VDPAU; their types need headers of
 * others, so sim_interop stands for NVIDIA's typedef.
 *
 * X(symbol, base, since, flavour, pfn): the ELF symbol, the name that
 * cuGetProcAddress knows it by, the CUDA version that introduced this ABI,
 * PLAIN or PER_THREAD, NVIDIA's typedef (cudaTypedefs.h or
 * cudaProfilerTypedefs.h; some exist only under __CUDA_API_VERSION_INTERNAL).
 * Sorted by symbol as strcmp() sorts. cuda.h makes macros of many of these
 * names: a file that includes it before using this list defines
 * __CUDA_API_VERSION_INTERNAL first.
 */
#ifndef SIM_ENTRIES_H
#define SIM_ENTRIES_H

#define SIM_ENTRIES_CUDA_VERSION {version}
#define SIM_ENTRIES_COUNT {count}

#define SIM_ENTRIES(X) \\
{rows}

#endif
"""

TYPEDEFS = ("cudaTypedefs.h", "cudaProfilerTypedefs.h")
INTEROP_TYPEDEFS = ("cudaGLTypedefs.h", "cudaEGLTypedefs.h",
                    "cudaVDPAUTypedefs.h")
TYPEDEF = re.compile(r"\*PFN_(cu\w+?)_v(\d+)(_pt(?:ds|sz))?\)")
SYMBOL = re.compile(r"(cu\w+?)(?:_v(\d+))?(_pt(?:ds|sz))?")


def read_typedefs(include, names):
    """(base, twin suffix) -> versions, ascending."""
    versions = collections.defaultdict(set)
    for name in names:
        text = (include / name).read_text()
        text = re.sub(r"#ifdef _WIN32.*?#endif", "", text, flags=re.DOTALL)
        for match in TYPEDEF.finditer(text):
            versions[match[1], match[3] or ""].add(int(match[2]))
    return {key: sorted(found) for key, found in versions.items()}


def derive_interop(typedefs):
    """Rows of entries that the stub lacks. A twin is of the newest ABI."""
    rows = []
    for (base, twin), versions in typedefs.items():
        plain = typedefs[base, ""]
        flavour = "PER_THREAD" if twin else "PLAIN"
        if twin and len(versions) != 1:
            sys.exit(f"make_entries.py: {base}: several {twin} twins")
        for i, since in enumerate(versions):
            number = len(plain) if twin else i + 1
            name = base + (f"_v{number}" if number > 1 else "") + twin
            rows.append((name, base, since, flavour, "sim_interop"))
    return rows


def read_symbols(stub):
    """(base, twin suffix) -> symbols, by ascending ABI suffix."""
    output = subprocess.run(["nm", "-D", "--defined-only", stub], check=True,
                            capture_output=True, text=True).stdout
    symbols = collections.defaultdict(list)
    for line in output.splitlines():
        name = line.split()[-1]
        match = SYMBOL.fullmatch(name)
        if match is None:
            sys.exit(f"make_entries.py: {name} is not named like an entry")
        symbols[match[1], match[3] or ""].append((int(match[2] or 1), name))
    return {key: [name for _, name in sorted(found)]
            for key, found in symbols.items()}


def derive_rows(symbols, typedefs):
    rows = []
    for base, twin in sorted(symbols.keys() | typedefs.keys()):
        names = symbols.get((base, twin), [])
        versions = typedefs.get((base, twin), [])
        if len(names) != len(versions):
            sys.exit(f"make_entries.py: {base}{twin}: symbols {names}, "
                     f"typedef versions {versions}")
        flavour = "PER_THREAD" if twin else "PLAIN"
        for name, since in zip(names, versions):
            rows.append((name, base, since, flavour,
                         f"PFN_{base}_v{since}{twin}"))
    return sorted(rows)


def format_rows(rows):
    return " \\\n".join(f'    X({name}, "{base}", {since}, {flavour}, {pfn})'
                         for name, base, since, flavour, pfn in rows)


def main(arguments):
    checked = None
    if arguments[:1] == ["--check"]:
        checked = pathlib.Path(arguments[1])
        arguments = arguments[2:]
    cuda = pathlib.Path(arguments[0] if arguments else "/usr/local/cuda")
    header = (cuda / "include" / "cuda.h").read_text()
    version = int(re.search(r"#define CUDA_VERSION (\d+)", header)[1])
    if checked is not None:
        made = re.search(r"SIM_ENTRIES_CUDA_VERSION (\d+)",
                         checked.read_text())
        if int(made[1]) != version:
            print(f"make_entries.py: {checked} is of {made[1]}, the toolkit "
                  f"is {version}: not compared")
            return 77
    stub = cuda / "lib64" / "stubs" / "libcuda.so"
    include = cuda / "include"
    rows = derive_rows(read_symbols(stub), read_typedefs(include, TYPEDEFS))
    interop = derive_interop(read_typedefs(include, INTEROP_TYPEDEFS))
    rows = sorted(rows + interop)
    text = HEADER.format(release=f"{version // 1000}.{version % 1000 // 10}",
                         version=version, count=len(rows),
                         interop=len(interop),
                         rows=format_rows(rows))
    if checked is None:
        sys.stdout.write(text)
        return 0
    if checked.read_text() != text:
        print(f"make_entries.py: {checked} differs from the toolkit in {cuda}")
        return 1
    return 0


sys.exit(main(sys.argv[1:]))
