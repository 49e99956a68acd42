/* ref_pool.c: pooling and its gradients.

   Output sizes come from the arrays: with ceil_mode the last window may run past the padded input and is cut there, as
   PyTorch does. An average is over the part of the window inside the padded input (count_include_pad) or inside the
   input itself, or divides by a fixed number. */
#include "backend/cpu/ref/ref_access.h"
#include "backend/cpu/ref/ref_layers.h"
#include "backend/cpu/pool_window.h"

#include <math.h>

static int64_t plane_offset(const array *a, int64_t plane)
{
    return plane / a->shape[1] * a->stride[0] + plane % a->shape[1] * a->stride[1];
}

/* Walks the window's positions in one plane of x; at[0] is the offset in x. */
static walk window_walk(const pool_window *w, const array *x, int64_t plane)
{
    array part = {.ndim = 3};
    int64_t start = plane_offset(x, plane);
    for (int d = 0; d < 3; d++) {
        part.shape[d] = tsr_max_i64((w->last[d] - w->first[d] + w->step[d] - 1) / w->step[d], 0);
        part.stride[d] = x->stride[2 + d] * w->step[d];
        start += w->first[d] * x->stride[2 + d];
    }
    walk k = walk_begin(WALK_ALL, &part, NULL, NULL, NULL);
    k.at[0] = start;
    return k;
}

/* The flat place in the spatial plane where the walk stands. */
static int64_t place_of(const pool_window *w, const array *x, const walk *k)
{
    int64_t place = 0;
    for (int d = 0; d < 3; d++) place = place * x->shape[2 + d] + w->first[d] + k->index[d] * w->step[d];
    return place;
}

/* ---- maximum ---- */

static void set_index(const array *index, int64_t at, int64_t value) { ((int64_t *)index->data)[at] = value; }

static bool max_pool(const array *out, const array *index, const array *x, const pool_params *p)
{
    if (!ref_is_float("max_pool", x)) return false;
    array o = spatial_as_5d(out), a = spatial_as_5d(x), ix = index ? spatial_as_5d(index) : o;
    pool_geometry g = pool_geometry_of(p, true);
    int64_t positions = ref_count_from(&o, 2);
    for (int64_t plane = 0; plane < o.shape[0] * o.shape[1]; plane++)
        for (int64_t at = 0; at < positions; at++) {
            pool_window w = pool_window_of(&g, &a, &o, at);
            double best = -INFINITY;
            walk k = window_walk(&w, &a, plane);
            int64_t where = place_of(&w, &a, &k);
            for (; k.left > 0; walk_next(&k)) {
                double v = ref_get_f64(&a, k.at[0]);
                if (!(v > best || isnan(v))) continue;
                best = v;
                where = place_of(&w, &a, &k);
            }
            ref_set_f64(&o, plane_offset(&o, plane) + ref_offset_from(&o, 2, at), best);
            if (index) set_index(&ix, plane_offset(&ix, plane) + ref_offset_from(&ix, 2, at), where);
        }
    return true;
}

static bool max_pool_grad(const array *grad_x, const array *grad, const array *index, const pool_params *p)
{
    (void)p;
    if (!ref_is_float("max_pool_grad", grad_x)) return false;
    array x = spatial_as_5d(grad_x), g = spatial_as_5d(grad), ix = spatial_as_5d(index);
    int64_t positions = ref_count_from(&g, 2);
    ref_zero(&x);
    for (int64_t plane = 0; plane < g.shape[0] * g.shape[1]; plane++)
        for (int64_t at = 0; at < positions; at++) {
            int64_t from = plane_offset(&g, plane) + ref_offset_from(&g, 2, at);
            int64_t place = ((const int64_t *)ix.data)[plane_offset(&ix, plane) + ref_offset_from(&ix, 2, at)];
            int64_t to = plane_offset(&x, plane) + ref_offset_from(&x, 2, place);
            ref_set_f64(&x, to, ref_get_f64(&x, to) + ref_get_f64(&g, from));
        }
    return true;
}

/* ---- average ---- */

static double divisor_of(const pool_params *p, const pool_window *w)
{
    if (p->divisor) return (double)p->divisor;
    return p->count_include_pad ? w->padded : (double)pool_window_size(w);
}

