/* test_tensor.c: handles, scopes, views' geometry, overlap, printing. Expected texts are what PyTorch 1.13 prints. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "tensor/tensor_impl.h"
#include "tessera/memory.h"
#include "tessera/tensor.h"

static tsr_tensor *floats(tsr_shape shape, const float *v) { return tsr_from_data(v, shape, TSR_F32); }

static const float counting[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static int nothing_is_left(void **state)
{
    (void)state;
    tsr_error_clear();
    return tsr_live_tensors() == 0 ? 0 : -1;
}

static void closing_a_scope_releases_what_it_owns(void **state)
{
    (void)state;
    tsr_mark m = tsr_scope_open();
    floats(TSR_SHAPE(2), counting);
    floats(TSR_SHAPE(3), counting);
    assert_int_equal(tsr_live_tensors(), 2);
    tsr_scope_close(m);
    assert_int_equal(tsr_live_tensors(), 0);
}

static void a_survivor_moves_to_the_enclosing_scope(void **state)
{
    (void)state;
    tsr_mark outer = tsr_scope_open(), inner = tsr_scope_open();
    tsr_tensor *t = floats(TSR_SHAPE(2), counting);
    floats(TSR_SHAPE(2), counting);
    assert_ptr_equal(tsr_scope_return(inner, t), t);
    assert_int_equal(tsr_live_tensors(), 1);
    tsr_scope_close(outer);
    assert_int_equal(tsr_live_tensors(), 0);
}

static void closing_an_outer_mark_reclaims_scopes_left_open(void **state)
{
    (void)state;
    tsr_mark outer = tsr_scope_open();
    floats(TSR_SHAPE(1), counting);
    tsr_scope_open();
    floats(TSR_SHAPE(1), counting);
    tsr_scope_open();
    floats(TSR_SHAPE(1), counting);
    tsr_scope_close(outer);
    assert_int_equal(tsr_live_tensors(), 0);
    tsr_tensor *mine = floats(TSR_SHAPE(1), counting); /* no scope is open: the caller owns it */
    assert_int_equal(tsr_live_tensors(), 1);
    tsr_release(mine);
}

/* Taking a tensor out of an outer scope must not move one of the inner scope there. */
static void a_tensor_taken_from_an_outer_scope_leaves_its_place_empty(void **state)
{
    (void)state;
    tsr_mark outer = tsr_scope_open();
    tsr_tensor *mine = floats(TSR_SHAPE(2), counting);
    floats(TSR_SHAPE(3), counting);
    tsr_mark inner = tsr_scope_open();
    floats(TSR_SHAPE(4), counting);
    tensor_unscope(mine);
    tsr_scope_close(inner);
    assert_int_equal(tsr_live_tensors(), 2);
    tsr_scope_close(outer);
    assert_int_equal(tsr_live_tensors(), 1);
    tsr_release(mine);
}

static void a_kept_tensor_outlives_its_scope(void **state)
{
    (void)state;
    tsr_mark m = tsr_scope_open();
    tsr_tensor *t = tsr_keep(floats(TSR_SHAPE(4), counting));
    tsr_scope_close(m);
    assert_int_equal(tsr_numel(t), 4);
    tsr_release(t);
}

static void count(void *user) { ++*(int *)user; }

static void borrowed_memory_is_given_back_once(void **state)
{
    (void)state;
    int done = 0;
    float data[4] = {1, 2, 3, 4};
    tsr_mark m = tsr_scope_open();
    tsr_tensor *t = tsr_from_blob(data, TSR_SHAPE(2, 2), TSR_F32, count, &done);
    int64_t stride[] = {1, 2};
    tsr_tensor *v = tsr_keep(tensor_view(t, 2, t->shape, stride, 0));
    tsr_scope_close(m);
    assert_int_equal(done, 0);
    assert_true(tsr_data(v) == data);
    tsr_release(v);
    assert_int_equal(done, 1);
}

