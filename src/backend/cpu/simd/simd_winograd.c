/* simd_winograd.c: the forward convolution by Winograd's algorithm; simd_winograd.h has the mathematics and the layouts.
   Backward to the input is the same with the weights flipped and turned; with stride 2 it has four parts, the phases.

   Usually weights are transformed once, and each task takes a chunk of tiles whose V stays in its core's second-level cache;
   panel by panel of outputs it computes the products of all xi and transforms them back at once. With few tiles and many
   channels the weights are what is large: then V is shared, each task takes a panel of outputs and transforms that
   panel's weights itself, some input channels at a time, so that it finds them in its cache. Either way a tile's sums have
   one order, so results depend neither on chunks nor on threads. */
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

/* Parts differ in their outputs, not in channels; their tasks have equal numbers, of which a smaller part leaves some out. */
typedef struct forward_job {
    const winograd *g;    /* [parts] */
    int64_t parts, tiles; /* tiles of the largest part */
    const float *x, *bias;
    float *out;
    const winograd_weights *weights;
    float *u, *v;          /* shared: U [part][panel] or V [part] */
    int64_t chunk, chunks; /* tiles of a chunk; chunks of a part */
    int64_t v_xi, u_xi;    /* strides of xi */
    int64_t u_blocks;      /* blocks of input channels that U holds at a time */
    _Atomic bool failed;   /* a thread had no memory */
} forward_job;

/* The micro-kernel takes 4, 5 or 6 tiles, and all numbers but 1, 2, 3 and 7 are sums of those. */
static int64_t padded_tiles(int64_t tiles) { return tiles == 7 ? 8 : tsr_max_i64(tiles, 4); }

/* M's stride of xi. */
static int64_t m_stride(const winograd *g, int64_t tiles) { return tiles * g->panel + 16; }

/* ---- input ---- */

/* Rows of the micro-kernel that have no tile. */
static void clear_tiles(const winograd *g, float *v, int64_t first, int64_t last, int64_t xi_stride,
                        int64_t block_stride)
{
    for (int64_t xi = 0; xi < g->xi && first < last; xi++)
        for (int64_t b = 0; b < winograd_blocks(g, xi, g->blocks); b++)
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
    int64_t taps = g->side * g->side, run = w->c == taps ? BLOCK_C : 1;
    for (int64_t j = 0; j < BLOCK_C; j += run)
        for (int i = 0; i < LANES32; i += 8)
            turn_weights(buffer + j * taps * LANES32 + i, w->data + (k + i) * w->k + (c + j) * w->c, w->k, run * taps);
}

static void gather_block(const winograd *g, const winograd_weights *w, int64_t k, int64_t c, float *buffer)
{
    int taps = g->side * g->side;
    int64_t outputs = tsr_min_i64(g->k - k, LANES32), inputs = tsr_min_i64(g->c - c, BLOCK_C);
    if (outputs < LANES32 || inputs < BLOCK_C) memset(buffer, 0, sizeof(float) * BLOCK_C * (size_t)taps * LANES32);
    for (int64_t i = 0; i < outputs; i++)
        for (int64_t j = 0; j < inputs; j++) {
            const float *from = w->data + (k + i) * w->k + (c + j) * w->c;
            float *to = buffer + j * taps * LANES32 + i;
            for (int r = 0; r < g->side; r++, from += w->r)
                for (int s = 0; s < g->side; s++, to += LANES32) *to = from[s * w->s];
        }
}

/* Weights of LANES32 outputs from k on and of a block of input channels, as [c][tap][output]; 0 where there are none. The
   whole block goes through memory: vectors loaded right after their elements were stored would wait for them. */
static void gather_weights(const winograd *g, const winograd_weights *w, int64_t k, int64_t c, float *buffer)
{
    bool whole = k + LANES32 <= g->k && c + BLOCK_C <= g->c;
    if (LANES32 >= 8 && whole && w->s == 1 && w->r == g->side) turn_block(g, w, k, c, buffer);
    else gather_block(g, w, k, c, buffer);
}

