#!/usr/bin/env python3
"""Model files for names.tap, and what the statistics must say of them.

    names.py make FOLDER MADE.safetensors     writes the other files and indices
    names.py judge STATISTICS EXPECTED...     each MODEL:TENSOR[=CHANGED], or
                                              model:N for N tensors without a
                                              name, and nothing else
    names.py rules STATISTICS RULE=CALLS...   and nothing else
    names.py uploads STATISTICS REASON=CALLS...  and nothing else
"""
import json
import os
import struct
import sys


def tensors_of(path):
    with open(path, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
    return {name: (8 + size + entry["data_offsets"][0],
                   entry["data_offsets"][1] - entry["data_offsets"][0])
            for name, entry in header.items() if name != "__metadata__"}


def write_index(path, tensors):
    with open(path, "w", encoding="ascii") as file:
        for start, size in tensors:
            file.write(f"{start} {size}\n")


def write_tied(path, data):
    """One range with two names, and another range with the same bytes."""
    size = len(data)
    entry = {"dtype": "U8", "shape": [size]}
    header = json.dumps({
        "first": entry | {"data_offsets": [0, size]},
        "tied": entry | {"data_offsets": [0, size]},
        "equal": entry | {"data_offsets": [size, 2 * size]}}).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header + data + data)


def write_gguf(path, data):
    """Two tensors of bytes (GGML_TYPE_I8)."""
    half = len(data) // 2
    head = b"GGUF" + struct.pack("<IQQ", 3, 2, 0)
    for name, offset in ((b"blk.0.weight", 0), (b"blk.1.weight", half)):
        head += struct.pack("<Q", len(name)) + name
        head += struct.pack("<IQIQ", 1, half, 24, offset)
    head += b"\0" * (-len(head) % 32)
    with open(path, "wb") as file:
        file.write(head + data[:2 * half])
    return [(len(head), half), (len(head) + half, half)]


def make(folder, made):
    listed = sorted(place for place in tensors_of(made).values()
                    if place[1] >= 65536)
    write_index(os.path.join(folder, "made.index"), listed)
    with open(made, "rb") as file:
        content = file.read()
    start, size = listed[0]
    data = content[start:start + size]
    tied = os.path.join(folder, "tied.safetensors")
    write_tied(tied, data)
    names = tensors_of(tied)
    write_index(os.path.join(folder, "tied.index"),
                [names["first"], names["equal"]])
    write_index(os.path.join(folder, "gguf.index"),
                write_gguf(os.path.join(folder, "model.gguf"), data))


def found(statistics):
    """The same form as what is expected."""
    got = []
    for model in statistics["models"]:
        named = [w for w in model["weights"] if w["bytes"] >= 65536]
        for weight in named:
            changed = f"={weight['changed']}" if weight["changed"] else ""
            got.append(f"{model['model']}:{weight['tensor']}{changed}")
        if model["model"] == "":
            got.append(f"model:{model['tensors']}")
    return got


def conserve(statistics):
    """A model's copies are at most those of all, by reason."""
    for direction, key in (("d2h", "unloads"), ("h2d", "loads")):
        left = {(row["outcome"], row["reason"]): row["bytes"]
                for row in statistics["copies"][direction]["reasons"]}
        for model in statistics["models"]:
            rows = model[key]["reasons"]
            assert sum(r["bytes"] for r in rows) == model[key]["bytes"]
            assert sum(r["calls"] for r in rows) == model[key]["calls"]
            for row in rows:
                left[row["outcome"], row["reason"]] -= row["bytes"]
        assert all(rest >= 0 for rest in left.values()), left


def main():
    command, first, *rest = sys.argv[1:]
    if command == "make":
        make(first, *rest)
        return
    with open(first, encoding="utf-8") as file:
        statistics = json.load(file)
    if command == "judge":
        conserve(statistics)
        assert sorted(found(statistics)) == sorted(rest), found(statistics)
    elif command == "rules":
        got = [f"{rule}={tally['calls']}"
               for rule, tally in statistics["rules"].items()
               if tally["calls"] > 0]
        assert sorted(got) == sorted(rest), got
    elif command == "uploads":
        got = [f"{row['reason']}={row['calls']}"
               for row in statistics["copies"]["h2d"]["reasons"]]
        assert sorted(got) == sorted(rest), got


main()
