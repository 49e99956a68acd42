/* test_writes.c: tensors that are written in place or shared by threads while a graph knows them: hooks, stale views,
   overlapping arguments, and what is freed. Expected values follow from the formula in each test, or are PyTorch's. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "support/leaves.h"
#include "support/tensors.h"
#include "tessera/autograd.h"
#include "tessera/ops.h"

static tsr_tensor *times(tsr_tensor *t, double factor) { return tsr_mul(t, tsr_scalar(factor)); }

static void expect(const char *what, tsr_tensor *got, int n, const double *want)
{
    tensors_expect_close(what, got, tsr_reshape(tsr_from_data(want, TSR_SHAPE(n), TSR_F64), tsr_shape_of(got)), 1e-12);
}

#define EXPECT(what, got, ...)                                                                                         \
    expect(what, got, (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})

static void expect_backward(tsr_tensor *output)
{
    tensors_require(tsr_backward(tsr_sum(output)) == TSR_OK, "backward");
}

/* ---- hooks of what is written later ---------------------------------------------------------------------------------- */

static void a_retained_gradient_is_that_of_the_last_write(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2), *h = times(x, 2);
    assert_int_equal(tsr_retain_grad(h), TSR_OK);
    assert_non_null(tsr_mul_(h, tsr_scalar(3)));
    expect_backward(h);
    EXPECT("grad of h", tsr_grad(h), 1, 1); /* not 3, 3 */
    EXPECT("grad of x", tsr_grad(x), 6, 6);
}

static void a_tensor_may_go_before_its_retained_gradient_comes(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2);
    tsr_mark m = tsr_scope_open();
    tsr_tensor *h = times(x, 2);
    assert_int_equal(tsr_retain_grad(h), TSR_OK);
    assert_non_null(tsr_add_(h, tsr_scalar(1)));
    tsr_tensor *y = tsr_scope_return(m, tsr_sum(h)); /* h is gone */
    assert_int_equal(tsr_backward(y), TSR_OK);
    EXPECT("grad of x", tsr_grad(x), 2, 2);
}

static void a_stale_views_retained_gradient_follows_it(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(4), *b = times(x, 1), *v = tsr_narrow(b, 0, 0, 2);
    assert_int_equal(tsr_retain_grad(v), TSR_OK);
    assert_non_null(tsr_mul_(b, tsr_scalar(3)));
    expect_backward(times(v, 2));
    EXPECT("grad of v", tsr_grad(v), 2, 2);
    EXPECT("grad of x", tsr_grad(x), 6, 6, 0, 0);
}

static tsr_tensor *count_call(tsr_tensor *grad, void *user)
{
    (void)grad;
    ++*(int *)user;
    return NULL;
}

static void a_hook_stays_with_what_was_before_the_write_and_can_be_removed(void **state)
{
    (void)state;
    int calls = 0;
    tsr_tensor *x = leaf(2), *h = times(x, 2);
    int64_t id = tsr_register_hook(h, count_call, &calls);
    assert_non_null(tsr_mul_(h, tsr_scalar(3)));
    assert_int_equal(tsr_backward(tsr_sum(h), .retain_graph = true), TSR_OK);
    assert_int_equal(calls, 1);
    assert_int_equal(tsr_remove_hook(h, id), TSR_OK);
    expect_backward(h);
    assert_int_equal(calls, 1);
    tensors_expect_error(tsr_remove_hook(h, id), "has no hook");
}

static tsr_tensor *double_gradient(tsr_tensor *grad, void *user)
{
    (void)user;
    return times(grad, 2);
}

static void a_retained_gradient_is_what_hooks_made_of_it(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(1), *h = times(x, 2);
    assert_int_equal(tsr_retain_grad(h), TSR_OK);
    assert_true(tsr_register_hook(h, double_gradient, NULL) >= 0);
    expect_backward(h);
    EXPECT("grad of h", tsr_grad(h), 2);
}

/* ---- views ------------------------------------------------------------------------------------------------------------- */

static void gradients_of_chosen_inputs_pass_through_stale_views(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(3), *b = times(x, 1), *v = tsr_narrow(b, 0, 0, 2), *g;
    assert_non_null(tsr_mul_(b, tsr_scalar(3)));
    tsr_tensor *y = tsr_sum(times(v, 2));
    assert_int_equal(tsr_grads(TSR_LIST(y), TSR_LIST(x), &g, .retain_graph = true), TSR_OK);
    EXPECT("gradient", g, 6, 6, 0);
    assert_int_equal(tsr_backward(y, .inputs = TSR_LIST(x)), TSR_OK);
    EXPECT("grad of x", tsr_grad(x), 6, 6, 0);
}

