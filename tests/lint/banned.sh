#!/bin/sh
# Calls and names that xlens does without: banned.sh ROOT.
cd "$1" || exit 2
rooms="base archive dataset engine cache report pipeline tui cli tests"
quiet="base archive dataset engine cache report pipeline" # nothing here prints or exits
fail=0
ban() { # why, pattern, folders…
    why=$1 pattern=$2
    shift 2
    if grep -rnE --include='*.[ch]' --include='*.inc' "$pattern" "$@" | grep -vE ':[0-9]+: *(//|\*)'; then
        echo "^ $why"
        fail=1
    fi
}
calls='sprintf|vsprintf|strcpy|strcat|gets|strtok|atoi|atol|atof|rand|srand|system|alloca|setjmp_'
ban "call with a better one" "(^|[^a-zA-Z0-9_])($calls)[[:space:]]*\(" $rooms
ban "prints or exits below cli/ and tui/" \
    '(^|[^a-zA-Z0-9_])(printf|puts|putchar|perror|exit|err|errx|warn|warnx)[[:space:]]*\(' $quiet
ban "ends the process; only a child just forked may" \
    '(^|[^a-zA-Z0-9_])_exit[[:space:]]*\(' --exclude=hdf5_child.c $quiet
ban "prints below cli/ and tui/" '(^|[^a-zA-Z0-9_])(f|vf)printf[[:space:]]*\([[:space:]]*std(err|out)' \
    archive dataset engine cache report pipeline # base/mem.c says why it aborts
ban "a name that says nothing" \
    '(^|[^a-zA-Z0-9_])((do|handle)_[a-z0-9_]+|[a-z0-9_]*(_util|_utils|_helper|_manager|_wrapper|_impl|_ex))[[:space:]]*\(' \
    $quiet tui cli
ban "dead code" '^[[:space:]]*#[[:space:]]*if 0' $rooms
later='(^|[^A-Za-z])(TODO|FIXME|XXX|HACK)([^#A-Za-z]|$)'
if grep -rnE --include='*.[ch]' "$later" $rooms; then
    echo "^ left for later without an issue number"
    fail=1
fi
exit $fail
