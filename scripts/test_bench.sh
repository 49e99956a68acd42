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
python3 -B -c 'import ast, sys; [ast.parse(open(f).read(), f) for f in sys.argv[1:]]' bench/*.py
race() {
    python3 -B bench/race.py --jobs "$build/bench/bench_jobs" --tessera "$build/tessera" --threads 1 --quick "$@" \
        >"$work/race.txt" 2>&1
}
race --against "$build/bench/bench_jobs" --rounds 2 --memory --filter chain --json "$work/race.json" --plot "$work/race.svg" ||
    die "the driver failed: $(cat "$work/race.txt")"
grep -q '^chain.both/4 .* 0e+00' "$work/race.txt" || die "a build differs from itself: $(cat "$work/race.txt")"
python3 - "$work" <<'END'
import json, sys, xml.dom.minidom
result = json.load(open(sys.argv[1] + '/race.json'))
assert [r['job'] for r in result['jobs']] == ['chain.forward/4', 'chain.both/4'], result
assert all(r["ratio"] > 0 for r in result["jobs"]) and len(result['memory']) == 2 and not result['failures'], result
xml.dom.minidom.parse(sys.argv[1] + '/race.svg')
END

# ends STATUS TEXT ARGUMENTS...: the race ends so, and says TEXT.
ends() {
    expected=$1 text=$2 status=0
    shift 2
    race --against "$build/bench/bench_jobs" --rounds 1 "$@" || status=$?
    [ $status = "$expected" ] || die "'$*' ended with status $status: $(cat "$work/race.txt")"
    grep -qe "$text" "$work/race.txt" || die "'$*': $(cat "$work/race.txt")"
}

ends 1 '^chain.forward' --filter chain.forward --min 1000
ends 2 'no job has "zzz" in its name$' --filter zzz
ends 2 'leave out --quick' --filter f16
TSR_ISA=nonsense
export TSR_ISA
ends 2 'TSR_ISA: .*"nonsense" is none of' --filter chain
TSR_ISA=baseline
ends 0 '(baseline) against' --filter chain.forward
unset TSR_ISA

# A side that dies costs one job.
printf '#!/bin/sh\nsed -u -n "/chain.forward/q;p" | "%s"\n' "$(cd "$build" && pwd)/bench/bench_jobs" >"$work/dies"
chmod +x "$work/dies"
ends 1 '^FAILED: chain.forward/4: theirs, ways: the process ended' --filter chain --against "$work/dies"
grep -q '^chain.both/4' "$work/race.txt" || die "the race did not go on: $(cat "$work/race.txt")"

# What was measured before SIGTERM is kept, and nothing else is left.
mkdir "$work/tmp"
TMPDIR=$work/tmp python3 -B bench/race.py --jobs "$build/bench/bench_jobs" --tessera "$build/tessera" --threads 1 \
    --against "$build/bench/bench_jobs" --filter chain --rounds 10000 --json "$work/stopped.json" --quick >"$work/race.txt" 2>&1 &
race=$! waited=0
until [ -s "$work/stopped.json" ] || [ $waited = 300 ]; do sleep 0.2 && waited=$((waited + 1)); done
kill -TERM $race
status=0
wait $race || status=$?
[ $status = 143 ] || die "a stopped race ended with status $status: $(cat "$work/race.txt")"
[ -z "$(ls "$work/tmp")" ] || die "a stopped race left $(ls "$work/tmp")"
grep -q '^bench: stopped by SIGTERM' "$work/race.txt" || die "a stopped race: $(cat "$work/race.txt")"
python3 -c 'import json, sys; assert json.load(open(sys.argv[1]))["jobs"]' "$work/stopped.json"

# What bench.sh refuses, of a build, before it installs PyTorch.
refused_by() {
    script=$1 text=$2 status=0
    shift 2
    XDG_CACHE_HOME=$work/none sh "$script" "$@" >"$work/race.txt" 2>&1 || status=$?
    [ $status = 2 ] || die "$script $* ended with status $status: $(cat "$work/race.txt")"
    grep -qe "$text" "$work/race.txt" || die "$script $*: $(cat "$work/race.txt")"
}
BUILD_DIR=$build
export BUILD_DIR
refused_by scripts/bench.sh 'no job has "zzz"' --filter zzz
refused_by scripts/bench.sh 'is no Python' --python "$(command -v env)"
refused_by scripts/bench.sh 'no kernel has zzz in its name' kernels zzz

[ ! -e bench/__pycache__ ] || die "bench/__pycache__ is in the tree"
echo "the jobs and the driver work"
