/* test_marks.c: what can be seen of the record: names of nodes, hooks on them, what is saved and how. Expected values
   follow from the formula in each test; names and messages are PyTorch's. */
#define _GNU_SOURCE /* dladdr */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <dlfcn.h>
#endif

#include <cmocka.h>

#include "support/leaves.h"
#include "support/tensors.h"
#include "tessera/autograd.h"
#include "tessera/memory.h"
#include "tessera/node.h"
#include "tessera/ops.h"

/* ---- names ------------------------------------------------------------------------------------------------------ */

static void nodes_have_pytorchs_names(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(3), *y = tsr_mul(x, x);
    assert_string_equal(tsr_grad_fn_name(x), "");
    assert_string_equal(tsr_grad_fn_name(y), "MulBackward0");
    assert_string_equal(tsr_grad_fn_name(tsr_leaky_relu(x)), "LeakyReluBackward0");
    assert_string_equal(tsr_grad_fn_name(tsr_sum(x, .dim = TSR_DIMS(0))), "SumBackward0"); /* not SumDim */
    assert_non_null(tsr_add_(y, x));
    assert_string_equal(tsr_grad_fn_name(y), "AddBackward0"); /* not Add_ */
    assert_string_equal(tsr_grad_fn_name(tsr_detach(y)), "");
}

static void a_name_stays_when_another_is_asked_for(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(3), *y = tsr_exp(x), *z = tsr_sin(x);
    const char *first = tsr_grad_fn_name(y);
    assert_string_equal(tsr_grad_fn_name(z), "SinBackward0");
    assert_string_equal(first, "ExpBackward0");
    assert_ptr_equal(first, tsr_grad_fn_name(y));
}

/* ---- nodes and their hooks ---------------------------------------------------------------------------------------- */

static void nodes_lead_to_those_that_made_their_inputs(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(3), *y = tsr_mul(tsr_exp(x), tsr_scalar(2));
    int64_t output = -1;
    tsr_node *mul = tsr_grad_fn(y);
    assert_string_equal(tsr_node_name(mul), "MulBackward0");
    assert_int_equal(tsr_node_next_count(mul), 2);
    tsr_node *exp_ = tsr_node_next(mul, 0, &output);
    assert_int_equal(output, 0);
    assert_string_equal(tsr_node_name(exp_), "ExpBackward0");
    assert_string_equal(tsr_node_name(tsr_node_next(exp_, 0, NULL)), "AccumulateGrad");
    assert_int_equal(tsr_node_next_count(tsr_node_next(exp_, 0, NULL)), 0);
    assert_null(tsr_node_next(mul, 1, NULL)); /* a number */
    assert_null(tsr_error_message());
    assert_null(tsr_grad_fn(x));
    assert_null(tsr_node_next(mul, 2, NULL));
    assert_refused(tsr_error_status(), "there is no node 2 of 2");
}

static void an_output_of_several_is_told_apart(void **state)
{
    (void)state;
    tsr_tensor *parts[2];
    int64_t output = -1;
    assert_int_equal(tsr_chunk(parts, 2, leaf(4), 2), 2);
    tsr_node *fn = tsr_node_next(tsr_grad_fn(tsr_exp(parts[1])), 0, &output);
    assert_ptr_equal(fn, tsr_grad_fn(parts[0]));
    assert_int_equal(output, 1);
}

static void a_kept_node_outlives_its_tensor(void **state)
{
    (void)state;
    tsr_mark m = tsr_scope_open();
    tsr_node *n = tsr_node_keep(tsr_grad_fn(tsr_exp(leaf(2))));
    tsr_scope_close(m);
    assert_string_equal(tsr_node_name(n), "ExpBackward0");
    tsr_node_release(n);
}

static char order[64];

static void note(const char *what) { strncat(order, what, sizeof order - strlen(order) - 1); }

static tsr_tensor *note_tensor(tsr_tensor *grad, void *user)
{
    (void)grad;
    note(user);
    return NULL;
}

static void note_pre(tsr_node *n, tsr_tensor **grad_out, int64_t n_out, void *user)
{
    (void)n;
    assert_int_equal(n_out, 1);
    assert_non_null(grad_out[0]);
    note(user);
}

static void note_post(tsr_node *n, tsr_tensor **grad_in, int64_t n_in, tsr_tensor *const *grad_out, int64_t n_out,
                      void *user)
{
    (void)n, (void)grad_in, (void)n_in;
    assert_int_equal(n_out, 1);
    assert_non_null(grad_out[0]);
    note(user);
}

