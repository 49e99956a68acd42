/* test_index.c: reading and writing by index: advanced indexing, the scatter family, masks, searching and counting. Expected
   values follow from the elements' positions, which most tensors here hold as values. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/tensors.h"
#include "tessera/autograd.h"
#include "tessera/ops.h"

#define COUNT(...) ((int64_t)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)))
#define F64(...) tsr_from_data((double[]){__VA_ARGS__}, TSR_SHAPE(COUNT(__VA_ARGS__)), TSR_F64)
#define I64(...) tsr_from_data((int64_t[]){__VA_ARGS__}, TSR_SHAPE(COUNT(__VA_ARGS__)), TSR_I64)
#define EXPECT(t, ...) expect(t, COUNT(__VA_ARGS__), (double[]){__VA_ARGS__})

static void expect(tsr_tensor *t, int64_t n, const double *want)
{
    tensors_require(t != NULL, "the operator");
    assert_int_equal(tsr_numel(t), n);
    for (int64_t i = 0; i < n; i++) assert_float_equal(tensors_at(t, i), want[i], 1e-12);
}

/* 0, 1, 2, ... in this shape */
static tsr_tensor *counting(tsr_shape shape)
{
    int64_t n = 1;
    for (int d = 0; d < shape.n; d++) n *= shape.v[d];
    return tsr_reshape(tsr_arange(TSR_INT(n), .dtype = TSR_F64), shape);
}

static tsr_tensor *leaf(tsr_shape shape)
{
    tsr_tensor *t = tsr_detach(counting(shape));
    tsr_set_requires_grad(t, true);
    return t;
}

/* ---- advanced indexing ---------------------------------------------------------------------------------------------- */

static void negative_indices_count_from_the_end(void **state)
{
    (void)state;
    EXPECT(tsr_index(counting(TSR_SHAPE(3, 2)), TSR_LIST(I64(-1, 0))), 4, 5, 0, 1);
}

static void two_indices_choose_elements_in_pairs(void **state)
{
    (void)state;
    EXPECT(tsr_index(counting(TSR_SHAPE(3, 4)), TSR_LIST(I64(0, 2), I64(1, 3))), 1, 11);
}

static void a_mask_chooses_where_it_holds(void **state)
{
    (void)state;
    tsr_tensor *x = counting(TSR_SHAPE(2, 3));
    EXPECT(tsr_index(x, TSR_LIST(tsr_gt(x, tsr_scalar(2.5)))), 3, 4, 5);
}

static void separated_indices_come_to_the_front(void **state)
{
    (void)state;
    tsr_tensor *x = counting(TSR_SHAPE(2, 3, 4)), *y = tsr_index(x, TSR_LIST(I64(0, 1, 1, 0, 1), NULL, I64(3)));
    assert_int_equal(tsr_size(y, 0), 5);
    assert_int_equal(tsr_size(y, 1), 3);
    assert_float_equal(tensors_at(y, 4), 12 + 4 + 3, 0); /* x[1, 1, 3] */
}

static void an_index_out_of_bounds_is_named(void **state)
{
    (void)state;
    assert_null(tsr_index(counting(TSR_SHAPE(3, 2)), TSR_LIST(NULL, I64(0, 2))));
    tensors_expect_error(tsr_error_status(), "index 2 is out of bounds for dimension 1 with size 2");
}

static void repeated_indices_accumulate(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_zeros(TSR_SHAPE(3), .dtype = TSR_F64);
    assert_ptr_equal(tsr_index_put_(x, TSR_LIST(I64(1, 1, 2)), F64(1, 10, 5), .accumulate = true), x);
    EXPECT(x, 0, 11, 5);
}

static void writing_through_a_transposed_view_reaches_its_base(void **state)
{
    (void)state;
    tsr_tensor *x = counting(TSR_SHAPE(2, 2));
    tsr_index_put_(tsr_transpose(x, 0, 1), TSR_LIST(I64(0)), F64(7, 8));
    EXPECT(x, 7, 1, 8, 3);
}

/* ---- scatter -------------------------------------------------------------------------------------------------------- */

static void scatter_needs_an_index_inside(void **state)
{
    (void)state;
    assert_null(tsr_scatter_add(counting(TSR_SHAPE(3)), 0, I64(0, 3), F64(1, 1)));
    tensors_expect_error(tsr_error_status(), "index 3 is out of bounds for a dimension of size 3");
}