static void impossible_shapes_are_refused(void **state)
{
    (void)state;
    const int64_t negative[] = {2, -1}, huge[] = {INT64_MAX / 2, 8};
    assert_null(tensor_empty(TSR_F32, 2, negative, TSR_CPU));
    assert_int_equal(tsr_error_status(), TSR_EINVAL);
    tsr_error_clear();
    assert_null(tensor_empty(TSR_F32, 2, huge, TSR_CPU));
    tsr_error_clear();
    assert_null(tensor_empty(TSR_F32, 9, (int64_t[9]){0}, TSR_CPU));
}

/* Sizes of 1 and tensors without elements have no wrong strides. */
static void contiguous_is_what_lies_in_row_major_order(void **state)
{
    (void)state;
    static const struct {
        int64_t shape[3], stride[3];
        bool contiguous;
    } cases[] = {{{2, 3, 4}, {12, 4, 1}, true},  {{2, 1, 4}, {4, 77, 1}, true},   {{1, 3, 1}, {0, 1, 0}, true},
                 {{1, 1, 1}, {5, 6, 7}, true},   {{2, 0, 4}, {9, 9, 9}, true},    {{2, 3, 4}, {12, 1, 3}, false},
                 {{2, 3, 4}, {24, 8, 2}, false}, {{2, 3, 4}, {13, 4, 1}, false},  {{2, 3, 4}, {0, 4, 1}, false},
                 {{2, 1, 4}, {5, 4, 1}, false},  {{2, 3, 4}, {-12, 4, 1}, false}, {{2, 3, 1}, {1, 2, 1}, false}};
    for (int i = 0; i < (int)(sizeof cases / sizeof cases[0]); i++)
        assert_int_equal(shape_is_contiguous(3, cases[i].shape, cases[i].stride), cases[i].contiguous);
    assert_true(shape_is_contiguous(0, NULL, NULL));
}

static void elements_are_counted_or_the_shape_is_impossible(void **state)
{
    (void)state;
    enum { HUGE = 1 << 30 };
    assert_int_equal(shape_numel(0, NULL), 1);
    assert_int_equal(shape_numel(3, (int64_t[]){2, 3, 4}), 24);
    assert_int_equal(shape_numel(3, (int64_t[]){HUGE, HUGE, HUGE}), -1);
    assert_int_equal(shape_numel(4, (int64_t[]){HUGE, HUGE, HUGE, 0}), 0);
    assert_int_equal(shape_numel(4, (int64_t[]){0, HUGE, HUGE, HUGE}), 0);
    assert_int_equal(shape_numel(2, (int64_t[]){0, -1}), -1);
    assert_int_equal(shape_numel(2, (int64_t[]){-1, -1}), -1);
}

static void a_view_is_found_exactly_when_memory_allows(void **state)
{
    (void)state;
    tsr_tensor *t = floats(TSR_SHAPE(2, 3, 2), counting);
    int64_t stride[TSR_MAX_DIMS], six_two[] = {6, 2}, four_three[] = {4, 3};
    assert_true(shape_view_strides(t, 2, six_two, stride));
    assert_int_equal(stride[0], 2);
    assert_true(shape_view_strides(t, 2, four_three, stride));
    t->stride[1] = 1, t->stride[2] = 3; /* as if transposed: [2, 3, 2] over 6, 1, 3 */
    assert_false(shape_view_strides(t, 2, six_two, stride));
    assert_true(shape_view_strides(t, 3, (int64_t[]){2, 3, 2}, stride));
    t->stride[1] = 2, t->stride[2] = 1;
    tsr_release(t);
}

static void broadcasting_names_the_sizes_that_disagree(void **state)
{
    (void)state;
    tsr_shape a = TSR_SHAPE(4, 1, 3), b = TSR_SHAPE(5, 3), c = TSR_SHAPE(2, 3), out;
    assert_true(shape_broadcast("add", &a, &b, &out));
    assert_string_equal(shape_text(&out), "[4, 5, 3]");
    assert_false(shape_broadcast("add", &b, &c, &out));
    assert_non_null(
        strstr(tsr_error_message(), "tensor a (5) must match the size of tensor b (2) at non-singleton dimension 0"));
}

