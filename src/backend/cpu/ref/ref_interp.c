/* ref_interp.c: resampling, forward and backward.

   Every mode is separable: along each dimension an output position reads a few input positions with weights (one for
   nearest, two for linear, four for bicubic, a run of equal ones for area). We tabulate these taps for each dimension;
   forward gathers through the products of the three tables, backward scatters through the same products.

   Positions follow PyTorch. With align_corners the corner pixels coincide; otherwise pixels are areas and output o lies
   at (o + 1/2) in / out - 1/2, where a given scale replaces out / in. The cubic kernel is Keys' with A = -3/4. */
#include "backend/cpu/ref/ref_access.h"
#include "backend/cpu/ref/ref_layers.h"

#include <math.h>

#include "base/alloc.h"
#include "base/util.h"

/* The taps of one dimension: those of output o are [start[o], start[o + 1]). */
typedef struct taps {
    int64_t *start, *index;
    double *weight;
} taps;

static void taps_free(taps *t)
{
    tsr_free(t->start);
    tsr_free(t->index);
    tsr_free(t->weight);
}

static double position_scale(int64_t in, int64_t out, bool align_corners, double scale)
{
    if (align_corners) return out > 1 ? (double)(in - 1) / (double)(out - 1) : 0;
    return scale > 0 ? 1 / scale : (double)in / (double)out;
}

/* f32 pictures compute the position in f32, as PyTorch does, since rounding down makes the difference visible. */
static int64_t nearest_position(int64_t o, int64_t in, int64_t out, double scale, int dtype)
{
    double ratio = position_scale(in, out, false, scale);
    double at = dtype == TSR_F64 ? floor((double)o * ratio) : (double)floorf((float)o * (float)ratio);
    return tsr_min_i64((int64_t)at, in - 1);
}

static double cubic_near(double d) { return (1.25 * d - 2.25) * d * d + 1; }

static double cubic_far(double d) { return ((-0.75 * d + 3.75) * d - 6) * d + 3; }

static void add_tap(taps *t, int64_t *count, int64_t index, double weight)
{
    t->index[*count] = index;
    t->weight[(*count)++] = weight;
}

static void add_linear(taps *t, int64_t *count, double at, int64_t in)
{
    at = fmax(at, 0);
    int64_t low = tsr_min_i64((int64_t)at, in - 1);
    double fraction = fmin(at - (double)low, 1);
    add_tap(t, count, low, 1 - fraction);
    add_tap(t, count, tsr_min_i64(low + 1, in - 1), fraction);
}

static void add_cubic(taps *t, int64_t *count, double at, int64_t in)
{
    double low = floor(at), f = at - low;
    double weight[4] = {cubic_far(f + 1), cubic_near(f), cubic_near(1 - f), cubic_far(2 - f)};
    for (int i = 0; i < 4; i++) add_tap(t, count, tsr_min_i64(tsr_max_i64((int64_t)low - 1 + i, 0), in - 1), weight[i]);
}

static void add_area(taps *t, int64_t *count, int64_t o, int64_t in, int64_t out)
{
    int64_t first = o * in / out, last = ((o + 1) * in + out - 1) / out;
    for (int64_t i = first; i < last; i++) add_tap(t, count, i, 1 / (double)(last - first));
}

static bool taps_make(taps *t, const interp_params *p, int64_t in, int64_t out, double scale, int dtype)
{
    int64_t room = p->mode == INTERP_AREA ? in + 2 * out : 4 * out, count = 0;
    t->start = tsr_alloc((size_t)(out + 1) * sizeof *t->start);
    t->index = tsr_alloc((size_t)room * sizeof *t->index);
    t->weight = tsr_alloc((size_t)room * sizeof *t->weight);
    if (!t->start || !t->index || !t->weight) return false;
    double ratio = position_scale(in, out, p->align_corners, scale);
    for (int64_t o = 0; o < out; o++) {
        double at = p->align_corners ? (double)o * ratio : ((double)o + 0.5) * ratio - 0.5;
        t->start[o] = count;
        if (p->mode == INTERP_NEAREST) add_tap(t, &count, nearest_position(o, in, out, scale, dtype), 1);
        if (p->mode == INTERP_LINEAR) add_linear(t, &count, at, in);
        if (p->mode == INTERP_BICUBIC) add_cubic(t, &count, at, in);
        if (p->mode == INTERP_AREA) add_area(t, &count, o, in, out);
    }
    t->start[out] = count;
    return true;
}

