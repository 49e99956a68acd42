/* reduce_extreme.c: largest, smallest and middle elements, and where they are.

   Reductions to a value alone share the gradient among equal elements; those that also give a position send it there. */
#include "op/pointwise.h"
#include "op/reduce.h"
#include "op/region.h"
#include "op_gen.h"

#include <math.h>

/* ---- values ------------------------------------------------------------------------------------------------------------ */

/* max and min of bool are any and all */
static reduce_code extreme_code(const tsr_tensor *x, bool largest)
{
    if (x->dtype == TSR_BOOL) return largest ? R_ANY : R_ALL;
    return largest ? R_MAX : R_MIN;
}

static bool refuse_nothing(const op_ctx *c, const tsr_tensor *x, uint32_t mask)
{
    tsr_shape shape = op_shape(x);
    if (reduce_count(&shape, mask) > 0) return false;
    op_fail(c, "%s has no elements to choose from", shape_text(&shape));
    return true;
}

static tsr_tensor *extreme(op_ctx *c, tsr_tensor *x, uint32_t mask, bool keepdim, bool largest)
{
    tsr_dtype dtype = (tsr_dtype)x->dtype;
    if (refuse_nothing(c, x, mask)) return NULL;
    return reduce_run(extreme_code(x, largest), x, dtype, dtype, mask, keepdim, NULL);
}

/* Each element that equals the result y (or is NaN with it) gets its part of the gradient. */
static tsr_tensor *even_share(tsr_tensor *x, tsr_tensor *y, tsr_tensor *g, uint32_t mask)
{
    tsr_shape shape = op_shape(x);
    tsr_tensor *kept = reduce_restore(y, &shape, mask), *grad = reduce_restore(g, &shape, mask);
    tsr_tensor *chosen = tsr_logical_or(tsr_eq(x, kept), tsr_logical_and(tsr_isnan(x), tsr_isnan(kept)));
    return op_masked(chosen, tsr_div(grad, tsr_sum(chosen, reduce_list(mask), true)));
}

static uint32_t all_dims(const tsr_tensor *x) { return (1u << x->ndim) - 1; }

tsr_tensor *op_max(op_ctx *c, const tsr_max_args *a) { return extreme(c, a->input, all_dims(a->input), false, true); }

void op_max_grad(op_ctx *c, const tsr_max_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    grad_in[0] = even_share(a->input, op_result(c, 0), grad[0], all_dims(a->input));
}

tsr_tensor *op_min(op_ctx *c, const tsr_min_args *a) { return extreme(c, a->input, all_dims(a->input), false, false); }

void op_min_grad(op_ctx *c, const tsr_min_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    grad_in[0] = even_share(a->input, op_result(c, 0), grad[0], all_dims(a->input));
}

tsr_tensor *op_amax(op_ctx *c, const tsr_amax_args *a)
{
    uint32_t mask;
    return reduce_dims(c, &a->dim, a->input->ndim, &mask) ? extreme(c, a->input, mask, a->keepdim, true) : NULL;
}

void op_amax_grad(op_ctx *c, const tsr_amax_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    uint32_t mask;
    if (reduce_dims(c, &a->dim, a->input->ndim, &mask))
        grad_in[0] = even_share(a->input, op_result(c, 0), grad[0], mask);
}

tsr_tensor *op_amin(op_ctx *c, const tsr_amin_args *a)
{
    uint32_t mask;
    return reduce_dims(c, &a->dim, a->input->ndim, &mask) ? extreme(c, a->input, mask, a->keepdim, false) : NULL;
}

void op_amin_grad(op_ctx *c, const tsr_amin_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    uint32_t mask;
    if (reduce_dims(c, &a->dim, a->input->ndim, &mask))
        grad_in[0] = even_share(a->input, op_result(c, 0), grad[0], mask);
}

