/* vqgan_trainer.c: one training step of VQGAN after another (Esser et al. 2021, section 3.1).

   The generator minimises nll + lambda D-term + codebook loss, with lambda the ratio of the gradients that the two first
   terms have at the decoder's last layer (equation 7). The discriminator then learns on the pictures and the
   reconstruction that the generator was trained on, or, with disc_refresh, a new one. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "codebook.h"
#include "tessera/autograd.h"
#include "tessera/memory.h"
#include "tessera/profile.h"
#include "trainer_core.h"
#include "vqgan_parts.h"

struct tsr_vqgan_trainer {
    tsr_module *model, *disc; /* borrowed; disc NULL without an adversarial term */
    tsr_vqgan_train_options o;
    trainer_core core; /* of the generator */
    tsr_optim *opt_d;
    tsr_named_list disc_parameters;
    tsr_tensor *last_layer; /* decoder.conv_out.weight, borrowed */
    tsr_tensor *usage;      /* [n_embed], averaged uses of each code a batch, or NULL */
};

/* What a step computes before it updates anything. Tensors live in the step's scope. */
typedef struct forward_pass {
    tsr_tensor *reconstruction, *nll, *g_loss, *weight, *codebook_loss, *total, *features, *indices;
    tsr_tensor *objective; /* what backward starts from; its gradient is the total's */
} forward_pass;

/* ---- making ------------------------------------------------------------------------------------------------------- */

static tsr_status check_options(const tsr_vqgan_train_options *o, const tsr_module *disc)
{
    if (!(o->lr >= 0) || !isfinite(o->lr)) return tsr_fail(TSR_EINVAL, "training: learning rate %g", o->lr);
    if (!(o->disc_weight >= 0)) return tsr_fail(TSR_EINVAL, "training: discriminator weight %g", o->disc_weight);
    if (o->disc_weight > 0 && !disc)
        return tsr_fail(TSR_EINVAL, "training: a discriminator weight of %g, but the model has no discriminator",
                        o->disc_weight);
    if (!(o->ema >= 0 && o->ema < 1)) return tsr_fail(TSR_EINVAL, "training: ema decay %g is not in [0, 1)", o->ema);
    return TSR_OK;
}

/* All that is trained and not under loss. */
static tsr_status generator_parameters(tsr_module *model, tsr_named_list *out)
{
    tsr_named_list all = {0};
    tsr_status status = tsr_module_parameters(model, &all);
    for (int64_t i = 0; status == TSR_OK && i < all.n; i++)
        if (strncmp(all.v[i].name, "loss.", 5) != 0 && tsr_requires_grad(all.v[i].tensor))
            status = tsr_named_list_add(out, all.v[i].name, all.v[i].tensor);
    tsr_named_list_free(&all);
    return status;
}

static tsr_optim *new_adam(const tsr_named_list *parameters, const tsr_vqgan_train_options *options)
{
    tsr_optim_options o = {
        .lr = options->lr == 0 ? TSR_ZERO : options->lr, .beta1 = options->beta1, .beta2 = options->beta2};
    tsr_optim *adam = tsr_optim_new(TSR_OPTIM_ADAM, &o);
    if (adam && tsr_optim_add_group(adam, parameters->v, parameters->n, NULL) >= 0) return adam;
    tsr_optim_free(adam);
    return NULL;
}

static bool add_discriminator_optimiser(tsr_vqgan_trainer *t)
{
    return tsr_module_requires_grad(t->disc, true) == TSR_OK &&
           tsr_module_parameters(t->disc, &t->disc_parameters) == TSR_OK &&
           (t->opt_d = new_adam(&t->disc_parameters, &t->o)) != NULL;
}

static bool fill_trainer(tsr_vqgan_trainer *t)
{
    const tsr_vqgan_config *c = tsr_vqgan_get_config(t->model);
    t->core.lr = t->o.lr;
    t->core.schedule = t->o.schedule;
    t->core.clip = t->o.clip;
    t->last_layer = tsr_module_tensor(t->model, "decoder.conv_out.weight");
    bool ok = c && t->last_layer && generator_parameters(t->model, &t->core.parameters) == TSR_OK;
    ok = ok && (t->core.optim = new_adam(&t->core.parameters, &t->o)) && (!t->disc || add_discriminator_optimiser(t));
    ok = ok && trainer_start(&t->core, t->o.ema);
    tsr_mark m = tsr_scope_open();
    if (ok && t->o.revive_below > 0) ok = (t->usage = tsr_keep(tsr_ones(TSR_SHAPE(c->n_embed)))) != NULL;
    tsr_scope_close(m);
    return ok;
}

