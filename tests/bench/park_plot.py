#!/usr/bin/python3
"""Draws what parking saves, from the table that t_park_policy.sh keeps.

    python3 tests/bench/park_plot.py examples/park_policy.tsv OUT.svg

Needs matplotlib (Debian: python3-matplotlib).
"""
import collections
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.fonttype"] = "none"
matplotlib.rcParams["svg.hashsalt"] = "cushadow"
from matplotlib import pyplot  # noqa: E402

LINES = {
    "lru": ("least recently used", "tab:red", "-"),
    "size": ("GreedyDual-Size", "tab:orange", "-"),
    "kept": ("kept: by the intervals seen", "tab:blue", "-"),
    "optimum": ("optimum, which knows what comes", "black", ":"),
}


def read(path):
    """Sequence -> policy -> [(VRAM in GB, share over the link)]."""
    cases = collections.OrderedDict()
    with open(path, encoding="ascii") as lines:
        for line in lines:
            if line.startswith("#"):
                continue
            sequence, policy, vram, share = line.rstrip("\n").split("\t")
            points = cases.setdefault(sequence, {}).setdefault(policy, [])
            points.append((int(vram) / 1e9, float(share)))
    return cases


def main(source, target):
    cases = read(source)
    figure, panels = pyplot.subplots(2, 4, figsize=(13, 6), sharey=True)
    for panel, (sequence, policies) in zip(panels.flat, cases.items()):
        for policy, (label, color, style) in LINES.items():
            panel.plot(*zip(*policies[policy]), style, color=color,
                       label=label, linewidth=1.5)
        panel.set_title(sequence, fontsize=10)
        panel.set_ylim(-0.03, 1.05)
        panel.grid(alpha=0.3)
    for panel in panels[-1]:
        panel.set_xlabel("VRAM for models, GB (10^9 bytes)")
    for panel in panels[:, 0]:
        panel.set_ylabel("share that crosses the link")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncol=4, frameon=False)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
