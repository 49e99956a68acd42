/* pad.c: padding and cropping. Padding is linear (but for the constant), so the derivative of its gradient is padding
   again, with zeros where it was a constant. */
#include "op/pointwise.h"
#include "op/region.h"
#include "op_gen.h"

#include <string.h>

static pad_mode mode_named(const char *name)
{
    static const char *const names[] = {[PAD_CONSTANT] = "constant",
                                        [PAD_REFLECT] = "reflect",
                                        [PAD_REPLICATE] = "replicate",
                                        [PAD_CIRCULAR] = "circular"};
    pad_mode mode = PAD_CONSTANT;
    while (mode < TSR_COUNT(names) - 1 && strcmp(names[mode], name) != 0) mode++;
    return mode;
}

/* How much is added before and after dimension d of ndim. */
static void around(const tsr_shape *pad, int ndim, int d, int64_t *before, int64_t *after)
{
    int at = 2 * (ndim - 1 - d);
    bool given = at + 1 < pad->n;
    *before = given ? pad->v[at] : 0;
    *after = given ? pad->v[at + 1] : 0;
}

static bool check_pad(const op_ctx *c, const tsr_pad_args *a, pad_mode mode)
{
    int dims = a->pad.n / 2, more = a->input->ndim - dims;
    if (a->pad.n % 2 != 0 || more < 0) {
        op_fail(c, "pad %s must hold two numbers for each of at most %d dimensions", shape_text(&a->pad),
                a->input->ndim);
        return false;
    }
    if (mode == PAD_CONSTANT || (dims >= 1 && dims <= 3 && (more == 1 || more == 2))) return true;
    op_fail(
        c,
        "mode \"%s\" pads the last one to three dimensions of an input with one or two more; pad %s is for %d, input "
        "is %s",
        a->mode, shape_text(&a->pad), dims, tensor_shape_text(a->input));
    return false;
}

/* Can a mode look that far beyond a dimension of `size`? */
static bool reaches(pad_mode mode, int64_t size, int64_t before, int64_t after)
{
    int64_t most = tsr_max_i64(before, after), left = size + tsr_min_i64(before, 0) + tsr_min_i64(after, 0);
    if (mode == PAD_REFLECT) return most < size;
    if (mode == PAD_CIRCULAR) return most <= left;
    return mode == PAD_CONSTANT || size > 0;
}

static bool padded_shape(const op_ctx *c, const tsr_pad_args *a, pad_mode mode, int64_t *before, tsr_shape *shape)
{
    *shape = op_shape(a->input);
    for (int d = 0; d < shape->n; d++) {
        int64_t after, size = shape->v[d];
        around(&a->pad, shape->n, d, &before[d], &after);
        shape->v[d] = size + before[d] + after;
        bool padded = before[d] != 0 || after != 0;
        bool ok = shape->v[d] >= (mode == PAD_CONSTANT || !padded ? 0 : 1);
        if (ok && padded) ok = reaches(mode, size, before[d], after);
        if (ok) continue;
        op_fail(c, "padding of %lld and %lld does not fit dimension %d of input %s in mode \"%s\"",
                (long long)before[d], (long long)after, d, tensor_shape_text(a->input), a->mode);
        return false;
    }
    return true;
}

/* What circular padding wraps around is what negative padding leaves: t without that, and `before` without its part. */
static tsr_tensor *left_over(tsr_tensor *t, const tsr_shape *pad, pad_mode mode, int64_t *before)
{
    for (int d = 0; t && mode == PAD_CIRCULAR && d < t->ndim; d++) {
        int64_t low, high, size = t->shape[d];
        around(pad, t->ndim, d, &low, &high);
        int64_t from = tsr_max_i64(-low, 0), to = size - tsr_max_i64(-high, 0);
        if (from > 0 || to < size) t = region_narrow(t, d, from, to - from);
        before[d] = tsr_max_i64(low, 0);
    }
    return t;
}

tsr_tensor *op_pad(op_ctx *c, const tsr_pad_args *a)
{
    pad_mode mode = mode_named(a->mode);
    int64_t before[TSR_MAX_DIMS];
    tsr_shape shape;
    if (!check_pad(c, a, mode) || !padded_shape(c, a, mode, before, &shape)) return NULL;
    if (mode == PAD_CONSTANT && !pointwise_fits(c, a->value, (tsr_dtype)a->input->dtype)) return NULL;
    tsr_tensor *out = region_like((tsr_dtype)a->input->dtype, &shape, a->input);
    if (!out || tensor_numel(out) == 0) return out;
    if (tensor_numel(a->input) == 0) return op_fill_with(out, op_f64(a->value)) ? out : NULL;
    tsr_tensor *in = left_over(a->input, &a->pad, mode, before);
    if (!in) return NULL;
    array o = array_of(out), x = array_of(in);
    return op_backend(out)->pad(&o, &x, before, mode, op_f64(a->value)) ? out : NULL;
}

void op_pad_grad(op_ctx *c, const tsr_pad_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    grad_in[0] = tsr_pad_backward(grad[0], op_input_meta(c, 0).shape, a->pad, a->mode);
}

tsr_tensor *op_pad_backward(op_ctx *c, const tsr_pad_backward_args *a)
{
    (void)c;
    pad_mode mode = mode_named(a->mode);
    int64_t before[TSR_MAX_DIMS], after;
    tsr_tensor *out = region_like((tsr_dtype)a->grad->dtype, &a->size, a->grad);
    if (!out || tensor_numel(out) == 0) return out;
    if (tensor_numel(a->grad) == 0) return op_fill_with(out, 0) ? out : NULL;
    for (int d = 0; d < a->size.n; d++) around(&a->pad, a->size.n, d, &before[d], &after);
    tsr_tensor *to = left_over(out, &a->pad, mode, before);
    if (!to || (to != out && !op_fill_with(out, 0))) return NULL;
    array o = array_of(to), g = array_of(a->grad);
    return op_backend(out)->pad_grad(&o, &g, before, mode) ? out : NULL;
}

void op_pad_backward_grad(op_ctx *c, const tsr_pad_backward_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c;
    grad_in[0] = tsr_pad(grad[0], a->pad, a->mode);
}
