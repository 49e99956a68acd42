/* test_index_kernels.c: look-ups, writes by index, sorting and selection of the tier in use against the reference, and
   known small cases. */
#include "backend/kernels.h"

static const tsr_shape shape = {.n = 3, .v = {5, 12, 7}};

/* Indices in [0, size) of a shape that is smaller than the array's. */
static array index_array(const tsr_shape *s, int64_t size, layout how)
{
    array a = new_array(TSR_I64, s, how);
    uint64_t i = 0;
    for (walk w = walk_begin(WALK_ALL, &a, NULL, NULL, NULL); w.left > 0; walk_next(&w))
        ref_set_i64(&a, w.at[0], (int64_t)(mix(i++ + 5) % (uint64_t)size));
    return a;
}

static void compare_gather(int32_t dtype, layout in_how, layout index_how, layout out_how, int dim)
{
    tsr_shape small = TSR_SHAPE(4, 11, 6);
    small.v[dim] = 20;
    array in = filled_array(dtype, &shape, in_how, NORMAL, 1), index = index_array(&small, shape.v[dim], index_how);
    array got = new_array(dtype, &small, out_how), want = new_array(dtype, &small, out_how);
    assert_true(reference->gather(&want, &in, &index, dim));
    assert_true(fast->gather(&got, &in, &index, dim));
    assert_arrays_close("gather", &got, &want, 0, 0);
    free_array(&in);
    free_array(&index);
    free_array(&got);
    free_array(&want);
}

static void gathers_agree(void **state)
{
    (void)state;
    for (int32_t dtype = TSR_F32; dtype < TSR_DTYPE_COUNT; dtype++)
        for (int dim = 0; dim < 3; dim++)
            for (layout in = 0; in < LAYOUTS; in++)
                for (layout index = 0; index < LAYOUTS; index++)
                    for (layout out = 0; out < WRITABLE_LAYOUTS; out++) compare_gather(dtype, in, index, out, dim);
}

static void compare_scatter(int32_t dtype, scatter_mode mode, layout src_how, layout out_how, int dim)
{
    tsr_shape small = TSR_SHAPE(4, 11, 6);
    small.v[dim] = 20; /* so that indices repeat */
    array src = filled_array(dtype, &small, src_how, NORMAL, 1), index = index_array(&small, shape.v[dim], ROW_MAJOR);
    array got = filled_array(dtype, &shape, out_how, NORMAL, 2), want = filled_array(dtype, &shape, out_how, NORMAL, 2);
    assert_true(reference->scatter(&want, &index, &src, dim, mode));
    assert_true(fast->scatter(&got, &index, &src, dim, mode));
    assert_arrays_close("scatter", &got, &want, 0, 0);
    free_array(&src);
    free_array(&index);
    free_array(&got);
    free_array(&want);
}

static void scatters_agree_also_where_indices_repeat(void **state)
{
    (void)state;
    static const int32_t dtypes[] = {TSR_F32, TSR_F64, TSR_I64, TSR_U8};
    for (int d = 0; d < TSR_COUNT(dtypes); d++)
        for (scatter_mode mode = SCATTER_SET; mode <= SCATTER_AMIN; mode++)
            for (int dim = 0; dim < 3; dim++)
                for (layout src = 0; src < LAYOUTS; src++)
                    for (layout out = 0; out < WRITABLE_LAYOUTS; out++) compare_scatter(dtypes[d], mode, src, out, dim);
}

static void compare_rows(int32_t dtype, layout a_how, layout b_how, int dim)
{
    tsr_shape few = shape, list = TSR_SHAPE(9);
    few.v[dim] = 9;
    array in = filled_array(dtype, &shape, a_how, NORMAL, 1), index = index_array(&list, shape.v[dim], SLICED);
    array got = new_array(dtype, &few, b_how), want = new_array(dtype, &few, b_how);
    assert_true(reference->index_select(&want, &in, &index, dim));
    assert_true(fast->index_select(&got, &in, &index, dim));
    assert_arrays_close("index_select", &got, &want, 0, 0);
    array sum = filled_array(dtype, &shape, a_how, NORMAL, 1);
    assert_true(reference->index_add(&in, &want, &index, dim, 0.5));
    assert_true(fast->index_add(&sum, &got, &index, dim, 0.5));
    assert_arrays_close("index_add", &sum, &in, 0, 0);
    free_array(&in);
    free_array(&index);
    free_array(&got);
    free_array(&want);
    free_array(&sum);
}

