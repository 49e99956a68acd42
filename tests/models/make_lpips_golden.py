"""LPIPS as PyTorch computes it, with random weights, for test_lpips.c (60 MB, so it is not kept in the repository):

    python3 tests/models/make_lpips_golden.py /tmp/lpips.npz && TESSERA_LPIPS=/tmp/lpips.npz build/tests/test_lpips

The file holds weights under taming-transformers' names (loss.perceptual_loss.*), two batches of pictures x and y,
distance [N, 1, 1, 1], and grad: the gradient of the distances' sum at y.
"""
import sys

import numpy
import torch
import torch.nn.functional as F

torch.manual_seed(3)
SLICES = [[(0, 3, 64), (2, 64, 64)], [(5, 64, 128), (7, 128, 128)], [(10, 128, 256), (12, 256, 256), (14, 256, 256)],
          [(17, 256, 512), (19, 512, 512), (21, 512, 512)], [(24, 512, 512), (26, 512, 512), (28, 512, 512)]]
prefix = 'loss.perceptual_loss.'
state = {}
for s, convs in enumerate(SLICES):
    for i, inputs, outputs in convs:
        state[f'{prefix}net.slice{s + 1}.{i}.weight'] = torch.randn(outputs, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
        state[f'{prefix}net.slice{s + 1}.{i}.bias'] = torch.randn(outputs) * 0.1
    state[f'{prefix}lin{s}.model.1.weight'] = torch.rand(1, convs[-1][2], 1, 1) / convs[-1][2]
double = {k: v.double() for k, v in state.items()}
shift = torch.tensor([-.030, -.088, -.188]).double().view(1, 3, 1, 1)
scale = torch.tensor([.458, .448, .450]).double().view(1, 3, 1, 1)


def features(x):
    x = (x - shift) / scale
    for s, convs in enumerate(SLICES):
        x = F.max_pool2d(x, 2) if s else x
        for i, _, _ in convs:
            name = f'{prefix}net.slice{s + 1}.{i}.'
            x = F.relu(F.conv2d(x, double[name + 'weight'], double[name + 'bias'], padding=1))
        yield x


def unit(x):
    return x / (x.pow(2).sum(1, keepdim=True).sqrt() + 1e-10)


x = torch.randn(2, 3, 32, 48).tanh()
y = (x + 0.3 * torch.randn(2, 3, 32, 48)).clamp(-1, 1)
leaf = y.double().requires_grad_()
distance = 0
for s, (a, b) in enumerate(zip(features(x.double()), features(leaf))):
    weight = double[f'{prefix}lin{s}.model.1.weight']
    distance = distance + F.conv2d((unit(a) - unit(b)) ** 2, weight).mean((2, 3), keepdim=True)
distance.sum().backward()
arrays = {k: v.numpy() for k, v in state.items()}
numpy.savez(sys.argv[1], x=x.numpy(), y=y.numpy(), distance=distance.detach().numpy(), grad=leaf.grad.numpy(), **arrays)
