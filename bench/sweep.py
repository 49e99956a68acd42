"""A sweep over the operators: every case of sweep_cases.txt by our library and by PyTorch, in one process, on the same memory, in turns.

    PYTHON bench/sweep.py [--library build/libtessera.so] [--filter REGEX] [--below 0.8] [--rounds 7] [--threads 1]

PYTHON is one with PyTorch. Prints PyTorch's time divided by ours, the worst first; `differ` is the largest difference of the
results relative to their largest element. A figure is the minimum of the rounds, so that a busy machine does little harm. A case
is an operator's call as Python would write it; the registry has PyTorch's names and arguments, so that one text serves both
sides. `grad(call)` also asks for the gradients of all float arguments. Results are released at once, as a program would do.
"""
import argparse
import ctypes as c
import pathlib
import re
import sys
import time

import torch

DTYPES = {torch.float32: 1, torch.float64: 2, torch.int64: 3, torch.int32: 4, torch.uint8: 5, torch.bool: 6,
          torch.float16: 7, torch.bfloat16: 8}
ROOM = 64


# ---- tsr_call through ctypes ------------------------------------------------------------------------------------------

class Shape(c.Structure):
    _fields_ = [('v', c.c_int64 * 8), ('n', c.c_int32)]


class List(c.Structure):
    _fields_ = [('v', c.c_void_p), ('n', c.c_int64)]


class Union(c.Union):
    _fields_ = [('tensor', c.c_void_p), ('i', c.c_int64), ('f', c.c_double), ('string', c.c_char_p), ('dtype', c.c_int),
                ('list', List)]


class Value(c.Structure):
    _fields_ = [('kind', c.c_int), ('u', Union)]


class Arg(c.Structure):
    _fields_ = [('name', c.c_char_p), ('value', Value)]


class Tensors(c.Structure):
    _fields_ = [('v', c.POINTER(c.c_void_p)), ('n', c.c_int64)]


class Grads(c.Structure):
    _fields_ = [('outputs', Tensors), ('inputs', Tensors), ('grads', c.POINTER(c.c_void_p)), ('grad_outputs', Tensors),
                ('retain_graph', c.c_bool), ('create_graph', c.c_bool), ('allow_unused', c.c_bool), ('end', c.c_int)]


class Handle(int):
    """The address of one of our tensors."""


