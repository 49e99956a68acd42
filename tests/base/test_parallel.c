/* Splitting loops over threads: every index once, whatever the numbers; nested loops run serially; the count. */
#define _POSIX_C_SOURCE 200809L /* popen, setenv */
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/parallel.h"
#include "base/util.h"

static const char *self; /* this program */

typedef struct tally {
    _Atomic int visits[1000];
    _Atomic int ranges;
    _Atomic int nested;
} tally;

static void visit(int64_t begin, int64_t end, void *user)
{
    tally *t = user;
    atomic_fetch_add(&t->ranges, 1);
    for (int64_t i = begin; i < end; i++) atomic_fetch_add(&t->visits[i], 1);
}

static void every_index_is_visited_once(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 2, 3, 7, 64, 999, 1000};
    for (int threads = 1; threads <= 7; threads++) {
        tsr_set_num_threads(threads);
        for (int64_t s = 0; s < TSR_COUNT(sizes); s++) {
            tally t = {0};
            tsr_parallel_for(sizes[s], 1, visit, &t);
            for (int64_t i = 0; i < 1000; i++) assert_int_equal(t.visits[i], i < sizes[s]);
            assert_true(t.ranges <= threads);
        }
    }
    tsr_set_num_threads(0);
}

static void less_than_two_grains_run_on_the_caller_alone(void **state)
{
    (void)state;
    tsr_set_num_threads(4);
    tally t = {0};
    tsr_parallel_for(199, 100, visit, &t);
    assert_int_equal(t.ranges, 1);
    tally two = {0};
    tsr_parallel_for(200, 100, visit, &two);
    assert_int_equal(two.ranges, 2);
    tally zero_grain = {0};
    tsr_parallel_for(4, 0, visit, &zero_grain);
    assert_int_equal(zero_grain.ranges, 4);
    tsr_set_num_threads(0);
}

static void visit_nested(int64_t begin, int64_t end, void *user)
{
    tally *t = user;
    for (int64_t i = begin; i < end; i++) {
        tally inner = {0};
        tsr_parallel_for(100, 1, visit, &inner);
        atomic_fetch_add(&t->nested, inner.ranges);
    }
}

static void nested_loops_run_serially(void **state)
{
    (void)state;
    tsr_set_num_threads(4);
    tally t = {0};
    tsr_parallel_for(8, 1, visit_nested, &t);
    assert_int_equal(t.nested, 8); /* one range for each of the 8 inner loops */
    tsr_set_num_threads(0);
}

static void the_count_reaches_openmp(void **state)
{
    (void)state;
    tsr_set_num_threads(3);
    assert_int_equal(tsr_num_threads(), 3);
    assert_int_equal(omp_get_max_threads(), 3);
    tsr_set_num_threads(0);
}

static void remember(const char *message, void *user) { tsr_text_add(user, "%s", message); }

static void the_default_comes_from_the_environment(void **state)
{
    (void)state;
    setenv("TSR_NUM_THREADS", "5", 1);
    tsr_set_num_threads(0);
    assert_int_equal(tsr_num_threads(), 5);

    tsr_text warning = {0};
    tsr_set_warning_handler(remember, &warning);
    setenv("TSR_NUM_THREADS", "many", 1);
    tsr_set_num_threads(0);
    assert_true(tsr_num_threads() >= 1);
    assert_non_null(strstr(tsr_text_get(&warning), "TSR_NUM_THREADS=many"));
    tsr_text_free(&warning);
    tsr_set_warning_handler(NULL, NULL);
    unsetenv("TSR_NUM_THREADS");
    tsr_set_num_threads(0);
}

/* OpenMP reads its environment once, so this program is run again (see main): what it prints where OpenMP begins with `given`. */
static const char *printed_by_another(const char *given)
{
    static char text[1000];
    char line[1000];
    snprintf(line, sizeof line, "env -u TSR_NUM_THREADS OMP_NUM_THREADS=%s '%s' counts 2>&1", given, self);
    FILE *f = popen(line, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    assert_int_equal(pclose(f), 0);
    return text;
}

static void print_counts(int n)
{
    tsr_set_num_threads(n);
    printf("%d %d;", tsr_num_threads(), omp_get_max_threads()); /* oneDNN asks the latter */
}

static void zero_means_what_openmp_began_with(void **state)
{
    (void)state;
    assert_string_equal(printed_by_another("3"), "5 5;3 3;");
}

static void a_count_that_openmp_cannot_serve_is_replaced(void **state)
{
    (void)state;
    char counts[100];
    int cores = omp_get_num_procs();
    snprintf(counts, sizeof counts, "5 5;%d %d;", cores, cores);
    const char *text = printed_by_another("100000");
    assert_non_null(strstr(text, "100000, is not a number from 1 to 1024"));
    assert_non_null(strstr(text, counts));

    tsr_set_num_threads(100000);
    assert_int_equal(tsr_num_threads(), 1024);
    tsr_set_num_threads(0);
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1) {
        print_counts(5);
        print_counts(0);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_index_is_visited_once),
        cmocka_unit_test(less_than_two_grains_run_on_the_caller_alone),
        cmocka_unit_test(nested_loops_run_serially),
        cmocka_unit_test(the_count_reaches_openmp),
        cmocka_unit_test(the_default_comes_from_the_environment),
        cmocka_unit_test(zero_means_what_openmp_began_with),
        cmocka_unit_test(a_count_that_openmp_cannot_serve_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
