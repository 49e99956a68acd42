/* ref_batch_norm.c: batch norm's three kernels: statistics of each channel, the affine map that applies any statistics,
   and the gradient. The variance is the biased one, sum (x - mean)^2 / n, from deviations. */
#include "backend/cpu/ref/ref_access.h"
#include "backend/cpu/ref/ref_layers.h"

/* Element `i` of channel c, counted over pictures and positions. */
static int64_t channel_offset(const array *a, int64_t c, int64_t i, int64_t positions)
{
    return i / positions * a->stride[0] + c * a->stride[1] + ref_offset_from(a, 2, i % positions);
}

static double channel_value(const array *a, int64_t c) { return ref_get_f64(a, c * a->stride[0]); }

static bool batch_norm_stats(const array *mean, const array *var, const array *x)
{
    if (!ref_is_float("batch_norm", x)) return false;
    int64_t positions = ref_count_from(x, 2), n = x->shape[0] * positions;
    for (int64_t c = 0; c < x->shape[1]; c++) {
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < n; i++) sum += ref_get_f64(x, channel_offset(x, c, i, positions));
        for (int64_t i = 0; i < n; i++) {
            double d = ref_get_f64(x, channel_offset(x, c, i, positions)) - sum / (double)n;
            squares += d * d;
        }
        ref_set_f64(mean, c * mean->stride[0], sum / (double)n);
        ref_set_f64(var, c * var->stride[0], squares / (double)n);
    }
    return true;
}

static bool batch_norm_apply(const array *out, const array *x, const array *mean, const array *scale,
                             const array *shift)
{
    if (!ref_is_float("batch_norm", x)) return false;
    int64_t positions = ref_count_from(x, 2), n = x->shape[0] * positions;
    for (int64_t c = 0; c < x->shape[1]; c++)
        for (int64_t i = 0; i < n; i++) {
            double d = ref_get_f64(x, channel_offset(x, c, i, positions)) - channel_value(mean, c);
            ref_set_f64(out, channel_offset(out, c, i, positions),
                        d * channel_value(scale, c) + channel_value(shift, c));
        }
    return true;
}

/* With statistics that depend on x, grad - mean(grad) - h mean(grad h) takes the place of grad. */
static void grad_of_channel(const array *grad_x, const array *grad, const array *x, int64_t c, double mean, double rstd,
                            double scale, double mean_g, double mean_gh)
{
    int64_t positions = ref_count_from(x, 2), n = x->shape[0] * positions;
    for (int64_t i = 0; i < n; i++) {
        double h = (ref_get_f64(x, channel_offset(x, c, i, positions)) - mean) * rstd;
        double g = ref_get_f64(grad, channel_offset(grad, c, i, positions));
        ref_set_f64(grad_x, channel_offset(grad_x, c, i, positions), scale * (g - mean_g - h * mean_gh));
    }
}

static bool batch_norm_grad(const array *grad_x, const array *grad_weight, const array *grad_bias, const array *grad,
                            const array *x, const array *mean, const array *rstd, const array *weight, bool training)
{
    if (!ref_is_float("batch_norm_grad", x)) return false;
    int64_t positions = ref_count_from(x, 2), n = x->shape[0] * positions;
    for (int64_t c = 0; c < x->shape[1]; c++) {
        double m = channel_value(mean, c), r = channel_value(rstd, c), sum_g = 0, sum_gh = 0;
        for (int64_t i = 0; i < n; i++) {
            double g = ref_get_f64(grad, channel_offset(grad, c, i, positions));
            sum_g += g;
            sum_gh += g * (ref_get_f64(x, channel_offset(x, c, i, positions)) - m) * r;
        }
        if (grad_weight) ref_set_f64(grad_weight, c * grad_weight->stride[0], sum_gh);
        if (grad_bias) ref_set_f64(grad_bias, c * grad_bias->stride[0], sum_g);
        if (grad_x)
            grad_of_channel(grad_x, grad, x, c, m, r, r * (weight ? channel_value(weight, c) : 1),
                            training ? sum_g / (double)n : 0, training ? sum_gh / (double)n : 0);
    }
    return true;
}

void ref_batch_norm_fill(backend *b)
{
    b->batch_norm_stats = batch_norm_stats;
    b->batch_norm_apply = batch_norm_apply;
    b->batch_norm_grad = batch_norm_grad;
}
