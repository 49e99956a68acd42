/* test_marks.c: what can be seen of the record: names of nodes, hooks on them, what is saved and how. Expected values
   follow from the formula in each test; names and messages are PyTorch's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tessera/autograd.h"
#include "tessera/memory.h"
#include "tessera/ops.h"

static tsr_mark mark;

static int open_scope(void **state)
{
    (void)state;
    mark = tsr_scope_open();
    return 0;
}

static int nothing_is_left(void **state)
{
    (void)state;
    tsr_error_clear();
    tsr_scope_close(mark);
    return tsr_live_tensors() == 0 ? 0 : -1;
}

/* A leaf 1, 2, ..., n that requires a gradient. */
static tsr_tensor *leaf(int n)
{
    double v[16];
    for (int i = 0; i < n; i++) v[i] = i + 1;
    tsr_tensor *t = tsr_from_data(v, TSR_SHAPE(n), TSR_F64);
    assert_int_equal(tsr_set_requires_grad(t, true), TSR_OK);
    return t;
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

static void nodes_have_pytorchs_names(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(3), *y = tsr_mul(x, x);
    assert_string_equal(tsr_grad_fn_name(x), "");
    assert_string_equal(tsr_grad_fn_name(y), "MulBackward0");
    assert_string_equal(tsr_grad_fn_name(tsr_leaky_relu(x)), "LeakyReluBackward0");
    assert_string_equal(tsr_grad_fn_name(tsr_sum(x, .dim = TSR_DIMS(0))), "SumBackward0"); /* not SumDim */
    assert_non_null(tsr_add_(y, x));
    assert_string_equal(tsr_grad_fn_name(y), "AddBackward0"); /* not Add_ */
    assert_string_equal(tsr_grad_fn_name(tsr_detach(y)), "");
}

static void a_name_stays_when_another_is_asked_for(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(3), *y = tsr_exp(x), *z = tsr_sin(x);
    const char *first = tsr_grad_fn_name(y);
    assert_string_equal(tsr_grad_fn_name(z), "SinBackward0");
    assert_string_equal(first, "ExpBackward0");
    assert_ptr_equal(first, tsr_grad_fn_name(y));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_scope, nothing_is_left)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nodes_have_pytorchs_names),
        TEST(a_name_stays_when_another_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
