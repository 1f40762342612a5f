"""Checks the conservation law of one run.

usage: conservation.py STATISTICS.json SIMULATED-DRIVER-COUNTERS.json

Per direction, in calls and in bytes: asked == elided + served + passed +
failed, the reasons add up to their outcome, and what reached the simulated
driver is what was served, passed, and moved by the shim itself besides.
"""
import json
import sys


def main():
    statistics = json.load(open(sys.argv[1]))
    counters = json.load(open(sys.argv[2]))
    assert statistics["schema"] == 1, "unknown schema"
    for direction in ("d2h", "h2d"):
        copies = statistics["copies"][direction]
        for unit in ("calls", "bytes"):
            parts = sum(copies[outcome][unit] for outcome in
                        ("elided", "served", "passed", "failed"))
            assert copies["asked"][unit] == parts, (direction, unit, copies)
            for outcome in ("elided", "served", "passed", "failed"):
                reasons = sum(row[unit] for row in copies["reasons"]
                              if row["outcome"] == outcome)
                assert copies[outcome][unit] == reasons, (
                    direction, outcome, unit, copies)
        ours = statistics["gauges"]["own_%s_bytes" % direction]
        moved = copies["served"]["bytes"] + copies["passed"]["bytes"] + ours
        reached = sum(counters["moved"]["%s_%s" % (direction, kind)]["bytes"]
                      for kind in ("pageable", "pinned"))
        assert moved == reached, (direction, moved, reached)


if __name__ == "__main__":
    main()