static tsr_status check_channels(const tsr_vqgan_config *c)
{
    if (c->in_channels == c->out_ch) return TSR_OK;
    return tsr_fail(
        TSR_EINVAL,
        "training compares pictures with their reconstructions: the model's in_channels %lld and out_ch %lld "
        "must be equal",
        (long long)c->in_channels, (long long)c->out_ch);
}

tsr_vqgan_trainer *tsr_vqgan_trainer_new(tsr_module *vqgan, const tsr_vqgan_train_options *options)
{
    const tsr_vqgan_config *c = tsr_vqgan_get_config(vqgan);
    if (!c || check_channels(c) != TSR_OK) return NULL;
    tsr_module *disc = tsr_module_child(vqgan, "loss.discriminator");
    if (!options) tsr_fail(TSR_EINVAL, "training: the options are NULL");
    if (!options || check_options(options, disc) != TSR_OK) return NULL;
    tsr_vqgan_trainer *t = tsr_alloc_zeroed(1, sizeof *t);
    if (!t) return NULL;
    t->model = vqgan;
    t->o = *options;
    if (t->o.codebook_weight == 0) t->o.codebook_weight = 1;
    t->o.beta1 = tsr_or_default(t->o.beta1, 0.5);
    t->o.beta2 = tsr_or_default(t->o.beta2, 0.9);
    t->o.perceptual_weight = tsr_or_default(t->o.perceptual_weight, 1);
    t->disc = t->o.disc_weight > 0 ? disc : NULL;
    if (fill_trainer(t)) return t;
    tsr_vqgan_trainer_free(t);
    return NULL;
}

void tsr_vqgan_trainer_free(tsr_vqgan_trainer *t)
{
    if (!t) return;
    trainer_free(&t->core);
    tsr_optim_free(t->opt_d);
    tsr_named_list_free(&t->disc_parameters);
    tsr_release(t->usage);
    tsr_free(t);
}

int64_t tsr_vqgan_trainer_steps(const tsr_vqgan_trainer *t) { return t ? trainer_steps(&t->core) : 0; }
tsr_status tsr_vqgan_trainer_swap_ema(tsr_vqgan_trainer *t) { return t ? trainer_swap_ema(&t->core) : TSR_OK; }

/* ---- the generator's loss ----------------------------------------------------------------------------------------------- */

static tsr_tensor *reconstruction_loss(const tsr_vqgan_trainer *t, tsr_tensor *x, tsr_tensor *y)
{
    tsr_tensor *loss = t->o.recon == TSR_RECON_L2 ? tsr_mse_loss(y, x) : tsr_l1_loss(y, x);
    if (!t->o.lpips) return loss;
    tsr_tensor *distance = tsr_mean(tsr_lpips_distance(t->o.lpips, x, y));
    return tsr_add(loss, distance, .alpha = TSR_FLOAT(t->o.perceptual_weight));
}

/* The gradient of a loss at the pictures it was computed from. */
static tsr_tensor *picture_gradient(tsr_tensor *loss, tsr_tensor *pictures)
{
    tsr_tensor *grad = NULL;
    if (!loss || tsr_grads(TSR_LIST(loss), TSR_LIST(pictures), &grad) != TSR_OK) return NULL;
    return grad;
}

/* The norm at the last layer of a gradient at the reconstruction. */
static tsr_tensor *last_layer_norm(const tsr_vqgan_trainer *t, const forward_pass *f, tsr_tensor *gradient)
{
    tsr_tensor *grad = NULL;
    if (!gradient || tsr_grads(TSR_LIST(f->reconstruction), TSR_LIST(t->last_layer), &grad, TSR_LIST(gradient),
                               .retain_graph = true) != TSR_OK)
        return NULL;
    return tsr_linalg_vector_norm(grad);
}

/* lambda = disc_weight * |grad nll| / (|grad g| + 1e-4), at most 1e4 times. */
static tsr_tensor *adaptive_weight(const tsr_vqgan_trainer *t, const forward_pass *f, tsr_tensor *nll_gradient,
                                   tsr_tensor *g_gradient)
{
    tsr_tensor *a = last_layer_norm(t, f, nll_gradient), *b = last_layer_norm(t, f, g_gradient);
    tsr_tensor *ratio = tsr_div(a, tsr_add(b, tsr_scalar(1e-4)));
    return tsr_mul(tsr_clamp(ratio, .min = TSR_FLOAT(0), .max = TSR_FLOAT(1e4)), tsr_scalar(t->o.disc_weight));
}

