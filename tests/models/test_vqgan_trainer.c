/* test_vqgan_trainer.c: training steps of VQGAN: what is updated when, resuming to the bit, options, and losses that are not
   finite. Five steps against PyTorch are in test_parity.c. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/small_models.h"
#include "support/tensors.h"
#include "tessera/autograd.h"

static const tsr_vqgan_train_options plain = {.lr = 1e-3, .disc_weight = 0.8};

static tsr_vqgan_trainer *new_trainer(tsr_module *m, tsr_vqgan_train_options o)
{
    tsr_vqgan_trainer *t = tsr_vqgan_trainer_new(m, &o);
    tensors_require(t != NULL, "trainer");
    return t;
}

static tsr_vqgan_terms step(tsr_vqgan_trainer *t, tsr_tensor *x)
{
    tsr_vqgan_terms k;
    tensors_require(tsr_vqgan_trainer_step(t, x, &k) == TSR_OK, "step");
    return k;
}

static tsr_named_list copy_state(tsr_vqgan_trainer *t)
{
    tsr_named_list live = {0};
    tensors_require(tsr_vqgan_trainer_state_dict(t, &live) == TSR_OK, "state");
    tsr_named_list copy = small_copy(&live);
    tsr_named_list_free(&live);
    return copy;
}

/* A second model and trainer from the state that the first have now. */
static tsr_vqgan_trainer *continued(tsr_module *from, tsr_vqgan_trainer *t, tsr_module *into, tsr_vqgan_train_options o)
{
    tsr_named_list weights = small_module_state(from), training = copy_state(t);
    tensors_require(tsr_module_load_state_dict(into, weights.v, weights.n, true, NULL) == TSR_OK, "weights");
    tsr_vqgan_trainer *u = new_trainer(into, o);
    tensors_require(tsr_vqgan_trainer_load_state_dict(u, training.v, training.n) == TSR_OK, "training state");
    tsr_named_list_free(&weights);
    tsr_named_list_free(&training);
    return u;
}

/* ---- learning -------------------------------------------------------------------------------------------------------- */

static void steps_lower_the_loss_and_are_counted(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c);
    tsr_vqgan_trainer *t = new_trainer(m, (tsr_vqgan_train_options){.lr = 2e-3});
    tsr_tensor *x = small_pictures(2, 16, 16);
    double first = step(t, x).nll_loss, last = 0;
    for (int i = 0; i < 15; i++) last = step(t, x).nll_loss;
    assert_true(last < 0.9 * first);
    assert_int_equal(tsr_vqgan_trainer_steps(t), 16);
    tsr_vqgan_trainer_free(t);
    tsr_module_free(m);
}

static void the_total_is_made_of_its_terms(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c);
    tsr_vqgan_train_options o = plain;
    o.codebook_weight = 2;
    o.clip = 1e-3;
    o.schedule.warmup = 2;
    tsr_vqgan_trainer *t = new_trainer(m, o);
    tsr_vqgan_terms k = step(t, small_pictures(2, 16, 16));
    assert_true(fabs(k.total_loss - (k.nll_loss + 2 * k.codebook_loss + k.d_weight * k.g_loss)) < 1e-5);
    assert_true(k.d_weight > 0 && k.disc_loss > 0 && k.grad_norm > 1e-3);
    assert_true(k.lr == 5e-4); /* half of it in the first of two warm-up steps */
    tsr_vqgan_trainer_free(t);
    tsr_module_free(m);
}

static tsr_tensor *disc_weight(tsr_module *m)
{
    return tsr_clone(tsr_detach(tsr_module_tensor(m, "loss.discriminator.main.0.weight")));
}

static bool same(tsr_tensor *a, tsr_tensor *b) { return tsr_item(tsr_sum(tsr_abs(tsr_sub(a, b)))) == 0; }

