/* nn.h: modules: parameters with names, and what is computed with them.

   A module has a type (a name, a forward function), parameters, buffers and children, all named. Names join with dots, so
   that a state dict has PyTorch's keys: own parameters in the order they were added, then buffers, then children depth
   first. A module's functions leave the functional operators to do the work: tsr_nn_conv2d's forward is one call of
   tsr_conv2d.

   Comments that begin with a dotted name (nn.Linear) register it: tools/genops reads them, `tessera ops` lists them, and
   their examples are compiled and run by the tests.

   Ownership: constructors return a module that the caller owns and frees with tsr_module_free; adding it to a parent hands
   it over. Constructors of layers take children that are NULL as "that failed": a whole tree is checked once, at its end.
   Weights are initialised with the thread's default generator, in PyTorch's distributions. */
#ifndef TESSERA_NN_H
#define TESSERA_NN_H

#include "tessera/named.h"
#include "tessera/ops.h"
#include "tessera/random.h"
#include "tessera/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tsr_module tsr_module;

/* ---- making modules of one's own -------------------------------------------------------------------------------- */

typedef struct tsr_module_type {
    const char *name;  /**< "Linear" */
    size_t state_size; /**< bytes of the module's own struct, zeroed at first: tsr_module_state */
    /** One tensor in, one out, in the innermost scope; NULL: not callable that way. */
    tsr_tensor *(*forward)(tsr_module *m, tsr_tensor *input);
    /** Frees what the state holds beside parameters, buffers and children; may be NULL. */
    void (*drop)(void *state);
} tsr_module_type;

/** A new module without anything in it. The type must outlive it. NULL: no memory. */
TSR_API tsr_module *tsr_module_new(const tsr_module_type *type);
/** Free the module, its children, and its references of parameters and buffers. NULL is allowed. Only for modules that
    have no parent. */
TSR_API void tsr_module_free(tsr_module *m);

/** The module's own struct. */
TSR_API void *tsr_module_state(tsr_module *m);
TSR_API const tsr_module_type *tsr_module_type_of(const tsr_module *m);

/** Add a parameter: a reference of t is taken (one that the innermost scope holds is moved) and t made to require a
    gradient. Returns t, borrowed; NULL when t is NULL or there is no memory. Names have no dots and are unique. */
TSR_API tsr_tensor *tsr_module_add_parameter(tsr_module *m, const char *name, tsr_tensor *t);
/** Add a buffer: saved with the state when persistent, never trained. */
TSR_API tsr_tensor *tsr_module_add_buffer(tsr_module *m, const char *name, tsr_tensor *t, bool persistent);
/** Add a child and take it over. Returns it, borrowed; NULL when child is NULL or there is no memory (it is freed). */
TSR_API tsr_module *tsr_module_add_child(tsr_module *m, const char *name, tsr_module *child);

/* ---- using modules ------------------------------------------------------------------------------------------------ */

/** Call the module. NULL module or input: NULL. */
TSR_API tsr_tensor *tsr_forward(tsr_module *m, tsr_tensor *input);

/** tsr_forward of an input that the caller owns (tsr_keep): its reference is given back, after an error too, and the caller owns
    the result (tsr_release, tsr_scope_adopt). So a chain of layers holds one activation at a time, but for those that are
    recorded. */
TSR_API tsr_tensor *tsr_forward_owned(tsr_module *m, tsr_tensor *input);

/** A descendant by dotted name ("decoder.conv_out"), or NULL without an error. */
TSR_API tsr_module *tsr_module_child(tsr_module *m, const char *name);
/** A parameter or buffer by dotted name, borrowed, or NULL without an error. */
TSR_API tsr_tensor *tsr_module_tensor(tsr_module *m, const char *name);
/** Number of direct children, and the i-th. */
TSR_API int64_t tsr_module_child_count(const tsr_module *m);
TSR_API tsr_module *tsr_module_child_at(tsr_module *m, int64_t i);

