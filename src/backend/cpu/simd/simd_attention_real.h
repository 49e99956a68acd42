/* simd_attention_real.h: attention's rows, for float or double; included twice by simd_attention.c. */
#include "backend/cpu/simd/simd_total_real.h"

static REAL F(lane_max)(VEC v)
{
    REAL largest = v[0];
    for (int k = 1; k < LANES; k++)
        if (v[k] > largest || v[k] != v[k]) largest = v[k];
    return largest;
}

/* ---- one row of scores ---- */

/* Add the mask of query i; scores past `seen` are not looked at. */
static void F(add_mask)(REAL *score, const attention_job *j, int64_t b, int64_t h, int64_t i, int64_t seen)
{
    const array *m = &j->mask;
    const REAL *row = (const REAL *)m->data + b * m->stride[0] + h * m->stride[1] + i * m->stride[2];
    for (int64_t k = 0; k < seen; k++) score[k] += row[k * m->stride[3]];
}

static REAL F(row_max)(const REAL *score, int64_t n)
{
    if (n == 0) return (REAL)-INFINITY;
    VEC largest = F(splat)((REAL)-INFINITY);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) largest = F(max)(F(load)(score + i), largest);
    REAL m = F(lane_max)(largest);
    for (; i < n; i++)
        if (score[i] > m || score[i] != score[i]) m = score[i];
    return m;
}

/* score = exp(score - largest); returns the sum. */
static REAL F(row_exp)(REAL *score, int64_t n, REAL largest)
{
    VEC sum = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        VEC e = F(exp_falling)(F(load)(score + i) - largest);
        F(store)(score + i, e);
        sum += e;
    }
    REAL total = F(total)(sum);
    if (i < n) {
        VEC e = F(exp_falling)(F(load_some)(score + i, n - i) - largest);
        F(store_some)(score + i, e, n - i);
        for (int64_t k = 0; k < n - i; k++) total += e[k];
    }
    return total;
}

/* Scores of query i become weights that add up to 1; those past `seen` become 0. */
static void F(softmax_row)(REAL *score, const attention_job *j, int64_t b, int64_t h, int64_t i, int64_t seen,
                           int64_t n)
{
    if (j->mask.data) F(add_mask)(score, j, b, h, i, seen);
    REAL largest = F(row_max)(score, seen), sum = 0;
    bool blind = largest == (REAL)-INFINITY;
    if (blind) seen = 0;
    else sum = F(row_exp)(score, seen, largest);
    REAL inverse = blind ? 0 : 1 / sum;
    for (int64_t k = 0; k < seen; k++) score[k] *= inverse;
    for (int64_t k = seen; k < n; k++) score[k] = 0;
    if (!j->lse.data) return;
    const array *l = &j->lse;
    ((REAL *)l->data)[b * l->stride[0] + h * l->stride[1] + i * l->stride[2]] = blind
                                                                                    ? (REAL)INFINITY
                                                                                    : largest + (REAL)log((double)sum);
}

/* ---- one query alone ---- */

/* score[i] = scale * query . row i, for 4 rows (fewer: the others repeat the last). */
VECTOR_INLINE void F(four_scores)(REAL score[4], const REAL *query, const REAL *const row[4], int64_t n, REAL scale)
{
    VEC sum[4] = {{0}};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
#pragma GCC unroll 4
        for (int r = 0; r < 4; r++) sum[r] += F(load)(query + i) * F(load)(row[r] + i);
    if (i < n)
#pragma GCC unroll 4
        for (int r = 0; r < 4; r++) sum[r] += F(load_some)(query + i, n - i) * F(load_some)(row[r] + i, n - i);
    F(four_totals)(score, sum[0], sum[1], sum[2], sum[3]);
    for (int r = 0; r < 4; r++) score[r] *= scale;
}

/* Scores of a query against `seen` keys; the row of scores has room for a multiple of 4. */
static void F(score_keys)(REAL *score, const REAL *query, const REAL *keys, int64_t stride, int64_t seen, int64_t n,
                          REAL scale)
{
    for (int64_t s = 0; s < seen; s += 4) {
        const REAL *row[4];
        for (int r = 0; r < 4; r++) row[r] = keys + tsr_min_i64(s + r, seen - 1) * stride;
        F(four_scores)(score + s, query, row, n, scale);
    }
}

/* out = sum of weight[k] times row k, for some whole vectors of the rows. */
VECTOR_INLINE void F(mix_vectors)(REAL *out, const REAL *weight, const REAL *rows, int64_t stride, int64_t n,
                                  int vectors)
{
    VEC even[4] = {{0}}, odd[4] = {{0}};
    int64_t k = 0;
    for (; k + 2 <= n; k += 2, rows += 2 * stride)
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) {
            even[i] += F(load)(rows + i * LANES) * weight[k];
            odd[i] += F(load)(rows + stride + i * LANES) * weight[k + 1];
        }
    if (k < n)
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) even[i] += F(load)(rows + i * LANES) * weight[k];
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) F(store)(out + i * LANES, even[i] + odd[i]);
}

