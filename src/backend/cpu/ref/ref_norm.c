/* ref_norm.c: group norm and layer norm, forward and backward.

   Both normalise a set of n elements, y = (x - mean) rstd weight + bias with rstd = 1 / sqrt(variance + eps) (the biased
   variance, computed from deviations). With h = (x - mean) rstd and u = grad weight, the gradient of x is
   rstd (u - mean(u) - h mean(u h)). Group norm may be followed by SiLU; then its gradient first passes back through it,
   with y computed again. */
#include "backend/cpu/ref/ref_access.h"
#include "backend/cpu/ref/ref_layers.h"

#include <math.h>

static double coefficient(const array *a, int64_t i, double otherwise)
{
    return a ? ref_get_f64(a, i * a->stride[0]) : otherwise;
}

static double silu(double y) { return y / (1 + exp(-y)); }

static double silu_slope(double y)
{
    double s = 1 / (1 + exp(-y));
    return s * (1 + y * (1 - s));
}

/* ---- group norm ---- */

/* One group of one picture: `channels` from `first` on, `positions` each. */
typedef struct group {
    int64_t picture, number, first, channels, positions;
} group;

static group group_at(const array *x, const norm_params *p, int64_t i)
{
    int64_t channels = x->shape[1] / p->groups;
    return (group){i / p->groups, i % p->groups, i % p->groups * channels, channels, ref_count_from(x, 2)};
}

static int64_t offset_in(const array *a, const group *g, int64_t channel, int64_t position)
{
    return g->picture * a->stride[0] + (g->first + channel) * a->stride[1] + ref_offset_from(a, 2, position);
}

static int64_t statistic(const array *a, const group *g)
{
    return g->picture * a->stride[0] + g->number * a->stride[1];
}

static void group_statistics(const array *x, const group *g, double eps, double *mean, double *rstd)
{
    double sum = 0, squares = 0, n = (double)(g->channels * g->positions);
    for (int64_t c = 0; c < g->channels; c++)
        for (int64_t i = 0; i < g->positions; i++) sum += ref_get_f64(x, offset_in(x, g, c, i));
    *mean = sum / n;
    for (int64_t c = 0; c < g->channels; c++)
        for (int64_t i = 0; i < g->positions; i++) {
            double d = ref_get_f64(x, offset_in(x, g, c, i)) - *mean;
            squares += d * d;
        }
    *rstd = 1 / sqrt(squares / n + eps);
}

static bool group_norm(const array *out, const array *mean, const array *rstd, const array *x, const array *weight,
                       const array *bias, const norm_params *p)
{
    if (!ref_is_float("group_norm", x)) return false;
    for (int64_t i = 0; i < x->shape[0] * p->groups; i++) {
        group g = group_at(x, p, i);
        double m, r;
        group_statistics(x, &g, p->eps, &m, &r);
        ref_set_f64(mean, statistic(mean, &g), m);
        ref_set_f64(rstd, statistic(rstd, &g), r);
        for (int64_t c = 0; c < g.channels; c++)
            for (int64_t j = 0; j < g.positions; j++) {
                double h = (ref_get_f64(x, offset_in(x, &g, c, j)) - m) * r;
                double y = h * coefficient(weight, g.first + c, 1) + coefficient(bias, g.first + c, 0);
                ref_set_f64(out, offset_in(out, &g, c, j), p->silu ? silu(y) : y);
            }
    }
    return true;
}

typedef struct group_norm_arrays {
    const array *grad, *x, *weight, *bias;
    bool silu;
} group_norm_arrays;

/* h and the gradient of y = h weight + bias at one element. */
static double normalised(const group_norm_arrays *a, const group *g, int64_t c, int64_t j, double mean, double rstd,
                         double *grad_y)
{
    double h = (ref_get_f64(a->x, offset_in(a->x, g, c, j)) - mean) * rstd;
    *grad_y = ref_get_f64(a->grad, offset_in(a->grad, g, c, j));
    if (a->silu)
        *grad_y *= silu_slope(h * coefficient(a->weight, g->first + c, 1) + coefficient(a->bias, g->first + c, 0));
    return h;
}

static void group_norm_grad_x(const array *grad_x, const group_norm_arrays *a, const group *g, double mean, double rstd)
{
    double sum_u = 0, sum_uh = 0, n = (double)(g->channels * g->positions), grad_y;
    for (int64_t c = 0; c < g->channels; c++)
        for (int64_t j = 0; j < g->positions; j++) {
            double h = normalised(a, g, c, j, mean, rstd, &grad_y);
            sum_u += grad_y * coefficient(a->weight, g->first + c, 1);
            sum_uh += grad_y * coefficient(a->weight, g->first + c, 1) * h;
        }
    for (int64_t c = 0; c < g->channels; c++)
        for (int64_t j = 0; j < g->positions; j++) {
            double h = normalised(a, g, c, j, mean, rstd, &grad_y);
            double u = grad_y * coefficient(a->weight, g->first + c, 1);
            ref_set_f64(grad_x, offset_in(grad_x, g, c, j), rstd * (u - sum_u / n - h * sum_uh / n));
        }
}

