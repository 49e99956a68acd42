/* simd_softmax_columns_real.h: softmax, log-softmax and their gradients where neighbouring lanes are adjacent in memory and a
   lane's elements lie `step` elements apart (classes of a picture): a strip of lanes is worked on side by side, a vector
   lane for each. For float or double; included twice, after simd_softmax_real.h. Sums are kept in double. */
#include "backend/cpu/simd/simd_real.h"

enum { F(STRIP) = 4 * LANES, F(STRIP_BLOCK) = 64 };

/* One strip: what is read and written, the first element of each; `width` lanes of n elements. */
typedef struct F(strip) {
    REAL *out;
    const REAL *a, *b;
    int64_t out_step, a_step, b_step, n, width;
} F(strip);

VECTOR_INLINE void F(strip_load)(VEC *to, const REAL *from, int64_t width)
{
    for (int k = 0; k < 4; k++) {
        int64_t left = width - k * LANES;
        to[k] = left > 0 ? F(load_some)(from + k * LANES, left) : (VEC){0};
    }
}

VECTOR_INLINE void F(strip_store)(REAL *to, const VEC *from, int64_t width)
{
    for (int k = 0; k < 4 && k * LANES < width; k++) F(store_some)(to + k * LANES, from[k], width - k * LANES);
}

VECTOR_INLINE void F(strip_add)(double *sum, const VEC *part)
{
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < LANES; i++) sum[k * LANES + i] += (double)part[k][i];
}

VECTOR_INLINE void F(strip_max)(VEC *best, const F(strip) * s, int64_t width)
{
    VEC x[4];
    for (int k = 0; k < 4; k++) best[k] = F(splat)((REAL)-INFINITY);
    for (int64_t i = 0; i < s->n; i++) {
        F(strip_load)(x, s->a + i * s->a_step, width);
        for (int k = 0; k < 4; k++) best[k] = F(max)(x[k], best[k]);
    }
}

/* Sums of e^(a - shift); the terms are written to out where they are wanted. */
VECTOR_INLINE void F(strip_sum_exp)(double *sum, const F(strip) * s, const VEC *shift, int64_t width, bool writes)
{
    VEC x[4];
    for (int64_t begin = 0; begin < s->n; begin += F(STRIP_BLOCK)) {
        VEC part[4] = {{0}, {0}, {0}, {0}};
        for (int64_t i = begin; i < s->n && i < begin + F(STRIP_BLOCK); i++) {
            F(strip_load)(x, s->a + i * s->a_step, width);
            for (int k = 0; k < 4; k++) x[k] = F(exp)(x[k] - shift[k]), part[k] += x[k];
            if (writes) F(strip_store)(s->out + i * s->out_step, x, width);
        }
        F(strip_add)(sum, part);
    }
}

VECTOR_INLINE void F(softmax_strip_of)(const F(strip) * s, int64_t width, bool log_form)
{
    double sum[F(STRIP)] = {0};
    REAL rest[F(STRIP)];
    VEC highest[4], r[4], x[4];
    F(strip_max)(highest, s, width);
    F(strip_sum_exp)(sum, s, highest, width, !log_form);
    for (int i = 0; i < F(STRIP); i++) rest[i] = (REAL)(!log_form ? 1 / sum[i] : i < width ? log(sum[i]) : 0);
    F(strip_load)(r, rest, F(STRIP));
    for (int64_t i = 0; i < s->n; i++) {
        F(strip_load)(x, log_form ? s->a + i * s->a_step : s->out + i * s->out_step, width);
        for (int k = 0; k < 4; k++) x[k] = log_form ? x[k] - highest[k] - r[k] : x[k] * r[k];
        F(strip_store)(s->out + i * s->out_step, x, width);
    }
}

/* a is the gradient, b the result. */
VECTOR_INLINE void F(grad_strip_of)(const F(strip) * s, int64_t width, bool log_form)
{
    double sum[F(STRIP)] = {0};
    REAL total[F(STRIP)];
    VEC t[4], g[4], y[4];
    for (int64_t begin = 0; begin < s->n; begin += F(STRIP_BLOCK)) {
        VEC part[4] = {{0}, {0}, {0}, {0}};
        for (int64_t i = begin; i < s->n && i < begin + F(STRIP_BLOCK); i++) {
            F(strip_load)(g, s->a + i * s->a_step, width);
            F(strip_load)(y, s->b + i * s->b_step, width);
            for (int k = 0; k < 4; k++) part[k] += log_form ? g[k] : g[k] * y[k];
        }
        F(strip_add)(sum, part);
    }
    for (int i = 0; i < F(STRIP); i++) total[i] = (REAL)sum[i];
    F(strip_load)(t, total, F(STRIP));
    for (int64_t i = 0; i < s->n; i++) {
        F(strip_load)(g, s->a + i * s->a_step, width);
        F(strip_load)(y, s->b + i * s->b_step, width);
        for (int k = 0; k < 4; k++) g[k] = log_form ? g[k] - F(exp)(y[k]) * t[k] : y[k] * (g[k] - t[k]);
        F(strip_store)(s->out + i * s->out_step, g, width);
    }
}

/* Lanes [0, width) in strips; whole ones know their width. */
static void F(softmax_columns)(const F(strip) * all, bool log_form)
{
    F(strip) s = *all;
    for (; s.width > 0; s.width -= F(STRIP), s.out += F(STRIP), s.a += F(STRIP)) {
        if (s.width >= F(STRIP)) F(softmax_strip_of)(&s, F(STRIP), log_form);
        else F(softmax_strip_of)(&s, s.width, log_form);
    }
}

static void F(grad_columns)(const F(strip) * all, bool log_form)
{
    F(strip) s = *all;
    for (; s.width > 0; s.width -= F(STRIP), s.out += F(STRIP), s.a += F(STRIP), s.b += F(STRIP)) {
        if (s.width >= F(STRIP)) F(grad_strip_of)(&s, F(STRIP), log_form);
        else F(grad_strip_of)(&s, s.width, log_form);
    }
}
