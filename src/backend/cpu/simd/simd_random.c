/* simd_random.c: uniform, normal and Bernoulli numbers, integers and permutations, many at a time and over threads, into
   contiguous arrays. They are the reference's numbers to the bit: both use random_core.h, and this file, too, is compiled
   without fused multiply-add (cmake/Library.cmake). */
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "backend/cpu/loop.h"
#include "backend/cpu/ref/ref.h"
#include "backend/cpu/random_core.h"
#include "backend/cpu/simd/simd_private.h"
#include "base/parallel.h"
#include "base/util.h"

static bool (*below_uniform)(const array *, double, double, tsr_rng_state);
static bool (*below_normal)(const array *, double, double, tsr_rng_state);
static bool (*below_integer)(const array *, int64_t, int64_t, tsr_rng_state);
static bool (*below_permutation)(const array *, tsr_rng_state);
static bool (*below_bernoulli)(const array *, const array *, tsr_rng_state);

enum { BLOCKS = 32 }; /* made at a time: 128 words */

typedef uint64_t words64 __attribute__((vector_size(VECTOR_BYTES)));

/* The product of the lanes' lower halves, in which only they count. */
VECTOR_INLINE words64 multiply_low(words64 a, words64 b)
{
#if defined(__AVX512F__)
    return (words64)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (words64)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return (words64)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
    return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}

VECTOR_INLINE words64 everywhere(uint64_t x) { return (words64){0} + x; }

/* tsr_philox() of the counters in the lanes. A word is the lower half of its lane; the upper half is never looked at. */
VECTOR_INLINE void philox_lanes(words64 c[4], words64 counter, uint64_t seed)
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    words64 c0 = counter, c1 = counter >> 32, c2 = everywhere(0), c3 = c2;
    for (int round = 0; round < 10; round++) {
        words64 p0 = multiply_low(c0, everywhere(0xD2511F53u)), p1 = multiply_low(c2, everywhere(0xCD9E8D57u));
        c0 = (p1 >> 32) ^ c1 ^ everywhere(k0);
        c2 = (p0 >> 32) ^ c3 ^ everywhere(k1);
        c1 = p1;
        c3 = p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    c[0] = c0, c[1] = c1, c[2] = c2, c[3] = c3;
}

/* The words of blocks first, first + 1, ... as they lie in elements' order. */
static void make_words(uint32_t words[BLOCKS][4], tsr_rng_state at, int64_t first)
{
    words64 lane = {0};
    for (int i = 0; i < LANES64; i++) lane[i] = (uint64_t)i;
    for (int b = 0; b < BLOCKS; b += LANES64) {
        words64 c[4];
        philox_lanes(c, lane + (at.offset + (uint64_t)first + (uint64_t)b), at.seed);
        for (int i = 0; i < LANES64; i++)
            for (int w = 0; w < 4; w++) words[b + i][w] = (uint32_t)c[w][i];
    }
}

/* A fill of n elements; a block serves `each` of them. make() turns the words of BLOCKS blocks into elements
   first, first + 1, ..., of which the first `count` are wanted. */
typedef struct random_job {
    char *out;
    int64_t n, each;
    tsr_rng_state at;
    double a, b;         /* low and high, or mean and standard deviation */
    uint64_t low, range; /* of integers */
    const char *p;
    int64_t p_step;
    void (*make)(const struct random_job *j, uint32_t words[BLOCKS][4], int64_t first, int64_t count);
} random_job;

static void run_blocks(int64_t begin, int64_t end, void *user)
{
    const random_job *j = user;
    for (int64_t group = begin; group < end; group++) {
        uint32_t words[BLOCKS][4];
        int64_t first = group * BLOCKS * j->each;
        make_words(words, j->at, group * BLOCKS);
        j->make(j, words, first, tsr_min_i64(BLOCKS * j->each, j->n - first));
    }
}

static void run_job(random_job *j)
{
    int64_t groups = (j->n + BLOCKS * j->each - 1) / (BLOCKS * j->each);
    tsr_parallel_for(groups, 64, run_blocks, j);
}

