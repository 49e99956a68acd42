/* norm.c: group norm (with SiLU or without), layer norm, and instance and RMS norm, which are made of others.

   The forward kernels leave the statistics, which the gradient kernels read. Where the gradient itself is to be
   differentiated (grad mode is on in backward) it is built of operators instead: norm_formula.c. */
#include <float.h>

#include "op/norm_formula.h"
#include "op/pointwise.h"
#include "op/record.h"
#include "op/region.h"
#include "op_gen.h"

/* ---- checks ------------------------------------------------------------------------------------------------------- */

static bool is_float(const op_ctx *c, const tsr_tensor *t)
{
    if (!op_is_float(t)) op_fail(c, "input is %s; f32 or f64 is needed", tsr_dtype_name((tsr_dtype)t->dtype));
    return op_is_float(t);
}

/* weight or bias: of this shape and input's dtype, or NULL. */
static bool has_shape(const op_ctx *c, const char *name, const tsr_tensor *t, const tsr_shape *shape,
                      const tsr_tensor *input)
{
    if (!t) return true;
    tsr_shape own = op_shape(t);
    if (region_same_shape(&own, shape) && t->dtype == input->dtype) return true;
    op_fail(c, "%s is %s %s, but input %s needs %s %s", name, tsr_dtype_name((tsr_dtype)t->dtype), shape_text(&own),
            tensor_shape_text(input), tsr_dtype_name((tsr_dtype)input->dtype), shape_text(shape));
    return false;
}

static array *optional_array(tsr_tensor *t, array *room)
{
    if (t) *room = array_of(t);
    return t ? room : NULL;
}

/* ---- group norm --------------------------------------------------------------------------------------------------- */

static bool check_group(const op_ctx *c, const norm_call *k)
{
    const tsr_tensor *x = k->input;
    if (!is_float(c, x)) return false;
    if (x->ndim < 2) {
        op_fail(c, "input must be [N, C, ...], not %s", tensor_shape_text(x));
        return false;
    }
    if (k->groups < 1 || x->shape[1] % k->groups != 0) {
        op_fail(c, "num_groups (%lld) must divide the %lld channels of input %s", (long long)k->groups,
                (long long)x->shape[1], tensor_shape_text(x));
        return false;
    }
    tsr_shape channels = TSR_SHAPE(x->shape[1]);
    return has_shape(c, "weight", k->weight, &channels, x) && has_shape(c, "bias", k->bias, &channels, x);
}

static tsr_tensor *group_norm(op_ctx *c, norm_call k)
{
    if (!check_group(c, &k)) return NULL;
    tsr_dtype dtype = (tsr_dtype)k.input->dtype;
    tsr_shape statistics = TSR_SHAPE(k.input->shape[0], k.groups);
    tsr_tensor *out = op_output(c, dtype, op_shape(k.input), k.input);
    tsr_tensor *mean = region_empty(dtype, &statistics, k.input), *rstd = region_empty(dtype, &statistics, k.input);
    if (!out || !mean || !rstd) return NULL;
    op_save(c, mean);
    op_save(c, rstd);
    norm_params p = {.groups = k.groups, .eps = k.eps, .silu = k.silu};
    array o = array_of(out), m = array_of(mean), r = array_of(rstd), x = array_of(k.input), w, b;
    if (tensor_numel(out) == 0) return out;
    const array *weight = optional_array(k.weight, &w), *bias = optional_array(k.bias, &b);
    return op_backend(out)->group_norm(&o, &m, &r, &x, weight, bias, &p) ? out : NULL;
}

