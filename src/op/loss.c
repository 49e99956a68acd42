/* loss.c: losses that compare element with element, and normalisation. All are made of other operators; those that
   classify are in loss_class.c. */
#include "op/loss.h"
#include "op/pointwise.h"
#include "op_gen.h"

#include <math.h>
#include <string.h>

tsr_tensor *loss_reduce(tsr_tensor *loss, const char *reduction)
{
    if (strcmp(reduction, "mean") == 0) return tsr_mean(loss);
    return strcmp(reduction, "sum") == 0 ? tsr_sum(loss) : loss;
}

static tsr_tensor *distance(tsr_tensor *x, tsr_tensor *y) { return tsr_abs(tsr_sub(x, y)); }

tsr_tensor *op_l1_loss(op_ctx *c, const tsr_l1_loss_args *a)
{
    (void)c;
    return loss_reduce(distance(a->input, a->target), a->reduction);
}

tsr_tensor *op_mse_loss(op_ctx *c, const tsr_mse_loss_args *a)
{
    (void)c;
    return loss_reduce(tsr_square(tsr_sub(a->input, a->target)), a->reduction);
}

tsr_tensor *op_huber_each(op_ctx *c, const tsr_huber_each_args *a)
{
    tsr_dtype dtype = op_float_type(op_result_type(a->input, a->target));
    return pointwise_binary(c, B_HUBER, a->input, a->target, dtype, dtype,
                            (const double[]){a->limit, a->scale, a->limit * a->scale});
}

/* The difference, but not beyond the limit on either side. */
void op_huber_each_grad(op_ctx *c, const tsr_huber_each_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    tsr_tensor *inside = tsr_clamp(tsr_sub(a->input, a->target), TSR_FLOAT(-a->limit), TSR_FLOAT(a->limit));
    tsr_tensor *slope = tsr_mul(grad[0], op_scale(inside, a->scale));
    if (op_needs(c, 0)) grad_in[0] = slope;
    if (op_needs(c, 1)) grad_in[1] = tsr_neg(slope);
}

/* A beta whose inverse the type does not hold is as good as 0: the loss is |input - target| but for beta / 2. */
tsr_tensor *op_smooth_l1_loss(op_ctx *c, const tsr_smooth_l1_loss_args *a)
{
    if (!(a->beta >= 0)) return op_fail(c, "beta must be at least 0, got %g", a->beta);
    bool f64 = op_result_type(a->input, a->target) == TSR_F64;
    double scale = f64 ? 1 / a->beta : (double)(float)(1 / a->beta);
    tsr_tensor *d = isfinite(scale) ? tsr_huber_each(a->input, a->target, a->beta, 1 / a->beta)
                                    : distance(a->input, a->target);
    return loss_reduce(d, a->reduction);
}

tsr_tensor *op_huber_loss(op_ctx *c, const tsr_huber_loss_args *a)
{
    if (!(a->delta > 0)) return op_fail(c, "delta must be positive, got %g", a->delta);
    return loss_reduce(tsr_huber_each(a->input, a->target, a->delta, 1), a->reduction);
}

/* ---- binary targets --------------------------------------------------------------------------------------------------- */

static bool same_shape(const op_ctx *c, const tsr_tensor *x, const tsr_tensor *target)
{
    bool same = tsr_shape_equal(op_shape(x), op_shape(target));
    if (!same) op_fail(c, "target %s must have input's shape %s", tensor_shape_text(target), tensor_shape_text(x));
    return same;
}

static tsr_tensor *weighted(tsr_tensor *loss, tsr_tensor *weight) { return weight ? tsr_mul(loss, weight) : loss; }

/* log(x), not below -100 */
static tsr_tensor *limited_log(tsr_tensor *x) { return op_at_least(tsr_log(x), -100); }

static tsr_tensor *complement(tsr_tensor *x) { return tsr_rsub(x, tsr_scalar(1)); }

tsr_tensor *op_binary_cross_entropy_terms(op_ctx *c, const tsr_binary_cross_entropy_terms_args *a)
{
    tsr_tensor *x = a->input, *t = a->target;
    tsr_tensor *outside = tsr_logical_not(tsr_logical_and(tsr_ge(x, tsr_scalar(0)), tsr_le(x, tsr_scalar(1))));
    if (tsr_item_int(tsr_any(outside)))
        return op_fail(c, "all elements of input must lie in [0, 1], as probabilities do");
    tsr_tensor *off = tsr_mul(complement(t), limited_log(complement(x)));
    return tsr_neg(tsr_add(off, tsr_mul(t, limited_log(x))));
}

/* (x - t) / (x (1 - x)), the divisor not below 1e-12, and log(1 - x) - log(x) */
void op_binary_cross_entropy_terms_grad(op_ctx *c, const tsr_binary_cross_entropy_terms_args *a,
                                        tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    tsr_tensor *x = a->input, *t = a->target, *g = grad[0];
    if (op_needs(c, 0)) {
        tsr_tensor *divisor = op_at_least(tsr_mul(x, complement(x)), 1e-12);
        grad_in[0] = tsr_mul(g, tsr_div(tsr_sub(x, t), divisor));
    }
    if (op_needs(c, 1)) grad_in[1] = tsr_mul(g, tsr_sub(limited_log(complement(x)), limited_log(x)));
}

