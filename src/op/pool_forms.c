/* pool_forms.c: the pooling that users call, in one to three dimensions: checks, defaults, inputs without a batch. */
#include "op/region.h"
#include "op_gen.h"

typedef struct call {
    tsr_tensor *input;
    int spatial;
    tsr_shape kernel, stride, padding, dilation;
    bool ceil_mode;
} call;

/* A stride of -1 is the kernel's size. */
static call make_call(tsr_tensor *input, int spatial, const int64_t *kernel, const int64_t *stride,
                      const int64_t *padding, bool ceil_mode)
{
    call k = {input,
              spatial,
              region_sizes(kernel, spatial),
              region_sizes(stride, spatial),
              region_sizes(padding, spatial),
              {.n = spatial},
              ceil_mode};
    for (int i = 0; i < spatial; i++) {
        if (stride[i] == -1) k.stride.v[i] = kernel[i];
        k.dilation.v[i] = 1;
    }
    return k;
}

/* ---- checks ------------------------------------------------------------------------------------------------------- */

/* An input of [N, C, spatial...] or [C, spatial...], where N may be 0, and C with `any_channels`. */
static bool check_input(const op_ctx *c, const tsr_tensor *x, int spatial, bool any_channels)
{
    int lead = x->ndim - spatial;
    bool ok = op_is_float(x) && (lead == 1 || lead == 2);
    for (int d = lead - !any_channels; ok && d < x->ndim; d++) ok = x->shape[d] > 0;
    if (!ok)
        op_fail(c, "input must be f32 or f64, [N, C] or [C] and %d more dimensions without a size of 0%s, not %s %s",
                spatial, any_channels ? "" : " (nor in C)", tsr_dtype_name((tsr_dtype)x->dtype), tensor_shape_text(x));
    return ok;
}

static bool check_call(const op_ctx *c, const call *k)
{
    if (!check_input(c, k->input, k->spatial, false)) return false;
    for (int i = 0; i < k->spatial; i++) {
        int64_t kernel = k->kernel.v[i], stride = k->stride.v[i], dilation = k->dilation.v[i];
        if (kernel < 1 || stride < 1 || dilation < 1 || kernel > REGION_MOST || stride > REGION_MOST ||
            dilation > REGION_MOST) {
            op_fail(c, "kernel_size %s, stride %s and dilation %s must be at least 1 and below 2^31",
                    shape_text(&k->kernel), shape_text(&k->stride), shape_text(&k->dilation));
            return false;
        }
        int64_t padding = k->padding.v[i], covers = dilation * (kernel - 1) + 1;
        if (padding >= 0 && padding <= covers / 2) continue;
        op_fail(c, "padding %s must lie between 0 and half of the kernel's size %s", shape_text(&k->padding),
                shape_text(&k->kernel));
        return false;
    }
    return true;
}

static bool is_single(const tsr_tensor *x, int spatial) { return x->ndim == spatial + 1; }

static tsr_tensor *with_batch(tsr_tensor *x, int spatial) { return is_single(x, spatial) ? tsr_unsqueeze(x, 0) : x; }

/* y without the batch that with_batch added to x */
static tsr_tensor *like_input(tsr_tensor *y, const tsr_tensor *x, int spatial)
{
    return is_single(x, spatial) ? tsr_squeeze_dim(y, 0) : y;
}

/* ---- maximum ------------------------------------------------------------------------------------------------------ */

static tsr_max_pool_result max_pool(op_ctx *c, call k, const int64_t *dilation, bool indexed)
{
    tsr_max_pool_result r = {0};
    k.dilation = region_sizes(dilation, k.spatial);
    if (!check_call(c, &k)) return r;
    r = tsr_max_pool(with_batch(k.input, k.spatial), k.kernel, k.stride, k.padding, k.dilation, k.ceil_mode, indexed);
    r.output = like_input(r.output, k.input, k.spatial);
    if (indexed) r.indices = like_input(r.indices, k.input, k.spatial);
    return r;
}

static bool max_pool_with_indices(op_ctx *c, call k, const int64_t *dilation, tsr_flag wanted, tsr_tensor **out)
{
    if (!op_flag(wanted)) return op_fail(c, "return_indices is false: leave it out") != NULL;
    tsr_max_pool_result r = max_pool(c, k, dilation, true);
    out[0] = r.output;
    out[1] = r.indices;
    return r.output && r.indices;
}

tsr_tensor *op_max_pool1d(op_ctx *c, const tsr_max_pool1d_args *a)
{
    call k = make_call(a->input, 1, a->kernel_size, a->stride, a->padding, a->ceil_mode);
    return max_pool(c, k, a->dilation, false).output;
}

