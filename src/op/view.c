/* view.c: views that show all elements in another shape or order.

   A view is a handle with other strides over the same storage; op_run tells autograd about it. Derivatives are the inverse
   views. Views of parts are in view_part.c. */
#include "op/region.h"
#include "op_gen.h"

#include <string.h>

/* ---- another shape ------------------------------------------------------------------------------------------------ */

tsr_tensor *op_view(op_ctx *c, const tsr_view_args *a)
{
    tsr_shape to = a->size, strides = tsr_strides_of(a->input);
    int64_t stride[TSR_MAX_DIMS];
    if (!shape_infer(c->info->name, tensor_numel(a->input), &to)) return NULL;
    if (!shape_view_strides(a->input, to.n, to.v, stride))
        return op_fail(c,
                       "size %s is not compatible with input's shape %s and strides %s (at least one dimension spans "
                       "across two contiguous subspaces); use reshape instead",
                       shape_text(&a->size), tensor_shape_text(a->input), shape_text(&strides));
    return tensor_view(a->input, to.n, to.v, stride, a->input->offset);
}

/* The derivative of every view that only changes the shape. */
static void reshape_back(op_ctx *c, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    grad_in[0] = tsr_reshape(grad[0], op_input_meta(c, 0).shape);
}

void op_view_grad(op_ctx *c, const tsr_view_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)a;
    reshape_back(c, grad, grad_in);
}

tsr_tensor *op_view_as(op_ctx *c, const tsr_view_as_args *a)
{
    (void)c;
    return tsr_view(a->input, op_shape(a->other));
}

tsr_tensor *op_reshape(op_ctx *c, const tsr_reshape_args *a)
{
    tsr_shape to = a->shape;
    int64_t stride[TSR_MAX_DIMS];
    if (!shape_infer(c->info->name, tensor_numel(a->input), &to)) return NULL;
    bool viewable = shape_view_strides(a->input, to.n, to.v, stride);
    return tsr_view(viewable ? a->input : tsr_contiguous(a->input), to);
}

tsr_tensor *op_reshape_as(op_ctx *c, const tsr_reshape_as_args *a)
{
    (void)c;
    return tsr_reshape(a->input, op_shape(a->other));
}

tsr_tensor *op_unsqueeze(op_ctx *c, const tsr_unsqueeze_args *a)
{
    int dim, n = a->input->ndim;
    if (!op_wrap_dim(c, a->dim, n + 1, &dim)) return NULL;
    if (n == TSR_MAX_DIMS) return op_fail(c, "input %s has %d dimensions already", tensor_shape_text(a->input), n);
    tsr_tensor *v = tensor_view(a->input, n, a->input->shape, a->input->stride, a->input->offset);
    if (!v) return NULL;
    size_t moved = (size_t)(n - dim) * sizeof *v->shape;
    int64_t stride = dim < n ? shape_mul(v->shape[dim], v->stride[dim]) : 1;
    memmove(v->shape + dim + 1, v->shape + dim, moved);
    memmove(v->stride + dim + 1, v->stride + dim, moved);
    v->shape[dim] = 1;
    v->stride[dim] = stride;
    v->ndim++;
    return v;
}

void op_unsqueeze_grad(op_ctx *c, const tsr_unsqueeze_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)a;
    reshape_back(c, grad, grad_in);
}

/* A view without those dimensions of size 1 whose bit is set in `mask`. */
static tsr_tensor *squeezed(tsr_tensor *t, uint32_t mask)
{
    tsr_shape shape = {0}, stride = {0};
    for (int d = 0; d < t->ndim; d++) {
        if (t->shape[d] == 1 && (mask & (1u << d))) continue;
        shape.v[shape.n++] = t->shape[d];
        stride.v[stride.n++] = t->stride[d];
    }
    return tensor_view(t, shape.n, shape.v, stride.v, t->offset);
}

tsr_tensor *op_squeeze(op_ctx *c, const tsr_squeeze_args *a)
{
    (void)c;
    return squeezed(a->input, ~0u);
}

void op_squeeze_grad(op_ctx *c, const tsr_squeeze_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)a;
    reshape_back(c, grad, grad_in);
}

tsr_tensor *op_squeeze_dim(op_ctx *c, const tsr_squeeze_dim_args *a)
{
    int dim;
    if (!op_wrap_dim(c, a->dim, a->input->ndim, &dim)) return NULL;
    return squeezed(a->input, 1u << dim);
}

void op_squeeze_dim_grad(op_ctx *c, const tsr_squeeze_dim_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)a;
    reshape_back(c, grad, grad_in);
}

