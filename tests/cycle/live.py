"""The other end of app_live: drives it, and looks at what it shares by the
cushadow command, as a user would. One scenario a run, named on the command
line; exit status 77 is a machine without what it takes.

Figures are waited for, up to a bound that no machine reaches: what is asserted
is that they come, though the program does nothing any more."""
import fcntl, json, os, pty, re, select, shutil, signal, struct, subprocess, sys, termios, time

COMMAND = os.environ["CSH_BUILD"] + "/cushadow"
PROGRAM = os.environ["CSH_BIN"] + "/app_live"
WEIGHT = (1 << 20) + 192
ALL = 4 * WEIGHT
PATIENCE = 60

class Program:
    def __init__(self, **settings):
        preload = os.environ.get("CSH_SANITIZER_PRELOAD", "")
        environment = dict(os.environ, CYCLE_SHIM="1", LD_LIBRARY_PATH=os.environ["CSH_SIM"],
                           LD_PRELOAD=(preload + " " if preload else "") + os.environ["CSH_SHIM"], **settings)
        self.process = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)
        self.pid = self.process.pid
        self.children = []
        self.answer()
    def answer(self):
        return int(self.process.stdout.readline())
    def tell(self, *words):
        for word in words:
            self.process.stdin.write(word + "\n")
            self.process.stdin.flush()
            answer = self.answer()
            assert answer >= 0, word
        return answer
    def name(self, text):
        self.tell("name " + text.encode("latin-1").hex())
    def __enter__(self):
        return self
    def __exit__(self, *_):
        for child in self.children:
            os.kill(child, signal.SIGKILL)
        self.process.kill()
        self.process.wait()

def cushadow(*words, **more):
    return subprocess.run([COMMAND, *map(str, words)], capture_output=True, **more)

def stat(pid):
    done = cushadow("stat", "--json", pid)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)

def waited_for(pid, test):
    end = time.monotonic() + PATIENCE
    while True:
        figures = stat(pid)
        if test(figures):
            return figures
        assert time.monotonic() < end, json.dumps(figures)
        time.sleep(0.05)

def silent(pid, reason):
    done = cushadow("stat", "--json", pid)
    assert done.returncode == 1 and done.stdout == b"" and reason in done.stderr, done

def places(figures, i=0):
    if i >= len(figures["models"]):
        return None
    model = figures["models"][i]
    return tuple(model[place]["bytes"] for place in ("on_device", "in_shadows", "pinned", "parked"))

def page_of(pid):
    for fd in os.listdir("/proc/%d/fd" % pid):
        path = "/proc/%d/fd/%s" % (pid, fd)
        try:
            if os.readlink(path).startswith("/memfd:cushadow-live"):
                return path
        except OSError:
            pass
    return None

# --- scenarios -----------------------------------------------------------------

def residency_is_what_it_is_when_the_program_rests():
    with Program() as p:
        p.tell("load")
        assert waited_for(p.pid, lambda f: f["copies"]["h2d"]["asked"]["bytes"] >= ALL)["models"] == []
        p.tell("unload")
        waited_for(p.pid, lambda f: places(f) == (ALL, ALL, ALL, 0))
        p.tell("free")
        waited_for(p.pid, lambda f: places(f)[0] == 0 and places(f)[1:3] == (ALL, ALL))
        p.tell("load")
        waited_for(p.pid, lambda f: places(f)[0] == ALL)

def unpinned_shadows_are_told_apart():
    with Program(CUSHADOW_PINNED_LIMIT="0") as p:
        p.tell("load", "unload")
        waited_for(p.pid, lambda f: places(f) == (ALL, ALL, 0, 0))

def parked_memory_is_told_apart():
    with Program(SIMCUDA_MEMORY="128M", CUSHADOW_VRAM_KEEP="80%") as p:
        p.name("unet")
        p.tell("load", "unload")
        waited_for(p.pid, lambda f: places(f) == (ALL, ALL, ALL, 0))
        p.tell("free")
        figures = waited_for(p.pid, lambda f: places(f) is not None and places(f)[0] == 0 and places(f)[3] > 0
                             and f["gauges"]["parked_bytes"] >= places(f)[3])
        assert places(figures)[3] == ALL, figures["models"]
        samples = families(cushadow("stat", "--prometheus", p.pid).stdout.decode())
        assert samples["cushadow_model_bytes", 'pid="%d",number="0",model="unet",place="parked"' % p.pid] == ALL
        assert samples["cushadow_parked_bytes", 'pid="%d"' % p.pid] == figures["gauges"]["parked_bytes"]
        assert re.search(r"^ +parked +4 +4.00 MiB", cushadow("stat", p.pid).stdout.decode(), re.M)
        shown = cushadow("top", p.pid).stdout.decode()
        assert re.search(r"^ VRAM 0 B of weights, 4.0. MiB parked;", shown, re.M), shown
        assert re.search(r"^ unet +\[=+\.*\] +4.00 MiB ", shown, re.M), shown
        p.tell("load")
        waited_for(p.pid, lambda f: places(f)[0] == ALL)

