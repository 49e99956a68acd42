/* shape.c: joining and repeating tensors, and putting elements in another order.

   Where a result is a view that is then copied, the operator is made of view operators; the others copy parts of their
   inputs to parts of the output. */
#include "op/region.h"
#include "op_gen.h"

#include <stdlib.h>

/* ---- cat and stack ------------------------------------------------------------------------------------------------ */

static bool is_skipped(const tsr_tensor *t) { return t->ndim == 1 && t->shape[0] == 0; }

/* The dtype that all the list's tensors promote to. */
static tsr_dtype list_dtype(tsr_tensors list)
{
    tsr_dtype d = (tsr_dtype)list.v[0]->dtype;
    for (int64_t i = 1; i < list.n; i++) d = tsr_promote_types(d, (tsr_dtype)list.v[i]->dtype);
    return d;
}

static bool list_given(const op_ctx *c, tsr_tensors list)
{
    if (list.n == 0) op_fail(c, "expected a non-empty list of tensors");
    return list.n > 0;
}

static bool joins(const tsr_shape *first, const tsr_tensor *t, int dim)
{
    if (t->ndim != first->n) return false;
    for (int d = 0; d < first->n; d++)
        if (d != dim && t->shape[d] != first->v[d]) return false;
    return true;
}

/* The shape of tensors joined along *dim, which is wrapped. */
static bool cat_shape(const op_ctx *c, const tsr_cat_args *a, int *dim, tsr_shape *shape)
{
    const tsr_tensor *first = NULL;
    for (int64_t i = 0; i < a->tensors.n; i++) {
        const tsr_tensor *t = a->tensors.v[i];
        if (t->ndim == 0) {
            op_fail(c, "tensor %lld is 0-d and cannot be joined; use stack", (long long)i);
            return false;
        }
        if (!first && !is_skipped(t)) first = t;
    }
    *shape = first ? op_shape(first) : TSR_SHAPE(0);
    if (!op_wrap_dim(c, a->dim, shape->n, dim)) return false;
    shape->v[*dim] = 0;
    for (int64_t i = 0; i < a->tensors.n; i++) {
        const tsr_tensor *t = a->tensors.v[i];
        if (is_skipped(t)) continue;
        if (!joins(shape, t, *dim)) {
            op_fail(c, "sizes of tensors must match except in dimension %d: tensor %lld has shape %s, the first %s",
                    *dim, (long long)i, tensor_shape_text(t), tensor_shape_text(first));
            return false;
        }
        shape->v[*dim] += t->shape[*dim];
    }
    return true;
}

/* A piece of the channels of a channels-last image: not dense, but its pixels lie in the same order. */
static bool is_channels_last_part(const tsr_tensor *t)
{
    if (t->ndim != 4 || t->stride[1] != 1) return false;
    return t->stride[3] >= t->shape[1] && t->stride[2] == t->shape[3] * t->stride[3] &&
           t->stride[0] == t->shape[2] * t->stride[2];
}

/* Channels-last when every input that counts is, and not all are row-major as well. */
static tsr_tensor *cat_output(const tsr_cat_args *a, const tsr_shape *shape)
{
    tsr_dtype dtype = list_dtype(a->tensors);
    bool last = shape->n == 4, rows = true;
    for (int64_t i = 0; i < a->tensors.n; i++) {
        const tsr_tensor *t = a->tensors.v[i];
        last = last && (is_skipped(t) || tsr_is_channels_last(t) || is_channels_last_part(t));
        rows = rows && (is_skipped(t) || tsr_is_contiguous(t));
    }
    bool channels_last = last && !rows;
    return channels_last ? region_channels_last(dtype, shape, a->tensors.v[0])
                         : region_empty(dtype, shape, a->tensors.v[0]);
}

tsr_tensor *op_cat(op_ctx *c, const tsr_cat_args *a)
{
    int dim;
    tsr_shape shape;
    if (!list_given(c, a->tensors) || !cat_shape(c, a, &dim, &shape)) return NULL;
    tsr_tensor *out = cat_output(a, &shape);
    int64_t at = 0;
    for (int64_t i = 0; out && i < a->tensors.n; i++) {
        tsr_tensor *t = a->tensors.v[i];
        if (is_skipped(t)) continue;
        tsr_tensor *part = region_narrow(out, dim, at, t->shape[dim]);
        if (!part || !op_copy(part, t)) return NULL;
        at += t->shape[dim];
    }
    return out;
}

