/* test_module.c: trees of modules: names and their order, shared parameters, ownership, modes, conversion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/tensors.h"
#include "tessera/autograd.h"
#include "tessera/memory.h"
#include "tessera/nn.h"

/* ---- a module of the tests' own ----------------------------------------------------------------------------------- */

typedef struct scaled {
    double factor;
    int *dropped;
} scaled;

static tsr_tensor *scaled_forward(tsr_module *m, tsr_tensor *x)
{
    const scaled *s = tsr_module_state(m);
    tsr_tensor *unused = tsr_add(x, x); /* left to the scope of the call */
    return unused ? tsr_mul(x, tsr_scalar(s->factor)) : NULL;
}

static void scaled_drop(void *state)
{
    scaled *s = state;
    if (s->dropped) ++*s->dropped;
}

static const tsr_module_type scaled_type = {
    .name = "Scaled", .state_size = sizeof(scaled), .forward = scaled_forward, .drop = scaled_drop};

static tsr_module *new_scaled(double factor, int *dropped)
{
    tsr_module *m = tsr_module_new(&scaled_type);
    assert_non_null(m);
    *(scaled *)tsr_module_state(m) = (scaled){factor, dropped};
    return m;
}

static void expect_names(const tsr_named_list *list, const char *const *names, int64_t n)
{
    assert_int_equal(list->n, n);
    for (int64_t i = 0; i < n; i++) assert_string_equal(list->v[i].name, names[i]);
}

/* ---- names -------------------------------------------------------------------------------------------------------- */

/* A buffer is added between two parameters, a child before all: parameters still come first, then buffers. */
static void state_dict_has_parameters_then_buffers_then_children(void **state)
{
    (void)state;
    tsr_module *m = new_scaled(1, NULL);
    tsr_module_add_child(m, "child", tsr_nn_batch_norm(2, 0, 0));
    tsr_module_add_parameter(m, "b", tsr_zeros(TSR_SHAPE(1)));
    tsr_module_add_buffer(m, "buffer", tsr_zeros(TSR_SHAPE(1)), true);
    tsr_module_add_buffer(m, "scratch", tsr_zeros(TSR_SHAPE(1)), false);
    tsr_module_add_parameter(m, "a", tsr_zeros(TSR_SHAPE(1)));
    tsr_named_list all = {0}, trained = {0};
    assert_int_equal(tsr_module_state_dict(m, &all), TSR_OK);
    assert_int_equal(tsr_module_parameters(m, &trained), TSR_OK);
    const char *const saved[] = {"b",
                                 "a",
                                 "buffer",
                                 "child.weight",
                                 "child.bias",
                                 "child.running_mean",
                                 "child.running_var",
                                 "child.num_batches_tracked"};
    expect_names(&all, saved, 8);
    expect_names(&trained, (const char *const[]){"b", "a", "child.weight", "child.bias"}, 4);
    tsr_named_list_free(&all);
    tsr_named_list_free(&trained);
    tsr_module_free(m);
}

static void descendants_are_found_by_dotted_names(void **state)
{
    (void)state;
    tsr_module *inner = tsr_nn_sequence(tsr_nn_relu(), tsr_nn_linear(2, 3, true)), *m = tsr_nn_sequence(inner);
    tsr_module *linear = tsr_module_child(m, "0.1");
    assert_ptr_equal(linear, tsr_module_child_at(inner, 1));
    assert_ptr_equal(tsr_module_tensor(m, "0.1.bias"), tsr_module_tensor(linear, "bias"));
    assert_null(tsr_module_child(m, "0.2"));
    assert_null(tsr_module_child(m, "1.0"));
    assert_null(tsr_module_tensor(m, "0.1"));
    assert_null(tsr_module_tensor(m, "0.1.bia"));
    assert_null(tsr_module_tensor(m, "0.1.biased"));
    assert_null(tsr_module_child_at(m, 1));
    assert_int_equal(tsr_module_child_count(inner), 2);
    tsr_module_free(m);
}

static void names_are_unique_and_have_no_dots(void **state)
{
    (void)state;
    tsr_module *m = new_scaled(1, NULL);
    tsr_module_add_parameter(m, "w", tsr_zeros(TSR_SHAPE(1)));
    assert_null(tsr_module_add_buffer(m, "w", tsr_zeros(TSR_SHAPE(1)), true));
    tensors_expect_error(TSR_EINVAL, "'w'");
    assert_null(tsr_module_add_parameter(m, "a.b", tsr_zeros(TSR_SHAPE(1))));
    tensors_expect_error(TSR_EINVAL, "'a.b'");
    assert_null(tsr_module_add_child(m, "w", tsr_nn_relu())); /* freed */
    tensors_expect_error(TSR_EINVAL, "'w'");
    assert_null(tsr_module_add_child(m, "", tsr_nn_relu()));
    tensors_expect_error(TSR_EINVAL, "''");
    tsr_module_free(m);
}

