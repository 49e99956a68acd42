"""VQGAN and GPT in PyTorch, for the race: functions over a state dict.

The file that our side saved is the model: its keys say what is there (a shortcut, attention, a further level), so there are
no module classes. Written to be fast in PyTorch: scaled_dot_product_attention where it exists, one matrix for query, key and
value, a preallocated cache, fused optimisers, in-place activations in inference.
"""
import json
import math
import struct

import torch
import torch.nn.functional as F

DTYPES = {'F32': torch.float32, 'F64': torch.float64, 'I64': torch.int64, 'I32': torch.int32, 'BOOL': torch.bool}


def load_safetensors(path):
    """-> tensors by name, metadata. One tensor at a time: the file is never in memory as a whole."""
    tensors = {}
    with open(path, 'rb') as f:
        size = struct.unpack('<Q', f.read(8))[0]
        header = json.loads(f.read(size))
        metadata = header.pop('__metadata__', {})
        for name, info in header.items():
            begin, end = info['data_offsets']
            f.seek(8 + size + begin)
            data = torch.frombuffer(bytearray(f.read(end - begin)), dtype=DTYPES[info['dtype']])
            tensors[name] = data.reshape(info['shape']).clone()     # into memory aligned as PyTorch likes it
    return tensors, metadata


def save_safetensors(path, tensor):
    """One float32 tensor, under the name "tensor"."""
    data = bytes(tensor.contiguous().view(torch.uint8).flatten().tolist())
    text = json.dumps({'tensor': {'dtype': 'F32', 'shape': list(tensor.shape), 'data_offsets': [0, len(data)]}}).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text + data)


def attention(q, k, v, causal=False, scale=None):
    if hasattr(F, 'scaled_dot_product_attention'):
        return F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    weights = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
    if causal:
        future = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).triu(1)
        weights = weights.masked_fill(future, -math.inf)
    return weights.softmax(-1) @ v


def adam(groups, lr, betas, decoupled=False):
    """Adam (AdamW) in its fastest form that this PyTorch has."""
    kind = torch.optim.AdamW if decoupled else torch.optim.Adam
    for form in ({'fused': True}, {'foreach': True}, {}):
        try:
            return kind(groups, lr=lr, betas=betas, **form)
        except (TypeError, RuntimeError):
            continue


class Network:
    """Named weights, and the layers that several models use. Channels-last: 4-d weights lie so too."""

    def __init__(self, path, channels_last=False):
        tensors, metadata = load_safetensors(path)
        self.config = json.loads(metadata['config'])
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        self.w = {k: t.contiguous(memory_format=self.layout) if t.dim() == 4 else t for k, t in tensors.items()}

    def trainable(self, names):
        return [self.w[n].requires_grad_() for n in names]

    def linear(self, x, name):
        return F.linear(x, self.w[name + '.weight'], self.w.get(name + '.bias'))

    def layer_norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.w[name + '.weight'], self.w[name + '.bias'])