/* The gradients of the weight and bias of channel c. */
static void group_norm_grad_affine(const array *grad_weight, const array *grad_bias, const group_norm_arrays *a,
                                   const array *mean, const array *rstd, const norm_params *p, int64_t c)
{
    int64_t channels = a->x->shape[1] / p->groups;
    double sum_weight = 0, sum_bias = 0, grad_y;
    for (int64_t n = 0; n < a->x->shape[0]; n++) {
        group g = group_at(a->x, p, n * p->groups + c / channels);
        double m = ref_get_f64(mean, statistic(mean, &g)), r = ref_get_f64(rstd, statistic(rstd, &g));
        for (int64_t j = 0; j < g.positions; j++) {
            double h = normalised(a, &g, c % channels, j, m, r, &grad_y);
            sum_weight += grad_y * h;
            sum_bias += grad_y;
        }
    }
    if (grad_weight) ref_set_f64(grad_weight, c * grad_weight->stride[0], sum_weight);
    if (grad_bias) ref_set_f64(grad_bias, c * grad_bias->stride[0], sum_bias);
}

static bool group_norm_grad(const array *grad_x, const array *grad_weight, const array *grad_bias, const array *grad,
                            const array *x, const array *mean, const array *rstd, const array *weight,
                            const array *bias, const norm_params *p)
{
    if (!ref_is_float("group_norm_grad", x)) return false;
    group_norm_arrays a = {grad, x, weight, bias, p->silu};
    for (int64_t i = 0; grad_x && i < x->shape[0] * p->groups; i++) {
        group g = group_at(x, p, i);
        group_norm_grad_x(grad_x, &a, &g, ref_get_f64(mean, statistic(mean, &g)),
                          ref_get_f64(rstd, statistic(rstd, &g)));
    }
    for (int64_t c = 0; (grad_weight || grad_bias) && c < x->shape[1]; c++)
        group_norm_grad_affine(grad_weight, grad_bias, &a, mean, rstd, p, c);
    return true;
}

/* ---- layer norm: rows of n ---- */

static double row_get(const array *a, int64_t row, int64_t i)
{
    return ref_get_f64(a, row * a->stride[0] + i * a->stride[1]);
}

static void row_statistics(const array *x, int64_t row, double eps, double *mean, double *rstd)
{
    double sum = 0, squares = 0;
    int64_t n = x->shape[1];
    for (int64_t i = 0; i < n; i++) sum += row_get(x, row, i);
    *mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++) {
        double d = row_get(x, row, i) - *mean;
        squares += d * d;
    }
    *rstd = 1 / sqrt(squares / (double)n + eps);
}

static bool layer_norm(const array *out, const array *mean, const array *rstd, const array *x, const array *weight,
                       const array *bias, const norm_params *p)
{
    if (!ref_is_float("layer_norm", x)) return false;
    for (int64_t row = 0; row < x->shape[0]; row++) {
        double m, r;
        row_statistics(x, row, p->eps, &m, &r);
        ref_set_f64(mean, row * mean->stride[0], m);
        ref_set_f64(rstd, row * rstd->stride[0], r);
        for (int64_t i = 0; i < x->shape[1]; i++)
            ref_set_f64(out, row * out->stride[0] + i * out->stride[1],
                        (row_get(x, row, i) - m) * r * coefficient(weight, i, 1) + coefficient(bias, i, 0));
    }
    return true;
}

static void layer_norm_grad_row(const array *grad_x, const array *grad, const array *x, const array *weight,
                                double mean, double rstd, int64_t row)
{
    double sum_u = 0, sum_uh = 0;
    int64_t n = x->shape[1];
    for (int64_t i = 0; i < n; i++) {
        double u = row_get(grad, row, i) * coefficient(weight, i, 1);
        sum_u += u;
        sum_uh += u * (row_get(x, row, i) - mean) * rstd;
    }
    for (int64_t i = 0; i < n; i++) {
        double u = row_get(grad, row, i) * coefficient(weight, i, 1), h = (row_get(x, row, i) - mean) * rstd;
        ref_set_f64(grad_x, row * grad_x->stride[0] + i * grad_x->stride[1],
                    rstd * (u - sum_u / (double)n - h * sum_uh / (double)n));
    }
}

static bool layer_norm_grad(const array *grad_x, const array *grad_weight, const array *grad_bias, const array *grad,
                            const array *x, const array *mean, const array *rstd, const array *weight,
                            const norm_params *p)
{
    (void)p;
    if (!ref_is_float("layer_norm_grad", x)) return false;
    int64_t rows = x->shape[0];
    for (int64_t row = 0; grad_x && row < rows; row++)
        layer_norm_grad_row(grad_x, grad, x, weight, ref_get_f64(mean, row * mean->stride[0]),
                            ref_get_f64(rstd, row * rstd->stride[0]), row);
    for (int64_t i = 0; i < x->shape[1]; i++) {
        double sum_weight = 0, sum_bias = 0;
        for (int64_t row = 0; row < rows; row++) {
            double m = ref_get_f64(mean, row * mean->stride[0]), r = ref_get_f64(rstd, row * rstd->stride[0]);
            sum_weight += row_get(grad, row, i) * (row_get(x, row, i) - m) * r;
            sum_bias += row_get(grad, row, i);
        }
        if (grad_weight) ref_set_f64(grad_weight, i * grad_weight->stride[0], sum_weight);
        if (grad_bias) ref_set_f64(grad_bias, i * grad_bias->stride[0], sum_bias);
    }
    return true;
}

void ref_norm_fill(backend *b)
{
    b->group_norm = group_norm;
    b->group_norm_grad = group_norm_grad;
    b->layer_norm = layer_norm;
    b->layer_norm_grad = layer_norm_grad;
}
