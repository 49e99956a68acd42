/* test_optim.c: optimisers against PyTorch's (steps.npz, made by make_optim_goldens.py), groups, state, clipping. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/tensors.h"
#include "tessera/autograd.h"
#include "tessera/io.h"
#include "tessera/ops.h"
#include "tessera/optim.h"

enum { STEPS = 8, PARAMETERS = 2 };

static tsr_archive *goldens;

static int open_goldens(void **state)
{
    (void)state;
    goldens = tsr_archive_open(TSR_SOURCE_DIR "/tests/optim/steps.npz");
    return goldens ? 0 : -1;
}

static int close_goldens(void **state)
{
    (void)state;
    tsr_archive_close(goldens);
    return 0;
}

static tsr_tensor *golden(const char *name, int i)
{
    char full[64];
    snprintf(full, sizeof full, "%s.%d", name, i);
    tsr_tensor *t = tsr_archive_get_named(goldens, full);
    tensors_require(t != NULL, full);
    return t;
}

/* ---- parameters under training --------------------------------------------------------------------------------------- */

typedef struct training {
    tsr_named p[PARAMETERS];
    tsr_tensor *grads[PARAMETERS];
    tsr_optim *optim;
} training;

static void start(training *t, tsr_dtype dtype)
{
    static const char *const names[] = {"first", "second"};
    for (int i = 0; i < PARAMETERS; i++) {
        t->p[i] = (tsr_named){names[i], tsr_clone(tsr_to(golden("start", i), dtype))};
        t->grads[i] = tsr_to(golden("grad", i), dtype);
        assert_int_equal(tsr_set_requires_grad(t->p[i].tensor, true), TSR_OK);
    }
}

static void start_all(training *t, tsr_dtype dtype, tsr_optim_kind kind, const tsr_optim_options *o)
{
    start(t, dtype);
    t->optim = tsr_optim_new(kind, o);
    tensors_require(t->optim && tsr_optim_add_group(t->optim, t->p, PARAMETERS, NULL) == 0, "optimiser");
}

static void step(training *t, int number)
{
    for (int i = 0; i < PARAMETERS; i++)
        tensors_require(tsr_set_grad(t->p[i].tensor, tsr_clone(tsr_select(t->grads[i], 0, number))) == TSR_OK, "grad");
    tensors_require(tsr_optim_step(t->optim) == TSR_OK, "step");
}

static void expect_steps(const char *name, training *t, bool halve)
{
    for (int k = 0; k < STEPS; k++) {
        for (int64_t g = 0; halve && k == 4 && g < tsr_optim_group_count(t->optim); g++)
            tsr_optim_set_lr(t->optim, g, tsr_optim_get_lr(t->optim, g) / 2);
        step(t, k);
        for (int i = 0; i < PARAMETERS; i++)
            tensors_expect_close(name, tsr_detach(t->p[i].tensor), tsr_select(golden(name, i), 0, k), 1e-12);
    }
    tsr_optim_free(t->optim);
}

static void expect_golden(const char *name, tsr_optim_kind kind, tsr_optim_options o)
{
    training t;
    start_all(&t, TSR_F64, kind, &o);
    expect_steps(name, &t, true);
}

#define EXPECT_GOLDEN(name, kind, ...)                                                                                 \
    static void name##_is_pytorchs(void **state)                                                                       \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        expect_golden(#name, kind, (tsr_optim_options){__VA_ARGS__});                                                  \
    }

