/* simd_winograd_input.c: what a convolution by Winograd's algorithm looks like (its phases, tiles and panels), and the
   transform of the input, which the forward convolution and the gradient of the weights share; simd_winograd.h has the
   mathematics. */
#include "backend/cpu/simd/simd_winograd.h"
#include "base/util.h"

/* ---- the shape of a convolution ---- */

static int taps_from(int first, int side, int step) { return (side - first + step - 1) / step; }

static winograd_phase phase_of(int side, int step, int index)
{
    winograd_phase p = {.row = index / step, .column = index % step};
    p.rows = taps_from(p.row, side, step);
    p.columns = taps_from(p.column, side, step);
    return p;
}

/* Where each phase goes in each edge of positions. */
static void fill_slots(winograd *g)
{
    for (int edge = 0; edge < 4; edge++)
        for (int i = 0; i < g->phases; i++) {
            bool left_out = (edge / 2 && g->phase[i].rows < g->taps) || (edge % 2 && g->phase[i].columns < g->taps);
            g->slot[edge][i] = left_out ? -1 : g->slots[edge]++;
        }
}

static void fill_tiles(winograd *g, const array *x, int64_t outputs)
{
    g->n = x->shape[0];
    g->c = x->shape[1];
    g->h = x->shape[2];
    g->w = x->shape[3];
    g->k = outputs;
    g->taps = taps_from(0, g->side, g->step);
    g->tile = winograd_tile(g->taps);
    g->points = winograd_points(g->taps);
    g->xi = g->points * g->points;
    g->tile_rows = (g->oh + g->tile - 1) / g->tile;
    g->tile_columns = (g->ow + g->tile - 1) / g->tile;
    g->tiles = g->n * g->tile_rows * g->tile_columns;
    g->blocks = (g->c + BLOCK_C - 1) / BLOCK_C;
    g->vectors = VECTOR_BYTES == 64 && (g->k % 64 == 0 || g->k > 128) ? 4 : 2;
    g->panel = g->vectors * LANES32;
    g->panels = (g->k + g->panel - 1) / g->panel;
    fill_slots(g);
}

winograd TIER(winograd_make)(const array *x, const array *out, int side, int step, const int64_t padding[2])
{
    winograd g = {.side = side, .step = step, .in_step = step, .phases = step * step};
    g.oh = out->shape[2];
    g.ow = out->shape[3];
    g.pad_h = padding[0];
    g.pad_w = padding[1];
    g.out_column = out->shape[1];
    g.out_row = g.ow * g.out_column;
    g.out_picture = g.oh * g.out_row;
    for (int i = 0; i < g.phases; i++) g.phase[i] = phase_of(side, step, i);
    fill_tiles(&g, x, out->shape[1]);
    return g;
}

/* A phase has the rows step i + tap - padding of x: *first of those inside, and *count. Window i of the gradient ends at i, and
   *pad of its rows lie before the gradient for the first. */
static void turn_side(int64_t size, int tap, int taps, int step, int64_t padding, int64_t *first, int64_t *count,
                      int64_t *pad)
{
    int64_t skipped = tsr_max_i64(padding - tap + step - 1, 0) / step;
    *first = step * skipped + tap - padding;
    *count = tsr_max_i64(size - *first + step - 1, 0) / step;
    *pad = taps - 1 - skipped;
}

winograd TIER(winograd_make_turned)(const array *grad, const array *grad_x, int side, int step,
                                    const int64_t padding[2], int phase)
{
    winograd g = {.side = side, .step = step, .in_step = 1, .phases = 1, .phase = {phase_of(side, step, phase)}};
    int64_t row, column;
    turn_side(grad_x->shape[2], g.phase[0].row, g.phase[0].rows, step, padding[0], &row, &g.oh, &g.pad_h);
    turn_side(grad_x->shape[3], g.phase[0].column, g.phase[0].columns, step, padding[1], &column, &g.ow, &g.pad_w);
    g.out_offset = (row * grad_x->shape[3] + column) * grad_x->shape[1];
    g.out_column = step * grad_x->shape[1];
    g.out_row = step * grad_x->shape[3] * grad_x->shape[1];
    g.out_picture = grad_x->shape[2] * grad_x->shape[3] * grad_x->shape[1];
    fill_tiles(&g, grad, grad_x->shape[1]);
    return g;
}

/* ---- the input's transform ---- */