static void a_parameter_must_be_a_floating_leaf(void **state)
{
    (void)state;
    tsr_module *m = new_scaled(1, NULL);
    assert_null(tsr_module_add_parameter(m, "i", tsr_zeros(TSR_SHAPE(1), .dtype = TSR_I64)));
    tensors_expect_error(TSR_EINVAL, "floating");
    tsr_tensor *w = tsr_module_add_parameter(m, "w", tsr_ones(TSR_SHAPE(1)));
    assert_null(tsr_module_add_parameter(m, "double", tsr_add(w, w)));
    tensors_expect_error(TSR_EINVAL, "leaf");
    tsr_module_free(m);
}

/* ---- shared parameters ---------------------------------------------------------------------------------------------- */

static tsr_module *tied(void)
{
    tsr_module *m = new_scaled(1, NULL), *a = tsr_module_add_child(m, "a", new_scaled(1, NULL)),
               *b = tsr_module_add_child(m, "b", new_scaled(1, NULL));
    tsr_tensor *w = tsr_module_add_parameter(a, "w", tsr_ones(TSR_SHAPE(2, 3)));
    assert_ptr_equal(tsr_module_add_parameter(b, "w", w), w);
    return m;
}

static void a_shared_parameter_is_trained_once_and_saved_under_each_name(void **state)
{
    (void)state;
    tsr_module *m = tied();
    tsr_named_list all = {0}, trained = {0};
    assert_int_equal(tsr_module_state_dict(m, &all), TSR_OK);
    assert_int_equal(tsr_module_parameters(m, &trained), TSR_OK);
    expect_names(&all, (const char *const[]){"a.w", "b.w"}, 2);
    expect_names(&trained, (const char *const[]){"a.w"}, 1);
    assert_int_equal(tsr_module_parameter_count(m), 6);
    tsr_named_list_free(&all);
    tsr_named_list_free(&trained);
    tsr_module_free(m);
}

static void conversion_keeps_parameters_shared(void **state)
{
    (void)state;
    tsr_module *m = tied();
    assert_int_equal(tsr_module_to(m, TSR_F64), TSR_OK);
    assert_ptr_equal(tsr_module_tensor(m, "a.w"), tsr_module_tensor(m, "b.w"));
    assert_int_equal(tsr_dtype_of(tsr_module_tensor(m, "b.w")), TSR_F64);
    tsr_module_free(m);
}

/* ---- ownership ------------------------------------------------------------------------------------------------------- */

static void a_parent_frees_its_children_and_their_state(void **state)
{
    (void)state;
    int dropped = 0;
    tensors_alive before = tensors_count_alive();
    tsr_module *m = new_scaled(1, &dropped);
    tsr_module *list = tsr_module_add_child(m, "list", tsr_nn_module_list());
    for (int i = 0; i < 3; i++) assert_non_null(tsr_module_append(list, new_scaled(2, &dropped)));
    assert_non_null(tsr_module_append(list, tsr_nn_linear(3, 4, true)));
    assert_non_null(tsr_module_child(m, "list.3"));
    tsr_module_free(m);
    assert_int_equal(dropped, 4);
    tensors_alive after = tensors_count_alive();
    assert_int_equal(after.tensors, before.tensors);
    assert_int_equal(after.blocks, before.blocks);
    tsr_module_free(NULL);
}

static void adding_to_null_frees_the_child(void **state)
{
    (void)state;
    int dropped = 0;
    assert_null(tsr_module_add_child(NULL, "x", new_scaled(1, &dropped)));
    tensors_expect_error(TSR_EINVAL, "module_add_child: the module is NULL");
    assert_int_equal(dropped, 1);
    assert_null(tsr_module_append(NULL, new_scaled(1, &dropped)));
    tensors_expect_error(TSR_EINVAL, "module_add_child: the module is NULL");
    assert_int_equal(dropped, 2);
}

static void intermediates_of_a_call_are_released(void **state)
{
    (void)state;
    tsr_module *m = new_scaled(3, NULL);
    tsr_tensor *x = tsr_ones(TSR_SHAPE(2));
    int64_t before = tsr_live_tensors();
    tsr_tensor *y = tsr_forward(m, x);
    assert_int_equal(tsr_live_tensors(), before + 1);
    assert_true(tensors_at(y, 1) == 3);
    tsr_module_free(m);
}

