/* test_layers.c: every layer against PyTorch's (layers.npz, made by make_nn_goldens.py): state-dict keys and their order,
   results, gradients of input and parameters, buffers afterwards; then gradients against finite differences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/tensors.h"
#include "tessera/autograd.h"
#include "tessera/io.h"
#include "tessera/nn.h"

static tsr_archive *goldens;

static int open_goldens(void **state)
{
    (void)state;
    goldens = tsr_archive_open(TSR_SOURCE_DIR "/tests/nn/layers.npz");
    return goldens ? 0 : -1;
}

static int close_goldens(void **state)
{
    (void)state;
    tsr_archive_close(goldens);
    return 0;
}

static tsr_tensor *golden(const char *layer, const char *part, const char *key)
{
    char name[128];
    snprintf(name, sizeof name, "%s.%s%s", layer, part, key);
    int64_t i = tsr_archive_find(goldens, name);
    return i >= 0 ? tsr_archive_get(goldens, i) : NULL;
}

/* The state that the file has for the layer, in the file's order. */
static tsr_named_list golden_state(const char *layer)
{
    tsr_named_list list = {0};
    tsr_entry e;
    char prefix[64];
    int length = snprintf(prefix, sizeof prefix, "%s.state.", layer);
    for (int64_t i = 0; tsr_archive_entry(goldens, i, &e); i++)
        if (!strncmp(e.name, prefix, (size_t)length))
            assert_int_equal(tsr_named_list_add(&list, e.name + length, tsr_archive_get(goldens, i)), TSR_OK);
    return list;
}

static void expect_same_keys(tsr_module *m, const tsr_named_list *want)
{
    tsr_named_list got = {0};
    assert_int_equal(tsr_module_state_dict(m, &got), TSR_OK);
    assert_int_equal(got.n, want->n);
    for (int64_t i = 0; i < got.n; i++) assert_string_equal(got.v[i].name, want->v[i].name);
    tsr_named_list_free(&got);
}

static void load_golden_state(const char *layer, tsr_module *m)
{
    tsr_named_list state = golden_state(layer);
    expect_same_keys(m, &state);
    tensors_require(tsr_module_to(m, TSR_F64) == TSR_OK, layer);
    tensors_require(tsr_module_load_state_dict(m, state.v, state.n, true, NULL) == TSR_OK, layer);
    tsr_named_list_free(&state);
}

static void expect_parameter_gradients(const char *layer, tsr_module *m)
{
    tsr_named_list p = {0};
    assert_int_equal(tsr_module_parameters(m, &p), TSR_OK);
    for (int64_t i = 0; i < p.n; i++)
        tensors_expect_close(p.v[i].name, tsr_grad(p.v[i].tensor), golden(layer, "grad.", p.v[i].name), 1e-11);
    tsr_named_list_free(&p);
}

static void expect_buffers(const char *layer, tsr_module *m)
{
    tsr_named_list all = {0};
    assert_int_equal(tsr_module_state_dict(m, &all), TSR_OK);
    for (int64_t i = 0; i < all.n; i++) {
        tsr_tensor *want = golden(layer, "after.", all.v[i].name);
        if (want) tensors_expect_close(all.v[i].name, all.v[i].tensor, want, 1e-12);
    }
    tsr_named_list_free(&all);
}

/* Takes the module over. */
static void expect_golden(const char *layer, tsr_module *m)
{
    tensors_require(m != NULL, layer);
    load_golden_state(layer, m);
    tsr_tensor *x = golden(layer, "in", "");
    bool floating = tsr_dtype_is_floating(tsr_dtype_of(x));
    if (floating) assert_int_equal(tsr_set_requires_grad(x, true), TSR_OK);
    tsr_tensor *y = tsr_forward(m, x);
    tensors_expect_close(layer, y, golden(layer, "out", ""), 1e-11);
    tensors_require(tsr_backward(y, .gradient = golden(layer, "grad_out", "")) == TSR_OK, layer);
    if (floating) tensors_expect_close(layer, tsr_grad(x), golden(layer, "grad_in", ""), 1e-11);
    expect_parameter_gradients(layer, m);
    expect_buffers(layer, m);
    tsr_module_free(m);
}

