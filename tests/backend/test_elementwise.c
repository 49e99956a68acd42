/* test_elementwise.c: unary, binary and ternary kernels of the tier in use against the reference. */
#include "backend/kernels.h"

static const double parameters[][3] = {{1, 1, 1}, {0.3, 1.2, 0.7}};
static const double clamp_parameters[3] = {-0.5, 0.75, 0};

static double tolerance(int32_t dtype) { return dtype == TSR_F32 ? 3e-6 : 1e-14; }

static const double *parameters_of(bool clamps, int i) { return clamps ? clamp_parameters : parameters[i]; }

static bool unary_to_bool(unary_code c) { return c >= U_LOGICAL_NOT; }

/* What the function is defined on. */
static numbers domain(unary_code c)
{
    switch (c) {
    case U_ASIN:
    case U_ACOS:
    case U_ATANH:
    case U_ERFINV:
        return UNIT;
    case U_LOG:
    case U_LOG2:
    case U_LOG10:
    case U_LOG1P:
    case U_SQRT:
    case U_RSQRT:
    case U_LGAMMA:
        return POSITIVE;
    default:
        return NORMAL;
    }
}

static void compare_unary(unary_code c, int32_t dtype, const tsr_shape *shape, layout to, layout from, numbers kind)
{
    char what[96];
    int32_t out_dtype = unary_to_bool(c) ? TSR_BOOL : dtype;
    array in = filled_array(dtype, shape, from, kind, (uint64_t)c + 1);
    array got = new_array(out_dtype, shape, to), want = new_array(out_dtype, shape, to);
    const double *p = parameters_of(c == U_CLAMP || c == U_THRESHOLD, c & 1);
    snprintf(what, sizeof what, "unary %d %s layouts %d %d", c, tsr_dtype_name((tsr_dtype)dtype), to, from);
    assert_true(reference->unary(c, &want, &in, p));
    assert_true(fast->unary(c, &got, &in, p));
    assert_arrays_close(what, &got, &want, tolerance(dtype), dtype == TSR_F32 ? 1e-6 : 1e-14);
    free_array(&in);
    free_array(&got);
    free_array(&want);
}

static void unary_on_all_layouts(int32_t dtype, const tsr_shape *shape, numbers kind)
{
    for (unary_code c = 0; c < U_COUNT; c++)
        for (layout to = 0; to < WRITABLE_LAYOUTS; to++)
            for (layout from = 0; from < LAYOUTS; from++)
                if (worth_trying(shape, to, from))
                    compare_unary(c, dtype, shape, to, from, kind == NORMAL ? domain(c) : kind);
}

static void every_unary_function_agrees_on_every_layout(void **state)
{
    (void)state;
    for (int i = 0; i < TSR_COUNT(test_shapes); i++) {
        unary_on_all_layouts(TSR_F32, &test_shapes[i], NORMAL);
        unary_on_all_layouts(TSR_F64, &test_shapes[i], NORMAL);
    }
}

static bool huge_arguments_differ(unary_code c)
{
    return c == U_SIN || c == U_COS || c == U_TAN; /* 3e38 radians: no digits are right */
}

static void unary_functions_agree_on_special_values(void **state)
{
    (void)state;
    tsr_shape shape = TSR_SHAPE(200);
    for (unary_code c = 0; c < U_COUNT; c++) {
        if (huge_arguments_differ(c)) continue;
        compare_unary(c, TSR_F32, &shape, ROW_MAJOR, ROW_MAJOR, SPECIAL);
        compare_unary(c, TSR_F64, &shape, ROW_MAJOR, ROW_MAJOR, SPECIAL);
    }
}