static void note_accumulated(tsr_tensor *t, void *user)
{
    (void)t;
    note(user);
}

static void hooks_run_in_pytorchs_order(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2), *y = tsr_exp(x);
    tsr_node *fn = tsr_grad_fn(y), *add = tsr_node_next(fn, 0, NULL);
    order[0] = 0;
    assert_true(tsr_node_register_hook(fn, note_post, "d") >= 0);
    assert_true(tsr_node_register_prehook(fn, note_pre, "b") >= 0);
    assert_true(tsr_node_register_prehook(fn, note_pre, "c") >= 0);
    assert_true(tsr_register_hook(y, note_tensor, "a") >= 0);
    assert_true(tsr_node_register_hook(add, note_post, "h") >= 0);
    assert_true(tsr_register_post_accumulate_grad_hook(x, note_accumulated, "g") >= 0);
    assert_true(tsr_node_register_prehook(add, note_pre, "f") >= 0);
    assert_true(tsr_register_hook(x, note_tensor, "e") >= 0);
    assert_int_equal(tsr_backward(tsr_sum(y)), TSR_OK);
    assert_string_equal(order, "abcdefgh");
}

static void double_all(tsr_node *n, tsr_tensor **grad_out, int64_t n_out, void *user)
{
    (void)n, (void)user;
    for (int64_t i = 0; i < n_out; i++) grad_out[i] = tsr_mul(grad_out[i], tsr_scalar(2));
}

static void add_ten(tsr_node *n, tsr_tensor **grad_in, int64_t n_in, tsr_tensor *const *grad_out, int64_t n_out,
                    void *user)
{
    (void)n, (void)grad_out, (void)n_out, (void)user;
    for (int64_t i = 0; i < n_in; i++)
        if (grad_in[i]) grad_in[i] = tsr_add(grad_in[i], tsr_scalar(10));
}

static void hooks_of_nodes_replace_gradients(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2), *y = tsr_mul(x, x), *z = tsr_sum(y);
    assert_int_equal(tsr_retain_grad(y), TSR_OK);
    int64_t pre = tsr_node_register_prehook(tsr_grad_fn(y), double_all, NULL);
    int64_t post = tsr_node_register_hook(tsr_grad_fn(y), add_ten, NULL);
    assert_int_equal(tsr_backward(z, .retain_graph = true), TSR_OK);
    assert_grad(y, 2, 2);   /* what the pre-hook made of it */
    assert_grad(x, 24, 28); /* 2 (2 x) + 10 + 10: x is taken twice */
    assert_int_equal(tsr_node_remove_hook(tsr_grad_fn(y), pre), TSR_OK);
    assert_int_equal(tsr_node_remove_hook(tsr_grad_fn(y), post), TSR_OK);
    assert_int_equal(tsr_set_grad(x, NULL), TSR_OK);
    assert_int_equal(tsr_backward(z), TSR_OK);
    assert_grad(x, 2, 4);
    assert_refused(tsr_node_remove_hook(tsr_grad_fn(y), pre), "has no hook");
    assert_refused(tsr_node_remove_hook(NULL, pre), "has no hook");
}

static void captured_gradients_are_those_before_the_nodes_hooks(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2), *y = tsr_mul(x, x), *g[2];
    tsr_node_register_prehook(tsr_grad_fn(y), double_all, NULL);
    assert_int_equal(tsr_grads(TSR_LIST(tsr_sum(y)), TSR_LIST(x, y), g), TSR_OK);
    assert_values(g[0], 2, (double[]){4, 8});
    assert_values(g[1], 2, (double[]){1, 1});
}

static void remove_all(tsr_node *n, tsr_tensor **grad_out, int64_t n_out, void *user)
{
    (void)n, (void)user;
    for (int64_t i = 0; i < n_out; i++) grad_out[i] = NULL;
}

static void a_node_without_gradients_does_not_run(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2), *w = leaf(2), *y = tsr_exp(x);
    tsr_node_register_prehook(tsr_grad_fn(y), remove_all, NULL);
    assert_int_equal(tsr_backward(tsr_sum(tsr_add(y, w))), TSR_OK);
    assert_null(tsr_grad(x));
    assert_grad(w, 1, 1);
}

