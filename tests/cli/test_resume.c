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

/* Ended by a kill, a full disk or anything else before the first checkpoint: the folder holds only config.json. */
static void a_run_without_checkpoint_starts_again_from_its_weights(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 2 --seed 7 --n-embed 24 --out r", 0);
    shell_expect(
        "$T train vqgan --init r --data scenes:count=6 --size 16 --batch 2 --steps 3 --no-progress --out whole"
        " && mkdir cut && cp whole/config.json cut && $T train vqgan --resume --no-progress --out cut && " SAME("whole",
                                                                                                                "cut"),
        0);
    shell_expect("rm cut/checkpoints/last.safetensors && $T train vqgan --preset tiny --init r --data scenes:count=6 "
                 "--size 16 --batch 2 --steps 3 --no-progress --out cut --resume && " SAME("whole", "cut"),
                 0);
    shell_expect("rm cut/checkpoints/last.safetensors && $T train vqgan --init whole --resume --out cut", 2);
    shell_expect_text("train.init");
}

/* Once there is a checkpoint the file that the run began with may be gone. */
static void weights_to_start_from_are_not_needed_later(void **state)
{
    (void)state;
    shell_expect(TRAIN "--steps 2 --out r", 0);
    shell_expect(TRAIN "--init r --steps 2 --out s && rm -r r && $T train vqgan --resume --steps 3 --no-progress "
                       "--out s",
                 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_folder_make, temp_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_rate_of_many_digits_resumes_in_f64),
        TEST(a_run_without_checkpoint_starts_again_from_its_weights),
        TEST(weights_to_start_from_are_not_needed_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
