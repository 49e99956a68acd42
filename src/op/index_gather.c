/* index_gather.c: gather and the scatter family, where an index of input's rank says for each of its elements where, along
   one dimension, to read or write. Also what all operators that take indices share (index.h). */
#include "op/index.h"
#include "op/pointwise.h"
#include "op_gen.h"

#include <string.h>

/* ---- index.h ------------------------------------------------------------------------------------------------------ */

tsr_tensor *index_as_i64(const op_ctx *c, tsr_tensor *index)
{
    if (index->dtype == TSR_I64) return index;
    if (index->dtype == TSR_I32) return op_cast(index, TSR_I64);
    return op_fail(c, "expected an index of dtype i64 or i32, but got %s", tsr_dtype_name((tsr_dtype)index->dtype));
}

bool index_in_range(const op_ctx *c, tsr_tensor *index, int64_t size)
{
    int64_t low, high;
    array a = array_of(index);
    if (!op_backend(index)->index_range(&a, &low, &high)) return false;
    if (low >= 0 && high < size) return true;
    op_fail(c, "index %lld is out of bounds for a dimension of size %lld", (long long)(low < 0 ? low : high),
            (long long)size);
    return false;
}

tsr_tensor *index_along(tsr_tensor *index, const tsr_shape *shape, int dim)
{
    int64_t stride[TSR_MAX_DIMS] = {0};
    if (!index) return NULL;
    stride[dim] = index->ndim ? index->stride[0] : 1;
    return tensor_wrap(index->storage, (tsr_dtype)index->dtype, shape->n, shape->v, stride, index->offset);
}

tsr_tensor *index_nonzero(tsr_tensor *t)
{
    int64_t count;
    bool bytes = t->dtype == TSR_BOOL || t->dtype == TSR_U8;
    t = bytes ? t : op_cast(t, TSR_BOOL);
    if (!t) return NULL;
    array in = array_of(t);
    if (!op_backend(t)->nonzero(&in, &count, NULL)) return NULL;
    tsr_tensor *out = region_empty(TSR_I64, &TSR_SHAPE(count), t);
    if (!out) return NULL;
    array o = array_of(out);
    return op_backend(t)->nonzero(&in, &count, &o) ? out : NULL;
}

/* Of ascending flat positions. Those of one row share all coordinates but the last, so that only a new row divides. */
static void write_coordinates(int64_t *to, const int64_t *flat, int64_t n, const tsr_tensor *t)
{
    int ndim = t->ndim;
    int64_t width = ndim > 0 ? t->shape[ndim - 1] : 1, row_begin = -width;
    for (int64_t i = 0; i < n && ndim > 0; i++, to += ndim) {
        if (flat[i] - row_begin < width) {
            for (int d = 0; d < ndim - 1; d++) to[d] = to[d - ndim];
        } else {
            int64_t at = flat[i] / width;
            row_begin = at * width;
            for (int d = ndim - 2; d >= 0; d--) {
                to[d] = at % t->shape[d];
                at /= t->shape[d];
            }
        }
        to[ndim - 1] = flat[i] - row_begin;
    }
}

tsr_tensor *index_coordinates(tsr_tensor *t)
{
    tsr_tensor *flat = index_nonzero(t);
    if (!flat) return NULL;
    int64_t n = flat->shape[0];
    tsr_tensor *out = region_empty(TSR_I64, &TSR_SHAPE(n, t->ndim), t);
    const int64_t *from = tsr_const_data(flat);
    int64_t *to = tsr_data(out);
    if (from && to) write_coordinates(to, from, n, t);
    return out;
}

bool index_scatter(tsr_tensor *out, tsr_tensor *index, tsr_tensor *src, int dim, scatter_mode mode)
{
    if (!out || !index || !src) return false;
    array o = array_of(out), i = array_of(index), s = array_of(src);
    return op_backend(out)->scatter(&o, &i, &s, dim, mode);
}

tsr_tensor *index_value(tsr_number value, tsr_dtype dtype) { return op_cast(op_number_tensor(value), dtype); }

/* ---- gather ------------------------------------------------------------------------------------------------------- */

