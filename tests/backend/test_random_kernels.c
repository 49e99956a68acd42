/* test_random_kernels.c: random numbers: the same bits in all tiers and layouts, and their distributions' moments. */
#include "backend/kernels.h"

static const tsr_rng_state at = {.seed = 0x1234567890abcdefu, .offset = 0xfffffff0u}; /* the offset passes 2^32 */

static const tsr_shape shapes[] = {
    {.n = 0},
    {.n = 1, .v = {3}},
    {.n = 1, .v = {129}},
    {.n = 2, .v = {0, 3}},
    {.n = 1, .v = {100003}},
    {.n = 3, .v = {5, 7, 9}},
};

typedef bool (*filler)(const backend *b, const array *out);

static bool uniform(const backend *b, const array *out) { return b->random_uniform(out, -1.5, 2.25, at); }
static bool normal(const backend *b, const array *out) { return b->random_normal(out, 0.3, 1.7, at); }
static bool integer(const backend *b, const array *out) { return b->random_integer(out, -3, 200, at); }

static bool bernoulli(const backend *b, const array *out)
{
    float p_data = 0.3f;
    array p = *out;
    p.data = &p_data, p.dtype = TSR_F32;
    memset(p.stride, 0, sizeof p.stride);
    return b->random_bernoulli(out, &p, at);
}

static void assert_same_bits(filler fill, int32_t dtype)
{
    for (int i = 0; i < TSR_COUNT(shapes); i++)
        for (layout how = 0; how < WRITABLE_LAYOUTS; how++) {
            array got = new_array(dtype, &shapes[i], how), want = new_array(dtype, &shapes[i], ROW_MAJOR);
            assert_true(fill(reference, &want));
            assert_true(fill(fast, &got));
            assert_arrays_close("random", &got, &want, 0, 0);
            free_array(&got);
            free_array(&want);
        }
}

static void all_tiers_and_layouts_give_the_same_numbers(void **state)
{
    (void)state;
    assert_same_bits(uniform, TSR_F32);
    assert_same_bits(uniform, TSR_F64);
    assert_same_bits(normal, TSR_F32);
    assert_same_bits(normal, TSR_F64);
    assert_same_bits(integer, TSR_I64);
    assert_same_bits(integer, TSR_F32);
    assert_same_bits(bernoulli, TSR_F32);
    assert_same_bits(bernoulli, TSR_F64);
    assert_same_bits(bernoulli, TSR_BOOL);
}

static void bernoulli_takes_a_probability_for_each_element(void **state)
{
    (void)state;
    tsr_shape s = TSR_SHAPE(1000);
    array p = filled_array(TSR_F64, &s, ROW_MAJOR, UNIT, 1);
    array got = new_array(TSR_F32, &s, ROW_MAJOR), want = new_array(TSR_F32, &s, ROW_MAJOR);
    assert_true(reference->random_bernoulli(&want, &p, at));
    assert_true(fast->random_bernoulli(&got, &p, at));
    assert_arrays_close("bernoulli", &got, &want, 0, 0);
    for (int64_t i = 0; i < 1000; i++)
        if (ref_get_f64(&p, i) <= 0) assert_true(ref_get_f64(&got, i) == 0);
    free_array(&p);
    free_array(&got);
    free_array(&want);
}