static overlap overlap_of(tsr_shape shape, const int64_t *stride)
{
    tsr_tensor *t = floats(TSR_SHAPE(16), counting);
    t->ndim = (int8_t)shape.n;
    memcpy(t->shape, shape.v, sizeof t->shape);
    memcpy(t->stride, stride, (size_t)shape.n * sizeof *stride);
    overlap o = tensor_internal_overlap(t);
    tsr_release(t);
    return o;
}

static void overlap_is_decided_exactly(void **state)
{
    (void)state;
    assert_int_equal(overlap_of(TSR_SHAPE(4, 4), (int64_t[]){4, 1}), OVERLAP_NO);
    assert_int_equal(overlap_of(TSR_SHAPE(4, 4), (int64_t[]){0, 1}), OVERLAP_YES);
    assert_int_equal(overlap_of(TSR_SHAPE(4, 1), (int64_t[]){1, 0}), OVERLAP_NO);  /* size 1: stride means nothing */
    assert_int_equal(overlap_of(TSR_SHAPE(4, 3), (int64_t[]){1, 1}), OVERLAP_YES); /* a sliding window */
    assert_int_equal(overlap_of(TSR_SHAPE(3, 2), (int64_t[]){2, 3}), OVERLAP_NO);  /* 0 2 4 / 3 5 7 */
    assert_int_equal(overlap_of(TSR_SHAPE(4, 3), (int64_t[]){2, 3}), OVERLAP_YES); /* 6 = 3 * 2 = 2 * 3 */
    assert_int_equal(overlap_of(TSR_SHAPE(0, 3), (int64_t[]){0, 0}), OVERLAP_NO);
}

/* Of two parts of 16 elements in a row. */
static pair_overlap pair_of(tsr_shape shape, tsr_shape stride_a, int64_t a, tsr_shape stride_b, int64_t b)
{
    tsr_tensor *t = floats(TSR_SHAPE(16), counting);
    tsr_tensor *x = tensor_view(t, shape.n, shape.v, stride_a.v, a),
               *y = tensor_view(t, shape.n, shape.v, stride_b.v, b);
    pair_overlap o = tensor_pair_overlap(x, y);
    assert_int_equal(tensor_pair_overlap(y, x), o);
    tsr_release(x);
    tsr_release(y);
    tsr_release(t);
    return o;
}

static void overlap_of_two_is_decided_exactly(void **state)
{
    (void)state;
    tsr_shape rows = TSR_SHAPE(4, 1), odd = TSR_SHAPE(2), size = TSR_SHAPE(2, 3);
    assert_int_equal(pair_of(size, rows, 0, rows, 0), PAIR_FULL);
    assert_int_equal(pair_of(size, rows, 0, rows, 1), PAIR_PARTIAL);                      /* columns 0 to 2, 1 to 3 */
    assert_int_equal(pair_of(size, rows, 0, rows, 8), PAIR_NONE);                         /* other rows */
    assert_int_equal(pair_of(TSR_SHAPE(2, 2), rows, 0, rows, 2), PAIR_NONE);              /* columns 0 and 1, 2 and 3 */
    assert_int_equal(pair_of(TSR_SHAPE(5), odd, 0, odd, 1), PAIR_NONE);                   /* even and odd */
    assert_int_equal(pair_of(TSR_SHAPE(5), odd, 0, TSR_SHAPE(3), 1), PAIR_PARTIAL);       /* both have 4 */
    assert_int_equal(pair_of(TSR_SHAPE(2), TSR_SHAPE(6), 0, TSR_SHAPE(4), 1), PAIR_NONE); /* 0 6, 1 5 */
    assert_int_equal(pair_of(TSR_SHAPE(3, 3), TSR_SHAPE(3, 1), 0, TSR_SHAPE(1, 3), 0), PAIR_PARTIAL); /* transposed */
}

