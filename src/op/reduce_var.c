/* reduce_var.c: variances and standard deviations. */
#include "op/pointwise.h"
#include "op/reduce.h"
#include "op_gen.h"

static double correction_of(tsr_flag unbiased, tsr_number correction)
{
    return op_has(correction) ? op_f64(correction) : op_flag(unbiased);
}

static tsr_tensor *variance(op_ctx *c, tsr_tensor *x, const tsr_shape *dims, bool keepdim, double correction)
{
    uint32_t mask;
    tsr_dtype dtype = (tsr_dtype)x->dtype;
    if (!op_is_float(x)) return op_fail(c, "needs a floating input, got %s", tsr_dtype_name(dtype));
    if (!reduce_dims(c, dims, x->ndim, &mask)) return NULL;
    return reduce_run(R_VAR, x, dtype, dtype, mask, keepdim, &correction);
}

/* 2 g (x - mean) / (n - correction) */
static tsr_tensor *variance_grad(op_ctx *c, tsr_tensor *x, tsr_tensor *g, const tsr_shape *dims, double correction)
{
    uint32_t mask;
    tsr_shape shape = op_shape(x);
    if (!reduce_dims(c, dims, shape.n, &mask)) return NULL;
    double factor = 2 / ((double)reduce_count(&shape, mask) - correction);
    tsr_tensor *deviation = tsr_sub(x, tsr_mean(x, reduce_list(mask), true));
    return tsr_mul(op_scale(reduce_restore(g, &shape, mask), factor), deviation);
}

tsr_tensor *op_var(op_ctx *c, const tsr_var_args *a)
{
    return variance(c, a->input, &a->dim, a->keepdim, correction_of(a->unbiased, a->correction));
}

void op_var_grad(op_ctx *c, const tsr_var_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    grad_in[0] = variance_grad(c, a->input, grad[0], &a->dim, correction_of(a->unbiased, a->correction));
}

tsr_tensor *op_std(op_ctx *c, const tsr_std_args *a)
{
    tsr_tensor *v = variance(c, a->input, &a->dim, a->keepdim, correction_of(a->unbiased, a->correction));
    return tsr_sqrt(v);
}

void op_std_grad(op_ctx *c, const tsr_std_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    tsr_tensor *y = op_result(c, 0), *zero = tsr_logical_not(y);
    tsr_tensor *g = op_unmasked(zero, tsr_div(grad[0], op_scale(tsr_where(zero, tsr_scalar(1), y), 2)));
    grad_in[0] = variance_grad(c, a->input, g, &a->dim, correction_of(a->unbiased, a->correction));
}

/* ---- other ways to call them ------------------------------------------------------------------------------------------- */

static tsr_flag flag_of(bool yes) { return yes ? TSR_YES : TSR_NO; }

tsr_tensor *op_var_unbiased(op_ctx *c, const tsr_var_unbiased_args *a)
{
    (void)c;
    return tsr_var(a->input, .unbiased = flag_of(a->unbiased));
}

tsr_tensor *op_std_unbiased(op_ctx *c, const tsr_std_unbiased_args *a)
{
    (void)c;
    return tsr_std(a->input, .unbiased = flag_of(a->unbiased));
}

bool op_var_mean(op_ctx *c, const tsr_var_mean_args *a, tsr_tensor **out)
{
    (void)c;
    out[0] = tsr_var(a->input, a->dim, a->unbiased, a->keepdim, a->correction);
    out[1] = tsr_mean(a->input, a->dim, a->keepdim);
    return out[0] && out[1];
}

bool op_std_mean(op_ctx *c, const tsr_std_mean_args *a, tsr_tensor **out)
{
    (void)c;
    out[0] = tsr_std(a->input, a->dim, a->unbiased, a->keepdim, a->correction);
    out[1] = tsr_mean(a->input, a->dim, a->keepdim);
    return out[0] && out[1];
}

bool op_var_mean_unbiased(op_ctx *c, const tsr_var_mean_unbiased_args *a, tsr_tensor **out)
{
    (void)c;
    out[0] = tsr_var_unbiased(a->input, a->unbiased);
    out[1] = tsr_mean(a->input);
    return out[0] && out[1];
}

bool op_std_mean_unbiased(op_ctx *c, const tsr_std_mean_unbiased_args *a, tsr_tensor **out)
{
    (void)c;
    out[0] = tsr_std_unbiased(a->input, a->unbiased);
    out[1] = tsr_mean(a->input);
    return out[0] && out[1];
}
