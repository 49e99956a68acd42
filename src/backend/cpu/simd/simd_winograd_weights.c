/* simd_winograd_weights.c: the gradient of the weights by Winograd's algorithm; simd_winograd.h has the mathematics.

   With V = B^T in B of each input tile and D = A grad A^T of each tile of the output's gradient, the transformed weights'
   gradient is, for each xi, the matrix product V^T D over tiles, and the weights' is G^T of it on either side. Tiles go in
   chunks: all threads transform one, then share out its products by xi and input channels, adding to the sums so far. Where
   one chunk is enough, products are shared out by blocks of weights instead, and a block's sums never leave the cache.
   The chunks depend on the shape alone, so results do not depend on the number of threads. */
#include "backend/cpu/simd/simd_winograd.h"

#include "base/alloc.h"
#include "base/parallel.h"
#include "base/util.h"

enum { CHUNK_BYTES = 6 << 20 /* of V and D */ };

typedef struct weight_job {
    const winograd *g;
    const float *x, *grad;
    float *v, *d, *sums; /* sums [xi][C / 16][phase][panel][16][panel's outputs] */
    const array *grad_weight;
    int64_t chunk, first, count; /* tiles of a chunk; of this one */
    int64_t v_xi, d_xi, sums_xi;
    bool adds; /* not the first chunk */
} weight_job;

/* ---- the gradient's tiles ---- */

VECTOR_INLINE void gradient_tile(const float *y, int64_t row, int64_t column, float *d, int64_t d_xi, int taps)
{
    int points = winograd_points(taps), tile = winograd_tile(taps);
    vec32 t[MOST_POINTS][MOST_TILE], line[MOST_TILE], m[MOST_POINTS];
#pragma GCC unroll 4
    for (int j = 0; j < tile; j++) {
#pragma GCC unroll 4
        for (int i = 0; i < tile; i++) line[i] = load32(y + i * row + j * column);
        winograd_a_turned(m, line, taps);
#pragma GCC unroll 6
        for (int i = 0; i < points; i++) t[i][j] = m[i];
    }
#pragma GCC unroll 6
    for (int i = 0; i < points; i++) {
        winograd_a_turned(m, t[i], taps);
#pragma GCC unroll 6
        for (int j = 0; j < points; j++) store32(d + (i * points + j) * d_xi, m[j]);
    }
}

/* Tile `index` at place `at` of the chunk. D is [xi][panel][tile][panel's outputs]. */
VECTOR_INLINE void transform_gradient(const weight_job *j, int64_t index, int64_t at, int taps)
{
    const winograd *g = j->g;
    int tile = winograd_tile(taps);
    float buffer[MOST_TILE * MOST_TILE * LANES32] __attribute__((aligned(64)));
    int64_t column = index % g->tile_columns * tile, row = index / g->tile_columns % g->tile_rows * tile;
    int64_t rows = tsr_min_i64(tile, g->oh - row), columns = tsr_min_i64(tile, g->ow - column);
    const float *y = j->grad + ((index / g->tile_columns / g->tile_rows * g->oh + row) * g->ow + column) * g->k;
    for (int64_t k = 0; k < g->panels * g->panel; k += LANES32) {
        float *d = j->d + (k / g->panel * j->chunk + at) * g->panel + k % g->panel;
        if (rows == tile && columns == tile && k + LANES32 <= g->k) {
            gradient_tile(y + k, g->ow * g->k, g->k, d, j->d_xi, taps);
            continue;
        }
        memset(buffer, 0, sizeof buffer);
        for (int64_t i = 0; i < rows && k < g->k; i++)
            for (int64_t l = 0; l < columns; l++)
                store32(buffer + (i * tile + l) * LANES32, load_some32(y + (i * g->ow + l) * g->k + k, g->k - k));
        gradient_tile(buffer, tile * LANES32, LANES32, d, j->d_xi, taps);
    }
}

static void transform_tiles(int64_t begin, int64_t end, void *user)
{
    const weight_job *j = user;
    TIER(winograd_input)
    (j->g, j->x, j->first + begin, end - begin, j->v + begin * BLOCK_C, j->v_xi, j->chunk * BLOCK_C);
    for (int64_t i = begin; i < end; i++) {
        if (j->g->taps == 2) transform_gradient(j, j->first + i, i, 2);
        else if (j->g->taps == 3) transform_gradient(j, j->first + i, i, 3);
        else transform_gradient(j, j->first + i, i, 4);
    }
}

/* ---- products ---- */

/* sums [rows][panel] (+)= v^T d, over tiles; v is at the first of `rows` channels of a block. */
VECTOR_INLINE void add_products(const float *v, const float *d, int64_t tiles, float *sums, bool adds, int rows,
                                int vectors)
{
    vec32 sum[8][4];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) sum[r][i] = adds ? load32(sums + (r * vectors + i) * LANES32) : (vec32){0};
    for (int64_t t = 0; t < tiles; t++, v += BLOCK_C, d += vectors * LANES32) {
        vec32 w[4];
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) w[i] = load32(d + i * LANES32);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            vec32 a = splat32(v[r]);
#pragma GCC unroll 4
            for (int i = 0; i < vectors; i++) sum[r][i] += a * w[i];
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) store32(sums + (r * vectors + i) * LANES32, sum[r][i]);
}

