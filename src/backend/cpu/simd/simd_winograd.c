/* simd_winograd.c: the forward convolution by Winograd's algorithm; simd_winograd.h has the mathematics and the layouts.
   Backward to the input is the same with the weights flipped and turned.

   Usually weights are transformed once, and each task takes a chunk of tiles whose V stays in its core's second-level cache;
   panel by panel of outputs it computes all 36 products and transforms them back at once. With few tiles and many
   channels the weights are what is large: then V is shared, each task takes a panel of outputs and transforms that
   panel's weights itself, some input channels at a time, so that it finds them in its cache. Either way a tile's sums have one order, so results depend neither on chunks nor on threads. */
#include "backend/cpu/simd/simd_winograd.h"

#include <stdatomic.h>

#include "backend/cpu/simd/simd_transpose.h"
#include "base/alloc.h"
#include "base/parallel.h"
#include "base/util.h"
#include "tessera/error.h"

enum {
    V_BYTES = VECTOR_BYTES == 64 ? 1 << 20 : 240 << 10,   /* of a chunk's V */
    U_BYTES = VECTOR_BYTES == 64 ? 768 << 10 : 192 << 10, /* of a panel's U, at a time */
    SHARED_V_BYTES = 12 << 20,
    SHARED_TILES = 160 /* at most, for the second way */
};

typedef struct forward_job {
    const winograd *g;
    const float *x, *bias;
    float *out;
    const winograd_weights *weights;
    float *u, *v;        /* shared, or NULL */
    int64_t chunk;       /* tiles of a chunk */
    int64_t v_xi, u_xi;  /* strides of xi */
    int64_t u_blocks;    /* blocks of input channels that U holds at a time */
    _Atomic bool failed; /* a thread had no memory */
} forward_job;

/* The micro-kernel takes 4, 5 or 6 tiles, and all numbers but 1, 2, 3 and 7 are sums of those. */
static int64_t padded_tiles(int64_t tiles) { return tiles == 7 ? 8 : tsr_max_i64(tiles, 4); }

/* M's stride of xi. */
static int64_t m_stride(const winograd *g, int64_t tiles) { return tiles * g->panel + 16; }

winograd TIER(winograd_make)(const array *x, const array *out, int taps, int64_t pad_h, int64_t pad_w)
{
    winograd g = {.n = x->shape[0], .c = x->shape[1], .h = x->shape[2], .w = x->shape[3]};
    g.k = out->shape[1];
    g.oh = out->shape[2];
    g.ow = out->shape[3];
    g.pad_h = pad_h;
    g.pad_w = pad_w;
    g.taps = taps;
    g.tile = 7 - taps;
    g.tile_rows = (g.oh + g.tile - 1) / g.tile;
    g.tile_columns = (g.ow + g.tile - 1) / g.tile;
    g.tiles = g.n * g.tile_rows * g.tile_columns;
    g.blocks = (g.c + BLOCK_C - 1) / BLOCK_C;
    g.vectors = VECTOR_BYTES == 64 && (g.k % 64 == 0 || g.k > 128) ? 4 : 2;
    g.panel = g.vectors * LANES32;
    g.panels = (g.k + g.panel - 1) / g.panel;
    return g;
}

/* ---- input ---- */

/* One vector of channels of a 6x6 tile. */
VECTOR_INLINE void input_tile(const float *x, int64_t row, int64_t column, float *v, int64_t xi_stride)
{
    vec32 t[6][6];
#pragma GCC unroll 6
    for (int j = 0; j < 6; j++) {
        const float *from = x + j * column;
        vec32 d[6];
        winograd_b(d, load32(from), load32(from + row), load32(from + 2 * row), load32(from + 3 * row),
                   load32(from + 4 * row), load32(from + 5 * row));
#pragma GCC unroll 6
        for (int i = 0; i < 6; i++) t[i][j] = d[i];
    }
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++) {
        vec32 d[6];
        winograd_b(d, t[i][0], t[i][1], t[i][2], t[i][3], t[i][4], t[i][5]);
#pragma GCC unroll 6
        for (int j = 0; j < 6; j++) store32(v + (i * 6 + j) * xi_stride, d[j]);
    }
}

/* The part of a tile inside the picture, in a buffer [6][6][16] of zeros. */
static void copy_tile(const winograd *g, const float *picture, int64_t y, int64_t x, int64_t first, float *buffer)
{
    int64_t count = tsr_min_i64(g->c - first, BLOCK_C);
    memset(buffer, 0, sizeof(float) * 36 * BLOCK_C);
    for (int64_t i = tsr_max_i64(0, -y); i < 6 && y + i < g->h; i++)
        for (int64_t j = tsr_max_i64(0, -x); j < 6 && x + j < g->w; j++)
            memcpy(buffer + (i * 6 + j) * BLOCK_C, picture + ((y + i) * g->w + x + j) * g->c + first,
                   (size_t)count * sizeof(float));
}

