/* simd_fold.c: see simd_fold.h. */
#include "backend/cpu/simd/simd_fold.h"

#include "backend/cpu/simd/simd_math.h"

/* ---- elements as doubles --------------------------------------------------------------------------------------- */

VECTOR_INLINE vec64 widen_f32(const float *x)
{
    half32 h;
    memcpy(&h, x, sizeof h);
    return __builtin_convertvector(h, vec64);
}

VECTOR_INLINE vec64 widen_f64(const double *x) { return load64(x); }

#define WIDEN_INTEGERS(name, type)                                                                                     \
    VECTOR_INLINE vec64 name(const type *x)                                                                            \
    {                                                                                                                  \
        vec64 y;                                                                                                       \
        for (int i = 0; i < LANES64; i++) y[i] = (double)x[i];                                                         \
        return y;                                                                                                      \
    }
WIDEN_INTEGERS(widen_i32, int32_t)
WIDEN_INTEGERS(widen_u8, uint8_t)

/* a in the first n lanes, b in the others. */
VECTOR_INLINE vec64 first_lanes(vec64 a, vec64 b, int64_t n)
{
    mask64 lane = {0};
    for (int i = 0; i < LANES64; i++) lane[i] = i;
    return choose64(lane < n, a, b);
}

/* ---- combining ---------------------------------------------------------------------------------------------- */

static double add(double a, double b) { return a + b; }

static double multiply(double a, double b) { return a * b; }

static double larger(double a, double b) { return a > b || isnan(a) ? a : b; }

static double smaller(double a, double b) { return a < b || isnan(a) ? a : b; }

#define ADD(a, b) ((a) + (b))
#define MULTIPLY(a, b) ((a) * (b))

VECTOR_INLINE vec64 ones_where(mask64 m) { return (vec64)(m & (mask64)splat64(1)); }

VECTOR_INLINE vec64 square(vec64 x) { return x * x; }

/* ---- the loops ---------------------------------------------------------------------------------------------- */