def without_a_thread_it_is_shared_too():
    with Program(CUSHADOW_THREADS="1") as p:
        p.tell("load", "unload")
        assert threads_of(p) == threads_without(CUSHADOW_THREADS="1")
        time.sleep(0.2)
        p.tell("load")
        waited_for(p.pid, lambda f: f["copies"]["h2d"]["asked"]["bytes"] > ALL)

def threads_of(program):
    return len(os.listdir("/proc/%d/task" % program.pid))

def threads_without(**settings):
    """The driver has some, and the shim may have others."""
    with Program(CUSHADOW_LIVE="0", **settings) as p:
        p.tell("load", "unload")
        return threads_of(p)

def figures_are_those_of_the_end(folder):
    file = folder + "/end.json"
    with Program(CUSHADOW_STATS="json", CUSHADOW_STATS_FILE=file) as p:
        p.tell("load", "unload", "free", "load", "unload")
        live = waited_for(p.pid, lambda f: f["copies"]["d2h"]["asked"]["bytes"] >= 2 * ALL
                          and f["models"][0]["unloads"]["bytes"] >= 2 * ALL)
        p.process.stdin.close()
        p.process.wait()
        end = json.load(open(file))
    assert live.pop("live")["layout"] >= 1
    for model in end["models"]:
        del model["weights"]
    for key in ("schema", "mode", "copies", "rules", "models"):
        assert live[key] == end[key], (key, live[key], end[key])
    assert live["gauges"].keys() == end["gauges"].keys()
    assert live["pid"] == end["pid"] == p.pid

def child_has_none_and_leaves_its_parents():
    with Program() as p:
        p.tell("load", "unload")
        before = waited_for(p.pid, lambda f: places(f) == (ALL, ALL, ALL, 0))
        p.children.append(p.tell("fork"))
        assert page_of(p.children[0]) is not None # inherited, and not its own
        silent(p.children[0], b"shares no figures")
        assert stat(p.pid)["copies"] == before["copies"]
        assert cushadow("stat", "--json").stdout.count(b'"pid":%d,' % p.children[0]) == 0

def page_is_found_again_after_descriptors_were_closed():
    for how in ("close", "cover"):
        with Program() as p:
            p.tell("load", "unload")
            waited_for(p.pid, lambda f: places(f) == (ALL, ALL, ALL, 0))
            p.tell(how, "free")
            end = time.monotonic() + PATIENCE
            while page_of(p.pid) is None:
                assert time.monotonic() < end
                time.sleep(0.05)
            waited_for(p.pid, lambda f: places(f)[0] == 0)

def exec_ends_it():
    with Program() as p:
        p.tell("load")
        assert page_of(p.pid) is not None
        p.process.stdin.write("exec\n")
        p.process.stdin.flush()
        end = time.monotonic() + PATIENCE
        while page_of(p.pid) is not None:
            assert time.monotonic() < end
            time.sleep(0.05)
        silent(p.pid, b"shares no figures")

def off_is_off():
    for settings in ({"CUSHADOW_LIVE": "0"}, {"CUSHADOW_STATS": "off"}, {"CUSHADOW_MODE": "off"}):
        with Program(**settings) as p:
            p.tell("load", "unload")
            assert page_of(p.pid) is None
            silent(p.pid, b"shares no figures")
    with Program() as p: # on is one thread
        p.tell("load", "unload")
        assert threads_of(p) == threads_without() + 1

def nobody_else_may_look_or_write():
    with Program() as p:
        p.tell("load")
        path = page_of(p.pid)
        assert os.stat(path).st_mode & 0o777 == 0o400
        try:
            fd = os.open(path, os.O_RDWR)
        except PermissionError:
            fd = os.open(path, os.O_RDONLY) # not root
        for attempt in (lambda: os.pwrite(fd, b"x", 0), lambda: os.ftruncate(fd, 0), lambda: os.ftruncate(fd, 1 << 30)):
            try:
                attempt()
                raise AssertionError("written to")
            except OSError:
                pass
        os.close(fd)
        if os.getuid() == 0:
            done = cushadow("stat", p.pid, preexec_fn=lambda: os.setuid(65534))
            assert done.returncode == 1 and b"only its own user" in done.stderr, done

def stopped_process_is_read():
    with Program() as p:
        p.tell("load", "unload")
        waited_for(p.pid, lambda f: places(f) == (ALL, ALL, ALL, 0))
        os.kill(p.pid, signal.SIGSTOP)
        assert places(stat(p.pid)) == (ALL, ALL, ALL, 0)
        os.kill(p.pid, signal.SIGCONT)
        p.tell("load")

