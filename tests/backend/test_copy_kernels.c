/* test_copy_kernels.c: copies between all layouts and dtypes, also of reversed dimensions, transpositions, fills. */
#include "backend/kernels.h"

static const tsr_shape shapes[] = {
    {.n = 0},
    {.n = 1, .v = {13}},
    {.n = 2, .v = {5, 0}},
    {.n = 2, .v = {37, 41}},
    {.n = 2, .v = {130, 260}},
    {.n = 4, .v = {2, 19, 7, 9}},
    {.n = 4, .v = {3, 32, 16, 16}},
    {.n = 5, .v = {2, 3, 4, 5, 6}},
};

static void compare_copy(int32_t to, int32_t from, const tsr_shape *shape, layout to_how, layout from_how, numbers kind)
{
    char what[96];
    array src = filled_array(from, shape, from_how, kind, 5);
    array got = new_array(to, shape, to_how), want = new_array(to, shape, to_how);
    snprintf(what, sizeof what, "copy %s from %s, layouts %d %d", tsr_dtype_name((tsr_dtype)to),
             tsr_dtype_name((tsr_dtype)from), to_how, from_how);
    assert_true(reference->copy(&want, &src));
    assert_true(fast->copy(&got, &src));
    assert_arrays_close(what, &got, &want, 0, 0);
    free_array(&src);
    free_array(&got);
    free_array(&want);
}

static void copies_agree_between_all_layouts_and_dtypes(void **state)
{
    (void)state;
    for (int i = 0; i < TSR_COUNT(shapes); i++)
        for (int32_t to = TSR_F32; to < TSR_DTYPE_COUNT; to++)
            for (int32_t from = TSR_F32; from < TSR_DTYPE_COUNT; from++)
                for (layout a = 0; a < WRITABLE_LAYOUTS; a++)
                    for (layout b = 0; b < LAYOUTS; b++) compare_copy(to, from, &shapes[i], a, b, NORMAL);
}

/* Bit d of the mask: dimension d from the last to the first, as flip has it. */
static array reversed(array a, int mask)
{
    for (int d = 0; d < a.ndim; d++) {
        if (!(mask >> d & 1)) continue;
        a.data = (char *)a.data + (a.shape[d] - 1) * a.stride[d] * (int64_t)tsr_dtype_size((tsr_dtype)a.dtype);
        a.stride[d] = -a.stride[d];
    }
    return a;
}

static void compare_reversed(int32_t to, int32_t from, const tsr_shape *shape, layout to_how, layout from_how)
{
    char what[96];
    array src = filled_array(from, shape, from_how, NORMAL, 6);
    array got = new_array(to, shape, to_how), want = new_array(to, shape, to_how);
    for (int mask = 1; mask < 1 << shape->n; mask++) {
        array from_last = reversed(src, mask), to_last = reversed(got, mask);
        snprintf(what, sizeof what, "copy %s from %s, layouts %d %d, dimensions %#x reversed",
                 tsr_dtype_name((tsr_dtype)to), tsr_dtype_name((tsr_dtype)from), to_how, from_how, (unsigned)mask);
        assert_true(reference->copy(&want, &from_last));
        assert_true(fast->copy(&got, &from_last));
        assert_arrays_close(what, &got, &want, 0, 0);
        assert_true(reference->fill(&got, 77, 77));
        assert_true(fast->copy(&to_last, &src));
        assert_arrays_close(what, &got, &want, 0, 0);
    }
    free_array(&src);
    free_array(&got);
    free_array(&want);
}

static void copies_from_and_to_reversed_dimensions_agree(void **state)
{
    (void)state;
    static const tsr_shape sizes[] = {
        {.n = 1, .v = {1}},
        {.n = 1, .v = {75}},
        {.n = 2, .v = {9, 41}},
        {.n = 2, .v = {70, 3}},
        {.n = 3, .v = {4, 6, 5}},
        {.n = 4, .v = {2, 19, 7, 9}},
        {.n = 5, .v = {2, 3, 4, 2, 3}},
        {.n = 2, .v = {3, 40000}},
    };
    static const int32_t dtypes[][2] = {
        {TSR_F32, TSR_F32}, {TSR_F64, TSR_F64}, {TSR_U8, TSR_U8}, {TSR_BF16, TSR_BF16}, {TSR_F32, TSR_I64}};
    for (int i = 0; i < TSR_COUNT(sizes); i++)
        for (int t = 0; t < TSR_COUNT(dtypes); t++)
            for (layout a = 0; a < WRITABLE_LAYOUTS; a++)
                for (layout b = 0; b < LAYOUTS; b++)
                    if (worth_trying(&sizes[i], a, b)) compare_reversed(dtypes[t][0], dtypes[t][1], &sizes[i], a, b);
}

static void conversions_agree_on_special_values(void **state)
{
    (void)state;
    tsr_shape shape = TSR_SHAPE(300);
    for (int32_t to = TSR_F32; to < TSR_DTYPE_COUNT; to++) {
        compare_copy(to, TSR_F32, &shape, ROW_MAJOR, ROW_MAJOR, SPECIAL);
        compare_copy(to, TSR_F64, &shape, ROW_MAJOR, ROW_MAJOR, SPECIAL);
    }
}

