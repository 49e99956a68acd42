/* batch_norm.c: batch norm: statistics of the batch (training) or running ones (evaluation), one multiply-add for each
   element, and the running statistics' update in place. */
#include "op/norm_formula.h"
#include "op/pointwise.h"
#include "op/record.h"
#include "op/region.h"
#include "op_gen.h"

/* Tensor inputs by number. */
enum { RUNNING_MEAN = 1, RUNNING_VAR = 2, WEIGHT = 3, BIAS = 4 };

/* ---- checks ------------------------------------------------------------------------------------------------------- */

static bool check_vector(const op_ctx *c, const char *name, const tsr_tensor *t, const tsr_tensor *x)
{
    if (!t || (t->ndim == 1 && t->shape[0] == x->shape[1] && op_is_float(t))) return true;
    op_fail(c, "%s must hold %lld values, one for each channel of input %s, not %s", name, (long long)x->shape[1],
            tensor_shape_text(x), tensor_shape_text(t));
    return false;
}

static bool check_batch(const op_ctx *c, const tsr_batch_norm_args *a)
{
    const tsr_tensor *x = a->input;
    if (op_needs(c, RUNNING_MEAN) || op_needs(c, RUNNING_VAR)) {
        op_fail(c, "has no derivative by running_mean and running_var, which must not require a gradient");
        return false;
    }
    if (x->ndim < 2 || !op_is_float(x)) {
        op_fail(c, "input must be f32 or f64 [N, C, ...], not %s %s", tsr_dtype_name((tsr_dtype)x->dtype),
                tensor_shape_text(x));
        return false;
    }
    if (!check_vector(c, "running_mean", a->running_mean, x) || !check_vector(c, "running_var", a->running_var, x) ||
        !check_vector(c, "weight", a->weight, x) || !check_vector(c, "bias", a->bias, x))
        return false;
    if (!a->training && (!a->running_mean || !a->running_var)) {
        op_fail(c, "needs running_mean and running_var when not training");
        return false;
    }
    if (!a->training || tensor_numel(x) / x->shape[1] > 1) return true;
    op_fail(c, "expected more than 1 value per channel when training, got input size %s", tensor_shape_text(x));
    return false;
}

/* ---- forward ------------------------------------------------------------------------------------------------------ */

/* The batch's mean and biased variance. */
static bool batch_statistics(tsr_tensor *x, tsr_tensor **mean, tsr_tensor **var)
{
    tsr_shape channels = TSR_SHAPE(x->shape[1]);
    *mean = region_empty((tsr_dtype)x->dtype, &channels, x);
    *var = region_empty((tsr_dtype)x->dtype, &channels, x);
    if (!*mean || !*var) return false;
    array m = array_of(*mean), v = array_of(*var), in = array_of(x);
    return op_backend(x)->batch_norm_stats(&m, &v, &in);
}

static bool update_running(const tsr_batch_norm_args *a, tsr_tensor *mean, tsr_tensor *var)
{
    double n = (double)(tensor_numel(a->input) / a->input->shape[1]);
    return norm_follow(a->running_mean, mean, a->momentum) &&
           norm_follow(a->running_var, op_scale(var, n / (n - 1)), a->momentum);
}

static tsr_tensor *apply(tsr_tensor *out, const tsr_batch_norm_args *a, tsr_tensor *mean, tsr_tensor *rstd)
{
    tsr_dtype dtype = (tsr_dtype)a->input->dtype;
    tsr_tensor *scale = a->weight ? op_cast(tsr_mul(rstd, a->weight), dtype) : rstd;
    tsr_tensor *shift = a->bias ? op_cast(a->bias, dtype) : region_zeros(dtype, &TSR_SHAPE(a->input->shape[1]), out);
    if (!scale || !shift) return NULL;
    array o = array_of(out), x = array_of(a->input), m = array_of(mean), s = array_of(scale), b = array_of(shift);
    return op_backend(out)->batch_norm_apply(&o, &x, &m, &s, &b) ? out : NULL;
}

tsr_tensor *op_batch_norm(op_ctx *c, const tsr_batch_norm_args *a)
{
    tsr_dtype dtype = (tsr_dtype)a->input->dtype;
    tsr_tensor *mean, *var;
    if (tensor_numel(a->input) == 0) return op_output_copy(c, a->input);
    if (!check_batch(c, a)) return NULL;
    if (a->training) {
        if (!batch_statistics(a->input, &mean, &var) || !update_running(a, mean, var)) return NULL;
    } else {
        mean = op_cast(region_copy(a->running_mean), dtype);
        var = op_cast(a->running_var, dtype);
    }
    tsr_tensor *rstd = tsr_rsqrt(op_shift(var, a->eps)), *out = op_output(c, dtype, op_shape(a->input), a->input);
    if (!mean || !rstd || !out) return NULL;
    op_save(c, mean);
    op_save(c, rstd);
    return apply(out, a, mean, rstd);
}

/* ---- backward ----------------------------------------------------------------------------------------------------- */

static void kernel_grad(const norm_call *k, tsr_tensor *grad, tsr_tensor *grad_in[3])
{
    tsr_dtype dtype = (tsr_dtype)k->input->dtype;
    tsr_shape channels = TSR_SHAPE(k->input->shape[1]);
    tsr_tensor *gx = tensor_empty_like(k->input, dtype), *gw = region_empty(dtype, &channels, k->input);
    tsr_tensor *gb = region_empty(dtype, &channels, k->input), *weight = op_cast(k->weight, dtype);
    if (!gx || !gw || !gb || (k->weight && !weight)) return;
    array ax = array_of(gx), aw = array_of(gw), ab = array_of(gb), g = array_of(grad), x = array_of(k->input),
          m = array_of(k->mean), r = array_of(k->rstd), w = {0};
    if (weight) w = array_of(weight);
    if (!op_backend(gx)->batch_norm_grad(&ax, &aw, &ab, &g, &x, &m, &r, weight ? &w : NULL, k->training)) return;
    grad_in[0] = gx, grad_in[1] = gw, grad_in[2] = gb;
}

void op_batch_norm_grad(op_ctx *c, const tsr_batch_norm_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    tsr_tensor *all[3] = {0};
    if (tensor_numel(a->input) == 0) {
        op_meta w = op_input_meta(c, WEIGHT), b = op_input_meta(c, BIAS);
        grad_in[0] = grad[0];
        if (op_needs(c, WEIGHT)) grad_in[WEIGHT] = region_zeros_of(&w);
        if (op_needs(c, BIAS)) grad_in[BIAS] = region_zeros_of(&b);
        return;
    }
    norm_call k = {.input = a->input,
                   .weight = a->weight,
                   .mean = op_saved(c, 0),
                   .rstd = op_saved(c, 1),
                   .eps = a->eps,
                   .training = a->training};
    if (!k.mean || !k.rstd) return;
    if (record_grad_mode()) norm_batch_formula(&k, grad[0], all);
    else kernel_grad(&k, grad[0], all);
    if (op_needs(c, 0)) grad_in[0] = all[0];
    if (op_needs(c, WEIGHT)) grad_in[WEIGHT] = all[1];
    if (op_needs(c, BIAS)) grad_in[BIAS] = all[2];
}
