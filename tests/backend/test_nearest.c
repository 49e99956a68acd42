/* test_nearest.c: the nearest codes of many rows, for which most codes are ruled out by products of bytes, are those of the
   f32 search. A few rows at a time are searched in f32 alone, so rows together and in slices must give the same. The
   filter is called by itself too: which blocks it decides, and whether it does so rightly where rounding to bytes misleads
   it as far as it can. */
#define TSR_TIER avx2
#include "backend/cpu/simd/simd_nearest.h"
#include "backend/kernels.h"
#include "base/util.h"
#include "support/faults.h"

enum { SLICE = 24 };

typedef struct problem {
    int64_t rows, d, codes;
    float *x, *e;
    int64_t *index;
} problem;

static uint64_t seed;

static double uniform(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed >> 11) * 0x1p-53;
}

static float normal(void) { return (float)(sqrt(-2 * log(uniform() + 1e-30)) * cos(6.283185307179586 * uniform())); }

static problem new_problem(int64_t rows, int64_t d, int64_t codes)
{
    problem p = {.rows = rows, .d = d, .codes = codes};
    seed = (uint64_t)(rows * 1000003 + d * 1009 + codes);
    p.x = malloc((size_t)(rows * d) * sizeof *p.x);
    p.e = malloc((size_t)(codes * d) * sizeof *p.e);
    p.index = malloc((size_t)rows * sizeof *p.index);
    assert_true(p.x && p.e && p.index);
    for (int64_t i = 0; i < rows * d; i++) p.x[i] = normal();
    for (int64_t i = 0; i < codes * d; i++) p.e[i] = normal();
    return p;
}

static void free_problem(problem *p)
{
    free(p->x);
    free(p->e);
    free(p->index);
}

static bool search(const problem *p, int64_t first, int64_t rows, int64_t *index)
{
    array x = {.data = p->x + first * p->d, .dtype = TSR_F32, .ndim = 2, .shape = {rows, p->d}, .stride = {p->d, 1}};
    array e = {.data = p->e, .dtype = TSR_F32, .ndim = 2, .shape = {p->codes, p->d}, .stride = {p->d, 1}};
    array out = {.data = index, .dtype = TSR_I64, .ndim = 1, .shape = {rows}, .stride = {1}};
    return fast->nearest(&out, &x, &e);
}

/* Also frees the problem. */
static void expect_as_in_slices(problem *p)
{
    memset(p->index, 255, (size_t)p->rows * sizeof *p->index);
    assert_true(search(p, 0, p->rows, p->index));
    for (int64_t first = 0; first < p->rows; first += SLICE) {
        int64_t want[SLICE], n = p->rows - first < SLICE ? p->rows - first : SLICE;
        assert_true(search(p, first, n, want));
        for (int64_t i = 0; i < n; i++)
            if (p->index[first + i] != want[i])
                fail_msg("%lld x %lld, %lld codes: row %lld is nearest to %lld, alone to %lld", (long long)p->rows,
                         (long long)p->d, (long long)p->codes, (long long)(first + i), (long long)p->index[first + i],
                         (long long)want[i]);
    }
    free_problem(p);
}

static void scale(float *v, int64_t n, double factor)
{
    for (int64_t i = 0; i < n; i++) v[i] = (float)(v[i] * factor);
}

/* ---- sizes ---- */

static void any_sizes_give_the_codes_of_single_rows(void **state)
{
    (void)state;
    static const int64_t rows[] = {48, 49, 101, 290}, widths[] = {1, 2, 3, 8, 31, 32, 33, 64, 65, 127};
    static const int64_t codes[] = {1, 127, 128, 129, 191, 1000, 1025};
    for (int r = 0; r < (int)TSR_COUNT(rows); r++)
        for (int d = 0; d < (int)TSR_COUNT(widths); d++)
            for (int k = 0; k < (int)TSR_COUNT(codes); k++) {
                problem p = new_problem(rows[r], widths[d], codes[k]);
                expect_as_in_slices(&p);
            }
}

static void wide_rows_and_large_codebooks_do_too(void **state)
{
    (void)state;
    problem wide = new_problem(50, 2047, 130), wider = new_problem(50, 2049, 130), large = new_problem(100, 24, 9001);
    expect_as_in_slices(&wide);
    expect_as_in_slices(&wider);
    expect_as_in_slices(&large);
}

/* ---- values ---- */

static void uniform_values(problem *p)
{
    for (int64_t i = 0; i < p->rows * p->d; i++) p->x[i] = (float)(2 * uniform() - 1);
    for (int64_t i = 0; i < p->codes * p->d; i++) p->e[i] = (float)(2 * uniform() - 1);
}