EXPECT_GOLDEN(sgd, TSR_OPTIM_SGD, .lr = 0.1)
EXPECT_GOLDEN(sgd_decay, TSR_OPTIM_SGD, .lr = 0.1, .weight_decay = 0.05)
EXPECT_GOLDEN(sgd_momentum, TSR_OPTIM_SGD, .lr = 0.1, .momentum = 0.9, .weight_decay = 0.05)
EXPECT_GOLDEN(sgd_dampening, TSR_OPTIM_SGD, .lr = 0.1, .momentum = 0.9, .dampening = 0.3)
EXPECT_GOLDEN(sgd_nesterov, TSR_OPTIM_SGD, .lr = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.01)
EXPECT_GOLDEN(sgd_maximize, TSR_OPTIM_SGD, .lr = 0.1, .momentum = 0.5, .weight_decay = 0.05, .maximize = true)
EXPECT_GOLDEN(adam, TSR_OPTIM_ADAM, .lr = 0.01)
EXPECT_GOLDEN(adam_betas, TSR_OPTIM_ADAM, .lr = 0.01, .beta1 = 0.5, .beta2 = 0.9, .eps = 1e-3, .weight_decay = 0.1)
EXPECT_GOLDEN(adam_beta_zero, TSR_OPTIM_ADAM, .lr = 0.01, .beta1 = TSR_ZERO, .beta2 = 0.99)
EXPECT_GOLDEN(adam_amsgrad, TSR_OPTIM_ADAM, .lr = 0.01, .amsgrad = true)
EXPECT_GOLDEN(adam_maximize, TSR_OPTIM_ADAM, .lr = 0.01, .weight_decay = 0.1, .maximize = true)
EXPECT_GOLDEN(adamw, TSR_OPTIM_ADAMW, .lr = 0.01) /* with AdamW's default weight decay of 0.01 */
EXPECT_GOLDEN(adamw_amsgrad, TSR_OPTIM_ADAMW, .lr = 0.01, .weight_decay = 0.3, .amsgrad = true)
EXPECT_GOLDEN(adamw_maximize, TSR_OPTIM_ADAMW, .lr = 0.01, .weight_decay = 0.3, .maximize = true)

static void groups_have_options_of_their_own(void **state)
{
    (void)state;
    training t;
    tsr_optim_options first = {.lr = 0.01, .weight_decay = 0.1}, second = {.lr = 0.05, .beta1 = 0.8, .beta2 = 0.95};
    second.weight_decay = TSR_ZERO;
    start(&t, TSR_F64);
    t.optim = tsr_optim_new(TSR_OPTIM_ADAMW, &first);
    assert_int_equal(tsr_optim_add_group(t.optim, &t.p[0], 1, NULL), 0);
    assert_int_equal(tsr_optim_add_group(t.optim, &t.p[1], 1, &second), 1);
    assert_int_equal(tsr_optim_group_count(t.optim), 2);
    expect_steps("groups", &t, true);
}

/* ---- rates and gradients ------------------------------------------------------------------------------------------------ */

static void a_rate_of_zero_changes_nothing(void **state)
{
    (void)state;
    training t;
    tsr_optim_options o = {.lr = 1, .weight_decay = 0.1};
    start_all(&t, TSR_F64, TSR_OPTIM_ADAMW, &o);
    tsr_optim_set_lr(t.optim, -1, 0);
    assert_true(tsr_optim_get_lr(t.optim, 0) == 0);
    step(&t, 0);
    tensors_expect_same("first", tsr_detach(t.p[0].tensor), golden("start", 0));
    tsr_optim_free(t.optim);
}

static void parameters_without_gradient_are_left_alone(void **state)
{
    (void)state;
    training t;
    tsr_named_list saved = {0};
    tsr_optim_options o = {.lr = 1, .weight_decay = 0.1};
    start_all(&t, TSR_F64, TSR_OPTIM_ADAM, &o);
    assert_int_equal(tsr_set_grad(t.p[1].tensor, tsr_ones_like(t.p[1].tensor)), TSR_OK);
    assert_int_equal(tsr_optim_step(t.optim), TSR_OK);
    tensors_expect_same("first", tsr_detach(t.p[0].tensor), golden("start", 0));
    assert_int_equal(tsr_optim_state_dict(t.optim, "o.", &saved), TSR_OK);
    assert_int_equal(saved.n, 3);
    assert_non_null(tsr_named_list_find(&saved, "o.second.exp_avg"));
    assert_non_null(tsr_named_list_find(&saved, "o.second.exp_avg_sq"));
    assert_int_equal(tsr_item_int(tsr_named_list_find(&saved, "o.second.step")), 1);
    tsr_optim_zero_grad(t.optim);
    assert_null(tsr_grad(t.p[1].tensor));
    tsr_named_list_free(&saved);
    tsr_optim_free(t.optim);
}

