#!/usr/bin/env python3
"""Puts the lines of JSON of a results folder into one text, and says what is
new against results that were recorded before.

    report.py FOLDER [RECORDED]

Writes FOLDER/report.txt, and FOLDER/bench.svg where matplotlib is installed.
"""
import glob
import json
import os
import sys

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
    if row.get("value") in ("differs", "late"):
        text += "  <--"
    if row.get("remark"):
        text += "  (%s)" % row["remark"]
    return "%-44s %s" % (row.get("name"), text.strip())


def bench_rows(rows):
    """Kind -> arms with figures, in the order in which they were printed."""
    kinds = {}
    for row in rows:
        if "load_s" in row and "raw" not in row:
            kinds.setdefault(row["kind"], []).append(row)
    return kinds


def elided(arm):
    """Of all bytes that were to be offloaded."""
    copies = arm.get("shim", {}).get("d2h", {})
    asked = sum(copies.values())
    return "%.0f%%" % (100 * copies["elided"] / asked) if asked else "-"


def bench_text(rows, facts):
    ceiling = {row["name"]: row["value"] for row in facts
               if row.get("name", "").startswith("ceiling_")}
    lines = []
    for kind, arms in bench_rows(rows).items():
        lines += ["", "worker %s, %.3f GB in %d tensors" % (
            kind, arms[0]["bytes"] / 1e9, arms[0]["tensors"]),
            "| arm | what | load s | p10 to p90 | GB/s | of pinned | unload s"
            " | p10 to p90 | free s | touch s | first load s | elided | rounds |",
            "|" + "---|" * 13]
        for arm in arms:
            speed = arm["bytes"] / arm["load_s"] / 1e9
            share = speed / ceiling["ceiling_h2d_pinned"] \
                if "ceiling_h2d_pinned" in ceiling else 0
            lines.append(
                "| %s | %s | %.4f | %.4f to %.4f | %.2f | %.0f%% | %.4f |"
                " %.4f to %.4f | %.4f | %.4f | %.4f | %s | %d |" % (
                    arm["name"], arm["what"], arm["load_s"],
                    arm["load_s_p10"], arm["load_s_p90"], speed, 100 * share,
                    arm["unload_s"], arm["unload_s_p10"],
                    arm["unload_s_p90"], arm["free_s"], arm["touch_s"],
                    arm["first_load_s"], elided(arm), arm["rounds"]))
    lines += [line_of(row) for row in rows
              if "unit" in row and "name" in row]
    if not any(row.get("simulated") for row in rows):
        lines += ["", "against the targets (SDXL as it is, one H200)"]
        lines += targets(rows, ceiling)
    failed = [row for row in rows if row.get("failed")]
    for row in failed:
        lines.append("%s did not run: %s" % (row["name"], row["remark"].strip()))
    for row in rows:
        if row.get("name") in ("digests", "model"):
            lines.append("%s: %s" % (row["name"], {
                key: value for key, value in row.items() if key != "name"}))
    return lines


def slope(single, prefix):
    """GB/s between the two largest weights of the single calls."""
    sizes = sorted(int(name[len(prefix):]) for name in single
                   if name.startswith(prefix))
    if len(sizes) < 2:
        return None
    small, large = sizes[-2:]
    took = single[prefix + str(large)] - single[prefix + str(small)]
    return (large - small) / took / 1e3 if took > 0 else None


