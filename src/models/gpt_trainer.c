/* gpt_trainer.c: training of the prior: AdamW with weight decay on the weights of linear layers only. */
#include <math.h>
#include <string.h>

#include "gpt_parts.h"
#include "tessera/autograd.h"
#include "tessera/memory.h"
#include "watch.h"

struct tsr_gpt_trainer {
    tsr_module *model; /* borrowed */
    tsr_gpt_train_options o;
    tsr_optim *optim;
    tsr_named_list parameters;
    tsr_ema *ema;
    tsr_tensor *steps; /* 0-d i64, reference */
};

/* Weights of two dimensions are those of linear layers, but for the token embedding. */
static bool is_decayed(const tsr_named *p) { return tsr_ndim(p->tensor) == 2 && !strstr(p->name, "tok_emb"); }

static bool add_group(tsr_gpt_trainer *t, bool decayed, double weight_decay)
{
    tsr_named_list list = {0};
    tsr_optim_options o = {.lr = t->o.lr == 0 ? TSR_ZERO : t->o.lr,
                           .beta1 = t->o.beta1,
                           .beta2 = t->o.beta2,
                           .weight_decay = weight_decay};
    bool ok = true;
    for (int64_t i = 0; ok && i < t->parameters.n; i++)
        if (is_decayed(&t->parameters.v[i]) == decayed)
            ok = tsr_named_list_add(&list, t->parameters.v[i].name, t->parameters.v[i].tensor) == TSR_OK;
    ok = ok && tsr_optim_add_group(t->optim, list.v, list.n, &o) >= 0;
    tsr_named_list_free(&list);
    return ok;
}

static bool fill_trainer(tsr_gpt_trainer *t)
{
    double decay = tsr_or_default(t->o.weight_decay, 0.01);
    t->o.beta1 = tsr_or_default(t->o.beta1, 0.9);
    t->o.beta2 = tsr_or_default(t->o.beta2, 0.95);
    tsr_mark m = tsr_scope_open();
    bool ok = tsr_module_parameters(t->model, &t->parameters) == TSR_OK;
    ok = ok && (t->optim = tsr_optim_new(TSR_OPTIM_ADAMW, NULL)) && add_group(t, true, decay) && add_group(t, false, 0);
    ok = ok && (t->steps = tsr_keep(tsr_zeros(TSR_SCALAR_SHAPE, .dtype = TSR_I64)));
    if (ok && t->o.ema > 0) ok = (t->ema = tsr_ema_new(t->parameters.v, t->parameters.n, t->o.ema)) != NULL;
    tsr_scope_close(m);
    return ok;
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
    tsr_optim_free(t->optim);
    tsr_named_list_free(&t->parameters);
    tsr_ema_free(t->ema);
    tsr_release(t->steps);
    tsr_free(t);
}

int64_t tsr_gpt_trainer_steps(const tsr_gpt_trainer *t) { return t ? tsr_item_int(t->steps) : 0; }
tsr_status tsr_gpt_trainer_swap_ema(tsr_gpt_trainer *t) { return t && t->ema ? tsr_ema_swap(t->ema) : TSR_OK; }

/* The step in work, counted from 1 as those that are done. */
static long long this_step(const tsr_gpt_trainer *t) { return (long long)tsr_gpt_trainer_steps(t) + 1; }

/* ---- a step --------------------------------------------------------------------------------------------------------- */

static tsr_status explain(tsr_gpt_trainer *t, tsr_tensor *codes, tsr_tensor *cond)
{
    watch w;
    watch_start(&w);
    tsr_gpt_loss(t->model, codes, cond);
    watch_stop();
    return tsr_fail(TSR_ENUMERIC, "step %lld: the loss is not finite; the first operator with such a result is %s",
                    this_step(t), w.first[0] ? w.first : "none when computed again");
}

static tsr_status run_step(tsr_gpt_trainer *t, tsr_tensor *codes, tsr_tensor *cond, tsr_gpt_terms *terms)
{
    tsr_optim_zero_grad(t->optim); /* before activations need the memory */
    tsr_tensor *loss = gpt_noisy_loss(t->model, codes, cond, t->o.pkeep);
    *terms = (tsr_gpt_terms){.loss = loss ? tsr_item(loss) : 0};
    if (!loss) return tsr_error_status();
    if (!isfinite(terms->loss)) return explain(t, codes, cond);
    terms->lr = t->o.lr * tsr_schedule_factor(&t->o.schedule, tsr_gpt_trainer_steps(t));
    tsr_optim_set_lr(t->optim, -1, terms->lr);
    tsr_status status = tsr_backward(loss);
    if (status == TSR_OK) /* without a limit it only measures */
        status = tsr_clip_grad_norm(t->parameters.v, t->parameters.n, t->o.clip, &terms->grad_norm);
    if (status == TSR_OK && !isfinite(terms->grad_norm))
        status = tsr_fail(TSR_ENUMERIC, "step %lld: the gradient's norm is not finite, though the loss is",
                          this_step(t));
    if (status == TSR_OK) status = tsr_optim_step(t->optim);
    if (status == TSR_OK && t->ema) status = tsr_ema_update(t->ema);
    if (status == TSR_OK && !tsr_add_(t->steps, tsr_scalar_int(1))) status = tsr_error_status();
    return status;
}

tsr_status tsr_gpt_trainer_step(tsr_gpt_trainer *t, tsr_tensor *codes, tsr_tensor *cond, tsr_gpt_terms *terms)
{
    tsr_gpt_terms unused;
    if (tsr_error_status() != TSR_OK) return tsr_error_status();
    if (!t || !codes || !cond) return tsr_fail(TSR_EINVAL, "prior training step: an argument is NULL");
    tsr_mark m = tsr_scope_open();
    tsr_module_train(t->model, true);
    tsr_status status = run_step(t, codes, cond, terms ? terms : &unused);
    tsr_scope_close(m);
    return status;
}

/* ---- state ------------------------------------------------------------------------------------------------------------- */

tsr_status tsr_gpt_trainer_state_dict(tsr_gpt_trainer *t, tsr_named_list *out)
{
    tsr_status status = tsr_named_list_add(out, "train.steps", t->steps);
    if (status == TSR_OK) status = tsr_optim_state_dict(t->optim, "train.optim.", out);
    if (status == TSR_OK && t->ema) status = tsr_ema_state_dict(t->ema, "train.ema.", out);
    return status;
}

tsr_status tsr_gpt_trainer_load_state_dict(tsr_gpt_trainer *t, const tsr_named *tensors, int64_t n)
{
    tsr_tensor *steps = NULL;
    for (int64_t i = 0; i < n; i++)
        if (!strcmp(tensors[i].name, "train.steps")) steps = tensors[i].tensor;
    if (!steps) return tsr_fail(TSR_EINVAL, "training state: there is no 'train.steps'; the file holds weights only");
    tsr_mark m = tsr_scope_open();
    tsr_status status = tsr_copy_(t->steps, steps) ? TSR_OK : tsr_error_status();
    if (status == TSR_OK) status = tsr_optim_load_state_dict(t->optim, "train.optim.", tensors, n);
    if (status == TSR_OK && t->ema) status = tsr_ema_load_state_dict(t->ema, "train.ema.", tensors, n);
    tsr_scope_close(m);
    return status;
}
