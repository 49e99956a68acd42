/* test_autograd.c: what is recorded, how it runs back, and what is refused. Expected values follow from the formula in
   each test; messages are PyTorch's. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/leaves.h"
#include "support/tensors.h"
#include "tessera/autograd.h"
#include "tessera/memory.h"
#include "tessera/ops.h"
#include "tessera/random.h"

/* ---- recording and accumulation --------------------------------------------------------------------------------- */

static void gradients_flow_through_a_product(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(3), *y = leaf(3);
    assert_int_equal(tsr_backward(tsr_sum(tsr_mul(x, tsr_mul(x, y)))), TSR_OK); /* x^2 y */
    assert_grad(x, 2, 8, 18);                                                   /* 2 x y */
    assert_grad(y, 1, 4, 9);                                                    /* x^2 */
}

static void gradients_accumulate_in_the_same_tensor(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2), *sum = tsr_sum(tsr_add(x, tsr_scalar(1)));
    assert_int_equal(tsr_backward(sum), TSR_OK);
    tsr_tensor *first = tsr_grad(x);
    assert_int_equal(tsr_backward(sum), TSR_OK); /* nothing was saved: a second run is fine */
    assert_ptr_equal(tsr_grad(x), first);
    assert_grad(x, 2, 2);
}

static void a_second_backward_needs_retain_graph(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2), *y = tsr_sum(tsr_mul(x, x));
    assert_int_equal(tsr_backward(y, .retain_graph = true), TSR_OK);
    assert_int_equal(tsr_backward(y), TSR_OK);
    assert_grad(x, 4, 8);
    assert_refused(tsr_backward(y), "Trying to backward through the graph a second time");
}

static void broadcast_inputs_get_summed_gradients(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(3), *row = tsr_reshape(leaf(2), TSR_SHAPE(2, 1));
    assert_int_equal(tsr_retain_grad(row), TSR_OK);
    assert_int_equal(tsr_backward(tsr_sum(tsr_mul(x, row))), TSR_OK);
    assert_grad(x, 3, 3, 3);
    assert_values(tsr_grad(row), 2, (double[]){6, 6});
}

static void gradients_are_cast_back_to_the_inputs_dtype(void **state)
{
    (void)state;
    const float v[] = {1, 2};
    tsr_tensor *x = tsr_from_data(v, TSR_SHAPE(2), TSR_F32), *y = leaf(2);
    tsr_set_requires_grad(x, true);
    assert_int_equal(tsr_backward(tsr_sum(tsr_mul(x, y))), TSR_OK);
    assert_int_equal(tsr_dtype_of(tsr_grad(x)), TSR_F32);
    assert_grad(x, 1, 2);
}

static void nothing_is_recorded_without_grad_mode(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2);
    bool was = tsr_set_grad_enabled(false);
    tsr_tensor *y = tsr_mul(x, x);
    tsr_set_grad_enabled(was);
    assert_true(was);
    assert_false(tsr_requires_grad(y));
    assert_true(tsr_is_leaf(y));
}

static void backward_says_what_it_cannot_start_from(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(4), *plain = tsr_ones(TSR_SHAPE(4), .dtype = TSR_F64);
    assert_refused(tsr_backward(tsr_sum(plain)), "does not require grad and does not have a grad_fn");
    assert_refused(tsr_backward(NULL), "argument 'output' is NULL");
    assert_refused(tsr_backward(tsr_mul(x, x)), "grad can be implicitly created only for scalar outputs");
    assert_refused(tsr_backward(tsr_mul(x, x), tsr_ones(TSR_SHAPE(3), .dtype = TSR_F64)), "Mismatch in shape");
    assert_refused(tsr_set_requires_grad(tsr_arange(TSR_INT(3)), true), "only Tensors of floating point dtype");
    assert_refused(tsr_set_requires_grad(tsr_mul(x, x), false), "leaf variables");
}