/* Philox 4x32-10 of counter 0 and key 0, from the authors' known-answer file. */
static void philox_gives_the_known_answer(void **state)
{
    (void)state;
    tsr_philox_block b = tsr_philox(0, 0);
    const uint32_t want[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    assert_memory_equal(b.v, want, sizeof want);
}

static void moments(const array *a, double *mean, double *variance, double *fourth)
{
    int64_t n = array_numel(a);
    *mean = *variance = *fourth = 0;
    for (int64_t i = 0; i < n; i++) *mean += ref_get_f64(a, i) / (double)n;
    for (int64_t i = 0; i < n; i++) {
        double d = ref_get_f64(a, i) - *mean;
        *variance += d * d / (double)n;
        *fourth += d * d * d * d / (double)n;
    }
}

/* Normal: mean 0, variance 1, fourth moment 3. Uniform on [0, 1): 1/2, 1/12, 1/80. Four standard errors at n = 10^6. */
static void numbers_have_their_distributions_moments(void **state)
{
    (void)state;
    tsr_shape s = TSR_SHAPE(1000000);
    double mean, variance, fourth;
    for (int32_t dtype = TSR_F32; dtype <= TSR_F64; dtype++) {
        array a = new_array(dtype, &s, ROW_MAJOR);
        assert_true(fast->random_normal(&a, 0, 1, at));
        moments(&a, &mean, &variance, &fourth);
        assert_true(fabs(mean) < 4e-3 && fabs(variance - 1) < 6e-3 && fabs(fourth - 3) < 4e-2);
        assert_true(fast->random_uniform(&a, 0, 1, at));
        moments(&a, &mean, &variance, &fourth);
        assert_true(fabs(mean - 0.5) < 1.2e-3 && fabs(variance - 1.0 / 12) < 3e-4 && fabs(fourth - 1.0 / 80) < 1e-4);
        free_array(&a);
    }
}

/* A normal number's cumulative probability is uniform: each tenth holds a tenth of them. */
static void normal_numbers_fill_every_tenth_alike(void **state)
{
    (void)state;
    enum { N = 400000 };
    tsr_shape s = TSR_SHAPE(N);
    int64_t count[10] = {0};
    array a = new_array(TSR_F32, &s, ROW_MAJOR);
    assert_true(fast->random_normal(&a, 0, 1, at));
    for (int64_t i = 0; i < N; i++) {
        double p = 0.5 * erfc(-ref_get_f64(&a, i) * 0.70710678118654752440);
        count[(int)(p * 9.9999999)]++;
    }
    for (int i = 0; i < 10; i++) assert_true(fabs((double)count[i] - N / 10.0) < 5 * sqrt(N * 0.09));
    free_array(&a);
}

static void uniform_numbers_stay_below_the_upper_end(void **state)
{
    (void)state;
    tsr_shape s = TSR_SHAPE(1000000);
    array a = new_array(TSR_F32, &s, ROW_MAJOR);
    assert_true(fast->random_uniform(&a, 1, 1.0000002, at)); /* two floats wide */
    for (int64_t i = 0; i < 1000000; i++)
        assert_true(ref_get_f64(&a, i) >= 1 && ref_get_f64(&a, i) < (double)1.0000002f);
    free_array(&a);
}

static void a_permutation_holds_each_number_once(void **state)
{
    (void)state;
    enum { N = 1000 };
    tsr_shape s = TSR_SHAPE(N);
    bool seen[N] = {false};
    int64_t moved = 0;
    array a = new_array(TSR_I64, &s, ROW_MAJOR);
    assert_true(fast->random_permutation(&a, at));
    for (int64_t i = 0; i < N; i++) {
        int64_t x = ref_get_i64(&a, i);
        assert_true(x >= 0 && x < N && !seen[x]);
        seen[x] = true;
        moved += x != i;
    }
    assert_true(moved > N - 20);
    free_array(&a);
}

static void permutations_have_the_references_bits(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 2, 31, 32, 33, 4097};
    for (int i = 0; i < TSR_COUNT(sizes); i++)
        for (layout how = 0; how < WRITABLE_LAYOUTS; how++) {
            array got = new_array(TSR_I64, &TSR_SHAPE(sizes[i]), how),
                  want = new_array(TSR_I64, &TSR_SHAPE(sizes[i]), how);
            assert_true(reference->random_permutation(&want, at));
            assert_true(fast->random_permutation(&got, at));
            assert_arrays_close("permutation", &got, &want, 0, 0);
            free_array(&got);
            free_array(&want);
        }
}