def targets(rows, ceiling):
    """Each target, what was measured, and whether it was met."""
    single = {row["name"]: row["value"] for row in rows if "unit" in row}
    arms = {(row["kind"], row["name"]): row for row in rows
            if "load_s" in row and "raw" not in row}
    whole = any(row.get("name") == "model" and row.get("every") == 1
                for row in rows)
    lines = []

    def hold(what, value, limit, at_least=False):
        if value is None:
            lines.append("%-52s not measured" % what)
            return
        met = value >= limit if at_least else value <= limit
        lines.append("%-52s %.4g, target %s %.4g: %s" % (
            what, value, "at least" if at_least else "at most", limit,
            "met" if met else "MISSED"))

    def figure(kind, arm, key):
        row = arms.get((kind, arm))
        return row[key] if row else None

    def less(a, b):
        return None if a is None or b is None else a - b

    floor = figure("torch", "floor", "unload_s")
    for kind in ("torch", "c"):
        shim = figure(kind, "verify-alias", "unload_s")
        hold(kind + ": verified unload, s", shim if whole else None, 0.05)
        if kind == "torch":
            hold("torch: the same over the floor, s",
                 less(shim, floor) if whole else None, 0.03)
            hold("torch: parked load over the floor, s",
                 less(figure(kind, "parked", "load_s"),
                      figure(kind, "floor", "load_s")) if whole else None,
                 0.01)
        row = arms.get((kind, "verify-alias"))
        share = None
        if row and "ceiling_h2d_pinned" in ceiling:
            share = row["bytes"] / row["load_s"] / 1e9 / \
                ceiling["ceiling_h2d_pinned"]
        hold(kind + ": load, share of the pinned ceiling", share, 0.95, True)
        hold(kind + ": unload, every weight changed, s",
             figure(kind, "dirty", "unload_s") if whole else None, 0.14)
        first, plain = (figure(kind, arm, "first_load_s")
                        for arm in ("verify-alias", "plain"))
        hold(kind + ": first load by that without the shim",
             first / plain if first and plain else None, 1.01)
        others = [figure(kind, arm, key) for key in ("load_s",)
                  for arm in ("plain", "kept", "pinned", "flat")
                  if (kind, arm) in arms]
        hold(kind + ": load by the fastest other way's",
             row["load_s"] / min(others) if row and others else None, 1.0)
    speed = slope(single, "shim: offload_us_")
    hold("fingerprint, share of the read ceiling",
         speed / ceiling["ceiling_read"]
         if speed and "ceiling_read" in ceiling else None, 0.88, True)
    hold("launch, ns more with the shim",
         less(single.get("shim: launch_ns"), single.get("launch_ns")), 3)
    return lines


def keyed(parts):
    """(part, name) -> value, for comparing."""
    values = {}
    for part, rows in parts.items():
        for row in rows:
            if "name" not in row or "raw" in row:
                continue
            if "load_s" in row:
                for key in ("load_s", "unload_s"):
                    values[part, "%s %s %s" % (row["kind"], row["name"],
                                               key)] = row[key]
            elif "value" in row:
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


def plot(folder, rows, simulated):
    try:
        import matplotlib
        matplotlib.use("svg")
        from matplotlib import pyplot
    except ImportError:
        return
    kinds = bench_rows(rows)
    if not kinds:
        return
    figure, panels = pyplot.subplots(1, len(kinds), squeeze=False,
                                     figsize=(7 * len(kinds), 5))
    for panel, (kind, arms) in zip(panels[0], kinds.items()):
        places = range(len(arms))
        for offset, key, label in ((-0.2, "load_s", "load"),
                                   (0.2, "unload_s", "unload")):
            values = [arm[key] for arm in arms]
            reach = [[max(v - arm[key + "_p10"], 0)
                      for v, arm in zip(values, arms)],
                     [max(arm[key + "_p90"] - v, 0)
                      for v, arm in zip(values, arms)]]
            panel.barh([p + offset for p in places], values, 0.4,
                       xerr=reach, label=label)
        panel.set_yticks(list(places), [arm["name"] for arm in arms])
        panel.invert_yaxis()
        panel.set_xlabel("seconds, median; whiskers p10 to p90")
        panel.set_title("%s%s" % (kind, ": SIMULATED, no GPU figures"
                                  if simulated else ""))
        panel.legend()
    figure.tight_layout()
    figure.savefig(os.path.join(folder, "bench.svg"))


def count(rows):
    values = [row.get("value") for row in rows]
    return ", ".join("%d %s" % (values.count(word), word) for word in
                     ("same", "differs", "late", "unproven")
                     if values.count(word))


def main(folder, recorded=None):
    parts = read(folder)
    every_row = [row for rows in parts.values() for row in rows]
    simulated = any(row.get("simulated") for row in every_row)
    lines = []
    if simulated:
        lines += ["SIMULATED DRIVER: a dry run. No figure below is a GPU's.",
                  ""]
    for part in PARTS:
        path = os.path.join(folder, part + ".status")
        status = "not run"
        if os.path.exists(path):
            with open(path, encoding="ascii") as stream:
                status = stream.read().strip()
            os.unlink(path)
        lines.append("== %s: %s" % (part, status))
        rows = parts.get(part, [])
        if part == "bench":
            lines += bench_text(rows, parts.get("facts", []))
        else:
            lines += [line_of(row) for row in rows if "name" in row]
            if part in ("transparency", "models"):
                lines.append(count(rows))
        lines.append("")
    if recorded and glob.glob(os.path.join(recorded, "*.jsonl")):
        lines.append("== against " + os.path.basename(recorded.rstrip("/")))
        lines += changes(keyed(parts), keyed(read(recorded)))
    else:
        lines.append("== nothing was recorded before")
    with open(os.path.join(folder, "report.txt"), "w",
              encoding="utf-8") as stream:
        stream.write("\n".join(lines) + "\n")
    plot(folder, parts.get("bench", []), simulated)


if __name__ == "__main__":
    main(*sys.argv[1:])
