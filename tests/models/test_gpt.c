/* test_gpt.c: the prior: keys, masks, the cache, sampling and its filters, training. Values against PyTorch are in
   test_parity.c. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "models/gpt_parts.h"
#include "support/small_models.h"
#include "support/tensors.h"
#include "tessera/autograd.h"

/* ---- the network ---------------------------------------------------------------------------------------------------- */

static void keys_are_mingpts(void **state)
{
    (void)state;
    tsr_gpt_config c = small_gpt_config();
    tsr_module *m = small_gpt(&c);
    static const char *const first[] = {"transformer.pos_emb",
                                        "transformer.tok_emb.weight",
                                        "transformer.blocks.0.ln1.weight",
                                        "transformer.blocks.0.ln1.bias",
                                        "transformer.blocks.0.ln2.weight",
                                        "transformer.blocks.0.ln2.bias",
                                        "transformer.blocks.0.attn.key.weight",
                                        "transformer.blocks.0.attn.key.bias",
                                        "transformer.blocks.0.attn.query.weight",
                                        "transformer.blocks.0.attn.query.bias",
                                        "transformer.blocks.0.attn.value.weight",
                                        "transformer.blocks.0.attn.value.bias",
                                        "transformer.blocks.0.attn.proj.weight",
                                        "transformer.blocks.0.attn.proj.bias",
                                        "transformer.blocks.0.mlp.0.weight",
                                        "transformer.blocks.0.mlp.0.bias",
                                        "transformer.blocks.0.mlp.2.weight",
                                        "transformer.blocks.0.mlp.2.bias"};
    tsr_named_list all = {0};
    assert_int_equal(tsr_module_state_dict(m, &all), TSR_OK);
    assert_int_equal(all.n, 2 + 2 * 16 + 3);
    for (int i = 0; i < 18; i++) assert_string_equal(all.v[i].name, first[i]);
    assert_string_equal(all.v[34].name, "transformer.ln_f.weight");
    assert_string_equal(all.v[36].name, "transformer.head.weight");
    tsr_named_list_free(&all);
    tsr_module_free(m);
}

static tsr_tensor *with_id(tsr_tensor *ids, int64_t position, int64_t id)
{
    tsr_tensor *copy = tsr_clone(ids);
    assert_non_null(tsr_fill_(tsr_select(copy, 1, position), tsr_scalar_int(id)));
    return copy;
}

static bool same(tsr_tensor *a, tsr_tensor *b) { return tsr_item(tsr_sum(tsr_abs(tsr_sub(a, b)))) == 0; }

/* Which positions' logits change when the id at `changed` does? */
static void expect_influence(tsr_module *m, int64_t changed, const bool *want)
{
    tsr_tensor *ids = tsr_zeros(TSR_SHAPE(1, 6), .dtype = TSR_I64), *other = with_id(ids, changed, 7);
    tsr_tensor *a = tsr_detach(tsr_gpt_logits(m, ids)), *b = tsr_detach(tsr_gpt_logits(m, other));
    for (int64_t i = 0; i < 6; i++) assert_int_equal(!same(tsr_select(a, 1, i), tsr_select(b, 1, i)), want[i]);
}

static void a_position_sees_itself_and_what_came_before(void **state)
{
    (void)state;
    tsr_gpt_config c = small_gpt_config();
    tsr_module *m = small_gpt(&c);
    expect_influence(m, 0, (const bool[]){true, true, true, true, true, true});
    expect_influence(m, 3, (const bool[]){false, false, false, true, true, true});
    tsr_module_free(m);
}

static void unmasked_positions_see_each_other(void **state)
{
    (void)state;
    tsr_gpt_config c = small_gpt_config();
    c.n_unmasked = 3;
    tsr_module *m = small_gpt(&c);
    expect_influence(m, 2, (const bool[]){true, true, true, true, true, true});
    expect_influence(m, 3, (const bool[]){false, false, false, true, true, true});
    tsr_module_free(m);
}

