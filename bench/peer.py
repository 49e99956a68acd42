"""PyTorch's side of the race (race.py): the same requests and jobs as bench_jobs.c, which says what they are.

`run NAME REPEAT WAY` and `check NAME WAY` name one of the ways that `ways NAME` lists: memory layouts where pictures are
concerned ("nchw", "nhwc"), else "eager" or an optimiser's forms. "compiled", offered where torch.compile applies, is a column
of its own. Arguments: the folder with our weights, and the number of threads.
"""
import json
import os
import sys
import time

# OpenBLAS, which some distributions' PyTorch uses, has threads of its own that fight with OpenMP's for the cores.
os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')

import torch                        # noqa: E402 (reads the variable)
import torch.nn.functional as F     # noqa: E402

import peer_models as models        # noqa: E402

WEIGHTS = sys.argv[1]
BATCH = {'tiny': 16, 'small': 8}
TOKENS, CHECKED_TOKENS, SAMPLED, INNER = 256, 64, 16, 1000
LAYOUTS = {'nchw': torch.contiguous_format, 'nhwc': torch.channels_last}


def operand(slot, *shape):
    """In chunks, so that the integers do not count in the peak of memory."""
    out = torch.empty(shape)
    flat, chunk = out.view(-1), 1 << 18
    for at in range(0, flat.numel(), chunk):
        h = (torch.arange(at, min(at + chunk, flat.numel()), dtype=torch.int64) * 8 + slot) * 2654435761 & 0xffffffff
        h = (h ^ h >> 15) * 2246822519 & 0xffffffff
        flat[at:at + chunk] = (h ^ h >> 13).double() / 2147483648 - 1
    return out


def codes(count, *shape):
    n = 1
    for s in shape:
        n *= s
    return (torch.arange(n, dtype=torch.int64) * 7919 % count).reshape(shape)


# ---- operators: each takes its numbers and its way, and returns the work -----------------------------------------------

def compiled(f, way):
    return torch.compile(f) if way == 'compiled' else f


def with_gradients(forward, inputs, seed):
    """forward and backward: the gradients of all inputs, for the gradient `seed` of the result."""
    for t in inputs:
        t.requires_grad_()
    return lambda: torch.autograd.grad(forward(*inputs), inputs, seed)[0]


def forward_or_both(part, forward, inputs, seed, way):
    forward = compiled(forward, way)
    return with_gradients(forward, inputs, seed) if part == 'both' else lambda: forward(*inputs)


def conv(kind, part, n, way):
    size, stride = int(kind[4]), 2 if kind.endswith('s2') else 1
    padding = {3: 1 if stride == 1 else 0, 4: 1, 1: 0}[size]
    layout = LAYOUTS[way]
    c, k, h = n[1], n[2] if len(n) > 3 else n[1], n[-1]
    x = operand(0, n[0], c, h, h).to(memory_format=layout)
    w = operand(1, k, c, size, size).to(memory_format=layout)
    b = operand(2, k)

    def forward():
        return F.conv2d(x, w, b, stride=stride, padding=padding)
    if part == 'forward':
        return forward
    wanted = (x if part == 'grad_input' else w).requires_grad_()
    y = forward()
    seed = operand(4, *y.shape).to(memory_format=layout)
    return lambda: torch.autograd.grad(y, wanted, seed, retain_graph=True)[0]


def group_norm_silu(kind, part, n, way):
    layout = LAYOUTS.get(way, torch.contiguous_format)
    x, seed = (operand(s, n[0], n[1], n[2], n[2]).to(memory_format=layout) for s in (0, 3))
    inplace = part == 'forward' and way != 'compiled'
    return forward_or_both(part, lambda a, w, b: F.silu(F.group_norm(a, 32, w, b, 1e-6), inplace=inplace),
                           [x, operand(1, n[1]), operand(2, n[1])], seed, way)


def layer_norm(kind, part, n, way):
    return forward_or_both(part, lambda a, w, b: F.layer_norm(a, (n[1],), w, b),
                           [operand(0, *n), operand(1, n[1]), operand(2, n[1])], operand(3, *n), way)


def gelu(kind, part, n, way):
    return forward_or_both(part, F.gelu, [operand(0, *n)], operand(3, *n), way)


def linear(kind, part, n, way):
    return forward_or_both(part, F.linear, [operand(0, n[0], n[1]), operand(1, n[2], n[1]), operand(2, n[2])],
                           operand(3, n[0], n[2]), way)


def attention(kind, part, n, way):
    causal = kind.endswith('causal')
    return forward_or_both(part, lambda q, k, v: models.attention(q, k, v, causal), [operand(s, *n) for s in range(3)],
                           operand(3, *n), way)


def nearest(kind, part, n, way):
    rows, book = operand(0, n[0], n[1]), operand(1, n[2], n[1])
    f = compiled(models.nearest_code, way)
    return lambda: f(rows, book)


def adam(kind, part, n, way):
    parameters = [operand(0, n[1]).requires_grad_() for _ in range(n[0])]
    for p in parameters:
        p.grad = operand(1, n[1])
    optimizer = torch.optim.Adam(parameters, lr=1e-4, betas=(0.5, 0.9), **({way: True} if way != 'plain' else {}))

    def step():
        optimizer.step()
        return parameters[0].detach()
    return step


def chain(kind, part, n, way):
    return forward_or_both(part, lambda x, w, b: (x * w + b).sigmoid().sum(), [operand(s, n[0]) for s in range(3)], None, way)


# ---- models: the work, and what is checked (None: the same) ---------------------------------------------------------------

