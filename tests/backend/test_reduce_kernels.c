/* test_reduce_kernels.c: reductions, scans and softmax of the tier in use against the reference, and the reference
   against formulas. */
#include "backend/kernels.h"

static const tsr_shape shapes[] = {
    {.n = 0},
    {.n = 1, .v = {1}},
    {.n = 1, .v = {5000}},
    {.n = 2, .v = {7, 33}},
    {.n = 3, .v = {3, 1, 70}},
    {.n = 4, .v = {2, 17, 5, 6}},
    {.n = 4, .v = {2, 34, 4, 5}},
    {.n = 2, .v = {113, 600}},
    {.n = 2, .v = {900, 5}},
    {.n = 2, .v = {3, 0}},
};

static bool is_position(reduce_code c) { return c == R_ARGMAX || c == R_ARGMIN; }
static bool is_truth(reduce_code c) { return c == R_ANY || c == R_ALL; }
static bool refuses_empty(reduce_code c) { return c == R_MAX || c == R_MIN || is_position(c); }

static int32_t out_dtype(reduce_code c, int32_t dtype)
{
    if (is_position(c)) return TSR_I64;
    if (is_truth(c)) return TSR_BOOL;
    return ref_floating(dtype) || c == R_MAX || c == R_MIN ? dtype : TSR_I64;
}

static tsr_shape reduced_shape(const tsr_shape *shape, uint32_t dims)
{
    tsr_shape s = *shape;
    for (int d = 0; d < s.n; d++)
        if (dims >> d & 1u) s.v[d] = 1;
    return s;
}

static void compare_reduce(reduce_code c, int32_t dtype, const tsr_shape *shape, layout to, layout from, uint32_t dims,
                           double parameter, numbers kind)
{
    char what[120];
    tsr_shape small = reduced_shape(shape, dims);
    array in = filled_array(dtype, shape, from, kind, 11);
    if (array_numel(&in) == 0 && refuses_empty(c)) {
        free_array(&in);
        return;
    }
    array got = new_array(out_dtype(c, dtype), &small, to), want = new_array(out_dtype(c, dtype), &small, to);
    snprintf(what, sizeof what, "reduce %d(%g) %s dims %x of %d-d layouts %d %d", c, parameter,
             tsr_dtype_name((tsr_dtype)dtype), dims, shape->n, to, from);
    assert_true(reference->reduce(c, &want, &in, dims, &parameter));
    assert_true(fast->reduce(c, &got, &in, dims, &parameter));
    assert_arrays_close(what, &got, &want, dtype == TSR_F32 ? 2e-7 : 1e-11, dtype == TSR_F32 ? 3e-5 : 1e-12);
    free_array(&in);
    free_array(&got);
    free_array(&want);
}

static numbers domain(reduce_code c) { return c == R_PROD ? UNIT : NORMAL; }

static void reductions_of(int32_t dtype, const tsr_shape *shape, reduce_code c)
{
    for (uint32_t dims = 0; dims < 1u << shape->n; dims++)
        for (layout to = 0; to < WRITABLE_LAYOUTS; to++)
            for (layout from = 0; from < LAYOUTS; from++) compare_reduce(c, dtype, shape, to, from, dims, 1, domain(c));
}

static void every_reduction_of_floats_agrees(void **state)
{
    (void)state;
    for (int i = 0; i < TSR_COUNT(shapes); i++)
        for (reduce_code c = 0; c < R_COUNT; c++) {
            reductions_of(TSR_F32, &shapes[i], c);
            reductions_of(TSR_F64, &shapes[i], c);
        }
}