/* The gradients by the kernel. Those of the channels are computed only when `channels` says so. */
static void group_norm_kernel_grad(const norm_call *k, tsr_tensor *grad, bool channels, tsr_tensor *grad_in[3])
{
    tsr_dtype dtype = (tsr_dtype)k->input->dtype;
    norm_params p = {.groups = k->groups, .eps = k->eps, .silu = k->silu};
    tsr_tensor *gx = tensor_empty_like(k->input, dtype), *gw = NULL, *gb = NULL;
    if (channels) {
        gw = region_empty(dtype, &TSR_SHAPE(k->input->shape[1]), k->input);
        gb = region_empty(dtype, &TSR_SHAPE(k->input->shape[1]), k->input);
    }
    if (!gx || (channels && (!gw || !gb))) return;
    if (tensor_numel(gx) == 0 && (!channels || (op_fill_with(gw, 0) && op_fill_with(gb, 0)))) {
        grad_in[0] = gx, grad_in[1] = gw, grad_in[2] = gb;
        return;
    }
    array ax = array_of(gx), aw, ab, g = array_of(grad), x = array_of(k->input), m = array_of(k->mean),
          r = array_of(k->rstd), w, b;
    const array *weight = optional_array(k->weight, &w), *bias = optional_array(k->bias, &b);
    if (op_backend(gx)->group_norm_grad(&ax, optional_array(gw, &aw), optional_array(gb, &ab), &g, &x, &m, &r, weight,
                                        bias, &p))
        grad_in[0] = gx, grad_in[1] = gw, grad_in[2] = gb;
}

/* Hand over those of the three gradients that are wanted. */
static void give_wanted(const op_ctx *c, int weight, int bias, tsr_tensor *const from[3], tsr_tensor **grad_in)
{
    if (op_needs(c, 0)) grad_in[0] = from[0];
    if (op_needs(c, weight)) grad_in[weight] = from[1];
    if (op_needs(c, bias)) grad_in[bias] = from[2];
}

static void group_norm_grad(op_ctx *c, norm_call k, tsr_tensor *grad, tsr_tensor **grad_in)
{
    tsr_tensor *all[3] = {0};
    k.mean = op_saved(c, 0);
    k.rstd = op_saved(c, 1);
    if (!k.mean || !k.rstd) return;
    if (record_grad_mode()) norm_group_formula(&k, grad, all);
    else group_norm_kernel_grad(&k, grad, op_needs(c, 1) || op_needs(c, 2), all);
    give_wanted(c, 1, 2, all, grad_in);
}

static norm_call call_of(const tsr_group_norm_args *a)
{
    return (norm_call){.input = a->input, .weight = a->weight, .bias = a->bias, .groups = a->num_groups, .eps = a->eps};
}

tsr_tensor *op_group_norm(op_ctx *c, const tsr_group_norm_args *a) { return group_norm(c, call_of(a)); }

void op_group_norm_grad(op_ctx *c, const tsr_group_norm_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    group_norm_grad(c, call_of(a), grad[0], grad_in);
}

static norm_call silu_call_of(const tsr_group_norm_silu_args *a)
{
    return (norm_call){
        .input = a->input, .weight = a->weight, .bias = a->bias, .groups = a->num_groups, .eps = a->eps, .silu = true};
}

tsr_tensor *op_group_norm_silu(op_ctx *c, const tsr_group_norm_silu_args *a) { return group_norm(c, silu_call_of(a)); }

void op_group_norm_silu_grad(op_ctx *c, const tsr_group_norm_silu_args *a, tsr_tensor *const *grad,
                             tsr_tensor **grad_in)
{
    group_norm_grad(c, silu_call_of(a), grad[0], grad_in);
}

/* ---- layer norm --------------------------------------------------------------------------------------------------- */

/* Checks that input ends in `shape`; *kept is the number of dimensions before. */
static bool ends_in(const op_ctx *c, const tsr_tensor *x, const tsr_shape *shape, int *kept)
{
    *kept = x->ndim - shape->n;
    bool ok = shape->n > 0 && *kept >= 0;
    for (int d = 0; ok && d < shape->n; d++) ok = x->shape[*kept + d] == shape->v[d];
    if (!ok)
        op_fail(c, "normalized_shape %s is not how the shape of input %s ends", shape_text(shape),
                tensor_shape_text(x));
    return ok;
}

