#!/bin/sh
# Installs a build into a temporary prefix, then builds and runs the program in tests/consumer against it in four ways:
# with pkg-config and with CMake, with the shared and with the static library.
#
#   usage: test_install.sh [BUILD]
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The installed folder is moved before use: nothing in it may remember where it was built or first installed.
cmake --install "$build" --prefix "$work/first" >"$work/install.log" || { cat "$work/install.log"; exit 1; }
prefix=$work/prefix
mv "$work/first" "$prefix"

# run PROGRAM LOADS: it must succeed and print [[14, 32], [32, 77]]; LOADS tells whether it must load libtessera.so, yes or no.
run() {
    output=$(LD_LIBRARY_PATH=$libdir "$1") || { echo "$1 failed: $output"; exit 1; }
    case $output in *14*32*32*77*) ;; *) echo "$1 printed: $output"; exit 1 ;; esac
    loaded=no
    ! ldd "$1" | grep -q libtessera || loaded=yes
    [ $loaded = "$2" ] || { echo "$1: loads libtessera.so: $loaded"; exit 1; }
    echo "${1##*/} works"
}

pc=$(find "$prefix" -name tessera.pc)
libdir=$(dirname "$(dirname "$pc")")
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
# Nothing but tsr_ can be taken for a name of the program's.
others=$(nm -g --defined-only "$libdir/libtessera.a" | awk 'NF == 3 && $3 !~ /^tsr_/ { print $3 }')
[ -z "$others" ] || { echo "libtessera.a also offers:"; echo "$others" | head; exit 1; }

flags="-std=c11 -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags tessera)"
# shellcheck disable=SC2046,SC2086
{
    ${CC:-cc} $flags tests/consumer/main.c -o "$work/pkgconfig_shared" $(pkg-config --libs tessera)
    # pkg-config cannot say which of the two libraries it means; -l: names the file.
    ${CC:-cc} $flags tests/consumer/main.c -o "$work/pkgconfig_static" \
        $(pkg-config --static --libs tessera | sed 's/-ltessera/-l:libtessera.a/')
}
run "$work/pkgconfig_shared" yes
run "$work/pkgconfig_static" no

generator=$(sed -n 's/^CMAKE_GENERATOR:[A-Z]*=//p' "$build/CMakeCache.txt") # a bare Debian has no make
cmake -G "$generator" -S tests/consumer -B "$work/cmake" -DCMAKE_PREFIX_PATH="$prefix" >"$work/cmake.log" 2>&1 ||
    { cat "$work/cmake.log"; exit 1; }
cmake --build "$work/cmake" >"$work/cmake.log" 2>&1 || { cat "$work/cmake.log"; exit 1; }
run "$work/cmake/consumer_shared" yes
run "$work/cmake/consumer_static" no

if [ -x "$build/tessera" ]; then
    "$prefix/bin/tessera" --help >/dev/null && echo "tessera works"
fi
