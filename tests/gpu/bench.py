#!/usr/bin/env python3
"""Times loads and unloads of one model in several ways that take turns.

    bench.py [--kind c|torch] [--rounds N] [--seconds S] [--every N]
             [--arms NAME,...] [--simulated]

Each arm is a process of its own: shims are chosen when a process starts. Arms
that fit into RAM together are a sitting: first each is asked for one cycle by
itself, which is its first load; then all run two more at once, which warms
them up, and tell a digest of what they have in RAM; then come the rounds, in
an order drawn anew for each. A slow arm sits some rounds out, so that the
others come to theirs; each row says how many were counted. At the end each
touches all of its bytes.

Prints lines of JSON: each cycle as it was, then the arms with medians and the
10th and 90th percentile, then where the time of a traced process went.
CSH_SHIM, CSH_GPU_BIN and CSH_SRC name what is run. Exit status 1 if bytes
differ that must agree.
"""
import argparse
import json
import mmap
import os
import random
import signal
import statistics
import sys
import tempfile
import time

from bench_worker import ARMS, Worker

MODEL_BYTES = 6.94e9
TIMES = ("load_s", "unload_s", "free_s", "load_user_s", "load_system_s",
         "unload_user_s", "unload_system_s")


class Stopped(Exception):
    """By a signal: what was measured is summed up at once."""


