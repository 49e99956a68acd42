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
#include "vqgan_parts.h"
#include "watch.h"

struct tsr_vqgan_trainer {
    tsr_module *model, *disc; /* borrowed; disc NULL without an adversarial term */
    tsr_vqgan_train_options o;
    tsr_optim *opt_g, *opt_d;
    tsr_named_list parameters; /* of the generator */
    tsr_ema *ema;
    tsr_tensor *last_layer; /* decoder.conv_out.weight, borrowed */
    tsr_tensor *steps;      /* 0-d i64, reference: part of the state */
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
    tsr_named_list list = {0};
    bool ok = tsr_module_requires_grad(t->disc, true) == TSR_OK && tsr_module_parameters(t->disc, &list) == TSR_OK &&
              (t->opt_d = new_adam(&list, &t->o)) != NULL;
    tsr_named_list_free(&list);
    return ok;
}

static bool fill_trainer(tsr_vqgan_trainer *t)
{
    const tsr_vqgan_config *c = tsr_vqgan_get_config(t->model);
    tsr_mark m = tsr_scope_open();
    bool ok = c && generator_parameters(t->model, &t->parameters) == TSR_OK;
    ok = ok && (t->opt_g = new_adam(&t->parameters, &t->o)) && (!t->disc || add_discriminator_optimiser(t));
    ok = ok && (t->steps = tsr_keep(tsr_zeros(TSR_SCALAR_SHAPE, .dtype = TSR_I64)));
    if (ok && t->o.ema > 0) ok = (t->ema = tsr_ema_new(t->parameters.v, t->parameters.n, t->o.ema)) != NULL;
    if (ok && t->o.revive_below > 0) ok = (t->usage = tsr_keep(tsr_ones(TSR_SHAPE(c->n_embed)))) != NULL;
    t->last_layer = tsr_module_tensor(t->model, "decoder.conv_out.weight");
    tsr_scope_close(m);
    return ok && t->last_layer;
}

tsr_vqgan_trainer *tsr_vqgan_trainer_new(tsr_module *vqgan, const tsr_vqgan_train_options *options)
{
    if (!tsr_vqgan_get_config(vqgan)) return NULL;
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
    if (t->o.perceptual_weight == 0) t->o.perceptual_weight = 1;
    t->disc = t->o.disc_weight > 0 ? disc : NULL;
    if (fill_trainer(t)) return t;
    tsr_vqgan_trainer_free(t);
    return NULL;
}

void tsr_vqgan_trainer_free(tsr_vqgan_trainer *t)
{
    if (!t) return;
    tsr_optim_free(t->opt_g);
    tsr_optim_free(t->opt_d);
    tsr_named_list_free(&t->parameters);
    tsr_ema_free(t->ema);
    tsr_release(t->steps);
    tsr_release(t->usage);
    tsr_free(t);
}

int64_t tsr_vqgan_trainer_steps(const tsr_vqgan_trainer *t) { return t ? tsr_item_int(t->steps) : 0; }
tsr_status tsr_vqgan_trainer_swap_ema(tsr_vqgan_trainer *t) { return t && t->ema ? tsr_ema_swap(t->ema) : TSR_OK; }