# --- what is made of it ----------------------------------------------------------

EVIL = "\x1b[31m\"\\\n\x07\x9b2J evil \xe2\x80\xae" + "x" * 300

def unsound(text):
    return re.search(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae", text)

def hostile_names_are_harmless():
    with Program() as p:
        p.name(EVIL)
        p.tell("load", "unload")
        waited_for(p.pid, lambda f: places(f) == (ALL, ALL, ALL, 0))
        for words in (("stat",), ("stat", "--prometheus"), ("top", "--once")):
            for locale in ("C", "C.UTF-8"):
                done = cushadow(*words, p.pid, env=dict(os.environ, LC_ALL=locale))
                assert done.returncode == 0, done
                found = unsound(done.stdout)
                assert found is None, (words, done.stdout)
                done.stdout.decode("ascii" if words[0] == "top" and locale == "C" else "utf-8")
        assert stat(p.pid)["models"][0]["model"].startswith("\x1b[31m\"\\\n\x07")
        families(cushadow("stat", "--prometheus", p.pid).stdout.decode())

SAMPLE = re.compile(r'([a-z][a-z0-9_]*)\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*)\} ([0-9.]+)$')

def families(text):
    """A strict reader of the text format: samples behind their family's HELP and
    TYPE, each family once, no two samples alike."""
    seen, samples, name, kind = set(), {}, None, None
    lines = text.split("\n")
    assert lines.pop() == ""
    for line in lines:
        if line.startswith("# HELP "):
            name, kind = line.split(" ", 3)[2], None
            assert name not in seen, line
            seen.add(name)
        elif line.startswith("# TYPE "):
            _, _, again, kind = line.split(" ")
            assert again == name and kind in ("counter", "gauge"), line
            assert (kind == "counter") == name.endswith("_total"), line
        else:
            found = SAMPLE.match(line)
            assert found and found.group(1) == name and kind, line
            assert (name, found.group(2)) not in samples, line
            samples[name, found.group(2)] = float(found.group(3))
    return samples

READER = '''import sys
try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    sys.exit(77)
for family in text_string_to_metric_families(sys.stdin.read()):
    print(family.name, len(family.samples))
'''

def prometheus_reads_it():
    """Its promtool and its library for Python, those that are there, the
    system's own Python being asked too."""
    readers = [[python, "-c", READER] for python in (sys.executable, "/usr/bin/python3")]
    if shutil.which("promtool"):
        readers.append(["promtool", "check", "metrics"])
    is_read = False
    with Program(SIMCUDA_MEMORY="128M", CUSHADOW_VRAM_KEEP="80%") as p, Program() as q:
        for one in (p, q):
            one.name(EVIL)
            one.tell("load", "unload", "free")
            waited_for(one.pid, lambda f: places(f) is not None)
        text = cushadow("stat", "--prometheus", p.pid, q.pid).stdout
    samples = families(text.decode())
    for reader in readers:
        done = subprocess.run(reader, input=text, capture_output=True)
        if done.returncode == 77:
            continue
        assert done.returncode == 0 and done.stderr == b"", done
        if reader[0] != "promtool":
            counts = [int(line.split(b" ")[1]) for line in done.stdout.splitlines()]
            assert len(counts) == len({name for name, _ in samples}) and sum(counts) == len(samples), done
        is_read = True
    if not is_read:
        print("neither promtool nor prometheus_client is there")
        return 77

def prometheus_tells_the_same():
    with Program() as p, Program() as q:
        for one in (p, q):
            one.name("unet")
            one.tell("load", "unload")
            waited_for(one.pid, lambda f: f["copies"]["d2h"]["asked"]["bytes"] >= ALL and places(f) == (ALL, ALL, ALL, 0))
        samples = families(cushadow("stat", "--prometheus", p.pid, q.pid).stdout.decode())
        figures = stat(q.pid)
        value = lambda name, labels: samples["cushadow_" + name, 'pid="%d",' % q.pid + labels]
        assert value("model_bytes", 'number="0",model="unet",place="shadow_pinned"') == ALL
        assert value("model_bytes", 'number="0",model="unet",place="vram"') == ALL
        assert value("copied_bytes_total", 'direction="d2h",outcome="elided",reason="proven"') == \
            figures["copies"]["d2h"]["elided"]["bytes"] == ALL
        assert samples["cushadow_pinned_bytes", 'pid="%d"' % q.pid] == figures["gauges"]["pinned_bytes"]
        for name in figures["gauges"]:
            assert any(key[0].startswith("cushadow_" + re.sub("_ns$", "", name)) for key in samples), name

def all_processes_are_found():
    with Program() as p, Program() as q:
        for one in (p, q):
            one.tell("load", "unload")
            waited_for(one.pid, lambda f: places(f) is not None)
        found = [json.loads(line)["pid"] for line in cushadow("stat", "--json").stdout.splitlines()]
        assert p.pid in found and q.pid in found and found == sorted(found)
        shown = cushadow("top").stdout.decode()
        assert "\n%d app_live" % p.pid in "\n" + shown and "\n%d app_live" % q.pid in shown, shown

def plain_output_has_bars_and_refusals():
    with Program(CUSHADOW_RAM_LIMIT=str(2 * WEIGHT + (256 << 10)), CUSHADOW_PINNED_LIMIT="0") as p:
        p.tell("load", "unload")
        waited_for(p.pid, lambda f: f["gauges"]["refusals"] > 0 and places(f) is not None)
        shown = cushadow("top", p.pid).stdout.decode()
    assert re.search(r"^ model 1 +\[#+\] +[0-9.]+ MiB \[=+\.*\] +[0-9.]+ MiB$", shown, re.M), shown
    assert re.search(r"^ not elided [0-9.]+ MiB .*-> CUSHADOW_RAM_LIMIT$", shown, re.M), shown
    assert re.search(r"^ refused .*-> CUSHADOW_RAM_LIMIT$", shown, re.M), shown
    assert re.search(r"^ offloads .*GB/s, .* asked: ", shown, re.M), shown
    assert all(len(line) <= 100 for line in shown.split("\n"))

class Terminal:
    """A cushadow top on a terminal of its own."""
    def __init__(self, *words, **settings):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **settings}
            os.execve(COMMAND, [COMMAND, "top", *map(str, words)], environment)
        self.resize(24, 80)
        self.text = b""
    def resize(self, lines, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    def wait_for(self, pattern):
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text):
            assert time.monotonic() < end, self.text
            self.read(1)
    def read(self, seconds):
        try:
            if select.select([self.fd], [], [], seconds)[0]:
                self.text += os.read(self.fd, 65536)
        except OSError: # the other side has closed it
            time.sleep(0.01)
    def press(self, keys):
        os.write(self.fd, keys)
    def status(self):
        end = time.monotonic() + PATIENCE
        while True:
            self.read(0.1)
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < end

