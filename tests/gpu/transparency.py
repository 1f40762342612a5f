#!/usr/bin/env python3
"""Runs programs with and without the shim and compares what they print and
return.

    transparency.py [--simulated] [--seconds S] [--jobs N] [GROUP...]

Prints a line of JSON for each: "same", "differs", "unproven" (something that
it needs is missing, or without the shim it fails or is not the same twice), or
"late". Programs say "missing" by exit status 77. The lines that begin with #
are not compared. Environment: CSH_SHIM, CSH_GPU_BIN, CSH_SRC, CUDA_HOME.
Exit status 1 if any differs.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
running = set()  # process groups


def built(name, *arguments):
    return [os.path.join(os.environ["CSH_GPU_BIN"], name), *arguments]


def python(name, *arguments):
    return [sys.executable, os.path.join(HERE, name), *arguments]


def toolkit_rows():
    yield "driver API: codes and VMM", built("program_codes"), {}, True
    for kind in ("static", "shared", "per_thread"):
        for what in ("copies", "graph", "pool", "ipc", "errors"):
            yield ("runtime, %s: %s" % (kind.replace("_", "-"), what),
                   built("program_runtime_" + kind, what), {}, False)
    for tool in ("memcheck", "racecheck"):
        # Wrong calls are what the program is about: only kernels are judged.
        yield ("compute-sanitizer " + tool,
               ["compute-sanitizer", "--tool", tool, "--report-api-errors",
                "no", "--log-file", os.devnull, "--error-exitcode", "9",
                *built("program_codes")],
               {"CUSHADOW_PROOF_TIMEOUT_MS": "20000"}, False)


def listed(name):
    """What a file of programs has, also where its library is missing."""
    with open(os.path.join(HERE, name), encoding="utf-8") as lines:
        text = lines.read().split("PROGRAMS = {", 1)[1]
    names = text.split("(\n", 1)[1].split(")}", 1)[0]
    return [word.strip() for word in names.split(",") if word.strip()]


def torch_rows():
    for name in listed("torch_programs.py"):
        command = python("torch_programs.py", name)
        if name == "ranks":
            command = [sys.executable, "-m", "torch.distributed.run",
                       "--standalone", "--nproc-per-node=2", *command[1:]]
        yield "PyTorch: " + name, command, {}, False
    for label, setting in (("expandable segments",
                            "expandable_segments:True"),
                           ("cudaMallocAsync", "backend:cudaMallocAsync")):
        for name in ("swaps", "training", "graphs"):
            yield ("PyTorch, %s: %s" % (label, name),
                   python("torch_programs.py", name),
                   {"PYTORCH_CUDA_ALLOC_CONF": setting,
                    "PYTORCH_ALLOC_CONF": setting}, False)


def other_rows():
    for name in ("cupy", "jax", "numba", "triton"):
        yield name, python("other_programs.py", name), {}, False
    # unittest says on stderr how each ended: see verdicts().
    yield ("numba's own tests", python("other_programs.py", "numba_tests"),
           {}, False)


def model_rows():
    for name in listed("model_programs.py"):
        yield "model: " + name, python("model_programs.py", name), {}, False


GROUPS = {"toolkit": toolkit_rows, "torch": torch_rows, "other": other_rows,
          "models": model_rows}


def end_group(process):
    """With all that it started, and whatever of that still holds the GPU."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def end_all(*_):
    for process in list(running):
        end_group(process)
    os._exit(143)


def verdicts(errors):
    """Of unittest: which tests ended how."""
    return re.findall(r"^ *(\S+ \(\S+\)).* \.\.\. (ok|FAIL|ERROR|skipped)",
                      errors, re.M)