#define FOLD(name, suffix, type, start, COMBINE, combine, value)                                                       \
    VECTOR_INLINE vec64 name##_map_##suffix(vec64 x, vec64 aux)                                                        \
    {                                                                                                                  \
        (void)aux;                                                                                                     \
        return value;                                                                                                  \
    }                                                                                                                  \
    static double name##_row_##suffix(const void *row, int64_t n, double aux_value)                                    \
    {                                                                                                                  \
        const type *x = row;                                                                                           \
        vec64 aux = splat64(aux_value), a[4] = {splat64(start), splat64(start), splat64(start), splat64(start)};       \
        int64_t i = 0;                                                                                                 \
        for (; i + 4 * LANES64 <= n; i += 4 * LANES64)                                                                 \
            for (int k = 0; k < 4; k++)                                                                                \
                a[k] = COMBINE(name##_map_##suffix(widen_##suffix(x + i + k * LANES64), aux), a[k]);                   \
        for (; i < n; i += LANES64) {                                                                                  \
            type room[LANES64] = {0};                                                                                  \
            copy_bytes(room, x + i, (size_t)(n - i < LANES64 ? n - i : LANES64) * sizeof(type));                       \
            vec64 y = name##_map_##suffix(widen_##suffix(room), aux);                                                  \
            a[0] = COMBINE(first_lanes(y, splat64(start), n - i), a[0]);                                               \
        }                                                                                                              \
        a[0] = COMBINE(COMBINE(a[0], a[1]), COMBINE(a[2], a[3]));                                                      \
        double result = start;                                                                                         \
        for (int k = 0; k < LANES64; k++) result = combine(a[0][k], result);                                           \
        return result;                                                                                                 \
    }                                                                                                                  \
    static void name##_columns_##suffix(double *acc, const void *first, int64_t n, int64_t rows, int64_t step,         \
                                        const double *aux)                                                             \
    {                                                                                                                  \
        int64_t whole = n / LANES64 * LANES64;                                                                         \
        for (int64_t r = 0; r < rows; r += 4) {                                                                        \
            const char *row = (const char *)first + r * step;                                                          \
            int64_t many = rows - r < 4 ? rows - r : 4;                                                                \
            for (int64_t i = 0; i < whole; i += LANES64) {                                                             \
                vec64 a = load64(acc + i), u = load64(aux + i);                                                        \
                if (many == 4) {                                                                                       \
                    for (int k = 0; k < 4; k++)                                                                        \
                        a = COMBINE(name##_map_##suffix(widen_##suffix((const type *)(row + k * step) + i), u), a);    \
                } else {                                                                                               \
                    for (int64_t k = 0; k < many; k++)                                                                 \
                        a = COMBINE(name##_map_##suffix(widen_##suffix((const type *)(row + k * step) + i), u), a);    \
                }                                                                                                      \
                store64(acc + i, a);                                                                                   \
            }                                                                                                          \
            for (int64_t k = 0; k < many && whole < n; k++) {                                                          \
                type room[LANES64] = {0};                                                                              \
                vec64 a = load_some64(acc + whole, n - whole), u = load_some64(aux + whole, n - whole);                \
                copy_bytes(room, (const type *)(row + k * step) + whole, (size_t)(n - whole) * sizeof(type));          \
                a = COMBINE(name##_map_##suffix(widen_##suffix(room), u), a);                                          \
                store_some64(acc + whole, a, n - whole);                                                               \
            }                                                                                                          \
        }                                                                                                              \
    }

#define FOLD_TO_COUNT(suffix, type) FOLD(count, suffix, type, 0.0, ADD, add, ones_where(x != 0))

#define FOLDS_OF_FLOATS(suffix, type)                                                                                  \
    FOLD_TO_COUNT(suffix, type)                                                                                        \
    FOLD(sum, suffix, type, 0.0, ADD, add, x)                                                                          \
    FOLD(product, suffix, type, 1.0, MULTIPLY, multiply, x)                                                            \
    FOLD(max, suffix, type, -INFINITY, max64, larger, x)                                                               \
    FOLD(min, suffix, type, INFINITY, min64, smaller, x)                                                               \
    FOLD(sum_not_nan, suffix, type, 0.0, ADD, add, choose64(x == x, x, splat64(0)))                                    \
    FOLD(sum_abs, suffix, type, 0.0, ADD, add, abs64(x))                                                               \
    FOLD(sum_squares, suffix, type, 0.0, ADD, add, square(x))                                                          \
    FOLD(max_abs, suffix, type, 0.0, max64, larger, abs64(x))                                                          \
    FOLD(min_abs, suffix, type, INFINITY, min64, smaller, abs64(x))                                                    \
    FOLD(deviations, suffix, type, 0.0, ADD, add, square(x - aux))                                                     \
    FOLD(exp, suffix, type, 0.0, ADD, add, exp64(x - aux))

FOLD_TO_COUNT(i32, int32_t)
FOLD_TO_COUNT(u8, uint8_t)
FOLDS_OF_FLOATS(f32, float)
FOLDS_OF_FLOATS(f64, double)

/* ---- f32 in whole vectors, where that loses nothing or next to nothing ------------------------------------------------ */

VECTOR_INLINE vec64 widen_sum(vec32 x)
{
    half32 h[2];
    memcpy(h, &x, sizeof h);
    return __builtin_convertvector(h[0], vec64) + __builtin_convertvector(h[1], vec64);
}

VECTOR_INLINE double total64(vec64 x)
{
    double sum = 0;
    for (int i = 0; i < LANES64; i++) sum += x[i];
    return sum;
}

/* Four floats are added before they become doubles: two roundings of 6e-8, which do not grow with n. */
static double sum_fast_row(const void *row, int64_t n, double aux)
{
    const float *x = row;
    vec64 a = splat64(0), b = a;
    int64_t i = 0;
    for (; i + 8 * LANES32 <= n; i += 8 * LANES32) {
        const float *y = x + i, *z = y + 4 * LANES32;
        a += widen_sum((load32(y) + load32(y + LANES32)) + (load32(y + 2 * LANES32) + load32(y + 3 * LANES32)));
        b += widen_sum((load32(z) + load32(z + LANES32)) + (load32(z + 2 * LANES32) + load32(z + 3 * LANES32)));
    }
    return total64(a + b) + (i < n ? sum_row_f32(x + i, n - i, aux) : 0);
}

static void sum_fast_columns(double *acc, const void *first, int64_t n, int64_t rows, int64_t step, const double *aux)
{
    int64_t r = 0;
    for (; r + 4 <= rows && n % LANES64 == 0; r += 4) {
        const char *row = (const char *)first + r * step;
        for (int64_t i = 0; i < n; i += LANES64) {
            half32 x[4];
            for (int k = 0; k < 4; k++) memcpy(&x[k], row + k * step + i * (int64_t)sizeof(float), sizeof x[k]);
            store64(acc + i, load64(acc + i) + __builtin_convertvector((x[0] + x[1]) + (x[2] + x[3]), vec64));
        }
    }
    if (r < rows) sum_columns_f32(acc, (const char *)first + r * step, n, rows - r, step, aux);
}

static double exp_fast_row(const void *row, int64_t n, double aux)
{
    const float *x = row, shift = (float)aux;
    vec64 sum = splat64(0);
    int64_t i = 0;
    for (; i + LANES32 <= n; i += LANES32) sum += widen_sum(exp32(load32(x + i) - shift));
    return total64(sum) + (i < n ? exp_row_f32(x + i, n - i, aux) : 0);
}

#define EXTREME_ROW(name, extreme, best_of, start, rest)                                                               \
    static double name(const void *row, int64_t n, double aux)                                                         \
    {                                                                                                                  \
        const float *x = row;                                                                                          \
        vec32 a = splat32(start), b = a;                                                                               \
        int64_t i = 0;                                                                                                 \
        for (; i + 2 * LANES32 <= n; i += 2 * LANES32)                                                                 \
            a = extreme(load32(x + i), a), b = extreme(load32(x + i + LANES32), b);                                    \
        a = extreme(a, b);                                                                                             \
        double best = i < n ? rest(x + i, n - i, aux) : (double)start;                                                 \
        for (int k = 0; k < LANES32; k++) best = best_of((double)a[k], best);                                          \
        return best;                                                                                                   \
    }
EXTREME_ROW(max_fast_row, max32, larger, -INFINITY, max_row_f32)
EXTREME_ROW(min_fast_row, min32, smaller, INFINITY, min_row_f32)

/* Four vectors of columns at a time, down all rows. */
#define EXTREME_COLUMNS(name, extreme, best_of, start, rest)                                                           \
    static void name(double *acc, const void *first, int64_t n, int64_t rows, int64_t step, const double *aux)         \
    {                                                                                                                  \
        int64_t i = 0;                                                                                                 \
        for (; i + 4 * LANES32 <= n; i += 4 * LANES32) {                                                               \
            const char *row = (const char *)first + i * (int64_t)sizeof(float);                                        \
            vec32 a[4] = {splat32(start), splat32(start), splat32(start), splat32(start)};                             \
            for (int64_t r = 0; r < rows; r++, row += step)                                                            \
                for (int k = 0; k < 4; k++) a[k] = extreme(load32((const float *)row + k * LANES32), a[k]);            \
            for (int k = 0; k < 4 * LANES32; k++)                                                                      \
                acc[i + k] = best_of((double)a[k / LANES32][k % LANES32], acc[i + k]);                                 \
        }                                                                                                              \
        if (i < n) rest(acc + i, (const float *)first + i, n - i, rows, step, aux + i);                                \
    }
EXTREME_COLUMNS(max_fast_columns, max32, larger, -INFINITY, max_columns_f32)
EXTREME_COLUMNS(min_fast_columns, min32, smaller, INFINITY, min_columns_f32)

/* ---- the table ---------------------------------------------------------------------------------------------- */

#define ENTRY(name, suffix, start, combine)                                                                            \
    {                                                                                                                  \
        start, combine, name##_row_##suffix, name##_columns_##suffix                                                   \
    }
#define ENTRIES_OF_FLOATS(suffix)                                                                                      \
    [FOLD_SUM] = ENTRY(sum, suffix, 0, add), [FOLD_COUNT] = ENTRY(count, suffix, 0, add),                              \
    [FOLD_PRODUCT] = ENTRY(product, suffix, 1, multiply), [FOLD_MAX] = ENTRY(max, suffix, -INFINITY, larger),          \
    [FOLD_MIN] = ENTRY(min, suffix, INFINITY, smaller), [FOLD_SUM_NOT_NAN] = ENTRY(sum_not_nan, suffix, 0, add),       \
    [FOLD_SUM_ABS] = ENTRY(sum_abs, suffix, 0, add), [FOLD_SUM_SQUARES] = ENTRY(sum_squares, suffix, 0, add),          \
    [FOLD_MAX_ABS] = ENTRY(max_abs, suffix, 0, larger), [FOLD_MIN_ABS] = ENTRY(min_abs, suffix, INFINITY, smaller),    \
    [FOLD_DEVIATIONS] = ENTRY(deviations, suffix, 0, add), [FOLD_EXP] = ENTRY(exp, suffix, 0, add)

static const fold general_f32[FOLD_CODES] = {ENTRIES_OF_FLOATS(f32)};
static const fold folds_f64[FOLD_CODES] = {ENTRIES_OF_FLOATS(f64)};
static const fold folds_i32[FOLD_CODES] = {[FOLD_COUNT] = ENTRY(count, i32, 0, add)};
static const fold folds_u8[FOLD_CODES] = {[FOLD_COUNT] = ENTRY(count, u8, 0, add)};

static fold fold_of_f32(fold_code code)
{
    fold f = general_f32[code];
    switch (code) {
    case FOLD_SUM:
        f.row = sum_fast_row, f.columns = sum_fast_columns;
        break;
    case FOLD_MAX:
        f.row = max_fast_row, f.columns = max_fast_columns;
        break;
    case FOLD_MIN:
        f.row = min_fast_row, f.columns = min_fast_columns;
        break;
    case FOLD_EXP:
        f.row = exp_fast_row;
        break;
    default:
        break;
    }
    return f;
}

fold TIER(simd_fold_of)(fold_code code, int32_t dtype)
{
    switch (dtype) {
    case TSR_F32:
        return fold_of_f32(code);
    case TSR_F64:
        return folds_f64[code];
    case TSR_I32:
        return folds_i32[code];
    case TSR_U8:
    case TSR_BOOL:
        return folds_u8[code];
    default:
        return (fold){.row = NULL};
    }
}
