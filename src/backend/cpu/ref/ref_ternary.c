/* ref_ternary.c: functions of three elements. */
#include "backend/cpu/ref/ref.h"

/* From the nearer end, so that weights 0 and 1 give exactly a and b. */
static double lerp(double a, double b, double weight)
{
    return fabs(weight) < 0.5 ? a + weight * (b - a) : b - (b - a) * (1 - weight);
}

double ref_ternary_f64(ternary_code code, double a, double b, double c, const double *p)
{
    switch (code) {
    case T_ADDCMUL:
        return a + p[0] * b * c;
    case T_ADDCDIV:
        return a + p[0] * b / c;
    case T_LERP:
        return lerp(a, b, c);
    case T_CLAMP:
        return ref_min(ref_max(a, b), c);
    default:
        return NAN;
    }
}

static bool ternary_i64(ternary_code code, int64_t a, int64_t b, int64_t c, const double *p, int64_t *y)
{
    if (code == T_ADDCMUL) {
        *y = (int64_t)((uint64_t)a + (uint64_t)tsr_i64_of_f64(p[0]) * (uint64_t)b * (uint64_t)c);
        return true;
    }
    a = a > b ? a : b;
    *y = a < c ? a : c;
    return code == T_CLAMP;
}

static bool ref_where(const array *out, const array *a, const array *b, const array *c)
{
    for (walk w = walk_begin(WALK_ALL, out, a, b, c); w.left > 0; walk_next(&w)) {
        bool first = ref_truth(a, w.at[1]);
        ref_move(out, w.at[0], first ? b : c, first ? w.at[2] : w.at[3]);
    }
    return true;
}

static bool ref_ternary(ternary_code code, const array *out, const array *a, const array *b, const array *c,
                        const double *p)
{
    if (code == T_WHERE) return ref_where(out, a, b, c);
    int64_t y = 0;
    bool floating = ref_computes(out->dtype);
    if (!floating && !(ref_integral(out->dtype) && ternary_i64(code, 0, 0, 0, p, &y)))
        return ref_refuse("ternary", out->dtype);
    for (walk w = walk_begin(WALK_ALL, out, a, b, c); w.left > 0; walk_next(&w)) {
        if (floating) {
            double x = ref_get_f64(a, w.at[1]);
            ref_set_f64(out, w.at[0], ref_ternary_f64(code, x, ref_get_f64(b, w.at[2]), ref_get_f64(c, w.at[3]), p));
        } else {
            int64_t x = ref_get_i64(a, w.at[1]);
            ternary_i64(code, x, ref_get_i64(b, w.at[2]), ref_get_i64(c, w.at[3]), p, &y);
            ref_set_i64(out, w.at[0], y);
        }
    }
    return true;
}

void ref_ternary_fill(backend *b) { b->ternary = ref_ternary; }
