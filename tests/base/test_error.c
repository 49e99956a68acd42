/* Errors: the first one of a thread stays, the text is cut and never allocated, warnings go to their handler. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/util.h"

static void no_error_at_first(void **state)
{
    (void)state;
    assert_int_equal(tsr_error_status(), TSR_OK);
    assert_null(tsr_error_message());
    assert_false(tsr_error_pending());
}

static void the_first_error_stays_until_it_is_cleared(void **state)
{
    (void)state;
    assert_int_equal(tsr_fail(TSR_EINVAL, "add: %d against %d", 2, 3), TSR_EINVAL);
    assert_int_equal(tsr_fail(TSR_EIO, "second"), TSR_EIO);
    assert_int_equal(tsr_error_status(), TSR_EINVAL);
    assert_string_equal(tsr_error_message(), "add: 2 against 3");
    tsr_error_clear();
    assert_null(tsr_error_message());
    tsr_fail(TSR_EIO, "third");
    assert_string_equal(tsr_error_message(), "third");
    tsr_error_clear();
}

static void failing_with_ok_reports_nothing(void **state)
{
    (void)state;
    assert_int_equal(tsr_fail(TSR_OK, "nothing"), TSR_OK);
    assert_null(tsr_error_message());
}

static void a_long_message_is_cut_and_says_so(void **state)
{
    (void)state;
    char text[3000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    tsr_fail(TSR_EINVAL, "%s", text);
    const char *message = tsr_error_message();
    assert_int_equal(strlen(message), 1023);
    assert_string_equal(message + 1020, "...");
    tsr_error_clear();
}

static void reporting_needs_no_memory(void **state)
{
    (void)state;
    int64_t before = tsr_memory_get_stats().allocations;
    tsr_fail(TSR_ENOMEM, "no memory for %d bytes", 5);
    tsr_error_clear();
    assert_int_equal(tsr_memory_get_stats().allocations, before);
}

static void *fail_in_thread(void *unused)
{
    (void)unused;
    intptr_t clean = tsr_error_status() == TSR_OK;
    tsr_fail(TSR_EIO, "of the other thread");
    return (void *)clean;
}

static void each_thread_has_its_own_error(void **state)
{
    (void)state;
    tsr_fail(TSR_EINVAL, "of this thread");
    pthread_t thread;
    void *clean;
    assert_int_equal(pthread_create(&thread, NULL, fail_in_thread, NULL), 0);
    pthread_join(thread, &clean);
    assert_non_null(clean);
    assert_string_equal(tsr_error_message(), "of this thread");
    tsr_error_clear();
}

static tsr_status tried(tsr_status first)
{
    TSR_TRY(first);
    return tsr_fail(TSR_ESTATE, "reached");
}

static void try_passes_a_failure_on_and_success_over(void **state)
{
    (void)state;
    assert_int_equal(tried(TSR_EIO), TSR_EIO);
    assert_false(tsr_error_pending());
    assert_int_equal(tried(TSR_OK), TSR_ESTATE);
    tsr_error_clear();
}

static void collect(const char *message, void *user) { tsr_text_add(user, "[%s]", message); }

static void warnings_go_to_the_handler(void **state)
{
    (void)state;
    tsr_text seen = {0};
    tsr_set_warning_handler(collect, &seen);
    tsr_warn("%d threads", 3);
    tsr_warn("again");
    tsr_set_warning_handler(NULL, NULL);
    tsr_warn("nobody hears this");
    assert_string_equal(tsr_text_get(&seen), "[3 threads][again]");
    assert_false(tsr_error_pending());
    tsr_text_free(&seen);
}

static void a_switch_of_the_environment_is_0_or_1(void **state)
{
    (void)state;
    static const char *const off[] = {"", "0", "off", "false", "true", "2"};
    tsr_text seen = {0};
    tsr_set_warning_handler(collect, &seen);
    unsetenv("TSR_A_SWITCH");
    assert_false(tsr_env_switch("TSR_A_SWITCH"));
    setenv("TSR_A_SWITCH", "1", 1);
    assert_true(tsr_env_switch("TSR_A_SWITCH"));
    for (int64_t i = 0; i < TSR_COUNT(off); i++) {
        if (i == 2) assert_string_equal(tsr_text_get(&seen), "");
        setenv("TSR_A_SWITCH", off[i], 1);
        assert_false(tsr_env_switch("TSR_A_SWITCH"));
    }
    tsr_set_warning_handler(NULL, NULL);
    unsetenv("TSR_A_SWITCH");
    assert_non_null(strstr(tsr_text_get(&seen), "[TSR_A_SWITCH=off is neither 0 nor 1; ignored]"));
    assert_non_null(strstr(tsr_text_get(&seen), "[TSR_A_SWITCH=2 "));
    tsr_text_free(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_error_at_first),
        cmocka_unit_test(the_first_error_stays_until_it_is_cleared),
        cmocka_unit_test(failing_with_ok_reports_nothing),
        cmocka_unit_test(a_long_message_is_cut_and_says_so),
        cmocka_unit_test(reporting_needs_no_memory),
        cmocka_unit_test(each_thread_has_its_own_error),
        cmocka_unit_test(try_passes_a_failure_on_and_success_over),
        cmocka_unit_test(warnings_go_to_the_handler),
        cmocka_unit_test(a_switch_of_the_environment_is_0_or_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
