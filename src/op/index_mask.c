/* index_mask.c: masks that choose elements, and the indices of elements that are not zero. */
#include "op/index.h"
#include "op/pointwise.h"
#include "op_gen.h"

static bool is_mask(const op_ctx *c, const tsr_tensor *mask)
{
    if (mask->dtype == TSR_BOOL) return true;
    op_fail(c, "mask must be bool, not %s", tsr_dtype_name((tsr_dtype)mask->dtype));
    return false;
}

/* The shape that input and mask broadcast to. */
static bool masked_shape(const op_ctx *c, const tsr_tensor *input, const tsr_tensor *mask, tsr_shape *shape)
{
    tsr_shape x = op_shape(input), m = op_shape(mask);
    return is_mask(c, mask) && shape_broadcast(c->info->name, &x, &m, shape);
}

/* ---- masked_fill -------------------------------------------------------------------------------------------------- */

static tsr_tensor *masked_filled(op_ctx *c, tsr_tensor *input, tsr_tensor *mask, tsr_tensor *value)
{
    tsr_shape shape;
    if (!value || !masked_shape(c, input, mask, &shape)) return NULL;
    tsr_tensor *out = op_output(c, (tsr_dtype)input->dtype, shape, input);
    tsr_tensor *m = op_as_expanded(mask, &shape), *v = op_as_expanded(value, &shape);
    tsr_tensor *x = op_as_expanded(input, &shape);
    if (!out || !m || !v || !x) return NULL;
    array o = array_of(out), w = array_of(m), b = array_of(v), e = array_of(x);
    return op_backend(out)->ternary(T_WHERE, &o, &w, &b, &e, NULL) ? out : NULL;
}

tsr_tensor *op_masked_fill(op_ctx *c, const tsr_masked_fill_args *a)
{
    if (!pointwise_fits(c, a->value, (tsr_dtype)a->input->dtype)) return NULL;
    return masked_filled(c, a->input, a->mask, index_value(a->value, (tsr_dtype)a->input->dtype));
}

void op_masked_fill_grad(op_ctx *c, const tsr_masked_fill_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c;
    grad_in[0] = tsr_masked_fill(grad[0], a->mask, TSR_INT(0));
}

tsr_tensor *op_masked_fill_tensor(op_ctx *c, const tsr_masked_fill_tensor_args *a)
{
    if (a->value->ndim != 0)
        return op_fail(c, "only supports a 0-dimensional value tensor, but got one of shape %s",
                       tensor_shape_text(a->value));
    tsr_tensor *value = op_cast(region_unaliased(c, a->value), (tsr_dtype)a->input->dtype);
    return masked_filled(c, a->input, a->mask, value);
}

void op_masked_fill_tensor_grad(op_ctx *c, const tsr_masked_fill_tensor_args *a, tsr_tensor *const *grad,
                                tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = tsr_masked_fill(grad[0], a->mask, TSR_INT(0));
    if (op_needs(c, 2)) grad_in[2] = tsr_sum(op_masked(a->mask, grad[0]));
}

/* ---- masked_select, masked_scatter -------------------------------------------------------------------------------- */

tsr_tensor *op_masked_select(op_ctx *c, const tsr_masked_select_args *a)
{
    tsr_shape shape;
    if (!masked_shape(c, a->input, a->mask, &shape)) return NULL;
    tsr_tensor *x = tsr_reshape(tsr_expand(a->input, shape), TSR_SHAPE(-1));
    tsr_tensor *mask = tsr_reshape(tsr_expand(a->mask, shape), TSR_SHAPE(-1));
    return mask ? tsr_index_select(x, 0, index_nonzero(mask)) : NULL;
}

/* flat[at[i]] = source[i] */
static bool put_first(tsr_tensor *flat, tsr_tensor *at, tsr_tensor *source)
{
    int64_t n = at->shape[0];
    return n == 0 || index_scatter(flat, at, region_narrow(source, 0, 0, n), 0, SCATTER_SET);
}

tsr_tensor *op_masked_scatter(op_ctx *c, const tsr_masked_scatter_args *a)
{
    tsr_shape shape;
    if (!masked_shape(c, a->input, a->mask, &shape)) return NULL;
    if (a->input->dtype != a->source->dtype)
        return op_fail(c, "source is %s, but input is %s", tsr_dtype_name((tsr_dtype)a->source->dtype),
                       tsr_dtype_name((tsr_dtype)a->input->dtype));
    tsr_tensor *mask = op_as_expanded(a->mask, &shape), *at = mask ? index_nonzero(mask) : NULL;
    tsr_tensor *source = region_unaliased(c, region_flat(a->source));
    if (!at || !source) return NULL;
    if (source->shape[0] < at->shape[0])
        return op_fail(c, "source has %lld elements, but the mask has %lld true ones", (long long)source->shape[0],
                       (long long)at->shape[0]);
    tsr_tensor *out = c->dest ? op_output(c, (tsr_dtype)a->input->dtype, shape, NULL)
                              : region_copy(op_as_expanded(a->input, &shape));
    tsr_tensor *dense = op_as_contiguous(out), *flat = region_flat(dense);
    if (!flat || !put_first(flat, at, source)) return NULL;
    return dense == out || op_copy(out, dense) ? out : NULL;
}

void op_masked_scatter_grad(op_ctx *c, const tsr_masked_scatter_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = tsr_masked_fill(grad[0], a->mask, TSR_INT(0));
    if (!op_needs(c, 2)) return;
    tsr_shape shape = op_input_meta(c, 2).shape, one = TSR_SHAPE(1);
    int64_t n = shape_numel(shape.n, shape.v);
    tsr_tensor *g = tsr_masked_select(grad[0], a->mask);
    grad_in[2] = tsr_reshape(tsr_strided_move(g, one, 0, TSR_SHAPE(n), one, 0), shape);
}

/* ---- nonzero ------------------------------------------------------------------------------------------------------ */

tsr_tensor *op_nonzero(op_ctx *c, const tsr_nonzero_args *a)
{
    (void)c;
    return index_coordinates(a->input);
}

static int64_t coordinate_list(op_ctx *c, tsr_tensor *t, tsr_tensor **out, int64_t room)
{
    t = region_at_least_1d(t);
    if (!t) return -1;
    if (t->ndim > room) {
        op_fail(c, "the result has %d tensors, there is room for %lld", t->ndim, (long long)room);
        return -1;
    }
    tsr_tensor *at = index_coordinates(t);
    for (int d = 0; d < t->ndim; d++)
        if (!(out[d] = region_copy(region_select(at, 1, d)))) return -1;
    return t->ndim;
}

int64_t op_nonzero_as_tuple(op_ctx *c, const tsr_nonzero_as_tuple_args *a, tsr_tensor **out, int64_t room)
{
    if (op_flag(a->as_tuple)) return coordinate_list(c, a->input, out, room);
    op_fail(c, "as_tuple is false: leave it out");
    return -1;
}

int64_t op_where_condition(op_ctx *c, const tsr_where_condition_args *a, tsr_tensor **out, int64_t room)
{
    return coordinate_list(c, a->condition, out, room);
}
