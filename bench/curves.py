"""Two training curves from the same weights over the same pictures in the same order, ours and PyTorch's: do they end alike?

    PYTHON bench/curves.py [--tessera build/tessera] [--preset tiny] [--steps 500] [--last 50] [--within 0.01] [--json FILE]

PYTHON is one with PyTorch. The figure of an end is the mean, over the last steps, of the reconstruction's and the codebook's
loss; the adversarial term is left out of it, since its sign and size wander by design. Exit status 1 when the ends differ by
more than --within of PyTorch's. 500 steps of `tiny` take some ten minutes on two cores.
"""
import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import torch

import peer_models as models

TERMS = ('total_loss', 'nll_loss', 'codebook_loss', 'g_loss', 'd_weight', 'disc_loss')
LR, DISC_WEIGHT = 1e-4, 0.8


def pictures(count, size):
    """Smooth coloured waves, [count, 3, size, size] in [-1, 1]."""
    g = torch.Generator().manual_seed(0)
    y, x = torch.meshgrid(*[torch.linspace(0, 2 * math.pi, size)] * 2, indexing='ij')
    total = torch.zeros(count, 3, size, size)
    for _ in range(4):
        turn, phase = torch.randn(2, count, 1, 1, 1, generator=g) * 1.5, torch.rand(count, 3, 1, 1, generator=g) * 6.3
        total += torch.cos(turn[0] * x + turn[1] * y + phase)
    return (total / 2).clamp(-1, 1)


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
    return sum(row['nll_loss'] + row['codebook_loss'] for row in rows[-last:]) / last


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--tessera', default='build/tessera')
    ap.add_argument('--preset', default='tiny')
    ap.add_argument('--steps', type=int, default=500)
    ap.add_argument('--last', type=int, default=50)
    ap.add_argument('--batch', type=int, default=16)
    ap.add_argument('--within', type=float, default=0.01)
    ap.add_argument('--json', type=pathlib.Path)
    o = ap.parse_args()
    o.last = min(o.last, o.steps)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        x = pictures(16 * o.batch, 64)
        models.save_safetensors(folder / 'pictures.safetensors', x)
        o.data = ['--data', folder / 'pictures.safetensors', '--split', 'all', '--order', 'sequential', '--batch', o.batch]
        train(o.tessera, '--preset', o.preset, *o.data, '--steps', 1, '--lr', 0, '--sample-every', 0, '--out', folder / 'start')
        start = folder / 'start' / 'checkpoints' / 'last.safetensors'
        rows = {'ours': ours(o, folder, start), 'theirs': theirs(o, x, start)}
    ends = {who: end(r, o.last) for who, r in rows.items()}
    difference = ends['ours'] / ends['theirs'] - 1
    for i in sorted({0, o.steps // 4, o.steps // 2, o.steps - 1}):
        print(f'step {i + 1}:', *(f'{who} {rows[who][i]["nll_loss"] + rows[who][i]["codebook_loss"]:.5f}' for who in rows))
    print(f'mean of the last {o.last} steps: ours {ends["ours"]:.5f}, PyTorch {torch.__version__} {ends["theirs"]:.5f}, '
          f'difference {difference:+.2%}')
    if o.json:
        o.json.write_text(json.dumps({'difference': difference, **rows}))
    return 0 if abs(difference) <= o.within else 1


if __name__ == '__main__':
    sys.exit(main())