static tsr_tensor *generator_term(const tsr_vqgan_trainer *t, tsr_tensor *logits)
{
    if (t->o.adversarial == TSR_ADVERSARIAL_NONSATURATING) return tsr_mean(tsr_softplus(tsr_neg(logits)));
    return tsr_neg(tsr_mean(logits));
}

/* The adversarial term, its weight, and what the generator is to descend. */
static bool add_adversarial(const tsr_vqgan_trainer *t, tsr_tensor *seen, bool adversarial, forward_pass *f)
{
    f->g_loss = generator_term(t, tsr_forward(t->disc, seen));
    tsr_tensor *gradient = picture_gradient(f->nll, seen), *g_gradient = picture_gradient(f->g_loss, seen);
    f->weight = adaptive_weight(t, f, gradient, g_gradient);
    if (adversarial) {
        f->total = tsr_add(f->total, tsr_mul(f->weight, f->g_loss));
        gradient = tsr_add(gradient, tsr_mul(f->weight, g_gradient));
    }
    f->objective = tsr_add(tsr_sum(tsr_mul(f->reconstruction, gradient)), f->codebook_loss,
                           .alpha = TSR_FLOAT(t->o.codebook_weight));
    return f->total && f->objective;
}

/* The losses on pictures see a detached copy of the reconstruction: each is differentiated down to it once, and the two
   gradients serve the adaptive weight as well as, added up, the descent through the autoencoder. That is the gradient of
   the total, without running backward through the discriminator and LPIPS twice. */
static bool compute_losses(tsr_vqgan_trainer *t, tsr_tensor *x, bool adversarial, forward_pass *f)
{
    *f = (forward_pass){.features = tsr_vqgan_features(t->model, x)};
    tsr_quantized q = vqgan_nearest_codes(t->model, f->features);
    f->codebook_loss = q.loss;
    f->indices = q.indices;
    f->reconstruction = tsr_vqgan_decode(t->model, q.quantized);
    tsr_tensor *seen = t->disc ? tsr_detach(f->reconstruction) : f->reconstruction;
    if (!seen || tsr_set_requires_grad(seen, true) != TSR_OK) return false;
    f->nll = reconstruction_loss(t, x, seen);
    f->total = f->objective = tsr_add(f->nll, f->codebook_loss, .alpha = TSR_FLOAT(t->o.codebook_weight));
    if (!f->total) return false;
    if (!t->disc || !isfinite(tsr_item(f->total))) return true; /* the discriminator's running statistics stay clean */
    return add_adversarial(t, seen, adversarial, f);
}

static bool run_forward(tsr_vqgan_trainer *t, tsr_tensor *x, bool adversarial, forward_pass *f)
{
    tsr_profile_range_begin("forward");
    bool ok = compute_losses(t, x, adversarial, f);
    tsr_profile_range_end();
    return ok;
}

/* ---- the two updates -------------------------------------------------------------------------------------------------------- */

static double number(tsr_tensor *t) { return t ? tsr_item(t) : 0; }

/* What the discriminator is shown as a fake. */
static tsr_tensor *fake_pictures(tsr_vqgan_trainer *t, tsr_tensor *x, const forward_pass *f)
{
    if (!t->o.disc_refresh) return tsr_detach(f->reconstruction);
    bool was = tsr_set_grad_enabled(false);
    tsr_tensor *fresh = tsr_vqgan_decode(t->model,
                                         vqgan_nearest_codes(t->model, tsr_vqgan_features(t->model, x)).quantized);
    tsr_set_grad_enabled(was);
    return fresh;
}

static tsr_tensor *discriminator_term(const tsr_vqgan_trainer *t, tsr_tensor *real, tsr_tensor *fake)
{
    tsr_tensor *r, *f;
    if (t->o.adversarial == TSR_ADVERSARIAL_NONSATURATING) {
        r = tsr_mean(tsr_softplus(tsr_neg(real)));
        f = tsr_mean(tsr_softplus(fake));
    } else {
        r = tsr_mean(tsr_relu(tsr_rsub(real, tsr_scalar(1))));
        f = tsr_mean(tsr_relu(tsr_add(fake, tsr_scalar(1))));
    }
    return tsr_mul(tsr_add(r, f), tsr_scalar(0.5));
}

/* What backward of a loss times zero would leave. */
static tsr_status set_zero_gradients(tsr_module *m)
{
    tsr_named_list list = {0};
    tsr_status status = tsr_module_parameters(m, &list);
    for (int64_t i = 0; status == TSR_OK && i < list.n; i++) {
        tsr_tensor *zeros = tsr_zeros_like(list.v[i].tensor);
        status = zeros ? tsr_set_grad(list.v[i].tensor, zeros) : tsr_error_status();
    }
    tsr_named_list_free(&list);
    return status;
}