/* Positions 0 .. 2 at once, then one at a time, then two: the same logits as all at once. */
static void expect_cached_logits(int64_t n_unmasked)
{
    tsr_gpt_config c = small_gpt_config();
    c.n_unmasked = n_unmasked;
    tsr_module *m = small_gpt(&c);
    assert_int_equal(tsr_module_to(m, TSR_F64), TSR_OK);
    tsr_tensor *ids = small_ids(2, 8, 15), *full = tsr_detach(tsr_gpt_logits(m, ids));
    bool was = tsr_set_grad_enabled(false);
    gpt_cache cache[2];
    for (int i = 0; i < 2; i++) {
        cache[i].keys = tsr_zeros(TSR_SHAPE(2, 2, 9, 8), .dtype = TSR_F64);
        cache[i].values = tsr_zeros(TSR_SHAPE(2, 2, 9, 8), .dtype = TSR_F64);
    }
    static const int64_t starts[] = {0, 3, 4, 5, 6, 8};
    for (int k = 0; k < 5; k++) {
        int64_t n = starts[k + 1] - starts[k];
        tsr_tensor *part = gpt_run(m, tsr_narrow(ids, 1, starts[k], n), starts[k], cache, false);
        tensors_expect_close("logits", part, tsr_narrow(full, 1, starts[k], n), 1e-12);
    }
    tsr_set_grad_enabled(was);
    tsr_module_free(m);
}

static void cached_logits_are_the_full_ones(void **state)
{
    (void)state;
    expect_cached_logits(0);
    expect_cached_logits(3);
}

static void sequences_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    tsr_gpt_config c = small_gpt_config();
    tsr_module *m = small_gpt(&c);
    assert_null(tsr_gpt_logits(m, small_ids(1, 10, 15)));
    tensors_expect_error(TSR_EINVAL, "a sequence of 10 ids, the model takes 1 to 9");
    assert_null(tsr_gpt_logits(m, tsr_zeros(TSR_SHAPE(1, 4))));
    tensors_expect_error(TSR_EINVAL, "i64 tensor [N, n], this is f32");
    assert_null(tsr_gpt_logits(m, with_id(small_ids(1, 4, 15), 2, 15)));
    tensors_expect_error(TSR_EINVAL, "15");
    assert_null(tsr_gpt_loss(m, small_ids(1, 9, 12), small_ids(1, 2, 12)));
    tensors_expect_error(TSR_EINVAL, "a sequence of 10 ids");
    tsr_module_free(m);
}

/* ---- the loss --------------------------------------------------------------------------------------------------------- */

/* -log p of each code after what stands before it, by softmax of single positions. */
static void the_loss_is_the_mean_surprise_of_codes(void **state)
{
    (void)state;
    tsr_gpt_config c = small_gpt_config();
    tsr_module *m = small_gpt(&c);
    tsr_tensor *codes = small_ids(2, 4, 12), *cond = small_ids(2, 3, 15),
               *all = tsr_cat(TSR_LIST(cond, codes), .dim = 1);
    tsr_tensor *p = tsr_log(tsr_softmax(tsr_detach(tsr_gpt_logits(m, all)), -1));
    double sum = 0;
    for (int64_t row = 0; row < 2; row++)
        for (int64_t i = 0; i < 4; i++)
            sum -= tensors_at(p, (row * 7 + 2 + i) * 15 + (int64_t)tensors_at(codes, row * 4 + i));
    assert_true(fabs(tsr_item(tsr_gpt_loss(m, codes, cond)) - sum / 8) < 1e-5);
    tsr_module_free(m);
}

/* ---- filters ------------------------------------------------------------------------------------------------------------ */

static void expect_kept(const double *logits, int64_t n, int64_t k, double p, const char *want)
{
    tsr_tensor *t = tsr_from_data(logits, TSR_SHAPE(1, n), TSR_F64), *f = tsr_gpt_filter_logits(t, k, p);
    tensors_require(f != NULL, "filter");
    for (int64_t i = 0; i < n; i++) {
        double v = tensors_at(f, i);
        if (want[i] == '1') assert_true(v == logits[i]);
        else assert_true(v == -INFINITY);
    }
}