static void steps_are_not_recorded(void **state)
{
    (void)state;
    training t;
    tsr_optim_options o = {.lr = 0.1, .momentum = 0.9};
    start_all(&t, TSR_F32, TSR_OPTIM_SGD, &o);
    step(&t, 0);
    assert_true(tsr_is_leaf(t.p[0].tensor) && tsr_requires_grad(t.p[0].tensor));
    assert_true(tsr_is_grad_enabled());
    tsr_optim_free(t.optim);
}

static void clipping_is_pytorchs(void **state)
{
    (void)state;
    training t;
    double norm, unclipped = tensors_at(tsr_archive_get_named(goldens, "norm"), 0);
    start(&t, TSR_F64);
    for (int i = 0; i < PARAMETERS; i++)
        assert_int_equal(tsr_set_grad(t.p[i].tensor, tsr_clone(tsr_select(t.grads[i], 0, 0))), TSR_OK);
    assert_int_equal(tsr_clip_grad_norm(t.p, PARAMETERS, 0, &norm), TSR_OK); /* only measures */
    assert_true(fabs(norm - unclipped) < 1e-12);
    tensors_expect_same("grad", tsr_grad(t.p[0].tensor), tsr_select(t.grads[0], 0, 0));
    assert_int_equal(tsr_clip_grad_norm(t.p, PARAMETERS, 1.5, &norm), TSR_OK);
    assert_true(fabs(norm - unclipped) < 1e-12);
    for (int i = 0; i < PARAMETERS; i++)
        tensors_expect_close("clipped", tsr_grad(t.p[i].tensor), golden("clipped", i), 1e-13);
    tsr_tensor *before = tsr_clone(tsr_grad(t.p[0].tensor));
    assert_int_equal(tsr_clip_grad_norm(t.p, PARAMETERS, 100, NULL), TSR_OK); /* far below: unchanged */
    tensors_expect_same("grad", tsr_grad(t.p[0].tensor), before);
}

/* ---- state --------------------------------------------------------------------------------------------------------------- */

static tsr_named_list copy_state(training *t)
{
    tsr_named_list live = {0}, copy = {0};
    assert_int_equal(tsr_optim_state_dict(t->optim, "train.", &live), TSR_OK);
    for (int64_t i = 0; i < live.n; i++) tsr_named_list_add(&copy, live.v[i].name, tsr_clone(live.v[i].tensor));
    tsr_named_list_free(&live);
    return copy;
}

static void expect_resumed_steps(tsr_optim_kind kind, tsr_optim_options o, tsr_dtype dtype)
{
    training a, b;
    start_all(&a, dtype, kind, &o);
    for (int k = 0; k < 3; k++) step(&a, k);
    tsr_named_list state = copy_state(&a);
    start_all(&b, dtype, kind, &o);
    bool was = tsr_set_grad_enabled(false);
    for (int i = 0; i < PARAMETERS; i++) assert_non_null(tsr_copy_(b.p[i].tensor, a.p[i].tensor));
    tsr_set_grad_enabled(was);
    tensors_require(tsr_optim_load_state_dict(b.optim, "train.", state.v, state.n) == TSR_OK, "load");
    for (int k = 3; k < STEPS; k++) step(&a, k), step(&b, k);
    for (int i = 0; i < PARAMETERS; i++)
        tensors_expect_same(a.p[i].name, tsr_detach(b.p[i].tensor), tsr_detach(a.p[i].tensor));
    tsr_named_list_free(&state);
    tsr_optim_free(a.optim);
    tsr_optim_free(b.optim);
}

