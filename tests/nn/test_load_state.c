/* test_load_state.c: loading a state dict: all or nothing, PyTorch's sentences. Expected texts are what
   torch.nn.Module.load_state_dict of PyTorch 1.13 says for the same modules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/tensors.h"
#include "tessera/autograd.h"
#include "tessera/nn.h"

static tsr_module *net(void)
{
    tsr_module *m = tsr_nn_sequence(tsr_nn_linear(3, 2, true), tsr_nn_linear(2, 1, true));
    tensors_require(m != NULL, "net");
    return m;
}

static tsr_tensor *weight(tsr_module *m, const char *name) { return tsr_detach(tsr_module_tensor(m, name)); }

static void a_state_dict_goes_from_one_model_to_another(void **state)
{
    (void)state;
    tsr_module *a = net(), *b = net();
    tsr_named_list list = {0};
    assert_int_equal(tsr_module_state_dict(a, &list), TSR_OK);
    assert_int_equal(tsr_module_load_state_dict(b, list.v, list.n, true, NULL), TSR_OK);
    for (int64_t i = 0; i < list.n; i++)
        tensors_expect_same(list.v[i].name, weight(b, list.v[i].name), tsr_detach(list.v[i].tensor));
    assert_false(tsr_shares_storage(list.v[0].tensor, tsr_module_tensor(b, list.v[0].name)));
    assert_true(tsr_requires_grad(tsr_module_tensor(b, "0.weight")));
    tsr_named_list_free(&list);
    tsr_module_free(a);
    tsr_module_free(b);
}

static void dtypes_are_cast_and_layouts_do_not_matter(void **state)
{
    (void)state;
    tsr_module *m = tsr_nn_linear(3, 2, false);
    double v[] = {1, 2, 3, 4, 5, 6};
    tsr_tensor *t = tsr_transpose(tsr_from_data(v, TSR_SHAPE(3, 2), TSR_F64), 0, 1); /* [2, 3]: 1 3 5, 2 4 6 */
    tsr_named given = {"weight", t};
    assert_int_equal(tsr_module_load_state_dict(m, &given, 1, true, NULL), TSR_OK);
    assert_int_equal(tsr_dtype_of(tsr_module_tensor(m, "weight")), TSR_F32);
    assert_true(tensors_at(weight(m, "weight"), 1) == 3);
    tsr_module_free(m);
}

static void one_message_lists_all_that_is_wrong(void **state)
{
    (void)state;
    tsr_module *m = net();
    tsr_tensor *t = tsr_zeros(TSR_SHAPE(2, 4)), *bias = tsr_zeros(TSR_SHAPE(1));
    tsr_named given[] = {{"0.weight", t}, {"0.gain", bias}, {"1.weight", bias}, {"1.bias", bias}, {"extra", bias}};
    assert_int_equal(tsr_module_load_state_dict(m, given, 5, true, NULL), TSR_EINVAL);
    assert_string_equal(
        tsr_error_message(),
        "Error(s) in loading state_dict for Sequential:"
        "\n\tMissing key(s) in state_dict: \"0.bias\". "
        "\n\tUnexpected key(s) in state_dict: \"0.gain\", \"extra\". "
        "\n\tsize mismatch for 0.weight: copying a param with shape torch.Size([2, 4]) from checkpoint, "
        "the shape in current model is torch.Size([2, 3])."
        "\n\tsize mismatch for 1.weight: copying a param with shape torch.Size([1]) from checkpoint, the "
        "shape in current model is torch.Size([1, 2]).");
    tsr_error_clear();
    tsr_module_free(m);
}

static void nothing_is_half_loaded(void **state)
{
    (void)state;
    tsr_module *m = net();
    tsr_tensor *before = tsr_clone(weight(m, "0.weight"));
    tsr_named given[] = {{"0.weight", tsr_zeros(TSR_SHAPE(2, 3))},
                         {"0.bias", tsr_zeros(TSR_SHAPE(2))},
                         {"1.weight", tsr_zeros(TSR_SHAPE(1, 3))},
                         {"1.bias", tsr_zeros(TSR_SHAPE(1))}};
    assert_int_equal(tsr_module_load_state_dict(m, given, 4, false, NULL), TSR_EINVAL);
    tensors_expect_error(TSR_EINVAL, "size mismatch for 1.weight");
    tensors_expect_same("0.weight", weight(m, "0.weight"), before);
    tsr_module_free(m);
}

