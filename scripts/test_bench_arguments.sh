#!/bin/sh
# Tests what ./run bench says of its arguments: at once, with nothing but a shell and the smallest tools, and before it installs
# or builds anything.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
for tool in sh cat dirname grep rm sed; do ln -s "$(command -v $tool)" "$work/bin/$tool"; done

die() { echo "$*"; exit 1; }
bench() { PATH=$work/bin BUILD_DIR=$work/build CDPATH='' sh ./run bench "$@" >"$work/out" 2>"$work/err"; }

for words in --help -h 'kernels --help' '--quick --help'; do
    # shellcheck disable=SC2086
    bench $words || die "bench $words failed: $(cat "$work/err")"
    [ "$(grep -c '^usage:' "$work/out")" = 1 ] || die "bench $words: $(cat "$work/out")"
    grep -qe --debian "$work/out" || die "bench $words does not say --debian"
    grep -q 'bench kernels' "$work/out" || die "bench $words does not say kernels"
done

# refused TEXT ARGUMENTS...
refused() {
    text=$1 status=0
    shift
    bench "$@" || status=$?
    [ $status = 2 ] || die "bench $* ended with status $status: $(cat "$work/err")"
    grep -qFe "$text" "$work/err" || die "bench $*: $(cat "$work/err")"
    [ ! -e "$work/build" ] || die "bench $* has made the build's folder"
}
refused 'there is no option --pyth' --pyth x
refused 'there is no option --filt' --filt chain
refused 'there is no option --quick=1' --quick=1
refused 'there is no option zzz' zzz
refused 'a value is missing after --filter' --quick --filter
refused 'only one of --debian, --python and --against' --debian --against "$work/bin/sh"
refused '--threads takes 1 to 1024, not 100000' --threads 100000
refused '--threads takes 1 to 1024, not 1025' --threads=1025
refused '--rounds takes 1 to 10000, not 0' --rounds 0
refused '--rounds takes 1 to 10000, not -1' --rounds -1
refused '--rounds takes 1 to 10000, not ' --rounds ''
refused '--min takes a ratio above 0, not nan' --min nan
refused '--min takes a ratio above 0, not 0.0' --min 0.0
refused 'is no name of a file' --json "$work"
refused 'is no name of a file' --json ''
refused 'not an ordinary file' --json /dev/full
refused 'none/race.svg cannot be written' --plot "$work/none/race.svg"
refused '--plot draws an SVG' --plot race.png
refused 'there is no program "/nope/python"' --python /nope/python
refused 'is no Python' --python "$work/bin/cat"
refused 'there is no program "/nope/jobs"' --against /nope/jobs
refused 'there is no program ""' --against ''
refused 'there is no option --zzz' kernels --zzz
refused 'there is no option --quick' kernels --quick
refused 'b is a second' kernels a b
refused 'a value is missing after --repeat' kernels --repeat
refused '--repeat takes 1 to 1000, not 1x' kernels --repeat 1x
refused '--isa takes reference, baseline, avx2 or avx512, not sse9' kernels --isa sse9

# What is right goes on, to what this PATH lacks, with paths from where the caller is; race.py knows every option.
leads_on() {
    if bench "$@"; then die "bench $* ended with 0"; fi
    grep -q '^run: not found on this system:' "$work/err" || die "bench $*: $(cat "$work/err")"
}
leads_on
leads_on kernels conv3 --isa=avx2 --repeat 7 --cpu
leads_on --quick --filter '' --rounds 2 --threads=1 --memory --compile --json "$work/a.json" --plot="$work/a.svg" --min 0.5
[ ! -e "$work/a.json.part" ] || die "a file is left"
bench --help
[ "$(grep -c '^  --' "$work/out")" -ge 15 ] || die "options are missing in $(cat "$work/out")"
sed -n 's/^  \(--[a-z]*\) .*/\1/p' "$work/out" | while read -r option; do
    grep -qe "['\"]${option}['\"]" bench/race.py bench/bench_layers.c || die "no program knows $option"
done
echo "the arguments are told right from wrong"
