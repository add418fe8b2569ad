#!/bin/sh
# clang-format agrees with every source: format.sh ROOT.
cd "$1" || exit 2
command -v clang-format-14 >/dev/null || { echo "!! no clang-format-14: SKIPPED"; exit 77; }
find base archive dataset engine cache report pipeline tui cli tests -name '*.[ch]' -print0 |
    xargs -0 clang-format-14 --dry-run -Werror
