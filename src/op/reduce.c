/* reduce.c: sums, means, products, truth, norms. max, min and what needs sorting are in reduce_extreme.c, variances in
   reduce_var.c. */
#include "op/pointwise.h"
#include "op/reduce.h"
#include "op_gen.h"

#include <math.h>
#include <string.h>

/* ---- dimensions ------------------------------------------------------------------------------------------------------ */

bool reduce_dims(const op_ctx *c, const tsr_shape *dims, int ndim, uint32_t *mask)
{
    if (!op_dim_mask(c, dims, ndim, mask)) return false;
    *mask &= (1u << ndim) - 1; /* dimension 0 of a 0-d tensor is allowed, and none */
    return true;
}

bool reduce_dim(const op_ctx *c, tsr_number dim, int ndim, uint32_t *mask)
{
    tsr_shape dims = {.n = op_has(dim), .v = {op_i64(dim)}};
    return reduce_dims(c, &dims, ndim, mask);
}

tsr_shape reduce_list(uint32_t mask)
{
    tsr_shape dims = {0};
    for (int d = 0; d < TSR_MAX_DIMS; d++)
        if (mask & (1u << d)) dims.v[dims.n++] = d;
    return dims;
}

int64_t reduce_count(const tsr_shape *shape, uint32_t mask)
{
    int64_t n = 1;
    for (int d = 0; d < shape->n; d++)
        if (mask & (1u << d)) n *= shape->v[d];
    return n;
}

/* The sizes that are left, and how many they are. */
static int left_sizes(int ndim, const int64_t *size, uint32_t mask, bool keepdim, int64_t *left)
{
    int n = 0;
    for (int d = 0; d < ndim; d++) {
        bool reduced = mask & (1u << d);
        if (!reduced || keepdim) left[n++] = reduced ? 1 : size[d];
    }
    return n;
}

tsr_shape reduce_shape(const tsr_shape *shape, uint32_t mask, bool keepdim)
{
    tsr_shape left = {0};
    left.n = left_sizes(shape->n, shape->v, mask, keepdim, left.v);
    return left;
}

/* The output as the kernel wants it, with reduced dimensions of size 1, whether or not they are kept. */
static array with_reduced(const tsr_tensor *out, const tsr_tensor *in, uint32_t mask, bool keepdim)
{
    array a = array_of(out);
    for (int d = 0, from = 0; d < in->ndim; d++) {
        bool reduced = mask & (1u << d);
        a.shape[d] = reduced ? 1 : in->shape[d];
        a.stride[d] = reduced ? 0 : out->stride[from];
        from += !reduced || keepdim;
    }
    a.ndim = in->ndim;
    return a;
}

tsr_tensor *reduce_run(reduce_code code, tsr_tensor *x, tsr_dtype compute, tsr_dtype out, uint32_t mask, bool keepdim,
                       const double *p)
{
    int64_t left[TSR_MAX_DIMS];
    int n = left_sizes(x->ndim, x->shape, mask, keepdim, left);
    tsr_tensor *in = op_cast(x, compute), *y = tensor_empty(out, n, left, (tsr_device)x->storage->device);
    if (!in || !y) return NULL;
    if (mask == (1u << x->ndim) - 1 && shape_is_contiguous(in->ndim, in->shape, in->stride)) {
        array row = pointwise_row(in, tensor_numel(in)), total = pointwise_row(y, 1);
        return op_backend(in)->reduce(code, &total, &row, 1, p) ? y : NULL;
    }
    array src = array_of(in), dst = with_reduced(y, x, mask, keepdim);
    return op_backend(in)->reduce(code, &dst, &src, mask, p) ? y : NULL;
}

tsr_tensor *reduce_restore(tsr_tensor *t, const tsr_shape *input, uint32_t mask)
{
    if (!t || t->ndim == input->n) return t;
    return tsr_reshape(t, reduce_shape(input, mask, true));
}

tsr_tensor *reduce_spread(tsr_tensor *t, const tsr_shape *input, uint32_t mask)
{
    return tsr_expand(reduce_restore(t, input, mask), *input);
}

/* ---- sums ---------------------------------------------------------------------------------------------------------------- */

tsr_dtype reduce_sum_dtype(const tsr_tensor *x, tsr_dtype given)
{
    return given ? given : tsr_dtype_is_floating((tsr_dtype)x->dtype) ? (tsr_dtype)x->dtype : TSR_I64;
}

