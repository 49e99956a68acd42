/* simd_softmax.c: softmax and log-softmax of f32 and f64, and their gradients. A lane is a contiguous row, or lanes that
   are adjacent in memory are worked on side by side; arrays that disagree on that are copied so that lanes are rows
   (the copies transpose quickly, simd_copy.c), and the result is copied back. */
#include "backend/cpu/loop.h"
#include "backend/cpu/simd/simd_math.h"
#include "backend/cpu/simd/simd_private.h"
#include "backend/cpu/stage.h"
#include "base/alloc.h"
#include "base/util.h"

#define REAL_BITS 32
#include "backend/cpu/simd/simd_softmax_real.h"
#include "backend/cpu/simd/simd_softmax_columns_real.h"
#undef REAL_BITS
#define REAL_BITS 64
#include "backend/cpu/simd/simd_softmax_real.h"
#include "backend/cpu/simd/simd_softmax_columns_real.h"
#undef REAL_BITS

static const backend *table; /* for copies, and for what lies below */
static bool (*below)(const array *, const array *, int, bool);
static bool (*below_grad)(const array *, const array *, const array *, int, bool);

enum { SIDE_BY_SIDE = 16 };

typedef struct lanes {
    int64_t n; /* elements of a lane */
    bool log_form, f32;
    int64_t step[3]; /* elements from one to the next, in each array: for lanes side by side */
} lanes;

static void one_softmax(const lanes *l, char *out, const char *in)
{
    if (l->f32 && l->log_form) log_softmax_row32((float *)out, (const float *)in, l->n);
    else if (l->f32) softmax_row32((float *)out, (const float *)in, l->n);
    else if (l->log_form) log_softmax_row64((double *)out, (const double *)in, l->n);
    else softmax_row64((double *)out, (const double *)in, l->n);
}

static void softmax_lanes(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    for (int64_t i = 0; i < n; i++) one_softmax(user, data[0] + i * step[0], data[1] + i * step[1]);
}

static void grad_lanes(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    const lanes *l = user;
    for (int64_t i = 0; i < n; i++) {
        char *to = data[0] + i * step[0], *grad = data[1] + i * step[1], *out = data[2] + i * step[2];
        if (l->f32) softmax_grad_row32((float *)to, (const float *)grad, (const float *)out, l->n, l->log_form);
        else softmax_grad_row64((double *)to, (const double *)grad, (const double *)out, l->n, l->log_form);
    }
}

#define STRIP_OF(bits, real)                                                                                           \
    (strip##bits)                                                                                                      \
    {                                                                                                                  \
        (real *)data[0], (const real *)data[1], (const real *)data[2], l->step[0], l->step[1], l->step[2], l->n, n     \
    }

static void softmax_side_by_side(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    const lanes *l = user;
    (void)step;
    if (l->f32) softmax_columns32(&STRIP_OF(32, float), l->log_form);
    else softmax_columns64(&STRIP_OF(64, double), l->log_form);
}

static void grad_side_by_side(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    const lanes *l = user;
    (void)step;
    if (l->f32) grad_columns32(&STRIP_OF(32, float), l->log_form);
    else grad_columns64(&STRIP_OF(64, double), l->log_form);
}

/* The array without its dimension dim (which has size 1 then): its lanes' first elements. */
static array heads(const array *a, int dim)
{
    array h = *a;
    if (a->ndim > 0) h.shape[dim] = 1;
    return h;
}

static void run_lanes(loop_body body, const lanes *how, int dim, const array *a, const array *b, const array *c)
{
    array first = heads(a, dim), second = heads(b, dim), third = c ? heads(c, dim) : second;
    loop l = loop_make(true, &first, &second, c ? &third : NULL, NULL);
    loop_run(&l, tsr_max_i64(1, LOOP_GRAIN_SLOW / tsr_max_i64(how->n, 1)), body, how);
}

/* Are so many lanes adjacent in all arrays that they are best worked on side by side? c may be NULL. If so that is done. */
static bool ran_side_by_side(loop_body body, lanes how, int dim, const array *a, const array *b, const array *c)
{
    const array *all[] = {a, b, c};
    if (a->ndim < 2) return false;
    array first = heads(a, dim), second = heads(b, dim), third = c ? heads(c, dim) : second;
    loop l = loop_make(true, &first, &second, c ? &third : NULL, NULL);
    bool fits = l.shape[l.ndim - 1] >= SIDE_BY_SIDE;
    for (int k = 0; k < l.operands; k++) {
        fits = fits && l.stride[k][l.ndim - 1] == l.size[k];
        how.step[k] = all[k]->stride[dim];
    }
    if (fits) loop_run(&l, tsr_max_i64(SIDE_BY_SIDE, LOOP_GRAIN_SLOW / how.n), body, &how);
    return fits;
}

static bool contiguous_along(const array *a, int dim)
{
    return a->ndim == 0 || a->shape[dim] == 1 || a->stride[dim] == 1;
}

static bool room_along(const array *a, int dim, array *moved)
{
    return stage_room(moved, a, (tsr_dtype)a->dtype, UINT32_C(1) << dim);
}

static bool taken(const array *a, int dim)
{
    return (a->dtype == TSR_F32 || a->dtype == TSR_F64) && (a->ndim == 0 || a->shape[dim] > 0);
}

static lanes lanes_of(const array *a, int dim, bool log_form)
{
    return (lanes){a->ndim == 0 ? 1 : a->shape[dim], log_form, a->dtype == TSR_F32, {0}};
}

static bool softmax(const array *out, const array *in, int dim, bool log_form)
{
    if (!taken(in, dim)) return below(out, in, dim, log_form);
    lanes how = lanes_of(in, dim, log_form);
    if (contiguous_along(out, dim) && contiguous_along(in, dim)) {
        run_lanes(softmax_lanes, &how, dim, out, in, NULL);
        return true;
    }
    if (ran_side_by_side(softmax_side_by_side, how, dim, out, in, NULL)) return true;
    array moved;
    if (!room_along(in, dim, &moved)) return false;
    bool ok = table->copy(&moved, in);
    if (ok) run_lanes(softmax_lanes, &how, dim, &moved, &moved, NULL);
    ok = ok && table->copy(out, &moved);
    tsr_free(moved.data);
    return ok;
}

static bool grad_moved(const lanes *how, const array *grad_in, const array *grad, const array *out, int dim)
{
    array g = {.data = NULL}, y = {.data = NULL};
    bool ok = room_along(grad, dim, &g) && room_along(out, dim, &y);
    ok = ok && table->copy(&g, grad) && table->copy(&y, out);
    if (ok) run_lanes(grad_lanes, how, dim, &g, &g, &y);
    ok = ok && table->copy(grad_in, &g);
    tsr_free(g.data);
    tsr_free(y.data);
    return ok;
}

static bool softmax_grad(const array *grad_in, const array *grad, const array *out, int dim, bool log_form)
{
    if (!taken(out, dim)) return below_grad(grad_in, grad, out, dim, log_form);
    lanes how = lanes_of(out, dim, log_form);
    if (!contiguous_along(grad_in, dim) || !contiguous_along(grad, dim) || !contiguous_along(out, dim))
        return ran_side_by_side(grad_side_by_side, how, dim, grad_in, grad, out) ||
               grad_moved(&how, grad_in, grad, out, dim);
    run_lanes(grad_lanes, &how, dim, grad_in, grad, out);
    return true;
}

void TIER(simd_softmax_fill)(backend *b)
{
    if (b->softmax != softmax) below = b->softmax, below_grad = b->softmax_grad;
    table = b;
    b->softmax = softmax;
    b->softmax_grad = softmax_grad;
}
