/* ref_softmax.c: softmax and log-softmax along one dimension, shifted by the lane's largest element, and their gradients
   from the output y: y (g - sum(g y)) and g - exp(y) sum(g). */
#include "backend/cpu/ref/ref.h"

/* Lanes along `dim`: the walk over the other dimensions, and the strides along it. 0-d arrays are one lane of one. */
typedef struct lanes {
    walk w;
    int64_t n, step[3];
} lanes;

static lanes lanes_begin(int dim, const array *a, const array *b, const array *c)
{
    const array *operand[3] = {a, b, c};
    if (a->ndim == 0) return (lanes){.w = walk_begin(WALK_ALL, a, b, c, NULL), .n = 1};
    lanes l = {.w = walk_begin(~(1u << dim), a, b, c, NULL), .n = a->shape[dim]};
    for (int k = 0; k < 3 && operand[k]; k++) l.step[k] = operand[k]->stride[dim];
    return l;
}

static double get(const lanes *l, const array *a, int operand, int64_t i)
{
    return ref_get_f64(a, l->w.at[operand] + i * l->step[operand]);
}

static void set(const lanes *l, const array *a, int operand, int64_t i, double x)
{
    ref_set_f64(a, l->w.at[operand] + i * l->step[operand], x);
}

static void softmax_lane(const lanes *l, const array *out, const array *in, bool log_form)
{
    double highest = -INFINITY, sum = 0;
    for (int64_t i = 0; i < l->n; i++) highest = ref_max(get(l, in, 1, i), highest);
    for (int64_t i = 0; i < l->n; i++) sum += exp(get(l, in, 1, i) - highest);
    for (int64_t i = 0; i < l->n; i++) {
        double x = get(l, in, 1, i) - highest;
        set(l, out, 0, i, log_form ? x - log(sum) : exp(x) / sum);
    }
}

static bool ref_softmax(const array *out, const array *in, int dim, bool log_form)
{
    if (!ref_computes(in->dtype)) return ref_refuse("softmax", in->dtype);
    for (lanes l = lanes_begin(dim, out, in, NULL); l.w.left > 0; walk_next(&l.w)) softmax_lane(&l, out, in, log_form);
    return true;
}

static void softmax_grad_lane(const lanes *l, const array *grad_in, const array *grad, const array *out, bool log_form)
{
    double sum = 0;
    for (int64_t i = 0; i < l->n; i++) sum += log_form ? get(l, grad, 1, i) : get(l, grad, 1, i) * get(l, out, 2, i);
    for (int64_t i = 0; i < l->n; i++) {
        double g = get(l, grad, 1, i), y = get(l, out, 2, i);
        set(l, grad_in, 0, i, log_form ? g - exp(y) * sum : y * (g - sum));
    }
}

static bool ref_softmax_grad(const array *grad_in, const array *grad, const array *out, int dim, bool log_form)
{
    if (!ref_computes(out->dtype)) return ref_refuse("softmax_grad", out->dtype);
    for (lanes l = lanes_begin(dim, grad_in, grad, out); l.w.left > 0; walk_next(&l.w))
        softmax_grad_lane(&l, grad_in, grad, out, log_form);
    return true;
}

void ref_softmax_fill(backend *b)
{
    b->softmax = ref_softmax;
    b->softmax_grad = ref_softmax_grad;
}
