#!/bin/sh
# Every header compiles alone, twice included: headers.sh ROOT.
cd "$1" || exit 2
fail=0
flags="$(pkg-config --cflags chafa ncursesw libcjson hdf5 2>/dev/null)"
# engine/kern/body is text for files that have chosen a vector vocabulary, not headers.
for header in $(find base archive dataset engine cache report pipeline tui cli tests \
    -name '*.h' ! -path '*/kern/body/*'); do
    case $header in
    engine/kern/*) isa="-march=sapphirerapids" ;; # the vector vocabularies
    *) isa="" ;;
    esac
    printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
        cc -std=gnu11 -D_GNU_SOURCE -DXLENS_TEST_DATA='""' -I. $flags $isa -Wall -Wextra -Werror \
            -Wno-unused-function -fsyntax-only -x c - || { echo "$header: not on its own"; fail=1; }
done
exit $fail