/* disc_start 3, warm-up 1: the discriminator learns in the third step (number 2), the generator hears of it in the fourth. */
static void the_discriminator_starts_when_told(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c);
    tsr_vqgan_train_options o = plain;
    o.disc_start = 3;
    o.disc_warmup = 1;
    tsr_vqgan_trainer *t = new_trainer(m, o);
    tsr_tensor *x = small_pictures(2, 16, 16), *d = disc_weight(m);
    for (int i = 0; i < 5; i++) {
        tsr_vqgan_terms k = step(t, x);
        bool adversarial = fabs(k.total_loss - (k.nll_loss + k.codebook_loss)) > 1e-6;
        assert_int_equal(adversarial, i >= 3);
        assert_int_equal(k.disc_loss > 0, i >= 2);
        tsr_tensor *now = disc_weight(m);
        assert_int_equal(!same(now, d), i >= 2);
        d = now;
    }
    tsr_vqgan_trainer_free(t);
    tsr_module_free(m);
}

static void without_a_weight_the_discriminator_is_not_touched(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c);
    tsr_vqgan_trainer *t = new_trainer(m, (tsr_vqgan_train_options){.lr = 1e-3});
    tsr_tensor *before = disc_weight(m);
    tsr_vqgan_terms k = step(t, small_pictures(1, 16, 16));
    assert_true(k.g_loss == 0 && k.disc_loss == 0);
    tensors_expect_same("discriminator", disc_weight(m), before);
    tsr_vqgan_trainer_free(t);
    tsr_module_free(m);
}

/* mean softplus(-D(fake)) for the generator; both ways for the discriminator. Numbers from its logits before the step. */
static void the_nonsaturating_loss_has_its_formula(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c), *d = tsr_module_child(m, "loss.discriminator");
    tsr_vqgan_train_options o = plain;
    o.adversarial = TSR_ADVERSARIAL_NONSATURATING;
    o.recon = TSR_RECON_L2;
    tsr_tensor *x = small_pictures(2, 16, 16), *y = tsr_detach(tsr_forward(m, x));
    tsr_tensor *real = tsr_detach(tsr_forward(d, x)), *fake = tsr_detach(tsr_forward(d, y));
    double g = tsr_item(tsr_mean(tsr_log(tsr_add(tsr_exp(tsr_neg(fake)), tsr_scalar(1)))));
    double r = tsr_item(tsr_mean(tsr_log(tsr_add(tsr_exp(tsr_neg(real)), tsr_scalar(1)))));
    double f = tsr_item(tsr_mean(tsr_log(tsr_add(tsr_exp(fake), tsr_scalar(1)))));
    tsr_vqgan_trainer *t = new_trainer(m, o);
    tsr_vqgan_terms k = step(t, x);
    assert_true(fabs(k.g_loss - g) < 1e-5);
    assert_true(fabs(k.disc_loss - 0.5 * (r + f)) < 1e-5);
    assert_true(fabs(k.nll_loss - tsr_item(tsr_mean(tsr_square(tsr_sub(x, y))))) < 1e-5);
    tsr_vqgan_trainer_free(t);
    tsr_module_free(m);
}

/* ---- codebook ------------------------------------------------------------------------------------------------------------- */

static int64_t codes_used(tsr_module *m, tsr_tensor *x)
{
    bool used[16] = {false};
    int64_t n = 0;
    double *v = tensors_values(tsr_vqgan_encode(m, x));
    for (int64_t i = 0; i < tsr_numel(x) / 3 / 4; i++) {
        n += !used[(int)v[i]];
        used[(int)v[i]] = true;
    }
    free(v);
    return n;
}

static void make_codes_dead(tsr_module *m)
{
    bool was = tsr_set_grad_enabled(false);
    tsr_tensor *w = tsr_module_tensor(m, "quantize.embedding.weight");
    assert_non_null(tsr_fill_(tsr_narrow(w, 0, 1, 15), tsr_scalar(1000))); /* far from all features */
    tsr_set_grad_enabled(was);
}

static void dead_codes_are_revived_from_features(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c);
    tsr_tensor *x = small_pictures(4, 16, 16);
    make_codes_dead(m);
    assert_int_equal(codes_used(m, x), 1);
    tsr_vqgan_train_options o = {.lr = 1e-5, .revive_below = 0.97};
    tsr_vqgan_trainer *t = new_trainer(m, o);
    step(t, x); /* the averages of unused codes fall from 1 to 0.95 */
    assert_true(codes_used(m, x) > 8);
    assert_true(tsr_item(tsr_amax(tsr_detach(tsr_module_tensor(m, "quantize.embedding.weight")))) < 100);
    tsr_vqgan_trainer_free(t);
    tsr_module_free(m);
}

