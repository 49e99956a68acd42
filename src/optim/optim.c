/* optim.c: SGD, Adam and AdamW.

   Each parameter has a slot with its state, made at its first step. Adam's update is one kernel that passes over
   parameter, gradient and moments once; SGD's is made of in-place operators. Steps run without being recorded. */
#include "tessera/optim.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/profile.h"
#include "base/util.h"
#include "tensor/tensor_impl.h"
#include "tessera/autograd.h"
#include "op_gen.h"
#include "tessera/ops.h"

typedef struct slot {
    tsr_tensor *param; /* reference */
    char *name;
    int64_t group;
    tsr_tensor *state[3]; /* SGD: momentum buffer; Adam: exp_avg, exp_avg_sq, max_exp_avg_sq; references */
    tsr_tensor *step;     /* 0-d i64, Adam */
} slot;

struct tsr_optim {
    tsr_optim_kind kind;
    tsr_optim_options defaults;
    struct {
        tsr_optim_options *v;
        int64_t count, room;
    } groups;
    struct {
        slot *v;
        int64_t count, room;
    } slots;
};

static const char *const adam_names[] = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
static const char *const sgd_names[] = {"momentum_buffer"};

static const char *const *state_names(const tsr_optim *o, int *n)
{
    *n = o->kind == TSR_OPTIM_SGD ? 1 : 3;
    return o->kind == TSR_OPTIM_SGD ? sgd_names : adam_names;
}

/* ---- options ------------------------------------------------------------------------------------------------------- */

static tsr_optim_options complete(tsr_optim_kind kind, const tsr_optim_options *given)
{
    tsr_optim_options o = given ? *given : (tsr_optim_options){0};
    o.weight_decay = tsr_or_default(o.weight_decay, kind == TSR_OPTIM_ADAMW ? 0.01 : 0);
    if (kind == TSR_OPTIM_SGD) return o;
    o.lr = tsr_or_default(o.lr, 1e-3);
    o.beta1 = tsr_or_default(o.beta1, 0.9);
    o.beta2 = tsr_or_default(o.beta2, 0.999);
    o.eps = tsr_or_default(o.eps, 1e-8);
    return o;
}

static bool check(tsr_optim_kind kind, const tsr_optim_options *o)
{
    const char *wrong = NULL;
    if (!(o->lr >= 0)) wrong = "learning rate";
    if (kind == TSR_OPTIM_SGD && o->lr == 0 && !signbit(o->lr))
        wrong = "lr (SGD's is required; TSR_ZERO says 0 itself)";
    if (!(o->weight_decay >= 0)) wrong = "weight_decay";
    if (kind == TSR_OPTIM_SGD && !(o->momentum >= 0)) wrong = "momentum";
    if (kind == TSR_OPTIM_SGD && o->nesterov && (o->momentum <= 0 || o->dampening != 0))
        wrong = "nesterov (needs a momentum and no dampening)";
    if (kind != TSR_OPTIM_SGD && !(o->beta1 >= 0 && o->beta1 < 1 && o->beta2 >= 0 && o->beta2 < 1)) wrong = "beta";
    if (kind != TSR_OPTIM_SGD && !(o->eps >= 0)) wrong = "eps";
    if (wrong)
        tsr_fail(TSR_EINVAL, "optim: invalid %s (lr %g, weight_decay %g, betas %g %g, eps %g)", wrong, o->lr,
                 o->weight_decay, o->beta1, o->beta2, o->eps);
    return !wrong;
}

tsr_optim *tsr_optim_new(tsr_optim_kind kind, const tsr_optim_options *options)
{
    if (kind != TSR_OPTIM_SGD && kind != TSR_OPTIM_ADAM && kind != TSR_OPTIM_ADAMW) {
        tsr_fail(TSR_EINVAL, "optim: there is no kind %d of optimiser", (int)kind);
        return NULL;
    }
    tsr_optim_options all = complete(kind, options);
    if (!check(kind, &all)) return NULL;
    tsr_optim *o = tsr_alloc_zeroed(1, sizeof *o);
    if (o) o->kind = kind, o->defaults = all;
    return o;
}

