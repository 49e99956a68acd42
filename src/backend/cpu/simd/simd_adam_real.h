/* simd_adam_real.h: Adam's step over a range, for float or double; included twice by simd_adam.c. */
#include "backend/cpu/simd/simd_real.h"

typedef struct F(adam) {
    REAL *x, *m, *v, *vmax;
    const REAL *grad;
    const adam_params *p;
    int64_t n;
} F(adam);

VECTOR_INLINE void F(adam_vector)(const F(adam) * a, int64_t i, bool amsgrad, REAL sign, REAL decay, REAL shrink,
                                  REAL step, REAL inverse_bias, int64_t left)
{
    const adam_params *p = a->p;
    VEC x = F(load_some)(a->x + i, left), g = F(load_some)(a->grad + i, left) * sign + x * decay;
    VEC m = F(load_some)(a->m + i, left) * (REAL)p->beta1 + g * (REAL)(1 - p->beta1);
    VEC v = F(load_some)(a->v + i, left) * (REAL)p->beta2 + g * g * (REAL)(1 - p->beta2);
    F(store_some)(a->m + i, m, left);
    F(store_some)(a->v + i, v, left);
    if (amsgrad) {
        v = F(max)(v, F(load_some)(a->vmax + i, left));
        F(store_some)(a->vmax + i, v, left);
    }
    F(store_some)(a->x + i, x * shrink - m * step / (F(sqrt)(v * inverse_bias) + (REAL)p->eps), left);
}

/* Vectors [begin, end). */
static void F(adam_range)(int64_t begin, int64_t end, void *user)
{
    const F(adam) *a = user;
    const adam_params *p = a->p;
    REAL sign = p->maximize ? -1 : 1, decay = p->decoupled ? 0 : (REAL)p->weight_decay;
    REAL shrink = p->decoupled ? (REAL)(1 - p->lr * p->weight_decay) : 1;
    REAL step = (REAL)(p->lr / p->bias1), inverse_bias = (REAL)(1 / p->bias2);
    int64_t whole = tsr_min_i64(end, a->n / LANES);
    if (a->vmax)
        for (int64_t i = begin; i < whole; i++)
            F(adam_vector)(a, i * LANES, true, sign, decay, shrink, step, inverse_bias, LANES);
    else
        for (int64_t i = begin; i < whole; i++)
            F(adam_vector)(a, i * LANES, false, sign, decay, shrink, step, inverse_bias, LANES);
    if (end > whole && end > begin)
        F(adam_vector)(a, whole * LANES, a->vmax, sign, decay, shrink, step, inverse_bias, a->n - whole * LANES);
}

static void F(adam_all)(const array *param, const array *grad, const array *m, const array *v, const array *vmax,
                        const adam_params *p)
{
    F(adam) a = {param->data, m->data, v->data, vmax ? vmax->data : NULL, grad->data, p, array_numel(param)};
    tsr_parallel_for((a.n + LANES - 1) / LANES, GRAIN / LANES, F(adam_range), &a);
}