/* t as [rows, n]: copied unless contiguous. */
static tsr_tensor *as_rows(tsr_tensor *t, int64_t rows, int64_t n)
{
    return region_reshape(op_as_contiguous(t), &TSR_SHAPE(rows, n));
}

static tsr_tensor *flat_or_null(tsr_tensor *t) { return t ? region_flat(t) : NULL; }

tsr_tensor *op_layer_norm(op_ctx *c, const tsr_layer_norm_args *a)
{
    int kept;
    tsr_dtype dtype = (tsr_dtype)a->input->dtype;
    if (!is_float(c, a->input) || !ends_in(c, a->input, &a->normalized_shape, &kept)) return NULL;
    if (!has_shape(c, "weight", a->weight, &a->normalized_shape, a->input)) return NULL;
    if (!has_shape(c, "bias", a->bias, &a->normalized_shape, a->input)) return NULL;
    tsr_shape shape = op_shape(a->input);
    int64_t rows = region_count(&shape, 0, kept), n = region_count(&shape, kept, shape.n);
    tsr_tensor *out = op_output(c, dtype, shape, NULL), *x = as_rows(a->input, rows, n), *o = as_rows(out, rows, n);
    tsr_tensor *mean = region_empty(dtype, &TSR_SHAPE(rows), a->input),
               *rstd = region_empty(dtype, &TSR_SHAPE(rows), a->input);
    tsr_tensor *weight = flat_or_null(a->weight), *bias = flat_or_null(a->bias);
    if (!x || !o || !mean || !rstd || (a->weight && !weight) || (a->bias && !bias)) return NULL;
    op_save(c, mean);
    op_save(c, rstd);
    if (rows == 0 || n == 0) return out;
    norm_params p = {.eps = a->eps};
    array ao = array_of(o), m = array_of(mean), r = array_of(rstd), ax = array_of(x), w, b;
    const array *aw = optional_array(weight, &w), *ab = optional_array(bias, &b);
    return op_backend(out)->layer_norm(&ao, &m, &r, &ax, aw, ab, &p) ? out : NULL;
}

/* The gradients by the kernel, shaped as rows and as the inner shape. */
static void layer_norm_kernel_grad(const norm_call *k, const tsr_shape *inner, tsr_tensor *grad, tsr_tensor *grad_in[3])
{
    tsr_dtype dtype = (tsr_dtype)k->input->dtype;
    tsr_shape shape = op_shape(k->input);
    int64_t rows = tensor_numel(k->mean), n = region_count(inner, 0, inner->n);
    tsr_tensor *gx = region_empty(dtype, &shape, k->input), *gw = region_zeros(dtype, inner, k->input);
    tsr_tensor *gb = region_zeros(dtype, inner, k->input), *x = as_rows(k->input, rows, n), *g = as_rows(grad, rows, n);
    tsr_tensor *weight = flat_or_null(k->weight);
    tsr_tensor *x_rows = as_rows(gx, rows, n), *w_flat = flat_or_null(gw), *b_flat = flat_or_null(gb);
    if (!x_rows || !w_flat || !b_flat || !x || !g || (k->weight && !weight)) return;
    norm_params p = {.eps = k->eps};
    array ax = array_of(x_rows), aw = array_of(w_flat), ab = array_of(b_flat), ag = array_of(g), in = array_of(x),
          m = array_of(k->mean), r = array_of(k->rstd), w;
    const array *scale = optional_array(weight, &w);
    if (rows > 0 && n > 0 && !op_backend(gx)->layer_norm_grad(&ax, &aw, &ab, &ag, &in, &m, &r, scale, &p)) return;
    grad_in[0] = gx, grad_in[1] = gw, grad_in[2] = gb;
}

