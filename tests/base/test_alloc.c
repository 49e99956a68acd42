/* The allocator: alignment, re-use, counting, bounds of the cache, failing on purpose, threads. Under AddressSanitizer
   nothing is cached, and the tests of caching are skipped. */
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/util.h"

#define MIB ((size_t)1 << 20)

static bool caching(void)
{
    tsr_memory_trim();
    tsr_free(tsr_alloc(100));
    return tsr_memory_get_stats().cached > 0;
}

static void skip_without_cache(void)
{
    if (!caching()) skip();
}

static void memory_is_aligned_writable_and_distinct_for_every_size(void **state)
{
    (void)state;
    enum { N = 400 };
    unsigned char *p[N];
    size_t size[N];
    for (int i = 0; i < N; i++) {
        size[i] = (size_t)i * (size_t)i * 7 + (size_t)i;
        p[i] = tsr_alloc(size[i]);
        assert_non_null(p[i]);
        assert_int_equal((uintptr_t)p[i] % 64, 0);
        memset(p[i], i & 255, size[i]);
    }
    for (int i = 0; i < N; i++) {
        for (size_t k = 0; k < size[i]; k++) {
            if (p[i][k] != (i & 255)) fail_msg("block %d was overwritten at %zu", i, k);
        }
        tsr_free(p[i]);
    }
}

static void zero_bytes_are_a_valid_pointer_and_null_may_be_freed(void **state)
{
    (void)state;
    void *p = tsr_alloc(0), *q = tsr_alloc(0);
    assert_non_null(p);
    assert_ptr_not_equal(p, q);
    tsr_free(p);
    tsr_free(q);
    tsr_free(NULL);
}

static void zeroed_memory_is_zero_also_when_re_used(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        unsigned char *p = tsr_alloc_zeroed(1000, 3);
        for (int i = 0; i < 3000; i++) assert_int_equal(p[i], 0);
        memset(p, 0xff, 3000);
        tsr_free(p);
    }
}

static void a_size_that_overflows_is_no_memory(void **state)
{
    (void)state;
    assert_null(tsr_alloc_zeroed(SIZE_MAX / 2, 3));
    assert_int_equal(tsr_error_status(), TSR_ENOMEM);
    tsr_error_clear();
    assert_null(tsr_alloc(SIZE_MAX));
    assert_int_equal(tsr_error_status(), TSR_ENOMEM);
    assert_non_null(strstr(tsr_error_message(), "no memory"));
    tsr_error_clear();
}

static void realloc_keeps_the_contents(void **state)
{
    (void)state;
    unsigned char *p = tsr_realloc(NULL, 10);
    for (int i = 0; i < 10; i++) p[i] = (unsigned char)i;
    static const size_t sizes[] = {20, 64, 65, 5000, 200000, 3 << 20, 100, 10};
    for (int64_t k = 0; k < TSR_COUNT(sizes); k++) {
        p = tsr_realloc(p, sizes[k]);
        for (int i = 0; i < 10; i++) assert_int_equal(p[i], i);
        p[sizes[k] - 1] = p[sizes[k] - 1];
    }
    tsr_free(p);
}

static void a_failed_realloc_leaves_the_block(void **state)
{
    (void)state;
    char *p = tsr_strdup("still here");
    tsr_alloc_fail_at(1);
    assert_null(tsr_realloc(p, 100000));
    assert_true(tsr_alloc_failed());
    assert_string_equal(p, "still here");
    tsr_error_clear();
    tsr_free(p);
}

static void strdup_of_null_is_null_without_an_error(void **state)
{
    (void)state;
    assert_null(tsr_strdup(NULL));
    assert_false(tsr_error_pending());
}

static void counters_follow_what_is_handed_out(void **state)
{
    (void)state;
    tsr_memory_stats before = tsr_memory_get_stats();
    void *small = tsr_alloc(10), *large = tsr_alloc(3 * MIB);
    tsr_memory_stats during = tsr_memory_get_stats();
    tsr_free(small);
    tsr_free(large);
    tsr_memory_stats after = tsr_memory_get_stats();
    assert_int_equal(during.blocks, before.blocks + 2);
    assert_int_equal(during.allocations, before.allocations + 2);
    assert_true(during.current >= before.current + (int64_t)(10 + 3 * MIB));
    assert_true(during.current <= before.current + (int64_t)(4 * MIB)); /* at most an eighth is lost */
    assert_true(during.peak >= during.current);
    assert_int_equal(after.blocks, before.blocks);
    assert_int_equal(after.current, before.current);
    assert_true(after.peak >= during.current);
}

static void the_peak_can_be_reset(void **state)
{
    (void)state;
    tsr_free(tsr_alloc(50 * MIB));
    assert_true(tsr_memory_get_stats().peak >= (int64_t)(50 * MIB));
    tsr_memory_reset_peak();
    assert_true(tsr_memory_get_stats().peak < (int64_t)(50 * MIB));
    assert_int_equal(tsr_memory_get_stats().peak, tsr_memory_get_stats().current);
}

static void the_same_size_again_is_the_same_block(void **state)
{
    (void)state;
    skip_without_cache();
    static const size_t sizes[] = {1, 1000, 65536, 65537, 10 * MIB};
    for (int64_t i = 0; i < TSR_COUNT(sizes); i++) {
        void *p = tsr_alloc(sizes[i]);
        tsr_free(p);
        void *q = tsr_alloc(sizes[i]);
        assert_ptr_equal(p, q);
        tsr_free(q);
    }
}