/* One input channel's weights of LANES32 outputs; weights beyond `rows` and `columns` are 0, and so is what becomes of them at
   infinity, which is left out. */
VECTOR_INLINE void weight_tile(const float *weights, int64_t row, int64_t column, float *u, const int64_t place[4],
                               int64_t u_xi, int taps, int rows, int columns)
{
    int points = winograd_points(taps), last = points - 1;
    vec32 t[MOST_POINTS][MOST_TAPS], line[MOST_TAPS], d[MOST_POINTS];
#pragma GCC unroll 4
    for (int s = 0; s < taps; s++) {
#pragma GCC unroll 4
        for (int r = 0; r < taps; r++)
            line[r] = r < rows && s < columns ? load32(weights + r * row + s * column) : (vec32){0};
        winograd_g(d, line, taps);
#pragma GCC unroll 6
        for (int i = 0; i < points; i++) t[i][s] = d[i];
    }
#pragma GCC unroll 6
    for (int i = 0; i < points - (rows < taps); i++) {
        winograd_g(d, t[i], taps);
#pragma GCC unroll 6
        for (int j = 0; j < points - (columns < taps); j++)
            store32(u + place[(i == last) * 2 + (j == last)] + (i * points + j) * u_xi, d[j]);
    }
}

/* A phase of a block of input channels of LANES32 outputs, from [c][tap][output]. */
static void transform_phase(const winograd *g, const float *weights, bool flipped, int phase, float *u,
                            const int64_t place[4], int64_t u_xi)
{
    const winograd_phase *p = &g->phase[phase];
    int64_t row = g->step * g->side * LANES32, column = g->step * LANES32, each = g->side * g->side * LANES32;
    weights += (p->row * g->side + p->column) * LANES32;
    if (flipped) {
        weights += (p->rows - 1) * row + (p->columns - 1) * column;
        row = -row;
        column = -column;
    }
    for (int i = 0; i < BLOCK_C; i++, weights += each, u += g->panel) {
        if (g->taps == 3) weight_tile(weights, row, column, u, place, u_xi, 3, 3, 3);
        else if (g->taps == 4) weight_tile(weights, row, column, u, place, u_xi, 4, 4, 4);
        else if (p->rows == 2 && p->columns == 2) weight_tile(weights, row, column, u, place, u_xi, 2, 2, 2);
        else if (p->rows == 2) weight_tile(weights, row, column, u, place, u_xi, 2, 2, 1);
        else if (p->columns == 2) weight_tile(weights, row, column, u, place, u_xi, 2, 1, 2);
        else weight_tile(weights, row, column, u, place, u_xi, 2, 1, 1);
    }
}

/* U of one panel and `blocks` blocks of input channels. */
static void transform_weights(const winograd *g, const winograd_weights *w, int64_t panel, int64_t block,
                              int64_t blocks, float *u, int64_t u_xi)
{
    float buffer[BLOCK_C * MOST_TAPS * MOST_TAPS * LANES32] __attribute__((aligned(64)));
    for (int64_t b = 0; b < blocks; b++)
        for (int64_t first = 0; first < g->panel; first += LANES32) {
            gather_weights(g, w, tsr_min_i64(panel * g->panel + first, g->k), (block + b) * BLOCK_C, buffer);
            for (int phase = 0; phase < g->phases; phase++) {
                int64_t place[4];
                for (int edge = 0; edge < 4; edge++)
                    place[edge] = (b * g->slots[edge] + g->slot[edge][phase]) * BLOCK_C * g->panel;
                transform_phase(g, buffer, w->flipped, phase, u + first, place, u_xi);
            }
        }
}

/* ---- products ---- */

/* m [rows][panel] (+)= v [rows][16 blocks] u [16 blocks][panel] */
VECTOR_INLINE void multiply_rows(const float *v, int64_t block_stride, const float *u, int64_t blocks, float *m,
                                 bool adds, int rows, int vectors)
{
    vec32 sum[MOST_ROWS][4];
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) sum[r][i] = adds ? load32(m + (r * vectors + i) * LANES32) : (vec32){0};
    for (int64_t b = 0; b < blocks; b++, v += block_stride)
