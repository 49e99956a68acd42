/* layers_weighted.c: layers with parameters: linear, convolutions, norms, embedding, attention. Each is a functional call
   plus its state; values start as PyTorch's do. */
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "nn/layer.h"
#include "tessera/autograd.h"

/* ---- shared ---------------------------------------------------------------------------------------------------- */

tsr_tensor *layer_parameter(tsr_module *m, const char *name, tsr_shape shape)
{
    tsr_mark mark = tsr_scope_open();
    tsr_tensor *t = tsr_module_add_parameter(m, name, tsr_empty(shape));
    tsr_scope_close(mark); /* the module's reference stays */
    return t;
}

tsr_tensor *layer_constant(tsr_module *m, const char *name, tsr_shape shape, double value)
{
    tsr_tensor *t = layer_parameter(m, name, shape);
    return t && tsr_init_constant(t, value) == TSR_OK ? t : NULL;
}

tsr_module *layer_finish(tsr_module *m, bool ok)
{
    if (m && ok) return m;
    tsr_module_free(m);
    return NULL;
}

/* PyTorch's default: weights kaiming-uniform with a = sqrt(5), which is U(-1/sqrt(fan_in), 1/sqrt(fan_in)); biases
   likewise. */
static bool init_affine(tsr_tensor *weight, tsr_tensor *bias, double fan_in)
{
    double bound = fan_in > 0 ? 1 / sqrt(fan_in) : 0;
    if (!weight || tsr_init_uniform(weight, -bound, bound, NULL) != TSR_OK) return false;
    return !bias || tsr_init_uniform(bias, -bound, bound, NULL) == TSR_OK;
}

/* ---- linear ------------------------------------------------------------------------------------------------------ */

static tsr_tensor *parameter(tsr_module *m, const char *name) { return tsr_module_tensor(m, name); }

static tsr_tensor *linear_forward(tsr_module *m, tsr_tensor *x)
{
    return tsr_linear(x, parameter(m, "weight"), parameter(m, "bias"));
}

tsr_module *tsr_nn_linear(int64_t in_features, int64_t out_features, bool bias)
{
    static const tsr_module_type type = {.name = "Linear", .forward = linear_forward};
    if (in_features < 0 || out_features < 0) {
        tsr_fail(TSR_EINVAL, "Linear: %lld inputs, %lld outputs", (long long)in_features, (long long)out_features);
        return NULL;
    }
    tsr_module *m = tsr_module_new(&type);
    tsr_tensor *w = m ? layer_parameter(m, "weight", TSR_SHAPE(out_features, in_features)) : NULL;
    tsr_tensor *b = w && bias ? layer_parameter(m, "bias", TSR_SHAPE(out_features)) : NULL;
    return layer_finish(m, w && (b || !bias) && init_affine(w, b, (double)in_features));
}

/* ---- convolutions -------------------------------------------------------------------------------------------------- */

typedef struct conv {
    int dims;
    bool transposed;
    tsr_nn_conv_args a;
} conv;

static tsr_tensor *conv1d_forward(const conv *c, tsr_tensor *x, tsr_tensor *w, tsr_tensor *b)
{
    if (c->transposed)
        return tsr_conv_transpose1d(x, w, b, .stride = {c->a.stride[0]}, .padding = {c->a.padding[0]},
                                    .output_padding = {c->a.output_padding[0]}, .groups = c->a.groups,
                                    .dilation = {c->a.dilation[0]});
    return tsr_conv1d(x, w, b, .stride = {c->a.stride[0]}, .padding = {c->a.padding[0]}, .dilation = {c->a.dilation[0]},
                      .groups = c->a.groups);
}

static tsr_tensor *conv2d_forward(const conv *c, tsr_tensor *x, tsr_tensor *w, tsr_tensor *b)
{
    const tsr_nn_conv_args *a = &c->a;
    if (c->transposed)
        return tsr_conv_transpose2d(x, w, b, .stride = {a->stride[0], a->stride[1]},
                                    .padding = {a->padding[0], a->padding[1]},
                                    .output_padding = {a->output_padding[0], a->output_padding[1]}, .groups = a->groups,
                                    .dilation = {a->dilation[0], a->dilation[1]});
    return tsr_conv2d(x, w, b, .stride = {a->stride[0], a->stride[1]}, .padding = {a->padding[0], a->padding[1]},
                      .dilation = {a->dilation[0], a->dilation[1]}, .groups = a->groups);
}

static tsr_tensor *conv_forward(tsr_module *m, tsr_tensor *x)
{
    const conv *c = tsr_module_state(m);
    tsr_tensor *w = parameter(m, "weight"), *b = parameter(m, "bias");
    return c->dims == 1 ? conv1d_forward(c, x, w, b) : conv2d_forward(c, x, w, b);
}

