"""PyTorch's results for the kernels of layers (src/backend), in float64, as text:

    python3 tests/data/make_layers_goldens.py > tests/data/layers.golden

A line `case KERNEL` starts a case; `number NAME VALUE...` are its parameters; `array NAME f64|i64 NDIM SIZES... : VALUES...`
its operands, and its results, whose names start with `out`. test_layers_golden.c replays them.
"""
import torch
import torch.nn.functional as F

torch.manual_seed(7)


def rand(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def case(kernel, numbers, **arrays):
    print('case', kernel)
    for name, value in numbers.items():
        value = value if isinstance(value, (list, tuple)) else [value]
        print('number', name, *[float(v) if isinstance(v, float) else int(v) for v in value])
    for name, a in arrays.items():
        if a is None:
            continue
        kind = 'i64' if a.dtype == torch.int64 else 'f64'
        values = [str(int(v)) if kind == 'i64' else '%.17g' % v for v in a.detach().reshape(-1).tolist()]
        print('array', name, kind, a.dim(), *a.shape, ':', *values)


def grads(f, *inputs):
    """f's result, a random gradient for it, and the inputs' gradients."""
    inputs = [i.clone().requires_grad_() if i is not None else None for i in inputs]
    out = f(*inputs)
    grad = torch.randn_like(out)
    got = iter(torch.autograd.grad(out, [i for i in inputs if i is not None], grad))
    return (out, grad, *[next(got) if i is not None else None for i in inputs])


def conv(x, w, bias, **p):
    spatial = x.dim() - 2
    full = {k: [v] * spatial if isinstance(v, int) else list(v) for k, v in p.items() if k != 'groups'}
    full = {'stride': [1] * spatial, 'padding': [0] * spatial, 'dilation': [1] * spatial, **full}
    f = [F.conv1d, F.conv2d, F.conv3d][spatial - 1]
    out, grad, gx, gw, gb = grads(lambda x, w, b: f(x, w, b, groups=p.get('groups', 1), **full), x, w, bias)
    case('conv', {**full, 'groups': p.get('groups', 1)}, x=x, weight=w, bias=bias, grad=grad, out=out, out_grad_x=gx,
         out_grad_weight=gw, out_grad_bias=gb)


conv(rand(2, 3, 7), rand(4, 3, 3), rand(4), stride=2, padding=1)
conv(rand(2, 3, 5, 6), rand(4, 3, 3, 3), rand(4), padding=1)
conv(rand(1, 4, 7, 6), rand(6, 2, 3, 2), None, stride=(2, 1), padding=(1, 2), dilation=(2, 1), groups=2)
conv(rand(2, 4, 5, 5), rand(4, 1, 3, 3), rand(4), padding=1, groups=4)
conv(rand(2, 3, 5, 5), rand(2, 3, 4, 4), rand(2), stride=3)
conv(rand(1, 2, 4, 5, 4), rand(3, 2, 2, 3, 2), rand(3), stride=(1, 2, 1), padding=(1, 1, 0))


def window(spatial, **p):
    full = {k: [v] * spatial if isinstance(v, int) else list(v) for k, v in p.items()}
    return {'stride': full['kernel'], 'padding': [0] * spatial, 'dilation': [1] * spatial, **full}


def max_pool(x, ceil=False, **p):
    spatial = x.dim() - 2
    p = window(spatial, **p)
    f = [F.max_pool1d, F.max_pool2d, F.max_pool3d][spatial - 1]
    args = (p['kernel'], p['stride'], p['padding'], p['dilation'], ceil, True)
    out, grad, gx = grads(lambda x: f(x, *args)[0], x)
    case('max_pool', p, x=x, grad=grad, out=out, out_index=f(x, *args)[1], out_grad_x=gx)


max_pool(rand(2, 2, 9), kernel=3, stride=2, padding=1)
max_pool(rand(2, 2, 6, 5), kernel=2)
max_pool(rand(1, 2, 7, 8), kernel=(3, 2), stride=2, padding=(1, 1), dilation=(2, 1), ceil=True)
max_pool(torch.zeros(1, 1, 4, 4, dtype=torch.float64), kernel=2)
max_pool(rand(1, 2, 4, 5, 6), kernel=2, stride=(1, 2, 2), padding=1)


def avg_pool(x, ceil=False, include=True, divisor=0, **p):
    spatial = x.dim() - 2
    p = window(spatial, **p)
    f = [F.avg_pool1d, F.avg_pool2d, F.avg_pool3d][spatial - 1]
    args = (p['kernel'], p['stride'], p['padding'], ceil, include) + ((divisor or None,) if spatial > 1 else ())
    out, grad, gx = grads(lambda x: f(x, *args), x)
    case('avg_pool', {**p, 'include': include, 'divisor': divisor}, x=x, grad=grad, out=out, out_grad_x=gx)


avg_pool(rand(2, 2, 9), kernel=3, stride=2, padding=1)
avg_pool(rand(2, 2, 6, 6), kernel=2)
avg_pool(rand(1, 2, 7, 6), kernel=3, stride=2, padding=1, ceil=True)
avg_pool(rand(1, 2, 7, 6), kernel=3, stride=2, padding=1, ceil=True, include=False)
avg_pool(rand(1, 2, 6, 7), kernel=(3, 2), stride=2, padding=(1, 0), ceil=True, divisor=5)
avg_pool(rand(1, 2, 4, 5, 4), kernel=2, stride=2, padding=1, include=False)

for size, to in [((6, 6), (3, 3)), ((7, 5), (3, 4)), ((3, 2), (5, 4)), ((5, 6), (1, 1))]:
    x = rand(2, 2, *size)
    out, grad, gx = grads(lambda x: F.adaptive_avg_pool2d(x, to), x)
    case('adaptive_avg_pool', {}, x=x, grad=grad, out=out, out_grad_x=gx)


def group_norm(x, groups, affine=True, silu=False, eps=1e-5):
    w, b = (rand(x.shape[1]), rand(x.shape[1])) if affine else (None, None)
    f = lambda x, w, b: (F.silu if silu else lambda y: y)(F.group_norm(x, groups, w, b, eps))
    out, grad, gx, gw, gb = grads(f, x, w, b)
    g = x.reshape(x.shape[0], groups, -1)
    case('group_norm', {'groups': groups, 'eps': eps, 'silu': silu}, x=x, weight=w, bias=b, grad=grad, out=out,
         out_mean=g.mean(2), out_rstd=(g.var(2, unbiased=False) + eps).rsqrt(), out_grad_x=gx, out_grad_weight=gw,
         out_grad_bias=gb)


group_norm(rand(2, 6, 3, 4) * 2 + 1, 3)
group_norm(rand(2, 6, 3, 4), 2, silu=True)
group_norm(rand(2, 4, 5), 4, affine=False)
group_norm(rand(1, 4, 2, 2, 3), 1, silu=True, eps=1e-3)

for affine in (True, False):
    x = rand(4, 7) * 3 - 1
    w, b = (rand(7), rand(7)) if affine else (None, None)
    out, grad, gx, gw, gb = grads(lambda x, w, b: F.layer_norm(x, (7,), w, b, 1e-5), x, w, b)
    case('layer_norm', {'eps': 1e-5}, x=x, weight=w, bias=b, grad=grad, out=out, out_grad_x=gx, out_grad_weight=gw,
         out_grad_bias=gb)

for training in (True, False):
    x, w, b = rand(3, 4, 2, 3) + 2, rand(4), rand(4)
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    if not training:
        mean, var = rand(4), rand(4).abs() + 0.5
    f = lambda x, w, b: F.batch_norm(x, None if training else mean, None if training else var, w, b, training)
    out, grad, gx, gw, gb = grads(f, x, w, b)
    arrays = dict(out_mean=mean, out_var=var) if training else dict(mean=mean, var=var)
    case('batch_norm', {'training': training, 'eps': 1e-5}, x=x, weight=w, bias=b, grad=grad, out=out, out_grad_x=gx,
         out_grad_weight=gw, out_grad_bias=gb, **arrays)


def interpolate(x, mode, size=None, scale=None, align=None, recompute=False):
    f = lambda x: F.interpolate(x, size=size, scale_factor=scale, mode=mode, align_corners=align,
                                recompute_scale_factor=recompute or None)
    out, grad, gx = grads(f, x)
    kind = {'nearest': 0, 'linear': 1, 'bilinear': 1, 'trilinear': 1, 'bicubic': 2, 'area': 3}[mode]
    spatial = x.dim() - 2
    scales = [0.0] * spatial
    if scale is not None and not recompute and mode != 'area':
        scales = [float(s) for s in (scale if isinstance(scale, (list, tuple)) else [scale] * spatial)]
    case('interpolate', {'mode': kind, 'align': bool(align), 'scale': scales}, x=x, grad=grad, out=out, out_grad_x=gx)


interpolate(rand(1, 2, 5), 'nearest', size=8)
interpolate(rand(2, 2, 3, 4), 'nearest', scale=2)
interpolate(rand(1, 2, 5, 7), 'nearest', size=(3, 11))
interpolate(rand(1, 2, 5, 7), 'nearest', scale=(1.7, 0.6))
interpolate(rand(1, 1, 2, 3, 4), 'nearest', size=(3, 5, 2))
interpolate(rand(1, 2, 5), 'linear', size=9, align=False)
interpolate(rand(1, 2, 5, 4), 'bilinear', size=(8, 3), align=False)
interpolate(rand(1, 2, 5, 4), 'bilinear', size=(8, 3), align=True)
interpolate(rand(1, 2, 5, 4), 'bilinear', scale=(1.7, 2.3), align=False)
interpolate(rand(1, 2, 5, 4), 'bilinear', size=(1, 6), align=True)
interpolate(rand(1, 1, 2, 3, 4), 'trilinear', size=(3, 2, 6), align=False)
interpolate(rand(1, 2, 5, 4), 'bicubic', size=(7, 9), align=False)
interpolate(rand(1, 2, 5, 4), 'bicubic', size=(3, 6), align=True)
interpolate(rand(1, 2, 5, 4), 'bicubic', scale=1.7, align=False)
interpolate(rand(1, 2, 7, 6), 'area', size=(3, 4))
interpolate(rand(1, 2, 7), 'area', size=3)
interpolate(rand(1, 1, 4, 5, 3), 'area', size=(2, 3, 2))


def pad(x, sides, mode, value=0.0):
    out, grad, gx = grads(lambda x: F.pad(x, sides, mode, value) if mode == 'constant' else F.pad(x, sides, mode), x)
    before = [0] * (x.dim() - len(sides) // 2) + list(sides[::2])[::-1]
    case('pad', {'mode': ['constant', 'reflect', 'replicate', 'circular'].index(mode), 'before': before,
                 'value': float(value)}, x=x, grad=grad, out=out, out_grad_x=gx)


pad(rand(2, 3, 4), (1, 2), 'constant', 0.5)
pad(rand(2, 2, 3, 4), (0, 1, 0, 1), 'constant')
pad(rand(2, 3, 4), (-1, 2, 1, -1), 'constant', 3.0)
pad(rand(1, 2, 4, 5), (2, 1, 1, 3), 'reflect')
pad(rand(1, 2, 4, 5), (2, 1, 1, 3), 'replicate')
pad(rand(1, 2, 4, 5), (2, 1, 1, 3), 'circular')
pad(rand(1, 2, 5), (2, 3), 'reflect')
pad(rand(1, 1, 3, 3, 3), (1, 1, 2, 1, 1, 2), 'replicate')


def attention(q, k, v, mask=None, causal=False):
    scale = q.shape[-1] ** -0.5
    s = q @ k.transpose(-1, -2) * scale
    if mask is not None:
        s = s + mask
    if causal:
        s = s.masked_fill(torch.ones_like(s).tril() == 0, float('-inf'))
    case('attention', {'scale': scale, 'causal': causal}, q=q, k=k, v=v, mask=mask, out=s.softmax(-1) @ v,
         out_lse=s.logsumexp(-1))


attention(rand(2, 2, 3, 4), rand(2, 2, 5, 4), rand(2, 2, 5, 3))
attention(rand(1, 2, 5, 4), rand(1, 2, 5, 4), rand(1, 2, 5, 4), causal=True)
attention(rand(1, 2, 4, 4), rand(1, 2, 6, 4), rand(1, 2, 6, 4), mask=rand(1, 1, 4, 6))
attention(rand(1, 3, 1, 4), rand(1, 3, 7, 4), rand(1, 3, 7, 4))

x, codes = rand(9, 5), rand(11, 5)
codes[7] = codes[2]
x[0] = codes[2]
case('nearest', {}, x=x, codes=codes,
     out_index=((x * x).sum(1, keepdim=True) + (codes * codes).sum(1) - 2 * x @ codes.t()).argmin(1))


def adam(name, amsgrad=False, weight_decay=0.0, maximize=False):
    p = rand(6).requires_grad_()
    o = getattr(torch.optim, name)([p], lr=0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=weight_decay,
                                   amsgrad=amsgrad, maximize=maximize)
    for _ in range(2):
        p.grad = rand(6)
        o.step()
    s = o.state[p]
    before = dict(param=p.detach().clone(), m=s['exp_avg'].clone(), v=s['exp_avg_sq'].clone())
    if amsgrad:
        before['vmax'] = s['max_exp_avg_sq'].clone()
    p.grad = rand(6)
    o.step()
    after = dict(out_param=p, out_m=s['exp_avg'], out_v=s['exp_avg_sq'])
    if amsgrad:
        after['out_vmax'] = s['max_exp_avg_sq']
    case('adam_step', dict(lr=0.01, beta1=0.8, beta2=0.95, eps=1e-6, weight_decay=weight_decay, bias1=1 - 0.8 ** 3,
                           bias2=1 - 0.95 ** 3, decoupled=name == 'AdamW', maximize=maximize), grad=p.grad, **before,
         **after)


adam('Adam')
adam('Adam', amsgrad=True, weight_decay=0.1)
adam('AdamW', weight_decay=0.1)
adam('AdamW', maximize=True, amsgrad=True)
