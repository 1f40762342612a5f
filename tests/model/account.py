"""Checks the account of one run of model_test under the shim.

usage: account.py STATISTICS.json COUNTERS.json OUTPUT-OF-MODEL_TEST EXPECTED

The conservation law is tests/cycle/conservation.py's, with one thing more to
allow for: a copy that is captured into a graph is passed to the driver and
moves nothing, and launches of that graph move its bytes without a call that
names them. EXPECTED is a list with commas of what must have happened at least
once, so that a shim that does nothing does not pass: direction:outcome:reason,
the name of a gauge, or mapped:PERCENT, the least share of the bytes given to
host memory that was mapped.
"""
import json
import sys


def conserved(statistics, counters, model):
    for direction in ("d2h", "h2d"):
        copies = statistics["copies"][direction]
        for unit in ("calls", "bytes"):
            parts = {outcome: copies[outcome][unit] for outcome in
                     ("elided", "served", "passed", "failed")}
            assert copies["asked"][unit] == sum(parts.values()), (
                direction, unit, copies)
            for outcome, part in parts.items():
                reasons = sum(row[unit] for row in copies["reasons"]
                              if row["outcome"] == outcome)
                assert part == reasons, (direction, outcome, unit, copies)
        ours = statistics["gauges"]["own_%s_bytes" % direction]
        moved = (copies["served"]["bytes"] + copies["passed"]["bytes"] + ours
                 - model["captured"][direction] + model["launched"][direction])
        reached = sum(counters["moved"]["%s_%s" % (direction, kind)]["bytes"]
                      for kind in ("pageable", "pinned"))
        assert moved == reached, (direction, moved, reached)


def happened(statistics, what):
    if what.startswith("mapped:"):
        mapped = statistics["gauges"]["host_mapped_bytes"]
        copied = statistics["gauges"]["host_copied_bytes"]
        return 100 * mapped >= int(what.split(":")[1]) * (mapped + copied) > 0
    if ":" not in what:
        return statistics["gauges"][what] > 0
    direction, outcome, reason = what.split(":")
    return any(row["outcome"] == outcome and row["reason"] == reason and
               row["calls"] > 0
               for row in statistics["copies"][direction]["reasons"])


def main():
    statistics = json.load(open(sys.argv[1]))
    counters = json.load(open(sys.argv[2]))
    model = json.loads(open(sys.argv[3]).read().splitlines()[-1])
    assert statistics["schema"] == 1, "unknown schema"
    conserved(statistics, counters, model)
    for what in filter(None, sys.argv[4].split(",")):
        assert happened(statistics, what), "never happened: " + what


if __name__ == "__main__":
    main()