void op_cat_grad(op_ctx *c, const tsr_cat_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    int64_t dim = op_wrapped(a->dim, grad[0]->ndim), at = 0;
    for (int i = 0; i < op_input_count(c); i++) {
        op_meta in = op_input_meta(c, i);
        bool skipped = in.shape.n == 1 && in.shape.v[0] == 0;
        if (op_needs(c, i)) grad_in[i] = skipped ? region_zeros_of(&in) : tsr_narrow(grad[0], dim, at, in.shape.v[dim]);
        at += skipped ? 0 : in.shape.v[dim];
    }
}

tsr_tensor *op_stack(op_ctx *c, const tsr_stack_args *a)
{
    int dim;
    if (!list_given(c, a->tensors)) return NULL;
    tsr_tensor *first = a->tensors.v[0];
    tsr_shape one = op_shape(first), shape = {.n = one.n + 1};
    if (!op_wrap_dim(c, a->dim, shape.n, &dim)) return NULL;
    if (one.n == TSR_MAX_DIMS) return op_fail(c, "the tensors have %d dimensions already", one.n);
    for (int d = 0; d < shape.n; d++) shape.v[d] = d == dim ? a->tensors.n : one.v[d - (d > dim)];
    tsr_tensor *out = region_empty(list_dtype(a->tensors), &shape, first);
    for (int64_t i = 0; out && i < a->tensors.n; i++) {
        tsr_tensor *t = a->tensors.v[i], *part = region_select(out, dim, i);
        tsr_shape own = op_shape(t);
        if (!region_same_shape(&own, &one))
            return op_fail(c, "expects each tensor to be equal size, but got %s at entry 0 and %s at entry %lld",
                           shape_text(&one), shape_text(&own), (long long)i);
        if (!part || !op_copy(part, t)) return NULL;
    }
    return out;
}

void op_stack_grad(op_ctx *c, const tsr_stack_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    for (int i = 0; i < op_input_count(c); i++)
        if (op_needs(c, i)) grad_in[i] = tsr_select(grad[0], a->dim, i);
}

/* ---- repetition --------------------------------------------------------------------------------------------------- */

/* t, row-major with `shape`, repeated n times along dimension d: the dimension and what is inside it as one row. */
static tsr_tensor *repeat_dim(tsr_tensor *t, tsr_shape *shape, int d, int64_t n)
{
    int64_t outer = region_count(shape, 0, d), inner = region_count(shape, d, shape->n);
    shape->v[d] *= n;
    t = tsr_reshape(t, TSR_SHAPE(outer, 1, inner));
    return tsr_reshape(tsr_expand(t, TSR_SHAPE(outer, n, inner)), *shape);
}

static tsr_tensor *repeated(tsr_tensor *t, const tsr_shape *repeats)
{
    tsr_shape shape = {.n = repeats->n};
    int lead = repeats->n - t->ndim;
    for (int d = 0; d < shape.n; d++) shape.v[d] = d < lead ? 1 : t->shape[d - lead];
    tsr_tensor *out = tsr_reshape(t, shape);
    for (int d = shape.n - 1; d >= 0; d--)
        if (repeats->v[d] != 1) out = repeat_dim(out, &shape, d, repeats->v[d]);
    return out && out->storage == t->storage ? tsr_clone(out) : out;
}

tsr_tensor *op_repeat(op_ctx *c, const tsr_repeat_args *a)
{
    bool ok = a->repeats.n >= a->input->ndim;
    for (int d = 0; d < a->repeats.n; d++) ok = ok && a->repeats.v[d] >= 0;
    if (!ok)
        return op_fail(c, "repeats %s must be non-negative, one for each of the %d dimensions of input %s or more",
                       shape_text(&a->repeats), a->input->ndim, tensor_shape_text(a->input));
    return repeated(a->input, &a->repeats);
}