/** Training or evaluation mode, for the whole tree: dropout and batch norm obey. Modules start in training mode. */
TSR_API void tsr_module_train(tsr_module *m, bool training);
TSR_API bool tsr_module_is_training(const tsr_module *m);
/** Switch all parameters' requires_grad. */
TSR_API tsr_status tsr_module_requires_grad(tsr_module *m, bool requires_grad);
/** Forget all gradients (they become NULL). */
TSR_API void tsr_module_zero_grad(tsr_module *m);
/** Convert floating parameters, their gradients and floating buffers to f32 or f64. The tensors stay the same handles, so
    whoever holds them (an optimiser, another module that shares them) sees the new elements; an optimiser's own state is
    not converted. Nothing is changed after an error. */
TSR_API tsr_status tsr_module_to(tsr_module *m, tsr_dtype dtype);
/** Keep the weights of all Linear layers in bf16 or f16, which halves what a layer reads, or in f32 again: for inference where
    reading weights is the limit. All else stays f32, sums too. A layer whose weight is 16 bits wide gives its weight no
    gradient: it refuses to run where one would be recorded. */
TSR_API tsr_status tsr_module_linear_to(tsr_module *m, tsr_dtype dtype);
/** Number of elements of all parameters; shared ones count once. */
TSR_API int64_t tsr_module_parameter_count(tsr_module *m);

/** Named parameters, shared ones once (under the first name), appended to out. */
TSR_API tsr_status tsr_module_parameters(tsr_module *m, tsr_named_list *out);
/** Parameters and persistent buffers under all their names, appended to out. */
TSR_API tsr_status tsr_module_state_dict(tsr_module *m, tsr_named_list *out);

/** Names that did not match; owned by tsr_load_report_free. */
typedef struct tsr_load_report {
    char **missing, **unexpected;
    int64_t n_missing, n_unexpected;
} tsr_load_report;
TSR_API void tsr_load_report_free(tsr_load_report *report);

/**
 * Copy tensors into the module's parameters and buffers, by name, casting dtypes. Nothing is copied when anything is wrong.
 * strict: missing and unexpected names are errors; else they are listed in `report` (which may be NULL). A size that
 * differs is always an error. The message lists all of it, in PyTorch's words.
 */
TSR_API tsr_status tsr_module_load_state_dict(tsr_module *m, const tsr_named *tensors, int64_t n, bool strict,
                                              tsr_load_report *report);

/* ---- initialisation (torch.nn.init): in place, without being recorded; g NULL: the thread's generator ---------------- */

/** nn.init.uniform_: U(low, high). Example: tsr_init_uniform(tsr_empty(TSR_SHAPE(8, 16)), -1, 1, NULL) */
TSR_API tsr_status tsr_init_uniform(tsr_tensor *t, double low, double high, tsr_generator *g);
/** nn.init.normal_: N(mean, std^2). Example: tsr_init_normal(tsr_empty(TSR_SHAPE(8, 16)), 0, 0.02, NULL) */
TSR_API tsr_status tsr_init_normal(tsr_tensor *t, double mean, double std, tsr_generator *g);
/** nn.init.constant_: All elements are value. Example: tsr_init_constant(tsr_empty(TSR_SHAPE(8, 16)), 1) */
TSR_API tsr_status tsr_init_constant(tsr_tensor *t, double value);
/** nn.init.kaiming_uniform_: He et al. 2015: U(-b, b), b = gain sqrt(3 / fan_in), gain = sqrt(2 / (1 + a^2)).
    fan_in = size(1) * receptive field. Example: tsr_init_kaiming_uniform(tsr_empty(TSR_SHAPE(8, 16)), 0, NULL) */
TSR_API tsr_status tsr_init_kaiming_uniform(tsr_tensor *t, double a, tsr_generator *g);
/** nn.init.kaiming_normal_: The variance of nn.init.kaiming_uniform_, normal; gain for ReLU when a is 0.
    Example: tsr_init_kaiming_normal(tsr_empty(TSR_SHAPE(8, 16)), 0, NULL) */
