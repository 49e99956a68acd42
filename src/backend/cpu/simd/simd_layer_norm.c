/* simd_layer_norm.c: layer norm, forward and backward, f32 and f64. Rows are contiguous, or copied so that they are. The
   gradients of weight and bias are summed in chunks of rows whose size depends on the shape alone. */
#include "backend/cpu/simd/simd_math.h"
#include "backend/cpu/simd/simd_layers_private.h"
#include "backend/cpu/stage.h"
#include "base/alloc.h"
#include "base/parallel.h"
#include "base/util.h"

enum { MOST_CHUNKS = 32, FEW_ROWS = 16, GRAIN = 1 << 13 };

typedef struct layer_call {
    stage x, grad, weight, bias, mean, rstd, out;
    double eps;
} layer_call;

#define REAL_BITS 32
#include "backend/cpu/simd/simd_layer_norm_real.h"
#undef REAL_BITS
#define REAL_BITS 64
#include "backend/cpu/simd/simd_layer_norm_real.h"
#undef REAL_BITS

static backend below;

static void call_free(layer_call *c)
{
    stage *all[] = {&c->x, &c->grad, &c->weight, &c->bias, &c->mean, &c->rstd, &c->out};
    for (int i = 0; i < 7; i++) stage_free(all[i]);
}

static bool takes(const array *x) { return (x->dtype == TSR_F32 || x->dtype == TSR_F64) && array_numel(x) > 0; }

static bool layer_norm(const array *out, const array *mean, const array *rstd, const array *x, const array *weight,
                       const array *bias, const norm_params *p)
{
    if (!takes(x)) return below.layer_norm(out, mean, rstd, x, weight, bias, p);
    layer_call c = {.eps = p->eps};
    bool ok = stage_input(&c.x, x, STAGE_ROW_MAJOR) && stage_input(&c.weight, weight, STAGE_ROW_MAJOR) &&
              stage_input(&c.bias, bias, STAGE_ROW_MAJOR) && stage_output(&c.mean, mean, STAGE_ROW_MAJOR) &&
              stage_output(&c.rstd, rstd, STAGE_ROW_MAJOR) && stage_output(&c.out, out, STAGE_ROW_MAJOR) &&
              (x->dtype == TSR_F32 ? layer_norm32 : layer_norm64)(&c) && stage_deliver(&c.out, out) &&
              stage_deliver(&c.mean, mean) && stage_deliver(&c.rstd, rstd);
    call_free(&c);
    return ok;
}

static bool layer_norm_grad(const array *grad_x, const array *grad_weight, const array *grad_bias, const array *grad,
                            const array *x, const array *mean, const array *rstd, const array *weight,
                            const norm_params *p)
{
    if (!takes(x)) return below.layer_norm_grad(grad_x, grad_weight, grad_bias, grad, x, mean, rstd, weight, p);
    layer_call c = {0};
    bool ok = stage_input(&c.x, x, STAGE_ROW_MAJOR) && stage_input(&c.grad, grad, STAGE_ROW_MAJOR) &&
              stage_input(&c.weight, weight, STAGE_ROW_MAJOR) && stage_input(&c.mean, mean, STAGE_ROW_MAJOR) &&
              stage_input(&c.rstd, rstd, STAGE_ROW_MAJOR) && stage_output(&c.out, grad_x, STAGE_ROW_MAJOR) &&
              (x->dtype == TSR_F32 ? layer_norm_grad32 : layer_norm_grad64)(&c, grad_weight, grad_bias) &&
              stage_deliver(&c.out, grad_x);
    call_free(&c);
    return ok;
}

void TIER(simd_layer_norm_fill)(backend *b)
{
    if (b->layer_norm != layer_norm) below = *b;
    b->layer_norm = layer_norm;
    b->layer_norm_grad = layer_norm_grad;
}