static void scatter_add_sums_in_place(void **state)
{
    (void)state;
    tsr_tensor *x = counting(TSR_SHAPE(3));
    tsr_scatter_add_(x, 0, I64(2, 2, 0), F64(1, 10, 100));
    EXPECT(x, 100, 1, 13);
}

static void the_mean_of_integers_is_rounded_down(void **state)
{
    (void)state;
    EXPECT(tsr_scatter_reduce(I64(4, 0), 0, I64(0, 0), I64(2, 5), "mean"), 3, 0); /* (4 + 2 + 5) / 3 = 3.67 */
}

static void without_self_only_the_sources_count(void **state)
{
    (void)state;
    EXPECT(tsr_scatter_reduce(F64(9, 9), 0, I64(0, 0), F64(2, 5), "amax", TSR_NO), 5, 9);
}

/* The product's derivative by a factor is the product of the others, also where one of them is zero. */
static void a_product_with_one_zero_gives_the_zero_a_gradient(void **state)
{
    (void)state;
    tsr_tensor *src = F64(0, 3);
    tsr_set_requires_grad(src, true);
    tsr_backward(tsr_sum(tsr_scatter_reduce(F64(2), 0, I64(0, 0), src, "prod")));
    EXPECT(tsr_grad(src), 6, 0);
}

/* ---- rows ------------------------------------------------------------------------------------------------------------ */

static void the_padding_row_of_an_embedding_gets_no_gradient(void **state)
{
    (void)state;
    tsr_tensor *table = leaf(TSR_SHAPE(3, 2));
    tsr_backward(tsr_sum(tsr_embedding(I64(0, 2, 2), table, .padding_idx = TSR_INT(0))));
    EXPECT(tsr_grad(table), 0, 0, 0, 0, 2, 2);
}

static void index_add_scales_what_it_adds(void **state)
{
    (void)state;
    EXPECT(tsr_index_add(counting(TSR_SHAPE(2, 2)), 1, I64(1, 1), counting(TSR_SHAPE(2, 2)), TSR_FLOAT(2)), 0, 3, 2,
           13);
}

static void index_copy_with_itself_reads_before_it_writes(void **state)
{
    (void)state;
    tsr_tensor *x = counting(TSR_SHAPE(3));
    tsr_index_copy_(x, 0, I64(2, 0, 1), x);
    EXPECT(x, 1, 2, 0);
}

/* ---- masks ----------------------------------------------------------------------------------------------------------- */

static void masked_fill_takes_a_single_value(void **state)
{
    (void)state;
    assert_null(tsr_masked_fill_tensor(F64(1, 2), tsr_gt(F64(1, 2), tsr_scalar(1)), F64(1)));
    tensors_expect_error(tsr_error_status(), "0-dimensional value tensor");
}

static void masked_scatter_takes_sources_in_order(void **state)
{
    (void)state;
    tsr_tensor *x = counting(TSR_SHAPE(4)), *odd = tsr_eq(tsr_remainder(x, tsr_scalar(2)), tsr_scalar(1));
    EXPECT(tsr_masked_scatter(x, odd, F64(7, 8, 9)), 0, 7, 2, 8);
    assert_null(tsr_masked_scatter(x, odd, F64(7)));
    tensors_expect_error(tsr_error_status(), "source has 1 elements, but the mask has 2 true ones");
}

static void nonzero_lists_coordinates(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_reshape(F64(0, 1, 2, 0), TSR_SHAPE(2, 2)), *parts[2];
    EXPECT(tsr_nonzero(x), 0, 1, 1, 0);
    assert_int_equal(tsr_where_condition(parts, 2, x), 2);
    EXPECT(parts[1], 1, 0);
}

/* ---- searching and counting ------------------------------------------------------------------------------------------- */

static void equal_values_are_found_on_the_side_asked_for(void **state)
{
    (void)state;
    tsr_tensor *sorted = F64(1, 2, 2, 3);
    EXPECT(tsr_searchsorted(sorted, F64(2, 0, 9)), 1, 0, 4);
    EXPECT(tsr_searchsorted(sorted, F64(2, 0, 9), .side = "right"), 3, 0, 4);
}

static void nan_belongs_behind_everything(void **state)
{
    (void)state;
    EXPECT(tsr_searchsorted(F64(1, 2), F64(NAN)), 2);
}

static void isin_does_not_find_nan(void **state)
{
    (void)state;
    EXPECT(tsr_isin(F64(1, NAN, 3), F64(3, NAN)), 0, 0, 1);
}