#pragma GCC unroll 2
        for (int c = 0; c < BLOCK_C; c++, u += vectors * LANES32) {
            vec32 w[4];
#pragma GCC unroll 4
            for (int i = 0; i < vectors; i++) w[i] = load32(u + i * LANES32);
#pragma GCC unroll 6
            for (int r = 0; r < rows; r++) {
                vec32 a = splat32(v[r * BLOCK_C + c]);
#pragma GCC unroll 4
                for (int i = 0; i < vectors; i++) sum[r][i] += a * w[i];
            }
        }
#pragma GCC unroll 6
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

/* M of one panel: all tiles, all xi, blocks [block, block + blocks) of input channels, whose U it is. */
static void multiply_panel(const winograd *g, const float *v, int64_t v_xi, int64_t tiles, const float *u, int64_t u_xi,
                           int64_t block, int64_t blocks, float *m)
{
    int64_t block_stride = tiles * BLOCK_C, m_xi = m_stride(g, tiles);
    for (int xi = 0; xi < g->xi; xi++, v += v_xi, u += u_xi, m += m_xi) {
        const float *from = v + winograd_blocks(g, xi, block) * block_stride;
        int64_t depth = winograd_blocks(g, xi, blocks);
        for (int64_t t = 0, rows; t < tiles; t += rows) {
            rows = group_of(tiles - t);
            if (g->vectors == 2)
                multiply_group(from + t * BLOCK_C, block_stride, u, depth, m + t * g->panel, block > 0, rows, 2);
            else multiply_group(from + t * BLOCK_C, block_stride, u, depth, m + t * g->panel, block > 0, rows, 4);
        }
    }
}

/* ---- output ---- */

VECTOR_INLINE void output_tile(const float *m, int64_t m_xi, vec32 bias, vec32 y[MOST_TILE][MOST_TILE], int taps)
{
    int points = winograd_points(taps), tile = winograd_tile(taps);
    vec32 t[MOST_TILE][MOST_POINTS], column[MOST_POINTS], d[MOST_TILE];
#pragma GCC unroll 6
    for (int j = 0; j < points; j++) {
#pragma GCC unroll 6
        for (int i = 0; i < points; i++) column[i] = load32(m + (points * i + j) * m_xi);
        winograd_a(d, column, taps);
#pragma GCC unroll 4
        for (int i = 0; i < tile; i++) t[i][j] = d[i];
    }
#pragma GCC unroll 4
    for (int i = 0; i < tile; i++) {
        winograd_a(d, t[i], taps);
#pragma GCC unroll 4
        for (int j = 0; j < tile; j++) y[i][j] = d[j] + bias;
    }
}

/* One tile of a panel: outputs from k on. */
VECTOR_INLINE void write_tile(const winograd *g, const float *m, int64_t m_xi, const float *bias, float *out,
                              int64_t index, int64_t k, int taps)
{
    int tile = winograd_tile(taps);
    int64_t column = index % g->tile_columns * tile, row = index / g->tile_columns % g->tile_rows * tile;
    int64_t picture = index / g->tile_columns / g->tile_rows;
    int64_t rows = tsr_min_i64(tile, g->oh - row), columns = tsr_min_i64(tile, g->ow - column);
    float *to = out + g->out_offset + picture * g->out_picture + row * g->out_row + column * g->out_column + k;
    for (int64_t first = 0; first < g->panel && k + first < g->k; first += LANES32, to += LANES32) {
        int64_t left = g->k - k - first;
        vec32 y[MOST_TILE][MOST_TILE];
        output_tile(m + first, m_xi, bias ? load_some32(bias + k + first, left) : (vec32){0}, y, taps);
        if (rows == tile && columns == tile && left >= LANES32) {
#pragma GCC unroll 4
            for (int i = 0; i < tile; i++)
#pragma GCC unroll 4
                for (int j = 0; j < tile; j++) store32(to + i * g->out_row + j * g->out_column, y[i][j]);
            continue;
        }
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++) store_some32(to + i * g->out_row + j * g->out_column, y[i][j], left);
    }
}