static void F(mix_rest)(REAL *out, const REAL *weight, const REAL *rows, int64_t stride, int64_t n, int64_t width)
{
    VEC sum = {0};
    for (int64_t k = 0; k < n; k++) sum += F(load_some)(rows + k * stride, width) * weight[k];
    F(store_some)(out, sum, width);
}

static void F(mix_rows)(REAL *out, const REAL *weight, const REAL *rows, int64_t stride, int64_t n, int64_t width)
{
    int64_t e = 0;
    for (; e + 4 * LANES <= width; e += 4 * LANES) F(mix_vectors)(out + e, weight, rows + e, stride, n, 4);
    for (; e + 2 * LANES <= width; e += 2 * LANES) F(mix_vectors)(out + e, weight, rows + e, stride, n, 2);
    for (; e < width; e += LANES) F(mix_rest)(out + e, weight, rows + e, stride, n, width - e);
}

static void F(attend_one)(const attention_job *j, int64_t b, int64_t h, int64_t i, REAL *score)
{
    const array *q = &j->q, *k = &j->k, *v = &j->v, *o = &j->out;
    const REAL *query = (const REAL *)q->data + b * q->stride[0] + h * q->stride[1] + i * q->stride[2];
    const REAL *keys = (const REAL *)k->data + b * k->stride[0] + h * k->stride[1];
    int64_t n = k->shape[2], seen = j->p->causal ? tsr_min_i64(i + 1, n) : n;
    F(score_keys)(score, query, keys, k->stride[2], seen, q->shape[3], (REAL)j->p->scale);
    F(softmax_row)(score, j, b, h, i, seen, seen);
    F(mix_rows)
    ((REAL *)o->data + b * o->stride[0] + h * o->stride[1] + i * o->stride[2], score,
     (const REAL *)v->data + b * v->stride[0] + h * v->stride[1], v->stride[2], seen, v->shape[3]);
}

/* ---- a block of queries ---- */

/* Rows [first, first + rows) of one head's matrix. */
static array F(head)(const array *a, int64_t b, int64_t h, int64_t first, int64_t rows)
{
    array m = {
        .dtype = a->dtype, .ndim = 3, .shape = {1, rows, a->shape[3]}, .stride = {0, a->stride[2], a->stride[3]}};
    m.data = (REAL *)a->data + b * a->stride[0] + h * a->stride[1] + first * a->stride[2];
    return m;
}

static bool F(attend_block)(const attention_job *j, int64_t b, int64_t h, int64_t first, int64_t rows, REAL *score)
{
    int64_t n = j->p->causal ? tsr_min_i64(first + rows, j->k.shape[2]) : j->k.shape[2];
    array q = F(head)(&j->q, b, h, first, rows), k = F(head)(&j->k, b, h, 0, n), v = F(head)(&j->v, b, h, 0, n);
    array out = F(head)(&j->out, b, h, first, rows), keys = k;
    array s = {.data = score, .dtype = q.dtype, .ndim = 3, .shape = {1, rows, n}, .stride = {0, n, 1}};
    keys.shape[1] = k.shape[2];
    keys.stride[1] = k.stride[2];
    keys.shape[2] = k.shape[1];
    keys.stride[2] = k.stride[1];
    if (!backend_of(TSR_CPU)->matmul(&s, &q, &keys, j->p->scale, 0)) return false;
    for (int64_t i = 0; i < rows; i++) {
        int64_t seen = j->p->causal ? tsr_min_i64(first + i + 1, n) : n;
        F(softmax_row)(score + i * n, j, b, h, first + i, seen, n);
    }
    return backend_of(TSR_CPU)->matmul(&out, &s, &v, 1, 0);
}

/* Tasks are blocks of queries of one head of one picture. */
static void F(attention_tasks)(int64_t begin, int64_t end, void *user)
{
    attention_job *j = user;
    int64_t queries = j->q.shape[2], blocks = (queries + BLOCK - 1) / BLOCK;
    REAL *score = tsr_alloc((size_t)(tsr_min_i64(BLOCK, queries) * j->k.shape[2] + 3) * sizeof *score);
    bool ok = score != NULL;
    for (int64_t task = begin; ok && task < end; task++) {
        int64_t head = task / blocks, first = task % blocks * BLOCK, rows = tsr_min_i64(BLOCK, queries - first);
        int64_t b = head / j->q.shape[1], h = head % j->q.shape[1];
        if (rows <= FEW)
            for (int64_t i = first; i < first + rows; i++) F(attend_one)(j, b, h, i, score);
        else ok = F(attend_block)(j, b, h, first, rows, score);
    }
    tsr_free(score);
    if (!ok) atomic_store(&j->failed, true);
}

