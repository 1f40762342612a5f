#!/bin/sh
# clang-tidy over some source files, with what the build in build-plain gives
# the compiler:
#
#     sh .ci/tidy.sh FILE...
exec clang-tidy --quiet "$@" -- -std=gnu11 -D_GNU_SOURCE \
    -D__CUDA_API_VERSION_INTERNAL -Isrc -Iinclude -Ibuild-plain/src \
    -DCSH_VERSION='"0"' -DCSH_BINDIR='"/usr/bin"' -DCSH_LIBDIR='"/usr/lib"' \
    -isystem "$(sed -n 's/^CSH_CUDA_DIR = //p' build-plain/Makefile)/include"
