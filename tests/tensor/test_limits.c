/* test_limits.c: sizes, counts and pointers at the edge of what can be: each is counted rightly or refused with a sentence,
   and none is read or written beyond. Expected shapes are PyTorch's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/tensors.h"
#include "tessera/autograd.h"
#include "tessera/ops.h"

static void expect_refused(tsr_tensor *result, const char *words)
{
    assert_null(result);
    tensors_expect_error(tsr_error_status(), words);
}

static void expect_shape(tsr_tensor *t, tsr_shape want)
{
    tensors_require(t != NULL, "the view");
    tsr_shape got = tsr_shape_of(t);
    assert_int_equal(got.n, want.n);
    for (int d = 0; d < want.n; d++) assert_true(got.v[d] == want.v[d]);
}

static tsr_tensor *ones(int n) { return tsr_ones(TSR_SHAPE(n), .dtype = TSR_F64); }

static void strided_views_stay_within_the_storage(void **state)
{
    (void)state;
    tsr_tensor *x = ones(4);
    expect_refused(tsr_as_strided(x, TSR_SHAPE(3), TSR_SHAPE(INT64_C(1) << 62)), "more than the storage's 4 elements");
    expect_refused(tsr_as_strided(x, TSR_SHAPE(2, 2, 2), TSR_SHAPE(INT64_MAX / 2, INT64_MAX / 2, 3)), "storage's 4");
    expect_refused(tsr_as_strided(x, TSR_SHAPE(2), TSR_SHAPE(1), .storage_offset = TSR_INT(INT64_MAX)), "countable");
    expect_refused(tsr_as_strided(x, TSR_SHAPE(2), TSR_SHAPE(1), .storage_offset = TSR_INT(3)), "storage's 4 elements");
    expect_shape(tsr_as_strided(x, TSR_SHAPE(2), TSR_SHAPE(1), .storage_offset = TSR_INT(2)), TSR_SHAPE(2));
}

static void factors_of_pixels_may_be_huge(void **state)
{
    (void)state;
    const int64_t factors[] = {INT64_C(1) << 32, INT64_C(1) << 40, INT64_MAX};
    tsr_tensor *x = tsr_ones(TSR_SHAPE(4, 2, 2));
    for (int i = 0; i < 3; i++) {
        expect_refused(tsr_pixel_shuffle(x, factors[i]), "must be divisible by the square of upscale_factor");
        expect_refused(tsr_pixel_unshuffle(x, factors[i]), "must be divisible by downscale_factor");
    }
}

static void counts_of_dimensions_are_checked(void **state)
{
    (void)state;
    tsr_shape many = {.n = 100}, negative = {.n = -1};
    tsr_tensor *x = ones(4);
    expect_refused(tsr_reshape(x, many), "has 100 entries; 0 to 8 are possible");
    expect_refused(tsr_zeros(many), "has 100 entries");
    expect_refused(tsr_zeros(negative), "has -1 entries");
    expect_refused(tsr_permute(x, many), "has 100 entries");
    expect_refused(tsr_from_data((float[]){1}, many, TSR_F32), "100 dimensions");
    expect_refused(tsr_from_blob((float[]){1}, many, TSR_F32, NULL, NULL), "100 dimensions");
    expect_refused(tsr_cat((tsr_tensors){NULL, 2}), "has 2 entries at NULL");
}

static void data_and_names_that_are_missing_are_refused(void **state)
{
    (void)state;
    tsr_tensor *out;
    expect_refused(tsr_from_data(NULL, TSR_SHAPE(2), TSR_F32), "from_data: data is NULL");
    expect_refused(tsr_from_blob(NULL, TSR_SHAPE(2), TSR_F32, NULL, NULL), "from_blob: data is NULL");
    expect_shape(tsr_from_data(NULL, TSR_SHAPE(0, 2), TSR_F32), TSR_SHAPE(0, 2));
    assert_int_equal(tsr_call(NULL, NULL, 0, &out, 1), -1);
    tensors_expect_error(tsr_error_status(), "the name is NULL");
    assert_int_equal(tsr_call("relu", NULL, 1, &out, 1), -1);
    tensors_expect_error(tsr_error_status(), "the arguments are NULL");
}

static void what_cannot_be_counted_is_refused(void **state)
{
    (void)state;
    tsr_tensor *one = ones(1);
    expect_refused(tsr_expand(one, TSR_SHAPE(4, INT64_C(1) << 62)), "cannot make a tensor");
    expect_refused(tsr_zeros(TSR_SHAPE(INT64_C(1) << 40, INT64_C(1) << 40)), "is not a shape");
    expect_shape(tsr_zeros(TSR_SHAPE(0, INT64_C(1) << 40, INT64_C(1) << 40)),
                 TSR_SHAPE(0, INT64_C(1) << 40, INT64_C(1) << 40));
}

static void steps_and_sizes_may_be_the_largest_integer(void **state)
{
    (void)state;
    tsr_tensor *x = ones(5), *pieces[5];
    expect_shape(tsr_slice(x, .step = INT64_MAX), TSR_SHAPE(1));
    expect_shape(tsr_slice(x, .start = TSR_INT(2), .step = INT64_MAX), TSR_SHAPE(1));
    expect_shape(tsr_slice(x, .start = TSR_INT(5), .step = INT64_MAX), TSR_SHAPE(0));
    expect_shape(tsr_unfold(x, 0, 2, INT64_MAX), TSR_SHAPE(1, 2));
    assert_int_equal(tsr_split(pieces, 5, x, INT64_MAX), 1);
    expect_shape(pieces[0], TSR_SHAPE(5));
    assert_int_equal(tsr_chunk(pieces, 5, x, INT64_MAX), 5);
    expect_shape(pieces[4], TSR_SHAPE(1));
}

static void a_range_of_integers_is_counted_exactly(void **state)
{
    (void)state;
    const int64_t from = INT64_C(1) << 60;
    tsr_tensor *t = tsr_arange_start(TSR_INT(from), TSR_INT(from + 3));
    expect_shape(t, TSR_SHAPE(3));
    assert_true(((const int64_t *)tsr_const_data(t))[2] == from + 2);
    expect_shape(tsr_arange_start(TSR_INT(from + 3), TSR_INT(from), .step = TSR_INT(-2)), TSR_SHAPE(2));
    expect_shape(tsr_arange_start(TSR_INT(-from), TSR_INT(from), .step = TSR_INT(from)), TSR_SHAPE(2));
    expect_refused(tsr_arange_start(TSR_INT(INT64_MIN + 1), TSR_INT(INT64_MAX)), "too many elements");
    expect_refused(tsr_arange_start(TSR_INT(1), TSR_INT(0)), "leads away from end");
}

static void an_absent_argument_is_a_failed_one_while_an_error_is_pending(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_ones(TSR_SHAPE(2, 3)), *w = tsr_ones(TSR_SHAPE(4, 3));
    expect_shape(tsr_linear(x, w), TSR_SHAPE(2, 4));
    expect_refused(tsr_linear(x, w, tsr_add(ones(2), ones(3))), "must match the size of tensor b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(strided_views_stay_within_the_storage),
        TENSOR_TEST(factors_of_pixels_may_be_huge),
        TENSOR_TEST(counts_of_dimensions_are_checked),
        TENSOR_TEST(data_and_names_that_are_missing_are_refused),
        TENSOR_TEST(what_cannot_be_counted_is_refused),
        TENSOR_TEST(steps_and_sizes_may_be_the_largest_integer),
        TENSOR_TEST(a_range_of_integers_is_counted_exactly),
        TENSOR_TEST(an_absent_argument_is_a_failed_one_while_an_error_is_pending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