/* The 16 channels of a block as 6 + 5 + 5 rows: that many sums fit the registers. */
VECTOR_INLINE void block_products(const float *v, const float *d, int64_t tiles, float *sums, bool adds, int vectors)
{
    int64_t row = vectors * LANES32;
    add_products(v, d, tiles, sums, adds, 6, vectors);
    add_products(v + 6, d, tiles, sums + 6 * row, adds, 5, vectors);
    add_products(v + 11, d, tiles, sums + 11 * row, adds, 5, vectors);
}

/* One block of input channels of a phase, by its place in V, with one panel of outputs, for one xi. */
static void add_block(const weight_job *j, int64_t xi, int64_t place, int64_t panel, float *sums)
{
    const float *v = j->v + xi * j->v_xi + place * j->chunk * BLOCK_C;
    const float *d = j->d + xi * j->d_xi + panel * j->chunk * j->g->panel;
    if (j->g->vectors == 2) block_products(v, d, j->count, sums, j->adds, 2);
    else block_products(v, d, j->count, sums, j->adds, 4);
}

/* ---- back to weights ---- */

/* The sums of one block of input channels of one phase with one panel. */
typedef struct block_sums {
    const float *sums;
    int64_t xi_stride, place[4]; /* to be added by winograd_edge */
    int64_t block, panel;
    const winograd_phase *phase;
} block_sums;

/* One input channel and a vector of outputs from k on. */
VECTOR_INLINE void write_weights(const weight_job *j, const winograd_phase *p, int64_t c, int64_t k,
                                 vec32 w[MOST_TAPS][MOST_TAPS], int rows, int columns)
{
    const array *to = j->grad_weight;
    int64_t row = j->g->step * to->stride[2], column = j->g->step * to->stride[3];
    float *first = (float *)to->data + c * to->stride[1] + p->row * to->stride[2] + p->column * to->stride[3];
    for (int64_t i = 0; i < LANES32 && k + i < j->g->k; i++)
        for (int r = 0; r < rows; r++)
            for (int s = 0; s < columns; s++) first[(k + i) * to->stride[0] + r * row + s * column] = w[r][s][i];
}

/* One input channel's sums of a vector of outputs, G^T u G. */
VECTOR_INLINE void weights_of_sums(const float *u, const block_sums *b, vec32 w[MOST_TAPS][MOST_TAPS], int taps,
                                   int rows, int columns)
{
    int points = winograd_points(taps), last = points - 1;
    vec32 t[MOST_TAPS][MOST_POINTS], column[MOST_POINTS], d[MOST_TAPS];
    for (int j = 0; j < points; j++) {
        for (int i = 0; i < points; i++) {
            bool left_out = (i == last && rows < taps) || (j == last && columns < taps);
            const float *from = u + b->place[(i == last) * 2 + (j == last)] + (i * points + j) * b->xi_stride;
            column[i] = left_out ? (vec32){0} : load32(from);
        }
        winograd_g_turned(d, column, taps);
        for (int r = 0; r < rows; r++) t[r][j] = d[r];
    }
    for (int r = 0; r < rows; r++) winograd_g_turned(w[r], t[r], taps);
}

VECTOR_INLINE void vector_to_weights(const weight_job *j, const block_sums *b, int64_t c, int64_t k, int taps, int rows,
                                     int columns)
{
    int64_t width = j->g->panel;
    vec32 w[MOST_TAPS][MOST_TAPS];
    weights_of_sums(b->sums + c * width + k, b, w, taps, rows, columns);
    write_weights(j, b->phase, b->block * BLOCK_C + c, b->panel * width + k, w, rows, columns);
}

static void block_to_weights(const weight_job *j, const block_sums *b)
{
    int64_t channels = tsr_min_i64(j->g->c - b->block * BLOCK_C, BLOCK_C), width = j->g->panel;
    int taps = j->g->taps, rows = b->phase->rows, columns = b->phase->columns;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t k = 0; k < width && b->panel * width + k < j->g->k; k += LANES32) {
            if (taps == 3) vector_to_weights(j, b, c, k, 3, 3, 3);
            else if (taps == 4) vector_to_weights(j, b, c, k, 4, 4, 4);
            else if (rows == 2 && columns == 2) vector_to_weights(j, b, c, k, 2, 2, 2);
            else if (rows == 2) vector_to_weights(j, b, c, k, 2, 2, 1);
            else if (columns == 2) vector_to_weights(j, b, c, k, 2, 1, 2);
            else vector_to_weights(j, b, c, k, 2, 1, 1);
        }
}