static void top_k_keeps_ties_with_the_last(void **state)
{
    (void)state;
    const double logits[] = {1, 3, 2, 2, 0, 2};
    expect_kept(logits, 6, 1, 0, "010000");
    expect_kept(logits, 6, 2, 0, "011101");
    expect_kept(logits, 6, 5, 0, "111101");
    expect_kept(logits, 6, 6, 0, "111111");
    expect_kept(logits, 6, 50, 0, "111111");
    expect_kept(logits, 6, 0, 0, "111111");
}

/* Probabilities 0.5, 0.25, 0.125, 0.125: the token that passes p stays, those after it go. */
static void the_nucleus_keeps_the_token_that_passes_p(void **state)
{
    (void)state;
    const double logits[] = {log(0.125), log(0.5), log(0.125), log(0.25)};
    expect_kept(logits, 4, 0, 0.3, "0100");
    expect_kept(logits, 4, 0, 0.6, "0101");
    expect_kept(logits, 4, 0, 0.8, "1101");
    expect_kept(logits, 4, 0, 0.99, "1111");
    expect_kept(logits, 4, 0, 1, "1111");
    expect_kept(logits, 4, 1, 0.99, "0100");
}

/* ---- sampling --------------------------------------------------------------------------------------------------------------- */

static void greedy_takes_the_most_likely_code_each_time(void **state)
{
    (void)state;
    tsr_gpt_config c = small_gpt_config();
    tsr_module *m = small_gpt(&c);
    tsr_gpt_sampling greedy = {.greedy = true};
    int64_t classes[] = {12, 14};
    tsr_tensor *all = tsr_from_data(classes, TSR_SHAPE(2, 1), TSR_I64);
    tsr_tensor *got = tsr_gpt_sample(m, all, 9, &greedy);
    tensors_require(got != NULL, "sample");
    bool was = tsr_set_grad_enabled(false);
    for (int i = 0; i < 9; i++) {
        tsr_tensor *last = tsr_narrow(tsr_gpt_logits(m, all), 1, i, 1);
        tsr_tensor *best = tsr_argmax(tsr_narrow(last, 2, 0, 12), .dim = TSR_INT(-1));
        all = tsr_cat(TSR_LIST(all, best), .dim = 1);
    }
    tsr_set_grad_enabled(was);
    tensors_expect_same("codes", got, tsr_narrow(all, 1, 1, 9));
    tensors_expect_same("again", tsr_gpt_sample(m, tsr_narrow(all, 1, 0, 1), 9, &greedy), got);
    tsr_module_free(m);
}

static void samples_are_codes_and_a_seed_repeats_them(void **state)
{
    (void)state;
    tsr_gpt_config c = small_gpt_config();
    tsr_module *m = small_gpt(&c);
    tsr_tensor *cond = tsr_full(TSR_SHAPE(40, 1), TSR_INT(13), .dtype = TSR_I64);
    tsr_gpt_sampling o = {.temperature = 3};
    tsr_manual_seed(4);
    tsr_tensor *a = tsr_gpt_sample(m, cond, 9, &o);
    tensors_require(a != NULL, "sample");
    assert_true(tsr_item_int(tsr_amin(a)) == 0 && tsr_item_int(tsr_amax(a)) == 11); /* class tokens never */
    tsr_manual_seed(4);
    tensors_expect_same("seed", tsr_gpt_sample(m, cond, 9, &o), a);
    tsr_generator *g = tsr_generator_new(4);
    o.generator = g;
    tsr_tensor *b = tsr_gpt_sample(m, cond, 9, &o);
    tsr_generator_free(g);
    tensors_expect_same("generator", b, a);
    o = (tsr_gpt_sampling){.temperature = 3, .codes = 5};
    assert_true(tsr_item_int(tsr_amax(tsr_gpt_sample(m, cond, 9, &o))) == 4);
    o = (tsr_gpt_sampling){.top_k = 1};
    tsr_gpt_sampling greedy = {.greedy = true};
    tensors_expect_same("top 1", tsr_gpt_sample(m, cond, 9, &o), tsr_gpt_sample(m, cond, 9, &greedy));
    tsr_module_free(m);
}