static void every_reduction_of_integers_agrees(void **state)
{
    (void)state;
    static const reduce_code codes[] = {R_SUM, R_PROD, R_MAX, R_MIN, R_ANY, R_ALL, R_ARGMAX, R_ARGMIN};
    static const int32_t dtypes[] = {TSR_I64, TSR_I32, TSR_U8, TSR_BOOL};
    for (int c = 0; c < TSR_COUNT(codes); c++)
        for (int d = 0; d < TSR_COUNT(dtypes); d++) {
            reductions_of(dtypes[d], &shapes[3], codes[c]);
            reductions_of(dtypes[d], &shapes[5], codes[c]);
        }
}

static void norms_of_every_order_agree(void **state)
{
    (void)state;
    static const double orders[] = {0, 1, 2, 3, 0.5, INFINITY, -INFINITY};
    for (int i = 0; i < TSR_COUNT(orders); i++)
        for (uint32_t dims = 0; dims < 16; dims++)
            for (layout from = 0; from < LAYOUTS; from++)
                compare_reduce(R_NORM, TSR_F32, &shapes[5], ROW_MAJOR, from, dims, orders[i], NORMAL);
}

static void variances_of_every_correction_agree(void **state)
{
    (void)state;
    for (int correction = 0; correction < 4; correction++) {
        compare_reduce(R_VAR, TSR_F64, &shapes[3], ROW_MAJOR, ROW_MAJOR, 2, correction, NORMAL);
        compare_reduce(R_VAR, TSR_F64, &shapes[4], ROW_MAJOR, ROW_MAJOR, 2, correction, NORMAL);
    }
}

static void reductions_agree_on_special_values(void **state)
{
    (void)state;
    static const reduce_code codes[] = {R_MAX, R_MIN, R_ANY, R_ALL, R_ARGMAX, R_ARGMIN, R_LOGSUMEXP};
    for (int c = 0; c < TSR_COUNT(codes); c++)
        for (uint32_t dims = 0; dims < 16; dims++) {
            compare_reduce(codes[c], TSR_F32, &shapes[5], ROW_MAJOR, ROW_MAJOR, dims, 2, SPECIAL);
            compare_reduce(codes[c], TSR_F64, &shapes[5], ROW_MAJOR, SECOND_IN, dims, 2, SPECIAL);
        }
}

/* 1 + 2 + 4 = 7 */
static void nansum_leaves_nan_out(void **state)
{
    (void)state;
    float in_data[] = {1, NAN, 2, NAN, 4}, out_data = 0;
    array in = {.data = in_data, .dtype = TSR_F32, .ndim = 1, .shape = {5}, .stride = {1}}, out = in;
    out.data = &out_data, out.shape[0] = 1;
    assert_true(fast->reduce(R_NANSUM, &out, &in, 1, NULL));
    assert_true(out_data == 7);
    assert_true(reference->reduce(R_NANSUM, &out, &in, 1, NULL));
    assert_true(out_data == 7);
}

static void large_f32_sums_keep_their_digits(void **state)
{
    (void)state;
    enum { N = 4000000 };
    tsr_shape shape = TSR_SHAPE(N), one = TSR_SHAPE(1);
    array in = new_array(TSR_F32, &shape, ROW_MAJOR), out = new_array(TSR_F32, &one, ROW_MAJOR);
    double zero = 0;
    assert_true(fast->fill(&in, 0.1, 0));
    assert_true(fast->reduce(R_SUM, &out, &in, 1, &zero));
    assert_true(fabs((double)*(float *)out.data - N * (double)0.1f) < 0.05);
    free_array(&in);
    free_array(&out);
}

/* [nan, 2, 2] and [1, 3, 3]: NaN wins, the first of equals is taken. */
static void argmax_takes_nan_then_the_first_of_equals(void **state)
{
    (void)state;
    float in_data[] = {1, 3, 3, 2, NAN, 5};
    int64_t out_data[2];
    array in = {.data = in_data, .dtype = TSR_F32, .ndim = 2, .shape = {2, 3}, .stride = {3, 1}};
    array out = {.data = out_data, .dtype = TSR_I64, .ndim = 2, .shape = {2, 1}, .stride = {1, 1}};
    const backend *both[] = {reference, fast};
    for (int i = 0; i < 2; i++) {
        assert_true(both[i]->reduce(R_ARGMAX, &out, &in, 2, NULL));
        assert_int_equal(out_data[0], 1);
        assert_int_equal(out_data[1], 1);
    }
}

