#!/usr/bin/env python3
"""One model in PyTorch, loaded and unloaded on demand: a worker of bench.py.

    bench_torch.py plain|kept|pinned|flat|floor [--every N] [--dirty]

The same as bench_swap.c, by torch.nn.Module: a tree of modules with the names
and shapes of SDXL's tensors. floor: the same tree with tensors of 16 bytes,
which is what the framework costs by itself. Exit status 77: no PyTorch, or no
GPU that it can use.
"""
import argparse
import json
import os
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
                tensors.append((part + "." + name, [4] if is_floor else dims,
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
    """Of every bit, on the device; order of tensors and words counts."""
    total = 0
    for number, parameter in enumerate(parameters):
        words = parameter.data.reshape(-1).view(
            torch.int16 if parameter.element_size() == 2 else torch.int32)
        weights = torch.arange(words.numel(), device=words.device) * 2 + 1
        total += (number + 1) * int((words.long() * weights).sum())
    return "%016x" % (total % 2 ** 64)


class Ways:
    """How the model goes to the device and back."""

    def __init__(self, model, way):
        self.model, self.way = model, way
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


def cycle(ways, is_dirty, number):
    times = [time.perf_counter()]
    ways.load()
    times.append(time.perf_counter())
    value = digest(ways.model.parameters())
    if is_dirty:
        for parameter in ways.model.parameters():
            parameter.data.view(-1)[0] = number % 31
    torch.cuda.synchronize()
    times.append(time.perf_counter())
    ways.unload()
    times.append(time.perf_counter())
    torch.cuda.empty_cache()
    times.append(time.perf_counter())
    for parameter in ways.model.parameters():
        parameter.data.view(-1)[::2048].sum()
    times.append(time.perf_counter())
    return {"load_s": times[1] - times[0], "unload_s": times[3] - times[2],
            "free_s": times[4] - times[3], "touch_s": times[5] - times[4],
            "digest": value}


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
        for number, line in enumerate(sys.stdin):
            if line != "c\n":
                break
            print(json.dumps(cycle(ways, options.dirty, number + 1)),
                  flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
