/* simd_binary.c: functions of two elements. Float arithmetic and gradients
   are rows of explicit vectors (simd_binary_real.h); comparisons and integers are plain loops that compilers vectorise,
   each result being exact. Codes and dtypes without a row are the reference's. */
#include "backend/cpu/loop.h"
#include "backend/cpu/simd/simd_math.h"
#include "backend/cpu/simd/simd_private.h"

#define REAL_BITS 32
#include "backend/cpu/simd/simd_binary_real.h"
#undef REAL_BITS
#define REAL_BITS 64
#include "backend/cpu/simd/simd_binary_real.h"
#undef REAL_BITS

#include "backend/cpu/simd/simd_remainder.h"

/* ---- exact results: plain loops -------------------------------------------------------------------------------- */

/* "omp simd": an output that is also an input does not stop the compiler from vectorising. One element that stands for
   all is read once. */
#define PLAIN(name, to, from, value)                                                                                   \
    static void name(char *const *data, const int *step, int64_t n, const double *p)                                   \
    {                                                                                                                  \
        (void)p;                                                                                                       \
        to *out = (to *)data[0];                                                                                       \
        const from *a = (const from *)data[1], *b = (const from *)data[2];                                             \
        if (step[1] && step[2]) {                                                                                      \
            _Pragma("omp simd") for (int64_t i = 0; i < n; i++) out[i] = (to)value(a[i], b[i]);                        \
        } else if (step[1]) {                                                                                          \
            const from y = *b;                                                                                         \
            _Pragma("omp simd") for (int64_t i = 0; i < n; i++) out[i] = (to)value(a[i], y);                           \
        } else if (step[2]) {                                                                                          \
            const from x = *a;                                                                                         \
            _Pragma("omp simd") for (int64_t i = 0; i < n; i++) out[i] = (to)value(x, b[i]);                           \
        } else {                                                                                                       \
            const to one = (to)value(*a, *b);                                                                          \
            for (int64_t i = 0; i < n; i++) out[i] = one;                                                              \
        }                                                                                                              \
    }

#define EQ(a, b) ((a) == (b))
#define NE(a, b) ((a) != (b))
#define LT(a, b) ((a) < (b))
#define LE(a, b) ((a) <= (b))
#define GT(a, b) ((a) > (b))
#define GE(a, b) ((a) >= (b))
#define ADD(a, b) ((a) + (b))
#define SUB(a, b) ((a) - (b))
#define MUL(a, b) ((a) * (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define AND(a, b) ((a) & (b))
#define OR(a, b) ((a) | (b))
#define XOR(a, b) ((a) ^ (b))
#define BOTH(a, b) (((a) != 0) & ((b) != 0))
#define EITHER(a, b) (((a) != 0) | ((b) != 0))
#define ONE(a, b) (((a) != 0) != ((b) != 0))

