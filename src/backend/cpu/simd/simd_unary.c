/* simd_unary.c: functions of one element, f32 and f64, in vectors. A row's end is padded to a whole vector, so an element
   has the same bits wherever a row is cut. Codes without a row here (erfinv, the gamma family, predicates), and other
   dtypes, are the reference's. */
#include "backend/cpu/loop.h"
#include "backend/cpu/simd/simd_math.h"
#include "backend/cpu/simd/simd_private.h"

#define REAL_BITS 32
#include "backend/cpu/simd/simd_unary_real.h"
#undef REAL_BITS
#define REAL_BITS 64
#include "backend/cpu/simd/simd_unary_real.h"
#undef REAL_BITS

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
        return true;
    default:
        return false;
    }
}

static bool nan_bounds(unary_code code, const double *p) { return code == U_CLAMP && (isnan(p[0]) || isnan(p[1])); }

static bool unary(unary_code code, const array *out, const array *in, const double *p)
{
    loop_row row = in->dtype == TSR_F32 ? rows32[code] : in->dtype == TSR_F64 ? rows64[code] : NULL;
    if (!row || nan_bounds(code, p)) return below(code, out, in, p);
    loop l = loop_make(true, out, in, NULL, NULL);
    loop_run_rows(&l, is_cheap(code) ? LOOP_GRAIN : LOOP_GRAIN_SLOW, row, p);
    return true;
}

void TIER(simd_unary_fill)(backend *b)
{
    if (b->unary != unary) below = b->unary;
    b->unary = unary;
}
