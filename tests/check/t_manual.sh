#!/bin/sh
# The manual's pages are clean by the readers' own checks, name every command,
# and are of today's version of the tables (t_readme.sh).
set -u
: "${CSH_SRC:?}" "${CSH_BUILD:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
checked=0

for page in "$CSH_SRC/src/cli/cushadow.1" "$CSH_SRC/src/cli/cushadow.7"; do
    if command -v mandoc >/dev/null; then
        checked=1
        # Names of other systems' pages and a date are no business of ours.
        mandoc -T lint -W style "$page" 2>/dev/null | grep -v 'referenced manual not found\|Mdocdate\|outdated mandoc.db\|operating system explicitly\|RCS id missing' >"$work/lint"
        [ ! -s "$work/lint" ] || { cat "$work/lint"; status=1; }
    fi
    if command -v man >/dev/null && command -v groff >/dev/null; then
        checked=1
        LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -l "$page" 2>"$work/warnings" >"$work/text" </dev/null
        [ -s "$work/text" ] || { echo "man prints nothing of $page"; status=1; }
        [ ! -s "$work/warnings" ] || { cat "$work/warnings"; status=1; }
    fi
done
[ $checked -eq 1 ] || { echo "SKIP: neither mandoc nor man with groff"; exit 77; }

"$CSH_BUILD/cushadow" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' >"$work/commands"
[ "$(wc -l <"$work/commands")" -ge 4 ] || { echo "few commands"; status=1; }
while read -r name; do
    grep -q "^\.Ss cushadow $name\$" "$CSH_SRC/src/cli/cushadow.1" || { echo "cushadow.1 is silent on $name"; status=1; }
done <"$work/commands"

# Completion is right for its shell, and offers the same.
if command -v bash >/dev/null; then
    bash -n "$CSH_SRC/src/cli/completion/cushadow" || status=1
    # shellcheck disable=SC2016 # for the inner shell
    bash -c '. "$1"; COMP_WORDS=("$2" ""); COMP_CWORD=1; _cushadow; printf "%s\n" "${COMPREPLY[@]}"
        COMP_WORDS=("$2" run --); COMP_CWORD=2; _cushadow; printf "%s\n" "${COMPREPLY[@]%=}"' \
        completion "$CSH_SRC/src/cli/completion/cushadow" "$CSH_BUILD/cushadow" |
        sort -u >"$work/offered"
    { cat "$work/commands"; "$CSH_BUILD/cushadow" options --names; echo --version; } | sort -u >"$work/wanted"
    diff -u "$work/wanted" "$work/offered" || status=1
    # And the values that they take, with "=" as a word of its own or not.
    # shellcheck disable=SC2016 # for the inner shell
    bash -c '. "$1"; shift
        complete_words() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cushadow; echo "${COMPREPLY[*]}"; }
        complete_words "$1" run --mode = o; complete_words "$1" run --sim --strict =
        complete_words "$1" run --capture=b; complete_words "$1" run --ram-limit = ""
        complete_words "$1" run --min-bytes = ""' \
        completion "$CSH_SRC/src/cli/completion/cushadow" "$CSH_BUILD/cushadow" >"$work/offered"
    printf '%s\n' 'observe off' '0 1' --capture=background auto '' | diff -u - "$work/offered" || status=1
fi
if command -v zsh >/dev/null; then
    zsh -n "$CSH_SRC/src/cli/completion/_cushadow" || status=1
fi
exit $status
