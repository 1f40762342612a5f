#!/bin/sh
# README's tables are what print_tables prints from the sources' own tables.
#
#   t_readme.sh            compares
#   t_readme.sh --update   writes them into README.md
set -eu
: "${CSH_BUILD:?}" "${CSH_SRC:?}"
readme=$CSH_SRC/README.md
expected=$(mktemp)
trap 'rm -f "$expected"' EXIT

cp "$readme" "$expected"
for table in options outcomes reasons rules surface; do
    grep -q "^<!-- $table: begin" "$expected" || { echo "README has no place for $table"; exit 1; }
    case $table in
    surface) "$CSH_BUILD/tests/bin/print_surface" --markdown ;;
    *) "$CSH_BUILD/tests/bin/print_tables" "$table" ;;
    esac >"$expected.table"
    [ -s "$expected.table" ] || { echo "print_tables prints no $table"; exit 1; }
    awk -v table="$table" -v file="$expected.table" '
        $0 ~ "^<!-- " table ": begin" { print; print ""; while ((getline line < file) > 0) print line; print ""; skip = 1 }
        $0 ~ "^<!-- " table ": end" { skip = 0 }
        !skip && $0 !~ "^<!-- " table ": begin" { print }' "$expected" >"$expected.new"
    mv "$expected.new" "$expected"
    rm -f "$expected.table"
done
if [ "${1:-}" = --update ]; then
    cat "$expected" >"$readme"
    exit 0
fi
diff -u "$readme" "$expected"
