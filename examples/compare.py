#!/usr/bin/env python3
"""Puts two runs of examples/swap side by side.

    compare.py WITHOUT.json WITH.json [COUNTERS_WITHOUT COUNTERS_WITH]

The first two are written by swap --json; the others, if given, by the
simulated driver (SIMCUDA_COUNTERS). Exit status 1 if the runs did not compute
the same or a tensor was not what it must be.
"""
import json
import statistics
import struct
import sys

SMALL = 64 << 10  # CUSHADOW_MIN_BYTES, smallest copy that the shim looks at
DIRECTIONS = (("load", "RAM", "VRAM"), ("offload", "VRAM", "RAM"))


def read(path):
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    if content["schema"] != 1:
        sys.exit(f"compare.py: {path}: schema {content['schema']}, not 1")
    return content


def print_table(title, old, new, figure):
    print(f"\n{title}")
    print(f"{'model':<20} {'from':<4} {'to':<4} {'old(s)':>9} {'new(s)':>9}")
    for before, after in zip(old["models"], new["models"]):
        for step, source, target in DIRECTIONS:
            print(f"{before['name']:<20} {source:<4} {target:<4} "
                  f"{figure(before[step]):9.4f} {figure(after[step]):9.4f}")
    for step, source, target in DIRECTIONS:
        sums = [sum(figure(model[step]) for model in run["models"])
                for run in (old, new)]
        print(f"{'all':<20} {source:<4} {target:<4} "
              f"{sums[0]:9.4f} {sums[1]:9.4f}")


def print_times(old, new):
    cycles = old["cycles"]
    print_table("First cycle (weights are seen for the first time):", old,
                new, lambda seconds: seconds[0])
    if cycles > 1:
        print_table(f"Later cycles (median of {cycles - 1}):", old, new,
                    lambda seconds: statistics.median(seconds[1:]))


def small_bytes(path):
    """Bytes of the tensors that the shim does not look at."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    header.pop("__metadata__", None)
    sizes = (end - begin for begin, end in
             (entry["data_offsets"] for entry in header.values()))
    return sum(size for size in sizes if size < SMALL)


def moved(counters, *names):
    return sum(counters["moved"][name]["bytes"] for name in names)


def print_bytes(counters_old, counters_new):
    rows = (("device to host, to pageable memory", "d2h_pageable"),
            ("device to host, to pinned memory", "d2h_pinned"),
            ("host to device, from pageable memory", "h2d_pageable"),
            ("host to device, from pinned memory", "h2d_pinned"))
    print(f"\n{'Bytes that reached the driver':<38} {'without':>15} "
          f"{'with':>15}")
    for label, name in rows:
        print(f"{label:<38} {moved(counters_old, name):15,d} "
              f"{moved(counters_new, name):15,d}")


def print_offloads(run, counters):
    """Splits what came back, in all cycles, by what it was."""
    cycles = run["cycles"]
    models = run["models"]
    results = cycles * sum(8 * model["tensors"] for model in models)
    small = cycles * sum(small_bytes(model["path"]) for model in models)
    patched = cycles * sum(model.get("patched", {}).get("bytes", 0)
                           for model in models)
    seen = moved(counters, "d2h_pageable", "d2h_pinned") - results
    print("\nOffloads of weights under the shim, in bytes that reached the "
          "driver:")
    print(f"  {seen:15,d}  all")
    print(f"  {small:15,d}  of them tensors below 64 KiB, which the shim "
          "leaves alone")
    print(f"  {patched:15,d}  of them tensors patched in VRAM")
    print(f"  {seen - small - patched:15,d}  of them weights that had not "
          "changed")


def judge(old, new):
    same = all(old[name] == new[name]
               for name in ("result_digest", "offloaded_digest"))
    wrong = (old["wrong_tensors"] or 0) + (new["wrong_tensors"] or 0)
    print(f"\nDigest of all results: {old['result_digest']} without, "
          f"{new['result_digest']} with the shim: "
          f"{'equal' if same else 'DIFFERENT'}.")
    if wrong:
        print(f"{wrong} tensors were not what they must be.")
    return same and not wrong


def main(arguments):
    if len(arguments) not in (2, 4):
        sys.exit(__doc__)
    old, new = map(read, arguments[:2])
    print_times(old, new)
    if len(arguments) == 4:
        counters_old, counters_new = map(read, arguments[2:])
        print_bytes(counters_old, counters_new)
        print_offloads(new, counters_new)
    return 0 if judge(old, new) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
