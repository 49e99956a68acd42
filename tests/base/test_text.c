/* Text that grows, growing arrays, and the map from strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/util.h"

static void empty_text_reads_as_an_empty_string(void **state)
{
    (void)state;
    tsr_text t = {0};
    assert_string_equal(tsr_text_get(&t), "");
    tsr_text_add(&t, "%s", "");
    assert_string_equal(tsr_text_get(&t), "");
    tsr_text_free(&t);
}

static void text_is_appended_formatted_and_grows(void **state)
{
    (void)state;
    tsr_text t = {0};
    for (int i = 0; i < 1000; i++) tsr_text_add(&t, "%03d,", i);
    assert_int_equal(t.length, 4000);
    assert_int_equal(strlen(t.data), 4000);
    assert_memory_equal(t.data, "000,001,002,", 12);
    assert_string_equal(t.data + 3992, "998,999,");
    tsr_text_free(&t);
    assert_null(t.data);
}

static void bytes_may_contain_zeros(void **state)
{
    (void)state;
    tsr_text t = {0};
    tsr_text_add_bytes(&t, "a\0b", 3);
    tsr_text_add_bytes(&t, NULL, 0);
    tsr_text_add_bytes(&t, "c", 1);
    assert_int_equal(t.length, 4);
    assert_memory_equal(t.data, "a\0bc", 5);
    tsr_text_free(&t);
}

static void a_failed_append_is_remembered_and_keeps_what_was_there(void **state)
{
    (void)state;
    tsr_text t = {0};
    tsr_text_add(&t, "kept");
    tsr_alloc_fail_at(1);
    tsr_text_add(&t, "%1000d", 1);
    tsr_alloc_fail_at(0);
    tsr_text_add(&t, "not added");
    assert_true(t.failed);
    assert_string_equal(t.data, "kept");
    assert_int_equal(tsr_error_status(), TSR_ENOMEM);
    tsr_error_clear();
    tsr_text_free(&t);
}

static void an_array_grows_and_keeps_its_items(void **state)
{
    (void)state;
    double *items = NULL;
    int64_t room = 0;
    for (int64_t n = 0; n < 1000; n++) {
        assert_true(tsr_grow(&items, n, &room, sizeof *items));
        assert_true(room > n);
        items[n] = (double)n;
    }
    for (int n = 0; n < 1000; n++) assert_true(items[n] == n);
    assert_false(tsr_grow(&items, INT64_MAX / 4, &room, sizeof *items));
    assert_int_equal(tsr_error_status(), TSR_ENOMEM);
    tsr_error_clear();
    tsr_free(items);
}

static void an_array_that_cannot_grow_is_unchanged(void **state)
{
    (void)state;
    int *items = NULL;
    int64_t room = 0;
    assert_true(tsr_grow(&items, 0, &room, sizeof *items));
    int *was = items;
    int64_t room_was = room;
    tsr_alloc_fail_at(1);
    assert_false(tsr_grow(&items, room, &room, sizeof *items));
    assert_ptr_equal(items, was);
    assert_int_equal(room, room_was);
    tsr_error_clear();
    tsr_free(items);
}

/* ---- map ---- */

static void an_empty_map_holds_nothing(void **state)
{
    (void)state;
    tsr_map m = {0};
    assert_null(tsr_map_get(&m, "a"));
    tsr_map_free(&m);
}

static void many_keys_are_found_with_their_values(void **state)
{
    (void)state;
    enum { N = 5000 };
    static int values[N];
    tsr_map m = {0};
    char key[32];
    for (int i = 0; i < N; i++) {
        snprintf(key, sizeof key, "layer.%d.weight", i);
        assert_true(tsr_map_put(&m, key, &values[i])); /* the key is copied: the buffer changes */
    }
    assert_int_equal(m.count, N);
    for (int i = 0; i < N; i++) {
        snprintf(key, sizeof key, "layer.%d.weight", i);
        assert_ptr_equal(tsr_map_get(&m, key), &values[i]);
    }
    assert_null(tsr_map_get(&m, "layer.5000.weight"));
    assert_null(tsr_map_get(&m, ""));
    tsr_map_free(&m);
}

static void putting_a_key_again_replaces_its_value(void **state)
{
    (void)state;
    int a, b;
    tsr_map m = {0};
    assert_true(tsr_map_put(&m, "", &a));
    assert_true(tsr_map_put(&m, "", &b));
    assert_ptr_equal(tsr_map_get(&m, ""), &b);
    assert_int_equal(m.count, 1);
    tsr_map_free(&m);
}

static void a_map_survives_every_failed_allocation(void **state)
{
    (void)state;
    int64_t before = tsr_memory_get_stats().blocks;
    for (int64_t nth = 1;; nth++) {
        tsr_map m = {0};
        char key[2] = "a";
        int64_t put = 0;
        tsr_alloc_fail_at(nth);
        for (; key[0] <= 'z' && tsr_map_put(&m, key, key); key[0]++) put++;
        bool failed = tsr_alloc_failed();
        tsr_alloc_fail_at(0);
        assert_int_equal(m.count, put);
        if (put > 0) assert_non_null(tsr_map_get(&m, "a"));
        assert_true(!failed || tsr_error_status() == TSR_ENOMEM);
        tsr_error_clear();
        tsr_map_free(&m);
        assert_int_equal(tsr_memory_get_stats().blocks, before);
        if (!failed) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_text_reads_as_an_empty_string),
        cmocka_unit_test(text_is_appended_formatted_and_grows),
        cmocka_unit_test(bytes_may_contain_zeros),
        cmocka_unit_test(a_failed_append_is_remembered_and_keeps_what_was_there),
        cmocka_unit_test(an_array_grows_and_keeps_its_items),
        cmocka_unit_test(an_array_that_cannot_grow_is_unchanged),
        cmocka_unit_test(an_empty_map_holds_nothing),
        cmocka_unit_test(many_keys_are_found_with_their_values),
        cmocka_unit_test(putting_a_key_again_replaces_its_value),
        cmocka_unit_test(a_map_survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