bool op_aminmax(op_ctx *c, const tsr_aminmax_args *a, tsr_tensor **out)
{
    tsr_shape dims = {.n = op_has(a->dim), .v = {op_i64(a->dim)}};
    (void)c;
    out[0] = tsr_amin(a->input, dims, a->keepdim);
    out[1] = tsr_amax(a->input, dims, a->keepdim);
    return out[0] && out[1];
}

tsr_tensor *op_max_other(op_ctx *c, const tsr_max_other_args *a)
{
    (void)c;
    return tsr_maximum(a->input, a->other);
}

tsr_tensor *op_min_other(op_ctx *c, const tsr_min_other_args *a)
{
    (void)c;
    return tsr_minimum(a->input, a->other);
}

/* ---- positions ----------------------------------------------------------------------------------------------------------- */

static tsr_tensor *position(op_ctx *c, tsr_tensor *x, uint32_t mask, bool keepdim, bool largest)
{
    if (refuse_nothing(c, x, mask)) return NULL;
    return reduce_run(largest ? R_ARGMAX : R_ARGMIN, x, (tsr_dtype)x->dtype, TSR_I64, mask, keepdim, NULL);
}

tsr_tensor *op_argmax(op_ctx *c, const tsr_argmax_args *a)
{
    uint32_t mask;
    return reduce_dim(c, a->dim, a->input->ndim, &mask) ? position(c, a->input, mask, a->keepdim, true) : NULL;
}

tsr_tensor *op_argmin(op_ctx *c, const tsr_argmin_args *a)
{
    uint32_t mask;
    return reduce_dim(c, a->dim, a->input->ndim, &mask) ? position(c, a->input, mask, a->keepdim, false) : NULL;
}

/* Values, and their positions, which the derivative needs. */
static bool deliver(op_ctx *c, tsr_tensor *values, tsr_tensor *indices, tsr_tensor **out)
{
    out[0] = values;
    out[1] = indices;
    if (!values || !indices) return false;
    op_save(c, indices);
    return true;
}

static bool extreme_along(op_ctx *c, tsr_tensor *x, int64_t dim, bool keepdim, bool largest, tsr_tensor **out)
{
    uint32_t mask;
    if (!reduce_dim(c, TSR_INT(dim), x->ndim, &mask)) return false;
    tsr_tensor *values = extreme(c, x, mask, keepdim, largest);
    return deliver(c, values, values ? position(c, x, mask, keepdim, largest) : NULL, out);
}

/* Zeros but for the gradient at the positions chosen. */
static tsr_tensor *send_back(op_ctx *c, tsr_tensor *g, int64_t dim)
{
    uint32_t mask;
    op_meta in = op_input_meta(c, 0);
    if (!g || !reduce_dim(c, TSR_INT(dim), in.shape.n, &mask)) return NULL;
    tsr_tensor *index = reduce_restore(op_saved(c, 0), &in.shape, mask);
    return tsr_scatter(tsr_zeros(in.shape, in.dtype), dim, index, reduce_restore(g, &in.shape, mask));
}

bool op_max_dim(op_ctx *c, const tsr_max_dim_args *a, tsr_tensor **out)
{
    return extreme_along(c, a->input, a->dim, a->keepdim, true, out);
}

void op_max_dim_grad(op_ctx *c, const tsr_max_dim_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    grad_in[0] = send_back(c, grad[0], a->dim);
}

bool op_min_dim(op_ctx *c, const tsr_min_dim_args *a, tsr_tensor **out)
{
    return extreme_along(c, a->input, a->dim, a->keepdim, false, out);
}

void op_min_dim_grad(op_ctx *c, const tsr_min_dim_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    grad_in[0] = send_back(c, grad[0], a->dim);
}

/* ---- by order -------------------------------------------------------------------------------------------------------------- */

