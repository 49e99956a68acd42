/* ref_reduce.c: reductions over any set of dimensions. For each output position one walk over the reduced dimensions
   (two for the mean's deviations and for log-sum-exp), accumulating in double or, for integers, in wrapping int64_t. */
#include "backend/cpu/ref/ref.h"

/* One output's elements: the walk over the reduced dimensions of `in`, from offset `base`. */
typedef struct lane {
    const array *in;
    uint32_t dims;
    int64_t base;
} lane;

#define FOR_LANE(w, l) for (walk w = walk_begin((l)->dims, (l)->in, NULL, NULL, NULL); w.left > 0; walk_next(&w))

static double lane_f64(const lane *l, const walk *w) { return ref_get_f64(l->in, l->base + w->at[0]); }

static int64_t lane_i64(const lane *l, const walk *w) { return ref_get_i64(l->in, l->base + w->at[0]); }

static int64_t lane_count(const lane *l) { return walk_begin(l->dims, l->in, NULL, NULL, NULL).left; }

/* Neumaier's compensated sum (1974): exact to the last bit or two, also of millions of terms. */
static double sum_f64(const lane *l, bool skip_nan)
{
    double sum = 0, lost = 0;
    FOR_LANE(w, l)
    {
        double x = lane_f64(l, &w), next = sum + x;
        if (skip_nan && isnan(x)) continue;
        lost += fabs(sum) >= fabs(x) ? (sum - next) + x : (x - next) + sum;
        sum = next;
    }
    return isfinite(sum) ? sum + lost : sum;
}

static double product_f64(const lane *l)
{
    double product = 1;
    FOR_LANE(w, l) product *= lane_f64(l, &w);
    return product;
}

static double extreme_f64(const lane *l, bool largest)
{
    double best = largest ? -INFINITY : INFINITY;
    FOR_LANE(w, l) best = largest ? ref_max(lane_f64(l, &w), best) : ref_min(lane_f64(l, &w), best);
    return best;
}

static double norm_term(double magnitude, double order)
{
    if (order == 0) return magnitude != 0;
    if (order == 1) return magnitude;
    return order == 2 ? magnitude * magnitude : pow(magnitude, order);
}

static double norm_extreme(const lane *l, bool largest)
{
    double best = largest || lane_count(l) == 0 ? 0 : INFINITY;
    FOR_LANE(w, l)
    {
        double x = fabs(lane_f64(l, &w));
        best = largest ? ref_max(x, best) : ref_min(x, best);
    }
    return best;
}

static double norm_f64(const lane *l, double order)
{
    if (isinf(order)) return norm_extreme(l, order > 0);
    double sum = 0;
    FOR_LANE(w, l) sum += norm_term(fabs(lane_f64(l, &w)), order);
    if (order == 0 || order == 1) return sum;
    return order == 2 ? sqrt(sum) : pow(sum, 1 / order);
}

static double log_sum_exp(const lane *l)
{
    double highest = extreme_f64(l, true), sum = 0;
    if (isinf(highest)) return highest;
    FOR_LANE(w, l) sum += exp(lane_f64(l, &w) - highest);
    return highest + log(sum);
}

static double variance(const lane *l, double correction)
{
    double n = (double)lane_count(l), mean = sum_f64(l, false) / n, sum = 0;
    FOR_LANE(w, l)
    {
        double deviation = lane_f64(l, &w) - mean;
        sum += deviation * deviation;
    }
    return sum / (n - correction > 0 ? n - correction : 0);
}

static double reduce_f64(reduce_code code, const lane *l, const double *p)
{
    switch (code) {
    case R_SUM:
        return sum_f64(l, false);
    case R_NANSUM:
        return sum_f64(l, true);
    case R_MEAN:
        return sum_f64(l, false) / (double)lane_count(l);
    case R_PROD:
        return product_f64(l);
    case R_MAX:
        return extreme_f64(l, true);
    case R_MIN:
        return extreme_f64(l, false);
    case R_NORM:
        return norm_f64(l, p[0]);
    case R_LOGSUMEXP:
        return log_sum_exp(l);
    case R_VAR:
        return variance(l, p[0]);
    default:
        return NAN;
    }
}

