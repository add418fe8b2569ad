# Shared by the scripts in this folder and by .ci/run; sourced by bash, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '== %s\n' "$*" >&2; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Names of the packages in the given sections of packages.txt.
packages() {
    local section
    for section in "$@"; do
        sed -n "/^\[$section\]\$/,/^\[/{/^[a-z]/p}" "$root/scripts/packages.txt"
    done | sort -u
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    else
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

# Installs what is missing of the given sections; silent and offline when nothing is.
need() {
    local missing=() name
    if ! command -v dpkg-query >/dev/null; then
        say "not a Debian system: trusting that the packages of [$*] are here"
        return 0
    fi
    for name in $(packages "$@"); do
        dpkg-query -W -f='${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed ||
            missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        die "these packages are missing and there is no sudo; as root: apt-get install ${missing[*]}"
    fi
    say "installing ${missing[*]}"
    as_root apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update >&2 &&
        as_root apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
            install --no-install-recommends "${missing[@]}" >&2
}

# The release binary at build/release/xlens: build_release ON|OFF (with the tests or not)
# [target…].
build_release() {
    local tests=$1
    shift
    cd "$root"
    cmake --preset release -DBUILD_TESTING="$tests" >&2
    cmake --build --preset release ${1:+--target "$@"} >&2
}

# ctest's own closing line, after a loud list of what did not run, whole tests and parts.
report_ctest() {
    local skipped parts
    skipped=$(sed -n '/^The following tests did not run/,/^$/{/ - /p}' "$1" | awk '!seen[$0]++')
    if [ -n "$skipped" ]; then
        printf '\n!! NOT RUN, so nothing is known of these:\n%s\n\n' "$skipped"
    fi
    parts=$(sed -n 's/^SKIPPED: / - /p' "$1" | sort -u)
    if [ -n "$parts" ]; then
        printf '!! NOT RUN of tests that ran otherwise:\n%s\n\n' "$parts"
    fi
    grep -E 'tests passed, [0-9]+ tests failed out of' "$1" | awk '!seen[$0]++' || true
}