static void gradients_of_chosen_inputs_are_not_accumulated(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2), *y = leaf(2), *unused = leaf(2), *g[2];
    tsr_tensor *h = tsr_mul(x, y), *z = tsr_sum(tsr_mul(h, h));
    assert_int_equal(tsr_grads(TSR_LIST(z), TSR_LIST(h, y), g, .retain_graph = true), TSR_OK);
    assert_values(g[0], 2, (double[]){2, 8});  /* 2 h */
    assert_values(g[1], 2, (double[]){2, 16}); /* 2 h x */
    assert_null(tsr_grad(x));
    assert_null(tsr_grad(y));
    assert_refused(tsr_grads(TSR_LIST(z), TSR_LIST(x, unused), g, .retain_graph = true), "not have been used");
    assert_int_equal(tsr_grads(TSR_LIST(z), TSR_LIST(x, unused), g, .allow_unused = true), TSR_OK);
    assert_null(g[1]);
}

static void gradients_have_gradients(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2), *g[1];
    tsr_tensor *cube = tsr_sum(tsr_mul(x, tsr_mul(x, x)));
    assert_int_equal(tsr_grads(TSR_LIST(cube), TSR_LIST(x), g, .create_graph = true), TSR_OK);
    assert_values(g[0], 2, (double[]){3, 12});
    assert_int_equal(tsr_backward(tsr_sum(g[0])), TSR_OK);
    assert_grad(x, 6, 12); /* 6 x */
}

/* ---- in place ------------------------------------------------------------------------------------------------------ */

static void leaves_and_their_views_are_not_written(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(4);
    assert_null(tsr_mul_(x, tsr_scalar(2)));
    assert_refused(tsr_error_status(), "a leaf Variable that requires grad is being used in an in-place operation");
    assert_null(tsr_mul_(tsr_view(x, TSR_SHAPE(2, 2)), tsr_scalar(2)));
    assert_refused(tsr_error_status(), "a view of a leaf Variable that requires grad");
}

static void a_modified_saved_tensor_is_caught(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(4), *y = tsr_exp(tsr_mul(x, tsr_scalar(2)));
    tsr_tensor *z = tsr_sum(tsr_mul_(y, tsr_scalar(2)));
    assert_refused(tsr_backward(z), "[torch.DoubleTensor [4]], which is output 0 of ExpBackward0, is at version 1; "
                                    "expected version 0 instead");
}

static void detached_writes_are_caught_too(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2), *y = tsr_mul(x, tsr_scalar(1)), *z = tsr_sum(tsr_mul(y, y));
    assert_non_null(tsr_mul_(tsr_detach(y), tsr_scalar(3)));
    assert_refused(tsr_backward(z), "modified by an inplace operation");
}

static void writing_a_view_is_history_of_its_base(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(4), *w = leaf(2), *y = tsr_mul(x, tsr_scalar(1));
    tsr_tensor *other = tsr_view(y, TSR_SHAPE(2, 2));
    assert_non_null(tsr_mul_(tsr_narrow(y, 0, 1, 2), w)); /* y = x0, x1 w0, x2 w1, x3 */
    assert_string_equal(tsr_grad_fn_name(y), "CopySlices");
    assert_string_equal(tsr_grad_fn_name(other), "AsStridedBackward0");
    assert_int_equal(tsr_backward(tsr_sum(tsr_mul(other, other))), TSR_OK);
    assert_grad(x, 2, 4, 24, 8); /* 2 x w^2 */
    assert_grad(w, 8, 36);       /* 2 x^2 w */
}

static void a_chain_of_views_writes_through(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(4), *y = tsr_mul(x, tsr_scalar(1));
    tsr_tensor *v = tsr_select(tsr_transpose(tsr_view(y, TSR_SHAPE(2, 2)), 0, 1), 0, 1); /* elements 1 and 3 */
    assert_non_null(tsr_fill_(v, tsr_scalar(0)));
    assert_int_equal(tsr_backward(tsr_sum(tsr_mul(y, y))), TSR_OK);
    assert_grad(x, 2, 0, 6, 0);
}