static void a_restored_state_continues_to_the_bit(void **state)
{
    (void)state;
    tsr_optim_options sgd = {.lr = 0.1, .momentum = 0.9}, adam = {.lr = 0.01, .amsgrad = true};
    expect_resumed_steps(TSR_OPTIM_SGD, sgd, TSR_F32);
    expect_resumed_steps(TSR_OPTIM_ADAM, adam, TSR_F32);
    expect_resumed_steps(TSR_OPTIM_ADAMW, adam, TSR_F64);
}

static void state_of_a_wrong_shape_changes_nothing(void **state)
{
    (void)state;
    training t;
    tsr_optim_options o = {.lr = 0.01};
    start_all(&t, TSR_F64, TSR_OPTIM_ADAM, &o);
    step(&t, 0);
    tsr_named_list saved = copy_state(&t), again;
    tsr_tensor *before = tsr_clone(tsr_named_list_find(&saved, "train.first.exp_avg"));
    for (int64_t i = 0; i < saved.n; i++) {
        if (!strcmp(saved.v[i].name, "train.second.exp_avg_sq")) saved.v[i].tensor = tsr_zeros(TSR_SHAPE(6));
        else tsr_zero_(saved.v[i].tensor);
    }
    assert_int_equal(tsr_optim_load_state_dict(t.optim, "train.", saved.v, saved.n), TSR_EINVAL);
    tensors_expect_error(TSR_EINVAL, "train.second.exp_avg_sq");
    again = copy_state(&t);
    tensors_expect_same("first", tsr_named_list_find(&again, "train.first.exp_avg"), before);
    tsr_named_list_free(&saved);
    tsr_named_list_free(&again);
    tsr_optim_free(t.optim);
}

/* Zero moments in the place of lost ones would go unnoticed. */
static void state_that_was_cut_is_refused(void **state)
{
    (void)state;
    static const char *const cut[] = {"train.second.exp_avg", "train.second.exp_avg_sq", "train.second.step"};
    training t;
    tsr_optim_options o = {.lr = 0.01};
    start_all(&t, TSR_F64, TSR_OPTIM_ADAM, &o);
    step(&t, 0);
    tsr_named_list saved = copy_state(&t);
    for (int k = 0; k < 3; k++) {
        tsr_named_list rest = {0};
        for (int64_t i = 0; i < saved.n; i++)
            if (strcmp(saved.v[i].name, cut[k]) != 0)
                assert_int_equal(tsr_named_list_add(&rest, saved.v[i].name, saved.v[i].tensor), TSR_OK);
        assert_int_equal(rest.n, saved.n - 1);
        assert_int_equal(tsr_optim_load_state_dict(t.optim, "train.", rest.v, rest.n), TSR_EINVAL);
        tensors_expect_error(TSR_EINVAL, cut[k]);
        tsr_named_list_free(&rest);
    }
    tsr_named_list_free(&saved);
    tsr_optim_free(t.optim);
}

static void an_empty_state_forgets_the_old_one(void **state)
{
    (void)state;
    training t;
    tsr_optim_options o = {.lr = 0.01};
    start_all(&t, TSR_F64, TSR_OPTIM_ADAM, &o);
    step(&t, 0);
    assert_int_equal(tsr_optim_load_state_dict(t.optim, "train.", NULL, 0), TSR_OK);
    tsr_named_list now = copy_state(&t);
    assert_int_equal(now.n, 0);
    tsr_named_list_free(&now);
    tsr_optim_free(t.optim);
}

/* ---- wrong use -------------------------------------------------------------------------------------------------------------- */

static void refuse_options(tsr_optim_kind kind, tsr_optim_options o, const char *word)
{
    assert_null(tsr_optim_new(kind, &o));
    tensors_expect_error(TSR_EINVAL, word);
}