/* The first token's frequencies against its probabilities: 4000 draws, five standard errors. */
static void samples_follow_the_probabilities(void **state)
{
    (void)state;
    tsr_gpt_config c = small_gpt_config();
    tsr_module *m = small_gpt(&c);
    tsr_tensor *cond = tsr_full(TSR_SHAPE(4000, 1), TSR_INT(12), .dtype = TSR_I64);
    tsr_tensor *logits = tsr_narrow(
        tsr_reshape(tsr_detach(tsr_gpt_logits(m, tsr_narrow(cond, 0, 0, 1))), TSR_SHAPE(15)), 0, 0, 12);
    tsr_tensor *p = tsr_softmax(tsr_div(logits, tsr_scalar(2)), -1);
    tsr_gpt_sampling o = {.temperature = 2};
    tsr_manual_seed(9);
    tsr_tensor *counts = tsr_bincount(tsr_reshape(tsr_gpt_sample(m, cond, 1, &o), TSR_SHAPE(4000)), .minlength = 12);
    for (int i = 0; i < 12; i++) {
        double want = tensors_at(p, i), got = tensors_at(counts, i) / 4000;
        assert_true(fabs(got - want) < 5 * sqrt(want * (1 - want) / 4000) + 1e-9);
    }
    tsr_module_free(m);
}

static bool stop_at_three(int64_t done, int64_t total, void *user)
{
    assert_int_equal(total, 9);
    *(int64_t *)user = done;
    return done == 3;
}

static void sampling_can_be_stopped_and_modes_are_restored(void **state)
{
    (void)state;
    tsr_gpt_config c = small_gpt_config();
    tsr_module *m = small_gpt(&c);
    int64_t done = 0;
    tsr_gpt_sampling o = {.progress = stop_at_three, .user = &done};
    assert_null(tsr_gpt_sample(m, small_ids(1, 1, 12), 9, &o));
    tensors_expect_error(TSR_ESTATE, "stopped after 3 of 9");
    assert_int_equal(done, 3);
    assert_true(tsr_module_is_training(m) && tsr_is_grad_enabled());
    assert_null(tsr_gpt_sample(m, small_ids(1, 2, 12), 9, NULL));
    tensors_expect_error(TSR_EINVAL, "9 tokens after 2 condition ids; the model's block_size allows 1 to 8");
    assert_null(tsr_gpt_sample(m, tsr_zeros(TSR_SHAPE(1, 0), .dtype = TSR_I64), 3, NULL));
    tensors_expect_error(TSR_EINVAL, "at least one id a row");
    tsr_module_free(m);
    c.n_unmasked = 2;
    m = small_gpt(&c);
    assert_non_null(tsr_gpt_sample(m, small_ids(1, 2, 12), 3, NULL));
    assert_null(tsr_gpt_sample(m, small_ids(1, 1, 12), 3, NULL));
    tensors_expect_error(TSR_EINVAL, "first 2 positions see each other");
    tsr_module_free(m);
}

/* ---- training ---------------------------------------------------------------------------------------------------------------- */

static tsr_gpt_trainer *new_trainer(tsr_module *m, tsr_gpt_train_options o)
{
    tsr_gpt_trainer *t = tsr_gpt_trainer_new(m, &o);
    tensors_require(t != NULL, "trainer");
    return t;
}

static tsr_gpt_terms step(tsr_gpt_trainer *t, tsr_tensor *codes, tsr_tensor *cond)
{
    tsr_gpt_terms k;
    tensors_require(tsr_gpt_trainer_step(t, codes, cond, &k) == TSR_OK, "step");
    return k;
}

static void a_sequence_is_learned_by_its_class(void **state)
{
    (void)state;
    tsr_gpt_config c = small_gpt_config();
    tsr_module *m = small_gpt(&c);
    int64_t codes[] = {1, 5, 2, 8, 0, 11, 3, 9}, classes[] = {12, 14};
    tsr_tensor *x = tsr_from_data(codes, TSR_SHAPE(2, 4), TSR_I64),
               *y = tsr_from_data(classes, TSR_SHAPE(2, 1), TSR_I64);
    tsr_gpt_trainer *t = new_trainer(m, (tsr_gpt_train_options){.lr = 1e-2});
    for (int i = 0; i < 120; i++) step(t, x, y);
    assert_true(step(t, x, y).loss < 0.1);
    tsr_gpt_sampling greedy = {.greedy = true};
    tensors_expect_same("codes", tsr_gpt_sample(m, y, 4, &greedy), x);
    tsr_gpt_trainer_free(t);
    tsr_module_free(m);
}

