/* simd_softmax_real.h: rows of softmax, log-softmax and their gradients, for float or double; included twice. The rows are
   contiguous. Sums are kept in as many lanes as a vector has, and in double. */
#include "backend/cpu/simd/simd_real.h"

/* Lanes at and beyond n - i become `fill`. */
VECTOR_INLINE VEC F(row_part)(const REAL *row, int64_t i, int64_t n, REAL fill)
{
    if (n - i >= LANES) return F(load)(row + i);
    VEC x = F(splat)(fill);
    copy_bytes(&x, row + i, (size_t)(n - i) * sizeof(REAL));
    return x;
}

static REAL F(row_max)(const REAL *row, int64_t n)
{
    VEC best = F(splat)((REAL)-INFINITY);
    for (int64_t i = 0; i < n; i += LANES) best = F(max)(F(row_part)(row, i, n, (REAL)-INFINITY), best);
    REAL m = best[0];
    for (int i = 1; i < LANES; i++) m = best[i] > m || isnan(best[i]) ? best[i] : m;
    return m;
}

static double F(row_total)(VEC part)
{
    double sum = 0;
    for (int i = 0; i < LANES; i++) sum += (double)part[i];
    return sum;
}

/* Short blocks are summed in the row's own precision, then added up in double. */
enum { F(SUM_BLOCK) = 64 * LANES };

/* The sum of e^(row - shift); the terms are written to `out` when it is not NULL. */
static double F(row_sum_exp)(REAL *out, const REAL *row, int64_t n, REAL shift)
{
    double sum = 0;
    for (int64_t begin = 0; begin < n; begin += F(SUM_BLOCK)) {
        int64_t end = begin + F(SUM_BLOCK) < n ? begin + F(SUM_BLOCK) : n;
        VEC part = F(splat)(0);
        for (int64_t i = begin; i < end; i += LANES) {
            VEC e = F(exp_falling)(F(row_part)(row, i, n, (REAL)-INFINITY) - shift);
            if (out) F(store_some)(out + i, e, n - i);
            part += e;
        }
        sum += F(row_total)(part);
    }
    return sum;
}

static void F(softmax_row)(REAL *out, const REAL *in, int64_t n)
{
    REAL factor = (REAL)(1 / F(row_sum_exp)(out, in, n, F(row_max)(in, n)));
    for (int64_t i = 0; i < n; i += LANES) F(store_some)(out + i, F(load_some)(out + i, n - i) * factor, n - i);
}

static void F(log_softmax_row)(REAL *out, const REAL *in, int64_t n)
{
    REAL highest = F(row_max)(in, n), rest = (REAL)log(F(row_sum_exp)(NULL, in, n, highest));
    for (int64_t i = 0; i < n; i += LANES) {
        VEC x = F(load_some)(in + i, n - i);
        F(store_some)(out + i, x - highest - rest, n - i);
    }
}

/* The sum of g y, or of g alone. */
static REAL F(row_dot)(const REAL *g, const REAL *y, int64_t n, bool log_form)
{
    double sum = 0;
    for (int64_t begin = 0; begin < n; begin += F(SUM_BLOCK)) {
        int64_t end = begin + F(SUM_BLOCK) < n ? begin + F(SUM_BLOCK) : n;
        VEC part = F(splat)(0);
        for (int64_t i = begin; i < end; i += LANES) {
            VEC x = F(load_some)(g + i, n - i);
            part += log_form ? x : x * F(load_some)(y + i, n - i);
        }
        sum += F(row_total)(part);
    }
    return (REAL)sum;
}

static void F(softmax_grad_row)(REAL *grad_in, const REAL *grad, const REAL *out, int64_t n, bool log_form)
{
    REAL sum = F(row_dot)(grad, out, n, log_form);
    for (int64_t i = 0; i < n; i += LANES) {
        VEC g = F(load_some)(grad + i, n - i), y = F(load_some)(out + i, n - i);
        F(store_some)(grad_in + i, log_form ? g - F(exp_falling)(y) * sum : y * (g - sum), n - i);
    }
}
