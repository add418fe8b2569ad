#!/bin/sh
# Gates on files and folders (functions are clang-tidy's): sizes.sh ROOT. A file of data,
# told by its name (*_table.c), has no ceiling.
cd "$1" || exit 2
rooms="base archive dataset engine cache report pipeline tui cli tests"
fail=0
over() { # what, limit, value
    [ "$3" -le "$2" ] || { echo "$1: $3, the gate is $2"; fail=1; }
}
for file in $(find $rooms -name '*.[ch]' ! -name '*_table.c'); do
    case $file in
    *.h) over "$file (lines)" 200 "$(wc -l <"$file")" ;;
    *.c) over "$file (lines)" 500 "$(wc -l <"$file")" ;;
    esac
done
for file in tests/lint/*; do
    case $file in *.sh | *.py) over "$file (lines)" 40 "$(wc -l <"$file")" ;; esac
done
for folder in $(find $rooms -type d ! -path tests/unit); do
    over "$folder (modules)" 15 "$(find "$folder" -maxdepth 1 -name '*.c' | wc -l)"
done
exit $fail
