"""What PyTorch's optimisers do in eight steps, in float64, for test_optim.c:

    python3 tests/optim/make_optim_goldens.py tests/optim/steps.npz

start.0, start.1: two parameters; grad.0, grad.1 [8, ...]: their gradients; CASE.0, CASE.1 [8, ...]: the parameters after
each step. After the fourth step the learning rate is halved. In `groups` the second parameter has options of its own.
norm, clipped.0, clipped.1: clip_grad_norm_ with 1.5 of the first step's gradients.
"""
import sys

import numpy
import torch

torch.manual_seed(5)
STEPS = 8
start = [torch.randn(3, 4, dtype=torch.float64), torch.randn(5, dtype=torch.float64)]
grads = [torch.randn(STEPS, *p.shape, dtype=torch.float64) for p in start]
grads[1][2:5] *= 1e-4  # the second moment falls: amsgrad matters
arrays = {}


def run(name, kind, options, second=None):
    params = [p.clone().requires_grad_() for p in start]
    groups = params if second is None else [{'params': params[:1]}, {'params': params[1:], **second}]
    optim = kind(groups, **options)
    after = [[], []]
    for step in range(STEPS):
        if step == 4:
            for group in optim.param_groups:
                group['lr'] /= 2
        for p, g, a in zip(params, grads, after):
            p.grad = g[step].clone()
        optim.step()
        for p, a in zip(params, after):
            a.append(p.detach().clone())
    for i in range(2):
        arrays[f'{name}.{i}'] = torch.stack(after[i]).numpy()


for i in range(2):
    arrays[f'start.{i}'] = start[i].numpy()
    arrays[f'grad.{i}'] = grads[i].numpy()
SGD, Adam, AdamW = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
run('sgd', SGD, dict(lr=0.1))
run('sgd_decay', SGD, dict(lr=0.1, weight_decay=0.05))
run('sgd_momentum', SGD, dict(lr=0.1, momentum=0.9, weight_decay=0.05))
run('sgd_dampening', SGD, dict(lr=0.1, momentum=0.9, dampening=0.3))
run('sgd_nesterov', SGD, dict(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01))
run('sgd_maximize', SGD, dict(lr=0.1, momentum=0.5, weight_decay=0.05, maximize=True))
run('adam', Adam, dict(lr=0.01))
run('adam_betas', Adam, dict(lr=0.01, betas=(0.5, 0.9), eps=1e-3, weight_decay=0.1))
run('adam_beta_zero', Adam, dict(lr=0.01, betas=(0, 0.99)))
run('adam_amsgrad', Adam, dict(lr=0.01, amsgrad=True))
run('adam_maximize', Adam, dict(lr=0.01, weight_decay=0.1, maximize=True))
run('adamw', AdamW, dict(lr=0.01, weight_decay=0.01))
run('adamw_amsgrad', AdamW, dict(lr=0.01, weight_decay=0.3, amsgrad=True))
run('adamw_maximize', AdamW, dict(lr=0.01, weight_decay=0.3, maximize=True))
run('groups', AdamW, dict(lr=0.01, weight_decay=0.1), dict(lr=0.05, weight_decay=0, betas=(0.8, 0.95)))

params = [p.clone().requires_grad_() for p in start]
for p, g in zip(params, grads):
    p.grad = g[0].clone()
arrays['norm'] = torch.nn.utils.clip_grad_norm_(params, 1.5).numpy()
for i in range(2):
    arrays[f'clipped.{i}'] = params[i].grad.numpy()
numpy.savez_compressed(sys.argv[1], **arrays)