/* Both at least 1-d: index must have t's rank, and fit into t in the other dimensions. */
static bool check_index(const op_ctx *c, const tsr_tensor *t, int dim, tsr_tensor *index)
{
    if (region_is_empty(index)) return true;
    bool ok = index->ndim == t->ndim;
    if (index->dtype != TSR_I64) {
        op_fail(c, "expected an index of dtype i64, but got %s", tsr_dtype_name((tsr_dtype)index->dtype));
        return false;
    }
    for (int d = 0; ok && d < t->ndim; d++) ok = d == dim || index->shape[d] <= t->shape[d];
    if (!ok) {
        op_fail(c,
                "index %s does not fit input %s: the same number of dimensions, and apart from dimension %d no size "
                "may be larger",
                tensor_shape_text(index), tensor_shape_text(t), dim);
        return false;
    }
    return index_in_range(c, index, t->shape[dim]);
}

tsr_tensor *op_gather(op_ctx *c, const tsr_gather_args *a)
{
    int dim;
    tsr_tensor *in = region_at_least_1d(a->input), *index = region_at_least_1d(a->index);
    if (!in || !index || !op_wrap_dim(c, a->dim, in->ndim, &dim) || !check_index(c, in, dim, index)) return NULL;
    tsr_tensor *out = op_output(c, (tsr_dtype)in->dtype, op_shape(a->index), NULL);
    tsr_tensor *to = region_at_least_1d(out);
    if (!to || region_is_empty(index)) return out;
    array o = array_of(to), x = array_of(in), i = array_of(index);
    return op_backend(in)->gather(&o, &x, &i, dim) ? out : NULL;
}

void op_gather_grad(op_ctx *c, const tsr_gather_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    op_meta in = op_input_meta(c, 0);
    grad_in[0] = tsr_scatter_add_(region_zeros_of(&in), a->dim, a->index, grad[0]);
}

/* ---- scatter ------------------------------------------------------------------------------------------------------ */

static bool check_src(const op_ctx *c, const tsr_tensor *t, const tsr_tensor *index, const tsr_tensor *src)
{
    if (src->dtype != t->dtype) {
        op_fail(c, "src is %s, but input is %s", tsr_dtype_name((tsr_dtype)src->dtype),
                tsr_dtype_name((tsr_dtype)t->dtype));
        return false;
    }
    bool ok = region_is_empty(index) || src->ndim == index->ndim;
    for (int d = 0; ok && !region_is_empty(index) && d < src->ndim; d++) ok = index->shape[d] <= src->shape[d];
    if (!ok) op_fail(c, "index %s does not fit src %s", tensor_shape_text(index), tensor_shape_text(src));
    return ok;
}

/* The part of src that index covers. */
static tsr_tensor *covered(tsr_tensor *src, const tsr_tensor *index)
{
    return tensor_wrap(src->storage, (tsr_dtype)src->dtype, index->ndim, index->shape, src->stride, src->offset);
}

/* A copy of input (or the destination) with src scattered into it. */
static tsr_tensor *scattered(op_ctx *c, tsr_tensor *input, int64_t dim, tsr_tensor *index, tsr_tensor *src,
                             scatter_mode mode)
{
    int d;
    tsr_tensor *in = region_at_least_1d(input), *at = region_at_least_1d(index), *from = region_at_least_1d(src);
    if (!in || !at || !from || !op_wrap_dim(c, dim, in->ndim, &d)) return NULL;
    if (!check_index(c, in, d, at) || !check_src(c, in, at, from)) return NULL;
    tsr_tensor *out = op_output_copy(c, input);
    if (!out || region_is_empty(at)) return out;
    return index_scatter(region_at_least_1d(out), at, covered(region_unaliased(c, from), at), d, mode) ? out : NULL;
}

/* One number, as a src of index's shape. */
static tsr_tensor *spread(tsr_tensor *value, const tsr_tensor *index)
{
    tsr_shape shape = op_shape(index);
    return op_as_expanded(value, &shape);
}

static scatter_mode mode_named(const char *reduce)
{
    if (!reduce) return SCATTER_SET;
    return strcmp(reduce, "add") == 0 ? SCATTER_ADD : SCATTER_MUL;
}

static bool has_derivative(const op_ctx *c, const char *reduce)
{
    if (reduce) op_fail(c, "has no derivative with reduce=\"%s\"; use scatter_add or scatter_reduce", reduce);
    return !reduce;
}

/* t in the corner of zeros of a larger shape: an index may cover only part of src. */
static tsr_tensor *in_corner(tsr_tensor *t, const tsr_shape *shape)
{
    tsr_shape own = tsr_shape_of(t), stride = {.n = shape->n};
    if (!t || region_same_shape(&own, shape)) return t;
    shape_contiguous_strides(shape->n, shape->v, stride.v);
    return tsr_strided_move(t, stride, 0, *shape, stride, 0);
}

