/* simd_winograd.h: convolutions by Winograd's algorithm, f32, channels-last: F(4x4, 3x3) and F(3x3, 4x4) with stride 1, and
   F(4x4, 2x2) for 3x3 and 4x4 with stride 2.

   An output tile of 4x4 under 3x3 weights, or of 3x3 under 4x4 weights, needs an input tile of 6x6. With the polynomials'
   points 0, +-sqrt(1/2), +-sqrt(2), infinity (whose rounding errors are five times below those of 0, +-1, +-2) there are
   matrices B, G, A so that
       out = A^T [(G w G^T) . (B^T in B)] A,
   where the product is element by element, for each of the 36 positions xi, and sums over input channels: 36 matrix
   products [tiles, C] [C, K] in place of the 144 multiplications that a tile of 16 (or 9) outputs takes; a quarter of the
   work. B belongs to the points alone; A has a row for each power of them up to the tile's side, G up to the weights'.

   With stride 2, outputs are the sum of four convolutions with stride 1, one for each phase: the input's even or odd rows and
   columns with the weights' even or odd ones, 2x2 of them. Tiles of 4x4 outputs need 5x5 inputs of each phase: with the points
   +-1/2, +-5/4, infinity 100 multiplications in place of 256. Of 3x3 weights an odd phase has one row or column; where the other is
   zero, so is what it becomes at infinity: those positions are left out, 81 multiplications remain of 144. Backward to the input
   is four convolutions with 2x2 weights, each of which gives one phase.

   Layouts:  V [xi][C / 16][phase][tile][16], the transformed input;  U [K / panel][xi][C / 16][phase][16][panel], the
             transformed weights;  M [xi][tile][panel], products.  A phase that is left out has no place in V and U.
             Strides of xi are padded by 16 floats, against aliasing in the caches. */
#ifndef SIMD_WINOGRAD_H
#define SIMD_WINOGRAD_H

#include "backend/backend.h"
#include "backend/cpu/simd/simd_vec.h"

enum {
    MOST_XI = 36,
    MOST_POINTS = 6,
    MOST_TILE = 4,
    MOST_TAPS = 4, /* rows of weights, of a phase or all */
    MOST_PHASES = 4,
    BLOCK_C = 16, /* input channels of a block */
    MOST_ROWS = 6 /* of the micro-kernel */
};

typedef struct winograd_phase {
    int row, column;   /* of the weights, its first */
    int rows, columns; /* it has */
} winograd_phase;