/* Rows are codes with noise: products of nearly parallel vectors are the largest there are. */
static void rows_at_codes(problem *p)
{
    for (int64_t i = 0; i < p->rows; i++) {
        const float *code = p->e + (int64_t)(uniform() * (double)p->codes) * p->d;
        double noise = i % 3 * 0.1;
        for (int64_t k = 0; k < p->d; k++) p->x[i * p->d + k] = code[k] + (float)noise * p->x[i * p->d + k];
    }
}

static void constant_values(problem *p)
{
    for (int64_t i = 0; i < p->codes * p->d; i++) p->e[i] = i / p->d % 2 ? 1.0f : -1.0f;
    for (int64_t i = 0; i < p->rows * p->d; i++) p->x[i] = i / p->d % 3 ? 2.0f : -3.0f;
}

static void repeated_codes(problem *p)
{
    int64_t distinct = p->codes / 7;
    for (int64_t i = distinct * p->d; i < p->codes * p->d; i++) p->e[i] = p->e[i % (distinct * p->d)];
}

static void equal_codes(problem *p)
{
    for (int64_t i = p->d; i < p->codes * p->d; i++) p->e[i] = p->e[i % p->d];
}

/* All codes come into question, and f32 rounds most of the differences away. */
static void nearly_equal_codes(problem *p)
{
    for (int64_t i = p->d; i < p->codes * p->d; i++) p->e[i] = p->e[i % p->d] + 1e-6f * p->e[i];
}

/* Two by two: few codes come into question, |x|^2 is so large that f32 does not tell these apart, but bytes do. */
static void twin_codes(problem *p)
{
    scale(p->x, p->rows * p->d, 1000);
    for (int64_t i = 0; i + p->d < p->codes * p->d; i++)
        if (i / p->d % 2 == 0) p->e[i + p->d] = p->e[i] * (1 + 1e-4f * normal());
}

/* |x|^2 is so large that f32 does not even tell opposite codes apart. */
static void opposite_codes(problem *p)
{
    for (int64_t i = 0; i < p->codes * p->d; i++) p->e[i] = i / p->d == 5 ? 1.0f : -1.0f;
    for (int64_t i = 0; i < p->rows * p->d; i++) p->x[i] = ldexpf(1, 24 + (int)(i / p->d / 30));
}

/* As at the beginning of training: |x|^2 is far above all else. */
static void small_codes(problem *p) { scale(p->e, p->codes * p->d, 1.0 / (double)p->codes); }

static void large_codes(problem *p) { scale(p->e, p->codes * p->d, 1000); }

static void codes_of_all_sizes(problem *p)
{
    for (int64_t k = 0; k < p->codes; k++) scale(p->e + k * p->d, p->d, exp(2 * normal()));
    for (int64_t i = 0; i < p->rows; i++) scale(p->x + i * p->d, p->d, exp(2 * normal()));
}

static void far_from_zero(problem *p)
{
    for (int64_t i = 0; i < p->codes * p->d; i++) p->e[i] += 3;
    for (int64_t i = 0; i < p->rows * p->d; i++) p->x[i] += 3;
}

static void single_large_features(problem *p)
{
    for (int64_t k = 0; k < p->codes; k++) p->e[k * p->d + k % p->d] *= 40;
    for (int64_t i = 0; i < p->rows; i++) p->x[i * p->d + i % p->d] *= 40;
}

static void tiny_values(problem *p)
{
    scale(p->e, p->codes * p->d, 1e-20);
    scale(p->x, p->rows * p->d, 1e-20);
}

static void huge_values(problem *p)
{
    scale(p->e, p->codes * p->d, 1e20);
    scale(p->x, p->rows * p->d, 1e20);
}

static void subnormal_codes(problem *p) { scale(p->e, p->codes * p->d, 1e-40); }

static void zero_codes(problem *p) { scale(p->e, p->codes * p->d, 0); }

static void rows_of_zeros(problem *p)
{
    for (int64_t i = 30; i < p->rows; i += 50) scale(p->x + i * p->d, p->d, 0);
}

static void rows_that_are_not_finite(problem *p)
{
    p->x[0] = NAN;
    p->x[30 * p->d] = INFINITY;
    p->x[100 * p->d + p->d - 1] = -INFINITY;
}

static void a_code_of_nan(problem *p) { p->e[p->codes / 2 * p->d] = NAN; }

static void a_code_of_infinity(problem *p) { p->e[p->codes / 2 * p->d] = INFINITY; }

