/* ref_random.c: random numbers. Element i, in row-major order, is a function of the seed, of where the generator stands
   and of i alone, so threads and strides do not matter. */
#include "backend/cpu/ref/ref.h"

#include "backend/cpu/random_core.h"

/* The block that holds element i when one block serves `each` elements. */
static tsr_philox_block block_of(tsr_rng_state at, int64_t i, int each)
{
    return tsr_philox(at.seed, at.offset + (uint64_t)(i / each));
}

static bool ref_random_uniform(const array *out, double low, double high, tsr_rng_state at)
{
    if (!ref_computes(out->dtype)) return ref_refuse("random_uniform", out->dtype);
    int64_t i = 0;
    for (walk w = walk_begin(WALK_ALL, out, NULL, NULL, NULL); w.left > 0; walk_next(&w), i++) {
        if (out->dtype == TSR_F32) {
            tsr_philox_block b = block_of(at, i, 4);
            ((float *)out->data)[w.at[0]] = random_scale_f32(b.v[i % 4], (float)low, (float)high);
        } else {
            tsr_philox_block b = block_of(at, i, 2);
            const uint32_t *v = b.v + 2 * (i % 2);
            ((double *)out->data)[w.at[0]] = random_scale_f64(v[0], v[1], low, high);
        }
    }
    return true;
}

static float normal_f32(tsr_rng_state at, int64_t i)
{
    tsr_philox_block b = block_of(at, i, 4);
    const uint32_t *v = b.v + i % 4 / 2 * 2;
    float x, y;
    random_normal_f32(v[0], v[1], &x, &y);
    return i % 2 ? y : x;
}

static double normal_f64(tsr_rng_state at, int64_t i)
{
    tsr_philox_block b = block_of(at, i, 2);
    double x, y;
    random_normal_f64(&b, &x, &y);
    return i % 2 ? y : x;
}

static bool ref_random_normal(const array *out, double mean, double std, tsr_rng_state at)
{
    if (!ref_computes(out->dtype)) return ref_refuse("random_normal", out->dtype);
    int64_t i = 0;
    for (walk w = walk_begin(WALK_ALL, out, NULL, NULL, NULL); w.left > 0; walk_next(&w), i++) {
        if (out->dtype == TSR_F32) ((float *)out->data)[w.at[0]] = normal_f32(at, i) * (float)std + (float)mean;
        else ((double *)out->data)[w.at[0]] = normal_f64(at, i) * std + mean;
    }
    return true;
}

static bool ref_random_integer(const array *out, int64_t low, int64_t high, tsr_rng_state at)
{
    int64_t i = 0;
    for (walk w = walk_begin(WALK_ALL, out, NULL, NULL, NULL); w.left > 0; walk_next(&w), i++) {
        tsr_philox_block b = block_of(at, i, 2);
        uint64_t r = random_below(random_u64(&b, i % 2), (uint64_t)high - (uint64_t)low);
        ref_set_i64(out, w.at[0], (int64_t)((uint64_t)low + r));
    }
    return true;
}

static bool ref_random_bernoulli(const array *out, const array *p, tsr_rng_state at)
{
    int64_t i = 0;
    for (walk w = walk_begin(WALK_ALL, out, p, NULL, NULL); w.left > 0; walk_next(&w), i++) {
        tsr_philox_block b = block_of(at, i, 2);
        const uint32_t *v = b.v + 2 * (i % 2);
        ref_set_i64(out, w.at[0], tsr_unit_f64(v[0], v[1]) < ref_get_f64(p, w.at[1]));
    }
    return true;
}

/* Fisher and Yates' shuffle. */
static bool ref_random_permutation(const array *out, tsr_rng_state at)
{
    int64_t n = out->shape[0], step = out->stride[0];
    for (int64_t i = 0; i < n; i++) ref_set_i64(out, i * step, i);
    for (int64_t i = n - 1; i > 0; i--) {
        tsr_philox_block b = block_of(at, i, 1);
        int64_t j = (int64_t)random_below(random_u64(&b, 0), (uint64_t)i + 1);
        int64_t moved = ref_get_i64(out, i * step);
        ref_set_i64(out, i * step, ref_get_i64(out, j * step));
        ref_set_i64(out, j * step, moved);
    }
    return true;
}

