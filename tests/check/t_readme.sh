#!/bin/sh
# The tables of README and of the manual are what print_tables prints from the
# sources' own tables.
#
#   t_readme.sh            compares
#   t_readme.sh --update   writes them
set -eu
: "${CSH_BUILD:?}" "${CSH_SRC:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

# print_table FILE TABLE - as that file has it.
print_table() {
    case $1:$2 in
    *.md:surface) "$CSH_BUILD/tests/bin/print_surface" --markdown ;;
    *.md:*) "$CSH_BUILD/tests/bin/print_tables" "$2" ;;
    *) "$CSH_BUILD/tests/bin/print_tables" --man "$2" ;;
    esac
}

# derive FILE TABLE... - the file, with each table between its two marks.
derive() {
    file=$1; shift
    cp "$CSH_SRC/$file" "$work/expected"
    case $file in
    *.md) open='^<!-- ' blank=1 ;;
    *) open='^[.]." ' blank=0 ;;
    esac
    for table in "$@"; do
        grep -q "$open$table: begin" "$work/expected" || { echo "$file has no place for $table"; exit 1; }
        print_table "$file" "$table" >"$work/table"
        [ -s "$work/table" ] || { echo "print_tables prints no $table"; exit 1; }
        awk -v table="$table" -v file="$work/table" -v open="$open" -v blank=$blank '
            $0 ~ open table ": begin" { print; if (blank) print ""; while ((getline line < file) > 0) print line; if (blank) print ""; skip = 1; next }
            $0 ~ open table ": end" { skip = 0 }
            !skip { print }' "$work/expected" >"$work/new"
        mv "$work/new" "$work/expected"
    done
    if [ "${update:-}" = --update ]; then
        cat "$work/expected" >"$CSH_SRC/$file"
    else
        diff -u "$CSH_SRC/$file" "$work/expected" || status=1
    fi
}

update=${1:-}
derive README.md options outcomes reasons rules events surface
derive src/cli/cushadow.1 flags doctor
derive src/cli/cushadow.7 options outcomes reasons rules gauges memory events
exit $status
