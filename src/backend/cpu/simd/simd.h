/* simd.h: vector kernels of element-wise operations, copies, reductions, softmax, matrix products, look-ups: one set for
   each instruction-set tier. Every file of the folder is compiled once for each tier with TSR_TIER set to its name. */
#ifndef SIMD_H
#define SIMD_H

#include "backend/backend.h"

/* Put the tier's kernels over the entries that b has, which are kept for what ours do not take. Call after ref_fill and
   onednn_fill. A tier exists where TSR_HAVE_<TIER> is defined (baseline always); the caller checks the machine. */
void simd_fill_baseline(backend *b);
void simd_fill_avx2(backend *b);
void simd_fill_avx512(backend *b);

#endif