def stop(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped


def say(**fields):
    print(json.dumps(fields), flush=True)


def lost(worker, workers):
    say(name=worker.name, kind=worker.kind, failed=True,
        remark=worker.errors())
    workers.remove(worker)
    worker.end(0.5)


def start(names, options):
    workers = [Worker(name, options) for name in names]
    for worker in list(workers):
        worker.model = worker.line(options.patience)
        if worker.model is None:
            lost(worker, workers)
    return workers


def turn(worker, workers, number):
    """One cycle by itself; the worker leaves if it does not answer."""
    answer = worker.ask("c")
    if answer is None:
        lost(worker, workers)
    else:
        worker.cycles.append(answer)
        say(raw=worker.name, kind=worker.kind, round=number, **answer)
    return answer


def together(word, workers):
    """One request to all at once."""
    answers = {}
    for worker in workers:
        worker.tell(word)
    for worker in list(workers):
        answers[worker] = worker.answer()
        if answers[worker] is None:
            lost(worker, workers)
    return answers


def warm_up(workers, deadline):
    for worker in random.sample(workers, len(workers)):
        if time.monotonic() < deadline or not worker.cycles:
            turn(worker, workers, 0)
    for word in "chc":
        if time.monotonic() > deadline:
            return
        for worker, answer in together(word, workers).items():
            if answer is None:
                continue
            if word == "h":
                worker.host_digest = answer["digest"]
                worker.n_before_host = len(worker.cycles)
            else:
                worker.cycles.append(answer)
                say(raw=worker.name, kind=worker.kind, round=0, **answer)


def rounds(workers, options, deadline):
    """Counted ones. None begins that would not be over in time."""
    share = max(deadline - time.monotonic(), 0) / max(len(workers), 1)
    for worker in workers:
        worker.n_warm = len(worker.cycles)
        worker.spent = 0.0
    number = 0
    while number < 3 * options.rounds and workers:
        number += 1
        sat_out = True
        for worker in random.sample(workers, len(workers)):
            done = len(worker.cycles) - worker.n_warm
            usual = worker.cycles[-1]["whole_s"]
            late = time.monotonic() + usual > deadline
            ahead = number <= options.rounds and \
                worker.spent > share * number / options.rounds
            if done >= options.rounds or (done and (late or ahead)):
                continue
            sat_out = False
            answer = turn(worker, workers, number)
            worker.spent += answer["whole_s"] if answer else 0
        if sat_out and number > options.rounds:
            break


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


def verdicts(figures):
    """Calls by direction, outcome and reason."""
    return {"%s %s: %s" % (direction, row["outcome"], row["reason"]):
            row["calls"] for direction, copies
            in figures.get("copies", {}).items()
            for row in copies.get("reasons", [])}


def summarise(worker, options, sitting, stopped):
    # Where minutes were short, the last one; the number of rounds says so.
    counted = worker.cycles[worker.n_warm:]
    n_rounds = len(counted)
    counted = counted or worker.cycles[-1:]
    memory = worker.memory()
    touched = (not stopped and worker.ask("t")) or {}
    figures = worker.end(0.5 if stopped else 30)
    if not counted:
        say(name=worker.name, kind=worker.kind, failed=True,
            remark="no cycle came to an end")
        return
    fields = {"bytes": worker.model["bytes"],
              "tensors": worker.model["tensors"]}
    for key in TIMES:
        values = [c[key] for c in counted]
        fields[key] = statistics.median(values)
        fields[key + "_p10"], fields[key + "_p90"] = percentiles(values)
    fields["first_load_s"] = worker.cycles[0]["load_s"]
    fields["first_unload_s"] = worker.cycles[0]["unload_s"]
    for key in ("touch_read_s", "touch_write_s"):
        fields[key] = touched.get(key)
    say(name=worker.name, kind=worker.kind, what=worker.what, sitting=sitting,
        simulated=options.simulated, rounds=n_rounds, warm_up=worker.n_warm,
        memory=memory, shim=outcome(figures), verdicts=verdicts(figures),
        gauges=figures.get("gauges", {}), **fields)


def disagree(workers):
    """Digests of what the device had: all arms that change nothing must agree,
    in every cycle, those that change the same must, cycle by cycle, and each
    must load what it had in RAM."""
    wrong = []
    for dirty in (False, True):
        seen = {}
        for worker in workers:
            if ("dirty" in worker.name) != dirty or worker.name == "floor":
                continue
            for number, cycle in enumerate(worker.cycles):
                seen.setdefault(number if dirty else 0,
                                set()).add(cycle["digest"])
        if any(len(digests) > 1 for digests in seen.values()):
            wrong.append("changed weights" if dirty else "unchanged weights")
    for worker in workers:
        after = worker.cycles[worker.n_before_host:]
        if worker.host_digest is not None and after and \
                worker.name != "floor" and \
                after[0]["digest"] != worker.host_digest:
            wrong.append(worker.name + " in RAM")
    say(name="digests", value="differ" if wrong else "agree",
        kind=workers[0].kind if workers else "", of=wrong,
        cycles=sum(len(worker.cycles) for worker in workers))
    return bool(wrong)


def in_trace(path, since):
    """Of the copies and proofs of a trace from then on: how many, and what
    they took."""
    with open(path, encoding="utf-8") as stream:
        events = json.load(stream)
    found = {}
    for event in events:
        if event.get("ph") != "X" or event["ts"] < since * 1e6:
            continue
        name = event["name"]
        if event.get("cat") == "copy":
            name += ", %s: %s" % (event["args"]["outcome"],
                                  event["args"]["reason"])
        row = found.setdefault(name, {"n": 0, "s": 0.0, "bytes": 0})
        row["n"] += 1
        row["s"] += event["dur"] / 1e6
        row["bytes"] += event["args"].get("bytes", 0)
    return found


def profile(name, options):
    """Where the time of two cycles went, in a process of its own that nobody
    takes turns with, and that writes a trace."""
    with tempfile.TemporaryDirectory() as folder:
        trace = os.path.join(folder, "trace.json")
        workers = start_traced(name, trace, options)
        if not workers:
            return
        worker = workers[0]
        cycles = [turn(worker, workers, -1) for _ in range(2) if workers]
        since = time.monotonic()
        cycles = [turn(worker, workers, -1) for _ in range(2) if workers]
        if not workers:
            return
        worker.end()
        try:
            found = in_trace(trace, since)
        except (OSError, ValueError, KeyError) as error:
            say(name="profile", arm=name, kind=options.kind, failed=True,
                remark=str(error))
            return
    say(name="profile", arm=name, kind=options.kind, cycles=len(cycles),
        simulated=options.simulated, trace=found,
        **{key: sum(c[key] for c in cycles) for key in TIMES})


def start_traced(name, trace, options):
    workers = [Worker(name, options, {"CUSHADOW_TRACE": trace,
                                      "CUSHADOW_TRACE_LIMIT": "1G"})]
    workers[0].model = workers[0].line(options.patience)
    if workers[0].model is None:
        lost(workers[0], workers)
    return workers


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


def sittings(names, ram, every):
    """([names of arms that fit into RAM together], ...), the share of the
    model's tensors. An arm without the shim is in each."""
    if every:
        return [names], every
    every = 1
    anchor = [name for name in names if name == "plain"]
    room = 0.8 * ram / MODEL_BYTES
    most = max(ARMS[name][2] for name in names) + ARMS["plain"][2]
    while most / every > room and every < 4096:
        every += 1
    found, used = [[]], 0.0
    for name in names:
        need = ARMS[name][2] / every
        if used + need > room and found[-1]:
            found.append(list(anchor))
            used = sum(ARMS[a][2] for a in anchor) / every
        found[-1].append(name)
        used += need
    return found, every


def sit(number, names, options, deadline):
    """Whether bytes differed."""
    workers, stopped = start(names, options), None
    everybody = list(workers)
    try:
        warm_up(workers, deadline)
        rounds(workers, options, deadline)
    except Stopped as error:
        stopped = error
    wrong = disagree(everybody)
    for worker in workers:
        summarise(worker, options, number, stopped)
    if stopped:
        raise stopped
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=("c", "torch"), default="c")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=100)
    parser.add_argument("--patience", type=float, default=90)
    parser.add_argument("--every", type=int, default=0)
    parser.add_argument("--ram", type=int, default=0)
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--simulated", action="store_true")
    options = parser.parse_args()
    begin = time.monotonic()
    grow(options.ram)
    groups, options.every = sittings(options.arms.split(","), available(),
                                     options.every)
    say(name="model", kind=options.kind, every=options.every,
        simulated=options.simulated, sittings=groups,
        remark="SDXL's tensors, every N-th")
    n_arms = sum(len(group) for group in groups)
    wrong, n_done = False, 0
    signal.signal(signal.SIGTERM, stop)
    for number, group in enumerate(groups):
        n_done += len(group)
        wrong |= sit(number + 1, group, options,
                     begin + 0.85 * options.seconds * n_done / n_arms)
    if "verify-alias" in options.arms and \
            time.monotonic() < begin + options.seconds:
        profile("verify-alias", options)
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Stopped:
        sys.exit(143)
