/* test_resume.c: runs that stop and go on, pinned to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/tiny_run.h"
#include "support/shell.h"
#include "support/temp_folder.h"

#define SAME(a, b) "cmp " a "/checkpoints/last.safetensors " b "/checkpoints/last.safetensors"

/* 1/3000 has no short decimal form: the stored configuration must hold the same double. */
static void a_rate_of_many_digits_resumes_in_f64(void **state)
{
    (void)state;
#define MANY_DIGITS TRAIN "--dtype f64 --lr 0.0003333333333333333 "
    shell_expect(MANY_DIGITS "--steps 4 --out whole && " MANY_DIGITS "--steps 2 --out r", 0);
    shell_expect(MANY_DIGITS "--steps 4 --out r --resume && " SAME("whole", "r"), 0);
    shell_expect("$T train vqgan --config whole/config.json --no-progress --out again && " SAME("whole", "again"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_folder_make, temp_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_rate_of_many_digits_resumes_in_f64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