static void replace_by_three(tsr_node *n, tsr_tensor **grad_out, int64_t n_out, void *user)
{
    (void)n, (void)n_out, (void)user;
    grad_out[0] = tsr_zeros(TSR_SHAPE(3), .dtype = TSR_F64);
}

static void fail_in_hook(tsr_node *n, tsr_tensor **grad_in, int64_t n_in, tsr_tensor *const *grad_out, int64_t n_out,
                         void *user)
{
    (void)n, (void)grad_in, (void)n_in, (void)grad_out, (void)n_out, (void)user;
    tsr_fail(TSR_EINVAL, "the hook says no");
}

static void hooks_that_fail_fail_backward(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2), *y = tsr_exp(x), *z = tsr_exp(x);
    tsr_node_register_prehook(tsr_grad_fn(y), replace_by_three, NULL);
    tsr_node_register_hook(tsr_grad_fn(z), fail_in_hook, NULL);
    assert_refused(tsr_backward(tsr_sum(y)), "a pre-hook of ExpBackward0 replaced the gradient at index 0 by f64 [3]");
    assert_refused(tsr_backward(tsr_sum(z)), "the hook says no");
    assert_int_equal(tsr_node_register_hook(NULL, fail_in_hook, NULL), -1);
    assert_refused(tsr_error_status(), "the node is NULL");
    assert_int_equal(tsr_node_register_prehook(tsr_grad_fn(y), NULL, NULL), -1);
    assert_refused(tsr_error_status(), "the hook is NULL");
}

static void give_the_gradient_away(tsr_tensor *t, void *user)
{
    (void)user;
    tsr_set_grad(t, NULL);
}

static void a_hook_sees_what_the_leaf_gave_away(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2), *y = tsr_exp(x);
    order[0] = 0;
    tsr_register_post_accumulate_grad_hook(x, give_the_gradient_away, NULL);
    tsr_node_register_hook(tsr_node_next(tsr_grad_fn(y), 0, NULL), note_post, "x");
    assert_int_equal(tsr_backward(tsr_sum(y)), TSR_OK);
    assert_string_equal(order, "x");
}

/* What a hook that removes itself knows of itself. */
typedef struct self_removing {
    tsr_tensor *t;
    tsr_node *n;
    int64_t id;
    const char *says;
} self_removing;

static tsr_tensor *note_and_remove(tsr_tensor *grad, void *user)
{
    const self_removing *h = user;
    note_tensor(grad, (void *)(uintptr_t)h->says);
    assert_int_equal(tsr_remove_hook(h->t, h->id), TSR_OK);
    return NULL;
}

static void note_accumulated_and_remove(tsr_tensor *t, void *user)
{
    const self_removing *h = user;
    note(h->says);
    assert_int_equal(tsr_remove_hook(t, h->id), TSR_OK);
}

static void note_pre_and_remove(tsr_node *n, tsr_tensor **grad_out, int64_t n_out, void *user)
{
    const self_removing *h = user;
    note_pre(n, grad_out, n_out, (void *)(uintptr_t)h->says);
    assert_int_equal(tsr_node_remove_hook(n, h->id), TSR_OK);
}

static void note_post_and_remove(tsr_node *n, tsr_tensor **grad_in, int64_t n_in, tsr_tensor *const *grad_out,
                                 int64_t n_out, void *user)
{
    const self_removing *h = user;
    note_post(n, grad_in, n_in, grad_out, n_out, (void *)(uintptr_t)h->says);
    assert_int_equal(tsr_node_remove_hook(n, h->id), TSR_OK);
}

static void a_hook_that_removes_itself_does_not_hide_the_next(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2), *y = tsr_exp(x), *z = tsr_sum(y);
    tsr_node *fn = tsr_grad_fn(y);
    self_removing of_x = {.t = x, .says = "e"}, after_x = {.says = "g"}, of_y = {.t = y, .says = "a"};
    self_removing pre = {.says = "c"}, post = {.says = "i"};
    order[0] = 0;
    of_x.id = tsr_register_hook(x, note_and_remove, &of_x);
    tsr_register_hook(x, note_tensor, "f");
    after_x.id = tsr_register_post_accumulate_grad_hook(x, note_accumulated_and_remove, &after_x);
    tsr_register_post_accumulate_grad_hook(x, note_accumulated, "h");
    of_y.id = tsr_register_hook(y, note_and_remove, &of_y);
    tsr_register_hook(y, note_tensor, "b");
    pre.id = tsr_node_register_prehook(fn, note_pre_and_remove, &pre);
    tsr_node_register_prehook(fn, note_pre, "d");
    post.id = tsr_node_register_hook(fn, note_post_and_remove, &post);
    tsr_node_register_hook(fn, note_post, "j");
    assert_int_equal(tsr_backward(z, .retain_graph = true), TSR_OK);
    assert_string_equal(order, "abcdijefgh");
    order[0] = 0;
    assert_int_equal(tsr_backward(z), TSR_OK);
    assert_string_equal(order, "bdjfh");
}