static bool input_mask(op_ctx *c, const tsr_shape *dims, uint32_t *mask)
{
    return reduce_dims(c, dims, op_input_meta(c, 0).shape.n, mask);
}

tsr_tensor *op_sum(op_ctx *c, const tsr_sum_args *a)
{
    uint32_t mask;
    tsr_dtype dtype = reduce_sum_dtype(a->input, a->dtype);
    if (!reduce_dims(c, &a->dim, a->input->ndim, &mask)) return NULL;
    return reduce_run(R_SUM, a->input, dtype, dtype, mask, a->keepdim, NULL);
}

void op_sum_grad(op_ctx *c, const tsr_sum_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    uint32_t mask;
    tsr_shape shape = op_input_meta(c, 0).shape;
    if (input_mask(c, &a->dim, &mask)) grad_in[0] = reduce_spread(grad[0], &shape, mask);
}

tsr_tensor *op_nansum(op_ctx *c, const tsr_nansum_args *a)
{
    uint32_t mask;
    tsr_dtype dtype = reduce_sum_dtype(a->input, a->dtype);
    if (!reduce_dims(c, &a->dim, a->input->ndim, &mask)) return NULL;
    reduce_code code = tsr_dtype_is_floating(dtype) ? R_NANSUM : R_SUM;
    return reduce_run(code, a->input, dtype, dtype, mask, a->keepdim, NULL);
}

void op_nansum_grad(op_ctx *c, const tsr_nansum_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    uint32_t mask;
    tsr_shape shape = op_shape(a->input);
    if (reduce_dims(c, &a->dim, shape.n, &mask))
        grad_in[0] = op_unmasked(tsr_isnan(a->input), reduce_restore(grad[0], &shape, mask));
}

tsr_tensor *op_mean(op_ctx *c, const tsr_mean_args *a)
{
    uint32_t mask;
    tsr_dtype dtype = a->dtype ? a->dtype : (tsr_dtype)a->input->dtype;
    if (!tsr_dtype_is_floating(dtype))
        return op_fail(c, "the mean of %s numbers needs a floating dtype", tsr_dtype_name(dtype));
    if (!reduce_dims(c, &a->dim, a->input->ndim, &mask)) return NULL;
    return reduce_run(R_MEAN, a->input, dtype, dtype, mask, a->keepdim, NULL);
}

void op_mean_grad(op_ctx *c, const tsr_mean_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    uint32_t mask;
    tsr_shape shape = op_input_meta(c, 0).shape;
    if (!input_mask(c, &a->dim, &mask)) return;
    grad_in[0] = reduce_spread(op_scale(grad[0], 1 / (double)reduce_count(&shape, mask)), &shape, mask);
}

/* ---- products ------------------------------------------------------------------------------------------------------------ */

tsr_tensor *op_prod(op_ctx *c, const tsr_prod_args *a)
{
    uint32_t mask;
    tsr_dtype dtype = reduce_sum_dtype(a->input, a->dtype);
    if (!reduce_dim(c, a->dim, a->input->ndim, &mask)) return NULL;
    return reduce_run(R_PROD, a->input, dtype, dtype, mask, a->keepdim, NULL);
}

/* The product of the elements before each along dim. */
static tsr_tensor *product_before(tsr_tensor *x, int dim)
{
    if (!x) return NULL;
    tsr_tensor *first = tsr_ones_like(tsr_narrow(x, dim, 0, 1));
    tsr_tensor *rest = tsr_narrow(x, dim, 0, x->shape[dim] - 1);
    return tsr_cumprod(tsr_cat(TSR_LIST(first, rest), dim), dim);
}

tsr_tensor *reduce_product_of_others(tsr_tensor *x, int dim)
{
    tsr_tensor *after = tsr_flip(product_before(tsr_flip(x, TSR_DIMS(dim)), dim), TSR_DIMS(dim));
    return tsr_mul(product_before(x, dim), after);
}

/* The same along the reduced dimension, or over all elements. */
static tsr_tensor *product_of_all_others(tsr_tensor *x, tsr_number dim, uint32_t mask)
{
    if (op_has(dim)) return reduce_product_of_others(x, (int)reduce_list(mask).v[0]);
    return tsr_reshape(reduce_product_of_others(tsr_reshape(x, TSR_SHAPE(-1)), 0), op_shape(x));
}

