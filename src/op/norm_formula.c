/* norm_formula.c: gradients of normalisation, made of operators so that they have gradients themselves.

   All three norms standardise rows: of a group, of a sample's last dimensions, of a channel over the batch. */
#include "op/norm_formula.h"

#include "op/pointwise.h"
#include "op/region.h"

norm_rows norm_rows_of(tsr_tensor *rows, double eps)
{
    tsr_tensor *d = tsr_sub(rows, tsr_mean(rows, .dim = TSR_DIMS(1), .keepdim = true));
    tsr_tensor *variance = tsr_mean(tsr_mul(d, d), .dim = TSR_DIMS(1), .keepdim = true);
    tsr_tensor *rstd = tsr_rsqrt(op_shift(variance, eps));
    return (norm_rows){tsr_mul(d, rstd), rstd};
}

tsr_tensor *norm_rows_backward(tsr_tensor *u, norm_rows r)
{
    tsr_tensor *mean_u = tsr_mean(u, .dim = TSR_DIMS(1), .keepdim = true);
    tsr_tensor *mean_uh = tsr_mean(tsr_mul(u, r.h), .dim = TSR_DIMS(1), .keepdim = true);
    return tsr_mul(r.rstd, tsr_sub(tsr_sub(u, mean_u), tsr_mul(r.h, mean_uh)));
}

tsr_tensor *norm_per_channel(tsr_tensor *vector, const tsr_tensor *t)
{
    tsr_shape shape = {.n = t->ndim - 1};
    for (int d = 0; d < shape.n; d++) shape.v[d] = d == 0 ? t->shape[1] : 1;
    return vector ? tsr_reshape(vector, shape) : NULL;
}

tsr_tensor *norm_channel_sum(tsr_tensor *t)
{
    tsr_shape dims = TSR_DIMS(0);
    for (int d = 2; t && d < t->ndim; d++) dims.v[dims.n++] = d;
    return tsr_sum(t, .dim = dims);
}

/* silu'(z) = s (1 + z (1 - s)) with s the logistic function. */
static tsr_tensor *through_silu(const norm_call *k, tsr_tensor *h, tsr_tensor *weight, tsr_tensor *grad)
{
    tsr_tensor *z = weight ? tsr_mul(h, weight) : h;
    if (k->bias) z = tsr_add(z, norm_per_channel(k->bias, k->input));
    tsr_tensor *s = tsr_sigmoid(z);
    tsr_tensor *slope = tsr_mul(s, op_shift(tsr_mul(z, op_shift(tsr_neg(s), 1)), 1));
    return tsr_mul(grad, slope);
}

void norm_group_formula(const norm_call *k, tsr_tensor *grad, tsr_tensor *grad_in[3])
{
    tsr_shape shape = op_shape(k->input);
    int64_t rows = shape.v[0] * k->groups;
    tsr_shape flat = TSR_SHAPE(rows, rows ? tensor_numel(k->input) / rows : 0);
    tsr_tensor *weight = norm_per_channel(k->weight, k->input);
    norm_rows r = norm_rows_of(tsr_reshape(k->input, flat), k->eps);
    tsr_tensor *h = tsr_reshape(r.h, shape);
    if (k->silu) grad = through_silu(k, h, weight, grad);
    tsr_tensor *u = weight ? tsr_mul(grad, weight) : grad;
    grad_in[0] = tsr_reshape(norm_rows_backward(tsr_reshape(u, flat), r), shape);
    grad_in[1] = norm_channel_sum(tsr_mul(grad, h));
    grad_in[2] = norm_channel_sum(grad);
}

void norm_layer_formula(const norm_call *k, int kept, tsr_tensor *grad, tsr_tensor *grad_in[3])
{
    tsr_shape shape = op_shape(k->input), inner = {.n = shape.n - kept};
    for (int d = 0; d < inner.n; d++) inner.v[d] = shape.v[kept + d];
    tsr_shape flat = TSR_SHAPE(region_count(&shape, 0, kept), region_count(&shape, kept, shape.n));
    norm_rows r = norm_rows_of(tsr_reshape(k->input, flat), k->eps);
    tsr_tensor *u = tsr_reshape(k->weight ? tsr_mul(grad, k->weight) : grad, flat);
    tsr_tensor *g = tsr_reshape(grad, flat);
    grad_in[0] = tsr_reshape(norm_rows_backward(u, r), shape);
    grad_in[1] = tsr_reshape(tsr_sum(tsr_mul(g, r.h), .dim = TSR_DIMS(0)), inner);
    grad_in[2] = tsr_reshape(tsr_sum(g, .dim = TSR_DIMS(0)), inner);
}

/* [N, C, ...] as rows of channels, and back. */
static tsr_tensor *to_channel_rows(tsr_tensor *t)
{
    if (!t) return NULL;
    int64_t channels = t->shape[1], n = channels ? tensor_numel(t) / channels : 0;
    return tsr_reshape(tsr_transpose(t, 0, 1), TSR_SHAPE(channels, n));
}

static tsr_tensor *from_channel_rows(tsr_tensor *rows, tsr_shape shape)
{
    int64_t samples = shape.v[0];
    shape.v[0] = shape.v[1];
    shape.v[1] = samples;
    return tsr_transpose(tsr_reshape(rows, shape), 0, 1);
}

void norm_batch_formula(const norm_call *k, tsr_tensor *grad, tsr_tensor *grad_in[3])
{
    tsr_tensor *weight = norm_per_channel(k->weight, k->input), *h;
    tsr_tensor *u = weight ? tsr_mul(grad, weight) : grad;
    if (k->training) {
        tsr_shape shape = op_shape(k->input);
        norm_rows r = norm_rows_of(to_channel_rows(k->input), k->eps);
        h = from_channel_rows(r.h, shape);
        grad_in[0] = from_channel_rows(norm_rows_backward(to_channel_rows(u), r), shape);
    } else {
        tsr_tensor *rstd = norm_per_channel(k->rstd, k->input);
        h = tsr_mul(tsr_sub(k->input, norm_per_channel(k->mean, k->input)), rstd);
        grad_in[0] = tsr_mul(u, rstd);
    }
    grad_in[1] = norm_channel_sum(tsr_mul(grad, h));
    grad_in[2] = norm_channel_sum(grad);
}

bool norm_follow(tsr_tensor *running, tsr_tensor *value, double momentum)
{
    if (!running) return true;
    tsr_tensor *next = tsr_add(op_scale(running, 1 - momentum), op_scale(value, momentum));
    if (!next || !op_copy(running, next)) return false;
    tsr_bump_version(running);
    return true;
}