static tsr_tensor *add_another(tsr_tensor *grad, void *user)
{
    (void)grad;
    assert_true(tsr_register_hook(user, note_tensor, "+") >= 0);
    return NULL;
}

static void a_hook_added_by_a_hook_waits_for_the_next_run(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2), *y = tsr_exp(x), *z = tsr_sum(y);
    order[0] = 0;
    tsr_register_hook(x, add_another, x);
    tsr_register_hook(y, add_another, y);
    assert_int_equal(tsr_backward(z, .retain_graph = true), TSR_OK);
    assert_string_equal(order, "");
    assert_int_equal(tsr_backward(z), TSR_OK);
    assert_string_equal(order, "++");
}

static tsr_tensor *remove_other(tsr_tensor *grad, void *user)
{
    const self_removing *h = user;
    (void)grad;
    assert_int_equal(tsr_remove_hook(h->t, h->id), TSR_OK);
    return NULL;
}

static void a_hook_removed_before_its_turn_is_not_called(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2);
    self_removing second = {.t = x};
    order[0] = 0;
    tsr_register_hook(x, remove_other, &second);
    second.id = tsr_register_hook(x, note_tensor, "removed");
    tsr_register_hook(x, note_tensor, "third");
    assert_int_equal(tsr_backward(tsr_sum(x)), TSR_OK);
    assert_string_equal(order, "third");
}

/* ---- hooks on what is saved ---------------------------------------------------------------------------------------- */

static int packed_count, dropped_count;

static void *pack_clone(tsr_tensor *t, void *user)
{
    (void)user;
    packed_count++;
    assert_false(tsr_is_grad_enabled());
    return tsr_keep(tsr_clone(t));
}

static void *pack_half(tsr_tensor *t, void *user)
{
    (void)user;
    return tsr_keep(tsr_to(t, TSR_F16));
}

static tsr_tensor *unpack_same(void *packed, void *user)
{
    (void)user;
    return packed;
}

static tsr_tensor *unpack_single(void *packed, void *user)
{
    (void)user;
    return tsr_to(packed, TSR_F32);
}

static void drop_tensor(void *packed, void *user)
{
    (void)user;
    dropped_count++;
    tsr_release(packed);
}

static const tsr_saved_tensor_hooks clones = {pack_clone, unpack_same, drop_tensor};
static const tsr_saved_tensor_hooks halves = {pack_half, unpack_single, drop_tensor};

static void saved_tensors_may_be_kept_in_half_precision(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_from_data((float[]){1 / 3.f, 2}, TSR_SHAPE(2), TSR_F32);
    tsr_set_requires_grad(x, true);
    assert_int_equal(tsr_push_saved_tensor_hooks(&halves, NULL), TSR_OK);
    tsr_tensor *y = tsr_mul(x, x);
    assert_int_equal(tsr_pop_saved_tensor_hooks(), TSR_OK);
    assert_int_equal(tsr_backward(tsr_sum(y)), TSR_OK);
    assert_grad(x, 2 * 0.333251953125, 4); /* 1365 / 4096 is the half nearest to 1/3 */
}

/* x exp(x): the second derivative, (2 + x) exp(x), needs the histories of an input and of a result. */
static void what_is_unpacked_has_its_history(void **state)
{
    (void)state;
    packed_count = dropped_count = 0;
    tsr_mark mark = tsr_scope_open();
    tsr_tensor *x = leaf(2), *g, *gg;
    assert_int_equal(tsr_push_saved_tensor_hooks(&clones, NULL), TSR_OK);
    tsr_tensor *y = tsr_sum(tsr_mul(x, tsr_exp(x)));
    assert_int_equal(tsr_grads(TSR_LIST(y), TSR_LIST(x), &g, .create_graph = true), TSR_OK);
    assert_int_equal(tsr_grads(TSR_LIST(tsr_sum(g)), TSR_LIST(x), &gg), TSR_OK);
    assert_int_equal(tsr_pop_saved_tensor_hooks(), TSR_OK);
    assert_values(gg, 2, (double[]){3 * 2.718281828459045, 4 * 7.38905609893065});
    assert_true(packed_count >= 3);
    tsr_scope_close(mark);
    assert_int_equal(dropped_count, packed_count);
}

