/* conv.c: the convolution and its derivatives.

   y = F(x, w) is linear in x and in w, so its derivatives are two more linear maps, X(g, w) for the input and W(g, x) for
   the weight, and each of the three has the other two as derivatives:

       F:  dx = X(g, w)    dw = W(g, x)
       X:  dg = F(h, w)    dw = W(g, h)     h the gradient of X's result
       W:  dg = F(x, h)    dx = X(g, h)     h the gradient of W's result

   which makes convolutions differentiable any number of times (gradient penalties). The transposed convolution is X; with
   an output_padding its result can be larger than what F needs, so what F gives back is cut to g's size. Shapes were
   checked by conv_forms.c. */
#include "base/profile.h"
#include "op/norm_formula.h"
#include "op/region.h"
#include "op_gen.h"

/* ---- kernels ------------------------------------------------------------------------------------------------------ */

static conv_params make_params(tsr_shape stride, tsr_shape padding, tsr_shape dilation, int64_t groups)
{
    conv_params p = {.spatial = stride.n, .groups = groups};
    for (int i = 0; i < stride.n; i++) {
        p.stride[i] = stride.v[i];
        p.padding[i] = padding.v[i];
        p.dilation[i] = dilation.v[i];
    }
    return p;
}

/* Images are channels-last, as the kernels like them. */
static tsr_tensor *image_output(const tsr_shape *shape, const tsr_tensor *near)
{
    tsr_dtype dtype = (tsr_dtype)near->dtype;
    return shape->n == 4 ? region_channels_last(dtype, shape, near) : region_empty(dtype, shape, near);
}

/* Zeros where one of the factors has no elements: then there is nothing to add up. */
static tsr_tensor *zeros_instead(tsr_tensor *out) { return out && op_fill_with(out, 0) ? out : NULL; }

/* Each element on the side of the weight's first dimension, F's result, meets a window of input in all channels of its group:
   as many products in each of the three maps. */
static void count_flops(const tsr_tensor *result, const tsr_tensor *weight)
{
    profile_count_flops(2 * tensor_numel(result) * (tensor_numel(weight) / weight->shape[0]));
}

static int64_t conv_size(int64_t in, int64_t kernel, const conv_params *p, int i)
{
    return (in + 2 * p->padding[i] - p->dilation[i] * (kernel - 1) - 1) / p->stride[i] + 1;
}

tsr_tensor *op_conv_forward(op_ctx *c, const tsr_conv_forward_args *a)
{
    (void)c;
    conv_params p = make_params(a->stride, a->padding, a->dilation, a->groups);
    tsr_shape shape = op_shape(a->input);
    shape.v[1] = a->weight->shape[0];
    for (int i = 0; i < p.spatial; i++) shape.v[2 + i] = conv_size(shape.v[2 + i], a->weight->shape[2 + i], &p, i);
    tsr_tensor *out = image_output(&shape, a->input);
    if (!out || region_is_empty(out)) return out;
    array o = array_of(out), x = array_of(a->input), w = array_of(a->weight), b = {0};
    if (a->bias) b = array_of(a->bias);
    count_flops(out, a->weight);
    return op_backend(out)->conv_forward(&o, &x, &w, a->bias ? &b : NULL, &p) ? out : NULL;
}

tsr_tensor *op_conv_grad_input(op_ctx *c, const tsr_conv_grad_input_args *a)
{
    (void)c;
    conv_params p = make_params(a->stride, a->padding, a->dilation, a->groups);
    tsr_tensor *out = image_output(&a->size, a->grad);
    if (!out || region_is_empty(out)) return out;
    if (region_is_empty(a->grad)) return zeros_instead(out);
    array o = array_of(out), g = array_of(a->grad), w = array_of(a->weight);
    count_flops(a->grad, a->weight);
    return op_backend(out)->conv_grad_input(&o, &g, &w, &p) ? out : NULL;
}

/* The weight's gradient and, where bias is not NULL, the bias's. */
static bool grad_params(tsr_tensor *weight, tsr_tensor *bias, const tsr_conv_grad_params_args *a)
{
    conv_params p = make_params(a->stride, a->padding, a->dilation, a->groups);
    if (!weight) return false;
    if (region_is_empty(a->grad) || region_is_empty(weight))
        return zeros_instead(weight) && (!bias || zeros_instead(bias));
    array w = array_of(weight), b = {0}, g = array_of(a->grad), x = array_of(a->input);
    if (bias) b = array_of(bias);
    count_flops(a->grad, weight);
    return op_backend(weight)->conv_grad_weight(&w, bias ? &b : NULL, &g, &x, &p);
}

static tsr_conv_grad_params_args as_grad_params(const tsr_conv_grad_weight_args *a)
{
    return (tsr_conv_grad_params_args){.grad = a->grad,
                                       .input = a->input,
                                       .size = a->size,
                                       .stride = a->stride,
                                       .padding = a->padding,
                                       .dilation = a->dilation,
                                       .groups = a->groups};
}