static void transform_tile(const winograd *g, const float *x, int64_t tile, float *v, int64_t xi_stride,
                           int64_t block_stride)
{
    float buffer[36 * BLOCK_C] __attribute__((aligned(64)));
    int64_t column = tile % g->tile_columns * g->tile - g->pad_w;
    int64_t row = tile / g->tile_columns % g->tile_rows * g->tile - g->pad_h;
    const float *picture = x + tile / g->tile_columns / g->tile_rows * g->h * g->w * g->c;
    bool inside = row >= 0 && column >= 0 && row + 6 <= g->h && column + 6 <= g->w;
    for (int64_t b = 0; b < g->blocks; b++) {
        bool direct = inside && (b + 1) * BLOCK_C <= g->c;
        if (!direct) copy_tile(g, picture, row, column, b * BLOCK_C, buffer);
        const float *from = direct ? picture + (row * g->w + column) * g->c + b * BLOCK_C : buffer;
        int64_t row_stride = direct ? g->w * g->c : 6 * BLOCK_C, column_stride = direct ? g->c : BLOCK_C;
        for (int i = 0; i < BLOCK_C; i += LANES32)
            input_tile(from + i, row_stride, column_stride, v + b * block_stride + i, xi_stride);
    }
}

void TIER(winograd_input)(const winograd *g, const float *x, int64_t first, int64_t count, float *v, int64_t xi_stride,
                          int64_t block_stride)
{
    for (int64_t i = 0; i < count; i++) transform_tile(g, x, first + i, v + i * BLOCK_C, xi_stride, block_stride);
}

/* Rows of the micro-kernel that have no tile. */
static void clear_tiles(const winograd *g, float *v, int64_t first, int64_t last, int64_t xi_stride,
                        int64_t block_stride)
{
    for (int64_t xi = 0; xi < XI && first < last; xi++)
        for (int64_t b = 0; b < g->blocks; b++)
            memset(v + xi * xi_stride + b * block_stride + first * BLOCK_C, 0,
                   (size_t)((last - first) * BLOCK_C) * sizeof(float));
}

/* ---- weights ---- */

/* to [tap][LANES32], of 8 outputs `stride` apart that have `count` weights each. */
static void turn_weights(float *to, const float *from, int64_t stride, int64_t count)
{
    int64_t e = 0;
    for (; e + 8 <= count; e += 8)
        transpose_8x8((char *)(to + e * LANES32), LANES32 * sizeof(float), (const char *)(from + e),
                      stride * (int64_t)sizeof(float));
    for (; e < count; e++)
        for (int i = 0; i < 8; i++) to[e * LANES32 + i] = from[i * stride + e];
}

/* A whole block where the weights of one output and input are contiguous, perhaps also those of an output's inputs. */
static void turn_block(const winograd *g, const winograd_weights *w, int64_t k, int64_t c, float *buffer)
{
    int64_t taps = g->taps * g->taps, run = w->c == taps ? BLOCK_C : 1;
    for (int64_t j = 0; j < BLOCK_C; j += run)
        for (int i = 0; i < LANES32; i += 8)
            turn_weights(buffer + j * taps * LANES32 + i, w->data + (k + i) * w->k + (c + j) * w->c, w->k, run * taps);
}

static void gather_block(const winograd *g, const winograd_weights *w, int64_t k, int64_t c, float *buffer)
{
    int taps = g->taps * g->taps;
    int64_t outputs = tsr_min_i64(g->k - k, LANES32), inputs = tsr_min_i64(g->c - c, BLOCK_C);
    if (outputs < LANES32 || inputs < BLOCK_C) memset(buffer, 0, sizeof(float) * BLOCK_C * (size_t)taps * LANES32);
    for (int64_t i = 0; i < outputs; i++)
        for (int64_t j = 0; j < inputs; j++) {
            const float *from = w->data + (k + i) * w->k + (c + j) * w->c;
            float *to = buffer + j * taps * LANES32 + i;
            for (int r = 0; r < g->taps; r++, from += w->r)
                for (int s = 0; s < g->taps; s++, to += LANES32) *to = from[s * w->s];
        }
}

/* Weights of LANES32 outputs from k on and of a block of input channels, as [c][tap][output]; 0 where there are none. The
   whole block goes through memory: vectors loaded right after their elements were stored would wait for them. */