tsr_tensor *op_squeeze_dims(op_ctx *c, const tsr_squeeze_dims_args *a)
{
    uint32_t mask = 0;
    if (a->dim.n > 0 && !op_dim_mask(c, &a->dim, a->input->ndim, &mask)) return NULL;
    return squeezed(a->input, mask);
}

void op_squeeze_dims_grad(op_ctx *c, const tsr_squeeze_dims_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)a;
    reshape_back(c, grad, grad_in);
}

tsr_tensor *op_flatten(op_ctx *c, const tsr_flatten_args *a)
{
    int from, to, n = a->input->ndim;
    if (!op_wrap_dim(c, a->start_dim, n, &from) || !op_wrap_dim(c, a->end_dim, n, &to)) return NULL;
    if (n == 0) return tsr_view(a->input, TSR_SHAPE(1));
    if (from > to) return op_fail(c, "start_dim %d comes after end_dim %d", from, to);
    tsr_shape old = op_shape(a->input), shape = {0};
    for (int d = 0; d < from; d++) shape.v[shape.n++] = old.v[d];
    shape.v[shape.n++] = region_count(&old, from, to + 1);
    for (int d = to + 1; d < n; d++) shape.v[shape.n++] = old.v[d];
    return tsr_reshape(a->input, shape);
}

tsr_tensor *op_unflatten(op_ctx *c, const tsr_unflatten_args *a)
{
    int dim, n = a->input->ndim;
    if (!op_wrap_dim(c, a->dim, n, &dim)) return NULL;
    tsr_shape sizes = a->sizes, shape = {0};
    if (sizes.n == 0) return op_fail(c, "sizes is empty");
    if (n == 0) return op_fail(c, "input is 0-d");
    if (!shape_infer(c->info->name, a->input->shape[dim], &sizes)) return NULL;
    if (n - 1 + sizes.n > TSR_MAX_DIMS)
        return op_fail(c, "the result would have %d dimensions; at most %d", n - 1 + sizes.n, TSR_MAX_DIMS);
    for (int d = 0; d < n; d++) {
        if (d != dim) shape.v[shape.n++] = a->input->shape[d];
        else
            for (int i = 0; i < sizes.n; i++) shape.v[shape.n++] = sizes.v[i];
    }
    return tsr_view(a->input, shape);
}

/* ---- another order ------------------------------------------------------------------------------------------------ */

static tsr_tensor *permuted(tsr_tensor *t, const int *order)
{
    int64_t shape[TSR_MAX_DIMS], stride[TSR_MAX_DIMS];
    for (int d = 0; d < t->ndim; d++) shape[d] = t->shape[order[d]], stride[d] = t->stride[order[d]];
    return tensor_view(t, t->ndim, shape, stride, t->offset);
}

/* dims as a permutation of ndim dimensions. */
static bool read_permutation(const op_ctx *c, const tsr_shape *dims, const tsr_tensor *t, int *order)
{
    uint32_t mask;
    if (dims->n != t->ndim) {
        op_fail(c, "dims %s are %d, but input %s has %d dimensions", shape_text(dims), dims->n, tensor_shape_text(t),
                t->ndim);
        return false;
    }
    if (!op_dim_mask(c, dims, t->ndim, &mask)) return false;
    for (int d = 0; d < t->ndim; d++) order[d] = (int)op_wrapped(dims->v[d], t->ndim);
    return true;
}

tsr_tensor *op_permute(op_ctx *c, const tsr_permute_args *a)
{
    int order[TSR_MAX_DIMS];
    return read_permutation(c, &a->dims, a->input, order) ? permuted(a->input, order) : NULL;
}

void op_permute_grad(op_ctx *c, const tsr_permute_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c;
    tsr_shape inverse = {.n = a->dims.n};
    for (int d = 0; d < a->dims.n; d++) {
        int64_t from = op_wrapped(a->dims.v[d], a->dims.n);
        inverse.v[from] = d;
    }
    grad_in[0] = tsr_permute(grad[0], inverse);
}

tsr_tensor *op_transpose(op_ctx *c, const tsr_transpose_args *a)
{
    int d0, d1, order[TSR_MAX_DIMS] = {0};
    if (!op_wrap_dim(c, a->dim0, a->input->ndim, &d0) || !op_wrap_dim(c, a->dim1, a->input->ndim, &d1)) return NULL;
    for (int d = 0; d < a->input->ndim; d++) order[d] = d == d0 ? d1 : d == d1 ? d0 : d;
    return permuted(a->input, order);
}

