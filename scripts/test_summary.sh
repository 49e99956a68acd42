#!/bin/sh
# run_tests.sh against made-up test programs that pass, fail, skip, crash, leak, hold nothing, and print what confuses.
set -eu
cd "$(dirname "$0")"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/tests"

# program NAME STATUS: an executable that prints standard input and ends so.
program() {
    { echo "#!/bin/sh"; echo "cat <<'END'"; cat; echo END; echo "$2"; } >"$folder/tests/$1"
    chmod +x "$folder/tests/$1"
}
program test_mixed "exit 1" <<'EOT'
[==========] Running 4 test(s).
[ RUN      ] good
text without a newline[       OK ] good
[ RUN      ] bad
[  ERROR   ] --- 0x1 != 0x2
[  FAILED  ] bad
[ RUN      ] skipped
[  SKIPPED ] skipped
[ RUN      ] good
[       OK ] good
[==========] 4 test(s) run.
[  PASSED  ] 2 test(s).
[  SKIPPED ] 1 test(s), listed below:
[  SKIPPED ] skipped
[  FAILED  ] 1 test(s), listed below:
[  FAILED  ] bad
EOT
program test_crash 'kill -ABRT $$' <<'EOT'
[ RUN      ] good
[       OK ] good
[ RUN      ] crash
EOT
program test_leak "exit 1" <<'EOT'
[ RUN      ] good
[       OK ] good
[==========] 1 test(s) run.
LeakSanitizer: detected memory leaks
EOT
program test_nothing "exit 0" </dev/null

status=0
output=$(./run_tests.sh "$folder" 2>&1) || status=$?
expect() {
    printf '%s\n' "$output" | grep -q -- "$1" || { printf 'no "%s" in:\n%s\n' "$1" "$output"; exit 1; }
}
expect '^test_mixed: 2 passed, 1 failed, 1 skipped'
expect '0x1 != 0x2'
expect '^test_crash: 1 passed, 1 failed, 0 skipped'
expect ' crash ended with status 134'
expect '^test_leak: 1 passed, 1 failed'
expect 'detected memory leaks'
expect '^test_nothing: 0 passed, 1 failed'
[ "$(printf '%s\n' "$output" | tail -n 1)" = "4 passed, 4 failed, 1 skipped" ] || { echo "$output"; exit 1; }
[ $status != 0 ]