static bool avg_pool(const array *out, const array *x, const pool_params *p)
{
    if (!ref_is_float("avg_pool", x)) return false;
    array o = spatial_as_5d(out), a = spatial_as_5d(x);
    pool_geometry g = pool_geometry_of(p, false);
    int64_t positions = ref_count_from(&o, 2);
    for (int64_t plane = 0; plane < o.shape[0] * o.shape[1]; plane++)
        for (int64_t at = 0; at < positions; at++) {
            pool_window w = pool_window_of(&g, &a, &o, at);
            double sum = 0;
            for (walk k = window_walk(&w, &a, plane); k.left > 0; walk_next(&k)) sum += ref_get_f64(&a, k.at[0]);
            ref_set_f64(&o, plane_offset(&o, plane) + ref_offset_from(&o, 2, at),
                        pool_window_size(&w) ? sum / divisor_of(p, &w) : 0);
        }
    return true;
}

static bool avg_pool_grad(const array *grad_x, const array *grad, const pool_params *p)
{
    if (!ref_is_float("avg_pool_grad", grad_x)) return false;
    array x = spatial_as_5d(grad_x), o = spatial_as_5d(grad);
    pool_geometry g = pool_geometry_of(p, false);
    int64_t positions = ref_count_from(&o, 2);
    ref_zero(&x);
    for (int64_t plane = 0; plane < o.shape[0] * o.shape[1]; plane++)
        for (int64_t at = 0; at < positions; at++) {
            pool_window w = pool_window_of(&g, &x, &o, at);
            if (!pool_window_size(&w)) continue;
            double share = ref_get_f64(&o, plane_offset(&o, plane) + ref_offset_from(&o, 2, at)) / divisor_of(p, &w);
            for (walk k = window_walk(&w, &x, plane); k.left > 0; walk_next(&k))
                ref_set_f64(&x, k.at[0], ref_get_f64(&x, k.at[0]) + share);
        }
    return true;
}

/* ---- adaptive average: output o of n covers [floor(o size / n), ceil((o + 1) size / n)) ---- */

static bool adaptive_avg_pool(const array *out, const array *x)
{
    if (!ref_is_float("adaptive_avg_pool", x)) return false;
    array o = spatial_as_5d(out), a = spatial_as_5d(x);
    int64_t positions = ref_count_from(&o, 2);
    for (int64_t plane = 0; plane < o.shape[0] * o.shape[1]; plane++)
        for (int64_t at = 0; at < positions; at++) {
            pool_window w = pool_adaptive_window(&a, &o, at);
            double sum = 0;
            for (walk k = window_walk(&w, &a, plane); k.left > 0; walk_next(&k)) sum += ref_get_f64(&a, k.at[0]);
            ref_set_f64(&o, plane_offset(&o, plane) + ref_offset_from(&o, 2, at), sum / (double)pool_window_size(&w));
        }
    return true;
}

static bool adaptive_avg_pool_grad(const array *grad_x, const array *grad)
{
    if (!ref_is_float("adaptive_avg_pool_grad", grad_x)) return false;
    array x = spatial_as_5d(grad_x), o = spatial_as_5d(grad);
    int64_t positions = ref_count_from(&o, 2);
    ref_zero(&x);
    for (int64_t plane = 0; plane < o.shape[0] * o.shape[1]; plane++)
        for (int64_t at = 0; at < positions; at++) {
            pool_window w = pool_adaptive_window(&x, &o, at);
            double share = ref_get_f64(&o, plane_offset(&o, plane) + ref_offset_from(&o, 2, at)) /
                           (double)pool_window_size(&w);
            for (walk k = window_walk(&w, &x, plane); k.left > 0; walk_next(&k))
                ref_set_f64(&x, k.at[0], ref_get_f64(&x, k.at[0]) + share);
        }
    return true;
}

void ref_pool_fill(backend *b)
{
    b->max_pool = max_pool;
    b->max_pool_grad = max_pool_grad;
    b->avg_pool = avg_pool;
    b->avg_pool_grad = avg_pool_grad;
    b->adaptive_avg_pool = adaptive_avg_pool;
    b->adaptive_avg_pool_grad = adaptive_avg_pool_grad;
}
