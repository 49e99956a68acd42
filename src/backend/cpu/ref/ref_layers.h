/* ref_layers.h: reference kernels of layers: convolution, pooling, normalisation, resampling, padding, attention,
   nearest code, Adam. Plain C for f32 and f64, any strides; f32 is accumulated in double. They define each operation. */
#ifndef REF_LAYERS_H
#define REF_LAYERS_H

#include "backend/backend.h"

/* Set every entry of b named above. */
void ref_layers_fill(backend *b);

/* One for each file; ref_layers_fill calls them. */
void ref_conv_fill(backend *b);
void ref_pool_fill(backend *b);
void ref_norm_fill(backend *b);
void ref_batch_norm_fill(backend *b);
void ref_interp_fill(backend *b);
void ref_pad_fill(backend *b);
void ref_attention_fill(backend *b);
void ref_nearest_fill(backend *b);
void ref_adam_fill(backend *b);

#endif
