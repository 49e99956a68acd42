#!/bin/sh
# Tests the race's parts that need no PyTorch: each standard job computes finite numbers, requests that cannot be met are
# answered by errors, and, where there is a Python, the driver races a build with itself.
#
#   usage: test_bench.sh [BUILD]
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 TSR_NUM_THREADS=1

die() { echo "$*"; exit 1; }
ask() { printf '%s\n' "$@" | "$build/bench/bench_jobs"; }

# expect TEXT REQUEST...: the answer to the last request holds TEXT.
expect() {
    text=$1
    shift
    answer=$(ask "$@" | tail -n 1)
    case $answer in *"$text"*) ;; *) die "after '$*': $answer" ;; esac
}

expect '"error": "no job of that name"' 'run nothing/8 1'
expect '"error": "no job of that name"' 'run conv3.forward/8xtwo 1'
expect '"error": "there is no VQGAN preset' 'check vqgan.encode/huge'
expect '"error": "REPEAT is' 'run chain.forward/4 0'
expect '"seconds": [' 'run nothing/8 1' 'run chain.both/4 2'
expect '"gflops": ' peak
expect '"mb": ' rss
case $(ask peak rss) in *'": 0'*) die "the peak or the memory is 0" ;; esac

# The largest model's jobs take seconds of setting up each; its code is that of the others.
ask list | tr '{' '\n' | sed -n 's/.*"name": "\([^"]*\)".*/\1/p' | grep -v f16-imagenet >"$work/names"
[ "$(wc -l <"$work/names")" -gt 60 ] || die "only $(wc -l <"$work/names") standard jobs"
sed 's/^/check /' "$work/names" | "$build/bench/bench_jobs" --weights "$work" >"$work/answers"
if grep -v '^{"values": \[[-+.e0-9]*\(, [-+.e0-9]*\)*\]}$' "$work/answers"; then die "these answers are not numbers"; fi
[ "$(wc -l <"$work/names")" = "$(wc -l <"$work/answers")" ] || die "not every job was answered"
for file in vqgan-tiny vqgan-small gpt-tiny gpt-small; do
    [ -s "$work/$file.safetensors" ] || die "no weights: $file"
done

command -v python3 >/dev/null 2>&1 || { echo "the jobs work; no python3 for the driver"; exit 0; }
python3 -c 'import ast, sys; [ast.parse(open(f).read(), f) for f in sys.argv[1:]]' bench/*.py
python3 -B bench/race.py --jobs "$build/bench/bench_jobs" --tessera "$build/tessera" --against "$build/bench/bench_jobs" \
    --quick --rounds 2 --threads 1 --memory --filter chain --json "$work/race.json" --plot "$work/race.svg" >"$work/race.txt" ||
    die "the driver failed: $(cat "$work/race.txt")"
grep -q '^chain.both/4 .* 0e+00' "$work/race.txt" || die "a build differs from itself: $(cat "$work/race.txt")"
python3 - "$work" <<'END'
import json, sys, xml.dom.minidom
result = json.load(open(sys.argv[1] + '/race.json'))
assert [r['job'] for r in result['jobs']] == ['chain.forward/4', 'chain.both/4'], result
assert all(r["ratio"] > 0 for r in result["jobs"]) and len(result['memory']) == 2 and not result['failures'], result
xml.dom.minidom.parse(sys.argv[1] + '/race.svg')
END
status=0
python3 -B bench/race.py --jobs "$build/bench/bench_jobs" --tessera "$build/tessera" --against "$build/bench/bench_jobs" \
    --quick --rounds 1 --threads 1 --filter chain.forward --min 1000 >"$work/race.txt" || status=$?
[ $status = 1 ] || die "--min 1000 ended with status $status"
echo "the jobs and the driver work"
