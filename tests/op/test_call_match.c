/* test_call_match.c: which values fit which parameters, on operators made up for the purpose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "op/call_match.h"
#include "op/op_args.h"

/* f(Tensor input, int[] size, int[2] stride=1, int dim=-1, float eps=1e-5, bool keepdim=False, bool affine=True,
     Scalar alpha=1, int? max=None, str mode="mean", dtype? dtype=None) */
typedef struct f_args {
    tsr_tensor *input;
    tsr_shape size;
    int64_t stride[2];
    int64_t dim;
    double eps;
    bool keepdim;
    tsr_flag affine;
    tsr_number alpha, max;
    const char *mode;
    tsr_dtype dtype;
} f_args;

#define FIELD(f, k) .name = #f, .kind = k, .offset = offsetof(f_args, f), .saved_if = -1
static const op_param f_params[] = {
    {FIELD(input, OP_TENSOR)},
    {FIELD(size, OP_SHAPE)},
    {FIELD(stride, OP_INTS), .count = 2, .has_default = true, .default_number = 1, .default_text = "1"},
    {FIELD(dim, OP_INT), .has_default = true, .default_number = -1, .default_text = "-1"},
    {FIELD(eps, OP_FLOAT), .has_default = true, .default_number = 1e-5, .default_text = "1e-5"},
    {FIELD(keepdim, OP_BOOL), .has_default = true, .default_text = "False"},
    {FIELD(affine, OP_FLAG), .has_default = true, .default_number = 1, .default_text = "True"},
    {FIELD(alpha, OP_NUMBER), .has_default = true, .default_number = 1, .default_text = "1"},
    {FIELD(max, OP_NUMBER), .has_default = true, .optional = true, .is_int = true, .default_text = "None"},
    {FIELD(mode, OP_STRING), .has_default = true, .default_text = "mean"},
    {FIELD(dtype, OP_DTYPE), .has_default = true, .optional = true, .default_text = "None"},
};
static const op_info f = {.name = "f", .params = f_params, .param_count = 11, .args_size = sizeof(f_args)};

/* cat(Tensor[] tensors, int dim=0) */
typedef struct cat_args {
    tsr_tensors tensors;
    int64_t dim;
} cat_args;
static const op_param cat_params[] = {
    {.name = "tensors", .kind = OP_TENSORS, .offset = offsetof(cat_args, tensors), .saved_if = -1},
    {.name = "dim",
     .kind = OP_INT,
     .offset = offsetof(cat_args, dim),
     .has_default = true,
     .default_text = "0",
     .saved_if = -1},
};
static const op_info cat = {.name = "cat", .params = cat_params, .param_count = 2, .args_size = sizeof(cat_args)};

static tsr_value int_value(int64_t i) { return (tsr_value){.kind = TSR_VALUE_INT, .i = i}; }
static tsr_value float_value(double x) { return (tsr_value){.kind = TSR_VALUE_FLOAT, .f = x}; }
static tsr_value bool_value(bool b) { return (tsr_value){.kind = TSR_VALUE_BOOL, .i = b}; }
static tsr_value text_value(const char *s) { return (tsr_value){.kind = TSR_VALUE_STRING, .string = s}; }
static tsr_value none_value(void) { return (tsr_value){.kind = TSR_VALUE_NONE}; }
static tsr_value tensor_value(tsr_tensor *t) { return (tsr_value){.kind = TSR_VALUE_TENSOR, .tensor = t}; }
static tsr_value list_value(const tsr_value *v, int64_t n)
{
    return (tsr_value){.kind = TSR_VALUE_LIST, .list = {v, n}};
}

static tsr_tensor *x; /* any tensor */

/* The struct that f is run with after defaults are filled in. */
static f_args run_f(const tsr_arg *args, int64_t count, op_match_mode mode)
{
    op_match m;
    f_args result;
    if (!op_match_args(&m, &f, args, count, mode)) fail_msg("%s", m.why);
    memcpy(&result, m.args, sizeof result);
    for (int i = 0; i < f.param_count; i++) op_apply_default(&f.params[i], (char *)&result + f.params[i].offset);
    op_match_release(&m);
    return result;
}

static void refuses(const op_info *info, const tsr_arg *args, int64_t count, const char *why)
{
    op_match m;
    assert_false(op_match_args(&m, info, args, count, OP_MATCH_PLAIN));
    op_match_release(&m);
    if (!strstr(m.why, why)) fail_msg("expected \"%s\" in \"%s\"", why, m.why);
}

