#!/bin/sh
# clang-tidy on every file of the compilation database: tidy.sh ROOT BUILD [JOBS].
# Slow (minutes); it also holds the gates on functions.
command -v clang-tidy-14 >/dev/null || { echo "!! no clang-tidy-14: SKIPPED"; exit 77; }
cd "$1" || exit 2
python3 -c '
import json, sys
files = {e["file"] for e in json.load(open(sys.argv[1])) if ".pb-c." not in e["file"]}
print("\0".join(sorted(files)), end="\0")' "$2/compile_commands.json" |
    xargs -0 -n 1 -P "${3:-2}" clang-tidy-14 --quiet -p "$2" 2>/dev/null
