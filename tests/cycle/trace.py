"""Checks a trace against the format and against the statistics.

    trace.py TRACE [STATISTICS] [killed] [least=BYTES] [NAME=VALUE...]

The file is a JSON array, one event a line; of a process that was killed it is
one as soon as what stands behind its last whole line is dropped and the bracket
is added. Spans of a track nest. With statistics the copies add up, by outcome,
reason and bytes, and the counters end where the gauges do. NAME=VALUE: so many
events of that name at the least; prints how many there are of each.
"""
import collections
import json
import sys

KEYS = {
    "X": {"name", "cat", "ph", "ts", "dur", "pid", "tid", "args"},
    "C": {"name", "cat", "ph", "ts", "pid", "tid", "args"},
    "i": {"name", "cat", "ph", "ts", "pid", "tid", "s", "args"},
    "M": {"name", "ph", "pid", "tid", "args"},
}


def read(path, is_killed):
    with open(path, "rb") as file:
        text = file.read()
    if is_killed:
        assert not text.endswith(b"]\n"), "it ended by itself"
        end = len(text)
        try:
            return json.loads(text + b"\n]")
        except ValueError:
            end = text.rindex(b",\n")
        return json.loads(text[:end] + b"\n]")
    return json.loads(text)


def check_form(events):
    assert events[0]["name"] == "process_name", events[0]
    assert events[1]["name"] == "cushadow", events[1]
    assert events[1]["args"]["schema"] == 1, events[1]
    pids = {event["pid"] for event in events}
    assert len(pids) == 1, pids
    for event in events:
        assert set(event) == KEYS[event["ph"]], event
        if event["ph"] == "C":
            values = list(event["args"].values())
            assert len(values) == 1 and isinstance(values[0], int), event


def check_nesting(events):
    """Sorted by beginning, and the longer first, each ends within the one
    that it began in: to the nanosecond."""
    tracks = collections.defaultdict(list)
    named = {e["tid"] for e in events if e["name"] == "thread_name"}
    for event in events:
        if event["ph"] == "X":
            begin = round(event["ts"] * 1000)
            tracks[event["tid"]].append((begin, begin + round(event["dur"] * 1000)))
            assert event["tid"] in named or event["tid"] > 128, event
    for spans in tracks.values():
        stack = []
        for begin, end in sorted(spans, key=lambda span: (span[0], -span[1])):
            while stack and stack[-1] <= begin:
                stack.pop()
            assert not stack or end <= stack[-1], (begin, end, stack)
            stack.append(end)


def check_sums(events, statistics):
    directions = {"load": "h2d", "offload": "d2h"}
    found = collections.Counter()
    for event in events:
        if event["ph"] == "X" and event["name"] in directions:
            args = event["args"]
            key = (directions[event["name"]], args["outcome"], args["reason"])
            found[key, "calls"] += 1
            found[key, "bytes"] += args["bytes"]
    wanted = collections.Counter()
    for direction, figures in statistics["copies"].items():
        for row in figures["reasons"]:
            if row["reason"] in ("small", "unready"):
                continue
            key = (direction, row["outcome"], row["reason"])
            wanted[key, "calls"] += row["calls"]
            wanted[key, "bytes"] += row["bytes"]
    assert found == wanted, (found - wanted, wanted - found)
    n_proofs = sum(event["name"] == "proof" and
                   event["args"]["outcome"] in ("equal", "different")
                   for event in events)
    assert n_proofs == statistics["gauges"]["proofs"], n_proofs


def check_counters(events, statistics):
    last = collections.Counter()
    for event in events:
        if event["ph"] == "C" and event["cat"] != "trace":
            last[event["cat"], event["name"]] = event["args"]["bytes"]
    gauges = statistics["gauges"]
    assert last["memory", "shadows"] == gauges["shadow_bytes"], last
    assert last["memory", "pinned slabs"] == gauges["pinned_bytes"], last
    for model in statistics["models"]:
        name = "VRAM of " + (model["model"] or model["label"].split(" (")[0])
        assert last["model", name] == model["on_device"]["bytes"], (name, last)
        name = name.replace("VRAM of ", "parked of ", 1)
        assert last["parked", name] == model["parked"]["bytes"], (name, last)


def main():
    options = dict(word.split("=", 1) for word in sys.argv[2:] if "=" in word)
    words = [word for word in sys.argv[2:] if "=" not in word]
    events = read(sys.argv[1], "killed" in words)
    check_form(events)
    check_nesting(events)
    for path in words:
        if path != "killed":
            with open(path, encoding="utf-8") as file:
                statistics = json.load(file)
            check_sums(events, statistics)
            check_counters(events, statistics)
    counts = collections.Counter(event["name"] for event in events)
    print(*(f"{n} {name}" for name, n in counts.items()), sep=", ")
    for name, least in options.items():
        assert counts[name] >= int(least), (name, counts)


main()