void op_prod_grad(op_ctx *c, const tsr_prod_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    uint32_t mask;
    tsr_tensor *x = a->input;
    tsr_shape shape = op_shape(x);
    if (!reduce_dim(c, a->dim, shape.n, &mask)) return;
    tsr_tensor *g = reduce_restore(grad[0], &shape, mask);
    if (x->ndim == 0) grad_in[0] = g;
    else if (tsr_item_int(tsr_all(x)))
        grad_in[0] = tsr_div(tsr_mul(g, reduce_restore(op_result(c, 0), &shape, mask)), x);
    else grad_in[0] = tsr_mul(g, product_of_all_others(x, a->dim, mask));
}

/* ---- truth ---------------------------------------------------------------------------------------------------------------- */

static tsr_tensor *truth(reduce_code code, tsr_tensor *x, uint32_t mask, bool keepdim)
{
    tsr_tensor *found = reduce_run(code, x, (tsr_dtype)x->dtype, TSR_BOOL, mask, keepdim, NULL);
    return x->dtype == TSR_U8 ? op_cast(found, TSR_U8) : found; /* bytes were booleans once */
}

tsr_tensor *op_any(op_ctx *c, const tsr_any_args *a)
{
    uint32_t mask;
    return reduce_dim(c, a->dim, a->input->ndim, &mask) ? truth(R_ANY, a->input, mask, a->keepdim) : NULL;
}

tsr_tensor *op_all(op_ctx *c, const tsr_all_args *a)
{
    uint32_t mask;
    return reduce_dim(c, a->dim, a->input->ndim, &mask) ? truth(R_ALL, a->input, mask, a->keepdim) : NULL;
}

/* An empty list is no dimension here, not all of them. */
static bool listed_dims(const op_ctx *c, const tsr_shape *dims, int ndim, uint32_t *mask)
{
    *mask = 0;
    return dims->n == 0 || reduce_dims(c, dims, ndim, mask);
}

tsr_tensor *op_any_dims(op_ctx *c, const tsr_any_dims_args *a)
{
    uint32_t mask;
    return listed_dims(c, &a->dim, a->input->ndim, &mask) ? truth(R_ANY, a->input, mask, a->keepdim) : NULL;
}

tsr_tensor *op_all_dims(op_ctx *c, const tsr_all_dims_args *a)
{
    uint32_t mask;
    return listed_dims(c, &a->dim, a->input->ndim, &mask) ? truth(R_ALL, a->input, mask, a->keepdim) : NULL;
}

/* ---- logarithms of sums ------------------------------------------------------------------------------------------------- */

tsr_tensor *op_logsumexp(op_ctx *c, const tsr_logsumexp_args *a)
{
    uint32_t mask;
    tsr_dtype dtype = op_float_type((tsr_dtype)a->input->dtype);
    if (!reduce_dims(c, &a->dim, a->input->ndim, &mask)) return NULL;
    return reduce_run(R_LOGSUMEXP, a->input, dtype, dtype, mask, a->keepdim, NULL);
}

void op_logsumexp_grad(op_ctx *c, const tsr_logsumexp_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    uint32_t mask;
    tsr_shape shape = op_shape(a->input);
    if (!reduce_dims(c, &a->dim, shape.n, &mask)) return;
    tsr_tensor *share = tsr_exp(tsr_sub(a->input, reduce_restore(op_result(c, 0), &shape, mask)));
    grad_in[0] = tsr_mul(reduce_restore(grad[0], &shape, mask), share);
}

/* ---- norms ------------------------------------------------------------------------------------------------------------------ */

tsr_tensor *op_linalg_vector_norm(op_ctx *c, const tsr_linalg_vector_norm_args *a)
{
    uint32_t mask;
    double order = op_f64(a->ord);
    tsr_dtype dtype = a->dtype ? a->dtype : (tsr_dtype)a->input->dtype;
    tsr_shape shape = op_shape(a->input);
    if (!op_is_float(a->input) || !tsr_dtype_is_floating(dtype))
        return op_fail(c, "needs floating numbers, got %s", tsr_dtype_name(a->input->dtype));
    if (!reduce_dims(c, &a->dim, shape.n, &mask)) return NULL;
    if (reduce_count(&shape, mask) == 0 && (order < 0 || isinf(order)))
        return op_fail(c, "%s has nothing to take the norm of order %g of", shape_text(&shape), order);
    return reduce_run(R_NORM, a->input, dtype, dtype, mask, a->keepdim, &order);
}

