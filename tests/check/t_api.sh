#!/bin/sh
# include/cushadow.h: the interface is what was promised, the object has all of
# it, the version is the package's, and every language that it is for takes it
# without a word.
set -eu
: "${CSH_SRC:?}" "${CSH_SHIM:?}"
CC=${CC:-cc}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
header=$CSH_SRC/include/cushadow.h
warnings="-Wall -Wextra -Wpedantic -Wshadow -Wundef -Werror -fsyntax-only"

$CC -std=c11 -I"$CSH_SRC/include" -fsyntax-only "$CSH_SRC/tests/check/api_kept.c"

sed -n 's/^extern .*[ *]\(cushadow_[a-z_]*\)(.*/\1/p' "$CSH_SRC/tests/check/api_kept.c" |
    sort >"$scratch/kept"
[ -s "$scratch/kept" ]
echo "functions, kept and exported:"
nm -D --defined-only "$CSH_SHIM" | awk '$3 ~ /^cushadow_/ { print $3 }' | sort |
    diff "$scratch/kept" -
echo "functions, kept and found by the header:"
{
    sed -n 's/.*"\(cushadow_[a-z_]*\)".*/\1/p' "$header"
    echo cushadow_strerror # without a look-up
} | sort | diff "$scratch/kept" -

echo "version of the package:"
sed -n 's/^#define CUSHADOW_VERSION_[MP][A-Z]* //p' "$header" | paste -s -d . >"$scratch/version"
sed -n 's/^AC_INIT(\[cushadow\], \[\([0-9.]*\).*/\1/p' "$CSH_SRC/configure.ac" |
    diff - "$scratch/version"

printf '#include <cushadow.h>\nint main(void) { return cushadow_version() > 0; }\n' \
    >"$scratch/user.c"
cp "$scratch/user.c" "$scratch/user.cc"
# takes COMPILER FILE STANDARD... - a compiler that is there takes the header.
takes() {
    compiler=$1 file=$2
    shift 2
    command -v "$compiler" >/dev/null || return 0
    for standard; do
        echo "$compiler $standard"
        # shellcheck disable=SC2086 # flags are words
        "$compiler" "-std=$standard" $warnings -I"$CSH_SRC/include" "$scratch/$file"
    done
}
takes gcc user.c c99 c11 c17 gnu11
takes clang user.c c99 c11 c17
takes musl-gcc user.c c99
takes g++ user.cc c++98 c++11 c++20
takes clang++ user.cc c++98 c++11 c++20
