#!/bin/sh
# Measures the kernels of layers on this machine: ./run bench [FILTER] [--isa TIER] [--repeat N]. Called by run, which has built
# the benchmarks. Comparisons with PyTorch will come beside it.
set -eu
cd "$(dirname "$0")/.."
exec "${BUILD_DIR:-build}/bench/bench_layers" "$@"