/* sign(x) |x|^(order - 1), and 0 at 0 */
static tsr_tensor *signed_power(tsr_tensor *x, double order)
{
    if (order == 1) return tsr_sign(x);
    if (order == 2) return x;
    if (order > 2) return tsr_mul(x, tsr_pow(tsr_abs(x), tsr_scalar(order - 2)));
    tsr_tensor *zero = tsr_logical_not(x), *magnitude = tsr_abs(tsr_where(zero, tsr_scalar(1), x));
    return tsr_mul(tsr_sign(x), tsr_pow(magnitude, tsr_scalar(order - 1)));
}

/* The elements whose magnitude is the norm share the gradient. */
static tsr_tensor *extreme_norm_grad(tsr_tensor *x, tsr_tensor *norm, tsr_tensor *g, uint32_t mask)
{
    tsr_tensor *chosen = tsr_logical_or(tsr_eq(tsr_abs(x), norm), tsr_logical_and(tsr_isnan(x), tsr_isnan(norm)));
    tsr_tensor *count = tsr_sum(chosen, reduce_list(mask), true);
    return op_masked(chosen, tsr_mul(tsr_sign(x), tsr_div(g, count)));
}

/* g sign(x) |x|^(p - 1) / norm^(p - 1), and 0 where the norm is 0 */
static tsr_tensor *power_norm_grad(tsr_tensor *x, tsr_tensor *norm, tsr_tensor *g, double order)
{
    if (order == 1) return tsr_mul(g, tsr_sign(x));
    tsr_tensor *zero = tsr_logical_not(norm), *safe = tsr_where(zero, tsr_scalar(1), norm);
    tsr_tensor *share = order == 2 ? tsr_div(g, safe) : tsr_mul(g, tsr_pow(safe, tsr_scalar(1 - order)));
    return tsr_mul(op_unmasked(zero, share), signed_power(x, order));
}

void op_linalg_vector_norm_grad(op_ctx *c, const tsr_linalg_vector_norm_args *a, tsr_tensor *const *grad,
                                tsr_tensor **grad_in)
{
    uint32_t mask;
    double order = op_f64(a->ord);
    tsr_shape shape = op_shape(a->input);
    if (!reduce_dims(c, &a->dim, shape.n, &mask)) return;
    tsr_tensor *norm = reduce_restore(op_result(c, 0), &shape, mask), *g = reduce_restore(grad[0], &shape, mask);
    if (!norm) return;
    tsr_tensor *x = tsr_to(a->input, (tsr_dtype)norm->dtype);
    if (order == 0) grad_in[0] = tsr_zeros_like(x);
    else if (isinf(order)) grad_in[0] = extreme_norm_grad(x, norm, g, mask);
    else grad_in[0] = power_norm_grad(x, norm, g, order);
}

tsr_tensor *op_norm(op_ctx *c, const tsr_norm_args *a)
{
    (void)c;
    return tsr_linalg_vector_norm(a->input, a->p, a->dim, a->keepdim, a->dtype);
}

/* The sum of the singular values of matrices in two dimensions (all of a matrix when none are given). */
static tsr_tensor *nuclear_norm(op_ctx *c, const tsr_norm_name_args *a)
{
    uint32_t mask;
    tsr_shape dims = a->dim.n > 0 ? a->dim : TSR_DIMS(0, 1);
    if (dims.n != 2 || (a->dim.n == 0 && a->input->ndim != 2))
        return op_fail(c, "\"nuc\" needs a matrix or two dims, not input %s and dim %s", tensor_shape_text(a->input),
                       shape_text(&a->dim));
    if (!op_dim_mask(c, &dims, a->input->ndim, &mask)) return NULL;
    tsr_tensor *x = a->dtype ? tsr_to(a->input, a->dtype) : a->input;
    tsr_tensor *s = tsr_linalg_svd(tsr_movedim(x, dims, TSR_DIMS(-2, -1)), TSR_NO).S;
    tsr_tensor *sum = tsr_sum(s, .dim = TSR_DIMS(-1));
    tsr_shape shape = op_shape(a->input);
    return a->keepdim ? reduce_restore(sum, &shape, mask) : sum;
}

tsr_tensor *op_norm_name(op_ctx *c, const tsr_norm_name_args *a)
{
    if (!strcmp(a->p, "nuc")) return nuclear_norm(c, a);
    return tsr_linalg_vector_norm(a->input, TSR_INT(2), a->dim, a->keepdim, a->dtype);
}