def run(command, environment, seconds):
    """(exit status or None if late, output, errors). Into files: a pipe that
    a process left behind holds open would be waited for."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            process = subprocess.Popen(
                command, env=environment, stdout=out, stderr=err,
                stdin=subprocess.DEVNULL, start_new_session=True)
        except OSError as error:
            return 77, "", str(error)
        running.add(process)
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        end_group(process)
        process.wait()
        running.discard(process)
        out.seek(0)
        err.seek(0)
        text = out.read().decode(errors="replace")
        errors = err.read().decode(errors="replace")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    lines += sorted("%s %s" % pair for pair in verdicts(errors))
    return status, "\n".join(lines), errors


def environments(extra, simulated, log):
    plain = {name: value for name, value in os.environ.items()
             if name != "LD_PRELOAD" and not name.startswith("CUSHADOW_")}
    plain.update(extra, CUBLAS_WORKSPACE_CONFIG=":4096:8",
                 PYTHONHASHSEED="0")
    plain["PYTHONDONTWRITEBYTECODE"] = "1"
    shim = dict(plain, LD_PRELOAD=os.environ["CSH_SHIM"],
                CUSHADOW_STATS="json",
                CUSHADOW_STATS_FILE=log + ".%p")
    if simulated:
        shim["CUSHADOW_PROOF_TIMEOUT_MS"] = "20000"
    # Settings of ours say nothing to a program without the shim.
    return {name: value for name, value in plain.items()
            if not name.startswith("CUSHADOW_")}, shim


def elided(log):
    """Bytes that the shim's processes elided and were asked for."""
    total = {"elided": 0, "asked": 0, "processes": 0}
    folder, prefix = os.path.split(log)
    for name in os.listdir(folder):
        if not name.startswith(prefix + "."):
            continue
        path = os.path.join(folder, name)
        try:
            with open(path, encoding="utf-8") as stream:
                copies = json.load(stream)["copies"]["d2h"]
            total["processes"] += 1
            for key in ("elided", "asked"):
                total[key] += copies[key]["bytes"]
        except (OSError, ValueError, KeyError):
            pass
        os.unlink(path)
    return total


def last_line(text):
    return (text.strip().splitlines() or ["missing"])[-1][-300:]


def judge(plain, again, shim):
    if None in (plain[0], shim[0]):
        return "late", "without the shim" if plain[0] is None else "with it"
    if plain[0] == 77:
        if shim[0] != 77:
            return "differs", "exit %s, was 77; %s" % (shim[0],
                                                       shim[2][-300:])
        return "unproven", last_line(plain[2])
    if plain[:2] == shim[:2] and plain[0] == 0:
        return "same", ""
    if plain[:2] == shim[:2] and plain[1]:
        return "same", "it fails, with and without the shim, by %s: %s" % (
            plain[0], last_line(plain[2]))
    if plain[0] != 0 and plain[0] == shim[0]:
        return "unproven", "it fails without the shim, by %s: %s" % (
            plain[0], last_line(plain[2]))
    if again is not None and again[:2] != plain[:2]:
        return "unproven", "it is not the same twice without the shim"
    ours = [line for line in shim[1].splitlines()
            if line not in plain[1].splitlines()]
    return "differs", "exit %s, was %s; %s; %s" % (
        shim[0], plain[0], "; ".join(ours[:3]), shim[2][-300:])


def compare(row, number, options, deadline):
    name, command, extra, runs_simulated = row
    fields = {"name": name, "simulated": options.simulated}
    if options.simulated and not runs_simulated:
        return dict(fields, value="unproven",
                    remark="not for the simulated driver")
    if not os.path.exists(command[0]) and not shutil.which(command[0]):
        return dict(fields, value="unproven",
                    remark="no " + os.path.basename(command[0]))
    left = deadline - time.monotonic()
    if left < 5:
        return dict(fields, value="unproven", remark="no time was left")
    log = os.path.join(options.scratch, "statistics_%d" % number)
    plain_env, shim_env = environments(extra, options.simulated, log)
    limit = min(left, options.each)
    with concurrent.futures.ThreadPoolExecutor(2) as pair:  # side by side
        both = [pair.submit(run, command, environment, limit)
                for environment in (plain_env, shim_env)]
        plain, shim = (each.result() for each in both)
    again = None
    if plain[:2] != shim[:2] and None not in (plain[0], shim[0]) and \
            deadline - time.monotonic() > 5:
        again = run(command, plain_env, deadline - time.monotonic())
    value, remark = judge(plain, again, shim)
    return dict(fields, value=value, remark=remark, status=plain[0],
                lines=len(plain[1].splitlines()), shim=elided(log))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--simulated", action="store_true")
    parser.add_argument("--seconds", type=float, default=150)
    parser.add_argument("--each", type=float, default=90)
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--scratch", default="/tmp")
    parser.add_argument("groups", nargs="*", default=["toolkit", "torch",
                                                      "other"])
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, end_all)
    deadline = time.monotonic() + options.seconds
    rows = [row for group in options.groups for row in GROUPS[group]()]
    differs = False
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        jobs = [pool.submit(compare, row, number, options, deadline)
                for number, row in enumerate(rows)]
        for job in concurrent.futures.as_completed(jobs):
            fields = job.result()
            differs = differs or fields["value"] == "differs"
            print(json.dumps(fields), flush=True)
    return 1 if differs else 0


if __name__ == "__main__":
    sys.exit(main())