void op_transpose_grad(op_ctx *c, const tsr_transpose_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c;
    grad_in[0] = tsr_transpose(grad[0], a->dim0, a->dim1);
}

tsr_tensor *op_t(op_ctx *c, const tsr_t_args *a)
{
    if (a->input->ndim > 2)
        return op_fail(c, "expects a tensor with <= 2 dimensions, but input %s has %d", tensor_shape_text(a->input),
                       a->input->ndim);
    return a->input->ndim == 2 ? tsr_transpose(a->input, 0, 1) : tsr_view(a->input, op_shape(a->input));
}

/* Wrapped, distinct dimensions in *out. */
static bool read_dims(const op_ctx *c, const tsr_shape *dims, int ndim, tsr_shape *out)
{
    uint32_t mask = 0;
    *out = *dims;
    if (dims->n > 0 && !op_dim_mask(c, dims, ndim, &mask)) return false;
    for (int i = 0; i < dims->n; i++)
        if (out->v[i] < 0) out->v[i] += ndim;
    return true;
}

tsr_tensor *op_movedim(op_ctx *c, const tsr_movedim_args *a)
{
    int n = a->input->ndim;
    tsr_shape from, to, order = {.n = n};
    if (a->source.n != a->destination.n)
        return op_fail(c, "source %s and destination %s have different lengths", shape_text(&a->source),
                       shape_text(&a->destination));
    if (!read_dims(c, &a->source, n, &from) || !read_dims(c, &a->destination, n, &to)) return NULL;
    uint32_t moved = 0, filled = 0;
    for (int i = 0; i < from.n && n > 0; i++) {
        order.v[to.v[i]] = from.v[i];
        moved |= 1u << from.v[i];
        filled |= 1u << to.v[i];
    }
    for (int d = 0, next = 0; d < n; d++) {
        if (filled & (1u << d)) continue;
        while (moved & (1u << next)) next++;
        order.v[d] = next++;
    }
    return tsr_permute(a->input, order);
}

/* ---- repetition without copies -------------------------------------------------------------------------------------- */

static bool expanded_shape(const op_ctx *c, const tsr_tensor *t, const tsr_shape *size, tsr_shape *to)
{
    int lead = size->n - t->ndim;
    *to = *size;
    bool ok = lead >= 0;
    for (int d = 0; ok && d < size->n; d++) {
        int64_t own = d < lead ? 1 : t->shape[d - lead];
        if (size->v[d] == -1 && d >= lead) to->v[d] = own;
        ok = to->v[d] >= 0 && (own == 1 || own == to->v[d]);
    }
    if (!ok)
        op_fail(c, "input %s cannot be expanded to %s: only dimensions of size 1 can grow, and new ones come in front",
                tensor_shape_text(t), shape_text(size));
    return ok;
}

tsr_tensor *op_expand(op_ctx *c, const tsr_expand_args *a)
{
    tsr_shape to;
    int64_t stride[TSR_MAX_DIMS];
    if (!expanded_shape(c, a->input, &a->size, &to)) return NULL;
    shape_expand_strides(a->input, &to, stride);
    return tensor_view(a->input, to.n, to.v, stride, a->input->offset);
}

void op_expand_grad(op_ctx *c, const tsr_expand_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)a;
    tsr_shape shape = op_input_meta(c, 0).shape;
    grad_in[0] = op_sum_to(grad[0], &shape);
}

tsr_tensor *op_expand_as(op_ctx *c, const tsr_expand_as_args *a)
{
    (void)c;
    return tsr_expand(a->input, op_shape(a->other));
}

tsr_tensor *op_sum_to_size(op_ctx *c, const tsr_sum_to_size_args *a)
{
    int lead = a->input->ndim - a->size.n;
    bool ok = lead >= 0;
    for (int d = 0; ok && d < a->size.n; d++) ok = a->size.v[d] == 1 || a->size.v[d] == a->input->shape[lead + d];
    if (!ok)
        return op_fail(c, "size %s is not expandable to input's shape %s", shape_text(&a->size),
                       tensor_shape_text(a->input));
    tsr_tensor *sum = op_sum_to(a->input, &a->size);
    return sum == a->input ? tsr_view(sum, a->size) : sum;
}

/* ---- no history ------------------------------------------------------------------------------------------------------ */

tsr_tensor *op_detach(op_ctx *c, const tsr_detach_args *a)
{
    (void)c;
    return tensor_alias(a->input);
}
