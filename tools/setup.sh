#!/bin/sh
# setup.sh: finds what vit is built from, and installs what is missing when it is asked to.
#
#   tools/setup.sh probe              what is there and what is missing, as words that make can evaluate
#   tools/setup.sh explain [tests]    says what is missing and how to get it; always fails
#   tools/setup.sh install [tests]    installs what is missing, with root's rights or sudo; with `tests` Criterion too
#
# Run from the top of the tree. oneDNN is taken from the first of: ONEDNN_ROOT, the system's headers, the distribution's
# package, two wheels from PyPI, unpacked into build/deps/onednn. The last two are for `install` alone to bring.
set -eu

CC=${CC:-cc}
WHEEL=build/deps/onednn

# ---- What is there ----

# Succeeds when oneDNN's headers, in folder $1 or (without it) where the compiler looks, are recent enough. A build on
# another thread runtime than OpenMP would ignore the thread count.
usable_onednn() {
    $CC -E -x c ${1:+-I"$1"} - >/dev/null 2>&1 <<'EOF'
#include <oneapi/dnnl/dnnl_config.h>
#include <oneapi/dnnl/dnnl_version.h>
#if DNNL_VERSION_MAJOR * 100 + DNNL_VERSION_MINOR < 302 || DNNL_CPU_THREADING_RUNTIME != DNNL_RUNTIME_OMP
#error not usable
#endif
EOF
}

# Prints the folder under ONEDNN_ROOT that holds the library.
root_libdir() {
    for dir in lib lib64 "lib/$($CC -dumpmachine)"; do
        if [ -e "$ONEDNN_ROOT/$dir/libdnnl.so" ]; then
            echo "$ONEDNN_ROOT/$dir"
            return
        fi
    done
    return 1
}

# Sets onednn to root, system, wheel or nothing.
find_onednn() {
    onednn=
    if [ -n "${ONEDNN_ROOT:-}" ]; then
        if usable_onednn "$ONEDNN_ROOT/include" && root_libdir >/dev/null; then onednn=root; fi
    elif usable_onednn; then
        onednn=system
    elif [ -e $WHEEL/lib/libdnnl.so ] && usable_onednn $WHEEL/include; then
        onednn=wheel
    fi
}

# Prints "package:header" unless the compiler finds the header.
need() {
    printf '#if !__has_include(<%s>)\n%s:%s\n#endif\n' "$2" "$1" "$2"
}

# Prints "package:header" for each that is missing; with $1 those of the tests too.
missing_headers() {
    {
        need libc6-dev stdio.h
        need libstb-dev stb/stb_image.h
        need libjpeg62-turbo-dev jpeglib.h
        need libjansson-dev jansson.h
        need libutf8proc-dev utf8proc.h
        need libzip-dev zip.h
        need zlib1g-dev zlib.h
        if [ -n "${1:-}" ]; then need libcriterion-dev criterion/criterion.h; fi
    } | $CC -std=c11 -E -P -x c - | sed -n '/:/p'
}

probe() {
    find_onednn
    echo "ONEDNN:=$onednn"
    if [ "$onednn" = root ]; then echo "ONEDNN_LIBDIR:=$(root_libdir)"; fi
    if [ -z "$onednn" ]; then echo MISSING+=oneDNN; fi
    missing_headers tests | sed 's/:.*//; s/^/MISSING+=/; /criterion/s/MISSING/MISSING_TESTS/'
}

# ---- What is missing ----

INSTALL='apt-get install -y --no-install-recommends'

fail() {
    echo "setup: $*" >&2
    exit 1
}

# Prints the version of package $1 that apt would install, or nothing.
candidate() {
    apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: *//p' | grep -v '(none)' || true
}

# Sets headers, which are missing; packages, which apt has to install; and fetch, whether oneDNN has to come from PyPI.
find_missing() {
    find_onednn
    headers=$(missing_headers "${1:-}")
    packages=$(for pair in $headers; do printf '%s ' "${pair%:*}"; done)
    fetch=
    if [ -n "$onednn" ]; then return; fi
    if [ -n "${ONEDNN_ROOT:-}" ]; then
        fail "ONEDNN_ROOT=$ONEDNN_ROOT holds no oneDNN 3.2 or newer that is built on OpenMP: looked there for
    include/oneapi/dnnl/dnnl_version.h and lib/libdnnl.so. Correct it, or unset it to have oneDNN found."
    fi
    debian=$(candidate libdnnl-dev)
    if [ -n "$debian" ] && dpkg --compare-versions "$debian" ge 3.2; then
        packages="${packages}libdnnl-dev "
        return
    fi
    tried="no oneDNN 3.2 or newer: tried ONEDNN_ROOT (not set), the system's headers (none, or too old), the package
    libdnnl-dev (${debian:-unknown to apt})"
    manual="build oneDNN (https://github.com/uxlfoundation/oneDNN)
    and set ONEDNN_ROOT to where it is installed."
    fetch=yes
    if ! python3 -m pip --version >/dev/null 2>&1; then packages="${packages}python3-pip "; fi
}

