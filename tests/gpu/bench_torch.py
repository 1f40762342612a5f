#!/usr/bin/env python3
"""One model in PyTorch, loaded and unloaded on demand: a worker of bench.py.

    bench_torch.py plain|kept|pinned|flat|floor [--every N] [--dirty]

The same as bench_swap.c, with the same requests on stdin, by torch.nn.Module:
a tree of modules with the names and shapes of SDXL's tensors. floor: the same
tree with tensors of 16 bytes, which is what the framework costs by itself.
Exit status 77: no PyTorch, or no GPU that it can use.
"""
import argparse
import json
import os
import resource
import sys
import time

try:
    import torch
except ImportError:
    print("no PyTorch", file=sys.stderr)
    sys.exit(77)


def read_model(every, is_floor):
    """[(name, shape, type)] in the order in which they are loaded."""
    top = os.environ.get("CSH_SRC", ".")
    tensors = []
    for part in ("text_encoder", "text_encoder_2", "unet", "vae"):
        path = os.path.join(top, "examples", "sdxl", part + ".tsv")
        with open(path, encoding="ascii") as lines:
            for line in lines:
                if line.startswith("#"):
                    continue
                name, kind, shape = line.split()[:3]
                dtype = {"F16": torch.float16, "F32": torch.float32}.get(
                    kind, torch.int32)
                dims = [int(n) for n in shape.split("x")]
                tensors.append((part + "." + name, [8] if is_floor else dims,
                                dtype))
    return tensors[::every]


def make_tree(tensors):
    """Random bits, the same ones over and over: only the first tell tensors
    apart, and that is enough, since a shadow is shared by whole ones."""
    root = torch.nn.Module()
    base = torch.randint(-2 ** 15, 2 ** 15 - 1, [1 << 20], dtype=torch.int16,
                         generator=torch.Generator().manual_seed(1))
    for number, (name, shape, dtype) in enumerate(tensors):
        *path, leaf = name.split(".")
        at = root
        for step in path:
            if step not in at._modules:
                at.add_module(step, torch.nn.Module())
            at = at._modules[step]
        size = 1
        for n in shape:
            size *= n
        value = base.repeat(-(-size // base.numel()))[:size].reshape(shape)
        value.view(-1)[:2] = torch.tensor([number, number >> 8],
                                           dtype=torch.int16)[:size]
        if dtype == torch.float16:  # any bits but those of a NaN
            value = (value & ~0x4000).view(torch.float16)
        else:
            value = value.to(dtype)
        at.register_parameter(
            leaf, torch.nn.Parameter(value, requires_grad=False))
    return root


def digest(parameters):
    """Of every bit, where they are; order of tensors and words counts."""
    total = 0
    for number, parameter in enumerate(parameters):
        flat = parameter.data.reshape(-1)
        if flat.nbytes % 8 == 0:
            words = flat.view(torch.int64)
        else:
            words = flat.view(torch.int16 if flat.element_size() == 2
                              else torch.int32).long()
        weights = torch.arange(words.numel(), device=words.device) * 2 + 1
        total += (number + 1) * int(weights.mul_(words).sum())
    return "%016x" % (total % 2 ** 64)


class Ways:
    """How the model goes to the device and back."""

    def __init__(self, model, way):
        self.model, self.way = model, way
        self.kept = {}
        if way not in ("plain", "floor"):
            self.kept = {name: parameter.data for name, parameter
                         in model.named_parameters()}
        if way == "pinned":
            self.kept = {name: value.pin_memory()
                         for name, value in self.kept.items()}
        elif way == "flat":
            # Each tensor at a multiple of 64 bytes of one pinned block.
            sizes = [-(-value.nbytes // 64) * 64
                     for value in self.kept.values()]
            self.flat = torch.empty(sum(sizes), dtype=torch.uint8,
                                    pin_memory=True)
            at, self.places = 0, {}
            for (name, value), size in zip(self.kept.items(), sizes):
                view = self.flat[at:at + value.nbytes].view(value.dtype)
                view.view(value.shape).copy_(value)
                self.places[name] = (at, value.nbytes, value.dtype,
                                     value.shape)
                self.kept[name] = view.view(value.shape)
                at += size

    def load(self):
        if self.way in ("plain", "floor"):
            self.model.to("cuda")
        elif self.way == "flat":
            block = self.flat.to("cuda", non_blocking=True)
            self.model.load_state_dict(
                {name: block[at:at + n].view(dtype).view(shape)
                 for name, (at, n, dtype, shape) in self.places.items()},
                assign=True)
        else:
            self.model.load_state_dict(
                {name: value.to("cuda", non_blocking=self.way == "pinned")
                 for name, value in self.kept.items()}, assign=True)
        torch.cuda.synchronize()

    def unload(self):
        if self.way in ("plain", "floor"):
            self.model.to("cpu")
        else:
            self.model.load_state_dict(self.kept, assign=True)


class Span:
    """Seconds of the wall, of the program and of the kernel."""

    def __init__(self):
        used = resource.getrusage(resource.RUSAGE_SELF)
        self.at = time.perf_counter(), used.ru_utime, used.ru_stime

    def until(self, end, name):
        return {name + part: b - a for part, a, b in
                zip(("_s", "_user_s", "_system_s"), self.at, end.at)}


def cycle(ways, is_dirty, number):
    start = Span()
    ways.load()
    loaded = Span()
    value = digest(ways.model.parameters())
    if is_dirty:
        for parameter in ways.model.parameters():
            parameter.data.view(-1)[0] = number % 31
    torch.cuda.empty_cache()  # what the digest took
    torch.cuda.synchronize()
    computed = Span()
    ways.unload()
    unloaded = Span()
    torch.cuda.empty_cache()
    return {**start.until(loaded, "load"),
            **computed.until(unloaded, "unload"),
            **unloaded.until(Span(), "free"), "digest": value}


def touch(ways):
    """What a program pays that looks at its weights, or that writes them."""
    start = time.perf_counter()
    for parameter in ways.model.parameters():
        parameter.data.view(-1)[::2048].sum()
    read = time.perf_counter()
    for parameter in ways.model.parameters():
        parameter.data.view(-1)[::2048] *= 1
    return {"touch_read_s": read - start,
            "touch_write_s": time.perf_counter() - read}


def answers(ways, is_dirty):
    number = 0
    for line in sys.stdin:
        if line == "c\n":
            number += 1
            yield cycle(ways, is_dirty, number)
        elif line == "h\n":
            yield {"digest": digest(ways.model.parameters())}
        else:
            yield touch(ways)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=("plain", "kept", "pinned", "flat",
                                        "floor"))
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--dirty", action="store_true")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("no GPU", file=sys.stderr)
        return 77
    tensors = read_model(options.every, options.way == "floor")
    model = make_tree(tensors)
    with torch.no_grad():
        ways = Ways(model, options.way)
        print(json.dumps({"bytes": sum(p.nbytes for p in model.parameters()),
                          "tensors": len(tensors),
                          "device": torch.cuda.get_device_name()}),
              flush=True)
        for answer in answers(ways, options.dirty):
            print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