/* What reaches src: the gradient at index. */
static tsr_tensor *src_grad(const op_ctx *c, tsr_tensor *grad, int64_t dim, tsr_tensor *index)
{
    tsr_shape shape = op_input_meta(c, 2).shape;
    return in_corner(tsr_gather(grad, dim, index), &shape);
}

tsr_tensor *op_scatter(op_ctx *c, const tsr_scatter_args *a)
{
    return scattered(c, a->input, a->dim, a->index, a->src, mode_named(a->reduce));
}

void op_scatter_grad(op_ctx *c, const tsr_scatter_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    if (!has_derivative(c, a->reduce)) return;
    if (op_needs(c, 0)) grad_in[0] = tsr_scatter_value(grad[0], a->dim, a->index, TSR_INT(0));
    if (op_needs(c, 2)) grad_in[2] = src_grad(c, grad[0], a->dim, a->index);
}

tsr_tensor *op_scatter_value(op_ctx *c, const tsr_scatter_value_args *a)
{
    if (!pointwise_fits(c, a->value, (tsr_dtype)a->input->dtype)) return NULL;
    tsr_tensor *value = index_value(a->value, (tsr_dtype)a->input->dtype);
    return value ? scattered(c, a->input, a->dim, a->index, spread(value, a->index), mode_named(a->reduce)) : NULL;
}

void op_scatter_value_grad(op_ctx *c, const tsr_scatter_value_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    if (has_derivative(c, a->reduce)) grad_in[0] = tsr_scatter_value(grad[0], a->dim, a->index, TSR_INT(0));
}

tsr_tensor *op_scatter_add(op_ctx *c, const tsr_scatter_add_args *a)
{
    return scattered(c, a->input, a->dim, a->index, a->src, SCATTER_ADD);
}

void op_scatter_add_grad(op_ctx *c, const tsr_scatter_add_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = grad[0];
    if (op_needs(c, 2)) grad_in[2] = src_grad(c, grad[0], a->dim, a->index);
}

/* ---- scatter_reduce ----------------------------------------------------------------------------------------------- */

typedef struct reduction {
    const char *name;
    scatter_mode mode;
    double identity; /* of floats */
} reduction;

static const reduction *find_reduction(const char *name)
{
    static const reduction known[] = {{"sum", SCATTER_ADD, 0},
                                      {"prod", SCATTER_MUL, 1},
                                      {"mean", SCATTER_ADD, 0},
                                      {"amax", SCATTER_AMAX, -__builtin_inf()},
                                      {"amin", SCATTER_AMIN, __builtin_inf()}};
    const reduction *r = known;
    while (r < known + TSR_COUNT(known) - 1 && strcmp(r->name, name) != 0) r++;
    return r;
}

static tsr_number identity_of(const reduction *r, tsr_dtype dtype)
{
    if (tsr_dtype_is_floating(dtype) || r->identity == 0 || r->identity == 1) return TSR_FLOAT(r->identity);
    int64_t most = dtype == TSR_I64 ? INT64_MAX : dtype == TSR_I32 ? INT32_MAX : UINT8_MAX;
    int64_t least = dtype == TSR_I64 ? INT64_MIN : dtype == TSR_I32 ? INT32_MIN : 0;
    return TSR_INT(r->identity < 0 ? least : most);
}

/* How many values meet in each element: 1 for input (if it counts) and 1 for each index. At least 1. */
static tsr_tensor *meeting_count(tsr_tensor *like, int64_t dim, tsr_tensor *index, bool include_self, tsr_dtype dtype)
{
    tsr_shape shape = op_shape(like);
    tsr_tensor *count = region_empty(dtype, &shape, like), *one = index_value(TSR_INT(1), dtype);
    if (!count || !one || !op_fill_with(count, 1)) return NULL;
    if (!include_self) count = tsr_scatter_value(count, dim, index, TSR_INT(0));
    return tsr_scatter_add(count, dim, index, spread(one, index));
}

static bool divide(tsr_tensor *out, tsr_tensor *count)
{
    if (!out || !count) return false;
    array o = array_of(out), n = array_of(count);
    return op_backend(out)->binary(op_is_float(out) ? B_DIV : B_DIV_FLOOR, &o, &o, &n, NULL);
}

