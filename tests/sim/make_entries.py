#!/usr/bin/env python3
"""Write entries.h: every entry point of libcuda, as one X-macro list.

usage: make_entries.py [--check] FOLDER [CUDA_DIR]

Writes entries.h and the halves of the list that it includes into FOLDER.

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

With --check nothing is written. Exit status 0: they are current, 1: one is not,
77: the toolkit has another version than the one they were made from.
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

{includes}

#define SIM_ENTRIES_CUDA_VERSION {version}
#define SIM_ENTRIES_COUNT {count}

#define SIM_ENTRIES(X) {halves}

#endif
"""

HALF = """\
/*
 * {name} - a part of the list in entries.h: {first} to
 * {last}. Written by make_entries.py, not by hand.
 */
#ifndef {macro}_H
#define {macro}_H

#define {macro}(X) \\
{rows}

#endif
"""

# The first letter behind "cu" of each half, and the last.
HALVES = ("AG", "HZ")

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


def write_half(letters, rows):
    """The name of a half's file, its macro, and its text."""
    name = f"entries_{letters[0]}_to_{letters[1]}.h".lower()
    macro = "SIM_" + name[:-2].upper()
    rows = [row for row in rows if letters[0] <= row[0][2] <= letters[1]]
    return name, macro, HALF.format(name=name, macro=macro,
                                    first=rows[0][0], last=rows[-1][0],
                                    rows=format_rows(rows))


def write_texts(version, rows, n_interop):
    """The files, by name."""
    halves = [write_half(letters, rows) for letters in HALVES]
    texts = {name: text for name, _, text in halves}
    includes = "\n".join(f'#include "{name}"' for name, _, _ in halves)
    texts["entries.h"] = HEADER.format(
        release=f"{version // 1000}.{version % 1000 // 10}", version=version,
        count=len(rows), interop=n_interop, includes=includes,
        halves=" ".join(f"{macro}(X)" for _, macro, _ in halves))
    return texts


def differ(folder, texts, cuda):
    """Exit status of --check."""
    status = 0
    for name, text in texts.items():
        if (folder / name).read_text() != text:
            print(f"make_entries.py: {folder / name} differs from the "
                  f"toolkit in {cuda}")
            status = 1
    return status


def main(arguments):
    is_check = arguments[:1] == ["--check"]
    folder, *cuda = map(pathlib.Path, arguments[is_check:])
    cuda = cuda[0] if cuda else pathlib.Path("/usr/local/cuda")
    header = (cuda / "include" / "cuda.h").read_text()
    version = int(re.search(r"#define CUDA_VERSION (\d+)", header)[1])
    if is_check:
        made = re.search(r"SIM_ENTRIES_CUDA_VERSION (\d+)",
                         (folder / "entries.h").read_text())
        if int(made[1]) != version:
            print(f"make_entries.py: {folder / 'entries.h'} is of {made[1]}, "
                  f"the toolkit is {version}: not compared")
            return 77
    stub = cuda / "lib64" / "stubs" / "libcuda.so"
    include = cuda / "include"
    rows = derive_rows(read_symbols(stub), read_typedefs(include, TYPEDEFS))
    interop = derive_interop(read_typedefs(include, INTEROP_TYPEDEFS))
    texts = write_texts(version, sorted(rows + interop), len(interop))
    if is_check:
        return differ(folder, texts, cuda)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return 0


sys.exit(main(sys.argv[1:]))
