/* conv_forms.c: the convolutions that users call, in one to three dimensions: their checks, named padding, inputs without a
   batch. The work is in conv.c. */
#include "op/region.h"
#include "op_gen.h"

#include <string.h>

/* One call, whatever its number of spatial dimensions. */
typedef struct call {
    tsr_tensor *input, *weight, *bias;
    int spatial;
    tsr_shape stride, padding, dilation, output_padding;
    int64_t groups;
} call;

/* The call with n spatial dimensions that an argument struct describes; the paddings follow as fields. */
#define CALL(a, n, ...)                                                                                                \
    {                                                                                                                  \
        .input = (a)->input, .weight = (a)->weight, .bias = (a)->bias, .spatial = n,                                   \
        .stride = region_sizes((a)->stride, n), .dilation = region_sizes((a)->dilation, n), .groups = (a)->groups,     \
        __VA_ARGS__                                                                                                    \
    }

/* ---- checks ------------------------------------------------------------------------------------------------------- */

static bool check_numbers(const op_ctx *c, const call *k)
{
    for (int i = 0; i < k->spatial; i++) {
        if (k->stride.v[i] < 1 || k->dilation.v[i] < 1) {
            op_fail(c, "stride %s and dilation %s must be at least 1", shape_text(&k->stride),
                    shape_text(&k->dilation));
            return false;
        }
        if (k->padding.v[i] < 0) {
            op_fail(c, "padding %s must not be negative", shape_text(&k->padding));
            return false;
        }
    }
    if (k->groups < 1) op_fail(c, "groups must be at least 1, not %lld", (long long)k->groups);
    return k->groups >= 1;
}

static bool check_dtypes(const op_ctx *c, const call *k)
{
    const tsr_tensor *x = k->input, *w = k->weight, *b = k->bias;
    if (!op_is_float(x)) {
        op_fail(c, "input is %s; f32 or f64 is needed", tsr_dtype_name((tsr_dtype)x->dtype));
        return false;
    }
    if (x->dtype == w->dtype && (!b || b->dtype == x->dtype)) return true;
    op_fail(c, "input is %s, weight %s, bias %s: one dtype is needed", tsr_dtype_name((tsr_dtype)x->dtype),
            tsr_dtype_name((tsr_dtype)w->dtype), b ? tsr_dtype_name((tsr_dtype)b->dtype) : "none");
    return false;
}

static bool check_ranks(const op_ctx *c, const call *k)
{
    int n = k->spatial;
    if (k->weight->ndim == n + 2 && (k->input->ndim == n + 2 || k->input->ndim == n + 1)) return true;
    op_fail(c, "expected input of %d dimensions (%d without a batch) and weight of %d, but got input %s and weight %s",
            n + 2, n + 1, n + 2, tensor_shape_text(k->input), tensor_shape_text(k->weight));
    return false;
}

static bool check_bias(const op_ctx *c, const call *k, int64_t outputs)
{
    if (!k->bias || (k->bias->ndim == 1 && k->bias->shape[0] == outputs)) return true;
    op_fail(c, "bias %s must be [%lld]: weight %s gives %lld channels", tensor_shape_text(k->bias), (long long)outputs,
            tensor_shape_text(k->weight), (long long)outputs);
    return false;
}

/* a * b + c; false when int64_t cannot hold it */
static bool multiply_add(int64_t a, int64_t b, int64_t c, int64_t *result)
{
    return !__builtin_mul_overflow(a, b, result) && !__builtin_add_overflow(*result, c, result);
}

/* No product below overflows: the padded input, the dilated kernel, the channels of all groups. */
static bool check_extents(const op_ctx *c, const call *k)
{
    int64_t size;
    bool fits = multiply_add(k->weight->shape[1], k->groups, 0, &size);
    for (int i = 0; fits && i < k->spatial; i++)
        fits = multiply_add(2, k->padding.v[i], k->input->shape[k->input->ndim - k->spatial + i], &size) &&
               multiply_add(k->dilation.v[i], k->weight->shape[2 + i] - 1, 1, &size);
    if (!fits)
        op_fail(c, "padding %s, dilation %s or groups %lld is too large for input %s and weight %s",
                shape_text(&k->padding), shape_text(&k->dilation), (long long)k->groups, tensor_shape_text(k->input),
                tensor_shape_text(k->weight));
    return fits;
}

static bool check_common(const op_ctx *c, const call *k)
{
    return check_dtypes(c, k) && check_ranks(c, k) && check_numbers(c, k) && check_extents(c, k);
}

