/* vqgan_blocks.c: residual blocks, attention, and changes of resolution (taming-transformers, diffusionmodules/model.py).

   Activations are channels-last in memory from the first convolution on, so that flattening pixels for attention and for
   the quantizer moves nothing. */
#include "vqgan_parts.h"

tsr_module *vqgan_norm(int64_t channels) { return tsr_nn_group_norm(32, channels, 1e-6); }

tsr_module *vqgan_conv3(int64_t in, int64_t out)
{
    return tsr_nn_conv2d(.in_channels = in, .out_channels = out, .kernel_size = {3}, .padding = {1, 1});
}

tsr_module *vqgan_conv1(int64_t in, int64_t out)
{
    return tsr_nn_conv2d(.in_channels = in, .out_channels = out, .kernel_size = {1});
}

tsr_tensor *vqgan_norm_act(tsr_module *norm, tsr_tensor *x)
{
    return tsr_group_norm_silu(x, 32, tsr_module_tensor(norm, "weight"), tsr_module_tensor(norm, "bias"), .eps = 1e-6);
}

/* ---- residual block ------------------------------------------------------------------------------------------- */

typedef struct res_block {
    tsr_module *norm1, *conv1, *norm2, *conv2, *dropout, *shortcut; /* the last two may be NULL */
} res_block;

/* Activations are large: each function's scope lets its own go, unless they are recorded. */

static tsr_tensor *first_half(const res_block *b, tsr_tensor *x)
{
    tsr_mark mark = tsr_scope_open();
    return tsr_scope_return(mark, tsr_forward(b->conv1, vqgan_norm_act(b->norm1, x)));
}

static tsr_tensor *second_activation(const res_block *b, tsr_tensor *x, bool training)
{
    tsr_mark mark = tsr_scope_open();
    tsr_tensor *h = vqgan_norm_act(b->norm2, first_half(b, x));
    return tsr_scope_return(mark, b->dropout && training ? tsr_forward(b->dropout, h) : h);
}

static tsr_tensor *residual(const res_block *b, tsr_tensor *x, bool training)
{
    tsr_mark mark = tsr_scope_open();
    return tsr_scope_return(mark, tsr_forward(b->conv2, second_activation(b, x, training)));
}

static tsr_tensor *res_block_forward(tsr_module *m, tsr_tensor *x)
{
    res_block *b = tsr_module_state(m);
    tsr_tensor *h = residual(b, x, tsr_module_is_training(m));
    return tsr_add_(h, b->shortcut ? tsr_forward(b->shortcut, x) : x);
}

tsr_module *vqgan_res_block(int64_t in, int64_t out, double dropout)
{
    static const tsr_module_type type = {
        .name = "ResBlock", .state_size = sizeof(res_block), .forward = res_block_forward};
    tsr_module *m = tsr_module_new(&type);
    if (!m) return NULL;
    res_block *b = tsr_module_state(m);
    b->norm1 = tsr_module_add_child(m, "norm1", vqgan_norm(in));
    b->conv1 = tsr_module_add_child(m, "conv1", vqgan_conv3(in, out));
    b->norm2 = tsr_module_add_child(m, "norm2", vqgan_norm(out));
    if (dropout > 0) b->dropout = tsr_module_add_child(m, "dropout", tsr_nn_dropout(dropout));
    b->conv2 = tsr_module_add_child(m, "conv2", vqgan_conv3(out, out));
    if (in != out) b->shortcut = tsr_module_add_child(m, "nin_shortcut", vqgan_conv1(in, out));
    return vqgan_finish(m, b->norm1 && b->conv1 && b->norm2 && b->conv2 && (in == out || b->shortcut) &&
                               (dropout <= 0 || b->dropout));
}

/* ---- attention ------------------------------------------------------------------------------------------------------ */

typedef struct attn_block {
    tsr_module *norm, *q, *k, *v, *proj_out;
} attn_block;

/* [N, C, H, W] -> [N, 1, H W, C]: one head whose positions are the pixels. */
static tsr_tensor *pixels(tsr_tensor *x)
{
    tsr_tensor *flat = tsr_flatten(x, .start_dim = 2);
    return tsr_unsqueeze(tsr_transpose(flat, 1, 2), 1);
}

