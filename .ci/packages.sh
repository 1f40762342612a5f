# shellcheck shell=sh
# packages.sh - the Debian packages that the project needs, in one place, and
# how they get onto the machine. Sourced by examples/quickstart.sh and
# tests/run.sh; defines names only.

# To build and to run the examples.
packages_build="autoconf automake libtool pkg-config gcc libc6-dev make
    check uthash-dev libjansson-dev libncurses-dev python3 python3-pip"
# For the tests besides: the compiler that nvcc works with, a second one, a
# second C library, a program that looks for the CUDA driver by itself and one
# that does not, a model checker, other allocators, and Prometheus's own reader.
packages_tests="g++ clang musl-tools ffmpeg git spin libtcmalloc-minimal4
    libmimalloc2.0 libjemalloc2 libeatmydata1 mandoc man-db groff-base
    python3-prometheus-client"
# For what only CI runs.
packages_ci="libclang-rt-dev clang-tidy cppcheck shellcheck xz-utils procps"

# may_be_root - whether as_root works, without asking for a password.
may_be_root() {
    [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null
}

# as_root COMMAND...
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# missing_packages NAME... - prints those that are not installed.
missing_packages() {
    for package in "$@"; do
        status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) || :
        case $status in
        *" ok installed") ;;
        *) echo "$package" ;;
        esac
    done
}

# install_packages NAME... - quiet unless it fails.
install_packages() {
    log=$(mktemp)
    # The lists of a fresh machine may be absent or old: once more with new.
    if as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends "$@" >"$log" 2>&1 ||
        { as_root apt-get update -qq >"$log" 2>&1 &&
            as_root env DEBIAN_FRONTEND=noninteractive \
                apt-get install -qq -y --no-install-recommends "$@" \
                >>"$log" 2>&1; }; then
        rm -f "$log"
        return 0
    fi
    cat "$log" >&2
    rm -f "$log"
    return 1
}

# ensure_packages [NAME...] - all of the lists above if none is named. Ends
# the script, naming what is missing, if that cannot be installed. A machine
# without dpkg is left to configure, which says what it does not find.
ensure_packages() {
    command -v dpkg-query >/dev/null 2>&1 || return 0
    # shellcheck disable=SC2086 # lists of words
    [ $# -gt 0 ] || set -- $packages_build $packages_tests $packages_ci
    # shellcheck disable=SC2046
    set -- $(missing_packages "$@")
    [ $# -gt 0 ] || return 0

    if ! may_be_root; then
        echo "Debian packages are missing, and only root may install them." >&2
    else
        echo "installing Debian packages: $*"
        if install_packages "$@"; then return 0; fi
    fi
    echo "Please install these packages as root, then start again:" >&2
    echo "    apt-get update && apt-get install $*" >&2
    exit 1
}