#define COMPARISONS(type, suffix)                                                                                      \
    PLAIN(eq_##suffix, uint8_t, type, EQ)                                                                              \
    PLAIN(ne_##suffix, uint8_t, type, NE)                                                                              \
    PLAIN(lt_##suffix, uint8_t, type, LT)                                                                              \
    PLAIN(le_##suffix, uint8_t, type, LE)                                                                              \
    PLAIN(gt_##suffix, uint8_t, type, GT)                                                                              \
    PLAIN(ge_##suffix, uint8_t, type, GE)                                                                              \
    PLAIN(both_##suffix, uint8_t, type, BOTH)                                                                          \
    PLAIN(either_##suffix, uint8_t, type, EITHER)                                                                      \
    PLAIN(one_##suffix, uint8_t, type, ONE)                                                                            \
    static const loop_row to_bool_##suffix[] = {eq_##suffix, ne_##suffix,   lt_##suffix,     le_##suffix, gt_##suffix, \
                                                ge_##suffix, both_##suffix, either_##suffix, one_##suffix};

COMPARISONS(float, f32)
COMPARISONS(double, f64)
COMPARISONS(int64_t, i64)
COMPARISONS(int32_t, i32)
COMPARISONS(uint8_t, u8)

/* Integers wrap, so arithmetic is unsigned. */
#define INTEGERS(type, unsigned_type, suffix)                                                                          \
    static void add_times_##suffix(char *const *data, const int *step, int64_t n, const double *p)                     \
    {                                                                                                                  \
        unsigned_type *out = (unsigned_type *)data[0], alpha = (unsigned_type)(int64_t)p[0];                           \
        const unsigned_type *a = (const unsigned_type *)data[1], *b = (const unsigned_type *)data[2];                  \
        for (int64_t i = 0; i < n; i++) out[i] = (unsigned_type)(a[i * step[1]] + alpha * b[i * step[2]]);             \
    }                                                                                                                  \
    static void sub_times_##suffix(char *const *data, const int *step, int64_t n, const double *p)                     \
    {                                                                                                                  \
        const double negated[] = {-p[0]};                                                                              \
        add_times_##suffix(data, step, n, negated);                                                                    \
    }                                                                                                                  \
    PLAIN(add_##suffix, unsigned_type, unsigned_type, ADD)                                                             \
    PLAIN(sub_##suffix, unsigned_type, unsigned_type, SUB)                                                             \
    PLAIN(mul_##suffix, unsigned_type, unsigned_type, MUL)                                                             \
    PLAIN(max_##suffix, type, type, MAX)                                                                               \
    PLAIN(min_##suffix, type, type, MIN)                                                                               \
    PLAIN(and_##suffix, type, type, AND)                                                                               \
    PLAIN(or_##suffix, type, type, OR)                                                                                 \
    PLAIN(xor_##suffix, type, type, XOR)                                                                               \
    static const loop_row integers_##suffix[B_COUNT] =                                                                 \
        {                                                                                                              \
            [B_ADD] = add_times_##suffix, [B_SUB] = sub_times_##suffix, [B_MUL] = mul_##suffix,                        \
            [B_MAXIMUM] = max_##suffix,   [B_MINIMUM] = min_##suffix,   [B_AND] = and_##suffix,                        \
            [B_OR] = or_##suffix,         [B_XOR] = xor_##suffix,                                                      \
    };                                                                                                                 \
    static loop_row integer_row_##suffix(binary_code code, const double *p)                                            \
    {                                                                                                                  \
        if (code == B_ADD && p[0] == 1) return add_##suffix;                                                           \
        if (code == B_SUB && p[0] == 1) return sub_##suffix;                                                           \
        return integers_##suffix[code];                                                                                \
    }

INTEGERS(int64_t, uint64_t, i64)
INTEGERS(int32_t, uint32_t, i32)
INTEGERS(uint8_t, uint8_t, u8)

/* ---- choosing a row ----------------------------------------------------------------------------------------- */

static bool (*below)(binary_code, const array *, const array *, const array *, const double *);

static loop_row bool_row(binary_code code, int32_t dtype)
{
    int i = (int)code - (int)B_EQ;
    switch (dtype) {
    case TSR_F32:
        return to_bool_f32[i];
    case TSR_F64:
        return to_bool_f64[i];
    case TSR_I64:
        return to_bool_i64[i];
    case TSR_I32:
        return to_bool_i32[i];
    case TSR_U8:
    case TSR_BOOL:
        return to_bool_u8[i];
    default:
        return NULL;
    }
}

/* Of bools only the bits: their sum is no sum of bytes. */
static loop_row integer_row(binary_code code, int32_t dtype, const double *p)
{
    switch (dtype) {
    case TSR_I64:
        return integer_row_i64(code, p);
    case TSR_I32:
        return integer_row_i32(code, p);
    case TSR_U8:
        return integer_row_u8(code, p);
    case TSR_BOOL:
        return code == B_ADD || code == B_SUB ? NULL : integer_row_u8(code, p);
    default:
        return NULL;
    }
}

static loop_row float_row(binary_code code, int32_t dtype, const double *p)
{
    bool f32 = dtype == TSR_F32;
    if (f32 && code == B_FMOD) return row_fmod;
    if (f32 && code == B_REMAINDER) return row_remainder;
    if (f32 && code == B_DIV_FLOOR) return row_floor_divide;
    if (code == B_ADD && p[0] == 1) return f32 ? row_plain_add32 : row_plain_add64;
    if (code == B_SUB && p[0] == 1) return f32 ? row_plain_sub32 : row_plain_sub64;
    return f32 ? rows32[code] : rows64[code];
}

static bool is_real(const array *a) { return a->dtype == TSR_F32 || a->dtype == TSR_F64; }

static bool gives_bool(binary_code code) { return code >= B_EQ && code <= B_LOGICAL_XOR; }

static loop_row choose_row(binary_code code, const array *a, const double *p)
{
    if (gives_bool(code)) return bool_row(code, a->dtype);
    return is_real(a) ? float_row(code, a->dtype, p) : integer_row(code, a->dtype, p);
}

static bool is_slow(binary_code code)
{
    return (code >= B_DIV_FLOOR && code <= B_HYPOT && code != B_MAXIMUM && code != B_MINIMUM) || code >= B_SIGMOID_GRAD;
}

static bool binary(binary_code code, const array *out, const array *a, const array *b, const double *p)
{
    loop_row row = choose_row(code, a, p);
    if (!row) return below(code, out, a, b, p);
    if (loop_is_short_row(out, a, b, LOOP_GRAIN_SLOW)) {
        row((char *const[]){out->data, a->data, b->data}, (const int[]){1, 1, 1}, out->shape[0], p);
        return true;
    }
    loop l = loop_make(true, out, a, b, NULL);
    loop_run_rows(&l, is_slow(code) ? LOOP_GRAIN_SLOW : LOOP_GRAIN, row, p);
    return true;
}

void TIER(simd_binary_fill)(backend *b)
{
    if (b->binary != binary) below = b->binary;
    b->binary = binary;
}