/* With a rate of 1 and a gradient of zero AdamW's step is p <- p (1 - decay). Only matrices of linear layers decay. */
static void only_linear_weights_decay(void **state)
{
    (void)state;
    tsr_gpt_config c = small_gpt_config();
    tsr_module *m = small_gpt(&c);
    tsr_gpt_trainer *t = new_trainer(m, (tsr_gpt_train_options){.lr = 1e-9, .weight_decay = 1e8});
    tsr_named_list before = small_module_state(m), after;
    step(t, small_ids(2, 4, 12), small_ids(2, 1, 12));
    after = small_module_state(m);
    for (int64_t i = 0; i < after.n; i++) {
        bool linear = tsr_ndim(after.v[i].tensor) == 2 && !strstr(after.v[i].name, "tok_emb");
        double factor = linear ? 0.9 : 1;
        tensors_expect_close(after.v[i].name, after.v[i].tensor, tsr_mul(before.v[i].tensor, tsr_scalar(factor)), 1e-6);
    }
    tsr_named_list_free(&before);
    tsr_named_list_free(&after);
    tsr_gpt_trainer_free(t);
    tsr_module_free(m);
}

static void a_resumed_run_continues_to_the_bit(void **state)
{
    (void)state;
    tsr_gpt_config c = small_gpt_config();
    c.resid_pdrop = c.attn_pdrop = c.embd_pdrop = 0.1;
    tsr_module *a = small_gpt(&c), *b = small_gpt(&c);
    tsr_gpt_train_options o = {.lr = 1e-3, .clip = 0.5, .ema = 0.9, .pkeep = 0.8, .schedule = {.warmup = 5}};
    tsr_tensor *codes = small_ids(3, 6, 12), *cond = small_ids(3, 2, 15);
    tsr_gpt_trainer *t = new_trainer(a, o), *u = new_trainer(b, o);
    for (int i = 0; i < 3; i++) step(t, codes, cond);
    tsr_named_list live = {0}, weights = small_module_state(a);
    assert_int_equal(tsr_gpt_trainer_state_dict(t, &live), TSR_OK);
    tsr_named_list training = small_copy(&live);
    tensors_require(tsr_module_load_state_dict(b, weights.v, weights.n, true, NULL) == TSR_OK, "weights");
    tensors_require(tsr_gpt_trainer_load_state_dict(u, training.v, training.n) == TSR_OK, "training");
    assert_int_equal(tsr_gpt_trainer_steps(u), 3);
    tsr_manual_seed(6);
    for (int i = 0; i < 3; i++) step(t, codes, cond);
    tsr_manual_seed(6);
    for (int i = 0; i < 3; i++) step(u, codes, cond);
    small_expect_same_state(a, b);
    tsr_gpt_trainer_swap_ema(t);
    tsr_gpt_trainer_swap_ema(u);
    small_expect_same_state(a, b);
    tsr_named_list_free(&live);
    tsr_named_list_free(&weights);
    tsr_named_list_free(&training);
    tsr_gpt_trainer_free(t);
    tsr_gpt_trainer_free(u);
    tsr_module_free(a);
    tsr_module_free(b);
}

static void a_loss_that_is_not_finite_names_step_and_operator_and_touches_nothing(void **state)
{
    (void)state;
    tsr_gpt_config c = small_gpt_config();
    tsr_module *m = small_gpt(&c);
    tsr_gpt_trainer *t = new_trainer(m, (tsr_gpt_train_options){.lr = 1e-3});
    tsr_tensor *codes = small_ids(2, 4, 12), *cond = small_ids(2, 1, 12);
    step(t, codes, cond);
    assert_int_equal(tsr_init_constant(tsr_module_tensor(m, "transformer.ln_f.bias"), INFINITY), TSR_OK);
    tsr_tensor *head = tsr_clone(tsr_detach(tsr_module_tensor(m, "transformer.head.weight")));
    assert_int_equal(tsr_gpt_trainer_step(t, codes, cond, NULL), TSR_ENUMERIC);
    tensors_expect_error(TSR_ENUMERIC,
                         "step 2: the loss is not finite; the first operator with such a result is layer_norm");
    tensors_expect_same("head", tsr_detach(tsr_module_tensor(m, "transformer.head.weight")), head);
    assert_int_equal(tsr_gpt_trainer_steps(t), 1);
    tsr_gpt_trainer_free(t);
    tsr_module_free(m);
}