#define EXPECT_GOLDEN(name, module)                                                                                    \
    static void name##_is_pytorchs(void **state)                                                                       \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        expect_golden(#name, module);                                                                                  \
    }

static tsr_module *evaluating(tsr_module *m)
{
    tsr_module_train(m, false);
    return m;
}

static tsr_module *small_net(void)
{
    return tsr_nn_sequence(tsr_nn_conv2d(.in_channels = 1, .out_channels = 2, .kernel_size = {2}, .no_bias = true),
                           tsr_nn_batch_norm(2, 0, 0), tsr_nn_silu(),
                           tsr_nn_sequence(tsr_nn_flatten(1), tsr_nn_linear(8, 3, true)));
}

EXPECT_GOLDEN(linear, tsr_nn_linear(5, 3, true))
EXPECT_GOLDEN(linear_no_bias, tsr_nn_linear(5, 3, false))
EXPECT_GOLDEN(conv1d, tsr_nn_conv1d(.in_channels = 4, .out_channels = 6, .kernel_size = {3}, .stride = {2},
                                    .padding = {1}, .dilation = {2}, .groups = 2))
EXPECT_GOLDEN(conv2d, tsr_nn_conv2d(.in_channels = 3, .out_channels = 4, .kernel_size = {3}, .padding = {1, 1}))
EXPECT_GOLDEN(conv2d_uneven, tsr_nn_conv2d(.in_channels = 4, .out_channels = 6, .kernel_size = {3, 2}, .stride = {2, 1},
                                           .padding = {1, 0}, .groups = 2, .no_bias = true))
EXPECT_GOLDEN(conv_transpose1d, tsr_nn_conv_transpose1d(.in_channels = 3, .out_channels = 4, .kernel_size = {3},
                                                        .stride = {2}, .padding = {1}, .output_padding = {1}))
EXPECT_GOLDEN(conv_transpose2d, tsr_nn_conv_transpose2d(.in_channels = 4, .out_channels = 6, .kernel_size = {4},
                                                        .stride = {2}, .padding = {1, 1}, .groups = 2))
EXPECT_GOLDEN(group_norm, tsr_nn_group_norm(2, 6, 1e-3))
EXPECT_GOLDEN(layer_norm, tsr_nn_layer_norm(7, 0))
EXPECT_GOLDEN(batch_norm, tsr_nn_batch_norm(3, 0, 0))
EXPECT_GOLDEN(batch_norm_momentum, tsr_nn_batch_norm(3, 1e-2, 0.3))
EXPECT_GOLDEN(batch_norm_eval, evaluating(tsr_nn_batch_norm(3, 0, 0)))
EXPECT_GOLDEN(embedding, tsr_nn_embedding(6, 4))
EXPECT_GOLDEN(flatten, tsr_nn_flatten(1))
EXPECT_GOLDEN(relu, tsr_nn_relu())
EXPECT_GOLDEN(leaky_relu, tsr_nn_leaky_relu(0.2))
EXPECT_GOLDEN(silu, tsr_nn_silu())
EXPECT_GOLDEN(gelu, tsr_nn_gelu())
EXPECT_GOLDEN(tanh, tsr_nn_tanh())
EXPECT_GOLDEN(sigmoid, tsr_nn_sigmoid())
EXPECT_GOLDEN(max_pool2d, tsr_nn_max_pool2d(3, 2))
EXPECT_GOLDEN(avg_pool2d, tsr_nn_avg_pool2d(2, 2))
EXPECT_GOLDEN(upsample, tsr_nn_upsample(3))
EXPECT_GOLDEN(attention, tsr_nn_multihead_attention(6, 2, false))
EXPECT_GOLDEN(attention_causal, tsr_nn_multihead_attention(6, 3, true))
EXPECT_GOLDEN(net, small_net())

/* ---- without goldens ---------------------------------------------------------------------------------------------- */

