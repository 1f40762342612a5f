"""Tables, targets and the plot of what bench.py and the single calls printed.
"""
import os
import statistics

COLUMNS = ("arm", "what", "load s", "p10 to p90", "GB/s", "of pinned",
           "unload s", "p10 to p90", "free s", "first load s",
           "touch all s", "elided", "pinned GB", "RAM GB", "rounds")


def arms_of(rows):
    """(kind, sitting) -> arms with figures, as they were printed."""
    tables = {}
    for row in rows:
        if "load_s" in row and "rounds" in row:
            tables.setdefault((row["kind"], row["sitting"]), []).append(row)
    return tables


def best(rows):
    """The raw ceilings, the highest of each."""
    ceiling = {}
    for row in rows:
        name = row.get("name", "")
        if name.startswith("ceiling_") and "value" in row:
            ceiling[name] = max(ceiling.get(name, 0), row["value"])
    return ceiling


def singles(rows):
    """Name of a single call -> the median of what its runs said."""
    values = {}
    for row in rows:
        if "unit" in row and isinstance(row.get("value"), (int, float)):
            values.setdefault(row["name"], []).append(row["value"])
    return {name: statistics.median(found) for name, found in values.items()}


def elided(arm):
    """Of all bytes that were to be offloaded."""
    copies = arm.get("shim", {}).get("d2h", {})
    asked = sum(copies.values())
    return "%.0f%%" % (100 * copies["elided"] / asked) if asked else "-"


def gigabytes(value):
    return "%.2f" % (value / 1e9) if value else "-"


def seconds(value):
    return "-" if value is None else "%.4f" % value