typedef struct disc_pass {
    tsr_vqgan_trainer *t;
    tsr_tensor *x;
    const forward_pass *f;
    bool learns;
    tsr_tensor *real, *fake, *loss; /* logits, and what is descended */
} disc_pass;

static bool run_discriminator(disc_pass *d)
{
    tsr_tensor *shown = fake_pictures(d->t, d->x, d->f);
    d->real = tsr_forward(d->t->disc, d->x);
    d->fake = tsr_forward(d->t->disc, shown);
    d->loss = tsr_mul(discriminator_term(d->t, d->real, d->fake), tsr_scalar(d->learns ? 1 : 0));
    return d->loss != NULL;
}

static tsr_status differentiate_discriminator(const disc_pass *d, double *norm)
{
    tsr_optim_zero_grad(d->t->opt_d);
    tsr_status status = d->learns ? tsr_backward(d->loss) : set_zero_gradients(d->t->disc);
    if (status != TSR_OK) return status;
    return tsr_clip_grad_norm(d->t->disc_parameters.v, d->t->disc_parameters.n, 0, norm);
}

static void run_discriminator_again(void *user)
{
    double norm;
    if (run_discriminator(user)) differentiate_discriminator(user, &norm);
}

static tsr_status update_discriminator(disc_pass *d, tsr_vqgan_terms *terms)
{
    const trainer_core *c = &d->t->core;
    tsr_rng_state before = tsr_generator_get_state(tsr_default_generator());
    double norm = 0;
    tsr_status status = tsr_module_requires_grad(d->t->disc, true);
    if (status != TSR_OK || !run_discriminator(d)) return tsr_error_status();
    terms->disc_loss = tsr_item(d->loss);
    terms->logits_real = number(tsr_mean(d->real));
    terms->logits_fake = number(tsr_mean(d->fake));
    if (!isfinite(terms->disc_loss)) return trainer_explain(c, "disc_loss", before, run_discriminator_again, d);
    status = differentiate_discriminator(d, &norm);
    if (status == TSR_OK && !isfinite(norm))
        status = trainer_explain(c, "the discriminator's gradient", before, run_discriminator_again, d);
    if (status == TSR_OK) status = tsr_optim_step(d->t->opt_d); /* also of zero gradients: Adam counts its steps */
    tsr_optim_zero_grad(d->t->opt_d);
    return status;
}

/* ---- a step -------------------------------------------------------------------------------------------------------------------- */

typedef struct generator_pass {
    tsr_vqgan_trainer *t;
    tsr_tensor *x;
    bool adversarial;
} generator_pass;

static void run_generator_again(void *user)
{
    generator_pass *g = user;
    forward_pass f;
    double norm;
    if (run_forward(g->t, g->x, g->adversarial, &f)) trainer_differentiate(&g->t->core, f.objective, &norm);
}

/* Of a total that is not finite. */
static const char *term_not_finite(const tsr_vqgan_terms *terms)
{
    if (!isfinite(terms->nll_loss)) return "nll_loss";
    if (!isfinite(terms->codebook_loss)) return "codebook_loss";
    if (!isfinite(terms->g_loss)) return "g_loss";
    if (!isfinite(terms->d_weight)) return "d_weight";
    return "total_loss";
}

/* The codes' averaged weights, which jump with the codes; NULL: there are none. */
static tsr_tensor *averaged_codes(const tsr_vqgan_trainer *t)
{
    return tsr_ema_average(t->core.ema, "quantize.embedding.weight");
}

static tsr_status prepare_codebook(tsr_vqgan_trainer *t, tsr_tensor *x, int64_t step)
{
    if (step > 0 || t->o.kmeans_steps <= 0) return TSR_OK;
    bool was = tsr_set_grad_enabled(false);
    tsr_tensor *average = averaged_codes(t);
    bool ok = tsr_vqgan_init_codebook(t->model, tsr_vqgan_features(t->model, x), t->o.kmeans_steps, NULL) == TSR_OK;
    if (ok && average) ok = tsr_copy_(average, tsr_module_tensor(t->model, "quantize.embedding.weight")) != NULL;
    tsr_set_grad_enabled(was);
    return ok ? TSR_OK : tsr_error_status();
}