/* ---- modes ------------------------------------------------------------------------------------------------------------- */

static void training_mode_is_for_the_whole_tree(void **state)
{
    (void)state;
    tsr_module *m = tsr_nn_sequence(tsr_nn_sequence(tsr_nn_dropout(0.5)));
    assert_true(tsr_module_is_training(tsr_module_child(m, "0.0")));
    tsr_module_train(m, false);
    assert_false(tsr_module_is_training(m));
    assert_false(tsr_module_is_training(tsr_module_child(m, "0.0")));
    tsr_module_train(m, true);
    assert_true(tsr_module_is_training(tsr_module_child(m, "0.0")));
    tsr_module_free(m);
}

static void frozen_modules_get_no_gradient(void **state)
{
    (void)state;
    tsr_module *m = tsr_nn_linear(2, 2, true);
    tsr_tensor *x = tsr_ones(TSR_SHAPE(1, 2)), *w = tsr_module_tensor(m, "weight");
    assert_int_equal(tsr_module_requires_grad(m, false), TSR_OK);
    assert_false(tsr_requires_grad(tsr_forward(m, x)));
    assert_int_equal(tsr_module_requires_grad(m, true), TSR_OK);
    assert_int_equal(tsr_backward(tsr_sum(tsr_forward(m, x))), TSR_OK);
    assert_non_null(tsr_grad(w));
    tsr_module_zero_grad(m);
    assert_null(tsr_grad(w));
    tsr_module_free(m);
}

/* ---- conversion -------------------------------------------------------------------------------------------------------- */

static void conversion_keeps_values_handles_and_flags(void **state)
{
    (void)state;
    tsr_module *m = tsr_nn_batch_norm(3, 0, 0);
    tsr_tensor *w = tsr_module_tensor(m, "weight"), *mean = tsr_module_tensor(m, "running_mean");
    assert_int_equal(tsr_init_uniform(w, 0, 1, NULL), TSR_OK);
    tsr_tensor *before = tsr_to(tsr_detach(w), TSR_F64);
    assert_int_equal(tsr_module_to(m, TSR_F64), TSR_OK);
    assert_ptr_equal(tsr_module_tensor(m, "weight"), w);
    assert_int_equal(tsr_dtype_of(w), TSR_F64);
    assert_int_equal(tsr_dtype_of(mean), TSR_F64);
    assert_int_equal(tsr_dtype_of(tsr_module_tensor(m, "num_batches_tracked")), TSR_I64);
    assert_true(tsr_requires_grad(w) && tsr_is_leaf(w));
    assert_false(tsr_requires_grad(mean));
    tensors_expect_same("weight", tsr_detach(w), before);
    tsr_module_free(m);
}

static void conversion_takes_gradients_along(void **state)
{
    (void)state;
    tsr_module *m = tsr_nn_linear(2, 1, false);
    tsr_tensor *w = tsr_module_tensor(m, "weight");
    assert_int_equal(tsr_backward(tsr_forward(m, tsr_ones(TSR_SHAPE(1, 2)))), TSR_OK);
    assert_int_equal(tsr_module_to(m, TSR_F64), TSR_OK);
    assert_int_equal(tsr_dtype_of(tsr_grad(w)), TSR_F64);
    assert_int_equal(tsr_backward(tsr_forward(m, tsr_ones(TSR_SHAPE(1, 2), .dtype = TSR_F64))), TSR_OK);
    assert_true(tensors_at(tsr_grad(w), 1) == 2);
    tsr_module_free(m);
}

static void only_floating_types_can_be_converted_to(void **state)
{
    (void)state;
    tsr_module *m = tsr_nn_linear(2, 1, false);
    assert_int_equal(tsr_module_to(m, TSR_I64), TSR_EINVAL);
    tensors_expect_error(TSR_EINVAL, "i64");
    assert_int_equal(tsr_module_to(NULL, TSR_F64), TSR_EINVAL);
    tensors_expect_error(TSR_EINVAL, "NULL");
    tsr_module_free(m);
}

/* ---- wrong use ---------------------------------------------------------------------------------------------------- */

