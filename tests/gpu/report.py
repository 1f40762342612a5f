#!/usr/bin/env python3
"""Puts the lines of JSON of a results folder into one text, and says what is
new against results that were recorded before.

    report.py FOLDER [RECORDED]

Prints it and writes FOLDER/report.txt, and FOLDER/bench.svg where matplotlib
is installed.
"""
import glob
import json
import os
import sys

from report_bench import arms_of, bench_text, best, plot, targets

PARTS = ("facts", "open_points", "transparency", "models", "bench")


def read(folder):
    """Part -> list of objects; lines that are none are left out."""
    parts = {}
    for part in PARTS:
        rows = []
        path = os.path.join(folder, part + ".jsonl")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as lines:
                for line in lines:
                    try:
                        rows.append(json.loads(line))
                    except ValueError:
                        pass
            parts[part] = rows
    return parts


def number(value):
    return "%.4g" % value if isinstance(value, float) else str(value)


def line_of(row):
    """One answer as text."""
    text = "%s %s" % (number(row.get("value")), row.get("unit", ""))
    if "assumed" in row and row["value"] != row["assumed"]:
        text += "  <-- the design takes it to be %s" % row["assumed"]
    if row.get("value") in ("differs", "late", "failed"):
        text += "  <--"
    shim = row.get("shim", {})
    if row.get("value") == "same" and "asked" in shim:
        text += "  (%d lines, %d of %d bytes elided, %d processes)" % (
            row.get("lines", 0), shim["elided"], shim["asked"],
            shim["processes"])
    if row.get("remark"):
        text += "  (%s)" % row["remark"]
    return "%-44s %s" % (row.get("name"), text.strip())


def keyed(parts):
    """(part, name) -> value, for comparing."""
    values = {}
    for part, rows in parts.items():
        for row in rows:
            if "name" not in row or "raw" in row:
                continue
            if "rounds" in row:
                for key in ("load_s", "unload_s"):
                    values[part, "%s %s %s" % (row["kind"], row["name"],
                                               key)] = row[key]
            elif "value" in row and row["name"] != "part":
                values[part, row["name"]] = row["value"]
    return values


def changes(now, then):
    """What differs; figures by more than a tenth."""
    lines = []
    for key in sorted(set(now) | set(then)):
        old, new = then.get(key), now.get(key)
        numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool)
                      for v in (old, new))
        if old == new or (numbers and abs(new - old) <= 0.1 * abs(old)):
            continue
        lines.append("%s, %s: %s, was %s" % (*key, number(new), number(old)))
    return lines or ["nothing differs by more than a tenth"]


def count(rows):
    values = [row.get("value") for row in rows]
    return ", ".join("%d %s" % (values.count(word), word) for word in
                     ("same", "differs", "late", "unproven")
                     if values.count(word))


def facts_of(parts):
    """Name -> the last that was said."""
    return {row["name"]: row["value"] for row in parts.get("facts", [])
            if "name" in row and "value" in row}


def findings(parts, ceiling):
    """What needs a look: in the end of the report, where it is seen first."""
    lines = []
    for part, rows in parts.items():
        for row in rows:
            value = row.get("value")
            wrong = ("assumed" in row and value != row["assumed"]) or \
                value in ("differs", "late", "failed") or row.get("failed") \
                or (row.get("name") == "part" and
                    not str(value).startswith("over"))
            if wrong:
                lines.append("%s: %s" % (part, line_of(row)))
        if not any(row.get("name") == "part" for row in rows):
            lines.append("%s: its end was not written" % part)
    bench = parts.get("bench", [])
    if arms_of(bench) and not any(row.get("simulated") for row in bench):
        lines += [line for line in targets(bench, ceiling).lines
                  if line.endswith("MISSED")]
    return lines or ["nothing"]


def part_text(part, rows, ceiling, simulated):
    ended = [row["value"] for row in rows if row.get("name") == "part"]
    lines = ["== %s: %s" % (part, ended[-1] if ended else "not run")]
    rows = [row for row in rows if row.get("name") != "part"]
    if part == "bench":
        return lines + bench_text(rows, ceiling, simulated)
    lines += [line_of(row) for row in rows if "name" in row]
    if part in ("transparency", "models"):
        lines.append(count(rows))
    return lines


def main(folder, recorded=None):
    parts = read(folder)
    simulated = any(row.get("simulated") for rows in parts.values()
                    for row in rows)
    ceiling = best(parts.get("facts", []) + parts.get("bench", []))
    lines = []
    if simulated:
        lines += ["SIMULATED DRIVER: a dry run. No figure below is a GPU's.",
                  ""]
    for part in PARTS:
        if parts.get(part):
            lines += part_text(part, parts[part], ceiling, simulated) + [""]
    if recorded and glob.glob(os.path.join(recorded, "*.jsonl")):
        lines.append("== against " + os.path.basename(recorded.rstrip("/")))
        lines += changes(keyed(parts), keyed(read(recorded)))
    else:
        lines.append("== nothing was recorded before")
    lines += ["", "== what needs a look"] + findings(parts, ceiling)
    text = "\n".join(lines) + "\n"
    print(text, end="")
    try:
        with open(os.path.join(folder, "report.txt"), "w",
                  encoding="utf-8") as stream:
            stream.write(text)
        plot(folder, parts.get("bench", []),
             facts_of(parts).get("card", "card not known"), simulated)
    except OSError as error:
        print("not written: %s" % error)


if __name__ == "__main__":
    main(*sys.argv[1:])