static void sums_do_not_depend_on_the_number_of_threads(void **state)
{
    (void)state;
    tsr_shape shape = TSR_SHAPE(1000, 1000), columns = TSR_SHAPE(1, 1000), one = TSR_SHAPE(1, 1);
    array in = filled_array(TSR_F32, &shape, ROW_MAJOR, NORMAL, 3);
    array sums[2][2];
    for (int t = 0; t < 2; t++) {
        sums[t][0] = new_array(TSR_F32, &columns, ROW_MAJOR), sums[t][1] = new_array(TSR_F32, &one, ROW_MAJOR);
        tsr_set_num_threads(t == 0 ? 1 : 3);
        assert_true(fast->reduce(R_SUM, &sums[t][0], &in, 1, NULL));
        assert_true(fast->reduce(R_SUM, &sums[t][1], &in, 3, NULL));
    }
    tsr_set_num_threads(0);
    assert_memory_equal(sums[0][0].data, sums[1][0].data, 4000);
    assert_memory_equal(sums[0][1].data, sums[1][1].data, 4);
    for (int t = 0; t < 4; t++) free_array(&sums[t / 2][t % 2]);
    free_array(&in);
}

/* ---- softmax -------------------------------------------------------------------------------------------------- */

static void compare_softmax(int32_t dtype, const tsr_shape *shape, layout to, layout from, int dim, bool log_form)
{
    char what[96];
    array in = filled_array(dtype, shape, from, NORMAL, 1), grad = filled_array(dtype, shape, from, NORMAL, 2);
    array got = new_array(dtype, shape, to), want = new_array(dtype, shape, to);
    array got_grad = new_array(dtype, shape, to), want_grad = new_array(dtype, shape, to);
    double relative = dtype == TSR_F32 ? 3e-6 : 1e-13;
    snprintf(what, sizeof what, "softmax %s dim %d log %d layouts %d %d", tsr_dtype_name((tsr_dtype)dtype), dim,
             log_form, to, from);
    assert_true(reference->softmax(&want, &in, dim, log_form));
    assert_true(fast->softmax(&got, &in, dim, log_form));
    assert_arrays_close(what, &got, &want, relative, 1e-7);
    assert_true(reference->softmax_grad(&want_grad, &grad, &want, dim, log_form));
    assert_true(fast->softmax_grad(&got_grad, &grad, &want, dim, log_form));
    assert_arrays_close(what, &got_grad, &want_grad, relative, dtype == TSR_F32 ? 1e-5 : 1e-12);
    free_array(&in);
    free_array(&grad);
    free_array(&got);
    free_array(&want);
    free_array(&got_grad);
    free_array(&want_grad);
}

static void softmax_and_its_gradient_agree(void **state)
{
    (void)state;
    for (int i = 0; i < TSR_COUNT(shapes); i++)
        for (int dim = 0; dim < shapes[i].n || dim == 0; dim++)
            for (layout to = 0; to < WRITABLE_LAYOUTS; to++)
                for (layout from = 0; from < LAYOUTS; from++)
                    for (int log_form = 0; log_form < 2; log_form++) {
                        compare_softmax(TSR_F32, &shapes[i], to, from, dim, log_form);
                        compare_softmax(TSR_F64, &shapes[i], to, from, dim, log_form);
                    }
}

/* softmax(0, log 2, log 5) = (1, 2, 5) / 8 */
static void softmax_of_logarithms_is_their_ratio(void **state)
{
    (void)state;
    double in_data[] = {0, 0.69314718055994530942, 1.60943791243410037460}, out_data[3];
    array in = {.data = in_data, .dtype = TSR_F64, .ndim = 1, .shape = {3}, .stride = {1}}, out = in;
    out.data = out_data;
    assert_true(fast->softmax(&out, &in, 0, false));
    assert_true(fabs(out_data[0] - 0.125) < 1e-15 && fabs(out_data[2] - 0.625) < 1e-15);
}