/* ---- the derivative ---- */

/* m^T */
static array F(turned)(array m)
{
    int64_t rows = m.shape[1], row = m.stride[1];
    m.shape[1] = m.shape[2], m.stride[1] = m.stride[2];
    m.shape[2] = rows, m.stride[2] = row;
    return m;
}

/* score = exp(score - lse) of query i; 0 from `seen` to n. */
static void F(weights_of)(REAL *score, const attention_job *j, int64_t b, int64_t h, int64_t i, int64_t seen, int64_t n)
{
    const array *l = &j->lse;
    if (j->mask.data) F(add_mask)(score, j, b, h, i, seen);
    F(row_exp)(score, seen, ((const REAL *)l->data)[b * l->stride[0] + h * l->stride[1] + i * l->stride[2]]);
    for (int64_t k = seen; k < n; k++) score[k] = 0;
}

/* g = scale w (g - sum(w g)) */
static void F(score_gradient)(REAL *g, const REAL *w, int64_t n, REAL scale)
{
    VEC sum = {0};
    int64_t whole = n / LANES * LANES;
    for (int64_t k = 0; k < whole; k += LANES) sum += F(load)(g + k) * F(load)(w + k);
    REAL mean = F(total)(sum);
    for (int64_t k = whole; k < n; k++) mean += g[k] * w[k];
    for (int64_t k = 0; k < n; k++) g[k] = scale * w[k] * (g[k] - mean);
}

/* Queries [first, first + rows) of one head; w and g have room for rows x keys. */
static bool F(grad_block)(const attention_job *j, int64_t b, int64_t h, int64_t first, int64_t rows, REAL *w, REAL *g)
{
    const backend *table = backend_of(TSR_CPU);
    int64_t n = j->p->causal ? tsr_min_i64(first + rows, j->k.shape[2]) : j->k.shape[2];
    array q = F(head)(&j->q, b, h, first, rows), k = F(head)(&j->k, b, h, 0, n), v = F(head)(&j->v, b, h, 0, n);
    array grad = F(head)(&j->grad, b, h, first, rows), keys = F(turned)(k), values = F(turned)(v);
    array weights = {.data = w, .dtype = q.dtype, .ndim = 3, .shape = {1, rows, n}, .stride = {0, n, 1}};
    array scores = weights;
    scores.data = g;
    if (!table->matmul(&weights, &q, &keys, j->p->scale, 0) || !table->matmul(&scores, &grad, &values, 1, 0))
        return false;
    for (int64_t i = 0; i < rows; i++) {
        int64_t seen = j->p->causal ? tsr_min_i64(first + i + 1, n) : n;
        F(weights_of)(w + i * n, j, b, h, first + i, seen, n);
        F(score_gradient)(g + i * n, w + i * n, n, (REAL)j->p->scale);
    }
    array to_q = j->grad_q.data ? F(head)(&j->grad_q, b, h, first, rows) : q, to_k = k, to_v = v;
    array weights_t = F(turned)(weights), scores_t = F(turned)(scores);
    if (j->grad_k.data) to_k = F(head)(&j->grad_k, b, h, 0, n);
    if (j->grad_v.data) to_v = F(head)(&j->grad_v, b, h, 0, n);
    return (!j->grad_q.data || table->matmul(&to_q, &scores, &k, 1, 0)) &&
           (!j->grad_k.data || table->matmul(&to_k, &scores_t, &q, 1, 1)) &&
           (!j->grad_v.data || table->matmul(&to_v, &weights_t, &grad, 1, 1));
}

static bool F(zero_head)(const array *a, int64_t b, int64_t h)
{
    if (!a->data) return true;
    array all = F(head)(a, b, h, 0, a->shape[2]);
    return backend_of(TSR_CPU)->fill(&all, 0, 0);
}

/* Tasks are heads. */
static void F(grad_tasks)(int64_t begin, int64_t end, void *user)
{
    attention_job *j = user;
    int64_t queries = j->q.shape[2], room = tsr_min_i64(GRAD_BLOCK, queries) * j->k.shape[2];
    REAL *w = tsr_alloc((size_t)room * 2 * sizeof *w);
    bool ok = w != NULL;
    for (int64_t task = begin; ok && task < end; task++) {
        int64_t b = task / j->q.shape[1], h = task % j->q.shape[1];
        ok = F(zero_head)(&j->grad_k, b, h) && F(zero_head)(&j->grad_v, b, h);
        for (int64_t i = 0; ok && i < queries; i += GRAD_BLOCK)
            ok = F(grad_block)(j, b, h, i, tsr_min_i64(GRAD_BLOCK, queries - i), w, w + room);
    }
    tsr_free(w);
    if (!ok) atomic_store(&j->failed, true);
}
