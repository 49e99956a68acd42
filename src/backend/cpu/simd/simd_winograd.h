/* simd_winograd.h: convolutions with stride 1 by Winograd's algorithm, F(4x4, 3x3) and F(3x3, 4x4), f32, channels-last.

   An output tile of 4x4 under 3x3 weights, or of 3x3 under 4x4 weights, needs an input tile of 6x6. With the polynomials'
   points 0, +-sqrt(1/2), +-sqrt(2), infinity (whose rounding errors are five times below those of 0, +-1, +-2) there are
   matrices B, G, A so that
       out = A^T [(G w G^T) . (B^T in B)] A,
   where the product is element by element, for each of the 36 positions xi, and sums over input channels: 36 matrix
   products [tiles, C] [C, K] in place of the 144 multiplications that a tile of 16 (or 9) outputs takes; a quarter of the
   work. B belongs to the points alone; A has a row for each power of them up to the tile's side, G up to the weights'.

   Layouts:  V [xi][C / 16][tile][16], the transformed input;  U [K / panel][xi][C][panel], the transformed weights;
             M [xi][tile][panel], products.  Strides of xi are padded by 16 floats, against aliasing in the caches. */
#ifndef SIMD_WINOGRAD_H
#define SIMD_WINOGRAD_H

#include "backend/backend.h"
#include "backend/cpu/simd/simd_vec.h"

enum {
    XI = 36,
    MOST_TAPS = 4,
    BLOCK_C = 16, /* input channels of a block */
    MOST_ROWS = 6 /* of the micro-kernel */
};

/* A convolution of channels-last arrays. */
typedef struct winograd {
    int64_t n, c, k;
    int64_t h, w, oh, ow; /* input and output */
    int64_t pad_h, pad_w;
    int taps, tile;                         /* sides of the weights, 3 or 4, and of an output tile, 7 - taps */
    int64_t tile_rows, tile_columns, tiles; /* tiles: of all pictures */
    int64_t blocks;                         /* of input channels */
    int vectors;                            /* of a panel */
    int64_t panel, panels;                  /* outputs of a panel, panels */
} winograd;

/* Weights by stride: w[k][c][r][s], of which k and c may be exchanged. */
typedef struct winograd_weights {
    const float *data;
    int64_t k, c, r, s;
    bool flipped; /* used in space from the last to the first */
} winograd_weights;

winograd TIER(winograd_make)(const array *x, const array *out, int taps, int64_t pad_h, int64_t pad_w);

/* x and out channels-last; bias contiguous or NULL. False without memory. */
bool TIER(winograd_forward)(const winograd *g, float *out, const float *x, const winograd_weights *w,
                            const float *bias);
/* grad_weight by its strides. */
bool TIER(winograd_grad_weight)(const winograd *g, const array *grad_weight, const float *grad, const float *x);

/* Transform tiles [first, first + count) of a channels-last array of c channels into V: `blocks` of 16 channels, of which
   block b of xi goes to v + xi * xi_stride + b * block_stride. */
void TIER(winograd_input)(const winograd *g, const float *x, int64_t first, int64_t count, float *v, int64_t xi_stride,
                          int64_t block_stride);

/* ---- transforms of one dimension ---- */

#define ROOT_HALF 0.70710678f
#define ROOT_TWO 1.41421356f

/* B^T: six inputs */
VECTOR_INLINE void winograd_b(vec32 out[6], vec32 d0, vec32 d1, vec32 d2, vec32 d3, vec32 d4, vec32 d5)
{
    vec32 even1 = d4 - d2 * 2.0f, odd1 = (d3 - d1 * 2.0f) * ROOT_HALF;
    vec32 even2 = d4 - d2 * 0.5f, odd2 = (d3 - d1 * 0.5f) * ROOT_TWO;
    out[0] = d0 - d2 * 2.5f + d4;
    out[1] = even1 + odd1;
    out[2] = even1 - odd1;
    out[3] = even2 + odd2;
    out[4] = even2 - odd2;
    out[5] = d1 - d3 * 2.5f + d5;
}

/* A^T: `tile` outputs */
VECTOR_INLINE void winograd_a(vec32 *out, const vec32 m[6], int tile)
{
    vec32 sum1 = m[1] + m[2], difference1 = (m[1] - m[2]) * ROOT_HALF;
    vec32 sum2 = m[3] + m[4], difference2 = (m[3] - m[4]) * ROOT_TWO;
    out[0] = m[0] + sum1 + sum2;
    out[1] = difference1 + difference2;
    out[2] = sum1 * 0.5f + sum2 * 2.0f;
    if (tile > 3) out[3] = difference1 * 0.5f + difference2 * 2.0f;
    out[tile - 1] += m[5];
}

/* A: the gradient of `tile` outputs to six products */
VECTOR_INLINE void winograd_a_turned(vec32 out[6], const vec32 *y, int tile)
{
    vec32 even1 = y[0] + y[2] * 0.5f, even2 = y[0] + y[2] * 2.0f;
    vec32 odd1 = (tile > 3 ? y[1] + y[3] * 0.5f : y[1]) * ROOT_HALF;
    vec32 odd2 = (tile > 3 ? y[1] + y[3] * 2.0f : y[1]) * ROOT_TWO;
    out[0] = y[0];
    out[1] = even1 + odd1;
    out[2] = even1 - odd1;
    out[3] = even2 + odd2;
    out[4] = even2 - odd2;
    out[5] = y[tile - 1];
}

/* G: `taps` weights */
VECTOR_INLINE void winograd_g(vec32 out[6], const vec32 *g, int taps)
{
    vec32 even1 = (g[0] + g[2] * 0.5f) * (-2.0f / 3), even2 = (g[0] + g[2] * 2.0f) * (1.0f / 6);
    vec32 odd1 = (taps > 3 ? g[1] + g[3] * 0.5f : g[1]) * (-2.0f / 3 * ROOT_HALF);
    vec32 odd2 = (taps > 3 ? g[1] + g[3] * 2.0f : g[1]) * (1.0f / 6 * ROOT_TWO);
    out[0] = g[0];
    out[1] = even1 + odd1;
    out[2] = even1 - odd1;
    out[3] = even2 + odd2;
    out[4] = even2 - odd2;
    out[5] = g[taps - 1];
}

/* G^T: six products' gradients to `taps` weights' */
VECTOR_INLINE void winograd_g_turned(vec32 *out, const vec32 u[6], int taps)
{
    vec32 sum1 = (u[1] + u[2]) * (-2.0f / 3), sum2 = (u[3] + u[4]) * (1.0f / 6);
    vec32 difference1 = (u[1] - u[2]) * (-2.0f / 3 * ROOT_HALF), difference2 = (u[3] - u[4]) * (1.0f / 6 * ROOT_TWO);
    out[0] = u[0] + sum1 + sum2;
    out[1] = difference1 + difference2;
    out[2] = sum1 * 0.5f + sum2 * 2.0f;
    if (taps > 3) out[3] = difference1 * 0.5f + difference2 * 2.0f;
    out[taps - 1] += u[5];
}

#endif