static void a_plain_base_takes_on_history(void **state)
{
    (void)state;
    tsr_tensor *base = tsr_zeros(TSR_SHAPE(3), .dtype = TSR_F64), *x = leaf(1);
    assert_non_null(tsr_copy_(tsr_narrow(base, 0, 1, 1), x));
    assert_true(tsr_requires_grad(base));
    assert_int_equal(tsr_backward(tsr_sum(tsr_mul(base, tsr_scalar(5)))), TSR_OK);
    assert_grad(x, 5);
}

static void views_of_several_outputs_are_not_written(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2), *out[2];
    assert_int_equal(tsr_unbind(out, 2, tsr_mul(x, x)), 2);
    assert_null(tsr_mul_(out[0], tsr_scalar(2)));
    assert_refused(tsr_error_status(), "Output 0 of UnbindBackward0 is a view and is being modified inplace");
}

static void views_made_without_recording_are_not_written_with_it(void **state)
{
    (void)state;
    tsr_tensor *y = tsr_mul(leaf(4), tsr_scalar(1));
    bool was = tsr_set_grad_enabled(false);
    tsr_tensor *v = tsr_view(y, TSR_SHAPE(2, 2));
    tsr_set_grad_enabled(was);
    assert_null(tsr_mul_(v, tsr_scalar(2)));
    assert_refused(tsr_error_status(), "A view was created in no_grad mode");
}

static void overlapping_writes_are_refused(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_ones(TSR_SHAPE(4), .dtype = TSR_F64), *one = tsr_ones(TSR_SHAPE(1), .dtype = TSR_F64);
    assert_null(tsr_add_(tsr_narrow(x, 0, 1, 3), tsr_narrow(x, 0, 0, 3)));
    assert_refused(tsr_error_status(), "some elements of the input tensor and the written-to tensor");
    assert_null(tsr_add_(tsr_expand(one, TSR_SHAPE(3)), tsr_scalar(1)));
    assert_refused(tsr_error_status(), "more than one element of the written-to tensor");
    assert_null(tsr_add_(tsr_as_strided(x, TSR_SHAPE(3, 2), TSR_SHAPE(1, 1)), tsr_scalar(1)));
    assert_refused(tsr_error_status(), "more than one element of the written-to tensor");
    assert_non_null(tsr_fill_(tsr_expand(one, TSR_SHAPE(3)), tsr_scalar(2))); /* idempotent */
}

/* ---- hooks ----------------------------------------------------------------------------------------------------------- */

static tsr_tensor *double_it(tsr_tensor *grad, void *user)
{
    ++*(int *)user;
    return tsr_mul(grad, tsr_scalar(2));
}

static void note_leaf(tsr_tensor *t, void *user) { *(tsr_tensor **)user = tsr_grad(t) ? t : NULL; }

static void hooks_see_and_replace_gradients(void **state)
{
    (void)state;
    int on_leaf = 0, on_result = 0;
    tsr_tensor *seen = NULL, *x = leaf(2), *y = tsr_mul(x, tsr_scalar(3));
    int64_t id = tsr_register_hook(y, double_it, &on_result);
    assert_true(id >= 0 && tsr_register_hook(x, double_it, &on_leaf) >= 0);
    assert_true(tsr_register_post_accumulate_grad_hook(x, note_leaf, &seen) >= 0);
    assert_int_equal(tsr_backward(tsr_sum(y), .retain_graph = true), TSR_OK);
    assert_grad(x, 12, 12); /* 3 * 2 * 2 */
    assert_ptr_equal(seen, x);
    assert_int_equal(tsr_remove_hook(y, id), TSR_OK);
    tsr_set_grad(x, NULL);
    assert_int_equal(tsr_backward(tsr_sum(y)), TSR_OK);
    assert_grad(x, 6, 6);
    assert_int_equal(on_result, 1);
    assert_int_equal(on_leaf, 2);
}

typedef struct order {
    const char *names[8];
    int n;
} order;

static order *log_order;

static void log_leaf(tsr_tensor *t, void *user)
{
    (void)t;
    log_order->names[log_order->n++] = user;
}