static void drop_slot(slot *s)
{
    for (int i = 0; i < TSR_COUNT(s->state); i++) tsr_release(s->state[i]);
    tsr_release(s->step);
    tsr_release(s->param);
    tsr_free(s->name);
}

void tsr_optim_free(tsr_optim *o)
{
    if (!o) return;
    for (int64_t i = 0; i < o->slots.count; i++) drop_slot(&o->slots.v[i]);
    tsr_free(o->slots.v);
    tsr_free(o->groups.v);
    tsr_free(o);
}

/* ---- groups --------------------------------------------------------------------------------------------------------------- */

/* NULL is taken as what a failed tsr_optim_new returned while an error is pending. */
static bool is_given(const tsr_optim *o, const char *function)
{
    if (!o && !tsr_error_pending()) tsr_fail(TSR_EINVAL, "optim: %s: the optimiser is NULL", function);
    return o != NULL;
}

static bool add_slot(tsr_optim *o, const tsr_named *p, int64_t group)
{
    if (!tsr_requires_grad(p->tensor) || !tsr_is_leaf(p->tensor)) {
        tsr_fail(TSR_EINVAL, "optim: '%s' is not a leaf tensor that requires a gradient", p->name);
        return false;
    }
    for (int64_t i = 0; i < o->slots.count; i++)
        if (o->slots.v[i].param == p->tensor) {
            tsr_fail(TSR_EINVAL, "optim: some parameters appear in more than one parameter group: '%s'", p->name);
            return false;
        }
    if (o->slots.count == o->slots.room && !tsr_grow(&o->slots.v, o->slots.count, &o->slots.room, sizeof *o->slots.v))
        return false;
    char *name = tsr_strdup(p->name);
    if (!name) return false;
    o->slots.v[o->slots.count++] = (slot){.param = tsr_keep(p->tensor), .name = name, .group = group};
    return true;
}

int64_t tsr_optim_add_group(tsr_optim *o, const tsr_named *parameters, int64_t n, const tsr_optim_options *options)
{
    if (!is_given(o, "add_group") || named_check("optim: add_group", parameters, n) != TSR_OK) return -1;
    tsr_optim_options all = options ? complete(o->kind, options) : o->defaults;
    if (!check(o->kind, &all)) return -1;
    if (o->groups.count == o->groups.room &&
        !tsr_grow(&o->groups.v, o->groups.count, &o->groups.room, sizeof *o->groups.v))
        return -1;
    int64_t before = o->slots.count;
    for (int64_t i = 0; i < n; i++)
        if (!add_slot(o, &parameters[i], o->groups.count)) {
            while (o->slots.count > before) drop_slot(&o->slots.v[--o->slots.count]);
            return -1;
        }
    o->groups.v[o->groups.count] = all;
    return o->groups.count++;
}

int64_t tsr_optim_group_count(const tsr_optim *o) { return o ? o->groups.count : 0; }

tsr_status tsr_optim_set_lr(tsr_optim *o, int64_t group, double lr)
{
    if (!is_given(o, "set_lr")) return tsr_error_status();
    if (group < -1 || group >= o->groups.count)
        return tsr_fail(TSR_EINVAL, "optim: set_lr: there is no group %lld among %lld", (long long)group,
                        (long long)o->groups.count);
    if (!(lr >= 0)) return tsr_fail(TSR_EINVAL, "optim: set_lr: invalid learning rate %g", lr);
    for (int64_t i = 0; i < o->groups.count; i++)
        if (group < 0 || group == i) o->groups.v[i].lr = lr;
    return TSR_OK;
}

double tsr_optim_get_lr(const tsr_optim *o, int64_t group)
{
    return o && group >= 0 && group < o->groups.count ? o->groups.v[group].lr : 0;
}

void tsr_optim_zero_grad(tsr_optim *o)
{
    for (int64_t i = 0; o && i < o->slots.count; i++) tsr_set_grad(o->slots.v[i].param, NULL);
}

/* ---- steps ----------------------------------------------------------------------------------------------------------------- */

