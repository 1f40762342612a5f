#!/bin/sh
# Cross-builds the shim and the simulated driver for aarch64, and runs programs
# and the suite of interposition under qemu's user mode. Ends with 77 where the
# cross compiler or qemu is missing (Debian: gcc-aarch64-linux-gnu,
# libc6-dev-arm64-cross, qemu-user). Takes ten minutes on two cores.
#
#     sh .ci/aarch64.sh
set -eu
cd "$(dirname "$0")/.."
top=$(pwd)
for tool in aarch64-linux-gnu-gcc qemu-aarch64; do
    command -v "$tool" >/dev/null || { echo "Skipped: no $tool"; exit 77; }
done
mkdir -p build-aarch64/q
cd build-aarch64
built=$(pwd)
"$top/configure" -q --host=aarch64-linux-gnu PKG_CONFIG_LIBDIR=/nonexistent \
    >configure.log 2>&1
make src/verify/fingerprint_ptx.h >make.log 2>&1
make -j"$(nproc)" libcushadow.la tests/sim/libcuda.la tests/bin/app_elide >>make.log 2>&1
SRC=$top OUT=$built/programs SIM=$built/tests/sim/.libs CC=aarch64-linux-gnu-gcc \
    FLAGS="-isystem $(sed -n 's/^CSH_CUDA_DIR = //p' Makefile)/include" \
    sh "$top/tests/preload/build_programs.sh"

# The suite gives each program its environment by env(1); this one stands for
# it, so that qemu itself gets nothing of that.
cat >q/env <<'END'
#!/bin/sh
in_front=yes
for word in "$@"; do
    case $in_front-$word in
    yes-*=*) set -- "$@" -E "$word" ;;
    *) set -- "$@" "$word"; in_front=no ;;
    esac
    shift
done
exec qemu-aarch64 -L /usr/aarch64-linux-gnu "$@"
END
chmod +x q/env
PATH=$built/q:$PATH
export CSH_SRC="$top" CSH_BUILD="$built" CSH_SHIM="$built/.libs/libcushadow.so" \
    CSH_SIM="$built/tests/sim/.libs" CSH_BIN="$built/programs"
status=0
for name in cycle next routes fork early exit drivers threads; do
    echo "t_$name: $(sh "$top/tests/preload/t_$name.sh" 2>&1 | tail -n 1)" | tee result
    grep -q ': \([0-9]*\) of \1 checks held' result || status=1
done
for scenario in $(env LD_LIBRARY_PATH="$CSH_SIM" "$built/tests/bin/app_elide" --list); do
    env CYCLE_SHIM=1 CUSHADOW_PROOF_TIMEOUT_MS=20000 CUSHADOW_STATS_FILE=/dev/null \
        LD_LIBRARY_PATH="$CSH_SIM" LD_PRELOAD="$CSH_SHIM" \
        "$built/tests/bin/app_elide" "$scenario" || { echo "app_elide $scenario: failed"; status=1; }
done
exit $status