static void note_dtype(tsr_node *n, tsr_tensor **grad_in, int64_t n_in, tsr_tensor *const *grad_out, int64_t n_out,
                       void *user)
{
    (void)n, (void)n_in, (void)grad_out, (void)n_out, (void)user;
    note(tsr_dtype_name(tsr_dtype_of(grad_in[0])));
}

/* The derivative of 2 x by x is the gradient times 2: a number, which does not widen it, and no tensor of f64. */
static void a_number_that_was_packed_is_one_when_it_is_unpacked(void **state)
{
    (void)state;
    tsr_tensor *x = tsr_ones(TSR_SCALAR_SHAPE, .dtype = TSR_F32);
    tsr_set_requires_grad(x, true);
    assert_int_equal(tsr_push_saved_tensor_hooks(&clones, NULL), TSR_OK);
    tsr_tensor *y = tsr_mul(x, tsr_scalar(2));
    assert_int_equal(tsr_pop_saved_tensor_hooks(), TSR_OK);
    assert_int_equal(tsr_dtype_of(y), TSR_F32);
    order[0] = 0;
    tsr_node_register_hook(tsr_grad_fn(y), note_dtype, NULL);
    assert_int_equal(tsr_backward(y), TSR_OK);
    assert_string_equal(order, "f32");
}

static void packed_tensors_do_not_mind_writes(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2), *y = tsr_mul(x, tsr_scalar(1));
    assert_int_equal(tsr_push_saved_tensor_hooks(&clones, NULL), TSR_OK);
    tsr_tensor *z = tsr_sum(tsr_mul(y, y));
    assert_int_equal(tsr_pop_saved_tensor_hooks(), TSR_OK);
    assert_non_null(tsr_mul_(tsr_detach(y), tsr_scalar(3)));
    assert_int_equal(tsr_backward(z), TSR_OK);
    assert_grad(x, 2, 4);
}

static void *pack_nothing(tsr_tensor *t, void *user)
{
    (void)t;
    if (user) tsr_fail(TSR_EIO, "%s", (const char *)user);
    return NULL;
}

static void *pack_and_write(tsr_tensor *t, void *user)
{
    (void)user;
    return tsr_keep(tsr_add_(t, tsr_scalar(1)));
}

static tsr_tensor *unpack_nothing(void *packed, void *user)
{
    (void)packed, (void)user;
    return NULL;
}

static tsr_tensor *square_with(const tsr_saved_tensor_hooks *hooks, void *user)
{
    tsr_tensor *x = leaf(2);
    assert_int_equal(tsr_push_saved_tensor_hooks(hooks, user), TSR_OK);
    tsr_tensor *y = tsr_mul(x, x);
    assert_int_equal(tsr_pop_saved_tensor_hooks(), TSR_OK);
    return y;
}

static void saved_tensor_hooks_that_fail_are_named(void **state)
{
    (void)state;
    static const tsr_saved_tensor_hooks nothing = {pack_nothing, unpack_same, NULL};
    static const tsr_saved_tensor_hooks writing = {pack_and_write, unpack_same, drop_tensor};
    static const tsr_saved_tensor_hooks lost = {pack_clone, unpack_nothing, drop_tensor};
    assert_null(square_with(&nothing, NULL));
    assert_refused(tsr_error_status(), "pack returned NULL for the f64 [2] that mul saves");
    assert_null(square_with(&nothing, "disk full"));
    assert_refused(tsr_error_status(), "disk full");
    assert_null(square_with(&writing, NULL));
    assert_refused(tsr_error_status(), "A saved tensor pack hook is modifying its input in place");
    assert_refused(tsr_backward(tsr_sum(square_with(&lost, NULL))), "unpack returned NULL for a tensor that mul saved");
    assert_refused(tsr_backward(tsr_sum(square_with(&halves, NULL))), "unpack returned f32 [2] for the f64 [2]");
    assert_refused(tsr_pop_saved_tensor_hooks(), "none were pushed");
    assert_refused(tsr_push_saved_tensor_hooks(NULL, NULL), "struct of hooks is NULL");
    assert_refused(tsr_push_saved_tensor_hooks(&(tsr_saved_tensor_hooks){.pack = pack_half}, NULL), "unpack is NULL");
}