static tsr_tensor *log_result(tsr_tensor *grad, void *user)
{
    (void)grad;
    log_order->names[log_order->n++] = user;
    return NULL;
}

/* z = sum((x * 2) * w): w is ready before the interior product x * 2 has run. */
static void ready_leaves_run_before_interior_nodes(void **state)
{
    (void)state;
    order o = {0};
    log_order = &o;
    tsr_tensor *x = leaf(2), *w = leaf(2), *h = tsr_mul(x, tsr_scalar(2));
    tsr_register_hook(h, log_result, "h");
    tsr_register_post_accumulate_grad_hook(w, log_leaf, "w");
    tsr_register_post_accumulate_grad_hook(x, log_leaf, "x");
    assert_int_equal(tsr_backward(tsr_sum(tsr_mul(h, w))), TSR_OK);
    assert_int_equal(o.n, 3);
    assert_string_equal(o.names[0], "w");
    assert_string_equal(o.names[2], "x");
}

/* ---- custom functions, checkpoints ------------------------------------------------------------------------------------- */

static bool square_forward(tsr_ctx *ctx, tsr_tensor *const *in, int64_t n_in, tsr_tensor **out, int64_t n_out,
                           void *user)
{
    (void)n_in, (void)n_out, (void)user;
    tsr_ctx_save(ctx, in[0]);
    out[0] = tsr_mul(in[0], in[0]);
    return out[0] != NULL;
}

static void square_backward(tsr_ctx *ctx, tsr_tensor *const *grad, tsr_tensor **grad_in, void *user)
{
    (void)user;
    grad_in[0] = tsr_mul(grad[0], tsr_mul(tsr_ctx_saved(ctx, 0), tsr_scalar(2)));
}

static void wrong_backward(tsr_ctx *ctx, tsr_tensor *const *grad, tsr_tensor **grad_in, void *user)
{
    (void)ctx, (void)user, (void)grad;
    grad_in[0] = tsr_ones(TSR_SHAPE(7), .dtype = TSR_F64);
}

static const tsr_function square = {"Square", square_forward, square_backward, NULL};
static const tsr_function wrong = {"Wrong", square_forward, wrong_backward, NULL};

static bool apply_square(tsr_tensor *const *in, int64_t n_in, tsr_tensor **out, int64_t n_out, void *user)
{
    (void)user;
    return tsr_apply(&square, NULL, (tsr_tensors){in, n_in}, out, n_out) == TSR_OK;
}

static void a_custom_function_that_is_null_is_refused(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(3), *y;
    assert_refused(tsr_apply(NULL, NULL, TSR_LIST(x), &y, 1), "apply: the function is NULL");
    assert_refused(tsr_apply(&(tsr_function){.name = "Empty"}, NULL, TSR_LIST(x), &y, 1), "forward is NULL");
    assert_refused(tsr_apply(&square, NULL, (tsr_tensors){NULL, 2}, &y, 1), "Square: there are 2 inputs at NULL");
    assert_refused(tsr_apply(&square, NULL, TSR_LIST(x), NULL, 1), "Square: there is room for 1 outputs at NULL");
}

static void custom_functions_are_recorded(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(3), *y;
    assert_int_equal(tsr_apply(&square, NULL, TSR_LIST(x), &y, 1), TSR_OK);
    assert_string_equal(tsr_grad_fn_name(y), "Square");
    assert_int_equal(tsr_backward(tsr_sum(y)), TSR_OK);
    assert_grad(x, 2, 4, 6);
    assert_int_equal(tsr_gradcheck(apply_square, NULL, TSR_LIST(x), 1, NULL), TSR_OK);
    assert_int_equal(tsr_gradgradcheck(apply_square, NULL, TSR_LIST(x), 1, NULL), TSR_OK);
}

static void a_gradient_of_the_wrong_shape_is_named(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(3), *y;
    assert_int_equal(tsr_apply(&wrong, NULL, TSR_LIST(x), &y, 1), TSR_OK);
    assert_refused(tsr_backward(tsr_sum(y)),
                   "Wrong returned an invalid gradient at index 0 - got [7] but expected shape compatible with [3]");
}

