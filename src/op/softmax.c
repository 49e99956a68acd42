/* softmax.c: softmax and its logarithm. The gradient has a kernel too; as an operator of its own (softmax_grad) it can be
   differentiated again. */
#include "op/pointwise.h"
#include "op_gen.h"

static tsr_tensor *normalised(op_ctx *c, tsr_tensor *input, int64_t dim, tsr_dtype given, bool log)
{
    int d;
    tsr_tensor *x = given ? op_cast(input, given) : input;
    if (!x || !op_wrap_dim(c, dim, x->ndim, &d)) return NULL;
    if (!op_is_float(x)) return op_fail(c, "needs f32 or f64 numbers, got %s", tsr_dtype_name(x->dtype));
    tsr_tensor *y = op_output(c, (tsr_dtype)x->dtype, op_shape(x), x);
    if (!y) return NULL;
    array src = pointwise_array_1d(x), dst = pointwise_array_1d(y);
    return op_backend(x)->softmax(&dst, &src, d, log) ? y : NULL;
}

tsr_tensor *op_softmax(op_ctx *c, const tsr_softmax_args *a)
{
    return normalised(c, a->input, a->dim, a->dtype, false);
}

void op_softmax_grad(op_ctx *c, const tsr_softmax_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    grad_in[0] = tsr_softmax_backward(grad[0], op_result(c, 0), a->dim, false);
}

tsr_tensor *op_log_softmax(op_ctx *c, const tsr_log_softmax_args *a)
{
    return normalised(c, a->input, a->dim, a->dtype, true);
}

void op_log_softmax_grad(op_ctx *c, const tsr_log_softmax_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    grad_in[0] = tsr_softmax_backward(grad[0], op_result(c, 0), a->dim, true);
}

tsr_tensor *op_softmin(op_ctx *c, const tsr_softmin_args *a)
{
    (void)c;
    return tsr_softmax(tsr_neg(a->input), a->dim, a->dtype);
}

/* ---- the gradient ---------------------------------------------------------------------------------------------------- */

tsr_tensor *op_softmax_backward(op_ctx *c, const tsr_softmax_backward_args *a)
{
    int d;
    if (!op_wrap_dim(c, a->dim, a->output->ndim, &d)) return NULL;
    tsr_tensor *g = op_cast(a->grad, (tsr_dtype)a->output->dtype);
    tsr_tensor *out = op_output(c, (tsr_dtype)a->output->dtype, op_shape(a->output), a->output);
    if (!g || !out) return NULL;
    array dst = pointwise_array_1d(out), grad = pointwise_array_1d(g), y = pointwise_array_1d(a->output);
    return op_backend(out)->softmax_grad(&dst, &grad, &y, d, a->log) ? out : NULL;
}

static tsr_tensor *sum_along(tsr_tensor *t, int64_t dim) { return tsr_sum(t, TSR_DIMS(dim), true); }

/* With h the incoming gradient. Of y (g - sum(g y)): the map is symmetric in g, and with respect to y the gradient is
   h (g - sum(g y)) - g sum(h y). Of g - exp(y) sum(g): h - sum(h exp(y)), and -h exp(y) sum(g). */
void op_softmax_backward_grad(op_ctx *c, const tsr_softmax_backward_args *a, tsr_tensor *const *grad,
                              tsr_tensor **grad_in)
{
    tsr_tensor *h = grad[0], *g = a->grad, *y = a->output;
    if (a->log) {
        tsr_tensor *weighted = tsr_mul(h, tsr_exp(y));
        if (op_needs(c, 0)) grad_in[0] = tsr_sub(h, sum_along(weighted, a->dim));
        if (op_needs(c, 1)) grad_in[1] = tsr_neg(tsr_mul(weighted, sum_along(g, a->dim)));
        return;
    }
    if (op_needs(c, 0)) grad_in[0] = tsr_softmax_backward(h, y, a->dim, false);
    if (!op_needs(c, 1)) return;
    tsr_tensor *centred = tsr_sub(g, sum_along(tsr_mul(g, y), a->dim));
    grad_in[1] = tsr_sub(tsr_mul(h, centred), tsr_mul(g, sum_along(tsr_mul(h, y), a->dim)));
}

/* ---- samples ------------------------------------------------------------------------------------------------------------ */

/* One-hot at the largest element along dim, in y's dtype. */
static tsr_tensor *one_hot_of(tsr_tensor *y, int64_t dim)
{
    tsr_tensor *at = tsr_argmax(y, TSR_INT(dim), true);
    return tsr_scatter_value(tsr_zeros_like(y), dim, at, TSR_INT(1));
}

tsr_tensor *op_gumbel_softmax(op_ctx *c, const tsr_gumbel_softmax_args *a)
{
    if (!(a->tau > 0)) return op_fail(c, "tau must be positive, got %g", a->tau);
    tsr_tensor *noise = tsr_empty_like(a->logits);
    /* -log of a uniform number is exponential; uniform 0 would be infinite */
    tsr_tensor *exponential = tsr_neg(
        tsr_log(tsr_clamp(tsr_uniform_(noise, .generator = a->generator), TSR_FLOAT(0x1p-126))));
    tsr_tensor *gumbel = tsr_neg(tsr_log(exponential));
    tsr_tensor *soft = tsr_softmax(op_scale(tsr_add(a->logits, gumbel), 1 / a->tau), op_i64(a->dim));
    if (!a->hard) return soft;
    return tsr_add(tsr_sub(one_hot_of(soft, op_i64(a->dim)), tsr_detach(soft)), soft);
}