/* One vector of channels of a tile. Without `rows` or `columns` of all points, those at infinity are left out. */
VECTOR_INLINE void input_tile(const float *x, int64_t row, int64_t column, float *v, const int64_t place[4],
                              int64_t xi_stride, int points, int rows, int columns)
{
    vec32 t[MOST_POINTS][MOST_POINTS], d[MOST_POINTS], line[MOST_POINTS];
#pragma GCC unroll 6
    for (int j = 0; j < points; j++) {
#pragma GCC unroll 6
        for (int i = 0; i < points; i++)
            line[i] = i < rows && j < columns ? load32(x + i * row + j * column) : (vec32){0};
        winograd_b(d, line, points);
#pragma GCC unroll 6
        for (int i = 0; i < rows; i++) t[i][j] = d[i];
    }
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
        winograd_b(d, t[i], points);
#pragma GCC unroll 6
        for (int j = 0; j < columns; j++)
            store32(v + place[(i == points - 1) * 2 + (j == points - 1)] + (i * points + j) * xi_stride, d[j]);
    }
}

/* A tile of one phase: where it begins in the picture, and its rows and columns. */
typedef struct window {
    int64_t y, x;
    int rows, columns;
    bool inside; /* the picture */
} window;

static window window_of(const winograd *g, int64_t tile, int phase)
{
    const winograd_phase *p = &g->phase[phase];
    window w = {.rows = g->tile + p->rows - 1, .columns = g->tile + p->columns - 1};
    w.y = tile / g->tile_columns % g->tile_rows * g->tile * g->in_step - g->pad_h;
    w.x = tile % g->tile_columns * g->tile * g->in_step - g->pad_w;
    if (g->in_step > 1) {
        w.y += p->row;
        w.x += p->column;
    }
    w.inside = w.y >= 0 && w.x >= 0 && w.y + (w.rows - 1) * g->in_step < g->h &&
               w.x + (w.columns - 1) * g->in_step < g->w;
    return w;
}

/* The part of a tile inside the picture, in a buffer [points][points][16] of zeros. */
static void copy_tile(const winograd *g, const window *w, const float *picture, int64_t first, float *buffer)
{
    int64_t count = tsr_min_i64(g->c - first, BLOCK_C), step = g->in_step;
    memset(buffer, 0, sizeof(float) * (size_t)g->xi * BLOCK_C);
    for (int64_t i = 0; i < w->rows; i++)
        for (int64_t j = 0, y = w->y + i * step; j < w->columns && y >= 0 && y < g->h; j++) {
            int64_t x = w->x + j * step;
            if (x < 0 || x >= g->w) continue;
            float *to = buffer + (i * g->points + j) * BLOCK_C;
            const float *from = picture + (y * g->w + x) * g->c + first;
            if (count == BLOCK_C) memcpy(to, from, BLOCK_C * sizeof(float));
            else memcpy(to, from, (size_t)count * sizeof(float));
        }
}

static void transform_block(const winograd *g, const window *w, const float *from, int64_t row, int64_t column,
                            float *v, const int64_t place[4], int64_t xi_stride)
{
    for (int i = 0; i < BLOCK_C; i += LANES32, from += LANES32, v += LANES32) {
        if (g->points == 6) input_tile(from, row, column, v, place, xi_stride, 6, 6, 6);
        else if (w->rows == 5 && w->columns == 5) input_tile(from, row, column, v, place, xi_stride, 5, 5, 5);
        else if (w->rows == 5) input_tile(from, row, column, v, place, xi_stride, 5, 5, 4);
        else if (w->columns == 5) input_tile(from, row, column, v, place, xi_stride, 5, 4, 5);
        else input_tile(from, row, column, v, place, xi_stride, 5, 4, 4);
    }
}

/* One phase of a tile. */
static void transform_tile(const winograd *g, const float *x, int64_t tile, int phase, float *v, int64_t xi_stride,
                           int64_t block_stride)
{
    float buffer[MOST_XI * BLOCK_C] __attribute__((aligned(64)));
    const float *picture = x + tile / g->tile_columns / g->tile_rows * g->h * g->w * g->c;
    window w = window_of(g, tile, phase);
    for (int64_t b = 0; b < g->blocks; b++) {
        int64_t place[4], row = g->points * BLOCK_C, column = BLOCK_C;
        const float *from = buffer;
        for (int edge = 0; edge < 4; edge++) place[edge] = (b * g->slots[edge] + g->slot[edge][phase]) * block_stride;
        if (w.inside && (b + 1) * BLOCK_C <= g->c) {
            from = picture + (w.y * g->w + w.x) * g->c + b * BLOCK_C;
            row = g->in_step * g->w * g->c;
            column = g->in_step * g->c;
        } else {
            copy_tile(g, &w, picture, b * BLOCK_C, buffer);
        }
        transform_block(g, &w, from, row, column, v, place, xi_stride);
    }
}

void TIER(winograd_input)(const winograd *g, const float *x, int64_t first, int64_t count, float *v, int64_t xi_stride,
                          int64_t block_stride)
{
    for (int64_t i = 0; i < count; i++)
        for (int phase = 0; phase < g->phases; phase++)
            transform_tile(g, x, first + i, phase, v + i * BLOCK_C, xi_stride, block_stride);
}