static bool apply_wrong_factor(tsr_tensor *const *in, int64_t n_in, tsr_tensor **out, int64_t n_out, void *user)
{
    (void)n_in, (void)n_out, (void)user;
    out[0] = tsr_mul(in[0], tsr_detach(in[0])); /* the derivative misses half */
    return out[0] != NULL;
}

static void gradcheck_finds_a_wrong_derivative(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2);
    assert_refused(tsr_gradcheck(apply_wrong_factor, NULL, TSR_LIST(x), 1, NULL), "numerical 2");
}

static int runs;

static bool noisy(tsr_tensor *const *in, int64_t n_in, tsr_tensor **out, int64_t n_out, void *user)
{
    (void)n_in, (void)n_out, (void)user;
    runs++;
    tsr_tensor *h = tsr_mul(in[0], tsr_randn(TSR_SHAPE(3), .dtype = TSR_F64));
    out[0] = tsr_mul(h, h);
    return out[0] != NULL;
}

static void checkpoints_recompute_with_the_same_random_numbers(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(3), *y, *z;
    runs = 0;
    tsr_manual_seed(3);
    assert_int_equal(tsr_checkpoint(noisy, NULL, TSR_LIST(x), &y, 1), TSR_OK);
    assert_int_equal(runs, 1);
    assert_int_equal(tsr_backward(tsr_sum(y)), TSR_OK);
    assert_int_equal(runs, 2);
    double want[3];
    tsr_to_host(tsr_grad(x), want, 3, TSR_F64);
    tsr_set_grad(x, NULL);
    tsr_manual_seed(3);
    assert_true(noisy(&x, 1, &z, 1, NULL));
    assert_int_equal(tsr_backward(tsr_sum(z)), TSR_OK);
    assert_values(tsr_grad(x), 3, want);
}

static bool closure(tsr_tensor *const *in, int64_t n_in, tsr_tensor **out, int64_t n_out, void *user)
{
    (void)n_in, (void)n_out;
    out[0] = tsr_mul(in[0], user);
    return out[0] != NULL;
}

static void checkpoints_refuse_gradients_of_chosen_inputs(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2), *w = leaf(2), *y, *g;
    assert_int_equal(tsr_checkpoint(closure, w, TSR_LIST(x), &y, 1), TSR_OK);
    y = tsr_sum(y);
    assert_refused(tsr_grads(TSR_LIST(y), TSR_LIST(x), &g, .retain_graph = true), "through a checkpoint");
    assert_refused(tsr_backward(y, .inputs = TSR_LIST(x), .retain_graph = true), "through a checkpoint");
    assert_null(tsr_grad(w));
    assert_int_equal(tsr_backward(y), TSR_OK);
    assert_grad(w, 1, 2);
}

static bool only_once(tsr_tensor *const *in, int64_t n_in, tsr_tensor **out, int64_t n_out, void *user)
{
    (void)n_in, (void)n_out;
    if ((*(int *)user)++ == 0) out[0] = tsr_mul(in[0], tsr_scalar(2));
    return true;
}

static void a_second_run_without_output_is_an_error(void **state)
{
    (void)state;
    int calls = 0;
    tsr_tensor *x = leaf(2), *y;
    assert_int_equal(tsr_checkpoint(only_once, &calls, TSR_LIST(x), &y, 1), TSR_OK);
    assert_refused(tsr_backward(tsr_sum(y)), "the second run gave no output 0");
}

/* Backward must not move the stream that the caller draws from. */
static void a_checkpoints_second_run_leaves_the_random_stream_alone(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(3), *y;
    tsr_manual_seed(4);
    assert_int_equal(tsr_checkpoint(noisy, NULL, TSR_LIST(x), &y, 1), TSR_OK);
    tsr_manual_seed(9);
    double want = tsr_random_uniform(NULL);
    tsr_manual_seed(9);
    assert_int_equal(tsr_backward(tsr_sum(y)), TSR_OK);
    assert_true(tsr_random_uniform(NULL) == want);
}

