/* scan.c: cumulative sums, products and extremes, and differences, which undo a sum. */
#include "op/pointwise.h"
#include "op/reduce.h"
#include "op_gen.h"

/* ---- running the kernels ------------------------------------------------------------------------------------------- */

static tsr_tensor *accumulated(op_ctx *c, scan_code code, tsr_tensor *x, int64_t dim, tsr_dtype given)
{
    int d;
    tsr_dtype dtype = reduce_sum_dtype(x, given);
    if (!op_wrap_dim(c, dim, x->ndim, &d)) return NULL;
    if (c->dest && given && given != (tsr_dtype)x->dtype)
        return op_fail(c, "dtype %s must be that of the written-to input, %s", tsr_dtype_name(given),
                       tsr_dtype_name((tsr_dtype)x->dtype));
    if (dtype == TSR_BOOL) return op_fail(c, "bool cannot hold the result");
    tsr_tensor *in = op_cast(x, dtype), *y = op_output(c, dtype, op_shape(x), NULL);
    if (!in || !y) return NULL;
    array src = pointwise_array_1d(in), dst = pointwise_array_1d(y);
    return op_backend(in)->scan(code, &dst, NULL, &src, d) ? y : NULL;
}

static bool running_extreme(op_ctx *c, scan_code code, tsr_tensor *x, int64_t dim, tsr_tensor **out)
{
    int d;
    if (!op_wrap_dim(c, dim, x->ndim, &d)) return false;
    out[0] = op_output(c, (tsr_dtype)x->dtype, op_shape(x), NULL);
    out[1] = op_output(c, TSR_I64, op_shape(x), NULL);
    if (!out[0] || !out[1]) return false;
    array src = pointwise_array_1d(x), values = pointwise_array_1d(out[0]), indices = pointwise_array_1d(out[1]);
    op_save(c, out[1]);
    return op_backend(x)->scan(code, &values, &indices, &src, d);
}

/* ---- sums ------------------------------------------------------------------------------------------------------------- */

/* Sums of the elements from each on: the derivative of the sums up to each. */
static tsr_tensor *sum_from(tsr_tensor *g, int64_t dim)
{
    if (g && g->ndim == 0) return g;
    return tsr_flip(tsr_cumsum(tsr_flip(g, TSR_DIMS(dim)), dim), TSR_DIMS(dim));
}

tsr_tensor *op_cumsum(op_ctx *c, const tsr_cumsum_args *a)
{
    return accumulated(c, S_CUMSUM, a->input, a->dim, a->dtype);
}

void op_cumsum_grad(op_ctx *c, const tsr_cumsum_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c;
    grad_in[0] = sum_from(grad[0], a->dim);
}

/* ---- products ---------------------------------------------------------------------------------------------------------- */

tsr_tensor *op_cumprod(op_ctx *c, const tsr_cumprod_args *a)
{
    return accumulated(c, S_CUMPROD, a->input, a->dim, a->dtype);
}

/* Where elements may be 0, dividing them out again is not possible: for element k the products from k on are taken
   without it. A loop of cumulative products, O(n^2) along dim. */
static tsr_tensor *product_grad_without_division(tsr_tensor *x, tsr_tensor *g, int dim)
{
    int64_t n = x->shape[dim];
    tsr_tensor *before = tsr_ones_like(tsr_narrow(x, dim, 0, 1)), *sum = NULL;
    for (int64_t k = 0; k < n; k++) {
        tsr_tensor *one = tsr_ones_like(tsr_narrow(x, dim, 0, 1)), *rest = tsr_narrow(x, dim, k + 1, n - k - 1);
        tsr_tensor *from = tsr_cumprod(tsr_cat(TSR_LIST(one, rest), dim), dim);
        tsr_tensor *terms = tsr_mul(tsr_narrow(g, dim, k, n - k), tsr_mul(before, from));
        tsr_tensor *part = tsr_sum(terms, TSR_DIMS(dim), true);
        sum = sum ? tsr_cat(TSR_LIST(sum, part), dim) : part;
        before = tsr_mul(before, tsr_narrow(x, dim, k, 1));
    }
    return sum;
}

void op_cumprod_grad(op_ctx *c, const tsr_cumprod_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    int dim;
    tsr_tensor *x = a->input;
    if (!op_wrap_dim(c, a->dim, x->ndim, &dim)) return;
    if (x->ndim == 0) grad_in[0] = grad[0];
    else if (tsr_item_int(tsr_all(x))) grad_in[0] = tsr_div(sum_from(tsr_mul(grad[0], op_result(c, 0)), dim), x);
    else grad_in[0] = product_grad_without_division(x, grad[0], dim);
}

/* ---- extremes ------------------------------------------------------------------------------------------------------------ */

/* An element may be the largest at several places, so their gradients add up. */
static tsr_tensor *collect(op_ctx *c, tsr_tensor *g, int64_t dim)
{
    op_meta in = op_input_meta(c, 0);
    if (!g) return NULL;
    return tsr_scatter_add(tsr_zeros(in.shape, in.dtype), dim, op_saved(c, 0), g);
}

bool op_cummax(op_ctx *c, const tsr_cummax_args *a, tsr_tensor **out)
{
    return running_extreme(c, S_CUMMAX, a->input, a->dim, out);
}

void op_cummax_grad(op_ctx *c, const tsr_cummax_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    grad_in[0] = collect(c, grad[0], a->dim);
}

bool op_cummin(op_ctx *c, const tsr_cummin_args *a, tsr_tensor **out)
{
    return running_extreme(c, S_CUMMIN, a->input, a->dim, out);
}

void op_cummin_grad(op_ctx *c, const tsr_cummin_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    grad_in[0] = collect(c, grad[0], a->dim);
}

/* ---- differences ----------------------------------------------------------------------------------------------------------- */

static tsr_tensor *difference(tsr_tensor *x, int dim)
{
    int64_t n = x->shape[dim] - 1;
    tsr_tensor *later = tsr_narrow(x, dim, 1, n), *earlier = tsr_narrow(x, dim, 0, n);
    return x->dtype == TSR_BOOL ? tsr_logical_xor(later, earlier) : tsr_sub(later, earlier);
}

tsr_tensor *op_diff(op_ctx *c, const tsr_diff_args *a)
{
    int dim;
    tsr_tensor *x = a->input;
    if (x->ndim == 0) return op_fail(c, "a 0-d input has no neighbours");
    if (a->n < 0) return op_fail(c, "n must not be negative, got %lld", (long long)a->n);
    if (!op_wrap_dim(c, op_i64(a->dim), x->ndim, &dim)) return NULL;
    if (a->n == 0) return tsr_clone(x);
    if (a->prepend) x = tsr_cat(TSR_LIST(a->prepend, x), dim);
    if (a->append) x = tsr_cat(TSR_LIST(x, a->append), dim);
    for (int64_t i = 0; x && i < a->n && x->shape[dim] > 0; i++) x = difference(x, dim);
    return x;
}
