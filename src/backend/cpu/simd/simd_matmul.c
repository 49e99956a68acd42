/* simd_matmul.c: the table's matrix products, f32 and f64, by simd_gemm.c. */
#include "backend/cpu/simd/simd_gemm.h"

#include "backend/cpu/stage.h"
#include "base/util.h"

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

static bool linear(const array *out, const array *x, const array *weight, const array *bias)
{
    gemm g = {.batch = 1, .m = out->shape[0], .n = out->shape[1], .k = x->shape[1], .alpha = 1};
    if (!is_real(out) || g.m * g.n == 0 || g.k == 0) return below_linear(out, x, weight, bias);
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
