/* ref_scan.c: running sums, products, extremes along one dimension, lane by lane. The accumulator is a double or a
   wrapping int64_t, so that a long f32 sum keeps its accuracy. */
#include "backend/cpu/ref/ref.h"

static double logaddexp_f64(double a, double b)
{
    double m = ref_max(a, b);
    if (isinf(m)) return m;
    return m + log1p(exp(ref_min(a, b) - m));
}

static double accumulate_f64(scan_code code, double sum, double x)
{
    switch (code) {
    case S_CUMSUM:
        return sum + x;
    case S_CUMPROD:
        return sum * x;
    default:
        return logaddexp_f64(sum, x);
    }
}

static double start_f64(scan_code code) { return code == S_CUMSUM ? 0 : code == S_CUMPROD ? 1 : -INFINITY; }

/* One lane: n elements, `step` apart in each array. */
typedef struct scan_lane {
    const array *out, *index, *in;
    int64_t at_out, at_index, at_in, step_out, step_index, step_in, n;
} scan_lane;

static void scan_f64(scan_code code, const scan_lane *l)
{
    double sum = start_f64(code);
    for (int64_t i = 0; i < l->n; i++) {
        sum = accumulate_f64(code, sum, ref_get_f64(l->in, l->at_in + i * l->step_in));
        ref_set_f64(l->out, l->at_out + i * l->step_out, sum);
    }
}

static void scan_i64(scan_code code, const scan_lane *l)
{
    uint64_t sum = code == S_CUMPROD;
    for (int64_t i = 0; i < l->n; i++) {
        uint64_t x = (uint64_t)ref_get_i64(l->in, l->at_in + i * l->step_in);
        sum = code == S_CUMPROD ? sum * x : sum + x;
        ref_set_i64(l->out, l->at_out + i * l->step_out, (int64_t)sum);
    }
}

/* Is element `at` at least as good as the best so far? Later ones of equals win; NaN wins and stays. */
static bool replaces(scan_code code, const array *in, int64_t at, int64_t best)
{
    if (!ref_floating(in->dtype)) {
        int64_t x = ref_get_i64(in, at), b = ref_get_i64(in, best);
        return code == S_CUMMAX ? x >= b : x <= b;
    }
    double x = ref_get_f64(in, at), b = ref_get_f64(in, best);
    if (isnan(x) || isnan(b)) return isnan(x);
    return code == S_CUMMAX ? x >= b : x <= b;
}

static void scan_extreme(scan_code code, const scan_lane *l)
{
    int64_t best = 0;
    for (int64_t i = 0; i < l->n; i++) {
        if (replaces(code, l->in, l->at_in + i * l->step_in, l->at_in + best * l->step_in)) best = i;
        ref_move(l->out, l->at_out + i * l->step_out, l->in, l->at_in + best * l->step_in);
        if (l->index) ref_set_i64(l->index, l->at_index + i * l->step_index, best);
    }
}

static bool ref_scan(scan_code code, const array *out, const array *index, const array *in, int dim)
{
    bool extreme = code == S_CUMMAX || code == S_CUMMIN, floating = ref_computes(out->dtype);
    if (!extreme && !floating && !(ref_integral(in->dtype) && ref_integral(out->dtype) && code != S_LOGCUMSUMEXP))
        return ref_refuse("scan", in->dtype);
    if (in->ndim == 0) dim = -1; /* one lane of one element */
    scan_lane l = {.out = out, .index = index, .in = in, .n = dim < 0 ? 1 : in->shape[dim]};
    if (dim >= 0) l.step_out = out->stride[dim], l.step_in = in->stride[dim];
    if (dim >= 0 && index) l.step_index = index->stride[dim];
    uint32_t others = dim < 0 ? WALK_ALL : ~(1u << dim);
    for (walk w = walk_begin(others, in, out, index, NULL); w.left > 0; walk_next(&w)) {
        l.at_in = w.at[0], l.at_out = w.at[1], l.at_index = w.at[2];
        if (extreme) scan_extreme(code, &l);
        else if (floating) scan_f64(code, &l);
        else scan_i64(code, &l);
    }
    return true;
}

void ref_scan_fill(backend *b) { b->scan = ref_scan; }