/* ---- where NaN comes from ------------------------------------------------------------------------------------------ */

/* sqrt(0 x) 0: the gradient 0 of sqrt is multiplied by 1 / (2 sqrt 0) = inf. */
__attribute__((noinline)) static tsr_tensor *nan_in_backward(tsr_tensor *x)
{
    return tsr_sum(tsr_mul(tsr_sqrt(tsr_mul(x, tsr_scalar(0))), tsr_scalar(0)));
}

static void nan_passes_without_anomaly_mode(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2);
    assert_false(tsr_is_anomaly_enabled());
    assert_int_equal(tsr_backward(nan_in_backward(x)), TSR_OK);
    assert_true(tsr_item(tsr_sum(tsr_grad(x))) != tsr_item(tsr_sum(tsr_grad(x))));
}

static void anomaly_mode_names_the_function_that_made_nan(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2);
    assert_false(tsr_set_anomaly_enabled(true));
    assert_int_equal(tsr_push_anomaly_label("loss"), TSR_OK);
    assert_int_equal(tsr_push_anomaly_label("term 2"), TSR_OK);
    tsr_tensor *y = nan_in_backward(x);
    assert_int_equal(tsr_pop_anomaly_label(), TSR_OK);
    assert_int_equal(tsr_pop_anomaly_label(), TSR_OK);
    assert_int_equal(tsr_backward(y, .retain_graph = true), TSR_ENUMERIC);
    assert_refused(tsr_error_status(), "Function 'SqrtBackward0' returned nan values in its 0th output. It is the "
                                       "derivative of sqrt of f64 [2], recorded in 'loss / term 2'");
    assert_refused(tsr_backward(nan_in_backward(x)), "recorded without a label");
    assert_true(tsr_set_anomaly_enabled(false));
    assert_int_equal(tsr_backward(y), TSR_OK);
}

static void anomaly_mode_may_start_in_backward(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2), *y = nan_in_backward(x), *z = tsr_sum(tsr_exp(x));
    tsr_set_anomaly_enabled(true);
    tsr_status status = tsr_backward(y);
    assert_refused(status, "recorded without anomaly mode");
    assert_int_equal(tsr_backward(z), TSR_OK);
    tsr_set_anomaly_enabled(false);
}

static void an_output_of_several_keeps_its_label(void **state)
{
    (void)state;
    tsr_tensor *parts[2], *x = leaf(4);
    double nan2[] = {0.0 / 0.0, 1};
    tsr_set_anomaly_enabled(true);
    assert_int_equal(tsr_push_anomaly_label("halves"), TSR_OK);
    assert_int_equal(tsr_chunk(parts, 2, x, 2), 2);
    assert_int_equal(tsr_pop_anomaly_label(), TSR_OK);
    tsr_status status = tsr_backward(parts[1], .gradient = tsr_from_data(nan2, TSR_SHAPE(2), TSR_F64));
    tsr_set_anomaly_enabled(false);
    assert_refused(status, "derivative of chunk of f64 [4], recorded in 'halves'");
}

/* The gradient of 0 / 0 for what is divided is 1 / 0, which is no NaN; that for the divisor is -0 / 0. */
static void anomaly_mode_reads_every_gradient(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(1), *y = leaf(1), *zero = tsr_scalar(0);
    tsr_set_anomaly_enabled(true);
    tsr_status status = tsr_backward(tsr_div(tsr_mul(x, zero), tsr_mul(y, zero)));
    tsr_set_anomaly_enabled(false);
    assert_refused(status, "Function 'DivBackward0' returned nan values in its 1th output");
}

static void anomaly_mode_names_the_operator_that_wrote_a_view(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(4);
    tsr_set_anomaly_enabled(true);
    tsr_tensor *y = tsr_mul(x, tsr_scalar(0));
    assert_non_null(tsr_sqrt_(tsr_narrow(y, 0, 0, 2)));
    tsr_status status = tsr_backward(tsr_sum(tsr_mul(y, tsr_scalar(0))));
    tsr_set_anomaly_enabled(false);
    assert_refused(status,
                   "Function 'CopySlices' returned nan values in its 0th output. It is the derivative of sqrt_, "
                   "which wrote into a view, of f64 [4], recorded");
}

