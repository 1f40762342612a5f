#!/bin/sh
# gcc's path analysis over some source files, with what the build in
# build-plain gives the compiler; a finding is an error:
#
#     sh .ci/analyze.sh FILE...
#
# Not asked: malloc-leak. gcc 12 loses sight of memory that is kept in a
# structure with links both ways, as uthash's tables and utlist's lists are,
# and calls it leaked; ASan's build looks for leaks where they happen.
set -eu
status=0
include=$(sed -n 's/^CSH_CUDA_DIR = //p' build-plain/Makefile)/include
for file in "$@"; do
    ${ANALYZE_CC:-gcc} -std=gnu11 -fanalyzer -Wno-analyzer-malloc-leak -Werror \
        -D_GNU_SOURCE -D__CUDA_API_VERSION_INTERNAL -Isrc -Iinclude -Ibuild-plain/src \
        -DCSH_VERSION='"0"' -DCSH_BINDIR='"/usr/bin"' -DCSH_LIBDIR='"/usr/lib"' \
        -isystem "$include" -c -o /dev/null "$file" || status=1
done
exit $status