/* Only tokens that noise puts in are poisoned: computed again without it, or with other numbers, the loss would be finite. */
static void the_loss_is_explained_with_the_same_random_numbers(void **state)
{
    (void)state;
    tsr_gpt_config c = small_gpt_config();
    tsr_module *m = small_gpt(&c);
    tsr_gpt_trainer *t = new_trainer(m, (tsr_gpt_train_options){.lr = 1e-3, .pkeep = 0.97});
    tsr_tensor *codes = tsr_zeros(TSR_SHAPE(2, 4), .dtype = TSR_I64), *cond = tsr_add(codes, tsr_scalar_int(13));
    bool was = tsr_set_grad_enabled(false);
    assert_non_null(
        tsr_fill_(tsr_narrow(tsr_module_tensor(m, "transformer.tok_emb.weight"), 0, 1, 11), tsr_scalar(NAN)));
    tsr_set_grad_enabled(was);
    tsr_status status = TSR_OK;
    for (int i = 0; status == TSR_OK && i < 100; i++) status = tsr_gpt_trainer_step(t, codes, cond, NULL);
    assert_int_equal(status, TSR_ENUMERIC);
    tensors_expect_error(TSR_ENUMERIC, "the first operator with such a result is embedding");
    tsr_gpt_trainer_free(t);
    tsr_module_free(m);
}

static void wrong_options_are_refused(void **state)
{
    (void)state;
    tsr_gpt_config c = small_gpt_config();
    tsr_module *m = small_gpt(&c);
    assert_null(tsr_gpt_trainer_new(m, &(tsr_gpt_train_options){.lr = -1}));
    tensors_expect_error(TSR_EINVAL, "-1");
    assert_null(tsr_gpt_trainer_new(m, &(tsr_gpt_train_options){.pkeep = 2}));
    tensors_expect_error(TSR_EINVAL, "pkeep 2");
    assert_null(tsr_gpt_trainer_new(m, NULL));
    tensors_expect_error(TSR_EINVAL, "options are NULL");
    assert_null(tsr_gpt_trainer_new(NULL, &(tsr_gpt_train_options){0}));
    tensors_expect_error(TSR_EINVAL, "this is NULL");
    tsr_module_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(keys_are_mingpts),
        TENSOR_TEST(a_position_sees_itself_and_what_came_before),
        TENSOR_TEST(unmasked_positions_see_each_other),
        TENSOR_TEST(cached_logits_are_the_full_ones),
        TENSOR_TEST(sequences_that_do_not_fit_are_refused),
        TENSOR_TEST(the_loss_is_the_mean_surprise_of_codes),
        TENSOR_TEST(top_k_keeps_ties_with_the_last),
        TENSOR_TEST(the_nucleus_keeps_the_token_that_passes_p),
        TENSOR_TEST(greedy_takes_the_most_likely_code_each_time),
        TENSOR_TEST(samples_are_codes_and_a_seed_repeats_them),
        TENSOR_TEST(samples_follow_the_probabilities),
        TENSOR_TEST(sampling_can_be_stopped_and_modes_are_restored),
        TENSOR_TEST(a_sequence_is_learned_by_its_class),
        TENSOR_TEST(only_linear_weights_decay),
        TENSOR_TEST(a_resumed_run_continues_to_the_bit),
        TENSOR_TEST(a_loss_that_is_not_finite_names_step_and_operator_and_touches_nothing),
        TENSOR_TEST(the_loss_is_explained_with_the_same_random_numbers),
        TENSOR_TEST(wrong_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