static void unary_functions_of_integers_agree(void **state)
{
    (void)state;
    static const unary_code codes[] = {U_NEG,  U_ABS,   U_SIGN,      U_SQUARE,     U_FLOOR,       U_ROUND,
                                       U_RELU, U_CLAMP, U_THRESHOLD, U_NAN_TO_NUM, U_LOGICAL_NOT, U_ISFINITE};
    static const int32_t dtypes[] = {TSR_I64, TSR_I32, TSR_U8};
    for (int c = 0; c < TSR_COUNT(codes); c++)
        for (int d = 0; d < TSR_COUNT(dtypes); d++)
            for (layout from = 0; from < LAYOUTS; from++)
                compare_unary(codes[c], dtypes[d], &test_shapes[6], ROW_MAJOR, from, NORMAL);
}

/* ---- binary -------------------------------------------------------------------------------------------------- */

static bool binary_to_bool(binary_code c) { return c >= B_EQ && c <= B_LOGICAL_XOR; }
static bool on_bits(binary_code c) { return c == B_AND || c == B_OR || c == B_XOR; }
static bool floats_only(binary_code c)
{
    return c == B_DIV || c == B_ATAN2 || c == B_LOGADDEXP || c == B_XLOGY || c == B_HYPOT || c == B_PRELU ||
           c == B_HUBER || c >= B_SIGMOID_GRAD;
}

static void compare_binary(binary_code c, int32_t dtype, const tsr_shape *shape, layout to, layout a_how, layout b_how,
                           numbers kind)
{
    char what[96];
    bool positive = c == B_POW || c == B_XLOGY || (!ref_floating(dtype) && c >= B_DIV_FLOOR && c <= B_FMOD);
    int32_t out_dtype = binary_to_bool(c) ? TSR_BOOL : dtype;
    array a = filled_array(dtype, shape, a_how, kind == NORMAL && positive ? POSITIVE : kind, 3);
    array b = filled_array(dtype, shape, b_how, kind == NORMAL && positive ? POSITIVE : kind, 4);
    array got = new_array(out_dtype, shape, to), want = new_array(out_dtype, shape, to);
    const double *p = parameters_of(c == B_CLAMP_GRAD, ref_floating(dtype) && (c & 1));
    snprintf(what, sizeof what, "binary %d %s layouts %d %d %d", c, tsr_dtype_name((tsr_dtype)dtype), to, a_how, b_how);
    assert_true(reference->binary(c, &want, &a, &b, p));
    assert_true(fast->binary(c, &got, &a, &b, p));
    assert_arrays_close(what, &got, &want, tolerance(dtype), dtype == TSR_F32 ? 1e-6 : 1e-14);
    free_array(&a);
    free_array(&b);
    free_array(&got);
    free_array(&want);
}

static void every_binary_function_agrees_on_every_layout(void **state)
{
    (void)state;
    for (binary_code c = 0; c < B_COUNT; c++)
        for (layout to = 0; to < WRITABLE_LAYOUTS && !on_bits(c); to++)
            for (layout a = 0; a < LAYOUTS; a++)
                for (layout b = 0; b < LAYOUTS; b++) {
                    compare_binary(c, TSR_F32, &test_shapes[4], to, a, b, NORMAL);
                    compare_binary(c, TSR_F64, &test_shapes[6], to, a, b, NORMAL);
                }
}

static void binary_functions_agree_on_every_shape(void **state)
{
    (void)state;
    for (binary_code c = 0; c < B_COUNT; c++)
        for (int i = 0; i < TSR_COUNT(test_shapes) && !on_bits(c); i++) {
            compare_binary(c, TSR_F32, &test_shapes[i], ROW_MAJOR, ROW_MAJOR, EXPANDED, NORMAL);
            compare_binary(c, TSR_F64, &test_shapes[i], SECOND_IN, ROW_MAJOR, SECOND_IN, NORMAL);
        }
}

