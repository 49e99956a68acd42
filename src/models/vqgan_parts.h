/* vqgan_parts.h: the pieces VQGAN is put together from. Constructors return NULL after an error. */
#ifndef MODELS_VQGAN_PARTS_H
#define MODELS_VQGAN_PARTS_H

#include "tessera/vqgan.h"

/* ---- vqgan_blocks.c ---- */
tsr_module *vqgan_norm(int64_t channels);
/* silu(norm(x)), which stands before nearly every convolution of VQGAN. */
tsr_tensor *vqgan_norm_act(tsr_module *norm, tsr_tensor *x);
tsr_module *vqgan_res_block(int64_t in, int64_t out, double dropout);
tsr_module *vqgan_attn_block(int64_t channels);
tsr_module *vqgan_downsample(int64_t channels);
tsr_module *vqgan_upsample(int64_t channels);
/* block_1, attn_1, block_2 */
tsr_module *vqgan_middle(int64_t channels, double dropout);
tsr_module *vqgan_conv3(int64_t in, int64_t out);
tsr_module *vqgan_conv1(int64_t in, int64_t out);

/* ---- vqgan_coder.c ---- */
tsr_module *vqgan_encoder(const tsr_vqgan_config *c);
tsr_module *vqgan_decoder(const tsr_vqgan_config *c);

/* ---- vqgan.c ---- */
/* tsr_vqgan_quantize, but a codebook of moving averages stays as it is in training mode too. */
tsr_quantized vqgan_nearest_codes(tsr_module *vqgan, tsr_tensor *features);

/* ---- quantizer.c ---- */
tsr_module *vqgan_quantizer(const tsr_vqgan_config *c);
/* z [N, D, h, w]. Nothing is learned. */
tsr_quantized quantizer_forward(tsr_module *quantizer, tsr_tensor *z);
/* In training mode, let a codebook of moving averages follow features and the codes that they chose. */
bool quantizer_learn(tsr_module *quantizer, tsr_tensor *z, tsr_tensor *indices);
/* i64 [N, h, w] -> [N, D, h, w] */
tsr_tensor *quantizer_lookup(tsr_module *quantizer, tsr_tensor *indices);
/* i64 [rows] of z [rows, D] */
tsr_tensor *quantizer_nearest(tsr_module *quantizer, tsr_tensor *rows);
/* [N, D, h, w] -> [N h w, D], contiguous for channels-last input */
tsr_tensor *quantizer_rows(tsr_tensor *z);

/* m when ok; else m is freed and the result is NULL. */
static inline tsr_module *vqgan_finish(tsr_module *m, bool ok)
{
    if (m && ok) return m;
    tsr_module_free(m);
    return NULL;
}

#endif