/* Fills in what zero stands for. */
static tsr_nn_conv_args complete(const tsr_nn_conv_args *args)
{
    tsr_nn_conv_args a = *args;
    for (int d = 0; d < 3; d++) {
        if (a.kernel_size[d] == 0) a.kernel_size[d] = a.kernel_size[0];
        if (a.stride[d] == 0) a.stride[d] = d > 0 ? a.stride[0] : 1;
        if (a.dilation[d] == 0) a.dilation[d] = d > 0 ? a.dilation[0] : 1;
    }
    if (a.groups == 0) a.groups = 1;
    return a;
}

static bool check_conv(int dims, const tsr_nn_conv_args *a)
{
    bool ok = a->in_channels > 0 && a->out_channels > 0 && a->kernel_size[0] > 0 && a->groups > 0 &&
              a->in_channels % a->groups == 0 && a->out_channels % a->groups == 0;
    if (!ok)
        tsr_fail(TSR_EINVAL, "Conv%dd: %lld channels in, %lld out, kernel %lld, %lld groups (groups must divide both)",
                 dims, (long long)a->in_channels, (long long)a->out_channels, (long long)a->kernel_size[0],
                 (long long)a->groups);
    return ok;
}

tsr_module *tsr_nn_conv_v(int dims, bool transposed, const tsr_nn_conv_args *args)
{
    static const tsr_module_type types[2][2] = {
        {{.name = "Conv1d", .state_size = sizeof(conv), .forward = conv_forward},
         {.name = "ConvTranspose1d", .state_size = sizeof(conv), .forward = conv_forward}},
        {{.name = "Conv2d", .state_size = sizeof(conv), .forward = conv_forward},
         {.name = "ConvTranspose2d", .state_size = sizeof(conv), .forward = conv_forward}},
    };
    tsr_nn_conv_args a = complete(args);
    if (!check_conv(dims, &a)) return NULL;
    tsr_shape shape = {.n = 2 + dims, .v = {a.out_channels, a.in_channels / a.groups}};
    if (transposed) shape.v[0] = a.in_channels, shape.v[1] = a.out_channels / a.groups;
    double fan_in = (double)shape.v[1];
    for (int d = 0; d < dims; d++) fan_in *= (double)(shape.v[2 + d] = a.kernel_size[d]);

    tsr_module *m = tsr_module_new(&types[dims - 1][transposed]);
    if (m) *(conv *)tsr_module_state(m) = (conv){dims, transposed, a};
    tsr_tensor *w = m ? layer_parameter(m, "weight", shape) : NULL;
    tsr_tensor *b = w && !a.no_bias ? layer_parameter(m, "bias", TSR_SHAPE(a.out_channels)) : NULL;
    return layer_finish(m, w && (b || a.no_bias) && init_affine(w, b, fan_in));
}

/* ---- norms ------------------------------------------------------------------------------------------------------------- */

typedef struct norm {
    int64_t groups;
    double eps, momentum;
} norm;

static tsr_tensor *group_norm_forward(tsr_module *m, tsr_tensor *x)
{
    const norm *n = tsr_module_state(m);
    return tsr_group_norm(x, n->groups, parameter(m, "weight"), parameter(m, "bias"), .eps = n->eps);
}

static tsr_tensor *layer_norm_forward(tsr_module *m, tsr_tensor *x)
{
    const norm *n = tsr_module_state(m);
    tsr_tensor *w = parameter(m, "weight");
    return tsr_layer_norm(x, tsr_shape_of(w), w, parameter(m, "bias"), .eps = n->eps);
}

static tsr_tensor *batch_norm_forward(tsr_module *m, tsr_tensor *x)
{
    const norm *n = tsr_module_state(m);
    bool training = tsr_module_is_training(m);
    if (training && !tsr_add_(parameter(m, "num_batches_tracked"), tsr_scalar_int(1))) return NULL;
    return tsr_batch_norm(x, parameter(m, "running_mean"), parameter(m, "running_var"), parameter(m, "weight"),
                          parameter(m, "bias"), .training = training, .momentum = n->momentum, .eps = n->eps);
}

static tsr_module *norm_layer(const tsr_module_type *type, int64_t channels, norm n)
{
    tsr_module *m = tsr_module_new(type);
    if (!m) return NULL;
    *(norm *)tsr_module_state(m) = n;
    bool ok = layer_constant(m, "weight", TSR_SHAPE(channels), 1) && layer_constant(m, "bias", TSR_SHAPE(channels), 0);
    return layer_finish(m, ok);
}

tsr_module *tsr_nn_group_norm(int64_t groups, int64_t channels, double eps)
{
    static const tsr_module_type type = {
        .name = "GroupNorm", .state_size = sizeof(norm), .forward = group_norm_forward};
    if (groups < 1 || channels % groups != 0) {
        tsr_fail(TSR_EINVAL, "GroupNorm: %lld channels cannot be divided into %lld groups", (long long)channels,
                 (long long)groups);
        return NULL;
    }
    return norm_layer(&type, channels, (norm){.groups = groups, .eps = eps});
}