TSR_API tsr_status tsr_init_kaiming_normal(tsr_tensor *t, double a, tsr_generator *g);
/** nn.init.xavier_uniform_: Glorot and Bengio 2010: U(-b, b), b = gain sqrt(6 / (fan_in + fan_out)).
    Example: tsr_init_xavier_uniform(tsr_empty(TSR_SHAPE(8, 16)), 1, NULL) */
TSR_API tsr_status tsr_init_xavier_uniform(tsr_tensor *t, double gain, tsr_generator *g);
/** nn.init.xavier_normal_: The variance of nn.init.xavier_uniform_, normal.
    Example: tsr_init_xavier_normal(tsr_empty(TSR_SHAPE(8, 16)), 1, NULL) */
TSR_API tsr_status tsr_init_xavier_normal(tsr_tensor *t, double gain, tsr_generator *g);

/* ---- layers: PyTorch's names, defaults and initialisation; all parameters f32 (tsr_module_to converts) ---------------- */

/** nn.Linear: y = x W^T + b; weight [out, in]. Example: tsr_nn_linear(16, 8, true) */
TSR_API tsr_module *tsr_nn_linear(int64_t in_features, int64_t out_features, bool bias);

typedef struct tsr_nn_conv_args {
    int64_t in_channels, out_channels;
    int64_t kernel_size[3];    /**< as many as the layer has dimensions; further zeros mean the first */
    int64_t stride[3];         /**< 0: 1 (first entry) or the first (further ones) */
    int64_t padding[3];        /**< exactly as given */
    int64_t dilation[3];       /**< 0: 1 */
    int64_t output_padding[3]; /**< transposed ones only */
    int64_t groups;            /**< 0: 1 */
    bool no_bias;
    int end_;
} tsr_nn_conv_args;
/** nn.Conv1d: 1-d convolution. Example: tsr_nn_conv1d(3, 16, {3}) */
#define tsr_nn_conv1d(...) tsr_nn_conv_v(1, false, &(tsr_nn_conv_args){__VA_ARGS__, .end_ = 0})
/** nn.Conv2d: 2-d convolution. Example: tsr_nn_conv2d(3, 16, {3}, .padding = {1, 1}) */
#define tsr_nn_conv2d(...) tsr_nn_conv_v(2, false, &(tsr_nn_conv_args){__VA_ARGS__, .end_ = 0})
/** nn.ConvTranspose1d: 1-d transposed convolution. Example: tsr_nn_conv_transpose1d(3, 16, {3}) */
#define tsr_nn_conv_transpose1d(...) tsr_nn_conv_v(1, true, &(tsr_nn_conv_args){__VA_ARGS__, .end_ = 0})
/** nn.ConvTranspose2d: 2-d transposed convolution. Example: tsr_nn_conv_transpose2d(3, 16, {3}) */
#define tsr_nn_conv_transpose2d(...) tsr_nn_conv_v(2, true, &(tsr_nn_conv_args){__VA_ARGS__, .end_ = 0})
/** weight [out_channels, in_channels / groups, kernel...], transposed [in_channels, out_channels / groups, kernel...]; bias
    [out_channels]. NULL: channels, kernel or groups below 1, groups that does not divide both channels; no memory. */
TSR_API tsr_module *tsr_nn_conv_v(int dims, bool transposed, const tsr_nn_conv_args *args);

/** nn.GroupNorm: Group norm (Wu and He 2018) over `groups` groups of channels; eps 0 means 1e-5.
    Example: tsr_nn_group_norm(4, 16, 0) */
TSR_API tsr_module *tsr_nn_group_norm(int64_t groups, int64_t channels, double eps);
/** nn.LayerNorm: Layer norm (Ba et al. 2016) over the last dimension; eps 0 means 1e-5.
    Example: tsr_nn_layer_norm(16, 0) */
TSR_API tsr_module *tsr_nn_layer_norm(int64_t features, double eps);
/** nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d: Batch norm (Ioffe and Szegedy 2015) of [N, C, ...]; eps 0 means 1e-5,
    momentum 0 means 0.1. Example: tsr_nn_batch_norm(16, 0, 0) */
