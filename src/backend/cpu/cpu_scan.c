/* cpu_scan.c: running sums, products and extremes of f32, f64 and i64. Of sums and products an element waits for the one
   before it in its lane, so several lanes run side by side: many where they are adjacent in memory, which makes vectors of
   them, otherwise a few. As in the reference f32 accumulates in double, so the results are the same bits. */
#include "backend/cpu/cpu_scan.h"

#include "backend/cpu/loop.h"
#include "base/util.h"

static bool (*below)(scan_code, const array *, const array *, const array *, int);

enum { ADJACENT = 64, APART = 4 }; /* lanes side by side */

/* A lane: n elements, and how far apart they lie, in bytes. */
typedef struct lane {
    int64_t n, out_step, in_step;
} lane;

#define ADD(a, b) ((a) + (b))
#define MULTIPLY(a, b) ((a) * (b))

/* Lanes whose first elements are adjacent, and others. */
#define SCAN(name, type, sum_type, start, COMBINE)                                                                     \
    static void name##_adjacent(char *out, const char *in, int64_t lanes, const lane *l)                               \
    {                                                                                                                  \
        sum_type sum[ADJACENT];                                                                                        \
        for (int64_t k = 0; k < lanes; k++) sum[k] = start;                                                            \
        for (int64_t i = 0; i < l->n; i++) {                                                                           \
            type *to = (type *)(out + i * l->out_step);                                                                \
            const type *from = (const type *)(in + i * l->in_step);                                                    \
            for (int64_t k = 0; k < lanes; k++) sum[k] = COMBINE(sum[k], (sum_type)from[k]), to[k] = (type)sum[k];     \
        }                                                                                                              \
    }                                                                                                                  \
    static void name##_apart(char *out, const char *in, const int64_t *step, const lane *l)                            \
    {                                                                                                                  \
        const int64_t to = step[0], from = step[1];                                                                    \
        sum_type sum[APART];                                                                                           \
        for (int k = 0; k < APART; k++) sum[k] = start;                                                                \
        for (int64_t i = 0; i < l->n; i++, out += l->out_step, in += l->in_step)                                       \
            for (int k = 0; k < APART; k++) {                                                                          \
                sum[k] = COMBINE(sum[k], (sum_type) * (const type *)(in + k * from));                                  \
                *(type *)(out + k * to) = (type)sum[k];                                                                \
            }                                                                                                          \
    }                                                                                                                  \
    static void name##_single(char *out, const char *in, const lane *l)                                                \
    {                                                                                                                  \
        const int64_t to = l->out_step, from = l->in_step;                                                             \
        sum_type sum = start;                                                                                          \
        for (int64_t i = 0; i < l->n; i++) {                                                                           \
            sum = COMBINE(sum, (sum_type) * (const type *)(in + i * from));                                            \
            *(type *)(out + i * to) = (type)sum;                                                                       \
        }                                                                                                              \
    }                                                                                                                  \
    static void name(char *const *data, const int64_t *step, int64_t n, const void *user)                              \
    {                                                                                                                  \
        bool adjacent = step[0] == (int64_t)sizeof(type) && step[1] == step[0];                                        \
        for (int64_t k = 0, m = 0; k < n; k += m) {                                                                    \
            char *out = data[0] + k * step[0];                                                                         \
            const char *in = data[1] + k * step[1];                                                                    \
            m = adjacent ? tsr_min_i64(ADJACENT, n - k) : n - k >= APART ? APART : 1;                                  \
            if (m == 1) name##_single(out, in, user);                                                                  \
            else if (adjacent) name##_adjacent(out, in, m, user);                                                      \
            else name##_apart(out, in, step, user);                                                                    \
        }                                                                                                              \
    }

SCAN(sum_f32, float, double, 0, ADD)
SCAN(sum_f64, double, double, 0, ADD)
SCAN(sum_i64, uint64_t, uint64_t, 0, ADD)
SCAN(product_f32, float, double, 1, MULTIPLY)
SCAN(product_f64, double, double, 1, MULTIPLY)
SCAN(product_i64, uint64_t, uint64_t, 1, MULTIPLY)

/* ---- running extremes, and where they are -------------------------------------------------------------------------- */