static void rows_are_selected_and_added_alike(void **state)
{
    (void)state;
    static const int32_t dtypes[] = {TSR_F32, TSR_F64, TSR_I64};
    for (int d = 0; d < TSR_COUNT(dtypes); d++)
        for (int dim = 0; dim < 3; dim++)
            for (layout a = 0; a < WRITABLE_LAYOUTS; a++)
                for (layout b = 0; b < WRITABLE_LAYOUTS; b++) compare_rows(dtypes[d], a, b, dim);
}

static void a_large_embedding_gradient_agrees(void **state)
{
    (void)state;
    tsr_shape table = TSR_SHAPE(50, 130), tokens = TSR_SHAPE(700), grads = TSR_SHAPE(700, 130);
    array got = filled_array(TSR_F32, &table, ROW_MAJOR, NORMAL, 1);
    array want = filled_array(TSR_F32, &table, ROW_MAJOR, NORMAL, 1);
    array src = filled_array(TSR_F32, &grads, ROW_MAJOR, NORMAL, 2), index = index_array(&tokens, 50, ROW_MAJOR);
    assert_true(reference->index_add(&want, &src, &index, 0, 1));
    tsr_set_num_threads(3);
    assert_true(fast->index_add(&got, &src, &index, 0, 1));
    tsr_set_num_threads(0);
    assert_arrays_close("index_add", &got, &want, 0, 0);
    free_array(&got);
    free_array(&want);
    free_array(&src);
    free_array(&index);
}

static void index_range_finds_both_ends(void **state)
{
    (void)state;
    int64_t data[] = {5, -3, 9, 0}, lowest, highest;
    array a = {.data = data, .dtype = TSR_I64, .ndim = 1, .shape = {4}, .stride = {1}};
    assert_true(fast->index_range(&a, &lowest, &highest));
    assert_int_equal(lowest, -3);
    assert_int_equal(highest, 9);
    a.shape[0] = 0;
    assert_true(fast->index_range(&a, &lowest, &highest));
    assert_true(lowest == 0 && highest == -1);
}

static void compare_nonzero(int32_t dtype, layout how)
{
    int64_t n = 0, m = 0;
    array in = filled_array(dtype, &shape, how, NORMAL, 3);
    assert_true(reference->nonzero(&in, &n, NULL));
    assert_true(fast->nonzero(&in, &m, NULL));
    assert_int_equal(n, m);
    tsr_shape list = TSR_SHAPE(n);
    array got = new_array(TSR_I64, &list, ROW_MAJOR), want = new_array(TSR_I64, &list, ROW_MAJOR);
    assert_true(reference->nonzero(&in, &n, &want));
    assert_true(fast->nonzero(&in, &m, &got));
    assert_arrays_close("nonzero", &got, &want, 0, 0);
    free_array(&in);
    free_array(&got);
    free_array(&want);
}

static void nonzero_elements_are_found_in_order(void **state)
{
    (void)state;
    static const int32_t dtypes[] = {TSR_BOOL, TSR_F32, TSR_I64, TSR_U8};
    for (int d = 0; d < TSR_COUNT(dtypes); d++)
        for (layout how = 0; how < LAYOUTS; how++) compare_nonzero(dtypes[d], how);
}

/* ---- sorting -------------------------------------------------------------------------------------------------- */

/* (2, nan, 1, 2): ascending 1 2 2 nan, at 2 0 3 1; descending nan 2 2 1, at 1 0 3 2. */
static void sorting_is_stable_and_nan_is_largest(void **state)
{
    (void)state;
    float in_data[] = {2, NAN, 1, 2}, values_data[4];
    int64_t index_data[4];
    array in = {.data = in_data, .dtype = TSR_F32, .ndim = 1, .shape = {4}, .stride = {1}}, values = in, index = in;
    values.data = values_data;
    index.data = index_data, index.dtype = TSR_I64;
    assert_true(fast->sort(&values, &index, &in, 0, false));
    assert_memory_equal(index_data, ((int64_t[]){2, 0, 3, 1}), sizeof index_data);
    assert_true(fast->sort(&values, &index, &in, 0, true));
    assert_memory_equal(index_data, ((int64_t[]){1, 0, 3, 2}), sizeof index_data);
}