tsr_tensor *op_binary_cross_entropy(op_ctx *c, const tsr_binary_cross_entropy_args *a)
{
    if (!same_shape(c, a->input, a->target)) return NULL;
    return loss_reduce(weighted(tsr_binary_cross_entropy_terms(a->input, a->target), a->weight), a->reduction);
}

/* With s = -log(sigmoid(x)): (1 - t) x + s, and with pos_weight w: (1 - t) x + (1 + (w - 1) t) s */
tsr_tensor *op_binary_cross_entropy_with_logits(op_ctx *c, const tsr_binary_cross_entropy_with_logits_args *a)
{
    tsr_tensor *x = a->input, *t = a->target;
    if (!same_shape(c, x, t)) return NULL;
    tsr_tensor *s = tsr_neg(tsr_logsigmoid(x));
    if (a->pos_weight) s = tsr_mul(op_shift(tsr_mul(op_shift(a->pos_weight, -1), t), 1), s);
    return loss_reduce(weighted(tsr_add(tsr_mul(complement(t), x), s), a->weight), a->reduction);
}

/* ---- distributions ------------------------------------------------------------------------------------------------------ */

tsr_tensor *op_kl_div(op_ctx *c, const tsr_kl_div_args *a)
{
    (void)c;
    tsr_tensor *t = a->target, *loss;
    if (a->log_target) loss = tsr_mul(tsr_exp(t), tsr_sub(t, a->input));
    else loss = tsr_sub(tsr_xlogy(t, t), tsr_mul(t, a->input));
    if (strcmp(a->reduction, "batchmean") != 0) return loss_reduce(loss, a->reduction);
    double batch = a->input->ndim ? (double)a->input->shape[0] : 1;
    return op_scale(tsr_sum(loss), 1 / batch);
}

tsr_tensor *op_variance_floor(op_ctx *c, const tsr_variance_floor_args *a)
{
    (void)c;
    return op_at_least(a->input, a->least);
}

void op_variance_floor_grad(op_ctx *c, const tsr_variance_floor_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c, (void)a;
    grad_in[0] = grad[0];
}

/* var as it broadcasts against input: itself, or with a last dimension of size 1 added; NULL when it fits neither. */
static tsr_tensor *fitted_variance(op_ctx *c, tsr_tensor *input, tsr_tensor *var)
{
    int n = input->ndim, last = n - 1;
    bool head = var->ndim >= last;
    for (int d = 0; head && d < last; d++) head = var->shape[d] == input->shape[d];
    if (n == 0 && var->ndim == 0) return var;
    if (head && var->ndim == n && (var->shape[last] == input->shape[last] || var->shape[last] == 1)) return var;
    if (head && var->ndim == last) return tsr_unsqueeze(var, -1);
    return op_fail(c, "var %s fits input %s neither as it is nor without the last dimension", tensor_shape_text(var),
                   tensor_shape_text(input));
}

tsr_tensor *op_gaussian_nll_loss(op_ctx *c, const tsr_gaussian_nll_loss_args *a)
{
    if (!(a->eps > 0)) return op_fail(c, "eps must be positive, got %g", a->eps);
    tsr_tensor *var = fitted_variance(c, a->input, a->var);
    if (!var) return NULL;
    if (tsr_item_int(tsr_any(tsr_lt(var, tsr_scalar(0))))) return op_fail(c, "var has a negative entry");
    tsr_tensor *v = tsr_variance_floor(var, a->eps), *deviation = tsr_square(tsr_sub(a->input, a->target));
    tsr_tensor *loss = op_scale(tsr_add(tsr_log(v), tsr_div(deviation, v)), 0.5);
    if (a->full) loss = op_shift(loss, 0.91893853320467274178); /* log(2 pi) / 2 */
    return loss_reduce(loss, a->reduction);
}

/* ---- directions ------------------------------------------------------------------------------------------------------------ */

static tsr_tensor *unit(tsr_tensor *x, double order, int64_t dim, double eps)
{
    if (x && tensor_numel(x) == 0) order = 2; /* all the same, but not all defined */
    tsr_tensor *norm = tsr_linalg_vector_norm(x, TSR_FLOAT(order), TSR_DIMS(dim), true);
    return tsr_div(x, op_at_least(norm, eps));
}

tsr_tensor *op_cosine_similarity(op_ctx *c, const tsr_cosine_similarity_args *a)
{
    tsr_shape s1 = op_shape(a->x1), s2 = op_shape(a->x2), both;
    if (!shape_broadcast(c->info->name, &s1, &s2, &both)) return NULL;
    tsr_tensor *x = tsr_expand(a->x1, both), *y = tsr_expand(a->x2, both);
    return tsr_sum(tsr_mul(unit(x, 2, op_i64(a->dim), a->eps), unit(y, 2, op_i64(a->dim), a->eps)),
                   TSR_DIMS(op_i64(a->dim)));
}

tsr_tensor *op_normalize(op_ctx *c, const tsr_normalize_args *a)
{
    (void)c;
    return unit(a->input, a->p, op_i64(a->dim), a->eps);
}
