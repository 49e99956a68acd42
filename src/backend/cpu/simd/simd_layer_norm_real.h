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

VECTOR_INLINE void F(put_normal)(REAL *out, const REAL *x, REAL mean, REAL rstd, const REAL *weight, const REAL *bias,
                                 int64_t i, int64_t left)
{
    VEC h = (F(load_some)(x + i, left) - mean) * rstd;
    F(store_some)(out + i, h * F(optional)(weight, i, left, 1) + F(optional)(bias, i, left, 0), left);
}

static void F(layer_rows)(int64_t begin, int64_t end, void *user)
{
    const F(layer) *l = user;
    const REAL *weight = l->weight, *bias = l->bias;
    int64_t n = l->n, whole = n / LANES * LANES;
    for (int64_t r = begin; r < end; r++) {
        const REAL *x = l->x + r * n;
        REAL *out = l->out + r * n, mean = (REAL)F(row_mean)(x, n);
        REAL rstd = (REAL)(1 / sqrt(F(row_variance)(x, n, mean) + l->eps));
        l->mean[r] = mean;
        l->rstd[r] = rstd;
        for (int64_t i = 0; i < whole; i += LANES) F(put_normal)(out, x, mean, rstd, weight, bias, i, LANES);
        if (whole < n) F(put_normal)(out, x, mean, rstd, weight, bias, whole, n - whole);
    }
}

/* Elements i, i + 1, ... of a row: u = grad weight, 0 beyond the end, and h = (x - mean) rstd. */
typedef struct F(pair) {
    VEC u, h;
} F(pair);

VECTOR_INLINE F(pair) F(pair_at)(const F(layer) * l, int64_t r, int64_t i, int64_t left)
{
    int64_t at = r * l->n + i;
    VEC u = F(load_some)(l->grad + at, left) * F(optional)(l->weight, i, left, 1);
    return (F(pair)){u, (F(load_some)(l->x + at, left) - l->mean_in[r]) * l->rstd_in[r]};
}

static void F(grad_row)(const F(layer) * l, int64_t r)
{
    VEC sum = {0}, products = {0}, sum2 = {0}, products2 = {0}; /* two of each: additions wait for those before */
    int64_t whole = l->n / LANES * LANES, i = 0;
    for (; i + 2 * LANES <= whole; i += 2 * LANES) {
        F(pair) p = F(pair_at)(l, r, i, LANES), q = F(pair_at)(l, r, i + LANES, LANES);
        sum += p.u;
        sum2 += q.u;
        products += p.u * p.h;
        products2 += q.u * q.h;
    }
    if (i < whole) {
        F(pair) p = F(pair_at)(l, r, i, LANES);
        sum += p.u;
        products += p.u * p.h;
    }
    sum += sum2;
    products += products2;
    if (whole < l->n) {
        F(pair) p = F(pair_at)(l, r, whole, l->n - whole);
        sum += p.u;
        products += p.u * p.h;
    }
    REAL mean_u = (REAL)(F(total)(sum) / (double)l->n), mean_uh = (REAL)(F(total)(products) / (double)l->n);
    REAL *out = l->out + r * l->n, rstd = l->rstd_in[r];
    for (i = 0; i < whole; i += LANES) {
        F(pair) p = F(pair_at)(l, r, i, LANES);
        F(store)(out + i, (p.u - mean_u - p.h * mean_uh) * rstd);
    }
    if (whole < l->n) {
        F(pair) p = F(pair_at)(l, r, whole, l->n - whole);
        F(store_some)(out + whole, (p.u - mean_u - p.h * mean_uh) * rstd, l->n - whole);
    }
}

/* Adds some elements' sums over a few rows, whose single precision does not show. */
VECTOR_INLINE void F(affine_strip)(const F(layer) * l, int64_t first, int64_t last, int64_t i, int64_t left,
                                   double *weight, double *bias)
{
    VEC w = {0}, b = {0};
    for (int64_t r = first; r < last; r++) {
        VEC g = F(load_some)(l->grad + r * l->n + i, left);
        w += g * ((F(load_some)(l->x + r * l->n + i, left) - l->mean_in[r]) * l->rstd_in[r]);
        b += g;
    }
    for (int k = 0; k < (left < LANES ? (int)left : LANES); k++) {
        weight[k] += (double)w[k];
        bias[k] += (double)b[k];
    }
}

static void F(affine_rows)(const F(layer) * l, int64_t first, int64_t last, double *weight, double *bias)
{
    int64_t whole = l->n / LANES * LANES;
    for (int64_t i = 0; i < whole; i += LANES) F(affine_strip)(l, first, last, i, LANES, weight + i, bias + i);
    if (whole < l->n) F(affine_strip)(l, first, last, whole, l->n - whole, weight + whole, bias + whole);
}

/* Chunks of rows: the rows' gradients, and the chunk's sums over them, a few rows at a time while they are in the cache. */
static void F(grad_chunks)(int64_t begin, int64_t end, void *user)
{
    const F(layer) *l = user;
    for (int64_t k = begin; k < end; k++) {
        double *weight = l->sums ? l->sums + k * 2 * l->n : NULL;
        if (weight) memset(weight, 0, (size_t)(2 * l->n) * sizeof *weight);
        int64_t end_row = tsr_min_i64((k + 1) * l->chunk, l->rows);
        for (int64_t r = k * l->chunk; r < end_row; r += FEW_ROWS) {
            int64_t last = tsr_min_i64(r + FEW_ROWS, end_row);
            for (int64_t i = r; l->out && i < last; i++) F(grad_row)(l, i);
            if (weight) F(affine_rows)(l, r, last, weight, weight + l->n);
        }
    }
}

static void F(put_affine)(const F(layer) * l, int64_t chunks, const array *grad_weight, const array *grad_bias)
{
    for (int64_t k = 1; k < chunks; k++)
        for (int64_t i = 0; i < 2 * l->n; i++) l->sums[i] += l->sums[k * 2 * l->n + i];
    for (int64_t i = 0; i < l->n; i++) {
        if (grad_weight) ((REAL *)grad_weight->data)[i * grad_weight->stride[0]] = (REAL)l->sums[i];
        if (grad_bias) ((REAL *)grad_bias->data)[i * grad_bias->stride[0]] = (REAL)l->sums[l->n + i];
    }
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
    l.chunk = tsr_max_i64(FEW_ROWS, (l.rows + MOST_CHUNKS - 1) / MOST_CHUNKS);
    int64_t chunks = (l.rows + l.chunk - 1) / l.chunk;
    bool affine = grad_weight || grad_bias;
    if (affine && !(l.sums = tsr_alloc((size_t)(chunks * 2 * l.n) * sizeof *l.sums))) return false;
    tsr_parallel_for(chunks, tsr_max_i64(1, GRAIN / (l.chunk * l.n)), F(grad_chunks), &l);
    if (affine) F(put_affine)(&l, chunks, grad_weight, grad_bias);
    tsr_free(l.sums);
    return true;
}
