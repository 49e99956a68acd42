/* simd_resample_real.h: weighted sums of channel rows, for float or double; included twice by simd_resample.c. */
#include "backend/cpu/simd/simd_real.h"

typedef struct F(resample) {
    const REAL *in;
    REAL *out;
    const interp_taps *taps; /* three */
    int64_t in_size[3], out_size[3], c;
    /* of planes alone: the weights along W, the sum along it, and whether memory lacked */
    const REAL *weight;
    void (*along)(const struct F(resample) * r, const REAL *row, REAL *out);
    _Atomic bool *failed;
} F(resample);

static F(resample) F(resample_of)(const array *out, const array *in, const interp_taps taps[3])
{
    F(resample) r = {.in = in->data, .out = out->data, .taps = taps, .c = in->shape[1]};
    for (int d = 0; d < 3; d++) {
        r.in_size[d] = in->shape[2 + d];
        r.out_size[d] = out->shape[2 + d];
    }
    return r;
}

typedef struct F(tap) {
    const REAL *from;
    REAL weight;
} F(tap);

/* The sum of n channel rows. */
static void F(sum_taps)(REAL *out, const F(tap) * tap, int64_t n, int64_t c)
{
    int64_t i = 0;
    for (; i + 2 * LANES <= c; i += 2 * LANES) {
        VEC a = {0}, b = {0};
        for (int64_t k = 0; k < n; k++) {
            a += F(load)(tap[k].from + i) * tap[k].weight;
            b += F(load)(tap[k].from + i + LANES) * tap[k].weight;
        }
        F(store)(out + i, a);
        F(store)(out + i + LANES, b);
    }
    for (; i < c; i += LANES) {
        VEC a = {0};
        for (int64_t k = 0; k < n; k++) a += F(load_some)(tap[k].from + i, c - i) * tap[k].weight;
        F(store_some)(out + i, a, c - i);
    }
}

/* The taps of one output position into `tap`, at most MOST_TAPS at a time; those that do not fit are summed first. */
static void F(resample_at)(const F(resample) * r, const REAL *in, const int64_t o[3], REAL *out)
{
    const interp_taps *t = r->taps;
    F(tap) tap[MOST_TAPS];
    int64_t n = 0;
    for (int64_t i = t[0].start[o[0]]; i < t[0].start[o[0] + 1]; i++)
        for (int64_t j = t[1].start[o[1]]; j < t[1].start[o[1] + 1]; j++)
            for (int64_t k = t[2].start[o[2]]; k < t[2].start[o[2] + 1]; k++) {
                int64_t at = (t[0].index[i] * r->in_size[1] + t[1].index[j]) * r->in_size[2] + t[2].index[k];
                if (n == MOST_TAPS) {
                    F(sum_taps)(out, tap, n, r->c);
                    tap[0] = (F(tap)){out, 1};
                    n = 1;
                }
                tap[n++] = (F(tap)){in + at * r->c, (REAL)(t[0].weight[i] * t[1].weight[j] * t[2].weight[k])};
            }
    if (n == 1 && tap[0].weight == 1) memcpy(out, tap[0].from, (size_t)r->c * sizeof *out);
    else F(sum_taps)(out, tap, n, r->c);
}

/* Rows along W, counted over pictures, D and H. */
static void F(resample_rows)(int64_t begin, int64_t end, void *user)
{
    const F(resample) *r = user;
    int64_t in_image = r->in_size[0] * r->in_size[1] * r->in_size[2] * r->c;
    for (int64_t row = begin; row < end; row++) {
        int64_t o[3] = {row / r->out_size[1] % r->out_size[0], row % r->out_size[1], 0};
        const REAL *in = r->in + row / r->out_size[1] / r->out_size[0] * in_image;
        REAL *out = r->out + row * r->out_size[2] * r->c;
        for (; o[2] < r->out_size[2]; o[2]++) F(resample_at)(r, in, o, out + o[2] * r->c);
    }
}

static void F(resample_all)(const array *out, const array *in, const interp_taps taps[3])
{
    F(resample) r = F(resample_of)(out, in, taps);
    int64_t rows = out->shape[0] * r.out_size[0] * r.out_size[1];
    tsr_parallel_for(rows, tsr_max_i64(1, GRAIN / (r.out_size[2] * r.c)), F(resample_rows), &r);
}