static void what_is_left_out_has_its_default(void **state)
{
    (void)state;
    const tsr_arg args[] = {{NULL, tensor_value(x)}, {NULL, int_value(5)}};
    f_args a = run_f(args, 2, OP_MATCH_PLAIN);
    assert_ptr_equal(a.input, x);
    assert_int_equal(a.size.n, 1);
    assert_int_equal(a.size.v[0], 5);
    assert_int_equal(a.stride[0], 1);
    assert_int_equal(a.stride[1], 1);
    assert_int_equal(a.dim, -1);
    assert_true(a.eps == 1e-5);
    assert_false(a.keepdim);
    assert_int_equal(a.affine, TSR_YES);
    assert_int_equal(a.alpha.kind, TSR_NUMBER_INT);
    assert_int_equal(a.alpha.i, 1);
    assert_int_equal(a.max.kind, TSR_NUMBER_NONE);
    assert_string_equal(a.mode, "mean");
    assert_int_equal(a.dtype, TSR_DTYPE_DEFAULT);
}

static void zero_is_a_value_and_not_the_default(void **state)
{
    (void)state;
    const tsr_value strides[] = {int_value(0), int_value(2)};
    const tsr_arg args[] = {{NULL, tensor_value(x)},  {NULL, list_value(NULL, 0)}, {"stride", list_value(strides, 2)},
                            {"dim", int_value(0)},    {"eps", int_value(0)},       {"affine", bool_value(false)},
                            {"alpha", float_value(0)}};
    f_args a = run_f(args, 7, OP_MATCH_PLAIN);
    assert_int_equal(a.size.n, 0);
    assert_int_equal(a.stride[0], 0);
    assert_int_equal(a.stride[1], 2);
    assert_int_equal(a.dim, 0);
    assert_true(a.eps == 0);
    assert_int_equal(a.affine, TSR_NO);
    assert_int_equal(a.alpha.kind, TSR_NUMBER_FLOAT);
    assert_true(a.alpha.f == 0);
}

static void one_integer_stands_for_all_of_a_fixed_list(void **state)
{
    (void)state;
    const tsr_value one[] = {int_value(3)};
    const tsr_arg plain[] = {{NULL, tensor_value(x)}, {NULL, int_value(5)}, {NULL, int_value(2)}};
    const tsr_arg list[] = {{NULL, tensor_value(x)}, {NULL, int_value(5)}, {NULL, list_value(one, 1)}};
    f_args a = run_f(plain, 3, OP_MATCH_PLAIN), b = run_f(list, 3, OP_MATCH_PLAIN);
    assert_int_equal(a.stride[0], 2);
    assert_int_equal(a.stride[1], 2);
    assert_int_equal(b.stride[1], 3);
}

static void none_leaves_out_what_has_a_default(void **state)
{
    (void)state;
    const tsr_arg args[] = {{NULL, tensor_value(x)}, {NULL, int_value(5)}, {NULL, none_value()}, {"max", none_value()}};
    assert_int_equal(run_f(args, 4, OP_MATCH_PLAIN).stride[0], 1);
    const tsr_arg required[] = {{NULL, tensor_value(x)}, {NULL, none_value()}};
    refuses(&f, required, 2, "argument 'size' takes up to 8 integers, not None");
}

static void integers_in_a_row_are_one_list_only_when_spread(void **state)
{
    (void)state;
    const tsr_arg args[] = {{NULL, tensor_value(x)},
                            {NULL, int_value(2)},
                            {NULL, int_value(3)},
                            {NULL, int_value(4)},
                            {"dim", int_value(1)}};
    f_args plain = run_f(args, 4, OP_MATCH_PLAIN), spread = run_f(args, 5, OP_MATCH_SPREAD);
    assert_int_equal(plain.size.n, 1);
    assert_int_equal(plain.dim, 4);
    assert_int_equal(spread.size.n, 3);
    assert_int_equal(spread.size.v[2], 4);
    assert_int_equal(spread.dim, 1);
}

static void keywords_have_the_names_that_pytorch_takes(void **state)
{
    (void)state;
    const tsr_arg args[] = {{"self", tensor_value(x)},       {"size", int_value(5)},        {"axis", int_value(2)},
                            {"keepdims", bool_value(true)},  {"device", text_value("cpu")}, {"out", none_value()},
                            {"dtype", text_value("float64")}};
    f_args a = run_f(args, 7, OP_MATCH_PLAIN);
    assert_ptr_equal(a.input, x);
    assert_int_equal(a.dim, 2);
    assert_true(a.keepdim);
    assert_int_equal(a.dtype, TSR_F64);
}