/* A state tensor, zero at first, owned by the slot. */
static tsr_tensor *state_of(slot *s, int i)
{
    if (!s->state[i]) s->state[i] = tsr_keep(tsr_zeros_like(s->param));
    return s->state[i];
}

/* In the operator's arguments 0 stands for the default. */
static double exact(double x) { return x == 0 ? TSR_ZERO : x; }

static tsr_status step_adam(tsr_optim *o, slot *s, tsr_tensor *grad)
{
    const tsr_optim_options *p = &o->groups.v[s->group];
    if (!s->step) s->step = tsr_keep(tsr_zeros(TSR_SCALAR_SHAPE, .dtype = TSR_I64));
    tsr_tensor *m = state_of(s, 0), *v = state_of(s, 1), *vmax = p->amsgrad ? state_of(s, 2) : NULL;
    if (!s->step || !m || !v || (p->amsgrad && !vmax) || !tsr_add_(s->step, tsr_scalar_int(1)))
        return tsr_error_status();
    bool ok = tsr__adam_step_(s->param, grad, m, v, vmax, .step = tsr_item_int(s->step), .lr = exact(p->lr),
                              .beta1 = exact(p->beta1), .beta2 = exact(p->beta2), .eps = exact(p->eps),
                              .weight_decay = p->weight_decay, .decoupled = o->kind == TSR_OPTIM_ADAMW,
                              .maximize = p->maximize) != NULL;
    return ok ? TSR_OK : tsr_error_status();
}

/* PyTorch's form: v <- momentum v + (1 - dampening) g, starting with v = g. */
static tsr_status step_sgd(tsr_optim *o, slot *s, tsr_tensor *grad)
{
    const tsr_optim_options *p = &o->groups.v[s->group];
    if (p->maximize) grad = tsr_neg(grad);
    if (p->weight_decay != 0) grad = tsr_add(grad, s->param, .alpha = TSR_FLOAT(p->weight_decay));
    if (p->momentum != 0 && !s->state[0]) {
        s->state[0] = tsr_keep(tsr_clone(grad));
    } else if (p->momentum != 0) {
        tsr_tensor *v = tsr_mul_(s->state[0], tsr_scalar(p->momentum));
        if (!tsr_add_(v, grad, .alpha = TSR_FLOAT(1 - p->dampening))) return tsr_error_status();
    }
    if (p->momentum != 0 && p->nesterov) grad = tsr_add(grad, s->state[0], .alpha = TSR_FLOAT(p->momentum));
    else if (p->momentum != 0) grad = s->state[0];
    return tsr_add_(s->param, grad, .alpha = TSR_FLOAT(-p->lr)) ? TSR_OK : tsr_error_status();
}

tsr_status tsr_optim_step(tsr_optim *o)
{
    if (tsr_error_pending()) return tsr_error_status();
    if (!o) return tsr_fail(TSR_EINVAL, "optim_step: the optimiser is NULL");
    profile_frame f;
    profile_enter_range(&f, "optimizer");
    bool was = tsr_set_grad_enabled(false);
    tsr_status status = TSR_OK;
    for (int64_t i = 0; status == TSR_OK && i < o->slots.count; i++) {
        tsr_tensor *grad = tsr_grad(o->slots.v[i].param);
        if (!grad) continue;
        tsr_mark m = tsr_scope_open();
        status = o->kind == TSR_OPTIM_SGD ? step_sgd(o, &o->slots.v[i], grad) : step_adam(o, &o->slots.v[i], grad);
        tsr_scope_close(m);
    }
    tsr_set_grad_enabled(was);
    profile_leave(&f);
    return status;
}

/* ---- state --------------------------------------------------------------------------------------------------------------------- */

typedef tsr_status (*slot_tensor_visitor)(const char *name, tsr_tensor **at, slot *s, bool is_step, void *user);