def table(arms, ceiling):
    """Of one sitting, as lines of Markdown."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    pinned = ceiling.get("ceiling_h2d_pinned")
    for arm in arms:
        speed = arm["bytes"] / max(arm["load_s"], 1e-9) / 1e9
        moved = arm["name"] != "floor"
        cells = (
            arm["name"], arm["what"], seconds(arm["load_s"]),
            "%.4f to %.4f" % (arm["load_s_p10"], arm["load_s_p90"]),
            "%.2f" % speed if moved else "-",
            "%.0f%%" % (100 * speed / pinned) if pinned and moved else "-",
            seconds(arm["unload_s"]),
            "%.4f to %.4f" % (arm["unload_s_p10"], arm["unload_s_p90"]),
            seconds(arm["free_s"]), seconds(arm["first_load_s"]),
            seconds(arm.get("touch_read_s")), elided(arm),
            gigabytes(arm.get("gauges", {}).get("pinned_bytes_peak")),
            gigabytes(arm.get("memory", {}).get("rss")),
            str(arm["rounds"]))
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def tables(rows, ceiling):
    lines = []
    for (kind, sitting), arms in arms_of(rows).items():
        whole = next(arm for arm in arms if arm["name"] != "floor") \
            if any(arm["name"] != "floor" for arm in arms) else arms[0]
        lines += ["", "%s, sitting %d: %.3f GB in %d tensors" % (
            {"c": "a C program", "torch": "PyTorch"}[kind], sitting,
            whole["bytes"] / 1e9, whole["tensors"]), ""]
        lines += table(arms, ceiling)
    return lines


def profile_lines(rows):
    """Where the time of a traced process went, in each cycle."""
    lines = []
    for row in rows:
        if row.get("name") != "profile":
            continue
        lines += ["", "where the time of %s (%s) went, by a trace of %s "
                  "cycles:" % (row["arm"], row["kind"],
                               row.get("cycles", "no"))]
        if row.get("failed"):
            lines.append("no trace: " + row["remark"])
            continue
        n = row["cycles"]
        for key, word in (("load", "load"), ("unload", "offload")):
            copies = sum(part["s"] for name, part in row["trace"].items()
                         if name.startswith(word))
            whole = row[key + "_s"] / n
            lines.append(
                "%s %.4f s: in copies %.4f, outside of them %.4f; of the "
                "processors' time %.4f of the program and the shim, %.4f of "
                "the kernel" % (key, whole, copies / n, whole - copies / n,
                                row[key + "_user_s"] / n,
                                row[key + "_system_s"] / n))
        lines += ["    %-36s %9.1f calls %9.4f s %9.1f MB" % (
            name, part["n"] / n, part["s"] / n, part["bytes"] / n / 1e6)
            for name, part in sorted(row["trace"].items())]
    return lines


def verdict_lines(rows):
    lines = []
    for arms in arms_of(rows).values():
        for arm in arms:
            if arm.get("verdicts"):
                lines.append("%s %s: %s" % (
                    arm["kind"], arm["name"], ", ".join(
                        "%s %d" % pair for pair in arm["verdicts"].items())))
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


class Targets:
    """Each target, what was measured, and whether it was met. Those of SDXL
    are held against runs with all of its tensors only."""

    def __init__(self, rows, ceiling):
        self.lines, self.missed, self.ceiling = [], 0, ceiling
        self.single = singles(rows)
        self.arms = {}
        for (kind, _), arms in arms_of(rows).items():
            for arm in arms:
                self.arms.setdefault((kind, arm["name"]), arm)
        self.whole = {row["kind"]: row["every"] == 1 for row in rows
                      if row.get("name") == "model"}

    def hold(self, what, value, limit, at_least=False):
        if value is None:
            self.lines.append("%-50s not measured" % what)
            return
        met = value >= limit if at_least else value <= limit
        self.missed += not met
        self.lines.append("%-50s %.4g, target %s %.4g: %s" % (
            what, value, "at least" if at_least else "at most", limit,
            "met" if met else "MISSED"))

    def figure(self, kind, arm, key):
        row = self.arms.get((kind, arm))
        return row[key] if row else None

    def above_floor(self, kind, arm, key):
        value, floor = (self.figure(kind, name, key)
                        for name in (arm, "floor"))
        return None if None in (value, floor) or not self.whole.get(kind) \
            else value - floor

    def fastest_other(self, kind, key):
        found = [self.figure(kind, arm, key)
                 for arm in ("plain", "kept", "pinned", "flat")]
        found = [value for value in found if value]
        ours = self.figure(kind, "verify-alias", key)
        return ours / min(found) if found and ours else None

    def of_kind(self, kind):
        label = {"c": "C", "torch": "PyTorch"}[kind] + ": "
        if not any(key[0] == kind for key in self.arms):
            self.lines.append(label + "not measured")
            return
        whole = self.whole.get(kind)
        self.hold(label + "verified unload, s", self.figure(
            kind, "verify-alias", "unload_s") if whole else None, 0.05)
        for arm, what, key, limit in (
                ("verify-alias", "the same over the floor, s", "unload_s",
                 0.03),
                ("cohort", "the same with cohorts, s", "unload_s", 0.01),
                ("parked", "parked load over the floor, s", "load_s", 0.01)):
            self.hold(label + what, self.above_floor(kind, arm, key), limit)
        load = self.figure(kind, "verify-alias", "load_s")
        pinned = self.ceiling.get("ceiling_h2d_pinned")
        self.hold(label + "load, share of the pinned ceiling",
                  self.arms[kind, "verify-alias"]["bytes"] / load / 1e9 /
                  pinned if load and pinned else None, 0.95, True)
        self.hold(label + "unload, every weight changed, s", self.figure(
            kind, "dirty", "unload_s") if whole else None, 0.14)
        first, plain = (self.figure(kind, arm, "first_load_s")
                        for arm in ("verify-alias", "plain"))
        ratio = first / plain if first and plain else None
        self.hold(label + "first load by that without the shim", ratio, 1.01)
        self.hold(label + "the same, to pass", ratio, 1.10)
        for key in ("load_s", "unload_s"):
            self.hold(label + key[:-2] + " by the fastest other way's",
                      self.fastest_other(kind, key), 1.0)

    def of_single_calls(self):
        read = self.ceiling.get("ceiling_read")
        speed = slope(self.single, "shim: offload_us_")
        self.hold("fingerprint, share of the read ceiling",
                  speed / read if speed and read else None, 0.88, True)
        for prefix in ("shim: ", "cohorts: "):
            pair = [self.single.get(name + "launch_ns")
                    for name in (prefix, "")]
            self.hold(prefix + "launch, ns more than without",
                      None if None in pair else pair[0] - pair[1], 3)


def targets(rows, ceiling):
    found = Targets(rows, ceiling)
    for kind in ("torch", "c"):
        found.of_kind(kind)
    found.of_single_calls()
    return found


def bench_text(rows, ceiling, simulated):
    lines = tables(rows, ceiling)
    lines += ["", "%-28s %s" % ("raw ceilings, GB/s:", ", ".join(
        "%s %.4g" % (name[8:], value) for name, value in ceiling.items()))]
    found = singles(rows)
    lines += ["%-44s %.5g" % pair for pair in found.items()
              if not pair[0].startswith("ceiling_")]
    lines += sorted({
        "%-44s %s" % (row["name"], row["value"]) for row in rows
        if str(row.get("name", "")).endswith("launch_entry_is_in")})
    lines += verdict_lines(rows)
    lines += profile_lines(rows)
    for row in rows:
        if row.get("failed") and row.get("name") != "profile":
            lines.append("%s (%s) did not run: %s" % (
                row["name"], row.get("kind"), row["remark"].strip()))
        elif row.get("name") in ("digests", "model"):
            lines.append("%s: %s" % (row["name"], {
                key: value for key, value in row.items() if key != "name"}))
    lines += ["", "against the targets (SDXL as it is, one H200)"
              + (", which a dry run says nothing about" if simulated else "")]
    return lines + targets(rows, ceiling).lines


def plot(folder, rows, card, simulated):
    try:
        import matplotlib
        matplotlib.use("svg")
        from matplotlib import pyplot
    except ImportError:
        return
    found = arms_of(rows)
    if not found:
        return
    figure, panels = pyplot.subplots(1, len(found), squeeze=False,
                                     figsize=(7 * len(found), 5))
    for panel, ((kind, sitting), arms) in zip(panels[0], found.items()):
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
        panel.set_title("%s, sitting %d%s" % (
            {"c": "C", "torch": "PyTorch"}[kind], sitting,
            ": SIMULATED, no GPU figures" if simulated else ": " + card))
        panel.legend()
    figure.tight_layout()
    figure.savefig(os.path.join(folder, "bench.svg"))