void op_layer_norm_grad(op_ctx *c, const tsr_layer_norm_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    tsr_tensor *all[3] = {0};
    norm_call k = {
        .input = a->input, .weight = a->weight, .eps = a->eps, .mean = op_saved(c, 0), .rstd = op_saved(c, 1)};
    if (!k.mean || !k.rstd) return;
    if (record_grad_mode()) norm_layer_formula(&k, a->input->ndim - a->normalized_shape.n, grad[0], all);
    else layer_norm_kernel_grad(&k, &a->normalized_shape, grad[0], all);
    give_wanted(c, 1, 2, all, grad_in);
}

/* ---- norms made of others ----------------------------------------------------------------------------------------- */

/* The mean over the batch of a statistic of each sample's channels. */
static tsr_tensor *over_batch(tsr_tensor *values, int64_t samples, int64_t channels)
{
    return tsr_mean(tsr_reshape(values, TSR_SHAPE(samples, channels)), .dim = TSR_DIMS(0));
}

static bool update_running(const tsr_instance_norm_args *a)
{
    tsr_tensor *x = tsr_detach(a->input);
    if (!x) return false;
    int64_t samples = x->shape[0], channels = x->shape[1];
    tsr_tensor *rows = tsr_reshape(x, TSR_SHAPE(samples * channels, tensor_numel(x) / (samples * channels)));
    tsr_tensor *mean = over_batch(tsr_mean(rows, .dim = TSR_DIMS(1)), samples, channels);
    tsr_tensor *var = over_batch(tsr_var(rows, .dim = TSR_DIMS(1)), samples, channels);
    tsr_tensor *running_mean = a->running_mean ? tsr_detach(a->running_mean) : NULL;
    tsr_tensor *running_var = a->running_var ? tsr_detach(a->running_var) : NULL;
    return norm_follow(running_mean, mean, a->momentum) && norm_follow(running_var, var, a->momentum);
}

tsr_tensor *op_instance_norm(op_ctx *c, const tsr_instance_norm_args *a)
{
    tsr_tensor *x = a->input;
    if (x->ndim < 3)
        return op_fail(c, "input must be [N, C, ...] with one more dimension, not %s", tensor_shape_text(x));
    if (!op_flag(a->use_input_stats))
        return tsr_batch_norm(x, a->running_mean, a->running_var, a->weight, a->bias, false,
                              .eps = a->eps ? a->eps : TSR_ZERO);
    int64_t pictures = x->shape[0] * x->shape[1];
    if (pictures > 0 && tensor_numel(x) == pictures)
        return op_fail(c, "expected more than 1 spatial element when training, got input size %s",
                       tensor_shape_text(x));
    if (pictures > 0 && (a->running_mean || a->running_var) && !update_running(a)) return NULL;
    int64_t groups = x->shape[1] > 0 ? x->shape[1] : 1; /* no channel, nothing to do: any number will do */
    return tsr_group_norm(x, groups, a->weight, a->bias, a->eps ? a->eps : TSR_ZERO);
}

tsr_tensor *op_rms_norm(op_ctx *c, const tsr_rms_norm_args *a)
{
    int kept;
    if (!is_float(c, a->input) || !ends_in(c, a->input, &a->normalized_shape, &kept)) return NULL;
    if (!has_shape(c, "weight", a->weight, &a->normalized_shape, a->input)) return NULL;
    double eps = op_has(a->eps) ? op_f64(a->eps) : a->input->dtype == TSR_F64 ? DBL_EPSILON : (double)FLT_EPSILON;
    tsr_shape dims = {.n = a->normalized_shape.n};
    for (int d = 0; d < dims.n; d++) dims.v[d] = kept + d;
    tsr_tensor *square = tsr_mean(tsr_mul(a->input, a->input), .dim = dims, .keepdim = true);
    tsr_tensor *out = tsr_mul(a->input, tsr_rsqrt(op_shift(square, eps)));
    return a->weight ? tsr_mul(out, a->weight) : out;
}
