"""Applies the mutations of mutations.txt one by one to a copy of the tree and
demands that a named test fails for each. See mutations.sh.

Everything is built once, by a small makefile of its own: without debug
asserts, because a guard must be seen by a test in a release too. Then a
mutation costs what its files cost to compile.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

COPIED = ("src", "include", "tests/sim", "tests/unit", "tests/cycle",
          "tests/check", "tests/preload")
# A test that takes so much longer than without a mutation hangs, which is a
# way to fail.
LIMIT_S = 15
LIMIT_FACTOR = 10
LIMIT_UNMUTATED_S = 300

MAKEFILE = """
CFLAGS := -std=gnu11 -O1 -w -fPIC -MMD -MP -D_GNU_SOURCE \\
	-D__CUDA_API_VERSION_INTERNAL -Isrc -Iinclude -Igen -isystem $(CUDA_HOME)/include \\
	$(CHECK_CFLAGS)
object = $(patsubst %,o/%.o,$(1))
core := $(call object,$(filter-out %/print_surface.c,$(foreach d,base driver \\
	track weights shadow verify engine report,$(wildcard src/$(d)/*.c))))
shim := $(call object,$(wildcard src/interpose/*.c src/interpose/*.S))
not_sim := tests/sim/test_%
sim := $(call object,$(filter-out $(not_sim),$(wildcard tests/sim/*.c)))
shared := $(patsubst %,tests/cycle/%.c,program weight lazy soak aliased)
fakes := $(call object,$(filter-out tests/unit/test_%,$(wildcard \
	tests/unit/*.c)))

libcushadow.so: $(shim) $(core)
	$(CC) -shared -Wl,-z,nodelete -Wl,-Bsymbolic-functions \\
		-Wl,--no-undefined -o $@ $^
sim/libcuda.so.1: $(sim)
	@mkdir -p sim
	$(CC) -shared -Wl,-soname,libcuda.so.1 -Wl,-Bsymbolic \\
		-Wl,--version-script=tests/sim/libcuda.map -o $@ $^ -lpthread -lm
libfakes.a: $(fakes)
	$(AR) rcs $@ $^
# An archive: some tests compile the source that they test themselves.
libcore.a: $(core)
	$(AR) rcs $@ $^
test_%: o/tests/unit/test_%.c.o libfakes.a libcore.a
	$(CC) -o $@ $< -Wl,--start-group libfakes.a libcore.a -Wl,--end-group \\
		$(CHECK_LIBS)
watched: $(call object,$(patsubst %,tests/preload/%.c,watched watched_rows \\
		watched_room app)) $(shim) $(core) insider.stamp
	$(CC) -rdynamic -o $@ $(filter %.o,$^) -ldl -lpthread
insider.stamp: tests/preload/insider.c
	@mkdir -p sim
	$(CC) -shared -fPIC -o sim/libnv-test-injection.so $<
app_%: o/tests/cycle/app_%.c.o $(call object,$(shared))
	$(CC) -o $@ $^ -ldl -lpthread
$(core) $(fakes): gen/verify/fingerprint_ptx.h
$(shim) $(core): CFLAGS += -fvisibility=hidden
$(sim): CFLAGS += -Itests/sim -fvisibility=default
gen/verify/fingerprint_ptx.h: src/verify/fingerprint.ptx
	@mkdir -p gen/verify
	sh src/verify/embed_text.sh csh_fingerprint_ptx <$< >$@
o/%.o: %
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<
.SECONDARY:
-include $(shell find o -name '*.d' 2>/dev/null)
"""


def fail(text):
    print("Bail out! " + text)
    sys.exit(1)


class Mutation:
    def __init__(self, name):
        self.name = name
        self.file = self.region = None
        self.old, self.new, self.tests = [], [], []

    def words(self):
        return " ".join([self.name, self.file] + self.tests)


def read_list(path):
    """See the head of mutations.txt."""
    mutations = []
    for number, line in enumerate(open(path), 1):
        line = line.rstrip("\n")
        if not line or line.startswith("#"):
            continue
        if line.startswith("== "):
            mutations.append(Mutation(line[3:]))
            continue
        if not mutations:
            fail("%s:%d: before the first name" % (path, number))
        mutation, (word, _, rest) = mutations[-1], line.partition(" ")
        if word == "file":
            mutation.file = rest
        elif word == "in":
            mutation.region = rest
        elif word == "run":
            mutation.tests.append(rest)
        elif line[0] in "-+":
            (mutation.old if line[0] == "-" else mutation.new).append(line[1:])
        else:
            fail("%s:%d: not understood: %s" % (path, number, line))
    for mutation in mutations:
        if not (mutation.file and mutation.old and mutation.tests):
            fail("%s: no file, no text or no test" % mutation.name)
    return mutations


def only(text, piece):
    """Where the one occurrence is, or None."""
    return text.index(piece) if text.count(piece) == 1 else None


def mutated(text, mutation):
    """The file with the guard gone; None if its text is not there, or more
    than once."""
    start, end = 0, len(text)
    if mutation.region is not None:
        start = only(text, mutation.region)
        if start is None:
            return None
        end = text.index("\n}\n", start) + 1
    old, new = ("".join(line + "\n" for line in lines)
                for lines in (mutation.old, mutation.new))
    at = only(text[start:end], old)
    if at is None:
        return None
    at += start
    return text[:at] + new + text[at + len(old):]


class Tree:
    """The copy, with what is built in it."""

    def __init__(self, source, folder):
        self.folder = folder
        for name in COPIED:
            shutil.copytree(os.path.join(source, name),
                            os.path.join(folder, name))
        with open(os.path.join(folder, "Makefile"), "w") as file:
            file.write(MAKEFILE)
        self.settings = [
            "CC=" + os.environ.get("CC", "cc"),
            "CUDA_HOME=" + os.environ.get("CUDA_HOME", "/usr/local/cuda")]
        for part, option in (("CFLAGS", "--cflags"), ("LIBS", "--libs")):
            flags = subprocess.run(["pkg-config", option, "check"],
                                   stdout=subprocess.PIPE, text=True)
            if flags.returncode != 0:
                fail("pkg-config knows no libcheck")
            self.settings.append("CHECK_%s=%s" % (part, flags.stdout.strip()))

    def path(self, name):
        return os.path.join(self.folder, name)

    def build(self, tests):
        """True, or what the compiler said."""
        targets = {"libcushadow.so", "sim/libcuda.so.1"}
        for test in tests:
            targets.add(self.program(test))
        made = subprocess.run(["make", "-s", "-j2"] + self.settings +
                              sorted(targets), cwd=self.folder, text=True,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        return made.returncode == 0 or made.stdout

    @staticmethod
    def program(test):
        """A test is [NAME=VALUE...] PROGRAM [SCENARIO]."""
        return next(word for word in test.split() if "=" not in word)

    def passes(self, test, limit_s=LIMIT_UNMUTATED_S):
        words = test.split()
        settings = [word for word in words if "=" in word]
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("CUSHADOW_", "SIMCUDA_"))}
        environment.update(CK_VERBOSITY="silent", CK_DEFAULT_TIMEOUT="20",
                           CK_TAP_LOG_FILE_NAME="/dev/null",
                           CUSHADOW_STATS_FILE="/dev/null",
                           CUSHADOW_PROOF_TIMEOUT_MS="10000",
                           LD_LIBRARY_PATH=self.path("sim"))
        environment.update(word.split("=", 1) for word in settings)
        words = words[len(settings):]
        if words[0] == "watched":
            environment.update(CUSHADOW_COHORT="1", APP_EXPECTS="plain")
        if words[0].startswith("app_"):
            environment.update(CYCLE_SHIM="1",
                               LD_PRELOAD=self.path("libcushadow.so"))
        run = subprocess.Popen([self.path(words[0])] + words[1:],
                               env=environment, cwd=self.folder,
                               stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL,
                               start_new_session=True)
        try:
            return run.wait(limit_s) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            # A mutated test may leave children behind that spin for ever,
            # each in a process group of its own (libcheck), all in our session.
            subprocess.run(["pkill", "-KILL", "-s", str(run.pid)])
            run.wait()


def judge(tree, mutation, limits):
    """None if every named test noticed, else why not."""
    path = tree.path(mutation.file)
    text = open(path).read()
    changed = mutated(text, mutation)
    if changed is None:
        return "its text is not there exactly once"
    with open(path, "w") as file:
        file.write(changed)
    try:
        built = tree.build(mutation.tests)
        if built is not True:
            return "it does not compile: " + built.strip()
        missed = [test for test in mutation.tests
                  if tree.passes(test, limits[test])]
        return "not noticed by " + ", ".join(missed) if missed else None
    finally:
        with open(path, "w") as file:
            file.write(text)


def main():
    source = os.path.abspath(sys.argv[1])
    words = sys.argv[2:]
    mutations = [mutation for mutation in
                 read_list(os.path.join(os.path.dirname(
                     os.path.abspath(__file__)), "mutations.txt"))
                 if not words or any(word in mutation.words()
                                     for word in words)]
    failures = 0
    with tempfile.TemporaryDirectory(prefix="mutations.") as folder:
        tree = Tree(source, folder)
        tests = sorted({test for mutation in mutations
                        for test in mutation.tests})
        built = tree.build(tests)
        if built is not True:
            fail("the tree does not build: " + built)
        limits = {}
        for test in tests:
            begun = time.monotonic()
            if not tree.passes(test):
                fail("fails without any mutation: " + test)
            limits[test] = max(LIMIT_S, LIMIT_FACTOR *
                               (time.monotonic() - begun))
        for number, mutation in enumerate(mutations, 1):
            begun = time.monotonic()
            why = judge(tree, mutation, limits)
            print("%sok %d - %s%s" % ("" if why is None else "not ", number,
                                      mutation.name,
                                      "" if why is None else "\n# " +
                                      why.replace("\n", "\n# ")))
            print("# %s: %s, %.1f s" % (mutation.file,
                                        "; ".join(mutation.tests),
                                        time.monotonic() - begun), flush=True)
            failures += why is not None
    print("1..%d" % len(mutations))
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
