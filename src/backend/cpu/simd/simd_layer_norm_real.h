/* simd_layer_norm_real.h: layer norm of contiguous rows, for float or double; included twice by simd_layer_norm.c. */
#include "backend/cpu/simd/simd_real.h"

typedef struct F(layer) {
    const REAL *x, *grad, *weight, *bias; /* weight, bias: NULL or contiguous */
    const REAL *mean_in, *rstd_in;
    REAL *out, *mean, *rstd;
    int64_t n, rows, chunk;
    double eps;
    double *sums; /* [chunks, 2, n]: sum(grad h), sum(grad) */
} F(layer);

static double F(total)(VEC v)
{
    double sum = 0;
    for (int k = 0; k < LANES; k++) sum += (double)v[k];
    return sum;
}

/* All lanes in, the rest 0. */
VECTOR_INLINE VEC F(lanes_below)(VEC v, int64_t left)
{
    for (int k = 0; k < LANES; k++) v[k] = k < left ? v[k] : 0;
    return v;
}

static double F(row_mean)(const REAL *x, int64_t n)
{
    VEC a = {0}, b = {0};
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        a += F(load)(x + i);
        b += F(load)(x + i + LANES);
    }
    for (; i < n; i += LANES) a += F(load_some)(x + i, n - i);
    return F(total)(a + b) / (double)n;
}

static double F(row_variance)(const REAL *x, int64_t n, REAL mean)
{
    VEC a = {0}, b = {0};
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        VEC d = F(load)(x + i) - mean, e = F(load)(x + i + LANES) - mean;
        a += d * d;
        b += e * e;
    }
    for (; i < n; i += LANES) {
        VEC d = F(load_some)(x + i, n - i) - mean;
        if (n - i < LANES) d = F(lanes_below)(d, n - i);
        a += d * d;
    }
    return F(total)(a + b) / (double)n;
}

/* An optional parameter's elements; `otherwise` where it is not given. */
VECTOR_INLINE VEC F(optional)(const REAL *p, int64_t i, int64_t left, REAL otherwise)
{
    return p ? F(load_some)(p + i, left) : F(splat)(otherwise);
}

static void F(layer_rows)(int64_t begin, int64_t end, void *user)
{
    const F(layer) *l = user;
    for (int64_t r = begin; r < end; r++) {
        const REAL *x = l->x + r * l->n;
        REAL *out = l->out + r * l->n, mean = (REAL)F(row_mean)(x, l->n);
        REAL rstd = (REAL)(1 / sqrt(F(row_variance)(x, l->n, mean) + l->eps));
        l->mean[r] = mean;
        l->rstd[r] = rstd;
        for (int64_t i = 0; i < l->n; i += LANES) {
            int64_t left = l->n - i;
            VEC h = (F(load_some)(x + i, left) - mean) * rstd;
            F(store_some)(out + i, h * F(optional)(l->weight, i, left, 1) + F(optional)(l->bias, i, left, 0), left);
        }
    }
}

static void F(grad_row)(const F(layer) * l, int64_t r)
{
    const REAL *x = l->x + r * l->n, *grad = l->grad + r * l->n;
    REAL mean = l->mean_in[r], rstd = l->rstd_in[r];
    VEC sum = {0}, products = {0};
    for (int64_t i = 0; i < l->n; i += LANES) {
        int64_t left = l->n - i;
        VEC u = F(load_some)(grad + i, left) * F(optional)(l->weight, i, left, 1); /* 0 beyond the end */
        sum += u;
        products += u * ((F(load_some)(x + i, left) - mean) * rstd);
    }
    REAL mean_u = (REAL)(F(total)(sum) / (double)l->n), mean_uh = (REAL)(F(total)(products) / (double)l->n);
    for (int64_t i = 0; i < l->n; i += LANES) {
        int64_t left = l->n - i;
        VEC u = F(load_some)(grad + i, left) * F(optional)(l->weight, i, left, 1);
        VEC h = (F(load_some)(x + i, left) - mean) * rstd;
        F(store_some)(l->out + r * l->n + i, (u - mean_u - h * mean_uh) * rstd, left);
    }
}

static void F(grad_rows)(int64_t begin, int64_t end, void *user)
{
    for (int64_t r = begin; r < end; r++) F(grad_row)(user, r);
}

/* One chunk's sums over rows. */
static void F(affine_chunks)(int64_t begin, int64_t end, void *user)
{
    const F(layer) *l = user;
    for (int64_t k = begin; k < end; k++) {
        double *weight = l->sums + k * 2 * l->n, *bias = weight + l->n;
        memset(weight, 0, (size_t)(2 * l->n) * sizeof *weight);
        for (int64_t r = k * l->chunk; r < tsr_min_i64((k + 1) * l->chunk, l->rows); r++)
            for (int64_t i = 0; i < l->n; i++) {
                double g = (double)l->grad[r * l->n + i];
                weight[i] += g * (double)((l->x[r * l->n + i] - l->mean_in[r]) * l->rstd_in[r]);
                bias[i] += g;
            }
    }
}

static bool F(layer_norm_affine)(F(layer) * l, const array *grad_weight, const array *grad_bias)
{
    l->chunk = tsr_max_i64(16, (l->rows + MOST_CHUNKS - 1) / MOST_CHUNKS);
    int64_t chunks = (l->rows + l->chunk - 1) / l->chunk;
    l->sums = tsr_alloc((size_t)(chunks * 2 * l->n) * sizeof *l->sums);
    if (!l->sums) return false;
    tsr_parallel_for(chunks, tsr_max_i64(1, GRAIN / (l->chunk * l->n)), F(affine_chunks), l);
    for (int64_t i = 0; i < 2 * l->n; i++)
        for (int64_t k = 1; k < chunks; k++) l->sums[i] += l->sums[k * 2 * l->n + i];
    for (int64_t i = 0; i < l->n; i++) {
        if (grad_weight) ((REAL *)grad_weight->data)[i * grad_weight->stride[0]] = (REAL)l->sums[i];
        if (grad_bias) ((REAL *)grad_bias->data)[i * grad_bias->stride[0]] = (REAL)l->sums[l->n + i];
    }
    tsr_free(l->sums);
    return true;
}

static bool F(layer_norm)(const layer_call *c)
{
    F(layer) l = {.x = c->x.a.data, .n = c->x.a.shape[1], .rows = c->x.a.shape[0], .eps = c->eps};
    l.weight = c->weight.a.data;
    l.bias = c->bias.a.data;
    l.out = c->out.a.data;
    l.mean = c->mean.a.data;
    l.rstd = c->rstd.a.data;
    tsr_parallel_for(l.rows, tsr_max_i64(1, GRAIN / l.n), F(layer_rows), &l);
    return true;
}

static bool F(layer_norm_grad)(const layer_call *c, const array *grad_weight, const array *grad_bias)
{
    F(layer) l = {.x = c->x.a.data, .grad = c->grad.a.data, .n = c->x.a.shape[1], .rows = c->x.a.shape[0]};
    l.weight = c->weight.a.data;
    l.mean_in = c->mean.a.data;
    l.rstd_in = c->rstd.a.data;
    l.out = c->out.a.data;
    if (l.out) tsr_parallel_for(l.rows, tsr_max_i64(1, GRAIN / l.n), F(grad_rows), &l);
    return (!grad_weight && !grad_bias) || F(layer_norm_affine)(&l, grad_weight, grad_bias);
}