class Engine:
    """Our side: calls prepared once, run many times."""

    def __init__(self, path):
        self.l = c.CDLL(path)
        for name, result in (('tsr_from_blob', c.c_void_p), ('tsr_data', c.c_void_p), ('tsr_error_message', c.c_char_p),
                             ('tsr_call', c.c_int64), ('tsr_strides_of', Shape), ('tsr_shape_of', Shape)):
            getattr(self.l, name).restype = result
        for name in ('tsr_release', 'tsr_data', 'tsr_strides_of', 'tsr_shape_of', 'tsr_dtype_of'):
            getattr(self.l, name).argtypes = [c.c_void_p]
        self.l.tsr_set_requires_grad.argtypes = [c.c_void_p, c.c_bool]
        self.l.tsr_from_blob.argtypes = [c.c_void_p, Shape, c.c_int, c.c_void_p, c.c_void_p]
        self.held = []  # what calls point to

    def fail(self):
        text = self.l.tsr_error_message().decode()
        self.l.tsr_error_clear()
        raise RuntimeError(text)

    def tensor(self, t):
        """The same elements as one of our tensors."""
        count = t.untyped_storage().nbytes() // t.element_size()
        flat = Handle(self.l.tsr_from_blob(t.untyped_storage().data_ptr(), Shape((c.c_int64 * 8)(count), 1), DTYPES[t.dtype],
                                           None, None) or self.fail())
        self.held += [t, flat]
        return self.run(self.prepare('as_strided', [flat, list(t.shape), list(t.stride()), t.storage_offset()], {}))[0]

    def value(self, v):
        if v is None: return Value(0)
        if isinstance(v, torch.Tensor): v = self.tensor(v)
        elif isinstance(v, bool): return Value(4, Union(i=v))
        elif isinstance(v, int) and not isinstance(v, Handle): return Value(2, Union(i=v))
        elif isinstance(v, float): return Value(3, Union(f=v))
        elif isinstance(v, str): return Value(5, Union(string=v.encode()))
        elif isinstance(v, torch.dtype): return Value(6, Union(dtype=DTYPES[v]))
        elif isinstance(v, (list, tuple)):
            room = (Value * max(len(v), 1))(*[self.value(e) for e in v])
            self.held.append(room)
            return Value(8, Union(list=List(c.addressof(room), len(v))))
        return Value(1, Union(tensor=v))

    def prepare(self, name, args, named):
        pairs = [(None, v) for v in args] + [(k.encode(), v) for k, v in named.items()]
        return name.encode(), (Arg * max(len(pairs), 1))(*[Arg(k, self.value(v)) for k, v in pairs]), len(pairs)

    def run(self, call):
        outs = (c.c_void_p * ROOM)()
        n = self.l.tsr_call(*call[:2], c.c_int64(call[2]), outs, c.c_int64(ROOM))
        return [Handle(t) for t in outs[:n]] if n >= 0 else self.fail()

    def grads(self, outputs, inputs, given):
        """Gradients of the outputs, each weighted by a tensor given; asked of inputs."""
        def several(v): return Tensors((c.c_void_p * len(v))(*v), len(v))
        room = (c.c_void_p * len(inputs))()
        a = Grads(several(outputs), several(inputs), room, several(given), False, False, True, 0)
        if self.l.tsr_grads_v(c.byref(a)) != 0: self.fail()
        return list(room)

    def release(self, tensors):
        for t in tensors:
            if t: self.l.tsr_release(t)

    def read(self, t):
        """A copy as PyTorch's tensor."""
        shape, stride = self.l.tsr_shape_of(t), self.l.tsr_strides_of(t)
        dtype = next(k for k, v in DTYPES.items() if v == self.l.tsr_dtype_of(t))
        sizes, strides = shape.v[:shape.n], stride.v[:shape.n]
        if 0 in sizes: return torch.empty(sizes, dtype=dtype)
        count = 1 + sum((n - 1) * s for n, s in zip(sizes, strides))
        raw = (c.c_char * (count * dtype.itemsize)).from_address(self.l.tsr_data(t))
        return torch.frombuffer(raw, dtype=dtype).as_strided(sizes, strides).clone()


# ---- cases ------------------------------------------------------------------------------------------------------------

class Call:
    """An operator's call, written down: Call('nn.functional')('relu')(x) or F.relu(x)."""

    def __init__(self, name): self.name, self.grad = name, False
    def __getattr__(self, part): return Call(self.name + '.' + part)

    def __call__(self, *args, **named):
        self.args, self.named = args, named
        return self


class Names(dict):
    """What a case's text may use; a word that is nothing else is an operator."""

    def __missing__(self, word): return Call(word)


def with_grad(call):
    call.grad = True
    return call


def names():
    torch.manual_seed(0)
    return Names(
        F=Call('nn.functional'), grad=with_grad, torch=torch,
        r=torch.randn, u=lambda *s: torch.rand(*s) * 0.98 + 0.01, d=lambda *s: torch.randn(*s, dtype=torch.float64),
        i=lambda top, *s: torch.randint(0, top, s), b=lambda *s: torch.rand(*s) > 0.5, perm=torch.randperm,
        u8=lambda *s: torch.randint(0, 256, s, dtype=torch.uint8), i32=lambda *s: torch.randint(0, 100, s, dtype=torch.int32),
        cl=lambda *s: torch.randn(*s).contiguous(memory_format=torch.channels_last))


def theirs(call):
    """PyTorch's function of that name: torch.x, else the tensor's method."""
    at = torch
    for part in call.name.split('.'): at = getattr(at, part, None)
    return at or getattr(torch.Tensor, call.name)


def flat_tensors(v):
    if isinstance(v, torch.Tensor): return [v]
    return [t for e in v for t in flat_tensors(e)] if isinstance(v, (list, tuple)) else []


def weights_like(t):
    """Not all the same: the gradient of a norm would be nothing."""
    return torch.arange(t.numel(), dtype=t.dtype).cos().reshape(t.shape)