# Stops when oneDNN has to come from PyPI and PyPI has none for this machine.
check_fetch() {
    if [ -n "$fetch" ] && [ "$(uname -m)" != x86_64 ]; then
        fail "$tried; the wheels on PyPI are for x86_64, and this is $(uname -m).
    What helps: $manual"
    fi
}

# Says what find_missing found, and fails.
explain() {
    check_fetch
    {
        echo "setup: this is missing, and what brings it:"
        for pair in $headers; do printf '    %-24s%s\n' "${pair#*:}" "${pair%:*}"; done
        if [ -n "$fetch" ]; then
            echo "    oneDNN 3.2 or newer     two wheels from PyPI, by python3-pip; libdnnl-dev is ${debian:-unknown}"
        elif [ -z "$onednn" ]; then
            echo "    oneDNN 3.2 or newer     libdnnl-dev"
        fi
        echo "\`make run\` and \`make test\` set all of it up, as root or with sudo. By hand (apt-get as root):"
        if [ -n "$packages" ]; then echo "    apt-get update && $INSTALL $packages"; fi
        if [ -n "$fetch" ]; then echo "    tools/setup.sh install"; fi
    } >&2
    exit 1
}

# ---- Installing it ----

# Downloads oneDNN's two wheels and unpacks from them the headers, one of three copies of the library, and its licences.
# The folder appears at the end, whole.
fetch_onednn() {
    work=build/deps/work
    check_fetch
    rm -rf $work
    mkdir -p $work/wheels $work/onednn/lib
    echo "setup: oneDNN 3.2 from PyPI into $WHEEL"
    cat >$work/requirements.txt <<'EOF'
onednn-cpu-gomp==2023.2.0 --hash=sha256:2f22a54d6a890ed14bfa185d42a4be65d8b5b1df85dc1f0f3a9abe31620416fb
onednn-devel-cpu-gomp==2023.2.0 --hash=sha256:9763c69e8c907e119056bd52ad918ca84ac9ba939d130a99dfa95ccca3e5e284
EOF
    python3 -m pip download -q --no-deps --require-hashes -d $work/wheels -r $work/requirements.txt || fail \
        "$tried, and the wheels on PyPI (pip says why above).
    What helps: retry where PyPI can be reached; or $manual"
    for wheel in "$work"/wheels/*.whl; do python3 -m zipfile -e "$wheel" $work/unpacked; done
    mv $work/unpacked/*.data/data/include $work/onednn/
    mv $work/unpacked/onednn_cpu_gomp-*.data/data/share/doc/onednn $work/onednn/licence
    mv $work/unpacked/*.data/data/lib/libdnnl.so.3.2 $work/onednn/lib/libdnnl.so.3
    ln -s libdnnl.so.3 $work/onednn/lib/libdnnl.so
    rm -rf $WHEEL
    mv $work/onednn $WHEEL
    rm -rf $work
}

install() {
    find_missing "${1:-}"
    if [ -n "$packages" ]; then
        if [ "$(id -u)" = 0 ]; then
            sudo=
        elif sudo -n true 2>/dev/null; then
            sudo='sudo -n'
        else
            explain
        fi
        if ! command -v apt-get >/dev/null; then explain; fi
        # What apt can bring is known only after this.
        $sudo apt-get update || echo "setup: apt-get update failed; going on with the package lists at hand" >&2
        find_missing "${1:-}"
        check_fetch
        echo "setup: $INSTALL $packages"
        # shellcheck disable=SC2086 # both are lists of words
        $sudo env DEBIAN_FRONTEND=noninteractive $INSTALL $packages || fail "apt-get could not install $packages"
    fi
    if [ -n "$fetch" ]; then fetch_onednn; fi
    find_missing "${1:-}"
    if [ -n "$packages$fetch" ]; then explain; fi
}

command -v "${CC%% *}" >/dev/null || fail "no C compiler ($CC): apt-get install gcc libc6-dev"
case ${1:-} in
probe) probe ;;
explain) find_missing "${2:-}" && explain ;;
install) install "${2:-}" ;;
*) fail "usage: tools/setup.sh probe | explain [tests] | install [tests]" ;;
esac
