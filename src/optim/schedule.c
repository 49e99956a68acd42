/* schedule.c: learning-rate factors as functions of the step, gradient clipping, and averaged weights. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/util.h"
#include "tensor/tensor_impl.h"
#include "tessera/autograd.h"
#include "tessera/ops.h"
#include "tessera/optim.h"

/* How far the schedule is between warm-up's end (0) and its own (1). */
static double progress(const tsr_schedule *s, int64_t step)
{
    int64_t length = s->total - s->warmup;
    if (length <= 0) return 1;
    double x = (double)(step - s->warmup) / (double)length;
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

double tsr_schedule_factor(const tsr_schedule *s, int64_t step)
{
    if (step < s->warmup) return (double)(step + 1) / (double)s->warmup;
    switch (s->kind) {
    case TSR_SCHEDULE_COSINE:
        return s->floor + (1 - s->floor) * 0.5 * (1 + cos(acos(-1.0) * progress(s, step)));
    case TSR_SCHEDULE_LINEAR:
        return 1 + (s->floor - 1) * progress(s, step);
    case TSR_SCHEDULE_STEP:
        return s->period > 0 ? pow(s->gamma, (double)((step - s->warmup) / s->period)) : 1;
    case TSR_SCHEDULE_CONSTANT:
        break;
    }
    return 1;
}

/* ---- clipping --------------------------------------------------------------------------------------------------- */

static tsr_status total_norm(const tsr_named *p, int64_t n, double *norm)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!tsr_grad(p[i].tensor)) continue;
        tsr_mark m = tsr_scope_open();
        double x = tsr_item(tsr_linalg_vector_norm(tsr_grad(p[i].tensor)));
        tsr_scope_close(m);
        if (tsr_error_pending()) return tsr_error_status();
        sum += x * x;
    }
    *norm = sqrt(sum);
    return TSR_OK;
}

/* The factor max_norm / (norm + 1e-6) is PyTorch's. */
tsr_status tsr_clip_grad_norm(const tsr_named *parameters, int64_t n, double max_norm, double *norm)
{
    double total = 0;
    TSR_TRY(named_check("clip_grad_norm", parameters, n));
    bool was = tsr_set_grad_enabled(false);
    tsr_status status = total_norm(parameters, n, &total);
    double factor = status == TSR_OK ? max_norm / (total + 1e-6) : 1;
    for (int64_t i = 0; status == TSR_OK && max_norm > 0 && factor < 1 && i < n; i++) {
        if (!tsr_grad(parameters[i].tensor)) continue;
        tsr_mark m = tsr_scope_open();
        if (!tsr_mul_(tsr_grad(parameters[i].tensor), tsr_scalar(factor))) status = tsr_error_status();
        tsr_scope_close(m);
    }
    tsr_set_grad_enabled(was);
    if (status == TSR_OK && norm) *norm = total;
    return status;
}

/* ---- averaged weights ----------------------------------------------------------------------------------------------- */

struct tsr_ema {
    double decay;
    int64_t n;
    struct averaged {
        char *name;
        tsr_tensor *param, *average; /* references */
    } * v;
};

void tsr_ema_free(tsr_ema *e)
{
    if (!e) return;
    for (int64_t i = 0; e->v && i < e->n; i++) {
        tsr_release(e->v[i].param);
        tsr_release(e->v[i].average);
        tsr_free(e->v[i].name);
    }
    tsr_free(e->v);
    tsr_free(e);
}

static bool start_average(struct averaged *a, const tsr_named *p)
{
    tsr_mark m = tsr_scope_open();
    bool was = tsr_set_grad_enabled(false);
    a->name = tsr_strdup(p->name);
    a->param = tsr_keep(p->tensor);
    a->average = tsr_keep(tsr_clone(p->tensor));
    tsr_set_grad_enabled(was);
    tsr_scope_close(m);
    return a->name && a->average;
}

tsr_ema *tsr_ema_new(const tsr_named *parameters, int64_t n, double decay)
{
    if (!(decay >= 0 && decay <= 1)) {
        tsr_fail(TSR_EINVAL, "ema: decay %g is not between 0 and 1", decay);
        return NULL;
    }
    tsr_ema *e = tsr_alloc_zeroed(1, sizeof *e);
    if (!e) return NULL;
    e->decay = decay;
    e->n = n;
    e->v = tsr_alloc_zeroed((size_t)n + 1, sizeof *e->v);
    bool ok = e->v != NULL;
    for (int64_t i = 0; ok && i < n; i++) ok = start_average(&e->v[i], &parameters[i]);
    if (ok) return e;
    tsr_ema_free(e);
    return NULL;
}