static void identity_hands_its_input_on(void **state)
{
    (void)state;
    tsr_module *m = tsr_nn_identity();
    tsr_tensor *x = tsr_randn(TSR_SHAPE(2, 3));
    assert_ptr_equal(tsr_forward(m, x), x);
    tsr_module_free(m);
}

static void dropout_zeroes_and_scales_in_training_only(void **state)
{
    (void)state;
    tsr_module *m = tsr_nn_dropout(0.25);
    tsr_tensor *x = tsr_ones(TSR_SHAPE(40000)), *y = tsr_forward(m, x);
    double *v = tensors_values(y), kept = 0;
    for (int64_t i = 0; i < 40000; i++) {
        assert_true(v[i] == 0 || (v[i] > 1.3333 && v[i] < 1.3334)); /* 1 / (1 - p) */
        kept += v[i] != 0;
    }
    free(v);
    assert_true(kept > 29500 && kept < 30500); /* 30000, standard deviation 87 */
    tsr_module_train(m, false);
    tensors_expect_same("eval", tsr_forward(m, x), x);
    tsr_module_free(m);
}

static void dropout_of_zero_changes_nothing(void **state)
{
    (void)state;
    tsr_module *m = tsr_nn_dropout(0);
    tsr_tensor *x = tsr_randn(TSR_SHAPE(100));
    tensors_expect_same("dropout(0)", tsr_forward(m, x), x);
    tsr_module_free(m);
}

static bool call_module(tsr_tensor *const *in, int64_t n_in, tsr_tensor **out, int64_t n_out, void *user)
{
    (void)n_in;
    (void)n_out;
    return (out[0] = tsr_forward(user, in[0])) != NULL;
}

static void check_gradients(tsr_module *m, tsr_shape input)
{
    tensors_require(m && tsr_module_to(m, TSR_F64) == TSR_OK, "module");
    tsr_tensor *in[8] = {tsr_randn(input, .dtype = TSR_F64)};
    tsr_named_list p = {0};
    int64_t n = 1;
    tsr_set_requires_grad(in[0], true);
    assert_int_equal(tsr_module_parameters(m, &p), TSR_OK);
    for (int64_t i = 0; i < p.n && n < 8; i++) in[n++] = p.v[i].tensor;
    tensors_require(tsr_gradcheck(call_module, m, (tsr_tensors){in, n}, 1, NULL) == TSR_OK, "gradcheck");
    tsr_named_list_free(&p);
    tsr_module_free(m);
}

static void derivatives_agree_with_differences(void **state)
{
    (void)state;
    check_gradients(tsr_nn_linear(3, 2, true), TSR_SHAPE(2, 3));
    check_gradients(tsr_nn_conv2d(.in_channels = 2, .out_channels = 2, .kernel_size = {2}), TSR_SHAPE(1, 2, 3, 3));
    check_gradients(tsr_nn_group_norm(2, 4, 0), TSR_SHAPE(2, 4, 2));
    check_gradients(evaluating(tsr_nn_batch_norm(2, 0, 0)), TSR_SHAPE(2, 2, 3));
    check_gradients(tsr_nn_multihead_attention(4, 2, true), TSR_SHAPE(1, 3, 4));
    check_gradients(tsr_nn_sequence(tsr_nn_linear(3, 4, true), tsr_nn_gelu(), tsr_nn_layer_norm(4, 0)),
                    TSR_SHAPE(2, 3));
}

static void impossible_layers_are_refused(void **state)
{
    (void)state;
    assert_null(tsr_nn_linear(-1, 2, true));
    tensors_expect_error(TSR_EINVAL, "Linear: -1 inputs");
    assert_null(tsr_nn_conv2d(.in_channels = 3, .out_channels = 4, .kernel_size = {3}, .groups = 2));
    tensors_expect_error(TSR_EINVAL, "groups must divide both");
    assert_null(tsr_nn_group_norm(4, 6, 0));
    tensors_expect_error(TSR_EINVAL, "6 channels cannot be divided into 4 groups");
    assert_null(tsr_nn_group_norm(0, 6, 0));
    tensors_expect_error(TSR_EINVAL, "GroupNorm");
    assert_null(tsr_nn_dropout(1.5));
    tensors_expect_error(TSR_EINVAL, "between 0 and 1");
    assert_null(tsr_nn_multihead_attention(6, 4, false));
    tensors_expect_error(TSR_EINVAL, "6 features cannot be divided among 4 heads");
    assert_null(tsr_nn_embedding(-1, 4));
    tensors_expect_error(TSR_EINVAL, "-1");
    assert_null(tsr_nn_layer_norm(-2, 0));
    tensors_expect_error(TSR_EINVAL, "-2");
}

