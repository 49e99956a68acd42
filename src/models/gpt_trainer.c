/* gpt_trainer.c: training of the prior: AdamW with weight decay on the weights of linear layers only. */
#include <math.h>
#include <string.h>

#include "gpt_parts.h"
#include "tessera/memory.h"
#include "tessera/profile.h"
#include "trainer_core.h"

struct tsr_gpt_trainer {
    tsr_module *model; /* borrowed */
    tsr_gpt_train_options o;
    trainer_core core;
};

/* Weights of two dimensions are those of linear layers, but for the token embedding. */
static bool is_decayed(const tsr_named *p) { return tsr_ndim(p->tensor) == 2 && !strstr(p->name, "tok_emb"); }

static bool add_group(tsr_gpt_trainer *t, bool decayed, double weight_decay)
{
    const tsr_named_list *all = &t->core.parameters;
    tsr_named_list list = {0};
    tsr_optim_options o = {.lr = t->o.lr == 0 ? TSR_ZERO : t->o.lr,
                           .beta1 = t->o.beta1,
                           .beta2 = t->o.beta2,
                           .weight_decay = weight_decay == 0 ? TSR_ZERO : weight_decay};
    bool ok = true;
    for (int64_t i = 0; ok && i < all->n; i++)
        if (is_decayed(&all->v[i]) == decayed)
            ok = tsr_named_list_add(&list, all->v[i].name, all->v[i].tensor) == TSR_OK;
    ok = ok && tsr_optim_add_group(t->core.optim, list.v, list.n, &o) >= 0;
    tsr_named_list_free(&list);
    return ok;
}

static bool fill_trainer(tsr_gpt_trainer *t)
{
    double decay = tsr_or_default(t->o.weight_decay, 0.01);
    t->o.beta1 = tsr_or_default(t->o.beta1, 0.9);
    t->o.beta2 = tsr_or_default(t->o.beta2, 0.95);
    t->core.lr = t->o.lr;
    t->core.schedule = t->o.schedule;
    t->core.clip = t->o.clip;
    return tsr_module_parameters(t->model, &t->core.parameters) == TSR_OK &&
           (t->core.optim = tsr_optim_new(TSR_OPTIM_ADAMW, NULL)) && add_group(t, true, decay) &&
           add_group(t, false, 0) && trainer_start(&t->core, t->o.ema);
}

tsr_gpt_trainer *tsr_gpt_trainer_new(tsr_module *gpt, const tsr_gpt_train_options *options)
{
    if (!tsr_gpt_get_config(gpt)) return NULL;
    if (!options) {
        tsr_fail(TSR_EINVAL, "training: the options are NULL");
        return NULL;
    }
    if (!(options->lr >= 0) || !(options->ema >= 0 && options->ema < 1) ||
        !(options->pkeep >= 0 && options->pkeep <= 1)) {
        tsr_fail(TSR_EINVAL, "training: learning rate %g, ema %g or pkeep %g is out of range", options->lr,
                 options->ema, options->pkeep);
        return NULL;
    }
    tsr_gpt_trainer *t = tsr_alloc_zeroed(1, sizeof *t);
    if (!t) return NULL;
    t->model = gpt;
    t->o = *options;
    if (fill_trainer(t)) return t;
    tsr_gpt_trainer_free(t);
    return NULL;
}

void tsr_gpt_trainer_free(tsr_gpt_trainer *t)
{
    if (!t) return;
    trainer_free(&t->core);
    tsr_free(t);
}

int64_t tsr_gpt_trainer_steps(const tsr_gpt_trainer *t) { return t ? trainer_steps(&t->core) : 0; }
tsr_status tsr_gpt_trainer_swap_ema(tsr_gpt_trainer *t) { return t ? trainer_swap_ema(&t->core) : TSR_OK; }

/* ---- a step --------------------------------------------------------------------------------------------------------- */

typedef struct step {
    tsr_gpt_trainer *t;
    tsr_tensor *codes, *cond;
} step;

static tsr_tensor *loss_of(const step *s)
{
    tsr_profile_range_begin("forward");
    tsr_tensor *loss = gpt_noisy_loss(s->t->model, s->codes, s->cond, s->t->o.pkeep);
    tsr_profile_range_end();
    return loss;
}

static void run_again(void *user)
{
    double norm;
    tsr_tensor *loss = loss_of(user);
    if (loss) trainer_differentiate(&((step *)user)->t->core, loss, &norm);
}

static tsr_status run_step(step *s, tsr_gpt_terms *terms)
{
    trainer_core *c = &s->t->core;
    tsr_rng_state before = tsr_generator_get_state(tsr_default_generator());
    tsr_optim_zero_grad(c->optim); /* before activations need the memory */
    tsr_tensor *loss = loss_of(s);
    *terms = (tsr_gpt_terms){.loss = loss ? tsr_item(loss) : 0};
    if (!loss) return tsr_error_status();
    if (!isfinite(terms->loss)) return trainer_explain(c, "the loss", before, run_again, s);
    terms->lr = trainer_set_rate(c);
    tsr_status status = trainer_differentiate(c, loss, &terms->grad_norm);
    if (status == TSR_OK && !isfinite(terms->grad_norm))
        return trainer_explain(c, "the gradient's norm", before, run_again, s);
    if (status == TSR_OK) status = trainer_update(c);
    return status == TSR_OK ? trainer_count_step(c) : status;
}

tsr_status tsr_gpt_trainer_step(tsr_gpt_trainer *t, tsr_tensor *codes, tsr_tensor *cond, tsr_gpt_terms *terms)
{
    tsr_gpt_terms unused;
    if (tsr_error_status() != TSR_OK) return tsr_error_status();
    if (!t || !codes || !cond) return tsr_fail(TSR_EINVAL, "prior training step: an argument is NULL");
    tsr_mark m = tsr_scope_open();
    tsr_module_train(t->model, true);
    tsr_status status = run_step(&(step){t, codes, cond}, terms ? terms : &unused);
    tsr_scope_close(m);
    return status;
}

/* ---- state ------------------------------------------------------------------------------------------------------------- */

tsr_status tsr_gpt_trainer_state_dict(tsr_gpt_trainer *t, tsr_named_list *out)
{
    return trainer_state(&t->core, "train.optim.", out);
}

tsr_status tsr_gpt_trainer_load_state_dict(tsr_gpt_trainer *t, const tsr_named *tensors, int64_t n)
{
    tsr_mark m = tsr_scope_open();
    tsr_status status = trainer_load_state(&t->core, "train.optim.", tensors, n);
    tsr_scope_close(m);
    return status;
}