static void gather_weights(const winograd *g, const winograd_weights *w, int64_t k, int64_t c, float *buffer)
{
    bool whole = k + LANES32 <= g->k && c + BLOCK_C <= g->c;
    if (LANES32 >= 8 && whole && w->s == 1 && w->r == g->taps) turn_block(g, w, k, c, buffer);
    else gather_block(g, w, k, c, buffer);
}

/* One input channel's weights of LANES32 outputs, `step` apart. */
VECTOR_INLINE void weight_tile(const float *weights, int64_t step, float *u, int64_t u_xi, int taps)
{
    vec32 t[6][MOST_TAPS], column[MOST_TAPS], d[6];
#pragma GCC unroll 4
    for (int s = 0; s < taps; s++) {
#pragma GCC unroll 4
        for (int r = 0; r < taps; r++) column[r] = load32(weights + (r * taps + s) * step);
        winograd_g(d, column, taps);
#pragma GCC unroll 6
        for (int i = 0; i < 6; i++) t[i][s] = d[i];
    }
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++) {
        winograd_g(d, t[i], taps);
#pragma GCC unroll 6
        for (int j = 0; j < 6; j++) store32(u + (i * 6 + j) * u_xi, d[j]);
    }
}

/* U [xi][c][panel] of one panel and `blocks` blocks of input channels. */
static void transform_weights(const winograd *g, const winograd_weights *w, int64_t panel, int64_t block,
                              int64_t blocks, float *u, int64_t u_xi)
{
    float buffer[BLOCK_C * MOST_TAPS * MOST_TAPS * LANES32] __attribute__((aligned(64)));
    int64_t each = g->taps * g->taps * LANES32, step = w->flipped ? -LANES32 : LANES32;
    for (int64_t c = 0; c < blocks * BLOCK_C; c += BLOCK_C)
        for (int64_t first = 0; first < g->panel; first += LANES32) {
            gather_weights(g, w, tsr_min_i64(panel * g->panel + first, g->k), block * BLOCK_C + c, buffer);
            const float *from = buffer + (w->flipped ? each - LANES32 : 0);
            for (int64_t i = 0; i < BLOCK_C; i++) {
                float *to = u + (c + i) * g->panel + first;
                if (g->taps == 3) weight_tile(from + i * each, step, to, u_xi, 3);
                else weight_tile(from + i * each, step, to, u_xi, 4);
            }
        }
}

/* ---- products ---- */

/* m [rows][panel] (+)= v [rows][16 blocks] u [16 blocks][panel] */
VECTOR_INLINE void multiply_rows(const float *v, int64_t block_stride, const float *u, int64_t blocks, float *m,
                                 bool adds, int rows, int vectors)
{
    vec32 sum[12][4];
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) sum[r][i] = adds ? load32(m + (r * vectors + i) * LANES32) : (vec32){0};
    for (int64_t b = 0; b < blocks; b++, v += block_stride)
#pragma GCC unroll 2
        for (int c = 0; c < BLOCK_C; c++, u += vectors * LANES32) {
            vec32 w[4];
#pragma GCC unroll 4
            for (int i = 0; i < vectors; i++) w[i] = load32(u + i * LANES32);
#pragma GCC unroll 12
            for (int r = 0; r < rows; r++) {
                vec32 a = splat32(v[r * BLOCK_C + c]);
#pragma GCC unroll 4
                for (int i = 0; i < vectors; i++) sum[r][i] += a * w[i];
            }
        }
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) store32(m + (r * vectors + i) * LANES32, sum[r][i]);
}

VECTOR_INLINE void multiply_group(const float *v, int64_t block_stride, const float *u, int64_t blocks, float *m,
                                  bool adds, int64_t rows, int vectors)
{
    if (rows == 6) multiply_rows(v, block_stride, u, blocks, m, adds, 6, vectors);
    else if (rows == 5) multiply_rows(v, block_stride, u, blocks, m, adds, 5, vectors);
    else multiply_rows(v, block_stride, u, blocks, m, adds, 4, vectors);
}

static int64_t group_of(int64_t left)
{
    if (left == 5 || left == 9 || left == 13) return 5;
    return left == 6 || left > 9 ? 6 : 4;
}

