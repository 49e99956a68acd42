/* simd_norm.c: group norm (with SiLU fused) and batch norm, forward and backward, f32 and f64. They work on channels-last
   arrays, into which others are copied; only batch norm's one multiply-add takes row-major arrays as they are. */
#include "backend/cpu/simd/simd_math.h"
#include "backend/cpu/simd/simd_layers_private.h"
#include "backend/cpu/stage.h"
#include "base/alloc.h"
#include "base/parallel.h"
#include "base/util.h"

enum {
    CHUNK_ELEMENTS = 1 << 13, /* of a chunk: few, so that the sums of silu_is_within say much of each */
    MOST_CHUNKS = 256,        /* of a picture */
    GRAIN = 1 << 14           /* elements worth a thread */
};

/* What the second pass computes; SILU_WITHIN is SILU of what is known to be small enough for e^x. */
typedef enum map_kind { MAP_PLAIN, MAP_SILU, MAP_SILU_WITHIN, MAP_BACKWARD } map_kind;

static int64_t positions_of(const array *x)
{
    int64_t n = 1;
    for (int d = 2; d < x->ndim; d++) n *= x->shape[d];
    return n;
}

#define REAL_BITS 32
#include "backend/cpu/simd/simd_norm_real.h"
#undef REAL_BITS
#define REAL_BITS 64
#include "backend/cpu/simd/simd_norm_real.h"
#undef REAL_BITS

static backend below;

static bool takes(const array *x) { return (x->dtype == TSR_F32 || x->dtype == TSR_F64) && array_numel(x) > 0; }

static bool in_layout(stage *s, const array *x) { return stage_input(s, x, STAGE_CHANNELS_LAST); }

static bool group_norm(const array *out, const array *mean, const array *rstd, const array *x, const array *weight,
                       const array *bias, const norm_params *p)
{
    if (!takes(x)) return below.group_norm(out, mean, rstd, x, weight, bias, p);
    stage sx = {0}, so = {0};
    bool ok = in_layout(&sx, x) && stage_output(&so, out, STAGE_CHANNELS_LAST) &&
              (x->dtype == TSR_F32 ? group_norm32 : group_norm64)(&so.a, mean, rstd, &sx.a, weight, bias, p) &&
              stage_deliver(&so, out);
    stage_free(&sx);
    stage_free(&so);
    return ok;
}

static bool group_norm_grad(const array *grad_x, const array *grad_weight, const array *grad_bias, const array *grad,
                            const array *x, const array *mean, const array *rstd, const array *weight,
                            const array *bias, const norm_params *p)
{
    if (!takes(x)) return below.group_norm_grad(grad_x, grad_weight, grad_bias, grad, x, mean, rstd, weight, bias, p);
    stage sx = {0}, sg = {0}, so = {0};
    bool ok = in_layout(&sx, x) && in_layout(&sg, grad) && stage_output(&so, grad_x, STAGE_CHANNELS_LAST) &&
              (x->dtype == TSR_F32 ? group_norm_grad32 : group_norm_grad64)(grad_x ? &so.a : NULL, grad_weight,
                                                                            grad_bias, &sg.a, &sx.a, mean, rstd, weight,
                                                                            p->silu ? bias : NULL, p) &&
              stage_deliver(&so, grad_x);
    stage_free(&sx);
    stage_free(&sg);
    stage_free(&so);
    return ok;
}

static bool batch_norm_stats(const array *mean, const array *var, const array *x)
{
    if (!takes(x)) return below.batch_norm_stats(mean, var, x);
    stage sx = {0};
    bool ok = in_layout(&sx, x) && (x->dtype == TSR_F32 ? batch_norm_stats32 : batch_norm_stats64)(mean, var, &sx.a);
    stage_free(&sx);
    return ok;
}

static bool batch_norm_apply(const array *out, const array *x, const array *mean, const array *scale,
                             const array *shift)
{
    if (!takes(x)) return below.batch_norm_apply(out, x, mean, scale, shift);
    if (stage_are_planes(out, x)) {
        (x->dtype == TSR_F32 ? batch_norm_apply_planes32 : batch_norm_apply_planes64)(out, x, mean, scale, shift);
        return true;
    }
    stage sx = {0}, so = {0};
    bool ok = in_layout(&sx, x) && stage_output(&so, out, STAGE_CHANNELS_LAST) &&
              (x->dtype == TSR_F32 ? batch_norm_apply32 : batch_norm_apply64)(&so.a, &sx.a, mean, scale, shift) &&
              stage_deliver(&so, out);
    stage_free(&sx);
    stage_free(&so);
    return ok;
}

static bool batch_norm_grad(const array *grad_x, const array *grad_weight, const array *grad_bias, const array *grad,
                            const array *x, const array *mean, const array *rstd, const array *weight, bool training)
{
    if (!takes(x)) return below.batch_norm_grad(grad_x, grad_weight, grad_bias, grad, x, mean, rstd, weight, training);
    stage sx = {0}, sg = {0}, so = {0};
    bool ok = in_layout(&sx, x) && in_layout(&sg, grad) && stage_output(&so, grad_x, STAGE_CHANNELS_LAST) &&
              (x->dtype == TSR_F32 ? batch_norm_grad32 : batch_norm_grad64)(
                  grad_x ? &so.a : NULL, grad_weight, grad_bias, &sg.a, &sx.a, mean, rstd, weight, training) &&
              stage_deliver(&so, grad_x);
    stage_free(&sx);
    stage_free(&sg);
    stage_free(&so);
    return ok;
}

void TIER(simd_norm_fill)(backend *b)
{
    if (b->group_norm != group_norm) below = *b;
    b->group_norm = group_norm;
    b->group_norm_grad = group_norm_grad;
    b->batch_norm_stats = batch_norm_stats;
    b->batch_norm_apply = batch_norm_apply;
    b->batch_norm_grad = batch_norm_grad;
}