tsr_tensor *op_tile(op_ctx *c, const tsr_tile_args *a)
{
    (void)c;
    tsr_shape repeats = a->dims;
    if (repeats.n < a->input->ndim) {
        int lead = a->input->ndim - repeats.n;
        repeats.n = a->input->ndim;
        for (int d = 0; d < repeats.n; d++) repeats.v[d] = d < lead ? 1 : a->dims.v[d - lead];
    }
    return tsr_repeat(a->input, repeats);
}

/* input and the dimension meant: flattened when none is given. */
static tsr_tensor *along(const op_ctx *c, tsr_tensor *t, tsr_number dim, int *d)
{
    *d = 0;
    if (!op_has(dim)) return tsr_reshape(t, TSR_SHAPE(-1));
    if (t->ndim == 0) return op_fail(c, "input is 0-d and has no dimension %lld", (long long)op_i64(dim));
    return op_wrap_dim(c, op_i64(dim), t->ndim, d) ? t : NULL;
}

tsr_tensor *op_repeat_interleave(op_ctx *c, const tsr_repeat_interleave_args *a)
{
    int d;
    tsr_tensor *t = along(c, a->input, a->dim, &d);
    if (!t) return NULL;
    if (a->repeats < 0) return op_fail(c, "repeats must be non-negative, not %lld", (long long)a->repeats);
    tsr_shape shape = op_shape(t), joined = shape;
    int64_t outer = region_count(&shape, 0, d + 1), inner = region_count(&shape, d + 1, shape.n);
    joined.v[d] *= a->repeats;
    t = tsr_reshape(t, TSR_SHAPE(outer, 1, inner));
    t = tsr_reshape(tsr_expand(t, TSR_SHAPE(outer, a->repeats, inner)), joined);
    return t && t->storage == a->input->storage ? tsr_clone(t) : t;
}

/* Index i repeats[i] times in a row. */
static tsr_tensor *repeated_indices(const op_ctx *c, tsr_tensor *repeats)
{
    if (!repeats) return NULL;
    int64_t total = 0, n = repeats->shape[0];
    const int64_t *counts = tsr_const_data(repeats);
    for (int64_t i = 0; counts && i < n; i++) {
        if (counts[i] < 0)
            return op_fail(c, "repeats can not be negative, but repeats[%lld] is %lld", (long long)i,
                           (long long)counts[i]);
        total += counts[i];
    }
    tsr_tensor *index = tensor_empty(TSR_I64, 1, &total, TSR_CPU);
    int64_t *out = tsr_data(index);
    for (int64_t i = 0; counts && out && i < n; i++)
        for (int64_t k = 0; k < counts[i]; k++) *out++ = i;
    return index;
}

tsr_tensor *op_repeat_interleave_tensor(op_ctx *c, const tsr_repeat_interleave_tensor_args *a)
{
    int d;
    tsr_tensor *t = along(c, a->input, a->dim, &d);
    if (!t) return NULL;
    tsr_tensor *repeats = a->repeats;
    tsr_shape size = TSR_SHAPE(t->shape[d]);
    bool fits = repeats->ndim <= 1 && (tensor_numel(repeats) == 1 || tensor_numel(repeats) == size.v[0]);
    if (!fits || (repeats->dtype != TSR_I64 && repeats->dtype != TSR_I32))
        return op_fail(c, "repeats must be i64 or i32, of %lld elements or one, not %s %s", (long long)size.v[0],
                       tsr_dtype_name((tsr_dtype)repeats->dtype), tensor_shape_text(repeats));
    tsr_tensor *index = repeated_indices(c, op_as_contiguous(op_cast(tsr_expand(repeats, size), TSR_I64)));
    return index ? tsr_index_select(t, d, index) : NULL;
}

/* ---- order -------------------------------------------------------------------------------------------------------- */

/* The elements from the last to the first along dim, of an array that has some. */
static array reversed(array a, int dim)
{
    int64_t size = (int64_t)tsr_dtype_size((tsr_dtype)a.dtype);
    a.data = (char *)a.data + (a.shape[dim] - 1) * a.stride[dim] * size;
    a.stride[dim] = -a.stride[dim];
    return a;
}

