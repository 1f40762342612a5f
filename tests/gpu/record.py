#!/usr/bin/env python3
"""Keeps what runs on a GPU have left, and says it in README.

    record.py FOLDER... [--results FOLDER] [--readme FILE] [--simulated]
    record.py --check [--results FOLDER] [--readme FILE]

Later folders add to and take the place of earlier ones, part by part. They
become a folder of --results named DATE-CARD; README has the newest of these
between two marks, table, plot, card and date, or that there is none. --check
compares it. What the simulated driver said is refused, but for --simulated,
which is for the test of this.
"""
import argparse
import os
import re
import shutil
import sys

import report
from report_bench import arms_of, best, tables, targets

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BEGIN = "<!-- gpu: begin (written by tests/gpu/run.sh --record) -->"
END = "<!-- gpu: end -->"
NOTHING = "**Nothing has been recorded so far.** No GPU was at hand; all that " \
    "is said above was tested on the simulated driver."


def newest(results):
    """The folder whose name is the last by date, or None."""
    names = sorted(name for name in os.listdir(results)
                   if os.path.isdir(os.path.join(results, name)))
    return os.path.join(results, names[-1]) if names else None


def has_answers(rows):
    return any(row.get("name") != "part" for row in rows)


def merge(folders, target):
    """The parts of all of them, the last one that has answers winning."""
    for part in report.PARTS:
        for folder in reversed(folders):
            if has_answers(report.read(folder).get(part, [])):
                names = [part + ".jsonl"]
                if part == "bench":  # drawn again where that can be done
                    names.append("bench.svg")
                for name in names:
                    if os.path.exists(os.path.join(folder, name)):
                        shutil.copyfile(os.path.join(folder, name),
                                        os.path.join(target, name))
                break


def refusal(parts, allow_simulated):
    rows = [row for rows in parts.values() for row in rows]
    facts = report.facts_of(parts)
    if not rows:
        return "there are no results in these folders"
    if any(row.get("simulated") for row in rows) and not allow_simulated:
        return "these are the simulated driver's, and no GPU's"
    if "card" not in facts or "date" not in facts:
        return "no folder has the part facts, which names card and date"
    return None


def place(results, facts):
    card = re.sub(r"[^A-Za-z0-9]+", "-", facts["card"]).strip("-").lower()
    return os.path.join(results, "%s-%s" % (facts["date"], card))


def programs_text(parts):
    rows = [row for part in ("transparency", "models")
            for row in parts.get(part, []) if row.get("name") != "part"]
    if not rows:
        return []
    lines = ["", "Programs with and without the shim: %s." %
             report.count(rows)]
    for word in ("differs", "late", "unproven"):
        named = ["%s (%s)" % (row["name"], row.get("remark") or "no reason")
                 for row in rows if row.get("value") == word]
        if named:
            lines += ["", "%s: %s." % (word.capitalize(), "; ".join(named))]
    return lines


def block(folder, readme):
    """What README says of a folder of results, or of there being none."""
    if folder is None:
        return [NOTHING]
    parts = report.read(folder)
    facts = report.facts_of(parts)
    bench = parts.get("bench", [])
    ceiling = best(parts.get("facts", []) + bench)
    where = os.path.relpath(folder, os.path.dirname(os.path.abspath(readme)))
    lines = ["Recorded on %s: %s, CUDA %s, Linux %s, link %s x%s; all of it "
             "in `%s`." % (facts["date"], facts["card"],
                        facts.get("driver_cuda", "?"),
                        facts.get("kernel", "?"),
                        facts.get("link_speed_under_load", "?"),
                        facts.get("link_width_under_load", "?"), where)]
    if any(row.get("simulated") for rows in parts.values() for row in rows):
        lines += ["", "**From the simulated driver: no figure is a GPU's.**"]
    if arms_of(bench):
        lines += tables(bench, ceiling)
        if os.path.exists(os.path.join(folder, "bench.svg")):
            lines += ["", "![Seconds of a load and an unload, by arm](%s)"
                      % os.path.join(where, "bench.svg")]
        lines += ["", "```", *targets(bench, ceiling).lines, "```"]
    return lines + programs_text(parts)


def with_block(text, lines):
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        sys.exit("README has no place for the results of a GPU")
    head, rest = text.split(BEGIN)
    return head + "\n".join([BEGIN, "", *lines, "", END]) + rest.split(END)[1]


def check(options):
    with open(options.readme, encoding="utf-8") as stream:
        text = stream.read()
    if with_block(text, block(newest(options.results),
                              options.readme)) == text:
        return 0
    print("README does not say what tests/gpu/results has: run "
          "tests/gpu/run.sh --record again")
    return 1


def record(options):
    work = os.path.join(options.results, ".new")
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    try:
        merge(options.folders, work)
        parts = report.read(work)
        why_not = refusal(parts, options.simulated)
        if why_not:
            print("not recorded: " + why_not)
            return 1
        target = place(options.results, report.facts_of(parts))
        before = [name for name in sorted(os.listdir(options.results))
                  if name < os.path.basename(target)
                  and not name.startswith(".")
                  and os.path.isdir(os.path.join(options.results, name))]
        report.main(work, os.path.join(options.results, before[-1])
                    if before else None)
        shutil.rmtree(target, ignore_errors=True)
        os.rename(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    with open(options.readme, encoding="utf-8") as stream:
        text = stream.read()
    with open(options.readme, "w", encoding="utf-8") as stream:
        stream.write(with_block(text, block(newest(options.results),
                                            options.readme)))
    print("recorded: " + target)
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--results", default=os.path.join(HERE, "results"))
    parser.add_argument("--readme", default=os.path.join(TOP, "README.md"))
    parser.add_argument("--simulated", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("folders", nargs="*")
    options = parser.parse_args()
    if options.check:
        return check(options)
    if not options.folders:
        parser.error("which folders?")
    return record(options)


if __name__ == "__main__":
    sys.exit(main())