def terminal_shows_it_until_somebody_quits():
    with Program() as p:
        p.name(EVIL)
        p.tell("load", "unload")
        waited_for(p.pid, lambda f: places(f) == (ALL, ALL, ALL, 0))
        t = Terminal("--interval=0.2", p.pid)
        if not bytes_of_screen(t, p):
            return 77
        t.wait_for(rb"\?\[31m")        # the name, without its escapes
        assert b"\x1b[31m\"" not in t.text and b"\x07" not in t.text and b"\xc2\x9b" not in t.text
        assert re.search(rb"\x1b\[[0-9;]*3[0-9]m", t.text) # colours
        t.text = b""
        t.resize(5, 60)
        t.wait_for(rb"up and down move")
        t.text = b""
        t.press(b"\x1bOB" * 30)       # down: the last line comes into sight
        t.wait_for("\u2592 not|not pinned".encode())
        t.press(b"q")
        assert t.status() == 0
        assert t.text.rstrip().endswith(b"\x1b[?1l\x1b>") or b"\x1b[?1049l" in t.text # as it was
        t = Terminal("--interval=0.2", p.pid, NO_COLOR="1")
        t.wait_for(rb"VRAM")
        t.press(b"q")
        assert t.status() == 0 and not re.search(rb"\x1b\[[0-9;]*3[0-9]m", t.text), t.text

def bytes_of_screen(terminal, program):
    """False: built without ncurses, so it printed and ended."""
    terminal.wait_for(rb"not pinned")
    return b"\x1b[?1049h" in terminal.text or b"\x1b[?1h" in terminal.text

def unknown_terminal_gets_plain_text():
    with Program() as p:
        p.tell("load", "unload")
        waited_for(p.pid, lambda f: places(f) is not None)
        t = Terminal(p.pid, TERM="no-such-terminal")
        t.wait_for(rb"not pinned")
        assert t.status() == 0 and b"\x1b[" not in t.text

def wrong_use_is_said():
    for words, status, reason in ((("top", "x"), 2, b"no process id"), (("stat", "0"), 2, b"no process id"),
                                  (("stat", "--yaml"), 2, b"yaml"), (("top", "--interval=0"), 2, b"seconds"),
                                  (("stat", "4194304999"), 2, b"no process id"),
                                  (("top", os.getpid()), 1, b"shares no figures"),
                                  (("stat", "2147483646"), 1, b"no such process")):
        done = cushadow(*words)
        assert done.returncode == status and reason in done.stderr and done.stdout == b"", done

scenario = globals()[sys.argv[1]]
sys.exit(scenario(*sys.argv[2:]) or 0)
