/* simd_resample_planes_real.h: weighted sums within planes, for float or double; included twice, by simd_resample.c. A row of
   the output is a sum of rows of the input, made first, whose elements are then summed along W: vectors lie along W in the
   first step, so that this serves arrays of few channels and those whose channels lie apart. */
#include "backend/cpu/simd/simd_real.h"

/* sum += weight row, or for the first row = */
static void F(add_row)(REAL *sum, const REAL *row, REAL weight, int64_t n, bool first)
{
    for (int64_t i = 0; i < n; i += LANES) {
        VEC x = F(load_some)(row + i, n - i) * weight;
        F(store_some)(sum + i, first ? x : F(load_some)(sum + i, n - i) + x, n - i);
    }
}

/* The rows of one plane that output row (d, h) reads, summed into `sum`; or the one it shows, where it lies. */
static const REAL *F(sum_rows)(const F(resample) * r, const REAL *plane, int64_t d, int64_t h, REAL *sum)
{
    const interp_taps *t = r->taps;
    int64_t width = r->in_size[2], count = 0;
    for (int64_t i = t[0].start[d]; i < t[0].start[d + 1]; i++)
        for (int64_t j = t[1].start[h]; j < t[1].start[h + 1]; j++) {
            const REAL *row = plane + (t[0].index[i] * r->in_size[1] + t[1].index[j]) * width;
            double weight = t[0].weight[i] * t[1].weight[j];
            bool only = t[0].start[d + 1] - t[0].start[d] == 1 && t[1].start[h + 1] - t[1].start[h] == 1;
            if (only && weight == 1) return row;
            F(add_row)(sum, row, (REAL)weight, width, count++ == 0);
        }
    if (count == 0) memset(sum, 0, (size_t)width * sizeof *sum);
    return sum;
}

/* One row's taps along W. */
static void F(sum_along)(const F(resample) * r, const REAL *row, REAL *out)
{
    const interp_taps *t = &r->taps[2];
    for (int64_t o = 0; o < r->out_size[2]; o++) {
        REAL sum = 0;
        for (int64_t k = t->start[o]; k < t->start[o + 1]; k++) sum += row[t->index[k]] * r->weight[k];
        out[o] = sum;
    }
}

static void F(sum_two_along)(const F(resample) * r, const REAL *row, REAL *out)
{
    const int64_t *index = r->taps[2].index;
    for (int64_t o = 0; o < r->out_size[2]; o++)
        out[o] = row[index[2 * o]] * r->weight[2 * o] + row[index[2 * o + 1]] * r->weight[2 * o + 1];
}

static void F(pick_along)(const F(resample) * r, const REAL *row, REAL *out)
{
    for (int64_t o = 0; o < r->out_size[2]; o++) out[o] = row[r->taps[2].index[o]];
}

/* Rows along W, counted over planes, D and H; each task has a row of its own to sum in. */
static void F(resample_plane_rows)(int64_t begin, int64_t end, void *user)
{
    const F(resample) *r = user;
    int64_t in_plane = r->in_size[0] * r->in_size[1] * r->in_size[2], rows = r->out_size[0] * r->out_size[1];
    REAL *sum = tsr_alloc((size_t)r->in_size[2] * sizeof *sum);
    for (int64_t at = begin; at < end && sum; at++) {
        int64_t d = at % rows / r->out_size[1], h = at % r->out_size[1];
        const REAL *row = F(sum_rows)(r, r->in + at / rows * in_plane, d, h, sum);
        r->along(r, row, r->out + at * r->out_size[2]);
    }
    if (!sum) atomic_store(r->failed, true);
    tsr_free(sum);
}

/* How often every output position reads along W; 0: it differs. */
static int64_t F(taps_each)(const interp_taps *t, int64_t n)
{
    int64_t each = t->start[1];
    for (int64_t o = 0; o < n; o++)
        if (t->start[o + 1] - t->start[o] != each) return 0;
    return each;
}

static bool F(resample_planes)(const array *out, const array *in, const interp_taps taps[3])
{
    _Atomic bool failed = false;
    F(resample) r = F(resample_of)(out, in, taps);
    int64_t n = r.out_size[2], count = taps[2].start[n], each = F(taps_each)(&taps[2], n);
    REAL *weight = tsr_alloc((size_t)count * sizeof *weight);
    if (!weight) return false;
    bool ones = true;
    for (int64_t k = 0; k < count; k++) weight[k] = (REAL)taps[2].weight[k], ones = ones && weight[k] == 1;
    r.weight = weight;
    r.failed = &failed;
    r.along = each == 1 && ones ? F(pick_along) : each == 2 ? F(sum_two_along) : F(sum_along);
    int64_t rows = out->shape[0] * out->shape[1] * r.out_size[0] * r.out_size[1];
    tsr_parallel_for(rows, tsr_max_i64(1, GRAIN / n), F(resample_plane_rows), &r);
    tsr_free(weight);
    if (failed) tsr_fail(TSR_ENOMEM, "interpolate: no memory for a row of %lld", (long long)r.in_size[2]);
    return !failed;
}