static tsr_tensor *unrecorded_view(tsr_tensor *t)
{
    bool was = tsr_set_grad_enabled(false);
    tsr_tensor *v = tsr_narrow(t, 0, 0, 2);
    tsr_set_grad_enabled(was);
    return v;
}

static void a_view_made_without_recording_has_no_gradient(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(4), *b = times(x, 1), *v = unrecorded_view(b), *w = unrecorded_view(x);
    assert_false(tsr_requires_grad(v));
    assert_false(tsr_requires_grad(times(w, 2)));
    tensors_expect_error(tsr_backward(tsr_sum(times(v, 2))), "does not require grad");
    assert_non_null(tsr_mul_(b, tsr_scalar(3)));
    assert_null(times(v, 2)); /* with or without gradient? PyTorch refuses too */
    tensors_expect_error(tsr_error_status(), "A view was created in no_grad mode and its base");
    assert_string_equal(tsr_grad_fn_name(v), "");
}

/* ---- arguments that overlap ---------------------------------------------------------------------------------------------- */

static void a_copied_argument_keeps_its_gradient(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(4), *y = tsr_reshape(times(x, 1), TSR_SHAPE(1, 4));
    tsr_tensor *even = tsr_slice(y, .dim = 1, .step = 2), *odd = tsr_slice(y, .dim = 1, .start = TSR_INT(1), .step = 2);
    assert_non_null(tsr_add_(even, odd));
    expect_backward(y);
    EXPECT("grad of x", tsr_grad(x), 1, 2, 1, 2);
}

static void columns_beside_each_other_overlap_or_not(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_reshape(counting(8), TSR_SHAPE(2, 4));
    assert_null(tsr_add_(tsr_narrow(x, 1, 1, 3), tsr_narrow(x, 1, 0, 3)));
    tensors_expect_error(tsr_error_status(), "some elements of the input tensor and the written-to tensor");
    assert_non_null(tsr_add_(tsr_narrow(x, 1, 0, 2), tsr_narrow(x, 1, 2, 2)));
    EXPECT("sum", x, 4, 6, 3, 4, 12, 14, 7, 8);
}

static tsr_tensor *integers(int n, const int64_t *v) { return tsr_from_data(v, TSR_SHAPE(n), TSR_I64); }

static void an_index_may_be_what_it_writes(void **state)
{
    (void)state;
    const int64_t order[] = {2, 0, 1}, big[] = {1000000, 2000000, 3000000};
    tsr_tensor *src = integers(3, big);
    EXPECT("scatter_", tsr_scatter_(src, 0, integers(3, order), tsr_clone(src)), 2e6, 3e6, 1e6);
    tsr_tensor *x = integers(3, order);
    EXPECT("scatter_ by itself", tsr_scatter_(x, 0, x, integers(3, big)), 2e6, 3e6, 1e6);
    x = integers(3, order);
    EXPECT("index_copy_ by itself", tsr_index_copy_(x, 0, x, integers(3, big)), 2e6, 3e6, 1e6);
    x = integers(3, order);
    EXPECT("index_add_ by itself", tsr_index_add_(x, 0, x, integers(3, big)), 2000002, 3000000, 1000001);
    x = integers(3, order);
    EXPECT("index_add_ of itself", tsr_index_add_(x, 0, integers(3, order), x), 2, 1, 3);
}

static void a_product_may_be_added_to_its_factor(void **state)
{
    (void)state;
    tsr_tensor *m = tsr_from_data((double[]){1, 2, 3, 4}, TSR_SHAPE(2, 2), TSR_F64);
    EXPECT("m + m m", tsr_addmm_(m, m, m), 8, 12, 18, 26);
}

/* ---- what is freed --------------------------------------------------------------------------------------------------------- */

/* The square saves x, and x's new node leads to the square: were that x itself, nothing would ever be freed. The fixture
   counts. */
static void adding_a_function_of_itself_closes_no_cycle(void **state)
{
    (void)state;
    tsr_tensor *x = times(leaf(2), 1);
    assert_non_null(tsr_add_(x, tsr_square(x)));
    tsr_tensor *plain = counting(2);
    assert_non_null(tsr_add_(plain, tsr_mul(plain, leaf(2))));
    tensors_expect_error(tsr_backward(tsr_sum(x)), "modified by an inplace operation");
}