static void what_is_null_is_refused(void **state)
{
    (void)state;
    assert_null(tsr_module_new(NULL));
    tensors_expect_error(TSR_EINVAL, "module_new: the type is NULL");
    tsr_module *m = new_scaled(1, NULL);
    tsr_tensor *t = tsr_zeros(TSR_SHAPE(1));
    assert_null(tsr_module_add_parameter(m, NULL, t));
    tensors_expect_error(TSR_EINVAL, "module_add_parameter: the name is NULL");
    assert_null(tsr_module_add_parameter(m, "w", NULL));
    tensors_expect_error(TSR_EINVAL, "module_add_parameter: the parameter is NULL");
    assert_null(tsr_module_add_buffer(NULL, "w", t, true));
    tensors_expect_error(TSR_EINVAL, "module_add_buffer: the module is NULL");
    tensors_expect_error(tsr_module_load_state_dict(m, NULL, 2, true, NULL),
                         "module_load_state_dict: there are 2 tensors at NULL");
    tensors_expect_error(tsr_module_load_state_dict(m, &(tsr_named){NULL, t}, 1, true, NULL),
                         "module_load_state_dict: the name of entry 0 is NULL");
    tsr_module_free(m);
}

static tsr_tensor *nothing(tsr_module *m, tsr_tensor *x)
{
    (void)m, (void)x;
    return NULL;
}

static void a_forward_that_returns_nothing_is_named(void **state)
{
    (void)state;
    static const tsr_module_type type = {.name = "Silent", .state_size = 1, .forward = nothing};
    tsr_module *m = tsr_module_new(&type);
    assert_null(tsr_forward(m, tsr_zeros(TSR_SHAPE(1))));
    tensors_expect_error(TSR_EINVAL, "Silent: forward returned NULL");
    tsr_module_free(m);
}

/* Weights with 8 significant bits: the result moves by some 2^-9 of them. */
static void linear_weights_may_be_half_as_wide(void **state)
{
    (void)state;
    tsr_mark mark = tsr_scope_open();
    tsr_module *m = tsr_nn_sequence(tsr_nn_layer_norm(16, 0), tsr_nn_linear(16, 8, true));
    tsr_tensor *x = tsr_randn(TSR_SHAPE(5, 16)), *before = tsr_forward(m, x);
    assert_non_null(before);
    assert_int_equal(tsr_module_linear_to(m, TSR_BF16), TSR_OK);
    assert_int_equal(tsr_dtype_of(tsr_module_tensor(m, "1.weight")), TSR_BF16);
    assert_int_equal(tsr_dtype_of(tsr_module_tensor(m, "1.bias")), TSR_F32);
    assert_int_equal(tsr_dtype_of(tsr_module_tensor(m, "0.weight")), TSR_F32);
    assert_null(tsr_forward(m, x)); /* it would be recorded */
    tensors_expect_error(TSR_EINVAL, "bf16");
    assert_int_equal(tsr_module_requires_grad(m, false), TSR_OK);
    tsr_tensor *after = tsr_forward(m, x);
    double moved = tsr_item(tsr_amax(tsr_abs(tsr_sub(after, before))));
    assert_true(moved > 0 && moved < 0.02);
    assert_int_equal(tsr_module_linear_to(m, TSR_F32), TSR_OK);
    assert_true(tsr_item(tsr_amax(tsr_abs(tsr_sub(tsr_forward(m, x), after)))) < 1e-5);
    assert_int_equal(tsr_module_linear_to(m, TSR_I64), TSR_EINVAL);
    tensors_expect_error(TSR_EINVAL, "i64");
    tsr_module_free(m);
    tsr_scope_close(mark);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(state_dict_has_parameters_then_buffers_then_children),
        TENSOR_TEST(descendants_are_found_by_dotted_names),
        TENSOR_TEST(names_are_unique_and_have_no_dots),
        TENSOR_TEST(a_parameter_must_be_a_floating_leaf),
        TENSOR_TEST(a_shared_parameter_is_trained_once_and_saved_under_each_name),
        TENSOR_TEST(conversion_keeps_parameters_shared),
        TENSOR_TEST(a_parent_frees_its_children_and_their_state),
        TENSOR_TEST(adding_to_null_frees_the_child),
        TENSOR_TEST(intermediates_of_a_call_are_released),
        TENSOR_TEST(training_mode_is_for_the_whole_tree),
        TENSOR_TEST(frozen_modules_get_no_gradient),
        TENSOR_TEST(conversion_keeps_values_handles_and_flags),
        TENSOR_TEST(conversion_takes_gradients_along),
        TENSOR_TEST(only_floating_types_can_be_converted_to),
        TENSOR_TEST(what_is_null_is_refused),
        TENSOR_TEST(a_forward_that_returns_nothing_is_named),
        cmocka_unit_test(linear_weights_may_be_half_as_wide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