/* M of one panel: all tiles, all xi, `blocks` blocks of input channels. */
static void multiply_panel(const winograd *g, const float *v, int64_t v_xi, int64_t tiles, const float *u, int64_t u_xi,
                           int64_t blocks, float *m, bool adds)
{
    int64_t block_stride = tiles * BLOCK_C, m_xi = m_stride(g, tiles);
    for (int xi = 0; xi < XI; xi++, v += v_xi, u += u_xi, m += m_xi)
        for (int64_t t = 0, rows; t < tiles; t += rows) {
            rows = group_of(tiles - t);
            if (g->vectors == 2)
                multiply_group(v + t * BLOCK_C, block_stride, u, blocks, m + t * g->panel, adds, rows, 2);
            else multiply_group(v + t * BLOCK_C, block_stride, u, blocks, m + t * g->panel, adds, rows, 4);
        }
}

/* ---- output ---- */

VECTOR_INLINE void output_tile(const float *m, int64_t m_xi, vec32 bias, vec32 y[4][4], int tile)
{
    vec32 t[4][6], column[6], d[4];
#pragma GCC unroll 6
    for (int j = 0; j < 6; j++) {
#pragma GCC unroll 6
        for (int i = 0; i < 6; i++) column[i] = load32(m + (6 * i + j) * m_xi);
        winograd_a(d, column, tile);
#pragma GCC unroll 4
        for (int i = 0; i < tile; i++) t[i][j] = d[i];
    }
#pragma GCC unroll 4
    for (int i = 0; i < tile; i++) {
        winograd_a(d, t[i], tile);
#pragma GCC unroll 4
        for (int j = 0; j < tile; j++) y[i][j] = d[j] + bias;
    }
}

/* One tile of a panel: outputs from k on. */
VECTOR_INLINE void write_tile(const winograd *g, const float *m, int64_t m_xi, const float *bias, float *out,
                              int64_t index, int64_t k, int tile)
{
    int64_t column = index % g->tile_columns * tile, row = index / g->tile_columns % g->tile_rows * tile;
    int64_t picture = index / g->tile_columns / g->tile_rows;
    int64_t rows = tsr_min_i64(tile, g->oh - row), columns = tsr_min_i64(tile, g->ow - column);
    float *to = out + ((picture * g->oh + row) * g->ow + column) * g->k + k;
    for (int64_t first = 0; first < g->panel && k + first < g->k; first += LANES32) {
        int64_t left = g->k - k - first;
        vec32 y[4][4];
        output_tile(m + first, m_xi, bias ? load_some32(bias + k + first, left) : (vec32){0}, y, tile);
        if (rows == tile && columns == tile && left >= LANES32) {
#pragma GCC unroll 4
            for (int i = 0; i < tile; i++)
#pragma GCC unroll 4
                for (int j = 0; j < tile; j++) store32(to + first + (i * g->ow + j) * g->k, y[i][j]);
            continue;
        }
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++) store_some32(to + first + (i * g->ow + j) * g->k, y[i][j], left);
    }
}

/* M of one panel, of `count` tiles from `first` on, to the output. */
static void write_tiles(const forward_job *j, const float *m, int64_t first, int64_t count, int64_t panel)
{
    const winograd *g = j->g;
    int64_t m_xi = m_stride(g, padded_tiles(count)), k = panel * g->panel;
    if (g->tile == 4)
        for (int64_t t = 0; t < count; t++) write_tile(g, m + t * g->panel, m_xi, j->bias, j->out, first + t, k, 4);
    else
        for (int64_t t = 0; t < count; t++) write_tile(g, m + t * g->panel, m_xi, j->bias, j->out, first + t, k, 3);
}

/* ---- the first way: chunks of tiles ---- */

static void weight_panels(int64_t begin, int64_t end, void *user)
{
    forward_job *j = user;
    for (int64_t panel = begin; panel < end; panel++)
        transform_weights(j->g, j->weights, panel, 0, j->g->blocks, j->u + panel * XI * j->u_xi, j->u_xi);
}

static void chunk_to_output(forward_job *j, int64_t first, int64_t count, float *v, float *m)
{
    const winograd *g = j->g;
    int64_t padded = padded_tiles(count), block_stride = padded * BLOCK_C;
    TIER(winograd_input)(g, j->x, first, count, v, j->v_xi, block_stride);
    clear_tiles(g, v, count, padded, j->v_xi, block_stride);
    for (int64_t panel = 0; panel < g->panels; panel++) {
        multiply_panel(g, v, j->v_xi, padded, j->u + panel * XI * j->u_xi, j->u_xi, g->blocks, m, false);
        write_tiles(j, m, first, count, panel);
    }
}

