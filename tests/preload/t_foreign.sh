#!/bin/sh
# Programs that have nothing to do with CUDA: a shell, git, a python. With the
# shim loaded they do what they did, and the shim prints nothing.
. "$(dirname "$0")/harness.sh"

# as_before NAME COMMAND... - same stdout, stderr and status.
as_before() {
    subject=$1
    shift
    "$@" >"$scratch/plain" 2>&1 </dev/null
    echo "status $?" >>"$scratch/plain"
    LD_PRELOAD="$(preload "$CSH_SHIM")" "$@" >"$scratch/shadowed" 2>&1 \
        </dev/null
    echo "status $?" >>"$scratch/shadowed"
    check "$subject" diff "$scratch/plain" "$scratch/shadowed"
}

is_loaded() {
    LD_PRELOAD="$(preload "$CSH_SHIM")" sh -c 'cat /proc/$$/maps' |
        grep -q libcushadow
}

check "the shim is loaded at all" is_loaded
as_before "sh" /bin/sh -c 'echo out; echo err >&2; (exit 3)'
as_before "sh, a pipe of programs" \
    /bin/sh -c 'ls / | sort | tail -n 1 | tr a-z A-Z'
as_before "a program that fails" /bin/sh -c 'no-such-program-anywhere'
if command -v git >/dev/null; then
    mkdir "$scratch/repository"
    git -C "$scratch/repository" init -q
    as_before "git" git -C "$scratch/repository" status --short --branch
    as_before "git, an error" git -C "$scratch/repository" show no-such-commit
fi
if command -v python3 >/dev/null; then
    as_before "python3" python3 -c 'import json, ctypes; print(json.dumps([1]))'
    as_before "python3 looks for a driver that is not there" python3 -c '
import ctypes
try:
    ctypes.CDLL("libcuda.so.99")
except OSError as error:
    print(error)
print(ctypes.CDLL(None).getpid() > 1)'
    # Names that look like the driver's but come from elsewhere.
    as_before "python3 looks up names of other libraries" python3 -c '
import ctypes
m = ctypes.CDLL("libm.so.6")
for name in ("cos", "curl_easy_init", "cudnnCreate", "cuMemAlloc_v2"):
    print(name, hasattr(m, name))'
fi
# Bad values are said at the first use of CUDA, which is never here.
CUSHADOW_MODE=nonsense
export CUSHADOW_MODE
as_before "a bad value in every shell that it reaches" /bin/sh -c 'echo quiet'
finish