static void a_sorted_lane_ascends(void **state)
{
    (void)state;
    tsr_shape s = TSR_SHAPE(3, 1000);
    array in = filled_array(TSR_F64, &s, REVERSED, DISTINCT, 1), values = new_array(TSR_F64, &s, ROW_MAJOR);
    array index = new_array(TSR_I64, &s, ROW_MAJOR);
    assert_true(fast->sort(&values, &index, &in, 1, false));
    for (int64_t i = 0; i < 3000; i++) {
        int64_t row = i / 1000, from = ref_get_i64(&index, i);
        if (i % 1000 > 0) assert_true(ref_get_f64(&values, i - 1) <= ref_get_f64(&values, i));
        assert_true(ref_get_f64(&values, i) == ref_get_f64(&in, row * in.stride[0] + from * in.stride[1]));
    }
    free_array(&in);
    free_array(&values);
    free_array(&index);
}

static void compare_sort(int32_t dtype, layout in_how, int dim, bool descending, numbers kind)
{
    tsr_shape s = TSR_SHAPE(30, 70);
    array in = filled_array(dtype, &s, in_how, kind, 3);
    array got = new_array(dtype, &s, REVERSED), want = new_array(dtype, &s, ROW_MAJOR);
    array i = new_array(TSR_I64, &s, ROW_MAJOR), j = new_array(TSR_I64, &s, REVERSED);
    assert_true(reference->sort(&want, &i, &in, dim, descending));
    assert_true(fast->sort(&got, &j, &in, dim, descending));
    assert_arrays_close("sort", &got, &want, 0, 0);
    assert_arrays_close("sort's index", &j, &i, 0, 0);
    free_array(&in);
    free_array(&got);
    free_array(&want);
    free_array(&i);
    free_array(&j);
}

static void sorted_lanes_agree_in_every_dtype(void **state)
{
    (void)state;
    static const int32_t dtypes[] = {TSR_F32, TSR_F64, TSR_I64, TSR_I32, TSR_U8, TSR_BOOL};
    for (int d = 0; d < TSR_COUNT(dtypes); d++)
        for (int run = 0; run < 4; run++) {
            compare_sort(dtypes[d], ROW_MAJOR, run / 2, run % 2, NORMAL);
            compare_sort(dtypes[d], SLICED, run / 2, run % 2, SPECIAL); /* many equal ones, zeros of both signs, NaN */
        }
}

static void compare_topk(int32_t dtype, layout in_how, int dim, int64_t k, bool largest, numbers kind)
{
    tsr_shape s = TSR_SHAPE(90, 80), few = s;
    few.v[dim] = k;
    array in = filled_array(dtype, &s, in_how, kind, 1);
    array got = new_array(dtype, &few, ROW_MAJOR), want = new_array(dtype, &few, ROW_MAJOR);
    array i = new_array(TSR_I64, &few, REVERSED), j = new_array(TSR_I64, &few, REVERSED);
    assert_true(reference->topk(&want, &i, &in, dim, largest));
    assert_true(fast->topk(&got, &j, &in, dim, largest));
    assert_arrays_close("topk", &got, &want, 0, 0);
    assert_arrays_close("topk's index", &j, &i, 0, 0);
    free_array(&in);
    free_array(&got);
    free_array(&want);
    free_array(&i);
    free_array(&j);
}

static void the_largest_few_agree_with_sorting(void **state)
{
    (void)state;
    static const int32_t dtypes[] = {TSR_F32, TSR_F64, TSR_I64};
    for (int d = 0; d < TSR_COUNT(dtypes); d++)
        for (int64_t k = 0; k <= 80; k = k * 3 + 1)
            for (int largest = 0; largest < 2; largest++)
                for (int dim = 0; dim < 2; dim++) {
                    compare_topk(dtypes[d], ROW_MAJOR, dim, k, largest, NORMAL);
                    compare_topk(dtypes[d], SLICED, dim, k, largest, SPECIAL); /* many equal ones, and NaN */
                }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gathers_agree),
        cmocka_unit_test(scatters_agree_also_where_indices_repeat),
        cmocka_unit_test(rows_are_selected_and_added_alike),
        cmocka_unit_test(a_large_embedding_gradient_agrees),
        cmocka_unit_test(index_range_finds_both_ends),
        cmocka_unit_test(nonzero_elements_are_found_in_order),
        cmocka_unit_test(sorting_is_stable_and_nan_is_largest),
        cmocka_unit_test(a_sorted_lane_ascends),
        cmocka_unit_test(sorted_lanes_agree_in_every_dtype),
        cmocka_unit_test(the_largest_few_agree_with_sorting),
    };
    return run_in_every_tier(tests, TSR_COUNT(tests));
}
