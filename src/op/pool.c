/* pool.c: pooling over the kernels, for [N, C, spatial...] with one to three spatial dimensions, checked by pool_forms.c.

   An average is linear, so the derivative of its gradient is the average again; that of the maximum's gradient reads
   where the largest values were. */
#include "op/region.h"
#include "op_gen.h"

#include <string.h>

static void copy_ints(int64_t *to, const tsr_shape *from) { memcpy(to, from->v, (size_t)from->n * sizeof *to); }

/* One output size. In ceil_mode the last window must start inside the input or the padding before it. */
static int64_t pooled_size(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation,
                           bool ceil_mode)
{
    int64_t room = in + 2 * padding - dilation * (kernel - 1) - 1;
    if (room < 0 && (!ceil_mode || room + stride - 1 < 0)) return 0;
    int64_t n = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
    return ceil_mode && (n - 1) * stride >= in + padding ? n - 1 : n;
}

/* input's shape with pooled spatial sizes; false and an error when one is below 1. */
static bool pooled_shape(const op_ctx *c, const tsr_tensor *x, const pool_params *p, bool ceil_mode, tsr_shape *shape)
{
    *shape = op_shape(x);
    for (int i = 0; i < p->spatial; i++) {
        int64_t n = pooled_size(x->shape[2 + i], p->kernel[i], p->stride[i], p->padding[i], p->dilation[i], ceil_mode);
        shape->v[2 + i] = n;
        if (n > 0) continue;
        op_fail(c, "input %s is too small for a kernel of %lld (padding %lld, dilation %lld) in dimension %d",
                tensor_shape_text(x), (long long)p->kernel[i], (long long)p->padding[i], (long long)p->dilation[i],
                2 + i);
        return false;
    }
    return true;
}

/* ---- maximum ------------------------------------------------------------------------------------------------------ */

bool op_max_pool(op_ctx *c, const tsr_max_pool_args *a, tsr_tensor **out)
{
    pool_params p = {.spatial = a->kernel.n};
    tsr_shape shape;
    copy_ints(p.kernel, &a->kernel);
    copy_ints(p.stride, &a->stride);
    copy_ints(p.padding, &a->padding);
    copy_ints(p.dilation, &a->dilation);
    if (!pooled_shape(c, a->input, &p, a->ceil_mode, &shape)) return false;
    out[0] = region_like((tsr_dtype)a->input->dtype, &shape, a->input);
    bool indexed = a->indexed || op_recording(c);
    out[1] = indexed ? region_like(TSR_I64, &shape, a->input) : region_empty(TSR_I64, &TSR_SHAPE(0), a->input);
    if (!out[0] || !out[1] || tensor_numel(out[0]) == 0) return out[0] && out[1];
    array o = array_of(out[0]), i = array_of(out[1]), x = array_of(a->input);
    return op_backend(a->input)->max_pool(&o, indexed ? &i : NULL, &x, &p);
}

void op_max_pool_grad(op_ctx *c, const tsr_max_pool_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)a;
    if (grad[0]) grad_in[0] = tsr_max_pool_backward(grad[0], op_result(c, 1), op_input_meta(c, 0).shape);
}

tsr_tensor *op_max_pool_backward(op_ctx *c, const tsr_max_pool_backward_args *a)
{
    (void)c;
    pool_params p = {.spatial = a->size.n - 2};
    tsr_tensor *out = region_like((tsr_dtype)a->grad->dtype, &a->size, a->grad);
    if (!out || tensor_numel(out) == 0) return out;
    array o = array_of(out), g = array_of(a->grad), i = array_of(a->indices);
    return op_backend(out)->max_pool_grad(&o, &g, &i, &p) ? out : NULL;
}

void op_max_pool_backward_grad(op_ctx *c, const tsr_max_pool_backward_args *a, tsr_tensor *const *grad,
                               tsr_tensor **grad_in)
{
    tsr_shape shape = op_input_meta(c, 0).shape;
    tsr_shape planes = TSR_SHAPE(shape.v[0], shape.v[1], region_count(&a->size, 2, a->size.n));
    tsr_shape places = TSR_SHAPE(shape.v[0], shape.v[1], region_count(&shape, 2, shape.n));
    tsr_tensor *index = tsr_reshape(a->indices, places);
    grad_in[0] = tsr_reshape(tsr_gather(tsr_reshape(grad[0], planes), 2, index), shape);
}