#ifdef __GLIBC__
/* Does the message have "(+0xOFFSET)" of an address in the 2000 bytes from the function on? Tests have no names to show. */
static bool is_named(const char *message, uintptr_t function)
{
    Dl_info here;
    assert_int_not_equal(dladdr((void *)function, &here), 0);
    uintptr_t start = function - (uintptr_t)here.dli_fbase;
    for (const char *at = message; (at = strstr(at, "(+0x")); at++) {
        uintptr_t offset = strtoull(at + 4, NULL, 16);
        if (offset > start && offset < start + 2000) return true;
    }
    return false;
}

static void anomaly_mode_says_which_call_recorded_it(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2);
    tsr_set_anomaly_enabled(true);
    tsr_status status = tsr_backward(nan_in_backward(x));
    tsr_set_anomaly_enabled(false);
    assert_int_equal(status, TSR_ENUMERIC);
    assert_true(is_named(tsr_error_message(), (uintptr_t)nan_in_backward));
    tsr_error_clear();
}
#endif

static void labels_are_a_stack(void **state)
{
    (void)state;
    assert_refused(tsr_push_anomaly_label(NULL), "the label is NULL");
    for (int i = 0; i < 32; i++) assert_int_equal(tsr_push_anomaly_label("deep"), TSR_OK);
    assert_refused(tsr_push_anomaly_label("deeper"), "'deeper' is deeper than 32 labels");
    for (int i = 0; i < 32; i++) assert_int_equal(tsr_pop_anomaly_label(), TSR_OK);
    assert_refused(tsr_pop_anomaly_label(), "none were pushed");
}

/* ---- inference mode ------------------------------------------------------------------------------------------------ */

static tsr_tensor *made_in_inference_mode(int n)
{
    bool was = tsr_set_inference_mode(true);
    tsr_tensor *t = tsr_ones(TSR_SHAPE(n), .dtype = TSR_F64);
    tsr_set_inference_mode(was);
    return t;
}

static void inference_mode_records_nothing(void **state)
{
    (void)state;
    tsr_tensor *w = leaf(3);
    assert_false(tsr_set_inference_mode(true));
    assert_true(tsr_is_inference_mode());
    assert_false(tsr_is_grad_enabled());
    assert_true(tsr_set_grad_enabled(true)); /* to no effect */
    assert_false(tsr_requires_grad(tsr_mul(w, w)));
    assert_true(tsr_is_inference(tsr_mul(w, w)));
    assert_true(tsr_set_inference_mode(false));
    assert_true(tsr_is_grad_enabled());
    assert_true(tsr_requires_grad(tsr_mul(w, w)));
    assert_false(tsr_is_inference(tsr_mul(w, w)));
}

static void views_are_what_their_memory_is(void **state)
{
    (void)state;
    tsr_tensor *w = leaf(4), *a = made_in_inference_mode(4);
    tsr_set_inference_mode(true);
    assert_false(tsr_is_inference(tsr_view(w, TSR_SHAPE(2, 2))));
    assert_false(tsr_is_inference(tsr_detach(w)));
    tsr_set_inference_mode(false);
    assert_true(tsr_is_inference(tsr_view(a, TSR_SHAPE(2, 2))));
    assert_true(tsr_is_inference(tsr_detach(a)));
    assert_false(tsr_is_inference(tsr_clone(a)));
    assert_false(tsr_is_inference(NULL));
}

static void inference_tensors_are_not_saved_for_backward(void **state)
{
    (void)state;
    tsr_tensor *w = leaf(3), *a = made_in_inference_mode(3);
    assert_null(tsr_mul(w, a));
    assert_refused(tsr_error_status(), "Inference tensors cannot be saved for backward. To work around you can make a "
                                       "clone to get a normal tensor and use it in autograd.");
    assert_int_equal(tsr_backward(tsr_sum(tsr_add(w, a))), TSR_OK); /* which saves nothing */
    assert_grad(w, 1, 1, 1);
    assert_int_equal(tsr_backward(tsr_sum(tsr_mul(w, tsr_clone(a)))), TSR_OK);
    assert_grad(w, 2, 2, 2);
}