static void assert_prints(tsr_tensor *t, const char *expected)
{
    char text[2048];
    assert_true(tsr_format(t, text, sizeof text) >= 0);
    assert_string_equal(text, expected);
    tsr_release(t);
}

static void tensors_print_as_in_pytorch(void **state)
{
    (void)state;
    const double d[] = {1, 1, 1, 1};
    const float mixed[] = {753.5894f, 351.0333f, 0.5f, -1};
    const float wide[] = {1e-5f, 1, 2, 3};
    const int64_t n[] = {3, -12};
    const uint8_t b[] = {1, 0};
    assert_prints(tsr_from_data(d, TSR_SHAPE(2, 2), TSR_F64),
                  "tensor([[1., 1.],\n        [1., 1.]], dtype=torch.float64)");
    assert_prints(floats(TSR_SHAPE(2, 2), mixed),
                  "tensor([[ 7.5359e+02,  3.5103e+02],\n        [ 5.0000e-01, -1.0000e+00]])");
    assert_prints(floats(TSR_SHAPE(4), wide), "tensor([1.0000e-05, 1.0000e+00, 2.0000e+00, 3.0000e+00])");
    assert_prints(tsr_from_data(n, TSR_SHAPE(2), TSR_I64), "tensor([  3, -12])");
    assert_prints(tsr_from_data(n, TSR_SCALAR_SHAPE, TSR_I64), "tensor(3)");
    assert_prints(tsr_from_data(b, TSR_SHAPE(2), TSR_BOOL), "tensor([ True, False])");
    assert_prints(floats(TSR_SHAPE(0, 3), NULL), "tensor([], size=(0, 3))");
    assert_prints(floats(TSR_SHAPE(0), NULL), "tensor([])");
}

static void large_tensors_print_their_edges(void **state)
{
    (void)state;
    int64_t shape[] = {1001};
    tsr_tensor *t = tensor_empty(TSR_I32, 1, shape, TSR_CPU);
    for (int i = 0; i < 1001; i++) ((int32_t *)tsr_data(t))[i] = i;
    assert_prints(t, "tensor([   0,    1,    2,  ...,  998,  999, 1000], dtype=torch.int32)");
}

static void a_tensor_of_several_elements_has_no_single_value(void **state)
{
    (void)state;
    tsr_tensor *t = floats(TSR_SHAPE(2), counting);
    assert_true(tsr_item(t) != tsr_item(t)); /* NaN */
    assert_int_equal(tsr_error_status(), TSR_EINVAL);
    tsr_release(t);
}

static void any_failed_allocation_is_an_error(void **state)
{
    (void)state;
    for (int n = 1; n <= 3; n++) {
        tsr_alloc_fail_at(n);
        tsr_mark m = tsr_scope_open();
        tsr_tensor *t = floats(TSR_SHAPE(4), counting);
        assert_true(tsr_alloc_failed() ? !t && tsr_error_status() == TSR_ENOMEM : t != NULL);
        tsr_alloc_fail_at(0);
        tsr_error_clear();
        tsr_scope_close(m);
        assert_int_equal(tsr_live_tensors(), 0);
    }
}

/* Few bytes lie in the storage's block, many in one of their own: what is told apart is how many blocks there are. */
static void data_of_every_size_is_aligned_and_given_back(void **state)
{
    (void)state;
    for (int64_t n = 1020; n <= 1030; n++) {
        int64_t before = tsr_memory_get_stats().blocks;
        unsigned char bytes[1030];
        memset(bytes, (int)n & 255, sizeof bytes);
        tsr_tensor *t = tsr_from_data(bytes, TSR_SHAPE(n), TSR_U8);
        assert_int_equal((uintptr_t)tsr_data(t) % 64, 0);
        assert_memory_equal(tsr_data(t), bytes, (size_t)n);
        assert_int_equal(tsr_memory_get_stats().blocks, before + (n <= 1024 ? 2 : 3));
        tsr_release(t);
        assert_int_equal(tsr_memory_get_stats().blocks, before);
    }
}

