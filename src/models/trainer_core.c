/* trainer_core.c: see trainer_core.h. A step that fails changes nothing that is counted: the number of steps goes up last. */
#include "trainer_core.h"

#include <stdio.h>
#include <string.h>

#include "tessera/autograd.h"
#include "tessera/ops.h"
#include "watch.h"

bool trainer_start(trainer_core *c, double ema)
{
    tsr_mark m = tsr_scope_open();
    c->steps = tsr_keep(tsr_zeros(TSR_SCALAR_SHAPE, .dtype = TSR_I64));
    tsr_scope_close(m);
    c->decay = ema;
    if (c->steps && ema > 0) c->ema = tsr_ema_new(c->parameters.v, c->parameters.n, ema);
    return c->steps && (c->ema || ema == 0);
}

void trainer_free(trainer_core *c)
{
    tsr_optim_free(c->optim);
    tsr_named_list_free(&c->parameters);
    tsr_ema_free(c->ema);
    tsr_release(c->steps);
}

int64_t trainer_steps(const trainer_core *c) { return tsr_item_int(c->steps); }

tsr_status trainer_swap_ema(trainer_core *c) { return c->ema ? tsr_ema_swap(c->ema) : TSR_OK; }

/* ---- a step --------------------------------------------------------------------------------------------------------- */

double trainer_set_rate(trainer_core *c)
{
    double lr = c->lr * tsr_schedule_factor(&c->schedule, trainer_steps(c));
    tsr_optim_set_lr(c->optim, -1, lr);
    return lr;
}

tsr_status trainer_differentiate(trainer_core *c, tsr_tensor *loss, double *norm)
{
    tsr_status status = tsr_backward(loss);
    if (status != TSR_OK) return status;
    return tsr_clip_grad_norm(c->parameters.v, c->parameters.n, c->clip, norm); /* without a limit it only measures */
}

tsr_status trainer_update(trainer_core *c)
{
    tsr_status status = tsr_optim_step(c->optim);
    if (status != TSR_OK || !c->ema) return status;
    tsr_ema_set_decay(c->ema, tsr_ema_warm_decay(c->decay, trainer_steps(c)));
    return tsr_ema_update(c->ema);
}

tsr_status trainer_count_step(trainer_core *c)
{
    return tsr_add_(c->steps, tsr_scalar_int(1)) ? TSR_OK : tsr_error_status();
}

tsr_status trainer_explain(const trainer_core *c, const char *what, tsr_rng_state before, void (*again)(void *user),
                           void *user)
{
    watch w;
    long long step = (long long)trainer_steps(c) + 1; /* counted from 1, as those that are done */
    tsr_generator_set_state(tsr_default_generator(), before);
    watch_start(&w);
    again(user);
    watch_stop();
    return tsr_fail(TSR_ENUMERIC, "step %lld: %s is not finite; the first operator with such a result is %s", step,
                    what, w.first[0] ? w.first : "none when computed again");
}

/* ---- state ------------------------------------------------------------------------------------------------------------- */

tsr_status trainer_state(trainer_core *c, const char *prefix, tsr_named_list *out)
{
    tsr_status status = tsr_named_list_add(out, "train.steps", c->steps);
    if (status == TSR_OK) status = tsr_optim_state_dict(c->optim, prefix, out);
    if (status == TSR_OK && c->ema) status = tsr_ema_state_dict(c->ema, "train.ema.", out);
    return status;
}

static tsr_tensor *find(const char *name, const tsr_named *tensors, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!strcmp(tensors[i].name, name)) return tensors[i].tensor;
    return NULL;
}

tsr_status trainer_load_tensor(tsr_tensor *into, const char *name, const tsr_named *tensors, int64_t n)
{
    tsr_tensor *t = find(name, tensors, n);
    if (!t) return tsr_fail(TSR_EINVAL, "training state: there is no '%s'; the file holds weights only", name);
    if (tsr_dtype_of(t) != tsr_dtype_of(into) || !tsr_shape_equal(tsr_shape_of(t), tsr_shape_of(into)))
        return tsr_fail(TSR_EINVAL, "training state: '%s' is %s with %lld elements, not %s with %lld", name,
                        tsr_dtype_name(tsr_dtype_of(t)), (long long)tsr_numel(t), tsr_dtype_name(tsr_dtype_of(into)),
                        (long long)tsr_numel(into));
    return tsr_copy_(into, t) ? TSR_OK : tsr_error_status();
}

tsr_status trainer_load_optim(const trainer_core *c, tsr_optim *optim, const tsr_named_list *parameters,
                              const char *prefix, const tsr_named *tensors, int64_t n)
{
    char name[512];
    for (int64_t i = 0; trainer_steps(c) > 0 && i < parameters->n; i++) {
        snprintf(name, sizeof name, "%s%s.step", prefix, parameters->v[i].name);
        if (!find(name, tensors, n))
            return tsr_fail(TSR_EINVAL, "training state: there is no '%s', though %lld steps were done", name,
                            (long long)trainer_steps(c));
    }
    return tsr_optim_load_state_dict(optim, prefix, tensors, n);
}

tsr_status trainer_load_state(trainer_core *c, const char *prefix, const tsr_named *tensors, int64_t n)
{
    tsr_status status = trainer_load_tensor(c->steps, "train.steps", tensors, n);
    if (status == TSR_OK && trainer_steps(c) < 0)
        status = tsr_fail(TSR_EINVAL, "training state: 'train.steps' is %lld", (long long)trainer_steps(c));
    if (status == TSR_OK) status = trainer_load_optim(c, c->optim, &c->parameters, prefix, tensors, n);
    if (status == TSR_OK && c->ema) status = tsr_ema_load_state_dict(c->ema, "train.ema.", tensors, n);
    return status;
}
