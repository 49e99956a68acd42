/* region.h: parts and new homes of data, for the forward code of operators that move elements around.

   Nothing here is recorded. Aliases share storage without being views for autograd, so they are for reading inputs and
   writing outputs inside forward code only; operators that return views use tensor_view themselves. All functions pass
   NULL through. */
#ifndef OP_REGION_H
#define OP_REGION_H

#include "op/op.h"

/* Fresh memory on the device of `near`: row-major; zeroed; with the channels innermost (3 to 5 dimensions). */
tsr_tensor *region_empty(tsr_dtype dtype, const tsr_shape *shape, const tsr_tensor *near);
tsr_tensor *region_zeros(tsr_dtype dtype, const tsr_shape *shape, const tsr_tensor *near);
tsr_tensor *region_channels_last(tsr_dtype dtype, const tsr_shape *shape, const tsr_tensor *near);
/* Channels-last when `near` is, row-major otherwise: for outputs of another shape than the input. */
tsr_tensor *region_like(tsr_dtype dtype, const tsr_shape *shape, const tsr_tensor *near);
/* Zeros that look like what `meta` describes: for derivatives. */
tsr_tensor *region_zeros_of(const op_meta *meta);
/* A copy of t, row-major. */
tsr_tensor *region_copy(tsr_tensor *t);

/* Aliases: a run of a dimension, every step-th element, one index (the dimension goes), another shape of a contiguous t,
   a dimension of size 1 at `dim`. */
tsr_tensor *region_narrow(tsr_tensor *t, int dim, int64_t start, int64_t length);
tsr_tensor *region_slice(tsr_tensor *t, int dim, int64_t start, int64_t length, int64_t step);
tsr_tensor *region_select(tsr_tensor *t, int dim, int64_t index);
tsr_tensor *region_reshape(tsr_tensor *t, const tsr_shape *shape);
tsr_tensor *region_unsqueeze(tsr_tensor *t, int dim);
/* 0-d as 1-d; others as they are. */
tsr_tensor *region_at_least_1d(tsr_tensor *t);
/* All elements in one dimension; copied unless contiguous. */
tsr_tensor *region_flat(tsr_tensor *t);

/* t itself, or a copy when an in-place destination shares its memory: for operators that read an input again after they
   have written. */
tsr_tensor *region_unaliased(const op_ctx *c, tsr_tensor *t);

/* The most that a window's sizes, steps and padding may be, so that no product of two overflows. */
enum { REGION_MOST = INT32_MAX };

/* n integers as a shape: int[K] arguments. */
static inline tsr_shape region_sizes(const int64_t *v, int n)
{
    tsr_shape s = {.n = n};
    for (int i = 0; i < n; i++) s.v[i] = v[i];
    return s;
}

static inline bool region_is_empty(const tsr_tensor *t) { return tensor_numel(t) == 0; }

/* The product of sizes [from, to). */
static inline int64_t region_count(const tsr_shape *s, int from, int to)
{
    int64_t n = 1;
    for (int d = from; d < to; d++) n *= s->v[d];
    return n;
}

static inline bool region_same_shape(const tsr_shape *a, const tsr_shape *b)
{
    if (a->n != b->n) return false;
    for (int d = 0; d < a->n; d++)
        if (a->v[d] != b->v[d]) return false;
    return true;
}

#endif
