/* simd_pool.c: pooling and its gradients, f32 and f64, over channels-last arrays (others are copied into that layout): a
   window is visited once for a whole vector of channels. Only the largest elements without their positions are also taken
   from row-major arrays as they are: an output row is compared with each column of its windows in turn. */
#include "backend/cpu/pool_window.h"
#include "backend/cpu/simd/simd_math.h"
#include "backend/cpu/simd/simd_layers_private.h"
#include "backend/cpu/stage.h"
#include "base/parallel.h"
#include "base/util.h"

enum { GRAIN = 1 << 14, STRIP = 64 /* channels of a backward task */ };

typedef enum pool_kind { POOL_MAX, POOL_MEAN, POOL_ADAPTIVE } pool_kind;

/* Forward reads x and writes out; backward reads out (its gradient) and writes x (its gradient). */
typedef struct pool_job {
    pool_kind kind;
    array x, out; /* [N, C, D, H, W] */
    int64_t *index;
    const pool_params *p;
    pool_geometry geometry;
    int64_t c, in_positions, positions; /* of a picture */
} pool_job;

/* The flat place of position (i, j, k) in the input's spatial plane. */
static inline int64_t place(const pool_job *p, int64_t i, int64_t j, int64_t k)
{
    return (i * p->x.shape[3] + j) * p->x.shape[4] + k;
}

static inline pool_window window_at(const pool_job *p, int64_t at)
{
    return p->kind == POOL_ADAPTIVE ? pool_adaptive_window(&p->x, &p->out, at)
                                    : pool_window_of(&p->geometry, &p->x, &p->out, at);
}

/* What the sum over the window is multiplied by; 0 for an empty window. */
static inline double mean_factor(const pool_job *p, const pool_window *w)
{
    int64_t size = pool_window_size(w);
    if (size == 0) return 0;
    if (p->kind == POOL_ADAPTIVE) return 1 / (double)size;
    if (p->p->divisor) return 1 / (double)p->p->divisor;
    return 1 / (p->p->count_include_pad ? w->padded : (double)size);
}

static inline int64_t strips_of(const pool_job *p) { return (p->c + STRIP - 1) / STRIP; }

#define REAL_BITS 32
#include "backend/cpu/simd/simd_pool_real.h"
#undef REAL_BITS
#define REAL_BITS 64
#include "backend/cpu/simd/simd_pool_real.h"
#undef REAL_BITS

static backend below;

static bool takes(const array *x, const array *out)
{
    int64_t plane = 1;
    for (int d = 2; d < x->ndim; d++) plane *= x->shape[d];
    return (x->dtype == TSR_F32 || x->dtype == TSR_F64) && array_numel(x) > 0 && array_numel(out) > 0 &&
           plane < INT32_MAX;
}

static pool_job job_of(pool_kind kind, const array *x, const array *out, void *index, const pool_params *p)
{
    pool_job j = {.kind = kind, .x = spatial_as_5d(x), .out = spatial_as_5d(out), .index = index, .p = p};
    if (p) j.geometry = pool_geometry_of(p, kind == POOL_MAX);
    j.c = x->shape[1];
    j.in_positions = j.x.shape[2] * j.x.shape[3] * j.x.shape[4];
    j.positions = j.out.shape[2] * j.out.shape[3] * j.out.shape[4];
    return j;
}

static bool forward(pool_kind kind, const array *out, const array *index, const array *x, const pool_params *p)
{
    stage sx = {0}, so = {0}, si = {0};
    bool ok = stage_input(&sx, x, STAGE_CHANNELS_LAST) && stage_output(&so, out, STAGE_CHANNELS_LAST) &&
              stage_output(&si, index, STAGE_CHANNELS_LAST);
    if (ok) {
        pool_job j = job_of(kind, &sx.a, &so.a, si.a.data, p);
        tsr_parallel_for(x->shape[0] * j.positions, tsr_max_i64(1, GRAIN / (4 * j.c)),
                         x->dtype == TSR_F32 ? pool_positions32 : pool_positions64, &j);
        ok = stage_deliver(&so, out) && (!index || stage_deliver(&si, index));
    }
    stage_free(&sx);
    stage_free(&so);
    stage_free(&si);
    return ok;
}

