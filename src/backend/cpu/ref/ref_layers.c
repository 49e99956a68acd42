/* ref_layers.c: the reference kernels of layers, all in one call. */
#include "backend/cpu/ref/ref_layers.h"

void ref_layers_fill(backend *b)
{
    ref_conv_fill(b);
    ref_pool_fill(b);
    ref_norm_fill(b);
    ref_batch_norm_fill(b);
    ref_interp_fill(b);
    ref_pad_fill(b);
    ref_attention_fill(b);
    ref_nearest_fill(b);
    ref_adam_fill(b);
}