tsr_tensor *op_flip(op_ctx *c, const tsr_flip_args *a)
{
    uint32_t mask = 0;
    tsr_tensor *t = a->input;
    if (a->dims.n > 0 && !op_dim_mask(c, &a->dims, t->ndim, &mask)) return NULL;
    if (mask == 0 || tensor_numel(t) == 0) return op_output_copy(c, t);
    tsr_tensor *out = tensor_empty_like(t, (tsr_dtype)t->dtype);
    if (!out) return NULL;
    array to = array_of(out), from = array_of(t);
    for (int d = 0; d < t->ndim; d++)
        if (mask & (1u << d)) from = reversed(from, d);
    return op_backend(t)->copy(&to, &from) ? out : NULL;
}

void op_flip_grad(op_ctx *c, const tsr_flip_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c;
    grad_in[0] = tsr_flip(grad[0], a->dims);
}

static tsr_tensor *roll_dim(tsr_tensor *t, int dim, int64_t shift)
{
    int64_t n = t->shape[dim];
    tsr_tensor *out = tensor_empty_like(t, (tsr_dtype)t->dtype);
    if (!out || n == 0) return out;
    shift = (shift % n + n) % n;
    tsr_tensor *head = region_narrow(out, dim, 0, shift), *tail = region_narrow(out, dim, shift, n - shift);
    tsr_tensor *end = region_narrow(t, dim, n - shift, shift), *start = region_narrow(t, dim, 0, n - shift);
    bool ok = head && tail && end && start && op_copy(head, end) && op_copy(tail, start);
    return ok ? out : NULL;
}

tsr_tensor *op_roll(op_ctx *c, const tsr_roll_args *a)
{
    tsr_tensor *t = a->input;
    if (t->ndim == 0) return op_fail(c, "input is 0-d and has no dimensions %s", shape_text(&a->dims));
    if (a->shifts.n == 0 || a->shifts.n != a->dims.n)
        return op_fail(c, "shifts and dimensions must align: shifts %s, dims %s", shape_text(&a->shifts),
                       shape_text(&a->dims));
    for (int i = 0; t && i < a->shifts.n; i++) {
        int dim;
        if (!op_wrap_dim(c, a->dims.v[i], t->ndim, &dim)) return NULL;
        t = roll_dim(t, dim, a->shifts.v[i]);
    }
    return t == a->input ? op_output_copy(c, t) : t;
}

void op_roll_grad(op_ctx *c, const tsr_roll_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c;
    tsr_shape back = a->shifts;
    for (int i = 0; i < back.n; i++) back.v[i] = -back.v[i];
    grad_in[0] = tsr_roll(grad[0], back, a->dims);
}

tsr_tensor *op_roll_flat(op_ctx *c, const tsr_roll_flat_args *a)
{
    if (a->shifts.n != 1) return op_fail(c, "shifts %s: one shift is needed without dims", shape_text(&a->shifts));
    tsr_tensor *flat = tsr_roll(tsr_reshape(a->input, TSR_SHAPE(-1)), a->shifts, TSR_DIMS(0));
    return tsr_reshape(flat, op_shape(a->input));
}

tsr_tensor *op_rot90(op_ctx *c, const tsr_rot90_args *a)
{
    uint32_t mask;
    tsr_shape dims = a->dims.n > 0 ? a->dims : TSR_DIMS(0, 1);
    if (dims.n != 2 || a->input->ndim < 2)
        return op_fail(c, "needs two dims and an input of two or more dimensions, not %s and %s", shape_text(&dims),
                       tensor_shape_text(a->input));
    if (!op_dim_mask(c, &dims, a->input->ndim, &mask)) return NULL;
    switch ((a->k % 4 + 4) % 4) {
    case 1:
        return tsr_transpose(tsr_flip(a->input, TSR_DIMS(dims.v[1])), dims.v[0], dims.v[1]);
    case 2:
        return tsr_flip(a->input, dims);
    case 3:
        return tsr_transpose(tsr_flip(a->input, TSR_DIMS(dims.v[0])), dims.v[0], dims.v[1]);
    default:
        return tsr_clone(a->input);
    }
}

/* ---- diagonals ---------------------------------------------------------------------------------------------------- */

static int64_t nonzero_int(int64_t i) { return i ? i : TSR_ZERO_INT; }

