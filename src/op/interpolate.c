/* interpolate.c: resampling of images. The public operator decides sizes and scales; resample calls the kernel. Resampling
   is linear, so the derivative of its gradient is resampling again. */
#include "op/region.h"
#include "op_gen.h"

#include <math.h>
#include <string.h>

/* ---- what is asked for -------------------------------------------------------------------------------------------- */

typedef struct mode_rule {
    const char *name;
    interp_mode mode;
    int spatial; /* dimensions that it is for; 0: any */
    bool aligns; /* takes align_corners */
} mode_rule;

static const mode_rule *find_mode(const op_ctx *c, const char *name, int spatial)
{
    static const mode_rule rules[] = {{"nearest", INTERP_NEAREST, 0, false}, {"linear", INTERP_LINEAR, 1, true},
                                      {"bilinear", INTERP_LINEAR, 2, true},  {"trilinear", INTERP_LINEAR, 3, true},
                                      {"bicubic", INTERP_BICUBIC, 2, true},  {"area", INTERP_AREA, 0, false}};
    const mode_rule *r = rules;
    while (r < rules + TSR_COUNT(rules) - 1 && strcmp(r->name, name) != 0) r++;
    if (r->spatial == 0 || r->spatial == spatial) return r;
    op_fail(c, "mode \"%s\" needs an input of %d dimensions, not %d", name, r->spatial + 2, spatial + 2);
    return NULL;
}

static bool check_call(const op_ctx *c, const tsr_interpolate_args *a, int spatial)
{
    int given = a->size.n > 0 ? a->size.n : a->scale_factor.n;
    if (spatial < 1 || spatial > 3 || !op_is_float(a->input)) {
        op_fail(c, "input must be f32 or f64 with 3 to 5 dimensions, not %s %s",
                tsr_dtype_name((tsr_dtype)a->input->dtype), tensor_shape_text(a->input));
        return false;
    }
    if ((a->size.n > 0) == (a->scale_factor.n > 0)) {
        op_fail(c, "one of size and scale_factor must be given, and not both");
        return false;
    }
    if (given != 1 && given != spatial) {
        op_fail(c, "%d values are given for the %d spatial dimensions of input %s", given, spatial,
                tensor_shape_text(a->input));
        return false;
    }
    if (a->antialias) op_fail(c, "antialias is not supported");
    return !a->antialias;
}

/* The output's spatial sizes. */
static bool output_size(const op_ctx *c, const tsr_interpolate_args *a, int spatial, tsr_shape *size)
{
    size->n = spatial;
    for (int i = 0; i < spatial; i++) {
        int from = (a->size.n > 0 ? a->size.n : a->scale_factor.n) == 1 ? 0 : i;
        int64_t in = a->input->shape[2 + i];
        size->v[i] = a->size.n > 0 ? a->size.v[from] : (int64_t)floor((double)in * a->scale_factor.v[from]);
        if (in > 0 && size->v[i] > 0) continue;
        op_fail(c, "input and output sizes must be greater than 0, but dimension %d goes from %lld to %lld", 2 + i,
                (long long)in, (long long)size->v[i]);
        return false;
    }
    return true;
}

/* The scales that coordinates are computed with; none when they follow from the sizes. */
static tsr_floats scales(const tsr_interpolate_args *a, int spatial)
{
    tsr_floats s = {0};
    if (a->scale_factor.n == 0 || a->recompute_scale_factor == TSR_YES) return s;
    s.n = spatial;
    for (int i = 0; i < spatial; i++) s.v[i] = a->scale_factor.v[a->scale_factor.n == 1 ? 0 : i];
    return s;
}

tsr_tensor *op_interpolate(op_ctx *c, const tsr_interpolate_args *a)
{
    int spatial = a->input->ndim - 2;
    tsr_shape size;
    if (!check_call(c, a, spatial)) return NULL;
    const mode_rule *rule = find_mode(c, a->mode, spatial);
    if (!rule) return NULL;
    if (a->align_corners != TSR_FLAG_DEFAULT && !rule->aligns)
        return op_fail(c, "align_corners can only be set with linear, bilinear, bicubic and trilinear, not \"%s\"",
                       a->mode);
    if (!output_size(c, a, spatial, &size)) return NULL;
    return tsr_resample(a->input, size, rule->mode, a->align_corners == TSR_YES, scales(a, spatial));
}

/* ---- over the kernels --------------------------------------------------------------------------------------------- */

static interp_params params_of(int spatial, int64_t mode, bool align_corners, const tsr_floats *scale)
{
    interp_params p = {.mode = (int32_t)mode, .spatial = spatial, .align_corners = align_corners};
    for (int i = 0; i < scale->n; i++) p.scale[i] = scale->v[i];
    return p;
}

tsr_tensor *op_resample(op_ctx *c, const tsr_resample_args *a)
{
    (void)c;
    tsr_shape shape = op_shape(a->input);
    memcpy(shape.v + 2, a->size.v, (size_t)a->size.n * sizeof *shape.v);
    tsr_tensor *out = region_like((tsr_dtype)a->input->dtype, &shape, a->input);
    if (!out || tensor_numel(out) == 0) return out;
    interp_params p = params_of(a->size.n, a->mode, a->align_corners, &a->scale);
    array o = array_of(out), x = array_of(a->input);
    return op_backend(out)->interpolate(&o, &x, &p) ? out : NULL;
}

void op_resample_grad(op_ctx *c, const tsr_resample_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    grad_in[0] = tsr_resample_backward(grad[0], op_input_meta(c, 0).shape, a->mode, a->align_corners, a->scale);
}

tsr_tensor *op_resample_backward(op_ctx *c, const tsr_resample_backward_args *a)
{
    (void)c;
    tsr_tensor *out = region_like((tsr_dtype)a->grad->dtype, &a->size, a->grad);
    if (!out || tensor_numel(out) == 0) return out;
    interp_params p = params_of(a->size.n - 2, a->mode, a->align_corners, &a->scale);
    array o = array_of(out), g = array_of(a->grad);
    return op_backend(out)->interpolate_grad(&o, &g, &p) ? out : NULL;
}

void op_resample_backward_grad(op_ctx *c, const tsr_resample_backward_args *a, tsr_tensor *const *grad,
                               tsr_tensor **grad_in)
{
    tsr_shape shape = op_input_meta(c, 0).shape, size = {.n = shape.n - 2};
    memcpy(size.v, shape.v + 2, (size_t)size.n * sizeof *size.v);
    grad_in[0] = tsr_resample(grad[0], size, a->mode, a->align_corners, a->scale);
}
