#!/usr/bin/env python3
"""Lets the shim's own calls to libc fail, one place at a time and by chance,
and asks of each run that the program got what it gets without the shim.

    injected.py short|long FOLDER

From the environment: CSH_SHIM, CSH_SIM, CSH_BIN. Prints TAP. The places are
those of the shim's machine code (objdump); which of them were met and failed
is counted by faults.c, in a file that each run shares.
"""
import collections
import concurrent.futures
import ctypes
import os
import re
import struct
import subprocess
import sys

SHIM, SIM, BIN = (os.environ[name] for name in ("CSH_SHIM", "CSH_SIM", "CSH_BIN"))
FAULTS = os.path.join(BIN, "libfaults.so")
PROGRAM = os.path.join(BIN, "app_injected")
LONG = sys.argv[1] == "long"
WORK = sys.argv[2]
HANGS_S = 120
CALL_BITS = 10
INSTEAD, AFTER, HALF = range(3)
EINTR = 4

Way = collections.namedtuple("Way", "value error when")
Call = collections.namedtuple("Call", "name number ways")
Run = collections.namedtuple("Run", "life plan")
PLAIN, COUNTED = "plain", "counted"


# --- the tables ---------------------------------------------------------------

class CWay(ctypes.Structure):
    _fields_ = [("value", ctypes.c_long), ("error", ctypes.c_int), ("when", ctypes.c_int)]


class CCall(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("number", ctypes.c_long),
                ("ways", ctypes.POINTER(CWay)), ("n_ways", ctypes.c_long)]


def table():
    rows = (CCall * 1024).in_dll(ctypes.CDLL(FAULTS), "fault_calls")
    calls = []
    for row in rows:
        if not row.name:
            return calls
        ways = tuple(Way(w.value, w.error, w.when) for w in row.ways[:row.n_ways])
        calls.append(Call(row.name.decode(), row.number, ways))
    raise ValueError("the table has no end")


CALLS = table()


def imported():
    text = subprocess.run(["nm", "-D", "--undefined-only", SHIM], check=True,
                          capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in text.splitlines()}


# Why a place may not be met, or not fail, here: "source file: function"; "" is
# any function. What is in none of these is said to have no reason, which fails
# the long run: there chance is no excuse.
WHY = {
    "base/cpus.c: syscall": "the processors are counted where CUSHADOW_THREADS=auto, and once",
    "base/descriptor.c: fcntl": "only where the limit on open files is 1024 or less",
    "base/descriptor.c: ftruncate": "the compiler's second copy, for callers that are not there",
    "base/descriptor.c: sigtimedwait": "interrupted, it is called again, until it has its signal",
    "base/lock.c: write": "only before a debugging build aborts",
    "base/output.c: sigtimedwait": "interrupted, it is called again, until it has its signal",
    "base/platform.c: syscall": "the second file is read only where the kernel is WSL2's; either is read once",
    "driver/driver.c: dlclose": "only where two threads bind the driver at once, or what was found was another object",
    "driver/driver.c: dlopen": "only in programs that are linked with the driver, or for whom a plug-in has loaded it",
    "engine/contexts.c: calloc": "only for the tenth context in one chain of the table",
    "base/workers.c: syscall": "waiting is given up fifty times at most, and is there only when a worker is slow",
    "engine/gone.c: syscall": "only when memory is looked for that was not seen to end",
    "engine/park_watch.c: sem_wait": "only once everything that is parked has gone",
    "interpose/host_memory.c: syscall": "only where libc has no such function (old ones, and musl)",
    "interpose/host_memory.c: process_vm_readv": "only in programs that call process_madvise",
    "report/live.c: ": "only after another call there has failed, or on Linux before 5.14",
    "shadow/alias.c: ": "only after another mapping has failed at the same time as a second one",
    "shadow/alias_files.c: ": "only where the kernel has no mapping more to give, for locked or for protected memory",
    "shadow/alias_records.c: mmap": "the copy for callers that are elsewhere: the others have theirs inside",
    "shadow/chunk.c: ": "only after another call there has failed, or on Linux before 5.14; of sysconf the size of a page",
    "shadow/page_move.c: ": "only while another thread forks, or the kernel refuses to move a page",
    "shadow/vma_marks.c: ": "only where there are several memory nodes, locked memory, or no userfaultfd",
    "verify/fingerprint.c: munmap": "only where no random key is to be had",
    "weights/catalog.c: strdup": "only where two models have the same name",
    "weights/jansson.c: dlclose": "only where libjansson.so.4 lacks a function",
}