/* Compute the losses and the generator's gradients; nothing changes but the first step's codebook. */
static tsr_status measure(tsr_vqgan_trainer *t, tsr_tensor *x, bool adversarial, forward_pass *f,
                          tsr_vqgan_terms *terms)
{
    generator_pass g = {t, x, adversarial};
    tsr_rng_state before = tsr_generator_get_state(tsr_default_generator());
    if (!run_forward(t, x, adversarial, f)) return tsr_error_status();
    *terms = (tsr_vqgan_terms){.total_loss = number(f->total),
                               .nll_loss = number(f->nll),
                               .g_loss = number(f->g_loss),
                               .codebook_loss = number(f->codebook_loss),
                               .d_weight = number(f->weight)};
    if (!isfinite(terms->total_loss))
        return trainer_explain(&t->core, term_not_finite(terms), before, run_generator_again, &g);
    tsr_status status = trainer_differentiate(&t->core, f->objective, &terms->grad_norm);
    if (status != TSR_OK || isfinite(terms->grad_norm)) return status;
    return trainer_explain(&t->core, "the gradient's norm", before, run_generator_again, &g);
}

static tsr_status update_generator(tsr_vqgan_trainer *t, const forward_pass *f)
{
    if (!quantizer_learn(tsr_module_child(t->model, "quantize"), f->features, f->indices)) return tsr_error_status();
    return trainer_update(&t->core);
}

static tsr_status run_step(tsr_vqgan_trainer *t, tsr_tensor *x, tsr_vqgan_terms *terms)
{
    int64_t step = trainer_steps(&t->core);
    forward_pass f;
    tsr_optim_zero_grad(t->core.optim); /* before activations need the memory */
    tsr_status status = prepare_codebook(t, x, step);
    if (status == TSR_OK && t->disc) status = tsr_module_requires_grad(t->disc, false);
    if (status == TSR_OK) status = measure(t, x, t->disc && step >= t->o.disc_start, &f, terms);
    if (status != TSR_OK) return status;
    terms->lr = trainer_set_rate(&t->core);
    if (t->opt_d) tsr_optim_set_lr(t->opt_d, -1, terms->lr);
    status = update_generator(t, &f);
    disc_pass d = {.t = t, .x = x, .f = &f, .learns = step >= t->o.disc_start - t->o.disc_warmup};
    tsr_profile_range_begin("discriminator");
    if (status == TSR_OK && t->disc) status = update_discriminator(&d, terms);
    tsr_profile_range_end();
    if (status == TSR_OK && t->usage)
        status = codebook_revive(t->model, t->usage, averaged_codes(t), f.features, f.indices, t->o.revive_below);
    return status == TSR_OK ? trainer_count_step(&t->core) : status;
}

tsr_status tsr_vqgan_trainer_step(tsr_vqgan_trainer *t, tsr_tensor *pictures, tsr_vqgan_terms *terms)
{
    tsr_vqgan_terms unused;
    if (tsr_error_status() != TSR_OK) return tsr_error_status();
    if (!t || !pictures) return tsr_fail(TSR_EINVAL, "VQGAN training step: the %s is NULL", t ? "batch" : "trainer");
    tsr_mark m = tsr_scope_open();
    tsr_module_train(t->model, true);
    /* once, in the layout of the reconstruction that they are compared with */
    if (tsr_ndim(pictures) == 4) pictures = tsr_contiguous(pictures, .memory_format = "channels_last");
    tsr_status status = pictures ? run_step(t, pictures, terms ? terms : &unused) : tsr_error_status();
    tsr_scope_close(m);
    return status;
}

/* ---- state ------------------------------------------------------------------------------------------------------------------------ */

tsr_status tsr_vqgan_trainer_state_dict(tsr_vqgan_trainer *t, tsr_named_list *out)
{
    tsr_status status = trainer_state(&t->core, "train.optim.g.", out);
    if (status == TSR_OK && t->opt_d) status = tsr_optim_state_dict(t->opt_d, "train.optim.d.", out);
    if (status == TSR_OK && t->usage) status = tsr_named_list_add(out, "train.usage", t->usage);
    return status;
}

tsr_status tsr_vqgan_trainer_load_state_dict(tsr_vqgan_trainer *t, const tsr_named *tensors, int64_t n)
{
    tsr_mark m = tsr_scope_open();
    tsr_status status = trainer_load_state(&t->core, "train.optim.g.", tensors, n);
    if (status == TSR_OK && t->opt_d)
        status = trainer_load_optim(&t->core, t->opt_d, &t->disc_parameters, "train.optim.d.", tensors, n);
    if (status == TSR_OK && t->usage) status = trainer_load_tensor(t->usage, "train.usage", tensors, n);
    tsr_scope_close(m);
    return status;
}
