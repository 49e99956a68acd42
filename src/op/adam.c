/* adam.c: Adam's and AdamW's update, by a kernel that passes over everything once. */
#include <math.h>

#include "op/op.h"
#include "op_gen.h"

static bool fits(const op_ctx *c, const tsr_tensor *t, const tsr_tensor *like, const char *name)
{
    bool ok = !t || (t->dtype == like->dtype && tensor_numel(t) == tensor_numel(like));
    if (!ok) op_fail(c, "%s %s does not match the parameter %s", name, tensor_shape_text(t), tensor_shape_text(like));
    return ok;
}

/* Kernels take flat arrays: what is dense in the parameter's own order of dimensions is flat as it lies. */
static bool flat(const tsr_tensor *t, const tsr_tensor *like)
{
    if (!shape_is_dense(t->ndim, t->shape, t->stride) || t->ndim != like->ndim) return false;
    for (int d = 0; d < t->ndim; d++)
        if (t->shape[d] != like->shape[d] || (t->shape[d] != 1 && t->stride[d] != like->stride[d])) return false;
    return true;
}

static array flat_array(const tsr_tensor *t)
{
    array a = array_of(t);
    a.shape[0] = tensor_numel(t);
    a.stride[0] = 1;
    a.ndim = 1;
    return a;
}

static tsr_tensor *laid_out_like(tsr_tensor *t, const tsr_tensor *like)
{
    if (flat(t, like)) return t;
    tsr_tensor *copy = tensor_empty_like(like, (tsr_dtype)like->dtype);
    return copy && op_copy(copy, t) ? copy : NULL;
}

static bool check_state(const op_ctx *c, const tsr_tensor *t, const tsr_tensor *p, const char *name)
{
    if (!fits(c, t, p, name)) return false;
    if (!t || flat(t, p)) return true;
    op_fail(c, "%s must lie in memory as the parameter does", name);
    return false;
}

tsr_tensor *op__adam_step_(op_ctx *c, const tsr__adam_step__args *a)
{
    tsr_tensor *p = a->input;
    if (!op_is_float(p) || !shape_is_dense(p->ndim, p->shape, p->stride))
        return op_fail(c, "the parameter must be a dense f32 or f64 tensor");
    if (!fits(c, a->grad, p, "grad") || !check_state(c, a->exp_avg, p, "exp_avg") ||
        !check_state(c, a->exp_avg_sq, p, "exp_avg_sq") || !check_state(c, a->max_exp_avg_sq, p, "max_exp_avg_sq"))
        return NULL;
    tsr_tensor *grad = laid_out_like(a->grad, p);
    if (!grad) return NULL;
    adam_params s = {.lr = a->lr,
                     .beta1 = a->beta1,
                     .beta2 = a->beta2,
                     .eps = a->eps,
                     .weight_decay = a->weight_decay,
                     .decoupled = a->decoupled,
                     .maximize = a->maximize};
    s.bias1 = 1 - pow(s.beta1, (double)a->step);
    s.bias2 = 1 - pow(s.beta2, (double)a->step);
    array ap = flat_array(p), ag = flat_array(grad), am = flat_array(a->exp_avg), av = flat_array(a->exp_avg_sq);
    array ax = a->max_exp_avg_sq ? flat_array(a->max_exp_avg_sq) : (array){0};
    bool ok = op_backend(p)->adam_step(&ap, &ag, &am, &av, a->max_exp_avg_sq ? &ax : NULL, &s);
    if (ok) {
        storage_wrote(a->exp_avg->storage);
        storage_wrote(a->exp_avg_sq->storage);
    }
    return ok ? p : NULL;
}