/* A convolution of channels-last arrays. */
typedef struct winograd {
    int64_t n, c, k;
    int64_t h, w, oh, ow; /* input and output */
    int64_t pad_h, pad_w;
    int64_t out_offset, out_picture, out_row, out_column; /* the output's first element, and strides */
    int side, step;                                       /* of the weights; the stride */
    int in_step;                                          /* between the input's rows of a phase */
    int taps, tile, points, xi; /* sides of a phase's weights, of tiles of output and input; points^2 */
    int phases;                 /* that are summed */
    winograd_phase phase[MOST_PHASES];
    int slots[4], slot[4][MOST_PHASES]; /* by winograd_edge: phases that are not left out, and a phase's place or -1 */
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

/* Weights of `side` rows and columns. */
winograd TIER(winograd_make)(const array *x, const array *out, int side, int step, const int64_t padding[2]);
/* The convolution of the output's gradient with flipped weights that gives phase `phase` of step^2 of x's gradient. */
winograd TIER(winograd_make_turned)(const array *grad, const array *grad_x, int side, int step,
                                    const int64_t padding[2], int phase);

/* x and out channels-last; bias contiguous or NULL; `parts` convolutions that differ in their outputs and weights' phases. False
   without memory. */
bool TIER(winograd_forward)(const winograd *g, int parts, float *out, const float *x, const winograd_weights *w,
                            const float *bias);
/* grad_weight by its strides. */
bool TIER(winograd_grad_weight)(const winograd *g, const array *grad_weight, const float *grad, const float *x);

/* Transform tiles [first, first + count) of a channels-last array of c channels into V, of which
   block b and its phase of xi go to v + xi * xi_stride + place * block_stride, places as in V. */
void TIER(winograd_input)(const winograd *g, const float *x, int64_t first, int64_t count, float *v, int64_t xi_stride,
                          int64_t block_stride);

/* Whether xi is in the last row (2) and column (1) of positions: infinity's. */
static inline int winograd_edge(const winograd *g, int64_t xi)
{
    return (xi / g->points == g->points - 1) * 2 + (xi % g->points == g->points - 1);
}

/* Blocks of xi, of `blocks` blocks of channels. */
static inline int64_t winograd_blocks(const winograd *g, int64_t xi, int64_t blocks)
{
    return g->slots[winograd_edge(g, xi)] * blocks;
}

/* ---- transforms of one dimension; 2 taps: five points ---- */

VECTOR_INLINE int winograd_points(int taps) { return taps == 2 ? 5 : 6; }
VECTOR_INLINE int winograd_tile(int taps) { return winograd_points(taps) + 1 - taps; }

#define ROOT_HALF 0.70710678f
#define ROOT_TWO 1.41421356f
/* The five points' squares, and what G divides by: 2 a (b^2 - a^2), 2 b (b^2 - a^2) of the points a and b. */
#define HALF_2 0.25f
#define FIVE_QUARTERS_2 1.5625f
#define DIVIDE_HALF (1 / 1.3125f)
#define DIVIDE_FIVE_QUARTERS (1 / 3.28125f)

/* A polynomial at two points and their negatives, from its even and odd powers there. */
VECTOR_INLINE void both_signs(vec32 out[4], vec32 even1, vec32 odd1, vec32 even2, vec32 odd2)
{
    out[0] = even1 + odd1;
    out[1] = even1 - odd1;
    out[2] = even2 + odd2;
    out[3] = even2 - odd2;
}

/* B^T: as many inputs as points; the last input goes to infinity alone. */
VECTOR_INLINE void winograd_b(vec32 *out, const vec32 *d, int points)
{
    if (points == 5) {
        vec32 even1 = (d[2] - d[0] * FIVE_QUARTERS_2) * 0.5f, odd1 = d[3] - d[1] * FIVE_QUARTERS_2;
        vec32 even2 = (d[2] - d[0] * HALF_2) * 1.25f, odd2 = d[3] - d[1] * HALF_2;
        both_signs(out, even1, odd1, even2, odd2);
        out[4] = d[4] - d[2] * (HALF_2 + FIVE_QUARTERS_2) + d[0] * (HALF_2 * FIVE_QUARTERS_2);
        return;
    }
    vec32 even1 = d[4] - d[2] * 2.0f, odd1 = (d[3] - d[1] * 2.0f) * ROOT_HALF;
    vec32 even2 = d[4] - d[2] * 0.5f, odd2 = (d[3] - d[1] * 0.5f) * ROOT_TWO;
    out[0] = d[0] - d[2] * 2.5f + d[4];
    both_signs(out + 1, even1, odd1, even2, odd2);
    out[5] = d[1] - d[3] * 2.5f + d[5];
}

/* A^T: the outputs of a tile */
VECTOR_INLINE void winograd_a(vec32 *out, const vec32 *m, int taps)
{
    if (taps == 2) {
        vec32 sum1 = m[0] + m[1], difference1 = (m[0] - m[1]) * 0.5f;
        vec32 sum2 = m[2] + m[3], difference2 = (m[2] - m[3]) * 1.25f;
        out[0] = sum1 + sum2;
        out[1] = difference1 + difference2;
        out[2] = sum1 * HALF_2 + sum2 * FIVE_QUARTERS_2;
        out[3] = difference1 * HALF_2 + difference2 * FIVE_QUARTERS_2 + m[4];
        return;
    }
    int tile = winograd_tile(taps);
    vec32 sum1 = m[1] + m[2], difference1 = (m[1] - m[2]) * ROOT_HALF;
    vec32 sum2 = m[3] + m[4], difference2 = (m[3] - m[4]) * ROOT_TWO;
    out[0] = m[0] + sum1 + sum2;
    out[1] = difference1 + difference2;
    out[2] = sum1 * 0.5f + sum2 * 2.0f;
    if (tile > 3) out[3] = difference1 * 0.5f + difference2 * 2.0f;
    out[tile - 1] += m[5];
}

/* A: the gradient of a tile's outputs to products */
VECTOR_INLINE void winograd_a_turned(vec32 *out, const vec32 *y, int taps)
{
    if (taps == 2) {
        vec32 even1 = y[0] + y[2] * HALF_2, odd1 = (y[1] + y[3] * HALF_2) * 0.5f;
        vec32 even2 = y[0] + y[2] * FIVE_QUARTERS_2, odd2 = (y[1] + y[3] * FIVE_QUARTERS_2) * 1.25f;
        both_signs(out, even1, odd1, even2, odd2);
        out[4] = y[3];
        return;
    }
    int tile = winograd_tile(taps);
    vec32 even1 = y[0] + y[2] * 0.5f, even2 = y[0] + y[2] * 2.0f;
    vec32 odd1 = (tile > 3 ? y[1] + y[3] * 0.5f : y[1]) * ROOT_HALF;
    vec32 odd2 = (tile > 3 ? y[1] + y[3] * 2.0f : y[1]) * ROOT_TWO;
    out[0] = y[0];
    both_signs(out + 1, even1, odd1, even2, odd2);
    out[5] = y[tile - 1];
}

/* G: `taps` weights */
VECTOR_INLINE void winograd_g(vec32 *out, const vec32 *g, int taps)
{
    if (taps == 2) {
        vec32 even1 = g[0] * -DIVIDE_HALF, odd1 = g[1] * (-0.5f * DIVIDE_HALF);
        vec32 even2 = g[0] * DIVIDE_FIVE_QUARTERS, odd2 = g[1] * (1.25f * DIVIDE_FIVE_QUARTERS);
        both_signs(out, even1, odd1, even2, odd2);
        out[4] = g[1];
        return;
    }
    vec32 even1 = (g[0] + g[2] * 0.5f) * (-2.0f / 3), even2 = (g[0] + g[2] * 2.0f) * (1.0f / 6);
    vec32 odd1 = (taps > 3 ? g[1] + g[3] * 0.5f : g[1]) * (-2.0f / 3 * ROOT_HALF);
    vec32 odd2 = (taps > 3 ? g[1] + g[3] * 2.0f : g[1]) * (1.0f / 6 * ROOT_TWO);
    out[0] = g[0];
    both_signs(out + 1, even1, odd1, even2, odd2);
    out[5] = g[taps - 1];
}

/* G^T: products' gradients to `taps` weights' */
VECTOR_INLINE void winograd_g_turned(vec32 *out, const vec32 *u, int taps)
{
    if (taps == 2) {
        vec32 sum = (u[0] + u[1]) * -DIVIDE_HALF, difference = (u[0] - u[1]) * (-0.5f * DIVIDE_HALF);
        out[0] = sum + (u[2] + u[3]) * DIVIDE_FIVE_QUARTERS;
        out[1] = difference + (u[2] - u[3]) * (1.25f * DIVIDE_FIVE_QUARTERS) + u[4];
        return;
    }
    vec32 sum1 = (u[1] + u[2]) * (-2.0f / 3), sum2 = (u[3] + u[4]) * (1.0f / 6);
    vec32 difference1 = (u[1] - u[2]) * (-2.0f / 3 * ROOT_HALF), difference2 = (u[3] - u[4]) * (1.0f / 6 * ROOT_TWO);
    out[0] = u[0] + sum1 + sum2;
    out[1] = difference1 + difference2;
    out[2] = sum1 * 0.5f + sum2 * 2.0f;
    if (taps > 3) out[3] = difference1 * 0.5f + difference2 * 2.0f;
    out[taps - 1] += u[5];
}

#endif