def vqgan(part, config, n, way):
    m = models.VQGAN(f'{WEIGHTS}/vqgan-{config}.safetensors', channels_last=way == 'nhwc')
    c, batch = m.config, BATCH.get(config, 1)
    side = c['resolution'] >> (len(c['ch_mult']) - 1)
    x = operand(0, batch, c['in_channels'], c['resolution'], c['resolution'])
    x = x.to(memory_format=LAYOUTS.get(way, torch.contiguous_format))
    grid = codes(c['n_embed'], batch, side, side)
    if part == 'train':
        m.prepare_training(1e-4, 0.8)
        m.reconstruct, m.judge = compiled(m.reconstruct, way), compiled(m.judge, way)
        return lambda: m.train_step(x), None
    if part == 'encode':
        f = compiled(m.encode, way)
        return lambda: f(x), lambda: m.features(x)
    f = compiled(m.decode_indices, way)
    return lambda: f(grid), None


def gpt(part, config, n, way):
    m = models.GPT(f'{WEIGHTS}/gpt-{config}.safetensors')
    count, batch = m.config['n_codes'], BATCH.get(config, 1)
    if part == 'sample':
        cond, checked = codes(1, n[0], 1), codes(count, 1, CHECKED_TOKENS)
        return lambda: m.sample(cond, TOKENS), lambda: m.logits(checked)
    m.prepare_training(1e-4)
    m.logits = compiled(m.logits, way)
    grid, cond = codes(count, batch, TOKENS), codes(1, batch, 1)
    return lambda: m.train_step(grid, cond), None


MODELS = {'vqgan': vqgan, 'gpt': gpt}
OPERATORS = {'group_norm_silu': group_norm_silu, 'layer_norm': layer_norm, 'gelu': gelu, 'linear': linear,
             'attention': attention, 'attention_causal': attention, 'nearest': nearest, 'adam': adam, 'chain': chain}


# ---- jobs -------------------------------------------------------------------------------------------------------------

def parse(name):
    """"gpt.sample/tiny/8" -> "gpt", "sample", "tiny", [8]; "conv3.forward/8x128x32" -> "conv3", "forward", "", [8, 128, 32]"""
    head, *rest = name.split('/')
    kind, _, part = head.partition('.')
    config = rest.pop(0) if rest and not rest[0][0].isdigit() else ''
    return kind, part, config, [int(i) for r in rest for i in r.split('x')]


def adam_forms():
    p = [torch.zeros(1, requires_grad=True)]
    forms = ['plain']
    for form in ('foreach', 'fused'):
        try:
            torch.optim.Adam(p, **{form: True})
            forms.append(form)
        except (TypeError, RuntimeError):
            pass
    return forms


def ways(name):
    kind, part, _, _ = parse(name)
    layouts = kind in ('vqgan', 'group_norm_silu') or kind.startswith('conv')
    result = list(LAYOUTS) if layouts else adam_forms() if kind == 'adam' else ['eager']
    if hasattr(torch, 'compile') and not kind.startswith('conv') and kind != 'adam' and part != 'sample':
        result.append('compiled')
    return result


class Job:
    def __init__(self, name, way):
        kind, part, config, n = parse(name)
        checked = None
        if kind in MODELS:
            self.work, checked = MODELS[kind](part, config, n, way)
        else:
            self.work = (conv if kind.startswith('conv') else OPERATORS[kind])(kind, part, n, way)
        self.checked = checked or self.work
        self.records = part in ('train', 'both', 'grad_input', 'grad_weight')
        self.inner = INNER if kind == 'chain' else 1

    def mode(self):
        return torch.enable_grad() if self.records else torch.inference_mode()

    def once(self):
        with self.mode():
            for _ in range(self.inner):
                self.work()

    def check(self):
        with self.mode():
            v = self.checked().detach().double().flatten()
        n = v.numel()
        chosen = [v[i * (n - 1) // (SAMPLED - 1)].item() for i in range(SAMPLED)] if n >= SAMPLED else v.tolist()
        return [v.mean().item(), v.pow(2).mean().sqrt().item(), *chosen]


class Server:
    def __init__(self):
        self.name, self.jobs = None, {}

    def job(self, name, way):
        """Jobs of all ways of one name stay set up."""
        if name != self.name:
            self.name, self.jobs = name, {}
        fresh = way not in self.jobs
        if fresh:
            self.jobs[way] = Job(name, way)
        return self.jobs[way], fresh

    def run(self, name, repeat, way):
        job, fresh = self.job(name, way)
        if fresh:
            job.once()
            if way == 'compiled':
                job.once()
        seconds = []
        for _ in range(int(repeat)):
            start = time.perf_counter()
            job.once()
            seconds.append((time.perf_counter() - start) / job.inner)
        return {'seconds': seconds}

    def check(self, name, way):
        return {'values': self.job(name, way)[0].check()}

    def ways(self, name):
        return {'ways': ways(name)}

    def rss(self):
        with open('/proc/self/status') as f:
            kib = next(line.split()[1] for line in f if line.startswith('VmHWM:'))
        return {'mb': int(kib) / 1024}

    def version(self):
        return {'name': 'PyTorch', 'version': torch.__version__, 'threads': torch.get_num_threads()}


def main():
    torch.set_num_threads(int(sys.argv[2]))
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)       # what libraries print is no answer
    server = Server()
    for line in sys.stdin:
        request, *arguments = line.split()
        try:
            answer = getattr(server, request)(*arguments)
        except Exception as e:      # the race goes on with the other jobs
            answer = {'error': f'{type(e).__name__}: {e}'.split('\n')[0]}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == '__main__':
    main()