static void a_small_request_does_not_take_a_large_block(void **state)
{
    (void)state;
    skip_without_cache();
    void *large = tsr_alloc(8 * MIB);
    tsr_free(large);
    void *p = tsr_alloc(5 * MIB);
    assert_ptr_not_equal(p, large);
    tsr_free(p);
    p = tsr_alloc(7 * MIB + 100); /* wastes less than a quarter */
    assert_ptr_equal(p, large);
    tsr_free(p);
}

static void trim_gives_everything_back(void **state)
{
    (void)state;
    tsr_free(tsr_alloc(100));
    tsr_free(tsr_alloc(10 * MIB));
    tsr_memory_trim();
    assert_int_equal(tsr_memory_get_stats().cached, 0);
}

static void the_cache_stays_within_the_peak_and_a_margin(void **state)
{
    (void)state;
    skip_without_cache();
    tsr_memory_trim();
    tsr_memory_reset_peak();
    for (int i = 1; i <= 60; i++) tsr_free(tsr_alloc((size_t)i * 4 * MIB)); /* 60 different sizes, 7 GiB in all */
    tsr_memory_stats s = tsr_memory_get_stats();
    assert_true(s.cached > 0);
    assert_true(s.cached + s.current <= s.peak + (int64_t)(129 * MIB));
    tsr_memory_trim();
}

static void the_nth_request_fails_once(void **state)
{
    (void)state;
    tsr_alloc_fail_at(3);
    void *a = tsr_alloc(1), *b = tsr_alloc(1);
    assert_false(tsr_alloc_failed());
    assert_null(tsr_alloc(1));
    assert_true(tsr_alloc_failed());
    assert_int_equal(tsr_error_status(), TSR_ENOMEM);
    tsr_error_clear();
    void *c = tsr_alloc(1);
    assert_non_null(c);
    tsr_free(a);
    tsr_free(b);
    tsr_free(c);
    tsr_alloc_fail_at(1);
    tsr_alloc_fail_at(0);
    void *d = tsr_alloc(1);
    assert_non_null(d);
    assert_false(tsr_alloc_failed());
    tsr_free(d);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 20000, SLOTS = 64 };

static _Atomic(unsigned char *) shared[SLOTS];

/* Blocks of random sizes change hands through `shared`: most are freed by another thread than the one that made them. */
static void *exchange_blocks(void *seed)
{
    uint32_t r = (uint32_t)(uintptr_t)seed;
    for (int i = 0; i < ROUNDS; i++) {
        r = r * 1664525u + 1013904223u;
        size_t bytes = r >> 8 & 15 ? r >> 12 & 2047 : r >> 12 & 0x3ffff;
        unsigned char *p = tsr_alloc(bytes + 1);
        if (!p) return NULL;
        p[0] = (unsigned char)(bytes & 255);
        p[bytes] = p[0];
        tsr_free(atomic_exchange_explicit(&shared[r >> 20 & (SLOTS - 1)], p, memory_order_acq_rel));
    }
    return seed;
}

static void threads_may_free_each_others_blocks(void **state)
{
    (void)state;
    tsr_memory_stats before = tsr_memory_get_stats();
    pthread_t thread[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) pthread_create(&thread[i], NULL, exchange_blocks, (void *)(i + 1));
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(thread[i], &result);
        assert_non_null(result);
    }
    for (int i = 0; i < SLOTS; i++) tsr_free(atomic_exchange(&shared[i], NULL));
    tsr_memory_stats after = tsr_memory_get_stats();
    assert_int_equal(after.current, before.current);
    assert_int_equal(after.blocks, before.blocks);
    assert_int_equal(after.allocations, before.allocations + THREADS * ROUNDS);
    tsr_memory_trim();
    assert_int_equal(tsr_memory_get_stats().cached, 0); /* the threads' lists came back when they ended */
}

static void *alloc_one(void *bytes) { return tsr_alloc((size_t)(uintptr_t)bytes); }

static void a_block_outlives_the_thread_that_made_it(void **state)
{
    (void)state;
    int64_t before = tsr_memory_get_stats().current;
    pthread_t thread;
    void *p;
    pthread_create(&thread, NULL, alloc_one, (void *)(uintptr_t)100);
    pthread_join(thread, &p);
    memset(p, 1, 100);
    tsr_free(p);
    assert_int_equal(tsr_memory_get_stats().current, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_aligned_writable_and_distinct_for_every_size),
        cmocka_unit_test(zero_bytes_are_a_valid_pointer_and_null_may_be_freed),
        cmocka_unit_test(zeroed_memory_is_zero_also_when_re_used),
        cmocka_unit_test(a_size_that_overflows_is_no_memory),
        cmocka_unit_test(realloc_keeps_the_contents),
        cmocka_unit_test(a_failed_realloc_leaves_the_block),
        cmocka_unit_test(strdup_of_null_is_null_without_an_error),
        cmocka_unit_test(counters_follow_what_is_handed_out),
        cmocka_unit_test(the_peak_can_be_reset),
        cmocka_unit_test(the_same_size_again_is_the_same_block),
        cmocka_unit_test(a_small_request_does_not_take_a_large_block),
        cmocka_unit_test(trim_gives_everything_back),
        cmocka_unit_test(the_cache_stays_within_the_peak_and_a_margin),
        cmocka_unit_test(the_nth_request_fails_once),
        cmocka_unit_test(threads_may_free_each_others_blocks),
        cmocka_unit_test(a_block_outlives_the_thread_that_made_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