/* What the second run does otherwise. */
typedef struct other_form {
    int64_t size;
    tsr_dtype dtype;
} other_form;

static bool change_form(tsr_tensor *const *in, int64_t n_in, tsr_tensor **out, int64_t n_out, void *user)
{
    const other_form *other = user;
    (void)n_in, (void)n_out;
    out[0] = runs++ == 0 ? tsr_mul(in[0], tsr_scalar(2)) : tsr_to(tsr_narrow(in[0], 0, 0, other->size), other->dtype);
    return out[0] != NULL;
}

static void a_second_run_with_another_shape_or_dtype_is_an_error(void **state)
{
    (void)state;
    static other_form forms[] = {{1, TSR_F64}, {2, TSR_F32}};
    static const char *const said[] = {"recomputed output 0 is f64 [1], the first run gave f64 [2]",
                                       "recomputed output 0 is f32 [2], the first run gave f64 [2]"};
    for (int i = 0; i < 2; i++) {
        tsr_tensor *x = leaf(2), *y;
        runs = 0;
        assert_int_equal(tsr_checkpoint(change_form, &forms[i], TSR_LIST(x), &y, 1), TSR_OK);
        assert_refused(tsr_backward(tsr_sum(y)), said[i]);
        assert_null(tsr_grad(x));
    }
}

/* A generator of its own, which it sets itself or does not. */
typedef struct own_noise {
    tsr_generator *g;
    bool sets;
} own_noise;

static bool noisy_by_itself(tsr_tensor *const *in, int64_t n_in, tsr_tensor **out, int64_t n_out, void *user)
{
    const own_noise *own = user;
    (void)n_in, (void)n_out;
    if (own->sets) tsr_generator_set_state(own->g, (tsr_rng_state){7, 0});
    out[0] = tsr_mul(in[0], tsr_randn(TSR_SHAPE(3), .dtype = TSR_F64, .generator = own->g));
    return out[0] != NULL;
}

static void a_second_run_with_other_random_numbers_is_an_error(void **state)
{
    (void)state;
    own_noise own = {tsr_generator_new(7), false};
    tsr_tensor *x = leaf(3), *y;
    assert_int_equal(tsr_checkpoint(noisy_by_itself, &own, TSR_LIST(x), &y, 1), TSR_OK);
    assert_refused(tsr_backward(tsr_sum(y)), "the second run drew other random numbers");
    own.sets = true;
    assert_int_equal(tsr_checkpoint(noisy_by_itself, &own, TSR_LIST(x), &y, 1), TSR_OK);
    assert_int_equal(tsr_backward(tsr_sum(y)), TSR_OK);
    tsr_generator_free(own.g);
}

static bool noisy_twice(tsr_tensor *const *in, int64_t n_in, tsr_tensor **out, int64_t n_out, void *user)
{
    tsr_tensor *h;
    (void)n_in;
    if (tsr_checkpoint(noisy, user, TSR_LIST(in[0]), &h, 1)) return false;
    return noisy(&h, 1, out, n_out, user);
}

static void a_checkpoint_in_a_checkpoint_draws_the_same_random_numbers(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(3), *y, *z = NULL;
    double want[3];
    tsr_manual_seed(3);
    assert_true(noisy_twice(&x, 1, &z, 1, NULL));
    assert_int_equal(tsr_backward(tsr_sum(z)), TSR_OK);
    tsr_to_host(tsr_grad(x), want, 3, TSR_F64);
    tsr_set_grad(x, NULL);
    tsr_manual_seed(3);
    assert_int_equal(tsr_checkpoint(noisy_twice, NULL, TSR_LIST(x), &y, 1), TSR_OK);
    assert_int_equal(tsr_backward(tsr_sum(y)), TSR_OK);
    assert_values(tsr_grad(x), 3, want);
}