static int64_t channels_of(const call *k) { return k->input->shape[k->input->ndim - k->spatial - 1]; }

static bool check_channels(const op_ctx *c, const call *k)
{
    int64_t channels = channels_of(k), takes = k->weight->shape[1] * k->groups;
    if (channels != takes) {
        op_fail(c, "weight %s takes %lld channels, input %s has %lld (groups = %lld)", tensor_shape_text(k->weight),
                (long long)takes, tensor_shape_text(k->input), (long long)channels, (long long)k->groups);
        return false;
    }
    if (k->weight->shape[0] % k->groups == 0) return true;
    op_fail(c, "groups = %lld does not divide the %lld output channels of weight %s", (long long)k->groups,
            (long long)k->weight->shape[0], tensor_shape_text(k->weight));
    return false;
}

/* Does the kernel fit into the padded input? */
static bool check_fits(const op_ctx *c, const call *k)
{
    for (int i = 0; i < k->spatial; i++) {
        int64_t size = k->input->shape[k->input->ndim - k->spatial + i] + 2 * k->padding.v[i];
        int64_t kernel = k->weight->shape[2 + i], needs = k->dilation.v[i] * (kernel - 1) + 1;
        if (kernel > 0 && needs <= size) continue;
        op_fail(c, "the kernel of weight %s (dilation %s) does not fit input %s with padding %s",
                tensor_shape_text(k->weight), shape_text(&k->dilation), tensor_shape_text(k->input),
                shape_text(&k->padding));
        return false;
    }
    return true;
}

/* ---- convolution -------------------------------------------------------------------------------------------------- */

static tsr_tensor *convolve(op_ctx *c, const call *k)
{
    if (!check_common(c, k) || !check_channels(c, k) || !check_bias(c, k, k->weight->shape[0]) || !check_fits(c, k))
        return NULL;
    bool single = k->input->ndim == k->spatial + 1;
    tsr_tensor *x = single ? tsr_unsqueeze(k->input, 0) : k->input;
    tsr_tensor *y = tsr_conv_forward(x, k->weight, k->stride, k->padding, k->dilation, k->groups, k->bias);
    return single ? tsr_squeeze_dim(y, 0) : y;
}

tsr_tensor *op_conv1d(op_ctx *c, const tsr_conv1d_args *a)
{
    call k = CALL(a, 1, .padding = region_sizes(a->padding, 1));
    return convolve(c, &k);
}

tsr_tensor *op_conv2d(op_ctx *c, const tsr_conv2d_args *a)
{
    call k = CALL(a, 2, .padding = region_sizes(a->padding, 2));
    return convolve(c, &k);
}

tsr_tensor *op_conv3d(op_ctx *c, const tsr_conv3d_args *a)
{
    call k = CALL(a, 3, .padding = region_sizes(a->padding, 3));
    return convolve(c, &k);
}

/* ---- named padding ------------------------------------------------------------------------------------------------ */

/* "same": as many zeros as keep the size; an odd one goes to the high side, by a pad of its own. */
static bool pad_same(const op_ctx *c, call *k)
{
    tsr_shape extra = {.n = 2 * k->spatial};
    bool odd = false;
    for (int i = 0; i < k->spatial; i++) {
        if (k->stride.v[i] != 1) {
            op_fail(c, "padding=\"same\" is not supported for strided convolutions (stride %s)",
                    shape_text(&k->stride));
            return false;
        }
        int64_t total = k->dilation.v[i] * (k->weight->shape[2 + i] - 1);
        k->padding.v[i] = total / 2;
        extra.v[2 * (k->spatial - 1 - i) + 1] = total % 2;
        odd = odd || total % 2;
    }
    if (odd) k->input = tsr_pad(k->input, extra);
    return k->input != NULL;
}

static tsr_tensor *convolve_padded(op_ctx *c, call *k, const char *padding)
{
    if (!strcmp(padding, "same") && (!check_common(c, k) || !pad_same(c, k))) return NULL;
    return convolve(c, k);
}

tsr_tensor *op_conv1d_padding(op_ctx *c, const tsr_conv1d_padding_args *a)
{
    call k = CALL(a, 1, .padding = {.n = 1});
    return convolve_padded(c, &k, a->padding);
}

tsr_tensor *op_conv2d_padding(op_ctx *c, const tsr_conv2d_padding_args *a)
{
    call k = CALL(a, 2, .padding = {.n = 2});
    return convolve_padded(c, &k, a->padding);
}