tsr_tensor *op_diag(op_ctx *c, const tsr_diag_args *a)
{
    if (a->input->ndim == 1) return tsr_diag_embed(a->input, .offset = a->diagonal);
    if (a->input->ndim == 2) return tsr_clone(tsr_diagonal(a->input, .offset = a->diagonal));
    return op_fail(c, "input must be 1-d or 2-d, not %s", tensor_shape_text(a->input));
}

tsr_tensor *op_diag_embed(op_ctx *c, const tsr_diag_embed_args *a)
{
    int d1, d2, n = a->input->ndim;
    if (n == 0 || n == TSR_MAX_DIMS)
        return op_fail(c, "input %s must have 1 to 7 dimensions", tensor_shape_text(a->input));
    if (!op_wrap_dim(c, a->dim1, n + 1, &d1) || !op_wrap_dim(c, a->dim2, n + 1, &d2)) return NULL;
    if (d1 == d2) return op_fail(c, "diagonal dimensions cannot be identical (%d, %d)", d1, d2);
    int64_t length = a->input->shape[n - 1], size = length + llabs(a->offset);
    tsr_shape shape = {.n = n + 1};
    for (int d = 0, from = 0; d <= n; d++) shape.v[d] = d == d1 || d == d2 ? size : a->input->shape[from++];
    tsr_tensor *out = region_zeros((tsr_dtype)a->input->dtype, &shape, a->input);
    tsr_tensor *diagonal = out ? tsr_diagonal(out, .offset = a->offset, .dim1 = nonzero_int(d1),
                                              .dim2 = nonzero_int(d2))
                               : NULL;
    return diagonal && op_copy(diagonal, a->input) ? out : NULL;
}

void op_diag_embed_grad(op_ctx *c, const tsr_diag_embed_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c;
    grad_in[0] = tsr_diagonal(grad[0], .offset = a->offset, .dim1 = nonzero_int(a->dim1), .dim2 = nonzero_int(a->dim2));
}

tsr_tensor *op_trace(op_ctx *c, const tsr_trace_args *a)
{
    if (a->input->ndim != 2) return op_fail(c, "expected a matrix, but got input %s", tensor_shape_text(a->input));
    return tsr_sum(tsr_diagonal(a->input));
}

/* ---- copies with one part replaced -------------------------------------------------------------------------------- */

/* The copy, in which `part`, a view of it, has received src. */
static tsr_tensor *with_part(op_ctx *c, tsr_tensor *copy, tsr_tensor *part, tsr_tensor *src)
{
    if (!copy || !part) return NULL;
    tsr_shape want = op_shape(part), got = op_shape(src);
    if (!region_same_shape(&want, &got))
        return op_fail(c, "src must have the shape of the part it replaces, %s, not %s", shape_text(&want),
                       shape_text(&got));
    return op_copy(part, src) ? copy : NULL;
}

/* What replaces the part in the input's gradient. */
static tsr_tensor *zeros_for_src(const op_ctx *c)
{
    op_meta m = op_input_meta(c, 1);
    return region_zeros_of(&m);
}

tsr_tensor *op_select_scatter(op_ctx *c, const tsr_select_scatter_args *a)
{
    tsr_tensor *copy = region_copy(a->input);
    return with_part(c, copy, tsr_select(copy, a->dim, a->index), a->src);
}

void op_select_scatter_grad(op_ctx *c, const tsr_select_scatter_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = tsr_select_scatter(grad[0], zeros_for_src(c), a->dim, a->index);
    if (op_needs(c, 1)) grad_in[1] = tsr_select(grad[0], a->dim, a->index);
}

tsr_tensor *op_slice_scatter(op_ctx *c, const tsr_slice_scatter_args *a)
{
    tsr_tensor *copy = region_copy(a->input);
    return with_part(c, copy, tsr_slice(copy, a->dim, a->start, a->end, a->step), a->src);
}

void op_slice_scatter_grad(op_ctx *c, const tsr_slice_scatter_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = tsr_slice_scatter(grad[0], zeros_for_src(c), a->dim, a->start, a->end, a->step);
    if (op_needs(c, 1)) grad_in[1] = tsr_slice(grad[0], a->dim, a->start, a->end, a->step);
}