# --- places in the shim ---------------------------------------------------------

class Places:
    """Where the shim calls functions that can fail. A call is known by the
    address that it returns to; one that is a jump, at the end of a function, by
    that function's name, for it returns to whoever called that."""

    def __init__(self):
        self.calls = {}  # (function, offset after it): the function it is in
        self.jumps = {}  # (function, the function it is in)
        self.before = {}  # offset after a call: the function called
        self.files = {}  # function: source, of those with jumps
        fallible = {c.name for c in CALLS if c.ways and c.number < 0} | {"syscall"}
        text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", SHIM], check=True,
                              capture_output=True, text=True).stdout
        inside = pending = None
        for line in text.splitlines():
            if line.endswith(">:"):
                inside = line.split("<")[1][:-2]
                continue
            step = re.match(r" *([0-9a-f]+):\s+(\S+)\s*(.*)", line)
            if step is None:
                continue
            at, name, operands = int(step[1], 16), step[2], step[3]
            if pending is not None:
                self.before[at] = pending
                if pending in fallible:
                    self.calls[(pending, at)] = inside
                pending = None
            target = re.search(r"<([^>+@]+)(@[^>]+)?>", operands)
            if name in ("call", "callq", "bl", "blr"):
                pending = target[1] if target else "?"
            elif name in ("jmp", "b") and target and target[2] == "@plt" and target[1] in fallible \
                    and not inside.endswith("@plt"):
                self.jumps[(target[1], inside)] = inside
                self.files[inside] = subprocess.run(["addr2line", "-e", SHIM, hex(at)], check=True,
                                                    capture_output=True, text=True).stdout.strip()

    def count(self):
        return len(self.calls) + len(self.jumps)

    def of(self, name, offset):
        """The place of a call that was met; system calls have one name here."""
        name = name.split()[0]
        if (name, offset) in self.calls:
            return (name, offset)
        called = self.before.get(offset)
        if (name, called) in self.jumps:
            return (name, called)
        jumps = sorted(key for key in self.jumps if key[0] == name)
        if called == "?" or not jumps:  # through a pointer
            self.calls[(name, offset)] = "a call through a pointer"
            return (name, offset)
        return jumps[0]

    def source(self, place):
        """Where it is in the sources; of a jump the function alone is known."""
        _, at = place
        if isinstance(at, str):
            return self.files.get(at, "")
        return subprocess.run(["addr2line", "-e", SHIM, hex(at - 1)], capture_output=True,
                              text=True).stdout.strip()

    def why(self, place):
        where = re.search(r"src/(\w+/\w+\.c)", self.source(place))
        for name in (place[0].split()[0], ""):
            reason = WHY.get("%s: %s" % (where[1], name)) if where else None
            if reason:
                return reason
        return None

    def text(self, place):
        name, at = place
        if isinstance(at, str):
            return "%s at the end of %s" % (name, at)
        where = self.source(place)
        return "%s in %s, %s" % (name, self.calls.get(place, "?"),
                                 os.path.relpath(where) if where.startswith("/") else where)


# --- runs -----------------------------------------------------------------------