tsr_tensor *op_conv3d_padding(op_ctx *c, const tsr_conv3d_padding_args *a)
{
    call k = CALL(a, 3, .padding = {.n = 3});
    return convolve_padded(c, &k, a->padding);
}

/* ---- transposed convolution --------------------------------------------------------------------------------------- */

static bool check_transposed(const op_ctx *c, const call *k)
{
    int64_t channels = channels_of(k);
    if (channels != k->weight->shape[0] || channels % k->groups != 0) {
        op_fail(c, "weight %s takes %lld channels, input %s has %lld (groups = %lld)", tensor_shape_text(k->weight),
                (long long)k->weight->shape[0], tensor_shape_text(k->input), (long long)channels, (long long)k->groups);
        return false;
    }
    for (int i = 0; i < k->spatial; i++) {
        int64_t p = k->output_padding.v[i];
        if (p >= 0 && (p < k->stride.v[i] || p < k->dilation.v[i])) continue;
        op_fail(c, "output_padding %s must be smaller than either stride %s or dilation %s",
                shape_text(&k->output_padding), shape_text(&k->stride), shape_text(&k->dilation));
        return false;
    }
    return check_bias(c, k, k->weight->shape[1] * k->groups);
}

/* The result's shape, with a batch. */
static bool transposed_shape(const op_ctx *c, const call *k, int64_t batch, tsr_shape *size)
{
    *size = (tsr_shape){.n = k->spatial + 2, .v = {batch, k->weight->shape[1] * k->groups}};
    for (int i = 0; i < k->spatial; i++) {
        int64_t in = k->input->shape[k->input->ndim - k->spatial + i], kernel = k->weight->shape[2 + i];
        int64_t reach = k->dilation.v[i] * (kernel - 1) + 1 - 2 * k->padding.v[i], *out = &size->v[2 + i];
        if (!multiply_add(in - 1, k->stride.v[i], reach, out) || !multiply_add(k->output_padding.v[i], 1, *out, out)) {
            op_fail(c, "input %s with stride %s and output_padding %s would give more than 2^63 elements",
                    tensor_shape_text(k->input), shape_text(&k->stride), shape_text(&k->output_padding));
            return false;
        }
        if (in > 0 && kernel > 0 && *out > 0) continue;
        op_fail(c, "input %s and weight %s would give a size of %lld", tensor_shape_text(k->input),
                tensor_shape_text(k->weight), (long long)*out);
        return false;
    }
    return true;
}

static tsr_tensor *add_bias(tsr_tensor *y, tsr_tensor *bias, int spatial)
{
    tsr_shape shape = {.n = 1 + spatial, .v = {-1, 1, 1, 1}};
    return bias ? tsr_add(y, tsr_reshape(bias, shape)) : y;
}

static tsr_tensor *convolve_transposed(op_ctx *c, const call *k)
{
    tsr_shape size;
    if (!check_common(c, k) || !check_transposed(c, k)) return NULL;
    bool single = k->input->ndim == k->spatial + 1;
    if (!transposed_shape(c, k, single ? 1 : k->input->shape[0], &size)) return NULL;
    tsr_tensor *x = single ? tsr_unsqueeze(k->input, 0) : k->input;
    tsr_tensor *y = tsr_conv_grad_input(x, k->weight, size, k->stride, k->padding, k->dilation, k->groups);
    y = add_bias(y, k->bias, k->spatial);
    return single ? tsr_squeeze_dim(y, 0) : y;
}

tsr_tensor *op_conv_transpose1d(op_ctx *c, const tsr_conv_transpose1d_args *a)
{
    call k = CALL(a, 1, .padding = region_sizes(a->padding, 1), .output_padding = region_sizes(a->output_padding, 1));
    return convolve_transposed(c, &k);
}

tsr_tensor *op_conv_transpose2d(op_ctx *c, const tsr_conv_transpose2d_args *a)
{
    call k = CALL(a, 2, .padding = region_sizes(a->padding, 2), .output_padding = region_sizes(a->output_padding, 2));
    return convolve_transposed(c, &k);
}

tsr_tensor *op_conv_transpose3d(op_ctx *c, const tsr_conv_transpose3d_args *a)
{
    call k = CALL(a, 3, .padding = region_sizes(a->padding, 3), .output_padding = region_sizes(a->output_padding, 3));
    return convolve_transposed(c, &k);
}
