#!/bin/sh
# ./run check: every test and every check, one line each, and the sum on the last line. Called by run, which has installed
# what is needed. Builds into build/ (Release) and build-asan/ (address and undefined-behaviour sanitizers).
set -u
cd "$(dirname "$0")/.."
long=
case ${1:-} in
"") ;;
--long) long=--long ;;
*) echo "usage: ./run check [--long]" >&2; exit 2 ;;
esac

folder=${BUILD_DIR:-build}
options="-DTESSERA_TESTS=ON -DTESSERA_WERROR=${TESSERA_WERROR:-OFF}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0

# step NAME COMMAND...: one check. It passes with status 0; with 77 it was skipped, and its last line says why.
step() {
    name=$1
    shift
    status=0
    "$@" >"$log" 2>&1 || status=$?
    case $status in
    0) passed=$((passed + 1)); echo "ok       $name"; grep -i 'warning:' "$log" || true ;;
    77) skipped=$((skipped + 1)); echo "skipped  $name: $(tail -n 1 "$log")" ;;
    *) failed=$((failed + 1)); echo "FAILED   $name"; grep -v '^\[[0-9]*/[0-9]*\] [A-Z]' "$log" | tail -n 100 | sed 's/^/    /' ;;
    esac
    [ $status = 0 ]
}

# tests BUILD [--sanitized]: run_tests.sh, whose counts are added to ours.
tests() {
    rm -f "$1/tests/summary"
    scripts/run_tests.sh --part $long ${2:-} "$1" 2>&1
    counts=$(awk '/^[0-9]+ passed, [0-9]+ failed/ { print $1, $3, $5 + 0 }' "$1/tests/summary" 2>/dev/null)
    # shellcheck disable=SC2086
    set -- ${counts:-0 1 0}
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

skip() { echo "$*"; exit 77; }

check_ops_header() (
    [ -f tools/genops/main.c ] || skip "tools/genops is not there yet"
    cmp "$folder/gen/tessera/ops.h" include/tessera/ops.h ||
        { echo "make it new: cmake --build $folder --target update-ops-header"; exit 1; }
)

check_reference() (
    [ -d "$folder/gen/reference" ] || skip "tools/genops is not there yet"
    diff -r "$folder/gen/reference" docs/reference ||
        { echo "make it new: cmake --build $folder --target update-surface"; exit 1; }
)

# Versions of clang-format disagree about details, so only the one that .clang-format was written for decides.
check_format() (
    command -v clang-format >/dev/null 2>&1 || skip "clang-format is not installed"
    clang-format --version | grep -q 'version 14\.' || skip "clang-format is not version 14"
    git rev-parse >/dev/null 2>&1 || skip "not a git checkout"
    differ=$(git ls-files '*.c' '*.h' ':!include/tessera/ops.h' | while read -r file; do
        [ ! -f "$file" ] || clang-format --dry-run -Werror "$file" >/dev/null 2>&1 || echo "$file"
    done)
    [ -z "$differ" ] || { echo "./run format would change:"; echo "$differ"; exit 1; }
)

# Every public header is complete in itself, in the oldest C we promise and in C++.
check_headers() (
    for header in include/tessera/*.h; do
        printf '#include "tessera/%s"\ntypedef int not_empty;\n' "${header##*/}" >"$folder/header.c"
        for language in "c -std=c11" "c -std=c17" "c++ -std=c++17"; do
            case $language in c++*) command -v c++ >/dev/null 2>&1 || continue ;; esac
            # shellcheck disable=SC2086
            ${CC:-cc} -x $language -Wall -Wextra -Wpedantic -Werror -I"$folder/gen" -Iinclude -fsyntax-only "$folder/header.c" || exit 1
        done
    done
)