bool op_max_pool1d_return_indices(op_ctx *c, const tsr_max_pool1d_return_indices_args *a, tsr_tensor **out)
{
    call k = make_call(a->input, 1, a->kernel_size, a->stride, a->padding, a->ceil_mode);
    return max_pool_with_indices(c, k, a->dilation, a->return_indices, out);
}

tsr_tensor *op_max_pool2d(op_ctx *c, const tsr_max_pool2d_args *a)
{
    call k = make_call(a->input, 2, a->kernel_size, a->stride, a->padding, a->ceil_mode);
    return max_pool(c, k, a->dilation, false).output;
}

bool op_max_pool2d_return_indices(op_ctx *c, const tsr_max_pool2d_return_indices_args *a, tsr_tensor **out)
{
    call k = make_call(a->input, 2, a->kernel_size, a->stride, a->padding, a->ceil_mode);
    return max_pool_with_indices(c, k, a->dilation, a->return_indices, out);
}

tsr_tensor *op_max_pool3d(op_ctx *c, const tsr_max_pool3d_args *a)
{
    call k = make_call(a->input, 3, a->kernel_size, a->stride, a->padding, a->ceil_mode);
    return max_pool(c, k, a->dilation, false).output;
}

/* ---- average ------------------------------------------------------------------------------------------------------ */

static tsr_tensor *avg_pool(op_ctx *c, call k, bool count_include_pad, tsr_number divisor)
{
    if (op_has(divisor) && op_i64(divisor) == 0) return op_fail(c, "divisor_override must not be zero");
    if (!check_call(c, &k)) return NULL;
    tsr_tensor *x = with_batch(k.input, k.spatial);
    int64_t by = op_has(divisor) ? op_i64(divisor) : 0;
    return like_input(tsr_avg_pool(x, k.kernel, k.stride, k.padding, k.ceil_mode, count_include_pad, by), k.input,
                      k.spatial);
}

tsr_tensor *op_avg_pool1d(op_ctx *c, const tsr_avg_pool1d_args *a)
{
    call k = make_call(a->input, 1, a->kernel_size, a->stride, a->padding, a->ceil_mode);
    return avg_pool(c, k, op_flag(a->count_include_pad), (tsr_number){0});
}

tsr_tensor *op_avg_pool2d(op_ctx *c, const tsr_avg_pool2d_args *a)
{
    call k = make_call(a->input, 2, a->kernel_size, a->stride, a->padding, a->ceil_mode);
    return avg_pool(c, k, op_flag(a->count_include_pad), a->divisor_override);
}

tsr_tensor *op_avg_pool3d(op_ctx *c, const tsr_avg_pool3d_args *a)
{
    call k = make_call(a->input, 3, a->kernel_size, a->stride, a->padding, a->ceil_mode);
    return avg_pool(c, k, op_flag(a->count_include_pad), a->divisor_override);
}

/* ---- adaptive average --------------------------------------------------------------------------------------------- */

/* The output size of one dimension: 0 keeps the input's. */
static bool adaptive_size(const op_ctx *c, int64_t wanted, int64_t in, int64_t *size)
{
    *size = wanted == 0 ? in : wanted;
    if (wanted < 0) op_fail(c, "output_size must not be negative, but is %lld", (long long)wanted);
    return wanted >= 0;
}

tsr_tensor *op_adaptive_avg_pool1d(op_ctx *c, const tsr_adaptive_avg_pool1d_args *a)
{
    tsr_shape size = TSR_SHAPE(1, 0);
    if (!check_input(c, a->input, 1, true) ||
        !adaptive_size(c, a->output_size[0], a->input->shape[a->input->ndim - 1], &size.v[1]))
        return NULL;
    tsr_tensor *x = tsr_unsqueeze(with_batch(a->input, 1), 2);
    return like_input(tsr_squeeze_dim(tsr_adaptive_avg_pool(x, size), 2), a->input, 1);
}

tsr_tensor *op_adaptive_avg_pool2d(op_ctx *c, const tsr_adaptive_avg_pool2d_args *a)
{
    tsr_shape size = {.n = 2};
    if (!check_input(c, a->input, 2, true)) return NULL;
    for (int i = 0; i < 2; i++)
        if (!adaptive_size(c, a->output_size[i], a->input->shape[a->input->ndim - 2 + i], &size.v[i])) return NULL;
    return like_input(tsr_adaptive_avg_pool(with_batch(a->input, 2), size), a->input, 2);
}