/* Weights 0, 1, 3, 0: categories 1 and 2 are drawn in the ratio 1 : 3. */
static void multinomial_draws_by_weight(void **state)
{
    (void)state;
    enum { N = 40000 };
    float weights[] = {0, 1, 3, 0};
    int64_t count[4] = {0};
    tsr_shape s = TSR_SHAPE(1, N);
    array p = {.data = weights, .dtype = TSR_F32, .ndim = 2, .shape = {1, 4}, .stride = {4, 1}};
    array out = new_array(TSR_I64, &s, ROW_MAJOR);
    assert_true(fast->multinomial(&out, &p, true, at));
    for (int64_t i = 0; i < N; i++) count[ref_get_i64(&out, i)]++;
    assert_true(count[0] == 0 && count[3] == 0);
    assert_true(fabs((double)count[2] - 0.75 * N) < 5 * sqrt(N * 0.1875));
    free_array(&out);
}

/* Two of weights 1, 0, 1, 2 without replacement: distinct, and never the second; the first is the last one half the time. */
static void multinomial_without_replacement_repeats_nothing(void **state)
{
    (void)state;
    enum { N = 20000 };
    double *weights = malloc(N * 4 * sizeof *weights);
    int64_t firsts = 0;
    for (int i = 0; i < N; i++) memcpy(weights + 4 * i, (double[]){1, 0, 1, 2}, 4 * sizeof(double));
    array p = {.data = weights, .dtype = TSR_F64, .ndim = 2, .shape = {N, 4}, .stride = {4, 1}};
    tsr_shape s = TSR_SHAPE(N, 2);
    array out = new_array(TSR_I64, &s, ROW_MAJOR);
    assert_true(fast->multinomial(&out, &p, false, at));
    for (int64_t i = 0; i < N; i++) {
        int64_t x = ref_get_i64(&out, 2 * i), y = ref_get_i64(&out, 2 * i + 1);
        assert_true(x != y && x != 1 && y != 1);
        firsts += x == 3;
    }
    assert_true(fabs((double)firsts - 0.5 * N) < 5 * sqrt(N * 0.25));
    free(weights);
    free_array(&out);
}

/* One way finds a few draws, another, sorting, many; weightless categories come last, in their order. */
static void fewer_draws_are_the_first_of_more(void **state)
{
    (void)state;
    enum { N = 50 };
    array p = filled_array(TSR_F64, &TSR_SHAPE(3, N), ROW_MAJOR, POSITIVE, 1), all = {0};
    for (int64_t i = 0; i < 3 * N; i++)
        if (i % 5) ref_set_f64(&p, i, 0);
    all = new_array(TSR_I64, &TSR_SHAPE(3, N), ROW_MAJOR);
    assert_true(fast->multinomial(&all, &p, false, at));
    for (int64_t draws = 1; draws <= 20; draws++) {
        array few = new_array(TSR_I64, &TSR_SHAPE(3, draws), ROW_MAJOR);
        assert_true(fast->multinomial(&few, &p, false, at));
        for (int64_t i = 0; i < 3 * draws; i++)
            assert_int_equal(ref_get_i64(&few, i), ref_get_i64(&all, i / draws * N + i % draws));
        free_array(&few);
    }
    free_array(&p);
    free_array(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_tiers_and_layouts_give_the_same_numbers),
        cmocka_unit_test(bernoulli_takes_a_probability_for_each_element),
        cmocka_unit_test(philox_gives_the_known_answer),
        cmocka_unit_test(numbers_have_their_distributions_moments),
        cmocka_unit_test(normal_numbers_fill_every_tenth_alike),
        cmocka_unit_test(uniform_numbers_stay_below_the_upper_end),
        cmocka_unit_test(a_permutation_holds_each_number_once),
        cmocka_unit_test(permutations_have_the_references_bits),
        cmocka_unit_test(multinomial_draws_by_weight),
        cmocka_unit_test(fewer_draws_are_the_first_of_more),
        cmocka_unit_test(multinomial_without_replacement_repeats_nothing),
    };
    return run_in_every_tier(tests, TSR_COUNT(tests));
}