tsr_module *tsr_nn_layer_norm(int64_t features, double eps)
{
    static const tsr_module_type type = {
        .name = "LayerNorm", .state_size = sizeof(norm), .forward = layer_norm_forward};
    return norm_layer(&type, features, (norm){.eps = eps});
}

static bool add_running(tsr_module *m, int64_t channels)
{
    tsr_mark mark = tsr_scope_open();
    bool ok = tsr_module_add_buffer(m, "running_mean", tsr_zeros(TSR_SHAPE(channels)), true) &&
              tsr_module_add_buffer(m, "running_var", tsr_ones(TSR_SHAPE(channels)), true) &&
              tsr_module_add_buffer(m, "num_batches_tracked", tsr_zeros(TSR_SCALAR_SHAPE, .dtype = TSR_I64), true);
    tsr_scope_close(mark);
    return ok;
}

tsr_module *tsr_nn_batch_norm(int64_t channels, double eps, double momentum)
{
    static const tsr_module_type type = {
        .name = "BatchNorm", .state_size = sizeof(norm), .forward = batch_norm_forward};
    tsr_module *m = norm_layer(&type, channels, (norm){.eps = eps, .momentum = momentum});
    return layer_finish(m, m && add_running(m, channels));
}

/* ---- embedding ------------------------------------------------------------------------------------------------------------ */

static tsr_tensor *embedding_forward(tsr_module *m, tsr_tensor *x) { return tsr_embedding(x, parameter(m, "weight")); }

tsr_module *tsr_nn_embedding(int64_t count, int64_t dim)
{
    static const tsr_module_type type = {.name = "Embedding", .forward = embedding_forward};
    tsr_module *m = tsr_module_new(&type);
    tsr_tensor *w = m ? layer_parameter(m, "weight", TSR_SHAPE(count, dim)) : NULL;
    return layer_finish(m, w && tsr_init_normal(w, 0, 1, NULL) == TSR_OK);
}

/* ---- attention -------------------------------------------------------------------------------------------------------------- */

typedef struct attention {
    int64_t heads;
    bool causal;
    tsr_module *out_proj;
} attention;

/* [N, L, E] -> [N, heads, L, E / heads] */
static tsr_tensor *split_heads(tsr_tensor *x, int64_t heads)
{
    if (!x) return NULL;
    tsr_shape s = tsr_shape_of(x);
    return tsr_transpose(tsr_reshape(x, TSR_SHAPE(s.v[0], s.v[1], heads, s.v[2] / heads)), 1, 2);
}

static tsr_tensor *attention_forward(tsr_module *m, tsr_tensor *x)
{
    const attention *a = tsr_module_state(m);
    int64_t features = tsr_size(parameter(m, "in_proj_weight"), 1);
    if (tsr_ndim(x) != 3 || tsr_size(x, 2) != features) {
        tsr_fail(TSR_EINVAL,
                 "MultiheadAttention: the input must be [N, L, %lld], this has %d dimensions, the last of %lld",
                 (long long)features, tsr_ndim(x), tsr_ndim(x) > 0 ? (long long)tsr_size(x, -1) : 1LL);
        return NULL;
    }
    tsr_tensor *qkv = tsr_linear(x, parameter(m, "in_proj_weight"), parameter(m, "in_proj_bias")), *part[3];
    if (!qkv || tsr_chunk(part, 3, qkv, 3, .dim = -1) != 3) return NULL;
    tsr_tensor *y = tsr_scaled_dot_product_attention(split_heads(part[0], a->heads), split_heads(part[1], a->heads),
                                                     split_heads(part[2], a->heads), .is_causal = a->causal);
    return tsr_forward(a->out_proj, y ? tsr_reshape(tsr_transpose(y, 1, 2), tsr_shape_of(x)) : NULL);
}

tsr_module *tsr_nn_multihead_attention(int64_t features, int64_t heads, bool causal)
{
    static const tsr_module_type type = {
        .name = "MultiheadAttention", .state_size = sizeof(attention), .forward = attention_forward};
    if (heads < 1 || features % heads != 0) {
        tsr_fail(TSR_EINVAL, "MultiheadAttention: %lld features cannot be divided among %lld heads",
                 (long long)features, (long long)heads);
        return NULL;
    }
    tsr_module *m = tsr_module_new(&type);
    if (!m) return NULL;
    attention *a = tsr_module_state(m);
    *a = (attention){.heads = heads, .causal = causal};
    tsr_tensor *w = layer_parameter(m, "in_proj_weight", TSR_SHAPE(3 * features, features));
    bool ok = w && tsr_init_xavier_uniform(w, 1, NULL) == TSR_OK &&
              layer_constant(m, "in_proj_bias", TSR_SHAPE(3 * features), 0);
    if (ok) a->out_proj = tsr_module_add_child(m, "out_proj", tsr_nn_linear(features, features, true));
    ok = ok && a->out_proj && tsr_init_constant(tsr_module_tensor(a->out_proj, "bias"), 0) == TSR_OK;
    return layer_finish(m, ok);
}