/* n elements, and how far apart they lie, in bytes. The later one of equals is chosen; NaN is, and stays. A new extreme is
   rare, so a branch that expects none need not wait for the one before. */
typedef struct extreme_lane {
    int64_t n, out_step, index_step, in_step;
} extreme_lane;

#define EXTREME(name, type, compare)                                                                                   \
    static void name(char *const *data, const int64_t *step, int64_t lanes, const void *user)                          \
    {                                                                                                                  \
        const extreme_lane l = *(const extreme_lane *)user;                                                            \
        for (int64_t k = 0; k < lanes; k++) {                                                                          \
            char *out = data[0] + k * step[0], *index = data[1] + k * step[1];                                         \
            const char *in = data[2] + k * step[2];                                                                    \
            type best = *(const type *)in;                                                                             \
            int64_t at = 0;                                                                                            \
            for (int64_t i = 0; i < l.n; i++) {                                                                        \
                type x = *(const type *)(in + i * l.in_step);                                                          \
                if (__builtin_expect(x compare best || x != x, 0)) best = x, at = i;                                   \
                *(type *)(out + i * l.out_step) = best;                                                                \
                *(int64_t *)(index + i * l.index_step) = at;                                                           \
            }                                                                                                          \
        }                                                                                                              \
    }

EXTREME(max_f32, float, >=)
EXTREME(max_f64, double, >=)
EXTREME(max_i64, int64_t, >=)
EXTREME(min_f32, float, <=)
EXTREME(min_f64, double, <=)
EXTREME(min_i64, int64_t, <=)

static loop_body extreme_body(scan_code code, int32_t dtype)
{
    bool max = code == S_CUMMAX;
    if (!max && code != S_CUMMIN) return NULL;
    return dtype == TSR_F32   ? (max ? max_f32 : min_f32)
           : dtype == TSR_F64 ? (max ? max_f64 : min_f64)
           : dtype == TSR_I64 ? (max ? max_i64 : min_i64)
                              : NULL;
}

static void run_extreme(loop_body body, const array *out, const array *index, const array *in, int dim)
{
    int64_t size = (int64_t)tsr_dtype_size((tsr_dtype)in->dtype);
    extreme_lane l = {in->shape[dim], out->stride[dim] * size, index->stride[dim] * 8, in->stride[dim] * size};
    array a = array_only_dims(out, ~(1u << dim)), b = array_only_dims(index, ~(1u << dim)),
          c = array_only_dims(in, ~(1u << dim));
    loop lanes = loop_make(true, &a, &b, &c, NULL);
    loop_run(&lanes, tsr_max_i64(1, LOOP_GRAIN / l.n), body, &l);
}

/* ---- dispatch ------------------------------------------------------------------------------------------------------ */

static loop_body body_of(scan_code code, const array *out, const array *in)
{
    bool sum = code == S_CUMSUM;
    if (out->dtype != in->dtype || (!sum && code != S_CUMPROD)) return NULL;
    switch (in->dtype) {
    case TSR_F32:
        return sum ? sum_f32 : product_f32;
    case TSR_F64:
        return sum ? sum_f64 : product_f64;
    case TSR_I64:
        return sum ? sum_i64 : product_i64;
    default:
        return NULL;
    }
}

static bool scan(scan_code code, const array *out, const array *index, const array *in, int dim)
{
    loop_body body = body_of(code, out, in), extreme = extreme_body(code, in->dtype);
    if (extreme && index && out->dtype == in->dtype && in->ndim > 0 && array_numel(in) > 0) {
        run_extreme(extreme, out, index, in, dim);
        return true;
    }
    if (!body || in->ndim == 0 || array_numel(in) == 0) return below(code, out, index, in, dim);
    int64_t size = (int64_t)tsr_dtype_size((tsr_dtype)in->dtype);
    lane l = {in->shape[dim], out->stride[dim] * size, in->stride[dim] * size};
    array first_out = array_only_dims(out, ~(1u << dim)), first_in = array_only_dims(in, ~(1u << dim));
    loop lanes = loop_make(true, &first_out, &first_in, NULL, NULL);
    loop_run(&lanes, tsr_max_i64(1, LOOP_GRAIN / l.n), body, &l);
    return true;
}

void cpu_scan_fill(backend *b)
{
    if (b->scan != scan) below = b->scan;
    b->scan = scan;
}