/* M of one panel, [xi][padded][panel], of `count` tiles from `first` on, to the output. */
static void write_tiles(const forward_job *j, const winograd *g, const float *m, int64_t padded, int64_t first,
                        int64_t count, int64_t panel)
{
    int64_t m_xi = m_stride(g, padded), k = panel * g->panel;
    for (int64_t t = first; t < first + count; t++, m += g->panel) {
        if (g->taps == 2) write_tile(g, m, m_xi, j->bias, j->out, t, k, 2);
        else if (g->taps == 3) write_tile(g, m, m_xi, j->bias, j->out, t, k, 3);
        else write_tile(g, m, m_xi, j->bias, j->out, t, k, 4);
    }
}

/* ---- the first way: chunks of tiles ---- */

/* Tasks are parts' panels. */
static void weight_panels(int64_t begin, int64_t end, void *user)
{
    forward_job *j = user;
    for (int64_t task = begin; task < end; task++) {
        const winograd *g = &j->g[task / j->g->panels];
        transform_weights(g, j->weights, task % g->panels, 0, g->blocks, j->u + task * g->xi * j->u_xi, j->u_xi);
    }
}

static void chunk_to_output(const forward_job *j, int64_t part, int64_t first, float *v, float *m)
{
    const winograd *g = &j->g[part];
    int64_t count = tsr_min_i64(j->chunk, g->tiles - first);
    int64_t padded = padded_tiles(count), block_stride = padded * BLOCK_C;
    TIER(winograd_input)(g, j->x, first, count, v, j->v_xi, block_stride);
    clear_tiles(g, v, count, padded, j->v_xi, block_stride);
    for (int64_t panel = 0; panel < g->panels; panel++) {
        const float *u = j->u + (part * g->panels + panel) * g->xi * j->u_xi;
        multiply_panel(g, v, j->v_xi, padded, u, j->u_xi, 0, g->blocks, m);
        write_tiles(j, g, m, padded, first, count, panel);
    }
}

static void chunk_tasks(int64_t begin, int64_t end, void *user)
{
    forward_job *j = user;
    int64_t v_floats = j->g->xi * j->v_xi;
    float *v = tsr_alloc((size_t)(v_floats + j->g->xi * m_stride(j->g, padded_tiles(j->chunk))) * sizeof *v);
    if (!v) {
        atomic_store(&j->failed, true);
        return;
    }
    for (int64_t task = begin; task < end; task++) {
        int64_t part = task / j->chunks, first = task % j->chunks * j->chunk;
        if (first < j->g[part].tiles) chunk_to_output(j, part, first, v, v + v_floats);
    }
    tsr_free(v);
}

/* As many as the cache holds, and so that threads end together. */
static void choose_chunk(forward_job *j, int64_t depth)
{
    int64_t fits = V_BYTES / (j->g->xi * depth * (int64_t)sizeof(float)), threads = tsr_num_threads();
    int64_t most = tsr_max_i64(fits / MOST_ROWS, 1) * MOST_ROWS, shared = j->parts % threads == 0 ? 1 : threads;
    int64_t rounds = (j->tiles + most * shared - 1) / (most * shared);
    j->chunk = (j->tiles + rounds * shared - 1) / (rounds * shared);
    j->chunks = (j->tiles + j->chunk - 1) / j->chunk;
}

static bool forward_by_chunks(forward_job *j)
{
    const winograd *g = j->g;
    int64_t depth = g->blocks * g->phases * BLOCK_C;
    choose_chunk(j, depth);
    j->v_xi = depth * padded_tiles(j->chunk) + 16;
    j->u_xi = depth * g->panel + 16;
    j->u = tsr_alloc((size_t)(j->parts * g->panels * g->xi * j->u_xi) * sizeof(float));
    if (!j->u) return false;
    tsr_parallel_for(j->parts * g->panels, 1, weight_panels, j);
    tsr_parallel_for(j->parts * j->chunks, 1, chunk_tasks, j);
    tsr_free(j->u);
    return true;
}

/* ---- the second way: panels of outputs, a few blocks of input channels at a time ---- */