static void bincount_adds_weights(void **state)
{
    (void)state;
    EXPECT(tsr_bincount(I64(1, 3, 1), F64(0.5, 2, 1)), 0, 1.5, 0, 2);
    assert_null(tsr_bincount(I64(1, -3)));
    tensors_expect_error(tsr_error_status(), "must not hold negative values, but it holds -3");
}

static void sorting_is_stable_and_puts_nan_last(void **state)
{
    (void)state;
    tsr_sort_result r = tsr_sort(F64(2, NAN, 1, 2));
    EXPECT(r.indices, 2, 0, 3, 1);
}

/* An optional dimension of 0 is dimension 0, not the default. */
static void dimension_zero_is_the_first(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_reshape(F64(3, 1, 2, 0, 5, 4), TSR_SHAPE(3, 2)); /* [[3, 1], [2, 0], [5, 4]] */
    EXPECT(tsr_sort(x, .dim = TSR_INT(0)).values, 2, 0, 3, 1, 5, 4);
    EXPECT(tsr_sort(x).values, 1, 3, 0, 2, 4, 5);
    EXPECT(tsr_argsort(x, TSR_INT(0)), 1, 1, 0, 0, 2, 2);
    EXPECT(tsr_topk(x, 1, TSR_INT(0)).values, 5, 4);
    EXPECT(tsr_kthvalue(x, 2, TSR_INT(0)).values, 3, 1);
    EXPECT(tsr_diff(x, .dim = TSR_INT(0)), -1, -1, 3, 4);
    EXPECT(tsr_sum(tsr_gumbel_softmax(x, .dim = TSR_INT(0)), TSR_DIMS(0)), 1, 1);
    EXPECT(tsr_glu(tsr_reshape(F64(3, 5, 0, 0), TSR_SHAPE(2, 2)), TSR_INT(0)), 1.5, 2.5);
}

/* `.dim = 1` compiles, with a warning, as a number of kind 1. */
static void a_bare_number_for_an_optional_one_is_refused(void **state)
{
    (void)state;
    tsr_number bare = {(tsr_number_kind)1, 0, 0};
    assert_null(tsr_sort(F64(3, 1), .dim = bare).values);
    tensors_expect_error(tsr_error_status(), "sort: argument 'dim' must be given as TSR_INT(1)");
}

static void the_gradient_of_topk_reaches_the_chosen(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(TSR_SHAPE(4));
    tsr_backward(tsr_sum(tsr_topk(x, 2).values));
    EXPECT(tsr_grad(x), 0, 0, 1, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(negative_indices_count_from_the_end),
        TENSOR_TEST(two_indices_choose_elements_in_pairs),
        TENSOR_TEST(a_mask_chooses_where_it_holds),
        TENSOR_TEST(separated_indices_come_to_the_front),
        TENSOR_TEST(an_index_out_of_bounds_is_named),
        TENSOR_TEST(repeated_indices_accumulate),
        TENSOR_TEST(writing_through_a_transposed_view_reaches_its_base),
        TENSOR_TEST(scatter_needs_an_index_inside),
        TENSOR_TEST(scatter_add_sums_in_place),
        TENSOR_TEST(the_mean_of_integers_is_rounded_down),
        TENSOR_TEST(without_self_only_the_sources_count),
        TENSOR_TEST(a_product_with_one_zero_gives_the_zero_a_gradient),
        TENSOR_TEST(the_padding_row_of_an_embedding_gets_no_gradient),
        TENSOR_TEST(index_add_scales_what_it_adds),
        TENSOR_TEST(index_copy_with_itself_reads_before_it_writes),
        TENSOR_TEST(masked_fill_takes_a_single_value),
        TENSOR_TEST(masked_scatter_takes_sources_in_order),
        TENSOR_TEST(nonzero_lists_coordinates),
        TENSOR_TEST(equal_values_are_found_on_the_side_asked_for),
        TENSOR_TEST(nan_belongs_behind_everything),
        TENSOR_TEST(isin_does_not_find_nan),
        TENSOR_TEST(bincount_adds_weights),
        TENSOR_TEST(sorting_is_stable_and_puts_nan_last),
        TENSOR_TEST(dimension_zero_is_the_first),
        TENSOR_TEST(a_bare_number_for_an_optional_one_is_refused),
        TENSOR_TEST(the_gradient_of_topk_reaches_the_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
