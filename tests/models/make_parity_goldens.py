"""The goldens of test_parity.c that are kept in the repository: a VQGAN of 16 x 16 pixels with 16 codes and a GPT over
them, small enough for every run of the tests:

    python3 tests/models/make_parity_goldens.py ../shared/parity tests/goldens/parity

The first folder holds our PyTorch twin of the models and make_goldens.py, whose docstring lists the tensors. To take
little room, weights have half precision (they are rounded before anything is computed, so nothing is lost), and of a
gradient with more than 2048 elements every 8th row is kept.
"""
import copy
import json
import os
import sys

import torch

sys.path.insert(0, sys.argv[1])
import make_goldens as mg  # noqa: E402
import torch_vqgan as tv  # noqa: E402

VQGAN = dict(ch=32, ch_mult=[1, 1], num_res_blocks=1, attn_resolutions=[8], resolution=16, z_channels=8, embed_dim=8,
             n_embed=16, in_channels=3, beta=0.25, legacy=True, disc=dict(n_layers=2, ndf=8))
GPT = dict(vocab_size=16, block_size=64, n_layer=2, n_head=2, n_embd=32)
SEED = 0


def round_weights(model):
    for t in list(model.parameters()) + [b for b in model.buffers() if b.is_floating_point()]:
        t.data.copy_(t.data.half())


def thinned(name, t):
    return t[::8].contiguous() if '.grad.' in '.' + name and t.numel() > 2048 and t.dim() > 1 else t


def save(folder, name, tensors, meta):
    tv.save_safetensors(os.path.join(folder, name + '.safetensors'), tensors, meta)


def halves(model):
    return {n: t.half() if t.is_floating_point() else t for n, t in model.state_dict().items() if 'attn.mask' not in n}


def main():
    folder = sys.argv[2]
    os.makedirs(folder, exist_ok=True)
    g = torch.Generator().manual_seed(SEED)
    x, model, prior = mg.pictures(2, 16, g), tv.build(VQGAN, SEED), tv.build(GPT, SEED + 1)
    mg.roughen(model, g)
    mg.place_codes(model, x, g)
    round_weights(model)
    mg.avoid_kinks(model, x)
    round_weights(model)
    mg.roughen(prior, g, gain=4.0)
    prior.transformer.pos_emb.data.normal_(0, 0.1, generator=g)
    round_weights(prior)
    codes, cond = torch.randint(0, GPT['vocab_size'], (2, 64), generator=g), torch.tensor([[0], [7]])

    def compute(model, prior, x, fake=None):
        values = {**mg.vqgan_values(model, x, fake), **mg.gpt_values(prior, codes, cond)}
        return {n: v.detach() for n, v in values.items()}

    values = compute(model, prior, x)
    fake = values['xhat']
    exact = compute(copy.deepcopy(model).double(), copy.deepcopy(prior).double(), x.double(), fake.double())
    others = [values] + [compute(mg.jitter(model, g), mg.jitter(prior, g), x, fake) for _ in range(3)]
    errors = {n: max(mg.error(o[n], exact[n]) for o in others) for n in values}
    wrong = [n for n in values if min(mg.error(o[n], exact[n]) for o in others) < 0]
    assert not wrong, f'single and double precision disagree on {wrong}: try another seed'
    trained, _ = mg.train_values(model, x, g)

    save(folder, 'x', {'x': x}, None)
    save(folder, 'vqgan', halves(model), {'config': json.dumps(VQGAN)})
    save(folder, 'gpt', halves(prior), {'config': json.dumps(GPT)})
    kept = {n: thinned(n, t) for n, t in values.items()}
    kept.update({n: t for n, t in trained.items() if n.startswith('train64')})
    save(folder, 'expected', kept, {'float32_error': json.dumps(errors)})
    print(len(values['indices'].unique()), 'codes are used; sizes',
          {f: os.path.getsize(os.path.join(folder, f)) for f in sorted(os.listdir(folder))})


main()