# The shared library offers the functions that the golden file of the public surface has, and no other name, but for the two
# with which tests let allocations fail.
check_symbols() (
    nm -D --defined-only "$folder/libtessera.so" | awk '$3 !~ /^tsr_alloc_fail(_at|ed)$/ { print $3 }' | sort >"$folder/exported"
    sed -n 's/^tsr_[a-z0-9_]*: [a-z].*[ *]\(tsr_[a-z0-9_]*\)(.*/\1/p' tests/golden/surface.txt | sort >"$folder/declared"
    diff "$folder/declared" "$folder/exported" || { echo "(< declared in a public header, > exported)"; exit 1; }
)

run_examples() (
    "$folder/examples/circle" && "$folder/examples/module" "$folder/module.safetensors" || exit 1
    ! "$folder/examples/codes" "$folder/module.safetensors" nowhere.png "$folder/out.png" # which is no VQGAN
)

# One training step of each model: no block may be lost (docs/testing.md).
check_valgrind() (
    command -v valgrind >/dev/null 2>&1 || skip "valgrind is not installed"
    status=0
    OMP_NUM_THREADS=1 timeout 300 valgrind --leak-check=full --errors-for-leak-kinds=definite,indirect --error-exitcode=9 \
        "$folder/tests/test_one_step" || status=$?
    [ $status != 124 ] || skip "valgrind took more than five minutes"
    exit $status
)

# clang, since gcc's OpenMP runtime is not made for the sanitizer. Libraries that are not instrumented would draw false reports.
check_races() (
    command -v clang >/dev/null 2>&1 || skip "clang is not installed"
    CC=clang CFLAGS=-fsanitize=thread ./run configure-and-build build-threads \
        "test_autograd test_writes test_marks test_error test_alloc" $options || exit 1
    export OMP_NUM_THREADS=1 TSAN_OPTIONS="ignore_noninstrumented_modules=1:halt_on_error=1"
    for test in test_autograd test_writes test_marks test_error test_alloc; do
        timeout 600 "build-threads/tests/$test" || exit 1
    done
)

step "layers, calls and names" scripts/check_layers.sh
step "the layer check notices violations" scripts/check_layers.sh --self-test
step "the test summary counts rightly" scripts/test_summary.sh
step "bench tells right arguments from wrong ones" scripts/test_bench_arguments.sh
step "format" check_format
if step "build" ./run configure-and-build "$folder" "all tests" $options; then
    step "build the examples and benchmarks" ./run configure-and-build "$folder" "examples bench"
    step "the examples run" run_examples
    step "the race's jobs and driver work" scripts/test_bench.sh "$folder"
    step "ops.h is up to date" check_ops_header
    step "docs/reference is up to date" check_reference
    step "public headers stand alone" check_headers
    step "exported names" check_symbols
    step "install, and use from pkg-config and CMake" scripts/test_install.sh "$folder"
    tests "$folder"
    step "no block is lost in a training step (valgrind)" check_valgrind
fi
if step "build with sanitizers" ./run configure-and-build build-asan "all tests" $options -DTESSERA_SANITIZE=ON; then
    echo "with sanitizers:"
    tests build-asan --sanitized
fi

# What few people build, an hour's worth of check: without the optional libraries, and with the other compiler.
if [ -n "$long" ]; then
    plain="-DTESSERA_ONEDNN=OFF -DTESSERA_SLEEF=OFF"
    if step "build without oneDNN and SLEEF" ./run configure-and-build build-plain "all tests" $options $plain; then
        echo "without oneDNN and SLEEF:"
        tests build-plain
    fi
    build_clang() (
        command -v clang >/dev/null 2>&1 || skip "clang is not installed"
        CC=clang ./run configure-and-build build-clang "all tests examples bench" $options
    )
    step "build with clang" build_clang
    step "threads that share leaves do not race (clang's thread sanitizer)" check_races
fi

line="$passed passed, $failed failed"
[ $skipped = 0 ] || line="$line, $skipped skipped"
echo "$line"
[ $failed = 0 ]
