#!/bin/sh
# What `make install` put below DESTDIR works there, and once more after its
# prefix was moved as a whole. Run by `make installcheck`.
set -u
: "${prefix:?}" "${bindir:?}" "${libdir:?}" "${mandir:?}" "${includedir:?}"
: "${bashcompletiondir:?}" "${zshcompletiondir:?}" "${CSH_SRC:?}"
DESTDIR=${DESTDIR:-}
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
status=0
unset LD_PRELOAD LD_LIBRARY_PATH

fail() {
    echo "installcheck: $*"
    status=1
}

# below DIRECTORY - relative to the prefix; nothing if it lies elsewhere.
below() {
    case $1 in
    "$prefix"/*) echo "${1#"$prefix"/}" ;;
    esac
}

# has FILE
has() {
    [ -s "$1" ] || fail "$1 is missing"
}

# check_tree PREFIX - that holds the installed folders.
check_tree() {
    top=$1
    command=$top/$(below "$bindir")/cushadow
    shim=$top/$(below "$libdir")/libcushadow.so
    has "$command"
    has "$shim"
    "$command" version >"$work/out" || fail "no version"
    grep -q '^cushadow [0-9]' "$work/out" || fail "version: $(cat "$work/out")"
    # The command takes the shim and the driver that lie beside it.
    # shellcheck disable=SC2016 # for the inner shell
    CUSHADOW_MODE=off "$command" run --sim sh -c \
        'echo "$LD_PRELOAD"; echo "${LD_LIBRARY_PATH%%:*}"' >"$work/out" 2>&1
    [ "$(sed -n 1p "$work/out")" = "$shim" ] || fail "run: $(cat "$work/out")"
    has "$(sed -n 2p "$work/out")/libcuda.so.1"
    if [ -z "${CSH_SANITIZE:-}" ]; then
        "$command" doctor --sim sh >"$work/out" || fail "doctor: $(cat "$work/out")"
    fi
    check_manual "$top/$(below "$mandir")"
    check_completion "$top/$(below "$bashcompletiondir")/cushadow"
    has "$top/$(below "$zshcompletiondir")/_cushadow"
    check_header "$top"
}

check_manual() {
    has "$1/man1/cushadow.1"
    has "$1/man7/cushadow.7"
    if command -v man >/dev/null; then
        for section in 1 7; do
            MANROFFOPT='' man -M "$1" "$section" cushadow >"$work/page" 2>"$work/err" </dev/null ||
                fail "man $section cushadow: $(cat "$work/err")"
            has "$work/page"
        done
    fi
}

# Each option of run is offered, by the installed command itself.
check_completion() {
    has "$1"
    command -v bash >/dev/null || return 0
    # shellcheck disable=SC2016 # for the inner shell
    bash -c '. "$1"; COMP_WORDS=("$2" run --mi); COMP_CWORD=2; _cushadow; echo "${COMPREPLY[@]}"
        COMP_WORDS=("$2" do); COMP_CWORD=1; _cushadow; echo "${COMPREPLY[@]}"' \
        completion "$1" "$command" >"$work/out" 2>&1
    printf -- '--min-bytes=\ndoctor\n' >"$work/wanted"
    cmp -s "$work/wanted" "$work/out" || fail "completion: $(cat "$work/out")"
}

# A program compiles and runs by what pkg-config says, linked or not.
check_header() {
    header=$1/$(below "$includedir")/cushadow.h
    pc=$1/$(below "$libdir")/pkgconfig
    has "$pc/cushadow.pc"
    command -v pkg-config >/dev/null || return 0
    ask() { PKG_CONFIG_PATH=$pc pkg-config --define-prefix "$@" cushadow; }
    [ "$(ask --modversion)" = "$("$command" version | cut -d' ' -f2)" ] ||
        fail "pkg-config: version $(ask --modversion)"
    [ "$(ask --variable=shim)" -ef "$shim" ] || fail "pkg-config: shim $(ask --variable=shim)"
    [ -e "$CSH_SRC/include/cushadow.h" ] || return 0
    has "$header"
    [ -z "${CSH_SANITIZE:-}" ] || return 0
    printf '#include <cushadow.h>\nint main(void) { return 0; }\n' >"$work/p.c"
    # shellcheck disable=SC2046 # lists of words
    ${CC:-cc} -o "$work/unlinked" "$work/p.c" $(ask --cflags) && "$work/unlinked" ||
        fail "a program that is not linked with it"
    # shellcheck disable=SC2046
    ${CC:-cc} -o "$work/linked" "$work/p.c" $(ask --cflags --libs) &&
        LD_LIBRARY_PATH=${shim%/*} "$work/linked" || fail "a program that is linked with it"
}

check_tree "$DESTDIR$prefix"
for folder in "$bindir" "$libdir" "$mandir" "$includedir" "$bashcompletiondir" "$zshcompletiondir"; do
    [ -n "$(below "$folder")" ] || { echo "installcheck: $folder is not below $prefix: not moved"; exit $status; }
done
# As much of the prefix as is ours: it may be /usr.
mkdir "$work/moved"
for folder in "$bindir" "$libdir" "$mandir" "$includedir" "$bashcompletiondir" "$zshcompletiondir"; do
    mkdir -p "$work/moved/$(below "$folder")"
done
(cd "$DESTDIR$prefix" && find . \( -name '*cushadow*' -o -path '*/cushadow/*' \) ! -type d -print) |
    while read -r file; do
        mkdir -p "$work/moved/$(dirname "$file")"
        cp -P "$DESTDIR$prefix/$file" "$work/moved/$file"
    done
check_tree "$work/moved"
exit $status