def their_job(call):
    f = theirs(call)
    if not call.grad: return lambda: f(*call.args, **call.named)
    inputs = [t for t in flat_tensors([*call.args, *call.named.values()]) if t.is_floating_point()]
    for t in inputs: t.requires_grad_()
    weights = [weights_like(t) for t in flat_tensors([f(*call.args, **call.named)]) if t.is_floating_point()]

    def job():
        out = [t for t in flat_tensors([f(*call.args, **call.named)]) if t.is_floating_point()]
        return torch.autograd.grad(out, inputs, weights, allow_unused=True)
    return job


def tensors_in(value, engine):
    """Addresses of the float tensors of a prepared argument."""
    if value.kind == 8: return [t for v in (Value * value.u.list.n).from_address(value.u.list.v) for t in tensors_in(v, engine)]
    return [value.u.tensor] if value.kind == 1 and engine.l.tsr_dtype_of(value.u.tensor) in (1, 2) else []


def our_job(call, engine):
    ready = engine.prepare(call.name, call.args, call.named)
    if not call.grad: return lambda: engine.run(ready)
    inputs = [t for k in range(ready[2]) for t in tensors_in(ready[1][k].value, engine)]
    for t in inputs: engine.l.tsr_set_requires_grad(t, True)

    def floats(v): return [t for t in v if engine.l.tsr_dtype_of(t) in (1, 2)]
    weights = [engine.tensor(weights_like(engine.read(t))) for t in floats(engine.run(ready))]

    def job():
        out = engine.run(ready)
        grads = engine.grads(floats(out), inputs, weights)
        engine.release(out)
        return grads
    return job


# ---- timing -----------------------------------------------------------------------------------------------------------

def difference(call, engine, ours, expected):
    if 'rand' in call.name or call.name in ('bernoulli', 'multinomial', 'normal') or 'dropout' in call.name: return '-'
    worst, mine = 0.0, ours()
    for t, e in zip(mine, flat_tensors([expected])):
        if not t: continue
        got, e = engine.read(t).double(), e.detach().double()
        if got.shape != e.shape: return f'{list(got.shape)} != {list(e.shape)}'
        if e.numel(): worst = max(worst, ((got - e).abs().nan_to_num().max() / max(1e-30, e.abs().nan_to_num().max())).item())
    engine.release(mine)
    return f'{worst:.0e}'


def seconds(job, done, count):
    start = time.perf_counter()
    for _ in range(count): done(job())
    return (time.perf_counter() - start) / count


def measure(text, engine, rounds):
    """(PyTorch's seconds, ours, difference)."""
    call = eval(text, {}, names())  # the table is ours
    with torch.set_grad_enabled(call.grad):
        sides = (their_job(call), lambda v: None), (our_job(call, engine), engine.release)
        differ = difference(call, engine, sides[1][0], sides[0][0]())
        counts = [max(1, int(0.003 / max(seconds(*side, 1), 1e-7))) for side in sides]
        times = [[seconds(*side, n) for side, n in zip(sides, counts)] for _ in range(rounds)]
    return min(t[0] for t in times), min(t[1] for t in times), differ


def main():
    here = pathlib.Path(__file__).parent
    p = argparse.ArgumentParser()
    p.add_argument('--library', default=here.parent / 'build' / 'libtessera.so')
    p.add_argument('--filter', default='', help='a regular expression that cases must hold')
    p.add_argument('--below', type=float, default=1e9, help='print ratios below this only')
    p.add_argument('--rounds', type=int, default=7)
    p.add_argument('--threads', type=int, default=1, help="PyTorch's; ours reads TSR_NUM_THREADS")
    o = p.parse_args()
    torch.set_num_threads(o.threads)
    engine, rows = Engine(str(o.library)), []
    lines = (here / 'sweep_cases.txt').read_text().splitlines()
    for text in [t for t in lines if t and t[0] != '#' and re.search(o.filter, t)]:
        try:
            rows.append((text, *measure(text, engine, o.rounds)))
        except Exception as e:  # one case that fails must not hide the others
            print(f'{text}: {type(e).__name__}: {e}', file=sys.stderr)
    print(f'{"ratio":>7} {"PyTorch ms":>11} {"ours ms":>9} {"differ":>7}  case')
    for text, their, our, differ in sorted(rows, key=lambda r: r[1] / r[2]):
        if their / our < o.below: print(f'{their / our:7.2f} {their * 1e3:11.4f} {our * 1e3:9.4f} {differ:>7}  {text}')


if __name__ == '__main__':
    main()