static void inference_tensors_are_written_in_their_mode_only(void **state)
{
    (void)state;
    tsr_tensor *a = made_in_inference_mode(2), *n = tsr_mul(leaf(2), tsr_scalar(2));
    assert_null(tsr_add_(a, tsr_scalar(1)));
    assert_refused(tsr_error_status(), "Inplace update to inference tensor outside InferenceMode is not allowed.");
    assert_null(tsr_add_(tsr_narrow(a, 0, 0, 1), tsr_scalar(1)));
    assert_refused(tsr_error_status(), "Inplace update to inference tensor outside InferenceMode is not allowed.");
    assert_non_null(tsr_add_(n, a));
    assert_values(n, 2, (double[]){3, 5});
    tsr_set_inference_mode(true);
    assert_non_null(tsr_add_(a, tsr_scalar(1)));
    tsr_set_inference_mode(false);
    assert_values(a, 2, (double[]){2, 2});
    assert_int_equal(tsr_version(a), -1);
    assert_refused(tsr_error_status(), "Inference tensors do not track version counter.");
}

static void writes_in_inference_mode_to_what_was_saved_are_caught(void **state)
{
    (void)state;
    tsr_tensor *x = leaf(2), *y = tsr_mul(x, tsr_scalar(1)), *z = tsr_sum(tsr_mul(y, y));
    tsr_set_inference_mode(true);
    assert_non_null(tsr_mul_(y, tsr_scalar(3)));
    tsr_set_inference_mode(false);
    assert_refused(tsr_backward(z), "modified by an inplace operation");
}

static void inference_tensors_require_gradients_in_their_mode_only(void **state)
{
    (void)state;
    tsr_tensor *a = made_in_inference_mode(2);
    assert_refused(tsr_set_requires_grad(a, true),
                   "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.");
    assert_int_equal(tsr_set_requires_grad(a, false), TSR_OK);
    tsr_set_inference_mode(true);
    tsr_status status = tsr_set_requires_grad(a, true);
    tsr_set_inference_mode(false);
    assert_int_equal(status, TSR_OK);
    assert_int_equal(tsr_backward(tsr_sum(tsr_neg(a))), TSR_OK);
    assert_grad(a, -1, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(nodes_have_pytorchs_names),
        TENSOR_TEST(a_name_stays_when_another_is_asked_for),
        TENSOR_TEST(nodes_lead_to_those_that_made_their_inputs),
        TENSOR_TEST(an_output_of_several_is_told_apart),
        TENSOR_TEST(a_kept_node_outlives_its_tensor),
        TENSOR_TEST(hooks_run_in_pytorchs_order),
        TENSOR_TEST(hooks_of_nodes_replace_gradients),
        TENSOR_TEST(captured_gradients_are_those_before_the_nodes_hooks),
        TENSOR_TEST(a_node_without_gradients_does_not_run),
        TENSOR_TEST(hooks_that_fail_fail_backward),
        TENSOR_TEST(a_hook_sees_what_the_leaf_gave_away),
        TENSOR_TEST(a_hook_that_removes_itself_does_not_hide_the_next),
        TENSOR_TEST(a_hook_added_by_a_hook_waits_for_the_next_run),
        TENSOR_TEST(a_hook_removed_before_its_turn_is_not_called),
        TENSOR_TEST(saved_tensors_may_be_kept_in_half_precision),
        TENSOR_TEST(what_is_unpacked_has_its_history),
        TENSOR_TEST(a_number_that_was_packed_is_one_when_it_is_unpacked),
        TENSOR_TEST(packed_tensors_do_not_mind_writes),
        TENSOR_TEST(saved_tensor_hooks_that_fail_are_named),
        TENSOR_TEST(nan_passes_without_anomaly_mode),
        TENSOR_TEST(anomaly_mode_names_the_function_that_made_nan),
        TENSOR_TEST(anomaly_mode_may_start_in_backward),
        TENSOR_TEST(an_output_of_several_keeps_its_label),
        TENSOR_TEST(anomaly_mode_reads_every_gradient),
        TENSOR_TEST(anomaly_mode_names_the_operator_that_wrote_a_view),
#ifdef __GLIBC__
        TENSOR_TEST(anomaly_mode_says_which_call_recorded_it),
#endif
        TENSOR_TEST(labels_are_a_stack),
        TENSOR_TEST(inference_mode_records_nothing),
        TENSOR_TEST(views_are_what_their_memory_is),
        TENSOR_TEST(inference_tensors_are_not_saved_for_backward),
        TENSOR_TEST(inference_tensors_are_written_in_their_mode_only),
        TENSOR_TEST(writes_in_inference_mode_to_what_was_saved_are_caught),
        TENSOR_TEST(inference_tensors_require_gradients_in_their_mode_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