class Runner:
    def __init__(self):
        self.n = 0
        self.digests = {}
        self.met = {}  # and the first run that met it
        self.failed = set()
        self.wrong = []
        self.runs = self.faults = 0

    def environment(self, life, plan, folder):
        env = {key: value for key, value in os.environ.items()
               if not key.startswith(("CUSHADOW_", "SIMCUDA_", "FAULTS_"))}
        env.update(LD_LIBRARY_PATH=SIM, INJECTED_FOLDER=WORK, SIMCUDA_MEMORY="128M")
        if plan == PLAIN:
            return env
        env.update(CYCLE_SHIM="1", LD_PRELOAD=SHIM + ":" + FAULTS,
                   FAULTS_FILE=folder + "/counts",
                   CUSHADOW_PROOF_TIMEOUT_MS="20000", CUSHADOW_STATS="json",
                   CUSHADOW_STATS_FILE=folder + "/stats-%p-%h.json",
                   CUSHADOW_LOG="trace:" + folder + "/log-%p",
                   CUSHADOW_TRACE=folder + "/trace-%p.json")
        if plan != COUNTED:
            env["FAULTS_PLAN"] = plan
        return env

    def run(self, number, run):
        """What is wrong, or None; and the counts, {(call, offset): (calls, failed)}."""
        folder = "%s/run.%d" % (WORK, number)
        os.mkdir(folder)
        try:
            ended = subprocess.run([PROGRAM, run.life], timeout=HANGS_S, capture_output=True,
                                   text=True, env=self.environment(run.life, run.plan, folder))
            why = None
            if ended.returncode != 0:
                why = "status %d: %s" % (ended.returncode, ended.stderr[-400:])
            elif run.plan == PLAIN:
                self.digests[run.life] = ended.stdout
            elif ended.stdout != self.digests[run.life]:
                why = "printed %s, not %s" % (ended.stdout[:100], self.digests[run.life])
        except subprocess.TimeoutExpired:
            why = "did not end"
        counts = {}
        if os.path.exists(folder + "/counts"):
            with open(folder + "/counts", "rb") as file:
                for key, calls, failed, safe, _ in struct.iter_unpack("=QIIII", file.read()):
                    if key:
                        call = CALLS[(key & ((1 << CALL_BITS) - 1)) - 1]
                        if safe == calls:
                            call = call._replace(ways=())
                        counts[(call, key >> CALL_BITS)] = (calls, failed)
        subprocess.run(["rm", "-rf", folder], check=True)
        return why, counts

    def all(self, runs):
        """Makes them, two at a time; returns the counts of each."""
        first, self.n = self.n, self.n + len(runs)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            results = list(pool.map(self.run, range(first, self.n), runs))
        for run, (why, counts) in zip(runs, results):
            self.runs += run.plan not in (PLAIN, COUNTED)
            if why is not None:
                self.wrong.append((run, why))
            for site, (_, failed) in counts.items():
                self.met.setdefault(site, run)
                if failed:
                    self.failed.add(site)
                    self.faults += failed
        return [counts for _, counts in results]


def plan_of(site, first, count, way):
    call, offset = site
    return "site %s@%x %d %d %d" % (call.name, offset, first, count, way)


# --- which -----------------------------------------------------------------------