/* max keeps the positions when its results are there. */
static void a_result_without_what_its_derivative_needs_is_dropped(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(4);
    bool failed = true;
    for (int64_t nth = 1; failed; nth++) {
        tsr_mark m = tsr_scope_open();
        tsr_alloc_fail_at(nth);
        tsr_tensor *y = tsr_max_dim(x, 0).values;
        failed = tsr_alloc_failed();
        tsr_alloc_fail_at(0);
        if (failed) {
            assert_null(y);
            tensors_expect_error(tsr_error_status(), "");
        } else {
            assert_true(nth > 4);
            expect_backward(y);
        }
        tsr_scope_close(m);
    }
}

/* ---- threads ----------------------------------------------------------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 200 };

typedef struct shared {
    tsr_tensor *w, *y;
    pthread_barrier_t start;
    int failures;
} shared;

/* d sum(w^2) / dw = 2 w, again and again over one leaf, which often has no other graph. */
static void *train_on_shared_leaf(void *user)
{
    shared *s = user;
    pthread_barrier_wait(&s->start);
    for (int i = 0; i < ROUNDS; i++) {
        tsr_mark m = tsr_scope_open();
        if (tsr_backward(tsr_sum(tsr_mul(s->w, s->w))) != TSR_OK) __atomic_add_fetch(&s->failures, 1, __ATOMIC_RELAXED);
        tsr_scope_close(m);
    }
    return NULL;
}

static void *run_shared_graph(void *user)
{
    shared *s = user;
    pthread_barrier_wait(&s->start);
    for (int i = 0; i < ROUNDS; i++)
        if (tsr_backward(s->y, .retain_graph = true) != TSR_OK) __atomic_add_fetch(&s->failures, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void run_threads(shared *s, void *(*body)(void *))
{
    pthread_t threads[THREADS];
    pthread_barrier_init(&s->start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, body, s), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&s->start);
    assert_int_equal(s->failures, 0);
}

static void threads_share_leaves(void **state)
{
    (void)state;
    shared s = {.w = leaf(2)};
    run_threads(&s, train_on_shared_leaf);
    EXPECT("grad", tsr_grad(s.w), 2.0 * THREADS * ROUNDS, 4.0 * THREADS * ROUNDS);
}

static void threads_share_a_retained_graph(void **state)
{
    (void)state;
    shared s = {.w = leaf(2)};
    tsr_tensor *pair[] = {s.w, tsr_square(s.w)};
    s.y = tsr_sum(tsr_exp(tsr_mul(tsr_cat((tsr_tensors){pair, 2}), tsr_scalar(0))));
    run_threads(&s, run_shared_graph);
    EXPECT("grad", tsr_grad(s.w), 0, 0);
    tsr_set_grad(s.w, NULL);
    s.y = tsr_sum(tsr_mul(tsr_mul(s.w, s.w), s.w));
    run_threads(&s, run_shared_graph);
    EXPECT("grad", tsr_grad(s.w), 3.0 * THREADS * ROUNDS, 12.0 * THREADS * ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(a_retained_gradient_is_that_of_the_last_write),
        TENSOR_TEST(a_tensor_may_go_before_its_retained_gradient_comes),
        TENSOR_TEST(a_stale_views_retained_gradient_follows_it),
        TENSOR_TEST(a_hook_stays_with_what_was_before_the_write_and_can_be_removed),
        TENSOR_TEST(a_retained_gradient_is_what_hooks_made_of_it),
        TENSOR_TEST(gradients_of_chosen_inputs_pass_through_stale_views),
        TENSOR_TEST(a_view_made_without_recording_has_no_gradient),
        TENSOR_TEST(a_copied_argument_keeps_its_gradient),
        TENSOR_TEST(columns_beside_each_other_overlap_or_not),
        TENSOR_TEST(an_index_may_be_what_it_writes),
        TENSOR_TEST(a_product_may_be_added_to_its_factor),
        TENSOR_TEST(adding_a_function_of_itself_closes_no_cycle),
        TENSOR_TEST(a_result_without_what_its_derivative_needs_is_dropped),
        TENSOR_TEST(threads_share_leaves),
        TENSOR_TEST(threads_share_a_retained_graph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
