/* Philox against its authors' known answers, and generators: states repeat, threads have their own. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/philox.h"
#include "base/util.h"

/* Philox 4x32-10 straight from the paper, for any counter and key; it is held against all three known answers of
   Random123's kat_vectors, and the library's (whose upper counter words are 0) against it. */
static void reference_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t k[2] = {key[0], key[1]};
    for (int i = 0; i < 4; i++) out[i] = counter[i];
    for (int round = 0; round < 10; round++) {
        uint64_t a = UINT64_C(0xD2511F53) * out[0], b = UINT64_C(0xCD9E8D57) * out[2];
        uint32_t next[4] = {(uint32_t)(b >> 32) ^ out[1] ^ k[0], (uint32_t)b, (uint32_t)(a >> 32) ^ out[3] ^ k[1],
                            (uint32_t)a};
        for (int i = 0; i < 4; i++) out[i] = next[i];
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
}

static void the_known_answers_of_random123(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], answer[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (int64_t i = 0; i < TSR_COUNT(known); i++) {
        uint32_t out[4];
        reference_philox(known[i].counter, known[i].key, out);
        assert_memory_equal(out, known[i].answer, sizeof out);
    }
    tsr_philox_block zero = tsr_philox(0, 0);
    assert_memory_equal(zero.v, known[0].answer, sizeof zero.v);
}

static void blocks_of_any_seed_and_index_agree_with_the_paper(void **state)
{
    (void)state;
    static const uint64_t seeds[] = {0, 1, UINT64_C(0x299f31d0a4093822), UINT64_MAX};
    static const uint64_t indices[] = {0, 1, UINT64_C(0x100000000), UINT64_C(0x85a308d3243f6a88), UINT64_MAX};
    for (int64_t s = 0; s < TSR_COUNT(seeds); s++) {
        for (int64_t i = 0; i < TSR_COUNT(indices); i++) {
            uint32_t counter[4] = {(uint32_t)indices[i], (uint32_t)(indices[i] >> 32), 0, 0}, out[4];
            uint32_t key[2] = {(uint32_t)seeds[s], (uint32_t)(seeds[s] >> 32)};
            reference_philox(counter, key, out);
            tsr_philox_block b = tsr_philox(seeds[s], indices[i]);
            assert_memory_equal(b.v, out, sizeof out);
        }
    }
}

static void unit_numbers_lie_in_the_half_open_interval(void **state)
{
    (void)state;
    assert_true(tsr_unit_f32(0) == 0.0f);
    assert_true(tsr_unit_f32(UINT32_MAX) == 1.0f - 0x1p-24f);
    assert_true(tsr_unit_f64(0, 0) == 0.0);
    assert_true(tsr_unit_f64(UINT32_MAX, UINT32_MAX) == 1.0 - 0x1p-53);
}

static void a_restored_state_repeats_the_numbers(void **state)
{
    (void)state;
    tsr_generator *g = tsr_generator_new(42);
    tsr_random_u64(g);
    tsr_rng_state at = tsr_generator_get_state(g);
    assert_int_equal(at.seed, 42);
    assert_int_equal(at.offset, 1);
    uint64_t first[5];
    for (int i = 0; i < 5; i++) first[i] = tsr_random_u64(g);
    tsr_generator *h = tsr_generator_new(0);
    tsr_generator_set_state(h, at);
    for (int i = 0; i < 5; i++) assert_true(tsr_random_u64(h) == first[i]);
    tsr_generator_free(g);
    tsr_generator_free(h);
}

static void taking_blocks_moves_the_state_by_as_many(void **state)
{
    (void)state;
    tsr_generator *g = tsr_generator_new(7);
    assert_int_equal(tsr_generator_take(g, 10).offset, 0);
    assert_int_equal(tsr_generator_take(g, 0).offset, 10);
    assert_int_equal(tsr_generator_get_state(g).offset, 10);
    tsr_generator_free(g);
}

static void manual_seed_restarts_the_default_generator(void **state)
{
    (void)state;
    tsr_manual_seed(3);
    double a = tsr_random_uniform(NULL), b = tsr_random_uniform(tsr_default_generator());
    assert_true(a >= 0 && a < 1 && b >= 0 && b < 1 && a != b);
    tsr_manual_seed(3);
    assert_true(tsr_random_uniform(NULL) == a);
    tsr_generator_free(tsr_default_generator()); /* borrowed: freeing it by mistake does no harm */
    assert_true(tsr_random_uniform(NULL) == b);
}

static void *seed_of_new_thread(void *out)
{
    *(tsr_rng_state *)out = tsr_generator_get_state(NULL);
    return NULL;
}

static void each_thread_has_a_default_generator_with_seed_zero(void **state)
{
    (void)state;
    tsr_manual_seed(9);
    tsr_rng_state other = {1, 1};
    pthread_t thread;
    pthread_create(&thread, NULL, seed_of_new_thread, &other);
    pthread_join(thread, NULL);
    assert_int_equal(other.seed, 0);
    assert_int_equal(other.offset, 0);
    assert_int_equal(tsr_generator_get_state(NULL).seed, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_known_answers_of_random123),
        cmocka_unit_test(blocks_of_any_seed_and_index_agree_with_the_paper),
        cmocka_unit_test(unit_numbers_lie_in_the_half_open_interval),
        cmocka_unit_test(a_restored_state_repeats_the_numbers),
        cmocka_unit_test(taking_blocks_moves_the_state_by_as_many),
        cmocka_unit_test(manual_seed_restarts_the_default_generator),
        cmocka_unit_test(each_thread_has_a_default_generator_with_seed_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