static void lenient_loading_reports_names(void **state)
{
    (void)state;
    tsr_module *m = net();
    tsr_tensor *before = tsr_clone(weight(m, "1.weight"));
    tsr_named given[] = {{"0.weight", tsr_ones(TSR_SHAPE(2, 3))}, {"other", tsr_zeros(TSR_SHAPE(7))}};
    tsr_load_report report;
    assert_int_equal(tsr_module_load_state_dict(m, given, 2, false, &report), TSR_OK);
    assert_int_equal(report.n_missing, 3);
    assert_string_equal(report.missing[0], "0.bias");
    assert_string_equal(report.missing[2], "1.bias");
    assert_int_equal(report.n_unexpected, 1);
    assert_string_equal(report.unexpected[0], "other");
    tsr_load_report_free(&report);
    assert_int_equal(report.n_missing, 0);
    assert_true(tensors_at(weight(m, "0.weight"), 5) == 1);
    tensors_expect_same("1.weight", weight(m, "1.weight"), before);
    assert_int_equal(tsr_module_load_state_dict(m, given, 2, false, NULL), TSR_OK);
    tsr_module_free(m);
}

static void a_strict_failure_fills_the_report_too(void **state)
{
    (void)state;
    tsr_module *m = tsr_nn_linear(1, 1, false);
    tsr_load_report report;
    assert_int_equal(tsr_module_load_state_dict(m, NULL, 0, true, &report), TSR_EINVAL);
    tensors_expect_error(TSR_EINVAL, "Missing key(s) in state_dict: \"weight\"");
    assert_int_equal(report.n_missing, 1);
    tsr_load_report_free(&report);
    tsr_module_free(m);
}

static void buffers_are_loaded_and_scratch_ones_are_not_asked_for(void **state)
{
    (void)state;
    tsr_module *m = tsr_nn_batch_norm(2, 0, 0);
    assert_non_null(tsr_module_add_buffer(m, "scratch", tsr_zeros(TSR_SHAPE(3)), false));
    tsr_tensor *v = tsr_full(TSR_SHAPE(2), TSR_FLOAT(5)), *count = tsr_full(TSR_SCALAR_SHAPE, TSR_INT(9));
    tsr_named given[] = {
        {"weight", v}, {"bias", v}, {"running_mean", v}, {"running_var", v}, {"num_batches_tracked", count}};
    tensors_require(tsr_module_load_state_dict(m, given, 5, true, NULL) == TSR_OK, "load");
    assert_true(tensors_at(tsr_module_tensor(m, "running_var"), 1) == 5);
    assert_int_equal(tsr_item_int(tsr_module_tensor(m, "num_batches_tracked")), 9);
    tsr_module_free(m);
}

static void a_pending_error_or_null_is_refused(void **state)
{
    (void)state;
    tsr_module *m = tsr_nn_linear(1, 1, false);
    tsr_named given = {"weight", NULL};
    assert_int_equal(tsr_module_load_state_dict(m, &given, 1, true, NULL), TSR_EINVAL);
    tensors_expect_error(TSR_EINVAL, "weight");
    given.tensor = tsr_zeros(TSR_SHAPE(1, 1));
    assert_int_equal(tsr_module_load_state_dict(NULL, &given, 1, true, NULL), TSR_EINVAL);
    tensors_expect_error(TSR_EINVAL, "NULL");
    tsr_fail(TSR_EIO, "an earlier error");
    assert_int_equal(tsr_module_load_state_dict(m, &given, 1, true, NULL), TSR_EIO);
    tensors_expect_error(TSR_EIO, "an earlier error");
    tsr_module_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(a_state_dict_goes_from_one_model_to_another),
        TENSOR_TEST(dtypes_are_cast_and_layouts_do_not_matter),
        TENSOR_TEST(one_message_lists_all_that_is_wrong),
        TENSOR_TEST(nothing_is_half_loaded),
        TENSOR_TEST(lenient_loading_reports_names),
        TENSOR_TEST(a_strict_failure_fills_the_report_too),
        TENSOR_TEST(buffers_are_loaded_and_scratch_ones_are_not_asked_for),
        TENSOR_TEST(a_pending_error_or_null_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
