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
# Status 2: the arguments, or the Python that they name, are wrong; nothing has been installed then.
set -eu
export TESSERA_CALLER="${TESSERA_CALLER:-$PWD}" # relative paths of programs are the caller's
cd "$(dirname "$0")/.."
build=${BUILD_DIR:-build}

say() { printf 'bench: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
refuse() { say "$*"; exit 2; }

prints() { [ -n "$("$1" -B -c "$2" 2>/dev/null)" ]; }
has_torch() { prints "$1" 'import torch; print(torch.__version__)'; }

# A Python without PyTorch, or what is none, is told apart by what it says.
need_torch() {
    command -v "$1" >/dev/null || refuse "there is no $1"
    prints "$1" 'print(1)' || refuse "$1 is no Python"
    has_torch "$1" || refuse "$1 cannot import torch: $("$1" -B -c 'import torch' 2>&1 | tail -n 1)"
}

# The newest PyTorch; an installation that was broken off is taken up again.
install_torch() {
    [ -n "${XDG_CACHE_HOME:-${HOME:-}}" ] || die "HOME is not set, which says where to install PyTorch; --python and --debian take another"
    environment=${XDG_CACHE_HOME:-$HOME/.cache}/tessera/torch-venv
    python=$environment/bin/python
    ! has_torch "$python" || return 0
    say "installing the newest PyTorch into $environment: on Linux about 3 GB to download and 6 GB on the disk."
    say "(--debian takes the distribution's instead; to get a newer one later, remove that folder.)"
    mkdir -p "$(dirname "$environment")"
    python3 -m venv "$environment" || die "python3 cannot make a virtual environment; if there is a folder $environment, remove it"
    "$python" -m pip --version >/dev/null 2>&1 || die "there is no pip in $environment: remove that folder and try again"
    "$python" -m pip install --disable-pip-version-check torch || die "pip could not install PyTorch"
    need_torch "$python"
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
    --python | --python=*)
        python=${argument#--python}
        if [ -n "$python" ]; then
            python=${python#=}
        elif [ "$count" -gt 0 ]; then
            python=$1
            shift
            count=$((count - 1))
        fi
        [ -n "$python" ] || refuse "--python needs a program"
        case $python in /*) ;; */*) python=$TESSERA_CALLER/$python ;; esac
        ;;
    -h | --help) exec python3 -B bench/race.py --jobs x --tessera x --help ;;
    *)
        case $argument in --against | --against=*) torch= ;; esac
        set -- "$@" "$argument"
        ;;
    esac
done
set -- --jobs "$build/bench/bench_jobs" --tessera "$build/tessera" "$@"
python3 -B bench/race.py "$@" --check # a mistake should not wait for an installation
if [ -n "$torch" ]; then
    if [ -n "$python" ]; then need_torch "$python"; else install_torch; fi
fi
: "${python:=python3}"
exec "$python" -B bench/race.py --python "$python" "$@"