static void without_revival_they_stay_dead(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c);
    tsr_tensor *x = small_pictures(4, 16, 16);
    make_codes_dead(m);
    tsr_vqgan_trainer *t = new_trainer(m, (tsr_vqgan_train_options){.lr = 1e-5});
    step(t, x);
    assert_int_equal(codes_used(m, x), 1);
    tsr_vqgan_trainer_free(t);
    tsr_module_free(m);
}

static void k_means_starts_the_codebook_in_the_first_step_only(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c);
    tsr_tensor *x = small_pictures(4, 16, 16);
    tsr_vqgan_train_options o = {.lr = TSR_ZERO, .kmeans_steps = 5};
    tsr_vqgan_trainer *t = new_trainer(m, o);
    step(t, x);
    assert_true(codes_used(m, x) >= 12);
    tsr_tensor *after_first = tsr_clone(tsr_detach(tsr_module_tensor(m, "quantize.embedding.weight")));
    step(t, x);
    tensors_expect_same("codes", tsr_detach(tsr_module_tensor(m, "quantize.embedding.weight")), after_first);
    tsr_vqgan_trainer_free(t);
    tsr_module_free(m);
}

/* ---- resuming --------------------------------------------------------------------------------------------------------------- */

static void expect_resumed_steps(bool ema_codebook, tsr_vqgan_train_options o)
{
    tsr_vqgan_config c = small_vqgan_config();
    c.ema_codebook = ema_codebook;
    tsr_module *a = small_vqgan(&c), *b = small_vqgan(&c);
    tsr_tensor *x = small_pictures(2, 16, 16);
    tsr_vqgan_trainer *t = new_trainer(a, o);
    for (int i = 0; i < 3; i++) step(t, x);
    tsr_vqgan_trainer *u = continued(a, t, b, o);
    assert_int_equal(tsr_vqgan_trainer_steps(u), 3);
    tsr_manual_seed(77);
    for (int i = 0; i < 3; i++) step(t, x);
    tsr_manual_seed(77);
    for (int i = 0; i < 3; i++) step(u, x);
    small_expect_same_state(a, b);
    tsr_vqgan_trainer_swap_ema(t);
    tsr_vqgan_trainer_swap_ema(u);
    small_expect_same_state(a, b);
    tsr_vqgan_trainer_free(t);
    tsr_vqgan_trainer_free(u);
    tsr_module_free(a);
    tsr_module_free(b);
}

static void a_resumed_run_continues_to_the_bit(void **state)
{
    (void)state;
    tsr_vqgan_train_options o = {.lr = 1e-3,
                                 .schedule = {.kind = TSR_SCHEDULE_COSINE, .warmup = 2, .total = 6},
                                 .clip = 1,
                                 .disc_weight = 0.8,
                                 .disc_start = 1,
                                 .ema = 0.9,
                                 .revive_below = 0.9,
                                 .kmeans_steps = 2};
    expect_resumed_steps(false, o);
    o.disc_refresh = true;
    expect_resumed_steps(true, o);
}

static void a_file_of_weights_alone_is_not_resumed(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c);
    tsr_vqgan_trainer *t = new_trainer(m, plain);
    assert_int_equal(tsr_vqgan_trainer_load_state_dict(t, NULL, 0), TSR_EINVAL);
    tensors_expect_error(TSR_EINVAL, "the file holds weights only");
    tsr_vqgan_trainer_free(t);
    tsr_module_free(m);
}