static void a_failed_child_fails_the_tree_and_frees_it(void **state)
{
    (void)state;
    tensors_alive before = tensors_count_alive();
    tsr_module *m = tsr_nn_sequence(tsr_nn_linear(3, 4, true), tsr_nn_group_norm(3, 4, 0), tsr_nn_linear(4, 1, true),
                                    tsr_nn_sequence(tsr_nn_relu(), tsr_nn_dropout(-1), tsr_nn_linear(1, 1, false)));
    assert_null(m);
    tensors_expect_error(TSR_EINVAL, "4 channels cannot be divided into 3 groups"); /* the first error stays */
    tensors_alive after = tensors_count_alive();
    assert_int_equal(after.tensors, before.tensors);
    assert_int_equal(after.blocks, before.blocks);
}

static void wrong_inputs_name_operator_and_shapes(void **state)
{
    (void)state;
    tsr_module *m = tsr_nn_linear(5, 3, true);
    assert_null(tsr_forward(m, tsr_zeros(TSR_SHAPE(2, 4))));
    tensors_expect_error(TSR_EINVAL, "linear");
    assert_null(tsr_forward(m, NULL));
    tensors_expect_error(TSR_EINVAL, "input is NULL");
    assert_null(tsr_forward(NULL, tsr_zeros(TSR_SHAPE(2, 4))));
    tensors_expect_error(TSR_EINVAL, "module is NULL");
    tsr_module_free(m);
    m = tsr_nn_module_list();
    assert_null(tsr_forward(m, tsr_zeros(TSR_SHAPE(1))));
    tensors_expect_error(TSR_EINVAL, "ModuleList has no forward");
    tsr_module_free(m);
    m = tsr_nn_multihead_attention(4, 2, false);
    assert_null(tsr_forward(m, tsr_zeros(TSR_SHAPE(3, 4))));
    tensors_expect_error(TSR_EINVAL, "MultiheadAttention");
    tsr_module_free(m);
}

int main(void)
{
#define GOLDEN(name) TENSOR_TEST(name##_is_pytorchs)
    const struct CMUnitTest tests[] = {
        GOLDEN(linear),
        GOLDEN(linear_no_bias),
        GOLDEN(conv1d),
        GOLDEN(conv2d),
        GOLDEN(conv2d_uneven),
        GOLDEN(conv_transpose1d),
        GOLDEN(conv_transpose2d),
        GOLDEN(group_norm),
        GOLDEN(layer_norm),
        GOLDEN(batch_norm),
        GOLDEN(batch_norm_momentum),
        GOLDEN(batch_norm_eval),
        GOLDEN(embedding),
        GOLDEN(flatten),
        GOLDEN(relu),
        GOLDEN(leaky_relu),
        GOLDEN(silu),
        GOLDEN(gelu),
        GOLDEN(tanh),
        GOLDEN(sigmoid),
        GOLDEN(max_pool2d),
        GOLDEN(avg_pool2d),
        GOLDEN(upsample),
        GOLDEN(attention),
        GOLDEN(attention_causal),
        GOLDEN(net),
        TENSOR_TEST(identity_hands_its_input_on),
        TENSOR_TEST(dropout_zeroes_and_scales_in_training_only),
        TENSOR_TEST(dropout_of_zero_changes_nothing),
        TENSOR_TEST(derivatives_agree_with_differences),
        TENSOR_TEST(impossible_layers_are_refused),
        TENSOR_TEST(a_failed_child_fails_the_tree_and_frees_it),
        TENSOR_TEST(wrong_inputs_name_operator_and_shapes),
    };
    return cmocka_run_group_tests(tests, open_goldens, close_goldens);
}