def plans(site, calls):
    """The failures of one place that are tried, of so many calls in a life: the
    first, and all; in the long run also the second, one in the middle, the last,
    and each again in every way that the table has."""
    call, _ = site
    ways = range(len(call.ways)) if LONG else range(1)
    points = {(1, 1)}
    if calls > 1:
        points.add((1, 10 ** 9))
    if LONG:
        points.update((nth, 1) for nth in (2, (calls + 1) // 2, calls) if nth > 1)
    for way in ways:
        for first, count in sorted(points):
            if count == 1 or call.ways[way].error != EINTR:
                yield plan_of(site, first, count, way)


def single_faults(runner, lives, counted):
    """In each life of the long run; else in the one of few calls that meets the
    place, lives in order of what they take."""
    runs, taken = [], set()
    for life, counts in zip(lives, counted):
        for site, (calls, _) in sorted(counts.items(), key=lambda item: (item[0][0].name, item[0][1])):
            if site[0].ways and (LONG or site not in taken):
                taken.add(site)
                runs += [Run(life, plan) for plan in plans(site, calls)]
    return runs


def faults_of_faults(runner):
    """Places that were only met because another call failed before: that and
    the first call there."""
    return [Run(run.life, run.plan + "; " + plan_of(site, 1, 1, 0))
            for site, run in sorted(runner.met.items(), key=lambda item: (item[0][0].name, item[0][1]))
            if site[0].ways and site not in runner.failed and run.plan.startswith("site ")
            and run.plan.count("site") < 4]


def random_faults(lives):
    """So many seeds at each chance; 1000 is every call there is."""
    seeds = 200 if LONG else 1
    return [Run(life, "random %d %d" % (seed, chance))
            for life in lives for chance in (3, 30, 300) for seed in range(1, seeds + 1)]


number = failures = 0


def verdict(name, is_right, lines=()):
    global number, failures
    number += 1
    failures += not is_right
    print("%s %d - %s" % ("ok" if is_right else "not ok", number, name))
    for line in lines:
        print("# " + line.replace("\n", "\n#   "))
    sys.stdout.flush()


def of_runs(runner, name, runs, places):
    before = len(runner.wrong)
    runner.all(runs)
    wrong = runner.wrong[before:]
    lines = []
    for run, why in wrong[:60]:
        where = re.match(r"site (.*)@([0-9a-f]+) ", run.plan)
        if where:
            lines.append(places.text(places.of(where[1], int(where[2], 16))))
        lines.append("%s, %s: %s" % (run.life, run.plan, why))
    verdict("%s (%d runs)" % (name, len(runs)), not wrong and runs != [], lines)


def main():
    names = {call.name for call in CALLS}
    unknown = sorted(imported() - names)
    verdict("each function that the shim imports can fail or has a reason why not", not unknown,
            ["%s: not in fault_calls.h" % name for name in unknown])
    places = Places()
    lives = ["from_a_file", "trusted", "of_equal_bytes", "observed", "from_a_folder", "from_gguf", "mapped", "without_room",
             "proven_in_bursts", "kept_in_ram", "captured_in_the_background", "many_lives_copied", "many_lives", "of_a_crowd",
             "of_a_crowd_observed"]
    runner = Runner()
    listed = subprocess.run([PROGRAM, "--list"], check=True, capture_output=True, text=True,
                            env=runner.environment("", PLAIN, "")).stdout.split()
    verdict("every life is lived", sorted(listed) == sorted(lives))
    of_runs(runner, "lives without the shim", [Run(life, PLAIN) for life in lives], places)
    counted = runner.all([Run(life, COUNTED) for life in lives])
    verdict("lives with the shim", not runner.wrong, [why for _, why in runner.wrong])
    if runner.wrong:
        return
    of_runs(runner, "one place fails", single_faults(runner, lives, counted), places)
    for after in ("another", "two others"):
        second = faults_of_faults(runner)
        if second:
            of_runs(runner, "one fails after " + after, second, places)
    of_runs(runner, "calls fail by chance", random_faults(lives), places)
    of_runs(runner, "every call fails", [Run(life, "random 1 1000") for life in lives], places)
    coverage(runner, places)


def coverage(runner, places):
    """What was met, of what there is. Calls that cannot fail, by their number,
    are not counted."""
    never = {places.of(call.name, offset) for call, offset in runner.met
             if not call.ways}
    met = {places.of(call.name, offset) for call, offset in runner.met if call.ways} - never
    failed = {places.of(call.name, offset) for call, offset in runner.failed}
    everything = (set(places.calls) | set(places.jumps)) - never
    unmet = sorted(everything - failed, key=str)
    reasons = {place: places.why(place) for place in unmet}
    known = [place for place in unmet if reasons[place]]
    verdict("%d of %d places failed, of %d it is said why not, %d more can not; %d runs, %d calls failed"
            % (len(failed & everything), len(everything), len(known), len(never), runner.runs, runner.faults),
            len(failed & everything) >= len(everything) * 0.7 and (len(known) == len(unmet) or not LONG),
            ["%s: %s: %s" % ("did not fail" if place in met else "not met", places.text(place),
                             reasons[place] or "NO REASON IS GIVEN") for place in unmet])


main()
print("1..%d" % number)
sys.exit(failures != 0)
