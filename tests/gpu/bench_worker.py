"""The arms of bench.py, and a process for one of them, asked for cycles over
a pipe."""
import json
import os
import select
import subprocess
import sys
import tempfile
import time

# Name: way of the worker, environment (None: without the shim), RAM it takes
# in models, what it is. Those that matter most come first: they are compared
# within one sitting where RAM is short.
ARMS = {
    "plain": ("plain", None, 1.1, "Module.to() as it is"),
    "floor": ("floor", None, 0.1, "the framework alone: 16 bytes a tensor"),
    "kept": ("kept", None, 1.1, "keeps a copy in RAM (load_state_dict)"),
    "pinned": ("pinned", None, 1.1, "keeps a pinned copy"),
    "flat": ("flat", None, 1.1, "keeps one pinned block"),
    "verify-alias": ("plain", {}, 1.5, "shim, as it comes"),
    "dirty": ("plain --dirty", {}, 2.2, "shim, every weight changed"),
    "parked": ("plain", {"CUSHADOW_VRAM_KEEP": "auto"}, 1.5,
               "shim, freed weights kept in VRAM"),
    "cohort": ("plain", {"CUSHADOW_COHORT": "1"}, 1.5, "shim, cohorts"),
    "off": ("plain", {"CUSHADOW_MODE": "off"}, 1.1, "shim, passing through"),
    "verify-copy": ("plain", {"CUSHADOW_HOST": "copy"}, 2.2,
                    "shim, proven, host bytes copied"),
    "copy": ("plain", {"CUSHADOW_MODE": "copy"}, 2.2, "shim, no elision"),
    "plain-dirty": ("plain --dirty", None, 1.1, "no shim, every one changed"),
}
ROLLUP = {"Rss": "rss", "Anonymous": "anonymous", "Shared_Clean": "shared",
          "Shared_Dirty": "shared_dirty", "Locked": "locked"}


def arm_environment(name, options, statistics, extra):
    shim = ARMS[name][1]
    environment = {key: value for key, value in os.environ.items()
                   if key != "LD_PRELOAD" and not key.startswith("CUSHADOW_")}
    if shim is not None:
        environment.update(LD_PRELOAD=os.environ["CSH_SHIM"],
                           CUSHADOW_WEIGHTS="learn", CUSHADOW_STATS="json",
                           CUSHADOW_STATS_FILE=statistics, **shim, **extra)
        if options.simulated:  # a proof runs on a host core there
            environment["CUSHADOW_PROOF_TIMEOUT_MS"] = "20000"
    return environment


class Worker:
    def __init__(self, name, options, extra=None):
        self.name, self.kind, self.what = name, options.kind, ARMS[name][3]
        self.cycles, self.n_warm, self.model = [], 0, None
        self.host_digest, self.n_before_host, self.spent = None, 0, 0.0
        self.patience = options.patience
        self.log = tempfile.TemporaryFile("w+", errors="replace")
        folder = tempfile.mkdtemp(prefix="csh_bench_")
        self.statistics = os.path.join(folder, "statistics.json")
        here = os.path.dirname(os.path.abspath(__file__))
        program = {
            "c": [os.path.join(os.environ["CSH_GPU_BIN"], "bench_swap")],
            "torch": [sys.executable, os.path.join(here, "bench_torch.py")],
        }[options.kind]
        self.process = subprocess.Popen(
            program + ARMS[name][0].split() + ["--every", str(options.every)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            env=arm_environment(name, options, self.statistics, extra or {}),
            text=True)

    def line(self, seconds):
        """The next line as JSON, or None."""
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        text = self.process.stdout.readline() if ready else ""
        try:
            return json.loads(text)
        except ValueError:
            return None

    def tell(self, word):
        self.asked = time.monotonic()
        try:
            self.process.stdin.write(word + "\n")
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass  # no answer will come

    def answer(self):
        answer = self.line(self.patience)
        if answer is not None:
            answer["whole_s"] = time.monotonic() - self.asked
        return answer

    def ask(self, word):
        self.tell(word)
        return self.answer()

    def memory(self):
        """Bytes of RAM by kind, and mappings, as the kernel says now."""
        figures = {}
        folder = "/proc/%d/" % self.process.pid
        try:
            with open(folder + "smaps_rollup", encoding="ascii") as lines:
                for line in lines:
                    name = line.split(":")[0]
                    if name in ROLLUP:
                        figures[ROLLUP[name]] = int(line.split()[1]) * 1024
            with open(folder + "status", encoding="ascii") as lines:
                for line in lines:
                    if line.startswith(("VmLck", "VmPin", "RssFile",
                                        "RssShmem", "RssAnon")):
                        figures[line.split(":")[0]] = \
                            int(line.split()[1]) * 1024
            with open(folder + "maps", encoding="utf-8",
                      errors="replace") as lines:
                figures["mappings"] = sum(1 for _ in lines)
        except (OSError, ValueError):
            pass
        return figures

    def end(self, seconds=30):
        """Ends it; what the shim's statistics say."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(seconds if self.model else 0.1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        figures = {}
        try:
            with open(self.statistics, encoding="utf-8") as stream:
                figures = json.load(stream)
            os.unlink(self.statistics)
        except (OSError, ValueError):
            pass
        try:
            os.rmdir(os.path.dirname(self.statistics))
        except OSError:
            pass
        return figures

    def errors(self):
        self.log.seek(0)
        return "exit status %s; %s" % (self.process.poll(),
                                       self.log.read()[-400:])
