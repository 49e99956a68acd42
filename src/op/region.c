/* region.c: aliases of parts of tensors, and fresh memory, for operators that move elements. */
#include "op/region.h"

static tsr_tensor *empty_strided(tsr_dtype dtype, const tsr_shape *shape, const int64_t *stride, const tsr_tensor *near)
{
    return tensor_empty_strided(dtype, shape->n, shape->v, stride, (tsr_device)near->storage->device);
}

tsr_tensor *region_empty(tsr_dtype dtype, const tsr_shape *shape, const tsr_tensor *near)
{
    return near ? tensor_empty(dtype, shape->n, shape->v, (tsr_device)near->storage->device) : NULL;
}

tsr_tensor *region_zeros(tsr_dtype dtype, const tsr_shape *shape, const tsr_tensor *near)
{
    tsr_tensor *t = region_empty(dtype, shape, near);
    return t && op_fill_with(t, 0) ? t : NULL;
}

tsr_tensor *region_channels_last(tsr_dtype dtype, const tsr_shape *shape, const tsr_tensor *near)
{
    int64_t stride[TSR_MAX_DIMS];
    if (!near || shape_numel(shape->n, shape->v) <= 0) return region_empty(dtype, shape, near);
    shape_channels_last_strides(shape->n, shape->v, stride);
    return empty_strided(dtype, shape, stride, near);
}

tsr_tensor *region_like(tsr_dtype dtype, const tsr_shape *shape, const tsr_tensor *near)
{
    bool last = near && near->ndim == 4 && shape->n == 4 && tsr_is_channels_last(near) && !tsr_is_contiguous(near);
    return last ? region_channels_last(dtype, shape, near) : region_empty(dtype, shape, near);
}

tsr_tensor *region_zeros_of(const op_meta *meta)
{
    tsr_tensor *t = tensor_empty(meta->dtype, meta->shape.n, meta->shape.v, meta->device);
    return t && op_fill_with(t, 0) ? t : NULL;
}

tsr_tensor *region_copy(tsr_tensor *t)
{
    if (!t) return NULL;
    tsr_shape shape = op_shape(t);
    tsr_tensor *out = region_empty((tsr_dtype)t->dtype, &shape, t);
    return out && op_copy(out, t) ? out : NULL;
}

static tsr_tensor *alias(const tsr_tensor *t, int ndim, const int64_t *shape, const int64_t *stride, int64_t offset)
{
    return tensor_wrap(t->storage, (tsr_dtype)t->dtype, ndim, shape, stride, offset);
}

tsr_tensor *region_slice(tsr_tensor *t, int dim, int64_t start, int64_t length, int64_t step)
{
    if (!t) return NULL;
    tsr_shape shape = op_shape(t), stride = tsr_strides_of(t);
    int64_t offset = t->offset + start * stride.v[dim];
    shape.v[dim] = length;
    stride.v[dim] *= step;
    return alias(t, t->ndim, shape.v, stride.v, offset);
}

tsr_tensor *region_narrow(tsr_tensor *t, int dim, int64_t start, int64_t length)
{
    return region_slice(t, dim, start, length, 1);
}

tsr_tensor *region_select(tsr_tensor *t, int dim, int64_t index)
{
    if (!t) return NULL;
    tsr_shape shape = {0}, stride = {0};
    for (int d = 0; d < t->ndim; d++) {
        if (d == dim) continue;
        shape.v[shape.n++] = t->shape[d];
        stride.v[stride.n++] = t->stride[d];
    }
    return alias(t, shape.n, shape.v, stride.v, t->offset + index * t->stride[dim]);
}

tsr_tensor *region_reshape(tsr_tensor *t, const tsr_shape *shape)
{
    int64_t stride[TSR_MAX_DIMS];
    if (!t) return NULL;
    shape_contiguous_strides(shape->n, shape->v, stride);
    return alias(t, shape->n, shape->v, stride, t->offset);
}

tsr_tensor *region_unsqueeze(tsr_tensor *t, int dim)
{
    if (!t) return NULL;
    tsr_shape shape = {.n = t->ndim + 1}, stride = {.n = t->ndim + 1};
    for (int d = 0; d <= t->ndim; d++) {
        shape.v[d] = d == dim ? 1 : t->shape[d - (d > dim)];
        stride.v[d] = d == dim ? 1 : t->stride[d - (d > dim)];
    }
    return alias(t, shape.n, shape.v, stride.v, t->offset);
}

tsr_tensor *region_at_least_1d(tsr_tensor *t) { return t && t->ndim == 0 ? region_unsqueeze(t, 0) : t; }

tsr_tensor *region_flat(tsr_tensor *t)
{
    if (!t) return NULL;
    return region_reshape(op_as_contiguous(t), &TSR_SHAPE(tensor_numel(t)));
}

tsr_tensor *region_unaliased(const op_ctx *c, tsr_tensor *t)
{
    bool shared = t && c->dest && tensor_pair_overlap(c->dest, t) != PAIR_NONE;
    return shared ? region_copy(t) : t;
}
