/* The random order: a permutation for every length and key, another one for another key, and even enough. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "data/dataset.h"

enum { MOST = 5000 };

static void expect_permutation(uint64_t key, int64_t n)
{
    static uint8_t seen[MOST];
    memset(seen, 0, sizeof seen);
    for (int64_t i = 0; i < n; i++) {
        int64_t k = data_permute(key, n, i);
        assert_true(k >= 0 && k < n && !seen[k]);
        seen[k] = 1;
    }
}

static void every_number_comes_once(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 1000, 4096, MOST};
    for (int64_t s = 0; s < TSR_COUNT(sizes); s++)
        for (uint64_t key = 0; key < 5; key++) expect_permutation(key * UINT64_C(0x9E3779B97F4A7C15), sizes[s]);
}

/* Two independent permutations of n agree in one place on average. */
static void another_key_is_another_order(void **state)
{
    (void)state;
    int64_t agree = 0;
    for (int64_t i = 0; i < 1000; i++) agree += data_permute(1, 1000, i) == data_permute(2, 1000, i);
    assert_true(agree < 10);
}

/* Over 6000 keys the first of six is each number 1000 times, give or take 29 (the binomial's deviation). */
static void the_first_place_is_each_number_equally_often(void **state)
{
    (void)state;
    int count[6] = {0};
    for (uint64_t key = 0; key < 6000; key++) count[data_permute(key * UINT64_C(0x9E3779B97F4A7C15), 6, 0)]++;
    for (int k = 0; k < 6; k++) assert_in_range(count[k], 1000 - 5 * 29, 1000 + 5 * 29);
}

/* Neighbours in the order differ by n / 3 on average in a random permutation. */
static void neighbours_are_far_apart(void **state)
{
    (void)state;
    double sum = 0;
    for (int64_t i = 1; i < 4000; i++) {
        int64_t d = data_permute(9, 4000, i) - data_permute(9, 4000, i - 1);
        sum += (double)(d < 0 ? -d : d);
    }
    assert_true(sum / 3999 > 4000 / 3.0 * 0.95 && sum / 3999 < 4000 / 3.0 * 1.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_comes_once),
        cmocka_unit_test(another_key_is_another_order),
        cmocka_unit_test(the_first_place_is_each_number_equally_often),
        cmocka_unit_test(neighbours_are_far_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