/* ---- multinomial ---------------------------------------------------------------------------------------------- */

static double weight_at(const array *p, int64_t row, int64_t i)
{
    return ref_get_f64(p, row * p->stride[0] + i * p->stride[1]);
}

/* The first category whose cumulative weight exceeds x; weightless ones never do. */
static int64_t find_category(const double *cumulative, int64_t n, double x)
{
    int64_t low = 0, high = n - 1;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (cumulative[middle] > x) high = middle;
        else low = middle + 1;
    }
    while (low > 0 && cumulative[low] == cumulative[low - 1]) low--; /* x rounded up to the total */
    return low;
}

static void draw_with_replacement(const array *out, const array *p, int64_t row, double *cumulative, tsr_rng_state at)
{
    int64_t n = p->shape[1], draws = out->shape[1];
    double total = 0;
    for (int64_t i = 0; i < n; i++) cumulative[i] = total += weight_at(p, row, i);
    for (int64_t d = 0; d < draws; d++) {
        tsr_philox_block b = block_of(at, row * draws + d, 1);
        int64_t i = find_category(cumulative, n, tsr_unit_f64(b.v[0], b.v[1]) * total);
        ref_set_i64(out, row * out->stride[0] + d * out->stride[1], i);
    }
}

/* The place of the smallest key, the first of equals, which NaN takes. */
static int64_t take_smallest(double *keys, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (keys[i] < keys[best] || isnan(keys[best])) best = i;
    keys[best] = NAN;
    return best;
}

/* The places of the `draws` smallest keys in their order. */
static bool order_smallest(double *keys, int64_t n, int64_t draws, int64_t *order)
{
    enum { FEW = 16 };
    if (draws > FEW) return ref_order_f64(keys, n, order);
    for (int64_t d = 0; d < draws; d++) order[d] = take_smallest(keys, n);
    return true;
}

/* Exponential clocks: the one with rate w rings first with probability w / sum (Efraimidis and Spirakis 2006). */
static bool draw_without(const array *out, const array *p, int64_t row, double *keys, int64_t *order, tsr_rng_state at)
{
    int64_t n = p->shape[1], draws = out->shape[1];
    for (int64_t i = 0; i < n; i++) {
        tsr_philox_block b = block_of(at, row * n + i, 1);
        double w = weight_at(p, row, i);
        keys[i] = w > 0 ? -log(1 - tsr_unit_f64(b.v[0], b.v[1])) / w : INFINITY;
    }
    if (!order_smallest(keys, n, draws, order)) return false;
    for (int64_t d = 0; d < draws; d++) ref_set_i64(out, row * out->stride[0] + d * out->stride[1], order[d]);
    return true;
}

static bool ref_multinomial(const array *out, const array *p, bool replacement, tsr_rng_state at)
{
    int64_t n = p->shape[1];
    double *values = tsr_alloc((size_t)n * sizeof *values);
    int64_t *order = replacement ? NULL : tsr_alloc((size_t)n * sizeof *order);
    bool ok = values && (replacement || order);
    for (int64_t row = 0; ok && row < p->shape[0]; row++) {
        if (replacement) draw_with_replacement(out, p, row, values, at);
        else ok = draw_without(out, p, row, values, order, at);
    }
    tsr_free(values);
    tsr_free(order);
    return ok;
}

void ref_random_fill(backend *b)
{
    b->random_uniform = ref_random_uniform;
    b->random_normal = ref_random_normal;
    b->random_integer = ref_random_integer;
    b->random_bernoulli = ref_random_bernoulli;
    b->random_permutation = ref_random_permutation;
    b->multinomial = ref_multinomial;
}
