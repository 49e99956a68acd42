/* layers_plain.c: layers without parameters, and containers. */
#include <stdio.h>

#include "base/util.h"
#include "nn/layer.h"

typedef struct numbers {
    double number;
    int64_t first, second;
} numbers;

static tsr_module *plain(const tsr_module_type *type, numbers n)
{
    tsr_module *m = tsr_module_new(type);
    if (m) *(numbers *)tsr_module_state(m) = n;
    return m;
}

static const numbers *state(tsr_module *m) { return tsr_module_state(m); }

/* ---- functions without options ---------------------------------------------------------------------------------- */

#define PLAIN_LAYER(function, type_name, expression)                                                                   \
    static tsr_tensor *function##_forward(tsr_module *m, tsr_tensor *x)                                                \
    {                                                                                                                  \
        (void)m;                                                                                                       \
        return expression;                                                                                             \
    }                                                                                                                  \
    tsr_module *tsr_nn_##function(void)                                                                                \
    {                                                                                                                  \
        static const tsr_module_type type = {.name = type_name, .forward = function##_forward};                        \
        return tsr_module_new(&type);                                                                                  \
    }

PLAIN_LAYER(identity, "Identity", x)
PLAIN_LAYER(relu, "ReLU", tsr_relu(x))
PLAIN_LAYER(silu, "SiLU", tsr_silu(x))
PLAIN_LAYER(gelu, "GELU", tsr_gelu(x))
PLAIN_LAYER(tanh, "Tanh", tsr_tanh(x))
PLAIN_LAYER(sigmoid, "Sigmoid", tsr_sigmoid(x))

/* ---- functions with options --------------------------------------------------------------------------------------- */

#define OPTION_LAYER(function, type_name, expression)                                                                  \
    static tsr_tensor *function##_forward(tsr_module *m, tsr_tensor *x) { return expression; }                         \
    static const tsr_module_type function##_type = {                                                                   \
        .name = type_name, .state_size = sizeof(numbers), .forward = function##_forward};

OPTION_LAYER(leaky_relu, "LeakyReLU", tsr_leaky_relu(x, .negative_slope = state(m)->number))
OPTION_LAYER(dropout, "Dropout", tsr_module_is_training(m) ? tsr_dropout(x, .p = state(m)->number) : x)
OPTION_LAYER(flatten, "Flatten", tsr_flatten(x, .start_dim = state(m)->first))
OPTION_LAYER(max_pool2d, "MaxPool2d",
             tsr_max_pool2d(x, {state(m)->first, state(m)->first}, .stride = {state(m)->second, state(m)->second}))
OPTION_LAYER(avg_pool2d, "AvgPool2d",
             tsr_avg_pool2d(x, {state(m)->first, state(m)->first}, .stride = {state(m)->second, state(m)->second}))
OPTION_LAYER(upsample, "Upsample",
             tsr_interpolate(x, .scale_factor = TSR_FLOATS((double)state(m)->first, (double)state(m)->first)))

tsr_module *tsr_nn_leaky_relu(double slope)
{
    return plain(&leaky_relu_type, (numbers){slope == 0 ? TSR_ZERO : slope, 0, 0});
}
tsr_module *tsr_nn_flatten(int64_t start_dim) { return plain(&flatten_type, (numbers){0, start_dim, 0}); }
tsr_module *tsr_nn_max_pool2d(int64_t kernel, int64_t stride)
{
    return plain(&max_pool2d_type, (numbers){0, kernel, stride});
}
tsr_module *tsr_nn_avg_pool2d(int64_t kernel, int64_t stride)
{
    return plain(&avg_pool2d_type, (numbers){0, kernel, stride});
}
tsr_module *tsr_nn_upsample(int64_t factor) { return plain(&upsample_type, (numbers){0, factor, 0}); }

tsr_module *tsr_nn_dropout(double p)
{
    if (p >= 0 && p <= 1) return plain(&dropout_type, (numbers){p == 0 ? TSR_ZERO : p, 0, 0});
    tsr_fail(TSR_EINVAL, "Dropout: probability has to be between 0 and 1, but got %g", p);
    return NULL;
}

/* ---- containers --------------------------------------------------------------------------------------------------------- */

static tsr_tensor *sequential_forward(tsr_module *m, tsr_tensor *x)
{
    tsr_keep(x);
    for (int64_t i = 0; x && i < tsr_module_child_count(m); i++) x = tsr_forward_owned(tsr_module_child_at(m, i), x);
    return tsr_scope_adopt(x);
}

tsr_module *tsr_module_append(tsr_module *list, tsr_module *child)
{
    char name[24];
    snprintf(name, sizeof name, "%lld", (long long)tsr_module_child_count(list));
    return tsr_module_add_child(list, name, child);
}

tsr_module *tsr_nn_sequential(tsr_module *const *children, int64_t n)
{
    static const tsr_module_type type = {.name = "Sequential", .forward = sequential_forward};
    tsr_module *m = tsr_module_new(&type);
    bool ok = m != NULL;
    for (int64_t i = 0; i < n; i++)
        if (!tsr_module_append(m, children[i])) ok = false;
    return layer_finish(m, ok);
}

tsr_module *tsr_nn_module_list(void)
{
    static const tsr_module_type type = {.name = "ModuleList"};
    return tsr_module_new(&type);
}