/* A kernel takes short rows as they are where all three lie in order, and only there. */
static void binary_functions_agree_on_short_rows(void **state)
{
    (void)state;
    static const binary_code codes[] = {B_SUB, B_DIV, B_LT, B_RELU_GRAD};
    tsr_shape shape = TSR_SHAPE(67);
    for (int c = 0; c < TSR_COUNT(codes); c++)
        for (layout to = 0; to < WRITABLE_LAYOUTS; to++)
            for (layout a = 0; a < LAYOUTS; a++)
                for (layout b = 0; b < LAYOUTS; b++) compare_binary(codes[c], TSR_F32, &shape, to, a, b, NORMAL);
}

static void binary_functions_of_integers_agree(void **state)
{
    (void)state;
    static const int32_t dtypes[] = {TSR_I64, TSR_I32, TSR_U8, TSR_BOOL};
    for (binary_code c = 0; c < B_COUNT; c++)
        for (int d = 0; d < TSR_COUNT(dtypes) && !floats_only(c); d++)
            for (layout b = 0; b < LAYOUTS; b++) {
                compare_binary(c, dtypes[d], &test_shapes[6], ROW_MAJOR, b, SLICED, NORMAL);
                compare_binary(c, dtypes[d], &test_shapes[8], ROW_MAJOR, ROW_MAJOR, b, NORMAL);
            }
}

static void binary_functions_agree_on_special_values(void **state)
{
    (void)state;
    static const binary_code codes[] = {B_ADD,       B_SUB,   B_MUL,         B_DIV,        B_MAXIMUM,
                                        B_MINIMUM,   B_EQ,    B_NE,          B_LT,         B_LE,
                                        B_GT,        B_GE,    B_LOGICAL_AND, B_LOGICAL_OR, B_LOGICAL_XOR,
                                        B_ATAN2,     B_HYPOT, B_RELU_GRAD,   B_CLAMP_GRAD, B_LEAKY_RELU_GRAD,
                                        B_LOGADDEXP, B_XLOGY, B_PRELU,       B_HUBER};
    tsr_shape shape = TSR_SHAPE(500);
    for (int c = 0; c < TSR_COUNT(codes); c++) {
        compare_binary(codes[c], TSR_F32, &shape, ROW_MAJOR, ROW_MAJOR, ROW_MAJOR, SPECIAL);
        compare_binary(codes[c], TSR_F64, &shape, ROW_MAJOR, ROW_MAJOR, ROW_MAJOR, SPECIAL);
    }
}

static void output_may_be_an_input(void **state)
{
    (void)state;
    tsr_shape shape = TSR_SHAPE(3, 1001);
    for (layout how = 0; how < WRITABLE_LAYOUTS; how++) {
        array a = filled_array(TSR_F32, &shape, how, NORMAL, 1), b = filled_array(TSR_F32, &shape, how, NORMAL, 2);
        array want = new_array(TSR_F32, &shape, how);
        assert_true(reference->binary(B_MUL, &want, &a, &b, parameters[0]));
        assert_true(fast->binary(B_MUL, &a, &a, &b, parameters[0]));
        assert_arrays_close("a *= b", &a, &want, 0, 0);
        free_array(&a);
        free_array(&b);
        free_array(&want);
    }
}

/* ---- ternary -------------------------------------------------------------------------------------------------- */

static void compare_ternary(ternary_code code, int32_t dtype, const tsr_shape *shape, const layout *how)
{
    char what[96];
    array a = filled_array(code == T_WHERE ? TSR_BOOL : dtype, shape, how[1], NORMAL, 1);
    array b = filled_array(dtype, shape, how[2], NORMAL, 2), c = filled_array(dtype, shape, how[3], POSITIVE, 3);
    array got = new_array(dtype, shape, how[0]), want = new_array(dtype, shape, how[0]);
    snprintf(what, sizeof what, "ternary %d %s", code, tsr_dtype_name((tsr_dtype)dtype));
    assert_true(reference->ternary(code, &want, &a, &b, &c, parameters[1]));
    assert_true(fast->ternary(code, &got, &a, &b, &c, parameters[1]));
    assert_arrays_close(what, &got, &want, tolerance(dtype), 1e-6);
    free_array(&a);
    free_array(&b);
    free_array(&c);
    free_array(&got);
    free_array(&want);
}

