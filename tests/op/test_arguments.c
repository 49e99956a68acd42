/* test_arguments.c: what the one pass over a call's arguments finds: missing tensors, also in lists, results of parts that
   failed, and whether anything needs a gradient. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/leaves.h"
#include "support/tensors.h"
#include "tessera/autograd.h"
#include "tessera/ops.h"

static void expect_refused(tsr_tensor *result, const char *words)
{
    assert_null(result);
    tensors_expect_error(tsr_error_status(), words);
}

static void the_first_missing_tensor_is_named(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_ones(TSR_SHAPE(2));
    expect_refused(tsr_add(NULL, NULL), "add: argument 'input' is NULL");
    expect_refused(tsr_add(NULL, x), "add: argument 'input' is NULL");
    expect_refused(tsr_add(x, NULL), "add: argument 'other' is NULL");
    expect_refused(tsr_lerp(x, NULL, NULL), "lerp: argument 'end' is NULL");
}

static void a_missing_entry_of_a_list_is_refused(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_ones(TSR_SHAPE(2));
    expect_refused(tsr_cat(TSR_LIST(x, NULL)), "cat: argument 'tensors' is NULL");
    expect_refused(tsr_cat(TSR_LIST(x, x, NULL)), "cat: argument 'tensors' is NULL");
}

static void an_optional_tensor_may_be_absent_but_not_have_failed(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_ones(TSR_SHAPE(2, 3)), *w = tsr_ones(TSR_SHAPE(4, 3)), *b = tsr_ones(TSR_SHAPE(4));
    assert_non_null(tsr_linear(x, w, NULL));
    expect_refused(tsr_linear(x, w, tsr_add(b, x)), "add: "); /* the first error is the one to keep */
}

/* Of the entries 2 to n alone. */
static void any_entry_of_a_list_may_need_a_gradient(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_ones(TSR_SHAPE(2), .dtype = TSR_F64), *y = leaf(2);
    tsr_tensor *joined = tsr_cat(TSR_LIST(x, x, y));
    assert_true(tsr_requires_grad(joined));
    tensors_require(tsr_backward(tsr_sum(joined)) == TSR_OK, "backward");
    tensors_expect_close("grad of y", tsr_grad(y), x, 0);
    assert_false(tsr_requires_grad(tsr_cat(TSR_LIST(x, x))));
}

static void any_argument_may_need_a_gradient(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_ones(TSR_SHAPE(2), .dtype = TSR_F64), *y = leaf(2);
    assert_true(tsr_requires_grad(tsr_lerp(y, x, x)));
    assert_true(tsr_requires_grad(tsr_lerp(x, y, x)));
    assert_true(tsr_requires_grad(tsr_lerp(x, x, y)));
    assert_false(tsr_requires_grad(tsr_lerp(x, x, x)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(the_first_missing_tensor_is_named),
        TENSOR_TEST(a_missing_entry_of_a_list_is_refused),
        TENSOR_TEST(an_optional_tensor_may_be_absent_but_not_have_failed),
        TENSOR_TEST(any_entry_of_a_list_may_need_a_gradient),
        TENSOR_TEST(any_argument_may_need_a_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
