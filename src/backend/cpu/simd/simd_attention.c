/* simd_attention.c: scaled dot-product attention, f32 and f64.

   Queries go in blocks: their scores against the keys they may see are a matrix product into a buffer that stays in the
   cache, softmax makes weights of each row, and a second product mixes the values. One or a few queries alone, as when
   text is generated with a cache of keys, are done by dot products. Threads share out blocks of all heads. */
#include <stdatomic.h>

#include "backend/cpu/simd/simd_math.h"
#include "backend/cpu/simd/simd_layers_private.h"
#include "backend/cpu/simd/simd_transpose.h"
#include "backend/cpu/stage.h"
#include "base/alloc.h"
#include "base/parallel.h"
#include "base/util.h"
#include "tessera/error.h"

enum { BLOCK = 32, FEW = 2 /* queries for which matrix products do not pay */ };

typedef struct attention_job {
    array q, k, v, mask, out, lse; /* mask, lse: without data when not given */
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

static bool run(attention_job *j)
{
    int64_t queries = j->q.shape[2], tasks = j->q.shape[0] * j->q.shape[1] * ((queries + BLOCK - 1) / BLOCK);
    int64_t work = tsr_min_i64(queries, BLOCK) * j->k.shape[2] * (j->q.shape[3] + j->v.shape[3]);
    tsr_parallel_for(tasks, tsr_max_i64(1, (1 << 15) / tsr_max_i64(work, 1)),
                     j->q.dtype == TSR_F32 ? attention_tasks32 : attention_tasks64, j);
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
        ok = run(&j) && stage_deliver(&so, out);
    }
    stage_free(&sq);
    stage_free(&sk);
    stage_free(&sv);
    stage_free(&so);
    return ok;
}

void TIER(simd_attention_fill)(backend *b)
{
    if (b->attention != attention) below = *b;
    b->attention = attention;
}