static void any_values_give_the_codes_of_single_rows(void **state)
{
    (void)state;
    static void (*const fills[])(problem *) = {uniform_values,     rows_at_codes,      constant_values,
                                               repeated_codes,     equal_codes,        nearly_equal_codes,
                                               twin_codes,         small_codes,        large_codes,
                                               codes_of_all_sizes, far_from_zero,      single_large_features,
                                               tiny_values,        huge_values,        subnormal_codes,
                                               zero_codes,         rows_of_zeros,      rows_that_are_not_finite,
                                               a_code_of_nan,      a_code_of_infinity, opposite_codes};
    static const int64_t widths[] = {1, 2, 5, 64, 130};
    for (int f = 0; f < (int)TSR_COUNT(fills); f++)
        for (int d = 0; d < (int)TSR_COUNT(widths); d++) {
            problem p = new_problem(220, widths[d], 601);
            fills[f](&p);
            expect_as_in_slices(&p);
        }
}

/* ---- the filter by itself ---- */

typedef bool (*filter)(const nearest_job *, bool *);

#ifdef TSR_HAVE_AVX512
bool nearest_filter_avx512(const nearest_job *, bool *);
#endif

/* The tier's, NULL where it has none. */
static filter filter_of_tier(void)
{
#ifdef TSR_HAVE_AVX2
    if (!strcmp(fast->name, "avx2")) return nearest_filter_avx2;
#endif
#ifdef TSR_HAVE_AVX512
    if (!strcmp(fast->name, "avx512")) return nearest_filter_avx512;
#endif
    return NULL;
}

/* Blocks of the problem that the filter decides; the others' indices are -1. */
static int64_t filter_alone(const problem *p)
{
    bool found[64] = {false};
    int64_t blocks = (p->rows + NEAREST_BLOCK - 1) / NEAREST_BLOCK, decided = 0;
    assert_true(blocks <= (int64_t)TSR_COUNT(found));
    nearest_job j = {.x = p->x, .codes = p->e, .index = p->index, .rows = p->rows, .d = p->d, .count = p->codes};
    assert_true(filter_of_tier()(&j, found));
    for (int64_t b = 0; b < blocks; b++) decided += found[b];
    for (int64_t i = 0; i < p->rows; i++)
        if (!found[i / NEAREST_BLOCK]) p->index[i] = -1;
    return decided;
}

static void of_ordinary_values_the_filter_decides_all_blocks(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{48, 64, 512}, {290, 33, 1000}, {101, 256, 8192}, {50, 8, 129}};
    if (!filter_of_tier()) skip();
    for (int i = 0; i < (int)TSR_COUNT(sizes); i++) {
        problem p = new_problem(sizes[i][0], sizes[i][1], sizes[i][2]);
        assert_int_equal(filter_alone(&p), (p.rows + NEAREST_BLOCK - 1) / NEAREST_BLOCK);
        free_problem(&p);
    }
}

/* Equal codes are all equally near, rows of zeros have no scale, few rows or codes do not pay: then it decides nothing. */
static void what_bytes_do_not_tell_apart_is_left_to_f32(void **state)
{
    (void)state;
    if (!filter_of_tier()) skip();
    problem p[4] = {new_problem(220, 64, 601), new_problem(220, 64, 601), new_problem(47, 64, 601),
                    new_problem(220, 64, 127)};
    equal_codes(&p[0]);
    scale(p[1].x, p[1].rows * p[1].d, 0);
    for (int i = 0; i < (int)TSR_COUNT(p); i++) {
        assert_int_equal(filter_alone(&p[i]), 0);
        free_problem(&p[i]);
    }
}

enum { NEAREST = 77, RIVAL = 11 }; /* codes; the others are far away */

/* All rows are equal. Also frees the problem. */
static void expect_nearest(problem *p)
{
    assert_int_equal(filter_alone(p), (p->rows + NEAREST_BLOCK - 1) / NEAREST_BLOCK);
    for (int64_t i = 0; i < p->rows; i++) assert_int_equal(p->index[i], NEAREST);
    free_problem(p);
}

static problem zeros(int64_t d)
{
    problem p = new_problem(50, d, 130);
    scale(p.x, p.rows * d, 0);
    scale(p.e, p.codes * d, 0);
    return p;
}

/* The largest elements, in features that the products do not see, make bytes of the values themselves: both scales are 1. */
static void fix_scales(problem *p, int64_t of_rows, int64_t of_codes)
{
    for (int64_t i = 0; i < p->rows; i++) p->x[i * p->d + of_rows] = 78;
    for (int64_t k = 0; k < p->codes; k++) p->e[k * p->d + of_codes] = 105;
}

