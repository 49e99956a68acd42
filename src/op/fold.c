/* fold.c: blocks of an image as columns, and back. Taking blocks apart is made of views; putting them back adds one
   position of the kernel after the other. */
#include "op/region.h"
#include "op_gen.h"

/* ---- apart -------------------------------------------------------------------------------------------------------- */

/* Windows of `kernel` elements, `dilation` apart, of dimension dim, as the last dimension. */
static tsr_tensor *windows(tsr_tensor *t, int dim, int64_t kernel, int64_t dilation, int64_t stride)
{
    t = tsr_unfold(t, dim, dilation * (kernel - 1) + 1, stride);
    return tsr_slice(t, .dim = -1, .step = dilation);
}

static bool check_numbers(const op_ctx *c, const int64_t *kernel, const int64_t *dilation, const int64_t *padding,
                          const int64_t *stride)
{
    for (int i = 0; i < 2; i++) {
        bool large = kernel[i] > REGION_MOST || dilation[i] > REGION_MOST || stride[i] > REGION_MOST ||
                     padding[i] > REGION_MOST;
        if (kernel[i] > 0 && dilation[i] > 0 && stride[i] > 0 && padding[i] >= 0 && !large) continue;
        op_fail(
            c,
            "kernel_size, dilation and stride must be greater than 0, padding not negative, and all below 2^31, but "
            "they are %lld, %lld, %lld and %lld",
            (long long)kernel[i], (long long)dilation[i], (long long)stride[i], (long long)padding[i]);
        return false;
    }
    return true;
}

static int64_t block_count(int64_t size, int64_t kernel, int64_t dilation, int64_t padding, int64_t stride)
{
    int64_t room = size + 2 * padding - dilation * (kernel - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
}

tsr_tensor *op_im2col(op_ctx *c, const tsr_im2col_args *a)
{
    const int64_t *k = a->kernel_size, *p = a->padding;
    if (!check_numbers(c, k, a->dilation, p, a->stride)) return NULL;
    if (a->input->ndim != 3 && a->input->ndim != 4)
        return op_fail(c, "input must be [N, C, H, W] or [C, H, W], not %s", tensor_shape_text(a->input));
    bool single = a->input->ndim == 3;
    tsr_tensor *x = single ? tsr_unsqueeze(a->input, 0) : a->input;
    int64_t blocks[2];
    for (int i = 0; x && i < 2; i++) {
        blocks[i] = block_count(x->shape[2 + i], k[i], a->dilation[i], p[i], a->stride[i]);
        if (blocks[i] < 1)
            return op_fail(c, "a kernel of %lld (dilation %lld) does not fit input %s with padding %lld",
                           (long long)k[i], (long long)a->dilation[i], tensor_shape_text(a->input), (long long)p[i]);
    }
    if (!x) return NULL;
    tsr_shape shape = TSR_SHAPE(x->shape[0], x->shape[1] * k[0] * k[1], blocks[0] * blocks[1]);
    if (p[0] || p[1]) x = tsr_pad(x, TSR_SHAPE(p[1], p[1], p[0], p[0]));
    x = windows(windows(x, 2, k[0], a->dilation[0], a->stride[0]), 3, k[1], a->dilation[1], a->stride[1]);
    x = tsr_reshape(tsr_permute(x, TSR_DIMS(0, 1, 4, 5, 2, 3)), shape);
    return single ? tsr_squeeze_dim(x, 0) : x;
}

/* ---- back --------------------------------------------------------------------------------------------------------- */

static bool check_fold(const op_ctx *c, const tsr_fold_args *a, int64_t blocks[2])
{
    const int64_t *k = a->kernel_size;
    if (!check_numbers(c, k, a->dilation, a->padding, a->stride)) return false;
    for (int i = 0; i < 2; i++)
        blocks[i] = block_count(a->output_size[i], k[i], a->dilation[i], a->padding[i], a->stride[i]);
    const tsr_tensor *x = a->input;
    bool ok = op_is_float(x) && x->ndim == 3 && x->shape[1] % (k[0] * k[1]) == 0 &&
              x->shape[2] == blocks[0] * blocks[1];
    if (!ok)
        op_fail(c, "input must be f32 or f64 [N, a multiple of %lld, %lld] for an output of [%lld, %lld], not %s %s",
                (long long)(k[0] * k[1]), (long long)(blocks[0] * blocks[1]), (long long)a->output_size[0],
                (long long)a->output_size[1], tsr_dtype_name((tsr_dtype)x->dtype), tensor_shape_text(x));
    return ok;
}

/* Add position (i, j) of every block to where it belongs in the padded image. */
static bool add_position(const tsr_fold_args *a, tsr_tensor *image, tsr_tensor *blocks, int64_t i, int64_t j)
{
    double one = 1;
    tsr_mark m = tsr_scope_open();
    tsr_tensor *part = region_select(region_select(blocks, 2, i), 2, j);
    tsr_tensor *rows = region_slice(image, 2, i * a->dilation[0], blocks->shape[4], a->stride[0]);
    tsr_tensor *place = region_slice(rows, 3, j * a->dilation[1], blocks->shape[5], a->stride[1]);
    bool ok = part && place;
    if (ok) {
        array to = array_of(place), from = array_of(part);
        ok = op_backend(image)->binary(B_ADD, &to, &to, &from, &one);
    }
    tsr_scope_close(m);
    return ok;
}

tsr_tensor *op_fold(op_ctx *c, const tsr_fold_args *a)
{
    int64_t n[2];
    if (!check_fold(c, a, n)) return NULL;
    const int64_t *k = a->kernel_size, *p = a->padding, *size = a->output_size;
    int64_t batch = a->input->shape[0], channels = a->input->shape[1] / (k[0] * k[1]);
    tsr_tensor *blocks = region_reshape(op_as_contiguous(a->input),
                                        &TSR_SHAPE(batch, channels, k[0], k[1], n[0], n[1]));
    tsr_tensor *image = region_zeros((tsr_dtype)a->input->dtype,
                                     &TSR_SHAPE(batch, channels, size[0] + 2 * p[0], size[1] + 2 * p[1]), a->input);
    if (!blocks || !image) return NULL;
    for (int64_t i = 0; i < k[0]; i++)
        for (int64_t j = 0; j < k[1]; j++)
            if (!add_position(a, image, blocks, i, j)) return NULL;
    if (p[0] == 0 && p[1] == 0) return image;
    return region_copy(region_narrow(region_narrow(image, 2, p[0], size[0]), 3, p[1], size[1]));
}

void op_fold_grad(op_ctx *c, const tsr_fold_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    (void)c;
    tsr_im2col_args k = {.input = grad[0]};
    for (int i = 0; i < 2; i++) {
        k.kernel_size[i] = a->kernel_size[i];
        k.dilation[i] = a->dilation[i];
        k.padding[i] = a->padding[i];
        k.stride[i] = a->stride[i];
    }
    grad_in[0] = tsr_im2col_v(&k);
}