static void options_out_of_range_are_refused(void **state)
{
    (void)state;
    refuse_options(TSR_OPTIM_SGD, (tsr_optim_options){.lr = -1}, "learning rate");
    refuse_options(TSR_OPTIM_ADAM, (tsr_optim_options){.lr = NAN}, "learning rate");
    refuse_options(TSR_OPTIM_ADAM, (tsr_optim_options){.weight_decay = -1}, "weight_decay");
    refuse_options(TSR_OPTIM_ADAMW, (tsr_optim_options){.beta1 = 1}, "beta");
    refuse_options(TSR_OPTIM_ADAM, (tsr_optim_options){.eps = -1}, "eps");
    refuse_options(TSR_OPTIM_SGD, (tsr_optim_options){.lr = 1, .momentum = -0.1}, "momentum");
    refuse_options(TSR_OPTIM_SGD, (tsr_optim_options){.lr = 1, .nesterov = true}, "nesterov");
    refuse_options(TSR_OPTIM_SGD, (tsr_optim_options){.lr = 1, .momentum = 0.5, .dampening = 0.1, .nesterov = true},
                   "nesterov");
}

static void a_rate_is_required_for_sgd(void **state)
{
    (void)state;
    assert_null(tsr_optim_new(TSR_OPTIM_SGD, NULL));
    tensors_expect_error(TSR_EINVAL, "SGD's is required");
    refuse_options(TSR_OPTIM_SGD, (tsr_optim_options){.momentum = 0.9}, "SGD's is required");
    tsr_optim *o = tsr_optim_new(TSR_OPTIM_SGD, &(tsr_optim_options){.lr = TSR_ZERO});
    tensors_require(o != NULL, "a rate of TSR_ZERO");
    tsr_optim_free(o);
}

static void kinds_groups_and_rates_that_are_none_are_refused(void **state)
{
    (void)state;
    refuse_options((tsr_optim_kind)9, (tsr_optim_options){.lr = 1}, "no kind 9");
    training t;
    tsr_optim_options o = {.lr = 0.5};
    start_all(&t, TSR_F64, TSR_OPTIM_SGD, &o);
    tensors_expect_error(tsr_optim_set_lr(t.optim, 7, 0.1), "no group 7 among 1");
    tensors_expect_error(tsr_optim_set_lr(t.optim, -2, 0.1), "no group -2");
    tensors_expect_error(tsr_optim_set_lr(t.optim, 0, NAN), "invalid learning rate nan");
    tensors_expect_error(tsr_optim_set_lr(t.optim, 0, -1), "invalid learning rate -1");
    tensors_expect_error(tsr_optim_set_lr(NULL, 0, 1), "the optimiser is NULL");
    assert_true(tsr_optim_get_lr(t.optim, 0) == 0.5);
    tsr_optim_free(t.optim);
}

static void lists_that_are_null_are_refused(void **state)
{
    (void)state;
    tsr_optim *o = tsr_optim_new(TSR_OPTIM_ADAM, NULL);
    assert_int_equal(tsr_optim_add_group(o, NULL, 1, NULL), -1);
    tensors_expect_error(TSR_EINVAL, "add_group: there are 1 tensors at NULL");
    assert_int_equal(tsr_optim_add_group(NULL, NULL, 0, NULL), -1);
    tensors_expect_error(TSR_EINVAL, "add_group: the optimiser is NULL");
    tensors_expect_error(tsr_optim_load_state_dict(o, "", NULL, 2), "load_state_dict: there are 2 tensors at NULL");
    tensors_expect_error(tsr_clip_grad_norm(NULL, 3, 1, NULL), "clip_grad_norm: there are 3 tensors at NULL");
    tsr_optim_free(o);
}