/* Tasks are blocks, panels and phases: phases of the same weights together. */
static block_sums task_block(const weight_job *j, int64_t task, int *phase)
{
    int64_t pair = task / j->g->phases;
    *phase = (int)(task % j->g->phases);
    return (block_sums){.block = pair / j->g->panels, .panel = pair % j->g->panels, .phase = &j->g->phase[*phase]};
}

/* ---- several chunks: sums in memory; tasks are pairs of xi and a block's phase, then blocks ---- */

static int64_t sums_place(const weight_job *j, int64_t place, int64_t panel)
{
    return (place * j->g->panels + panel) * BLOCK_C * j->g->panel;
}

static void product_tasks(int64_t begin, int64_t end, void *user)
{
    const weight_job *j = user;
    int64_t places = j->g->blocks * j->g->phases;
    for (int64_t task = begin; task < end; task++) {
        int64_t xi = task / places, place = task % places;
        if (place >= winograd_blocks(j->g, xi, j->g->blocks)) continue;
        for (int64_t panel = 0; panel < j->g->panels; panel++)
            add_block(j, xi, place, panel, j->sums + xi * j->sums_xi + sums_place(j, place, panel));
    }
}

static void weight_tasks(int64_t begin, int64_t end, void *user)
{
    const weight_job *j = user;
    for (int64_t task = begin; task < end; task++) {
        int phase;
        block_sums b = task_block(j, task, &phase);
        b.sums = j->sums;
        b.xi_stride = j->sums_xi;
        for (int edge = 0; edge < 4; edge++)
            b.place[edge] = sums_place(j, b.block * j->g->slots[edge] + j->g->slot[edge][phase], b.panel);
        block_to_weights(j, &b);
    }
}

static void run_chunks(weight_job *j)
{
    for (j->first = 0; j->first < j->g->tiles; j->first += j->chunk) {
        j->count = tsr_min_i64(j->chunk, j->g->tiles - j->first);
        j->adds = j->first > 0;
        tsr_parallel_for(j->count, 4, transform_tiles, j);
        tsr_parallel_for(j->g->xi * j->g->blocks * j->g->phases, 1, product_tasks, j);
    }
    tsr_parallel_for(j->g->blocks * j->g->panels * j->g->phases, 1, weight_tasks, j);
}

/* ---- one chunk: a task takes a block and a panel all the way, its sums stay in the cache ---- */

static void whole_tasks(int64_t begin, int64_t end, void *user)
{
    enum { MOST_PANEL = 4 * LANES32 };
    const weight_job *j = user;
    const winograd *g = j->g;
    float sums[MOST_XI * BLOCK_C * MOST_PANEL] __attribute__((aligned(64)));
    for (int64_t task = begin; task < end; task++) {
        int phase;
        block_sums b = task_block(j, task, &phase);
        b.sums = sums;
        b.xi_stride = BLOCK_C * g->panel;
        for (int64_t xi = 0; xi < g->xi; xi++) {
            int edge = winograd_edge(g, xi);
            if (g->slot[edge][phase] < 0) continue;
            add_block(j, xi, b.block * g->slots[edge] + g->slot[edge][phase], b.panel, sums + xi * b.xi_stride);
        }
        block_to_weights(j, &b);
    }
}

static void run_whole(weight_job *j)
{
    j->count = j->g->tiles;
    tsr_parallel_for(j->count, 4, transform_tiles, j);
    tsr_parallel_for(j->g->blocks * j->g->panels * j->g->phases, 1, whole_tasks, j);
}

/* Tiles of a chunk: V and D should stay in the last-level cache, and be no smaller than makes the sums' way to memory pay. */
static int64_t chunk_tiles(const winograd *g)
{
    int64_t channels = g->blocks * g->phases * BLOCK_C, outputs = g->panels * g->panel;
    int64_t each = g->xi * (int64_t)sizeof(float);
    int64_t bytes = tsr_max_i64(CHUNK_BYTES, each * channels * outputs / 4);
    int64_t most = tsr_max_i64(bytes / (each * (channels + outputs)), 16), chunks = (g->tiles + most - 1) / most;
    return (g->tiles + chunks - 1) / chunks;
}

bool TIER(winograd_grad_weight)(const winograd *g, const array *grad_weight, const float *grad, const float *x)
{
    weight_job j = {.g = g, .x = x, .grad = grad, .grad_weight = grad_weight, .chunk = chunk_tiles(g)};
    int64_t channels = g->blocks * g->phases * BLOCK_C, outputs = g->panels * g->panel;
    bool whole = j.chunk == g->tiles;
    j.v_xi = channels * j.chunk + 16;
    j.d_xi = outputs * j.chunk + 16;
    j.sums_xi = channels * outputs + 16;
    j.v = tsr_alloc((size_t)(g->xi * (j.v_xi + j.d_xi + (whole ? 0 : j.sums_xi))) * sizeof(float));
    if (!j.v) return false;
    j.d = j.v + g->xi * j.v_xi;
    j.sums = j.d + g->xi * j.d_xi;
    if (whole) run_whole(&j);
    else run_chunks(&j);
    tsr_free(j.v);
    return true;
}
