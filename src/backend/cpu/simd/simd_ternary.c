/* simd_ternary.c: functions of three elements, f32 and f64, and the choice between two arrays for every dtype by its
   size. The rest is the reference's. */
#include "backend/cpu/loop.h"
#include "backend/cpu/simd/simd_math.h"
#include "backend/cpu/simd/simd_private.h"

#define REAL_BITS 32
#include "backend/cpu/simd/simd_ternary_real.h"
#undef REAL_BITS
#define REAL_BITS 64
#include "backend/cpu/simd/simd_ternary_real.h"
#undef REAL_BITS

#define CHOOSE(a, b)                                                                                                   \
    do {                                                                                                               \
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++) out[i] = condition[i] ? (a) : (b);                         \
    } while (0)

/* One element that stands for all is read once; one condition copies a row, or such an element. */
#define WHERE(name, type)                                                                                              \
    static void name(char *const *data, const int *step, int64_t n, const double *p)                                   \
    {                                                                                                                  \
        (void)p;                                                                                                       \
        type *out = (type *)data[0];                                                                                   \
        const uint8_t *condition = (const uint8_t *)data[1];                                                           \
        const type *a = (const type *)data[2], *b = (const type *)data[3], x = *a, y = *b;                             \
        if (!step[1]) {                                                                                                \
            const type *chosen = *condition ? a : b, one = *chosen;                                                    \
            if (*condition ? step[2] : step[3]) memmove(out, chosen, (size_t)n * sizeof one);                          \
            else                                                                                                       \
                for (int64_t i = 0; i < n; i++) out[i] = one;                                                          \
        } else if (step[2] && step[3]) CHOOSE(a[i], b[i]);                                                             \
        else if (step[2]) CHOOSE(a[i], y);                                                                             \
        else if (step[3]) CHOOSE(x, b[i]);                                                                             \
        else CHOOSE(x, y);                                                                                             \
    }

WHERE(where_8, uint64_t)
WHERE(where_4, uint32_t)
WHERE(where_2, uint16_t)
WHERE(where_1, uint8_t)

static loop_row where_row(int32_t dtype)
{
    switch (tsr_dtype_size((tsr_dtype)dtype)) {
    case 8:
        return where_8;
    case 4:
        return where_4;
    case 2:
        return where_2;
    default:
        return where_1;
    }
}

static bool (*below)(ternary_code, const array *, const array *, const array *, const array *, const double *);

static loop_row choose_row(ternary_code code, const array *out, const array *a)
{
    if (code == T_WHERE) return a->dtype == TSR_BOOL || a->dtype == TSR_U8 ? where_row(out->dtype) : NULL;
    return out->dtype == TSR_F32 ? rows32[code] : out->dtype == TSR_F64 ? rows64[code] : NULL;
}

static bool ternary(ternary_code code, const array *out, const array *a, const array *b, const array *c,
                    const double *p)
{
    loop_row row = choose_row(code, out, a);
    if (!row) return below(code, out, a, b, c, p);
    loop l = loop_make(true, out, a, b, c);
    loop_run_rows(&l, LOOP_GRAIN, row, p);
    return true;
}

void TIER(simd_ternary_fill)(backend *b)
{
    if (b->ternary != ternary) below = b->ternary;
    b->ternary = ternary;
}
