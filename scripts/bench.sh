#!/bin/sh
# ./run bench: races the program's operators and models with PyTorch's on this machine (bench/race.py), or times our kernels
# alone. Called by run, which has built both and installed what the arguments need.
#
#   usage: bench.sh [--debian | --python PYTHON | --against PROGRAM] [--quick] [OPTIONS OF bench/race.py]
#          bench.sh kernels [ARGUMENTS OF bench/bench_layers.c]
#     (neither)          the newest PyTorch, installed from the Python index into a virtual environment outside the tree
#     --debian           the distribution's PyTorch (python3-torch), which is older and slower
#     --python PYTHON    the PyTorch of this Python
#     --against PROGRAM  no PyTorch: another build's bench/bench_jobs
set -eu
cd "$(dirname "$0")/.."
build=${BUILD_DIR:-build}
environment=${XDG_CACHE_HOME:-$HOME/.cache}/tessera/torch-venv

say() { printf 'bench: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
# Relative paths of programs are the caller's.
from_caller() { case $1 in */*) (cd "${TESSERA_CALLER:-.}" && printf '%s/%s' "$(cd "$(dirname "$1")" && pwd)" "$(basename "$1")") ;; *) printf '%s' "$1" ;; esac }
has_torch() { "$1" -c 'import torch' 2>/dev/null; }

# The newest PyTorch; an installation that was broken off is taken up again.
install_torch() {
    ! has_torch "$environment/bin/python" || return 0
    say "installing the newest PyTorch into $environment: on Linux about 3 GB to download and 6 GB on the disk."
    say "(--debian takes the distribution's instead; to get a newer one later, remove that folder.)"
    mkdir -p "$(dirname "$environment")"
    python3 -m venv "$environment" || die "python3 cannot make a virtual environment"
    "$environment/bin/python" -m pip install --disable-pip-version-check torch || die "pip could not install PyTorch"
}

if [ "${1:-}" = kernels ]; then
    shift
    exec "$build/bench/bench_layers" "$@"
fi

# What is ours is taken out of the arguments; the rest is for race.py.
python='' torch=yes count=$#
while [ "$count" -gt 0 ]; do
    argument=$1
    shift
    count=$((count - 1))
    case $argument in
    --debian) python=/usr/bin/python3 ;;
    --python=) die "--python needs a program" ;;
    --python=*) python=$(from_caller "${argument#*=}") || die "there is no ${argument#*=}" ;;
    --python)
        [ "$count" -gt 0 ] && [ -n "$1" ] || die "--python needs a program"
        python=$(from_caller "$1") || die "there is no $1"
        shift
        count=$((count - 1))
        ;;
    *)
        case $argument in --against | --against=* | -h | --help) torch= ;; esac
        set -- "$@" "$argument"
        ;;
    esac
done
python3 -B bench/race.py --jobs x --tessera x --check "$@" # a mistake should not wait for an installation
if [ -z "$python" ] && [ -n "$torch" ]; then
    install_torch
    python=$environment/bin/python
fi
: "${python:=python3}"
[ -z "$torch" ] || has_torch "$python" || die "$python has no PyTorch: it cannot import torch"
exec "$python" -B bench/race.py --jobs "$build/bench/bench_jobs" --tessera "$build/tessera" --python "$python" "$@"