static void *make_and_end(void *user)
{
    (void)user;
    return floats(TSR_SHAPE(2), counting);
}

static void a_tensor_of_a_thread_that_ended_is_counted_until_it_is_released(void **state)
{
    (void)state;
    pthread_t thread;
    void *made = NULL;
    assert_int_equal(pthread_create(&thread, NULL, make_and_end, NULL), 0);
    assert_int_equal(pthread_join(thread, &made), 0);
    assert_int_equal(tsr_live_tensors(), 1);
    tsr_release(made);
    assert_int_equal(tsr_live_tensors(), 0);
}

static void a_result_that_others_hold_too_is_returned_with_one_owner_more(void **state)
{
    (void)state;
    tsr_mark outer = tsr_scope_open(), inner = tsr_scope_open();
    tsr_tensor *t = tsr_keep(floats(TSR_SHAPE(2), counting));
    assert_ptr_equal(tsr_scope_return(inner, t), t); /* the only one: it stays where it is */
    inner = tsr_scope_open();
    assert_ptr_equal(tsr_scope_return(inner, t), t); /* not the inner scope's: it is taken */
    tsr_scope_close(outer);
    assert_int_equal(tsr_live_tensors(), 1);
    tsr_release(t);
    tsr_mark only = tsr_scope_open();
    t = tsr_scope_return(only, floats(TSR_SHAPE(2), counting)); /* the caller's */
    assert_int_equal(tsr_live_tensors(), 1);
    tsr_release(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(closing_a_scope_releases_what_it_owns, nothing_is_left),
        cmocka_unit_test_teardown(a_survivor_moves_to_the_enclosing_scope, nothing_is_left),
        cmocka_unit_test_teardown(closing_an_outer_mark_reclaims_scopes_left_open, nothing_is_left),
        cmocka_unit_test_teardown(a_tensor_taken_from_an_outer_scope_leaves_its_place_empty, nothing_is_left),
        cmocka_unit_test_teardown(a_kept_tensor_outlives_its_scope, nothing_is_left),
        cmocka_unit_test_teardown(borrowed_memory_is_given_back_once, nothing_is_left),
        cmocka_unit_test_teardown(impossible_shapes_are_refused, nothing_is_left),
        cmocka_unit_test_teardown(contiguous_is_what_lies_in_row_major_order, nothing_is_left),
        cmocka_unit_test_teardown(elements_are_counted_or_the_shape_is_impossible, nothing_is_left),
        cmocka_unit_test_teardown(a_view_is_found_exactly_when_memory_allows, nothing_is_left),
        cmocka_unit_test_teardown(broadcasting_names_the_sizes_that_disagree, nothing_is_left),
        cmocka_unit_test_teardown(overlap_is_decided_exactly, nothing_is_left),
        cmocka_unit_test_teardown(overlap_of_two_is_decided_exactly, nothing_is_left),
        cmocka_unit_test_teardown(tensors_print_as_in_pytorch, nothing_is_left),
        cmocka_unit_test_teardown(large_tensors_print_their_edges, nothing_is_left),
        cmocka_unit_test_teardown(a_tensor_of_several_elements_has_no_single_value, nothing_is_left),
        cmocka_unit_test_teardown(any_failed_allocation_is_an_error, nothing_is_left),
        cmocka_unit_test_teardown(data_of_every_size_is_aligned_and_given_back, nothing_is_left),
        cmocka_unit_test_teardown(a_tensor_of_a_thread_that_ended_is_counted_until_it_is_released, nothing_is_left),
        cmocka_unit_test_teardown(a_result_that_others_hold_too_is_returned_with_one_owner_more, nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
