#!/usr/bin/env python3
"""PyTorch programs whose output must be the same with and without the shim.

    torch_programs.py NAME          --list names them

Lines that begin with # may differ. Exit status 77: something is missing.
"""
import hashlib
import os
import sys

try:
    import torch
    from torch import nn
except ImportError:
    print("no PyTorch", file=sys.stderr)
    sys.exit(77)


def digest(*tensors):
    """Of every bit; what is large is summed by rows first, each word by its
    place in the row."""
    value = hashlib.sha256()
    for tensor in tensors:
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        if flat.nbytes >= 1 << 20 and flat.nbytes % 8 == 0:
            words = flat.view(torch.int64)
            n = words.numel() // 4096 * 4096
            odd = torch.arange(4096) * 2 + 1
            sums = (words[:n].view(-1, 4096) * odd).sum(1)
            flat = torch.cat((sums, words[n:]))
        value.update(flat.view(torch.uint8).numpy().tobytes())
    return value.hexdigest()[:16]


def make_model(width=1024, layers=6):
    torch.manual_seed(3)
    return nn.Sequential(*[nn.Sequential(nn.Linear(width, width), nn.GELU())
                           for _ in range(layers)])


def state(model):
    return digest(*model.state_dict().values())


def swaps():
    """Ten swaps, a weight patched in VRAM or in RAM in some of them."""
    model, x = make_model(), torch.ones(4, 1024)
    with torch.no_grad():
        for round_ in range(10):
            model.to("cuda")
            y = model(x.to("cuda"))
            if round_ % 4 == 1:
                model[1][0].weight.add_(0.125)
            model.to("cpu")
            if round_ % 4 == 3:
                model[2][0].weight.mul_(1.5)
            print(round_, digest(y), state(model))
            if round_ % 2:
                torch.cuda.empty_cache()


def training():
    """Gradients and an optimizer, offloaded between steps."""
    model = make_model(512, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for step in range(4):
        model.to("cuda")
        for group in optimizer.state.values():
            for key, value in group.items():
                group[key] = value.to("cuda")
        loss = model(torch.ones(8, 512, device="cuda")).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        model.to("cpu")
        for group in optimizer.state.values():
            for key, value in group.items():
                group[key] = value.to("cpu")
        print(step, "%.9g" % loss.item(), state(model))


def streams():
    """Copies on several streams, pinned and not, without waiting."""
    weights = [torch.full((1 << 20,), float(i)) for i in range(8)]
    lanes = [torch.cuda.Stream() for _ in range(4)]
    for round_ in range(5):
        on_device = []
        for i, weight in enumerate(weights):
            source = weight.pin_memory() if i % 2 else weight
            with torch.cuda.stream(lanes[i % 4]):
                on_device.append(source.to("cuda", non_blocking=True))
                if i == round_:
                    on_device[i].add_(1)
        back = []
        for i, value in enumerate(on_device):
            with torch.cuda.stream(lanes[i % 4]):
                back.append(value.to("cpu", non_blocking=i % 2 == 1))
        torch.cuda.synchronize()
        weights = [value.clone() for value in back]
        print(round_, digest(*weights))


def graphs():
    """A captured model; the weights are offloaded between replays."""
    model = make_model(512, 3).to("cuda").requires_grad_(False)
    x = torch.ones(4, 512, device="cuda")
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        model(x)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y = model(x)
    for round_ in range(4):
        copy = [p.to("cpu") for p in model.parameters()]
        for parameter, value in zip(model.parameters(), copy):
            parameter.copy_(value.to("cuda") * (1 + round_ % 2))
        graph.replay()
        torch.cuda.synchronize()
        print(round_, digest(y), digest(*copy))


def compiled():
    """torch.compile, with swaps."""
    model = make_model(256, 2)
    run = torch.compile(model)
    with torch.no_grad():
        for round_ in range(3):
            model.to("cuda")
            print(round_, digest(run(torch.ones(2, 256, device="cuda"))))
            model.to("cpu")
            print(round_, state(model))


class Numbers(torch.utils.data.Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, i):
        return torch.full((65536,), float(i))


def workers():
    """A DataLoader with forked workers and pinned memory."""
    torch.ones(1, device="cuda")
    loader = torch.utils.data.DataLoader(Numbers(), batch_size=8,
                                         num_workers=4, pin_memory=True)
    total = torch.zeros(65536, device="cuda")
    for batch in loader:
        total += batch.to("cuda", non_blocking=True).sum(0)
    print(digest(total))


def threads():
    """Threads with a model each."""
    import threading
    results = {}

    def work(number):
        model = make_model(256 + 64 * number, 2)
        with torch.no_grad():
            for _ in range(5):
                model.to("cuda")
                model[0][0].bias.add_(number)
                model.to("cpu")
        results[number] = state(model)

    crew = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    for number in sorted(results):
        print(number, results[number])


def ranks():
    """One of several processes on one GPU, under torchrun, with gloo."""
    import torch.distributed as dist
    dist.init_process_group("gloo")
    model = make_model(512, 2)
    with torch.no_grad():
        for round_ in range(4):
            model.to("cuda")
            model[0][0].bias.add_(dist.get_rank() + 1)
            model.to("cpu")
            dist.all_reduce(model[0][0].bias)
    print("state", state(model) if dist.get_rank() == 0 else "")
    dist.destroy_process_group()


def nccl():
    """NCCL with a single rank."""
    import tempfile
    import torch.distributed as dist
    place = os.path.join(tempfile.mkdtemp(), "store")
    dist.init_process_group("nccl", init_method="file://" + place, rank=0,
                            world_size=1)
    model = make_model(512, 2).to("cuda")
    for parameter in model.parameters():
        dist.all_reduce(parameter.data)
        dist.broadcast(parameter.data, 0)
    model.to("cpu")
    print(state(model))
    dist.destroy_process_group()


def convolutions():
    """cuDNN, with swaps."""
    torch.manual_seed(7)
    torch.backends.cudnn.deterministic = True
    model = nn.Sequential(nn.Conv2d(8, 64, 3), nn.BatchNorm2d(64), nn.ReLU(),
                          nn.Conv2d(64, 256, 3)).eval()
    with torch.no_grad():
        for round_ in range(6):
            model.to("cuda")
            y = model(torch.ones(2, 8, 32, 32, device="cuda"))
            if round_ % 3 == 1:
                model[3].weight.mul_(0.5)
            model.to("cpu")
            print(round_, digest(y), state(model))


def out_of_memory():
    """A refused allocation, and work afterwards."""
    model = make_model()
    for round_ in range(3):
        model.to("cuda")
        try:
            torch.empty(1 << 50, dtype=torch.uint8, device="cuda")
        except torch.OutOfMemoryError:
            print(round_, "refused")
        model.to("cpu")
        print(round_, state(model))


PROGRAMS = {f.__name__: f for f in (
    swaps, training, streams, graphs, compiled, workers, threads, ranks, nccl,
    convolutions, out_of_memory)}


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(PROGRAMS))
        return 0
    if not torch.cuda.is_available():
        print("no GPU", file=sys.stderr)
        return 77
    PROGRAMS[sys.argv[1]]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