/* The tables of three dimensions; those that are missing have one output that reads one input. */
static bool taps_make_all(taps t[3], const array *in, const array *out, const interp_params *p)
{
    static const interp_params copy = {.mode = INTERP_NEAREST};
    for (int d = 0; d < 3; d++) {
        bool missing = d < 3 - p->spatial;
        double scale = missing ? 0 : p->scale[d - (3 - p->spatial)];
        if (!taps_make(&t[d], missing ? &copy : p, in->shape[2 + d], out->shape[2 + d], scale, in->dtype)) return false;
    }
    return true;
}

/* One output element: gather from `in` and return the sum, or scatter `value` into it. */
static double visit(const array *in, int64_t plane, const taps t[3], const int64_t o[3], bool scatter, double value)
{
    double sum = 0;
    for (int64_t i = t[0].start[o[0]]; i < t[0].start[o[0] + 1]; i++)
        for (int64_t j = t[1].start[o[1]]; j < t[1].start[o[1] + 1]; j++)
            for (int64_t k = t[2].start[o[2]]; k < t[2].start[o[2] + 1]; k++) {
                int64_t at = plane + t[0].index[i] * in->stride[2] + t[1].index[j] * in->stride[3] +
                             t[2].index[k] * in->stride[4];
                double weight = t[0].weight[i] * t[1].weight[j] * t[2].weight[k];
                if (scatter)
                    ref_set_f64(in, at, ref_get_f64(in, at) + weight * value);
                else
                    sum += weight * ref_get_f64(in, at);
            }
    return sum;
}

static void visit_all(const array *in, const array *out, const taps t[3], bool scatter)
{
    int64_t positions = ref_count_from(out, 2);
    for (int64_t plane = 0; plane < out->shape[0] * out->shape[1]; plane++) {
        int64_t n = plane / out->shape[1], c = plane % out->shape[1];
        for (int64_t i = 0; i < positions; i++) {
            int64_t o[3] = {i / out->shape[4] / out->shape[3], i / out->shape[4] % out->shape[3], i % out->shape[4]};
            int64_t at = n * out->stride[0] + c * out->stride[1] + ref_offset_from(out, 2, i);
            double sum = visit(in, n * in->stride[0] + c * in->stride[1], t, o, scatter,
                               scatter ? ref_get_f64(out, at) : 0);
            if (!scatter) ref_set_f64(out, at, sum);
        }
    }
}

static bool resample(const array *in, const array *out, const interp_params *p, bool scatter)
{
    array a = ref_as_5d(in), o = ref_as_5d(out);
    taps t[3] = {{0}};
    bool ok = taps_make_all(t, &a, &o, p);
    if (ok && scatter) ref_zero(&a);
    if (ok) visit_all(&a, &o, t, scatter);
    for (int d = 0; d < 3; d++) taps_free(&t[d]);
    return ok;
}

static bool interpolate(const array *out, const array *x, const interp_params *p)
{
    return ref_is_float("interpolate", x) && resample(x, out, p, false);
}

static bool interpolate_grad(const array *grad_x, const array *grad, const interp_params *p)
{
    return ref_is_float("interpolate_grad", grad_x) && resample(grad_x, grad, p, true);
}

void ref_interp_fill(backend *b)
{
    b->interpolate = interpolate;
    b->interpolate_grad = interpolate_grad;
}