tsr_tensor *op_conv_grad_weight(op_ctx *c, const tsr_conv_grad_weight_args *a)
{
    (void)c;
    tsr_conv_grad_params_args both = as_grad_params(a);
    tsr_tensor *weight = region_empty((tsr_dtype)a->grad->dtype, &a->size, a->grad);
    return grad_params(weight, NULL, &both) ? weight : NULL;
}

bool op_conv_grad_params(op_ctx *c, const tsr_conv_grad_params_args *a, tsr_tensor **out)
{
    (void)c;
    tsr_dtype dtype = (tsr_dtype)a->grad->dtype;
    out[0] = region_empty(dtype, &a->size, a->grad);
    bool bias_alone = out[0] && region_is_empty(out[0]); /* no input channel: the results are the bias */
    out[1] = bias_alone ? norm_channel_sum(a->grad) : region_empty(dtype, &TSR_SHAPE(a->size.v[0]), a->grad);
    return out[1] && (bias_alone || grad_params(out[0], out[1], a));
}

/* ---- derivatives -------------------------------------------------------------------------------------------------- */

void op_conv_forward_grad(op_ctx *c, const tsr_conv_forward_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    tsr_shape x = op_input_meta(c, 0).shape, w = op_input_meta(c, 1).shape;
    bool weight = op_needs(c, 1), bias = op_needs(c, 2);
    if (op_needs(c, 0))
        grad_in[0] = tsr_conv_grad_input(grad[0], a->weight, x, a->stride, a->padding, a->dilation, a->groups);
    if (weight && bias) {
        tsr_conv_grad_params_result r = tsr_conv_grad_params(grad[0], a->input, w, a->stride, a->padding, a->dilation,
                                                             a->groups);
        grad_in[1] = r.weight;
        grad_in[2] = r.bias;
    } else if (weight) {
        grad_in[1] = tsr_conv_grad_weight(grad[0], a->input, w, a->stride, a->padding, a->dilation, a->groups);
    } else if (bias) grad_in[2] = norm_channel_sum(grad[0]);
}

/* The spatial sizes of t cut to those of `shape`. */
static tsr_tensor *cut_to(tsr_tensor *t, const tsr_shape *shape)
{
    for (int d = 2; t && d < shape->n; d++)
        if (t->shape[d] > shape->v[d]) t = tsr_narrow(t, d, 0, shape->v[d]);
    return t;
}

void op_conv_grad_input_grad(op_ctx *c, const tsr_conv_grad_input_args *a, tsr_tensor *const *grad,
                             tsr_tensor **grad_in)
{
    tsr_shape g = op_input_meta(c, 0).shape, w = op_input_meta(c, 1).shape;
    if (op_needs(c, 0)) {
        tsr_tensor *all = tsr_conv_forward(grad[0], a->weight, a->stride, a->padding, a->dilation, a->groups);
        grad_in[0] = cut_to(all, &g);
    }
    if (op_needs(c, 1))
        grad_in[1] = tsr_conv_grad_weight(a->grad, grad[0], w, a->stride, a->padding, a->dilation, a->groups);
}

/* dg and dx of W, for h the gradient of its result; grad_in[0] may get the bias's part added by the caller. */
static void grad_of_weight_map(op_ctx *c, const tsr_conv_grad_params_args *a, tsr_tensor *h, tsr_tensor **grad_in)
{
    tsr_shape g = op_input_meta(c, 0).shape, x = op_input_meta(c, 1).shape;
    if (op_needs(c, 0)) {
        tsr_tensor *all = tsr_conv_forward(a->input, h, a->stride, a->padding, a->dilation, a->groups);
        grad_in[0] = cut_to(all, &g);
    }
    if (op_needs(c, 1)) grad_in[1] = tsr_conv_grad_input(a->grad, h, x, a->stride, a->padding, a->dilation, a->groups);
}

void op_conv_grad_weight_grad(op_ctx *c, const tsr_conv_grad_weight_args *a, tsr_tensor *const *grad,
                              tsr_tensor **grad_in)
{
    tsr_conv_grad_params_args both = as_grad_params(a);
    grad_of_weight_map(c, &both, grad[0], grad_in);
}

void op_conv_grad_params_grad(op_ctx *c, const tsr_conv_grad_params_args *a, tsr_tensor *const *grad,
                              tsr_tensor **grad_in)
{
    if (grad[0]) grad_of_weight_map(c, a, grad[0], grad_in);
    if (!grad[1] || !op_needs(c, 0)) return;
    tsr_shape g = op_input_meta(c, 0).shape, one = {.n = g.n};
    for (int d = 0; d < g.n; d++) one.v[d] = d == 1 ? g.v[1] : 1;
    tsr_tensor *bias = tsr_expand(tsr_reshape(grad[1], one), g);
    grad_in[0] = grad_in[0] ? tsr_add(grad_in[0], bias) : bias;
}
