/* interp_taps.c: see interp_taps.h.

   Positions follow PyTorch. With align_corners the corner pixels coincide; otherwise pixels are areas and output o lies
   at (o + 1/2) in / out - 1/2, where a given scale replaces out / in. The cubic kernel is Keys' with A = -3/4. */
#include "backend/cpu/interp_taps.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/util.h"

static void taps_free(interp_taps *t)
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

static void add_tap(interp_taps *t, int64_t *count, int64_t index, double weight)
{
    t->index[*count] = index;
    t->weight[(*count)++] = weight;
}

static void add_linear(interp_taps *t, int64_t *count, double at, int64_t in)
{
    at = fmax(at, 0);
    int64_t low = tsr_min_i64((int64_t)at, in - 1);
    double fraction = fmin(at - (double)low, 1);
    add_tap(t, count, low, 1 - fraction);
    add_tap(t, count, tsr_min_i64(low + 1, in - 1), fraction);
}

static void add_cubic(interp_taps *t, int64_t *count, double at, int64_t in)
{
    double low = floor(at), f = at - low;
    double weight[4] = {cubic_far(f + 1), cubic_near(f), cubic_near(1 - f), cubic_far(2 - f)};
    for (int i = 0; i < 4; i++) add_tap(t, count, tsr_min_i64(tsr_max_i64((int64_t)low - 1 + i, 0), in - 1), weight[i]);
}

static void add_area(interp_taps *t, int64_t *count, int64_t o, int64_t in, int64_t out)
{
    int64_t first = o * in / out, last = ((o + 1) * in + out - 1) / out;
    for (int64_t i = first; i < last; i++) add_tap(t, count, i, 1 / (double)(last - first));
}

static bool taps_make(interp_taps *t, const interp_params *p, int64_t in, int64_t out, double scale, int dtype)
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
bool interp_taps_make(interp_taps t[3], const array *in, const array *out, const interp_params *p)
{
    static const interp_params copy = {.mode = INTERP_NEAREST};
    memset(t, 0, 3 * sizeof *t);
    for (int d = 0; d < 3; d++) {
        bool missing = d < 3 - p->spatial;
        double scale = missing ? 0 : p->scale[d - (3 - p->spatial)];
        if (!taps_make(&t[d], missing ? &copy : p, in->shape[2 + d], out->shape[2 + d], scale, in->dtype)) return false;
    }
    return true;
}

void interp_taps_free(interp_taps t[3])
{
    for (int d = 0; d < 3; d++) taps_free(&t[d]);
}

/* Counting sort by input position; taps of one input keep the order of the outputs. */
static bool transpose(interp_taps *t, int64_t in, int64_t out)
{
    int64_t count = t->start[out];
    interp_taps r = {tsr_alloc_zeroed((size_t)(in + 2), sizeof(int64_t)), tsr_alloc((size_t)count * sizeof(int64_t)),
                     tsr_alloc((size_t)count * sizeof(double))};
    if (!r.start || !r.index || !r.weight) {
        taps_free(&r);
        return false;
    }
    for (int64_t i = 0; i < count; i++) r.start[t->index[i] + 2]++;
    for (int64_t i = 0; i < in; i++) r.start[i + 2] += r.start[i + 1];
    for (int64_t o = 0; o < out; o++)
        for (int64_t i = t->start[o]; i < t->start[o + 1]; i++) {
            int64_t at = r.start[t->index[i] + 1]++;
            r.index[at] = o;
            r.weight[at] = t->weight[i];
        }
    taps_free(t);
    *t = r;
    return true;
}

bool interp_taps_transpose(interp_taps t[3], const array *in, const array *out)
{
    for (int d = 0; d < 3; d++)
        if (!transpose(&t[d], in->shape[2 + d], out->shape[2 + d])) return false;
    return true;
}
