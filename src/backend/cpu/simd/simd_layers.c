/* simd_layers.c: the vector kernels of layers of one tier, all in one call. */
#include "backend/cpu/simd/simd_layers.h"

#include "backend/cpu/simd/simd_layers_private.h"

void TIER(simd_layers_fill)(backend *b)
{
    TIER(simd_norm_fill)(b);
    TIER(simd_layer_norm_fill)(b);
    TIER(simd_resample_fill)(b);
    TIER(simd_pool_fill)(b);
    TIER(simd_adam_fill)(b);
    TIER(simd_pad_fill)(b);
    TIER(simd_nearest_fill)(b);
    TIER(simd_attention_fill)(b);
    TIER(simd_conv_fill)(b);
}
