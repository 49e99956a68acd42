"""What `tessera reconstruct` does, in PyTorch: weights and a picture from files, through the codes and back, to a file. The
race measures it from the start of the process. Arguments: WEIGHTS PICTURE OUT."""
import sys

import torch

import peer_models as models

weights, picture, out = sys.argv[1:]
with torch.inference_mode():
    model = models.VQGAN(weights)
    x = models.load_safetensors(picture)[0]['tensor']
    models.save_safetensors(out, model.decode_indices(model.encode(x)))
