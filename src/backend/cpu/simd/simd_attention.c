/* simd_attention.c: scaled dot-product attention, f32 and f64.

   Queries go in blocks: their scores against the keys they may see are a matrix product into a buffer that stays in the
   cache, softmax makes weights of each row, and a second product mixes the values. One or a few queries alone, as when
   text is generated with a cache of keys, are done by dot products. Threads share out blocks of all heads.

   The derivative computes the weights again, block by block, from the log-sum-exp of each row (Dao et al. 2022,
   "FlashAttention"). Keys and values gather contributions of all queries, so there threads share out heads. */
#include <stdatomic.h>

#include "backend/cpu/simd/simd_math.h"
#include "backend/cpu/simd/simd_layers_private.h"
#include "backend/cpu/simd/simd_transpose.h"
#include "backend/cpu/stage.h"
#include "base/alloc.h"
#include "base/parallel.h"
#include "base/util.h"
#include "tessera/error.h"

enum { BLOCK = 96, GRAD_BLOCK = 64, FEW = 2 /* queries for which matrix products do not pay */ };

typedef struct attention_job {
    array q, k, v, mask, out, lse;      /* mask, lse: without data when not given */
    array grad, grad_q, grad_k, grad_v; /* of the derivative; without data when not wanted */
    const attention_params *p;
    _Atomic bool failed; /* a thread had no memory */
} attention_job;

#define REAL_BITS 32
#include "backend/cpu/simd/simd_attention_real.h"
#undef REAL_BITS
#define REAL_BITS 64
#include "backend/cpu/simd/simd_attention_real.h"
#undef REAL_BITS

static backend below;

/* Tasks are blocks of `block` queries. */
static bool run(attention_job *j, int64_t tasks, int64_t block, tsr_range_body body)
{
    int64_t work = tsr_min_i64(j->q.shape[2], block) * j->k.shape[2] * (j->q.shape[3] + j->v.shape[3]);
    tsr_parallel_for(tasks, tsr_max_i64(1, (1 << 15) / tsr_max_i64(work, 1)), body, j);
    if (!atomic_load(&j->failed)) return true;
    tsr_fail(TSR_ENOMEM, "scaled_dot_product_attention: no memory for the scores");
    return false;
}

/* The array itself where its rows are contiguous, else a copy; its other strides are free. */
static bool rows_in(stage *s, const array *a)
{
    if (a->stride[3] != 1) return stage_input(s, a, STAGE_ROW_MAJOR);
    *s = (stage){.a = *a};
    return true;
}

static bool rows_out(stage *s, const array *a)
{
    if (a->stride[3] != 1) return stage_output(s, a, STAGE_ROW_MAJOR);
    *s = (stage){.a = *a};
    return true;
}

static bool attention(const array *out, const array *lse, const array *q, const array *k, const array *v,
                      const array *mask, const attention_params *p)
{
    bool empty = array_numel(q) == 0 || array_numel(k) == 0 || array_numel(v) == 0;
    if ((q->dtype != TSR_F32 && q->dtype != TSR_F64) || empty) return below.attention(out, lse, q, k, v, mask, p);
    stage sq = {0}, sk = {0}, sv = {0}, so = {0};
    bool ok = rows_in(&sq, q) && rows_in(&sk, k) && rows_in(&sv, v) && rows_out(&so, out);
    if (ok) {
        attention_job j = {.q = sq.a, .k = sk.a, .v = sv.a, .out = so.a, .p = p};
        if (mask) j.mask = *mask;
        if (lse) j.lse = *lse;
        int64_t blocks = (q->shape[2] + BLOCK - 1) / BLOCK, tasks = q->shape[0] * q->shape[1] * blocks;
        ok = run(&j, tasks, BLOCK, q->dtype == TSR_F32 ? attention_tasks32 : attention_tasks64) &&
             stage_deliver(&so, out);
    }
    stage_free(&sq);
    stage_free(&sk);
    stage_free(&sv);
    stage_free(&so);
    return ok;
}

/* Whether rows are contiguous in all the results that are wanted. */
static bool grad_is_ours(const array *const *all, int n)
{
    for (int i = 0; i < n; i++) {
        if (!all[i]) continue;
        if ((all[i]->dtype != TSR_F32 && all[i]->dtype != TSR_F64) || array_numel(all[i]) == 0) return false;
        if (all[i]->stride[3] != 1) return false;
    }
    return true;
}

static bool attention_grad(const array *grad_q, const array *grad_k, const array *grad_v, const array *grad,
                           const array *lse, const array *q, const array *k, const array *v, const array *mask,
                           const attention_params *p)
{
    stage s[4] = {{.memory = NULL}};
    const array *in[4] = {q, k, v, grad}, *results[3] = {grad_q, grad_k, grad_v};
    if (!grad_is_ours(results, 3) || array_numel(q) == 0 || array_numel(k) == 0 || array_numel(v) == 0)
        return below.attention_grad(grad_q, grad_k, grad_v, grad, lse, q, k, v, mask, p);
    bool ok = true;
    for (int i = 0; ok && i < 4; i++) ok = rows_in(&s[i], in[i]);
    if (ok) {
        attention_job j = {.q = s[0].a, .k = s[1].a, .v = s[2].a, .grad = s[3].a, .lse = *lse, .p = p};
        if (mask) j.mask = *mask;
        if (grad_q) j.grad_q = *grad_q;
        if (grad_k) j.grad_k = *grad_k;
        if (grad_v) j.grad_v = *grad_v;
        ok = run(&j, q->shape[0] * q->shape[1], q->shape[2], q->dtype == TSR_F32 ? grad_tasks32 : grad_tasks64);
    }
    for (int i = 0; i < 4; i++) stage_free(&s[i]);
    return ok;
}

void TIER(simd_attention_fill)(backend *b)
{
    if (b->attention != attention) below = *b;
    b->attention = attention;
    b->attention_grad = attention_grad;
}