static void what_cannot_be_trained_is_refused_and_the_group_with_it(void **state)
{
    (void)state;
    training t;
    tsr_optim_options o = {.lr = 1};
    start_all(&t, TSR_F64, TSR_OPTIM_SGD, &o);
    tsr_tensor *w = tsr_zeros(TSR_SHAPE(1)), *fixed = tsr_zeros(TSR_SHAPE(1));
    tsr_set_requires_grad(w, true);
    tsr_named frozen[] = {{"w", w}, {"fixed", fixed}};
    assert_int_equal(tsr_optim_add_group(t.optim, frozen, 2, NULL), -1);
    tensors_expect_error(TSR_EINVAL, "'fixed'");
    assert_int_equal(tsr_optim_add_group(t.optim, t.p, 1, NULL), -1);
    tensors_expect_error(TSR_EINVAL, "more than one parameter group");
    tsr_named result = {"result", tsr_add(w, w)};
    assert_int_equal(tsr_optim_add_group(t.optim, &result, 1, NULL), -1);
    tensors_expect_error(TSR_EINVAL, "'result'");
    assert_int_equal(tsr_optim_group_count(t.optim), 1);
    assert_int_equal(tsr_optim_add_group(t.optim, frozen, 1, NULL), 1); /* not taken by the failed attempt */
    tsr_optim_free(t.optim);
}

static void a_pending_error_stops_the_step(void **state)
{
    (void)state;
    training t;
    tsr_optim_options o = {.lr = 1};
    start_all(&t, TSR_F64, TSR_OPTIM_SGD, &o);
    assert_int_equal(tsr_set_grad(t.p[0].tensor, tsr_ones_like(t.p[0].tensor)), TSR_OK);
    tsr_fail(TSR_EIO, "an earlier error");
    assert_int_equal(tsr_optim_step(t.optim), TSR_EIO);
    assert_int_equal(tsr_clip_grad_norm(t.p, 1, 1, NULL), TSR_EIO);
    tsr_error_clear();
    tensors_expect_same("first", tsr_detach(t.p[0].tensor), golden("start", 0));
    assert_int_equal(tsr_optim_step(NULL), TSR_EINVAL);
    tsr_error_clear();
    tsr_optim_free(t.optim);
}

int main(void)
{
#define GOLDEN(name) TENSOR_TEST(name##_is_pytorchs)
    const struct CMUnitTest tests[] = {
        GOLDEN(sgd),
        GOLDEN(sgd_decay),
        GOLDEN(sgd_momentum),
        GOLDEN(sgd_dampening),
        GOLDEN(sgd_nesterov),
        GOLDEN(sgd_maximize),
        GOLDEN(adam),
        GOLDEN(adam_betas),
        GOLDEN(adam_beta_zero),
        GOLDEN(adam_amsgrad),
        GOLDEN(adam_maximize),
        GOLDEN(adamw),
        GOLDEN(adamw_amsgrad),
        GOLDEN(adamw_maximize),
        TENSOR_TEST(groups_have_options_of_their_own),
        TENSOR_TEST(a_rate_of_zero_changes_nothing),
        TENSOR_TEST(parameters_without_gradient_are_left_alone),
        TENSOR_TEST(steps_are_not_recorded),
        TENSOR_TEST(clipping_is_pytorchs),
        TENSOR_TEST(a_restored_state_continues_to_the_bit),
        TENSOR_TEST(state_of_a_wrong_shape_changes_nothing),
        TENSOR_TEST(state_that_was_cut_is_refused),
        TENSOR_TEST(an_empty_state_forgets_the_old_one),
        TENSOR_TEST(options_out_of_range_are_refused),
        TENSOR_TEST(a_rate_is_required_for_sgd),
        TENSOR_TEST(kinds_groups_and_rates_that_are_none_are_refused),
        TENSOR_TEST(lists_that_are_null_are_refused),
        TENSOR_TEST(what_cannot_be_trained_is_refused_and_the_group_with_it),
        TENSOR_TEST(a_pending_error_stops_the_step),
    };
    return cmocka_run_group_tests(tests, open_goldens, close_goldens);
}
