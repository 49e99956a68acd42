/* simd_resample.c: resampling in every mode, forward and backward, f32 and f64.

   Channels-last, an output position is a weighted sum of a few rows of channels, which the tables of interp_taps.h list;
   where channels are few or lie apart, the sums are made within planes (simd_resample_planes_real.h). Backward is the
   same with the tables transposed, so nothing is scattered and the order of sums is fixed. */
#include <stdatomic.h>

#include "backend/cpu/interp_taps.h"
#include "backend/cpu/simd/simd_math.h"
#include "backend/cpu/simd/simd_layers_private.h"
#include "backend/cpu/spatial.h"
#include "backend/cpu/stage.h"
#include "base/alloc.h"
#include "base/parallel.h"
#include "base/util.h"

enum { MOST_TAPS = 64, GRAIN = 1 << 14 };

#define REAL_BITS 32
#include "backend/cpu/simd/simd_resample_real.h"
#include "backend/cpu/simd/simd_resample_planes_real.h"
#undef REAL_BITS
#define REAL_BITS 64
#include "backend/cpu/simd/simd_resample_real.h"
#include "backend/cpu/simd/simd_resample_planes_real.h"
#undef REAL_BITS

static backend below;

static bool takes(const array *a, const array *b)
{
    return (a->dtype == TSR_F32 || a->dtype == TSR_F64) && array_numel(a) > 0 && array_numel(b) > 0;
}

/* Row-major on both sides, or with fewer channels than fill a vector. */
static bool in_planes(const array *to, const array *from)
{
    return (stage_has_layout(to, STAGE_ROW_MAJOR) && stage_has_layout(from, STAGE_ROW_MAJOR)) ||
           from->shape[1] < VECTOR_BYTES / (int64_t)tsr_dtype_size((tsr_dtype)from->dtype);
}

/* small is the input of forward, large its output (whichever is larger). */
static bool resample(const array *to, const array *from, const interp_params *p, bool backward)
{
    stage so = {0}, si = {0};
    interp_taps taps[3] = {{0}};
    bool planes = in_planes(to, from), f32 = to->dtype == TSR_F32;
    stage_layout layout = planes ? STAGE_ROW_MAJOR : STAGE_CHANNELS_LAST;
    bool ok = stage_input(&si, from, layout) && stage_output(&so, to, layout);
    array out = spatial_as_5d(&so.a), in = spatial_as_5d(&si.a);
    if (ok && backward) ok = interp_taps_make(taps, &out, &in, p) && interp_taps_transpose(taps, &out, &in);
    else if (ok) ok = interp_taps_make(taps, &in, &out, p);
    if (ok && planes) ok = (f32 ? resample_planes32 : resample_planes64)(&out, &in, taps);
    else if (ok) (f32 ? resample_all32 : resample_all64)(&out, &in, taps);
    ok = ok && stage_deliver(&so, to);
    interp_taps_free(taps);
    stage_free(&so);
    stage_free(&si);
    return ok;
}

static bool interpolate(const array *out, const array *x, const interp_params *p)
{
    return takes(out, x) ? resample(out, x, p, false) : below.interpolate(out, x, p);
}

static bool interpolate_grad(const array *grad_x, const array *grad, const interp_params *p)
{
    return takes(grad_x, grad) ? resample(grad_x, grad, p, true) : below.interpolate_grad(grad_x, grad, p);
}

void TIER(simd_resample_fill)(backend *b)
{
    if (b->interpolate != interpolate) below = *b;
    b->interpolate = interpolate;
    b->interpolate_grad = interpolate_grad;
}