tsr_tensor *op_scatter_reduce(op_ctx *c, const tsr_scatter_reduce_args *a)
{
    const reduction *r = find_reduction(a->reduce);
    bool self = op_flag(a->include_self);
    tsr_dtype dtype = (tsr_dtype)a->input->dtype;
    tsr_tensor *src = region_unaliased(c, a->src), *input = a->input;
    if (!self) {
        tsr_tensor *value = index_value(identity_of(r, dtype), dtype);
        input = value ? scattered(c, input, a->dim, a->index, spread(value, a->index), SCATTER_SET) : NULL;
    }
    tsr_tensor *out = input && src ? scattered(c, input, a->dim, a->index, src, r->mode) : NULL;
    if (!out || strcmp(a->reduce, "mean") != 0) return out;
    return divide(out, meeting_count(a->input, a->dim, a->index, self, dtype)) ? out : NULL;
}

/* amax and amin: the gradient is divided evenly among the values that equal the result. */
static void extreme_grad(op_ctx *c, const tsr_scatter_reduce_args *a, tsr_tensor *grad, tsr_tensor **grad_in)
{
    tsr_tensor *result = op_result(c, 0);
    tsr_tensor *self_is = tsr_eq(a->input, result);
    tsr_tensor *src_is = tsr_eq(a->src, tsr_gather(result, a->dim, a->index));
    if (!self_is || !src_is) return;
    tsr_tensor *self = op_cast(self_is, (tsr_dtype)grad->dtype), *src = op_cast(src_is, (tsr_dtype)grad->dtype);
    tsr_tensor *count = tsr_scatter_add(self, a->dim, a->index, src);
    tsr_tensor *share = tsr_div(grad, op_at_least(count, 1));
    grad_in[0] = tsr_mul(self, share);
    grad_in[2] = tsr_mul(src, tsr_gather(share, a->dim, a->index));
}

static tsr_tensor *one_where(tsr_tensor *mask, tsr_tensor *t) { return tsr_masked_fill(t, mask, TSR_INT(1)); }

/* The product's derivative, by src[i]: the product of all others. One zero leaves the product of the rest to the zero
   itself; two or more leave nothing. */
static tsr_tensor *product_src_grad(const tsr_scatter_reduce_args *a, tsr_tensor *grad, tsr_tensor *result)
{
    tsr_shape shape = op_shape(a->input);
    tsr_tensor *is_zero = tsr_eq(a->src, tsr_scalar(0)), *none = region_zeros((tsr_dtype)grad->dtype, &shape, grad);
    if (!is_zero) return NULL;
    tsr_tensor *zeros = tsr_scatter_add(none, a->dim, a->index, op_cast(is_zero, (tsr_dtype)grad->dtype));
    tsr_tensor *single = tsr_logical_and(is_zero, tsr_eq(tsr_gather(zeros, a->dim, a->index), tsr_scalar(1)));
    tsr_tensor *others = tsr_scatter_reduce(a->input, a->dim, a->index, one_where(single, a->src), "prod",
                                            a->include_self);
    tsr_tensor *at_zero = tsr_gather(tsr_mul(grad, others), a->dim, a->index);
    tsr_tensor *elsewhere = tsr_div(tsr_gather(tsr_mul(grad, result), a->dim, a->index), one_where(is_zero, a->src));
    return tsr_where(single, at_zero, elsewhere);
}

static void product_grad(op_ctx *c, const tsr_scatter_reduce_args *a, tsr_tensor *grad, tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) {
        tsr_tensor *self = one_where(tsr_eq(a->input, tsr_scalar(0)), a->input);
        tsr_tensor *rest = tsr_scatter_reduce(self, a->dim, a->index, a->src, "prod", a->include_self);
        grad_in[0] = tsr_div(tsr_mul(grad, rest), self);
    }
    if (op_needs(c, 2)) grad_in[2] = product_src_grad(a, grad, op_result(c, 0));
}

void op_scatter_reduce_grad(op_ctx *c, const tsr_scatter_reduce_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    tsr_tensor *g = grad[0];
    bool self = op_flag(a->include_self);
    if (!strcmp(a->reduce, "mean"))
        g = tsr_div(g, meeting_count(a->input, a->dim, a->index, self, (tsr_dtype)g->dtype));
    if (!strcmp(a->reduce, "sum") || !strcmp(a->reduce, "mean")) {
        grad_in[0] = g;
        if (op_needs(c, 2)) grad_in[2] = src_grad(c, g, a->dim, a->index);
    } else if (!strcmp(a->reduce, "prod")) product_grad(c, a, g, grad_in);
    else extreme_grad(c, a, g, grad_in);
    if (!self) grad_in[0] = tsr_scatter_value(grad_in[0], a->dim, a->index, TSR_INT(0));
}
