#!/bin/sh
# ./run bench: races the program's operators and models with PyTorch's on this machine (bench/race.py), or times our kernels
# alone. Called by run, which has built both and installed what the arguments need; those are in bench_arguments.sh.
# Status 2: the arguments, or the Python that they name, are wrong; nothing has been installed then.
set -eu
export TESSERA_CALLER="${TESSERA_CALLER:-$PWD}" # relative paths of programs are the caller's
cd "$(dirname "$0")/.."
build=${BUILD_DIR:-build}

say() { printf 'bench: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

. scripts/bench_arguments.sh

has_torch() { prints "$1" 'import torch; print(torch.__version__)'; }
need_torch() {
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

if [ "$opponent" = kernels ]; then
    shift
    exec "$build/bench/bench_layers" "$@"
fi

set -- --jobs "$build/bench/bench_jobs" --tessera "$build/tessera" "$@"
python3 -B bench/race.py "$@" --check # a mistake should not wait for an installation
case $opponent in
installed) install_torch ;;
program) python=python3 ;;
*) need_torch "${python:=/usr/bin/python3}" ;; # the distribution's
esac
exec "$python" -B bench/race.py --python "$python" "$@"