static void every_ternary_function_agrees(void **state)
{
    (void)state;
    for (int i = 0; i < TSR_COUNT(test_shapes); i++)
        for (ternary_code c = 0; c < T_COUNT; c++)
            for (int seed = 0; seed < 10; seed++) {
                layout how[4] = {mix((uint64_t)seed) % WRITABLE_LAYOUTS, mix((uint64_t)seed + 50) % LAYOUTS,
                                 mix((uint64_t)seed + 100) % LAYOUTS, mix((uint64_t)seed + 150) % LAYOUTS};
                compare_ternary(c, TSR_F32, &test_shapes[i], how);
                compare_ternary(c, TSR_F64, &test_shapes[i], how);
            }
}

static void where_takes_every_dtype(void **state)
{
    (void)state;
    for (int32_t dtype = TSR_F32; dtype < TSR_DTYPE_COUNT; dtype++)
        for (layout how = 0; how < LAYOUTS; how++)
            compare_ternary(T_WHERE, dtype, &test_shapes[6], (layout[]){ROW_MAJOR, how, ROW_MAJOR, how});
}

/* Bit k of the mask: operand k is one element for all. Conditions are 0 and, of u8, 200. */
static void compare_where(int32_t dtype, int32_t condition, const tsr_shape *shape, int mask, int truth)
{
    char what[96];
    array a = new_array(condition, shape, mask & 1 ? ONE : ROW_MAJOR);
    array b = filled_array(dtype, shape, mask & 2 ? ONE : ROW_MAJOR, NORMAL, 2);
    array c = filled_array(dtype, shape, mask & 4 ? ONE : ROW_MAJOR, NORMAL, 3);
    array got = new_array(dtype, shape, ROW_MAJOR), want = new_array(dtype, shape, ROW_MAJOR);
    for (int64_t i = 0; i < (mask & 1 ? 1 : shape->v[0]); i++)
        ref_set_i64(&a, i, (mask & 1 ? (uint64_t)truth : mix((uint64_t)i) & 1) * (condition == TSR_BOOL ? 1 : 200));
    snprintf(what, sizeof what, "where %s, %s, %lld elements, single operands %d, truth %d",
             tsr_dtype_name((tsr_dtype)condition), tsr_dtype_name((tsr_dtype)dtype), (long long)shape->v[0], mask,
             truth);
    assert_true(reference->ternary(T_WHERE, &want, &a, &b, &c, NULL));
    assert_true(fast->ternary(T_WHERE, &got, &a, &b, &c, NULL));
    assert_arrays_close(what, &got, &want, 0, 0);
    array *in_place = mask & 2 ? &c : &b;
    if (!(mask & 2) || !(mask & 4)) {
        assert_true(fast->ternary(T_WHERE, in_place, &a, &b, &c, NULL));
        assert_arrays_close(what, in_place, &want, 0, 0);
    }
    free_array(&a);
    free_array(&b);
    free_array(&c);
    free_array(&got);
    free_array(&want);
}

static void where_takes_rows_and_single_elements_in_any_mix(void **state)
{
    (void)state;
    static const tsr_shape sizes[] = {{.n = 1, .v = {5}}, {.n = 1, .v = {67}}, {.n = 1, .v = {70001}}};
    for (int i = 0; i < TSR_COUNT(sizes); i++)
        for (int32_t dtype = TSR_F32; dtype < TSR_DTYPE_COUNT; dtype++)
            for (int mask = 0; mask < 8; mask++)
                for (int truth = 0; truth < 2; truth++) {
                    compare_where(dtype, TSR_BOOL, &sizes[i], mask, truth);
                    compare_where(dtype, TSR_U8, &sizes[i], mask, truth);
                }
}

