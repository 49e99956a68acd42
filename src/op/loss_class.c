/* loss_class.c: losses of classification. Classes are dimension 1 of [N, C, ...], or the only one of [C]; everything is
   brought to the first form by adding dimensions of size 1. */
#include "op/loss.h"
#include "op/pointwise.h"
#include "op_gen.h"

#include <string.h>

/* ---- class indices ------------------------------------------------------------------------------------------------- */

/* What a loss by class index works with. */
typedef struct labels {
    tsr_tensor *logp;    /* [N, C, ...] */
    tsr_tensor *classes; /* [N, 1, ...], where ignored class 0 */
    tsr_tensor *counted; /* bool [N, 1, ...]: not ignored */
    tsr_tensor *weight;  /* of each target, 0 where ignored: [N, 1, ...], input's dtype */
} labels;

/* target must be input without its class dimension */
static bool check_shapes(const op_ctx *c, const tsr_tensor *input, const tsr_tensor *target)
{
    int at = input->ndim > 1 ? 1 : 0;
    bool fits = input->ndim > 0 && target->ndim == input->ndim - 1;
    for (int d = 0; fits && d < target->ndim; d++) fits = target->shape[d] == input->shape[d < at ? d : d + 1];
    if (!fits)
        op_fail(c, "target %s must be input %s without its class dimension, %d", tensor_shape_text(target),
                tensor_shape_text(input), at);
    if (fits && target->dtype != TSR_I64) {
        op_fail(c, "class indices must be i64, got %s", tsr_dtype_name(target->dtype));
        return false;
    }
    return fits;
}

static bool check_weight(const op_ctx *c, const tsr_tensor *weight, int64_t classes)
{
    if (!weight || (weight->ndim == 1 && weight->shape[0] == classes)) return true;
    op_fail(c, "weight %s must hold one number for each of %lld classes", tensor_shape_text(weight),
            (long long)classes);
    return false;
}

static bool check_range(const op_ctx *c, const tsr_tensor *index, int64_t classes)
{
    int64_t low, high;
    array a = array_of(index);
    if (!op_backend(index)->index_range(&a, &low, &high)) return false;
    if (low >= 0 && high < classes) return true;
    op_fail(c, "target %lld is outside the %lld classes", (long long)(low < 0 ? low : high), (long long)classes);
    return false;
}

static tsr_tensor *weight_of(const labels *l, tsr_tensor *weight)
{
    if (!weight) return tsr_to(l->counted, (tsr_dtype)l->logp->dtype);
    tsr_tensor *each = tsr_index_select(weight, 0, tsr_reshape(l->classes, TSR_SHAPE(-1)));
    return op_masked(l->counted, tsr_reshape(each, op_shape(l->classes)));
}

static bool read_labels(op_ctx *c, tsr_tensor *logp, tsr_tensor *target, tsr_tensor *weight, int64_t ignored, labels *l)
{
    if (!logp || !check_shapes(c, logp, target)) return false;
    bool single = logp->ndim == 1;
    l->logp = single ? tsr_unsqueeze(logp, 0) : logp;
    tsr_tensor *t = tsr_unsqueeze(single ? tsr_unsqueeze(target, 0) : target, 1);
    if (!l->logp || !t || !check_weight(c, weight, l->logp->shape[1])) return false;
    l->counted = tsr_ne(t, tsr_scalar_int(ignored));
    l->classes = op_masked(l->counted, t);
    if (l->classes && l->classes->dtype != TSR_I64) l->classes = tsr_to(l->classes, TSR_I64);
    if (!l->counted || !l->classes || !check_range(c, l->classes, l->logp->shape[1])) return false;
    return (l->weight = weight_of(l, weight)) != NULL;
}

/* Loss terms [N, 1, ...] as the caller wants them; the mean is over the weights. */
static tsr_tensor *reduce_terms(const labels *l, tsr_tensor *terms, const tsr_tensor *target, const char *reduction)
{
    if (strcmp(reduction, "mean") == 0) return tsr_div(tsr_sum(terms), tsr_sum(l->weight));
    if (strcmp(reduction, "none") == 0) return tsr_reshape(terms, op_shape(target));
    return loss_reduce(terms, reduction);
}

