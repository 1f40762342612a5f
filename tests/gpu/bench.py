#!/usr/bin/env python3
"""Times loads and unloads of one model in several ways that take turns.

    bench.py [--kind c|torch] [--rounds N] [--seconds S] [--every N]
             [--arms NAME,...] [--simulated]

Each arm is a process of its own, all of them started first: shims are chosen
when a process starts. Every round asks each for one cycle, in an order drawn
anew, until the rounds or the seconds are over; the first rounds are not
counted. Prints lines of JSON: each cycle as it was, then the arms with medians
and the 10th and 90th percentile. CSH_SHIM, CSH_GPU_BIN and CSH_SRC name what
is run. Exit status 1 if bytes differ between arms that must agree.
"""
import argparse
import json
import mmap
import os
import random
import select
import statistics
import subprocess
import sys
import tempfile
import time

SHIM = {"CUSHADOW_WEIGHTS": "learn"}

# Name: way of the worker, environment (None: without the shim), RAM it takes
# in models, what it is.
ARMS = {
    "plain": ("plain", None, 1.1, "Module.to() as it is"),
    "kept": ("kept", None, 1.1, "keeps a copy in RAM (load_state_dict)"),
    "pinned": ("pinned", None, 1.1, "keeps a pinned copy"),
    "flat": ("flat", None, 1.1, "keeps one pinned block"),
    "floor": ("floor", None, 0.1, "the framework alone: tensors of 16 bytes"),
    "off": ("plain", {"CUSHADOW_MODE": "off"}, 1.1, "shim, passing through"),
    "copy": ("plain", {"CUSHADOW_MODE": "copy"}, 2.2, "shim, no elision"),
    "verify-copy": ("plain", {"CUSHADOW_HOST": "copy"}, 2.2,
                    "shim, proven, host bytes copied"),
    "verify-alias": ("plain", {}, 1.5, "shim, as it comes"),
    "cohort": ("plain", {"CUSHADOW_COHORT": "1"}, 1.5, "shim, cohorts"),
    "dirty": ("plain --dirty", {}, 2.2, "shim, every weight changed"),
    "plain-dirty": ("plain --dirty", None, 1.1, "no shim, every one changed"),
    "parked": ("plain", {"CUSHADOW_VRAM_KEEP": "auto"}, 1.5,
               "shim, freed weights kept in VRAM"),
}
WARM_UP = 2


def say(**fields):
    print(json.dumps(fields), flush=True)


