/* simd_integer.c: functions of one integer, and division, as loops (loop.h) over typed rows, which compilers vectorise.
   Results are the reference's: arithmetic wraps, division by zero, which the operator layer refuses, gives zero. */
#include "backend/cpu/loop.h"
#include "backend/cpu/simd/simd_private.h"
#include "base/util.h"

static backend below;

/* ---- one integer -------------------------------------------------------------------------------------------- */

#define UNARY(name, type, value)                                                                                       \
    static void name(char *const *data, const int *step, int64_t n, const double *p)                                   \
    {                                                                                                                  \
        (void)step, (void)p;                                                                                           \
        type *out = (type *)data[0];                                                                                   \
        const type *in = (const type *)data[1];                                                                        \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const type x = in[i];                                                                                      \
            out[i] = (type)(value);                                                                                    \
        }                                                                                                              \
    }

/* A bound of clamp in the range of a dtype; the infinities mean that there is none. */
static int64_t bound(double x, int64_t least, int64_t most)
{
    if (x >= (double)most) return most;
    return x <= (double)least ? least : (int64_t)x;
}

#define UNARIES(type, unsigned_type, suffix, least, most)                                                              \
    UNARY(neg_##suffix, type, (unsigned_type)0 - (unsigned_type)x)                                                     \
    UNARY(abs_##suffix, type, x < 0 ? (unsigned_type)0 - (unsigned_type)x : (unsigned_type)x)                          \
    UNARY(sign_##suffix, type, (x > 0) - (x < 0))                                                                      \
    UNARY(square_##suffix, type, (unsigned_type)x *(unsigned_type)x)                                                   \
    UNARY(relu_##suffix, type, x > 0 ? x : 0)                                                                          \
    static void clamp_##suffix(char *const *data, const int *step, int64_t n, const double *p)                         \
    {                                                                                                                  \
        (void)step;                                                                                                    \
        type *out = (type *)data[0], low = (type)bound(p[0], least, most), high = (type)bound(p[1], least, most);      \
        const type *in = (const type *)data[1];                                                                        \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const type x = in[i] < low ? low : in[i];                                                                  \
            out[i] = x > high ? high : x;                                                                              \
        }                                                                                                              \
    }                                                                                                                  \
    static const loop_row unaries_##suffix[U_COUNT] = {                                                                \
        [U_NEG] = neg_##suffix,       [U_ABS] = abs_##suffix,   [U_SIGN] = sign_##suffix,                              \
        [U_SQUARE] = square_##suffix, [U_RELU] = relu_##suffix, [U_CLAMP] = clamp_##suffix,                            \
    };

UNARIES(int64_t, uint64_t, i64, INT64_MIN, INT64_MAX)
UNARIES(int32_t, uint32_t, i32, INT32_MIN, INT32_MAX)

static bool unary(unary_code code, const array *out, const array *in, const double *p)
{
    loop_row row = in->dtype == TSR_I64 ? unaries_i64[code] : in->dtype == TSR_I32 ? unaries_i32[code] : NULL;
    bool bounded = code == U_CLAMP && !(p[0] <= p[1]); /* the reference says what crossed bounds and NaN do */
    if (!row || bounded || out->dtype != in->dtype) return below.unary(code, out, in, p);
    loop l = loop_make(true, out, in, NULL, NULL);
    loop_run_adjacent_rows(&l, LOOP_GRAIN, row, p);
    return true;
}

/* ---- division ----------------------------------------------------------------------------------------------- */

/* The quotient towards zero, and what is left; -1 is apart because the smallest integer divided by it traps. */
#define QUOTIENT(a, b) ((b) == -1 ? -(uint64_t)(a) : (b) == 0 ? 0 : (uint64_t)((a) / (b)))
#define REST(a, b) ((b) == -1 || (b) == 0 ? 0 : (a) % (b))

static inline int64_t divide_trunc(int64_t a, int64_t b) { return (int64_t)QUOTIENT(a, b); }

static inline int64_t rest_trunc(int64_t a, int64_t b) { return REST(a, b); }

static inline int64_t rest_floor(int64_t a, int64_t b)
{
    int64_t rest = REST(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static inline int64_t divide_floor(int64_t a, int64_t b)
{
    int64_t quotient = divide_trunc(a, b), rest = (int64_t)((uint64_t)a - (uint64_t)quotient * (uint64_t)b);
    return quotient - (b != 0 && rest != 0 && (rest < 0) != (b < 0));
}

#define DIVISION(name)                                                                                                 \
    static void name##_i64(char *const *data, const int *step, int64_t n, const double *p)                             \
    {                                                                                                                  \
        (void)p;                                                                                                       \
        int64_t *out = (int64_t *)data[0];                                                                             \
        const int64_t *from_a = (const int64_t *)data[1], *from_b = (const int64_t *)data[2];                          \
        for (int64_t i = 0; i < n; i++) out[i] = name(from_a[i * step[1]], from_b[i * step[2]]);                       \
    }                                                                                                                  \
    static void name##_i32(char *const *data, const int *step, int64_t n, const double *p)                             \
    {                                                                                                                  \
        (void)p;                                                                                                       \
        int32_t *out = (int32_t *)data[0];                                                                             \
        const int32_t *from_a = (const int32_t *)data[1], *from_b = (const int32_t *)data[2];                          \
        for (int64_t i = 0; i < n; i++) out[i] = (int32_t)name(from_a[i * step[1]], from_b[i * step[2]]);              \
    }

DIVISION(divide_trunc)
DIVISION(divide_floor)
DIVISION(rest_trunc)
DIVISION(rest_floor)

static const loop_row divisions_i64[B_COUNT] = {
    [B_DIV_TRUNC] = divide_trunc_i64,
    [B_DIV_FLOOR] = divide_floor_i64,
    [B_FMOD] = rest_trunc_i64,
    [B_REMAINDER] = rest_floor_i64,
};

static const loop_row divisions_i32[B_COUNT] = {
    [B_DIV_TRUNC] = divide_trunc_i32,
    [B_DIV_FLOOR] = divide_floor_i32,
    [B_FMOD] = rest_trunc_i32,
    [B_REMAINDER] = rest_floor_i32,
};

static bool binary(binary_code code, const array *out, const array *a, const array *b, const double *p)
{
    loop_row row = a->dtype == TSR_I64 ? divisions_i64[code] : a->dtype == TSR_I32 ? divisions_i32[code] : NULL;
    if (!row) return below.binary(code, out, a, b, p);
    loop l = loop_make(true, out, a, b, NULL);
    loop_run_rows(&l, LOOP_GRAIN_SLOW, row, p);
    return true;
}

void TIER(simd_integer_fill)(backend *b)
{
    if (b->unary != unary) below = *b;
    b->unary = unary;
    b->binary = binary;
}