static tsr_tensor *attn_block_forward(tsr_module *m, tsr_tensor *x)
{
    attn_block *a = tsr_module_state(m);
    tsr_tensor *n = tsr_forward(a->norm, x);
    tsr_tensor *y = tsr_scaled_dot_product_attention(pixels(tsr_forward(a->q, n)), pixels(tsr_forward(a->k, n)),
                                                     pixels(tsr_forward(a->v, n)));
    tsr_shape s = tsr_shape_of(x);
    y = y ? tsr_reshape(y, TSR_SHAPE(s.v[0], s.v[2], s.v[3], s.v[1])) : NULL;
    return tsr_add_(tsr_forward(a->proj_out, y ? tsr_permute(y, TSR_DIMS(0, 3, 1, 2)) : NULL), x);
}

tsr_module *vqgan_attn_block(int64_t channels)
{
    static const tsr_module_type type = {
        .name = "AttnBlock", .state_size = sizeof(attn_block), .forward = attn_block_forward};
    tsr_module *m = tsr_module_new(&type);
    if (!m) return NULL;
    attn_block *a = tsr_module_state(m);
    a->norm = tsr_module_add_child(m, "norm", vqgan_norm(channels));
    a->q = tsr_module_add_child(m, "q", vqgan_conv1(channels, channels));
    a->k = tsr_module_add_child(m, "k", vqgan_conv1(channels, channels));
    a->v = tsr_module_add_child(m, "v", vqgan_conv1(channels, channels));
    a->proj_out = tsr_module_add_child(m, "proj_out", vqgan_conv1(channels, channels));
    return vqgan_finish(m, a->norm && a->q && a->k && a->v && a->proj_out);
}

/* ---- resolution ---------------------------------------------------------------------------------------------------------- */

typedef struct resample {
    tsr_module *conv;
} resample;

/* One row and one column of zeros, right and bottom only. */
static tsr_tensor *downsample_forward(tsr_module *m, tsr_tensor *x)
{
    return tsr_forward(((resample *)tsr_module_state(m))->conv, tsr_pad(x, TSR_SHAPE(0, 1, 0, 1)));
}

static tsr_tensor *upsample_forward(tsr_module *m, tsr_tensor *x)
{
    return tsr_forward(((resample *)tsr_module_state(m))->conv, tsr_interpolate(x, .scale_factor = TSR_FLOATS(2, 2)));
}

static tsr_module *with_conv(const tsr_module_type *type, tsr_module *conv)
{
    tsr_module *m = tsr_module_new(type);
    if (!m) tsr_module_free(conv);
    else ((resample *)tsr_module_state(m))->conv = tsr_module_add_child(m, "conv", conv);
    return vqgan_finish(m, m && ((resample *)tsr_module_state(m))->conv);
}

tsr_module *vqgan_downsample(int64_t channels)
{
    static const tsr_module_type type = {
        .name = "Downsample", .state_size = sizeof(resample), .forward = downsample_forward};
    return with_conv(
        &type, tsr_nn_conv2d(.in_channels = channels, .out_channels = channels, .kernel_size = {3}, .stride = {2}));
}

tsr_module *vqgan_upsample(int64_t channels)
{
    static const tsr_module_type type = {
        .name = "Upsample", .state_size = sizeof(resample), .forward = upsample_forward};
    return with_conv(&type, vqgan_conv3(channels, channels));
}

/* ---- middle ------------------------------------------------------------------------------------------------------------------ */

tsr_module *vqgan_middle(int64_t channels, double dropout)
{
    tsr_module *m = tsr_nn_sequential(NULL, 0); /* with names of its own */
    bool ok = m && tsr_module_add_child(m, "block_1", vqgan_res_block(channels, channels, dropout)) &&
              tsr_module_add_child(m, "attn_1", vqgan_attn_block(channels)) &&
              tsr_module_add_child(m, "block_2", vqgan_res_block(channels, channels, dropout));
    return vqgan_finish(m, ok);
}
