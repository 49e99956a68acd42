/* ref_matmul.c: batched matrix products and the linear layer, each element a dot product in double (floats) or
   wrapping int64_t (integers). */
#include "backend/cpu/ref/ref.h"

/* sum over k of a[at_a + k step_a] b[at_b + k step_b] */
typedef struct dot {
    const array *a, *b;
    int64_t step_a, step_b, n;
} dot;

static double dot_f64(const dot *d, int64_t at_a, int64_t at_b)
{
    double sum = 0;
    for (int64_t k = 0; k < d->n; k++)
        sum += ref_get_f64(d->a, at_a + k * d->step_a) * ref_get_f64(d->b, at_b + k * d->step_b);
    return sum;
}

static int64_t dot_i64(const dot *d, int64_t at_a, int64_t at_b)
{
    uint64_t sum = 0;
    for (int64_t k = 0; k < d->n; k++)
        sum += (uint64_t)ref_get_i64(d->a, at_a + k * d->step_a) * (uint64_t)ref_get_i64(d->b, at_b + k * d->step_b);
    return (int64_t)sum;
}

static void matmul_f64(const array *out, int64_t at, double product, double alpha, double beta)
{
    double old = beta == 0 ? 0 : beta * ref_get_f64(out, at);
    ref_set_f64(out, at, old + alpha * product);
}

static void matmul_i64(const array *out, int64_t at, int64_t product, double alpha, double beta)
{
    int64_t factor = tsr_i64_of_f64(beta), old = factor == 0 ? 0 : factor * ref_get_i64(out, at);
    ref_set_i64(out, at, (int64_t)((uint64_t)old + (uint64_t)tsr_i64_of_f64(alpha) * (uint64_t)product));
}

static bool ref_matmul(const array *out, const array *a, const array *b, double alpha, double beta)
{
    dot d = {.a = a, .b = b, .step_a = a->stride[2], .step_b = b->stride[1], .n = a->shape[2]};
    for (walk w = walk_begin(WALK_ALL, out, NULL, NULL, NULL); w.left > 0; walk_next(&w)) {
        int64_t at_a = w.index[0] * a->stride[0] + w.index[1] * a->stride[1];
        int64_t at_b = w.index[0] * b->stride[0] + w.index[2] * b->stride[2];
        if (ref_floating(out->dtype)) matmul_f64(out, w.at[0], dot_f64(&d, at_a, at_b), alpha, beta);
        else matmul_i64(out, w.at[0], dot_i64(&d, at_a, at_b), alpha, beta);
    }
    return true;
}

static bool ref_linear(const array *out, const array *x, const array *weight, const array *bias)
{
    if (!ref_computes(x->dtype)) return ref_refuse("linear", x->dtype);
    dot d = {.a = x, .b = weight, .step_a = x->stride[1], .step_b = weight->stride[1], .n = x->shape[1]};
    for (walk w = walk_begin(WALK_ALL, out, NULL, NULL, NULL); w.left > 0; walk_next(&w)) {
        double sum = dot_f64(&d, w.index[0] * x->stride[0], w.index[1] * weight->stride[0]);
        if (bias) sum += ref_get_f64(bias, w.index[1] * bias->stride[0]);
        ref_set_f64(out, w.at[0], sum);
    }
    return true;
}

void ref_matmul_fill(backend *b)
{
    b->matmul = ref_matmul;
    b->linear = ref_linear;
}
