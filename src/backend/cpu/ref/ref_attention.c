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

void ref_attention_fill(backend *b) { b->attention = attention; }