static tsr_status each_state(tsr_optim *o, const char *prefix, slot_tensor_visitor visit, void *user)
{
    int n;
    const char *const *names = state_names(o, &n);
    tsr_text name = {0};
    tsr_status status = TSR_OK;
    for (int64_t i = 0; status == TSR_OK && i < o->slots.count; i++)
        for (int k = 0; status == TSR_OK && k <= n; k++) {
            slot *s = &o->slots.v[i];
            name.length = 0;
            tsr_text_add(&name, "%s%s.%s", prefix, s->name, k < n ? names[k] : "step");
            status = name.failed ? TSR_ENOMEM
                                 : visit(tsr_text_get(&name), k < n ? &s->state[k] : &s->step, s, k == n, user);
        }
    tsr_text_free(&name);
    return status;
}

static tsr_status add_to_list(const char *name, tsr_tensor **at, slot *s, bool is_step, void *user)
{
    (void)s;
    (void)is_step;
    return *at ? tsr_named_list_add(user, name, *at) : TSR_OK;
}

tsr_status tsr_optim_state_dict(tsr_optim *o, const char *prefix, tsr_named_list *out)
{
    return each_state(o, prefix, add_to_list, out);
}

/* What is being restored; of the parameter in work: whether any of its state is there, and what is not but should be. */
typedef struct loading {
    const tsr_optim *optim;
    tsr_map given;
    bool any;
    char missing[256];
} loading;

static bool is_needed(const tsr_optim *o, const slot *s, const tsr_tensor *const *at, bool is_step)
{
    const tsr_optim_options *p = &o->groups.v[s->group];
    if (o->kind == TSR_OPTIM_SGD) return !is_step && p->momentum != 0;
    return is_step || at != (const tsr_tensor *const *)&s->state[2] || p->amsgrad;
}

/* Looked at before anything is replaced. A parameter's state is there as a whole or not at all; its step comes last. */
static tsr_status check_state(const char *name, tsr_tensor **at, slot *s, bool is_step, void *user)
{
    loading *l = user;
    tsr_tensor *given = tsr_map_get(&l->given, name);
    if (given && !tsr_shape_equal(tsr_shape_of(given), is_step ? TSR_SCALAR_SHAPE : tsr_shape_of(s->param)))
        return tsr_fail(TSR_EINVAL, "optim: state '%s' does not have its parameter's shape", name);
    l->any |= given != NULL;
    if (!given && !l->missing[0] && is_needed(l->optim, s, (const tsr_tensor *const *)at, is_step))
        snprintf(l->missing, sizeof l->missing, "%s", name);
    if (!is_step) return TSR_OK;
    if (l->any && l->missing[0])
        return tsr_fail(TSR_EINVAL, "optim: there is no state '%s', though there is other state of that parameter",
                        l->missing);
    l->any = false;
    l->missing[0] = 0;
    return TSR_OK;
}

/* Laid out as the parameter is, for kernels that pass over both as they lie. */
static tsr_status restore(const char *name, tsr_tensor **at, slot *s, bool is_step, void *user)
{
    tsr_tensor *given = tsr_map_get(&((loading *)user)->given, name), *copy = NULL;
    tsr_mark m = tsr_scope_open();
    if (given && is_step) copy = tsr_empty(TSR_SCALAR_SHAPE, .dtype = TSR_I64);
    else if (given) copy = tsr_empty_like(s->param);
    copy = given ? tsr_keep(tsr_copy_(copy, given)) : NULL;
    tsr_scope_close(m);
    if (given && !copy) return tsr_error_status();
    tsr_release(*at);
    *at = copy;
    return TSR_OK;
}

tsr_status tsr_optim_load_state_dict(tsr_optim *o, const char *prefix, const tsr_named *tensors, int64_t n)
{
    loading l = {.optim = o};
    tsr_status status = named_check("optim: load_state_dict", tensors, n);
    for (int64_t i = 0; status == TSR_OK && i < n; i++)
        if (!tsr_map_put(&l.given, tensors[i].name, tensors[i].tensor)) status = TSR_ENOMEM;
    bool was = tsr_set_grad_enabled(false);
    if (status == TSR_OK) status = each_state(o, prefix, check_state, &l);
    if (status == TSR_OK) status = each_state(o, prefix, restore, &l);
    tsr_set_grad_enabled(was);
    tsr_map_free(&l.given);
    return status;
}