static void results_do_not_depend_on_the_number_of_threads(void **state)
{
    (void)state;
    tsr_shape shape = TSR_SHAPE(100003);
    array in = filled_array(TSR_F32, &shape, ROW_MAJOR, NORMAL, 1), one = new_array(TSR_F32, &shape, ROW_MAJOR);
    array three = new_array(TSR_F32, &shape, ROW_MAJOR);
    for (unary_code c = 0; c < U_LOGICAL_NOT; c++) {
        tsr_set_num_threads(1);
        assert_true(fast->unary(c, &one, &in, parameters[1]));
        tsr_set_num_threads(3);
        assert_true(fast->unary(c, &three, &in, parameters[1]));
        assert_memory_equal(one.data, three.data, 100003 * sizeof(float));
    }
    tsr_set_num_threads(0);
    free_array(&in);
    free_array(&one);
    free_array(&three);
}

/* A number for each channel of channels-last arrays, as either operand, and as the condition of a choice. */
static void compare_channels(int64_t channels)
{
    tsr_shape shape = TSR_SHAPE(3, channels, 13, 17), vector = TSR_SHAPE(channels);
    array a = filled_array(TSR_F32, &shape, SECOND_IN, NORMAL, 1),
          b = filled_array(TSR_F32, &vector, ROW_MAJOR, NORMAL, 2);
    array c = filled_array(TSR_BOOL, &vector, ROW_MAJOR, NORMAL, 3);
    array got = new_array(TSR_F32, &shape, SECOND_IN), want = new_array(TSR_F32, &shape, SECOND_IN);
    array spread = a, chosen = a;
    spread.data = b.data, chosen.data = c.data, chosen.dtype = TSR_BOOL;
    for (int d = 0; d < 4; d++) spread.stride[d] = chosen.stride[d] = d == 1;
    for (int i = 0; i < 2; i++) {
        const array *x = i ? &spread : &a, *y = i ? &a : &spread;
        assert_true(reference->binary(B_SUB, &want, x, y, parameters[1]));
        assert_true(fast->binary(B_SUB, &got, x, y, parameters[1]));
        assert_arrays_close("a number for each channel", &got, &want, 1e-6, 1e-6);
        assert_true(reference->ternary(T_WHERE, &want, &chosen, x, y, NULL));
        assert_true(fast->ternary(T_WHERE, &got, &chosen, x, y, NULL));
        assert_arrays_close("a choice for each channel", &got, &want, 0, 0);
    }
    free_array(&a);
    free_array(&b);
    free_array(&c);
    free_array(&got);
    free_array(&want);
}

static void numbers_for_each_channel_agree(void **state)
{
    (void)state;
    static const int64_t channels[] = {2, 3, 17, 64, 128, 129};
    for (int i = 0; i < TSR_COUNT(channels); i++) compare_channels(channels[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_unary_function_agrees_on_every_layout),
        cmocka_unit_test(unary_functions_agree_on_special_values),
        cmocka_unit_test(unary_functions_of_integers_agree),
        cmocka_unit_test(every_binary_function_agrees_on_every_layout),
        cmocka_unit_test(binary_functions_agree_on_every_shape),
        cmocka_unit_test(binary_functions_agree_on_short_rows),
        cmocka_unit_test(binary_functions_of_integers_agree),
        cmocka_unit_test(binary_functions_agree_on_special_values),
        cmocka_unit_test(output_may_be_an_input),
        cmocka_unit_test(numbers_for_each_channel_agree),
        cmocka_unit_test(every_ternary_function_agrees),
        cmocka_unit_test(where_takes_every_dtype),
        cmocka_unit_test(where_takes_rows_and_single_elements_in_any_mix),
        cmocka_unit_test(results_do_not_depend_on_the_number_of_threads),
    };
    return run_in_every_tier(tests, TSR_COUNT(tests));
}