/* The step in work, counted from 1 as those that are done. */
static long long this_step(const tsr_vqgan_trainer *t) { return (long long)tsr_vqgan_trainer_steps(t) + 1; }

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
static bool run_forward(tsr_vqgan_trainer *t, tsr_tensor *x, bool adversarial, forward_pass *f)
{
    *f = (forward_pass){.features = tsr_vqgan_features(t->model, x)};
    tsr_quantized q = vqgan_quantize(t->model, f->features);
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

/* ---- the two updates -------------------------------------------------------------------------------------------------------- */

static double number(tsr_tensor *t) { return t ? tsr_item(t) : 0; }

static tsr_status update_generator(tsr_vqgan_trainer *t, const forward_pass *f, tsr_vqgan_terms *terms)
{
    tsr_status status = tsr_backward(f->objective);
    if (status == TSR_OK) /* without a limit it only measures */
        status = tsr_clip_grad_norm(t->parameters.v, t->parameters.n, t->o.clip, &terms->grad_norm);
    if (status == TSR_OK && !isfinite(terms->grad_norm))
        status = tsr_fail(TSR_ENUMERIC, "step %lld: the gradient's norm is not finite, though the loss is",
                          this_step(t));
    if (status == TSR_OK) status = tsr_optim_step(t->opt_g);
    if (status == TSR_OK && t->ema) status = tsr_ema_update(t->ema);
    return status;
}

/* What the discriminator is shown as a fake. */
static tsr_tensor *fake_pictures(tsr_vqgan_trainer *t, tsr_tensor *x, const forward_pass *f)
{
    if (!t->o.disc_refresh) return tsr_detach(f->reconstruction);
    bool was = tsr_set_grad_enabled(false);
    tsr_tensor *fresh = tsr_vqgan_decode(t->model, vqgan_quantize(t->model, tsr_vqgan_features(t->model, x)).quantized);
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

static tsr_status update_discriminator(tsr_vqgan_trainer *t, tsr_tensor *x, const forward_pass *f, bool learns,
                                       tsr_vqgan_terms *terms)
{
    tsr_status status = tsr_module_requires_grad(t->disc, true);
    if (status != TSR_OK) return status;
    tsr_tensor *shown = fake_pictures(t, x, f);
    tsr_tensor *real = tsr_forward(t->disc, x), *fake = tsr_forward(t->disc, shown);
    tsr_tensor *loss = tsr_mul(discriminator_term(t, real, fake), tsr_scalar(learns ? 1 : 0));
    if (!loss) return tsr_error_status();
    terms->disc_loss = tsr_item(loss);
    terms->logits_real = number(tsr_mean(real));
    terms->logits_fake = number(tsr_mean(fake));
    if (!isfinite(terms->disc_loss)) return tsr_fail(TSR_ENUMERIC, "step %lld: disc_loss is not finite", this_step(t));
    tsr_optim_zero_grad(t->opt_d);
    status = learns ? tsr_backward(loss) : set_zero_gradients(t->disc);
    if (status == TSR_OK) status = tsr_optim_step(t->opt_d); /* also of zero gradients: Adam counts its steps */
    tsr_optim_zero_grad(t->opt_d);
    return status;
}

/* ---- a step -------------------------------------------------------------------------------------------------------------------- */

static tsr_status explain(tsr_vqgan_trainer *t, tsr_tensor *x, bool adversarial, const tsr_vqgan_terms *terms)
{
    watch w;
    forward_pass f;
    const char *term = !isfinite(terms->nll_loss)        ? "nll_loss"
                       : !isfinite(terms->codebook_loss) ? "codebook_loss"
                       : !isfinite(terms->g_loss)        ? "g_loss"
                       : !isfinite(terms->d_weight)      ? "d_weight"
                                                         : "total_loss";
    watch_start(&w);
    run_forward(t, x, adversarial, &f);
    watch_stop();
    return tsr_fail(TSR_ENUMERIC, "step %lld: %s is not finite; the first operator with such a result is %s",
                    this_step(t), term, w.first[0] ? w.first : "none when computed again");
}

static void set_rates(tsr_vqgan_trainer *t, int64_t step, tsr_vqgan_terms *terms)
{
    terms->lr = t->o.lr * tsr_schedule_factor(&t->o.schedule, step);
    tsr_optim_set_lr(t->opt_g, -1, terms->lr);
    if (t->opt_d) tsr_optim_set_lr(t->opt_d, -1, terms->lr);
}

static tsr_status prepare_codebook(tsr_vqgan_trainer *t, tsr_tensor *x, int64_t step)
{
    if (step > 0 || t->o.kmeans_steps <= 0) return TSR_OK;
    bool was = tsr_set_grad_enabled(false);
    tsr_tensor *features = tsr_vqgan_features(t->model, x);
    tsr_set_grad_enabled(was);
    if (!features) return tsr_error_status();
    return tsr_vqgan_init_codebook(t->model, features, t->o.kmeans_steps, NULL);
}

static tsr_status run_step(tsr_vqgan_trainer *t, tsr_tensor *x, tsr_vqgan_terms *terms)
{
    int64_t step = tsr_vqgan_trainer_steps(t);
    bool adversarial = t->disc && step >= t->o.disc_start;
    forward_pass f;
    tsr_optim_zero_grad(t->opt_g); /* before activations need the memory */
    tsr_status status = prepare_codebook(t, x, step);
    if (status == TSR_OK && t->disc) status = tsr_module_requires_grad(t->disc, false);
    if (status != TSR_OK || !run_forward(t, x, adversarial, &f)) return tsr_error_status();
    *terms = (tsr_vqgan_terms){.total_loss = number(f.total),
                               .nll_loss = number(f.nll),
                               .g_loss = number(f.g_loss),
                               .codebook_loss = number(f.codebook_loss),
                               .d_weight = number(f.weight)};
    if (!isfinite(terms->total_loss)) return explain(t, x, adversarial, terms);
    set_rates(t, step, terms);
    if (!quantizer_learn(tsr_module_child(t->model, "quantize"), f.features, f.indices)) return tsr_error_status();
    status = update_generator(t, &f, terms);
    bool learns = t->disc && step >= t->o.disc_start - t->o.disc_warmup;
    if (status == TSR_OK && t->disc) status = update_discriminator(t, x, &f, learns, terms);
    if (status == TSR_OK && t->usage)
        status = codebook_revive(t->model, t->usage, f.features, f.indices, t->o.revive_below);
    if (status == TSR_OK && !tsr_add_(t->steps, tsr_scalar_int(1))) status = tsr_error_status();
    return status;
}

tsr_status tsr_vqgan_trainer_step(tsr_vqgan_trainer *t, tsr_tensor *pictures, tsr_vqgan_terms *terms)
{
    tsr_vqgan_terms unused;
    if (tsr_error_status() != TSR_OK) return tsr_error_status();
    if (!t || !pictures) return tsr_fail(TSR_EINVAL, "VQGAN training step: the %s is NULL", t ? "batch" : "trainer");
    tsr_mark m = tsr_scope_open();
    tsr_module_train(t->model, true);
    tsr_status status = run_step(t, pictures, terms ? terms : &unused);
    tsr_scope_close(m);
    return status;
}

/* ---- state ------------------------------------------------------------------------------------------------------------------------ */

tsr_status tsr_vqgan_trainer_state_dict(tsr_vqgan_trainer *t, tsr_named_list *out)
{
    tsr_status status = tsr_named_list_add(out, "train.steps", t->steps);
    if (status == TSR_OK) status = tsr_optim_state_dict(t->opt_g, "train.optim.g.", out);
    if (status == TSR_OK && t->opt_d) status = tsr_optim_state_dict(t->opt_d, "train.optim.d.", out);
    if (status == TSR_OK && t->ema) status = tsr_ema_state_dict(t->ema, "train.ema.", out);
    if (status == TSR_OK && t->usage) status = tsr_named_list_add(out, "train.usage", t->usage);
    return status;
}

static tsr_status restore_tensor(tsr_tensor *into, const char *name, const tsr_named *tensors, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!strcmp(tensors[i].name, name)) {
            if (tsr_numel(tensors[i].tensor) != tsr_numel(into))
                return tsr_fail(TSR_EINVAL, "training state: '%s' has another size", name);
            return tsr_copy_(into, tensors[i].tensor) ? TSR_OK : tsr_error_status();
        }
    return tsr_fail(TSR_EINVAL, "training state: there is no '%s'; the file holds weights only", name);
}

tsr_status tsr_vqgan_trainer_load_state_dict(tsr_vqgan_trainer *t, const tsr_named *tensors, int64_t n)
{
    tsr_mark m = tsr_scope_open();
    tsr_status status = restore_tensor(t->steps, "train.steps", tensors, n);
    if (status == TSR_OK) status = tsr_optim_load_state_dict(t->opt_g, "train.optim.g.", tensors, n);
    if (status == TSR_OK && t->opt_d) status = tsr_optim_load_state_dict(t->opt_d, "train.optim.d.", tensors, n);
    if (status == TSR_OK && t->ema) status = tsr_ema_load_state_dict(t->ema, "train.ema.", tensors, n);
    if (status == TSR_OK && t->usage) status = restore_tensor(t->usage, "train.usage", tensors, n);
    tsr_scope_close(m);
    return status;
}