static bool backward(pool_kind kind, const array *grad_x, const array *grad, const array *index, const pool_params *p)
{
    stage sx = {0}, so = {0}, si = {0};
    bool ok = stage_output(&sx, grad_x, STAGE_CHANNELS_LAST) && stage_input(&so, grad, STAGE_CHANNELS_LAST) &&
              stage_input(&si, index, STAGE_CHANNELS_LAST);
    if (ok) {
        pool_job j = job_of(kind, &sx.a, &so.a, si.a.data, p);
        int64_t each = j.in_positions * tsr_min_i64(j.c, STRIP);
        tsr_parallel_for(grad_x->shape[0] * strips_of(&j), tsr_max_i64(1, GRAIN / each),
                         grad_x->dtype == TSR_F32 ? spread_tasks32 : spread_tasks64, &j);
        ok = stage_deliver(&sx, grad_x);
    }
    stage_free(&sx);
    stage_free(&so);
    stage_free(&si);
    return ok;
}

static bool max_pool_planes(const array *out, const array *x, const pool_params *p)
{
    pool_job j = job_of(POOL_MAX, x, out, NULL, p);
    int64_t n = j.out.shape[4], work = n;
    for (int d = 0; d < 3; d++) work *= tsr_min_i64(j.geometry.kernel[d], j.x.shape[2 + d]);
    tsr_parallel_for(array_numel(out) / n, tsr_max_i64(1, GRAIN / work), x->dtype == TSR_F32 ? max_rows32 : max_rows64,
                     &j);
    return true;
}

static bool max_pool(const array *out, const array *index, const array *x, const pool_params *p)
{
    if (takes(x, out) && !index && stage_are_planes(out, x)) return max_pool_planes(out, x, p);
    return takes(x, out) ? forward(POOL_MAX, out, index, x, p) : below.max_pool(out, index, x, p);
}

static bool max_pool_grad(const array *grad_x, const array *grad, const array *index, const pool_params *p)
{
    return takes(grad_x, grad) ? backward(POOL_MAX, grad_x, grad, index, p)
                               : below.max_pool_grad(grad_x, grad, index, p);
}

static bool avg_pool(const array *out, const array *x, const pool_params *p)
{
    return takes(x, out) ? forward(POOL_MEAN, out, NULL, x, p) : below.avg_pool(out, x, p);
}

static bool avg_pool_grad(const array *grad_x, const array *grad, const pool_params *p)
{
    return takes(grad_x, grad) ? backward(POOL_MEAN, grad_x, grad, NULL, p) : below.avg_pool_grad(grad_x, grad, p);
}

/* One average of all positions is a mean, which no layout makes slow. */
static bool is_mean(const array *out)
{
    for (int d = 2; d < out->ndim; d++)
        if (out->shape[d] != 1) return false;
    return true;
}

static bool adaptive_avg_pool(const array *out, const array *x)
{
    if (takes(x, out) && is_mean(out)) return backend_of(TSR_CPU)->reduce(R_MEAN, out, x, ~UINT32_C(3), NULL);
    return takes(x, out) ? forward(POOL_ADAPTIVE, out, NULL, x, NULL) : below.adaptive_avg_pool(out, x);
}

static bool adaptive_avg_pool_grad(const array *grad_x, const array *grad)
{
    return takes(grad_x, grad) ? backward(POOL_ADAPTIVE, grad_x, grad, NULL, NULL)
                               : below.adaptive_avg_pool_grad(grad_x, grad);
}

void TIER(simd_pool_fill)(backend *b)
{
    if (b->max_pool != max_pool) below = *b;
    b->max_pool = max_pool;
    b->max_pool_grad = max_pool_grad;
    b->avg_pool = avg_pool;
    b->avg_pool_grad = avg_pool_grad;
    b->adaptive_avg_pool = adaptive_avg_pool;
    b->adaptive_avg_pool_grad = adaptive_avg_pool_grad;
}