class VQGAN(Network):
    # ---- blocks

    def conv(self, x, name, **options):
        return F.conv2d(x, self.w[name + '.weight'], self.w.get(name + '.bias'), **options)

    def norm(self, x, name):
        return F.group_norm(x, 32, self.w[name + '.weight'], self.w[name + '.bias'], 1e-6)

    def norm_conv(self, x, norm, conv):
        return self.conv(F.silu(self.norm(x, norm), inplace=not torch.is_grad_enabled()), conv, padding=1)

    def has(self, name):
        return name + '.weight' in self.w

    def residual(self, x, name):
        h = self.norm_conv(self.norm_conv(x, name + '.norm1', name + '.conv1'), name + '.norm2', name + '.conv2')
        return h + (self.conv(x, name + '.nin_shortcut') if self.has(name + '.nin_shortcut') else x)

    def attend(self, x, name):
        n = self.norm(x, name + '.norm')
        q, k, v = (self.conv(n, f'{name}.{part}').flatten(2).transpose(1, 2).unsqueeze(1) for part in 'qkv')
        h = attention(q, k, v).squeeze(1).transpose(1, 2).reshape(x.shape)
        return x + self.conv(h, name + '.proj_out')

    def level(self, x, name):
        j = 0
        while self.has(f'{name}.block.{j}.norm1'):
            x = self.residual(x, f'{name}.block.{j}')
            if self.has(f'{name}.attn.{j}.norm'):
                x = self.attend(x, f'{name}.attn.{j}')
            j += 1
        return x

    def middle(self, x, name):
        return self.residual(self.attend(self.residual(x, name + '.block_1'), name + '.attn_1'), name + '.block_2')

    # ---- encoder, decoder, codes

    def features(self, x):
        x = self.conv(x, 'encoder.conv_in', padding=1)
        for i in range(len(self.config['ch_mult'])):
            x = self.level(x, f'encoder.down.{i}')
            if self.has(f'encoder.down.{i}.downsample.conv'):
                x = self.conv(F.pad(x, (0, 1, 0, 1)), f'encoder.down.{i}.downsample.conv', stride=2)
        x = self.norm_conv(self.middle(x, 'encoder.mid'), 'encoder.norm_out', 'encoder.conv_out')
        return self.conv(x, 'quant_conv')

    def decode(self, z):
        x = self.conv(self.conv(z, 'post_quant_conv'), 'decoder.conv_in', padding=1)
        x = self.middle(x, 'decoder.mid')
        for i in reversed(range(len(self.config['ch_mult']))):
            x = self.level(x, f'decoder.up.{i}')
            if self.has(f'decoder.up.{i}.upsample.conv'):
                x = self.conv(F.interpolate(x, scale_factor=2.0), f'decoder.up.{i}.upsample.conv', padding=1)
        return self.norm_conv(x, 'decoder.norm_out', 'decoder.conv_out')

    def nearest(self, z):
        """[N, D, h, w] -> codes [N, h, w]; without the square of z, which does not change the order."""
        codes = self.w['quantize.embedding.weight'].detach()
        return nearest_code(z.detach().permute(0, 2, 3, 1).reshape(-1, z.shape[1]), codes).view(z.shape[0], *z.shape[2:])

    def lookup(self, codes):
        """Channels-last as it comes, which the whole decoder would take over: put into the model's layout."""
        q = F.embedding(codes, self.w['quantize.embedding.weight']).permute(0, 3, 1, 2)
        return q.contiguous(memory_format=self.layout)

    def encode(self, x):
        return self.nearest(self.features(x))

    def decode_indices(self, codes):
        return self.decode(self.lookup(codes))

    def reconstruct(self, x):
        """-> reconstruction (straight-through), codebook loss."""
        z = self.features(x)
        q = self.lookup(self.nearest(z))
        commitment, codebook = F.mse_loss(z, q.detach()), F.mse_loss(q, z.detach())
        beta = self.config['beta']
        loss = commitment + beta * codebook if self.config['legacy'] else beta * commitment + codebook
        return self.decode(z + (q - z).detach()), loss

    # ---- discriminator, training

    def judge(self, x):
        strided = self.config['disc']['n_layers']
        layers = sorted({int(k.split('.')[3]) for k in self.w if k.startswith('loss.discriminator.main.')})
        convs = 0
        for i in layers:
            name = f'loss.discriminator.main.{i}'
            if name + '.running_mean' in self.w:
                x = F.batch_norm(x, self.w[name + '.running_mean'], self.w[name + '.running_var'], self.w[name + '.weight'],
                                 self.w[name + '.bias'], training=True)
                x = F.leaky_relu(x, 0.2, inplace=True)
            else:
                x = self.conv(x, name, stride=2 if convs < strided else 1, padding=1)
                x = F.leaky_relu(x, 0.2, inplace=True) if convs == 0 else x
                convs += 1
        return x

    def prepare_training(self, lr, disc_weight):
        floats = [n for n, t in self.w.items() if t.is_floating_point() and 'running_' not in n and 'ema' not in n]
        self.generator = self.trainable([n for n in floats if not n.startswith('loss.')])
        self.judges = self.trainable([n for n in floats if n.startswith('loss.discriminator.')])
        self.optimizers = [adam(p, lr, (0.5, 0.9)) for p in (self.generator, self.judges)]
        self.disc_weight = disc_weight

    def zero_grad(self, parameters):
        for p in parameters:
            p.grad = None

    def train_step(self, x):
        """-> total, reconstruction, codebook, generator's, weight of that, discriminator's losses."""
        for p in self.judges:
            p.requires_grad_(False)
        xhat, codebook_loss = self.reconstruct(x)
        nll, g_loss = F.l1_loss(xhat, x), -self.judge(xhat).mean()
        # Each loss goes back to the reconstruction once: from there to the last layer for the weight, then combined.
        last = self.w['decoder.conv_out.weight']
        dnll, dg = (torch.autograd.grad(loss, xhat)[0] for loss in (nll, g_loss))
        a, b = (torch.autograd.grad(xhat, last, d, retain_graph=True)[0].norm() for d in (dnll, dg))
        weight = self.disc_weight * (a / (b + 1e-4)).clamp(0, 1e4)
        total = nll.detach() + weight * g_loss.detach() + codebook_loss
        self.zero_grad(self.generator)
        torch.autograd.backward([xhat, codebook_loss], [dnll + weight * dg, None])
        self.optimizers[0].step()
        for p in self.judges:
            p.requires_grad_(True)
        disc_loss = 0.5 * (F.relu(1 - self.judge(x)).mean() + F.relu(1 + self.judge(xhat.detach())).mean())
        self.zero_grad(self.judges)
        disc_loss.backward()
        self.optimizers[1].step()
        return torch.stack([t.detach() for t in (total, nll, codebook_loss, g_loss, weight, disc_loss)])


