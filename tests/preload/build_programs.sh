#!/bin/sh
# Builds the programs and libraries of this folder into OUT. Several are built
# in ways that no ordinary rule of the build would: without optimisation, for
# the per-thread default stream, linked to a driver or to one another.
#
# From the environment: SRC (top of the sources), OUT, SIM (folder with
# libcuda.so), CC, FLAGS (preprocessor, warning and sanitizer flags).
set -eu
: "${SRC:?}" "${OUT:?}" "${SIM:?}" "${CC:?}" "${FLAGS:?}"
mkdir -p "$OUT"
cd "$SRC/tests/preload"

# build NAME ARGUMENTS...
build() {
    name=$1; shift
    # shellcheck disable=SC2086 # flags are words
    $CC -std=gnu11 -D_GNU_SOURCE -D__CUDA_API_VERSION_INTERNAL -O1 -g -I"$SRC/src" \
        $FLAGS -o "$OUT/$name" "$@"
}
# library NAME ARGUMENTS...
library() {
    file=$1; shift
    build "$file" -shared -fPIC "$@"
}

library liblinked_library.so linked_library.c app.c -L"$SIM" -lcuda
library libearly_library.so early_library.c app.c
library libnv-test-injection.so -O0 insider.c
library libnext_far.so next_far.c
library libnext_local.so next_local.c
library libnext_plugin.so -O0 next_plugin.c -L"$OUT" -lnext_local
library librecorder.so recorder.c
library libinterposer.so interposer.c
library libstrange_driver.so strange_driver.c
library libfaults.so faults.c slots.c

build app_cycle app_cycle.c app.c
build app_linked app_linked.c app.c -L"$SIM" -lcuda
build app_linked_pt -DCUDA_API_PER_THREAD_DEFAULT_STREAM app_linked.c app.c -L"$SIM" -lcuda
build app_early app_early.c app.c -Wl,--no-as-needed -L"$OUT" -learly_library \
    -llinked_library -Wl,-rpath-link,"$SIM"
build app_local app_local.c app.c
build app_routes app_routes.c app.c -L"$OUT" -lnv-test-injection
for name in threads fork exit; do
    build "app_$name" -pthread "app_$name.c" app.c
done
build app_drivers app_drivers.c app.c
build app_next_O0 -O0 -rdynamic app_next.c app.c -L"$OUT" -lnext_far
build app_next -O2 -rdynamic app_next.c app.c -L"$OUT" -lnext_far
