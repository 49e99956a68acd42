"""Training curves from the same weights over the same pictures in the same order, ours and PyTorch's: do they end alike?

    PYTHON bench/curves.py [--tessera TESSERA] [--preset tiny] [--steps 500] [--last 50] [--runs 1] [--within 0.01] [--json FILE]

PYTHON is one with PyTorch. The figures of an end are the means, over the last steps, of the reconstruction's and the codebook's
loss; the adversarial term is left out, since its sign and size wander by design. Each of --runs after the first has pictures
changed by noise of 1e-6, the same on both sides: too little to matter, so that the spread of one side's ends shows how far a
curve is decided by rounding. Exit status 1 when the means over the runs, of the reconstruction's loss or of the sum, differ by
more than --within of PyTorch's. 500 steps of `tiny` take some ten minutes on two cores.
"""
import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True      # the tree stays as it is

import torch                        # noqa: E402 (after the flag)

import peer_models as models        # noqa: E402

TERMS = ('total_loss', 'nll_loss', 'codebook_loss', 'g_loss', 'd_weight', 'disc_loss')
LR, DISC_WEIGHT, NOISE = 1e-4, 0.8, 1e-6
FIGURES = ('reconstruction', 'codebook', 'sum')
ROOT = pathlib.Path(__file__).resolve().parent.parent


def pictures(count, size):
    """Smooth coloured waves, [count, 3, size, size] in [-1, 1]."""
    g = torch.Generator().manual_seed(0)
    y, x = torch.meshgrid(*[torch.linspace(0, 2 * math.pi, size)] * 2, indexing='ij')
    total = torch.zeros(count, 3, size, size)
    for _ in range(4):
        turn, phase = torch.randn(2, count, 1, 1, 1, generator=g) * 1.5, torch.rand(count, 3, 1, 1, generator=g) * 6.3
        total += torch.cos(turn[0] * x + turn[1] * y + phase)
    return (total / 2).clamp(-1, 1)


def changed(x, seed):
    """The pictures of run number `seed`."""
    return x + NOISE * torch.randn(x.shape, generator=torch.Generator().manual_seed(seed)) if seed else x


def train(tessera, *arguments):
    subprocess.run([tessera, 'train', 'vqgan', '--no-progress', *map(str, arguments)], check=True)


def ours(o, folder, start):
    train(o.tessera, '--init', start, *o.data, '--steps', o.steps, '--lr', LR, '--disc-weight', DISC_WEIGHT,
          '--log-every', 1, '--checkpoint-every', 0, '--sample-every', 0, '--out', folder / 'ours')
    with open(folder / 'ours' / 'metrics.jsonl') as f:
        rows = [json.loads(line) for line in f]
    return [{t: row[t] for t in TERMS} for row in rows if 'nll_loss' in row]


def theirs(o, x, start):
    m = models.VQGAN(start)
    m.w = {k: t for k, t in m.w.items() if not k.startswith('train.')}
    m.prepare_training(LR, DISC_WEIGHT)
    batches = x.split(o.batch)
    return [dict(zip(TERMS, m.train_step(batches[i % len(batches)]).tolist())) for i in range(o.steps)]


def end(rows, last):
    """FIGURES of the last steps."""
    nll, codebook = (sum(row[t] for row in rows[-last:]) / last for t in ('nll_loss', 'codebook_loss'))
    return nll, codebook, nll + codebook


def one_run(o, folder, x, start):
    """-> side -> its rows."""
    models.save_safetensors(folder / 'pictures.safetensors', x)
    return {'ours': ours(o, folder, start), 'theirs': theirs(o, x, start)}


def print_run(number, rows, o):
    for i in sorted({0, o.steps // 4, o.steps // 2, o.steps - 1}):
        print(f'run {number}, step {i + 1}:', *(f'{who} {r[i]["nll_loss"] + r[i]["codebook_loss"]:.5f}' for who, r in rows.items()))
    for name, a, b in zip(FIGURES, *(end(r, o.last) for r in rows.values())):
        print(f'run {number}, mean of the last {o.last} steps, {name}: ours {a:.5f}, PyTorch {b:.5f}, {a / b - 1:+.2%}', flush=True)


def judge(runs, o):
    """Prints the means over the runs; -> figure -> relative difference."""
    ends = {who: list(zip(*(end(rows[who], o.last) for rows in runs))) for who in ('ours', 'theirs')}
    differences = {}
    for i, name in enumerate(FIGURES):
        (a, wide_a), (b, wide_b) = (mean_and_spread(ends[who][i]) for who in ('ours', 'theirs'))
        differences[name] = a / b - 1
        print(f'mean of {len(runs)} runs, {name}: ours {a:.5f} (spread {wide_a:.2%}), PyTorch {torch.__version__} {b:.5f} '
              f'(spread {wide_b:.2%}), difference {differences[name]:+.2%}')
    return differences


def mean_and_spread(values):
    """The spread is the largest minus the smallest, of the mean."""
    mean = sum(values) / len(values)
    return mean, (max(values) - min(values)) / mean


def parse():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    ap.add_argument('--tessera', type=pathlib.Path, default=ROOT / 'build' / 'tessera')
    ap.add_argument('--preset', default='tiny')
    ap.add_argument('--steps', type=int, default=500)
    ap.add_argument('--last', type=int, default=50)
    ap.add_argument('--batch', type=int, default=16)
    ap.add_argument('--runs', type=int, default=1)
    ap.add_argument('--within', type=float, default=0.01)
    ap.add_argument('--json', type=pathlib.Path)
    o = ap.parse_args()
    if min(o.steps, o.last, o.batch, o.runs) < 1:
        ap.error('--steps, --last, --batch and --runs are at least 1')
    if not o.tessera.is_file():
        ap.error(f'there is no program {o.tessera}: ./run build makes it, or --tessera names another')
    o.tessera = o.tessera.resolve()
    o.last = min(o.last, o.steps)
    return o


def main():
    o, runs = parse(), []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        x = pictures(16 * o.batch, 64)
        models.save_safetensors(folder / 'pictures.safetensors', x)
        o.data = ['--data', folder / 'pictures.safetensors', '--split', 'all', '--order', 'sequential', '--batch', o.batch]
        train(o.tessera, '--preset', o.preset, *o.data, '--steps', 1, '--lr', 0, '--sample-every', 0, '--out', folder / 'start')
        start = folder / 'start' / 'checkpoints' / 'last.safetensors'
        for number in range(o.runs):
            within = folder / f'run{number}'
            within.mkdir()
            o.data[1] = within / 'pictures.safetensors'
            runs.append(one_run(o, within, changed(x, number), start))
            print_run(number, runs[-1], o)
    differences = judge(runs, o)
    if o.json:
        o.json.write_text(json.dumps({'differences': differences, 'runs': runs}))
    return 0 if all(abs(differences[name]) <= o.within for name in ('reconstruction', 'sum')) else 1


if __name__ == '__main__':
    sys.exit(main())