static void make_uniform_f32(const random_job *j, uint32_t words[BLOCKS][4], int64_t first, int64_t count)
{
    const uint32_t *w = words[0];
    float *out = (float *)j->out + first, low = (float)j->a, high = (float)j->b;
    for (int64_t i = 0; i < count; i++) out[i] = random_scale_f32(w[i], low, high);
}

static void make_uniform_f64(const random_job *j, uint32_t words[BLOCKS][4], int64_t first, int64_t count)
{
    const uint32_t *w = words[0];
    double *out = (double *)j->out + first;
    for (int64_t i = 0; i < count; i++) out[i] = random_scale_f64(w[2 * i], w[2 * i + 1], j->a, j->b);
}

static void make_normal_f32(const random_job *j, uint32_t words[BLOCKS][4], int64_t first, int64_t count)
{
    enum { PAIRS = 2 * BLOCKS };
    const uint32_t *w = words[0];
    uint32_t a[PAIRS], b[PAIRS];
    float x[PAIRS], y[PAIRS], *out = (float *)j->out + first, mean = (float)j->a, std = (float)j->b;
    for (int i = 0; i < PAIRS; i++) a[i] = w[2 * i], b[i] = w[2 * i + 1];
    _Pragma("omp simd") for (int i = 0; i < PAIRS; i++) random_normal_f32(a[i], b[i], &x[i], &y[i]);
    for (int i = 0; i < PAIRS; i++) x[i] = x[i] * std + mean, y[i] = y[i] * std + mean;
    for (int64_t i = 0; i < count; i++) out[i] = i % 2 ? y[i / 2] : x[i / 2];
}

static void make_normal_f64(const random_job *j, uint32_t words[BLOCKS][4], int64_t first, int64_t count)
{
    double *out = (double *)j->out + first;
    for (int64_t i = 0; i < count; i += 2) {
        tsr_philox_block block;
        double x, y;
        memcpy(block.v, words[i / 2], sizeof block.v);
        random_normal_f64(&block, &x, &y);
        out[i] = x * j->b + j->a;
        if (i + 1 < count) out[i + 1] = y * j->b + j->a;
    }
}

static uint64_t u64_of(const uint32_t *words) { return (uint64_t)words[0] << 32 | words[1]; }

static void make_integer_i64(const random_job *j, uint32_t words[BLOCKS][4], int64_t first, int64_t count)
{
    const uint32_t *w = words[0];
    uint64_t *out = (uint64_t *)(void *)j->out + first;
    for (int64_t i = 0; i < count; i++) out[i] = j->low + random_below(u64_of(w + 2 * i), j->range);
}

#define BERNOULLI(name, to, from)                                                                                      \
    static void name(const random_job *j, uint32_t words[BLOCKS][4], int64_t first, int64_t count)                     \
    {                                                                                                                  \
        const uint32_t *w = words[0];                                                                                  \
        to *out = (to *)j->out + first;                                                                                \
        const from *p = (const from *)j->p + first * j->p_step;                                                        \
        for (int64_t i = 0; i < count; i++)                                                                            \
            out[i] = (to)(tsr_unit_f64(w[2 * i], w[2 * i + 1]) < (double)p[i * j->p_step]);                            \
    }

BERNOULLI(make_f32_from_f32, float, float)
BERNOULLI(make_f64_from_f64, double, double)
BERNOULLI(make_f32_from_f64, float, double)
BERNOULLI(make_bool_from_f32, uint8_t, float)
BERNOULLI(make_bool_from_f64, uint8_t, double)

static bool contiguous(const array *a)
{
    loop l = loop_make(false, a, NULL, NULL, NULL);
    return l.count > 0 && l.ndim == 1 && l.stride[0][0] == l.size[0];
}

static bool is_real(const array *a) { return a->dtype == TSR_F32 || a->dtype == TSR_F64; }