/* What C and IEEE 754 say: truncation, ties to even in the narrow formats, wrap-around of integers. */
static void conversions_have_their_known_values(void **state)
{
    (void)state;
    tsr_shape shape = TSR_SHAPE(4);
    double inputs[4] = {-1.75, 300.5, 65520, 1.00390625}, want_bf16[4] = {-1.75, 300, 65536, 1};
    double want_f16[4] = {-1.75, 300.5, INFINITY, 1.00390625}, want_i32[4] = {-1, 300, 65520, 1};
    double want_u8[4] = {255, 44, 240, 1};
    const struct {
        int32_t dtype;
        const double *want;
    } cases[] = {{TSR_BF16, want_bf16}, {TSR_F16, want_f16}, {TSR_I32, want_i32}, {TSR_U8, want_u8}};
    array src = new_array(TSR_F64, &shape, ROW_MAJOR);
    memcpy(src.data, inputs, sizeof inputs);
    for (int c = 0; c < TSR_COUNT(cases); c++) {
        array dst = new_array(cases[c].dtype, &shape, ROW_MAJOR);
        assert_true(fast->copy(&dst, &src));
        for (int i = 0; i < 4; i++) assert_true(ref_get_f64(&dst, i) == cases[c].want[i]);
        free_array(&dst);
    }
    free_array(&src);
}

static void a_tile_copy_to_itself_changes_nothing(void **state)
{
    (void)state;
    tsr_shape shape = TSR_SHAPE(20, 30);
    array a = filled_array(TSR_F32, &shape, REVERSED, NORMAL, 1),
          b = filled_array(TSR_F32, &shape, REVERSED, NORMAL, 1);
    assert_true(fast->copy(&a, &a));
    assert_arrays_close("copy to itself", &a, &b, 0, 0);
    free_array(&a);
    free_array(&b);
}

static void fills_agree_on_every_layout_and_dtype(void **state)
{
    (void)state;
    for (int i = 0; i < TSR_COUNT(shapes); i++)
        for (int32_t dtype = TSR_F32; dtype < TSR_DTYPE_COUNT; dtype++)
            for (layout how = 0; how < WRITABLE_LAYOUTS; how++) {
                array got = new_array(dtype, &shapes[i], how), want = new_array(dtype, &shapes[i], how);
                assert_true(reference->fill(&want, 2.5, 7));
                assert_true(fast->fill(&got, 2.5, 7));
                assert_arrays_close("fill", &got, &want, 0, 0);
                free_array(&got);
                free_array(&want);
            }
}

static void sixteen_bit_floats_come_back_from_f32(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        float half = tsr_f32_from_f16((uint16_t)bits), brain = tsr_f32_from_bf16((uint16_t)bits);
        if (!isnan(half)) assert_int_equal(tsr_f16_from_f32(half), bits);
        if (!isnan(brain)) assert_int_equal(tsr_bf16_from_f32(brain), bits);
    }
}

/* Four rows out of wider ones into wider ones: what lies between the rows stays. */
static void copy_rows_of(int64_t bytes)
{
    int64_t from_step = bytes + 3, to_step = bytes + 5;
    unsigned char *from = malloc((size_t)(4 * from_step)), *to = malloc((size_t)(4 * to_step));
    for (int64_t i = 0; i < 4 * from_step; i++) from[i] = (unsigned char)(i % 251);
    memset(to, 255, (size_t)(4 * to_step));
    array src = {from, TSR_U8, 2, {4, bytes}, {from_step, 1}}, dst = {to, TSR_U8, 2, {4, bytes}, {to_step, 1}};
    assert_true(fast->copy(&dst, &src));
    for (int64_t i = 0; i < 4 * to_step; i++) {
        int64_t row = i / to_step, at = i % to_step;
        assert_int_equal(to[i], at < bytes ? from[row * from_step + at] : 255);
    }
    free(from);
    free(to);
}

static void rows_of_any_length_are_copied_whole(void **state)
{
    (void)state;
    for (int64_t bytes = 1; bytes <= 130; bytes++) copy_rows_of(bytes);
    copy_rows_of(5000);
    copy_rows_of(20001);
}

/* All f16 numbers to f32, and around each of them, where rounding goes up, down and to even. */
static void every_f16_number_converts_as_in_the_reference(void **state)
{
    (void)state;
    tsr_shape shape = TSR_SHAPE(0x10000, 5);
    array half = new_array(TSR_F16, &shape, ROW_MAJOR), got = new_array(TSR_F32, &shape, ROW_MAJOR);
    for (uint32_t i = 0; i < 0x10000 * 5; i++) ((uint16_t *)half.data)[i] = (uint16_t)(i / 5);
    assert_true(fast->copy(&got, &half));
    for (uint32_t i = 0; i < 0x10000 * 5; i++) {
        float *to = (float *)got.data + i, want = tsr_f32_from_f16((uint16_t)(i / 5));
        assert_int_equal(tsr_bits_of_f32(*to), tsr_bits_of_f32(want));
        static const uint32_t below[5] = {0, 0xfff, 0x1000, 0x1001, 0x1fff}; /* what f16 drops of f32 */
        *to = tsr_f32_of_bits(tsr_bits_of_f32(want) | below[i % 5]);
    }
    assert_true(fast->copy(&half, &got));
    for (uint32_t i = 0; i < 0x10000 * 5; i++)
        assert_int_equal(((uint16_t *)half.data)[i], tsr_f16_from_f32(((float *)got.data)[i]));
    free_array(&half);
    free_array(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_agree_between_all_layouts_and_dtypes),
        cmocka_unit_test(copies_from_and_to_reversed_dimensions_agree),
        cmocka_unit_test(conversions_agree_on_special_values),
        cmocka_unit_test(conversions_have_their_known_values),
        cmocka_unit_test(a_tile_copy_to_itself_changes_nothing),
        cmocka_unit_test(fills_agree_on_every_layout_and_dtype),
        cmocka_unit_test(sixteen_bit_floats_come_back_from_f32),
        cmocka_unit_test(rows_of_any_length_are_copied_whole),
        cmocka_unit_test(every_f16_number_converts_as_in_the_reference),
    };
    return run_in_every_tier(tests, TSR_COUNT(tests));
}
