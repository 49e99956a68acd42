#!/bin/sh
# Runs the test programs of a build and sums up: the last line is `N passed, N failed` (`, N skipped` may follow).
#
#   usage: run_tests.sh [--sanitized] [--long] [--part] BUILD [NAME...]
#     --part   part of a longer run: the last line goes to BUILD/tests/summary alone
#     NAME     test_view: only that program
#
# A program's output is shown for the tests that failed, and lies in full in BUILD/tests/NAME.log. A program that crashes,
# hangs, finds a leak at its end or holds no test counts as one failure more.
set -eu
sanitized= long= part=
while :; do
    case ${1:-} in
    --sanitized) sanitized=yes ;;
    --long) long=yes ;;
    --part) part=yes ;;
    *) break ;;
    esac
    shift
done
build=$(cd "$1" && pwd)
shift
cd "$(dirname "$0")/.."

limit=600
[ -z "$sanitized" ] || limit=1500
# On a busy machine, threads that wait by spinning keep others from the work they wait for.
export OMP_WAIT_POLICY=passive
if [ -n "$long" ]; then
    limit=3600
    export TSR_TEST_LONG=1
fi
# Requests too large for the machine must return NULL, as they do without the sanitizer: tests of that exist.
export ASAN_OPTIONS="detect_leaks=1:halt_on_error=1:allocator_may_return_null=1:detect_stack_use_after_return=1"
export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1"

# summarise STATUS: reads cmocka output, prints the parts of failed tests, then "passed failed skipped" on the last line.
# cmocka repeats failed and skipped names at the end, so a verdict counts only for the test that is running; and what a test
# prints without a newline stands before the verdict on its line.
summarise() {
    awk -v status="$1" '
        function fail(why,    i) {
            failed++
            print "    " test why
            for (i = lines > 60 ? lines - 60 : 0; i < lines; i++) print "        " text[i]
        }
        /\[ RUN      \] / { test = $NF; lines = 0; next }
        test != "" && /\[       OK \] / { passed++; test = ""; lines = 0; next }
        test != "" && /\[  SKIPPED \] / { skipped++; test = ""; lines = 0; next }
        test != "" && /\[  FAILED  \] / { fail(""); test = ""; lines = 0; next }
        { text[lines++] = $0 }
        END {
            end = status == 124 ? " hung: it was stopped" : " ended with status " status
            if (test != "") fail(end)
            else if (status != 0 && !failed) { test = "the program"; fail(end ", though no test failed") }
            else if (!passed && !failed && !skipped) { test = "the program"; fail(" holds no test") }
            print passed + 0, failed + 0, skipped + 0
        }'
}

passed=0 failed=0 skipped=0
[ $# -gt 0 ] || set -- $(cd "$build/tests" && find . -maxdepth 1 -name 'test_*' -type f -perm -u+x | sort)
for name; do
    name=${name#./}
    status=0
    start=$(date +%s)
    timeout -k 10 "$limit" "$build/tests/$name" >"$build/tests/$name.log" 2>&1 || status=$?
    seconds=$(($(date +%s) - start))
    summary=$(summarise $status <"$build/tests/$name.log")
    # shellcheck disable=SC2046
    set -- $(printf '%s\n' "$summary" | tail -n 1)
    printf '%s: %s passed, %s failed, %s skipped (%s s)\n' "$name" "$1" "$2" "$3" "$seconds"
    printf '%s\n' "$summary" | sed '$d'
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
done
line="$passed passed, $failed failed"
[ $skipped = 0 ] || line="$line, $skipped skipped"
printf '%s\n' "$line" >"$build/tests/summary"
[ -n "$part" ] || printf '%s\n' "$line"
[ $failed = 0 ]
