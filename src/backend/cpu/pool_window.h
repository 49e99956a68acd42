/* pool_window.h: which input positions a pooling window covers; for arrays [N, C, D, H, W] (missing spatial dimensions have
   size 1).

   Output sizes come from the arrays: with ceil_mode the last window may run past the padded input and is cut there, as
   PyTorch does. */
#ifndef POOL_WINDOW_H
#define POOL_WINDOW_H

#include "backend/cpu/spatial.h"
#include "base/util.h"

typedef struct pool_window {
    int64_t first[3], last[3], step[3]; /* positions first, first + step, ... below last, inside the input */
    double padded;                      /* elements inside the padded input: each size may be 2^31 */
} pool_window;

typedef struct pool_geometry {
    int64_t kernel[3], stride[3], padding[3], dilation[3];
} pool_geometry;

static inline pool_geometry pool_geometry_of(const pool_params *p, bool dilated)
{
    static const int64_t ones[3] = {1, 1, 1};
    pool_geometry g;
    spatial_as_3(g.kernel, p->kernel, p->spatial, 1);
    spatial_as_3(g.stride, p->stride, p->spatial, 1);
    spatial_as_3(g.padding, p->padding, p->spatial, 0);
    spatial_as_3(g.dilation, dilated ? p->dilation : ones, p->spatial, 1);
    return g;
}

/* The window of the output at flat position `at`. */
static inline pool_window pool_window_of(const pool_geometry *g, const array *x, const array *out, int64_t at)
{
    pool_window w = {.padded = 1};
    for (int d = 2; d >= 0; d--) {
        int64_t size = x->shape[2 + d], o = at % out->shape[2 + d];
        at /= out->shape[2 + d];
        int64_t first = o * g->stride[d] - g->padding[d], last = first + (g->kernel[d] - 1) * g->dilation[d] + 1;
        w.padded *= (double)(tsr_min_i64(last, size + g->padding[d]) - first);
        if (first < 0) first += (-first + g->dilation[d] - 1) / g->dilation[d] * g->dilation[d];
        w.first[d] = first;
        w.last[d] = tsr_min_i64(last, size);
        w.step[d] = g->dilation[d];
    }
    return w;
}

static inline int64_t pool_window_size(const pool_window *w)
{
    int64_t n = 1;
    for (int d = 0; d < 3; d++) n *= tsr_max_i64(w->last[d] - w->first[d], 0);
    return n;
}

/* Adaptive pooling: output o of n covers [floor(o size / n), ceil((o + 1) size / n)). */
static inline pool_window pool_adaptive_window(const array *x, const array *out, int64_t at)
{
    pool_window w = {.padded = 0};
    for (int d = 2; d >= 0; d--) {
        int64_t size = x->shape[2 + d], n = out->shape[2 + d], o = at % n;
        at /= n;
        w.first[d] = o * size / n;
        w.last[d] = ((o + 1) * size + n - 1) / n;
        w.step[d] = 1;
    }
    return w;
}

#endif
