/* simd_pool_real.h: pooling of channels-last arrays, and the largest ones of row-major arrays, for float or double; included
   twice by simd_pool.c. */
#include "backend/cpu/simd/simd_real.h"

/* The largest of up to LANES channels of one window of the picture x, and where the first of them is. */
VECTOR_INLINE void F(max_strip)(const pool_job *p, const pool_window *w, const REAL *x, int64_t to, int64_t left)
{
    VEC best = F(splat)((REAL)-INFINITY);
    MASK where = (MASK){0} + (int32_t)place(p, w->first[0], w->first[1], w->first[2]);
    for (int64_t i = w->first[0]; i < w->last[0]; i += w->step[0])
        for (int64_t j = w->first[1]; j < w->last[1]; j += w->step[1])
            for (int64_t k = w->first[2]; k < w->last[2]; k += w->step[2]) {
                VEC v = F(load_some)(x + place(p, i, j, k) * p->c, left);
                MASK larger = (v > best) | (v != v), here = (MASK){0} + (int32_t)place(p, i, j, k);
                best = F(choose)(larger, v, best);
                where = (larger & here) | (~larger & where);
            }
    F(store_some)((REAL *)p->out.data + to, best, left);
    if (p->index && left >= LANES)
        for (int64_t k = 0; k < LANES; k++) p->index[to + k] = where[k];
    else if (p->index)
        for (int64_t k = 0; k < left; k++) p->index[to + k] = where[k];
}

VECTOR_INLINE void F(mean_strip)(const pool_job *p, const pool_window *w, REAL factor, const REAL *x, int64_t to,
                                 int64_t left)
{
    VEC sum = {0};
    for (int64_t i = w->first[0]; i < w->last[0]; i += w->step[0])
        for (int64_t j = w->first[1]; j < w->last[1]; j += w->step[1])
            for (int64_t k = w->first[2]; k < w->last[2]; k += w->step[2])
                sum += F(load_some)(x + place(p, i, j, k) * p->c, left);
    F(store_some)((REAL *)p->out.data + to, sum * factor, left);
}

/* Output positions, counted over pictures. */
static void F(pool_positions)(int64_t begin, int64_t end, void *user)
{
    const pool_job *p = user;
    for (int64_t at = begin; at < end; at++) {
        pool_window w = window_at(p, at % p->positions);
        REAL factor = (REAL)mean_factor(p, &w);
        const REAL *picture = (const REAL *)p->x.data + at / p->positions * p->in_positions * p->c;
        for (int64_t i = 0; i < p->c; i += LANES) {
            if (p->kind == POOL_MAX) F(max_strip)(p, &w, picture + i, at * p->c + i, p->c - i);
            else F(mean_strip)(p, &w, factor, picture + i, at * p->c + i, p->c - i);
        }
    }
}

/* best[i] = the larger of itself and x[i * stride]; NaN wins. */
VECTOR_INLINE void F(take_larger)(REAL *restrict best, const REAL *restrict x, int64_t n, int64_t stride)
{
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++)
    {
        REAL v = x[i * stride];
        best[i] = ((v > best[i]) | (v != v)) ? v : best[i];
    }
}

/* The same with element k of each window of an output row, where it lies inside the input's row x. */
VECTOR_INLINE void F(take_column)(const pool_job *p, REAL *best, const REAL *x, int64_t k)
{
    int64_t stride = p->geometry.stride[2], at = k * p->geometry.dilation[2] - p->geometry.padding[2];
    int64_t first = at < 0 ? (-at + stride - 1) / stride : 0, left = p->x.shape[4] - at;
    int64_t n = tsr_min_i64(p->out.shape[4], (left + stride - 1) / stride) - first;
    if (left <= 0 || n <= 0) return;
    best += first, x += first * stride + at;
    if (stride == 1) F(take_larger)(best, x, n, 1); /* a stride that the compiler knows gives vectors */
    else if (stride == 2) F(take_larger)(best, x, n, 2);
    else F(take_larger)(best, x, n, stride);
}

/* Rows of a row-major output, counted over planes; where the largest ones lie is not noted. */
static void F(max_rows)(int64_t begin, int64_t end, void *user)
{
    const pool_job *p = user;
    int64_t n = p->out.shape[4], rows = p->positions / n, padding = p->geometry.padding[2];
    /* Elements of a window that lie in a row for some output: a window may be very much wider than the row. */
    int64_t dilation = p->geometry.dilation[2], before = padding - (n - 1) * p->geometry.stride[2];
    int64_t begin_k = before > 0 ? (before + dilation - 1) / dilation : 0;
    int64_t end_k = tsr_min_i64(p->geometry.kernel[2], (padding + p->x.shape[4] + dilation - 1) / dilation);
    for (int64_t row = begin; row < end; row++) {
        const REAL *plane = (const REAL *)p->x.data + row / rows * p->in_positions;
        REAL *best = (REAL *)p->out.data + row * n;
        pool_window w = window_at(p, row % rows * n);
        for (int64_t i = 0; i < n; i++) best[i] = (REAL)-INFINITY;
        for (int64_t i = w.first[0]; i < w.last[0]; i += w.step[0])
            for (int64_t j = w.first[1]; j < w.last[1]; j += w.step[1])
                for (int64_t k = begin_k; k < end_k; k++) F(take_column)(p, best, plane + place(p, i, j, 0), k);
    }
}

/* ---- backward: a task has some channels of one picture, whose gradient it clears and then adds to in order ---- */

static void F(spread_max)(const pool_job *p, int64_t image, int64_t first, int64_t last)
{
    REAL *x = (REAL *)p->x.data + image * p->in_positions * p->c;
    const REAL *grad = (const REAL *)p->out.data;
    for (int64_t at = image * p->positions; at < (image + 1) * p->positions; at++)
        for (int64_t i = first; i < last; i++) x[p->index[at * p->c + i] * p->c + i] += grad[at * p->c + i];
}

static void F(spread_mean)(const pool_job *p, int64_t image, int64_t first, int64_t last)
{
    REAL *x = (REAL *)p->x.data + image * p->in_positions * p->c;
    const REAL *grad = (const REAL *)p->out.data + image * p->positions * p->c;
    for (int64_t at = 0; at < p->positions; at++) {
        pool_window w = window_at(p, at);
        REAL factor = (REAL)mean_factor(p, &w);
        for (int64_t i = w.first[0]; i < w.last[0]; i += w.step[0])
            for (int64_t j = w.first[1]; j < w.last[1]; j += w.step[1])
                for (int64_t k = w.first[2]; k < w.last[2]; k += w.step[2])
                    for (int64_t c = first; c < last; c++)
                        x[place(p, i, j, k) * p->c + c] += grad[at * p->c + c] * factor;
    }
}

static void F(spread_tasks)(int64_t begin, int64_t end, void *user)
{
    const pool_job *p = user;
    int64_t strips = strips_of(p);
    for (int64_t task = begin; task < end; task++) {
        int64_t image = task / strips, first = task % strips * STRIP, last = tsr_min_i64(first + STRIP, p->c);
        REAL *x = (REAL *)p->x.data + image * p->in_positions * p->c;
        for (int64_t at = 0; at < p->in_positions; at++)
            memset(x + at * p->c + first, 0, (size_t)(last - first) * sizeof *x);
        if (p->kind == POOL_MAX) F(spread_max)(p, image, first, last);
        else F(spread_mean)(p, image, first, last);
    }
}
