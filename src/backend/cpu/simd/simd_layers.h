/* simd_layers.h: vector kernels of layers, one set for each instruction-set tier: normalisation, attention, nearest
   code, Adam, resampling by 2, padding, pools, Winograd convolution and convolution through matrix products (f64). */
#ifndef SIMD_LAYERS_H
#define SIMD_LAYERS_H

#include "backend/backend.h"

/* Put the tier's kernels over the entries that b has (reference, or oneDNN's convolutions), which are kept for what ours
   do not take. Call after ref_layers_fill and onednn_fill. A tier exists where TSR_HAVE_<TIER> is defined (baseline
   always); the caller checks that the machine has it. */
void simd_layers_fill_baseline(backend *b);
void simd_layers_fill_avx2(backend *b);
void simd_layers_fill_avx512(backend *b);

#endif
