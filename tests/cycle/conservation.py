"""Checks the conservation law of one run, in everything that tells of it.

usage: conservation.py STATISTICS.json SIMULATED-DRIVER-COUNTERS.json
                       [LOG [STATISTICS.txt]]

Per direction, in calls and in bytes: asked == elided + served + passed +
failed, the reasons add up to their outcome, and what reached the simulated
driver is what was served, passed, and moved by the shim itself besides. No
model and no rule has more than that. In mode observe nothing is elided or
served, and what would have been is no more than what was asked.

LOG is a log at level trace: its lines add up to the same reasons. The text is
that of an equal run: its rows have the same calls.
"""
import collections
import json
import re
import sys

OUTCOMES = ("elided", "served", "passed", "failed")
DIRECTIONS = {"d2h": "offload", "h2d": "reload"}


def check_direction(statistics, counters, direction):
    copies = statistics["copies"][direction]
    for unit in ("calls", "bytes"):
        parts = sum(copies[outcome][unit] for outcome in OUTCOMES)
        assert copies["asked"][unit] == parts, (direction, unit, copies)
        for outcome in OUTCOMES:
            reasons = sum(row[unit] for row in copies["reasons"]
                          if row["outcome"] == outcome)
            assert copies[outcome][unit] == reasons, (
                direction, outcome, unit, copies)
    ours = statistics["gauges"]["own_%s_bytes" % direction]
    moved = copies["served"]["bytes"] + copies["passed"]["bytes"] + ours
    reached = sum(counters["moved"]["%s_%s" % (direction, kind)]["bytes"]
                  for kind in ("pageable", "pinned"))
    assert moved == reached, (direction, moved, reached)


def check_parts(statistics):
    asked = {direction: statistics["copies"][direction]["asked"]
             for direction in DIRECTIONS}
    for unit in ("calls", "bytes"):
        rules = sum(rule[unit] for rule in statistics["rules"].values())
        assert rules <= asked["h2d"][unit], (unit, statistics["rules"])
        for direction, key in (("h2d", "loads"), ("d2h", "unloads")):
            models = sum(model[key][unit] for model in statistics["models"])
            assert models <= asked[direction][unit], (unit, direction)


def check_observe(statistics):
    asked = statistics["copies"]["d2h"]["asked"]
    for unit in ("calls", "bytes"):
        would = statistics["gauges"]["would_elide_" + unit]
        assert would <= asked[unit], (unit, would, asked)
        if statistics["mode"] != "observe":
            assert would == 0, (unit, would)
            continue
        for direction in DIRECTIONS:
            for outcome in ("elided", "served"):
                moved = statistics["copies"][direction][outcome][unit]
                assert moved == 0, (direction, outcome, unit, moved)


def check_log(statistics, path):
    found = collections.Counter()
    line = re.compile(r" (?:debug|trace) engine: (offload|reload) of (\d+) "
                      r"bytes.*: (\w+), (\w+)(?:, captured)?$")
    for text in open(path, encoding="utf8"):
        match = line.search(text)
        if match:
            event, n_bytes, outcome, reason = match.groups()
            found[event, outcome, reason, "calls"] += 1
            found[event, outcome, reason, "bytes"] += int(n_bytes)
    wanted = collections.Counter()
    for direction, event in DIRECTIONS.items():
        for row in statistics["copies"][direction]["reasons"]:
            for unit in ("calls", "bytes"):
                wanted[event, row["outcome"], row["reason"], unit] = row[unit]
    assert found == wanted, (found, wanted)


def check_text(statistics, path):
    rows = collections.defaultdict(dict)
    direction = None
    for text in open(path, encoding="utf8"):
        heading = re.match(r" +(offload|reload)s, ", text)
        row = re.match(r" +(asked|elided|served|passed|failed) +([\d,]+) ",
                       text)
        if heading:
            direction = heading.group(1)
        elif row and direction:
            rows[direction][row.group(1)] = int(row.group(2).replace(",", ""))
        elif "reasons, most bytes first" in text:
            direction = None
    for key, event in DIRECTIONS.items():
        copies = statistics["copies"][key]
        wanted = {name: copies[name]["calls"] for name in ("asked",) + OUTCOMES
                  if name == "asked" or copies[name]["calls"] > 0}
        assert rows[event] == wanted, (event, rows[event], wanted)


def main():
    statistics = json.load(open(sys.argv[1]))
    counters = json.load(open(sys.argv[2]))
    assert statistics["schema"] == 1, "unknown schema"
    for direction in DIRECTIONS:
        check_direction(statistics, counters, direction)
    check_parts(statistics)
    check_observe(statistics)
    if len(sys.argv) > 3:
        check_log(statistics, sys.argv[3])
    if len(sys.argv) > 4:
        check_text(statistics, sys.argv[4])


if __name__ == "__main__":
    main()
