/* simd_unary.c: functions of one element, f32 and f64, in vectors. A row's end is padded to a whole vector, so an element
   has the same bits wherever a row is cut. Codes without a row here (erfinv in f64, the gamma family), and other dtypes, are
   the reference's. */
#include "backend/cpu/loop.h"
#include "backend/cpu/simd/simd_math.h"
#include "backend/cpu/simd/simd_private.h"

#define REAL_BITS 32
#include "backend/cpu/simd/simd_unary_real.h"
#undef REAL_BITS
#define REAL_BITS 64
#include "backend/cpu/simd/simd_unary_real.h"
#undef REAL_BITS

/* ---- predicates: plain loops that compilers vectorise ----------------------------------------------------------------- */

#define PREDICATE(name, from, value)                                                                                   \
    static void name(char *const *data, const int *step, int64_t n, const double *p)                                   \
    {                                                                                                                  \
        (void)step, (void)p;                                                                                           \
        uint8_t *out = (uint8_t *)data[0];                                                                             \
        const from *in = (const from *)data[1];                                                                        \
        for (int64_t i = 0; i < n; i++) out[i] = value(in[i]);                                                         \
    }

#define IS_ZERO(x) ((x) == 0)
#define IS_NAN(x) ((x) != (x))
#define IS_INFINITE(x) (((x) == INFINITY) | ((x) == -INFINITY))
#define IS_FINITE(x) ((x) - (x) == 0)

PREDICATE(not_u8, uint8_t, IS_ZERO)
PREDICATE(not_f32, float, IS_ZERO)
PREDICATE(not_f64, double, IS_ZERO)
PREDICATE(isnan_f32, float, IS_NAN)
PREDICATE(isnan_f64, double, IS_NAN)
PREDICATE(isinf_f32, float, IS_INFINITE)
PREDICATE(isinf_f64, double, IS_INFINITE)
PREDICATE(isfinite_f32, float, IS_FINITE)
PREDICATE(isfinite_f64, double, IS_FINITE)

static loop_row predicate(unary_code code, int32_t dtype)
{
    bool f32 = dtype == TSR_F32;
    if (code == U_LOGICAL_NOT && (dtype == TSR_BOOL || dtype == TSR_U8)) return not_u8;
    if (!f32 && dtype != TSR_F64) return NULL;
    switch (code) {
    case U_LOGICAL_NOT:
        return f32 ? not_f32 : not_f64;
    case U_ISNAN:
        return f32 ? isnan_f32 : isnan_f64;
    case U_ISINF:
        return f32 ? isinf_f32 : isinf_f64;
    case U_ISFINITE:
        return f32 ? isfinite_f32 : isfinite_f64;
    default:
        return NULL;
    }
}

/* ---- dispatch --------------------------------------------------------------------------------------------------------- */

static bool (*below)(unary_code, const array *, const array *, const double *);

static bool is_cheap(unary_code code)
{
    switch (code) {
    case U_NEG:
    case U_ABS:
    case U_SIGN:
    case U_SQUARE:
    case U_RELU:
    case U_LEAKY_RELU:
    case U_CLAMP:
    case U_THRESHOLD:
    case U_HARDSHRINK:
    case U_SOFTSHRINK:
        return true;
    default:
        return false;
    }
}

static bool nan_bounds(unary_code code, const double *p) { return code == U_CLAMP && (isnan(p[0]) || isnan(p[1])); }

static bool unary(unary_code code, const array *out, const array *in, const double *p)
{
    loop_row row = in->dtype == TSR_F32 ? rows32[code] : in->dtype == TSR_F64 ? rows64[code] : NULL;
    loop_row plain = predicate(code, in->dtype);
    if ((!row && !plain) || nan_bounds(code, p)) return below(code, out, in, p);
    if (loop_is_short_row(out, in, NULL, LOOP_GRAIN_SLOW)) {
        (plain ? plain : row)((char *const[]){out->data, in->data}, (const int[]){1, 1}, out->shape[0], p);
        return true;
    }
    loop l = loop_make(true, out, in, NULL, NULL);
    if (plain) loop_run_adjacent_rows(&l, LOOP_GRAIN, plain, p);
    else loop_run_rows(&l, is_cheap(code) ? LOOP_GRAIN : LOOP_GRAIN_SLOW, row, p);
    return true;
}

void TIER(simd_unary_fill)(backend *b)
{
    if (b->unary != unary) below = b->unary;
    b->unary = unary;
}
