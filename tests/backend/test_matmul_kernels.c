/* test_matmul_kernels.c: matrix products and the linear layer of the tier in use against the reference. */
#include "backend/kernels.h"

/* A [batch, rows, columns] array whose matrices are row-major, column-major, spread out, or one for the whole batch. */
typedef enum form { ROWS, COLUMNS, SPREAD, SHARED, FORMS } form;

static array matrix(int32_t dtype, int64_t batch, int64_t rows, int64_t columns, form f, uint64_t seed)
{
    tsr_shape shape = TSR_SHAPE(f == SHARED ? 1 : batch, rows, columns);
    array a = filled_array(dtype, &shape, f == COLUMNS ? SECOND_IN : f == SPREAD ? SLICED : ROW_MAJOR, NORMAL, seed);
    a.shape[0] = batch;
    if (f == SHARED) a.stride[0] = 0;
    return a;
}

typedef struct size {
    int64_t batch, m, n, k;
} size;

/* The last ones: sums that are cut into slices, and what is left over; columns, and one number. */
static const size sizes[] = {
    {1, 1, 1, 1},      {1, 7, 13, 5},    {2, 6, 16, 64},    {1, 64, 64, 64},   {3, 33, 17, 70},   {1, 200, 50, 300},
    {1, 1, 100, 257},  {1, 8, 67, 129},  {1, 5, 300, 40},   {1, 400, 260, 60}, {1, 1000, 3, 9},   {2, 0, 4, 4},
    {1, 64, 96, 600},  {40, 12, 12, 12}, {1, 17, 100, 300}, {1, 13, 700, 130}, {2, 20, 200, 257}, {1, 20, 12, 5003},
    {1, 24, 17, 2051}, {1, 300, 1, 77},  {2, 9, 1, 2500},   {3, 1, 1, 1003},
};

static void compare_matmul(int32_t dtype, size s, form out, form a, form b, double alpha, double beta)
{
    char what[120];
    array x = matrix(dtype, s.batch, s.m, s.k, a, 1), y = matrix(dtype, s.batch, s.k, s.n, b, 2);
    array got = matrix(dtype, s.batch, s.m, s.n, out, 3), want = matrix(dtype, s.batch, s.m, s.n, out, 3);
    snprintf(what, sizeof what, "matmul %s %ldx%ldx%ldx%ld forms %d %d %d", tsr_dtype_name((tsr_dtype)dtype),
             (long)s.batch, (long)s.m, (long)s.n, (long)s.k, out, a, b);
    assert_true(reference->matmul(&want, &x, &y, alpha, beta));
    assert_true(fast->matmul(&got, &x, &y, alpha, beta));
    assert_arrays_close(what, &got, &want, 1e-6, (dtype == TSR_F32 ? 2e-6 : 1e-14) * (double)(s.k + 10));
    free_array(&x);
    free_array(&y);
    free_array(&got);
    free_array(&want);
}

static void products_agree_for_all_strides(void **state)
{
    (void)state;
    for (int i = 0; i < TSR_COUNT(sizes); i++)
        for (form out = 0; out < SHARED; out++)
            for (form a = 0; a < FORMS; a++)
                for (form b = 0; b < FORMS; b++) {
                    compare_matmul(TSR_F32, sizes[i], out, a, b, 1, 0);
                    compare_matmul(TSR_F64, sizes[i], out, a, b, 1, 0);
                }
}

/* Several blocks of rows, sums longer than what is packed at a time, more of b than is packed at a time. */
static void large_products_agree(void **state)
{
    (void)state;
    static const size large[] = {{1, 110, 220, 1030}, {1, 230, 200, 600}, {1, 200, 1100, 600}};
    for (int i = 0; i < TSR_COUNT(large); i++)
        for (form a = ROWS; a <= COLUMNS; a++)
            for (form b = ROWS; b <= COLUMNS; b++) {
                compare_matmul(TSR_F32, large[i], ROWS, a, b, 1, 1);
                compare_matmul(TSR_F64, large[i], ROWS, a, b, 1, 1);
            }
}

static void alpha_and_beta_scale(void **state)
{
    (void)state;
    for (int i = 0; i < TSR_COUNT(sizes); i++)
        for (form b = 0; b < SHARED; b++) {
            compare_matmul(TSR_F32, sizes[i], ROWS, ROWS, b, 0.5, 2);
            compare_matmul(TSR_F64, sizes[i], COLUMNS, ROWS, b, -1, 1);
        }
}

static void beta_of_zero_does_not_read_the_result(void **state)
{
    (void)state;
    for (int i = 0; i < TSR_COUNT(sizes); i++) {
        size s = sizes[i];
        array x = matrix(TSR_F32, s.batch, s.m, s.k, ROWS, 1), y = matrix(TSR_F32, s.batch, s.k, s.n, COLUMNS, 2);
        array got = matrix(TSR_F32, s.batch, s.m, s.n, ROWS, 3);
        for (int64_t j = 0; j < s.batch * s.m * s.n; j++) ((float *)got.data)[j] = NAN;
        assert_true(fast->matmul(&got, &x, &y, 1, 0));
        for (int64_t j = 0; j < s.batch * s.m * s.n; j++) assert_false(isnan(((float *)got.data)[j]));
        free_array(&x);
        free_array(&y);
        free_array(&got);
    }
}

/* A sum of no terms is 0. */
static void an_empty_inner_dimension_gives_zeros(void **state)
{
    (void)state;
    compare_matmul(TSR_F32, (size){2, 3, 4, 0}, ROWS, ROWS, ROWS, 1, 0);
    compare_matmul(TSR_F32, (size){2, 3, 4, 0}, ROWS, ROWS, ROWS, 1, 0.5);
}

