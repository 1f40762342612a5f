"""What others can see of a process whose weights are a secret: nothing. And what
its own user can see of them in what the shim writes and shares: no byte.

One scenario a run; exit status 77 is a machine without what it takes."""
import base64, json, os, stat, subprocess, sys, tempfile, time

SECRET = b"\x93Gk\xf1cU5h\x02aD\xe0w!\xb7sEcReT\x8e~wEi\xd9gH\x11t\xa6Z"
BYTES = 16384 * len(SECRET)
NOBODY = 65534

class Program:
    def __init__(self, folder, **settings):
        header = json.dumps({"layer.weight": {"dtype": "U8", "shape": [BYTES], "data_offsets": [0, BYTES]}}).encode()
        header += b" " * (-len(header) % 8)
        self.file = folder + "/secret.safetensors"
        with open(self.file, "wb") as file:
            file.write(len(header).to_bytes(8, "little") + header + SECRET * 16384)
        os.chmod(folder, 0o755)
        self.written = [folder + name for name in ("/log", "/trace", "/stats")]
        preload = os.environ.get("CSH_SANITIZER_PRELOAD", "")
        environment = dict(
            os.environ, CYCLE_SHIM="1", LD_LIBRARY_PATH=os.environ["CSH_SIM"],
            LD_PRELOAD=(preload + " " if preload else "") + os.environ["CSH_SHIM"], CUSHADOW_STATS="json",
            CUSHADOW_LOG="trace:" + self.written[0], CUSHADOW_TRACE=self.written[1],
            CUSHADOW_STATS_FILE=self.written[2], CUSHADOW_WEIGHTS="manifest=%s,all" % self.file, **settings)
        self.process = subprocess.Popen(
            [os.environ["CSH_BIN"] + "/app_private", self.file, str(8 + len(header)), str(BYTES)], env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=lambda: os.umask(0))
        self.pid = self.process.pid
        assert self.process.stdout.readline() == b"ready\n"
        time.sleep(0.3) # what is shared may be that old
    def memory_files(self):
        found = {}
        for fd in os.listdir("/proc/%d/fd" % self.pid):
            path = "/proc/%d/fd/%s" % (self.pid, fd)
            name = os.readlink(path)
            if name.startswith("/memfd:"):
                found[path] = name
        return found
    def end(self):
        self.process.stdin.close()
        assert self.process.wait() == 0
    def __enter__(self):
        return self
    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

def read(path):
    with open(path, "rb") as file:
        return file.read()

def forms():
    """Eight bytes at every place of the secret, as they may be written."""
    twice = SECRET * 2
    for i in range(len(SECRET)):
        piece = twice[i:i + 8]
        yield piece
        yield piece.hex().encode()
        yield piece.hex().upper().encode()
        yield piece[::-1].hex().encode()
        yield b"%d" % int.from_bytes(piece, "little")
        yield base64.b64encode(twice[i:i + 9])
        for between in (b" ", b", ", b","):
            yield between.join(b"%d" % byte for byte in piece)
            yield between.join(b"%02x" % byte for byte in piece)

def holds_secret(text):
    return [form for form in forms() if form in text]

def no_byte_of_a_weight_is_written():
    for more in ({}, {"CUSHADOW_CAPTURE": "background"}, {"CUSHADOW_MODE": "observe"}):
        with tempfile.TemporaryDirectory() as folder, Program(folder, **more) as p:
            files = p.memory_files()
            pages = [path for path, name in files.items() if "live" in name]
            assert len(pages) == 1, files
            if "CUSHADOW_MODE" not in more: # they are where they should be
                assert any(holds_secret(read(path)) for path in files if path not in pages), files
            texts = [read(pages[0])]
            for words in (("stat", "--json"), ("stat",), ("stat", "--prometheus"), ("top", "--once")):
                done = subprocess.run([os.environ["CSH_BUILD"] + "/cushadow", *words, str(p.pid)], capture_output=True)
                assert done.returncode == 0, done
                texts.append(done.stdout)
            p.end()
            texts += [read(path) for path in p.written]
            assert all(texts) and b"layer.weight" in b"".join(texts)
            for text in texts:
                assert not holds_secret(text), (holds_secret(text), text[:2000])

def files_are_their_owners_alone():
    with tempfile.TemporaryDirectory() as folder, Program(folder) as p:
        for path, name in p.memory_files().items():
            mode = stat.S_IMODE(os.stat(path).st_mode)
            assert mode == (0o400 if "live" in name else 0o600), (name, oct(mode))
        p.end()
        for path in p.written:
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600, path
        others = set(os.listdir(folder)) - {"log", "trace", "stats", "secret.safetensors"}
        assert not others, others

def another_user_sees_nothing():
    if os.getuid() != 0:
        print("only root can be two users")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder, Program(folder) as p:
        paths = list(p.memory_files()) + p.written[:2] + \
            ["/proc/%d/%s" % (p.pid, name) for name in ("mem", "maps", "pagemap", "environ")]
        assert len(p.memory_files()) >= 2
        child = os.fork()
        if child == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            seen = []
            for path in paths:
                try:
                    os.open(path, os.O_RDONLY)
                    seen.append(path)
                except PermissionError:
                    pass
            if seen:
                print("seen:", seen, flush=True)
            os._exit(len(seen) > 0)
        _, status = os.waitpid(child, 0)
        assert status == 0, status
        for path in paths: # none is refused for another reason
            os.close(os.open(path, os.O_RDONLY))

globals()[sys.argv[1]]()