tsr_tensor *op_diagonal_scatter(op_ctx *c, const tsr_diagonal_scatter_args *a)
{
    tsr_tensor *copy = region_copy(a->input);
    return with_part(c, copy, tsr_diagonal(copy, a->offset, a->dim1, nonzero_int(a->dim2)), a->src);
}

void op_diagonal_scatter_grad(op_ctx *c, const tsr_diagonal_scatter_args *a, tsr_tensor *const *grad,
                              tsr_tensor **grad_in)
{
    int64_t dim2 = nonzero_int(a->dim2);
    if (op_needs(c, 0)) grad_in[0] = tsr_diagonal_scatter(grad[0], zeros_for_src(c), a->offset, a->dim1, dim2);
    if (op_needs(c, 1)) grad_in[1] = tsr_diagonal(grad[0], a->offset, a->dim1, dim2);
}

/* ---- channels to pixels ------------------------------------------------------------------------------------------- */

/* The leading dimensions and C, H, W of an image batch. */
static bool image_dims(const op_ctx *c, const tsr_tensor *t, int64_t factor, tsr_shape *lead, int64_t *chw)
{
    if (t->ndim < 3 || t->ndim > TSR_MAX_DIMS - 2 || factor < 1) {
        op_fail(c, "needs an input [.., C, H, W] and a factor of 1 or more, not %s and %lld", tensor_shape_text(t),
                (long long)factor);
        return false;
    }
    *lead = op_shape(t);
    lead->n = t->ndim - 3;
    for (int i = 0; i < 3; i++) chw[i] = t->shape[lead->n + i];
    return true;
}

/* lead + tail, as one shape */
static tsr_shape extended(tsr_shape lead, int n, const int64_t *tail)
{
    for (int i = 0; i < n; i++) lead.v[lead.n++] = tail[i];
    return lead;
}

/* The order of dimensions that keeps the leading ones and permutes the last five by `tail`. */
static tsr_shape tail_order(int lead, const int *tail)
{
    tsr_shape order = {.n = lead + 5};
    for (int d = 0; d < lead; d++) order.v[d] = d;
    for (int i = 0; i < 5; i++) order.v[lead + i] = lead + tail[i];
    return order;
}

tsr_tensor *op_pixel_shuffle(op_ctx *c, const tsr_pixel_shuffle_args *a)
{
    tsr_shape lead;
    int64_t chw[3], r = a->upscale_factor;
    if (!image_dims(c, a->input, r, &lead, chw)) return NULL;
    if (chw[0] % shape_mul(r, r) != 0)
        return op_fail(c, "channels (%lld) must be divisible by the square of upscale_factor (%lld)", (long long)chw[0],
                       (long long)r);
    int64_t cut[5] = {chw[0] / shape_mul(r, r), r, r, chw[1], chw[2]};
    int64_t joined[3] = {cut[0], shape_mul(chw[1], r), shape_mul(chw[2], r)};
    tsr_tensor *t = tsr_reshape(a->input, extended(lead, 5, cut));
    t = tsr_permute(t, tail_order(lead.n, (int[]){0, 3, 1, 4, 2}));
    return tsr_reshape(t, extended(lead, 3, joined));
}

tsr_tensor *op_pixel_unshuffle(op_ctx *c, const tsr_pixel_unshuffle_args *a)
{
    tsr_shape lead;
    int64_t chw[3], r = a->downscale_factor;
    if (!image_dims(c, a->input, r, &lead, chw)) return NULL;
    if (chw[1] % r != 0 || chw[2] % r != 0)
        return op_fail(c, "height and width (%lld, %lld) must be divisible by downscale_factor (%lld)",
                       (long long)chw[1], (long long)chw[2], (long long)r);
    int64_t cut[5] = {chw[0], chw[1] / r, r, chw[2] / r, r},
            joined[3] = {shape_mul(chw[0], shape_mul(r, r)), cut[1], cut[3]};
    tsr_tensor *t = tsr_reshape(a->input, extended(lead, 5, cut));
    t = tsr_permute(t, tail_order(lead.n, (int[]){0, 2, 4, 1, 3}));
    return tsr_reshape(t, extended(lead, 3, joined));
}