static void averaged_weights_are_exchanged_and_back(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c);
    tsr_vqgan_train_options o = plain;
    o.ema = 0.5;
    tsr_tensor *w = tsr_module_tensor(m, "encoder.conv_in.bias"), *start = tsr_clone(tsr_detach(w));
    tsr_vqgan_trainer *t = new_trainer(m, o);
    step(t, small_pictures(1, 16, 16));
    tsr_tensor *now = tsr_clone(tsr_detach(w));
    assert_int_equal(tsr_vqgan_trainer_swap_ema(t), TSR_OK);
    tsr_tensor *want = tsr_add(tsr_mul(start, tsr_scalar(0.1)),
                               tsr_mul(now, tsr_scalar(0.9))); /* the first decay is 1/10 */
    tensors_expect_close("average", tsr_detach(w), want, 1e-7);
    assert_int_equal(tsr_vqgan_trainer_swap_ema(t), TSR_OK);
    tensors_expect_same("weights", tsr_detach(w), now);
    tsr_vqgan_trainer_free(t);
    tsr_module_free(m);
}

static tsr_tensor *codes_of(tsr_module *m) { return tsr_detach(tsr_module_tensor(m, "quantize.embedding.weight")); }

/* At a rate of zero only k-means and revival move the codes, and their average is where they are at once. */
static void averaged_codes_jump_with_the_codes(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c);
    tsr_tensor *x = small_pictures(4, 16, 16);
    tsr_vqgan_train_options o = {.lr = TSR_ZERO, .ema = 0.999, .kmeans_steps = 2, .revive_below = 0.97};
    for (int i = 0; i < 2; i++) { /* the second time without k-means */
        tsr_vqgan_trainer *t = new_trainer(m, o);
        step(t, x);
        tsr_tensor *now = tsr_clone(codes_of(m));
        assert_int_equal(tsr_vqgan_trainer_swap_ema(t), TSR_OK);
        tensors_expect_close("codes", codes_of(m), now, 1e-6);
        assert_int_equal(tsr_vqgan_trainer_swap_ema(t), TSR_OK);
        tsr_vqgan_trainer_free(t);
        make_codes_dead(m);
        o.kmeans_steps = 0;
    }
    tsr_module_free(m);
}

static tsr_status load_without(tsr_vqgan_trainer *t, const tsr_named_list *all, const char *left_out)
{
    tsr_named_list rest = {0};
    for (int64_t i = 0; i < all->n; i++)
        if (strncmp(all->v[i].name, left_out, strlen(left_out)) != 0)
            tensors_require(tsr_named_list_add(&rest, all->v[i].name, all->v[i].tensor) == TSR_OK, "list");
    tsr_status status = tsr_vqgan_trainer_load_state_dict(t, rest.v, rest.n);
    tsr_named_list_free(&rest);
    return status;
}

static void state_that_was_cut_is_not_resumed(void **state)
{
    (void)state;
    static const char *const cut[] = {"train.steps",
                                      "train.optim.g.quant_conv.bias.exp_avg_sq",
                                      "train.optim.g.quant_conv.bias.",
                                      "train.optim.d.main.0.bias",
                                      "train.usage",
                                      "train.ema.quant_conv.bias"};
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c);
    tsr_vqgan_train_options o = plain;
    o.ema = 0.9;
    o.revive_below = 0.1;
    tsr_vqgan_trainer *t = new_trainer(m, o);
    step(t, small_pictures(1, 16, 16));
    tsr_named_list all = copy_state(t);
    for (size_t k = 0; k < sizeof cut / sizeof *cut; k++) {
        assert_int_equal(load_without(t, &all, cut[k]), TSR_EINVAL);
        tensors_expect_error(TSR_EINVAL, cut[k]);
    }
    all.v[0].tensor = tsr_scalar(1);
    assert_int_equal(load_without(t, &all, "?"), TSR_EINVAL);
    tensors_expect_error(TSR_EINVAL, "'train.steps' is f");
    tsr_named_list_free(&all);
    tsr_vqgan_trainer_free(t);
    tsr_module_free(m);
}

/* ---- wrong use -------------------------------------------------------------------------------------------------------------- */

static void refuse(tsr_module *m, tsr_vqgan_train_options o, const char *word)
{
    assert_null(tsr_vqgan_trainer_new(m, &o));
    tensors_expect_error(TSR_EINVAL, word);
}