static bool double_and_square(tsr_tensor *const *in, int64_t n_in, tsr_tensor **out, int64_t n_out, void *user)
{
    (void)n_in, (void)n_out, (void)user;
    if (!tsr_mul_(tsr_detach(in[0]), tsr_scalar(2))) return false;
    out[0] = tsr_mul(in[0], in[0]);
    return out[0] != NULL;
}

static void a_checkpoint_that_writes_its_input_is_refused(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2), *y = NULL;
    assert_refused(tsr_checkpoint(double_and_square, NULL, TSR_LIST(x), &y, 1),
                   "checkpoint: the function wrote its input 0 (f64 [2]) in place");
}

/* ---- size -------------------------------------------------------------------------------------------------------------- */

static void *long_chain(void *user)
{
    tsr_mark m = tsr_scope_open();
    tsr_tensor *x = leaf(1), *y = tsr_keep(x);
    for (int i = 0; i < 1000000; i++) {
        tsr_mark inner = tsr_scope_open();
        tsr_tensor *next = tsr_keep(tsr_neg(y));
        tsr_scope_close(inner);
        tsr_release(y);
        y = next;
    }
    bool ok = tsr_backward(tsr_sum(y)) == TSR_OK && tsr_item(tsr_grad(x)) == 1;
    tsr_release(y);
    tsr_scope_close(m);
    *(bool *)user = ok;
    return NULL;
}

static void a_million_operations_fit_a_small_stack(void **state)
{
    (void)state;
    pthread_t thread;
    pthread_attr_t attr;
    bool ok = false;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 256 * 1024);
    assert_int_equal(pthread_create(&thread, &attr, long_chain, &ok), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
    assert_true(ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(gradients_flow_through_a_product),
        TENSOR_TEST(gradients_accumulate_in_the_same_tensor),
        TENSOR_TEST(a_second_backward_needs_retain_graph),
        TENSOR_TEST(broadcast_inputs_get_summed_gradients),
        TENSOR_TEST(gradients_are_cast_back_to_the_inputs_dtype),
        TENSOR_TEST(nothing_is_recorded_without_grad_mode),
        TENSOR_TEST(backward_says_what_it_cannot_start_from),
        TENSOR_TEST(gradients_of_chosen_inputs_are_not_accumulated),
        TENSOR_TEST(gradients_have_gradients),
        TENSOR_TEST(leaves_and_their_views_are_not_written),
        TENSOR_TEST(a_modified_saved_tensor_is_caught),
        TENSOR_TEST(detached_writes_are_caught_too),
        TENSOR_TEST(writing_a_view_is_history_of_its_base),
        TENSOR_TEST(a_chain_of_views_writes_through),
        TENSOR_TEST(a_plain_base_takes_on_history),
        TENSOR_TEST(views_of_several_outputs_are_not_written),
        TENSOR_TEST(views_made_without_recording_are_not_written_with_it),
        TENSOR_TEST(overlapping_writes_are_refused),
        TENSOR_TEST(hooks_see_and_replace_gradients),
        TENSOR_TEST(ready_leaves_run_before_interior_nodes),
        TENSOR_TEST(a_custom_function_that_is_null_is_refused),
        TENSOR_TEST(custom_functions_are_recorded),
        TENSOR_TEST(a_gradient_of_the_wrong_shape_is_named),
        TENSOR_TEST(gradcheck_finds_a_wrong_derivative),
        TENSOR_TEST(checkpoints_recompute_with_the_same_random_numbers),
        TENSOR_TEST(checkpoints_refuse_gradients_of_chosen_inputs),
        TENSOR_TEST(a_checkpoints_second_run_leaves_the_random_stream_alone),
        TENSOR_TEST(a_second_run_with_another_shape_or_dtype_is_an_error),
        TENSOR_TEST(a_second_run_with_other_random_numbers_is_an_error),
        TENSOR_TEST(a_checkpoint_in_a_checkpoint_draws_the_same_random_numbers),
        TENSOR_TEST(a_checkpoint_that_writes_its_input_is_refused),
        TENSOR_TEST(a_second_run_without_output_is_an_error),
        TENSOR_TEST(a_million_operations_fit_a_small_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