typedef tsr_tensor *(*average_change)(struct averaged *a, double decay);

static tsr_status change_all(tsr_ema *e, average_change change)
{
    if (tsr_error_pending()) return tsr_error_status();
    bool was = tsr_set_grad_enabled(false);
    tsr_status status = TSR_OK;
    for (int64_t i = 0; status == TSR_OK && i < e->n; i++) {
        tsr_mark m = tsr_scope_open();
        if (!change(&e->v[i], e->decay)) status = tsr_error_status();
        tsr_scope_close(m);
    }
    tsr_set_grad_enabled(was);
    return status;
}

static tsr_tensor *move_average(struct averaged *a, double decay)
{
    return tsr_lerp_(a->average, a->param, tsr_scalar(1 - decay));
}

static tsr_tensor *exchange(struct averaged *a, double decay)
{
    (void)decay;
    tsr_tensor *kept = tsr_clone(a->param);
    if (!kept || !tsr_copy_(a->param, a->average)) return NULL;
    return tsr_copy_(a->average, kept);
}

double tsr_ema_warm_decay(double decay, int64_t n) { return fmin(decay, (1 + (double)n) / (10 + (double)n)); }

void tsr_ema_set_decay(tsr_ema *e, double decay)
{
    if (e) e->decay = decay;
}

tsr_tensor *tsr_ema_average(const tsr_ema *e, const char *name)
{
    for (int64_t i = 0; e && i < e->n; i++)
        if (!strcmp(e->v[i].name, name)) return e->v[i].average;
    return NULL;
}

tsr_status tsr_ema_update(tsr_ema *e) { return change_all(e, move_average); }
tsr_status tsr_ema_swap(tsr_ema *e) { return change_all(e, exchange); }

static tsr_status each_average(tsr_ema *e, const char *prefix,
                               tsr_status (*visit)(const char *name, struct averaged *a, void *user), void *user)
{
    tsr_text name = {0};
    tsr_status status = TSR_OK;
    for (int64_t i = 0; status == TSR_OK && i < e->n; i++) {
        name.length = 0;
        tsr_text_add(&name, "%s%s", prefix, e->v[i].name);
        status = name.failed ? TSR_ENOMEM : visit(tsr_text_get(&name), &e->v[i], user);
    }
    tsr_text_free(&name);
    return status;
}

static tsr_status list_average(const char *name, struct averaged *a, void *user)
{
    return tsr_named_list_add(user, name, a->average);
}

static tsr_status restore_average(const char *name, struct averaged *a, void *user)
{
    tsr_tensor *given = tsr_map_get(user, name);
    if (!given) return tsr_fail(TSR_EINVAL, "ema: there is no '%s' to restore", name);
    if (!tsr_shape_equal(tsr_shape_of(given), tsr_shape_of(a->average)))
        return tsr_fail(TSR_EINVAL, "ema: '%s' does not have its parameter's shape", name);
    tsr_mark m = tsr_scope_open();
    bool was = tsr_set_grad_enabled(false);
    tsr_status status = tsr_copy_(a->average, given) ? TSR_OK : tsr_error_status();
    tsr_set_grad_enabled(was);
    tsr_scope_close(m);
    return status;
}

tsr_status tsr_ema_state_dict(tsr_ema *e, const char *prefix, tsr_named_list *out)
{
    return each_average(e, prefix, list_average, out);
}

tsr_status tsr_ema_load_state_dict(tsr_ema *e, const char *prefix, const tsr_named *tensors, int64_t n)
{
    tsr_map given = {0};
    tsr_status status = TSR_OK;
    for (int64_t i = 0; status == TSR_OK && i < n; i++)
        if (!tsr_map_put(&given, tensors[i].name, tensors[i].tensor)) status = TSR_ENOMEM;
    if (status == TSR_OK) status = each_average(e, prefix, restore_average, &given);
    tsr_map_free(&given);
    return status;
}