static void options_out_of_range_are_refused(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c);
    refuse(m, (tsr_vqgan_train_options){.lr = -1}, "learning rate -1");
    refuse(m, (tsr_vqgan_train_options){.lr = INFINITY}, "learning rate");
    refuse(m, (tsr_vqgan_train_options){.disc_weight = -1}, "discriminator weight -1");
    refuse(m, (tsr_vqgan_train_options){.disc_weight = NAN}, "discriminator weight");
    refuse(m, (tsr_vqgan_train_options){.ema = 1}, "ema decay 1");
    assert_null(tsr_vqgan_trainer_new(m, NULL));
    tensors_expect_error(TSR_EINVAL, "options are NULL");
    assert_null(tsr_vqgan_trainer_new(NULL, &plain));
    tensors_expect_error(TSR_EINVAL, "a VQGAN is needed, this is NULL");
    tsr_module_free(m);
    c.disc = false;
    m = small_vqgan(&c);
    refuse(m, plain, "the model has no discriminator");
    tsr_module_free(m);
    c.out_ch = 1;
    m = small_vqgan(&c);
    refuse(m, (tsr_vqgan_train_options){.lr = 1}, "in_channels 3 and out_ch 1 must be equal");
    tsr_module_free(m);
}

static void pictures_of_a_wrong_size_are_an_error_and_training_goes_on(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c);
    tsr_vqgan_trainer *t = new_trainer(m, plain);
    assert_int_equal(tsr_vqgan_trainer_step(t, small_pictures(1, 15, 16), NULL), TSR_EINVAL);
    tensors_expect_error(TSR_EINVAL, "15 x 16");
    assert_int_equal(tsr_vqgan_trainer_step(t, NULL, NULL), TSR_EINVAL);
    tensors_expect_error(TSR_EINVAL, "the batch is NULL");
    assert_int_equal(tsr_vqgan_trainer_step(t, small_pictures(1, 16, 16), NULL), TSR_OK);
    assert_int_equal(tsr_vqgan_trainer_steps(t), 1);
    tsr_vqgan_trainer_free(t);
    tsr_module_free(m);
}

static void poison(tsr_module *m, const char *name)
{
    bool was = tsr_set_grad_enabled(false);
    tsr_tensor *w = tsr_module_tensor(m, name);
    assert_non_null(w);
    assert_non_null(tsr_fill_(w, tsr_scalar(NAN)));
    tsr_set_grad_enabled(was);
}

static void expect_non_finite(bool ema_codebook, const char *poisoned, const char *sentence)
{
    tsr_vqgan_config c = small_vqgan_config();
    c.ema_codebook = ema_codebook;
    tsr_module *m = small_vqgan(&c), *reference = small_vqgan(&c);
    tsr_vqgan_trainer *t = new_trainer(m, plain), *u = new_trainer(reference, plain);
    tsr_tensor *x = small_pictures(1, 16, 16);
    step(t, x);
    step(u, x);
    poison(m, poisoned);
    assert_int_equal(tsr_vqgan_trainer_step(t, x, NULL), TSR_ENUMERIC);
    tensors_expect_error(TSR_ENUMERIC, sentence);
    assert_int_equal(tsr_vqgan_trainer_steps(t), 1);
    tsr_named_list now = small_module_state(m), before = small_module_state(reference);
    for (int64_t i = 0; i < now.n; i++)
        if (strcmp(now.v[i].name, poisoned) != 0)
            tensors_expect_same(now.v[i].name, now.v[i].tensor, before.v[i].tensor);
    tsr_named_list_free(&now);
    tsr_named_list_free(&before);
    tsr_vqgan_trainer_free(t);
    tsr_vqgan_trainer_free(u);
    tsr_module_free(m);
    tsr_module_free(reference);
}

static void a_loss_that_is_not_finite_names_step_term_and_operator_and_touches_nothing(void **state)
{
    (void)state;
    expect_non_finite(false, "encoder.conv_out.bias",
                      "step 2: nll_loss is not finite; the first operator with such a "
                      "result is conv2d");
    expect_non_finite(true, "encoder.norm_out.weight", "operator with such a result is group_norm_silu");
    expect_non_finite(true, "decoder.conv_in.weight", "step 2: nll_loss");
}