/* ---- average ------------------------------------------------------------------------------------------------------ */

static pool_params avg_params(const tsr_shape *kernel, const tsr_shape *stride, const tsr_shape *padding,
                              bool count_include_pad, int64_t divisor)
{
    pool_params p = {
        .spatial = kernel->n, .count_include_pad = count_include_pad, .divisor = divisor, .dilation = {1, 1, 1}};
    copy_ints(p.kernel, kernel);
    copy_ints(p.stride, stride);
    copy_ints(p.padding, padding);
    return p;
}

tsr_tensor *op_avg_pool(op_ctx *c, const tsr_avg_pool_args *a)
{
    pool_params p = avg_params(&a->kernel, &a->stride, &a->padding, a->count_include_pad, a->divisor);
    tsr_shape shape;
    if (!pooled_shape(c, a->input, &p, a->ceil_mode, &shape)) return NULL;
    tsr_tensor *out = region_like((tsr_dtype)a->input->dtype, &shape, a->input);
    if (!out || tensor_numel(out) == 0) return out;
    array o = array_of(out), x = array_of(a->input);
    return op_backend(out)->avg_pool(&o, &x, &p) ? out : NULL;
}

void op_avg_pool_grad(op_ctx *c, const tsr_avg_pool_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    grad_in[0] = tsr_avg_pool_backward(grad[0], op_input_meta(c, 0).shape, a->kernel, a->stride, a->padding,
                                       a->ceil_mode, a->count_include_pad, a->divisor);
}

tsr_tensor *op_avg_pool_backward(op_ctx *c, const tsr_avg_pool_backward_args *a)
{
    (void)c;
    pool_params p = avg_params(&a->kernel, &a->stride, &a->padding, a->count_include_pad, a->divisor);
    tsr_tensor *out = region_like((tsr_dtype)a->grad->dtype, &a->size, a->grad);
    if (!out || tensor_numel(out) == 0) return out;
    array o = array_of(out), g = array_of(a->grad);
    return op_backend(out)->avg_pool_grad(&o, &g, &p) ? out : NULL;
}

void op_avg_pool_backward_grad(op_ctx *c, const tsr_avg_pool_backward_args *a, tsr_tensor *const *grad,
                               tsr_tensor **grad_in)
{
    (void)c;
    grad_in[0] = tsr_avg_pool(grad[0], a->kernel, a->stride, a->padding, a->ceil_mode, a->count_include_pad,
                              a->divisor);
}

/* ---- adaptive average --------------------------------------------------------------------------------------------- */

tsr_tensor *op_adaptive_avg_pool(op_ctx *c, const tsr_adaptive_avg_pool_args *a)
{
    (void)c;
    tsr_shape shape = op_shape(a->input);
    shape.v[2] = a->output_size.v[0];
    shape.v[3] = a->output_size.v[1];
    tsr_tensor *out = region_like((tsr_dtype)a->input->dtype, &shape, a->input);
    if (!out || tensor_numel(out) == 0) return out;
    array o = array_of(out), x = array_of(a->input);
    return op_backend(out)->adaptive_avg_pool(&o, &x) ? out : NULL;
}

void op_adaptive_avg_pool_grad(op_ctx *c, const tsr_adaptive_avg_pool_args *a, tsr_tensor *const *grad,
                               tsr_tensor **grad_in)
{
    (void)a;
    grad_in[0] = tsr_adaptive_avg_pool_backward(grad[0], op_input_meta(c, 0).shape);
}

tsr_tensor *op_adaptive_avg_pool_backward(op_ctx *c, const tsr_adaptive_avg_pool_backward_args *a)
{
    (void)c;
    tsr_tensor *out = region_like((tsr_dtype)a->grad->dtype, &a->size, a->grad);
    if (!out || tensor_numel(out) == 0) return out;
    array o = array_of(out), g = array_of(a->grad);
    return op_backend(out)->adaptive_avg_pool_grad(&o, &g) ? out : NULL;
}

void op_adaptive_avg_pool_backward_grad(op_ctx *c, const tsr_adaptive_avg_pool_backward_args *a,
                                        tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)a;
    tsr_shape shape = op_input_meta(c, 0).shape;
    grad_in[0] = tsr_adaptive_avg_pool(grad[0], TSR_SHAPE(shape.v[2], shape.v[3]));
}