/* An ignored row gathers class 0, whose log-probability may be infinite: 0 before its weight of 0 multiplies it. */
static tsr_tensor *nll_terms(const labels *l)
{
    tsr_tensor *picked = op_masked(l->counted, tsr_gather(l->logp, 1, l->classes));
    return tsr_neg(tsr_mul(picked, l->weight));
}

tsr_tensor *op_nll_loss(op_ctx *c, const tsr_nll_loss_args *a)
{
    labels l;
    if (!read_labels(c, a->input, a->target, a->weight, a->ignore_index, &l)) return NULL;
    return reduce_terms(&l, nll_terms(&l), a->target, a->reduction);
}

/* ---- cross entropy ----------------------------------------------------------------------------------------------------- */

/* [C] as it broadcasts over [N, C, ...]; NULL passes through. */
static tsr_tensor *weight_along(tsr_tensor *weight, int ndim)
{
    tsr_shape shape = {.n = ndim};
    if (!weight) return NULL;
    for (int d = 0; d < ndim; d++) shape.v[d] = d == 1 || ndim == 1 ? weight->shape[0] : 1;
    return tsr_reshape(weight, shape);
}

/* The loss against the uniform distribution: -sum(weight logp), where the target counts. */
static tsr_tensor *uniform_terms(const labels *l, tsr_tensor *weight)
{
    tsr_tensor *logp = weight ? tsr_mul(l->logp, weight_along(weight, l->logp->ndim)) : l->logp;
    return op_masked(l->counted, tsr_neg(tsr_sum(logp, TSR_DIMS(1), true)));
}

static tsr_tensor *index_entropy(op_ctx *c, const tsr_cross_entropy_args *a, tsr_tensor *logp)
{
    labels l;
    double s = a->label_smoothing;
    if (!read_labels(c, logp, a->target, a->weight, a->ignore_index, &l)) return NULL;
    tsr_tensor *terms = nll_terms(&l);
    if (s > 0) {
        double share = s / (double)l.logp->shape[1];
        terms = tsr_add(op_scale(terms, 1 - s), op_scale(uniform_terms(&l, a->weight), share));
    }
    return reduce_terms(&l, terms, a->target, a->reduction);
}

static tsr_tensor *probability_entropy(op_ctx *c, const tsr_cross_entropy_args *a, tsr_tensor *logp, int dim)
{
    double s = a->label_smoothing, classes = (double)logp->shape[dim];
    tsr_tensor *t = s > 0 ? op_shift(op_scale(a->target, 1 - s), s / classes) : a->target;
    if (!check_weight(c, a->weight, logp->shape[dim])) return NULL;
    if (a->weight) t = tsr_mul(t, weight_along(a->weight, logp->ndim));
    tsr_tensor *terms = tsr_neg(tsr_sum(tsr_mul(t, logp), TSR_DIMS(dim)));
    return loss_reduce(terms, a->reduction);
}

tsr_tensor *op_cross_entropy(op_ctx *c, const tsr_cross_entropy_args *a)
{
    int dim = a->input->ndim > 1 ? 1 : 0;
    if (!(a->label_smoothing >= 0 && a->label_smoothing <= 1))
        return op_fail(c, "label_smoothing must lie in [0, 1], got %g", a->label_smoothing);
    tsr_tensor *logp = tsr_log_softmax(a->input, dim);
    if (!logp) return NULL;
    if (tsr_shape_equal(op_shape(a->input), op_shape(a->target))) {
        if (op_is_float(a->target)) return probability_entropy(c, a, logp, dim);
        return op_fail(c, "target of input's shape must hold probabilities, got %s", tsr_dtype_name(a->target->dtype));
    }
    return index_entropy(c, a, logp);
}