/* ---- scans ---------------------------------------------------------------------------------------------------- */

/* Of (3, 1, NaN, 3, 5): the running maximum is (3, 3, NaN, NaN, NaN) at 0, 0, 2, 2, 2; of (1, 3, 3, 2), the later of
   equals: at 0, 1, 2, 2. */
static void running_maximum_takes_the_later_of_equals_and_keeps_nan(void **state)
{
    (void)state;
    float in_data[] = {3, 1, NAN, 3, 1, 3, 3, 2}, out_data[8];
    int64_t index_data[8];
    const int64_t want[] = {0, 0, 2, 2, 0, 1, 2, 2};
    array in = {.data = in_data, .dtype = TSR_F32, .ndim = 2, .shape = {2, 4}, .stride = {4, 1}}, out = in, index = in;
    out.data = out_data;
    index.data = index_data, index.dtype = TSR_I64;
    assert_true(fast->scan(S_CUMMAX, &out, &index, &in, 1));
    assert_memory_equal(index_data, want, sizeof want);
    assert_true(isnan(out_data[3]) && out_data[7] == 3);
}

static void compare_scan(scan_code c, int32_t dtype, layout to, layout from, int dim)
{
    tsr_shape shape = TSR_SHAPE(5, 40, 3);
    array in = filled_array(dtype, &shape, from, c == S_CUMPROD ? UNIT : NORMAL, 1);
    array got = new_array(dtype, &shape, to), want = new_array(dtype, &shape, to);
    array i = new_array(TSR_I64, &shape, to), j = new_array(TSR_I64, &shape, to);
    assert_true(reference->scan(c, &want, &i, &in, dim));
    assert_true(fast->scan(c, &got, &j, &in, dim));
    assert_arrays_close("scan", &got, &want, 1e-6, 1e-6);
    if (c == S_CUMMAX || c == S_CUMMIN) assert_arrays_close("scan's index", &j, &i, 0, 0);
    free_array(&in);
    free_array(&got);
    free_array(&want);
    free_array(&i);
    free_array(&j);
}

static void every_scan_agrees(void **state)
{
    (void)state;
    for (scan_code c = 0; c < S_COUNT; c++)
        for (layout to = 0; to < WRITABLE_LAYOUTS; to++)
            for (layout from = 0; from < LAYOUTS; from++)
                for (int dim = 0; dim < 3; dim++) {
                    compare_scan(c, TSR_F32, to, from, dim);
                    compare_scan(c, TSR_F64, to, from, dim);
                    if (c != S_LOGCUMSUMEXP) compare_scan(c, TSR_I64, to, from, dim);
                }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reduction_of_floats_agrees),
        cmocka_unit_test(every_reduction_of_integers_agrees),
        cmocka_unit_test(norms_of_every_order_agree),
        cmocka_unit_test(variances_of_every_correction_agree),
        cmocka_unit_test(reductions_agree_on_special_values),
        cmocka_unit_test(nansum_leaves_nan_out),
        cmocka_unit_test(large_f32_sums_keep_their_digits),
        cmocka_unit_test(argmax_takes_nan_then_the_first_of_equals),
        cmocka_unit_test(sums_do_not_depend_on_the_number_of_threads),
        cmocka_unit_test(softmax_and_its_gradient_agree),
        cmocka_unit_test(softmax_of_logarithms_is_their_ratio),
        cmocka_unit_test(running_maximum_takes_the_later_of_equals_and_keeps_nan),
        cmocka_unit_test(every_scan_agrees),
    };
    return run_in_every_tier(tests, TSR_COUNT(tests));
}