/* ---- integers, positions, truth ------------------------------------------------------------------------------- */

static int64_t sum_i64(const lane *l)
{
    uint64_t sum = 0;
    FOR_LANE(w, l) sum += (uint64_t)lane_i64(l, &w);
    return (int64_t)sum;
}

static int64_t product_i64(const lane *l)
{
    uint64_t product = 1;
    FOR_LANE(w, l) product *= (uint64_t)lane_i64(l, &w);
    return (int64_t)product;
}

static int64_t extreme_i64(const lane *l, bool largest)
{
    int64_t best = largest ? INT64_MIN : INT64_MAX;
    FOR_LANE(w, l)
    {
        int64_t x = lane_i64(l, &w);
        if (largest ? x > best : x < best) best = x;
    }
    return best;
}

static int64_t arg_f64(const lane *l, bool largest)
{
    double best = NAN;
    int64_t where = 0, i = 0;
    FOR_LANE(w, l)
    {
        double x = lane_f64(l, &w);
        bool better = isnan(x) ? !isnan(best) : largest ? x > best : x < best;
        if (i == 0 || better) best = x, where = i;
        i++;
    }
    return where;
}

static int64_t arg_i64(const lane *l, bool largest)
{
    int64_t best = 0, where = 0, i = 0;
    FOR_LANE(w, l)
    {
        int64_t x = lane_i64(l, &w);
        if (i == 0 || (largest ? x > best : x < best)) best = x, where = i;
        i++;
    }
    return where;
}

/* any: a true one was found; all: none was false. */
static bool find_truth(const lane *l, bool wanted)
{
    FOR_LANE(w, l)
    {
        if (ref_truth(l->in, l->base + w.at[0]) == wanted) return true;
    }
    return false;
}

static int64_t reduce_i64(reduce_code code, const lane *l)
{
    bool floating = ref_floating(l->in->dtype);
    switch (code) {
    case R_SUM:
        return sum_i64(l);
    case R_PROD:
        return product_i64(l);
    case R_MAX:
        return extreme_i64(l, true);
    case R_MIN:
        return extreme_i64(l, false);
    case R_ANY:
        return find_truth(l, true);
    case R_ALL:
        return !find_truth(l, false);
    case R_ARGMAX:
        return floating ? arg_f64(l, true) : arg_i64(l, true);
    case R_ARGMIN:
        return floating ? arg_f64(l, false) : arg_i64(l, false);
    default:
        return 0;
    }
}

static bool gives_f64(reduce_code code, const array *out)
{
    return ref_computes(out->dtype) && code != R_ANY && code != R_ALL && code != R_ARGMAX && code != R_ARGMIN;
}

static bool known(reduce_code code, const array *out, const array *in)
{
    if (gives_f64(code, out)) return true;
    bool positions = code == R_ANY || code == R_ALL || code == R_ARGMAX || code == R_ARGMIN;
    bool integers = code == R_SUM || code == R_PROD || code == R_MAX || code == R_MIN;
    return positions || (integers && ref_integral(in->dtype) && ref_integral(out->dtype));
}

static bool ref_reduce(reduce_code code, const array *out, const array *in, uint32_t dims, const double *p)
{
    if (!known(code, out, in)) return ref_refuse("reduce", in->dtype);
    bool floating = gives_f64(code, out);
    for (walk w = walk_begin(WALK_ALL, out, in, NULL, NULL); w.left > 0; walk_next(&w)) {
        lane l = {.in = in, .dims = dims, .base = w.at[1]};
        if (floating) ref_set_f64(out, w.at[0], reduce_f64(code, &l, p));
        else ref_set_i64(out, w.at[0], reduce_i64(code, &l));
    }
    return true;
}

void ref_reduce_fill(backend *b) { b->reduce = ref_reduce; }