class Worker:
    """One arm's process, asked for cycles over a pipe."""

    def __init__(self, name, options):
        way, shim, _, self.what = ARMS[name]
        self.name, self.cycles, self.first = name, [], None
        self.log = tempfile.TemporaryFile("w+")
        self.statistics = tempfile.mktemp(prefix="csh_bench_")
        environment = dict(os.environ)
        environment.pop("LD_PRELOAD", None)
        if shim is not None:
            environment.update(SHIM, LD_PRELOAD=os.environ["CSH_SHIM"],
                               CUSHADOW_STATS="json",
                               CUSHADOW_STATS_FILE=self.statistics, **shim)
            if options.simulated:  # a proof runs on a host core there
                environment["CUSHADOW_PROOF_TIMEOUT_MS"] = "20000"
        here = os.path.dirname(os.path.abspath(__file__))
        program = {
            "c": [os.path.join(os.environ["CSH_GPU_BIN"], "bench_swap")],
            "torch": [sys.executable, os.path.join(here, "bench_torch.py")],
        }[options.kind]
        self.process = subprocess.Popen(
            program + way.split() + ["--every", str(options.every)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            env=environment, text=True)

    def line(self, seconds):
        """The next line as JSON, or None."""
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        text = self.process.stdout.readline() if ready else ""
        return json.loads(text) if text.startswith("{") else None

    def cycle(self):
        start = time.monotonic()
        try:
            self.process.stdin.write("c\n")
            self.process.stdin.flush()
            answer = self.line(120)
        except (BrokenPipeError, ValueError):
            answer = None
        if answer is not None:
            answer["whole_s"] = time.monotonic() - start
        return answer

    def end(self):
        try:
            self.process.stdin.close()
            self.process.wait(60)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        figures = {}
        try:
            with open(self.statistics, encoding="utf-8") as stream:
                figures = json.load(stream)
            os.unlink(self.statistics)
        except (OSError, ValueError):
            pass
        return figures

    def errors(self):
        self.log.seek(0)
        return self.log.read()[-400:]


def start(names, options):
    workers = []
    for name in names:
        worker = Worker(name, options)
        worker.model = worker.line(180)
        if worker.model is None:
            say(name=name, failed=True, remark=worker.errors())
            worker.end()
            continue
        workers.append(worker)
    return workers


def rounds(workers, options, deadline):
    for number in range(options.rounds + WARM_UP):
        if time.monotonic() > deadline:
            break
        for worker in random.sample(workers, len(workers)):
            answer = worker.cycle()
            if answer is None:
                say(name=worker.name, failed=True, remark=worker.errors())
                workers.remove(worker)
                continue
            worker.cycles.append(answer)
            say(raw=worker.name, round=number, **answer)


def percentiles(values):
    if len(values) == 1:
        return values[0], values[0]
    cuts = statistics.quantiles(values, n=10, method="inclusive")
    return cuts[0], cuts[8]


def outcome(figures):
    """Bytes by direction and what became of them, as the shim says."""
    return {direction: {outcome: copies[outcome]["bytes"] for outcome in
                        ("elided", "served", "passed", "failed")}
            for direction, copies in figures.get("copies", {}).items()}


def summarise(worker, options):
    # Where minutes were short, the last one; the number of rounds says so.
    counted = worker.cycles[WARM_UP:] or worker.cycles[-1:]
    figures = worker.end()
    if not counted:
        say(name=worker.name, failed=True, remark="no round was counted")
        return
    fields = {"bytes": worker.model["bytes"],
              "tensors": worker.model["tensors"]}
    for key in ("load_s", "unload_s", "free_s", "touch_s"):
        values = [c[key] for c in counted]
        fields[key] = statistics.median(values)
        fields[key + "_p10"], fields[key + "_p90"] = percentiles(values)
    fields["first_load_s"] = worker.cycles[0]["load_s"]
    fields["first_unload_s"] = worker.cycles[0]["unload_s"]
    say(name=worker.name, kind=options.kind, what=worker.what,
        simulated=options.simulated, rounds=len(counted),
        shim=outcome(figures), **fields)


def disagree(workers):
    """Digests by arm: all that change nothing must agree, in every cycle, and
    so must those that change the same, cycle by cycle."""
    wrong = False
    for dirty in (False, True):
        seen = {}
        for worker in workers:
            if ("dirty" in worker.name) != dirty or worker.name == "floor":
                continue
            for number, cycle in enumerate(worker.cycles):
                seen.setdefault(number if dirty else 0,
                                set()).add(cycle["digest"])
        if any(len(digests) > 1 for digests in seen.values()):
            say(name="digests", value="differ", dirty=dirty)
            wrong = True
    if not wrong:
        say(name="digests", value="agree", cycles=sum(
            len(worker.cycles) for worker in workers))
    return wrong


def choose_every(names, ram):
    """The smallest share of the model's tensors with which all arms fit."""
    need = sum(ARMS[name][2] for name in names) * 6.94e9
    every = 1
    while need / every > 0.8 * ram and every < 4096:
        every += 1
    return every


def available():
    with open("/proc/meminfo", encoding="ascii") as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0


def grow(ram):
    """Some machines are given their memory as they use it, and say meanwhile
    that they have less: uses so much of it once."""
    held = []
    while available() < 0.8 * ram and len(held) << 30 < 0.8 * ram:
        block = mmap.mmap(-1, 1 << 30)
        block[::4096] = bytes(1 << 18)
        held.append(block)
    for block in held:
        block.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=("c", "torch"), default="c")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=100)
    parser.add_argument("--every", type=int, default=0)
    parser.add_argument("--ram", type=int, default=0)
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--simulated", action="store_true")
    options = parser.parse_args()
    deadline = time.monotonic() + options.seconds
    grow(options.ram)
    names = [name for name in options.arms.split(",")
             if options.kind == "torch" or name != "floor"]
    options.every = options.every or choose_every(names, available())
    say(name="model", every=options.every, simulated=options.simulated,
        remark="SDXL's tensors, every N-th")
    workers = start(names, options)
    all_workers = list(workers)
    rounds(workers, options, deadline)
    wrong = disagree(all_workers)
    for worker in all_workers:
        summarise(worker, options)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
