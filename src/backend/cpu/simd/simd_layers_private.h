/* simd_layers_private.h: the parts of a tier that simd_layers.c puts together. Each keeps the entry it covers, for what it
   does not take. */
#ifndef SIMD_LAYERS_PRIVATE_H
#define SIMD_LAYERS_PRIVATE_H

#include "backend/backend.h"
#include "backend/cpu/simd/simd_vec.h"

void TIER(simd_norm_fill)(backend *b);
void TIER(simd_layer_norm_fill)(backend *b);
void TIER(simd_resample_fill)(backend *b);
void TIER(simd_pool_fill)(backend *b);
void TIER(simd_adam_fill)(backend *b);
void TIER(simd_pad_fill)(backend *b);
void TIER(simd_nearest_fill)(backend *b);
void TIER(simd_attention_fill)(backend *b);
void TIER(simd_conv_fill)(backend *b);

#endif