/* The k-th of each sorted run along dim (counted from 0), and where it was. */
static bool kth_along(op_ctx *c, tsr_tensor *input, int dim, int64_t k, bool keepdim, tsr_tensor **out)
{
    tsr_tensor *x = region_at_least_1d(input);
    tsr_tensor *sorted = x ? tensor_empty_like(x, (tsr_dtype)x->dtype) : NULL;
    tsr_tensor *from = x ? tensor_empty_like(x, TSR_I64) : NULL;
    if (!sorted || !from) return false;
    array values = array_of(sorted), index = array_of(from), in = array_of(x);
    if (!op_backend(x)->sort(&values, &index, &in, dim, false)) return false;
    bool keep = keepdim && input->ndim > 0;
    tsr_tensor *value = keep ? region_narrow(sorted, dim, k, 1) : region_select(sorted, dim, k);
    tsr_tensor *place = keep ? region_narrow(from, dim, k, 1) : region_select(from, dim, k);
    return deliver(c, region_copy(value), region_copy(place), out);
}

bool op_kthvalue(op_ctx *c, const tsr_kthvalue_args *a, tsr_tensor **out)
{
    int dim;
    if (!op_wrap_dim(c, op_i64(a->dim), a->input->ndim, &dim)) return false;
    int64_t size = a->input->ndim ? a->input->shape[dim] : 1;
    if (a->k >= 1 && a->k <= size) return kth_along(c, a->input, dim, a->k - 1, a->keepdim, out);
    op_fail(c, "k = %lld must lie in [1, %lld], the size of dimension %d of %s", (long long)a->k, (long long)size, dim,
            tensor_shape_text(a->input));
    return false;
}

void op_kthvalue_grad(op_ctx *c, const tsr_kthvalue_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    grad_in[0] = send_back(c, grad[0], op_i64(a->dim));
}

/* NaN sorts last: where there is one, the first of them is the median. */
static bool median_with_nan(op_ctx *c, tsr_tensor *x, int64_t dim, bool keepdim, tsr_tensor **out)
{
    tsr_tensor *nan = tsr_to(tsr_isnan(x), TSR_U8);
    tsr_max_dim_result first = tsr_max_dim(nan, dim, keepdim), found = tsr_max_dim(x, dim, keepdim);
    tsr_tensor *has = tsr_to(first.values, TSR_BOOL);
    return deliver(c, tsr_where(has, found.values, out[0]), tsr_where(has, first.indices, out[1]), out);
}

bool op_median_dim(op_ctx *c, const tsr_median_dim_args *a, tsr_tensor **out)
{
    int dim;
    tsr_tensor *x = a->input;
    if (!op_wrap_dim(c, a->dim, x->ndim, &dim)) return false;
    int64_t size = x->ndim ? x->shape[dim] : 1;
    if (refuse_nothing(c, x, x->ndim ? 1u << dim : 0)) return false;
    if (!tsr_item_int(tsr_any(tsr_isnan(x))))
        return kth_along(c, x, dim, size > 0 ? (size - 1) / 2 : 0, a->keepdim, out);
    op_ctx unrecorded = {.info = c->info};
    return kth_along(&unrecorded, x, dim, (size - 1) / 2, a->keepdim, out) &&
           median_with_nan(c, x, dim, a->keepdim, out);
}

void op_median_dim_grad(op_ctx *c, const tsr_median_dim_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    grad_in[0] = send_back(c, grad[0], a->dim);
}

tsr_tensor *op_median(op_ctx *c, const tsr_median_args *a)
{
    tsr_tensor *flat = tsr_reshape(a->input, TSR_SHAPE(-1));
    if (tensor_numel(a->input) == 0 && !op_is_float(a->input))
        return op_fail(c, "input %s is empty, and %s has no NaN to say so", tensor_shape_text(a->input),
                       tsr_dtype_name((tsr_dtype)a->input->dtype));
    if (tensor_numel(a->input) == 0) return tsr_full(TSR_SCALAR_SHAPE, TSR_FLOAT(NAN), (tsr_dtype)a->input->dtype);
    return tsr_median_dim(flat, 0).values;
}

void op_median_grad(op_ctx *c, const tsr_median_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    grad_in[0] = even_share(a->input, op_result(c, 0), grad[0], all_dims(a->input));
}