static void chunk_tasks(int64_t begin, int64_t end, void *user)
{
    forward_job *j = user;
    int64_t v_floats = XI * j->v_xi;
    float *v = tsr_alloc((size_t)(v_floats + XI * m_stride(j->g, padded_tiles(j->chunk))) * sizeof *v);
    if (!v) {
        atomic_store(&j->failed, true);
        return;
    }
    for (int64_t chunk = begin; chunk < end; chunk++) {
        int64_t first = chunk * j->chunk;
        chunk_to_output(j, first, tsr_min_i64(j->chunk, j->g->tiles - first), v, v + v_floats);
    }
    tsr_free(v);
}

static bool forward_by_chunks(forward_job *j)
{
    const winograd *g = j->g;
    int64_t fits = V_BYTES / (XI * g->blocks * BLOCK_C * (int64_t)sizeof(float)), threads = tsr_num_threads();
    int64_t most = tsr_max_i64(fits / MOST_ROWS, 1) * MOST_ROWS;
    int64_t rounds = tsr_max_i64((g->tiles + most * threads - 1) / (most * threads),
                                 1); /* so that threads end together */
    j->chunk = (g->tiles + rounds * threads - 1) / (rounds * threads);
    j->v_xi = g->blocks * BLOCK_C * padded_tiles(j->chunk) + 16;
    j->u_xi = g->blocks * BLOCK_C * g->panel + 16;
    j->u = tsr_alloc((size_t)(g->panels * XI * j->u_xi) * sizeof(float));
    if (!j->u) return false;
    tsr_parallel_for(g->panels, 1, weight_panels, j);
    tsr_parallel_for((g->tiles + j->chunk - 1) / j->chunk, 1, chunk_tasks, j);
    tsr_free(j->u);
    return true;
}

/* ---- the second way: panels of outputs, a few blocks of input channels at a time ---- */

static void input_tiles(int64_t begin, int64_t end, void *user)
{
    forward_job *j = user;
    TIER(winograd_input)
    (j->g, j->x, begin, end - begin, j->v + begin * BLOCK_C, j->v_xi, padded_tiles(j->g->tiles) * BLOCK_C);
}

static void panel_tasks(int64_t begin, int64_t end, void *user)
{
    forward_job *j = user;
    const winograd *g = j->g;
    int64_t padded = padded_tiles(g->tiles);
    float *u = tsr_alloc((size_t)(XI * (j->u_xi + m_stride(g, padded))) * sizeof *u), *m = u + XI * j->u_xi;
    if (!u) {
        atomic_store(&j->failed, true);
        return;
    }
    for (int64_t panel = begin; panel < end; panel++) {
        for (int64_t block = 0; block < g->blocks; block += j->u_blocks) {
            int64_t blocks = tsr_min_i64(j->u_blocks, g->blocks - block);
            transform_weights(g, j->weights, panel, block, blocks, u, j->u_xi);
            multiply_panel(g, j->v + block * padded * BLOCK_C, j->v_xi, padded, u, j->u_xi, blocks, m, block > 0);
        }
        write_tiles(j, m, 0, g->tiles, panel);
    }
    tsr_free(u);
}

static bool forward_by_panels(forward_job *j)
{
    const winograd *g = j->g;
    int64_t fits = U_BYTES / (XI * g->panel * BLOCK_C * (int64_t)sizeof(float));
    j->u_blocks = tsr_min_i64(fits, g->blocks);
    j->u_xi = j->u_blocks * BLOCK_C * g->panel + 16;
    int64_t padded = padded_tiles(g->tiles);
    j->v_xi = g->blocks * BLOCK_C * padded + 16;
    j->v = tsr_alloc((size_t)(XI * j->v_xi) * sizeof(float));
    if (!j->v) return false;
    clear_tiles(g, j->v, g->tiles, padded, j->v_xi, padded * BLOCK_C);
    tsr_parallel_for(g->tiles, 4, input_tiles, j);
    tsr_parallel_for(g->panels, 1, panel_tasks, j);
    tsr_free(j->v);
    return true;
}

static bool has_few_tiles(const winograd *g)
{
    return g->tiles <= SHARED_TILES && g->panels >= 2 * tsr_num_threads() && g->c >= 128 &&
           g->tiles * g->c * XI * (int64_t)sizeof(float) <= SHARED_V_BYTES;
}

bool TIER(winograd_forward)(const winograd *g, float *out, const float *x, const winograd_weights *w, const float *bias)
{
    forward_job j = {.g = g, .x = x, .bias = bias, .out = out, .weights = w};
    bool ok = has_few_tiles(g) ? forward_by_panels(&j) : forward_by_chunks(&j);
    if (ok && atomic_load(&j.failed)) {
        tsr_fail(TSR_ENOMEM, "convolution: no memory for its transformed input");
        ok = false;
    }
    return ok;
}