TSR_API tsr_module *tsr_nn_batch_norm(int64_t channels, double eps, double momentum);
/** nn.Embedding: weight [count, dim], N(0, 1); input i64 of any shape. Example: tsr_nn_embedding(100, 16) */
TSR_API tsr_module *tsr_nn_embedding(int64_t count, int64_t dim);
/** nn.Dropout: In training mode zeros elements with probability p and scales the others by 1 / (1 - p). NULL: p is not in
    [0, 1]. Example: tsr_nn_dropout(0.1) */
TSR_API tsr_module *tsr_nn_dropout(double p);
/** nn.Identity: Its input. Example: tsr_nn_identity() */
TSR_API tsr_module *tsr_nn_identity(void);
/** nn.Flatten: The dimensions from start_dim on as one; 1, not 0, keeps the batch. Example: tsr_nn_flatten(1) */
TSR_API tsr_module *tsr_nn_flatten(int64_t start_dim);
/** nn.ReLU: tsr_relu of its input. Example: tsr_nn_relu() */
TSR_API tsr_module *tsr_nn_relu(void);
/** nn.LeakyReLU: tsr_leaky_relu of its input; PyTorch's slope is 0.01. Example: tsr_nn_leaky_relu(0.2) */
TSR_API tsr_module *tsr_nn_leaky_relu(double slope);
/** nn.SiLU: tsr_silu of its input. Example: tsr_nn_silu() */
TSR_API tsr_module *tsr_nn_silu(void);
/** nn.GELU: tsr_gelu of its input, by erf. Example: tsr_nn_gelu() */
TSR_API tsr_module *tsr_nn_gelu(void);
/** nn.Tanh: tsr_tanh of its input. Example: tsr_nn_tanh() */
TSR_API tsr_module *tsr_nn_tanh(void);
/** nn.Sigmoid: tsr_sigmoid of its input. Example: tsr_nn_sigmoid() */
TSR_API tsr_module *tsr_nn_sigmoid(void);
/** nn.MaxPool2d: Square windows, no padding; stride 0 means kernel. What is wrong with the numbers is said when the layer is
    called. Example: tsr_nn_max_pool2d(2, 0) */
TSR_API tsr_module *tsr_nn_max_pool2d(int64_t kernel, int64_t stride);
/** nn.AvgPool2d: As nn.MaxPool2d. Example: tsr_nn_avg_pool2d(2, 0) */
TSR_API tsr_module *tsr_nn_avg_pool2d(int64_t kernel, int64_t stride);
/** nn.Upsample: Nearest-neighbour upsampling by a whole factor. Example: tsr_nn_upsample(2) */
TSR_API tsr_module *tsr_nn_upsample(int64_t factor);

/** nn.MultiheadAttention: Multi-head self-attention (Vaswani et al. 2017) of [N, L, features], PyTorch's with batch_first:
    in_proj_weight, in_proj_bias, out_proj. Example: tsr_nn_multihead_attention(16, 4, true) */
TSR_API tsr_module *tsr_nn_multihead_attention(int64_t features, int64_t heads, bool causal);

/** nn.Sequential: Children run one after the other, named 0, 1, ... The list ends with NULL only by `n`; a NULL child makes
    the whole NULL (and frees the others). tsr_nn_sequence counts them itself.
    Example: tsr_nn_sequence(tsr_nn_linear(16, 8, true), tsr_nn_relu()) */
TSR_API tsr_module *tsr_nn_sequential(tsr_module *const *children, int64_t n);
#define tsr_nn_sequence(...)                                                                                           \
    tsr_nn_sequential((tsr_module *const[]){__VA_ARGS__},                                                              \
                      (int64_t)(sizeof((tsr_module *const[]){__VA_ARGS__}) / sizeof(tsr_module *)))
/** nn.ModuleList: Children named 0, 1, ... that the owner calls itself. Example: tsr_nn_module_list() */
TSR_API tsr_module *tsr_nn_module_list(void);
/** Append to a module list or a sequential. Returns the child, or NULL. */
TSR_API tsr_module *tsr_module_append(tsr_module *list, tsr_module *child);

#ifdef __cplusplus
}
#endif
#endif
