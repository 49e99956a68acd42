/* compare.c: comparisons, logic on truth values and on bits, and tests of values. */
#include "op/pointwise.h"
#include "op_gen.h"

static tsr_tensor *compared(op_ctx *c, binary_code code, tsr_tensor *x, tsr_tensor *y, number_policy numbers)
{
    if (!pointwise_numbers(c, numbers, x, y)) return NULL;
    return pointwise_binary(c, code, x, y, op_result_type(x, y), TSR_BOOL, NULL);
}

#define COMPARISON(name, code, numbers)                                                                                \
    tsr_tensor *op_##name(op_ctx *c, const tsr_##name##_args *a)                                                       \
    {                                                                                                                  \
        return compared(c, code, a->input, a->other, numbers);                                                         \
    }

COMPARISON(eq, B_EQ, NUMBERS_RIGHT)
COMPARISON(ne, B_NE, NUMBERS_RIGHT)
COMPARISON(lt, B_LT, NUMBERS_RIGHT)
COMPARISON(le, B_LE, NUMBERS_RIGHT)
COMPARISON(gt, B_GT, NUMBERS_RIGHT)
COMPARISON(ge, B_GE, NUMBERS_RIGHT)
COMPARISON(logical_and, B_LOGICAL_AND, NUMBERS_NONE)
COMPARISON(logical_or, B_LOGICAL_OR, NUMBERS_NONE)
COMPARISON(logical_xor, B_LOGICAL_XOR, NUMBERS_NONE)

#define TEST(name, code)                                                                                               \
    tsr_tensor *op_##name(op_ctx *c, const tsr_##name##_args *a)                                                       \
    {                                                                                                                  \
        return pointwise_unary(c, code, a->input, (tsr_dtype)a->input->dtype, TSR_BOOL, NULL);                         \
    }

TEST(logical_not, U_LOGICAL_NOT)
TEST(isnan, U_ISNAN)
TEST(isinf, U_ISINF)
TEST(isfinite, U_ISFINITE)

/* ---- bits ------------------------------------------------------------------------------------------------------ */

static tsr_tensor *bits(op_ctx *c, binary_code code, tsr_tensor *x, tsr_tensor *y)
{
    if (!y) return NULL;
    tsr_dtype dtype = op_result_type(x, y);
    if (tsr_dtype_is_floating(dtype)) return op_fail(c, "%s numbers have no bits to combine", tsr_dtype_name(dtype));
    return pointwise_binary(c, code, x, y, dtype, dtype, NULL);
}

#define BITS(name, code)                                                                                               \
    tsr_tensor *op_##name(op_ctx *c, const tsr_##name##_args *a) { return bits(c, code, a->input, a->other); }

BITS(bitwise_and, B_AND)
BITS(bitwise_or, B_OR)
BITS(bitwise_xor, B_XOR)

tsr_tensor *op_bitwise_not(op_ctx *c, const tsr_bitwise_not_args *a)
{
    bool truth = a->input->dtype == TSR_BOOL;
    return truth ? tsr_logical_not(a->input) : bits(c, B_XOR, a->input, tsr_scalar_int(-1));
}

/* ---- nearness and sameness ------------------------------------------------------------------------------------- */

static bool same_dtype(const op_ctx *c, const tsr_tensor *x, const tsr_tensor *y)
{
    if (x->dtype == y->dtype) return true;
    op_fail(c, "both must have one dtype, got %s and %s", tsr_dtype_name(x->dtype), tsr_dtype_name(y->dtype));
    return false;
}

static tsr_tensor *within(tsr_tensor *x, tsr_tensor *y, double rtol, double atol)
{
    bool floating = op_is_float(x);
    tsr_tensor *a = floating ? x : op_cast(x, TSR_F64), *b = floating ? y : op_cast(y, TSR_F64);
    tsr_tensor *distance = tsr_abs(tsr_sub(a, b)), *allowed = op_shift(op_scale(tsr_abs(b), rtol), atol);
    return tsr_logical_and(tsr_le(distance, allowed), tsr_isfinite(distance));
}

tsr_tensor *op_isclose(op_ctx *c, const tsr_isclose_args *a)
{
    tsr_tensor *x = a->input, *y = a->other;
    if (!pointwise_numbers(c, NUMBERS_NONE, x, y) || !same_dtype(c, x, y)) return NULL;
    if (a->rtol < 0 || a->atol < 0) return op_fail(c, "rtol %g and atol %g must not be negative", a->rtol, a->atol);
    tsr_tensor *close = tsr_eq(x, y);
    if (a->equal_nan) close = tsr_logical_or(close, tsr_logical_and(tsr_isnan(x), tsr_isnan(y)));
    return tsr_logical_or(close, within(x, y, a->rtol, a->atol));
}

tsr_tensor *op_allclose(op_ctx *c, const tsr_allclose_args *a)
{
    (void)c;
    tsr_isclose_args args = {a->input, a->other, a->rtol, a->atol, a->equal_nan, 0};
    if (args.rtol == 0) args.rtol = TSR_ZERO;
    if (args.atol == 0) args.atol = TSR_ZERO;
    return tsr_all(tsr_isclose_v(&args));
}

tsr_tensor *op_equal(op_ctx *c, const tsr_equal_args *a)
{
    tsr_shape x = op_shape(a->input), y = op_shape(a->other);
    (void)c;
    bool same = x.n == y.n;
    for (int d = 0; same && d < x.n; d++) same = x.v[d] == y.v[d];
    if (!same) return tsr_zeros(TSR_SCALAR_SHAPE, TSR_BOOL);
    return tsr_all(tsr_eq(a->input, a->other));
}
