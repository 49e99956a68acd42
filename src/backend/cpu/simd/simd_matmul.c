/* simd_matmul.c: the table's matrix products, f32 and f64, by simd_gemm.c. */
#include "backend/cpu/simd/simd_gemm.h"

#include <stdatomic.h>

#include "backend/cpu/stage.h"
#include "base/alloc.h"
#include "base/parallel.h"
#include "base/util.h"
#include "tessera/error.h"

static bool (*below)(const array *, const array *, const array *, double, double);
static bool (*below_linear)(const array *, const array *, const array *, const array *);

static bool is_real(const array *a) { return a->dtype == TSR_F32 || a->dtype == TSR_F64; }

static gemm_matrix matrix_of(const array *a, int first)
{
    int64_t batch = first > 0 && a->shape[0] > 1 ? a->stride[0] : 0;
    return (gemm_matrix){a->data, batch, a->stride[first], a->stride[first + 1]};
}

static bool run(const gemm *g, int32_t dtype) { return dtype == TSR_F32 ? TIER(gemm_f32)(g) : TIER(gemm_f64)(g); }

static bool matmul(const array *out, const array *a, const array *b, double alpha, double beta)
{
    gemm g = {.batch = out->shape[0], .m = out->shape[1], .n = out->shape[2], .k = a->shape[2]};
    if (!is_real(out) || g.batch * g.m * g.n == 0 || g.k == 0) return below(out, a, b, alpha, beta);
    g.a = matrix_of(a, 1), g.b = matrix_of(b, 1), g.c = matrix_of(out, 1);
    g.alpha = alpha, g.beta = beta;
    return run(&g, out->dtype);
}

/* ---- weights of 16 bits: few rows have a kernel, else some outputs' at a time are widened into a buffer in the cache ---- */

enum { WIDENED = 1 << 14 /* weights */ };

typedef struct half_job {
    const array *out, *x, *weight;
    const float *bias;
    int64_t outputs;     /* of a task */
    _Atomic bool failed; /* no memory */
} half_job;

static bool widened_outputs(const half_job *j, int64_t first, int64_t count, float *room)
{
    array from = *j->weight, to = from;
    from.data = (char *)from.data + first * from.stride[0] * 2;
    from.shape[0] = to.shape[0] = count;
    to.data = room, to.dtype = TSR_F32;
    to.stride[0] = to.shape[1], to.stride[1] = 1;
    if (!backend_of(TSR_CPU)->copy(&to, &from)) return false;
    gemm g = {.batch = 1, .m = j->x->shape[0], .n = count, .k = to.shape[1], .alpha = 1};
    g.a = matrix_of(j->x, 0), g.c = matrix_of(j->out, 0);
    g.c.data = (float *)g.c.data + first * g.c.column;
    g.b = (gemm_matrix){room, 0, 1, to.shape[1]};
    g.bias = j->bias ? j->bias + first : NULL;
    return TIER(gemm_f32)(&g);
}

static void half_tasks(int64_t begin, int64_t end, void *user)
{
    half_job *j = user;
    float *room = tsr_alloc((size_t)(j->outputs * j->weight->shape[1]) * sizeof *room);
    bool ok = room != NULL;
    for (int64_t task = begin; ok && task < end; task++) {
        int64_t first = task * j->outputs, left = j->weight->shape[0] - first;
        ok = widened_outputs(j, first, tsr_min_i64(left, j->outputs), room);
    }
    tsr_free(room);
    if (!ok) atomic_store(&j->failed, true);
}

static bool linear_few(const array *out, const array *x, const array *weight, const float *bias)
{
    gemm g = {.batch = 1, .m = out->shape[0], .n = out->shape[1], .k = x->shape[1], .alpha = 1, .b_is_bf16 = true};
    g.a = matrix_of(x, 0), g.c = matrix_of(out, 0), g.bias = bias;
    g.b = (gemm_matrix){weight->data, 0, 1, weight->stride[0]};
    return TIER(gemm_f32)(&g);
}

/* Up to three rows, a weight is widened once; beyond, in memory once for all rows is better. */
static bool has_kernel(const array *x, const array *weight)
{
    return weight->dtype == TSR_BF16 && x->shape[0] <= 3 && x->stride[1] == 1 && weight->stride[1] == 1;
}

static bool linear_half(const array *out, const array *x, const array *weight, const array *bias)
{
    stage row;
    if (!stage_input(&row, bias, STAGE_ROW_MAJOR)) return false;
    if (has_kernel(x, weight)) {
        bool ok = linear_few(out, x, weight, row.a.data);
        stage_free(&row);
        return ok;
    }
    half_job j = {out, x, weight, row.a.data, .outputs = tsr_max_i64(WIDENED / weight->shape[1], 4)};
    int64_t tasks = (weight->shape[0] + j.outputs - 1) / j.outputs;
    tsr_parallel_for(tasks, 1, half_tasks, &j);
    stage_free(&row);
    if (atomic_load(&j.failed)) tsr_fail(TSR_ENOMEM, "linear: no memory for widened weights");
    return !atomic_load(&j.failed);
}

static bool linear(const array *out, const array *x, const array *weight, const array *bias)
{
    bool half = weight->dtype == TSR_BF16 || weight->dtype == TSR_F16;
    if (half && out->dtype == TSR_F32 && array_numel(out) > 0 && array_numel(weight) > 0)
        return linear_half(out, x, weight, bias);
    gemm g = {.batch = 1, .m = out->shape[0], .n = out->shape[1], .k = x->shape[1], .alpha = 1};
    if (half || !is_real(out) || g.m * g.n == 0 || g.k == 0) return below_linear(out, x, weight, bias);
    stage row; /* the bias, dense */
    if (!stage_input(&row, bias, STAGE_ROW_MAJOR)) return false;
    g.a = matrix_of(x, 0), g.b = matrix_of(weight, 0), g.c = matrix_of(out, 0);
    g.b = (gemm_matrix){weight->data, 0, weight->stride[1], weight->stride[0]};
    g.bias = row.a.data;
    bool ok = run(&g, out->dtype);
    stage_free(&row);
    return ok;
}

void TIER(simd_matmul_fill)(backend *b)
{
    if (b->matmul != matmul) below = b->matmul, below_linear = b->linear;
    b->matmul = matmul;
    b->linear = linear;
}