static void integers_multiply_exactly(void **state)
{
    (void)state;
    for (int i = 0; i < TSR_COUNT(sizes); i++) compare_matmul(TSR_I64, sizes[i], ROWS, SPREAD, COLUMNS, 1, 0);
}

static array as_2d(array a)
{
    a.ndim = 2;
    for (int d = 0; d < 2; d++) a.shape[d] = a.shape[d + 1], a.stride[d] = a.stride[d + 1];
    return a;
}

static void compare_linear(int32_t dtype, size s, form x_form, form w_form, layout bias_layout, bool biased)
{
    array x = as_2d(matrix(dtype, 1, s.m, s.k, x_form, 1)), w = as_2d(matrix(dtype, 1, s.n, s.k, w_form, 2));
    tsr_shape n = TSR_SHAPE(s.n);
    array bias = filled_array(dtype, &n, bias_layout, NORMAL, 4);
    array got = as_2d(matrix(dtype, 1, s.m, s.n, ROWS, 3)), want = as_2d(matrix(dtype, 1, s.m, s.n, ROWS, 3));
    assert_true(reference->linear(&want, &x, &w, biased ? &bias : NULL));
    assert_true(fast->linear(&got, &x, &w, biased ? &bias : NULL));
    assert_arrays_close("linear", &got, &want, 1e-6, (dtype == TSR_F32 ? 2e-6 : 1e-14) * (double)(s.k + 10));
    free_array(&x);
    free_array(&w);
    free_array(&bias);
    free_array(&got);
    free_array(&want);
}

static void linear_layers_agree(void **state)
{
    (void)state;
    for (int i = 0; i < TSR_COUNT(sizes); i++)
        for (form x = 0; x < SHARED; x++)
            for (form w = 0; w < SHARED; w++)
                for (int biased = 0; biased < 2; biased++) {
                    compare_linear(TSR_F32, sizes[i], x, w, ROW_MAJOR, biased);
                    compare_linear(TSR_F64, sizes[i], x, w, SLICED, biased);
                }
}

static void products_do_not_depend_on_the_number_of_threads(void **state)
{
    (void)state;
    static const size large[] = {{1, 300, 200, 500}, {1, 64, 64, 5000}, {1, 1, 900, 700}, {5, 50, 60, 70}};
    for (int i = 0; i < TSR_COUNT(large); i++) {
        size s = large[i];
        array x = matrix(TSR_F32, s.batch, s.m, s.k, ROWS, 1), y = matrix(TSR_F32, s.batch, s.k, s.n, COLUMNS, 2);
        array one = matrix(TSR_F32, s.batch, s.m, s.n, ROWS, 3), three = matrix(TSR_F32, s.batch, s.m, s.n, ROWS, 3);
        tsr_set_num_threads(1);
        assert_true(fast->matmul(&one, &x, &y, 1, 0));
        tsr_set_num_threads(3);
        assert_true(fast->matmul(&three, &x, &y, 1, 0));
        assert_memory_equal(one.data, three.data, (size_t)(s.batch * s.m * s.n) * sizeof(float));
        free_array(&x);
        free_array(&y);
        free_array(&one);
        free_array(&three);
    }
    tsr_set_num_threads(0);
}

/* Weights of 16 bits: what f32 gives with the same weights widened. */
static void check_half(int32_t dtype, int64_t rows, int64_t features, int64_t outputs, layout how)
{
    tsr_shape xs = TSR_SHAPE(rows, features), ws = TSR_SHAPE(outputs, features), os = TSR_SHAPE(rows, outputs);
    tsr_shape bs = TSR_SHAPE(outputs);
    array x = filled_array(TSR_F32, &xs, how, NORMAL, 1), half = filled_array(dtype, &ws, how, NORMAL, 2);
    array bias = filled_array(TSR_F32, &bs, ROW_MAJOR, NORMAL, 3), wide = new_array(TSR_F32, &ws, ROW_MAJOR);
    array got = new_array(TSR_F32, &os, how), want = new_array(TSR_F32, &os, ROW_MAJOR);
    assert_true(reference->copy(&wide, &half));
    assert_true(reference->linear(&want, &x, &wide, &bias));
    assert_true(fast->linear(&got, &x, &half, &bias));
    assert_arrays_close("linear with half weights", &got, &want, 1e-5, 1e-3);
    assert_true(reference->linear(&got, &x, &half, &bias));
    assert_arrays_close("the reference's", &got, &want, 1e-6, 1e-5);
    array all[] = {x, half, bias, wide, got, want};
    for (int i = 0; i < TSR_COUNT(all); i++) free_array(&all[i]);
}

static void weights_of_half_the_width_agree(void **state)
{
    (void)state;
    static const int32_t dtypes[] = {TSR_BF16, TSR_F16};
    for (int d = 0; d < 2; d++) {
        check_half(dtypes[d], 1, 1, 1, ROW_MAJOR);
        check_half(dtypes[d], 1, 130, 67, ROW_MAJOR);
        check_half(dtypes[d], 8, 512, 300, ROW_MAJOR);
        check_half(dtypes[d], 33, 70, 40, SLICED);
        check_half(dtypes[d], 3, 5000, 9, REVERSED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_agree_for_all_strides),
        cmocka_unit_test(large_products_agree),
        cmocka_unit_test(alpha_and_beta_scale),
        cmocka_unit_test(beta_of_zero_does_not_read_the_result),
        cmocka_unit_test(an_empty_inner_dimension_gives_zeros),
        cmocka_unit_test(integers_multiply_exactly),
        cmocka_unit_test(linear_layers_agree),
        cmocka_unit_test(products_do_not_depend_on_the_number_of_threads),
        cmocka_unit_test(weights_of_half_the_width_agree),
    };
    return run_in_every_tier(tests, TSR_COUNT(tests));
}