static void a_discriminator_that_is_not_finite_is_named(void **state)
{
    (void)state;
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c);
    tsr_vqgan_train_options o = plain;
    tsr_vqgan_trainer *t = new_trainer(m, o);
    poison(m, "loss.discriminator.main.0.weight");
    assert_int_equal(tsr_vqgan_trainer_step(t, small_pictures(1, 16, 16), NULL), TSR_ENUMERIC);
    tensors_expect_error(TSR_ENUMERIC, "step 1: g_loss is not finite");
    tsr_vqgan_trainer_free(t);
    o.disc_start = 5;
    o.disc_warmup = 5;
    t = new_trainer(m, o);
    assert_int_equal(tsr_vqgan_trainer_step(t, small_pictures(1, 16, 16), NULL), TSR_ENUMERIC);
    tensors_expect_error(TSR_ENUMERIC,
                         "step 1: disc_loss is not finite; the first operator with such a result is conv2d");
    tsr_vqgan_trainer_free(t);
    tsr_module_free(m);
}

static tsr_tensor *times_infinity(tsr_tensor *grad, void *user)
{
    (void)user;
    return tsr_mul(grad, tsr_scalar(INFINITY));
}

/* The losses are finite, only a gradient is not: the parameters that it would have changed stay. */
static void expect_refused_gradient(const char *hooked, const char *kept, const char *sentence)
{
    tsr_vqgan_config c = small_vqgan_config();
    tsr_module *m = small_vqgan(&c);
    tsr_vqgan_train_options o = plain;
    o.disc_start = 0;
    tsr_vqgan_trainer *t = new_trainer(m, o);
    tsr_tensor *x = small_pictures(1, 16, 16);
    step(t, x);
    tsr_tensor *before = tsr_clone(tsr_detach(tsr_module_tensor(m, kept)));
    assert_true(tsr_register_hook(tsr_module_tensor(m, hooked), times_infinity, NULL) >= 0);
    assert_int_equal(tsr_vqgan_trainer_step(t, x, NULL), TSR_ENUMERIC);
    tensors_expect_error(TSR_ENUMERIC, sentence);
    assert_int_equal(tsr_vqgan_trainer_steps(t), 1);
    tensors_expect_same(kept, tsr_detach(tsr_module_tensor(m, kept)), before);
    tsr_vqgan_trainer_free(t);
    tsr_module_free(m);
}

static void gradients_that_are_not_finite_are_refused_by_name(void **state)
{
    (void)state;
    expect_refused_gradient("encoder.conv_in.weight", "decoder.conv_in.weight",
                            "step 2: the gradient's norm is not finite; the first operator with such a result is mul");
    expect_refused_gradient("loss.discriminator.main.2.weight", "loss.discriminator.main.0.weight",
                            "step 2: the discriminator's gradient is not finite; the first operator with such a "
                            "result is mul");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(steps_lower_the_loss_and_are_counted),
        TENSOR_TEST(the_total_is_made_of_its_terms),
        TENSOR_TEST(the_discriminator_starts_when_told),
        TENSOR_TEST(without_a_weight_the_discriminator_is_not_touched),
        TENSOR_TEST(the_nonsaturating_loss_has_its_formula),
        TENSOR_TEST(dead_codes_are_revived_from_features),
        TENSOR_TEST(without_revival_they_stay_dead),
        TENSOR_TEST(k_means_starts_the_codebook_in_the_first_step_only),
        TENSOR_TEST(a_resumed_run_continues_to_the_bit),
        TENSOR_TEST(a_file_of_weights_alone_is_not_resumed),
        TENSOR_TEST(averaged_weights_are_exchanged_and_back),
        TENSOR_TEST(averaged_codes_jump_with_the_codes),
        TENSOR_TEST(state_that_was_cut_is_not_resumed),
        TENSOR_TEST(options_out_of_range_are_refused),
        TENSOR_TEST(pictures_of_a_wrong_size_are_an_error_and_training_goes_on),
        TENSOR_TEST(a_loss_that_is_not_finite_names_step_term_and_operator_and_touches_nothing),
        TENSOR_TEST(a_discriminator_that_is_not_finite_is_named),
        TENSOR_TEST(gradients_that_are_not_finite_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
