/* simd_adam.c: Adam's step in one pass over parameter, gradient and moments, f32 and f64. */
#include "backend/cpu/simd/simd_math.h"
#include "backend/cpu/simd/simd_layers_private.h"
#include "backend/cpu/stage.h"
#include "base/parallel.h"
#include "base/util.h"

enum { GRAIN = 1 << 14 };

#define REAL_BITS 32
#include "backend/cpu/simd/simd_adam_real.h"
#undef REAL_BITS
#define REAL_BITS 64
#include "backend/cpu/simd/simd_adam_real.h"
#undef REAL_BITS

static backend below;

static bool adam_step(const array *param, const array *grad, const array *m, const array *v, const array *vmax,
                      const adam_params *p)
{
    if (param->dtype == TSR_F32) adam_all32(param, grad, m, v, vmax, p);
    else if (param->dtype == TSR_F64) adam_all64(param, grad, m, v, vmax, p);
    else return below.adam_step(param, grad, m, v, vmax, p);
    return true;
}

void TIER(simd_adam_fill)(backend *b)
{
    if (b->adam_step != adam_step) below = *b;
    b->adam_step = adam_step;
}
