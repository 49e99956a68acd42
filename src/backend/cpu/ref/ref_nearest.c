/* ref_nearest.c: the nearest code of each row, by the expanded square |x|^2 + |e|^2 - 2 x.e.

   Each of the three terms is rounded to the arrays' precision, and so is each operation on them, because the published
   models were trained with this form: near ties fall differently in another. A distance of NaN never wins. */
#include "backend/cpu/ref/ref_access.h"
#include "backend/cpu/ref/ref_layers.h"

#include <math.h>

static double dot(const array *a, int64_t i, const array *b, int64_t j)
{
    double sum = 0;
    for (int64_t e = 0; e < a->shape[1]; e++)
        sum += ref_get_f64(a, i * a->stride[0] + e * a->stride[1]) *
               ref_get_f64(b, j * b->stride[0] + e * b->stride[1]);
    return sum;
}

static double distance(double xx, double ee, double xe, int dtype)
{
    if (dtype == TSR_F64) return xx + ee - 2 * xe;
    float sum = (float)xx + (float)ee;
    return (double)(sum - 2 * (float)xe);
}

static bool nearest(const array *index, const array *x, const array *codes)
{
    if (!ref_is_float("nearest", x)) return false;
    for (int64_t i = 0; i < x->shape[0]; i++) {
        double xx = dot(x, i, x, i), best = INFINITY;
        int64_t where = 0;
        for (int64_t k = 0; k < codes->shape[0]; k++) {
            double d = distance(xx, dot(codes, k, codes, k), dot(x, i, codes, k), x->dtype);
            if (!(d < best)) continue;
            best = d;
            where = k;
        }
        ((int64_t *)index->data)[i * index->stride[0]] = where;
    }
    return true;
}

void ref_nearest_fill(backend *b) { b->nearest = nearest; }