/* Of 64 sections of 32 features. The products' sums are shifted by 6 bits: 63 in each of the nearest code's sections become
   nothing, of 63 x 63 in the rival's first one 1/64 is lost. The nearest is 64 x 63 = 4032, ahead of 3969, and scores 0
   where the rival scores 62. All norms are equal. */
static void what_shifts_take_away_is_allowed_for(void **state)
{
    (void)state;
    enum { SECTIONS = 64, WIDTH = 32, D = SECTIONS * WIDTH };
    if (!filter_of_tier()) skip();
    problem p = zeros(D);
    for (int64_t i = 0; i < p.rows; i++) {
        float *x = p.x + i * D;
        for (int64_t s = 0; s < SECTIONS; s++) x[s * WIDTH] = 1;
        x[1] = 63;
        x[2] = -70;
    }
    for (int64_t k = 0; k < p.codes; k++)
        for (int64_t s = 0; s < SECTIONS; s++) p.e[k * D + s * WIDTH + (k == NEAREST ? 0 : k == RIVAL ? 1 : 2)] = 63;
    fix_scales(&p, 3, 4);
    expect_nearest(&p);
}

/* 30 features that all round in the wrong direction, in a code or a row: 16 x 7.49 - 14 x 8.51 = 0.7 becomes
   16 x 7 - 14 x 9 = -14. */
static float misleading(int64_t feature) { return feature < 16 ? 7.49f : -8.51f; }

/* Times 28: the nearest is ahead of its opposite by 39.2, and scores 784 less. */
static void what_rounding_of_codes_loses_is_allowed_for(void **state)
{
    (void)state;
    if (!filter_of_tier()) skip();
    problem p = zeros(32);
    for (int64_t f = 0; f < 30; f++) {
        for (int64_t i = 0; i < p.rows; i++) p.x[i * p.d + f] = 28;
        for (int64_t k = 0; k < p.codes; k++)
            p.e[k * p.d + f] = k == NEAREST ? misleading(f) : k == RIVAL ? -misleading(f) : -fabsf(misleading(f));
    }
    fix_scales(&p, 30, 31);
    expect_nearest(&p);
}

static void what_rounding_of_rows_loses_is_allowed_for(void **state)
{
    (void)state;
    if (!filter_of_tier()) skip();
    problem p = zeros(32);
    for (int64_t f = 0; f < 30; f++) {
        for (int64_t i = 0; i < p.rows; i++) p.x[i * p.d + f] = misleading(f);
        for (int64_t k = 0; k < p.codes; k++)
            p.e[k * p.d + f] = k == NEAREST ? 28 : k == RIVAL || misleading(f) > 0 ? -28 : 28;
    }
    fix_scales(&p, 30, 31);
    expect_nearest(&p);
}

/* ---- threads and memory ---- */

static void results_do_not_depend_on_threads(void **state)
{
    (void)state;
    problem p = new_problem(400, 20, 300);
    int64_t want[400];
    nearly_equal_codes(&p);
    for (int64_t i = 0; i < 100 * p.d; i++) p.e[i] = normal(); /* some blocks go one way and some the other */
    tsr_set_num_threads(1);
    assert_true(search(&p, 0, p.rows, want));
    for (int threads = 2; threads < 5; threads++) {
        tsr_set_num_threads(threads);
        assert_true(search(&p, 0, p.rows, p.index));
        assert_memory_equal(p.index, want, sizeof want);
    }
    tsr_set_num_threads(0);
    free_problem(&p);
}

static bool search_everything(void *user)
{
    const problem *p = user;
    return search(p, 0, p->rows, p->index);
}

static void without_memory_it_says_so_and_keeps_nothing(void **state)
{
    (void)state;
    problem p = new_problem(60, 7, 200);
    scale(p.x + 30 * p.d, p.d, 0); /* a block for the f32 search */
    assert_true(faults_expect_clean(search_everything, &p) > 1);
    free_problem(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_sizes_give_the_codes_of_single_rows),
        cmocka_unit_test(wide_rows_and_large_codebooks_do_too),
        cmocka_unit_test(any_values_give_the_codes_of_single_rows),
        cmocka_unit_test(of_ordinary_values_the_filter_decides_all_blocks),
        cmocka_unit_test(what_bytes_do_not_tell_apart_is_left_to_f32),
        cmocka_unit_test(what_shifts_take_away_is_allowed_for),
        cmocka_unit_test(what_rounding_of_codes_loses_is_allowed_for),
        cmocka_unit_test(what_rounding_of_rows_loses_is_allowed_for),
        cmocka_unit_test(results_do_not_depend_on_threads),
        cmocka_unit_test(without_memory_it_says_so_and_keeps_nothing),
    };
    return run_in_every_tier(tests, TSR_COUNT(tests));
}
