#!/bin/sh
# Removes each guard of the elision path once, in a copy of the tree, and
# demands that the named tests notice: `make check-long`, or by hand.
#
#     sh tests/check/mutations.sh [WORD...]
#
# With words, only the guards whose lines hold one of them. The list and how
# to write it: tests/check/mutations.txt. Needs python3, make, libcheck and
# the CUDA headers (CUDA_HOME); prints TAP.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exec python3 "$here/mutations.py" "${CSH_SRC:-$here/../..}" "$@"
