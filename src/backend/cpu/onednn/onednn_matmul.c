/* onednn_matmul.c: f32 matrix products by dnnl_sgemm.

   It takes row-major matrices, each as it is or transposed, and one at a time. An operand whose strides do not fit is
   copied first; a result with columns in memory order is computed as its transpose. Batches of small matrices are split
   over threads, each then computing whole matrices alone; large ones are left to oneDNN's own threads. */
#include <oneapi/dnnl/dnnl.h>

#include "backend/cpu/onednn/onednn_private.h"
#include "backend/cpu/stage.h"
#include "base/alloc.h"
#include "base/parallel.h"
#include "base/util.h"

/* Multiplications above which one product is worth several threads. */
#define LARGE (INT64_C(1) << 21)

/* A batch of matrices as sgemm wants them. */
typedef struct operand {
    const float *data;
    int64_t batch, ld;
    char transposed;
} operand;

/* Whether rows of `columns` contiguous elements lie `row` apart without overlapping. */
static bool row_major(int64_t rows, int64_t columns, int64_t row, int64_t column)
{
    return (columns == 1 || column == 1) && (rows == 1 || row >= columns);
}

static int64_t leading(int64_t rows, int64_t columns, int64_t row) { return rows == 1 ? columns : row; }

static bool operand_of(operand *o, const array *a)
{
    int64_t rows = a->shape[1], columns = a->shape[2];
    *o = (operand){.data = a->data, .batch = a->shape[0] == 1 ? 0 : a->stride[0], .transposed = 'N'};
    if (row_major(rows, columns, a->stride[1], a->stride[2])) {
        o->ld = leading(rows, columns, a->stride[1]);
    } else if (row_major(columns, rows, a->stride[2], a->stride[1])) {
        o->ld = leading(columns, rows, a->stride[2]);
        o->transposed = 'T';
    } else {
        return false;
    }
    return true;
}

/* The operand, through a row-major copy in *s where needed; false without memory. */
static bool operand_staged(operand *o, stage *s, const array *a)
{
    *s = (stage){0};
    if (operand_of(o, a)) return true;
    return stage_input(s, a, STAGE_ROW_MAJOR) && operand_of(o, &s->a);
}

typedef struct product {
    operand a, b;
    float *out;
    int64_t batch, ld, m, n, k;
    float alpha, beta;
} product;

static void multiply(int64_t begin, int64_t end, void *user)
{
    const product *p = user;
    for (int64_t i = begin; i < end; i++)
        dnnl_sgemm(p->a.transposed, p->b.transposed, p->m, p->n, p->k, p->alpha, p->a.data + i * p->a.batch, p->a.ld,
                   p->b.data + i * p->b.batch, p->b.ld, p->beta, p->out + i * p->batch, p->ld);
}

static array transposed(const array *a)
{
    array t = *a;
    t.shape[1] = a->shape[2];
    t.shape[2] = a->shape[1];
    t.stride[1] = a->stride[2];
    t.stride[2] = a->stride[1];
    return t;
}

/* out is row-major. */
static bool multiply_all(const array *out, const array *a, const array *b, double alpha, double beta)
{
    stage sa, sb = {0};
    product p = {.out = out->data,
                 .batch = out->stride[0],
                 .m = out->shape[1],
                 .n = out->shape[2],
                 .k = a->shape[2],
                 .alpha = (float)alpha,
                 .beta = (float)beta};
    p.ld = leading(p.m, p.n, out->stride[1]);
    bool ok = operand_staged(&p.a, &sa, a) && operand_staged(&p.b, &sb, b);
    int64_t work = p.m * p.n * p.k;
    tsr_num_threads(); /* tells OpenMP, and so oneDNN, how many */
    if (ok) tsr_parallel_for(out->shape[0], work >= LARGE ? out->shape[0] : 1 + (1 << 16) / work, multiply, &p);
    stage_free(&sa);
    stage_free(&sb);
    return ok;
}

taken onednn_matmul(const array *out, const array *a, const array *b, double alpha, double beta)
{
    if (row_major(out->shape[1], out->shape[2], out->stride[1], out->stride[2]))
        return multiply_all(out, a, b, alpha, beta) ? TAKEN : TAKEN_BAD;
    if (!row_major(out->shape[2], out->shape[1], out->stride[2], out->stride[1])) return NOT_TAKEN;
    array out_t = transposed(out), a_t = transposed(a), b_t = transposed(b);
    return multiply_all(&out_t, &b_t, &a_t, alpha, beta) ? TAKEN : TAKEN_BAD;
}

static array as_3d(const array *a, bool transpose)
{
    array b = {.data = a->data, .dtype = a->dtype, .ndim = 3, .shape = {1}, .stride = {0}};
    for (int d = 0; d < 2; d++) {
        b.shape[1 + d] = a->shape[transpose ? 1 - d : d];
        b.stride[1 + d] = a->stride[transpose ? 1 - d : d];
    }
    return b;
}

/* The bias is laid into the result first and added to. */
taken onednn_linear(const array *out, const array *x, const array *weight, const array *bias)
{
    array out3 = as_3d(out, false), x3 = as_3d(x, false), w3 = as_3d(weight, true);
    if (bias) {
        array rows = *bias;
        rows.ndim = 2;
        rows.shape[1] = bias->shape[0];
        rows.stride[1] = bias->stride[0];
        rows.shape[0] = out->shape[0];
        rows.stride[0] = 0;
        if (!backend_of(TSR_CPU)->copy(out, &rows)) return TAKEN_BAD;
    }
    return onednn_matmul(&out3, &x3, &w3, 1, bias ? 1 : 0);
}
