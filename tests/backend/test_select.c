/* test_select.c: choosing the kernels. */
#include "backend/kernels.h"

static void the_reference_can_be_chosen_and_left_again(void **state)
{
    (void)state;
    assert_int_equal(tsr_set_isa("reference"), TSR_OK);
    assert_string_equal(tsr_isa(), "reference");
    assert_int_equal(tsr_set_isa(NULL), TSR_OK);
    assert_string_not_equal(tsr_isa(), "reference");
}

static void an_unknown_name_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(tsr_set_isa("baseline"), TSR_OK);
    assert_int_equal(tsr_set_isa("avx9"), TSR_EINVAL);
    assert_non_null(strstr(tsr_error_message(), "avx9"));
    tsr_error_clear();
    assert_string_equal(tsr_isa(), "baseline");
}

static void every_table_is_complete(void **state)
{
    (void)state;
    static const char *const names[] = {"reference", "baseline", "avx2", "avx512"};
    for (int i = 0; i < TSR_COUNT(names); i++) {
        if (backend_select(names[i]) != TSR_OK) { /* not on this machine */
            tsr_error_clear();
            continue;
        }
        const backend *b = backend_of(TSR_CPU);
        const char *const *entry = (const char *const *)b; /* a table of pointers throughout */
        for (size_t k = 0; k < sizeof *b / sizeof *entry; k++) assert_non_null(entry[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_can_be_chosen_and_left_again),
        cmocka_unit_test(an_unknown_name_is_refused_and_changes_nothing),
        cmocka_unit_test(every_table_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
