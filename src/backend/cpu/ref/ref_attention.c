/* ref_attention.c: scaled dot-product attention, softmax(scale q k^T + mask) v, one query row at a time.

   A row that may see no key at all gives zeros, and +inf as its log-sum-exp, so that exp(score - lse), which the
   derivative computes, is 0 for it and not NaN. */
#include "backend/cpu/ref/ref_access.h"
#include "backend/cpu/ref/ref_layers.h"

#include <math.h>

#include "base/alloc.h"

typedef struct attention_arrays {
    const array *out, *lse, *q, *k, *v, *mask;
    const attention_params *p;
} attention_arrays;

static int64_t at4(const array *a, int64_t b, int64_t h, int64_t i, int64_t j)
{
    return b * a->stride[0] + h * a->stride[1] + i * a->stride[2] + j * a->stride[3];
}

/* Scores of query i against every key; returns the largest. */
static double score_row(const attention_arrays *a, int64_t b, int64_t h, int64_t i, double *score)
{
    double largest = -INFINITY;
    for (int64_t j = 0; j < a->k->shape[2]; j++) {
        double dot = 0;
        for (int64_t e = 0; e < a->q->shape[3]; e++)
            dot += ref_get_f64(a->q, at4(a->q, b, h, i, e)) * ref_get_f64(a->k, at4(a->k, b, h, j, e));
        score[j] = dot * a->p->scale + (a->mask ? ref_get_f64(a->mask, at4(a->mask, b, h, i, j)) : 0);
        if (a->p->causal && j > i) score[j] = -INFINITY;
        if (score[j] > largest || isnan(score[j])) largest = score[j];
    }
    return largest;
}

static void attend_row(const attention_arrays *a, int64_t b, int64_t h, int64_t i, double *score)
{
    double largest = score_row(a, b, h, i, score), sum = 0;
    bool blind = largest == -INFINITY;
    for (int64_t j = 0; j < a->k->shape[2]; j++) sum += score[j] = blind ? 0 : exp(score[j] - largest);
    for (int64_t e = 0; e < a->v->shape[3]; e++) {
        double value = 0;
        for (int64_t j = 0; j < a->k->shape[2]; j++) value += score[j] * ref_get_f64(a->v, at4(a->v, b, h, j, e));
        ref_set_f64(a->out, at4(a->out, b, h, i, e), blind ? 0 : value / sum);
    }
    if (a->lse)
        ref_set_f64(a->lse, b * a->lse->stride[0] + h * a->lse->stride[1] + i * a->lse->stride[2],
                    blind ? INFINITY : largest + log(sum));
}

static bool attention(const array *out, const array *lse, const array *q, const array *k, const array *v,
                      const array *mask, const attention_params *p)
{
    if (!ref_is_float("attention", q)) return false;
    attention_arrays a = {out, lse, q, k, v, mask, p};
    double *score = tsr_alloc((size_t)k->shape[2] * sizeof *score);
    if (!score) return false;
    for (int64_t b = 0; b < q->shape[0]; b++)
        for (int64_t h = 0; h < q->shape[1]; h++)
            for (int64_t i = 0; i < q->shape[2]; i++) attend_row(&a, b, h, i, score);
    tsr_free(score);
    return true;
}

/* ---- the gradient: with w the weights and g = grad v^T, that of the scores is w (g - sum(w g)) ---- */

static void add_row(const array *to, int64_t at, const array *row, int64_t from, double factor)
{
    for (int64_t e = 0; to && e < to->shape[3]; e++) {
        int64_t place = at + e * to->stride[3];
        ref_set_f64(to, place, ref_get_f64(to, place) + factor * ref_get_f64(row, from + e * row->stride[3]));
    }
}

static void grad_row(const attention_arrays *a, const array *const grads[3], const array *grad, int64_t b, int64_t h,
                     int64_t i, double *w)
{
    int64_t n = a->k->shape[2], at_q = at4(a->q, b, h, i, 0), at_grad = at4(grad, b, h, i, 0);
    double lse = ref_get_f64(a->lse, b * a->lse->stride[0] + h * a->lse->stride[1] + i * a->lse->stride[2]);
    double *g = w + n, mean = 0;
    score_row(a, b, h, i, w);
    for (int64_t j = 0; j < n; j++) {
        w[j] = exp(w[j] - lse);
        g[j] = 0;
        for (int64_t e = 0; e < a->v->shape[3]; e++)
            g[j] += ref_get_f64(grad, at_grad + e * grad->stride[3]) * ref_get_f64(a->v, at4(a->v, b, h, j, e));
        mean += w[j] * g[j];
    }
    for (int64_t j = 0; j < n; j++) {
        double score = w[j] * (g[j] - mean) * a->p->scale;
        if (grads[0]) add_row(grads[0], at4(grads[0], b, h, i, 0), a->k, at4(a->k, b, h, j, 0), score);
        if (grads[1]) add_row(grads[1], at4(grads[1], b, h, j, 0), a->q, at_q, score);
        if (grads[2]) add_row(grads[2], at4(grads[2], b, h, j, 0), grad, at_grad, w[j]);
    }
}

static bool attention_grad(const array *grad_q, const array *grad_k, const array *grad_v, const array *grad,
                           const array *lse, const array *q, const array *k, const array *v, const array *mask,
                           const attention_params *p)
{
    if (!ref_is_float("attention", q)) return false;
    attention_arrays a = {NULL, lse, q, k, v, mask, p};
    const array *const grads[3] = {grad_q, grad_k, grad_v};
    double *room = tsr_alloc((size_t)k->shape[2] * 2 * sizeof *room);
    if (!room) return false;
    for (int i = 0; i < 3; i++)
        if (grads[i]) ref_zero(grads[i]);
    for (int64_t b = 0; b < q->shape[0]; b++)
        for (int64_t h = 0; h < q->shape[1]; h++)
            for (int64_t i = 0; i < q->shape[2]; i++) grad_row(&a, grads, grad, b, h, i, room);
    tsr_free(room);
    return true;
}

void ref_attention_fill(backend *b)
{
    b->attention = attention;
    b->attention_grad = attention_grad;
}