static void a_number_stands_for_a_tensor_when_nothing_else_fits(void **state)
{
    (void)state;
    op_match m;
    const tsr_arg args[] = {{NULL, float_value(2.5)}, {NULL, int_value(5)}};
    refuses(&f, args, 2, "argument 'input' takes a tensor, not a float");
    assert_true(op_match_args(&m, &f, args, 2, OP_MATCH_NUMBERS));
    assert_true(tsr_item(((f_args *)m.args)->input) == 2.5);
    op_match_release(&m);
}

static void lists_of_tensors_come_as_a_list_or_in_a_row(void **state)
{
    (void)state;
    op_match m;
    const tsr_value both[] = {tensor_value(x), tensor_value(x)};
    const tsr_arg list[] = {{NULL, list_value(both, 2)}, {NULL, int_value(1)}};
    const tsr_arg row[] = {{NULL, tensor_value(x)}, {NULL, tensor_value(x)}, {"dim", int_value(1)}};
    assert_true(op_match_args(&m, &cat, list, 2, OP_MATCH_PLAIN));
    assert_int_equal(((cat_args *)m.args)->tensors.n, 2);
    assert_ptr_equal(((cat_args *)m.args)->tensors.v[1], x);
    op_match_release(&m);
    assert_true(op_match_args(&m, &cat, row, 3, OP_MATCH_SPREAD));
    assert_int_equal(((cat_args *)m.args)->tensors.n, 2);
    assert_int_equal(((cat_args *)m.args)->dim, 1);
    op_match_release(&m);
}

static void what_does_not_fit_is_said(void **state)
{
    (void)state;
    const tsr_arg missing[] = {{NULL, tensor_value(x)}};
    const tsr_arg unknown[] = {{NULL, tensor_value(x)}, {NULL, int_value(1)}, {"dimension", int_value(1)}};
    const tsr_arg twice[] = {{NULL, tensor_value(x)}, {NULL, int_value(1)}, {"size", int_value(1)}};
    const tsr_arg kind[] = {{NULL, tensor_value(x)}, {NULL, int_value(1)}, {"dim", float_value(1)}};
    const tsr_arg whole[] = {{NULL, tensor_value(x)}, {NULL, int_value(1)}, {"max", float_value(1)}};
    const tsr_arg late[] = {{NULL, tensor_value(x)}, {"size", int_value(1)}, {NULL, int_value(1)}};
    refuses(&f, missing, 1, "argument 'size' is missing");
    refuses(&f, unknown, 3, "there is no argument 'dimension'");
    refuses(&f, twice, 3, "argument 'size' is given twice");
    refuses(&f, kind, 3, "argument 'dim' takes an integer, not a float");
    refuses(&f, whole, 3, "argument 'max' takes");
    refuses(&f, late, 3, "an argument by position comes after 'size'");
}

static void an_unknown_name_is_answered_with_the_nearest(void **state)
{
    (void)state;
    tsr_tensor *out;
    assert_int_equal(tsr_call("nn.functional.rellu", NULL, 0, &out, 1), -1);
    assert_non_null(strstr(tsr_error_message(), "did you mean 'nn.functional.relu'"));
    tsr_error_clear();
    assert_int_equal(tsr_call("torch.sigmoid", NULL, 0, &out, 1), -1);
    assert_non_null(strstr(tsr_error_message(), "did you mean 'sigmoid'"));
    tsr_error_clear();
    assert_int_equal(tsr_call("foo", NULL, 0, &out, 1), -1);
    assert_null(strstr(tsr_error_message(), "did you mean"));
    tsr_error_clear();
}

static int make_tensor(void **state)
{
    (void)state;
    return !(x = tsr_from_data(&(float){1}, TSR_SHAPE(1), TSR_F32));
}

static int release_tensor(void **state)
{
    (void)state;
    tsr_release(x);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(zero_is_a_value_and_not_the_default),
        cmocka_unit_test(one_integer_stands_for_all_of_a_fixed_list),
        cmocka_unit_test(none_leaves_out_what_has_a_default),
        cmocka_unit_test(integers_in_a_row_are_one_list_only_when_spread),
        cmocka_unit_test(keywords_have_the_names_that_pytorch_takes),
        cmocka_unit_test(a_number_stands_for_a_tensor_when_nothing_else_fits),
        cmocka_unit_test(lists_of_tensors_come_as_a_list_or_in_a_row),
        cmocka_unit_test(what_does_not_fit_is_said),
        cmocka_unit_test(an_unknown_name_is_answered_with_the_nearest),
    };
    return cmocka_run_group_tests(tests, make_tensor, release_tensor);
}