static bool uniform(const array *out, double low, double high, tsr_rng_state at)
{
    if (!is_real(out) || !contiguous(out)) return below_uniform(out, low, high, at);
    bool f32 = out->dtype == TSR_F32;
    random_job j = {.out = out->data, .n = array_numel(out), .each = f32 ? 4 : 2, .at = at, .a = low, .b = high};
    j.make = f32 ? make_uniform_f32 : make_uniform_f64;
    run_job(&j);
    return true;
}

static bool normal(const array *out, double mean, double std, tsr_rng_state at)
{
    if (!is_real(out) || !contiguous(out)) return below_normal(out, mean, std, at);
    bool f32 = out->dtype == TSR_F32;
    random_job j = {.out = out->data, .n = array_numel(out), .each = f32 ? 4 : 2, .at = at, .a = mean, .b = std};
    j.make = f32 ? make_normal_f32 : make_normal_f64;
    run_job(&j);
    return true;
}

static bool integer(const array *out, int64_t low, int64_t high, tsr_rng_state at)
{
    if (out->dtype != TSR_I64 || !contiguous(out)) return below_integer(out, low, high, at);
    random_job j = {.out = out->data, .n = array_numel(out), .each = 2, .at = at, .low = (uint64_t)low};
    j.range = (uint64_t)high - (uint64_t)low;
    j.make = make_integer_i64;
    run_job(&j);
    return true;
}

/* The reference's shuffle. Where elements are to be exchanged with is known, and asked for from memory, some time before. */
static bool permutation(const array *out, tsr_rng_state at)
{
    if (out->dtype != TSR_I64 || !contiguous(out)) return below_permutation(out, at);
    int64_t n = out->shape[0], *x = out->data;
    for (int64_t i = 0; i < n; i++) x[i] = i;
    for (int64_t first = (n - 1) / BLOCKS * BLOCKS; first >= 0; first -= BLOCKS) {
        uint32_t words[BLOCKS][4];
        int64_t with[BLOCKS], count = tsr_min_i64(BLOCKS, n - first);
        make_words(words, at, first);
        for (int64_t i = 0; i < count; i++) {
            with[i] = (int64_t)random_below(u64_of(words[i]), (uint64_t)(first + i) + 1);
            __builtin_prefetch(x + with[i], 1);
        }
        for (int64_t i = count - 1; i >= 0; i--) {
            int64_t moved = x[first + i];
            x[first + i] = x[with[i]];
            x[with[i]] = moved;
        }
    }
    return true;
}

/* 0 when p is one element for all, 1 when it is contiguous, -1 otherwise. */
static int64_t step_of(const array *p)
{
    loop l = loop_make(false, p, NULL, NULL, NULL);
    if (l.count == 0 || l.ndim > 1) return -1;
    return l.stride[0][0] == l.size[0] ? 1 : l.stride[0][0] == 0 ? 0 : -1;
}

static bool bernoulli(const array *out, const array *p, tsr_rng_state at)
{
    bool f32 = p->dtype == TSR_F32;
    random_job j = {.out = out->data, .n = array_numel(out), .each = 2, .at = at, .p = p->data, .p_step = step_of(p)};
    switch (out->dtype) {
    case TSR_F32:
        j.make = f32 ? make_f32_from_f32 : make_f32_from_f64;
        break;
    case TSR_F64:
        j.make = f32 ? NULL : make_f64_from_f64;
        break;
    case TSR_BOOL:
        j.make = f32 ? make_bool_from_f32 : make_bool_from_f64;
        break;
    default:
        break;
    }
    if (!j.make || j.p_step < 0 || !is_real(p) || !contiguous(out)) return below_bernoulli(out, p, at);
    run_job(&j);
    return true;
}

void TIER(simd_random_fill)(backend *b)
{
    if (b->random_uniform != uniform) {
        below_uniform = b->random_uniform;
        below_normal = b->random_normal;
        below_integer = b->random_integer;
        below_permutation = b->random_permutation;
        below_bernoulli = b->random_bernoulli;
    }
    b->random_uniform = uniform;
    b->random_normal = normal;
    b->random_integer = integer;
    b->random_permutation = permutation;
    b->random_bernoulli = bernoulli;
}
