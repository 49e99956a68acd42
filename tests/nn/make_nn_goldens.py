"""What PyTorch's layers compute, in float64, for test_layers.c:

    python3 tests/nn/make_nn_goldens.py tests/nn/layers.npz

For each layer: NAME.in, NAME.state.KEY, NAME.out, NAME.grad_out (random), NAME.grad_in, NAME.grad.KEY, and for buffers
NAME.after.KEY, their values after the forward pass. Arrays of the state lie in the file in the state dict's order.
"""
import sys

import numpy
import torch
from torch import nn

torch.manual_seed(11)
arrays = {}


def put(name, t):
    assert name not in arrays
    arrays[name] = t.detach().clone().numpy()


def layer(name, module, x, call=None):
    module = module.double()
    for p in module.parameters():
        p.data.add_(torch.randn_like(p), alpha=0.3)
    put(name + '.in', x)
    for key, t in module.state_dict().items():
        put(f'{name}.state.{key}', t)
    if x.is_floating_point():
        x.requires_grad_()
    out = call(module, x) if call else module(x)
    grad = torch.randn_like(out)
    if out.requires_grad:
        out.backward(grad)
    put(name + '.out', out)
    put(name + '.grad_out', grad)
    if x.grad is not None:
        put(name + '.grad_in', x.grad)
    for key, p in module.named_parameters():
        put(f'{name}.grad.{key}', p.grad)
    for key, b in module.named_buffers():
        put(f'{name}.after.{key}', b)


def rand(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def running(channels):
    m = nn.BatchNorm2d(channels)
    m.running_mean.copy_(torch.randn(channels))
    m.running_var.copy_(torch.rand(channels) + 0.5)
    return m


def attend(mask):
    def call(m, x):
        length = x.shape[1]
        causal = torch.ones(length, length, dtype=torch.bool).triu(1) if mask else None
        return m(x, x, x, attn_mask=causal, need_weights=False)[0]
    return call


layer('linear', nn.Linear(5, 3), rand(2, 4, 5))
layer('linear_no_bias', nn.Linear(5, 3, bias=False), rand(4, 5))
layer('conv1d', nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2), rand(2, 4, 9))
layer('conv2d', nn.Conv2d(3, 4, 3, padding=1), rand(2, 3, 5, 6))
layer('conv2d_uneven', nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), groups=2, bias=False), rand(2, 4, 7, 5))
layer('conv_transpose1d', nn.ConvTranspose1d(3, 4, 3, stride=2, padding=1, output_padding=1), rand(2, 3, 5))
layer('conv_transpose2d', nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1, groups=2), rand(1, 4, 3, 4))
layer('group_norm', nn.GroupNorm(2, 6, eps=1e-3), rand(2, 6, 3, 2))
layer('layer_norm', nn.LayerNorm(7), rand(2, 3, 7))
layer('batch_norm', running(3), rand(4, 3, 2, 3))
layer('batch_norm_momentum', nn.BatchNorm2d(3, eps=1e-2, momentum=0.3), rand(4, 3, 2, 3))
layer('batch_norm_eval', running(3).eval(), rand(2, 3, 2, 3))
layer('embedding', nn.Embedding(6, 4), torch.tensor([[0, 5, 2], [2, 2, 1]]))
layer('flatten', nn.Flatten(1), rand(2, 3, 4))
layer('relu', nn.ReLU(), rand(3, 4))
layer('leaky_relu', nn.LeakyReLU(0.2), rand(3, 4))
layer('silu', nn.SiLU(), rand(3, 4))
layer('gelu', nn.GELU(), rand(3, 4))
layer('tanh', nn.Tanh(), rand(3, 4))
layer('sigmoid', nn.Sigmoid(), rand(3, 4))
layer('max_pool2d', nn.MaxPool2d(3, 2), rand(1, 2, 7, 6))
layer('avg_pool2d', nn.AvgPool2d(2), rand(1, 2, 6, 5))
layer('upsample', nn.Upsample(scale_factor=3), rand(1, 2, 2, 3))
layer('attention', nn.MultiheadAttention(6, 2, batch_first=True), rand(2, 4, 6), attend(False))
layer('attention_causal', nn.MultiheadAttention(6, 3, batch_first=True), rand(2, 5, 6), attend(True))
layer('net', nn.Sequential(nn.Conv2d(1, 2, 2, bias=False), nn.BatchNorm2d(2), nn.SiLU(),
                           nn.Sequential(nn.Flatten(), nn.Linear(8, 3))), rand(3, 1, 3, 3))
numpy.savez_compressed(sys.argv[1], **arrays)
