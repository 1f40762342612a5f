"""Compares how many bytes a program of alias.tap expected to be mapped and
copied to host memory with what the shim counted.

usage: mapped.py STATISTICS.json OUTPUT-OF-THE-PROGRAM

An empty output expects nothing in particular, "any" any number.
"""
import json
import sys


def main():
    gauges = json.load(open(sys.argv[1]))["gauges"]
    wanted = open(sys.argv[2]).read().split()
    counted = [str(gauges["host_%s_bytes" % way])
               for way in ("mapped", "copied")]
    for one, other in zip(wanted, counted):
        assert one in ("any", other), (wanted, counted)


if __name__ == "__main__":
    main()