def nearest_code(rows, codes):
    return torch.addmm(codes.pow(2).sum(1), rows, codes.t(), alpha=-2).argmin(1)


class GPT(Network):
    def __init__(self, path):
        super().__init__(path)
        self.w = {k[len('transformer.'):]: t for k, t in self.w.items()}
        for i in range(self.config['n_layer']):     # one product instead of three
            for part in ('weight', 'bias'):
                names = [f'blocks.{i}.attn.{n}.{part}' for n in ('query', 'key', 'value')]
                self.w[f'blocks.{i}.attn.qkv.{part}'] = torch.cat([self.w.pop(n) for n in names])

    def heads(self, x):
        return x.unflatten(-1, (self.config['n_head'], -1)).transpose(1, 2)

    def block(self, x, name, attend):
        h = self.linear(self.layer_norm(x, name + '.ln1'), name + '.attn.qkv')
        q, k, v = (self.heads(part) for part in h.chunk(3, -1))
        x = x + self.linear(attend(q, k, v).transpose(1, 2).flatten(2), name + '.attn.proj')
        h = F.gelu(self.linear(self.layer_norm(x, name + '.ln2'), name + '.mlp.0'))
        return x + self.linear(h, name + '.mlp.2')

    def logits(self, ids):
        x = F.embedding(ids, self.w['tok_emb.weight']) + self.w['pos_emb'][:, :ids.shape[1]]
        for i in range(self.config['n_layer']):
            x = self.block(x, f'blocks.{i}', lambda q, k, v: attention(q, k, v, causal=q.shape[2] > 1))
        return self.linear(self.layer_norm(x, 'ln_f'), 'head')

    # ---- training

    def prepare_training(self, lr):
        names = [n for n, t in self.w.items() if t.is_floating_point() and not n.endswith('mask')]
        decayed = [n for n in names if n.endswith('.weight') and self.w[n].dim() == 2 and n != 'tok_emb.weight']
        groups = [{'params': self.trainable(decayed), 'weight_decay': 0.01},
                  {'params': self.trainable([n for n in names if n not in decayed]), 'weight_decay': 0.0}]
        self.optimizer = adam(groups, lr, (0.9, 0.95), decoupled=True)

    def train_step(self, codes, cond):
        logits = self.logits(torch.cat((cond, codes), 1)[:, :-1])[:, cond.shape[1] - 1:]
        loss = F.cross_entropy(logits.flatten(0, 1), codes.flatten())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    # ---- sampling with a preallocated cache

    def choose(self, logits, top_k, top_p):
        """The nucleus is taken from the top_k, which come sorted."""
        best, ids = logits.topk(min(top_k, logits.shape[-1]))
        p = best.softmax(-1)
        p = p.masked_fill(p.cumsum(-1) - p > top_p, 0)
        return ids.gather(1, torch.multinomial(p, 1))

    def sample(self, cond, steps, top_k=100, top_p=0.95):
        c = self.config
        shape = (c['n_layer'], 2, cond.shape[0], c['n_head'], cond.shape[1] + steps, c['n_embd'] // c['n_head'])
        cache, ids, new, at = torch.empty(shape), cond, [], 0
        for _ in range(steps):
            x = F.embedding(ids, self.w['tok_emb.weight']) + self.w['pos_emb'][:, at:at + ids.shape[1]]
            end = at + ids.shape[1]
            for i in range(c['n_layer']):
                def attend(q, k, v, past=cache[i]):
                    past[0, :, :, at:end], past[1, :, :, at:end] = k, v
                    return attention(q, past[0, :, :, :end], past[1, :, :, :end], causal=q.shape[2] > 1)
                x = self.block(x, f'blocks.{i}', attend)
            ids = self.choose(self.linear(self.layer_norm(x[:, -1], 'ln_f'), 'head'), top_k, top_p)
            new.append(ids)
            at = end
        return torch.cat(new, 1)