static float *part_input(const forward_job *j, int64_t part) { return j->v + part * j->g->xi * j->v_xi; }

static void input_tiles(int64_t begin, int64_t end, void *user)
{
    forward_job *j = user;
    int64_t block_stride = padded_tiles(j->tiles) * BLOCK_C;
    for (int64_t task = begin; task < end; task++) {
        int64_t part = task / j->tiles, tile = task % j->tiles;
        float *v = part_input(j, part) + tile * BLOCK_C;
        if (tile < j->g[part].tiles) TIER(winograd_input)(&j->g[part], j->x, tile, 1, v, j->v_xi, block_stride);
    }
}

static void panel_to_output(const forward_job *j, int64_t part, int64_t panel, float *u, float *m)
{
    const winograd *g = &j->g[part];
    for (int64_t block = 0; block < g->blocks; block += j->u_blocks) {
        int64_t blocks = tsr_min_i64(j->u_blocks, g->blocks - block);
        transform_weights(g, j->weights, panel, block, blocks, u, j->u_xi);
        multiply_panel(g, part_input(j, part), j->v_xi, padded_tiles(j->tiles), u, j->u_xi, block, blocks, m);
    }
    write_tiles(j, g, m, padded_tiles(j->tiles), 0, g->tiles, panel);
}

static void panel_tasks(int64_t begin, int64_t end, void *user)
{
    forward_job *j = user;
    int64_t u_floats = j->g->xi * j->u_xi;
    float *u = tsr_alloc((size_t)(u_floats + j->g->xi * m_stride(j->g, padded_tiles(j->tiles))) * sizeof *u);
    if (!u) {
        atomic_store(&j->failed, true);
        return;
    }
    for (int64_t task = begin; task < end; task++)
        panel_to_output(j, task / j->g->panels, task % j->g->panels, u, u + u_floats);
    tsr_free(u);
}

static bool forward_by_panels(forward_job *j)
{
    const winograd *g = j->g;
    int64_t each = g->phases * BLOCK_C * g->panel, fits = U_BYTES / (g->xi * each * (int64_t)sizeof(float));
    int64_t padded = padded_tiles(j->tiles);
    j->u_blocks = tsr_min_i64(tsr_max_i64(fits, 1), g->blocks);
    j->u_xi = j->u_blocks * each + 16;
    j->v_xi = g->blocks * g->phases * BLOCK_C * padded + 16;
    j->v = tsr_alloc((size_t)(j->parts * g->xi * j->v_xi) * sizeof(float));
    if (!j->v) return false;
    for (int64_t part = 0; part < j->parts; part++)
        clear_tiles(&g[part], part_input(j, part), g[part].tiles, padded, j->v_xi, padded * BLOCK_C);
    tsr_parallel_for(j->parts * j->tiles, 4, input_tiles, j);
    tsr_parallel_for(j->parts * g->panels, 1, panel_tasks, j);
    tsr_free(j->v);
    return true;
}

/* Fewer tiles than outputs: V, which all tasks read, is smaller than U. */
static bool has_few_tiles(const forward_job *j)
{
    int64_t depth = j->g->c * j->g->phases, floats = j->parts * j->tiles * depth * j->g->xi;
    return j->tiles <= SHARED_TILES && j->tiles < j->g->k && j->parts * j->g->panels >= 2 * tsr_num_threads() &&
           depth >= 128 && floats * (int64_t)sizeof(float) <= SHARED_V_BYTES;
}

bool TIER(winograd_forward)(const winograd *g, int parts, float *out, const float *x, const winograd_weights *w,
                            const float *bias)
{
    forward_job j = {.g = g, .parts = parts, .x = x, .bias = bias, .out = out, .weights = w};
    for (int i = 0; i < parts; i++) j.tiles = tsr_max_i64(j.tiles, g[i].tiles);
    bool ok = has_few_tiles(&j) ? forward_by_panels(&j) : forward_by_chunks(&j);
    if (ok && atomic_load(&j.failed)) {
        tsr_fail(TSR_ENOMEM, "convolution: no memory for its transformed input");
        ok = false;
    }
    return ok;
}
